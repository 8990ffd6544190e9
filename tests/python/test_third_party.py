"""Software that others wrote for Lambda, unmodified: the official runtime clients, and Powertools for Python and TypeScript.

It is installed below the target folder, once.
"""

import base64
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import urllib.request
import zipfile

import pytest
from cloudlet import BINARY, wait_until
from test_lambda import create, invoke, queue
from test_lambda_urls import open_to_all

PLACE = pathlib.Path(BINARY).resolve().parent.parent / "third-party"
# Compiling a hundred crates takes minutes: only where it is asked for.
COMPILES = os.environ.get("CLOUDLET_TEST_COMPILED_CLIENTS")


@pytest.fixture(scope="module")
def role(iam):
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="third-party", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    allow = {"Effect": "Allow", "Action": ["sqs:*", "dynamodb:*"], "Resource": "*"}
    iam.put_role_policy(RoleName="third-party", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}))
    return role["Role"]["Arn"]


def install(name, *command):
    """Runs an installation in a folder of its own, unless it has been run there."""
    folder = PLACE / name
    if not (folder / ".installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(command, cwd=folder, check=True)
        (folder / ".installed").touch()
    return folder


def pip(name, *packages):
    quiet = ["--quiet", "--disable-pip-version-check", "--no-warn-script-location"]
    return install(name, sys.executable, "-m", "pip", "install", *quiet, "--target", ".", *packages)


def npm(name, *packages):
    return install(name, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", ".", *packages)


def package(folder, files):
    """A zip file of an installation, with files beside it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(folder))
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, text)
    return {"ZipFile": content.getvalue()}


def table(dynamodb, name):
    key = [{"AttributeName": "id", "AttributeType": "S"}]
    dynamodb.create_table(
        TableName=name, KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], AttributeDefinitions=key, BillingMode="PAY_PER_REQUEST"
    )


def messages_left(sqs, url):
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return counts["ApproximateNumberOfMessages"], counts["ApproximateNumberOfMessagesNotVisible"]


RIC = """
import logging
def handler(event, context):
    logging.getLogger().warning("hello log")
    if event.get("fail"):
        raise ValueError("told to")
    return [event, context.aws_request_id, context.function_name, context.get_remaining_time_in_millis() > 0]
"""


def python_of_the_host():
    """A Python that functions see too, of the version that the installations are for."""
    found = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin")
    version = found and subprocess.run([found, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True).stdout
    return found if version == "{} {}\n".format(*sys.version_info) else None


@pytest.mark.skipif(not python_of_the_host(), reason="functions see no Python of the version that the tests run on")
def test_the_official_python_runtime_client(lambda_, role, unique):
    bootstrap = f'#!/bin/sh\nexec {python_of_the_host()} -m awslambdaric "$_HANDLER"\n'
    code = package(pip("awslambdaric", "awslambdaric"), {"bootstrap": bootstrap, "index.py": RIC})
    create(lambda_, role, unique, Runtime="provided.al2023", Code=code)
    value, answer = invoke(lambda_, unique, b'{"n": 1}', LogType="Tail")
    assert value == [{"n": 1}, answer["ResponseMetadata"]["RequestId"], unique, True], value
    value, answer = invoke(lambda_, unique, b'{"fail": 1}')
    assert (answer["FunctionError"], value["errorType"], value["errorMessage"]) == ("Unhandled", "ValueError", "told to")


POWERTOOLS = """
import json
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent

logger = Logger(service="tests", level="INFO")
app = LambdaFunctionUrlResolver()
processor = BatchProcessor(event_type=EventType.SQS)
runs = 0

@logger.inject_lambda_context
def log(event, context):
    logger.info("from powertools", extra={"n": event["n"]})
    return "logged"

@idempotent(persistence_store=DynamoDBPersistenceLayer(table_name="TABLE"), config=IdempotencyConfig(event_key_jmespath="order"))
def once(event, context):
    global runs
    runs += 1
    return {"runs": runs}

def one(record):
    if record.body == "bad":
        raise ValueError(record.body)

def batch(event, context):
    return process_partial_response(event=event, record_handler=one, processor=processor, context=context)

@app.get("/hello/<name>")
def hello(name):
    return {"hello": name, "query": app.current_event.get_query_string_value(name="x", default_value="")}

def http(event, context):
    return app.resolve(event, context)
"""


@pytest.fixture(scope="module")
def powertools():
    return pip("powertools-python", "aws-lambda-powertools")


def test_powertools_for_python_logs_once_and_routes(lambda_, dynamodb, powertools, role, unique):
    table(dynamodb, unique)
    code = package(powertools, {"index.py": POWERTOOLS.replace("TABLE", unique)})
    make = lambda handler: create(lambda_, role, f"{unique}-{handler}", Handler=f"index.{handler}", Code=code, MemorySize=512)
    make("log")
    value, answer = invoke(lambda_, f"{unique}-log", b'{"n": 7}', LogType="Tail")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    record = next(json.loads(line) for line in lines if "from powertools" in line)
    assert (value, record["n"], record["service"]) == ("logged", 7, "tests")
    assert record["function_request_id"] == answer["ResponseMetadata"]["RequestId"]

    make("once")
    assert invoke(lambda_, f"{unique}-once", b'{"order": "a"}')[0] == {"runs": 1}
    assert invoke(lambda_, f"{unique}-once", b'{"order": "a"}')[0] == {"runs": 1}
    assert invoke(lambda_, f"{unique}-once", b'{"order": "b"}')[0] == {"runs": 2}

    make("http")
    url = lambda_.create_function_url_config(FunctionName=f"{unique}-http", AuthType="NONE")["FunctionUrl"]
    open_to_all(lambda_, f"{unique}-http")
    with urllib.request.urlopen(f"{url}hello/ann?x=1", timeout=20) as response:
        assert json.load(response) == {"hello": "ann", "query": "1"}


def test_powertools_for_python_reports_what_failed_of_a_batch(lambda_, sqs, powertools, role, unique):
    url, source = queue(sqs, unique)
    create(lambda_, role, unique, Handler="index.batch", Code=package(powertools, {"index.py": POWERTOOLS.replace("TABLE", unique)}))
    lambda_.create_event_source_mapping(FunctionName=unique, EventSourceArn=source, FunctionResponseTypes=["ReportBatchItemFailures"])
    for body in ["good", "bad", "fine"]:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    wait_until(lambda: messages_left(sqs, url) == ("0", "1"))


POWERTOOLS_NODE = """
const { Logger } = require('@aws-lambda-powertools/logger');
const { BatchProcessor, EventType, processPartialResponse } = require('@aws-lambda-powertools/batch');
const { makeIdempotent, IdempotencyConfig } = require('@aws-lambda-powertools/idempotency');
const { DynamoDBPersistenceLayer } = require('@aws-lambda-powertools/idempotency/dynamodb');

const logger = new Logger({ serviceName: 'tests' });
exports.log = async (event, context) => {
  logger.addContext(context);
  logger.info('from powertools', { n: event.n });
  return 'logged';
};

let runs = 0;
const config = new IdempotencyConfig({ eventKeyJmesPath: 'order' });
exports.once = makeIdempotent(async () => ({ runs: ++runs }), { persistenceStore: new DynamoDBPersistenceLayer({ tableName: 'TABLE' }), config });

const processor = new BatchProcessor(EventType.SQS);
const one = async (record) => { if (record.body === 'bad') throw new Error(record.body); };
exports.batch = async (event, context) => processPartialResponse(event, one, processor, { context });
"""


def test_powertools_for_typescript(lambda_, sqs, dynamodb, role, unique):
    tools = [f"@aws-lambda-powertools/{name}" for name in ["logger", "batch", "idempotency", "jmespath"]]
    folder = npm("powertools-typescript", *tools, "@aws-sdk/client-dynamodb", "@aws-sdk/lib-dynamodb")
    table(dynamodb, unique)
    code = package(folder, {"index.js": POWERTOOLS_NODE.replace("TABLE", unique)})
    make = lambda handler: create(
        lambda_, role, f"{unique}-{handler}", Runtime="nodejs22.x", Handler=f"index.{handler}", Code=code, MemorySize=512
    )
    make("log")
    value, answer = invoke(lambda_, f"{unique}-log", b'{"n": 7}', LogType="Tail")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    record = next(json.loads(line[line.index("{") :]) for line in lines if "from powertools" in line)
    assert (value, record["n"], record["service"]) == ("logged", 7, "tests")
    make("once")
    assert [invoke(lambda_, f"{unique}-once", order)[0] for order in [b'{"order":"a"}', b'{"order":"a"}', b'{"order":"b"}']] == [
        {"runs": 1},
        {"runs": 1},
        {"runs": 2},
    ]
    make("batch")
    url, source = queue(sqs, unique)
    lambda_.create_event_source_mapping(
        FunctionName=f"{unique}-batch", EventSourceArn=source, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    for body in ["good", "bad", "fine"]:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    wait_until(lambda: messages_left(sqs, url) == ("0", "1"))


RUST = """
use lambda_runtime::{service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        if event.payload["fail"] == true { return Err(Error::from("told to")); }
        Ok(json!({"event": event.payload, "id": event.context.request_id, "name": event.context.env_config.function_name}))
    })).await
}
"""
RUST_MANIFEST = """
[package]
name = "bootstrap"
version = "0.0.0"
edition = "2021"
[dependencies]
lambda_runtime = "1"
serde_json = "1"
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
[workspace]
"""


@pytest.mark.timeout(1800)
@pytest.mark.skipif(not COMPILES, reason="compiles about a hundred crates: set CLOUDLET_TEST_COMPILED_CLIENTS")
def test_the_official_rust_runtime_client(lambda_, role, unique):
    folder = PLACE / "lambda-runtime"
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src/main.rs").write_text(RUST)
    (folder / "Cargo.toml").write_text(RUST_MANIFEST)
    environment = os.environ | {"CARGO_TARGET_DIR": str(folder / "target"), "CARGO_PROFILE_DEV_DEBUG": "0"}
    subprocess.run(["cargo", "build", "--quiet"], cwd=folder, env=environment, check=True)
    code = package(folder / "src", {"bootstrap": (folder / "target/debug/bootstrap").read_bytes()})
    create(lambda_, role, unique, Runtime="provided.al2023", Handler="bootstrap", Code=code)
    value, answer = invoke(lambda_, unique, b'{"n": 1}')
    assert value == {"event": {"n": 1}, "id": answer["ResponseMetadata"]["RequestId"], "name": unique}
    value, answer = invoke(lambda_, unique, b'{"fail": true}')
    assert (answer["FunctionError"], value["errorMessage"]) == ("Unhandled", "told to")
