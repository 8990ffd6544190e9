//! Stores what was counted, so that another start goes on with it.

use std::sync::Arc;

use kv::Order;
use service::Cx;
use tokio_util::sync::CancellationToken;

use crate::Migrate;
use crate::error::Error;
use crate::keys::COUNTED;
use crate::limits::{FIGURES_AT_ONCE, FIGURES_PAUSE};

/// Stores counts from time to time, and at the end. Before that, those are removed whose routes are gone.
pub async fn count(migrate: Arc<Migrate>, cx: Cx, stop: CancellationToken) {
    if let Err(error) = forget(&migrate, &cx).await {
        tracing::warn!(%error, "what was counted of routes that are gone stays");
    }
    while stop.run_until_cancelled(tokio::time::sleep(FIGURES_PAUSE)).await.is_some() {
        store(&migrate, &cx).await;
    }
    store(&migrate, &cx).await;
}

async fn store(migrate: &Arc<Migrate>, cx: &Cx) {
    let changed = migrate.figures.changed();
    for some in changed.chunks(FIGURES_AT_ONCE) {
        let some: Vec<_> = some.iter().filter(|((id, route), _)| migrate.has(id, route)).cloned().collect();
        let stored = cx.db().write(move |tx| {
            some.iter()
                .try_for_each(|((id, route), counted)| COUNTED.put(tx, (id, route), counted).map_err(Error::from))
        });
        if let Err(error) = stored.await {
            // The next round has them again, once there is something new to count.
            tracing::warn!(%error, "what was counted of migrations is not stored");
        }
    }
}

async fn forget(migrate: &Migrate, cx: &Cx) -> Result<(), Error> {
    let keys: Vec<(String, String)> =
        COUNTED.scan(&cx.db().read()?, Order::Forward)?.keys().collect::<Result<_, _>>()?;
    let gone: Vec<_> = keys.into_iter().filter(|(id, route)| !migrate.has(id, route)).collect();
    for some in gone.chunks(FIGURES_AT_ONCE) {
        let some = some.to_vec();
        let forgotten = cx.db().write(move |tx| {
            some.iter().try_for_each(|(id, route)| COUNTED.delete(tx, (id, route)).map_err(Error::from))
        });
        forgotten.await?;
    }
    Ok(())
}
