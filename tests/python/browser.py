"""A real browser: Debian's Chromium without a screen, driven by its DevTools protocol.

Source: https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest
from cloudlet import wait_until
from websockets.sync.client import connect

NAMES = ["chromium", "chromium-browser", "google-chrome"]
# A host that several share is slow to start one.
START_SECONDS = 60


def program():
    """The browser of this host. Where a whole run has to pass there is one; elsewhere its tests are left out."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if not found and not os.environ.get("CI"):
        pytest.skip("this host has no Chromium")
    assert found, "this host has no Chromium"
    return found


class Browser:
    """A browser with one page. Use it with `with`."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="cloudlet-browser-")
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--mute-audio"]
        command = [program(), *options, "--remote-debugging-port=0", f"--user-data-dir={self.folder}", "about:blank"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        told = Path(self.folder, "DevToolsActivePort")
        try:
            port = wait_until(lambda: told.exists() and told.read_text().split("\n")[0], START_SECONDS, "the browser's start")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as answer:
                pages = [target for target in json.load(answer) if target["type"] == "page"]
            self.open_sockets = contextlib.ExitStack()
            self.socket = self.open_sockets.enter_context(connect(pages[0]["webSocketDebuggerUrl"], max_size=None, open_timeout=30))
        except BaseException:
            self.process.kill()
            raise
        self.number, self.failures = 0, []
        for domain in ["Page", "Runtime", "Log", "DOM"]:
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open_sockets.close()
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, method, seconds=60, **parameters):
        """What a command is answered with. What goes wrong in the page meanwhile is kept in `failures`."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        deadline = time.monotonic() + seconds
        while True:
            message = json.loads(self.socket.recv(timeout=max(0.1, deadline - time.monotonic())))
            self.note(message)
            if message.get("id") == self.number:
                assert "error" not in message, (method, message["error"])
                return message["result"]

    def note(self, message):
        parameters = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.failures.append(details.get("exception", {}).get("description") or details["text"])
        elif message.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.failures.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")

    def screen(self, width, height, density=1, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=density, mobile=mobile)

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")

    def evaluate(self, expression):
        """The value of an expression of JavaScript, once it is there where it is a promise."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, (expression, answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait_for(self, expression, seconds=60):
        return wait_until(lambda: self.evaluate(expression), seconds, f"{expression} (failures: {self.failures})")

    def choose(self, selector, *paths):
        """Chooses files in an input, as its user would."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def screenshot(self, path=None):
        """The page as it is seen: a PNG."""
        image = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        if path:
            Path(path).write_bytes(image)
        return image
