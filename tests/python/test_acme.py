"""Certificates by ACME, from pebble, Let's Encrypt's own server for tests: ordered, proved, kept, renewed, and missed."""

import json
import os
import re
import shutil
import socket
import socketserver
import ssl
import stat
import subprocess
import threading
import time
import urllib.request

import cdn
import pytest
from certificates import Authority
from cloudlet import Server, wait_until
from cryptography import x509

pytestmark = pytest.mark.skipif(not os.environ.get("CI") and not shutil.which("pebble"), reason="pebble is not installed: apt-get install pebble")


class Names(socketserver.BaseRequestHandler):
    """A name server for which every name is this machine."""

    def handle(self):
        data, reply = self.request
        question = data[12 : data.index(b"\0", 12) + 5]
        is_v4 = question[-4:-2] == b"\0\1"
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1" if is_v4 else b""
        reply.sendto(data[:2] + b"\x81\x80\0\1" + (b"\0\1" if answer else b"\0\0") + b"\0\0\0\0" + question + answer, self.client_address)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class Pebble:
    def __init__(self, folder, lifetime=7_776_000):
        self.authority = Authority(folder)
        self.names = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Names)
        threading.Thread(target=self.names.serve_forever, daemon=True).start()
        self.tls, self.http = free_port(), free_port()
        self.listen, self.management = free_port(), free_port()
        certificate, key = self.authority.make("localhost", "127.0.0.1", file="pebble")
        settings = {
            "listenAddress": f"127.0.0.1:{self.listen}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(certificate),
            "privateKey": str(key),
            "httpPort": self.http,
            "tlsPort": self.tls,
            "certificateValidityPeriod": lifetime,
            "profiles": {"default": {"description": "for tests", "validityPeriod": lifetime}},
        }
        self.config = folder / "pebble.json"
        self.config.write_text(json.dumps({"pebble": settings}))
        self.directory = f"https://127.0.0.1:{self.listen}/dir"
        self.log = open(folder / "pebble.log", "ab")
        self.process = None
        self.start()

    def start(self):
        # Some nonces are refused, as on the real one.
        environment = os.environ | {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "5"}
        command = ["pebble", "-config", str(self.config), "-dnsserver", f"127.0.0.1:{self.names.server_address[1]}"]
        self.process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log)

        def answers():
            context = ssl.create_default_context(cafile=str(self.authority.file))
            try:
                return urllib.request.urlopen(self.directory, context=context).status == 200
            except OSError:
                return False

        wait_until(answers, what="pebble")

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)

    def end(self):
        self.stop()
        self.names.shutdown()
        self.names.server_close()
        self.log.close()


@pytest.fixture
def pebble(tmp_path):
    pebble = Pebble(tmp_path)
    yield pebble
    pebble.end()


def serve(pebble, data, *options):
    given = ["--tls-listen", f"127.0.0.1:{pebble.tls}", "--acme-directory", pebble.directory, "--acme-email", "who@example.com", *options]
    return Server(data, env={"SSL_CERT_FILE": str(pebble.authority.file)}, options=given)


def certificate(port, name):
    """The certificate that is shown for a name; none, if the handshake fails."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10), server_hostname=name) as connection:
            return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True))
    except OSError:
        return None


def of_pebble(port, name):
    shown = certificate(port, name)
    return shown if shown and "Pebble" in shown.issuer.rfc4514_string() else None


def metric(server, name):
    text = urllib.request.urlopen(f"{server.endpoint}/_cloudlet/metrics").read().decode()
    found = re.search(rf"^{name} (\S+)$", text, re.M)
    return float(found.group(1)) if found else None


def names_of(shown):
    return shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


@pytest.mark.parametrize("challenge", ["tls-alpn-01", "http-01"])
def test_certificates_come_and_are_kept(pebble, tmp_path, challenge):
    options = ["--acme-domain", "a.example.com", "--acme-domain", "B.example.com", "--acme-challenge", challenge, "--redirect-http", f"127.0.0.1:{pebble.http}"]
    server = serve(pebble, tmp_path / "data", *options)
    for name in ("a.example.com", "b.example.com"):
        # Until it is there, the other one is shown.
        has_come = lambda: (shown := of_pebble(pebble.tls, name)) and names_of(shown) == [name]
        wait_until(has_come, seconds=60, what=f"the certificate of {name}\n{server.logged()}")
    assert metric(server, "cloudlet_acme_orders") == 2 and metric(server, "cloudlet_acme_failing") == 0
    files = [path for path in (server.data / "acme").rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == ["a.example.com.pem", "account.json", "b.example.com.pem", "orders.json"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    serial = certificate(pebble.tls, "a.example.com").serial_number
    server.kill()
    # With no ACME server in sight, what is kept is shown.
    pebble.stop()
    server = serve(pebble, server.data, *options)
    assert certificate(pebble.tls, "a.example.com").serial_number == serial
    assert server.stop(), server.logged()


def test_a_server_that_is_away_is_tried_again_and_shown(pebble, tmp_path):
    pebble.stop()
    server = serve(pebble, tmp_path / "data", "--acme-domain", "a.example.com")
    wait_until(lambda: metric(server, "cloudlet_acme_failing") == 1, what="the failure")
    wait_until(lambda: "it is tried again" in server.logged(), what="the line in the log")
    assert certificate(pebble.tls, "a.example.com") is None, "there is nothing to show"
    # Others are served meanwhile.
    assert server.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert server.stop(), server.logged()


def test_certificates_are_renewed_ahead_of_time(tmp_path):
    pebble = Pebble(tmp_path, lifetime=30)
    try:
        server = serve(pebble, tmp_path / "data", "--acme-domain", "a.example.com")
        first = wait_until(lambda: of_pebble(pebble.tls, "a.example.com"), seconds=60, what=f"the certificate\n{server.logged()}")
        ends = first.not_valid_after_utc.timestamp()
        renewed = wait_until(lambda: (shown := of_pebble(pebble.tls, "a.example.com")) and shown.serial_number != first.serial_number and shown, seconds=60, what="another certificate")
        assert time.time() < ends, "it comes before the first one ends"
        assert renewed.not_valid_after_utc > first.not_valid_after_utc
        assert metric(server, "cloudlet_acme_orders") >= 2
        assert server.stop(), server.logged()
    finally:
        pebble.end()


def test_a_name_that_leads_elsewhere_gets_no_certificate(pebble, tmp_path):
    # The proof is looked for where nobody listens.
    server = Server(
        tmp_path / "data",
        env={"SSL_CERT_FILE": str(pebble.authority.file)},
        options=["--tls-listen", "127.0.0.1:0", "--acme-directory", pebble.directory, "--acme-domain", "a.example.com"],
    )
    wait_until(lambda: metric(server, "cloudlet_acme_failures") == 1, seconds=90, what=f"the failure\n{server.logged()}")
    logged = server.logged()
    assert "did not find the proof at a.example.com" in logged and "Does the name lead to this server" in logged
    assert server.stop(), server.logged()


CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/c"


def of_name(server, name):
    """What the server's own API says of a name's certificate."""
    of = [one for one in json.loads(server.run("status", "--json").stdout)["Certificates"] if one["Name"] == name]
    return of[0] if of else None


def chosen(server):
    """Names that users choose, by each service that lets them; and what the service says of each."""
    apis, http = server.client("apigateway"), server.client("apigatewayv2")
    apis.create_domain_name(domainName="rest.example.com", regionalCertificateArn=CERTIFICATE, endpointConfiguration={"types": ["REGIONAL"]})
    http.create_domain_name(DomainName="HTTP.example.com", DomainNameConfigurations=[{"CertificateArn": CERTIFICATE, "EndpointType": "REGIONAL"}])
    cognito = server.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="acme")["UserPool"]["Id"]
    cognito.create_user_pool_domain(Domain="login.example.com", UserPoolId=pool, CustomDomainConfig={"CertificateArn": CERTIFICATE})
    cloudfront = server.client("cloudfront")
    made = cloudfront.create_distribution(DistributionConfig=cdn.config(cdn.http_server(80), Aliases=cdn.listed("cdn.example.com")))["Distribution"]
    return {
        "rest.example.com": lambda: (lambda one: (one["domainNameStatus"], one.get("domainNameStatusMessage")))(apis.get_domain_name(domainName="rest.example.com")),
        "http.example.com": lambda: (lambda one: (one["DomainNameStatus"], one.get("DomainNameStatusMessage")))(http.get_domain_name(DomainName="http.example.com")["DomainNameConfigurations"][0]),
        "login.example.com": lambda: (cognito.describe_user_pool_domain(Domain="login.example.com")["DomainDescription"]["Status"], None),
        "cdn.example.com": lambda: (cloudfront.get_distribution(Id=made["Id"])["Distribution"]["Status"], None),
    }


def test_names_that_users_choose_get_certificates(pebble, tmp_path):
    server = serve(pebble, tmp_path / "data", "--acme-domain", "a.example.com")
    told = chosen(server)
    for name in told:
        has_come = lambda: (shown := of_pebble(pebble.tls, name)) and names_of(shown) == [name]
        wait_until(has_come, seconds=60, what=f"the certificate of {name}\n{server.logged()}")
        wait_until(lambda: of_name(server, name).get("Until") and "Message" not in of_name(server, name), what=f"the end of the order of {name}")
        assert told[name]() in [("AVAILABLE", None), ("ACTIVE", None), ("Deployed", None)], name
    # Who asks for another name sees the server's own certificate, not some user's.
    wait_until(lambda: (shown := of_pebble(pebble.tls, "elsewhere.example.com")) and names_of(shown) == ["a.example.com"], seconds=60, what="the server's own")
    files = sorted(path for path in (server.data / "acme").rglob("custom/*.pem"))
    assert [path.stem for path in files] == sorted(told) and all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    # A name that is given up is not shown any more; one that comes back has its certificate still.
    serial = certificate(pebble.tls, "rest.example.com").serial_number
    apis = server.client("apigateway")
    apis.delete_domain_name(domainName="rest.example.com")
    wait_until(lambda: names_of(certificate(pebble.tls, "rest.example.com")) == ["a.example.com"], what="the end of the domain's certificate")
    assert of_name(server, "rest.example.com") is None
    orders = metric(server, "cloudlet_acme_orders")
    apis.create_domain_name(domainName="rest.example.com", regionalCertificateArn=CERTIFICATE, endpointConfiguration={"types": ["REGIONAL"]})
    wait_until(lambda: certificate(pebble.tls, "rest.example.com").serial_number == serial, what="the certificate that is kept")
    server.kill()
    # With no ACME server in sight, what is kept is shown.
    pebble.stop()
    server = serve(pebble, server.data, "--acme-domain", "a.example.com")
    wait_until(lambda: certificate(pebble.tls, "rest.example.com").serial_number == serial, what="the certificate after a crash")
    assert orders == 5 and metric(server, "cloudlet_acme_orders") == 0
    assert server.stop(), server.logged()


def test_what_is_in_the_way_of_a_name_is_told(pebble, tmp_path):
    # The proof is looked for where nobody listens. The server's own name is in a file, which is good for names below it, too.
    own = pebble.authority.make("own.example.com", "*.apps.example.com", file="own")
    server = Server(
        tmp_path / "data",
        env={"SSL_CERT_FILE": str(pebble.authority.file)},
        options=["--tls-listen", "127.0.0.1:0", "--acme-directory", pebble.directory, "--acme-custom-domains", "--tls-cert", own[0], "--tls-key", own[1]],
    )
    apis, http = server.client("apigateway"), server.client("apigatewayv2")
    create = lambda name: apis.create_domain_name(domainName=name, regionalCertificateArn=CERTIFICATE, endpointConfiguration={"types": ["REGIONAL"]})
    create("one.apps.example.com")
    create("*.wild.example.com")
    made = create("lost.example.com")
    assert made["domainNameStatus"] == "PENDING"
    wait_until(lambda: "did not find the proof" in apis.get_domain_name(domainName="lost.example.com").get("domainNameStatusMessage", ""), seconds=90, what=f"the failure\n{server.logged()}")
    lost = apis.get_domain_name(domainName="lost.example.com")
    assert lost["domainNameStatus"] == "PENDING" and "it is tried again at" in lost["domainNameStatusMessage"]
    assert http.get_domain_name(DomainName="lost.example.com")["DomainNameConfigurations"][0]["DomainNameStatus"] == "UPDATING"
    wild = apis.get_domain_name(domainName="*.wild.example.com")
    assert "dns-01, which is not built" in wild["domainNameStatusMessage"]
    assert apis.get_domain_name(domainName="one.apps.example.com")["domainNameStatus"] == "AVAILABLE"
    assert "domainNameStatusMessage" not in apis.get_domain_name(domainName="one.apps.example.com")
    assert "lost.example.com: none yet; the ACME server did not find the proof" in server.run("status").stdout
    # What was ordered is known to the next start: it does not begin to count anew.
    ledger = next((server.data / "acme").rglob("orders.json"))
    assert [order["name"] for order in json.loads(ledger.read_text())["orders"]] == ["lost.example.com"]
    assert server.stop(), server.logged()
