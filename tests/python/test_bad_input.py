"""Input of every bad kind gets AWS's error shape, quickly, and harms nothing."""

import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest
from test_signatures import send, signed

JSON = "application/x-amz-json-1.0"


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"TableName": 5}', b'{"TableName": {"a": []}}', b'{"Limit": "many"}', b"{}{}", b"[" * 100_000],
)
def test_malformed_bodies(server, body):
    target = "DynamoDB_20120810.ListTables" if b"Limit" in body else "DynamoDB_20120810.DescribeTable"
    status, answer = send(server, signed(server, body, target=target), body)
    assert status == 400 and answer["__type"].rsplit("#")[-1] in ("SerializationException", "ValidationException"), answer


def test_an_unknown_operation(server):
    status, answer = send(server, signed(server, target="DynamoDB_20120810.Frobnicate"))
    assert status in (400, 404) and answer["__type"].endswith("UnknownOperationException")


def test_an_operation_that_is_not_built(server):
    status, answer = send(server, signed(server, target="DynamoDB_20120810.CreateGlobalTable"))
    assert status == 501 and "CreateGlobalTable" in answer["message"]


def test_an_unknown_target(server):
    status, answer = send(server, signed(server, target="Nonsense_1.Do"))
    assert status in (400, 404) and answer["__type"].endswith("UnknownOperationException")


def connect(server):
    url = urlsplit(server.endpoint)
    return socket.create_connection((url.hostname, url.port), timeout=30)


@pytest.mark.parametrize("bytes_", [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"A" * 200_000 + b"\r\n\r\n"])
def test_what_is_not_http(server, bytes_):
    with connect(server) as connection:
        try:
            connection.sendall(bytes_)
            answer = connection.recv(100)
        except ConnectionError:
            answer = b""
    assert answer == b"" or answer.startswith(b"HTTP/1")
    assert send(server, signed(server))[0] == 200


def test_a_body_that_is_far_too_long(server):
    url = urlsplit(server.endpoint)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    connection.putrequest("POST", "/")
    for name, value in {**signed(server), "Content-Length": str(10**12)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 413
    json.loads(response.read())


def test_health(server):
    url = urlsplit(server.endpoint)
    for path in ["/_cloudlet/health", "/_localstack/health"]:
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
        connection.request("GET", path)
        assert json.load(connection.getresponse())["services"]["sqs"] == "running"
    connection.request("GET", "/_cloudlet/metrics")
    assert b"cloudlet_" in connection.getresponse().read()
