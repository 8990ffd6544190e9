"""S3's buckets: how they come and go, what they may be named, and where they are."""

from urllib.parse import urlsplit

import pytest
from cloudlet import ACCOUNT, REGION
from test_s3 import at, code, fetch, local_names  # noqa: F401 A fixture of the same.


def test_buckets_come_and_go(s3, unique):
    made = s3.create_bucket(Bucket=unique)
    assert made["Location"] == f"/{unique}"
    head = s3.head_bucket(Bucket=unique)
    assert head["BucketRegion"] == REGION and head["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/xml"
    listed = s3.list_buckets(Prefix=unique)
    assert [bucket["Name"] for bucket in listed["Buckets"]] == [unique] and len(listed["Owner"]["ID"]) == 64
    assert s3.get_bucket_location(Bucket=unique)["LocationConstraint"] is None
    # In the oldest region, that is no error.
    assert s3.create_bucket(Bucket=unique)["Location"] == f"/{unique}"
    s3.put_object(Bucket=unique, Key="k")
    assert code(s3.delete_bucket, Bucket=unique) == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=unique, Key="k")
    s3.delete_bucket(Bucket=unique)
    assert code(s3.head_bucket, Bucket=unique) == ("404", 404)
    assert code(s3.delete_bucket, Bucket=unique) == ("NoSuchBucket", 404)
    # Made again, it is empty and another.
    s3.create_bucket(Bucket=unique, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert s3.get_bucket_location(Bucket=unique)["LocationConstraint"] == "eu-west-1"
    assert code(s3.create_bucket, Bucket=unique) == ("BucketAlreadyOwnedByYou", 409)
    assert "Contents" not in s3.list_objects_v2(Bucket=unique)


def test_buckets_are_listed_in_pages(s3, unique):
    names = [f"{unique}-{number}" for number in range(3)]
    for name in names:
        s3.create_bucket(Bucket=name)
    pages = s3.get_paginator("list_buckets").paginate(Prefix=f"{unique}-", PaginationConfig={"PageSize": 2})
    assert [[bucket["Name"] for bucket in page["Buckets"]] for page in pages] == [names[:2], names[2:]]
    assert code(s3.list_buckets, MaxBuckets=20_000) == ("InvalidArgument", 400)


@pytest.mark.parametrize("name", ["dots.in.name", "s3.first", "with.s3.inside"])
def test_hosts_may_have_dots_in_the_name_of_the_bucket(server, name):
    s3 = at(server, "s3.localhost", s3={"addressing_style": "virtual"}, signature_version="s3v4")
    s3.create_bucket(Bucket=name)
    assert s3.put_object(Bucket=name, Key="a/b c", Body=b"x")["ETag"] and server.client("s3").head_bucket(Bucket=name)
    for method, operation in [("GET", "get_object"), ("PUT", "put_object"), ("HEAD", "head_object"), ("DELETE", "delete_object")]:
        url = s3.generate_presigned_url(operation, Params={"Bucket": name, "Key": "a/b c"})
        assert urlsplit(url).hostname == f"{name}.s3.localhost"
        assert fetch(url, method, b"y" if method == "PUT" else None)[0] in (200, 204), method


def test_names_of_buckets_are_names_of_hosts(server, s3):
    for name in ["Upper-case", "under_score", "ends-", "192.168.5.4", "two..dots"]:
        assert code(s3.create_bucket, Bucket=name) == ("InvalidBucketName", 400), name


def test_names_of_an_accounts_own_namespace_say_so(s3, unique):
    own = f"{unique}-{ACCOUNT}-{REGION}-an"
    s3.create_bucket(Bucket=own, BucketNamespace="account-regional")
    assert code(s3.create_bucket, Bucket=unique, BucketNamespace="account-regional") == ("InvalidNamespaceHeader", 400)
    assert code(s3.create_bucket, Bucket=f"{unique}-an") == ("InvalidBucketName", 400)


def test_buckets_of_other_regions_say_so(server, s3, unique):
    at_region = lambda region: {"CreateBucketConfiguration": {"LocationConstraint": region}}
    # Anywhere from the first region, of which nothing is said.
    for region in ("nowhere", "us-east-1"):
        assert code(s3.create_bucket, Bucket=unique, **at_region(region)) == ("InvalidLocationConstraint", 400), region
    west = server.client("s3", region="us-west-2")
    for constraint in ({}, at_region(""), at_region("us-east-1"), at_region("eu-central-1")):
        assert code(west.create_bucket, Bucket=unique, **constraint) == ("IllegalLocationConstraintException", 400), constraint
    west.create_bucket(Bucket=unique, **at_region("us-west-2"))
    assert s3.head_bucket(Bucket=unique)["BucketRegion"] == "us-west-2"
