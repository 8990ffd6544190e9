"""The examples, deployed and used as their READMEs tell."""

import json
import shutil
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from cloudlet import wait_until
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as open_socket

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def deploy(server, folder, *arguments):
    return json.loads(server.run("deploy", folder, "--json", *arguments).stdout)


def api(outcome, path):
    """The base of the API that serves `path`."""
    urls = [endpoint["url"] for endpoint in outcome["endpoints"] if endpoint["url"].endswith(path)]
    assert urls, outcome
    return urls[0].removesuffix(path)


def http(method, url, body=None):
    """The status and the parsed answer."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, parsed(response.read())
    except urllib.error.HTTPError as error:
        return error.code, parsed(error.read())


def parsed(text):
    return json.loads(text) if text else None


@pytest.fixture(scope="module")
def blog(server, tmp_path_factory):
    """The blog, deployed from a copy; gone again afterwards."""
    folder = tmp_path_factory.mktemp("blog") / "blog"
    shutil.copytree(EXAMPLES / "blog", folder, ignore=shutil.ignore_patterns(".cloudlet"))
    outcome = deploy(server, folder)
    yield server, folder, outcome
    server.run("remove", folder)
    assert server.client("dynamodb").list_tables()["TableNames"].count("blog-users-dev") == 0


@pytest.mark.timeout(400)
def test_users_are_created_once_and_welcomed(blog):
    _, _, outcome = blog
    base = api(outcome, "/users")
    status, user = http("POST", f"{base}/users", {"name": "Ada", "email": "Ada@example.com"})
    assert status == 201, user
    assert http("GET", f"{base}/users/{user['id']}") == (200, user)
    assert http("POST", f"{base}/users", {"name": "Eve", "email": "ada@example.com"})[0] == 409
    assert http("POST", f"{base}/users", {"name": "Eve", "email": "nonsense"})[0] == 400
    assert http("POST", f"{base}/users", b"{")[0] == 400
    assert http("GET", f"{base}/users/nobody")[0] == 404
    messages = wait_until(lambda: http("GET", f"{base}/users/{user['id']}/messages")[1], 60, "the welcome")
    assert [message["text"] for message in messages] == ["Welcome, Ada!"]


@pytest.mark.timeout(400)
def test_posts(blog):
    _, _, outcome = blog
    base = api(outcome, "/posts")
    status, post = http("POST", f"{base}/posts", {"title": "Grüße", "text": "First."})
    assert status == 201, post
    assert http("GET", f"{base}/posts/{post['id']}") == (200, post)
    status, changed = http("PUT", f"{base}/posts/{post['id']}", {"title": "Hello", "text": "Changed."})
    assert status == 200 and changed["text"] == "Changed."
    assert [found["id"] for found in http("GET", f"{base}/posts")[1]] == [post["id"]]
    assert http("DELETE", f"{base}/posts/{post['id']}")[0] == 204
    assert http("GET", f"{base}/posts/{post['id']}")[0] == 404
    assert http("PUT", f"{base}/posts/{post['id']}", {"title": "x", "text": "y"})[0] == 404
    assert http("POST", f"{base}/posts", {"title": 5})[0] == 400


def test_deploying_again_sends_only_what_changed(blog):
    server, folder, outcome = blog
    assert deploy(server, folder)["changed"] == 0
    handler = folder / "posts/handler.js"
    handler.write_text(handler.read_text().replace('"no such post"', '"there is no such post"'))
    # One package serves every function of the service: the functions and their versions change, and nothing else.
    assert 0 < deploy(server, folder)["changed"] <= 2 * len(outcome["functions"])
    base = api(outcome, "/posts")
    assert http("GET", f"{base}/posts/x") == (404, {"error": "there is no such post"})


def test_a_deployment_that_fails_is_taken_back(blog):
    server, folder, outcome = blog
    config = folder / "serverless.yml"
    before = config.read_text()
    broken = "    Broken:\n      Type: AWS::SQS::Queue\n      DependsOn: Extra\n      Properties: { QueueName: 'not a name!' }\n"
    extra = "    Extra:\n      Type: AWS::SQS::Queue\n      Properties: { QueueName: blog-extra }\n"
    config.write_text(before.replace("  Resources:\n", f"  Resources:\n{extra}{broken}", 1))
    failed = server.run("deploy", folder, check=False)
    assert failed.returncode != 0 and "Broken" in failed.stderr and "taken back" in failed.stderr
    assert "QueueUrls" not in server.client("sqs").list_queues(QueueNamePrefix="blog-extra")
    config.write_text(before)
    assert http("GET", f"{api(outcome, '/posts')}/posts")[0] == 200


def test_a_mistake_is_shown_where_it_is(blog):
    server, folder, _ = blog
    config = folder / "serverless.yml"
    before = config.read_text()
    config.write_text(before.replace("memorySize: 256", "memorysize: 256"))
    failed = server.run("deploy", folder, check=False)
    config.write_text(before)
    assert failed.returncode != 0 and "serverless.yml:" in failed.stderr and "memorySize" in failed.stderr


@pytest.mark.timeout(400)
def test_orders_are_worked_off_and_poison_ends_in_the_dead_letter_queue(server):
    outcome = deploy(server, EXAMPLES / "queue-worker")
    base = api(outcome, "/orders")
    status, answer = http("POST", f"{base}/orders", {"lines": [{"price": 2.5, "count": 4}]})
    assert status == 202, answer
    found = wait_until(lambda: (got := http("GET", f"{base}/orders/{answer['id']}"))[0] == 200 and got, 60, "the order")
    assert float(found[1]["total"]) == 10
    status, poison = http("POST", f"{base}/orders", {"lines": "poison"})
    assert status == 202
    sqs = server.client("sqs")
    dead = outcome["outputs"]["DeadOrdersUrl"]
    (message,) = wait_until(lambda: sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages"), 60, "the dead letter")
    assert json.loads(message["Body"])["id"] == poison["id"]
    assert http("GET", f"{base}/orders/{poison['id']}")[0] == 404
    logs = server.run("logs", "queue-worker-dev-work", "--since", "5m").stdout
    assert "failed: " in logs and "REPORT RequestId" in logs
    server.run("remove", EXAMPLES / "queue-worker")
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="queue-worker")


@pytest.mark.timeout(400)
def test_clicks_are_counted_in_windows(server):
    outcome = deploy(server, EXAMPLES / "clickstream")
    base = api(outcome, "/clicks")
    assert http("POST", f"{base}/clicks", {"visitor": "v", "pages": []})[0] == 400
    for number in range(10):
        pages = ["/", f"/{number % 2}", "/shop"]
        assert http("POST", f"{base}/clicks", {"visitor": f"v{number}", "pages": pages}) == (202, {"accepted": 3})

    def total():
        status, windows = http("GET", f"{base}/counts")
        assert status == 200, windows
        return {page: sum(window["pages"].get(page, 0) for window in windows) for page in ("/", "/0", "/1", "/shop")}

    expected = {"/": 10, "/0": 5, "/1": 5, "/shop": 10}
    wait_until(lambda: total() == expected, 60, "every click being counted")
    with urllib.request.urlopen(f"{base}/") as page:
        assert page.headers["content-type"] == "text/html; charset=utf-8" and b"<h1>Clicks</h1>" in page.read()
    server.run("remove", EXAMPLES / "clickstream")
    assert server.client("kinesis").list_streams()["StreamNames"].count("clickstream") == 0


@pytest.mark.timeout(400)
def test_a_sign_up_fans_out(server):
    folder = EXAMPLES / "notifications"
    outcome = deploy(server, folder)
    base = api(outcome, "/signups")
    assert http("POST", f"{base}/signups", {"name": "Ada"})[0] == 400
    ids = {}
    for name, person in {
        "Ada": {"email": "ada@example.com", "source": "a friend"},
        "Bob": {"email": "bob@example.com"},
        "Eve": {"email": "nowhere", "source": "a friend"},
    }.items():
        status, answer = http("POST", f"{base}/signups", {"name": name, **person})
        assert status == 202, answer
        ids[name] = answer["id"]
    for name, id in ids.items():
        found = wait_until(lambda: (got := http("GET", f"{base}/profiles/{id}"))[0] == 200 and got[1], 60, f"the profile of {name}")
        assert found["name"] == name
    wait_until(lambda: http("GET", f"{base}/counts") == (200, {"a friend": 2}), 60, "the counts")

    def welcomed():
        mails = json.loads(server.run("mail", "--json").stdout)["Mails"]
        return {mail["To"][0]: mail for mail in mails if mail["Subject"].startswith("Welcome, ")}

    mails = wait_until(lambda: len(found := welcomed()) == 2 and found, 60, "the mails")
    assert mails["ada@example.com"]["Subject"] == "Welcome, Ada!" and "Greetings to a friend!" in mails["ada@example.com"]["Text"]
    assert "<h1>Welcome, Bob!</h1>" in mails["bob@example.com"]["Html"] and "Greetings" not in mails["bob@example.com"]["Text"]
    # A mail that cannot be sent is a dead letter, and nothing else is.
    sqs, dead = server.client("sqs"), outcome["outputs"]["DeadLettersUrl"]
    (message,) = wait_until(lambda: sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages"), 60, "the dead letter")
    assert json.loads(message["Body"])["id"] == ids["Eve"]
    server.run("remove", folder)
    identities = server.client("sesv2").list_email_identities()["EmailIdentities"]
    assert "welcome@example.com" not in [identity["IdentityName"] for identity in identities]


@pytest.mark.timeout(400)
def test_a_chat_tells_everybody_what_one_says(server, tmp_path):
    folder = tmp_path / "chat"
    shutil.copytree(EXAMPLES / "chat", folder, ignore=shutil.ignore_patterns(".cloudlet"))
    outcome = deploy(server, folder)
    url = next(endpoint["url"] for endpoint in outcome["endpoints"] if endpoint["method"] == "WS")
    assert outcome["outputs"]["ServiceEndpointWebsocket"] == url
    for address, status in [(url, 401), (f"{url}?name=nobody", 403)]:
        with pytest.raises(InvalidStatus) as refused:
            open_socket(address)
        assert refused.value.response.status_code == status, refused.value.response
    heard = lambda socket: json.loads(socket.recv(timeout=60))
    with open_socket(f"{url}?name=ada", open_timeout=60) as ada, open_socket(f"{url}?name=bob", open_timeout=60) as bob:
        ada.send(json.dumps({"action": "who"}))
        assert heard(ada) == {"here": ["ada", "bob"]}
        bob.send(json.dumps({"action": "say", "text": "Grüße"}))
        assert [heard(ada), heard(bob)] == [{"from": "bob", "text": "Grüße"}] * 2
        ada.send(json.dumps({"action": "shout"}))
        refused = heard(ada)
        assert refused["message"] == "Forbidden" and set(refused) == {"message", "connectionId", "requestId"}
        bob.close()
        assert heard(ada) == {"left": "bob"}
    server.run("remove", folder)
