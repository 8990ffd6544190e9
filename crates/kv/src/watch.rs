//! Waiting for a change: transactions name channels, watchers of a channel hear of it once the transaction is durable.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

/// The channels that somebody watches.
#[derive(Default)]
pub(crate) struct Watchers(Mutex<HashMap<Bytes, watch::Sender<()>>>);

impl Watchers {
    pub fn watch(self: &Arc<Self>, channel: &[u8]) -> Watch {
        let channel = Bytes::copy_from_slice(channel);
        let receiver = self.lock().entry(channel.clone()).or_insert_with(|| watch::Sender::new(())).subscribe();
        Watch { channel, receiver, watchers: Arc::clone(self) }
    }

    pub fn wake(&self, channels: &BTreeSet<Bytes>) {
        if channels.is_empty() {
            return;
        }
        let watched = self.lock();
        for sender in channels.iter().filter_map(|channel| watched.get(channel)) {
            sender.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Bytes, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears of every wake-up of its channel since it was made, or since [`Watch::changed`] last returned; several may
/// be heard as one. So: make the watch, then read; when what was read is not enough, wait, and read again.
pub struct Watch {
    channel: Bytes,
    receiver: watch::Receiver<()>,
    watchers: Arc<Watchers>,
}

impl Watch {
    /// Returns when there is news. Waits for ever on a closed store. Safe to cancel: no wake-up is lost.
    pub async fn changed(&mut self) {
        if self.receiver.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watched = self.watchers.lock();
        // This watch's own receiver still counts.
        if watched.get(&self.channel).is_some_and(|sender| sender.receiver_count() <= 1) {
            watched.remove(&self.channel);
        }
    }
}
