//! What a start makes up for: connections to WebSocket APIs that ended with the server before.

use std::sync::Arc;

use kv::Order;
use service::Cx;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ApiGateway;
use crate::error::Error;
use crate::front::websocket::conversation::disconnected;
use crate::keys::ENDED;
use crate::types::websocket::Ended;

/// Tells the functions behind `$disconnect` of connections that ended while functions could reach nothing any more.
pub async fn tell_of_ended(state: Arc<ApiGateway>, cx: Cx, stop: CancellationToken) {
    if let Some(Err(error)) = stop.run_until_cancelled(tell_of_all(&state, &cx)).await {
        tracing::error!(%error, "nobody could be told of connections that ended with the server");
    }
}

async fn tell_of_all(state: &Arc<ApiGateway>, cx: &Cx) -> Result<(), Error> {
    let all: Vec<Ended> = ENDED.scan(&cx.db().read()?, Order::Forward)?.values().collect::<Result<_, _>>()?;
    let mut told = JoinSet::new();
    for ended in all {
        let (state, cx) = (state.clone(), cx.clone());
        told.spawn(async move {
            let id = ended.beginning.id.clone();
            let _turn = state.connections.turn(&ended.beginning.api).await;
            let told = disconnected(&state, &cx, &ended.beginning, &ended.farewell()).await;
            // Once is enough, as it is for those that end while the server runs.
            told.and(cx.db().write(move |tx| ENDED.delete(tx, &id).map_err(Error::from)).await)
        });
    }
    while let Some(done) = told.join_next().await {
        if let Ok(Err(error)) = done {
            tracing::warn!(%error, "nobody could be told of a connection that ended with the server");
        }
    }
    Ok(())
}
