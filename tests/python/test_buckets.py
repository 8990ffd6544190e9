"""Archives and backups in a bucket, which another implementation of S3 keeps: moto."""

import base64
import hashlib
import json
import re
import shutil
import socket
import subprocess
import threading
import urllib.request

import boto3
import pytest
from cloudlet import wait_until
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from test_copies import archive_status, copies_archive_one_at_a_time, command, create_function, create_table, invoke, kill_while_writing, names, now, put, servers, wait_for_archive  # noqa: F401
from test_lambda import make_role, package
from test_signatures import send_as
from werkzeug.serving import make_server

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


class Bucket:
    """A bucket in a server of its own, which can go away and come back with what it has."""

    def __init__(self, name, certificate=None):
        self.name, self.certificate, self.port = name, certificate, 0
        self.start()
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}"
        self.s3 = self.client("s3")
        self.s3.create_bucket(Bucket=name)

    def start(self):
        app = DomainDispatcherApplication(create_backend_app)
        self.server = make_server("127.0.0.1", self.port, app, threaded=True, ssl_context=self.certificate)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def client(self, service):
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret", verify=False)

    def env(self, **more):
        return {**KEYS, "AWS_ENDPOINT_URL_S3": self.url, **more}

    def place(self, name="archive"):
        return f"s3://{self.name}/{name}"

    def authorize(self, whether):
        """Lets the server ask who is calling, or not."""
        after = b"0" if whether else b"inf"
        request = urllib.request.Request(f"{self.url}/moto-api/reset-auth", data=after, headers={"Content-Type": "text/plain"})
        urllib.request.urlopen(request).read()


@pytest.fixture
def bucket(unique):
    bucket = Bucket(unique)
    yield bucket
    bucket.stop()


def restore(bucket, data, *arguments, check=True, env=None):
    return command("restore", *arguments, "--data", data, check=check, env=env or bucket.env())


def test_any_moment_comes_back_from_a_bucket_and_a_restore_of_a_restore_too(servers, bucket, tmp_path):
    place, acknowledged = bucket.place(), set()
    first = servers(options=["--archive", place], env=bucket.env())
    create_table(first)
    create_function(first, "f", "kept")
    put(first, "a")
    wait_for_archive(first)
    after_a = now()
    kill_while_writing(first, acknowledged)
    wait_for_archive(first)
    first.kill()
    shutil.rmtree(first.data)

    def restored(name, *at):
        restore(bucket, tmp_path / name, "--archive", place, *at)
        return servers(tmp_path / name, options=["--archive", place] if name == "second" else (), env=bucket.env())

    second = restored("second")
    assert acknowledged | {"a"} <= names(second) and invoke(second, "f") == "kept"
    put(second, "later")
    wait_for_archive(second)
    third = restored("third")
    assert acknowledged | {"a", "later"} <= names(third) and invoke(third, "f") == "kept"
    assert names(restored("old", "--at", after_a)) == {"a"}


def test_a_bucket_that_is_away_is_shown_and_caught_up_with(servers, bucket):
    server = servers(options=["--archive", bucket.place()], env=bucket.env())
    create_table(server)
    wait_for_archive(server)
    bucket.stop()
    put(server, "a")
    wait_until(lambda: "Failure" in archive_status(server), what="the failure being shown")
    status = archive_status(server)
    assert status["LagSeconds"] > 0 and "cannot be reached" in status["Failure"], status
    metrics = urllib.request.urlopen(f"{server.endpoint}/_cloudlet/metrics").read().decode()
    assert float(re.search(r"^cloudlet_archive_lag_seconds (\S+)", metrics, re.M)[1]) > 0
    assert names(server) == {"a"}
    bucket.start()
    wait_for_archive(server)
    assert "Failure" not in archive_status(server)


def test_what_is_wrong_with_a_bucket_is_said(servers, bucket, tmp_path):
    iam = bucket.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    no_permission = bucket.env(AWS_ACCESS_KEY_ID=key["AccessKeyId"], AWS_SECRET_ACCESS_KEY=key["SecretAccessKey"])

    def refused(place, env):
        done = restore(bucket, tmp_path / "data", "--archive", place, env=env, check=False)
        assert done.returncode == 1 and not (tmp_path / "data").exists()
        return done.stderr

    assert "there is no bucket 'nobody-has-it'" in refused("s3://nobody-has-it/x", bucket.env())
    assert "holds no archive" in refused(bucket.place("empty"), bucket.env())
    assert "names no bucket" in refused("s3:///x", bucket.env())
    assert "belong together" in refused(bucket.place(), bucket.env(AWS_SECRET_ACCESS_KEY=""))
    assert "no profile 'nobody'" in refused(bucket.place(), bucket.env(AWS_PROFILE="nobody"))
    assert "cannot be reached" in refused(bucket.place(), bucket.env(AWS_ENDPOINT_URL_S3="http://127.0.0.1:1"))
    assert "gs://x" in refused("gs://x", bucket.env())
    bucket.authorize(True)
    try:
        assert "the credentials are refused" in refused(bucket.place(), bucket.env())
        assert "the credentials have no permission" in refused(bucket.place(), no_permission)
        # A server says so too, and serves all the same.
        server = servers(options=["--archive", bucket.place()], env=bucket.env())
        wait_until(lambda: "the credentials are refused" in archive_status(server).get("Failure", ""), what="the failure being shown")
        create_table(server)
    finally:
        bucket.authorize(False)


def test_tls_is_checked(unique, tmp_path):
    certificate, key = tmp_path / "certificate", tmp_path / "key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    bucket = Bucket(unique, certificate=(str(certificate), str(key)))
    try:
        data, place = tmp_path / "data", bucket.place()
        assert "is not trusted" in restore(bucket, data, "--archive", place, check=False).stderr
        trusting = bucket.env(AWS_CA_BUNDLE=str(certificate))
        assert "holds no archive" in restore(bucket, data, "--archive", place, env=trusting, check=False).stderr
    finally:
        bucket.stop()


def test_a_backup_goes_to_a_bucket_and_comes_back(servers, bucket, tmp_path):
    server = servers(options=["--archive", bucket.place()], env=bucket.env())
    create_table(server)
    put(server, "a")
    create_function(server, "f", "kept")
    # Larger than what is in memory of an object at once.
    large = hashlib.sha256(b"seed").digest() * (40 * 2**20 // 32)
    body = {"Sha256": hashlib.sha256(large).hexdigest(), "Bytes": base64.b64encode(large).decode()}
    assert send_as(server, server.root.values(), "cloudlet", "Cloudlet_20261101.PutPackage", json.dumps(body).encode())[0] == 200
    # The server's own address and keys are in AWS_..., so the bucket's have names of their own.
    env = {name.replace("AWS_", "CLOUDLET_ARCHIVE_"): value for name, value in bucket.env().items()}
    server.env |= env
    said = server.run("backup", bucket.place("backups/one")).stdout
    assert "everything as of" in said
    restore(bucket, tmp_path / "data", bucket.place("backups/one"), env=env)
    again = servers(tmp_path / "data")
    assert names(again) == {"a"} and invoke(again, "f") == "kept"
    assert (again.data / "packages" / body["Sha256"][:2] / body["Sha256"]).read_bytes() == large
    wait_for_archive(server)
    archived = bucket.s3.get_object(Bucket=bucket.name, Key=f"archive/blobs/packages/{body['Sha256']}")["Body"].read()
    assert archived == large
    refused = server.run("backup", "s3://nobody-has-it/one", check=False)
    assert refused.returncode == 1 and "there is no bucket" in refused.stderr
    refused = server.run("backup", f"s3://{bucket.name}", check=False)
    assert refused.returncode == 1 and "name the object too" in refused.stderr


def test_an_archive_of_more_objects_than_a_listing_has(servers, bucket, tmp_path):
    # They come first in the listing, which has 1,000 objects a page.
    for number in range(1_100):
        bucket.s3.put_object(Bucket=bucket.name, Key=f"archive/0/log/{number:020}", Body=b"")
    server = servers(options=["--archive", bucket.place()], env=bucket.env())
    create_table(server)
    put(server, "a")
    wait_for_archive(server)
    server.kill()
    restore(bucket, tmp_path / "data", "--archive", bucket.place())
    assert names(servers(tmp_path / "data")) == {"a"}


def test_of_two_copies_of_a_folder_one_archives_to_a_bucket(servers, bucket, tmp_path):
    def restored():
        restore(bucket, tmp_path / "data", "--archive", bucket.place())
        return servers(tmp_path / "data")

    copies_archive_one_at_a_time(servers, (bucket.place(), bucket.env()), restored, tmp_path)


def test_a_server_ends_without_a_bucket_that_does_not_answer(servers, bucket, tmp_path):
    server = servers(options=["--archive", bucket.place()], env=bucket.env())
    create_table(server)
    wait_for_archive(server)
    bucket.stop()
    # It takes connections, and says nothing.
    silent = socket.create_server(("127.0.0.1", bucket.port))
    put(server, "late")
    # Had it waited for the bucket, it would have been for a minute and more, which this does not wait.
    assert server.stop(), server.logged()
    said = server.logged()
    assert "warning: the archive lacks the last 1 commits" in said and "the next start with --archive goes on" in said, said
    silent.close()
    bucket.start()
    server.start()
    wait_for_archive(server)
    server.kill()
    restore(bucket, tmp_path / "data", "--archive", bucket.place())
    assert names(servers(tmp_path / "data")) == {"late"}


class BadNetwork:
    """Passes connections on to a port, and breaks so many of them off in the middle of an answer."""

    def __init__(self, port):
        self.to, self.breaks, self.broken = port, 0, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to))
            for source, sink, limit in [(client, server, None), (server, client, 60_000)]:
                threading.Thread(target=self.copy, args=(source, sink, limit), daemon=True).start()

    def copy(self, source, sink, limit):
        copied = 0
        try:
            while data := source.recv(65536):
                copied += len(data)
                if limit and copied > limit and self.breaks:
                    self.breaks, self.broken = self.breaks - 1, self.broken + 1
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def test_a_network_that_breaks_off_in_a_restore_is_no_damage(servers, bucket, tmp_path):
    server = servers(options=["--archive", bucket.place()], env=bucket.env())
    create_table(server)
    put(server, *[f"n{number}" for number in range(10)])
    # It does not compress.
    ballast = b"".join(hashlib.sha256(bytes([a, b])).digest() for a in range(200) for b in range(200))
    role = make_role(server.client("iam"), "r")
    code = package(index__py="def handler(event, context):\n    return 'kept'\n", ballast__bin=ballast)
    server.client("lambda").create_function(FunctionName="f", Runtime="python3.12", Handler="index.handler", Role=role, Code={"ZipFile": code})
    wait_for_archive(server)
    network = BadNetwork(bucket.port)
    network.breaks = 15
    done = restore(bucket, tmp_path / "data", "--archive", bucket.place(), env=bucket.env(AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{network.port}"))
    assert network.broken == 15 and "lost is" not in done.stderr, done.stderr
    network.socket.close()
    again = servers(tmp_path / "data")
    assert len(names(again)) == 10 and invoke(again, "f") == "kept"
