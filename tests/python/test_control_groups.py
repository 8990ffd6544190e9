"""A host that shows control groups of version 2 alone, as current distributions do."""

import json
import os
import socket

import pytest
from cloudlet import BINARY, Server
from test_lambda import make_role
from test_lambda_extensions import FUNCTIONS, package

# A view of the host in which there is no version 1.
WRAPPER = """#!/bin/sh
exec unshare --mount sh -c 'umount --lazy --recursive /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && exec "$0" "$@"' BINARY "$@"
"""
CONNECT = """
import socket
def handler(event, context):
    try:
        socket.create_connection(("127.0.0.1", event), 5).close()
    except OSError as error:
        return type(error).__name__
    return "reached"
"""

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="takes root, to mount")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    wrapper = tmp_path_factory.mktemp("wrapper") / "cloudlet"
    wrapper.write_text(WRAPPER.replace("BINARY", BINARY))
    wrapper.chmod(0o755)
    server = Server(binary=wrapper)
    yield server
    assert server.stop(), server.logged()


@pytest.fixture(scope="module")
def role(server):
    return make_role(server.client("iam"), "version-two")


@pytest.mark.parametrize("runtime", FUNCTIONS)
def test_functions_run(server, role, runtime):
    lambda_, name = server.client("lambda"), runtime.replace(".", "-")
    code = {"ZipFile": package(FUNCTIONS[runtime])}
    lambda_.create_function(FunctionName=name, Runtime=runtime, Role=role, Handler="index.handler", Code=code, Timeout=30)
    answers = [json.load(lambda_.invoke(FunctionName=name)["Payload"]) for _ in range(2)]
    assert len(set(answers)) == 2, answers


def test_services_of_the_host_are_out_of_reach(server, role):
    lambda_ = server.client("lambda")
    code = {"ZipFile": package({"index.py": CONNECT})}
    lambda_.create_function(FunctionName="connect", Runtime="python3.12", Role=role, Handler="index.handler", Code=code, Timeout=30)
    with socket.create_server(("127.0.0.1", 0)) as database:
        answer = lambda_.invoke(FunctionName="connect", Payload=str(database.getsockname()[1]))
        assert json.load(answer["Payload"]) == "PermissionError"
