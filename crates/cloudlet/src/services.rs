//! The one list that wires the engine and the services into a cloud.

use std::path::PathBuf;
use std::sync::Arc;

use auth::sigv4::Credentials;
use base::{AccountId, Env, Region};
use blob::Blobs;
use kv::Db;
use service::{BoxFuture, Cloud};

use crate::client;
use crate::control::{self, Control, Instances};

/// What the services need to know of the server they are in.
pub struct Settings {
    pub data: PathBuf,
    pub endpoint: String,
    pub account: AccountId,
    pub region: Region,
    pub root: Credentials,
    /// Whether test/test are root's credentials too.
    pub test_credentials: bool,
}

/// What has to be ended by hand when the server stops.
pub struct Parts {}

impl Parts {
    pub async fn shutdown(self) {}

    pub async fn prepare(&self, _: &[String]) {}
}

/// Puts the cloud together.
///
/// # Errors
/// When the data folder cannot be used.
pub async fn cloud(db: Db, env: Env, settings: &Settings) -> anyhow::Result<(Arc<Cloud>, Parts)> {
    let Settings { data, endpoint, account, region, .. } = settings;
    let identity = iam::Identity::open(db.clone(), &env, account.clone(), root_keys(settings)).await?;
    let control = Control { packages: Blobs::open(data.join("packages")).await?, instances: Arc::new(NoInstances) };
    let cloud = Cloud::builder(db, env, account.clone(), region.clone(), endpoint.clone(), identity.clone())
        .service(control::service(control))
        .service(iam::iam(identity.clone()))
        .service(iam::sts(identity))
        .service(logs::service())
        .service(sqs::service())
        .service(dynamodb::service())
        .build();
    Ok((cloud, Parts {}))
}

fn root_keys(settings: &Settings) -> Vec<iam::RootKey> {
    let test = settings.test_credentials.then(client::test_credentials);
    let all = std::iter::once(settings.root.clone()).chain(test);
    all.map(|credentials| iam::RootKey { access_key_id: credentials.access_key_id, secret: credentials.secret })
        .collect()
}

/// A cloud in memory, to look at its tables of operations; and the folder that it must not outlive.
pub async fn catalogue() -> anyhow::Result<(Arc<Cloud>, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let settings = Settings {
        data: folder.path().to_owned(),
        endpoint: "http://127.0.0.1:4566".into(),
        account: AccountId::new("000000000000"),
        region: Region::new("us-east-1"),
        root: client::test_credentials(),
        test_credentials: false,
    };
    let (cloud, _) = cloud(Db::open(kv::Memory::default()), Env::real(), &settings).await?;
    Ok((cloud, folder))
}

struct NoInstances;

impl Instances for NoInstances {
    fn status(&self) -> BoxFuture<serde_json::Value> {
        Box::pin(async { serde_json::json!({}) })
    }
}
