//! `cloudlet serve`.

use std::process::ExitCode;

use anyhow::bail;
use archive::Behind;
use sandbox::Obstacle;

use crate::cli::{IamMode, Serve};
use crate::network;
use crate::output;
use crate::server::{Options, Server, isolation};
use crate::signals::Signals;

pub async fn run(options: Serve) -> anyhow::Result<ExitCode> {
    let obstacle = isolation().await?.obstacle;
    if let (Some(Obstacle { reason, remedy }), false) = (&obstacle, options.allow_unisolated_functions) {
        bail!(
            "functions cannot be isolated on this host, so their processes could read the server's data: {reason}. \
             {remedy} If you trust all code that will be deployed here, start with --allow-unisolated-functions"
        );
    }
    let network = network::Options::new(options.network, &options.data)?;
    let server = Server::start(Options {
        network,
        data: options.data,
        master_key_file: options.master_key_file,
        archive: options.archive,
        archive_keep: options.archive_keep,
        listen: options.listen,
        region: options.region,
        account: options.account,
        test_credentials: false,
        isolate: obstacle.is_none(),
        throttle: options.throttle,
        loopback_ports: options.allow_loopback,
        legacy_buckets: options.legacy_buckets,
        prebooted: options.prebooted,
        smtp: options.smtp,
        mail_from: options.mail_from,
        public_url: options.public_url,
        iam: options.iam.into(),
    })
    .await?;
    let mut signals = Signals::take()?;
    let data = server.data().display().to_string();
    output::line(format_args!("Cloudlet is ready at {}", server.endpoint));
    if let Some(secure) = &server.secure_endpoint {
        output::line(format_args!("HTTPS is spoken at {secure}"));
    }
    if obstacle.is_some() {
        output::line("Functions are not isolated: they can read the server's data. `cloudlet doctor` tells more.");
    }
    if options.iam == IamMode::Audit {
        output::line(
            "Policies are only looked at (--iam audit): what they deny goes through. `cloudlet iam denied` shows it.",
        );
    }
    output::line(format_args!("To use it from a shell: eval \"$(cloudlet env --data {data})\""));
    signals.told_to_stop().await;
    output::line("Stopping: running requests finish first. Press Ctrl-C again to end at once.");
    tokio::select! {
        behind = server.stop() => {
            behind.iter().for_each(tell_behind);
            Ok(ExitCode::SUCCESS)
        }
        () = signals.told_to_stop() => bail!("stopped at once. Nothing that was acknowledged is lost; what ran is repeated or retried"),
    }
}

/// Tells what the archive lacks of a server that has ended.
fn tell_behind(behind: &Behind) {
    let what = match behind.batches {
        Some(batches) => format!("the last {batches} commits"),
        None => "what was committed last".into(),
    };
    let until = behind.until.map(|until| format!(", made since {}", until.iso8601())).unwrap_or_default();
    let why = behind.failure.as_deref().unwrap_or("there was no time for it");
    output::note(format_args!("warning: the archive lacks {what}{until}: {why}"));
    output::note("They are in the data folder: the next start with --archive goes on with them.");
}
