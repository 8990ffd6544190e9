//! The server: opens the store, puts the cloud together, and listens, until it is told to stop.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use archive::Behind;
use auth::sigv4::Credentials;
use base::{AccountId, Env, Region};
use gateway::{Functions, Gateway};
use kv::Db;
use runtime::{Inspector, OnProgress};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sandbox::Capabilities;
use service::{Caller, Cloud};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client;
use crate::master;
use crate::network;
use crate::restoring;
use crate::root;
use crate::services::{self, Parts};

/// Where isolated functions have their code.
const TASK_ROOT: &str = "/var/task";

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct Options {
    pub data: PathBuf,
    /// Where the master key is, if not in the data folder.
    pub master_key_file: Option<PathBuf>,
    /// Where everything is copied to as it is committed.
    pub archive: Option<String>,
    /// How far back its moments are wanted.
    pub archive_keep: Option<Duration>,
    pub listen: SocketAddr,
    pub region: String,
    pub account: String,
    /// Whether the credentials test/test are root's too: for a server that only this machine can reach.
    pub test_credentials: bool,
    /// Whether functions are isolated from this host; [`isolation`] tells whether they can be.
    pub isolate: bool,
    /// Whether the throughput of tables is limited as AWS limits it.
    pub throttle: bool,
    /// Ports of the loopback addresses that isolated functions reach, besides this cloud's.
    pub loopback_ports: Vec<u16>,
    pub legacy_buckets: bool,
    /// Node processes that wait for a function, for each version of Node.
    pub prebooted: usize,
    /// The relay that mail goes out through.
    pub smtp: Option<String>,
    /// Whom mail is from.
    pub mail_from: String,
    /// The URL under which others reach the server.
    pub public_url: Option<String>,
    /// Whether policies decide, or only tell.
    pub iam: iam::Mode,
    pub network: network::Options,
}

/// Finds out what this host can isolate functions from.
///
/// # Errors
/// When there is no place for temporary files.
pub async fn isolation() -> anyhow::Result<Capabilities> {
    let folder = tempfile::tempdir().context("there is no place for temporary files")?;
    Ok(sandbox::capabilities(folder.path()).await)
}

/// Why isolated functions start alone on this host, rather than as forks, if they do.
///
/// # Errors
/// When there is no place for temporary files.
pub async fn fork_obstacle() -> anyhow::Result<Option<String>> {
    let folder = tempfile::tempdir().context("there is no place for temporary files")?;
    Ok(sandbox::fork_obstacle(folder.path()).await)
}

/// Lets this process have as many descriptors as the host allows: each connection and each instance takes some. Functions
/// have a limit of their own.
fn raise_open_files() {
    let limits = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits }) {
        tracing::warn!(%error, "the limit of open files stays at {:?}", limits.current);
    }
}

/// A server that runs.
pub struct Server {
    pub endpoint: String,
    /// How HTTPS reaches it, where that is spoken.
    pub secure_endpoint: Option<String>,
    /// The file with the certificate of this machine's own authority, where that is used.
    pub authority: Option<PathBuf>,
    pub root: Credentials,
    data: PathBuf,
    /// Whether functions are isolated.
    isolate: bool,
    cloud: Arc<Cloud>,
    parts: Parts,
    stop: CancellationToken,
    /// Cancelled once no request is under way any more.
    drained: CancellationToken,
    gateway: Gateway,
    drain_delay: Duration,
    network: JoinHandle<()>,
    background: TaskTracker,
}

impl Server {
    /// Starts a server; it answers when this returns.
    ///
    /// # Errors
    /// When the data folder cannot be used, or the address is taken.
    pub async fn start(options: Options) -> anyhow::Result<Server> {
        raise_open_files();
        let Options { data, master_key_file, archive, archive_keep, listen, region, account, test_credentials, .. } =
            options;
        let Options {
            isolate,
            throttle,
            loopback_ports,
            legacy_buckets,
            prebooted,
            smtp,
            mail_from,
            public_url,
            iam,
            ..
        } = options;
        let network::Options { https, trusted_proxies, drain_timeout, drain_delay } = options.network;
        let archive = archive.as_deref().map(archive::open).transpose()?;
        let engine = kv_local::Options { journal: archive.is_some(), ..kv_local::Options::default() };
        restoring::refuse_unfinished(&data)?;
        let local = kv_local::Local::open(&data, &engine)?;
        let env = Env::real();
        let root = root::load_or_create(&data, &env)?;
        let (journal, db) = (Arc::new(local.journal()), Db::open(local));
        let vault = master::open(&db, &data, master_key_file.as_deref(), &env).await?;
        let listener = network::bind(listen, "--listen").await?;
        let address = listener.local_addr()?;
        let endpoint = format!("http://{}", reachable(address));
        let mut secure = match https {
            Some(https) => Some(https.open(&env, public_url.as_deref()).await?),
            None => None,
        };
        let secure_endpoint = secure.as_ref().map(|secure| secure.endpoint.clone());
        let settings = services::Settings {
            data: data.clone(),
            endpoint: endpoint.clone(),
            account: AccountId::new(account),
            region: Region::new(region),
            root: root.clone(),
            test_credentials,
            isolate,
            vault,
            journal: Some(journal),
            archive,
            archive_keep,
            throttle,
            port: address.port(),
            loopback_ports,
            legacy_buckets,
            prebooted,
            smtp,
            mail_from,
            public_url: public_url
                .map(|url| url.trim_end_matches('/').to_owned())
                .or_else(|| secure.as_ref()?.public.clone())
                .unwrap_or_else(|| endpoint.clone()),
            certificates: secure.as_ref().and_then(|secure| secure.standings(&env)),
            iam,
        };
        let (cloud, parts) = services::cloud(db, env, &settings).await?;
        let (stop, drained) = (CancellationToken::new(), CancellationToken::new());
        let background = cloud.start(&stop, &drained);
        let mut gauges = parts.gauges(cloud.db().clone(), cloud.env().clone());
        let mut listeners = vec![listener.into()];
        let authority = secure.as_ref().and_then(|secure| secure.authority.clone());
        if let Some(secure) = &mut secure {
            gauges = gauges.and(secure.gauges(cloud.env().clone()));
            listeners.append(&mut secure.listeners);
            secure.keep(&cloud, &background, &stop);
        }
        let usual = gateway::Limits::default();
        let limits = gateway::Limits { shutdown_wait: drain_timeout.unwrap_or(usual.shutdown_wait), ..usual };
        let local_names_only = test_credentials;
        let functions = Functions::new(move |theirs, ours| runtime::may_be_a_functions(theirs, ours, isolate));
        let options = gateway::Options {
            limits,
            local_names_only,
            trusted_proxies,
            functions,
            gauges,
            ..gateway::Options::default()
        };
        let gateway = Gateway::new(cloud.clone(), options);
        let network = tokio::spawn({
            let (gateway, stop) = (gateway.clone(), stop.clone());
            async move { gateway.serve(listeners, stop).await }
        });
        client::announce(&data, &endpoint, cloud.region().as_str())?;
        Ok(Server {
            endpoint,
            secure_endpoint,
            authority,
            root,
            data,
            isolate,
            cloud,
            parts,
            stop,
            drained,
            gateway,
            drain_delay,
            network,
            background,
        })
    }

    /// Stops taking requests, lets running ones finish, ends function instances, and closes the store. Tells what of it the archive
    /// lacks.
    pub async fn stop(self) -> Option<Behind> {
        client::withdraw(&self.data);
        self.gateway.drain();
        tokio::time::sleep(self.drain_delay).await;
        self.stop.cancel();
        if let Err(error) = self.network.await {
            tracing::error!(%error, "the network side did not end well");
        }
        // What requests leave to do, such as lines of logs, has come by now.
        self.drained.cancel();
        self.background.wait().await;
        let behind = self.parts.shutdown().await;
        sandbox::ControlGroup::remove_all().await;
        self.cloud.db().close();
        behind
    }

    /// Installs what functions of these runtimes need and may not bring along (boto3, aws-sdk), unless it is there.
    pub async fn prepare(&self, runtimes: &[String], tell: OnProgress) {
        self.parts.prepare(runtimes, tell).await;
    }

    /// Puts a function under a debugger; [`Server::keep_ready`] starts it.
    ///
    /// # Errors
    /// When there is no debugger for its runtime or none can be installed, or the port is taken.
    pub async fn inspect(
        &self,
        function: &str,
        runtime: &str,
        port: Option<u16>,
        tell: OnProgress,
    ) -> anyhow::Result<Inspector> {
        Ok(self.parts.functions().runtime().inspect(function, runtime, port, tell).await?)
    }

    /// Starts an instance of a function before it is called. Tells where the instance has its code.
    ///
    /// # Errors
    /// When there is no such function.
    pub async fn keep_ready(&self, function: &str, region: &str) -> anyhow::Result<PathBuf> {
        let caller = Caller::system(self.cloud.account());
        let cx = self.cloud.cx(caller, Region::new(region), None);
        let spec = self.parts.functions().keep_ready(&cx, function).await.context("it cannot be started")?;
        Ok(if self.isolate { TASK_ROOT.into() } else { spec.code.clone() })
    }

    pub fn data(&self) -> &Path {
        &self.data
    }
}

/// An address that clients on this machine can use: a server that listens everywhere is reached on loopback.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    let loopback = match address {
        SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(loopback, address.port())
}
