"""`cloudlet scrub`: what it says of objects whose bytes are damaged, and of files that are nobody's."""

import hashlib
import json
import os
import shutil
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from cloudlet import Server, wait_until
from test_s3 import code

BODY = os.urandom((1 << 20) + 12_345)
OWN = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": os.urandom(32)}


@pytest.fixture
def world():
    """A server of one's own, with a bucket."""
    server = Server()
    server.client("s3").create_bucket(Bucket="bucket")
    yield server
    server.kill()
    shutil.rmtree(server.data, ignore_errors=True)


def put(world, key, body=BODY, **options):
    """Puts an object, and gives its file, if it is in one of its own."""
    before = files(world)
    world.client("s3").put_object(Bucket="bucket", Key=key, Body=body, **options)
    new = files(world) - before
    return new.pop() if new else None


def files(world):
    return set((world.data / "objects").glob("??/*"))


def scrub(world, *options, healthy=True):
    done = world.run("scrub", "--json", *options, check=False)
    assert done.returncode == (0 if healthy else 1), done.stdout + done.stderr
    return json.loads(done.stdout)


def damaged(found):
    return sorted((entry["Bucket"], entry["Key"]) for entry in found["Damaged"])


def change(path, change):
    """Changes a file's bytes."""
    body = bytearray(path.read_bytes())
    path.write_bytes(change(body))


def flip(body):
    body[len(body) // 2] ^= 1
    return body


def test_what_is_whole_is_said_to_be(world):
    s3 = world.client("s3")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"", b"small", BODY, b"newer"):
        put(world, "k", body)
    put(world, "own", BODY, **OWN)
    put(world, "kms", BODY, ServerSideEncryption="aws:kms")
    put(world, "small-own", b"x", **OWN)
    s3.delete_object(Bucket="bucket", Key="k")
    upload = {"Bucket": "bucket", "Key": "parts", "UploadId": s3.create_multipart_upload(Bucket="bucket", Key="parts")["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=BODY)
    found = scrub(world)
    # Versions, with the marker, and the upload; files, with the part of that.
    assert (found["Objects"], found["Files"], found["Unsealed"], found["Orphans"], found["Damaged"]) == (9, 4, 0, 0, [])
    assert found["Bytes"] == sum(path.stat().st_size for path in files(world))
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert "all of it is whole" in world.run("scrub").stdout


def test_damage_is_told_by_key_and_version(world):
    s3 = world.client("s3")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    flipped, cut, one, two, gone = (put(world, key) for key in ("flipped", "cut", "one", "two", "gone"))
    version = s3.head_object(Bucket="bucket", Key="flipped")["VersionId"]
    put(world, "flipped", b"a newer version, which is whole")
    s3.copy_object(Bucket="bucket", Key="copy", CopySource="bucket/cut")
    put(world, "whole")
    assert not scrub(world)["Damaged"]
    change(flipped, flip)
    change(cut, lambda body: body[:-1])
    one.rename(world.data / "between")
    two.rename(one)
    (world.data / "between").rename(two)
    gone.unlink()
    found = scrub(world, healthy=False)
    assert damaged(found) == [("bucket", key) for key in ("copy", "cut", "flipped", "gone", "one", "two")]
    by_key = {entry["Key"]: entry for entry in found["Damaged"]}
    assert (by_key["flipped"]["VersionId"], by_key["flipped"]["File"]) == (version, flipped.name)
    assert "not there" in by_key["gone"]["Reason"] and "not what was written" in by_key["cut"]["Reason"]
    told = world.run("scrub", check=False)
    assert told.returncode == 1 and f"damaged: bucket/flipped (version {version})" in told.stdout and "disk is damaged" in told.stderr
    # Whoever reads it gets no wrong byte: the answer breaks off.
    for key in ("cut", "one", "two"):
        with pytest.raises(BotoCoreError):
            s3.get_object(Bucket="bucket", Key=key)["Body"].read()
    with pytest.raises(BotoCoreError):
        s3.get_object(Bucket="bucket", Key="flipped", VersionId=version)["Body"].read()
    start = s3.get_object(Bucket="bucket", Key="flipped", VersionId=version, Range="bytes=0-9")["Body"].read()
    assert start == BODY[:10], "what is whole of it can be read"
    # What is deleted is nobody's loss.
    for key in ("flipped", "cut", "copy", "one", "two", "gone"):
        for entry in s3.list_object_versions(Bucket="bucket", Prefix=key)["Versions"]:
            s3.delete_object(Bucket="bucket", Key=key, VersionId=entry["VersionId"])
    assert not scrub(world)["Damaged"] and s3.get_object(Bucket="bucket", Key="whole")["Body"].read() == BODY


def test_files_that_are_nobodys_are_told_and_removed(world):
    kept = put(world, "k")
    stray = os.urandom(100_000)
    name = hashlib.sha256(stray).hexdigest()
    path = world.data / "objects" / name[:2] / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(stray)
    found = scrub(world)
    assert (found["Orphans"], found["OrphanBytes"]) == (1, len(stray)) and path.exists()
    assert "belong to no object" in world.run("scrub").stdout
    found = scrub(world, "--collect")
    assert (found["Orphans"], found["Collected"]) == (1, True) and not path.exists() and kept.exists()
    assert scrub(world)["Orphans"] == 0


def test_what_is_being_written_is_kept(world):
    s3 = world.client("s3")
    stop, put_ = threading.Event(), []

    def write(number):
        client = world.client("s3")
        while not stop.is_set():
            body = os.urandom(100_000 + number)
            key = f"{number}-{len(put_)}"
            client.put_object(Bucket="bucket", Key=key, Body=body)
            put_.append((key, hashlib.md5(body).hexdigest()))

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(3):
            assert scrub(world, "--collect")["Orphans"] == 0
        wait_until(lambda: len(put_) > 20, 30, "some writes")
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    for key, md5 in put_:
        assert hashlib.md5(s3.get_object(Bucket="bucket", Key=key)["Body"].read()).hexdigest() == md5
    assert not scrub(world)["Damaged"]


def test_a_rate_is_kept_to(world):
    put(world, "k", os.urandom(3 << 20))
    began = time.monotonic()
    scrub(world, "--rate", 2)
    assert time.monotonic() - began > 1.2
    assert world.run("scrub", "--rate", 0, check=False).returncode == 2


def test_uploads_that_a_crash_cuts_off_leave_nothing_to_complain_of(world):
    for round_ in range(3):
        done, lock = [], threading.Lock()

        def write(number):
            client = world.client("s3")
            try:
                upload = {"Bucket": "bucket", "Key": f"{round_}-{number}-parts"}
                upload["UploadId"] = client.create_multipart_upload(**upload)["UploadId"]
                for at in range(1_000):
                    client.put_object(Bucket="bucket", Key=f"{round_}-{number}-{at}", Body=BODY[: 40_000 + at])
                    client.upload_part(**upload, PartNumber=at + 1, Body=BODY)
                    with lock:
                        done.append((f"{round_}-{number}-{at}", 40_000 + at))
            except (BotoCoreError, ClientError):
                pass

        writers = [threading.Thread(target=write, args=(number,)) for number in range(6)]
        for writer in writers:
            writer.start()
        wait_until(lambda: len(done) >= 6, 60, "some uploads")
        world.kill()
        for writer in writers:
            writer.join()
        world.start()
        s3 = world.client("s3")
        for key, size in done:
            assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == BODY[:size]
        # What was left behind is looked for when the server starts.
        wait_until(lambda: scrub(world)["Orphans"] == 0, 30, "the end of what was cut off")
        assert not list((world.data / "objects" / "tmp").iterdir())


def test_who_may_not_scrub_is_refused(world):
    iam = world.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    assert code(world.client_as("s3", key["AccessKeyId"], key["SecretAccessKey"]).list_buckets)[0] == "AccessDenied"
    own = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    world.root, root = own, world.root
    done = world.run("scrub", check=False)
    world.root = root
    assert done.returncode == 1 and "cloudlet:Scrub" in done.stderr
