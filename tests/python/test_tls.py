"""HTTPS with certificates from files and of this machine's own: real clients, names, renewal, and what is refused."""

import os
import re
import signal
import socket
import ssl
import subprocess
import urllib.request

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import SSLError
from certificates import Authority
from cloudlet import BINARY, REGION, Server, wait_until


class Secure(Server):
    """A server that speaks HTTPS too, on a free port."""

    def __init__(self, data, certificates, *options, **others):
        given = [part for pair in certificates for part in ("--tls-cert", pair[0], "--tls-key", pair[1])]
        super().__init__(data, options=[*given, "--tls-listen", "127.0.0.1:0", *options], **others)

    def start(self):
        super().start()
        line = self.process.stdout.readline()
        self.port = int(re.search(r"https://[^ ]*?:(\d+)", line).group(1))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def secure(authority, tmp_path_factory):
    pairs = [authority.make("localhost", "127.0.0.1"), authority.make("shop.localhost", "*.wild.localhost", kind="rsa")]
    server = Secure(tmp_path_factory.mktemp("secure") / "data", pairs)
    yield server
    assert server.stop(), server.logged()


def client(server, service, verify, host="localhost"):
    key = server.root
    return boto3.session.Session().client(
        service,
        endpoint_url=f"https://{host}:{server.port}",
        region_name=REGION,
        aws_access_key_id=key["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=key["AWS_SECRET_ACCESS_KEY"],
        verify=str(verify),
        config=Config(retries={"max_attempts": 0}),
    )


def shown(port, name, authority, version=None, protocols=None):
    """The connection, and the certificate that a client sees who asks for a name."""
    context = ssl.create_default_context(cafile=str(authority.file))
    if version:
        context.minimum_version = context.maximum_version = version
    if protocols:
        context.set_alpn_protocols(protocols)
    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname=name)
    names = {value for _, value in connection.getpeercert()["subjectAltName"]}
    return connection, names


def test_browsers_come_back_to_hosted_pages_over_tls_alone(secure, authority):
    cognito = client(secure, "cognito-idp", authority.file)
    pool = cognito.create_user_pool(PoolName="pages")["UserPool"]["Id"]
    cognito.create_user_pool_domain(UserPoolId=pool, Domain="pages")
    made = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="c", AllowedOAuthFlowsUserPoolClient=True, AllowedOAuthFlows=["code"], AllowedOAuthScopes=["openid"],
        CallbackURLs=["https://app.example/"], LogoutURLs=["https://app.example/"], SupportedIdentityProviders=["COGNITO"],
    )["UserPoolClient"]["ClientId"]
    asked = f"client_id={made}&redirect_uri=https://app.example/&response_type=code&scope=openid"
    # Pages, redirects and refusals alike: a browser learns it from whatever it sees first.
    for path, status in [(f"/login?{asked}", 200), (f"/oauth2/authorize?{asked}", 302), ("/login?client_id=nobody", 400), ("/nothing", 404)]:
        answer = requests.get(f"https://localhost:{secure.port}/_aws/auth/pages{path}", verify=str(authority.file), allow_redirects=False)
        assert (answer.status_code, answer.headers.get("strict-transport-security")) == (status, "max-age=31536000"), path
        assert all("Secure" in cookie for cookie in answer.headers.get("set-cookie", "Secure").split(", "))


def test_boto3_trusts_the_authority_and_gets_addresses_of_https(secure, authority):
    sqs = client(secure, "sqs", authority.file)
    url = sqs.create_queue(QueueName="over-tls")["QueueUrl"]
    assert url.startswith(f"https://localhost:{secure.port}/")
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "hello"
    s3 = client(secure, "s3", authority.file, "127.0.0.1")
    s3.create_bucket(Bucket="over-tls")
    s3.put_object(Bucket="over-tls", Key="a", Body=b"x" * 3_000_000)
    assert s3.get_object(Bucket="over-tls", Key="a")["Body"].read() == b"x" * 3_000_000
    with pytest.raises(SSLError):
        # Without the authority, nobody is trusted.
        client(secure, "sqs", True).list_queues()


def test_curl_speaks_http_2(secure, authority):
    command = ["curl", "-sS", "--cacert", authority.file, "-w", "%{http_version} %{response_code}", "-o", os.devnull]
    for version, flag in [("2", "--http2"), ("1.1", "--http1.1")]:
        done = subprocess.run([*command, flag, f"https://localhost:{secure.port}/_cloudlet/health"], capture_output=True, text=True, timeout=60)
        assert done.stdout == f"{version} 200", done.stderr


def test_names_choose_certificates(secure, authority):
    for name, expected in [
        ("localhost", {"localhost", "127.0.0.1"}),
        ("shop.localhost", {"shop.localhost", "*.wild.localhost"}),
        ("a.wild.localhost", {"shop.localhost", "*.wild.localhost"}),
    ]:
        connection, names = shown(secure.port, name, authority)
        connection.close()
        assert names == expected
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(secure.port, "elsewhere.example", authority)


def test_old_versions_are_refused(secure, authority):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        connection, _ = shown(secure.port, "localhost", authority, version, ["h2", "http/1.1"])
        assert connection.selected_alpn_protocol() == "h2"
        connection.close()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(socket.create_connection(("127.0.0.1", secure.port)))


def test_the_command_line_reaches_https(secure, authority):
    environment = {**secure.env, **secure.root, "AWS_ENDPOINT_URL": f"https://localhost:{secure.port}"}
    command = [BINARY, "status"]
    done = subprocess.run(command, env=environment | {"AWS_CA_BUNDLE": str(authority.file)}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "Cloudlet" in done.stdout, done.stderr
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "certificate" in done.stderr


def test_a_renewed_certificate_is_shown_and_connections_stay(authority, tmp_path):
    pair = authority.make("localhost", file="renewed")
    server = Secure(tmp_path / "data", [pair])
    old, _ = shown(server.port, "localhost", authority)
    serial = old.getpeercert()["serialNumber"]

    def ask(connection):
        connection.sendall(b"GET /_cloudlet/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return connection.recv(65536).startswith(b"HTTP/1.1 200")

    assert ask(old)
    authority.make("localhost", file="renewed")

    def is_new():
        connection, _ = shown(server.port, "localhost", authority)
        with connection:
            return connection.getpeercert()["serialNumber"] != serial

    wait_until(is_new, what="the new certificate")
    assert ask(old), "the connection from before goes on"
    old.close()
    # What does not fit leaves what was there in force.
    pair[1].write_text("nonsense")
    wait_until(lambda: "stays as it was" in server.logged(), what="the warning")
    shown(server.port, "localhost", authority)[0].close()
    metrics = urllib.request.urlopen(f"{server.endpoint}/_cloudlet/metrics").read().decode()
    assert "cloudlet_tls_certificates 1\n" in metrics
    left = float(re.search(r"^cloudlet_tls_certificate_seconds_left ([\d.]+)$", metrics, re.M).group(1))
    assert 29 * 86_400 < left < 30 * 86_400
    assert server.stop(), server.logged()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("missing", "cannot be read"),
        ("mismatch", "is not that of the certificate"),
        ("expired", "ended at"),
        ("swapped", "holds no certificate"),
        ("one", "belong together"),
        ("none", "HTTPS needs a certificate"),
        ("challenge", "--redirect-http"),
        ("wildcard", "dns-01"),
    ],
)
def test_what_is_wrong_is_told_at_the_start(authority, tmp_path, wrong, told):
    good, other, old = authority.make("good.example"), authority.make("other.example"), authority.make("old.example", days=-1)
    options = {
        "missing": ["--tls-cert", tmp_path / "missing", "--tls-key", good[1]],
        "mismatch": ["--tls-cert", good[0], "--tls-key", other[1]],
        "expired": ["--tls-cert", old[0], "--tls-key", old[1]],
        "swapped": ["--tls-cert", good[1], "--tls-key", good[0]],
        "one": ["--tls-cert", good[0]],
        "none": ["--tls-listen", "127.0.0.1:0"],
        "challenge": ["--acme-domain", "a.example", "--acme-challenge", "http-01"],
        "wildcard": ["--acme-domain", "*.example.com", "--tls-listen", "127.0.0.1:0"],
    }[wrong]
    command = [BINARY, "serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", *options]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and told in done.stderr, done.stderr


def test_plain_http_leads_to_https(authority, tmp_path):
    # The port is printed for HTTPS alone: this one has to be known.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Secure(tmp_path / "data", [authority.make("localhost")], "--redirect-http", f"127.0.0.1:{port}")
    command = ["curl", "-sS", "--cacert", authority.file, "-o", os.devnull, "-w", "%{response_code} %{redirect_url}"]
    ask = lambda *more: subprocess.run([*command, *more, f"http://localhost:{port}/_cloudlet/health?a=b"], capture_output=True, text=True, timeout=60).stdout
    assert ask() == f"308 https://localhost:{server.port}/_cloudlet/health?a=b"
    assert ask("-L").startswith("200")
    assert ask("-X", "POST", "-d", "x").startswith("308")
    assert server.stop(), server.logged()


def test_development_has_an_authority_of_its_own(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "serverless.yml").write_text("service: empty\nprovider:\n  name: aws\nresources:\n  Resources:\n    Queue: {Type: 'AWS::SQS::Queue'}\n")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")} | {"CLOUDLET_CACHE": str(tmp_path / "cache")}
    files = []
    for _ in range(2):
        command = [BINARY, "dev", str(project), "--listen", "127.0.0.1:0", "--tls", "--tls-listen", "127.0.0.1:0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
        try:
            line = next(line for line in process.stdout if "HTTPS is spoken" in line)
            port, file = re.search(r"https://localhost:(\d+), vouched for by (\S+)\.$", line.strip()).groups()
            files.append((file, open(file).read()))
            for name in ("localhost", "127.0.0.1"):
                done = subprocess.run(["curl", "-sS", "--cacert", file, f"https://{name}:{port}/_cloudlet/health"], capture_output=True, text=True, timeout=60)
                assert "running" in done.stdout, done.stderr
            context = ssl.create_default_context(cafile=file)
            with context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))), server_hostname="abc.execute-api.us-east-1.localhost"):
                pass
            context.check_hostname = False
            with pytest.raises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))), server_hostname="example.com")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
    assert files[0] == files[1], "the authority is made once"
