"""`cloudlet dev --inspect`: a function under a debugger, which is talked to in its own protocol."""

import base64
import json
import os
import re
import socket
import struct
import threading
import urllib.request

import pytest
from cloudlet import BINARY, wait_until
from test_dev import Dev
from test_examples import http

CONFIG = """
service: looked
provider: { name: aws, timeout: 2 }
functions:
  hello:
    handler: handler.main
    runtime: RUNTIME
    events: [{ httpApi: GET /hello }]
  other:
    handler: other.main
    runtime: python3.12
"""

NODE = """
const secret = 41;
exports.main = async () => {
  const answer = secret + CODE;
  return { answer };
};
"""

PYTHON = """
secret = 41

def main(event, context):
    answer = secret + CODE
    return {"answer": answer}
"""


class Socket:
    """Reads exactly what it is asked for."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)

    def read(self, length):
        data = b""
        while len(data) < length:
            piece = self.socket.recv(length - len(data))
            assert piece, "the debugger has closed the connection"
            data += piece
        return data

    def line(self):
        line = b""
        while not line.endswith(b"\r\n"):
            line += self.read(1)
        return line.strip().decode()


class DevTools(Socket):
    """The Chrome DevTools Protocol over a WebSocket.

    Source: https://www.rfc-editor.org/rfc/rfc6455, https://chromedevtools.github.io/devtools-protocol/v8/
    """

    def __init__(self, port, path):
        super().__init__(port)
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.socket.sendall(f"{head}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        assert " 101 " in self.line()
        while self.line():
            pass
        self.number = 0
        self.events = []

    def send(self, method, **params):
        self.number += 1
        text = json.dumps({"id": self.number, "method": method, "params": params}).encode()
        length = bytes([0x80 | len(text)]) if len(text) < 126 else struct.pack(">BH", 0x80 | 126, len(text))
        # With a mask of zeros the payload stays as it is.
        self.socket.sendall(b"\x81" + length + bytes(4) + text)
        return self.number

    def receive(self):
        length = self.read(2)[1] & 0x7F
        if length == 126:
            length = struct.unpack(">H", self.read(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self.read(8))[0]
        return json.loads(self.read(length))

    def call(self, method, **params):
        number = self.send(method, **params)
        while True:
            message = self.receive()
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self.events.append(message)

    def wait_for(self, method):
        while True:
            for event in self.events:
                if event.get("method") == method:
                    self.events.remove(event)
                    return event["params"]
            self.events.append(self.receive())


class DebugAdapter(Socket):
    """The Debug Adapter Protocol.

    Source: https://microsoft.github.io/debug-adapter-protocol/specification
    """

    def __init__(self, port):
        super().__init__(port)
        self.number = 0
        self.messages = []

    def send(self, command, **arguments):
        self.number += 1
        body = json.dumps({"seq": self.number, "type": "request", "command": command, "arguments": arguments}).encode()
        self.socket.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return self.number

    def receive(self):
        length = 0
        while line := self.line():
            name, value = line.split(":")
            length = int(value) if name == "Content-Length" else length
        return json.loads(self.read(length))

    def wait_for(self, matches):
        while True:
            for message in self.messages:
                if matches(message):
                    self.messages.remove(message)
                    return message
            self.messages.append(self.receive())

    def answer(self, number):
        answer = self.wait_for(lambda message: message.get("request_seq") == number)
        assert answer["success"], answer
        return answer.get("body")

    def call(self, command, **arguments):
        return self.answer(self.send(command, **arguments))

    def event(self, name):
        return self.wait_for(lambda message: message.get("event") == name).get("body")


def write(folder, runtime, code):
    text = NODE if runtime.startswith("node") else PYTHON
    (folder / ("handler.js" if runtime.startswith("node") else "handler.py")).write_text(text.replace("CODE", code))


@pytest.fixture
def inspect(tmp_path):
    devs = []

    def start(runtime, **options):
        (tmp_path / "serverless.yml").write_text(CONFIG.replace("RUNTIME", runtime))
        (tmp_path / "other.py").write_text("def main(event, context): pass")
        write(tmp_path, runtime, "1")
        devs.append(Dev(tmp_path, "--inspect", "hello:0", **options))
        url = devs[0].wait_for(r"GET\s+(http\S+)").group(1)
        port = int(devs[0].wait_for(r"looked-dev-hello can be debugged: .* listens on 127.0.0.1:(\d+)").group(1))
        return tmp_path, devs[0], url, port

    yield start
    if devs and devs[0].process.poll() is None:
        assert devs[0].stop() == 0, devs[0].output()


def in_background(url):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(http("GET", url)))
    thread.start()
    return answers, thread


def targets(port):
    """What the inspector lists, once it listens."""

    def ask():
        try:
            return json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=5))
        except OSError:
            return None

    return wait_until(ask, 60, "the inspector")


@pytest.mark.timeout(400)
def test_node_stops_where_it_is_told_to_for_as_long_as_it_takes(inspect):
    folder, dev, url, port = inspect("nodejs20.x")
    wait_until(lambda: f'"port":{port}' in dev.output() and f'"localRoot":"{folder}"' in dev.output(), 60, "what an editor is to be told")
    # Idle, it answers: it is not frozen.
    target = targets(port)[0]
    tools = DevTools(port, re.search(r"ws://[^/]+(/\S+)", target["webSocketDebuggerUrl"]).group(1))
    assert tools.call("Runtime.evaluate", expression="6 * 7")["result"]["value"] == 42
    tools.call("Debugger.enable")
    tools.call("Debugger.setBreakpointByUrl", lineNumber=3, urlRegex=r".*/handler\.js$")
    answers, thread = in_background(url)
    paused = tools.wait_for("Debugger.paused")
    frame = paused["callFrames"][0]
    found = tools.call("Debugger.evaluateOnCallFrame", callFrameId=frame["callFrameId"], expression="secret")
    assert found["result"]["value"] == 41
    # Its timeout, of two seconds, passes.
    tools.call("Runtime.evaluate", expression="const until = Date.now() + 3000; while (Date.now() < until);")
    tools.call("Debugger.resume")
    thread.join()
    assert answers == [(200, {"answer": 42})]
    # What is saved is debugged next, also when the one before stands still.
    thread = in_background(url)[1]
    tools.wait_for("Debugger.paused")
    write(folder, "nodejs20.x", "2")
    dev.wait_for(r"deployed in \d+ ms")
    thread.join()
    assert wait_until(lambda: targets(port)[0]["id"] != target["id"], 60, "the next instance")
    assert http("GET", url) == (200, {"answer": 43})


# Without this capability, root can isolate nothing.
ISOLATED, NOT_ISOLATED = (BINARY,), ("setpriv", "--bounding-set=-sys_admin", BINARY)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("command", [ISOLATED, NOT_ISOLATED], ids=["isolated", "not isolated"])
def test_python_stops_where_it_is_told_to(inspect, command):
    if command is NOT_ISOLATED and os.getuid() != 0:
        pytest.skip("takes root, to give a capability up")
    folder, dev, url, port = inspect("python3.12", command=command)
    assert ("not isolated on this host" in dev.output()) == (command is NOT_ISOLATED)
    stops(folder, dev, url, port)


def stops(folder, dev, url, port):
    wait_until(lambda: '"type":"debugpy"' in dev.output(), 60, "what an editor is to be told")

    def connect():
        try:
            return DebugAdapter(port)
        except OSError:
            return None

    adapter = wait_until(connect, 60, "debugpy")
    assert adapter.call("initialize", adapterID="test", pathFormat="path")["supportsConfigurationDoneRequest"]
    code = re.search(r'"remoteRoot":"([^"]+)"', dev.output()).group(1)
    mappings = [{"localRoot": str(folder), "remoteRoot": code}]
    attached = adapter.send("attach", pathMappings=mappings)
    adapter.event("initialized")
    source = {"path": str(folder / "handler.py")}
    set_ = adapter.call("setBreakpoints", source=source, breakpoints=[{"line": 5}])
    assert set_["breakpoints"][0]["verified"], set_
    adapter.call("configurationDone")
    adapter.answer(attached)
    answers, thread = in_background(url)
    stopped = adapter.event("stopped")
    frame = adapter.call("stackTrace", threadId=stopped["threadId"])["stackFrames"][0]
    assert frame["source"]["path"] == str(folder / "handler.py") and frame["line"] == 5
    assert adapter.call("evaluate", expression="secret", frameId=frame["id"])["result"] == "41"
    adapter.call("continue", threadId=stopped["threadId"])
    thread.join()
    assert answers == [(200, {"answer": 42})]


@pytest.mark.timeout(400)
def test_what_cannot_be_inspected_is_said(tmp_path):
    (tmp_path / "serverless.yml").write_text(CONFIG.replace("RUNTIME", "provided.al2023"))
    (tmp_path / "other.py").write_text("def main(event, context): pass")
    missing = Dev(tmp_path, "--inspect", "helo")
    missing.wait_for("there is no function helo to inspect: the project has hello, other")
    assert missing.stop() == 0
    compiled = Dev(tmp_path, "--inspect", "hello")
    compiled.wait_for("for which there is no debugger here")
    assert compiled.stop() == 0
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = Dev(tmp_path, "--inspect", f"other:{server.getsockname()[1]}")
        taken.wait_for(r"cannot listen on port \d+ .*--inspect")
        assert taken.stop() == 0
