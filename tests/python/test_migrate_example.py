"""The example `migrate`: a Flask application moves route by route, while it is in use."""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from cloudlet import Server, wait_until

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "migrate"


@pytest.fixture
def flask(tmp_path):
    """The application on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = open(tmp_path / "flask.log", "wb")
    process = subprocess.Popen([sys.executable, EXAMPLE / "legacy" / "app.py"], env=os.environ | {"PORT": str(port)}, stdout=log, stderr=log)

    def answers():
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/").status == 200
        except OSError:
            return False

    wait_until(answers, what="Flask")
    yield port
    process.terminate()
    process.wait(timeout=30)
    log.close()


@pytest.mark.timeout(400)
def test_a_flask_application_moves_route_by_route(flask, tmp_path):
    server = Server(tmp_path / "data", options=["--allow-loopback", flask])
    project = tmp_path / "migrate"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns(".cloudlet"))
    outcome = json.loads(server.run("deploy", project, "--json", "--param", f"legacy=http://127.0.0.1:{flask}").stdout)
    url = outcome["outputs"]["MigrationUrl"]

    def ask(path, body=None, **headers):
        data = None if body is None else json.dumps(body).encode()
        headers = {name.replace("_", "-"): value for name, value in headers.items()} | {"content-type": "application/json"}
        try:
            answer = urllib.request.urlopen(urllib.request.Request(url + path, data, headers), timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        return answer.status, answer.headers["x-cloudlet-side"], answer.read()

    def copies():
        status = json.loads(server.run("migrate", "status", "shop-dev", "--json").stdout)[0]
        return next(route for route in status["Routes"] if route["Method"] == "GET")["Figures"]["Shadow"]

    # Everything is as it was, and what the function would have said is compared.
    status, side, page = ask("/")
    assert (status, side) == (200, "legacy") and b"seen by 127.0.0.1" in page
    assert ask("/orders/1")[:2] == (200, "legacy")
    wait_until(lambda: copies()["Different"] == 1, seconds=60, what="the difference: the table is empty")
    assert copies()["Differences"][0]["What"] == "status"
    server.client("dynamodb").put_item(TableName="shop-orders", Item={"id": {"S": "1"}, "item": {"S": "teapot"}, "quantity": {"N": "2"}})
    assert ask("/orders/1")[:2] == (200, "legacy")
    wait_until(lambda: copies()["Same"] == 1, seconds=60, what="an equal answer")
    assert ask("/orders/1", x_preview="yes")[1] == "function"

    # The reads move, then the writes.
    server.run("migrate", "shift", "shop-dev", "100%", "--path", "/orders/{id}")
    status, side, order = ask("/orders/1")
    assert (status, side, json.loads(order)) == (200, "function", {"id": "1", "item": "teapot", "quantity": 2})
    assert ask("/orders", {"item": "cup", "quantity": 6})[:2] == (201, "legacy")
    server.run("migrate", "shift", "shop-dev", "100%", "--path", "/orders", "--method", "POST")
    status, side, order = ask("/orders", {"item": "cup", "quantity": 6})
    assert (status, side) == (201, "function")
    assert ask(f"/orders/{json.loads(order)['id']}")[:2] == (200, "function")
    assert ask("/orders/missing")[:2] == (404, "function")

    # And back, at once.
    server.run("migrate", "back", "shop-dev")
    assert ask("/orders/1")[1] == "legacy" and ask("/orders/1", x_preview="yes")[1] == "legacy"
    server.run("remove", project, "--param", f"legacy=http://127.0.0.1:{flask}")
    assert ask("/")[0] == 404
    assert server.stop(), server.logged()
