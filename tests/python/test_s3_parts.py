"""S3's uploads in parts: what they become, what is refused, and what is left of those that are given up."""

import base64
import hashlib
import os
import zlib

import pytest
from botocore.exceptions import ClientError
from cloudlet import wait_until
from test_s3 import LARGE, bucket, code, files, fresh, has_file, prefixes  # noqa: F401 A fixture of the same.

PART = os.urandom(5 << 20)


def begin(s3, bucket, key="k", **options):
    return {"Bucket": bucket, "Key": key, "UploadId": s3.create_multipart_upload(Bucket=bucket, Key=key, **options)["UploadId"]}


def add(s3, upload, number, body, **options):
    part = s3.upload_part(**upload, PartNumber=number, Body=body, **options)
    return {"PartNumber": number, "ETag": part["ETag"]} | {name: value for name, value in part.items() if name.startswith("Checksum")}


def finish(s3, upload, parts, **options):
    return s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **options)


def b64(digest):
    return base64.b64encode(digest).decode()


def test_parts_become_an_object(server, s3, bucket):
    upload = begin(s3, bucket, ContentType="text/plain", Metadata={"a": "1"}, Tagging="t=1")
    PART, last = fresh(5 << 20), fresh(7)
    # In any order, and one of them twice.
    three = add(s3, upload, 30, last)
    add(s3, upload, 2, PART[::-1])
    two = add(s3, upload, 2, PART)
    one = add(s3, upload, 1, PART)
    add(s3, upload, 7, b"not wanted")
    listed = s3.list_parts(**upload, MaxParts=2)
    assert [part["PartNumber"] for part in listed["Parts"]] == [1, 2] and listed["IsTruncated"] and listed["NextPartNumberMarker"] == 2
    rest = s3.list_parts(**upload, PartNumberMarker=2)
    assert [(part["PartNumber"], part["Size"]) for part in rest["Parts"]] == [(7, 10), (30, len(last))] and not rest["IsTruncated"]
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    done = finish(s3, upload, [one, two, three])
    body = PART + PART + last
    etag = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in (PART, PART, last))).hexdigest() + "-3"
    assert done["ETag"] == f'"{etag}"' and done["Location"].endswith(f"/{bucket}/k")
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body and (got["ContentType"], got["Metadata"], got["TagCount"], got["ETag"]) == ("text/plain", {"a": "1"}, 1, f'"{etag}"')
    assert has_file(server, last)
    wait_until(lambda: len(files(server, PART)) == 2, 10, "the end of the part that was replaced")
    for first, length in [(0, 10), (len(PART) - 5, 10), (len(PART) * 2 - 3, 9), (len(PART) + 1, len(PART) + 2), (len(body) - 1, 1)]:
        got = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={first}-{first + length - 1}")["Body"].read()
        assert got == body[first : first + length]
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=3)
    assert (second["Body"].read(), second["PartsCount"], second["ContentRange"]) == (last, 3, f"bytes {len(PART) * 2}-{len(body) - 1}/{len(body)}")
    assert s3.head_object(Bucket=bucket, Key="k", PartNumber=1)["ContentLength"] == len(PART)
    assert code(s3.get_object, Bucket=bucket, Key="k", PartNumber=4) == ("InvalidPartNumber", 416)
    with pytest.raises(ClientError, match="The specified upload does not exist"):
        s3.list_parts(**upload)
    # A copy has the bytes as well, and both go.
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    s3.delete_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == body
    s3.delete_object(Bucket=bucket, Key="copy")
    wait_until(lambda: not has_file(server, PART) and not has_file(server, last), 10, "the end of the parts")


def test_uploads_are_checked_when_they_are_completed(s3, bucket):
    upload = begin(s3, bucket)
    one, two = add(s3, upload, 1, b"too small"), add(s3, upload, 2, b"x")
    assert code(finish, s3=s3, upload=upload, parts=[one, two]) == ("EntityTooSmall", 400)
    assert code(finish, s3=s3, upload=upload, parts=[two, one]) == ("InvalidPartOrder", 400)
    assert code(finish, s3=s3, upload=upload, parts=[one | {"ETag": '"other"'}]) == ("InvalidPart", 400)
    assert code(finish, s3=s3, upload=upload, parts=[one | {"PartNumber": 3}]) == ("InvalidPart", 400)
    for parts in ([], [{"PartNumber": 1}], [{"ETag": one["ETag"]}]):
        assert code(finish, s3=s3, upload=upload, parts=parts) == ("MalformedXML", 400)
    assert code(s3.complete_multipart_upload, **upload) == ("InvalidRequest", 400)
    assert code(finish, s3=s3, upload=upload, parts=[one], MpuObjectSize=5) == ("InvalidRequest", 400)
    assert code(finish, s3=s3, upload=upload, parts=[one], IfMatch='"x"') == ("NoSuchKey", 404)
    whole = finish(s3, upload, [one], IfNoneMatch="*")["ETag"]
    # Whoever did not hear of it and asks again is told the same, while the object is there.
    assert finish(s3, upload, [one], IfNoneMatch="*")["ETag"] == whole
    s3.delete_object(Bucket=bucket, Key="k")
    assert code(finish, s3=s3, upload=upload, parts=[one]) == ("NoSuchUpload", 404)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    again = begin(s3, bucket)
    one = add(s3, again, 1, b"x")
    assert code(finish, s3=s3, upload=again, parts=[one], IfNoneMatch="*") == ("PreconditionFailed", 412)
    for number in (-1, 0, 10_001):
        with pytest.raises(ClientError, match="Part number must be an integer between 1 and 10000, inclusive"):
            s3.upload_part(**again, PartNumber=number, Body=b"x")
        assert code(s3.get_object, Bucket=bucket, Key="k", PartNumber=number) == ("InvalidArgument", 400)
    for wrong in ({"MaxParts": -1}, {"MaxParts": 1 << 31}, {"PartNumberMarker": -1}):
        assert code(s3.list_parts, **again, **wrong) == ("InvalidArgument", 400), wrong
    assert code(s3.upload_part, **(again | {"UploadId": "none"}), PartNumber=1, Body=LARGE) == ("NoSuchUpload", 404)


def test_uploads_are_given_up(server, s3, bucket):
    body = fresh()
    upload = begin(s3, bucket)
    add(s3, upload, 1, body)
    s3.abort_multipart_upload(**upload)
    assert code(s3.abort_multipart_upload, **upload) == ("NoSuchUpload", 404)
    add(s3, begin(s3, bucket, "other"), 1, body)
    # A bucket goes with what was only begun in it.
    s3.delete_bucket(Bucket=bucket)
    wait_until(lambda: not has_file(server, body), 10, "the end of the parts")


@pytest.mark.parametrize("algorithm, kind", [("SHA256", "COMPOSITE"), ("SHA1", "COMPOSITE"), ("CRC32", "COMPOSITE"), ("CRC32", "FULL_OBJECT")])
def test_checksums_of_parts_and_of_the_whole(s3, bucket, algorithm, kind):
    digest = {"SHA256": lambda data: hashlib.sha256(data).digest(), "SHA1": lambda data: hashlib.sha1(data).digest(), "CRC32": lambda data: zlib.crc32(data).to_bytes(4, "big")}[algorithm]
    name, last = f"Checksum{algorithm}", b"the end"
    upload = begin(s3, bucket, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    parts = [add(s3, upload, number, body, ChecksumAlgorithm=algorithm) for number, body in [(1, PART), (2, last)]]
    assert [part[name] for part in parts] == [b64(digest(PART)), b64(digest(last))]
    assert [part[name] for part in s3.list_parts(**upload)["Parts"]] == [part[name] for part in parts]
    expected = b64(digest(PART + last)) if kind == "FULL_OBJECT" else b64(digest(digest(PART) + digest(last))) + "-2"
    wrong = [parts[0], parts[1] | {name: parts[0][name]}]
    assert code(finish, s3=s3, upload=upload, parts=wrong) == ("InvalidPart", 400)
    assert code(finish, s3=s3, upload=upload, parts=parts, **{name: b64(digest(b"other"))})[0] == "BadDigest"
    if kind == "COMPOSITE":
        bare = [{key: part[key] for key in ("PartNumber", "ETag")} for part in parts]
        assert code(finish, s3=s3, upload=upload, parts=bare) == ("InvalidRequest", 400)
    done = finish(s3, upload, parts, ChecksumType=kind)
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (done[name], head[name], head["ChecksumType"]) == (expected, expected, kind)
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts", "Checksum"], MaxParts=1)
    assert attributes["ObjectParts"]["TotalPartsCount"] == 2 and attributes["ObjectParts"]["IsTruncated"]
    assert attributes["ObjectParts"]["Parts"][0][name] == b64(digest(PART)) and attributes["Checksum"][name] == expected.removesuffix("-2")
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=2, ChecksumMode="ENABLED")
    assert (second["Body"].read(), second[name], second["ChecksumType"]) == (last, b64(digest(last)), kind)
    other = "SHA1" if algorithm != "SHA1" else "SHA256"
    assert code(s3.upload_part, **begin(s3, bucket, ChecksumAlgorithm=algorithm), PartNumber=1, Body=b"x", ChecksumAlgorithm=other) == ("InvalidRequest", 400)


def test_parts_are_copied(s3, bucket):
    s3.put_object(Bucket=bucket, Key="source", Body=PART + b"0123456789")
    upload = begin(s3, bucket)
    source = {"Bucket": bucket, "Key": "source"}
    first = s3.upload_part_copy(**upload, PartNumber=1, CopySource=source, CopySourceRange=f"bytes=0-{len(PART) - 1}")["CopyPartResult"]
    second = s3.upload_part_copy(**upload, PartNumber=2, CopySource=source)["CopyPartResult"]
    assert first["ETag"] == f'"{hashlib.md5(PART).hexdigest()}"'
    assert code(s3.upload_part_copy, **upload, PartNumber=3, CopySource=source, CopySourceRange=f"bytes=0-{len(PART) + 10}") == ("InvalidArgument", 400)
    assert code(s3.upload_part_copy, **upload, PartNumber=3, CopySource=source, CopySourceIfMatch='"x"') == ("PreconditionFailed", 412)
    finish(s3, upload, [{"PartNumber": 1, "ETag": first["ETag"]}, {"PartNumber": 2, "ETag": second["ETag"]}])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == PART + PART + b"0123456789"
    # From an object in parts, over the border between them.
    again = begin(s3, bucket, "again")
    third = s3.upload_part_copy(**again, PartNumber=1, CopySource=f"{bucket}/k", CopySourceRange=f"bytes={len(PART) - 2}-{len(PART) + 1}")["CopyPartResult"]
    finish(s3, again, [{"PartNumber": 1, "ETag": third["ETag"]}])
    assert s3.get_object(Bucket=bucket, Key="again")["Body"].read() == PART[-2:] + PART[:2]


def test_uploads_are_listed(s3, bucket):
    begun = sorted((upload["Key"], upload["UploadId"]) for upload in [begin(s3, bucket, key) for key in ("a", "b/1", "b/2", "a", "c")])
    got = [(upload["Key"], upload["UploadId"]) for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2}) for upload in page.get("Uploads", [])]
    assert got == begun
    page = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", Prefix="")
    assert prefixes(page) == ["b/"] and [upload["Key"] for upload in page["Uploads"]] == ["a", "a", "c"]
    assert (page["NextKeyMarker"], page["NextUploadIdMarker"], "Prefix" in page) == (*begun[-1], False)
    rest = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", KeyMarker="b/1")
    assert prefixes(rest) == [] and [upload["Key"] for upload in rest["Uploads"]] == ["c"]


def test_files_of_any_size_go_in_parts(s3, bucket, tmp_path):
    """What boto3 does by itself with large files."""
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(PART * 3 + b"x")
    s3.upload_file(str(source), bucket, "k")
    assert s3.head_object(Bucket=bucket, Key="k")["ETag"].endswith('-2"')
    s3.download_file(bucket, "k", str(copy))
    assert copy.read_bytes() == source.read_bytes()
