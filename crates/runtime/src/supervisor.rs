//! Extensions beside the runtime: a shell that starts them all in one instance, tells how each of them ends, and passes
//! signals on.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sandbox::Exit;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

use crate::channel::{Channel, Closed, Ready};
use crate::extensions::{Extensions, Standing};
use crate::function::FunctionSpec;
use crate::instance::InitCause;
use crate::limits::EXTENSIONS_MAX;
use crate::process::Process;
use crate::report::Failure;

/// Where extensions are in a layer.
const FOLDER: &str = "extensions";

/// The name of the runtime in what the shell says. No file has it.
const RUNTIME: &str = "/";

/// The first argument is how many extensions there are; then come these, then the runtime and its arguments. Descriptor 3
/// takes orders and tells what happens, extensions print to descriptor 4, descriptor 5 is the runtime's. Extensions do not
/// get the variables that Lambda keeps from them.
const SCRIPT: &str = r#"
run() {
  name=$1
  shift
  "$@" 3<&- 4<&- &
  echo "started $! $name" >&3
  wait $!
  echo "ended $? $name" >&3
}
count=$1
shift
while [ "$count" -gt 0 ]; do
  (
    unset AWS_EXECUTION_ENV AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME LAMBDA_RUNTIME_DIR LAMBDA_TASK_ROOT _HANDLER
    run "${1##*/}" "$1" >&4 2>&4 5<&-
  ) &
  shift
  count=$((count - 1))
done
while read -r order number <&3; do
  case $order in
    start) (run / "$@") & ;;
    *) kill -s "$order" "$number" ;;
  esac
done
"#;

/// What `wait` of a shell adds to the number of a signal.
const SIGNALLED: i32 = 128;

/// What a shell says of a program that it could not start.
const NOT_STARTED: [i32; 2] = [126, 127];

/// An extension in a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extension {
    pub name: String,
    /// On the host.
    pub path: PathBuf,
}

/// The conversation with the shell of one instance.
pub(crate) struct Supervisor {
    orders: tokio::sync::Mutex<OwnedWriteHalf>,
    /// The runtime's number in the instance's own table of processes.
    runtime: Arc<Mutex<Option<u32>>>,
    exit: watch::Receiver<Option<Exit>>,
}

/// The extensions in the layers of a function, by name. Of two with one name, that of the later layer is seen.
pub(crate) fn extensions(spec: &FunctionSpec) -> Vec<Extension> {
    let mut found: Vec<Extension> = Vec::new();
    for layer in spec.layers.iter().rev() {
        let files = std::fs::read_dir(layer.join(FOLDER)).into_iter().flatten().flatten();
        let paths = files.map(|file| file.path()).filter(|path| path.is_file());
        for path in paths {
            let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
            if !found.iter().any(|extension| extension.name == name) {
                found.push(Extension { name, path });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

impl Extension {
    /// Whether it can be started.
    pub fn is_executable(&self) -> bool {
        let mode = std::fs::metadata(&self.path).map(|file| file.permissions().mode());
        mode.is_ok_and(|mode| mode & 0o111 != 0) && !self.name.contains('\n')
    }
}

/// The program and the arguments that run `program` beside the extensions at `places`.
pub(crate) fn wrap(places: Vec<PathBuf>, program: &Path, args: Vec<OsString>) -> (PathBuf, Vec<OsString>) {
    let count = places.len().to_string();
    let first = ["-c", SCRIPT, "extensions", count.as_str()].map(OsString::from);
    let places = places.into_iter().map(PathBuf::into_os_string);
    let all = first.into_iter().chain(places).chain([program.as_os_str().to_owned()]).chain(args);
    ("/bin/sh".into(), all.collect())
}

/// A pipe for what the extensions of an instance print. Its user, whoever that is, may open it again by name.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
    rustix::io::ioctl_fionbio(&reader, true)?;
    rustix::fs::fchmod(&writer, rustix::fs::Mode::from_raw_mode(0o666))?;
    Ok((reader, writer))
}

/// The first extension that cannot be started, for the log and for the caller.
pub(crate) fn unusable(extensions: &[Extension]) -> Option<(Standing, Failure)> {
    let kind = "Extension.LaunchError";
    let (extension, error_type, message) = match extensions.get(EXTENSIONS_MAX) {
        Some(extra) => (extra, "TooManyExtensions", format!("Extension limit ({EXTENSIONS_MAX}) reached")),
        None => {
            let refused = extensions.iter().find(|extension| !extension.is_executable())?;
            let message = format!("fork/exec /opt/extensions/{}: permission denied", refused.name);
            (refused, "PermissionDenied", message)
        }
    };
    let (name, error_type) = (extension.name.clone(), Some(error_type.into()));
    let standing = Standing { name, state: "LaunchError", events: Vec::new(), error_type };
    Some((standing, Failure::extension(kind, &message)))
}

/// Waits until the extensions have registered, the function has initialised itself, and all are ready for an event. The
/// function is started after the first of these. Source:
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib>
pub(crate) async fn ready(
    process: &Process,
    channel: &mut Channel,
    extensions: Option<&Extensions>,
) -> Result<Result<Ready, InitCause>, Closed> {
    let Some(extensions) = extensions else { return Ok(channel.ready().await?.map_err(InitCause::Error)) };
    if let Process::Supervised(_, supervisor) = process {
        if let Err(failure) = extensions.registered().await {
            return Ok(Err(InitCause::Extension(failure)));
        }
        supervisor.start().await;
    }
    let ready = tokio::select! {
        biased;
        ready = channel.ready() => ready?,
        failure = extensions.failure() => return Ok(Err(InitCause::Extension(failure))),
    };
    Ok(match ready {
        Ok(ready) => extensions.settled().await.map(|()| ready).map_err(InitCause::Extension),
        Err(error) => Err(InitCause::Error(error)),
    })
}

impl Supervisor {
    /// Our side of the conversation and the shell's. What happens is told to `extensions`.
    pub fn new(extensions: Arc<Extensions>) -> io::Result<(Supervisor, OwnedFd)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (events, orders) = UnixStream::from_std(ours)?.into_split();
        let (sender, exit) = watch::channel(None);
        let runtime = Arc::new(Mutex::new(None));
        tokio::spawn(listen(events, extensions, runtime.clone(), sender));
        Ok((Supervisor { orders: orders.into(), runtime, exit }, theirs.into()))
    }

    /// Has the runtime started.
    pub async fn start(&self) {
        self.order("start").await;
    }

    /// Sends a signal to the runtime, such as `TERM`, if it was started.
    pub async fn signal(&self, signal: &str) {
        let number = *self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = number.filter(|_| self.exit().is_none()) {
            self.order(&format!("{signal} {number}")).await;
        }
    }

    async fn order(&self, order: &str) {
        // A shell that has ended takes no orders; its end is seen elsewhere.
        let _ = self.orders.lock().await.write_all(format!("{order}\n").as_bytes()).await;
    }

    /// How the runtime has ended, if it has.
    pub fn exit(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Waits for the end of the runtime; for ever when the shell ends first.
    pub async fn ended(&self) -> Exit {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await.map(|exit| *exit) {
            Ok(Some(exit)) => exit,
            _ => std::future::pending().await,
        }
    }
}

async fn listen(
    events: OwnedReadHalf,
    extensions: Arc<Extensions>,
    runtime: Arc<Mutex<Option<u32>>>,
    exit: watch::Sender<Option<Exit>>,
) {
    let mut lines = BufReader::new(events).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut words = line.splitn(3, ' ');
        let (Some(event), Some(number), Some(name)) = (words.next(), words.next(), words.next()) else { continue };
        match (event, number.parse(), name) {
            ("started", Ok(pid), RUNTIME) => {
                *runtime.lock().unwrap_or_else(PoisonError::into_inner) = u32::try_from(pid).ok();
            }
            ("ended", Ok(status), RUNTIME) => drop(exit.send_replace(Some(exit_of(status)))),
            ("ended", Ok(status), name) => {
                extensions.ended(name, exit_of(status), !NOT_STARTED.contains(&status));
            }
            _ => {}
        }
    }
}

fn exit_of(status: i32) -> Exit {
    if status > SIGNALLED { Exit::Signal(status - SIGNALLED) } else { Exit::Status(status) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_a_shell() {
        assert_eq!(exit_of(0), Exit::Status(0));
        assert_eq!(exit_of(126), Exit::Status(126));
        assert_eq!(exit_of(137), Exit::Signal(9));
    }
}
