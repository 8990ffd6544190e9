//! What EventBridge does by itself: fires rules that have a schedule, takes the steps of replays, and forgets archived events.

use std::sync::Arc;
use std::time::Duration;

use base::Arn;
use kv::{Order, Tx};
use service::{Cx, timers};
use tokio_util::sync::CancellationToken;

use crate::Events;
use crate::error::Error;
use crate::index::Armed;
use crate::keys::{ARCHIVES, RULES};
use crate::limits::EXPIRY_INTERVAL;
use crate::model::send::{self, Publication};
use crate::model::{archive, replay, rule, target};
use crate::name::{BusRef, rule_of};
use crate::types::RuleState;

/// A schedule that comes due later than this, because the server was down, waits for its next time.
const LATE_MAX: Duration = Duration::from_secs(60);

/// A timer is of a replay or of a rule, as its ARN tells.
pub fn fire(events: &Events, cx: &Cx, tx: &mut Tx, timer: &timers::Timer) -> Result<(), service::Error> {
    let arn = std::str::from_utf8(&timer.key).ok().and_then(|arn| arn.parse::<Arn>().ok());
    let arn = arn.ok_or_else(|| service::Error::internal("a timer of EventBridge names nothing"))?;
    if let Some(name) = replay::name_of(&arn) {
        return Ok(replay::step(tx, cx, &events.indexes, &arn.region, name)?);
    }
    match rule_of(&arn) {
        Some((on, name)) => Ok(scheduled(events, cx, tx, &on, &name, timer)?),
        None => Err(service::Error::internal(format_args!("a timer of EventBridge is of {arn}"))),
    }
}

fn scheduled(
    events: &Events,
    cx: &Cx,
    tx: &mut Tx,
    on: &BusRef,
    name: &str,
    timer: &timers::Timer,
) -> Result<(), Error> {
    let Some(mut due) = RULES.get(tx, (on.region(), &*on.name, name))? else { return Ok(()) };
    if due.next != Some(timer.at) || due.state == RuleState::Disabled {
        return Ok(());
    }
    if cx.now().since(timer.at) <= LATE_MAX {
        let event = send::scheduled_event(&due.arn, cx.request_id(), timer.at);
        let armed = Armed { rule: due.clone(), targets: target::all(tx, on, name)? };
        Publication::new(cx, &events.indexes).fire(tx, &armed, &event)?;
    }
    rule::schedule(tx, cx.now(), &mut due)?;
    Ok(RULES.put(tx, (on.region(), &*on.name, name), &due)?)
}

/// Looks through all archives, once in a while.
pub async fn expire(_: Arc<Events>, cx: Cx, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(EXPIRY_INTERVAL)).await.is_some() {
        if let Err(error) = expire_all(&cx).await {
            tracing::error!(%error, "events past their archive's retention could not be removed");
        }
    }
}

async fn expire_all(cx: &Cx) -> Result<(), Error> {
    let names: Vec<(String, String)> =
        ARCHIVES.scan(&cx.db().read()?, Order::Forward)?.keys().collect::<Result<_, _>>()?;
    for (region, name) in names {
        let now = cx.env().now();
        loop {
            let (region, name) = (region.clone(), name.clone());
            if !cx.db().write(move |tx| archive::expire(tx, now, &region, &name)).await? {
                break;
            }
        }
    }
    Ok(())
}
