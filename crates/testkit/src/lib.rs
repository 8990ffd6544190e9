//! For tests only: a cloud in memory, with a clock that stands still until it is moved.

use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, Env, Region, Timestamp};
use kv::Db;
use serde_json::Value;
use service::{Access, Caller, Cloud, Credential, CredentialError, Cx, Denial, Error, Permission, Service};

/// A cloud of some services, on the memory engine, called as root.
pub struct TestCloud {
    pub cloud: Arc<Cloud>,
    pub env: Env,
}

impl TestCloud {
    /// The same `services` give the same identifiers and times on each run.
    pub fn new(services: impl IntoIterator<Item = Service>) -> TestCloud {
        TestCloud::with_access(services, Arc::new(Nobody))
    }

    pub fn with_access(services: impl IntoIterator<Item = Service>, access: Arc<dyn Access>) -> TestCloud {
        let env = Env::simulated(1, Timestamp::from_secs(1_800_000_000));
        let account = AccountId::new("000000000000");
        let region = Region::new("us-east-1");
        let db = Db::open(kv::Memory::default());
        let builder = Cloud::builder(db, env.clone(), account, region, "http://localhost:4566".into(), access);
        let cloud = services.into_iter().fold(builder, service::CloudBuilder::service).build();
        TestCloud { cloud, env }
    }

    /// A request of the account's root.
    pub fn root(&self) -> Cx {
        self.cloud.cx(Caller::root(self.cloud.account()), self.cloud.region().clone(), None)
    }

    /// Calls an operation as root.
    pub async fn call(&self, service: &str, operation: &str, input: Value) -> Result<Value, Error> {
        self.cloud.call(self.root(), service, operation, input).await
    }

    /// Moves the clock, and fires the timers that came due.
    ///
    /// # Panics
    /// When the store cannot be read.
    #[allow(clippy::expect_used, reason = "this is for tests")]
    pub async fn advance(&self, by: Duration) {
        self.env.advance(by);
        service::timers::fire_due(&self.cloud.system()).await.expect("timers fire");
    }
}

/// An identity service that knows no keys and allows nothing: root needs neither.
struct Nobody;

impl Access for Nobody {
    fn credential(&self, _: &str, _: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        Err(CredentialError::Unknown)
    }

    fn authorize(&self, _: &Caller, permission: &Permission, _: Timestamp) -> Result<(), Denial> {
        Err(Denial { message: format!("nobody may {}", permission.action) })
    }
}
