//! The command line, as `cloudlet --help` tells it.

mod iam;
mod migrate;
mod network;

use std::net::SocketAddr;
use std::path::PathBuf;

use base::Timestamp;
use clap::{Args, Parser, Subcommand};

pub use iam::{Denied, Iam, IamMode, PolicyFormat, Suggest};
pub use migrate::{ChosenRoutes, Migrate, MigrateBack, MigrateShadow, MigrateShift, MigrateStatus};
pub use network::{Challenge, LocalTls, NetworkOptions};

/// A whole serverless cloud in one binary, on a machine you own.
///
/// Brings up functions, tables, queues and APIs that unchanged AWS code talks to. `cloudlet dev` runs a project while
/// you work on it; `cloudlet serve` is the same cloud as a server.
#[derive(Parser, Debug)]
#[command(version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    Dev(Dev),
    Serve(Box<Serve>),
    Deploy(Deploy),
    Invoke(Invoke),
    Mail(Mail),
    Logs(Logs),
    Rollback(Rollback),
    Status(Status),
    Events(Events),
    #[command(subcommand)]
    Iam(Iam),
    #[command(subcommand)]
    Migrate(Migrate),
    Remove(Remove),
    Env(Env),
    Operations(Operations),
    Doctor(Doctor),
    Backup(Backup),
    Restore(Restore),
    #[command(subcommand)]
    Archive(Archive),
    #[command(subcommand)]
    Keys(Keys),
    Repair(Repair),
    Scrub(Scrub),
    /// Makes images for the server that starts it.
    #[command(hide = true)]
    ImageWorker,
}

/// How that one is called.
pub const IMAGE_WORKER: &str = "image-worker";

/// Runs a project while you work on it.
///
/// Starts a cloud on this machine, deploys the serverless.yml in DIR, prints its URLs, follows its logs, and deploys
/// again whenever a file is saved. Everything is kept in DIR/.cloudlet. Any caller on this machine may use the
/// credentials test/test.
#[derive(Args, Debug)]
pub struct Dev {
    /// The folder with serverless.yml.
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Where to listen: only addresses of this machine itself. Port 0 takes any free port.
    #[arg(long, default_value = "127.0.0.1:4566")]
    pub listen: SocketAddr,
    /// Where to keep the cloud's data [default: DIR/.cloudlet].
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Lets functions reach this port of the machine's loopback addresses too, such as a database's; may be repeated.
    /// Without it they reach this cloud there, and what they serve themselves.
    #[arg(long, value_name = "PORT")]
    pub allow_loopback: Vec<u16>,
    /// Limits the throughput of tables as DynamoDB does: to what is provisioned for them and their indexes, with a burst of
    /// what was not used for five minutes, and to 3,000 read and 1,000 write units a second for each partition key; and that of
    /// the shards of streams as Kinesis does. So that hot keys and tight provisioning are found here first. An event bus
    /// holds 300 rules then, as many as AWS lets it have without being asked.
    #[arg(long)]
    pub throttle: bool,
    /// Debugs this function, named as in serverless.yml: with the Node inspector on port 9229, or debugpy on port 5678, or
    /// on PORT; 0 takes any free port. How to attach is printed once it listens.
    ///
    /// It listens on this machine's loopback address, before the function's code is loaded, and again after each save. The
    /// function has one instance then, no timeout, and 256 MB more; further calls wait for it. A call through an API is
    /// answered with 503 or 504 when it has taken too long for that, and goes on.
    #[arg(long, value_name = "FUNCTION[:PORT]", value_parser = inspect)]
    pub inspect: Option<Inspect>,
    /// Whether policies decide: see `cloudlet serve --help`.
    #[arg(long, value_name = "MODE", value_enum, default_value_t)]
    pub iam: IamMode,
    #[command(flatten)]
    pub tls: LocalTls,
    #[command(flatten)]
    pub project: ProjectOptions,
}

/// A function to debug, and the port to do it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspect {
    pub function: String,
    pub port: Option<u16>,
}

/// Runs the server.
///
/// The first start makes root credentials and writes them to DIR/root-credentials, readable by its owner only; set
/// CLOUDLET_ROOT_ACCESS_KEY_ID and CLOUDLET_ROOT_SECRET_ACCESS_KEY to choose your own. Ctrl-C or SIGTERM ends it in
/// good order: running requests finish.
#[derive(Args, Debug)]
pub struct Serve {
    /// Where to keep everything. Made if it is not there.
    #[arg(long)]
    pub data: PathBuf,
    /// Where to listen. Port 0 takes any free port.
    #[arg(long, default_value = "127.0.0.1:4566")]
    pub listen: SocketAddr,
    /// Keeps the master key in this file rather than in DIR/master-key; made if it is not there. Secrets and keys in DIR are
    /// sealed with it. Backups and archives of DIR have DIR/master-key in them, and so can be read by whoever has them; a file
    /// that is elsewhere they do not have, and it is needed to use them. CLOUDLET_MASTER_KEY gives the key itself instead:
    /// 32 bytes in base64.
    #[arg(long, value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,
    /// Copies every commit to this folder (best on another disk) or bucket (s3://BUCKET/PREFIX), a second or so behind, so
    /// that `cloudlet restore` can bring back any moment. How far behind, `cloudlet status` tells. How a bucket is reached,
    /// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL_S3 and AWS_CA_BUNDLE say; each may
    /// be given as CLOUDLET_ARCHIVE_… instead of AWS_…. A copy of another server's data folder needs a place of its own.
    #[arg(long, value_name = "PLACE")]
    pub archive: Option<String>,
    /// Removes from the archive what only moments longer ago need: 12h, 30d. Without it, the archive keeps everything. The
    /// first moment that can be brought back, `cloudlet status` tells.
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "archive")]
    pub archive_keep: Option<std::time::Duration>,
    /// The region that resources are in when a request does not name one.
    #[arg(long, default_value = "us-east-1", env = "CLOUDLET_REGION")]
    pub region: String,
    /// The account's twelve digits.
    #[arg(long, default_value = "000000000000", env = "CLOUDLET_ACCOUNT", value_parser = account)]
    pub account: String,
    /// Starts even where this host cannot isolate functions (`cloudlet doctor` tells why): they could read the
    /// server's data then. Deploy only code that you trust.
    #[arg(long)]
    pub allow_unisolated_functions: bool,
    /// Lets functions reach this port of the machine's loopback addresses too, such as a database's; may be repeated.
    /// Without it they reach this cloud there, and what they serve themselves.
    #[arg(long, value_name = "PORT")]
    pub allow_loopback: Vec<u16>,
    /// Makes buckets of S3 with access control lists and without blocks of public access, where requests do not say, as AWS did before
    /// April 2023: for applications and tests of that time. Buckets that are there stay as they are.
    #[arg(long)]
    pub legacy_buckets: bool,
    /// Limits the throughput of tables as DynamoDB does: to what is provisioned for them and their indexes, with a burst of
    /// what was not used for five minutes, and to 3,000 read and 1,000 write units a second for each partition key; and that of
    /// the shards of streams as Kinesis does. So that hot keys and tight provisioning are found here first. An event bus
    /// holds 300 rules then, as many as AWS lets it have without being asked.
    #[arg(long)]
    pub throttle: bool,
    /// Sends mail (of topics' subscribers) through this relay: smtp://HOST:25, smtps://USER:PASSWORD@HOST, or
    /// smtp://USER:PASSWORD@HOST:587?tls=required. Without it, mail stays in a mailbox, which `cloudlet mail` shows.
    #[arg(long, value_name = "URL", env = "CLOUDLET_SMTP", hide_env_values = true)]
    pub smtp: Option<String>,
    /// The address that mail is from where its sender has none of its own.
    #[arg(long, value_name = "ADDRESS", default_value = MAIL_FROM)]
    pub mail_from: String,
    /// The URL under which others reach this server: of links in mail and in messages to HTTP endpoints [default: the address
    /// it listens on].
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Processes that are started before a function needs them: so many for each version of Node that functions use, of some
    /// 40 MB each until they are used, and twice as many, of 0.1 MB, for functions that are programs (`provided`). With 0 none
    /// wait, and every instance is started when it is needed, and so later. Python's instances are forked all the same.
    #[arg(long, value_name = "COUNT", default_value_t = runtime::limits::PREBOOTED)]
    pub prebooted: usize,
    /// With `audit`, a call that policies deny goes through, and is told: in the log, in metrics, and by `cloudlet iam denied`.
    /// For the day on which an application that ran without policies gets some. Who calls is proven all the same: signatures are
    /// verified, and what is not signed is let in nowhere. Whom only an identity provider vouches for is refused as ever.
    #[arg(long, value_name = "MODE", value_enum, default_value_t)]
    pub iam: IamMode,
    #[command(flatten)]
    pub network: NetworkOptions,
}

/// The sender of mail, unless the configuration says otherwise.
pub const MAIL_FROM: &str = "no-reply@localhost";

/// Shows the mail that stayed in the server's mailbox, because it has no relay (`cloudlet serve --smtp`).
#[derive(Args, Debug)]
pub struct Mail {
    #[command(subcommand)]
    pub command: Option<MailCommand>,
    /// As JSON, for programs.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Subcommand, Debug)]
pub enum MailCommand {
    /// Lists the newest mails [default].
    List,
    /// Shows one.
    Show {
        /// Its id, as the list has it.
        id: String,
    },
}

/// Deploys a project to a running server.
///
/// Sends only what changed. A deployment that fails is rolled back.
///
/// With --canary, each changed function gets a new version that has a share of the traffic at first: of its API, its
/// queues and its URL, which call the function's alias `live` from the first --canary on. While it fails no more often
/// than the version before, until --for is over, it then gets all of the traffic; else, or on Ctrl-C, none, and the
/// command exits with status 1. Whoever invokes the function by its bare name runs the new code at once.
#[derive(Args, Debug)]
pub struct Deploy {
    /// The folder with serverless.yml.
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Gives new versions this share of the traffic at first, such as 10%.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub canary: Option<f64>,
    /// How long they are watched: 30s, 10m, 2h, 1d.
    #[arg(long = "for", value_name = "TIME", default_value = "5m", value_parser = duration, requires = "canary")]
    pub watch: std::time::Duration,
    /// Not built yet: an alarm that rolls back too.
    #[arg(long, value_name = "NAME", requires = "canary")]
    pub alarm: Option<String>,
    /// Prints the result as JSON, for programs.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub project: ProjectOptions,
    #[command(flatten)]
    pub connection: Connection,
}

/// Gives a function's traffic back to the version before.
///
/// For functions that were deployed with --canary at least once: it turns their alias `live`, which their API, queues
/// and URL call. Nothing else of the deployment is taken back. A canary that was cut off is ended by it.
#[derive(Args, Debug)]
pub struct Rollback {
    /// The function's name.
    pub function: String,
    /// The version to turn to [default: the one before the current one].
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u64).range(1..))]
    pub to: Option<u64>,
    #[command(flatten)]
    pub connection: Connection,
}

/// Removes a deployed project and everything it made, data included.
#[derive(Args, Debug)]
pub struct Remove {
    /// The folder with serverless.yml.
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    #[command(flatten)]
    pub project: ProjectOptions,
    #[command(flatten)]
    pub connection: Connection,
}

/// Calls a function and prints its answer.
///
/// Exits with status 1 when the function fails; its error is printed as the answer, its log tail on standard error.
#[derive(Args, Debug)]
pub struct Invoke {
    /// Its name or ARN, with an optional :version or :alias.
    pub function: String,
    /// The event as JSON, or @FILE to read it from a file (@- for standard input).
    #[arg(long, short, default_value = "{}")]
    pub payload: String,
    /// Does not wait for the answer.
    #[arg(long = "async")]
    pub asynchronous: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// Prints what a function has logged.
#[derive(Args, Debug)]
pub struct Logs {
    /// The function's name, or a log group's (which begins with a slash).
    pub function: String,
    /// Goes on with what is logged from now on, until Ctrl-C.
    #[arg(long, short)]
    pub follow: bool,
    /// How far back to begin: 30s, 10m, 2h, 1d.
    #[arg(long, default_value = "10m", value_parser = duration)]
    pub since: std::time::Duration,
    /// Only lines that match a CloudWatch filter pattern, such as ERROR or { $.level = "error" }.
    #[arg(long)]
    pub filter: Option<String>,
    #[command(flatten)]
    pub connection: Connection,
}

/// Shows what runs on a server: stacks, functions and their instances.
#[derive(Args, Debug)]
pub struct Status {
    /// As JSON, for programs.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// Shows what is on its way between services: what waits, for whom, since when and why, and what is in dead-letter queues.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Events {
    #[command(subcommand)]
    pub command: Option<EventsCommand>,
    /// As JSON, for programs.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Subcommand, Debug)]
pub enum EventsCommand {
    Redrive(Redrive),
}

/// Sends again what failed.
///
/// Deliveries that wait for a target are tried at once. Dead letters go where they were meant to: messages that were received
/// too often back into their queue, the events of topics, rules and functions to whom they were for, by the rules of their
/// sender.
#[derive(Args, Debug)]
pub struct Redrive {
    /// The target or the dead-letter queue: its ARN, or its name as `cloudlet events` shows it.
    #[arg(value_name = "TARGET|QUEUE")]
    pub resource: String,
    /// As JSON, for programs.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// Prints the environment that points any AWS tool at the server: eval "$(cloudlet env)".
#[derive(Args, Debug)]
pub struct Env {
    #[command(flatten)]
    pub connection: Connection,
}

/// Lists the AWS operations that this version has.
#[derive(Args, Debug)]
pub struct Operations {
    /// Only this service's.
    pub service: Option<String>,
    /// As JSON, for programs.
    #[arg(long)]
    pub json: bool,
}

/// Tells what this host can isolate functions from, what not, and how to change that.
///
/// Exits with status 1 when functions cannot be isolated.
#[derive(Args, Debug)]
pub struct Doctor {
    /// As JSON, for programs.
    #[arg(long)]
    pub json: bool,
}

/// Writes everything a server keeps to a file, while it runs.
///
/// The file is of one moment, and complete: tables, queues, code, credentials. Keep it as you would keep those. Code that is
/// damaged on the server's disk is left out and told, with what needs it; the exit status is 3 then.
#[derive(Args, Debug)]
pub struct Backup {
    /// The file to write, or the object (s3://BUCKET/NAME). What is there is replaced once the new one is complete. How a
    /// bucket is reached, `cloudlet serve --help` tells, at --archive: where AWS_… are set for the server, take
    /// CLOUDLET_ARCHIVE_… for the bucket.
    pub file: String,
    #[command(flatten)]
    pub connection: Connection,
}

/// Makes a data folder from a backup, or from any moment of an archive.
///
/// Start a server on it afterwards: cloudlet serve --data DIR. The folder is there when all is in it; until then it is called
/// DIR.unfinished, and a restore that was interrupted can be run again. Where code is missing or damaged in the copy, everything else is
/// brought back, what is lost is told with what needs it, and the exit status is 3.
#[derive(Args, Debug)]
pub struct Restore {
    /// The backup: a file, or an object (s3://BUCKET/NAME).
    #[arg(required_unless_present = "archive", conflicts_with = "archive")]
    pub file: Option<String>,
    /// The archive that a server was started with (`cloudlet serve --archive`), a folder or a bucket (s3://BUCKET/PREFIX).
    #[arg(long, value_name = "PLACE")]
    pub archive: Option<String>,
    /// The moment to bring back, such as 2026-11-23T10:15:00Z [default: the last one].
    #[arg(long, requires = "archive", value_parser = moment)]
    pub at: Option<Timestamp>,
    /// The history to bring back, where several stores were archived to the place at that moment: the name of a folder in it.
    #[arg(long, requires = "archive")]
    pub history: Option<String>,
    /// The folder to make.
    #[arg(long)]
    pub data: PathBuf,
}

/// Looks after archives.
#[derive(Subcommand, Debug)]
pub enum Archive {
    Prune(Prune),
}

/// Removes from an archive what only moments longer ago need.
///
/// Every moment since then can still be brought back, and the last one of each store. A server with --archive-keep does this
/// by itself; do not run it beside one.
#[derive(Args, Debug)]
pub struct Prune {
    /// The archive: a folder, or a bucket (s3://BUCKET/PREFIX).
    pub archive: String,
    /// How far back moments are wanted: 12h, 30d.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub keep: std::time::Duration,
}

/// Looks after the key that everything secret in a data folder is sealed with.
#[derive(Subcommand, Debug)]
pub enum Keys {
    Rotate(Rotate),
}

/// Changes the master key.
///
/// Secrets and key material are sealed with keys in the store, and those with the master key: they are sealed again with a new
/// one, and what is written later gets a new key below it. The old master key opens nothing then but copies made before.
#[derive(Args, Debug)]
pub struct Rotate {
    /// The folder, with no server running on it.
    #[arg(long)]
    pub data: PathBuf,
    /// The file that the master key is in, where that is not DIR/master-key.
    #[arg(long, value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,
}

/// Looks whether a data folder can be opened, and mends it where that is possible.
///
/// Only a damaged disk makes this necessary: no crash does. It says what would be lost, and changes nothing without
/// --accept-loss. A backup or an archive may have more than what is left.
#[derive(Args, Debug)]
pub struct Repair {
    /// The folder, with no server running on it.
    #[arg(long)]
    pub data: PathBuf,
    /// Gives up what cannot be read, and everything that was committed after it.
    #[arg(long)]
    pub accept_loss: bool,
}

/// Reads all that a server keeps of objects, while it runs, and tells what is damaged.
///
/// Every file is compared with what was written, and every object with its file: bucket, key and version of what is damaged
/// are told, and the exit status is 1 then. Files that belong to no object are told, too; what is being written now is none of
/// them.
#[derive(Args, Debug)]
pub struct Scrub {
    /// Reads at most so many MiB a second, so that the disk has time for others.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..))]
    pub rate: u64,
    /// Removes files that belong to no object.
    #[arg(long)]
    pub collect: bool,
    /// As JSON, for programs.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// How to read a project.
#[derive(Args, Debug, Clone)]
pub struct ProjectOptions {
    /// The stage: ${opt:stage} and ${sls:stage} [default: provider.stage, or dev].
    #[arg(long, short)]
    pub stage: Option<String>,
    /// A value for ${param:NAME}; may be repeated.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub params: Vec<(String, String)>,
}

/// Which server to talk to, and as whom.
#[derive(Args, Debug, Clone)]
pub struct Connection {
    /// The server [default: the one that runs in this folder or above it, or http://127.0.0.1:4566].
    #[arg(long, env = "AWS_ENDPOINT_URL")]
    pub endpoint: Option<String>,
    /// Uses the root credentials and the address kept in a server's data folder.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// The region [default: the project's own when deploying, or AWS_REGION, or us-east-1].
    #[arg(long)]
    pub region: Option<String>,
}

fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.into())
    } else {
        Err("an account is twelve digits".into())
    }
}

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_iso8601(text).ok_or_else(|| "a moment such as 2026-11-23T10:15:00Z is expected".into())
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("NAME=VALUE is expected".into()),
    }
}

/// Above 0 and below 1.
fn share(text: &str) -> Result<f64, String> {
    let expected = "a share above 0% and below 100% is expected, such as 10%";
    let percent: f64 = text.strip_suffix('%').unwrap_or(text).parse().map_err(|_| expected)?;
    if percent > 0.0 && percent < 100.0 { Ok(percent / 100.0) } else { Err(expected.into()) }
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    let expected = "a whole number with s, m, h or d is expected, such as 10m";
    let unit = text.chars().last().ok_or(expected)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(expected.into()),
    };
    let number: u64 = text.strip_suffix(unit).unwrap_or_default().parse().map_err(|_| expected)?;
    Ok(std::time::Duration::from_secs(number.saturating_mul(seconds)))
}

/// `FUNCTION` or `FUNCTION:PORT`.
fn inspect(text: &str) -> Result<Inspect, String> {
    let (function, port) = match text.split_once(':') {
        None => (text, None),
        Some((function, port)) => (function, Some(port.parse().map_err(|_| format!("{port} is not a port"))?)),
    };
    if function.is_empty() {
        return Err("a function is missing".into());
    }
    Ok(Inspect { function: function.into(), port })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn values_are_checked() {
        assert_eq!(duration("2h").unwrap().as_secs(), 7_200);
        assert!(duration("h").is_err() && duration("").is_err() && duration("5").is_err() && duration("5µ").is_err());
        assert_eq!((share("10%"), share("0.5")), (Ok(0.1), Ok(0.005)));
        assert!(share("0%").is_err() && share("100%").is_err() && share("nan").is_err() && share("%").is_err());
        let expected = Inspect { function: "f".into(), port: Some(0) };
        assert_eq!((inspect("f:0"), inspect("f").map(|f| f.port)), (Ok(expected), Ok(None)));
        assert!(inspect(":1").is_err() && inspect("f:x").is_err() && inspect("f:70000").is_err());
        assert!(account("12345678901").is_err() && name_and_value("=x").is_err());
    }
}
