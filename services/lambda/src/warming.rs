//! Has functions ready before their first request: what has just been deployed is likely to be called.

use std::sync::Arc;

use service::Cx;

use crate::Lambda;
use crate::error::Error;
use crate::keys::VERSIONS;
use crate::spec;
use crate::types::{Function, Version};

/// Has a version made ready, in the background. What goes wrong then is for its first request to see.
pub fn warm(lambda: &Arc<Lambda>, cx: &Cx, function: &Function, version: &Version) {
    lambda.host.connect(cx);
    let (lambda, cx, function, version) = (lambda.clone(), cx.clone(), function.clone(), version.clone());
    tokio::spawn(async move {
        if let Err(error) = prepare(&lambda, &cx, &function, &version).await {
            tracing::debug!(%error, function = function.name, "a function is not made ready");
        }
    });
}

async fn prepare(lambda: &Lambda, cx: &Cx, function: &Function, version: &Version) -> Result<(), Error> {
    let prepared = lambda.specs.of(cx, &lambda.code, function, version.clone()).await?;
    let key = (function.arn.region.as_str(), &*function.name, version.number);
    let current = VERSIONS.get(&cx.db().read()?, key)?;
    if current.is_some_and(|current| current.revision == version.revision) {
        lambda.runtime.warm(&prepared);
    } else {
        // It has changed or gone meanwhile.
        lambda.specs.forget(&spec::key(&function.arn, version));
    }
    Ok(())
}
