//! What Application Auto Scaling does by itself: runs scheduled actions, and keeps capacities where bounds and policies want
//! them.

use std::collections::HashMap;
use std::sync::Arc;

use base::Region;
use kv::{Order, Tx};
use serde_json::json;
use service::{Caller, Cx, events, timers};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::keys::{CHANNEL, PENDING, POLICIES, TARGETS};
use crate::limits::SAMPLE_INTERVAL;
use crate::model::{action, activity, target};
use crate::tracking::{Meter, Wish};
use crate::types::{Activity, Pending, Policy, Resource, Target};
use crate::{AutoScaling, capacity};

/// An action's timer came due.
pub fn fire(_: &AutoScaling, cx: &Cx, tx: &mut Tx, timer: &timers::Timer) -> Result<(), service::Error> {
    // One request is one timer: its identifier is as good as any, and the same when the transaction runs again.
    Ok(action::run(tx, cx.now(), &timer.key, cx.request_id().to_owned())?)
}

/// Follows bounds and policies, until the server stops.
pub async fn run(_: Arc<AutoScaling>, cx: Cx, stop: CancellationToken) {
    let mut meters = HashMap::new();
    loop {
        let mut changed = cx.db().watch(CHANNEL);
        let watches = match step(&cx.renew(), &mut meters).await {
            Ok(watches) => watches,
            Err(error) => {
                tracing::error!(%error, "capacities cannot be looked at");
                true
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = changed.changed() => {}
            () = tokio::time::sleep(SAMPLE_INTERVAL), if watches => {}
        }
    }
}

/// Does what is to be done now. True when there are policies, for which use has to be looked at.
pub async fn step(cx: &Cx, meters: &mut HashMap<String, Meter>) -> Result<bool, Error> {
    let (pending, policies) = {
        let read = cx.db().read()?;
        let pending = PENDING.scan(&read, Order::Forward)?.collect::<Result<Vec<_>, _>>()?;
        let policies = POLICIES.scan(&read, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
        (pending, policies)
    };
    for (key, Pending { cause }) in pending {
        let found = TARGETS.get(&cx.db().read()?, &key)?;
        if let Some(target) = found {
            bring_within_bounds(&of_region(cx, &target.resource), &target, cause).await?;
        }
        cx.db().write(move |tx| PENDING.delete(tx, &key)).await?;
    }
    meters.retain(|arn, _| policies.iter().any(|policy| policy.arn == *arn));
    for policy in &policies {
        let meter = meters.entry(policy.arn.clone()).or_default();
        if let Err(error) = track(&of_region(cx, &policy.resource), policy, meter).await {
            tracing::warn!(%error, policy = policy.name, "a scaling policy could not be followed");
        }
    }
    Ok(!policies.is_empty())
}

/// The service's own request, where the resource is.
fn of_region(cx: &Cx, resource: &Resource) -> Cx {
    let region = Region::new(resource.region.as_str());
    cx.cloud().cx(Caller::system(cx.cloud().account()), region, None)
}

async fn bring_within_bounds(cx: &Cx, target: &Target, cause: String) -> Result<(), Error> {
    match capacity::current(cx, &target.resource).await {
        Ok(Some(now)) => set(cx, target, now, now, cause).await.map(drop),
        Ok(None) => Ok(()),
        Err(error) => told(cx, target, None, cause, Some(error.to_string())).await,
    }
}

/// Looks at the use, and scales when the policy wants it.
async fn track(cx: &Cx, policy: &Policy, meter: &mut Meter) -> Result<(), Error> {
    let target = target::find(&cx.db().read()?, &policy.resource)?;
    let Some(now) = capacity::current(cx, &policy.resource).await?.filter(|_| meter.has_rested(cx.now())) else {
        return Ok(());
    };
    if !(target.min..=target.max).contains(&now) {
        let (bound, word) = if now < target.min { ("minimum", "below") } else { ("maximum", "above") };
        let cause = format!("the capacity was {word} the {bound} capacity");
        return set_or_rest(cx, &target, now, now, cause, meter).await;
    }
    let used = capacity::utilization(cx, &policy.resource)?.unwrap_or(0.0);
    if !meter.sample(cx.now(), used) {
        return Ok(());
    }
    let watch = capacity::watch(&policy.resource, policy.target_value)?;
    let (wanted, word) = match meter.decide(policy, &watch, now, cx.now()) {
        Some(Wish::Out(wanted)) if !target.suspended.scaling_out => (wanted, "above"),
        Some(Wish::In(wanted)) if !target.suspended.scaling_in => (wanted, "below"),
        _ => return Ok(()),
    };
    let cause = format!("the use was {word} the target value of policy {}", policy.name);
    set_or_rest(cx, &target, now, wanted, cause, meter).await
}

async fn set_or_rest(
    cx: &Cx,
    target: &Target,
    now: u32,
    wanted: u32,
    cause: String,
    meter: &mut Meter,
) -> Result<(), Error> {
    if !set(cx, target, now, wanted, cause).await? {
        meter.fail(cx.now());
    }
    Ok(())
}

/// Sets a capacity, within its bounds, unless it is what there is; whether it is set then.
async fn set(cx: &Cx, target: &Target, now: u32, wanted: u32, cause: String) -> Result<bool, Error> {
    let wanted = wanted.clamp(target.min, target.max);
    if wanted == now {
        return Ok(true);
    }
    let failure = capacity::set(cx, &target.resource, wanted).await.err().map(|error| error.to_string());
    let done = failure.is_none();
    told(cx, target, Some(Change { from: now, to: wanted }), cause, failure).await?;
    Ok(done)
}

/// Of a capacity.
#[derive(Clone, Copy)]
struct Change {
    from: u32,
    to: u32,
}

/// Remembers what was done, and tells EventBridge of a capacity that can grow no more.
async fn told(
    cx: &Cx,
    target: &Target,
    change: Option<Change>,
    cause: String,
    failure: Option<String>,
) -> Result<(), Error> {
    let (id, ended) = (cx.env().uuid(), cx.env().now());
    let namespace = &target.resource.namespace;
    let set = change.map_or_else(|| "desired capacity".into(), |change| format!("desired capacity to {}", change.to));
    let message = match &failure {
        Some(failure) => format!("Failed to set {set}. Reason: {failure}"),
        None => format!("Successfully set {set}. Change successfully fulfilled by {namespace}."),
    };
    let (resource, description, started) = (target.resource.clone(), format!("Setting {set}."), cx.now());
    let done = Activity { id, resource, description, cause, started, ended, failure, message };
    let (context, target) = (cx.clone(), target.clone());
    let record = move |tx: &mut Tx| {
        activity::record(tx, &done)?;
        let grown = change.filter(|change| done.failure.is_none() && change.to > change.from);
        match grown.filter(|change| change.to == target.max) {
            Some(change) => tell_of_maximum(tx, &context, &target, change, &done),
            None => Ok(()),
        }
    };
    cx.db().write(record).await
}

/// Source: <https://docs.aws.amazon.com/autoscaling/application/userguide/automating-with-eventbridge.html>
fn tell_of_maximum(tx: &mut Tx, cx: &Cx, target: &Target, change: Change, done: &Activity) -> Result<(), Error> {
    let detail = || {
        json!({
            "startTime": events::time(done.started),
            "endTime": events::time(done.ended),
            "newDesiredCapacity": change.to,
            "oldDesiredCapacity": change.from,
            "minCapacity": target.min,
            "maxCapacity": target.max,
            "resourceId": target.resource.id,
            "scalableDimension": target.resource.dimension,
            "serviceNamespace": target.resource.namespace,
            "statusCode": "Successful",
            "scaledToMax": true,
            "direction": "scale-out",
        })
    };
    let kind = "Application Auto Scaling Scaling Activity State Change";
    events::emit(tx, cx, "aws.application-autoscaling", kind, &[], detail).map_err(Error::Other)
}
