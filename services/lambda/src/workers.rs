//! What Lambda does by itself, beside the pollers and the logs: removing code that nobody uses any more.

use std::sync::Arc;

use service::Cx;
use tokio_util::sync::CancellationToken;

use crate::Lambda;
use crate::limits;

pub async fn sweep(lambda: Arc<Lambda>, cx: Cx, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(limits::SWEEP_INTERVAL)).await.is_some() {
        if let Err(error) = lambda.code.sweep(cx.db()).await {
            tracing::error!(%error, "code that is not used any more could not be removed");
        }
    }
}
