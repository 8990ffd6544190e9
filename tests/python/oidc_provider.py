"""Another identity provider: OpenID Connect over HTTP, as much as it takes to sign in with it, and to go wrong."""

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from cloudlet import Server
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa


@pytest.fixture(scope="module")
def elsewhere():
    with Provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def server(elsewhere):
    """A server that may ask the provider, which is on this machine."""
    server = Server(options=["--allow-loopback", elsewhere.server.server_port])
    yield server
    assert server.stop(), server.logged()


@pytest.fixture
def provider(elsewhere):
    elsewhere.reset()
    return elsewhere


def _client(service):
    return pytest.fixture(scope="module")(lambda server: server.client(service))


cognito, iam, identities = _client("cognito-idp"), _client("iam"), _client("cognito-identity")


def encoded(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Provider:
    """Use it with `with`. Whoever comes is signed in at once, as `user`."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.reset()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self, body, status=200, **headers):
                body = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"content-type": "application/json", "content-length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                url = urlsplit(self.path)
                provider.asked.append(url.path)
                match url.path.removeprefix("/provider"):
                    case "/.well-known/openid-configuration":
                        self.answer(provider.configuration())
                    case "/keys":
                        self.answer(provider.keys())
                    case "/authorize":
                        self.answer({}, 302, location=provider.authorize(dict(parse_qsl(url.query))))
                    case "/userinfo":
                        token = self.headers.get("authorization", "").removeprefix("Bearer ")
                        self.answer(provider.user | provider.info if token == "at" else {}, 200 if token == "at" else 401)
                    case _:
                        self.answer({}, 404)

            def do_POST(self):
                form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                status, body = provider.token({name: values[0] for name, values in form.items()})
                self.answer(body, status)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/provider"

    def reset(self):
        """Forgets what a test has changed."""
        self.user = {"sub": "Sub-1", "email": "ada@elsewhere.example", "email_verified": True, "name": "Ada"}
        self.client, self.secret = "pool-at-provider", "s3cret&="
        self.codes, self.asked, self.request, self.refuse = {}, [], None, None
        # What a test makes go wrong: changes of the token, of its header, or of what the endpoints answer.
        self.claims, self.header, self.key_used, self.info = {}, {}, self.key, {}

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def configuration(self):
        endpoints = {"authorization_endpoint": "authorize", "token_endpoint": "token", "userinfo_endpoint": "userinfo", "jwks_uri": "keys"}
        return {"issuer": self.url} | {name: f"{self.url}/{path}" for name, path in endpoints.items()}

    def keys(self):
        numbers = self.key.public_key().public_numbers()
        number = lambda value: encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))
        return {"keys": [{"kty": "RSA", "kid": "one", "use": "sig", "alg": "RS256", "n": number(numbers.n), "e": number(numbers.e)}]}

    def authorize(self, asked):
        self.request = asked
        if self.refuse:
            return f"{asked['redirect_uri']}?{urlencode({'error': self.refuse, 'state': asked['state']})}"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form):
        asked = self.codes.pop(form.get("code"), None)
        if not asked or (form.get("client_id"), form.get("client_secret")) != (self.client, self.secret) or form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        verified = encoded(hashlib.sha256(form["code_verifier"].encode()).digest())
        if verified != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "at", "token_type": "Bearer", "id_token": self.sign({"nonce": asked["nonce"]})}

    def sign(self, more=None, **claims):
        now = int(time.time())
        said = {"iss": self.url, "aud": self.client, "sub": self.user["sub"], "iat": now, "exp": now + 600} | (more or {}) | claims | self.claims
        text = f"{encoded({'alg': 'RS256', 'kid': 'one'} | self.header)}.{encoded({name: value for name, value in said.items() if value is not None})}"
        signature = self.key_used.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{encoded(signature)}"
