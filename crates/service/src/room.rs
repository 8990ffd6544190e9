//! Room for what takes a core for a while: so much of it at once, and no more.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::error::Error;

/// What is done in it waits until there is room.
pub struct Room(Arc<Semaphore>);

impl Room {
    /// For so much at once.
    pub fn new(at_once: usize) -> Room {
        Room(Arc::new(Semaphore::new(at_once)))
    }

    /// Runs what takes long on a thread of its own: those who want it wait for each other rather than everybody for them.
    ///
    /// # Errors
    /// Those of the work; and an internal one when it panics.
    pub async fn run<T: Send + 'static, E: From<Error> + Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let permit = self.0.clone().acquire_owned().await.map_err(Error::internal)?;
        let work = move || {
            let done = work();
            drop(permit);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn only_so_much_runs_at_once_and_other_rooms_go_on() {
        let (hashes, signatures) = (Arc::new(Room::new(1)), Room::new(1));
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (finish, finished) = mpsc::channel::<()>();
        let long = tokio::spawn({
            let hashes = hashes.clone();
            async move {
                let work = move || {
                    let _ = begun.send(());
                    let _ = finished.recv();
                    Ok(1)
                };
                hashes.run::<_, Error>(work).await.ok()
            }
        });
        has_begun.await.unwrap();
        assert_eq!(hashes.0.available_permits(), 0);
        assert_eq!(signatures.run::<_, Error>(|| Ok(2)).await.ok(), Some(2), "who signs does not wait for who hashes");
        finish.send(()).unwrap();
        assert_eq!(long.await.unwrap(), Some(1));
        assert_eq!(hashes.run::<_, Error>(|| Ok(3)).await.ok(), Some(3));
    }
}
