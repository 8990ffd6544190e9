"""Functions that misbehave: each gets Lambda's own error, the log has the truth, and nobody else notices."""

import base64
import json
import re
import socket

import pytest
from cloudlet import Server
from test_lambda import make_role, package

NEIGHBOUR = "def handler(event, context): return event"

# What the handler does; what the caller is told; what the log says of it.
CASES = {
    "missing": ("", r"Handler 'handler' missing", "Runtime.HandlerNotFound"),
    "import": ("raise ValueError('at import')", r"at import", "ValueError"),
    "not-json": ("def handler(e, c): return {1, 2}", r"[Ss]et is not JSON serializable", "Runtime.MarshalError"),
    "large": ("def handler(e, c): return 'x' * (6 * 1024 * 1024 + 101)", r"exceeded maximum allowed payload size", "Function.ResponseSizeTooLarge"),
    "timeout": ("import time\ndef handler(e, c): time.sleep(60)", r"Task timed out after 1.00 seconds", "Task timed out after 1.00 seconds"),
    "exit": ("import sys\ndef handler(e, c): sys.exit(3)", r"Runtime exited with error: exit status 3", "Runtime.ExitError"),
    "quit": ("import os\ndef handler(e, c): os._exit(0)", r"Runtime exited without providing a reason", "Runtime.ExitError"),
    "segfault": ("import os\ndef handler(e, c): os.kill(os.getpid(), 11)", r"signal: segmentation fault", "Runtime.ExitError"),
    "memory": ("import time\ndef handler(e, c):\n  x = bytearray(b'x') * (300 << 20)\n  time.sleep(5)", r"signal: killed", "Runtime.ExitError"),
}


@pytest.fixture(scope="module")
def role(iam):
    return make_role(iam, "misbehaving")


def make(lambda_, role, name, source, **options):
    code = {"ZipFile": package(index__py=source)}
    lambda_.create_function(FunctionName=name, Runtime="python3.12", Handler="index.handler", Role=role, Code=code, **options)
    return name


@pytest.fixture(scope="module")
def neighbour(lambda_, role):
    return make(lambda_, role, "misbehaving-neighbour", NEIGHBOUR)


def invoke(lambda_, name, event=None):
    answer = lambda_.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
    return answer.get("FunctionError"), json.loads(answer["Payload"].read()), base64.b64decode(answer["LogResult"]).decode()


@pytest.mark.parametrize("case", CASES)
def test_errors_are_the_callers_and_nobody_elses(lambda_, role, neighbour, case):
    source, message, logged = CASES[case]
    name = make(lambda_, role, f"misbehaving-{case}", source, Timeout=1)
    for _ in range(2):
        failed, error, log = invoke(lambda_, name)
        assert failed == "Unhandled" and re.search(message, error["errorMessage"]), (error, log)
        assert logged in log and "REPORT RequestId:" in log, log
    assert invoke(lambda_, neighbour, "still here")[:2] == (None, "still here")


def test_floods_are_cut(lambda_, role, neighbour):
    prints = make(lambda_, role, "misbehaving-prints", "def handler(e, c):\n  for i in range(100): print('x' * (1 << 20))\n  return 1", Timeout=60)
    failed, value, log = invoke(lambda_, prints)
    assert (failed, value) == (None, 1) and "are not in the log" in log
    writes = make(lambda_, role, "misbehaving-writes", "def handler(e, c):\n  with open('/tmp/f', 'wb') as f:\n    for i in range(512): f.write(bytes(1 << 20))\n    f.write(b'x')\n    f.flush()", Timeout=60)
    failed, error, _ = invoke(lambda_, writes)
    assert failed == "Unhandled" and "No space left on device" in error["errorMessage"]
    assert invoke(lambda_, neighbour, 1)[:2] == (None, 1)


def test_what_is_left_behind_does_not_hold_the_answer_up(lambda_, role):
    source = "import os, time\ndef handler(e, c):\n  if os.fork() == 0:\n    time.sleep(1000)\n    os._exit(0)\n  return 'left'"
    name = make(lambda_, role, "misbehaving-forks", source)
    assert [invoke(lambda_, name)[:2] for _ in range(2)] == [(None, "left")] * 2


def test_services_of_the_host_are_reached_only_when_allowed(tmp_path):
    source = "import socket\ndef handler(e, c):\n  try: socket.create_connection(('127.0.0.1', e), 5).close()\n  except OSError as error: return error.errno\n  return 'reached'"
    with socket.create_server(("127.0.0.1", 0)) as database, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [listener.getsockname()[1] for listener in (database, other)]
        server = Server(tmp_path / "data", options=["--allow-loopback", str(ports[0])])
        name = make(server.client("lambda"), make_role(server.client("iam"), "network"), "reaches", source)
        assert [invoke(server.client("lambda"), name, port)[1] for port in ports] == ["reached", 1]
        assert server.stop(), server.logged()
