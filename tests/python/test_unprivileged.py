"""A server without root: functions are isolated by user namespaces, and `doctor` says what they are not."""

import contextlib
import ctypes
import errno
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cloudlet import BINARY, Server
from test_dev import Dev
from test_inspect import CONFIG, stops, write
from test_lambda import make_role
from test_lambda_extensions import BOOTSTRAP, deploy, package
from test_lambda_telemetry import CODE, HTTP, TELEMETRY, extension, told_of_first
from test_thumbnails import declare, picture, thumbnail

# Nobody on a usual host.
USER = 54_321

PROBE = """
import os, socket
def tried(what, *arguments):
    try:
        return what(*arguments)
    except OSError as error:
        return type(error).__name__
def handler(event, context):
    return {
        "data": tried(os.listdir, event),
        "server": tried(open, f"/proc/{os.getppid()}/environ"),
        "others": sorted(int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) > 2),
        "everybody": tried(os.kill, -1, 0),
        "code": tried(open, "/var/task/new", "w"),
        "raw": tried(socket.socket, socket.AF_INET, socket.SOCK_RAW, 1),
        "mount": os.system("mount -t tmpfs none /tmp 2>/dev/null") != 0,
        "descriptors": tried(open, "/proc/1/fd/0"),
        "privileges": [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")],
    }
"""
NODE = "exports.handler = async (event) => { try { return require('fs').readdirSync(event) } catch (error) { return error.code } }"


@pytest.fixture(scope="module")
def unprivileged():
    """The binary, and a folder, of a user who is not root."""
    user = USER if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="cloudlet-unprivileged-") as folder:
        os.chmod(folder, 0o755)
        # The build's own folder may be closed to others.
        binary, data = Path(folder, "cloudlet"), Path(folder, "data")
        shutil.copy(BINARY, binary)
        for place in (data, data.parent / "home"):
            place.mkdir()
            if user:
                os.chown(place, user, user)
        yield str(binary), data, user


@pytest.fixture(scope="module")
def server(unprivileged):
    binary, data, user = unprivileged
    # The home of who runs the tests may be closed to others.
    server = Server(data, env={"HOME": str(data.parent / "home")}, binary=binary, user=user)
    yield server
    server.stop()


def test_doctor_says_what_is_isolated(unprivileged):
    binary, _, user = unprivileged
    identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    said = subprocess.run([binary, "doctor"], capture_output=True, text=True, cwd="/", **identity).stdout
    for aspect in ("files", "processes", "privileges", "system calls", "unix sockets", "network"):
        assert f"yes  {aspect}:" in said, said
    assert "no   users:" in said and "Run the server as root" in said, said


def refuses(number):
    """For a new process: it, and what it starts, has this system call refused, as by a container engine."""
    filter_ = struct.pack("=HBBI", 0x20, 0, 0, 0) + struct.pack("=HBBI", 0x15, 0, 1, number)
    filter_ += struct.pack("=HBBI", 0x06, 0, 0, 0x00050000 | errno.EPERM) + struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000)
    text = ctypes.create_string_buffer(filter_)
    program = struct.pack("HP", len(filter_) // 8, ctypes.addressof(text))

    def install():
        libc = ctypes.CDLL(None, use_errno=True)
        # PR_SET_NO_NEW_PRIVS, and PR_SET_SECCOMP with SECCOMP_MODE_FILTER.
        assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program) == 0, text

    return install


PIDFD_GETFD = 438


def test_doctor_tries_what_lets_functions_out(unprivileged):
    binary, _, user = unprivileged
    identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    done = subprocess.run([binary, "doctor"], capture_output=True, text=True, cwd="/", preexec_fn=refuses(PIDFD_GETFD), **identity)
    said = done.stdout
    assert "yes  files:" in said and "yes  processes:" in said, said
    assert "no   network: functions reach all services on this host's loopback addresses (isolating a probe: letting it out of its network" in said, said


def test_a_cache_that_cannot_be_is_named(unprivileged):
    binary, data, user = unprivileged
    identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    env = os.environ | {"CLOUDLET_CACHE": "/proc/none"}
    command = [binary, "serve", "--data", str(data / "other"), "--listen", "127.0.0.1:0"]
    ended = subprocess.run(command, capture_output=True, text=True, env=env, cwd="/", **identity)
    assert ended.returncode != 0 and "/proc/none" in ended.stderr and "CLOUDLET_CACHE" in ended.stderr, ended.stderr


@pytest.mark.parametrize("runtime", ["python3.12", "nodejs20.x", "provided.al2023"])
def test_functions_run_isolated(server, runtime):
    lambda_, role = server.client("lambda"), make_role(server.client("iam"), f"role-{runtime}")
    files = {"python3.12": {"index.py": PROBE}, "nodejs20.x": {"index.js": NODE}, "provided.al2023": {"bootstrap": BOOTSTRAP}}
    name = runtime.replace(".", "-")
    lambda_.create_function(FunctionName=name, Runtime=runtime, Role=role, Handler="index.handler", Code={"ZipFile": package(files[runtime])}, Timeout=30)
    for _ in range(2):
        answer = lambda_.invoke(FunctionName=name, Payload=json.dumps(str(server.data)))
        value = json.load(answer["Payload"])
        assert "FunctionError" not in answer, value
        if runtime == "python3.12":
            assert value == {
                "data": "FileNotFoundError",
                "server": "PermissionError",
                "others": [],
                "everybody": "ProcessLookupError",
                "code": "OSError",
                "raw": "PermissionError",
                "mount": True,
                "descriptors": "PermissionError",
                "privileges": ["0000000000000000"],
            }
        if runtime == "nodejs20.x":
            assert value == "ENOENT"


REACHES = """
import boto3, ctypes, errno, json, os, socket, struct, threading, time

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM

def tried(what, *arguments):
    try:
        return what(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))

def tcp(host, port, timeout=5):
    with socket.create_connection((host, port), timeout) as connection:
        return connection.recv(9).decode()

def blocking(host, port):
    return tcp(host, port, None)

def udp(how, family, host, port):
    with socket.socket(family, UDP) as sender:
        sender.settimeout(5)
        if how == "connect":
            sender.connect((host, port))
            sender.send(b"ask")
        elif how == "sendto":
            sender.sendto(b"ask", (host, port))
        else:
            sender.sendmsg([b"ask"], [], 0, (host, port))
        answer, origin = sender.recvfrom(9)
        return [answer.decode(), origin[0]]

def own(host, port):
    with socket.create_server((host, port)) as server:
        threading.Thread(target=lambda: server.accept()[0].sendall(b"own"), daemon=True).start()
        return tcp("127.0.0.1", port)

def abstract(name):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("\\0" + name)
        return "reached"

def fast(host, port):
    with socket.socket() as sender:
        sender.sendto(b"x", socket.MSG_FASTOPEN, (host, port))
        return "reached"

def race(outer, outer_port, local_port):
    # One thread changes the address while another connects to it: what was looked at has to be what is connected to.
    libc = ctypes.CDLL(None, use_errno=True)
    address = lambda host, port: struct.pack("=H", socket.AF_INET) + struct.pack(">H4s8x", port, socket.inet_aton(host))
    allowed, refused = address(outer, outer_port), address("127.0.0.1", local_port)
    shared = ctypes.create_string_buffer(allowed, 16)
    done = threading.Event()
    def flip():
        while not done.is_set():
            ctypes.memmove(shared, refused, 16)
            ctypes.memmove(shared, allowed, 16)
    threading.Thread(target=flip).start()
    reached = 0
    for _ in range(500):
        with socket.socket() as one:
            if libc.connect(one.fileno(), shared, 16) == 0:
                reached += 1
                # Nor does a socket that was connected by the server go elsewhere.
                libc.connect(one.fileno(), struct.pack("=H14x", socket.AF_UNSPEC), 16)
                libc.connect(one.fileno(), shared, 16)
    done.set()
    return reached > 0

def lookups(host, port, count):
    # Each from a socket of its own, as resolvers ask.
    return [udp("connect", socket.AF_INET, host, port)[0] for _ in range(count)].count("hello")

def together(host, port, count):
    # All connect to an address that none has before.
    barrier, answers = threading.Barrier(count), []
    def ask():
        barrier.wait()
        answers.append(tried(udp, "connect", socket.AF_INET, host, port))
    threads = [threading.Thread(target=ask) for _ in range(count)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return [answer[0] for answer in answers]

def several(host, ports):
    # sendmmsg(2), each message to another port.
    addresses = [ctypes.create_string_buffer(struct.pack("=H", socket.AF_INET) + struct.pack(">H4s8x", port, socket.inet_aton(host)), 16) for port in ports]
    text = ctypes.create_string_buffer(b"ask", 3)
    piece = ctypes.create_string_buffer(struct.pack("PN", ctypes.addressof(text), 3))
    messages = b"".join(struct.pack("PI4xPNPNi4xI4x", ctypes.addressof(address), 16, ctypes.addressof(piece), 1, 0, 0, 0, 0) for address in addresses)
    with socket.socket(socket.AF_INET, UDP) as sender:
        sender.settimeout(5)
        if ctypes.CDLL(None, use_errno=True).sendmmsg(sender.fileno(), ctypes.create_string_buffer(messages), len(ports), 0) != len(ports):
            return errno.errorcode[ctypes.get_errno()]
        return sorted(sender.recvfrom(9)[1][1] for _ in ports)

def hangs(host, port, own_port, count):
    # Threads that wait until they are connected are in the way of nothing else.
    threading.stack_size(65536)
    def wait():
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 4, 0))
            tried(one.connect, (host, port))
    threads = [threading.Thread(target=wait, daemon=True) for _ in range(count)]
    [thread.start() for thread in threads]
    with socket.socket() as one:
        one.setblocking(False)
        began = time.monotonic()
        answers = [tried(one.connect, (host, port)), tried(one.connect, (host, port)), own("127.0.0.1", own_port)]
        return answers + [time.monotonic() - began < 3]

def again(host, port):
    with socket.create_connection((host, port), 5) as one:
        return tried(one.connect, (host, port))

def bound(kind, how, host, port):
    # A service that takes what comes from a loopback address for one of its own host must not be deceived.
    with socket.socket(socket.AF_INET, getattr(socket, kind)) as one:
        one.settimeout(5)
        if how == "again":
            one.connect((host, port))
            one.recv(9)
            ctypes.CDLL(None).connect(one.fileno(), struct.pack("=H14x", socket.AF_UNSPEC), 16)
        if how != "unbound":
            one.bind(("127.0.0.1", 0))
        if kind == "SOCK_STREAM":
            one.connect((host, port))
        elif how == "sendto":
            one.sendto(b"ask", (host, port))
        else:
            one.connect((host, port))
            one.send(b"ask")
        return one.recv(9).decode()

def endpoint():
    return boto3.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"]

def handler(event, context):
    name, *arguments = event
    return tried(globals()[name], *arguments)
"""

HOLDS = """
import socket, time
def handler(event, context):
    with socket.create_server(("0.0.0.0", event)):
        time.sleep(1)
    return "served"
"""


def serve_tcp(server, served):
    while True:
        try:
            connection, sender = server.accept()
        except OSError:
            return
        served.append(sender[0])
        with contextlib.suppress(OSError), connection:
            connection.sendall(b"hello")


def serve_udp(server, served):
    while True:
        try:
            _, sender = server.recvfrom(9)
        except OSError:
            return
        served.append(sender[0])
        server.sendto(b"hello", sender)


@pytest.fixture(scope="module")
def outer():
    """An address of this host that is not a loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            pytest.skip("this host has no network")
        return probe.getsockname()[0]


@pytest.fixture
def service():
    """Starts services of the host: gives the port, and what was served."""
    servers = []

    def start(host, kind):
        server, served = socket.socket(socket.AF_INET, kind), []
        server.bind((host, 0))
        if kind == socket.SOCK_STREAM:
            server.listen(512)
        threading.Thread(target=serve_tcp if kind == socket.SOCK_STREAM else serve_udp, args=(server, served), daemon=True).start()
        servers.append(server)
        return server.getsockname()[1], served

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def full(outer):
    """The port of a service of the host that nobody is connected to any more, as too many wait."""
    with socket.socket() as server, contextlib.ExitStack() as waiting:
        server.bind((outer, 0))
        server.listen(0)
        for _ in range(4):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def reaching(server):
    lambda_ = server.client("lambda")
    role = make_role(server.client("iam"), "reaches")
    allow = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    server.client("iam").put_role_policy(RoleName="reaches", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}))
    code = {"ZipFile": package({"index.py": REACHES, "holds.py": HOLDS})}
    for name, handler in (("reaches", "index.handler"), ("holds", "holds.handler")):
        lambda_.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler=handler, Code=code, Timeout=60)

    def call(*event, function="reaches"):
        answer = lambda_.invoke(FunctionName=function, Payload=json.dumps(event if function == "reaches" else event[0]))
        value = json.load(answer["Payload"])
        assert "FunctionError" not in answer, value
        return value

    return call


@pytest.fixture(scope="module")
def reaches(server):
    return reaching(server)


def test_a_function_reaches_what_is_not_this_host(reaches, service, outer):
    port, _ = service(outer, socket.SOCK_STREAM)
    assert reaches("tcp", outer, port) == reaches("blocking", outer, port) == reaches("tcp", f"::ffff:{outer}", port) == "hello"
    assert reaches("tcp", outer, 1) == reaches("blocking", outer, 1) == "ECONNREFUSED"
    port, _ = service(outer, socket.SOCK_DGRAM)
    for how in ("connect", "sendto", "sendmsg"):
        assert reaches("udp", how, socket.AF_INET, outer, port) == ["hello", outer], how
    assert reaches("udp", "sendto", socket.AF_INET6, f"::ffff:{outer}", port) == ["hello", f"::ffff:{outer}"]


def test_a_function_is_told_that_nobody_listens(reaches, service, outer):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind((outer, 0))
        port = closed.getsockname()[1]
    # As everywhere, a socket that is not connected is not told.
    assert [reaches("udp", "connect", socket.AF_INET, outer, port) for _ in range(2)] == ["ECONNREFUSED"] * 2
    assert reaches("udp", "connect", socket.AF_INET, "127.0.0.1", port) == "ECONNREFUSED"
    port, _ = service(outer, socket.SOCK_DGRAM)
    assert reaches("udp", "connect", socket.AF_INET, outer, port) == ["hello", outer]


def test_a_function_reaches_this_cloud(reaches):
    assert reaches("endpoint") == 200


def test_services_of_the_host_are_out_of_reach(reaches, service, outer):
    port, served = service("127.0.0.1", socket.SOCK_STREAM)
    for host in ("127.0.0.1", "0.0.0.0", "127.0.0.9", "::ffff:127.0.0.1"):
        assert reaches("tcp", host, port) == reaches("blocking", host, port) == "ECONNREFUSED", host
    assert reaches("tcp", "169.254.169.254", 80) == "EPERM"
    assert reaches("fast", "127.0.0.1", port) == errno.errorcode[errno.EOPNOTSUPP]
    udp, messages = service("127.0.0.1", socket.SOCK_DGRAM)
    for how in ("connect", "sendto", "sendmsg"):
        assert reaches("udp", how, socket.AF_INET, "127.0.0.1", udp) != ["hello", "127.0.0.1"], how
    name = f"cloudlet-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0" + name)
        listener.listen()
        assert reaches("abstract", name) == "ECONNREFUSED"
    outer_port, _ = service(outer, socket.SOCK_STREAM)
    assert reaches("race", outer, outer_port, port) is True
    assert served == messages == []


def test_many_lookups_leave_the_network_as_it_is(reaches, service, outer):
    port, _ = service(outer, socket.SOCK_DGRAM)
    assert reaches("lookups", outer, port, 150) == 150
    assert reaches("own", "127.0.0.1", 8080) == "own"


def test_threads_send_together(reaches, service, outer):
    for _ in range(3):
        port, _ = service(outer, socket.SOCK_DGRAM)
        assert reaches("together", outer, port, 8) == ["hello"] * 8


def test_several_messages_are_sent_at_once(reaches, service, outer):
    ports = sorted(service(outer, socket.SOCK_DGRAM)[0] for _ in range(3))
    assert reaches("several", outer, ports) == ports


def test_connections_that_hang_are_in_the_way_of_nobody(server, reaches, full, outer):
    descriptors = lambda: len(os.listdir(f"/proc/{server.process.pid}/fd"))
    reaches("endpoint")
    before = most = descriptors()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(reaches, "hangs", outer, full, 8081, 300)
        while not call.done():
            most = max(most, descriptors())
    assert call.result() == ["EINPROGRESS", "EALREADY", "own", True]
    # Of those that wait, so many are connected at a time.
    assert before + 32 < most < before + 100


def test_what_is_connected_is_not_connected_again(reaches, service, outer):
    port, _ = service(outer, socket.SOCK_STREAM)
    assert reaches("again", outer, port) == "EISCONN"


@pytest.mark.parametrize("is_root", [False, True])
def test_nothing_comes_from_a_loopback_address(request, tmp_path, service, outer, is_root):
    if is_root and os.getuid() != 0:
        pytest.skip("takes root")
    server = Server(tmp_path / "data") if is_root else request.getfixturevalue("server")
    reaches = reaching(server) if is_root else request.getfixturevalue("reaches")
    for kind, ways in (("SOCK_STREAM", ("connect", "again")), ("SOCK_DGRAM", ("connect", "sendto"))):
        port, served = service("0.0.0.0", getattr(socket, kind))
        assert reaches("bound", kind, "unbound", outer, port) == "hello"
        # The kernel refuses to; the server comes from an address of its own.
        answers = [reaches("bound", kind, how, outer, port) for how in ways]
        assert answers == ["EPERM" if is_root else "hello"] * 2
        assert served and set(served) == {outer}
    if is_root:
        server.stop()


def test_instances_serve_the_same_port(reaches):
    assert reaches("own", "127.0.0.1", 8080) == reaches("own", "0.0.0.0", 8080) == "own"
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: reaches(8080, function="holds"), range(3))) == ["served"] * 3


@pytest.mark.timeout(400)
def test_a_function_is_debugged_from_the_host(unprivileged):
    binary, data, user = unprivileged
    folder = data.parent / "home/project"
    folder.mkdir()
    (folder / "serverless.yml").write_text(CONFIG.replace("RUNTIME", "python3.12"))
    (folder / "other.py").write_text("def main(event, context): pass")
    write(folder, "python3.12", "1")
    os.chown(folder, user or os.getuid(), -1)
    become = () if user is None else ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
    dev = Dev(folder, "--inspect", "hello:0", command=(*become, binary), env=os.environ | {"HOME": str(data.parent / "home")})
    url = dev.wait_for(r"GET\s+(http\S+)").group(1)
    port = int(dev.wait_for(r"looked-dev-hello can be debugged: .* listens on 127.0.0.1:(\d+)").group(1))
    stops(folder, dev, url, port)
    assert dev.stop() == 0, dev.output()


def test_an_extension_is_told_what_happens(server):
    lambda_, role = server.client("lambda"), make_role(server.client("iam"), "told")
    deploy(lambda_, role, "told", "python3.12", extension(TELEMETRY, "2022-12-13", HTTP), CODE)
    first, answer = told_of_first(lambda_, "told")
    assert {"requestId": first, "version": "$LATEST"} in [event["record"] for event in answer["told"] if event["type"] == "platform.start"]


def test_too_much_memory_ends_the_invocation(server):
    lambda_, role = server.client("lambda"), make_role(server.client("iam"), "greedy")
    source = "import time\ndef handler(event, context):\n  taken = b'x' * (event << 20)\n  time.sleep(0.3)\n  return len(taken) >> 20"
    lambda_.create_function(FunctionName="greedy", Runtime="python3.12", Role=role, Handler="index.handler", Code={"ZipFile": package({"index.py": source})}, Timeout=30)
    for megabytes in (40, 300, 40):
        answer = lambda_.invoke(FunctionName="greedy", Payload=str(megabytes))
        value = json.load(answer["Payload"])
        assert value == megabytes if megabytes == 40 else value["errorType"] == "Runtime.ExitError", value


def test_thumbnails_are_made_without_root(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="images")
    declare(s3, "images", small="w=10")
    s3.put_object(Bucket="images", Key="a.jpg", Body=picture(), ContentType="image/jpeg")
    assert thumbnail(s3, "images", "thumbnails/small/a.jpg")[0].size == (10, 5)
