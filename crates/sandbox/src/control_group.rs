//! A control group for each instance, made ahead of need.
//!
//! Moving a process into a control group waits for all processors of the host, which takes longer than anything else in a
//! start. A process that is *born* in one waits for nothing. In version 2 a process is cloned into a group. In version 1
//! it is born where the thread is that clones it: so each group has a thread, which has moved there beforehand and stays.
//! Groups are used again, and with them their threads; those that a burst has left leave when they are not needed for a while.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::hierarchy::{Controller, Hierarchies};
use crate::launcher::Job;
use crate::network::{Guard, Port};
use crate::tree::{Folder, Resources, plant};
use crate::{Error, Result};

/// Groups that wait for their instances.
const READY: usize = 4;

/// How long more of them have to be too many, before those leave.
const SPARE_FOR: Duration = Duration::from_secs(60);

/// How long the processes of a server that ends may take to leave their groups.
const LEAVE_WAIT_MAX: Duration = Duration::from_secs(1);
const LEAVE_POLL: Duration = Duration::from_millis(5);

/// A launching thread clones, and prepares what the new process needs.
const STACK_BYTES: usize = 512 * 1024;

/// A control group for one instance. Dropping it, when its processes have ended, leaves it to another.
#[derive(Debug)]
pub struct ControlGroup {
    seat: Option<Seat>,
    /// What is to be forgotten when it is another's.
    granted: Mutex<Vec<Port>>,
}

/// Folders and the thread that starts processes there.
#[derive(Debug)]
struct Seat {
    folders: Vec<Folder>,
    /// Of version 2, to be cloned into.
    unified: Option<OwnedFd>,
    jobs: Sender<Job>,
    /// It ends when there can be no more jobs.
    thread: JoinHandle<()>,
    limits: Mutex<Option<Resources>>,
}

struct Pool {
    trees: Vec<Folder>,
    guard: Option<Guard>,
    ready: Mutex<Ready>,
    made: Mutex<u64>,
    /// Rung when a group was taken.
    taken: Sender<()>,
}

/// Groups that wait, of which the last one is taken first.
#[derive(Debug, Default)]
struct Ready {
    seats: Vec<Seat>,
    /// The fewest there have been since it was last looked whether there are too many.
    fewest: usize,
}

impl Ready {
    fn take(&mut self) -> Option<Seat> {
        let seat = self.seats.pop();
        self.fewest = self.fewest.min(self.seats.len());
        seat
    }

    /// Those that nobody has needed since this was last asked, but for some.
    fn spare(&mut self) -> Vec<Seat> {
        let spare = self.fewest.min(self.seats.len()).saturating_sub(READY);
        let seats = self.seats.drain(..spare).collect();
        self.fewest = self.seats.len();
        seats
    }
}

impl Pool {
    /// Removes the groups that nobody has needed for long.
    fn give_back(&self) {
        let spare = self.ready().spare();
        spare.into_iter().for_each(Seat::leave);
    }

    /// Removes the groups that nobody has, and the folders they were in. True when none is left.
    fn uproot(&self) -> bool {
        let Ready { seats, .. } = std::mem::take(&mut *self.ready());
        seats.into_iter().for_each(Seat::leave);
        self.trees.iter().map(Folder::uproot).filter(|gone| !gone).count() == 0
    }
}

/// Which resources this host lets the server share out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shared {
    pub memory: bool,
    pub cpu: bool,
    pub pids: bool,
    /// Whether groups can be frozen, rather than their processes stopped.
    pub freezes: bool,
    /// Whether the loopback addresses are guarded.
    pub guards: bool,
}

static POOL: OnceLock<Pool> = OnceLock::new();

fn pool() -> &'static Pool {
    POOL.get_or_init(|| {
        let (taken, wanted) = channel();
        // The steward waits until the pool is there.
        let steward = std::thread::Builder::new().name("control groups".into());
        if let Err(error) = steward.spawn(move || keep_ready(&wanted)) {
            tracing::debug!(%error, "control groups are made when they are needed");
        }
        let _ = taken.send(());
        let trees = plant(&Hierarchies::find());
        let guard = trees.iter().find(|tree| tree.unified).and_then(guard);
        Pool { trees, guard, ready: Mutex::default(), made: Mutex::default(), taken }
    })
}

fn guard(tree: &Folder) -> Option<Guard> {
    let guard = Guard::new(&tree.path);
    guard
        .inspect_err(|error| tracing::debug!(%error, "functions reach all services on this host's loopback addresses"))
        .ok()
}

fn keep_ready(wanted: &Receiver<()>) {
    let mut looks = Instant::now() + SPARE_FOR;
    loop {
        match wanted.recv_timeout(looks.saturating_duration_since(Instant::now())) {
            Ok(()) => pool().make_ready(),
            Err(RecvTimeoutError::Timeout) => {
                pool().give_back();
                looks = Instant::now() + SPARE_FOR;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl Pool {
    fn ready(&self) -> std::sync::MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make_ready(&self) {
        while !self.trees.is_empty() && self.ready().seats.len() < READY {
            match self.make() {
                Ok(seat) => self.ready().seats.push(seat),
                Err(error) => {
                    tracing::debug!(%error, "no control group was made ahead of need");
                    break;
                }
            }
        }
    }

    /// A group with these limits. One that still holds more than that of what was in it is left for later.
    fn seat(&self, resources: Resources) -> io::Result<Seat> {
        let mut full = Vec::new();
        let seat = loop {
            let Some(seat) = self.ready().take() else {
                break self.make().and_then(|seat| seat.limit(resources).map(|()| seat));
            };
            match seat.limit(resources) {
                Ok(()) => break Ok(seat),
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => full.push(seat),
                Err(error) => break Err(error),
            }
        };
        // First: those are taken last.
        self.ready().seats.splice(..0, full);
        seat
    }

    fn make(&self) -> io::Result<Seat> {
        let number = {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            *made += 1;
            *made
        };
        let name = number.to_string();
        let folders: Vec<Folder> = self.trees.iter().map(|tree| tree.below(&name)).collect::<io::Result<_>>()?;
        let unified = folders.iter().find(|folder| folder.unified);
        let unified = unified.map(|folder| File::open(&folder.path).map(OwnedFd::from)).transpose()?;
        let (jobs, work) = channel::<Job>();
        let (moved, arrived) = channel();
        let places = folders.clone();
        let thread = std::thread::Builder::new().name(format!("launcher {name}")).stack_size(STACK_BYTES);
        let thread = thread.spawn(move || {
            // Zero is the thread that writes.
            let alone = places.iter().filter(|folder| !folder.unified);
            let outcome = alone.into_iter().try_for_each(|folder| folder.write("tasks", 0));
            if moved.send(outcome).is_ok() {
                work.into_iter().for_each(|job| job());
            }
        })?;
        arrived.recv().map_err(|_| io::ErrorKind::BrokenPipe)??;
        Ok(Seat { folders, unified, jobs, thread, limits: Mutex::default() })
    }
}

/// Which resources can be shared out, found out by making the folders for it.
pub(crate) fn shared() -> Shared {
    let has = |wanted| pool().trees.iter().any(|tree| tree.controllers.contains(&wanted));
    Shared {
        memory: has(Controller::Memory),
        cpu: has(Controller::Cpu),
        pids: has(Controller::Pids),
        freezes: pool().trees.iter().any(|tree| tree.unified),
        guards: pool().guard.is_some(),
    }
}

impl ControlGroup {
    /// Makes groups ahead of need, in the background.
    pub fn prepare() {
        let thread = std::thread::Builder::new().name("control groups".into());
        if let Err(error) = thread.spawn(pool) {
            tracing::debug!(%error, "control groups are made when they are needed");
        }
    }

    /// Removes this server's groups, when it has no instance any more and will have none. What cannot be removed, because
    /// a process is still in there, the next server removes.
    pub async fn remove_all() {
        let removed = tokio::task::spawn_blocking(|| {
            let Some(pool) = POOL.get() else { return };
            let deadline = Instant::now() + LEAVE_WAIT_MAX;
            // An instance that was just ended gives its group back a moment later.
            while !pool.uproot() && Instant::now() < deadline {
                std::thread::sleep(LEAVE_POLL);
            }
        });
        if let Err(error) = removed.await {
            tracing::debug!(%error, "the control groups were not removed");
        }
    }

    /// Takes a group and sets its limits; `None` where the host has none for this server.
    ///
    /// # Errors
    /// When a group cannot be made, or the kernel refuses its limits.
    pub async fn take(resources: Resources) -> io::Result<Option<ControlGroup>> {
        let taken = tokio::task::spawn_blocking(move || {
            let pool = pool();
            if pool.trees.is_empty() {
                return Ok(None);
            }
            let seat = pool.seat(resources);
            let _ = pool.taken.send(());
            Ok(Some(ControlGroup { seat: Some(seat?), granted: Mutex::default() }))
        });
        taken.await.map_err(io::Error::other)?
    }

    /// Sets other limits.
    ///
    /// # Errors
    /// When the kernel refuses them.
    pub(crate) fn limit(&self, resources: Resources) -> io::Result<()> {
        self.seat.as_ref().map_or(Ok(()), |seat| seat.limit(resources))
    }

    fn folders(&self) -> &[Folder] {
        self.seat.as_ref().map_or(&[], |seat| &seat.folders)
    }

    fn unified(&self) -> Option<&Folder> {
        self.folders().iter().find(|folder| folder.unified)
    }

    fn memory(&self) -> Option<&Folder> {
        self.folders().iter().find(|folder| folder.controllers.contains(&Controller::Memory))
    }

    /// Lets the processes here reach these ports of the host's loopback addresses, besides those that they serve
    /// themselves. Where the host cannot guard them, they reach all.
    ///
    /// # Errors
    /// When more ports are granted than there is room for.
    pub fn grant(&self, ports: &[Port]) -> io::Result<()> {
        match (&pool().guard, self.unified()) {
            (Some(guard), Some(folder)) => {
                self.granted.lock().unwrap_or_else(PoisonError::into_inner).extend(ports);
                guard.grant(&folder.path, ports)
            }
            _ => Ok(()),
        }
    }

    /// Moves a process here that was not born here, with its threads; waits for all processors of the host.
    ///
    /// # Errors
    /// When there is no such process, or the kernel refuses it.
    pub fn adopt(&self, pid: u32) -> io::Result<()> {
        self.folders().iter().try_for_each(|folder| folder.adopt(pid))
    }

    /// Stops all processes here where they are, so that they use no processor time, or lets them go on. False when the
    /// host cannot do that.
    pub fn freeze(&self, frozen: bool) -> bool {
        self.unified().is_some_and(|folder| folder.write("cgroup.freeze", u8::from(frozen)).is_ok())
    }

    /// Whether the processes here hold more than so many bytes of their own: neither files nor what /tmp holds. `None` where the
    /// host does not count that for groups.
    pub fn holds_more_than(&self, bytes: u64) -> Option<bool> {
        let folder = self.memory()?;
        // The second figure is dearer, and never more than the first.
        let may = folder.used_bytes().is_none_or(|used| used > bytes);
        Some(may && folder.private_bytes().is_some_and(|own| own > bytes))
    }

    /// The folder of version 2, for clone3(2).
    pub(crate) fn descriptor(&self) -> io::Result<Option<OwnedFd>> {
        self.seat.as_ref().and_then(|seat| seat.unified.as_ref()).map(OwnedFd::try_clone).transpose()
    }

    /// Runs `job` on the thread whose children are born here.
    pub(crate) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move || {
            // The caller may have stopped waiting; its result is dropped then, which ends the process.
            let _ = sender.send(job());
        });
        let seat = self.seat.as_ref().ok_or(Error::Launcher)?;
        seat.jobs.send(job).map_err(|_| Error::Launcher)?;
        receiver.await.map_err(|_| Error::Launcher)
    }
}

impl Seat {
    fn limit(&self, resources: Resources) -> io::Result<()> {
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        if *limits != Some(resources) {
            self.folders.iter().try_for_each(|folder| folder.limit(&resources))?;
            *limits = Some(resources);
        }
        Ok(())
    }
}

impl Seat {
    /// Ends its thread, which is in the group, and removes the group.
    fn leave(self) {
        let Seat { folders, unified, jobs, thread, .. } = self;
        drop((jobs, unified));
        let _ = thread.join();
        // What cannot be removed yet goes with the server.
        folders.iter().for_each(|folder| {
            folder.uproot();
        });
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        self.freeze(false);
        if let (Some(guard), Some(folder)) = (&pool().guard, self.unified()) {
            guard.forget(&folder.path, &self.granted.lock().unwrap_or_else(PoisonError::into_inner));
        }
        if let Some(seat) = self.seat.take() {
            pool().ready().seats.push(seat);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_a_burst_has_left_leaves_when_it_is_not_needed() {
        let place = tempfile::tempdir().unwrap();
        let tree = Folder { path: place.path().into(), controllers: Vec::new(), unified: true };
        let (ready, made) = Default::default();
        let pool = Pool { trees: vec![tree], guard: None, ready, made, taken: channel().0 };
        let folders = || std::fs::read_dir(place.path()).unwrap().count();
        let resources = Resources { memory_bytes: 1 << 26, cpu_shares: 1, processes: 1 };
        let use_together = |count: usize| {
            let seats: Vec<Seat> = (0..count).map(|_| pool.seat(resources).unwrap()).collect();
            pool.ready().seats.extend(seats);
        };
        use_together(10);
        pool.give_back();
        assert_eq!(folders(), 10, "they were needed a moment ago");
        use_together(3);
        pool.give_back();
        assert_eq!(folders(), 7, "three were needed, and some wait");
        for _ in 0..2 {
            pool.give_back();
            assert_eq!(folders(), READY);
        }
        use_together(5);
        assert_eq!(folders(), 5);
        let left = std::mem::take(&mut pool.ready().seats);
        left.into_iter().for_each(Seat::leave);
        assert_eq!(folders(), 0);
    }
}
