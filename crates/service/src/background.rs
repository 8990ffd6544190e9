//! Loops that run beside the requests.

use tokio_util::sync::CancellationToken;

use crate::{BoxFuture, Cx};

/// A loop that runs until the token is cancelled, and then ends in good order.
pub struct Worker {
    pub name: &'static str,
    run: Box<dyn Fn(Cx, CancellationToken) -> BoxFuture<()> + Send + Sync>,
}

impl Worker {
    pub fn new(
        name: &'static str,
        run: impl Fn(Cx, CancellationToken) -> BoxFuture<()> + Send + Sync + 'static,
    ) -> Worker {
        Worker { name, run: Box::new(run) }
    }

    pub(crate) fn run(&self, cx: Cx, stop: CancellationToken) -> BoxFuture<()> {
        (self.run)(cx, stop)
    }
}
