"""`cloudlet dev`: a project while it is worked on."""

import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from cloudlet import BINARY, wait_until
from test_examples import http

CONFIG = """
service: hello
provider: { name: aws, runtime: python3.12 }
functions:
  hello:
    handler: handler.main
    events:
      - httpApi: GET /hello
"""

HANDLER = """
import time

def main(event, context):
    print("called")
    time.sleep(float((event.get("queryStringParameters") or {{}}).get("sleep", 0)))
    return {{"greeting": "{greeting}"}}
"""


class Dev:
    """A running `cloudlet dev`, and what it has printed."""

    def __init__(self, folder, *options, command=(BINARY,), env=None):
        command = [*command, "dev", str(folder), "--listen", "127.0.0.1:0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
        self.lines = []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def output(self):
        return "".join(self.lines)

    def wait_for(self, pattern, seconds=120):
        return wait_until(lambda: re.search(pattern, self.output()) or self.ended(), seconds, f"{pattern} in\n{self.output()}")

    def ended(self):
        assert self.process.poll() is None, self.output()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=60)
        self.reader.join()
        return code


@pytest.fixture
def project(tmp_path):
    (tmp_path / "serverless.yml").write_text(CONFIG)
    (tmp_path / "handler.py").write_text(HANDLER.format(greeting="hello"))
    dev = Dev(tmp_path)
    yield tmp_path, dev
    if dev.process.poll() is None:
        dev.process.kill()


@pytest.mark.timeout(400)
def test_a_project_is_deployed_followed_and_deployed_again(project):
    folder, dev = project
    url = dev.wait_for(r"GET\s+(http\S+)").group(1)
    assert http("GET", url) == (200, {"greeting": "hello"})
    dev.wait_for(r"\| called")
    assert f"curl '{url}'" in dev.output()

    # What runs when a file is saved finishes as it began.
    slow = []
    running = threading.Thread(target=lambda: slow.append(http("GET", f"{url}?sleep=3")))
    running.start()
    time.sleep(0.5)
    (folder / "handler.py").write_text(HANDLER.format(greeting="changed"))
    dev.wait_for(r"deployed in \d+ ms")
    wait_until(lambda: http("GET", url) == (200, {"greeting": "changed"}), 30, "the new code")
    running.join()
    assert slow == [(200, {"greeting": "hello"})]

    # A mistake is shown, and the old deployment goes on.
    (folder / "serverless.yml").write_text(CONFIG.replace("handler:", "handlr:"))
    dev.wait_for(r"serverless.yml:\d+")
    assert http("GET", url) == (200, {"greeting": "changed"})
    (folder / "serverless.yml").write_text(CONFIG)

    # Commands in the project's folder find its server by themselves.
    invoked = subprocess.run([BINARY, "invoke", "hello-dev-hello"], cwd=folder, text=True, capture_output=True)
    assert invoked.returncode == 0 and "changed" in invoked.stdout, f"{invoked}\n{dev.output()}"
    status = subprocess.run([BINARY, "status"], cwd=folder, text=True, capture_output=True)
    assert "hello-dev" in status.stdout
    variables = subprocess.run([BINARY, "env"], cwd=folder, text=True, capture_output=True).stdout
    assert "AWS_ENDPOINT_URL='http://127.0.0.1:" in variables and "AWS_SECRET_ACCESS_KEY='" in variables

    assert dev.stop() == 0, dev.output()
    again = Dev(folder)
    url = again.wait_for(r"GET\s+(http\S+)").group(1)
    assert http("GET", url) == (200, {"greeting": "changed"})
    assert again.stop() == 0


@pytest.mark.timeout(400)
def test_its_own_files_are_no_change_of_the_project(tmp_path):
    (tmp_path / "serverless.yml").write_text(CONFIG)
    (tmp_path / "handler.py").write_text(HANDLER.format(greeting="hello"))
    printed = tmp_path / "dev.log"
    with printed.open("w") as output:
        process = subprocess.Popen([BINARY, "dev", str(tmp_path), "--listen", "127.0.0.1:0"], stdout=output)
    try:
        url = wait_until(lambda: re.search(r"GET\s+(http\S+)", printed.read_text()), 120, "the endpoint").group(1)
        for call in range(1, 4):
            assert http("GET", url)[0] == 200
            wait_until(lambda: printed.read_text().count("| called") == call, 30, "the line of the call")
        assert "deployed in" not in printed.read_text()
        (tmp_path / "handler.py").write_text(HANDLER.format(greeting="changed"))
        wait_until(lambda: "deployed in" in printed.read_text(), 30, "the deployment of a real change")
        assert (tmp_path / ".cloudlet" / ".gitignore").read_text() == "*\n"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["copy.log", "left-out.txt"])
def test_a_copy_of_its_output_beside_the_code_starts_no_deployment(tmp_path, name):
    (tmp_path / "serverless.yml").write_text(CONFIG + "package: { patterns: ['!left-out.txt'] }\n")
    (tmp_path / "handler.py").write_text(HANDLER.format(greeting="hello"))
    copy = tmp_path / name
    copy.touch()
    dev = subprocess.Popen([BINARY, "dev", str(tmp_path), "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    tee = subprocess.Popen(["tee", str(copy)], stdin=dev.stdout, stdout=subprocess.DEVNULL)
    dev.stdout.close()
    try:
        printed = copy.read_text
        url = wait_until(lambda: re.search(r"GET\s+(http\S+)", printed()), 120, "the endpoint").group(1)
        for greeting in ["one", "two", "three"]:
            before = printed().count("deployed in")
            (tmp_path / "handler.py").write_text(HANDLER.format(greeting=greeting))
            wait_until(lambda: printed().count("deployed in") > before, 30, "the deployment")
            assert http("GET", url) == (200, {"greeting": greeting})
        wait_until(lambda: printed().count("| called") == 3, 30, "the lines of the calls")
        assert printed().count("deployed in") == 3
    finally:
        dev.send_signal(signal.SIGINT)
        assert dev.wait(timeout=60) == 0
        tee.wait(timeout=60)


SHARED_CONFIG = """
service: shared
provider: { name: aws }
functions:
  py1: { handler: py1.main, runtime: python3.12, events: [{ httpApi: GET /py1 }] }
  py2: { handler: py2.main, runtime: python3.12, events: [{ httpApi: GET /py2 }] }
  js1: { handler: js1.main, runtime: nodejs20.x, events: [{ httpApi: GET /js1 }] }
  js2: { handler: js2.main, runtime: nodejs20.x, events: [{ httpApi: GET /js2 }] }
"""

SHARED_PYTHON = """
import common
calls = 0

def main(event, context):
    global calls
    calls += 1
    return {{"code": "{code}", "calls": calls, "common": common.VALUE}}
"""

SHARED_NODE = """
const {{ VALUE }} = require('./common');
let calls = 0;
exports.main = async () => ({{ code: '{code}', calls: ++calls, common: VALUE }});
"""


@pytest.mark.timeout(400)
def test_a_change_restarts_only_the_functions_that_it_concerns(tmp_path):
    def write(name, code):
        text = SHARED_PYTHON if name.startswith("py") else SHARED_NODE
        (tmp_path / f"{name}.{name[:2]}").write_text(text.format(code=code))

    (tmp_path / "serverless.yml").write_text(SHARED_CONFIG)
    (tmp_path / "common.py").write_text("VALUE = 1")
    (tmp_path / "common.js").write_text("exports.VALUE = 1")
    names = ["py1", "py2", "js1", "js2"]
    for name in names:
        write(name, "old")
    dev = Dev(tmp_path)
    try:
        urls = {name: dev.wait_for(rf"GET\s+(http\S+/{name})").group(1) for name in names}
        calls = dict.fromkeys(names, 0)

        def call(name, code="old", common=1, restarted=False):
            status, answer = http("GET", urls[name])
            assert status == 200, answer
            calls[name] = 1 if restarted else calls[name] + 1
            assert answer == {"code": code, "calls": calls[name], "common": common}, name

        def deployed(save):
            before = len(re.findall(r"deployed in", dev.output()))
            save()
            wait_until(lambda: len(re.findall(r"deployed in", dev.output())) > before, 60, "the deployment")

        for name in names * 2:
            call(name)
        deployed(lambda: write("py1", "new"))
        call("py1", code="new", restarted=True)
        for name in ["py2", "js1", "js2"]:
            call(name)
        deployed(lambda: write("js1", "new"))
        call("js1", code="new", restarted=True)
        call("py1", code="new")
        for name in ["py2", "js2"]:
            call(name)
        # What both import restarts both, also the one that still had the older package.
        deployed(lambda: (tmp_path / "common.py").write_text("VALUE = 2"))
        call("py1", code="new", common=2, restarted=True)
        call("py2", common=2, restarted=True)
        call("js1", code="new")
        call("js2")
        deployed(lambda: (tmp_path / "common.js").write_text("exports.VALUE = 2"))
        call("js1", code="new", common=2, restarted=True)
        call("js2", common=2, restarted=True)
        call("py1", code="new", common=2)
        assert dev.stop() == 0, dev.output()
    finally:
        if dev.process.poll() is None:
            dev.process.kill()


@pytest.mark.timeout(400)
def test_it_leaves_no_control_group(project):
    _, dev = project
    url = dev.wait_for(r"GET\s+(http\S+)").group(1)
    assert http("GET", url)[0] == 200
    groups = list(Path("/sys/fs/cgroup").glob(f"**/cloudlet-{dev.process.pid}"))
    if not groups:
        pytest.skip("this host has no control groups for the server")
    assert any(group.glob("*/cgroup.procs") for group in groups)
    assert dev.stop() == 0
    assert not [group for group in groups if group.exists()]


def test_it_listens_only_to_this_machine(tmp_path):
    (tmp_path / "serverless.yml").write_text(CONFIG)
    done = subprocess.run([BINARY, "dev", str(tmp_path), "--listen", "0.0.0.0:0"], text=True, capture_output=True)
    assert done.returncode != 0 and "cloudlet serve" in done.stderr


def test_a_folder_without_a_project(tmp_path):
    done = subprocess.run([BINARY, "dev", str(tmp_path / "missing")], text=True, capture_output=True)
    assert done.returncode != 0 and "no folder" in done.stderr
