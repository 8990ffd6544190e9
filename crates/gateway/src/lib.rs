//! The network's edge: sockets, routing, limits, authentication. It finds services in a [`service::Cloud`] and
//! knows none by name.

mod admission;
mod body;
mod callers;
mod coding;
mod directory;
mod exchange;
mod form;
mod form_signature;
mod limits;
mod metrics;
mod nearest;
mod origin;
mod own;
mod owner;
mod presence;
mod refusal;
mod server;
mod signing_keys;
mod taken;
mod upload;
mod websocket;

pub use limits::Limits;
pub use metrics::Gauges;

use std::sync::Arc;

use service::Cloud;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use callers::Callers;
use directory::Directory;
use metrics::Metrics;
use origin::Origins;
use signing_keys::SigningKeys;
use tokio::sync::Semaphore;

/// How a gateway behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub limits: Limits,
    /// Origins (`https://app.example.com`) whose pages may call AWS APIs here from a browser, besides pages served
    /// from this machine.
    pub allowed_origins: Vec<String>,
    /// Whether AWS calls must be addressed to a name of this machine: for servers whose credentials are well known. A
    /// page can give its own name this machine's address (DNS rebinding), and then it needs no permission to call.
    pub local_names_only: bool,
    /// Shown with the metrics.
    pub gauges: Gauges,
}

/// The front door of a cloud. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) limits: Limits,
    pub(crate) origins: Origins,
    pub(crate) directory: Directory,
    pub(crate) metrics: Metrics,
    pub(crate) signing_keys: SigningKeys,
    pub(crate) callers: Callers,
    /// What request bodies may hold in memory together, in bytes.
    pub(crate) memory: Arc<Semaphore>,
}

impl Gateway {
    pub fn new(cloud: Arc<Cloud>, options: Options) -> Gateway {
        Gateway(Arc::new(Inner {
            directory: Directory::new(cloud.clone()),
            metrics: Metrics::new(&cloud, options.gauges),
            origins: Origins::new(options.allowed_origins, options.local_names_only),
            memory: Arc::new(Semaphore::new(options.limits.buffered_bytes)),
            limits: options.limits,
            signing_keys: SigningKeys::default(),
            callers: Callers::default(),
            cloud,
        }))
    }

    /// Answers connections until `stop` is cancelled; then takes no more, lets running requests finish for
    /// [`Limits::shutdown_wait`], and returns.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) {
        server::serve(self.0.clone(), listener, stop).await;
    }
}
