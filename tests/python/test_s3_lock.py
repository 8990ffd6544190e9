"""Object lock: what nobody deletes before its time, and who may all the same."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from cloudlet import Server, wait_until
from test_s3 import bucket, code  # noqa: F401 A fixture of the same.

DENIED = ("AccessDenied", 403)


def ahead(**time):
    return (datetime.now(timezone.utc) + timedelta(**time)).replace(microsecond=0)


@pytest.fixture
def locking(s3, unique):
    s3.create_bucket(Bucket=unique, ObjectLockEnabledForBucket=True)
    return unique


def put(s3, bucket, key="k", **more):
    return s3.put_object(Bucket=bucket, Key=key, Body=b"x", **more)["VersionId"]


def test_buckets_lock_from_the_start_or_once_they_have_versions(s3, locking, unique):
    enabled = {"ObjectLockEnabled": "Enabled"}
    assert s3.get_object_lock_configuration(Bucket=locking)["ObjectLockConfiguration"] == enabled
    assert s3.get_bucket_versioning(Bucket=locking)["Status"] == "Enabled"
    suspended = {"Status": "Suspended"}
    assert code(s3.put_bucket_versioning, Bucket=locking, VersioningConfiguration=suspended) == ("InvalidBucketState", 409)
    later = f"{unique}-later"
    s3.create_bucket(Bucket=later)
    assert code(s3.get_object_lock_configuration, Bucket=later) == ("ObjectLockConfigurationNotFoundError", 404)
    assert code(s3.put_object_lock_configuration, Bucket=later, ObjectLockConfiguration=enabled) == ("InvalidBucketState", 409)
    until = ahead(days=1)
    assert code(s3.put_object, Bucket=later, Key="k", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until) == ("InvalidRequest", 400)
    assert code(s3.get_object_retention, Bucket=later, Key="k") == ("InvalidRequest", 400)
    assert code(s3.put_object_legal_hold, Bucket=later, Key="k", LegalHold={"Status": "ON"}) == ("InvalidRequest", 400)
    s3.put_bucket_versioning(Bucket=later, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=later, ObjectLockConfiguration=enabled)
    assert s3.get_object_lock_configuration(Bucket=later)["ObjectLockConfiguration"] == enabled


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        ({"ObjectLockEnabled": "Disabled"}, "MalformedXML"),
        ({"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE"}}}, "MalformedXML"),
        ({"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "OTHER", "Days": 1}}}, "MalformedXML"),
        ({"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1, "Years": 1}}}, "MalformedXML"),
        ({"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 0}}}, "InvalidRetentionPeriod"),
        ({"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Years": 101}}}, "InvalidRetentionPeriod"),
    ],
)
def test_configurations_that_say_nothing_sensible(s3, locking, configuration, told):
    assert code(s3.put_object_lock_configuration, Bucket=locking, ObjectLockConfiguration=configuration) == (told, 400)


def test_a_configuration_is_sent(s3, locking):
    assert code(s3.put_object_lock_configuration, Bucket=locking) == ("MissingRequestBodyError", 400)


def test_new_versions_are_retained_as_the_bucket_says(s3, locking):
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket=locking, ObjectLockConfiguration=configuration)
    assert s3.get_object_lock_configuration(Bucket=locking)["ObjectLockConfiguration"] == configuration
    version = put(s3, locking)
    head = s3.head_object(Bucket=locking, Key="k")
    assert head["ObjectLockMode"] == "COMPLIANCE" and abs(head["ObjectLockRetainUntilDate"] - ahead(days=1)) < timedelta(minutes=5)
    upload = s3.create_multipart_upload(Bucket=locking, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=locking, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(Bucket=locking, Key="parts", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    s3.copy_object(Bucket=locking, Key="copy", CopySource=f"{locking}/k", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=ahead(days=2))
    modes = {key: s3.get_object_retention(Bucket=locking, Key=key)["Retention"]["Mode"] for key in ("parts", "copy")}
    assert modes == {"parts": "COMPLIANCE", "copy": "GOVERNANCE"}
    assert code(s3.delete_object, Bucket=locking, Key="k", VersionId=version, BypassGovernanceRetention=True) == DENIED
    # A marker takes nothing away, and is not locked itself.
    marker = s3.delete_object(Bucket=locking, Key="k")["VersionId"]
    s3.delete_object(Bucket=locking, Key="k", VersionId=marker)
    assert s3.get_object(Bucket=locking, Key="k")["Body"].read() == b"x"


def test_governance_is_bypassed_by_those_who_may(server, iam, s3, locking, unique):
    until = ahead(days=1)
    version = put(s3, locking, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    of = {"Bucket": locking, "Key": "k", "VersionId": version}
    assert s3.get_object_retention(**of)["Retention"] == {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    assert code(s3.delete_object, **of) == DENIED
    errors = s3.delete_objects(Bucket=locking, Delete={"Objects": [{"Key": "k", "VersionId": version}]})["Errors"]
    assert [error["Code"] for error in errors] == ["AccessDenied"]
    later, sooner = ({"Mode": "GOVERNANCE", "RetainUntilDate": until + timedelta(hours=hours)} for hours in (1, -1))
    s3.put_object_retention(**of, Retention=later)
    assert code(s3.put_object_retention, **of, Retention=sooner) == DENIED
    assert code(s3.put_object_retention, **of, Retention={}) == DENIED
    iam.create_user(UserName=unique)
    statement = {"Effect": "Allow", "Action": ["s3:DeleteObjectVersion", "s3:PutObjectRetention"], "Resource": "*"}
    document = lambda *more: json.dumps({"Version": "2012-10-17", "Statement": [statement, *more]})
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=document())
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    user = server.client_as("s3", key["AccessKeyId"], key["SecretAccessKey"])
    assert code(user.delete_object, **of, BypassGovernanceRetention=True) == DENIED
    s3.put_object_retention(**of, Retention=sooner, BypassGovernanceRetention=True)
    bypass = {"Effect": "Allow", "Action": "s3:BypassGovernanceRetention", "Resource": f"arn:aws:s3:::{locking}/*"}
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=document(bypass))
    user.delete_object(**of, BypassGovernanceRetention=True)
    assert code(s3.head_object, Bucket=locking, Key="k") == ("404", 404)


def test_where_nothing_is_locked_nothing_is_bypassed(s3, bucket):
    for key in "ab":
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.delete_object(Bucket=bucket, Key="a", BypassGovernanceRetention=True)
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}]}, BypassGovernanceRetention=True)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_nobody_shortens_what_has_to_be_complied_with(s3, locking):
    until = ahead(days=1)
    version = put(s3, locking)
    of = {"Bucket": locking, "Key": "k", "VersionId": version}
    assert code(s3.get_object_retention, **of) == ("NoSuchObjectLockConfiguration", 404)
    s3.put_object_retention(**of, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until})
    for weaker in [
        {"Mode": "GOVERNANCE", "RetainUntilDate": until},
        {"Mode": "COMPLIANCE", "RetainUntilDate": until - timedelta(hours=1)},
        {},
    ]:
        assert code(s3.put_object_retention, **of, Retention=weaker, BypassGovernanceRetention=True) == DENIED
    s3.put_object_retention(**of, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until + timedelta(hours=1)})
    assert code(s3.put_object_retention, **of, Retention={"Mode": "COMPLIANCE"}) == ("MalformedXML", 400)
    assert code(s3.put_object_retention, **of, Retention={"Mode": "SOME", "RetainUntilDate": until}) == ("MalformedXML", 400)
    assert code(s3.put_object_retention, **of, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": ahead(days=-1)}) == ("InvalidArgument", 400)


def test_versions_are_free_after_their_time(s3, locking):
    version = put(s3, locking, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=ahead(seconds=2))
    assert code(s3.delete_object, Bucket=locking, Key="k", VersionId=version) == DENIED

    def gone():
        deleted = s3.delete_objects(Bucket=locking, Delete={"Objects": [{"Key": "k", "VersionId": version}]})
        return "Deleted" in deleted

    wait_until(gone, what="the end of the retention")


def test_legal_holds_have_no_end_but_their_own(s3, locking):
    version = put(s3, locking, ObjectLockLegalHoldStatus="ON")
    of = {"Bucket": locking, "Key": "k", "VersionId": version}
    assert s3.head_object(**of)["ObjectLockLegalHoldStatus"] == "ON"
    assert code(s3.delete_object, **of, BypassGovernanceRetention=True) == DENIED
    assert code(s3.put_object_legal_hold, **of, LegalHold={"Status": "on"}) == ("MalformedXML", 400)
    s3.put_object_legal_hold(**of, LegalHold={"Status": "OFF"})
    assert s3.get_object_legal_hold(**of)["LegalHold"] == {"Status": "OFF"}
    s3.delete_object(**of)
    other = put(s3, locking)
    assert code(s3.get_object_legal_hold, Bucket=locking, Key="k", VersionId=other) == ("NoSuchObjectLockConfiguration", 404)


@pytest.mark.parametrize(
    "headers",
    [
        {"ObjectLockMode": "GOVERNANCE"},
        {"ObjectLockRetainUntilDate": ahead(days=1)},
        {"ObjectLockMode": "governance", "ObjectLockRetainUntilDate": ahead(days=1)},
        {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": ahead(days=-1)},
        {"ObjectLockLegalHoldStatus": "MAYBE"},
    ],
)
def test_headers_that_say_nothing_sensible(s3, locking, headers):
    assert code(s3.put_object, Bucket=locking, Key="k", Body=b"x", **headers) == ("InvalidArgument", 400)
    assert "Contents" not in s3.list_objects_v2(Bucket=locking)


def test_locks_survive_a_crash():
    own = Server()
    client = own.client("s3")
    client.create_bucket(Bucket="bucket", ObjectLockEnabledForBucket=True)
    version = put(client, "bucket", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=ahead(days=1))
    own.kill()
    own.start()
    client = own.client("s3")
    assert code(client.delete_object, Bucket="bucket", Key="k", VersionId=version) == DENIED
    assert own.stop()
