//! The one list that wires the engine and the services into a cloud.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use archive::{Archiver, Behind, Target};
use auth::sigv4::Credentials;
use base::{AccountId, Env, Region};
use blob::Blobs;
use gateway::Gauges;
use kv::{Db, Journal};
use outbound::{Loopback, Outbound, Reach};
use runtime::OnProgress;
use serde_json::{Value, json};
use service::{BoxFuture, Certificates, Cloud, hosts};
use vault::Vault;

use crate::control::{self, Backups, Control, Instances};
use crate::{cache_folder, client, master, output, root};

/// What the services need to know of the server they are in.
pub struct Settings {
    pub data: PathBuf,
    pub endpoint: String,
    pub account: AccountId,
    pub region: Region,
    pub root: Credentials,
    /// Whether test/test are root's credentials too.
    pub test_credentials: bool,
    /// Whether functions are isolated.
    pub isolate: bool,
    /// What secrets in the store are sealed with.
    pub vault: Vault,
    /// The store's batches, where it has any.
    pub journal: Option<Arc<dyn Journal>>,
    /// Where everything is copied to as it is committed.
    pub archive: Option<Arc<dyn Target>>,
    /// How far back its moments are wanted; everything is kept when nobody says.
    pub archive_keep: Option<Duration>,
    /// Whether throughput is limited as AWS limits it.
    pub throttle: bool,
    /// The port that this cloud listens on.
    pub port: u16,
    /// Ports of the loopback addresses that isolated functions and webhooks reach, besides this cloud's.
    pub loopback_ports: Vec<u16>,
    /// See `serve --legacy-buckets`.
    pub legacy_buckets: bool,
    /// Node processes that wait for a function, for each version of Node.
    pub prebooted: usize,
    /// The relay that mail goes out through; without one it stays in the mailbox.
    pub smtp: Option<String>,
    /// Whom mail is from.
    pub mail_from: String,
    /// The URL under which others reach the server, for links.
    pub public_url: String,
    /// Who speaks TLS, and tells of certificates.
    pub certificates: Option<Arc<dyn Certificates>>,
    /// Whether policies decide, or only tell.
    pub iam: iam::Mode,
}

/// Of the services' insides, what the server itself deals with.
pub struct Parts {
    functions: Arc<lambda::Lambda>,
    cdn: Arc<cloudfront::CloudFront>,
    archiver: Option<Arc<Archiver>>,
    identity: Arc<iam::Identity>,
}

/// How long function instances may go on with what they do when the server stops.
const FUNCTIONS_GRACE: Duration = Duration::from_secs(10);

impl Parts {
    /// Ends every function instance, and archives what is not archived yet; tells what is not, even so.
    pub async fn shutdown(self) -> Option<Behind> {
        self.functions.runtime().shutdown(FUNCTIONS_GRACE).await;
        let archiver = self.archiver?;
        tokio::task::spawn_blocking(move || archiver.stop()).await.unwrap_or_else(|error| {
            tracing::error!(%error, "the archiver did not end well");
            None
        })
    }

    /// What the store, the queues and the archive are like, for metrics.
    pub fn gauges(&self, db: Db, env: Env) -> Gauges {
        let (archiver, cdn, identity) = (self.archiver.clone(), self.cdn.clone(), self.identity.clone());
        Gauges::new(move || {
            let mut gauges = Vec::new();
            if let Ok(stats) = db.stats() {
                gauges.push(("cloudlet_store_bytes", "Bytes that the store takes on disk.", stats.disk_bytes as f64));
            }
            let healthy = f64::from(u8::from(db.health().is_ok()));
            gauges.push(("cloudlet_store_healthy", "Whether the store takes writes.", healthy));
            match sqs::gauges(&db, env.now()) {
                Ok(queues) => gauges.extend(queues),
                Err(error) => tracing::error!(%error, "queues cannot be counted"),
            }
            let dropped = crate::logging::dropped() as f64;
            gauges.push(("cloudlet_log_lines_dropped", "Lines of the log that nobody read in time.", dropped));
            gauges.extend(cdn.gauges());
            gauges.extend(identity.gauges());
            if let Some(archiver) = &archiver {
                let lag = archiver.lag().as_secs_f64();
                let help = "What would be lost with the disk: seconds of commits that are not archived.";
                gauges.push(("cloudlet_archive_lag_seconds", help, lag));
                let failing = f64::from(u8::from(archiver.progress().failure.is_some()));
                gauges.push(("cloudlet_archive_failing", "Whether the archive does not get further.", failing));
                let held = archiver.held().bytes as f64;
                let help = "Bytes of deleted code that stay until it is archived.";
                gauges.push(("cloudlet_archive_held_bytes", help, held));
            }
            gauges
        })
    }

    /// The functions, to debug one.
    pub fn functions(&self) -> &lambda::Lambda {
        &self.functions
    }

    /// Installs what functions of these runtimes need and may not bring along, unless it is there; tells what it
    /// does. What cannot be installed is told too: functions that bring their own run all the same.
    pub async fn prepare(&self, runtimes: &[String], tell: OnProgress) {
        let runtimes: Vec<&str> = runtimes.iter().map(String::as_str).collect();
        if let Err(error) = self.functions.runtime().prepare(&runtimes, tell).await {
            output::note(format_args!("warning: {error}"));
        }
    }
}

/// Puts the cloud together.
///
/// # Errors
/// When the data folder cannot be used.
pub async fn cloud(db: Db, env: Env, settings: &Settings) -> anyhow::Result<(Arc<Cloud>, Parts)> {
    let Settings { data, endpoint, account, region, .. } = settings;
    let config = iam::Config { mode: settings.iam, ..iam::Config::new(account.clone(), root_keys(settings)) };
    let identity = iam::Identity::open(db.clone(), &env, config).await?;
    let functions = lambda::Lambda::open(lambda_config(settings).await?, &env)?;
    let packages = Blobs::open(data.join("packages")).await?;
    let images = images();
    let buckets = s3::Options { images: Some(images.clone()), legacy_buckets: settings.legacy_buckets };
    let objects = s3::S3::with(Blobs::open(data.join("objects")).await?, settings.vault.clone(), buckets);
    let copied = settings.journal.clone().map(|journal| archive::Data {
        folder: data.clone(),
        journal,
        blobs: vec![
            ("packages", packages.clone()),
            ("code", functions.blobs().clone()),
            ("objects", objects.blobs().clone()),
        ],
        files: vec![root::file(data), master::file(data)],
        env: env.clone(),
    });
    let archiver = match settings.archive.clone().zip(copied.clone()) {
        Some((target, data)) => {
            let options = archive::Options { keep: settings.archive_keep, ..archive::Options::default() };
            Some(Arc::new(Archiver::start(data, target, options)?))
        }
        None => {
            // Nobody waits for what an earlier process kept to be archived.
            packages.finish_deletes();
            functions.blobs().finish_deletes();
            objects.blobs().finish_deletes();
            None
        }
    };
    let outbound = outbound(settings);
    identity.reach_issuers(outbound.clone());
    let own = hosts::Own::new([endpoint.as_str(), &settings.public_url]);
    let cdn = cloudfront::Config { folder: data.join("cdn"), outbound: outbound.clone(), images, own: own.clone() };
    let cdn = cloudfront::CloudFront::open(&db, cdn)?;
    let control = Control {
        packages,
        instances: Arc::new(FunctionInstances(functions.clone())),
        backups: Backups::new(copied),
        objects: objects.clone(),
        archiver: archiver.clone(),
        cdn: cdn.clone(),
        identity: identity.clone(),
    };
    let bridge = events::Options { outbound: outbound.clone(), throttle: settings.throttle };
    let domains = apigateway::Domains::load(&db.read()?, own.clone())?;
    let [rest_apis, http_apis, connections] = apigateway::services(outbound.clone(), settings.vault.clone(), domains);
    let migrations = migrate::service(&db, outbound.clone(), own);
    let migrations = migrations.context("migrations cannot be read")?;
    let mailer = mailer(settings)?;
    let (functions_of, cdn_of) = (functions.clone(), cdn.clone());
    let parts = Parts { functions: functions_of, cdn: cdn_of, archiver: archiver.clone(), identity: identity.clone() };
    let [ses_v2, ses_v1] = ses::services(ses::Config { base: settings.public_url.clone(), mailer: mailer.clone() });
    let [tables, streams, live] = dynamodb::services(dynamodb::Options { throttle: settings.throttle });
    let mut cloud = Cloud::builder(db, env, account.clone(), region.clone(), endpoint.clone(), identity.clone())
        .public_url(settings.public_url.clone());
    if let Some(certificates) = &settings.certificates {
        cloud = cloud.certificates(certificates.clone());
    }
    let cloud = cloud
        .service(control::service(control))
        .service(autoscaling::service())
        .service(events::service(bridge))
        .service(rest_apis)
        .service(http_apis)
        .service(connections)
        .service(cloudfront::service(cdn.clone()))
        .service(cognito::service(cognito::Config {
            base: settings.public_url.clone(),
            mailer: mailer.clone(),
            vault: settings.vault.clone(),
            outbound: outbound.clone(),
        }))
        .service(cognitoidentity::service(cognitoidentity::Config {
            vault: settings.vault.clone(),
            outbound: outbound.clone(),
        }))
        .service(iam::iam(identity.clone()))
        .service(iam::sts(identity))
        .service(kms::service(settings.vault.clone()))
        .service(kinesis::service(kinesis::Options { throttle: settings.throttle }))
        .service(lambda::service(functions))
        .service(logs::service())
        .service(migrations)
        .service(pipes::service())
        .service(s3::service(objects))
        .service(scheduler::service())
        .service(secretsmanager::service())
        .service(ses_v2)
        .service(ses_v1)
        .service(sns::service(sns::Sns::new(sns::Config { base: settings.public_url.clone(), mailer, outbound })))
        .service(sqs::service())
        .service(ssm::service())
        .service(tables)
        .service(streams)
        .service(live)
        .build();
    Ok((cloud, parts))
}

/// What makes images: in processes of this program, which it starts when they are needed, and whichever file it is by then.
fn images() -> media::Images {
    media::Images::new(media::Options::new("/proc/self/exe", [crate::cli::IMAGE_WORKER.into()]))
}

/// Where mail goes.
fn mailer(settings: &Settings) -> anyhow::Result<mail::Mailer> {
    match &settings.smtp {
        Some(relay) => mail::Mailer::relay(relay, &settings.mail_from).context("mail cannot be sent (--smtp)"),
        None => mail::Mailer::mailbox(&settings.mail_from).context("mail has no sender (--mail-from)"),
    }
}

/// What URLs that users name are reached with.
fn outbound(settings: &Settings) -> Outbound {
    let mut ports = settings.loopback_ports.clone();
    ports.push(settings.port);
    // Who may use test/test is on this machine, as are its endpoints.
    let loopback = if settings.test_credentials { Loopback::All } else { Loopback::Ports(ports) };
    Outbound::new(Reach { loopback })
}

async fn lambda_config(settings: &Settings) -> anyhow::Result<lambda::Config> {
    let data = std::path::absolute(&settings.data)?;
    let cache = cache_folder()?;
    std::fs::create_dir_all(&cache)
        .with_context(|| format!("{} cannot be the cache: set CLOUDLET_CACHE to another folder", cache.display()))?;
    let mut runtime = runtime::Config::new(cache, data.join("run"));
    (runtime.isolate, runtime.hidden) = (settings.isolate, vec![data.clone()]);
    runtime.loopback_ports.clone_from(&settings.loopback_ports);
    runtime.prebooted = settings.prebooted;
    Ok(lambda::Config { runtime, blobs: Blobs::open(data.join("code")).await?, code_dir: data.join("unpacked") })
}

fn root_keys(settings: &Settings) -> Vec<iam::RootKey> {
    let test = settings.test_credentials.then(client::test_credentials);
    let all = std::iter::once(settings.root.clone()).chain(test);
    all.map(|credentials| iam::RootKey { access_key_id: credentials.access_key_id, secret: credentials.secret })
        .collect()
}

/// A cloud in memory, to look at its tables of operations; and the folder that it must not outlive.
pub async fn catalogue() -> anyhow::Result<(Arc<Cloud>, tempfile::TempDir)> {
    let (folder, env) = (tempfile::tempdir()?, Env::real());
    let settings = Settings {
        data: folder.path().to_owned(),
        endpoint: "http://127.0.0.1:4566".into(),
        account: AccountId::new("000000000000"),
        region: Region::new("us-east-1"),
        root: client::test_credentials(),
        test_credentials: false,
        isolate: false,
        vault: Vault::in_memory(&env),
        journal: None,
        archive: None,
        archive_keep: None,
        throttle: false,
        port: 4566,
        loopback_ports: Vec::new(),
        legacy_buckets: false,
        prebooted: 0,
        smtp: None,
        mail_from: crate::cli::MAIL_FROM.into(),
        public_url: "http://127.0.0.1:4566".into(),
        certificates: None,
        iam: iam::Mode::Enforce,
    };
    let (cloud, _) = cloud(Db::open(kv::Memory::default()), env, &settings).await?;
    Ok((cloud, folder))
}

fn process(process: &runtime::InstanceStatus) -> Value {
    json!({"pid": process.pid, "busy": process.busy, "memory_bytes": process.memory_bytes})
}

struct FunctionInstances(Arc<lambda::Lambda>);

impl Instances for FunctionInstances {
    fn status(&self) -> BoxFuture<Value> {
        let runtime = self.0.runtime().clone();
        Box::pin(async move {
            let status = runtime.status().await;
            let functions = status.functions.iter().map(|function| {
                json!({
                    "name": function.spec.name, "version": function.spec.version,
                    "instances": function.instances.iter().map(process).collect::<Vec<_>>(),
                    "zygote": function.zygote.as_ref().map(process),
                    "spares": function.spares.iter().map(process).collect::<Vec<_>>(),
                    "starting": function.starting, "waiting": function.waiting,
                })
            });
            let prebooted: Vec<Value> = status.prebooted.iter().map(process).collect();
            json!({"functions": functions.collect::<Vec<_>>(), "prebooted": prebooted, "notes": status.notes})
        })
    }

    fn executions(&self, region: &Region, function: &str) -> BTreeMap<String, lambda::Count> {
        self.0.executions(region, function)
    }
}
