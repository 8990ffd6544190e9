"""The command line: results on standard output, errors that say what to do, statuses that scripts can trust."""

import json
import os
import resource
import shutil
import subprocess

import pytest
from cloudlet import BINARY, Server, wait_until
from test_lambda import make_role
from test_lambda_extensions import BOOTSTRAP, package
from test_misbehaving import invoke, make


def run(*arguments, env=None, **options):
    return subprocess.run([BINARY, *arguments], text=True, capture_output=True, env=env, **options)


@pytest.mark.parametrize("command", ["", "dev", "serve", "deploy", "invoke", "logs", "mail", "mail show", "status", "remove", "env", "iam denied", "iam suggest", "operations", "doctor", "backup", "restore", "repair", "rollback"])
def test_help_is_there(command):
    done = run(*command.split(), "--help")
    assert done.returncode == 0 and "Usage: cloudlet" in done.stdout


def test_the_environment_is_for_a_shell(server):
    done = subprocess.run(["sh", "-c", f'eval "$({BINARY} env --data {server.data})" && env'], text=True, capture_output=True)
    assert f"AWS_ENDPOINT_URL={server.endpoint}" in done.stdout
    assert f"AWS_SECRET_ACCESS_KEY={server.root['AWS_SECRET_ACCESS_KEY']}" in done.stdout


def test_status(server):
    status = json.loads(server.run("status", "--json").stdout)
    assert status["Store"] == "healthy" and status["StoreBytes"] > 0
    assert "store: healthy" in server.run("status").stdout


def test_a_log_that_nobody_reads_holds_up_nothing(tmp_path):
    reader, writer = os.pipe()
    server = Server(data=tmp_path / "data", stderr=writer)
    os.close(writer)
    sqs = server.client("sqs", read_timeout=20)
    # A request makes a line of some 400 bytes; the pipe holds 64 KiB.
    for n in range(400):
        sqs.create_queue(QueueName=f"unread-{n % 10}")
    os.close(reader)
    for n in range(10):
        assert sqs.get_queue_url(QueueName=f"unread-{n}")["QueueUrl"]
    assert server.stop()


def test_operations():
    rows = json.loads(run("operations", "--json").stdout)
    assert {"Service": "sqs", "Operation": "SendMessage"}.items() <= next(row for row in rows if row["Operation"] == "SendMessage").items()
    assert run("operations", "sqs").stdout.splitlines()[0] == "sqs CreateQueue"
    assert run("operations", "nonsense").returncode != 0


def test_a_server_that_is_not_there(tmp_path):
    done = run("status", "--endpoint", "http://127.0.0.1:9", cwd=tmp_path)
    assert done.returncode != 0 and "no server answers" in done.stderr and "cloudlet dev" in done.stderr


def test_a_data_folder_without_a_server(tmp_path):
    done = run("env", "--data", str(tmp_path))
    assert done.returncode != 0 and "cloudlet serve --data" in done.stderr


def test_the_doctor_knows_whether_functions_are_isolated(tmp_path):
    done = run("doctor", "--json")
    found = json.loads(done.stdout)
    assert found["Isolated"] == (done.returncode == 0)
    aspects = {aspect["Name"]: aspect for aspect in found["Aspects"]}
    assert aspects.keys() >= {"files", "processes", "network", "users", "unix sockets"}
    assert "per process" in aspects["descriptors and processes"]["Detail"]
    assert "Landlock" in aspects["unix sockets"]["Detail"]
    assert all(aspect["Isolated"] or aspect["Remedy"] for aspect in found["Aspects"] if found["Isolated"])


def test_the_server_takes_all_descriptors_that_it_may(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, limits[1]))
    try:
        server = Server(tmp_path / "data")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE) == (limits[1], limits[1])
    server.kill()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="takes root's privileges away")
def test_the_doctor_knows_whether_functions_are_forked():
    assert json.loads(run("doctor", "--json").stdout)["NoForks"] is None
    command = ["setpriv", "--reuid", "65534", "--clear-groups", BINARY, "doctor", "--json"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=20).stdout)
    assert not found["Isolated"] or found["NoForks"] == "the server is not root"


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="takes root's privileges away")
def test_serving_without_isolation_has_to_be_said(tmp_path):
    command = ["setpriv", "--bounding-set=-sys_admin", BINARY, "serve", "--data", str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode != 0 and "--allow-unisolated-functions" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_function_that_is_not_there(server):
    done = server.run("invoke", "missing", check=False)
    assert done.returncode != 0 and "Function not found" in done.stderr
    assert server.run("invoke", "missing", "--payload", "{", check=False).stderr.startswith("error: the payload is not JSON")


def test_root_credentials_are_private(server):
    assert (server.data / "root-credentials").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("count", [0, 1])
def test_what_waits_for_requests_is_shown(tmp_path, count):
    server = Server(tmp_path / "data", options=["--prebooted", str(count)])
    lambda_, role = server.client("lambda"), make_role(server.client("iam"), "waits")
    sources = {"nodejs20.x": "exports.handler = async (event) => event", "python3.12": "def handler(event, _): return event"}
    for runtime, source in sources.items():
        name = make(lambda_, role, runtime, source, runtime)
        assert invoke(lambda_, name, count)[:2] == (None, count)
    code = {"ZipFile": package({"bootstrap": BOOTSTRAP})}
    lambda_.create_function(FunctionName="program", Runtime="provided.al2023", Role=role, Handler="h", Code=code)
    assert lambda_.invoke(FunctionName="program")["StatusCode"] == 200
    shown = lambda: json.loads(server.run("status", "--json").stdout)["Functions"]
    python = lambda: next(function for function in shown()["functions"] if function["name"] == "python3-12")
    wait_until(lambda: len(python()["spares"]) == 1 and len(shown()["prebooted"]) == 3 * count, what="what waits")
    assert python()["zygote"]["memory_bytes"] > 0
    text = server.run("status").stdout
    assert "python3-12: 1 instances, 0 busy, " in text and "; 1 more wait, forked from one process, " in text
    assert ("processes that wait for a function: 3, " in text) == (count == 1)
    assert server.stop(), server.logged()
