"""Tokens that nobody should take: of another time, place or audience, and with headers that choose what they are verified with."""

import hmac
import json
import time

import pytest
from cloudlet import ACCOUNT, REGION, Server
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from http_endpoint import HttpEndpoint
from test_apigateway import send
from test_authorizers import Issuer, encoded


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    """An issuer, and the status of a request with a token of it."""
    issuer = Issuer()
    server = Server(tmp_path_factory.mktemp("tokens") / "data", options=["--allow-loopback", issuer.endpoint.port])
    apis = server.client("apigatewayv2")
    api = apis.create_api(Name="tokens", ProtocolType="HTTP")["ApiId"]
    integration = apis.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:none", PayloadFormatVersion="2.0")
    made = apis.create_authorizer(ApiId=api, Name="a", AuthorizerType="JWT", IdentitySource=["$request.header.Authorization"], JwtConfiguration={"Issuer": issuer.url, "Audience": ["shop"]})
    apis.create_route(ApiId=api, RouteKey="GET /a", Target=f"integrations/{integration['IntegrationId']}", AuthorizationType="JWT", AuthorizerId=made["AuthorizerId"])
    apis.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    # Whoever is let in, finds that there is no function.
    issuer.is_let_in = lambda token: send(server, "GET", f"/_aws/execute-api/{api}/a", Authorization=f"Bearer {token}")[0] == 500
    yield issuer
    assert server.stop(), server.logged()
    issuer.endpoint.close()


NOW = int(time.time())


@pytest.mark.parametrize("claims", [
    {"exp": NOW - 60}, {"exp": 0}, {"exp": -1}, {"exp": str(NOW + 600)}, {"exp": True}, {"exp": []}, {"exp": None},
    {"nbf": NOW + 3_600}, {"iat": NOW + 3_600}, {"nbf": str(NOW)}, {"iat": {}},
    {"aud": "Shop"}, {"aud": ["other"]}, {"aud": []}, {"aud": None}, {"aud": {"shop": 1}}, {"aud": "shop "}, {"aud": None, "client_id": "other"},
    {"iss": None}, {"iss": ["x"]}, {"iss": ""},
])
def test_tokens_of_another_time_place_or_audience(tokens, claims):
    assert tokens.is_let_in(tokens.token()), "one that is right"
    assert not tokens.is_let_in(tokens.token(**claims))


def with_header(issuer, **header):
    """A token with a right signature over this header."""
    claims = issuer.token().split(".")[1]
    text = f"{encoded({key: value for key, value in ({'kid': 'r', 'alg': 'RS256'} | header).items() if value is not None})}.{claims}"
    return f"{text}.{encoded(issuer.rsa.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def test_headers_of_tokens_choose_no_key_and_no_algorithm(tokens):
    assert tokens.is_let_in(with_header(tokens)) and tokens.is_let_in(with_header(tokens, typ="JWT", cty="x"))
    for header in [{"alg": "none"}, {"alg": "None"}, {"alg": ""}, {"alg": None}, {"alg": ["RS256"]}, {"alg": "HS256"}, {"alg": "ES256"}, {"alg": "RS1"}, {"alg": "rs256"},
                   {"kid": None}, {"kid": ""}, {"kid": "e"}, {"kid": "odd"}, {"kid": "../r"}, {"kid": ["r"]}, {"crit": ["exp"]}, {"crit": []}]:
        assert not tokens.is_let_in(with_header(tokens, **header)), header
    header, claims, signature = tokens.token().split(".")
    # A key of the attacker's own, in the token or where it says.
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = own.public_key().public_numbers()
    jwk = {"kid": "r", "kty": "RSA", "n": encoded(numbers.n.to_bytes(256, "big")), "e": encoded(numbers.e.to_bytes(3, "big"))}
    endpoint = HttpEndpoint()
    endpoint.answer = lambda request: (200, {}, json.dumps({"keys": [jwk]}))
    try:
        for more in [{"jwk": jwk}, {"jku": endpoint.url}, {"x5u": endpoint.url}, {"x5c": ["AAAA"]}, {"kid": endpoint.url}]:
            text = f"{encoded({'kid': 'r', 'alg': 'RS256'} | more)}.{claims}"
            assert not tokens.is_let_in(f"{text}.{encoded(own.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"), more
        assert endpoint.received == [], "nobody asks where a token says"
    finally:
        endpoint.close()
    # The public key as a shared secret.
    public = tokens.rsa.public_key()
    forms = [public.public_bytes(serialization.Encoding.PEM, form) for form in (serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1)]
    forms += [public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo), public.public_numbers().n.to_bytes(256, "big"), b""]
    text = f"{encoded({'kid': 'r', 'alg': 'HS256'})}.{claims}"
    for secret in forms:
        assert not tokens.is_let_in(f"{text}.{encoded(hmac.digest(secret, text.encode(), 'sha256'))}")
    # The same token, written otherwise.
    for written in [f"{header}.{claims}.", f"{header}.{claims}", f"{header}..{signature}", f"{header}.{claims}.{signature}.", f"{header}.{claims}.{signature}=", f".{claims}.{signature}",
                    f"{header}.{claims}.{signature[:-2]}", f"{header}.{claims}.{'A' * len(signature)}", f"{claims}.{header}.{signature}", f"{header}.{claims[:-1]}.{signature}"]:
        assert not tokens.is_let_in(written), written
