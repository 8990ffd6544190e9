//! Which server archives a store: one at a time, where a data folder was copied and both copies run.
//!
//! Each server that archives a history has a *generation*, and puts a claim under that number where there is none: of two who want
//! the same, one gets it. Whatever it archives bears the number too (see `layout`), so what a server puts that does not know yet of a
//! later generation counts for nothing. A server may follow a generation when all of this is so:
//!
//! - its data folder knows the secret word of that generation, because it was that server, or is a copy of its folder: so of
//!   several copies one goes on, and all others are told;
//! - that server has ended: it said so, or ran on the same folder since the machine started (nobody else can have the folder
//!   open), or its claim did not change for as long as it is renewed several times.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Data, Error, Result, Target};

/// The file in the data folder with the words of the archives that the folder may go on with.
const WORDS: &str = "archives";

/// How often a claim is renewed, and after how long without that its server is taken to have ended.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub renew: Duration,
    pub ended: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { renew: Duration::from_secs(10), ended: Duration::from_secs(30) }
    }
}

/// What a server says of itself while it archives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    /// Of the archive of this history, the same in all generations.
    archive: String,
    /// Known to the data folder of whoever has the generation, and to its copies.
    word: String,
    /// The data folder, as long as the machine runs.
    folder: String,
    host: String,
    since: Timestamp,
    /// Counts the renewals.
    renewed: u64,
    ended: bool,
}

impl Claim {
    fn server(&self) -> String {
        format!("the server on {} that began at {}", self.host, self.since.iso8601())
    }
}

pub struct Lease {
    data: Data,
    target: Arc<dyn Target>,
    pace: Pace,
    state: State,
}

enum State {
    Looking(Looking),
    Held(Renewer),
}

#[derive(Default)]
struct Looking {
    /// The last generation's claim as it was seen, and since when it is so.
    seen: Option<(u32, Claim, Instant)>,
    /// The archive and the word of the last claim that was tried. While it is not known what became of it, the next one has them too:
    /// the data folder keeps the words of all.
    tried: Option<(String, String)>,
}

impl Lease {
    pub fn new(data: Data, target: Arc<dyn Target>, pace: Pace) -> Lease {
        Lease { data, target, pace, state: State::Looking(Looking::default()) }
    }

    /// The generation that this server has, and whether it has just become so. `check` is asked before that whether the store may go on
    /// with what is archived, and says the last generation of that: a claim may have been removed without it.
    ///
    /// # Errors
    /// [`Error::Waiting`] while it is not certain that the server before has ended; [`Error::Claimed`] when it has not, or when
    /// another has gone on since; what `check` says; when the target or the data folder cannot be used.
    pub fn hold(&mut self, check: impl FnOnce() -> Result<u32>) -> Result<(u32, bool)> {
        match &self.state {
            State::Held(renewer) => match renewer.state() {
                Renewal::Good => return Ok((renewer.generation, false)),
                Renewal::Superseded(server) => return Err(Error::Claimed { server }),
                // Somebody has removed the archive: another begins there.
                Renewal::Gone => self.state = State::Looking(Looking::default()),
            },
            State::Looking(_) => {}
        }
        let latest = latest(&*self.target, self.data.journal.history())?;
        let mut words = Words::read(&self.data.folder)?;
        let own = folder_id(&self.data.folder)?;
        if let Some((generation, claim)) = &latest {
            if !words.know(claim) {
                return Err(Error::Claimed { server: claim.server() });
            }
            if !claim.ended && claim.folder != own {
                self.wait_for_end(*generation, claim)?;
            }
        }
        let archived = check()?;
        let renewer = self.claim(latest, archived, &mut words, own)?;
        let generation = renewer.generation;
        self.state = State::Held(renewer);
        Ok((generation, true))
    }

    /// Returns once the claim has not changed for long enough.
    fn wait_for_end(&mut self, generation: u32, claim: &Claim) -> Result<()> {
        let State::Looking(Looking { seen, .. }) = &mut self.state else { return Ok(()) };
        match seen {
            Some((known, before, _)) if (*known, &*before) != (generation, claim) => {
                Err(Error::Claimed { server: claim.server() })
            }
            Some((_, _, since)) if since.elapsed() >= self.pace.ended => Ok(()),
            Some(_) => Err(Error::Waiting { server: claim.server(), time: self.pace.ended }),
            None => {
                *seen = Some((generation, claim.clone(), Instant::now()));
                Err(Error::Waiting { server: claim.server(), time: self.pace.ended })
            }
        }
    }

    /// Takes the generation after the latest, and after all that is `archived`.
    fn claim(
        &mut self,
        before: Option<(u32, Claim)>,
        archived: u32,
        words: &mut Words,
        folder: String,
    ) -> Result<Renewer> {
        let (before, archive) = before.map_or((0, None), |(number, claim)| (number, Some(claim.archive)));
        let last = before.max(archived);
        let reason = || Error::damaged("the archive", format!("there is no generation after {last}"));
        let generation = last.checked_add(1).ok_or_else(reason)?;
        let (archive, word) = self.words_to_try(archive);
        let since = self.data.env.now();
        let claim = Claim { archive, word, folder, host: host(), since, renewed: 0, ended: false };
        let name = claim_name(self.data.journal.history(), generation);
        // Before it is there: should this process end in between, the folder still may go on.
        words.add(&self.data.folder, &claim.archive, &claim.word)?;
        self.target.create(&name, &encode(&claim)?).map_err(failed)?;
        // Whoever was first may be this server: its request may have been repeated.
        match latest(&*self.target, self.data.journal.history())? {
            Some((last, found)) if (last, &found.word) != (generation, &claim.word) => {
                let server = found.server();
                // One that this server put before, and took for failed, is its own.
                let own = words.know(&found);
                return Err(if own {
                    Error::Waiting { server, time: self.pace.ended }
                } else {
                    Error::Claimed { server }
                });
            }
            _ => {}
        }
        words.forget_all_but(&self.data.folder, &claim.archive, &claim.word)?;
        // It is of no use any more, and does no harm.
        if before > 0
            && let Err(error) = self.target.delete(&claim_name(self.data.journal.history(), before))
        {
            tracing::debug!(%error, "an earlier claim stays in the archive");
        }
        Renewer::start(Arc::clone(&self.target), self.data.journal.history(), generation, claim, self.pace.renew)
    }

    /// The archive's identity, a new one unless it has one, and the word of a claim in it.
    fn words_to_try(&mut self, archive: Option<String>) -> (String, String) {
        let env = &self.data.env;
        let new = |archive: Option<String>| (archive.unwrap_or_else(|| env.uuid()), env.uuid());
        let State::Looking(looking) = &mut self.state else { return new(archive) };
        let tried = looking.tried.take().filter(|(of, _)| archive.as_ref().is_none_or(|archive| archive == of));
        looking.tried.insert(tried.unwrap_or_else(|| new(archive))).clone()
    }

    /// Says that this server has ended, so that the next need not wait.
    pub fn release(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.state, State::Looking(Looking::default())) {
            State::Held(renewer) => renewer.end(),
            State::Looking(_) => Ok(()),
        }
    }
}

/// How it stands with a generation that this server has.
#[derive(Clone)]
enum Renewal {
    Good,
    /// By this server.
    Superseded(String),
    Gone,
}

/// Renews a claim, on a thread of its own: what is archived may take longer.
struct Renewer {
    generation: u32,
    shared: Arc<Shared>,
}

struct Shared {
    target: Arc<dyn Target>,
    history: u64,
    generation: u32,
    /// Locked while it is put.
    claim: Mutex<Claim>,
    /// And whether the thread is to end.
    state: Mutex<(Renewal, bool)>,
    ending: Condvar,
}

impl Renewer {
    fn start(target: Arc<dyn Target>, history: u64, generation: u32, claim: Claim, pace: Duration) -> Result<Renewer> {
        let (claim, state) = (Mutex::new(claim), Mutex::new((Renewal::Good, false)));
        let shared = Arc::new(Shared { target, history, generation, claim, state, ending: Condvar::new() });
        let of_thread = Arc::clone(&shared);
        let run = move || {
            while !of_thread.ends_within(pace) {
                match of_thread.renew() {
                    Ok(Renewal::Good) => {}
                    Ok(renewal) => {
                        lock(&of_thread.state).0 = renewal;
                        return;
                    }
                    // Whoever archives finds the same, and tells.
                    Err(error) => tracing::debug!(%error, "the archive's claim is not renewed"),
                }
            }
        };
        std::thread::Builder::new()
            .name("archive-lease".into())
            .spawn(run)
            .map_err(Error::io("a thread of the archiver did not start"))?;
        Ok(Renewer { generation, shared })
    }

    fn state(&self) -> Renewal {
        lock(&self.shared.state).0.clone()
    }

    fn end(&self) -> Result<()> {
        let mut claim = lock(&self.shared.claim);
        claim.ended = true;
        self.shared.put_on(&mut claim).map(drop)
    }
}

impl Drop for Renewer {
    fn drop(&mut self) {
        lock(&self.shared.state).1 = true;
        self.shared.ending.notify_all();
    }
}

impl Shared {
    fn ends_within(&self, time: Duration) -> bool {
        let waited = self.ending.wait_timeout_while(lock(&self.state), time, |(_, ending)| !*ending);
        waited.unwrap_or_else(PoisonError::into_inner).0.1
    }

    fn renew(&self) -> Result<Renewal> {
        let mut claim = lock(&self.claim);
        if claim.ended {
            return Ok(Renewal::Good);
        }
        self.put_on(&mut claim)
    }

    /// Puts the claim over what this server put before, and only over that. Of a machine that was copied with its memory, or put back to
    /// a moment before, there are two with the same generation and word: whoever finds more renewals than its own is the second.
    fn put_on(&self, claim: &mut Claim) -> Result<Renewal> {
        match latest(&*self.target, self.history)? {
            Some((generation, found)) if generation >= self.generation => {
                if generation > self.generation || found.word != claim.word || found.renewed > claim.renewed {
                    return Ok(Renewal::Superseded(found.server()));
                }
            }
            _ => return Ok(Renewal::Gone),
        }
        // Before it is put: a put that fails may have arrived.
        claim.renewed += 1;
        let name = claim_name(self.history, self.generation);
        self.target.put(&name, &mut &encode(claim)?[..]).map_err(failed)?;
        Ok(Renewal::Good)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn claim_name(history: u64, generation: u32) -> String {
    format!("{history:016x}/server/{generation:010}")
}

/// The claim of the last generation, if there is one.
fn latest(target: &dyn Target, history: u64) -> Result<Option<(u32, Claim)>> {
    let prefix = format!("{history:016x}/server/");
    let claims = target.list(&prefix).map_err(failed)?;
    let generations = claims.iter().filter_map(|claim| claim.name.strip_prefix(&prefix)?.parse().ok());
    let Some(generation) = generations.max() else { return Ok(None) };
    let name = claim_name(history, generation);
    let content = target.get(&name).and_then(io::read_to_string).map_err(failed)?;
    let claim = serde_json::from_str(&content).map_err(|error| Error::damaged(name, error.to_string()))?;
    Ok(Some((generation, claim)))
}

fn encode(claim: &Claim) -> Result<Vec<u8>> {
    serde_json::to_vec(claim).map_err(|error| failed(error.into()))
}

fn failed(error: io::Error) -> Error {
    Error::io("the archive's claim cannot be read or put")(error)
}

/// The words that a data folder knows, by archive.
#[derive(Default, Serialize, Deserialize)]
struct Words(BTreeMap<String, Vec<String>>);

impl Words {
    fn read(folder: &Path) -> Result<Words> {
        let path = folder.join(WORDS);
        let cannot = Error::io(format!("{} cannot be read", path.display()));
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Words::default()),
            content => content.and_then(|content| Ok(serde_json::from_slice(&content)?)).map_err(cannot),
        }
    }

    fn know(&self, claim: &Claim) -> bool {
        self.0.get(&claim.archive).is_some_and(|words| words.contains(&claim.word))
    }

    fn add(&mut self, folder: &Path, archive: &str, word: &str) -> Result<()> {
        let words = self.0.entry(archive.to_owned()).or_default();
        if words.iter().any(|known| known == word) {
            return Ok(());
        }
        words.push(word.to_owned());
        self.write(folder)
    }

    fn forget_all_but(&mut self, folder: &Path, archive: &str, word: &str) -> Result<()> {
        self.0.insert(archive.to_owned(), vec![word.to_owned()]);
        self.write(folder)
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let (path, unfinished) = (folder.join(WORDS), folder.join(format!("{WORDS}.unfinished")));
        let write = || {
            let options = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).clone();
            let mut file = options.open(&unfinished)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
            fs::File::open(folder)?.sync_all()
        };
        write().map_err(Error::io(format!("{} cannot be written", path.display())))
    }
}

/// What no other folder has until the machine starts again.
fn folder_id(folder: &Path) -> Result<String> {
    let id = || {
        let meta = fs::metadata(folder)?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        Ok(format!("{}:{}:{}", boot.trim(), meta.dev(), meta.ino()))
    };
    id().map_err(Error::io(format!("{} cannot be told from others", folder.display())))
}

fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}
