//! Who is connected to WebSocket APIs. In memory alone: a connection is this process's, and ends with it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::Timestamp;
use bytes::Bytes;
use service::{Farewell, Told};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::error::Error;
use crate::limits;
use crate::types::websocket::Beginning;

/// What a message takes in memory besides its own bytes: so that empty ones do not wait without number.
const MESSAGE_OVERHEAD_BYTES: usize = 128;

pub struct Connections {
    all: Mutex<HashMap<String, Arc<Connection>>>,
    /// What waits to be taken by clients, in bytes.
    untaken: Arc<Semaphore>,
    /// What clients have said that is worked on, in bytes.
    pub worked_on: Arc<Semaphore>,
    /// What is told of connections that have ended, by API: one whose function is slow does not keep the others waiting.
    disconnects: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Default for Connections {
    fn default() -> Connections {
        Connections {
            all: Mutex::default(),
            untaken: Arc::new(Semaphore::new(limits::UNTAKEN_BYTES_IN_ALL_MAX)),
            worked_on: Arc::new(Semaphore::new(limits::MESSAGES_BYTES_MAX)),
            disconnects: Mutex::default(),
        }
    }
}

pub struct Connection {
    pub beginning: Beginning,
    /// Milliseconds since the epoch.
    active: AtomicU64,
    waiting: Mutex<VecDeque<Waiting>>,
    rung: Notify,
    room: Arc<Semaphore>,
}

/// Something that a client is to be told, and the memory that it takes until it is.
pub struct Waiting {
    pub told: Told,
    pub room: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connections {
    /// Lets others find a connection, for as long as what this gives is there.
    pub fn enter(self: &Arc<Self>, beginning: Beginning) -> Entered {
        let connection = Arc::new(Connection {
            active: AtomicU64::new(beginning.connected.as_millis()),
            waiting: Mutex::default(),
            rung: Notify::new(),
            room: Arc::new(Semaphore::new(limits::UNTAKEN_BYTES_MAX)),
            beginning,
        });
        locked(&self.all).insert(connection.beginning.id.clone(), connection.clone());
        Entered { connections: self.clone(), connection }
    }

    pub fn find(&self, id: &str) -> Option<Arc<Connection>> {
        locked(&self.all).get(id).cloned()
    }

    /// Has something wait until the client takes it.
    ///
    /// # Errors
    /// When too much waits already.
    pub fn tell(&self, connection: &Connection, message: Bytes) -> Result<(), Error> {
        let bytes = u32::try_from(message.len() + MESSAGE_OVERHEAD_BYTES).map_err(|_| Error::PayloadTooLarge)?;
        let own = connection.room.clone().try_acquire_many_owned(bytes).map_err(|_| Error::Untaken)?;
        let shared = self.untaken.clone().try_acquire_many_owned(bytes).map_err(|_| Error::Untaken)?;
        // What is no text can be told in no other way.
        let told = match String::from_utf8(message.into()) {
            Ok(text) => Told::Text(text),
            Err(error) => Told::Binary(error.into_bytes().into()),
        };
        connection.wait(Waiting { told, room: Some((own, shared)) });
        Ok(())
    }

    /// Ends a connection, which is gone at once for everybody but its client: that is told first what waits for it.
    pub fn end(&self, connection: &Connection, farewell: Farewell) {
        locked(&self.all).remove(&connection.beginning.id);
        connection.wait(Waiting { told: Told::Farewell(farewell), room: None });
    }

    /// Waits for a turn to tell an API's function of a connection that has ended: many may end at once, as when their API does.
    pub async fn turn(&self, api: &str) -> Option<OwnedSemaphorePermit> {
        let turns = {
            let mut all = locked(&self.disconnects);
            // Whoever waits for a turn, or has one, holds on to them, too.
            all.retain(|_, turns| Arc::strong_count(turns) > 1);
            let new = || Arc::new(Semaphore::new(limits::DISCONNECTS_PER_API_MAX));
            all.entry(api.to_owned()).or_insert_with(new).clone()
        };
        turns.acquire_owned().await.ok()
    }

    /// Ends all connections of an API, or of one of its stages, which is there no more.
    pub fn end_all(&self, api: &str, stage: Option<&str>) {
        let of = |connection: &Connection| {
            let beginning = &connection.beginning;
            beginning.api == api && stage.is_none_or(|stage| beginning.stage == stage)
        };
        let all: Vec<_> = locked(&self.all).values().filter(|connection| of(connection)).cloned().collect();
        all.iter().for_each(|connection| self.end(connection, Farewell::new(1001, "Going away")));
    }
}

/// A connection that others find.
pub struct Entered {
    connections: Arc<Connections>,
    pub connection: Arc<Connection>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        locked(&self.connections.all).remove(&self.connection.beginning.id);
    }
}

impl Connection {
    fn wait(&self, waiting: Waiting) {
        locked(&self.waiting).push_back(waiting);
        self.rung.notify_one();
    }

    /// What the client is to be told next. Nothing is lost when nobody waits for it any more.
    pub async fn next(&self) -> Waiting {
        loop {
            let next = locked(&self.waiting).pop_front();
            match next {
                Some(waiting) => return waiting,
                None => self.rung.notified().await,
            }
        }
    }

    /// A word has gone in either direction.
    pub fn touch(&self, now: Timestamp) {
        self.active.store(now.as_millis(), Ordering::Relaxed);
    }

    pub fn last_active(&self) -> Timestamp {
        Timestamp(self.active.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn beginning(id: &str, api: &str, stage: &str) -> Beginning {
        Beginning { id: id.into(), api: api.into(), stage: stage.into(), ..Beginning::default() }
    }

    #[tokio::test]
    async fn what_waits_for_a_client_is_bounded_and_ends_with_the_farewell() {
        let connections = Arc::new(Connections::default());
        let entered = connections.enter(beginning("a", "api", "dev"));
        let connection = connections.find("a").unwrap();
        let message = Bytes::from(vec![b'x'; limits::MESSAGE_BYTES_MAX]);
        let mut taken = 0;
        while connections.tell(&connection, message.clone()).is_ok() {
            taken += 1;
        }
        assert_eq!(taken, 3, "one message less than the room, as each takes a little more than its bytes");
        assert!(matches!(connections.tell(&connection, message.clone()), Err(Error::Untaken)));
        drop(connection.next().await);
        connections.tell(&connection, message.clone()).unwrap();
        connections.end(&connection, Farewell::new(1000, "x"));
        assert!(connections.find("a").is_none());
        for _ in 0..3 {
            assert!(matches!(connection.next().await.told, Told::Text(_)));
        }
        assert!(matches!(connection.next().await.told, Told::Farewell(_)));
        assert_eq!(connections.untaken.available_permits(), limits::UNTAKEN_BYTES_IN_ALL_MAX);
        drop(entered);
    }

    #[tokio::test]
    async fn an_api_waits_for_turns_of_its_own() {
        let connections = Connections::default();
        let mut turns = Vec::new();
        for _ in 0..limits::DISCONNECTS_PER_API_MAX {
            turns.push(connections.turn("one").await.unwrap());
        }
        assert!(timeout(Duration::ZERO, connections.turn("one")).await.is_err());
        let other = connections.turn("two").await;
        assert!(other.is_some());
        drop(turns.pop());
        assert!(timeout(Duration::ZERO, connections.turn("one")).await.is_ok());
        drop(turns);
        drop(connections.turn("two").await);
        assert_eq!(locked(&connections.disconnects).keys().collect::<Vec<_>>(), ["two"]);
    }

    #[test]
    fn stages_end_with_their_connections() {
        let connections = Arc::new(Connections::default());
        let entered: Vec<_> = [("a", "one", "dev"), ("b", "one", "prod"), ("c", "two", "dev")]
            .map(|(id, api, stage)| connections.enter(beginning(id, api, stage)))
            .into();
        connections.end_all("one", Some("dev"));
        assert_eq!(["a", "b", "c"].map(|id| connections.find(id).is_some()), [false, true, true]);
        connections.end_all("one", None);
        assert_eq!(["b", "c"].map(|id| connections.find(id).is_some()), [false, true]);
        drop(entered);
        assert!(connections.find("c").is_none());
    }
}
