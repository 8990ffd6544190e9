//! FollowQuery, an operation of our own: the result of a query, and then every change of it, for as long as the caller
//! listens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::available_parallelism;
use std::time::Duration;

use base::Arn;
use futures_util::{Stream, StreamExt, stream};
use kv::Watch;
use serde::{Deserialize, Deserializer, Serialize};
use service::{Cx, Error as ServiceError, Event, News, Permission};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::query::{self, QueryInput};
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::keys::{partition_channel, table_channel};
use crate::limits::{CALLER_FOLLOWERS_MAX, FOLLOWED_ITEMS_MAX, FOLLOWERS_MAX};
use crate::model::follow::{Change, Found, Trace, changes};
use crate::model::page::Source;
use crate::model::table;

/// How often a client is shown that the server is still there.
const PULSE: Duration = Duration::from_secs(15);
/// Changes that come in faster than this, or than they can be read, are told together.
const PAUSE: Duration = Duration::from_millis(20);

/// Those who follow.
pub struct Followers {
    places: Arc<Semaphore>,
    /// The places of each caller who has any.
    callers: Mutex<HashMap<Arn, Weak<Semaphore>>>,
    /// Who reads: half of the processors are left to others.
    reading: Arc<Semaphore>,
}

/// What a follower holds for as long as it follows.
struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_caller: OwnedSemaphorePermit,
}

impl Default for Followers {
    fn default() -> Followers {
        Followers {
            places: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
            callers: Mutex::default(),
            reading: Arc::new(Semaphore::new(available_parallelism().map_or(1, |count| count.get().div_ceil(2)))),
        }
    }
}

impl Followers {
    /// # Errors
    /// `LimitExceededException` when too many follow, or the caller follows too much.
    fn enter(&self, caller: &Arn) -> Result<Place, Error> {
        let of_caller = self.places_of(caller).try_acquire_owned().map_err(|_| {
            Error::LimitExceeded(format!(
                "{caller} follows {CALLER_FOLLOWERS_MAX} queries already, the most that one caller may; end one first"
            ))
        })?;
        let of_all = self.places.clone().try_acquire_owned().map_err(|_| {
            Error::LimitExceeded(format!("{FOLLOWERS_MAX} queries are being followed already; try again later"))
        })?;
        Ok(Place { _of_all: of_all, _of_caller: of_caller })
    }

    fn places_of(&self, caller: &Arn) -> Arc<Semaphore> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = callers.get(caller).and_then(Weak::upgrade) {
            return places;
        }
        // Who has left is forgotten when somebody comes.
        callers.retain(|_, places| places.strong_count() > 0);
        let places = Arc::new(Semaphore::new(CALLER_FOLLOWERS_MAX));
        callers.insert(caller.clone(), Arc::downgrade(&places));
        places
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FollowInput {
    #[serde(deserialize_with = "query_in_text")]
    query: QueryInput,
}

/// A query string has no place for structures: the query's own input comes as JSON in one parameter.
fn query_in_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<QueryInput, D::Error> {
    let text = String::deserialize(deserializer)?;
    wire::json::decode(text.as_bytes()).map_err(serde::de::Error::custom)
}

/// Who may query may follow.
pub fn permissions(_: &Followers, cx: &Cx, input: &FollowInput) -> Result<Vec<Permission>, ServiceError> {
    Ok(vec![query_permission(cx, &input.query)?])
}

fn query_permission(cx: &Cx, query: &QueryInput) -> Result<Permission, ServiceError> {
    query::permission(cx, query)
}

/// # Errors
/// Those of Query; `LimitExceededException` when too many follow, the caller follows too much, or the result is too
/// large to be followed.
pub async fn follow(followers: Arc<Followers>, cx: Cx, input: FollowInput) -> Result<News, Error> {
    let query = input.query;
    check(&query)?;
    let place = followers.enter(&cx.caller().arn)?;
    let reading = followers.reading.clone();
    let turn = reading.clone().acquire_owned().await;
    let (follower, result) = Follower::begin(cx, query, place, reading)?;
    drop(turn);
    Ok(News::new(follower.tell(result)))
}

/// # Errors
/// For what makes no sense when the result is kept up to date.
fn check(query: &QueryInput) -> Result<(), Error> {
    let refuse = |parameter: &str, instead: &str| {
        Err(Error::Validation(format!("{parameter} cannot be used when following a query: {instead}")))
    };
    if query.exclusive_start_key.is_some() {
        return refuse("ExclusiveStartKey", "its result begins with the first item. Use a condition on the sort key");
    }
    if query.select.as_deref() == Some("COUNT") {
        return refuse("Select=COUNT", "count the items that you are told of");
    }
    if query.return_consumed_capacity.as_deref().is_some_and(|report| report != "NONE") {
        return refuse("ReturnConsumedCapacity", "the result is told more than once");
    }
    Ok(())
}

/// What a follower is told.
#[derive(Serialize)]
#[serde(tag = "Type", rename_all_fields = "PascalCase")]
enum Told {
    Result {
        items: Vec<StoredItem>,
        count: usize,
    },
    Changes {
        changes: Vec<Change>,
        count: usize,
    },
    /// The last thing that is told.
    Error {
        code: String,
        message: String,
    },
}

struct Follower {
    cx: Cx,
    query: QueryInput,
    /// The table's number: another one of the same name is another table.
    table: u64,
    /// The number of what is read: the table's, or an index's.
    source: u64,
    of_partition: Watch,
    of_table: Watch,
    /// What the follower has by now.
    has: Vec<Trace>,
    /// Until when no changes are told.
    pause: Instant,
    /// Has told its error.
    ended: bool,
    reading: Arc<Semaphore>,
    _place: Place,
}

/// The number under which changes of what is read are made known. A local index has the table's partitions, and a
/// query of it may also read what the index does not hold.
fn channel(source: Source<'_>) -> u64 {
    let is_local = |id| source.table.local_indexes.iter().any(|index| index.id == id);
    if is_local(source.id()) { source.table.id } else { source.id() }
}

impl Follower {
    /// With the result that is told first.
    fn begin(cx: Cx, query: QueryInput, place: Place, reading: Arc<Semaphore>) -> Result<(Follower, Told), Error> {
        let asked = query::validated(&query)?;
        let snapshot = cx.db().read()?;
        let table = table::find(&snapshot, cx.region().as_str(), query.table_name.as_deref().unwrap_or_default())?;
        let read = query::place(&table, &query, &asked)?;
        let source = read.source.id();
        // Watched before it is read: what changes in between is told again, and found to be the same.
        let of_partition = cx.db().watch(&partition_channel(channel(read.source), &read.partition));
        let of_table = cx.db().watch(&table_channel(table.id));
        let (table, has, pause, ended) = (table.id, Vec::new(), Instant::now(), false);
        let mut follower =
            Follower { cx, query, table, source, of_partition, of_table, has, pause, ended, reading, _place: place };
        let result = follower.read()?;
        follower.has = result.iter().map(Trace::from).collect();
        let items: Vec<_> = result.into_iter().map(|found| found.shown).collect();
        Ok((follower, Told::Result { count: items.len(), items }))
    }

    /// The result as it is now.
    fn read(&self) -> Result<Vec<Found>, Error> {
        let asked = query::validated(&self.query)?;
        let snapshot = self.cx.db().read()?;
        let name = self.query.table_name.as_deref().unwrap_or_default();
        let table = table::find(&snapshot, self.cx.region().as_str(), name)?;
        if table.id != self.table {
            return Err(Error::ResourceNotFound("The table that was followed has been deleted".into()));
        }
        let place = query::place(&table, &self.query, &asked)?;
        if place.source.id() != self.source {
            return Err(Error::ResourceNotFound("The index that was followed has been deleted".into()));
        }
        let page = query::read(&snapshot, &self.query, &asked, &place)?;
        let cut = page.last.is_some() && page.scanned < self.query.limit();
        if cut || page.items.len() > FOLLOWED_ITEMS_MAX {
            return Err(Error::LimitExceeded(format!(
                "The result is larger than what can be followed, {FOLLOWED_ITEMS_MAX} items or 1 MB; give a Limit, or a condition on the sort key"
            )));
        }
        let shown = asked.selection.project(page.items.clone());
        Ok(page.items.iter().zip(shown).filter_map(|(item, shown)| Found::new(place.source, item, shown)).collect())
    }

    /// # Errors
    /// When the caller may not know the result any more, or is nobody any more.
    fn authorize(&self) -> Result<(), ServiceError> {
        let cx = self.cx.renew();
        if self.cx.expires().is_some_and(|expires| expires <= cx.now()) {
            return Err(ServiceError::new(
                403,
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ));
        }
        cx.authorize(&query_permission(&cx, &self.query)?)
    }

    /// What has changed since the last reading, if the caller may still know.
    fn changes(&mut self) -> Result<Option<Told>, ServiceError> {
        self.authorize()?;
        let result = self.read()?;
        let (has, count) = (result.iter().map(Trace::from).collect(), result.len());
        let changes = changes(&self.has, result, self.query.order());
        self.has = has;
        Ok((!changes.is_empty()).then_some(Told::Changes { changes, count }))
    }

    fn tell(self, result: Told) -> impl Stream<Item = Event> + Send {
        let first = stream::iter([message(&result)]);
        let later = stream::unfold(self, |mut follower| async {
            let event = follower.next().await?;
            Some((event, follower))
        });
        first.chain(later)
    }

    /// Waits for something to tell; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        let lasts = self.cx.expires().map_or(PULSE, |expires| expires.since(self.cx.env().now()));
        let pulse = Instant::now() + PULSE.min(lasts);
        loop {
            tokio::select! {
                () = self.of_partition.changed() => {}
                () = self.of_table.changed() => {}
                () = sleep_until(pulse) => {
                    return Some(self.authorize().map_or_else(|error| self.end(error), |()| Event::Pulse));
                }
                () = self.cx.cloud().stopping() => return None,
            }
            sleep_until(self.pause).await;
            let turn = self.reading.clone().acquire_owned().await;
            let began = Instant::now();
            let changes = self.changes();
            self.pause = Instant::now() + PAUSE.max(began.elapsed());
            drop(turn);
            match changes {
                Ok(Some(changes)) => return Some(message(&changes)),
                Ok(None) => {}
                Err(error) => return Some(self.end(error)),
            }
        }
    }

    /// With the last thing that is told.
    fn end(&mut self, error: ServiceError) -> Event {
        self.ended = true;
        message(&Told::Error { code: error.code.into(), message: error.message })
    }
}

fn message(told: &Told) -> Event {
    // Maps with names for keys, which is what all of it is, can always be written.
    Event::Message(serde_json::to_string(told).unwrap_or_default())
}
