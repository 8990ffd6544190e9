"""`cloudlet dev`: a project while it is worked on."""

import re
import signal
import subprocess
import threading
import time

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

    def __init__(self, folder):
        command = [BINARY, "dev", str(folder), "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
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


def test_it_listens_only_to_this_machine(tmp_path):
    (tmp_path / "serverless.yml").write_text(CONFIG)
    done = subprocess.run([BINARY, "dev", str(tmp_path), "--listen", "0.0.0.0:0"], text=True, capture_output=True)
    assert done.returncode != 0 and "cloudlet serve" in done.stderr


def test_a_folder_without_a_project(tmp_path):
    done = subprocess.run([BINARY, "dev", str(tmp_path / "missing")], text=True, capture_output=True)
    assert done.returncode != 0 and "no folder" in done.stderr
