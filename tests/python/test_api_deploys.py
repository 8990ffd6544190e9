"""Domains and documents of APIs in deployments: services that share a domain, and APIs that are the body of a resource."""

import json

import pytest
from test_apigateway import refused, send

SHARED = """
service: {name}
plugins: [serverless-domain-manager]
provider: {{ name: aws, runtime: python3.12 }}
custom:
  customDomain:
    domainName: {domain}
    basePath: {path}
    apiType: {kind}
    createRoute53Record: true
functions:
  hello:
    handler: handler.main
    events:
      - {event}
"""
HANDLER = """
import json

def main(event, context):
    return {"statusCode": 200, "body": json.dumps({"path": event.get("rawPath") or event["path"], "name": context.function_name})}
"""


def a_project(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / "serverless.yml").write_text(text)
    (folder / "handler.py").write_text(HANDLER)
    return folder


@pytest.mark.timeout(300)
def test_services_share_a_domain_until_the_last_one_leaves(server, http_apis, tmp_path, unique):
    domain = f"{unique}.example.com"
    names = {"domain": domain}
    one = a_project(tmp_path / "one", SHARED.format(name=f"{unique}-one", path="v1/one", kind="http", event='httpApi: "GET /hello"', **names))
    two = a_project(tmp_path / "two", SHARED.format(name=f"{unique}-two", path="two", kind="rest", event="http: GET /hello", **names))
    done = server.run("deploy", one)
    assert "Route 53" in done.stdout + done.stderr
    server.run("deploy", two)
    first, second = (send(server, "GET", path, host=domain) for path in ["/v1/one/hello", "/two/hello"])
    assert (first[0], json.loads(first[2])) == (200, {"path": "/hello", "name": f"{unique}-one-dev-hello"})
    assert (second[0], json.loads(second[2])) == (200, {"path": "/two/hello", "name": f"{unique}-two-dev-hello"})
    a_project(one, SHARED.format(name=f"{unique}-one", path="v2", kind="http", event='httpApi: "GET /hello"', **names))
    server.run("deploy", one)
    assert send(server, "GET", "/v2/hello", host=domain)[0] == 200 and send(server, "GET", "/v1/one/hello", host=domain)[0] == 403
    server.run("remove", one)
    assert send(server, "GET", "/two/hello", host=domain)[0] == 200
    server.run("remove", two)
    refused("NotFoundException", http_apis.get_domain_name, DomainName=domain)


RESOURCES = """
service: {name}
provider: {{ name: aws, runtime: python3.12 }}
functions:
  hello:
    handler: handler.main
resources:
  Resources:
    May:
      Type: AWS::Lambda::Permission
      Properties:
        Action: lambda:InvokeFunction
        FunctionName: !Ref HelloLambdaFunction
        Principal: apigateway.amazonaws.com
    Http:
      Type: AWS::ApiGatewayV2::Api
      Properties:
        Body:
          openapi: 3.0.1
          info: {{ title: "{name}-http", version: "1" }}
          paths:
            {path}:
              get:
                x-amazon-apigateway-integration: {{ type: aws_proxy, httpMethod: POST, uri: !GetAtt HelloLambdaFunction.Arn, payloadFormatVersion: "2.0" }}
    HttpStage:
      Type: AWS::ApiGatewayV2::Stage
      Properties: {{ ApiId: !Ref Http, StageName: $default, AutoDeploy: true }}
    Rest:
      Type: AWS::ApiGateway::RestApi
      Properties:
        Name: {name}-rest
        Body:
          swagger: "2.0"
          info: {{ title: t, version: "1" }}
          paths:
            {path}:
              get:
                responses: {{}}
                x-amazon-apigateway-integration:
                  type: aws_proxy
                  httpMethod: POST
                  uri: !Sub "arn:aws:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{HelloLambdaFunction.Arn}}/invocations"
    Deployed:
      Type: AWS::ApiGateway::Deployment
      DependsOn: Rest
      Properties: {{ RestApiId: !Ref Rest, StageName: s }}
    Domain:
      Type: AWS::ApiGatewayV2::DomainName
      Properties:
        DomainName: {domain}
        DomainNameConfigurations:
          - {{ CertificateArn: "arn:aws:acm:us-east-1:000000000000:certificate/c", EndpointType: REGIONAL }}
    Mapping:
      Type: AWS::ApiGatewayV2::ApiMapping
      Properties: {{ DomainName: !Ref Domain, ApiId: !Ref Http, Stage: !Ref HttpStage, ApiMappingKey: h }}
    BasePath:
      Type: AWS::ApiGateway::BasePathMapping
      DependsOn: Deployed
      Properties: {{ DomainName: !Ref Domain, RestApiId: !Ref Rest, Stage: s, BasePath: r }}
"""


@pytest.mark.timeout(300)
def test_apis_are_bodies_of_resources(server, http_apis, rest_apis, tmp_path, unique):
    domain = f"{unique}.example.com"
    project = a_project(tmp_path / "project", RESOURCES.format(name=unique, path="/a", domain=domain))
    server.run("deploy", project)
    for base in ["/h", "/r"]:
        assert send(server, "GET", f"{base}/a", host=domain)[0] == 200, base
    assert f"{unique}-http" in [api["Name"] for api in http_apis.get_apis(MaxResults="500")["Items"]]
    assert f"{unique}-rest" in [api["name"] for api in rest_apis.get_rest_apis(limit=500)["items"]]
    a_project(project, RESOURCES.format(name=unique, path="/b", domain=domain))
    server.run("deploy", project)
    assert send(server, "GET", "/h/b", host=domain)[0] == 200 and send(server, "GET", "/h/a", host=domain)[0] == 404
    server.run("remove", project)
    refused("NotFoundException", http_apis.get_domain_name, DomainName=domain)
    assert f"{unique}-http" not in [api["Name"] for api in http_apis.get_apis(MaxResults="500")["Items"]]
