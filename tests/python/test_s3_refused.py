"""What S3 has and this server does not: every operation of the official model is answered, or refused by its name."""

import base64
import hashlib
import socket
from datetime import datetime, timezone

import botocore.session
import pytest
from test_denied import sample
from test_models import OPERATIONS
from test_s3 import bucket, code  # noqa: F401 A fixture of the same.

MODEL = botocore.session.get_session().get_service_model("s3")
BUILT = {row["Operation"] for row in OPERATIONS if row["Model"] == "s3"}
# Names of old for what has a successor at the same place, which answers them.
SUCCEEDED = {"GetBucketLifecycle", "PutBucketLifecycle", "GetBucketNotification", "PutBucketNotification"}
# Those that AWS has at hosts of their own: here, nothing in their requests tells them from others.
ELSEWHERE = {"ListDirectoryBuckets", "WriteGetObjectResponse"}
REFUSED = sorted(set(MODEL.operation_names) - BUILT - SUCCEEDED - ELSEWHERE)


def test_there_is_something_to_refuse():
    assert REFUSED and BUILT < set(MODEL.operation_names)


@pytest.mark.parametrize("operation", REFUSED)
def test_what_is_not_built_says_so_by_name(server, s3, bucket, operation):
    # Members that AWS has in a host's name or finds out of a name's form are no part of the path.
    values = sample(MODEL.operation_model(operation).input_shape) if MODEL.operation_model(operation).input_shape else {}
    values |= {"Bucket": bucket} if "Bucket" in values else {}
    url, told = [], []
    client = server.client("s3", s3={"addressing_style": "path"}, inject_host_prefix=False)
    client.meta.events.register("before-send", lambda request, **_: url.append(request.url))
    client.meta.events.register("after-call", lambda http_response, **_: told.append(http_response.content.decode()))
    try:
        client._make_api_call(operation, values)
    except client.exceptions.ClientError:
        pass
    assert told and f"s3:{operation} is not implemented" in told[-1], (url, told)


def test_old_names_are_answered_by_their_successors(s3, bucket):
    rules = [{"ID": "a", "Status": "Enabled", "Prefix": "a", "Expiration": {"Days": 1}}]
    s3.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle(Bucket=bucket)["Rules"] == rules
    assert s3.get_bucket_notification(Bucket=bucket)


def test_what_is_not_known_of_requests_is_refused(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    refused = ("NotImplemented", 501)
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"y", WriteOffsetBytes=1) == refused
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    began = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert code(s3.abort_multipart_upload, Bucket=bucket, Key="k", UploadId=upload, IfMatchInitiatedTime=began) == refused
    assert code(s3.delete_object, Bucket=bucket, Key="k", IfMatchSize=1) == refused
    assert code(s3.delete_objects, Bucket=bucket, Delete={"Objects": [{"Key": "k", "Size": 1}]}) == refused
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 1


def test_deletes_may_be_conditional(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    assert code(s3.delete_object, Bucket=bucket, Key="k", IfMatch='"other"') == ("PreconditionFailed", 412)
    assert code(s3.delete_object, Bucket=bucket, Key="none", IfMatch="*") == ("NoSuchKey", 404)
    errors = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "ETag": '"other"'}]})["Errors"]
    assert [error["Code"] for error in errors] == ["PreconditionFailed"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag)["DeleteMarker"]
    assert code(s3.delete_object, Bucket=bucket, Key="k", IfMatch="*") == ("PreconditionFailed", 412)


def test_a_bucket_has_the_owner_that_is_expected(server, s3, bucket):
    own, other = "000000000000", "111111111111"
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ExpectedBucketOwner=own)
    denied = ("AccessDenied", 403)
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"y", ExpectedBucketOwner=other) == denied
    assert code(s3.list_objects_v2, Bucket=bucket, ExpectedBucketOwner=other) == denied
    assert code(s3.copy_object, Bucket=bucket, Key="c", CopySource=f"{bucket}/k", ExpectedSourceBucketOwner=other) == denied
    assert code(s3.get_object, Bucket=bucket, Key="k", ExpectedBucketOwner="somebody") == ("InvalidBucketOwnerAWSAccountID", 400)
    assert s3.get_object(Bucket=bucket, Key="k", ExpectedBucketOwner=own)["Body"].read() == b"x"


@pytest.mark.parametrize("algorithm", ["SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"])
def test_the_newest_checksums(s3, bucket, algorithm):
    body = b"123456789"
    # The others' check values are held still beside their code.
    made = {"SHA512": hashlib.sha512(body).digest(), "MD5": hashlib.md5(body).digest(), "XXHASH64": bytes.fromhex("8cb841db40e6ae83"), "XXHASH3": bytes.fromhex("72dcb18b67a17dff"), "XXHASH128": bytes.fromhex("33119477ede5dcd5e9716427681d5860")}
    value, member = base64.b64encode(made[algorithm]).decode(), f"Checksum{algorithm}"
    answer = s3.put_object(Bucket=bucket, Key="k", Body=body, **{member: value})
    assert answer[member] == value and answer["ChecksumType"] == "FULL_OBJECT"
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")[member] == value
    wrong = base64.b64encode(bytes(len(made[algorithm]))).decode()
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=body, **{member: wrong}) == ("BadDigest", 400)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="p", ChecksumAlgorithm=algorithm)
    assert upload["ChecksumType"] == "COMPOSITE"
    of = {"Bucket": bucket, "Key": "p", "UploadId": upload["UploadId"]}
    part = s3.upload_part(**of, PartNumber=1, Body=body, **{member: value})
    parts = [{"PartNumber": 1, "ETag": part["ETag"], member: value}]
    whole = s3.complete_multipart_upload(**of, MultipartUpload={"Parts": parts})
    assert whole[member].endswith("-1") and whole["ChecksumType"] == "COMPOSITE"
    again = s3.complete_multipart_upload(**of, MultipartUpload={"Parts": parts})
    assert again["ETag"] == whole["ETag"] and again[member] == whole[member]
    assert code(s3.create_multipart_upload, Bucket=bucket, Key="p", ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT") == ("InvalidRequest", 400)


def test_other_kinds_of_buckets_and_access_points_are_refused_by_name(server, s3, unique, monkeypatch):
    """Before anything is made of them that they are not."""
    # The account stands before the host's name.
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest, **more: resolve("127.0.0.1", *rest, **more))
    directory = {"Location": {"Type": "AvailabilityZone", "Name": "use1-az4"}, "Bucket": {"Type": "Directory", "DataRedundancy": "SingleAvailabilityZone"}}
    assert code(s3.create_bucket, Bucket=f"{unique}-none", CreateBucketConfiguration=directory) == ("NotImplemented", 501)
    told = []
    client = server.client("s3control")
    client.meta.events.register("after-call", lambda http_response, **_: told.append(http_response.content.decode()))
    account = {"AccountId": "000000000000"}
    for call in [
        lambda: client.create_access_point(**account, Name="a", Bucket="xxxxxxxx"),
        lambda: client.list_access_points(**account),
        lambda: client.delete_access_point_for_object_lambda(**account, Name="a"),
        lambda: client.create_job(**account, Operation={"S3DeleteObjectTagging": {}}, Report={"Enabled": False}, Priority=1, RoleArn="arn:aws:iam::000000000000:role/r"),
    ]:
        with pytest.raises(client.exceptions.ClientError):
            call()
        assert "s3:S3Control is not implemented" in told[-1], told


def test_a_replication_is_refused_and_changes_nothing(s3, bucket, unique):
    rule = {"Status": "Enabled", "Prefix": "", "Destination": {"Bucket": f"arn:aws:s3:::{unique}-other"}}
    configuration = {"Role": "arn:aws:iam::000000000000:role/r", "Rules": [rule]}
    assert code(s3.put_bucket_replication, Bucket=bucket, ReplicationConfiguration=configuration) == ("NotImplemented", 501)
    query = {"Expression": "SELECT * FROM S3Object", "ExpressionType": "SQL", "InputSerialization": {"CSV": {}}, "OutputSerialization": {"CSV": {}}}
    s3.put_object(Bucket=bucket, Key="k", Body=b"a,b")
    assert code(s3.select_object_content, Bucket=bucket, Key="k", **query) == ("NotImplemented", 501)
