//! StartBackup, ReadBackup: everything that the server keeps, as of one moment, a part at a time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use archive::{Backup, Broken, Data};
use serde::{Deserialize, Serialize};
use service::{Cx, Error};
use tokio::time::Instant;
use wire::Blob;

use super::{Control, Named};

/// The parts of a backup have at least so many bytes, but for the last.
const PART_BYTES: usize = 2 * 1024 * 1024;
/// A backup that nobody reads for so long is given up: while it is there, deleted data takes space.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// What can be backed up, and the backup that is being read: one at a time.
pub struct Backups {
    /// `None`: the engine cannot be copied.
    data: Option<Data>,
    running: Arc<Mutex<Option<Running>>>,
}

struct Running {
    id: String,
    backup: Backup,
    used: Instant,
}

#[derive(Debug, Deserialize)]
pub struct StartInput {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Started {
    pub backup_id: String,
    /// The moment of the backup, in ISO 8601.
    pub time: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReadInput {
    pub backup_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Part {
    /// The next bytes; missing at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Blob>,
    /// At the end: what is damaged on the server, and so in the backup.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<Damage>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Damage {
    pub folder: String,
    pub id: String,
    pub reason: String,
    /// Functions, layers and stacks that need it.
    pub users: Vec<String>,
}

impl Backups {
    pub fn new(data: Option<Data>) -> Backups {
        Backups { data, running: Arc::default() }
    }

    fn start(&self, id: String) -> Result<Started, Error> {
        let data = self.data.as_ref().ok_or_else(|| Error::not_implemented("A backup of a store in memory"))?;
        let mut running = lock(&self.running);
        if running.is_some() {
            return Err(Error::new(
                409,
                "BackupInProgressException",
                "Another backup is being made. Try again when it is finished; one that nobody reads ends after a minute.",
            ));
        }
        let backup = Backup::start(data).map_err(Error::internal)?;
        let started = Started { backup_id: id.clone(), time: backup.header().time.iso8601() };
        *running = Some(Running { id, backup, used: Instant::now() });
        Ok(started)
    }
}

impl Running {
    /// Some parts at once: each call costs a signature and a round trip.
    fn read(&mut self) -> archive::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        while bytes.len() < PART_BYTES {
            match self.backup.next_bytes()? {
                Some(next) => bytes.extend_from_slice(&next),
                None => break,
            }
        }
        self.used = Instant::now();
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

fn lock(running: &Mutex<Option<Running>>) -> std::sync::MutexGuard<'_, Option<Running>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

pub async fn start(control: Arc<Control>, cx: Cx, _: StartInput) -> Result<Started, Error> {
    let started = control.backups.start(cx.request_id().to_owned())?;
    tokio::spawn(give_up(Arc::clone(&control.backups.running), started.backup_id.clone()));
    Ok(started)
}

/// Ends the backup once nobody reads it any more.
async fn give_up(running: Arc<Mutex<Option<Running>>>, id: String) {
    loop {
        let until = match &*lock(&running) {
            Some(found) if found.id == id => found.used + IDLE_MAX,
            _ => return,
        };
        if until <= Instant::now() {
            lock(&running).take_if(|found| found.id == id && found.used + IDLE_MAX <= Instant::now());
        }
        tokio::time::sleep_until(until.max(Instant::now() + Duration::from_secs(1))).await;
    }
}

pub async fn read(control: Arc<Control>, cx: Cx, input: ReadInput) -> Result<Part, Error> {
    let running = Arc::clone(&control.backups.running);
    let read = tokio::task::spawn_blocking(move || {
        let mut running = lock(&running);
        let found = running.as_mut().filter(|found| found.id == input.backup_id).ok_or_else(|| {
            Error::new(404, "BackupNotFoundException", "There is no such backup; nobody read it for a minute, perhaps.")
        })?;
        let bytes = found.read().map_err(Error::internal);
        let ended = match bytes {
            Ok(Some(_)) => None,
            _ => running.take(),
        };
        bytes.map(|bytes| (bytes, ended))
    });
    let (bytes, ended) = read.await.map_err(Error::internal)??;
    let broken = ended.map(|ended| damage(&cx, ended.backup.broken())).transpose()?.unwrap_or_default();
    Ok(Part { bytes: bytes.map(|bytes| Blob(bytes.into())), broken })
}

fn damage(cx: &Cx, broken: &[Broken]) -> Result<Vec<Damage>, Error> {
    if broken.is_empty() {
        return Ok(Vec::new());
    }
    let named = Named::find(cx.db()).map_err(Error::internal)?;
    let damage = broken.iter().map(|broken| Damage {
        folder: broken.folder.clone(),
        id: broken.id.to_string(),
        reason: broken.reason.clone(),
        users: named.users(broken).to_vec(),
    });
    Ok(damage.collect())
}
