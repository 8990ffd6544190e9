"""A zygote: a process that has loaded its function and forks an instance of it whenever the server asks for one.

An instance gets what a process of its own would have: its own session, environment, output, control socket and random
state; in isolation also namespaces of its own, which the server has made. What forks must not share (threads, sockets,
open files) keeps a function from being forked at all.
"""

import contextlib
import errno
import fcntl
import gc
import json
import os
import select
import signal
import socket
import stat
import struct
import sys
import threading
import time

# Files that a module leaves in /tmp are copied for each fork, so many of them and so many bytes at most.
CARRIED_FILES_MAX = 1000
CARRIED_BYTES_MAX = 32 * 1024 * 1024

# How long threads that are ending are waited for, in seconds.
THREAD_END_PAUSES = (0, 0.001, 0.004, 0.016, 0.064)

# What a module may leave open: reading these at the same time in several processes harms nobody.
SHAREABLE = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")

# Below it, a function has less than one processor.
# Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
ONE_PROCESSOR_MB = 1769


@contextlib.contextmanager
def one_blas_thread():
    """Keeps numpy's OpenBLAS, which reads this when it is loaded, from starting threads that a small function has no
    processor for: with them, it could not be forked."""
    name = "OPENBLAS_NUM_THREADS"
    sets = name not in os.environ and int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) < ONE_PROCESSOR_MB
    if sets:
        os.environ[name] = "1"
    try:
        yield
    finally:
        if sets:
            os.environ.pop(name, None)


def descriptors():
    """The open descriptors of this process and what they are."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            pass  # The one that the list was read through.
    return found


def native_threads():
    """How many threads there are besides this one. One that has been joined takes a moment to be gone."""
    for pause in THREAD_END_PAUSES:
        time.sleep(pause)
        found = len(os.listdir("/proc/self/task")) - 1
        if not found:
            break
    return found


def obstacle(before, cells):
    """Why this process cannot be forked, or None. `before` is what descriptors() gave before the function was loaded;
    `cells` are for forks in isolation."""
    gc.collect()  # Closes what is only waiting to be closed.
    own = threading.main_thread()
    threads = [thread.name for thread in threading.enumerate() if thread is not own]
    if threads:
        return f"it starts threads while it initialises ({', '.join(sorted(threads))})"
    try:
        native = native_threads()
        opened = [target for number, target in descriptors().items() if before.get(number) != target]
    except OSError as error:
        return f"what it leaves running while it initialises cannot be seen ({error})"
    if native:
        return f"it starts threads while it initialises ({native} of native code)"
    # Forks do not inherit them, and they would wake a process that nobody needs.
    if any(signal.getitimer(timer)[0] for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)):
        return "it sets timers while it initialises"
    opened = sorted(target for target in opened if target not in SHAREABLE)
    if opened:
        kind = "opens sockets" if opened[-1].startswith("socket:") else "leaves files open"
        return f"it {kind} while it initialises ({', '.join(opened)})"
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return cells.obstacle() if cells else None
    return "it starts processes while it initialises"


class Cells:
    """How a fork enters its cell: the namespaces that the server has made for it. Before it is ready it gives up the
    privileges that this takes. The server looks whether it has: nothing that the function does here can harm others.
    """

    # Source: linux/sched.h, in the order of the descriptors.
    PROCESSES, MOUNTS, IPC, HOST_NAME = 0x20000000, 0x00020000, 0x08000000, 0x04000000

    # Source: linux/prctl.h, linux/capability.h, linux/landlock.h.
    PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
    CAPABILITIES_V3 = 0x20080522
    LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF = 444, 446
    LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET = 1

    def __init__(self):
        try:
            import ctypes
        except ImportError as error:
            self.missing = f"this Python cannot make the calls that a fork in isolation needs ({error})"
            return
        self.missing, self.ctypes, self.shutil = None, ctypes, None
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.header = (ctypes.c_uint32 * 2)(self.CAPABILITIES_V3, 0)
        self.nothing = (ctypes.c_uint32 * 6)()
        self.scopes = (ctypes.c_uint64 * 3)(0, 0, self.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET)

    def obstacle(self):
        """What a fork in a cell would miss, or should not share."""
        if os.listdir("/dev/shm"):
            return "it leaves files in /dev/shm while it initialises"
        if os.listdir("/tmp"):
            import shutil

            self.shutil = shutil  # Each fork gets a copy, in a /tmp of its own.
            cannot_be_carried = left_in("/tmp")
            if cannot_be_carried:
                return cannot_be_carried
        if any(name.isdigit() and int(name) not in (1, os.getpid()) for name in os.listdir("/proc")):
            return "it starts processes while it initialises"
        with open("/proc/self/maps") as maps:
            if any(line.split(" ", 2)[1].startswith("rw-s") for line in maps):
                return "it shares memory while it initialises"
        return self.missing

    def choose(self, processes):
        """The next fork will be born in this pid namespace."""
        self._check(self.libc.setns(processes, self.PROCESSES))

    def enter(self, mounts, ipc, host_name):
        """Enters the other namespaces, in the fork, and gives up all privileges."""
        self.folder = os.getcwd()
        if self.shutil:
            self.left = os.open("/tmp", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for descriptor, kind in ((mounts, self.MOUNTS), (ipc, self.IPC), (host_name, self.HOST_NAME)):
            self._check(self.libc.setns(descriptor, kind))
            os.close(descriptor)
        self._check(self.libc.prctl(self.PR_CAP_AMBIENT, self.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
        self._check(self.libc.capset(self.header, self.nothing))
        # Kernels before 6.12 keep no sockets apart.
        rules = self.libc.syscall(self.LANDLOCK_CREATE_RULESET, self.scopes, self.ctypes.sizeof(self.scopes), 0)
        if rules >= 0:
            self.libc.syscall(self.LANDLOCK_RESTRICT_SELF, rules, 0)
            os.close(rules)

    def settle(self):
        """Brings what was left in /tmp, when the fork is under the limits of its cell."""
        if self.shutil:
            self.bring(f"/proc/self/fd/{self.left}")
            os.close(self.left)
        try:
            os.chdir(self.folder)
        except OSError:
            os.chdir(os.environ["LAMBDA_TASK_ROOT"])

    def bring(self, left):
        with os.scandir(left) as entries:
            for entry in entries:
                place = os.path.join("/tmp", entry.name)
                if entry.is_dir(follow_symlinks=False):
                    self.shutil.copytree(entry.path, place, symlinks=True)
                else:
                    self.shutil.copy2(entry.path, place, follow_symlinks=False)

    def _check(self, answer):
        if answer != 0:
            number = self.ctypes.get_errno()
            raise OSError(number, os.strerror(number))


class Zygote:
    """Takes the server's requests: the frame `K` with a number and descriptors: control socket and output, and then either
    a lifeline, or the namespaces of a cell. Answers `K` with a descriptor of the new process, or `N` with an error number;
    tells with `D` how a process ended. Answers carry the number of the request and a value. A fork says `W` on its
    control socket when it is where it was sent, is told with `E` that it has been admitted, and with `A` and a JSON object
    of environment variables to become an instance. `rehearse` does what an instance does."""

    def __init__(self, server, environment, cells, rehearse):
        self.server, self.environment, self.cells, self.rehearse = server, environment, cells, rehearse
        self.numbers = {}  # By process.
        self.wake, self.waker = os.pipe()
        for end in (self.wake, self.waker):
            os.set_blocking(end, False)

    def instances(self):
        """Returns in each instance, and there only, with the descriptor of its control socket."""
        gc.freeze()  # Else the first collection in each instance would touch, and so copy, every page of what is loaded.
        self.on_child = signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.waker, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self.server, select.POLLIN)
        poll.register(self.wake, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in poll.poll()]
            if self.wake in ready:
                os.read(self.wake, 4096)
                self.reap(os.WNOHANG)
            if self.server.fileno() in ready:
                control = self.serve()
                if control is not None:
                    return control

    def serve(self):
        """Takes one request. Gives the control socket in the instance, None in the zygote."""
        request = self.receive()
        if request is None:
            # The server has closed its side, after it has let go of every instance: their ends are still to be seen.
            self.reap(0)
            os._exit(0)
        number, descriptors = request
        control, output, *place = descriptors
        try:
            if self.cells:
                self.cells.choose(place[0])
            process = os.fork()
        except OSError as error:
            process = None
            self.answer(b"N", number, error.errno or errno.EAGAIN)
        if process == 0:
            self.leave()
            self.become_instance(control, output, place)
            return control
        for descriptor in descriptors:
            os.close(descriptor)
        if process is not None:
            self.numbers[process] = number
            self.answer(b"K", number, 0, os.pidfd_open(process))
        return None

    def become_instance(self, control, output, place):
        """Waits until it is told to be one."""
        os.setsid()
        for number in (1, 2):
            os.dup2(output, number)
        os.close(output)
        if self.cells:
            os.close(place[0])
            self.cells.enter(*place[1:])
        else:
            hold_on_to(*place)
        with socket.socket(fileno=os.dup(control)) as server:
            server.setblocking(True)
            server.sendall(struct.pack(">I", 0) + b"W")
            if told(server, b"E") is None:
                os._exit(0)
            # What follows need not be waited for by a request, in a fork that is there before it.
            if self.cells:
                self.cells.settle()
            renew_random_state()
            with contextlib.suppress(Exception):
                self.rehearse()
            variables = told(server, b"A")
            if variables is None:
                os._exit(0)
            # Until the server has heard this, it takes another fork where this one ends.
            server.sendall(struct.pack(">I", 0) + b"T")
        adopt_environment(self.environment, json.loads(variables))

    def receive(self):
        """One request; None when the server is gone."""
        request, passed, _, _ = socket.recv_fds(self.server, 13, 6, socket.MSG_CMSG_CLOEXEC)
        if len(request) < 13:
            return None
        return struct.unpack_from(">Q", request, 5)[0], passed

    def answer(self, kind, number, value, descriptor=None):
        frame = struct.pack(">I", 12) + kind + struct.pack(">Qi", number, value)
        if descriptor is None:
            self.server.sendall(frame)
            return
        socket.send_fds(self.server, [frame], [descriptor])
        os.close(descriptor)

    def reap(self, options):
        """Ends what is left of instances that have ended, and tells the server."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | options)
            except ChildProcessError:
                return
            if ended is None:
                return
            try:
                # Until it is reaped, no other group can have this number.
                os.killpg(ended.si_pid, signal.SIGKILL)
            except OSError:
                pass  # It was alone, or had not even become a group.
            status = os.waitstatus_to_exitcode(os.waitpid(ended.si_pid, 0)[1])
            try:
                self.answer(b"D", self.numbers.pop(ended.si_pid), status)
            except OSError:
                pass  # The server is gone.

    def leave(self):
        """Drops, in an instance, what is the zygote's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, self.on_child or signal.SIG_DFL)
        self.server.close()
        os.close(self.wake)
        os.close(self.waker)


def left_in(folder):
    """Why what is there cannot be copied, or None."""
    files = size = 0
    for place, folders, names in os.walk(folder):
        for path in (os.path.join(place, name) for name in names):
            found = os.lstat(path)
            is_file = stat.S_ISREG(found.st_mode) and os.access(path, os.R_OK)
            if not (is_file or stat.S_ISLNK(found.st_mode)):
                return f"it leaves in {folder} what cannot be copied while it initialises ({path})"
            size += found.st_size
        files += len(folders) + len(names)
    if files > CARRIED_FILES_MAX or size > CARRIED_BYTES_MAX:
        return f"it leaves more in {folder} than {CARRIED_FILES_MAX} files or {CARRIED_BYTES_MAX >> 20} MiB while it initialises"
    return None


def hold_on_to(lifeline):
    """When the server lets go of the other end, or dies, the kernel ends the whole group, whether a zygote is left or not."""
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC)
    poll = select.poll()
    poll.register(lifeline, select.POLLIN)
    if poll.poll(0):
        os._exit(0)  # It has been let go already.


def told(server, kind):
    """Waits for a frame of this kind, and gives its body; None when the server has let go of this fork."""
    header = read(server, 5)
    if header is None:
        return None
    length, found = struct.unpack(">Ic", header)
    return read(server, length) if found == kind else None


def read(stream, length):
    """So many bytes, or None when the other side is gone."""
    data = b""
    while len(data) < length:
        piece = stream.recv(length - len(data))
        if not piece:
            return None
        data += piece
    return data


def adopt_environment(initial, variables):
    """Sets the instance's own variables, except those that the function has changed while it initialised."""
    for name, value in variables.items():
        if os.environ.get(name) == initial.get(name):
            os.environ[name] = value
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None and tempfile.tempdir == initial.get("TMPDIR"):
        tempfile.tempdir = None  # It is looked up again.


def renew_random_state():
    """Python itself renews `random`, and takes from the kernel what `secrets`, `ssl` and `uuid4` give."""
    numpy = sys.modules.get("numpy.random")
    if hasattr(numpy, "seed"):
        numpy.seed()
    uuid = sys.modules.get("uuid")
    if hasattr(uuid, "_generate_time_safe"):
        # The C library's state, which uuid1 would use, is the same in every instance; without it, Python makes its own.
        uuid._generate_time_safe = None
