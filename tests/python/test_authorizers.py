"""Who may use an API: authorizers and signatures, through boto3 and plain HTTP, with real functions and a real issuer of tokens."""

import base64
import json
import time

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cloudlet import ACCOUNT, REGION, Server
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from http_endpoint import HttpEndpoint
from test_apigateway import behind_apis, invocations, refused, send

# Decides by the token, or by the header of a request, and counts what it was asked.
DECIDER = """
import json

asked = 0

def handler(event, context):
    global asked
    asked += 1
    who = event.get("authorizationToken") or (event.get("identitySource") or [""])[0]
    if who == "nobody":
        raise Exception("Unauthorized")
    if event.get("version") == "2.0":
        return {"isAuthorized": who == "friend", "context": {"who": who, "asked": asked}}
    effect = "Allow" if who == "friend" else "Deny"
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": who, "policyDocument": document, "context": {"asked": asked}}
"""


def encoded(data):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size):
    return encoded(value.to_bytes(size, "big"))


class Issuer:
    """An issuer of tokens, with a key of each kind."""

    def __init__(self):
        self.endpoint = HttpEndpoint()
        self.url = f"http://127.0.0.1:{self.endpoint.port}"
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.endpoint.answer = self.answer

    def answer(self, request):
        if request.path == "/.well-known/openid-configuration":
            return 200, {}, json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        public, point = self.rsa.public_key().public_numbers(), self.ec.public_key().public_numbers()
        keys = [
            {"kid": "r", "kty": "RSA", "use": "sig", "n": number(public.n, 256), "e": number(public.e, 3)},
            {"kid": "e", "kty": "EC", "crv": "P-256", "use": "sig", "x": number(point.x, 32), "y": number(point.y, 32)},
            {"kid": "odd", "kty": "odd"},
        ]
        return 200, {}, json.dumps({"keys": keys})

    def token(self, kid="r", **claims):
        now = int(time.time())
        claims = {"iss": self.url, "aud": "shop", "sub": "me", "iat": now, "exp": now + 600} | claims
        header = {"kid": kid, "alg": "ES256" if kid == "e" else "RS256"}
        signed = f"{encoded(header)}.{encoded({k: v for k, v in claims.items() if v is not None})}"
        if kid == "e":
            r, s = decode_dss_signature(self.ec.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        else:
            signature = self.rsa.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{encoded(signature)}"


@pytest.fixture(scope="module")
def function(lambda_, iam):
    return behind_apis(lambda_, iam, "behind-closed-apis")


@pytest.fixture(scope="module")
def decider(lambda_, iam):
    return behind_apis(lambda_, iam, "decider", DECIDER)


@pytest.fixture
def rest_api(rest_apis, function, unique):
    """The ids of a REST API and of its method, `GET /{proxy+}`."""
    api = rest_apis.create_rest_api(name=unique)
    everything = rest_apis.create_resource(restApiId=api["id"], parentId=api["rootResourceId"], pathPart="{proxy+}")
    method = {"restApiId": api["id"], "resourceId": everything["id"], "httpMethod": "GET"}
    rest_apis.put_method(authorizationType="NONE", **method)
    rest_apis.put_integration(type="AWS_PROXY", integrationHttpMethod="POST", uri=invocations(function), **method)
    return method


def close(rest_apis, method, kind, authorizer=None):
    """Lets in only those whom the authorizer lets, or who sign, from the next deployment on."""
    patches = [{"op": "replace", "path": "/authorizationType", "value": kind}]
    if authorizer:
        patches.append({"op": "replace", "path": "/authorizerId", "value": authorizer})
    changed = rest_apis.update_method(patchOperations=patches, **method)
    assert (changed["authorizationType"], changed.get("authorizerId")) == (kind, authorizer)
    rest_apis.create_deployment(restApiId=method["restApiId"], stageName="dev")
    return f"/_aws/execute-api/{method['restApiId']}/dev"


def test_a_function_decides_on_tokens(server, rest_apis, rest_api, decider):
    where = {"restApiId": rest_api["restApiId"]}
    made = rest_apis.create_authorizer(**where, name="a", type="TOKEN", authorizerUri=invocations(decider), identitySource="method.request.header.X-Token")
    assert (made["authorizerResultTtlInSeconds"], made["authType"]) == (300, "custom")
    one = {**where, "authorizerId": made["id"]}
    base = close(rest_apis, rest_api, "CUSTOM", made["id"])
    status, _, body = send(server, "GET", f"{base}/a", X_Token="friend")
    told = json.loads(body)["requestContext"]["authorizer"]
    assert (status, told) == (200, {"principalId": "friend", "asked": told["asked"]})
    status, _, body = send(server, "GET", f"{base}/a", X_Token="friend")
    assert json.loads(body)["requestContext"]["authorizer"] == told, "the answer was not kept"
    status, headers, body = send(server, "GET", f"{base}/a", X_Token="enemy")
    assert (status, headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
    assert json.loads(body)["Message"] == "User is not authorized to access this resource with an explicit deny"
    for headers in ({}, {"X_Token": "nobody"}):
        status, headers, body = send(server, "GET", f"{base}/a", **headers)
        assert (status, json.loads(body)) == (401, {"message": "Unauthorized"})
    rest_apis.flush_stage_authorizers_cache(**where, stageName="dev")
    status, _, body = send(server, "GET", f"{base}/a", X_Token="friend")
    assert json.loads(body)["requestContext"]["authorizer"]["asked"] != told["asked"]

    tested = rest_apis.test_invoke_authorizer(**one, headers={"X-Token": "friend"})
    assert (tested["clientStatus"], tested["principalId"]) == (200, "friend")
    assert json.loads(tested["policy"])["Statement"]
    changes = [{"op": "replace", "path": "/authorizerResultTtlInSeconds", "value": "0"}]
    assert rest_apis.update_authorizer(**one, patchOperations=changes)["authorizerResultTtlInSeconds"] == 0
    assert rest_apis.get_authorizer(**one)["name"] == "a"
    assert [item["id"] for item in rest_apis.get_authorizers(**where)["items"]] == [made["id"]]
    assert "is referenced" in refused("ConflictException", rest_apis.delete_authorizer, **one)
    close(rest_apis, rest_api, "NONE")
    rest_apis.delete_authorizer(**one)
    refused("NotFoundException", rest_apis.get_authorizer, **one)


def test_a_function_decides_on_requests(server, rest_apis, rest_api, decider):
    where = {"restApiId": rest_api["restApiId"]}
    made = rest_apis.create_authorizer(**where, name="a", type="REQUEST", authorizerUri=invocations(decider), identitySource="method.request.querystring.who")
    base = close(rest_apis, rest_api, "CUSTOM", made["id"])
    # It decides by what only other forms of events tell.
    assert [send(server, "GET", f"{base}/a{query}")[0] for query in ("", "?who=", "?who=x")] == [401, 401, 500]


def signed(server, credentials, method, path, body=None):
    request = AWSRequest(method, server.endpoint + path, data=body)
    SigV4Auth(Credentials(*credentials), "execute-api", REGION).add_auth(request)
    return send(server, method, path, body, **{name.replace("-", "_"): value for name, value in request.headers.items()})


@pytest.fixture(scope="module")
def signer(iam):
    """The credentials of a user who may use `GET /a` of every API."""
    iam.create_user(UserName="caller")
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:*/*/GET/a"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="caller", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="caller")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def test_signers_of_requests_to_a_rest_api_need_permission(server, rest_apis, rest_api, signer):
    base = close(rest_apis, rest_api, "AWS_IAM")
    status, _, body = signed(server, signer, "GET", f"{base}/a?x=1")
    identity = json.loads(body)["requestContext"]["identity"]
    assert (status, identity["accessKey"], identity["userArn"]) == (200, signer[0], f"arn:aws:iam::{ACCOUNT}:user/caller")
    status, headers, body = signed(server, signer, "GET", f"{base}/b")
    assert (status, headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
    assert "is not authorized to perform: execute-api:Invoke" in json.loads(body)["Message"]
    status, _, body = send(server, "GET", f"{base}/a")
    assert (status, json.loads(body)) == (403, {"message": "Missing Authentication Token"})
    status, headers, _ = signed(server, (signer[0], "wrong"), "GET", f"{base}/a")
    assert (status, headers["x-amzn-errortype"]) == (403, "InvalidSignatureException")
    root = server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"]
    assert signed(server, root, "GET", f"{base}/b")[0] == 200


@pytest.fixture
def http_api(http_apis, function, unique):
    api = http_apis.create_api(Name=unique, ProtocolType="HTTP")["ApiId"]
    integration = http_apis.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0")
    http_apis.create_route(ApiId=api, RouteKey="GET /{proxy+}", Target=f"integrations/{integration['IntegrationId']}")
    http_apis.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    return api


def close_route(http_apis, api, **authorization):
    route = http_apis.get_routes(ApiId=api)["Items"][0]
    return http_apis.update_route(ApiId=api, RouteId=route["RouteId"], **authorization)


def test_signers_of_requests_to_an_http_api_need_permission(server, http_apis, http_api, signer):
    close_route(http_apis, http_api, AuthorizationType="AWS_IAM")
    base = f"/_aws/execute-api/{http_api}"
    status, _, body = signed(server, signer, "GET", f"{base}/a")
    assert (status, json.loads(body)["requestContext"]["authorizer"]["iam"]["accessKey"]) == (200, signer[0])
    for answer in (signed(server, signer, "GET", f"{base}/b"), send(server, "GET", f"{base}/a")):
        assert (answer[0], json.loads(answer[2])) == (403, {"message": "Forbidden"})


def test_a_function_decides_on_requests_to_an_http_api(server, http_apis, http_api, decider):
    made = http_apis.create_authorizer(
        ApiId=http_api,
        Name="a",
        AuthorizerType="REQUEST",
        AuthorizerUri=invocations(decider),
        AuthorizerPayloadFormatVersion="2.0",
        EnableSimpleResponses=True,
        IdentitySource=["$request.header.X-Who"],
    )
    one = {"ApiId": http_api, "AuthorizerId": made["AuthorizerId"]}
    assert close_route(http_apis, http_api, AuthorizationType="CUSTOM", AuthorizerId=made["AuthorizerId"])["AuthorizationType"] == "CUSTOM"
    base = f"/_aws/execute-api/{http_api}"
    asked = []
    for _ in range(2):
        status, _, body = send(server, "GET", f"{base}/a", X_Who="friend")
        told = json.loads(body)["requestContext"]["authorizer"]["lambda"]
        assert (status, told["who"]) == (200, "friend")
        asked.append(told["asked"])
    assert asked[0] == asked[1], "the answer was not kept"
    http_apis.reset_authorizers_cache(ApiId=http_api, StageName="$default")
    _, _, body = send(server, "GET", f"{base}/a", X_Who="friend")
    assert json.loads(body)["requestContext"]["authorizer"]["lambda"]["asked"] != asked[0]
    assert send(server, "GET", f"{base}/a", X_Who="enemy")[0] == 403
    assert send(server, "GET", f"{base}/a")[0] == 401
    assert http_apis.update_authorizer(**one, AuthorizerResultTtlInSeconds=0)["AuthorizerResultTtlInSeconds"] == 0
    assert http_apis.get_authorizer(**one)["EnableSimpleResponses"] is True
    assert [item["Name"] for item in http_apis.get_authorizers(ApiId=http_api)["Items"]] == ["a"]
    refused("ConflictException", http_apis.delete_authorizer, **one)
    close_route(http_apis, http_api, AuthorizationType="NONE")
    http_apis.delete_authorizer(**one)
    refused("NotFoundException", http_apis.get_authorizer, **one)


def test_tokens_of_an_issuer(tmp_path):
    issuer = Issuer()
    server = Server(tmp_path / "data", options=["--allow-loopback", issuer.endpoint.port])
    try:
        http_apis = server.client("apigatewayv2")
        api = http_apis.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:none"
        integration = http_apis.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0")
        configuration = {"Issuer": issuer.url, "Audience": ["shop"]}
        made = http_apis.create_authorizer(
            ApiId=api, Name="a", AuthorizerType="JWT", IdentitySource=["$request.header.Authorization"], JwtConfiguration=configuration
        )
        assert made["JwtConfiguration"] == configuration
        http_apis.create_route(
            ApiId=api,
            RouteKey="GET /a",
            Target=f"integrations/{integration['IntegrationId']}",
            AuthorizationType="JWT",
            AuthorizerId=made["AuthorizerId"],
            AuthorizationScopes=["read"],
        )
        http_apis.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)

        def status(token):
            code, headers, _ = send(server, "GET", f"/_aws/execute-api/{api}/a", **({"Authorization": token} if token else {}))
            return code, headers.get("www-authenticate", "")

        # Whoever is let in, finds that there is no function.
        for kid in ("r", "e"):
            assert status(f"Bearer {issuer.token(kid, scope='read write')}")[0] == 500
        assert status(None) == (401, "Bearer")
        assert status(issuer.token(scope="write"))[0] == 403
        for claims in ({"aud": "other"}, {"exp": int(time.time()) - 60}, {"iss": "https://other.example"}, {"exp": None}):
            code, challenge = status(issuer.token(scope="read", **claims))
            assert code == 401 and 'error="invalid_token"' in challenge, claims
        header, claims, signature = issuer.token(scope="read").split(".")
        for forged in (
            f"{encoded({'alg': 'none', 'kid': 'r'})}.{claims}.",
            f"{encoded({'alg': 'HS256', 'kid': 'r'})}.{claims}.{signature}",
            f"{encoded({'alg': 'ES256', 'kid': 'r'})}.{claims}.{signature}",
            f"{header}.{encoded({'iss': issuer.url, 'aud': 'shop', 'scope': 'read', 'exp': int(time.time()) + 60})}.{signature}",
            "a.b.c",
            "a" * 9000,
        ):
            assert status(forged)[0] in (401, 431), forged
        asked = [request.path for request in issuer.endpoint.received]
        assert asked == ["/.well-known/openid-configuration", "/keys"], "its keys are kept"
    finally:
        assert server.stop(), server.logged()
        issuer.endpoint.close()
