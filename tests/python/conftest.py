"""What all black-box tests share: one server, and names that do not collide."""

import itertools

import pytest
from cloudlet import Server

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server():
    server = Server()
    yield server
    assert server.stop(), server.logged()


@pytest.fixture
def unique():
    """A name that no other test uses."""
    return f"test-{next(_numbers)}"


@pytest.fixture(scope="session")
def sqs(server):
    return server.client("sqs")


@pytest.fixture(scope="session")
def dynamodb(server):
    return server.client("dynamodb")


@pytest.fixture(scope="session")
def iam(server):
    return server.client("iam")


@pytest.fixture(scope="session")
def sts(server):
    return server.client("sts")


@pytest.fixture(scope="session")
def lambda_(server):
    return server.client("lambda")


@pytest.fixture(scope="session")
def logs(server):
    return server.client("logs")


@pytest.fixture(scope="session")
def rest_apis(server):
    return server.client("apigateway")


@pytest.fixture(scope="session")
def http_apis(server):
    return server.client("apigatewayv2")
