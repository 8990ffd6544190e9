"""Functions of a serverless.yml that are ready before traffic comes: their triggers call an alias."""

import re

import pytest
from test_examples import http

CONFIG = """
service: {name}
provider: {{ name: aws, runtime: python3.12 }}
functions:
  ready:
    handler: handler.main
    provisionedConcurrency: {ready}
    events:
      - httpApi: GET /ready
  snapped:
    handler: handler.main
    snapStart: true
    events:
      - httpApi: GET /snapped
"""
HANDLER = """
import os

def main(event, context):
    return {"started": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], "version": context.function_version, "code": CODE}
"""


@pytest.mark.timeout(300)
def test_triggers_call_what_is_ready(server, lambda_, tmp_path, unique):
    config, handler = tmp_path / "serverless.yml", tmp_path / "handler.py"

    def deploy(code, ready):
        config.write_text(CONFIG.format(name=unique, ready=ready))
        handler.write_text(HANDLER.replace("CODE", str(code)))
        done = server.run("deploy", tmp_path)
        return {path: http("GET", re.search(rf"GET\s+(http\S+/{path})", done.stdout).group(1)) for path in ("ready", "snapped")}

    answers = deploy(1, ready=2)
    assert answers["ready"] == (200, {"started": "provisioned-concurrency", "version": "1", "code": 1})
    assert answers["snapped"] == (200, {"started": "snap-start", "version": "1", "code": 1})
    alias = {"FunctionName": f"{unique}-dev-ready", "Qualifier": "provisioned"}
    config_of = lambda: lambda_.get_provisioned_concurrency_config(**alias)
    assert (config_of()["RequestedProvisionedConcurrentExecutions"], config_of()["Status"]) == (2, "READY")

    answers = deploy(2, ready=1)
    assert answers["ready"] == (200, {"started": "provisioned-concurrency", "version": "2", "code": 2})
    assert config_of()["RequestedProvisionedConcurrentExecutions"] == 1
    assert answers["snapped"][1]["version"] == "2"

    # None is nothing: the function itself is called again, and the alias goes.
    answers = deploy(3, ready=0)
    assert answers["ready"] == (200, {"started": "on-demand", "version": "$LATEST", "code": 3})
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
        lambda_.get_alias(FunctionName=alias["FunctionName"], Name="provisioned")
    server.run("remove", tmp_path)
