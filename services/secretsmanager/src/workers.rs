//! What Secrets Manager does by itself: rotating secrets, and removing those whose recovery window has ended.
//!
//! A rotation is four calls of a function. Which one is next is stored: after a crash it goes on there, and so a step may be
//! called twice, as on AWS.

use std::sync::Arc;

use base::{AccountId, Arn, Timestamp};
use bytes::Bytes;
use futures_util::StreamExt as _;
use kv::Tx;
use serde_json::json;
use service::{Caller, Cx, timers};
use tokio_util::sync::CancellationToken;

use crate::SecretsManager;
use crate::error::Error;
use crate::keys;
use crate::limits;
use crate::model::{rotation, secret, version};
use crate::types::{PENDING, Secret, UnderWay};

/// What a function is called for, one after the other.
pub const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/// How long to wait after the store could not be read.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(5);

/// The service, acting for a secret: function policies name it so.
pub fn caller(secret: &Secret) -> Caller {
    let account = AccountId::new(secret.arn.account.as_str());
    Caller { arn: secret.arn.clone(), ..Caller::service(&account, "secretsmanager.amazonaws.com") }
}

/// Rotates secrets as they come due, until `stop`.
pub async fn rotate(_: Arc<SecretsManager>, cx: Cx, stop: CancellationToken) {
    loop {
        let mut changed = cx.db().watch(&keys::rotations());
        let next = match round(&cx).await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(%error, "rotations of secrets cannot be read; they are tried again");
                Some(cx.env().now() + PAUSE)
            }
        };
        let wait = async {
            match next {
                Some(next) => tokio::time::sleep(next.since(cx.env().now())).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = changed.changed() => {}
            () = wait => {}
        }
    }
}

/// One step of everything that is due. Returns when to look again.
pub async fn round(cx: &Cx) -> Result<Option<Timestamp>, Error> {
    let now = cx.env().now();
    let (due, next) = rotation::all_due(&cx.db().read()?, now, limits::ROTATIONS_AT_ONCE)?;
    let steps =
        futures_util::stream::iter(due).for_each_concurrent(limits::ROTATIONS_AT_ONCE, |(region, name)| async move {
            if let Err(error) = step(cx, &region, &name).await {
                tracing::error!(%error, secret = name, "a step of a rotation could not be taken");
            }
        });
    steps.await;
    Ok(next)
}

/// Takes the step that is due, or begins the rotation.
async fn step(cx: &Cx, region: &str, name: &str) -> Result<(), Error> {
    let cx = cx.renew().in_region(region);
    let Some(found) = secret::get(&cx.db().read()?, region, name)? else { return Ok(()) };
    let Some(rotation) = found.rotation.clone() else { return Ok(()) };
    let Some(under_way) = rotation.under_way else { return begin(&cx, found).await };
    let index = usize::try_from(under_way.step).unwrap_or(usize::MAX);
    let Some(step) = STEPS.get(index) else { return Ok(()) };
    let failure = call(&cx, &found, &rotation.function, step, &under_way).await;
    if let Some(failure) = &failure {
        tracing::warn!(secret = %found.arn, step, failure, "a step of a rotation failed");
    }
    let (arn, name, now, version) = (found.arn.clone(), found.name.clone(), cx.env().now(), under_way.version);
    let done = failure.is_none();
    let next = move |tx: &mut Tx| -> Result<bool, Error> {
        let Some(mut secret) = secret::get(tx, &arn.region, &name)?.filter(|secret| secret.arn == arn) else {
            return Ok(true);
        };
        // Cancelled, or begun anew, while the function was running.
        let same = secret.rotation.as_ref().and_then(|rotation| rotation.under_way.as_ref());
        if same.is_none_or(|same| same.version != version || usize::try_from(same.step) != Ok(index)) {
            return Ok(true);
        }
        if done {
            rotation::step(tx, &mut secret, STEPS.len().try_into().unwrap_or(u32::MAX), now)?;
            return Ok(true);
        }
        let goes_on = rotation::retry(tx, &mut secret, now)?;
        if !goes_on {
            // Its version goes, so that the next rotation can make one.
            version::detach(&mut secret, PENDING);
            secret::put(tx, &secret)?;
        }
        Ok(goes_on)
    };
    if !cx.db().write(next).await? {
        tracing::error!(secret = %found.arn, "a rotation was given up: a step failed too often");
    }
    Ok(())
}

/// Begins a rotation whose time has come.
async fn begin(cx: &Cx, found: Secret) -> Result<(), Error> {
    let (id, now, arn) = (cx.env().uuid(), cx.env().now(), found.arn);
    let begin = move |tx: &mut Tx| {
        let name = found.name.as_str();
        let Some(mut secret) = secret::get(tx, &arn.region, name)?.filter(|secret| secret.arn == arn) else {
            return Ok(());
        };
        rotation::begin(tx, &mut secret, &id, now)
    };
    cx.db().write(begin).await
}

/// Calls the function. Returns why it failed, if it did: its words, which are the user's own.
async fn call(cx: &Cx, found: &Secret, function: &Arn, step: &str, under_way: &UnderWay) -> Option<String> {
    let event = json!({
        "Step": step,
        "SecretId": found.arn,
        "ClientRequestToken": under_way.version,
        "RotationToken": cx.request_id(),
    });
    match cx.with_caller(caller(found)).invoke(function.clone(), Bytes::from(event.to_string())).await {
        Ok(answer) => answer.function_error,
        Err(error) => Some(error.to_string()),
    }
}

/// A secret's recovery window has ended.
pub fn fire(_: &SecretsManager, cx: &Cx, tx: &mut Tx, timer: &timers::Timer) -> Result<(), service::Error> {
    let arn = std::str::from_utf8(&timer.key).ok().and_then(|text| text.parse::<Arn>().ok());
    let arn = arn.ok_or_else(|| service::Error::internal("a timer is of no secret"))?;
    match secret::find(tx, &arn, &arn.to_string()) {
        Ok(mut found) if found.arn == arn && found.deletion.is_some_and(|at| at <= cx.now()) => {
            Ok(secret::delete(tx, &mut found)?)
        }
        Ok(_) | Err(Error::NotFound) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
