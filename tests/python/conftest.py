"""What all black-box tests share: one server with a client for each service, and names that do not collide."""

import itertools

import driven
import pytest
from cloudlet import Server

_numbers = itertools.count()


def pytest_addoption(parser):
    parser.addoption("--soak", type=float, default=20, metavar="SECONDS", help="how long events flow in test_soak.py")


def pytest_configure(config):
    config.pluginmanager.register(driven)


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
kms = _client("kms")
cognito = _client("cognito-idp")
identities = _client("cognito-identity")
secretsmanager = _client("secretsmanager")
ssm = _client("ssm")
sts = _client("sts")
lambda_ = _client("lambda")
logs = _client("logs")
s3 = _client("s3")
cloudfront = _client("cloudfront")
events = _client("events")
scheduler = _client("scheduler")
pipes = _client("pipes")
autoscaling = _client("application-autoscaling")
rest_apis = _client("apigateway")
http_apis = _client("apigatewayv2")
connections = _client("apigatewaymanagementapi")
