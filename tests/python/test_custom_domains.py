"""Custom domains of APIs through boto3 and plain HTTP: both APIs over one store, and requests by host."""

import json
import threading

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cloudlet import ACCOUNT, REGION, Server
from test_apigateway import behind_apis, invocations, refused, send

CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/c"
CONFIGURATION = {"CertificateArn": CERTIFICATE, "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}


@pytest.fixture(scope="module")
def function(lambda_, iam):
    return behind_apis(lambda_, iam, "behind-domains")


@pytest.fixture(scope="module")
def http_api(http_apis, function):
    return an_http_api(http_apis, function)


def an_http_api(apis, function, *stages, **more):
    api = apis.create_api(Name="domains", ProtocolType="HTTP", **more)["ApiId"]
    made = apis.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0")
    apis.create_route(ApiId=api, RouteKey="ANY /{proxy+}", Target=f"integrations/{made['IntegrationId']}")
    for stage in stages or ["$default"]:
        apis.create_stage(ApiId=api, StageName=stage, AutoDeploy=True)
    return api


@pytest.fixture(scope="module")
def rest_api(rest_apis, function):
    api = rest_apis.create_rest_api(name="domains")
    where = {"restApiId": api["id"]}
    resource = rest_apis.create_resource(**where, parentId=api["rootResourceId"], pathPart="{proxy+}")
    method = {**where, "resourceId": resource["id"], "httpMethod": "ANY"}
    rest_apis.put_method(**method, authorizationType="NONE")
    rest_apis.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=invocations(function))
    rest_apis.create_deployment(**where, stageName="prod")
    return api["id"]


def event(answer):
    status, _, body = answer
    assert status == 200, answer
    return json.loads(body)


def test_domains_are_made_read_changed_and_removed_by_both_apis(rest_apis, http_apis, unique):
    name = f"{unique}.example.com"
    made = http_apis.create_domain_name(DomainName=name, DomainNameConfigurations=[CONFIGURATION], Tags={"k": "v"})
    (configuration,) = made["DomainNameConfigurations"]
    assert configuration["DomainNameStatus"] == "AVAILABLE" and configuration["CertificateArn"] == CERTIFICATE
    assert http_apis.get_domain_name(DomainName=name)["Tags"] == {"k": "v"}
    assert name in [item["DomainName"] for item in http_apis.get_domain_names()["Items"]]
    of_rest = rest_apis.get_domain_name(domainName=name)
    assert of_rest["regionalDomainName"] == configuration["ApiGatewayDomainName"] and of_rest["securityPolicy"] == "TLS_1_2"
    assert name in [item["domainName"] for page in rest_apis.get_paginator("get_domain_names").paginate() for item in page["items"]]
    refused("ConflictException", http_apis.create_domain_name, DomainName=name, DomainNameConfigurations=[CONFIGURATION])
    assert refused("BadRequestException", rest_apis.create_domain_name, domainName=name, regionalCertificateArn=CERTIFICATE) == "The domain name you provided already exists."
    other = CERTIFICATE + "2"
    http_apis.update_domain_name(DomainName=name, DomainNameConfigurations=[{**CONFIGURATION, "CertificateArn": other}])
    assert rest_apis.get_domain_name(domainName=name)["regionalCertificateArn"] == other
    patch = [{"op": "replace", "path": "/securityPolicy", "value": "TLS_1_0"}]
    assert rest_apis.update_domain_name(domainName=name, patchOperations=patch)["securityPolicy"] == "TLS_1_0"
    http_apis.delete_domain_name(DomainName=name)
    refused("NotFoundException", rest_apis.get_domain_name, domainName=name)
    edge = rest_apis.create_domain_name(domainName=name, certificateArn=CERTIFICATE)
    assert edge["distributionDomainName"] and edge["endpointConfiguration"]["types"] == ["EDGE"]
    rest_apis.delete_domain_name(domainName=name)
    refused("NotFoundException", http_apis.get_domain_name, DomainName=name)


def test_mappings_of_both_apis_lead_to_apis_of_both_kinds(server, rest_apis, http_apis, rest_api, http_api, unique):
    name = f"{unique}.example.com"
    http_apis.create_domain_name(DomainName=name, DomainNameConfigurations=[CONFIGURATION])
    one = http_apis.create_api_mapping(DomainName=name, ApiId=rest_api, Stage="prod", ApiMappingKey="v1/rest")
    rest_apis.create_base_path_mapping(domainName=name, basePath="v1", restApiId=http_api, stage="$default")
    told = event(send(server, "GET", "/v1/rest/a/b?x=1", host=name))
    assert (told["path"], told["pathParameters"], told["requestContext"]["stage"]) == ("/v1/rest/a/b", {"proxy": "a/b"}, "prod")
    assert told["requestContext"]["domainName"] == name and told["requestContext"]["path"] == "/v1/rest/a/b"
    told = event(send(server, "POST", "/v1/a/b", b"x", host=f"{name}:4566"))
    assert (told["rawPath"], told["requestContext"]["stage"], told["body"]) == ("/a/b", "$default", "x")
    assert send(server, "GET", "/v2", host=name)[0] == 403
    where = {"DomainName": name, "ApiMappingId": one["ApiMappingId"]}
    assert http_apis.get_api_mapping(**where)["ApiMappingKey"] == "v1/rest"
    assert len(http_apis.get_api_mappings(DomainName=name)["Items"]) == len(rest_apis.get_base_path_mappings(domainName=name)["items"]) == 2
    http_apis.update_api_mapping(**where, ApiId=http_api, Stage="$default", ApiMappingKey="v3")
    assert event(send(server, "GET", "/v3/c", host=name))["rawPath"] == "/c"
    patch = [{"op": "replace", "path": "/basePath", "value": "(none)"}]
    assert rest_apis.update_base_path_mapping(domainName=name, basePath="v1", patchOperations=patch)["basePath"] == "(none)"
    assert rest_apis.get_base_path_mapping(domainName=name, basePath="(none)")["stage"] == "$default"
    assert event(send(server, "GET", "/v1/a/b", host=name))["rawPath"] == "/v1/a/b"
    http_apis.delete_api_mapping(**where)
    rest_apis.delete_base_path_mapping(domainName=name, basePath="(none)")
    assert send(server, "GET", "/v3/c", host=name)[0] == 403
    http_apis.delete_domain_name(DomainName=name)
    # It is nobody's host any more.
    assert b"Forbidden" not in send(server, "GET", "/v3/c", host=name)[2]


def test_an_endpoint_of_its_own_can_be_closed(server, http_apis, function, unique):
    name = f"{unique}.example.com"
    api = an_http_api(http_apis, function, "dev", DisableExecuteApiEndpoint=True)
    http_apis.create_domain_name(DomainName=name, DomainNameConfigurations=[CONFIGURATION])
    http_apis.create_api_mapping(DomainName=name, ApiId=api, Stage="dev")
    assert event(send(server, "GET", "/a", host=name))["requestContext"]["stage"] == "dev"
    assert send(server, "GET", f"/_aws/execute-api/{api}/dev/a")[0] == 404
    assert "Please remove all base path mappings" in refused("BadRequestException", http_apis.delete_stage, ApiId=api, StageName="dev")
    refused("BadRequestException", http_apis.delete_api, ApiId=api)
    http_apis.delete_domain_name(DomainName=name)
    http_apis.delete_api(ApiId=api)


def test_signed_requests_reach_apis_and_calls_of_aws_do_not(server, http_apis, function, unique):
    """A host that is somebody's domain stays this server's for whoever signs a call of AWS's."""
    name = f"{unique}.example.com"
    api = an_http_api(http_apis, function)
    (route,) = http_apis.get_routes(ApiId=api)["Items"]
    http_apis.update_route(ApiId=api, RouteId=route["RouteId"], AuthorizationType="AWS_IAM")
    http_apis.create_domain_name(DomainName=name, DomainNameConfigurations=[CONFIGURATION])
    http_apis.create_api_mapping(DomainName=name, ApiId=api, Stage="$default")
    credentials = Credentials(server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"])

    def signed(service, path, body=b"", **headers):
        request = AWSRequest("POST", f"http://{name}{path}", data=body, headers={"Host": name} | headers)
        SigV4Auth(credentials, service, REGION).add_auth(request)
        named = {key.replace("-", "_"): value for key, value in request.headers.items() if key != "Host"}
        return send(server, "POST", path, body, host=name, **named)

    assert event(signed("execute-api", "/a"))["rawPath"] == "/a"
    assert send(server, "POST", "/a", host=name)[0] == 403
    status, _, body = signed("sqs", "/", b"{}", **{"X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0"})
    assert status == 200 and "execute" not in body.decode()
    http_apis.delete_domain_name(DomainName=name)


def test_names_that_are_the_servers_own_are_refused(http_apis):
    for name in ["localhost", "127.0.0.1", "x.execute-api.us-east-1.amazonaws.com", "no dots", "-a.example.com", "a..b"]:
        refused("BadRequestException", http_apis.create_domain_name, DomainName=name, DomainNameConfigurations=[CONFIGURATION])
    for more in [{"MutualTlsAuthentication": {"TruststoreUri": "s3://b/k"}}, {"RoutingMode": "ROUTING_RULE_ONLY"}]:
        refused("NotImplemented", http_apis.create_domain_name, DomainName="m.example.com", DomainNameConfigurations=[CONFIGURATION], **more)


def test_domains_survive_a_crash_and_changes_are_seen_at_once(tmp_path):
    server = Server(tmp_path / "data")
    apis = server.client("apigatewayv2")
    api = an_http_api(apis, behind_apis(server.client("lambda"), server.client("iam"), "crash"))
    apis.create_domain_name(DomainName="*.example.com", DomainNameConfigurations=[CONFIGURATION])
    apis.create_api_mapping(DomainName="*.example.com", ApiId=api, Stage="$default", ApiMappingKey="a/b")
    server.kill()
    server.start()
    apis = server.client("apigatewayv2")
    assert event(send(server, "GET", "/a/b/c", host="any.example.com"))["rawPath"] == "/c"

    def churn(n):
        name = f"n{n}.example.org"
        for _ in range(5):
            apis.create_domain_name(DomainName=name, DomainNameConfigurations=[CONFIGURATION])
            apis.create_api_mapping(DomainName=name, ApiId=api, Stage="$default")
            seen.append(send(server, "GET", "/x", host=name)[0])
            apis.delete_domain_name(DomainName=name)
            gone.append(send(server, "GET", "/x", host=name)[0])

    seen, gone = [], []
    threads = [threading.Thread(target=churn, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [200] * 40 and len(gone) == 40 and 200 not in gone, (seen, gone)
    assert server.stop(), server.logged()
