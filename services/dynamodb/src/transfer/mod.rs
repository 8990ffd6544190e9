//! Exports to buckets, imports and bulk puts from them, as far as they wait for buckets: the rest is done in steps of transactions.
//! What was done is noted, so that each goes on where it was, also after a crash.

mod bulk;
mod export;
mod files;
mod filter;
mod import;
mod objects;
mod pipe;
mod records;
mod zstd;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use base::Arn;
use kv::{Order, Read};
use service::{Cx, Error as ServiceError};
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

pub use filter::Filter;
pub use import::LOG_GROUP;

use crate::DynamoDb;
use crate::error::Error;
use crate::keys::{TRANSFERS, transfer_channel};
use crate::limits::TRANSFERS_AT_ONCE;
use crate::model::transfer::Kind;
use crate::model::{bulk as bulks, export as exports, import as imports};
use crate::types::Failure;

/// How long one that could not go on waits: for room on the disk, or for a bucket that cannot be asked.
const PAUSE: Duration = Duration::from_secs(5);

/// Why one does not go on.
enum Halt {
    /// It is tried again later.
    Later(String),
    /// It has failed.
    Failed(Failure),
    /// Somebody has stopped it.
    Stopped,
}

impl Halt {
    fn failed(code: &str, message: impl Into<String>) -> Halt {
        Halt::Failed(Failure { code: code.into(), message: message.into() })
    }

    /// What a bucket refuses ends it; a bucket that cannot be asked now does not.
    fn bucket(error: &ServiceError) -> Halt {
        if !error.is_sender_fault() && error.status != 501 {
            return Halt::Later(error.to_string());
        }
        let ServiceError { code, message, status, .. } = error;
        let told = format!("{message} (Service: Amazon S3; Status Code: {status}; Error Code: {code})");
        Halt::failed(&format!("S3{code}"), told)
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        if error.is_unavailable() {
            Halt::Later(error.to_string())
        } else {
            Halt::failed("InternalServerError", error.to_string())
        }
    }
}

impl From<kv::Error> for Halt {
    fn from(error: kv::Error) -> Halt {
        Error::from(error).into()
    }
}

/// Takes exports, imports and bulk puts on, until the server stops.
pub async fn run(_: Arc<DynamoDb>, cx: Cx, stop: CancellationToken) {
    let mut tasks = Tasks::default();
    loop {
        let mut changed = cx.db().watch(&transfer_channel());
        if let Err(error) = tasks.start(&cx) {
            tracing::error!(%error, "exports, imports and bulk puts cannot be looked for");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = changed.changed() => {}
            () = tokio::time::sleep(PAUSE), if tasks.has_waiting() => tasks.put_off.clear(),
            Some(ended) = tasks.set.join_next_with_id() => tasks.ended(&cx, ended).await,
        }
    }
}

/// Those under way.
#[derive(Default)]
struct Tasks {
    set: JoinSet<Result<(), Halt>>,
    /// Which of them each task takes on.
    of: HashMap<Id, (u64, Arn)>,
    /// Those that wait, and are not looked at before that is over.
    put_off: HashSet<u64>,
}

impl Tasks {
    /// Whether there is anything that nobody tells when it can go on.
    fn has_waiting(&self) -> bool {
        !self.put_off.is_empty()
    }

    fn start(&mut self, cx: &Cx) -> Result<(), kv::Error> {
        let read = cx.db().read()?;
        for row in TRANSFERS.scan(&read, Order::Forward)? {
            if self.set.len() >= TRANSFERS_AT_ONCE {
                return Ok(());
            }
            let (id, arn) = row?;
            let Ok(arn) = arn.parse::<Arn>() else { continue };
            if self.put_off.contains(&id)
                || self.of.values().any(|(running, _)| *running == id)
                || !is_ready(&read, &arn)
            {
                continue;
            }
            let task = self.set.spawn(take_on(cx.renew(), arn.clone()));
            self.of.insert(task.id(), (id, arn));
        }
        Ok(())
    }

    async fn ended(&mut self, cx: &Cx, ended: Result<(Id, Result<(), Halt>), tokio::task::JoinError>) {
        let (task, halt) = match ended {
            Ok((task, result)) => (task, result.err()),
            Err(error) => (error.id(), Some(Halt::failed("InternalServerError", error.to_string()))),
        };
        let Some((id, arn)) = self.of.remove(&task) else { return };
        let noted = match halt {
            None | Some(Halt::Stopped) => return,
            Some(Halt::Later(reason)) => {
                tracing::warn!(%arn, reason, "it is tried again later");
                self.put_off.insert(id);
                return;
            }
            Some(Halt::Failed(failure)) => fail(cx, &arn, failure).await,
        };
        if let Err(error) = noted {
            tracing::error!(%arn, %error, "that it has failed cannot be noted yet");
            self.put_off.insert(id);
        }
    }
}

/// Whether there is something to do for it now.
fn is_ready(read: &impl Read, arn: &Arn) -> bool {
    match Kind::of(arn) {
        Some(Kind::Export) => exports::find(read, arn).is_ok_and(|export| !export.begun || export.copied),
        Some(Kind::Import | Kind::Bulk) => true,
        None => false,
    }
}

async fn take_on(cx: Cx, arn: Arn) -> Result<(), Halt> {
    match Kind::of(&arn) {
        Some(Kind::Export) => export::run(&cx, &arn).await,
        Some(Kind::Import) => import::run(&cx, &arn).await,
        Some(Kind::Bulk) => bulk::run(&cx, &arn).await,
        None => Ok(()),
    }
}

async fn fail(cx: &Cx, arn: &Arn, failure: Failure) -> Result<(), Error> {
    let (now, arn) = (cx.env().now(), arn.clone());
    tracing::info!(%arn, code = failure.code, "an export, import or bulk put has failed");
    cx.db()
        .write(move |tx| match Kind::of(&arn) {
            Some(Kind::Import) => imports::fail(tx, &arn, &failure, now),
            Some(Kind::Bulk) => bulks::end(tx, &arn, Some(&failure), now),
            _ => exports::fail(tx, &arn, &failure, now),
        })
        .await
}

/// Only buckets of this account are there.
fn check_owner(cx: &Cx, owner: Option<&str>) -> Result<(), Halt> {
    match owner {
        Some(owner) if owner != cx.account().as_str() => {
            Err(Halt::bucket(&ServiceError::new(403, "AccessDenied", "Access Denied")))
        }
        _ => Ok(()),
    }
}

/// The request's caller, at this time, in the region of `arn`.
fn as_caller(cx: &Cx, caller: &service::Caller, arn: &Arn) -> Cx {
    cx.in_region(&arn.region).with_caller(caller.clone())
}
