"""Migrations: a backend and functions share an application, by weight, visitor, header and cookie; copies; and the way back."""

import http.client
import json
import urllib.parse

import pytest
from cloudlet import Server, wait_until
from http_endpoint import HttpEndpoint

FUNCTION = """
import json, time

def handler(event, _):
    path = event["rawPath"]
    if path == "/fails":
        raise RuntimeError("asked to")
    if path == "/slow":
        time.sleep(0.3)
    headers = event["headers"]
    told = {"path": path, "route": event["routeKey"], "parameters": event.get("pathParameters"), "copy": headers.get("x-cloudlet-shadow")}
    if path.startswith("/same"):
        told = {"b": 2, "a": 1}
    if event.get("body"):
        told["body"] = event["body"]
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(told)}
"""

ROUTES = """
        - {path: '/shared/{id}', function: new, weight: 30%}
        - {path: /free, function: new, weight: 50%, sticky: false}
        - {path: /named, function: new, header: x-new=yes, cookie: beta}
        - {path: '/same/{rest+}', method: GET, function: new, shadow: 100%}
        - {path: /differs, method: GET, function: new, shadow: 100%}
        - {path: /write, method: POST, function: new, shadow: 100%}
        - {path: /fails, function: new, weight: 100}
        - {path: '/new/{rest+}', function: new, weight: 100}
"""


class Shop:
    """A server, a backend, and a project that shares what is asked for between the two."""

    def __init__(self, folder):
        self.backend = HttpEndpoint()
        self.backend.answer = self.answer
        self.port = self.backend.port
        self.url = f"http://127.0.0.1:{self.port}"
        self.server = Server(folder / "data", options=["--allow-loopback", self.port])
        self.project = folder / "project"
        self.project.mkdir()
        (self.project / "handler.py").write_text(FUNCTION)
        self.deploy(ROUTES)

    def answer(self, request):
        path = request.path.split("?")[0]
        if path.startswith("/same"):
            return 200, {"Content-Type": "application/json; charset=utf-8"}, '{"a": 1, "b": 2}'
        if path == "/redirects":
            return 302, {"Location": f"{self.url}/target?x=1"}, ""
        if path == "/elsewhere":
            return 302, {"Location": "https://example.com/"}, ""
        if path == "/large":
            return 200, {}, "x" * 5_000_000
        if path == "/broken":
            return 500, {}, "broken"
        return 200, {"Set-Cookie": "old=1", "Connection": "X-Hop", "X-Hop": "1"}, f"legacy {request.method} {request.path}"

    def deploy(self, routes):
        (self.project / "serverless.yml").write_text(
            "service: mig\nprovider: {name: aws, runtime: python3.12}\nfunctions:\n  new: {handler: handler.handler}\n"
            f"custom:\n  cloudlet:\n    migrate:\n      legacy: {self.url}\n      hosts: [shop.example.com]\n      routes:{routes}"
        )
        self.outcome = json.loads(self.server.run("deploy", self.project, "--json").stdout)

    def ask(self, path, method="GET", body=None, host=None, **headers):
        """The answer's status, side, headers and body."""
        base = urllib.parse.urlsplit(self.outcome["outputs"]["MigrationUrl"])
        connection = http.client.HTTPConnection("127.0.0.1", urllib.parse.urlsplit(self.server.endpoint).port, timeout=60)
        target = path if host else base.path + path
        headers = {name.replace("_", "-"): value for name, value in headers.items()} | ({"Host": host} if host else {})
        connection.request(method, target, body=body, headers=headers)
        answer = connection.getresponse()
        read = answer.read()
        connection.close()
        return answer.status, answer.getheader("x-cloudlet-side"), answer.headers, read

    def side(self, path, **headers):
        return self.ask(path, **headers)[1]

    def status(self):
        return json.loads(self.server.run("migrate", "status", "mig-dev", "--json").stdout)[0]

    def route(self, path):
        return next(route for route in self.status()["Routes"] if route["Path"] == path)

    def migrate(self, *arguments):
        return self.server.run("migrate", *arguments).stdout


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("shop"))
    yield shop
    shop.server.run("remove", shop.project)
    assert shop.server.stop(), shop.server.logged()
    shop.backend.close()


def test_what_no_route_names_goes_to_the_backend_as_it_is(shop):
    status, side, headers, body = shop.ask("/a%2Fb//c?x=1&y=%20", x_own="1", x_forwarded_host="evil.example", forwarded="host=evil.example")
    assert (status, side, body) == (200, "legacy", b"legacy GET /a%2Fb//c?x=1&y=%20")
    assert headers["set-cookie"] == "old=1" and headers["x-hop"] is None
    asked = shop.backend.received[-1].headers
    assert asked["x-own"] == "1" and asked["x-forwarded-for"] == "127.0.0.1" and asked["x-forwarded-proto"] == "http"
    assert asked["host"] == f"127.0.0.1:{shop.port}" and asked["x-forwarded-host"].startswith("127.0.0.1:")
    assert "forwarded" not in asked
    assert shop.ask("/large")[3] == b"x" * 5_000_000
    sent = "y" * 3_000_000
    assert shop.ask("/big", "PUT", sent)[3] == b"legacy PUT /big" and shop.backend.received[-1].body == sent


def test_hosts_lead_to_the_migration(shop):
    assert shop.ask("/x", host="shop.example.com")[3] == b"legacy GET /x"
    assert shop.backend.received[-1].headers["host"] == "shop.example.com"
    assert shop.ask("/x", host="SHOP.example.com.:80")[1] == "legacy"
    assert shop.ask("/_cloudlet/health", host="shop.example.com")[1] is None
    assert shop.ask("/x", host="other.example.com")[1] is None


def test_redirects_to_the_backend_lead_back(shop):
    base = urllib.parse.urlsplit(shop.outcome["outputs"]["MigrationUrl"]).path
    assert shop.ask("/redirects")[2]["location"] == f"{base}/target?x=1"
    assert shop.ask("/redirects", host="shop.example.com")[2]["location"] == "/target?x=1"
    assert shop.ask("/elsewhere")[2]["location"] == "https://example.com/"


def test_functions_get_events_of_apis(shop):
    status, side, _, body = shop.ask("/new/a/b%20c", "POST", "text", content_type="text/plain")
    assert (status, side) == (200, "function")
    assert json.loads(body) == {"path": "/new/a/b%20c", "route": "ANY /new/{rest+}", "parameters": {"rest": "a/b c"}, "copy": None, "body": "text"}
    assert shop.ask("/fails")[0] == 502
    assert shop.ask("/new/x", "POST", b"x" * 6_500_000)[0] == 413


def test_weights_are_kept_to_and_visitors_stay(shop):
    first = [shop.ask(f"/shared/{number}") for number in range(200)]
    functions = sum(side == "function" for _, side, _, _ in first)
    # 30% of 200: so far from it is one in a million.
    assert 30 <= functions <= 95
    for _, side, headers, _ in first[:20]:
        cookie = next(value for value in headers.get_all("set-cookie") if "cloudlet-visitor" in value)
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
        answers = [shop.ask("/shared/x", cookie=cookie.split(";")[0]) for _ in range(3)]
        assert {again for _, again, _, _ in answers} == {side}
        assert all("cloudlet-visitor" not in str(answer[2].get_all("set-cookie")) for answer in answers)
    sides = [shop.ask("/free") for _ in range(100)]
    assert 20 <= sum(side == "function" for _, side, _, _ in sides) <= 80
    assert not any("cloudlet-visitor" in str(headers.get_all("set-cookie")) for _, _, headers, _ in sides)


def test_headers_and_cookies_choose(shop):
    assert shop.side("/named") == "legacy"
    assert shop.side("/named", x_new="yes") == "function" and shop.side("/named", x_new="no") == "legacy"
    assert shop.side("/named", cookie="a=b; beta=1") == "function"


def test_copies_are_compared_and_change_nothing(shop):
    for number in range(5):
        status, side, headers, body = shop.ask(f"/same/{number}")
        assert (status, side, body) == (200, "legacy", b'{"a": 1, "b": 2}')
    shop.ask("/differs")
    wait_until(lambda: shop.route("/same/{rest+}")["Figures"]["Shadow"]["Same"] == 5, what="equal answers")
    wait_until(lambda: shop.route("/differs")["Figures"]["Shadow"]["Different"] == 1, what="a difference")
    difference = shop.route("/differs")["Figures"]["Shadow"]["Differences"][0]
    assert (difference["Method"], difference["Path"], difference["What"]) == ("GET", "/differs", "content type")
    # What changes something is left alone until somebody says otherwise.
    before = len(shop.backend.received)
    shop.ask("/write", "POST", "one")
    figures = shop.route("/write")["Figures"]
    assert figures["Function"]["Requests"] == 0 and len(shop.backend.received) == before + 1
    shop.migrate("shadow", "mig-dev", "100%", "--path", "/write", "--unsafe")
    shop.migrate("shift", "mig-dev", "100%", "--path", "/write")
    status, side, _, body = shop.ask("/write", "POST", "two")
    assert (status, side, json.loads(body)["body"], json.loads(body)["copy"]) == (200, "function", "two", None)
    wait_until(lambda: len(shop.backend.received) == before + 2, what="the copy")
    copy = shop.backend.received[-1]
    assert (copy.method, copy.body, copy.headers["x-cloudlet-shadow"]) == ("POST", "two", "1")
    shop.migrate("shadow", "mig-dev", "0%", "--path", "/write")
    shop.ask("/write", "POST", "three")
    assert shop.backend.received[-1].body == "two"


def test_both_sides_are_shown_and_everything_comes_back_at_once(shop):
    text = shop.migrate("shift", "mig-dev", "100%", "--path", "/free")
    assert "ANY /free: 100% to " in text
    assert {shop.side("/free") for _ in range(20)} == {"function"}
    assert "everything goes to the backend" in shop.migrate("back", "mig-dev")
    assert {shop.side(path) for path in ("/free", "/named", "/new/x", "/fails") for _ in range(3)} == {"legacy"}
    assert shop.side("/named", x_new="yes") == "legacy"
    shop.migrate("back", "mig-dev", "--undo")
    assert shop.side("/free") == "function" and shop.side("/new/x") == "function"
    shop.migrate("shift", "mig-dev", "50%", "--path", "/free")
    assert shop.ask("/fails")[0] == 502
    figures = shop.route("/fails")["Figures"]
    assert figures["Function"]["Errors"] >= 1 and figures["Legacy"]["Requests"] >= 1
    shown = shop.migrate("status", "mig-dev")
    assert "function" in shown and "% errors, p50 " in shown and "backend" in shown


def test_what_was_shifted_outlives_deployments_and_crashes(shop):
    shop.migrate("shift", "mig-dev", "100%", "--path", "/shared/{id}")
    shop.deploy(ROUTES + "        - {path: /added, function: new, weight: 100}\n")
    assert shop.route("/shared/{id}")["Weight"] == 100 and shop.side("/added") == "function"
    counted = lambda: {path: shop.route(path)["Figures"]["Function"]["Requests"] for path in ("/shared/{id}", "/added")}
    before = counted()
    assert shop.server.stop(), shop.server.logged()
    shop.server.start()
    assert before["/added"] > 0 and counted() == before, "it goes on counting"
    shop.server.kill()
    shop.server.start()
    assert shop.route("/shared/{id}")["Weight"] == 100
    assert {shop.side(f"/shared/{number}") for number in range(10)} == {"function"}
    # Another number in the definition counts.
    shop.deploy(ROUTES.replace("weight: 30%", "weight: 0%"))
    assert shop.route("/shared/{id}")["Weight"] == 0 and shop.side("/shared/x") == "legacy"


def test_a_backend_that_is_away_is_said_to_be(tmp_path):
    server = Server(tmp_path / "data", options=["--allow-loopback", "9"])
    project = tmp_path / "project"
    project.mkdir()
    (project / "handler.py").write_text(FUNCTION)
    text = "service: away\nprovider: {name: aws, runtime: python3.12}\nfunctions:\n  new: {handler: handler.handler}\ncustom:\n  cloudlet:\n    migrate:\n      legacy: 'http://127.0.0.1:%s'\n      routes: []\n"
    (project / "serverless.yml").write_text(text % 10)
    done = server.run("deploy", project, check=False)
    assert done.returncode != 0 and "--allow-loopback" in done.stderr
    (project / "serverless.yml").write_text(text % 9)
    outcome = json.loads(server.run("deploy", project, "--json").stdout)
    address = urllib.parse.urlsplit(outcome["outputs"]["MigrationUrl"])

    def ask(path, **headers):
        connection = http.client.HTTPConnection(address.netloc, timeout=60)
        connection.request("GET", address.path + path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())["message"]

    assert ask("/x") == (502, "The backend cannot be reached.")
    status, told = ask("/x", connection="upgrade", upgrade="websocket")
    assert status == 501 and "WebSocket" in told
    assert ask("/a/%2e%2e/b")[0] == 400
    assert server.stop(), server.logged()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("legacy: ftp://x.example", "is the URL of the backend"),
        ("legacy: http://169.254.169.254", "link-local"),
        ("hosts: [localhost]", "names of your own"),
        ("hosts: [sqs.us-east-1.amazonaws.com]", "names of your own"),
        ("routes: [{path: orders, function: new}]", "begin with a slash"),
        ("routes: [{path: /a, function: nwe}]", "did you mean `new`"),
        ("routes: [{path: /a, function: new, weight: 101%}]", "from 0% to 100%"),
        ("routes: [{path: /a, function: new, method: 'b d'}]", "spaces"),
        ("routes: [{path: /a, function: new}, {path: /a, method: any, function: new}]", "is there twice"),
        ("routes: [{path: /a, function: new, cookie: 'a;b'}]", "no cookie"),
        ("route: []", "is not a key"),
    ],
)
def test_bad_definitions_are_refused(server, tmp_path, change, told):
    lines = {"legacy": "legacy: http://10.0.0.7", "routes": "routes: []"} | {change.split(":")[0]: change}
    (tmp_path / "handler.py").write_text(FUNCTION)
    inner = "\n".join(f"      {line}" for line in lines.values())
    (tmp_path / "serverless.yml").write_text(f"service: bad\nprovider: {{name: aws, runtime: python3.12}}\nfunctions:\n  new: {{handler: handler.handler}}\ncustom:\n  cloudlet:\n    migrate:\n{inner}\n")
    done = server.run("deploy", tmp_path, check=False)
    assert done.returncode != 0 and told in done.stdout + done.stderr, done.stdout + done.stderr


def test_a_migration_that_is_not_there(server):
    for command in (["status", "missing"], ["shift", "missing", "10%"], ["back", "missing"], ["shadow", "missing", "10%"]):
        done = server.run("migrate", *command, check=False)
        assert done.returncode != 0 and "There is no migration missing here" in done.stderr
