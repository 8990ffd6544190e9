"""`http` events with integrations of their own, and resources of templates: what a serverless.yml makes of them."""

import json
import re

import pytest
from test_apigateway import send

CONFIG = """
service: {name}
provider: {{ name: aws, runtime: python3.12 }}
functions:
  told:
    handler: handler.main
    events:
      - http:
          path: told/{{id}}
          method: post
          integration: lambda
          cors: true
          request:
            schemas:
              application/json: {{ type: object, required: [a], properties: {{ a: {{ type: number }} }} }}
      - http:
          path: own
          method: get
          integration: lambda
          request: {{ template: {{ application/json: '{{"q": "$input.params(''q'')"}}' }}, passThrough: WHEN_NO_MATCH }}
          response:
            headers: {{ Content-Type: "'text/html'" }}
            template: "<p>$input.path('$.query')</p>"
            statusCodes:
              200: {{ pattern: '' }}
              418: {{ pattern: '.*teapot.*', template: "$input.path('$.errorMessage')", headers: {{ X-Why: "integration.response.body.errorType" }} }}
      - http: {{ path: mock, method: get, integration: mock, response: {{ template: '{{"mocked": {mocked}}}' }} }}
resources:
  Resources:
    Refusal:
      Type: AWS::ApiGateway::GatewayResponse
      Properties:
        RestApiId: {{ Ref: ApiGatewayRestApi }}
        ResponseType: DEFAULT_4XX
        ResponseParameters: {{ gatewayresponse.header.X-Refused: "'yes'" }}
"""
HANDLER = """
def main(event, context):
    if event.get("q") == "tea":
        raise ValueError("I am a teapot")
    return {"query": event.get("q"), "event": event}
"""


@pytest.fixture
def deploy(server, tmp_path, unique):
    (tmp_path / "handler.py").write_text(HANDLER)

    def deploy(mocked="1", command="deploy"):
        (tmp_path / "serverless.yml").write_text(CONFIG.format(name=unique, mocked=mocked))
        return server.run(command, tmp_path)

    return deploy


def test_events_have_integrations_of_their_own(server, rest_apis, deploy):
    done = deploy()
    path = re.search(r"/_aws/execute-api/\w+/\w+", done.stdout).group(0)
    status, headers, body = send(server, "POST", f"{path}/told/7?x=it%27s", '{"a": 1}', Content_Type="application/json", X_Mine='say "hi"')
    event = json.loads(body)["event"]
    assert (status, headers["access-control-allow-origin"]) == (200, "*")
    assert (event["body"], event["method"], event["path"], event["query"]) == ({"a": 1}, "POST", {"id": "7"}, {"x": "it's"})
    assert (event["headers"]["X-Mine"], event["stage"], event["requestPath"]) == ('say "hi"', "dev", "/told/{id}")
    status, _, body = send(server, "POST", f"{path}/told/7", '{"a": "1"}', Content_Type="application/json")
    assert (status, json.loads(body)) == (400, {"message": "Invalid request body"})
    status, headers, body = send(server, "GET", f"{path}/own?q=b")
    assert (status, headers["content-type"], body) == (200, "text/html", b"<p>b</p>")
    status, headers, body = send(server, "GET", f"{path}/own?q=tea")
    assert (status, headers["x-why"], body) == (418, "ValueError", b"I am a teapot")
    assert json.loads(send(server, "GET", f"{path}/mock")[2]) == {"mocked": 1}
    # Gateway responses are part of what is deployed: the next deployment has them.
    deploy(mocked="2")
    assert json.loads(send(server, "GET", f"{path}/mock")[2]) == {"mocked": 2}
    status, headers, _ = send(server, "GET", f"{path}/none")
    assert (status, headers["x-refused"]) == (403, "yes")
    api = path.split("/")[3]
    assert [item["name"] for item in rest_apis.get_request_validators(restApiId=api)["items"]]
    deploy(command="remove")
    assert api not in [item["id"] for item in rest_apis.get_rest_apis(limit=500)["items"]]
