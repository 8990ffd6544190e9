"""Names and places of operations against the official service models: they cannot drift."""

import json
import re
import subprocess

import botocore.session
import pytest
from cloudlet import BINARY

# Operations of AWS's that no official model has, each with the file that tests it: forms of browsers, in test_s3_forms.py.
UNMODELLED = {("s3", "PostObject")}
ALL = json.loads(subprocess.check_output([BINARY, "operations", "--json"]))
OPERATIONS = [row for row in ALL if (row["Model"], row["Operation"]) not in UNMODELLED]
# What is our own is in no official model.
MODELS = sorted(model for model in {row["Model"] for row in OPERATIONS} if not model.startswith("cloudlet"))


@pytest.mark.parametrize("model", MODELS)
def test_operations_are_as_in_the_official_model(model):
    official = botocore.session.get_session().get_service_model(model)
    for row in (row for row in OPERATIONS if row["Model"] == model):
        name = row["Operation"]
        assert name in official.operation_names, f"{model} has no operation {name}"
        if row["Http"] is None:
            continue
        method, uri = row["Http"]
        expected = official.operation_model(name).http
        assert (method, form(uri)) == (expected["method"], form(expected["requestUri"])), name


def form(uri):
    """A path without the names of its labels: those are no part of what is sent."""
    return re.sub(r"\{[\w-]+", "{", uri.rstrip("/"))


def test_every_service_is_there():
    assert MODELS == sorted(["apigateway", "apigatewaymanagementapi", "apigatewayv2", "application-autoscaling", "cloudfront", "cognito-idp", "cognito-identity", "dynamodb", "dynamodbstreams", "events", "iam", "kinesis", "kms", "lambda", "logs", "pipes", "s3", "scheduler", "secretsmanager", "ses", "sesv2", "sns", "sqs", "ssm", "sts"])
