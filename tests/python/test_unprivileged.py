"""A server without root: functions are isolated by user namespaces, and `doctor` says what they are not."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from cloudlet import BINARY, Server
from test_lambda import make_role
from test_lambda_extensions import BOOTSTRAP, package

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
    for aspect in ("files", "processes", "privileges", "system calls"):
        assert f"yes  {aspect}:" in said, said
    assert "no   network:" in said and "Run the server as root" in said, said


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
