"""Clients of S3 that others wrote, unmodified: the AWS CLI, s3cmd, rclone, MinIO's, and what boto3 transfers in parts.

They are installed below the target folder, once; rclone is driven where the host has it.
"""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import urllib.request
from urllib.parse import urlsplit

import pytest
from boto3.s3.transfer import TransferConfig
from test_s3 import bucket, code  # noqa: F401 A fixture of the same.
from test_third_party import pip

# In parts for all of them, and not a whole number of these.
LARGE = (20 << 20) + 12_345


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "large.bin"
    path.write_bytes(os.urandom(LARGE))
    return path


def digest(content):
    return hashlib.sha256(content if isinstance(content, bytes) else content.read_bytes()).hexdigest()


def tree(folder):
    return {str(path.relative_to(folder)): digest(path) for path in folder.rglob("*") if path.is_file()}


def stored(s3, bucket):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {entry["Key"]: digest(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()) for page in pages for entry in page.get("Contents", [])}


@pytest.fixture
def site(tmp_path, large):
    """A folder with names that are hard to send."""
    folder = tmp_path / "site"
    for name, content in {"index.html": b"<p>", "a b/ü+%.txt": b"umlaut", "deep/er/x.json": b"{}", "empty": b"", "tilde~'(1)": b"x"}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    shutil.copyfile(large, folder / "large.bin")
    return folder


def ran(command, environment, **options):
    done = subprocess.run([*map(str, command)], env=os.environ | environment, capture_output=True, timeout=300, **options)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout.decode()}\n{done.stderr.decode()}"
    return done.stdout.decode()


@pytest.mark.timeout(300)
def test_the_aws_cli_copies_and_syncs(server, s3, site, large, tmp_path, unique):
    tool = pip("aws-cli", "awscli==1.46.2")
    environment = {"PYTHONPATH": str(tool), "AWS_ENDPOINT_URL": server.endpoint, "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": os.devnull, **server.root}
    aws = lambda *arguments, **options: ran([sys.executable, "-m", "awscli", "s3", *arguments], environment, **options)
    name, url = unique, f"s3://{unique}"
    assert aws("mb", url).strip() == f"make_bucket: {name}"
    aws("sync", site, url, "--only-show-errors")
    assert stored(s3, name) == tree(site)
    # What has not changed is not sent again; what is gone goes.
    (site / "index.html").write_text("<p>changed")
    (site / "empty").unlink()
    changed = aws("sync", site, url, "--delete", "--no-progress").splitlines()
    assert sorted(line.split()[0] for line in changed) == ["delete:", "upload:"]
    assert stored(s3, name) == tree(site)
    aws("sync", url, tmp_path / "back", "--only-show-errors")
    assert tree(tmp_path / "back") == tree(site)
    # A pipe in, a pipe out, and from bucket to bucket.
    with large.open("rb") as content:
        aws("cp", "-", f"{url}/piped", stdin=content)
    aws("mb", f"{url}-second")
    aws("cp", f"{url}/piped", f"{url}-second/copied", "--only-show-errors")
    aws("mv", f"{url}-second/copied", f"{url}-second/moved", "--only-show-errors")
    assert stored(s3, f"{name}-second") == {"moved": digest(large)}
    assert "Total Objects: 6" in aws("ls", url, "--recursive", "--summarize")
    link = aws("presign", f"{url}/a b/ü+%.txt", "--expires-in", "60").strip()
    assert urllib.request.urlopen(link).read() == b"umlaut"
    aws("rm", url, "--recursive", "--exclude", "*.html", "--only-show-errors")
    assert list(stored(s3, name)) == ["index.html"]
    for left in (url, f"{url}-second"):
        aws("rb", left, "--force")
    assert code(s3.head_bucket, Bucket=name) == ("404", 404)


@pytest.mark.timeout(300)
def test_s3cmd_puts_syncs_and_signs(server, s3, site, large, tmp_path, unique):
    tool = pip("s3cmd", "s3cmd==2.4.0")
    host = urlsplit(server.endpoint).netloc
    config = tmp_path / "s3cfg"
    config.write_text(f"[default]\naccess_key = {server.root['AWS_ACCESS_KEY_ID']}\nsecret_key = {server.root['AWS_SECRET_ACCESS_KEY']}\nhost_base = {host}\nhost_bucket = {host}\nuse_https = False\nmultipart_chunk_size_mb = 5\n")
    s3cmd = lambda *arguments: ran([sys.executable, tool / "bin/s3cmd", "-c", config, "--no-progress", *arguments], {"PYTHONPATH": str(tool)})
    url = f"s3://{unique}"
    s3cmd("mb", url)
    s3cmd("sync", f"{site}/", f"{url}/in/")
    assert stored(s3, unique) == {f"in/{name}": content for name, content in tree(site).items()}
    s3cmd("get", f"{url}/in/large.bin", tmp_path / "large")
    assert digest(tmp_path / "large") == digest(large)
    s3cmd("cp", f"{url}/in/index.html", f"{url}/copy.html")
    s3cmd("modify", "--add-header=Cache-Control:max-age=5", f"{url}/copy.html")
    assert s3.head_object(Bucket=unique, Key="copy.html")["CacheControl"] == "max-age=5"
    assert f"{url}/in/deep/er/x.json" in s3cmd("ls", "--recursive", url)
    assert urllib.request.urlopen(s3cmd("signurl", f"{url}/copy.html", "+60").strip()).read() == b"<p>"
    assert "Location:" in s3cmd("info", url)
    s3cmd("rb", "--recursive", "--force", url)
    assert code(s3.head_bucket, Bucket=unique) == ("404", 404)


@pytest.mark.skipif(not shutil.which("rclone"), reason="the host has no rclone")
@pytest.mark.timeout(300)
def test_rclone_syncs_and_checks(server, s3, site, tmp_path, unique):
    environment = {f"RCLONE_CONFIG_CLOUD_{key}": value for key, value in {"TYPE": "s3", "PROVIDER": "Other", "ACCESS_KEY_ID": server.root["AWS_ACCESS_KEY_ID"], "SECRET_ACCESS_KEY": server.root["AWS_SECRET_ACCESS_KEY"], "ENDPOINT": server.endpoint, "CHUNK_SIZE": "5Mi", "UPLOAD_CUTOFF": "5Mi"}.items()}
    # Which it refuses to start with.
    environment["AWS_CA_BUNDLE"] = ""
    rclone = lambda *arguments: ran(["rclone", "--config", os.devnull, *arguments], environment)
    place = f"cloud:{unique}"
    rclone("mkdir", place)
    rclone("sync", site, place)
    assert stored(s3, unique) == tree(site)
    (site / "index.html").write_text("<p>changed")
    (site / "empty").unlink()
    rclone("sync", site, place)
    rclone("check", "--download", site, place)
    rclone("copy", f"{place}/large.bin", f"{place}/copies")
    rclone("move", f"{place}/deep", f"{place}/moved")
    rclone("sync", place, tmp_path / "back")
    assert tree(tmp_path / "back") == stored(s3, unique)
    assert sorted(rclone("lsf", place).split()) == ["a", "b/", "copies/", "index.html", "large.bin", "moved/", "tilde~'(1)"]
    rclone("purge", place)
    assert code(s3.head_bucket, Bucket=unique) == ("404", 404)


MINIO = """
import io, sys, urllib.request
from datetime import timedelta
from minio import Minio
from minio.commonconfig import ComposeSource, CopySource, ENABLED, Tags
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.versioningconfig import VersioningConfig

host, key, secret, bucket, path = sys.argv[1:]
client = Minio(host, access_key=key, secret_key=secret, secure=False)
client.make_bucket(bucket)
assert client.bucket_exists(bucket) and not client.bucket_exists(bucket + "-none")
large = open(path, "rb").read()
client.fput_object(bucket, "large", path, part_size=5 << 20, num_parallel_uploads=3)
assert client.get_object(bucket, "large").data == large
assert client.get_object(bucket, "large", offset=5, length=7).data == large[5:12]
# Of a size that it does not know.
client.put_object(bucket, "stream", io.BytesIO(large), -1, part_size=5 << 20)
tags = Tags.new_object_tags()
tags["a"] = "1"
client.put_object(bucket, "small ü", io.BytesIO(b"abc"), 3, content_type="text/plain", metadata={"x-amz-meta-own": "mine"}, tags=tags)
stat = client.stat_object(bucket, "small ü")
assert (stat.size, stat.content_type, stat.metadata["x-amz-meta-own"]) == (3, "text/plain", "mine")
assert client.get_object_tags(bucket, "small ü") == {"a": "1"}
client.copy_object(bucket, "copy", CopySource(bucket, "small ü"))
client.compose_object(bucket, "both", [ComposeSource(bucket, "large"), ComposeSource(bucket, "small ü")])
assert client.get_object(bucket, "both").data == large + b"abc"
assert [entry.object_name for entry in client.list_objects(bucket, recursive=True)] == ["both", "copy", "large", "small ü", "stream"]
url = client.presigned_get_object(bucket, "small ü", expires=timedelta(minutes=1))
assert urllib.request.urlopen(url).read() == b"abc"
url = client.presigned_put_object(bucket, "put", expires=timedelta(minutes=1))
urllib.request.urlopen(urllib.request.Request(url, b"by hand", method="PUT"))
assert client.get_object(bucket, "put").data == b"by hand"
client.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
client.put_object(bucket, "put", io.BytesIO(b"again"), 5)
versions = list(client.list_objects(bucket, prefix="put", include_version=True))
assert [version.is_latest for version in versions] in (["true", "false"], [True, False]), versions
client.remove_object(bucket, "put")
try:
    client.stat_object(bucket, "put")
    raise SystemExit("it is still there")
except S3Error as error:
    assert error.code == "NoSuchKey", error
every = [DeleteObject(entry.object_name, entry.version_id) for entry in client.list_objects(bucket, recursive=True, include_version=True)]
assert list(client.remove_objects(bucket, every)) == []
client.remove_bucket(bucket)
"""


@pytest.mark.timeout(300)
def test_minios_client_works(server, s3, large, tmp_path, unique):
    tool, script = pip("minio", "minio==7.2.20"), tmp_path / "script.py"
    script.write_text(MINIO)
    root = server.root
    ran([sys.executable, script, urlsplit(server.endpoint).netloc, root["AWS_ACCESS_KEY_ID"], root["AWS_SECRET_ACCESS_KEY"], unique, large], {"PYTHONPATH": str(tool)})
    assert code(s3.head_bucket, Bucket=unique) == ("404", 404)


def test_boto3_transfers_in_parts(server, s3, bucket, large, tmp_path):
    config = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20, max_concurrency=4)
    seen = []
    s3.upload_file(str(large), bucket, "file", ExtraArgs={"ContentType": "video/mp4", "Metadata": {"own": "mine"}, "ChecksumAlgorithm": "SHA256"}, Config=config, Callback=seen.append)
    head = s3.head_object(Bucket=bucket, Key="file", PartNumber=1)
    assert (sum(seen), head["PartsCount"], head["ContentType"], head["Metadata"]) == (LARGE, 5, "video/mp4", {"own": "mine"})
    s3.download_file(bucket, "file", str(tmp_path / "back"), Config=config)
    assert digest(tmp_path / "back") == digest(large)
    s3.copy({"Bucket": bucket, "Key": "file"}, bucket, "copy", Config=config)
    content = io.BytesIO()
    s3.download_fileobj(bucket, "copy", content, Config=config)
    assert digest(content.getvalue()) == digest(large)

    class Dripping(io.RawIOBase):
        """A stream that cannot be sought in, and gives little at once."""

        def __init__(self, content):
            self.content = io.BytesIO(content)

        def readable(self):
            return True

        def read(self, size=-1):
            return self.content.read(min(size, 70_000) if size > 0 else size)

    s3.upload_fileobj(Dripping(large.read_bytes()), bucket, "dripped", Config=config)
    assert digest(s3.get_object(Bucket=bucket, Key="dripped")["Body"].read()) == digest(large)
    # The same bytes are kept once, and what is not finished leaves nothing.
    assert digest(s3.get_object(Bucket=bucket, Key="file", Range="bytes=5242879-5242880")["Body"].read()) == digest(large.read_bytes()[5242879:5242881])
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
