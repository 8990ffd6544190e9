//! The network's edge: sockets, routing, limits, authentication. It finds services in a [`service::Cloud`] and
//! knows none by name.

mod addresses;
mod admission;
mod arrival;
mod body;
mod callers;
mod coding;
mod directory;
mod elsewhere;
mod exchange;
mod form;
mod form_signature;
mod limits;
mod listener;
mod metrics;
mod nearest;
mod origin;
mod overheard;
mod own;
mod owner;
mod presence;
mod refusal;
mod server;
mod shares;
mod signing_keys;
mod taken;
mod upload;
mod websocket;

pub use arrival::{Functions, Network, NoNetwork};
pub use limits::Limits;
pub use listener::Listener;
pub use metrics::Gauges;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use service::Cloud;
use tokio_util::sync::CancellationToken;

use arrival::Proxies;
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
    /// Proxies that are believed when they say whom a request is from and how it came (`X-Forwarded-For`, `-Proto`, `-Port`).
    pub trusted_proxies: Vec<Network>,
    /// Who knows functions, which are not believed even at a proxy's address.
    pub functions: Functions,
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
    pub(crate) proxies: Proxies,
    /// Whether the end has begun: what is under way is answered, and who asks is told to go elsewhere.
    pub(crate) draining: AtomicBool,
    /// What request bodies may hold in memory together, in bytes.
    pub(crate) memory: Arc<Semaphore>,
    /// The same of requests to fronts, which anybody may send: they leave that of calls alone.
    pub(crate) front_memory: Arc<Semaphore>,
}

impl Inner {
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

impl Gateway {
    pub fn new(cloud: Arc<Cloud>, options: Options) -> Gateway {
        Gateway(Arc::new(Inner {
            directory: Directory::new(cloud.clone()),
            metrics: Metrics::new(&cloud, options.gauges),
            origins: Origins::new(options.allowed_origins, options.local_names_only),
            memory: Arc::new(Semaphore::new(options.limits.buffered_bytes)),
            front_memory: Arc::new(Semaphore::new(options.limits.front_buffered_bytes())),
            limits: options.limits,
            signing_keys: SigningKeys::default(),
            callers: Callers::default(),
            proxies: Proxies::new(options.trusted_proxies, options.functions),
            draining: AtomicBool::new(false),
            cloud,
        }))
    }

    /// Tells load balancers, who ask for its health, to send nothing more here. All that comes is still answered.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// Answers connections until `stop` is cancelled; then takes no more, lets running requests finish for
    /// [`Limits::shutdown_wait`], and returns.
    pub async fn serve(&self, listeners: Vec<Listener>, stop: CancellationToken) {
        server::serve(self.0.clone(), listeners, stop).await;
    }
}
