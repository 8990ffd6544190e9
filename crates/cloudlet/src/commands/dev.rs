//! `cloudlet dev`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use base::Env;
use deploy::{Endpoint, Outcome};

use super::inspect::Inspection;
use super::logs::Follower;
use crate::cache_folder;
use crate::cli::{Dev, MAIL_FROM};
use crate::client::{self, Client, PROJECT_DATA, Refusal, test_credentials};
use crate::network::{self, Https};
use crate::output;
use crate::project::watch::Watcher;
use crate::project::{Deployer, Reporter, folder, print_outcome, runtimes};
use crate::server::{Options, Server, isolation};
use crate::signals::Signals;

const LOG_INTERVAL: Duration = Duration::from_millis(250);

pub async fn run(options: Dev) -> anyhow::Result<ExitCode> {
    for listen in [options.listen, options.tls.tls_listen] {
        if !listen.ip().is_loopback() {
            bail!(
                "{listen} is not an address of this machine alone. `dev` lets anybody in with test/test: for others, use `cloudlet serve`"
            );
        }
    }
    let https = match options.tls.tls {
        true => Some(Https {
            listen: options.tls.tls_listen,
            redirect: None,
            files: Vec::new(),
            acme: None,
            authority: Some(cache_folder()?.join("authority")),
        }),
        false => None,
    };
    let folder = folder(&options.dir)?;
    let isolate = isolation().await?.obstacle.is_none();
    let server = Server::start(Options {
        data: options.data.clone().unwrap_or_else(|| folder.join(PROJECT_DATA)),
        master_key_file: None,
        listen: options.listen,
        region: "us-east-1".into(),
        account: "000000000000".into(),
        test_credentials: true,
        archive: None,
        archive_keep: None,
        isolate,
        throttle: options.throttle,
        loopback_ports: options.allow_loopback.clone(),
        legacy_buckets: false,
        prebooted: runtime::limits::PREBOOTED,
        smtp: None,
        mail_from: MAIL_FROM.into(),
        public_url: None,
        iam: options.iam.into(),
        network: network::Options { https, ..network::Options::default() },
    })
    .await?;
    let mut signals = Signals::take()?;
    if options.data.is_none() {
        keep_out_of_version_control(server.data())?;
    }
    let isolation =
        if isolate { "isolated" } else { "not isolated on this host: only run code you trust (see `cloudlet doctor`)" };
    output::line(format_args!("Cloudlet is ready at {}. Functions are {isolation}.", server.endpoint));
    if let (Some(secure), Some(authority)) = (&server.secure_endpoint, &server.authority) {
        tell_https(secure, &authority.display().to_string());
    }
    let client = Client::new(server.endpoint.clone(), "us-east-1".into(), test_credentials());
    let deployer = Deployer::new(&folder, options.project, None, client.clone(), true).await?;
    let mut session = Session {
        deployer,
        client,
        reporter: Reporter::default(),
        followers: BTreeMap::new(),
        deployed: false,
        failed: false,
        inspection: options.inspect.map(|inspect| Inspection::new(inspect, &folder)),
    };
    let mut watcher = Watcher::new(&folder)?;
    let result = tokio::select! {
        result = session.run(&server, &mut watcher) => result,
        () = signals.told_to_stop() => Ok(()),
    };
    session.reporter.done();
    output::line("Stopping.");
    // It has no archive that could lack anything.
    server.stop().await;
    result.map(|()| ExitCode::SUCCESS)
}

/// Tells how HTTPS is used whose authority nobody knows yet.
fn tell_https(endpoint: &str, authority: &str) {
    output::line(format_args!("HTTPS is spoken at {endpoint}, vouched for by {authority}."));
    output::line(format_args!(
        "To trust it: import that file into your browser or system as an authority (it can vouch for localhost alone), or set \
         AWS_CA_BUNDLE (SDKs, CLI) and NODE_EXTRA_CA_CERTS (Node) to it; curl --cacert"
    ));
}

/// A project's cloud lies among its sources, and holds keys: it tells git by itself that it is none of them.
fn keep_out_of_version_control(data: &Path) -> anyhow::Result<()> {
    let file = data.join(".gitignore");
    std::fs::write(&file, "*\n").with_context(|| format!("{} cannot be written", file.display()))
}

/// A project while it is worked on.
struct Session {
    deployer: Deployer,
    client: Client,
    reporter: Reporter,
    /// By log group.
    followers: BTreeMap<String, Follower>,
    deployed: bool,
    /// Whether the last deployment did not succeed.
    failed: bool,
    /// The function that is debugged.
    inspection: Option<Inspection>,
}

impl Session {
    /// Deploys now and after each change, and shows the logs in between.
    async fn run(&mut self, server: &Server, watcher: &mut Watcher) -> anyhow::Result<()> {
        loop {
            let outcome = self.deploy(server).await;
            self.failed = outcome.is_err();
            if let Err(error) = outcome {
                self.reporter.done();
                output::error(&error);
                output::note("Waiting for a change.");
            }
            let mut next_logs = tokio::time::interval(LOG_INTERVAL);
            loop {
                tokio::select! {
                    () = watcher.changed() => break,
                    _ = next_logs.tick() => self.show_logs().await?,
                }
            }
        }
    }

    async fn deploy(&mut self, server: &Server) -> anyhow::Result<()> {
        let project = self.deployer.load().await?.without_versions();
        project.service.region.clone_into(&mut self.client.region);
        client::announce(server.data(), &server.endpoint, &self.client.region)?;
        if !self.deployed {
            server.prepare(&runtimes(&project), Arc::new(tell_installing)).await;
        }
        let started = Instant::now();
        if let Some(inspection) = &mut self.inspection {
            inspection.prepare(server, &project).await?;
        }
        let outcome = self.deployer.deploy(&project, &mut self.reporter).await?;
        let took = started.elapsed().as_millis();
        self.follow(&outcome);
        self.tell(&outcome, took);
        if let Some(inspection) = &mut self.inspection {
            inspection.start(server, &project).await?;
        }
        Ok(())
    }

    /// Tells what a deployment has come to.
    fn tell(&mut self, outcome: &Outcome, took: u128) {
        if self.deployed && outcome.changed == 0 && !self.failed {
            // Nothing to tell of. Were it told, and our output copied to a file here, it would be told for ever.
            return;
        }
        if self.deployed {
            output::line(format_args!("deployed in {took} ms: {} resources changed", outcome.changed));
            return;
        }
        self.deployed = true;
        output::line(format_args!("{} is deployed ({took} ms)", outcome.stack));
        print_outcome(outcome);
        if let Some(example) = example(&outcome.endpoints) {
            output::line(format_args!("try: {example}"));
        }
        output::line(
            "Saving a file deploys again. Ctrl-C ends. For other tools, in this folder: eval \"$(cloudlet env)\"",
        );
    }

    /// Follows the logs of functions that are new.
    fn follow(&mut self, outcome: &Outcome) {
        for function in &outcome.functions {
            let group = format!("/aws/lambda/{}", function.name);
            let follower = || Follower::new(self.client.clone(), group.clone(), Env::real().now(), None);
            self.followers.entry(group.clone()).or_insert_with(follower);
        }
    }

    async fn show_logs(&mut self) -> anyhow::Result<()> {
        for (group, follower) in &mut self.followers {
            let name = group.trim_start_matches("/aws/lambda/");
            match follower.next().await {
                Ok(lines) => lines.iter().for_each(|line| output::line(format_args!("{name} | {line}"))),
                // A function that has not run yet has no log.
                Err(error) if error.downcast_ref::<Refusal>().is_some_and(|refusal| refusal.status < 500) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

pub(super) fn tell_installing(progress: runtime::Progress) {
    match progress {
        runtime::Progress::Installing { what } => output::note(format_args!("installing {what}; this happens once")),
        runtime::Progress::Installed { what, took } => {
            output::note(format_args!("installed {what} in {} s", took.as_secs()))
        }
        runtime::Progress::Failed { message, .. } => output::note(message),
        runtime::Progress::Present { .. } | runtime::Progress::Line { .. } => {}
    }
}

/// A command that shows the project at work: a GET without parameters is the most likely to.
fn example(endpoints: &[Endpoint]) -> Option<String> {
    let plain = |endpoint: &&Endpoint| !endpoint.url.contains('{');
    let get = endpoints.iter().filter(plain).find(|endpoint| endpoint.method == "GET");
    let best = get.or_else(|| endpoints.iter().find(plain)).or_else(|| endpoints.first())?;
    Some(match best.method.as_str() {
        "GET" | "ANY" => format!("curl '{}'", best.url),
        "WS" => format!("npx wscat -c '{}'", best.url),
        // Without its type, a body is a form to curl, and binary to an HTTP API.
        method => format!("curl -X {method} '{}' -H 'content-type: application/json' -d '{{}}'", best.url),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_the_simplest_call() {
        let endpoint = |method: &str, url: &str| Endpoint { method: method.into(), url: url.into(), function: None };
        let all = [endpoint("POST", "http://h/a"), endpoint("GET", "http://h/a/{id}"), endpoint("GET", "http://h/b")];
        assert_eq!(example(&all).unwrap(), "curl 'http://h/b'");
        assert_eq!(
            example(&all[..1]).unwrap(),
            "curl -X POST 'http://h/a' -H 'content-type: application/json' -d '{}'"
        );
        assert_eq!(example(&[endpoint("WS", "ws://h/a")]).unwrap(), "npx wscat -c 'ws://h/a'");
        assert_eq!(example(&[]), None);
    }
}
