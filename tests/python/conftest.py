"""What all black-box tests share: one server with a client for each service, and names that do not collide."""

import itertools
from pathlib import Path

import pytest
from cloudlet import Server

_numbers = itertools.count()


def pytest_addoption(parser):
    parser.addoption("--soak", type=float, default=20, metavar="SECONDS", help="how long events flow in test_soak.py")


@pytest.fixture(scope="session")
def server():
    server = Server()
    yield server
    assert server.stop(), server.logged()


@pytest.fixture
def unique():
    """A name that no other test uses."""
    return f"test-{next(_numbers)}"


def _client(service):
    """A fixture: the shared server's client for a service, as its root."""
    return pytest.fixture(scope="session")(lambda server: server.client(service))


sns = _client("sns")
ses = _client("ses")
sesv2 = _client("sesv2")
sqs = _client("sqs")
dynamodb = _client("dynamodb")
streams = _client("dynamodbstreams")
iam = _client("iam")
kinesis = _client("kinesis")
sts = _client("sts")
lambda_ = _client("lambda")
logs = _client("logs")
s3 = _client("s3")
events = _client("events")
scheduler = _client("scheduler")
pipes = _client("pipes")
autoscaling = _client("application-autoscaling")
rest_apis = _client("apigateway")
http_apis = _client("apigatewayv2")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config, items):
    """What the tests drove is looked at after all of them, and only where all of them run."""
    collected = len(items)
    result = yield
    files = {item.path for item in items}
    whole = len(items) == collected and files == set(Path(__file__).parent.glob("test_*.py"))
    last = [item for item in items if item.path.stem == "test_driven"]
    items[:] = [item for item in items if item not in last] + (last if whole else [])
    if last and not whole:
        config.hook.pytest_deselected(items=last)
    return result
