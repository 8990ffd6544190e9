"""S3 with boto3: every operation, and what a bucket of AWS does at the edges."""

import base64
import hashlib
import io
import itertools
import json
import os
import socket
import threading
import urllib.error
import urllib.request
import zlib
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from cloudlet import REGION, Server, wait_until

# Over what lives in the store, and not a whole number of chunks.
LARGE = os.urandom((1 << 20) + 12_345)
# How bodies are sealed: see docs/decisions/0043.
CHUNK, TAG = 64 << 10, 16


@pytest.fixture
def bucket(s3, unique):
    s3.create_bucket(Bucket=unique)
    return unique


@pytest.fixture(scope="module", autouse=True)
def local_names():
    """What ends with localhost is this machine (RFC 6761), also where the system's resolver does not say so."""
    resolve = socket.getaddrinfo
    socket.getaddrinfo = lambda host, *rest, **more: resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **more)
    yield
    socket.getaddrinfo = resolve


def at(server, host, **config):
    """A client that knows the server by this name."""
    endpoint = f"http://{host}:{urlsplit(server.endpoint).port}"
    return server.session().client("s3", endpoint_url=endpoint, region_name=REGION, aws_access_key_id=server.root["AWS_ACCESS_KEY_ID"], aws_secret_access_key=server.root["AWS_SECRET_ACCESS_KEY"], config=Config(retries={"total_max_attempts": 1}, **config))


def code(call, **arguments):
    """The code and status of the error that a call is answered with."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def keys(page):
    return [entry["Key"] for entry in page.get("Contents", [])]


def prefixes(page):
    return [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]


def files(server, *bodies):
    """The files that hold objects; those that are as large as these bodies are when they are sealed, which is all that they show."""
    sizes = [len(body) + max(1, -(-len(body) // CHUNK)) * TAG for body in bodies]
    kept = []
    for path in (server.data / "objects").glob("??/*"):
        try:
            if not bodies or path.stat().st_size in sizes:
                kept.append(path.name)
        except FileNotFoundError:
            pass
    return sorted(kept)


def has_file(server, *bodies):
    """Whether there are files of these bodies: each has a size of its own (`fresh`)."""
    return all(files(server, body) for body in bodies)


_sizes = itertools.count(64, 64)


def fresh(size=len(LARGE)):
    """Bytes that no other test has, and a few more of them than any other."""
    return os.urandom(size + next(_sizes))


def fetch(url, method="GET", data=None, headers=None):
    """A request without a signature of its own: status, body and headers."""
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read(), response.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


# Objects


@pytest.mark.parametrize("body", [b"", b"small", LARGE], ids=["empty", "small", "large"])
def test_objects_come_back_as_they_were(s3, bucket, body):
    put = s3.put_object(Bucket=bucket, Key="a b/ä+&?.txt", Body=body, ContentType="text/plain", CacheControl="no-store", ContentDisposition="inline", ContentLanguage="de", ContentEncoding="x-none", Expires=datetime(2030, 1, 2, tzinfo=timezone.utc), Metadata={"Name": "value", "other": "x  y"}, StorageClass="STANDARD_IA", Tagging="a=1&b=2")
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    crc32 = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    assert (put["ETag"], put["ChecksumCRC32"], put["ChecksumType"]) == (etag, crc32, "FULL_OBJECT")
    got = s3.get_object(Bucket=bucket, Key="a b/ä+&?.txt", ChecksumMode="ENABLED")
    assert got["Body"].read() == body
    head = s3.head_object(Bucket=bucket, Key="a b/ä+&?.txt", ChecksumMode="ENABLED")
    for answer in (got, head):
        assert (answer["ContentLength"], answer["ETag"], answer["ChecksumCRC32"]) == (len(body), etag, crc32)
        assert answer["Metadata"] == {"name": "value", "other": "x  y"}
        assert (answer["ContentType"], answer["CacheControl"], answer["ContentDisposition"], answer["ContentLanguage"], answer["ContentEncoding"]) == ("text/plain", "no-store", "inline", "de", "x-none")
        assert (answer["StorageClass"], answer["AcceptRanges"], answer["ServerSideEncryption"]) == ("STANDARD_IA", "bytes", "AES256")
        assert answer["ExpiresString"] == "Wed, 02 Jan 2030 00:00:00 GMT"
    assert got["TagCount"] == 2
    assert abs((got["LastModified"] - datetime.now(timezone.utc)).total_seconds()) < 60


def test_what_is_not_there_is_told(s3, bucket, unique):
    assert code(s3.get_object, Bucket=bucket, Key="none") == ("NoSuchKey", 404)
    assert code(s3.head_object, Bucket=bucket, Key="none") == ("404", 404)
    s3.delete_object(Bucket=bucket, Key="none")
    for call in (s3.get_object, s3.put_object, s3.delete_object):
        assert code(call, Bucket=f"{unique}-none", Key="k") == ("NoSuchBucket", 404)
    assert code(s3.list_objects_v2, Bucket=f"{unique}-none") == ("NoSuchBucket", 404)
    assert code(s3.put_object, Bucket=bucket, Key="k" * 1_025)[0] == "KeyTooLongError"
    assert code(s3.put_object, Bucket=bucket, Key="k", Metadata={"m": "v" * 2_048})[0] == "MetadataTooLarge"
    assert code(s3.put_object, Bucket=bucket, Key="k", StorageClass="SOME")[0] == "InvalidStorageClass"
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="none")


@pytest.mark.parametrize("size", [1_000, len(LARGE)], ids=["small", "large"])
def test_ranges(s3, bucket, size):
    body = LARGE[:size]
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    for header, expected in [("bytes=0-0", body[:1]), ("bytes=10-99", body[10:100]), ("bytes=900-", body[900:]), ("bytes=-7", body[-7:]), (f"bytes=5-{size * 2}", body[5:])]:
        got = s3.get_object(Bucket=bucket, Key="k", Range=header)
        assert got["Body"].read() == expected, header
        first = body.find(expected) if len(expected) > 2 else 0
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206 and got["ContentLength"] == len(expected)
        assert got["ContentRange"] == f"bytes {first}-{first + len(expected) - 1}/{size}"
    assert s3.head_object(Bucket=bucket, Key="k", Range="bytes=1-2")["ContentLength"] == 2
    assert s3.get_object(Bucket=bucket, Key="k", Range="bytes=1-2,4-5")["ContentLength"] == size
    assert code(s3.get_object, Bucket=bucket, Key="k", Range=f"bytes={size}-") == ("InvalidRange", 416)
    whole = s3.get_object(Bucket=bucket, Key="k", PartNumber=1)
    assert whole["Body"].read() == body and whole["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert code(s3.get_object, Bucket=bucket, Key="k", PartNumber=2) == ("InvalidPartNumber", 416)


def test_conditional_reads(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    now = datetime.now(timezone.utc)
    past, future = now - timedelta(hours=1), now + timedelta(hours=1)
    for call in (s3.get_object, s3.head_object):
        assert call(Bucket=bucket, Key="k", IfMatch=etag, IfUnmodifiedSince=past)["ETag"] == etag
        assert call(Bucket=bucket, Key="k", IfModifiedSince=past)["ETag"] == etag
        assert code(call, Bucket=bucket, Key="k", IfMatch='"other"')[1] == 412
        assert code(call, Bucket=bucket, Key="k", IfUnmodifiedSince=past)[1] == 412
        assert code(call, Bucket=bucket, Key="k", IfNoneMatch=etag) == ("304", 304)
        assert code(call, Bucket=bucket, Key="k", IfModifiedSince=call(Bucket=bucket, Key="k")["LastModified"]) == ("304", 304)
        # What is still to come tells nothing.
        assert call(Bucket=bucket, Key="k", IfModifiedSince=future)["ETag"] == etag


def test_conditional_writes(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=LARGE, IfMatch='"other"') == ("PreconditionFailed", 412)
    assert code(s3.put_object, Bucket=bucket, Key="none", Body=b"2", IfMatch=etag) == ("NoSuchKey", 404)
    for unknown in ({"IfNoneMatch": etag}, {"IfMatch": "*"}, {"IfMatch": etag, "IfNoneMatch": "*"}):
        assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"2", **unknown) == ("NotImplemented", 501)
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=etag)["ETag"] != etag
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


def test_one_of_many_writers_of_a_new_key_wins(server, bucket):
    won, lost = [], []

    def write(number):
        s3 = server.client("s3")
        try:
            s3.put_object(Bucket=bucket, Key="k", Body=str(number).encode(), IfNoneMatch="*")
            won.append(number)
        except ClientError as error:
            lost.append(error.response["Error"]["Code"])

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(won) == 1 and lost == ["PreconditionFailed"] * 7
    assert server.client("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == str(won[0]).encode()


def test_what_came_with_an_object_can_be_replaced_for_one_answer(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", ContentType="text/plain")
    got = s3.get_object(Bucket=bucket, Key="k", ResponseContentType="image/png", ResponseContentDisposition="attachment", ResponseCacheControl="no-cache")
    assert (got["ContentType"], got["ContentDisposition"], got["CacheControl"]) == ("image/png", "attachment", "no-cache")


def test_attributes(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"abc", ChecksumAlgorithm="SHA256")
    got = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "StorageClass", "ObjectParts"])
    assert (got["ETag"], got["ObjectSize"], got["StorageClass"]) == (hashlib.md5(b"abc").hexdigest(), 3, "STANDARD")
    assert got["Checksum"] == {"ChecksumSHA256": base64.b64encode(hashlib.sha256(b"abc").digest()).decode(), "ChecksumType": "FULL_OBJECT"}
    assert "ObjectParts" not in got
    assert set(s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ETag"])) == {"ETag", "LastModified", "ResponseMetadata"}
    assert code(s3.get_object_attributes, Bucket=bucket, Key="k", ObjectAttributes=["Color"]) == ("InvalidArgument", 400)


# Digests


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums(server, s3, bucket, algorithm):
    if algorithm in ("CRC32C", "CRC64NVME"):
        pytest.importorskip("awscrt")
    # A stream is sent in chunks with its checksum behind them, bytes with a header.
    for key, body in [("bytes", LARGE), ("stream", io.BytesIO(LARGE))]:
        put = s3.put_object(Bucket=bucket, Key=key, Body=body, ChecksumAlgorithm=algorithm)
        got = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        # botocore holds the body to the checksum.
        assert got["Body"].read() == LARGE and got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]


def test_wrong_digests_are_refused_and_nothing_is_kept(server, s3, bucket):
    large = fresh()
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    for body in (b"x", large):
        assert code(s3.put_object, Bucket=bucket, Key="k", Body=body, ContentMD5=wrong) == ("BadDigest", 400)
        assert code(s3.put_object, Bucket=bucket, Key="k", Body=body, ChecksumCRC32="AAAAAA==") == ("BadDigest", 400)
        assert code(s3.put_object, Bucket=bucket, Key="k", Body=body, ChecksumSHA256=base64.b64encode(bytes(32)).decode()) == ("BadDigest", 400)
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"x", ContentMD5="abc") == ("InvalidDigest", 400)
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"x", ChecksumCRC32="abc") == ("InvalidRequest", 400)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket) and not has_file(server, large)
    right = base64.b64encode(hashlib.md5(large).digest()).decode()
    s3.put_object(Bucket=bucket, Key="k", Body=large, ContentMD5=right)


# Deletes


def test_many_are_deleted_at_once(s3, bucket):
    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"k&<{number}>")
    objects = [{"Key": f"k&<{number}>"} for number in range(3)] + [{"Key": "none"}]
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    assert [entry["Key"] for entry in deleted["Deleted"]] == [entry["Key"] for entry in objects] and "Errors" not in deleted
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k&<3>"}], "Quiet": True})
    assert "Deleted" not in quiet
    assert keys(s3.list_objects_v2(Bucket=bucket)) == ["k&<4>"]
    assert code(s3.delete_objects, Bucket=bucket, Delete={"Objects": [{"Key": str(n)} for n in range(1_001)]}) == ("MalformedXML", 400)
    errors = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k&<4>", "ETag": '"other"'}]})["Errors"]
    assert [(error["Key"], error["Code"]) for error in errors] == [("k&<4>", "PreconditionFailed")]


def test_room_is_given_back(server, s3, bucket):
    body = fresh()
    s3.put_object(Bucket=bucket, Key="a", Body=body)
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a")
    assert len(files(server, body)) == 1, "a copy has the same bytes"
    s3.delete_object(Bucket=bucket, Key="a")
    assert s3.get_object(Bucket=bucket, Key="b")["Body"].read() == body
    s3.put_object(Bucket=bucket, Key="b", Body=b"replaced")
    wait_until(lambda: not has_file(server, body), 10, "the file's end")


# Copies


@pytest.mark.parametrize("body", [b"small", LARGE], ids=["small", "large"])
def test_copies(server, s3, bucket, unique, body):
    s3.put_object(Bucket=bucket, Key="from ä", Body=body, ContentType="text/plain", Metadata={"a": "1"}, Tagging="t=1")
    other = f"{unique}-other"
    s3.create_bucket(Bucket=other)
    copied = s3.copy_object(Bucket=other, Key="to", CopySource={"Bucket": bucket, "Key": "from ä"})
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    s3.delete_object(Bucket=bucket, Key="from ä")
    got = s3.get_object(Bucket=other, Key="to")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"], got["TagCount"]) == (body, "text/plain", {"a": "1"}, 1)
    s3.copy_object(Bucket=other, Key="to", CopySource=f"{other}/to", MetadataDirective="REPLACE", Metadata={"b": "2"}, TaggingDirective="REPLACE", Tagging="", ChecksumAlgorithm="SHA256")
    got = s3.get_object(Bucket=other, Key="to", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (body, "binary/octet-stream", {"b": "2"})
    assert "TagCount" not in got and got["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert code(s3.copy_object, Bucket=other, Key="to", CopySource=f"{other}/to") == ("InvalidRequest", 400)
    assert code(s3.copy_object, Bucket=other, Key="x", CopySource=f"{other}/none") == ("NoSuchKey", 404)
    assert code(s3.copy_object, Bucket=other, Key="x", CopySource=f"{other}-none/none") == ("NoSuchBucket", 404)
    assert code(s3.copy_object, Bucket=other, Key="x", CopySource="none") == ("InvalidArgument", 400)
    etag = got["ETag"]
    assert code(s3.copy_object, Bucket=other, Key="x", CopySource=f"{other}/to", CopySourceIfNoneMatch=etag) == ("PreconditionFailed", 412)
    s3.copy_object(Bucket=other, Key="x", CopySource=f"{other}/to", CopySourceIfMatch=etag)


# Lists


@pytest.fixture(scope="module")
def listed(s3):
    s3.create_bucket(Bucket="listed")
    for key in LISTED:
        s3.put_object(Bucket="listed", Key=key)
    return "listed"


LISTED = sorted(["a", "b/1", "b/2", "b/c/3", "b0", "c/", "c/x y", "d+e&f", "é/1", "é/2", "z"], key=str.encode)


@pytest.mark.parametrize("call", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 2, 1_000])
@pytest.mark.parametrize("prefix, delimiter", [("", ""), ("", "/"), ("b", ""), ("b", "/"), ("b/", "/"), ("é", "/"), ("", "é/"), ("c/", "/"), ("none", "/")])
def test_lists_are_as_their_pages_together(s3, listed, call, size, prefix, delimiter):
    found, common = set(), set()
    for key in LISTED:
        if not key.startswith(prefix):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        if at < 0:
            found.add(key)
        else:
            common.add(key[: at + len(delimiter)])
    got, rolled, pages = [], [], 0
    for page in s3.get_paginator(call).paginate(Bucket=listed, Prefix=prefix, Delimiter=delimiter, PaginationConfig={"PageSize": size}):
        assert len(page.get("Contents", [])) + len(page.get("CommonPrefixes", [])) <= size
        got += keys(page)
        rolled += prefixes(page)
        pages += 1
    assert got == sorted(found, key=str.encode) and rolled == sorted(common, key=str.encode)
    assert pages == max(1, -(-(len(found) + len(common)) // size))


def test_lists_begin_where_they_are_told(s3, listed):
    assert keys(s3.list_objects_v2(Bucket=listed, StartAfter="b/2")) == LISTED[LISTED.index("b/2") + 1 :]
    assert prefixes(s3.list_objects_v2(Bucket=listed, StartAfter="b/2", Delimiter="/"))[0] == "b/"
    for marker in ("b/", "b/2", "b/c/3"):
        assert prefixes(s3.list_objects(Bucket=listed, Marker=marker, Delimiter="/"))[0] == "c/"
    assert keys(s3.list_objects(Bucket=listed, Marker="d"))[0] == "d+e&f"
    page = s3.list_objects_v2(Bucket=listed, MaxKeys=0)
    assert (page["KeyCount"], page["IsTruncated"]) == (0, False)
    page = s3.list_objects_v2(Bucket=listed, MaxKeys=1, FetchOwner=True)
    assert (page["KeyCount"], page["IsTruncated"], page["MaxKeys"]) == (1, True, 1) and page["Contents"][0]["Owner"]["ID"]
    assert code(s3.list_objects_v2, Bucket=listed, ContinuationToken="%") == ("InvalidArgument", 400)
    assert code(s3.list_objects_v2, Bucket=listed, ContinuationToken="") == ("InvalidArgument", 400)
    first = s3.list_objects_v2(Bucket=listed, StartAfter="b/2", MaxKeys=1)
    second = s3.list_objects_v2(Bucket=listed, StartAfter="b/2", MaxKeys=1, ContinuationToken=first["NextContinuationToken"])
    assert first["StartAfter"] == "b/2" and "StartAfter" not in second
    assert code(s3.list_objects_v2, Bucket=listed, MaxKeys=-1) == ("InvalidArgument", 400)


# Addresses and signatures


def test_buckets_are_hosts_or_paths(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="//a/../b/", Body=b"x")
    for host in ("s3.localhost", "localhost"):
        virtual = at(server, host, s3={"addressing_style": "virtual"})
        assert virtual.get_object(Bucket=bucket, Key="//a/../b/")["Body"].read() == b"x"
        assert keys(virtual.list_objects_v2(Bucket=bucket)) == ["//a/../b/"]
    path = server.client("s3", s3={"addressing_style": "path"})
    assert path.get_object(Bucket=bucket, Key="//a/../b/")["Body"].read() == b"x"


@pytest.mark.parametrize("version", ["s3v4", None], ids=["v4", "v2"])
@pytest.mark.parametrize("style", ["path", "virtual"])
def test_presigned_urls(server, bucket, version, style):
    s3 = at(server, "s3.localhost", signature_version=version, s3={"addressing_style": style})

    def sign(method, life=60, **parameters):
        url = s3.generate_presigned_url(method, Params={"Bucket": bucket, **parameters}, ExpiresIn=life)
        assert ("X-Amz-Signature" in url) == (version == "s3v4")
        return url

    put = sign("put_object", Key="a b", ContentType="text/plain", Metadata={"m": "1"})
    headers = {"Content-Type": "text/plain", "x-amz-meta-m": "1"}
    assert fetch(put, "PUT", LARGE, {"Content-Type": "text/html", "x-amz-meta-m": "1"})[0] == 403
    assert fetch(put, "PUT", LARGE, headers)[0] == 200
    # An object of another name, or more of it than was signed.
    assert fetch(put.replace("a%20b", "other"), "PUT", LARGE, headers)[0] == 403
    assert fetch(put, "PUT", LARGE, headers | {"x-amz-storage-class": "GLACIER"})[0] == 403
    get = sign("get_object", Key="a b", ResponseContentType="image/png")
    status, body, answered = fetch(get)
    assert (status, body, answered["Content-Type"], answered["x-amz-meta-m"]) == (200, LARGE, "image/png", "1")
    assert fetch(get, "DELETE")[0] == 403
    assert fetch(get.replace("image", "text"))[0] == 403
    assert fetch(get, headers={"Range": "bytes=0-3"})[1] == LARGE[:4]
    status, body, _ = fetch(sign("get_object", life=-5, Key="a b") if version is None else sign("get_object", Key="a b").replace("X-Amz-Expires=60", "X-Amz-Expires=0"))
    assert status in (400, 403)


def test_presigned_urls_end(server, bucket):
    s3 = server.client("s3", signature_version="s3v4")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=1)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    wait_until(lambda: fetch(url)[0] == 403, 10, "the URL's end")
    assert b"Request has expired" in fetch(url)[1] and b"<X-Amz-Expires>1</X-Amz-Expires>" in fetch(url)[1]


def test_whoever_does_not_sign_is_refused(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for method, path in [("GET", f"/{bucket}/k"), ("GET", f"/{bucket}"), ("PUT", f"/{bucket}/new"), ("DELETE", f"/{bucket}/k")]:
        status, body, _ = fetch(server.endpoint + path, method, b"x" if method == "PUT" else None)
        assert status == 403 and b"<Code>AccessDenied</Code>" in body, (method, path)
    wrong = server.client_as("s3", server.root["AWS_ACCESS_KEY_ID"], "wrong")
    assert code(wrong.put_object, Bucket=bucket, Key="k", Body=LARGE) == ("SignatureDoesNotMatch", 403)
    nobody = server.client_as("s3", "AKIANOBODY", "x")
    assert code(nobody.get_object, Bucket=bucket, Key="k") == ("InvalidAccessKeyId", 403)
    assert keys(s3.list_objects_v2(Bucket=bucket)) == ["k"]


def signed(server, path, headers, body_hash):
    """The head of a PUT that is signed as its headers say."""
    request = AWSRequest("PUT", server.endpoint + path, headers={"Host": urlsplit(server.endpoint).netloc, **headers})
    auth = S3SigV4Auth(Credentials(server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"]), "s3", REGION)
    auth.payload = lambda _: body_hash
    auth.add_auth(request)
    return request.headers


def send(server, path, headers, body, end=True):
    """What is answered to a PUT of this body, which may be cut off."""
    endpoint = urlsplit(server.endpoint)
    with socket.create_connection((endpoint.hostname, endpoint.port), timeout=10) as connection:
        head = f"PUT {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "Connection: close\r\n\r\n"
        connection.sendall(head.encode() + body)
        if not end:
            return None
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
        return answer.decode()


def test_bodies_are_what_was_signed(server, s3, bucket):
    path = f"/{bucket}/k"
    right, wrong = hashlib.sha256(b"abc").hexdigest(), hashlib.sha256(b"abd").hexdigest()
    for body_hash, status, told in [(right, 200, ""), (wrong, 400, "XAmzContentSHA256Mismatch"), ("UNSIGNED-PAYLOAD", 200, ""), ("STREAMING-OTHER", 501, "NotImplemented")]:
        answer = send(server, path, signed(server, path, {"Content-Length": "3"}, body_hash), b"abc")
        assert answer.startswith(f"HTTP/1.1 {status}") and told in answer, answer
    answer = send(server, path, signed(server, path, {"Transfer-Encoding": "chunked"}, "UNSIGNED-PAYLOAD"), b"3\r\nabc\r\n0\r\n\r\n")
    assert "MissingContentLength" in answer and answer.startswith("HTTP/1.1 411")
    chunked = {"Content-Encoding": "aws-chunked", "x-amz-decoded-content-length": "3", "x-amz-trailer": "x-amz-checksum-crc32"}
    crc32 = base64.b64encode(zlib.crc32(b"abc").to_bytes(4, "big")).decode()
    for trailer, decoded, status, told in [(crc32, "3", 200, ""), ("AAAAAA==", "3", 400, "BadDigest"), (crc32, "4", 400, "IncompleteBody"), (None, "3", 400, "InvalidRequest")]:
        body = b"2\r\nab\r\n1\r\nc\r\n0\r\n" + (f"x-amz-checksum-crc32:{trailer}\r\n".encode() if trailer else b"") + b"\r\n"
        headers = chunked | {"x-amz-decoded-content-length": decoded, "Content-Length": str(len(body))}
        answer = send(server, path, signed(server, path, headers, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), body)
        assert answer.startswith(f"HTTP/1.1 {status}") and told in answer, answer
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"abc"
    assert "ContentEncoding" not in s3.head_object(Bucket=bucket, Key="k")


def test_an_upload_that_is_cut_off_leaves_nothing(server, s3, bucket):
    path, body = f"/{bucket}/cut", fresh()
    headers = signed(server, path, {"Content-Length": str(len(body))}, "UNSIGNED-PAYLOAD")
    send(server, path, headers, body[: len(body) // 2], end=False)
    wait_until(lambda: not list((server.data / "objects" / "tmp").iterdir()), 10, "the end of what was begun")
    assert code(s3.head_object, Bucket=bucket, Key="cut")[1] == 404
    assert not has_file(server, body) and not has_file(server, body[: len(body) // 2])


def test_what_is_not_built_says_so(server, s3, bucket):
    assert code(s3.get_object_torrent, Bucket=bucket, Key="k") == ("NotImplemented", 501)
    assert code(s3.put_object, Bucket=bucket, Key="k", ServerSideEncryption="aws:kms:dsse") == ("NotImplemented", 501)
    with pytest.raises(ClientError) as error:
        s3.list_bucket_metrics_configurations(Bucket=bucket)
    assert "ListBucketMetricsConfigurations" in error.value.response["Error"]["Message"]
    assert fetch(f"{server.endpoint}/{bucket}/k", "PATCH")[0] == 405


# Permissions


def test_policies_decide(server, iam, s3, bucket, unique):
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    user = server.client_as("s3", key["AccessKeyId"], key["SecretAccessKey"])
    s3.put_object(Bucket=bucket, Key="open/k", Body=b"x")
    s3.put_object(Bucket=bucket, Key="shut/k", Body=b"x")
    assert code(user.get_object, Bucket=bucket, Key="open/k") == ("AccessDenied", 403)
    assert code(user.put_object, Bucket=bucket, Key="open/k", Body=LARGE) == ("AccessDenied", 403)
    statements = [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": f"arn:aws:s3:::{bucket}/open/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}", "Condition": {"StringLike": {"s3:prefix": "open/*"}}},
    ]
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    assert user.get_object(Bucket=bucket, Key="open/k")["Body"].read() == b"x"
    assert code(user.get_object, Bucket=bucket, Key="shut/k") == ("AccessDenied", 403)
    # Whoever may list is told what is not there.
    assert code(user.get_object, Bucket=bucket, Key="open/none") == ("NoSuchKey", 404)
    assert code(user.get_object, Bucket=bucket, Key="shut/none") == ("AccessDenied", 403)
    assert keys(user.list_objects_v2(Bucket=bucket, Prefix="open/")) == ["open/k"]
    assert code(user.list_objects_v2, Bucket=bucket) == ("AccessDenied", 403)
    assert code(user.copy_object, Bucket=bucket, Key="open/copy", CopySource=f"{bucket}/shut/k") == ("AccessDenied", 403)
    user.copy_object(Bucket=bucket, Key="open/copy", CopySource=f"{bucket}/open/k")
    deleted = user.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "open/k"}, {"Key": "shut/k"}]})
    assert [entry["Key"] for entry in deleted["Deleted"]] == ["open/k"]
    assert [(entry["Key"], entry["Code"]) for entry in deleted["Errors"]] == [("shut/k", "AccessDenied")]
    assert keys(s3.list_objects_v2(Bucket=bucket)) == ["open/copy", "shut/k"]


# Crashes


def test_acknowledged_objects_survive_and_others_leave_nothing():
    server = Server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="crash")
    acknowledged, stop = {}, threading.Event()

    def write(writer):
        own = server.client("s3")
        number = 0
        while not stop.is_set():
            body = f"{writer}-{number}".encode() * (10 if number % 2 else 10_000)
            key = f"{writer}/{number % 7}"
            try:
                own.put_object(Bucket="crash", Key=key, Body=body)
            except Exception:  # noqa: BLE001 The server is gone: it may or may not be there.
                acknowledged[key] = None
                return
            acknowledged[key] = body
            number += 1

    for round_ in range(3):
        stop.clear()
        writers = [threading.Thread(target=write, args=(f"{round_}-{writer}",)) for writer in range(4)]
        for writer in writers:
            writer.start()
        wait_until(lambda: len(acknowledged) > 10 * (round_ + 1), 30, "some writes")
        server.kill()
        stop.set()
        for writer in writers:
            writer.join()
        server.start()
        s3 = server.client("s3")
        for key, body in acknowledged.items():
            if body is not None:
                assert s3.get_object(Bucket="crash", Key=key)["Body"].read() == body
    for key in keys(s3.list_objects_v2(Bucket="crash")):
        s3.delete_object(Bucket="crash", Key=key)
    wait_until(lambda: not files(server), 10, "the end of all files")
    assert server.stop(), server.logged()
