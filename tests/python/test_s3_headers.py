"""What S3's headers say, and how: times, conditions, sources of copies, metadata."""

import requests
from test_s3 import bucket, code  # noqa: F401 A fixture of the same.
from test_s3_parts import add, begin, finish
from test_s3_signed_urls import signed


def test_documents_tell_times_as_headers_do(s3, bucket):
    # Of several, hardly all come at the beginning of a second.
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
        upload = begin(s3, bucket, key)
        add(s3, upload, 1, b"x")
        assert [part["LastModified"].microsecond for part in s3.list_parts(**upload)["Parts"]] == [0]
    times = {key: s3.head_object(Bucket=bucket, Key=key)["LastModified"] for key in ("a", "b", "c")}
    for listed in (s3.list_objects, s3.list_objects_v2):
        assert {entry["Key"]: entry["LastModified"] for entry in listed(Bucket=bucket)["Contents"]} == times
    assert {entry["Key"]: entry["LastModified"] for entry in s3.list_object_versions(Bucket=bucket)["Versions"]} == times
    assert [entry["Initiated"].microsecond for entry in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [0] * 3
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/a")["CopyObjectResult"]["LastModified"]
    assert copied == s3.head_object(Bucket=bucket, Key="copy")["LastModified"]
    assert all(entry["CreationDate"].microsecond == 0 for entry in s3.list_buckets()["Buckets"])


def test_a_plus_in_a_source_is_a_space(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a b", Body=b"x")
    other = server.client("s3")
    other.meta.events.register("before-call.s3.CopyObject", lambda params, **_: params["headers"].update({"x-amz-copy-source": f"{bucket}%2Fa+b"}))
    other.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/none")
    assert s3.head_object(Bucket=bucket, Key="copy")["ContentLength"] == 1


def test_an_upload_sees_what_was_written_since_it_began(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    upload = begin(s3, bucket)
    parts = [add(s3, upload, 1, b"x")]
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    assert code(finish, s3=s3, upload=upload, parts=parts, IfMatch='"other"') == ("PreconditionFailed", 412)
    assert code(finish, s3=s3, upload=upload, parts=parts, IfMatch=etag) == ("ConditionalRequestConflict", 409)
    again = begin(s3, bucket)
    finish(s3, again, [add(s3, again, 1, b"y")], IfMatch=etag)
    # Who has no condition replaces whatever is there.
    finish(s3, upload, parts)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_metadata_that_is_not_ascii_is_words_of_mail(server, s3, bucket):
    assert requests.put(signed(server, f"/{bucket}/k", x_amz_meta_name="ÄMÄZÕÑ S3", x_amz_meta_sign="ä")).status_code == 200
    words = {"name": "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?=", "sign": "=?UTF-8?B?w6Q=?="}
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == words
    # Words are read, too: those that need to be none are none.
    s3.put_object(Bucket=bucket, Key="k", Metadata=words | {"plain": "=?UTF-8?B?YWJj?="})
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == words | {"plain": "abc"}
