//! What Lambda does by itself, beside the pollers and the logs: removing code that nobody uses any more.

use std::path::Path;
use std::sync::Arc;

use service::Cx;
use tokio_util::sync::CancellationToken;

use crate::Lambda;
use crate::limits;

pub async fn sweep(lambda: Arc<Lambda>, cx: Cx, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(limits::SWEEP_INTERVAL)).await.is_some() {
        match lambda.code.sweep(cx.db()).await {
            Ok(gone) => gone.iter().for_each(|code| forget(&lambda, code)),
            Err(error) => tracing::error!(%error, "code that is not used any more could not be removed"),
        }
    }
}

fn forget(lambda: &Lambda, code: &Path) {
    if let Err(error) = lambda.runtime.forget_code(code) {
        tracing::error!(%error, "what unused code was compiled to could not be removed");
    }
}
