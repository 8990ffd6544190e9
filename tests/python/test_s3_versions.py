"""S3's versions of objects, and the markers that say one was deleted."""

import pytest
from botocore.exceptions import ClientError
from cloudlet import wait_until
from test_s3 import LARGE, bucket, code, fresh, has_file, prefixes  # noqa: F401 A fixture of the same.


@pytest.fixture
def versioned(s3, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def put(s3, bucket, body, key="k"):
    return s3.put_object(Bucket=bucket, Key=key, Body=body).get("VersionId")


def shown(s3, bucket, **options):
    """Versions and markers as `(key, id, is latest, is marker)`, in the order of the list."""
    page = s3.list_object_versions(Bucket=bucket, **options)
    of = lambda entries, marker: [(entry["Key"], entry["VersionId"], entry["IsLatest"], marker) for entry in entries]
    return of(page.get("Versions", []), False) + of(page.get("DeleteMarkers", []), True)


@pytest.mark.parametrize("size", [0, len(LARGE)], ids=["small", "large"])
def test_versions_stay_until_they_are_deleted(server, s3, versioned, size):
    grow = fresh(size)
    ids = [put(s3, versioned, number + grow) for number in (b"1", b"2", b"3")]
    assert len(set(ids)) == 3
    for version, number in zip(ids, (b"1", b"2", b"3")):
        got = s3.get_object(Bucket=versioned, Key="k", VersionId=version)
        assert got["Body"].read() == number + grow and got["VersionId"] == version
    gone = s3.delete_object(Bucket=versioned, Key="k")
    assert gone["DeleteMarker"] and gone["VersionId"] not in ids
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=versioned, Key="k")
    headers = error.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert error.value.response["Error"]["Code"] == "NoSuchKey" and (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", gone["VersionId"])
    for call, method in [(s3.get_object, "GET"), (s3.get_object_tagging, "GET"), (s3.put_object_tagging, "PUT"), (s3.delete_object_tagging, "DELETE"), (s3.put_object_acl, "PUT")]:
        more = {"put_object_tagging": {"Tagging": {"TagSet": []}}, "put_object_acl": {"ACL": "private"}}.get(call.__name__, {})
        # What objects alone have is not looked for below a marker.
        for which in [{"VersionId": gone["VersionId"]}] + ([{}] if call != s3.get_object else []):
            with pytest.raises(ClientError) as error:
                call(Bucket=versioned, Key="k", **which, **more)
            told = error.value.response["Error"]
            assert (told["Code"], told["Method"], told["ResourceType"]) == ("MethodNotAllowed", method, "DeleteMarker"), (method, which)
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned)
    assert shown(s3, versioned) == [("k", version, False, False) for version in reversed(ids)] + [("k", gone["VersionId"], True, True)]
    # Without the marker the last version is there again, and without that the one before.
    assert s3.delete_object(Bucket=versioned, Key="k", VersionId=gone["VersionId"])["DeleteMarker"]
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"3" + grow
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[2])
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"2" + grow
    s3.copy_object(Bucket=versioned, Key="k", CopySource={"Bucket": versioned, "Key": "k", "VersionId": ids[0]})
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"1" + grow
    assert code(s3.get_object, Bucket=versioned, Key="k", VersionId=ids[2]) == ("NoSuchVersion", 404)
    assert code(s3.get_object, Bucket=versioned, Key="k", VersionId="none") == ("InvalidArgument", 400)
    assert code(s3.delete_bucket, Bucket=versioned) == ("BucketNotEmpty", 409)
    everything = [{"Key": key, "VersionId": version} for key, version, _, _ in shown(s3, versioned)]
    assert len(s3.delete_objects(Bucket=versioned, Delete={"Objects": everything})["Deleted"]) == 3
    wait_until(lambda: not any(has_file(server, number + grow) for number in (b"1", b"2", b"3")), 10, "the end of all versions")
    s3.delete_bucket(Bucket=versioned)


def test_the_null_version(s3, bucket):
    assert put(s3, bucket, b"before") is None
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = put(s3, bucket, b"enabled")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"before"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    # A write that replaces the null version is told of no version.
    assert put(s3, bucket, b"suspended") is None
    assert shown(s3, bucket) == [("k", "null", True, False), ("k", version, False, False)]
    assert put(s3, bucket, b"again") is None
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read() == b"enabled"
    gone = s3.delete_object(Bucket=bucket, Key="k")
    assert gone["DeleteMarker"] and gone["VersionId"] == "null"
    assert shown(s3, bucket) == [("k", version, False, False), ("k", "null", True, True)]
    put(s3, bucket, b"back")
    assert shown(s3, bucket) == [("k", "null", True, False), ("k", version, False, False)]
    assert code(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={}) == ("IllegalVersioningConfigurationException", 400)


@pytest.mark.parametrize("size", [1, 2, 1_000])
def test_versions_are_listed_in_pages(s3, versioned, size):
    for body in (b"1", b"2", b"3"):
        for key in ("a", "b/1", "b/2", "c"):
            put(s3, versioned, body, key)
    s3.delete_object(Bucket=versioned, Key="b/1")
    s3.delete_object(Bucket=versioned, Key="d")
    whole = s3.list_object_versions(Bucket=versioned)
    of = lambda pages, name: [(entry["Key"], entry["VersionId"]) for page in pages for entry in page.get(name, [])]
    pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=versioned, PaginationConfig={"PageSize": size}))
    for name in ("Versions", "DeleteMarkers"):
        assert of(pages, name) == of([whole], name)
    assert (len(whole["Versions"]), len(whole["DeleteMarkers"])) == (12, 2)
    rolled = list(s3.get_paginator("list_object_versions").paginate(Bucket=versioned, Delimiter="/", PaginationConfig={"PageSize": size}))
    assert [prefix for page in rolled for prefix in prefixes(page)] == ["b/"]
    assert {key for key, _ in of(rolled, "Versions")} == {"a", "c"}
