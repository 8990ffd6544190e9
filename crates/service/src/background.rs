//! Loops that run beside the requests.

use tokio_util::sync::CancellationToken;

use crate::{BoxFuture, Cx};

/// A loop that runs until its token is cancelled, and then ends in good order.
pub struct Worker {
    pub name: &'static str,
    /// Whether it goes on until no request is under way any more.
    pub(crate) is_late: bool,
    run: Box<dyn Fn(Cx, CancellationToken) -> BoxFuture<()> + Send + Sync>,
}

impl Worker {
    pub fn new(
        name: &'static str,
        run: impl Fn(Cx, CancellationToken) -> BoxFuture<()> + Send + Sync + 'static,
    ) -> Worker {
        Worker { name, is_late: false, run: Box::new(run) }
    }

    /// Lets it go on until no request is under way any more.
    pub(crate) fn stop_late(&mut self) {
        self.is_late = true;
    }

    pub(crate) fn run(&self, cx: Cx, stop: CancellationToken) -> BoxFuture<()> {
        (self.run)(cx, stop)
    }
}
