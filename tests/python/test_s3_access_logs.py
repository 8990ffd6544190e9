"""Access logs of buckets: what becomes of requests, told to another bucket in AWS's form."""

import re
import urllib.error
import urllib.request
from datetime import datetime, timezone

import pytest
from cloudlet import ACCOUNT, REGION, Server, wait_until
from test_s3 import bucket, code  # noqa: F401 A fixture of the same.
from test_s3_settings import allow, policy

# A field: in brackets, in quotes, or up to the next space.
FIELD = re.compile(r'\[[^\]]*\]|"[^"]*"|\S+')
NAMES = (
    "owner bucket time peer requester id operation key line status error sent size took turn referer agent version host_id signature cipher kind host tls "
    "access_point acl"
).split()


def log_policy(bucket, source):
    """Lets logs of `source` into the bucket, as AWS's pages have it."""
    condition = {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
    return policy(allow({"Service": "logging.s3.amazonaws.com"}, "s3:PutObject", f"arn:aws:s3:::{bucket}/*") | {"Condition": condition})


def enable(s3, bucket, target, prefix="", **more):
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": prefix, **more}})


@pytest.fixture
def target(s3, bucket):
    name = f"{bucket}-logs"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=log_policy(name, bucket))
    return name


def objects(s3, target, prefix=""):
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=target, Prefix=prefix).get("Contents", [])]


def lines(s3, target, prefix=""):
    """All lines that came, each as its fields."""
    text = "".join(s3.get_object(Bucket=target, Key=key)["Body"].read().decode() for key in objects(s3, target, prefix))
    assert not text or text.endswith("\n")
    found = [FIELD.findall(line) for line in text.splitlines()]
    assert all(len(fields) == len(NAMES) for fields in found), found
    return [dict(zip(NAMES, fields)) for fields in found]


def told(s3, target, count, prefix=""):
    """The lines, once there are so many."""
    wait_until(lambda: len(lines(s3, target, prefix)) >= count, seconds=90)
    return lines(s3, target, prefix)


def test_logging_is_kept(server, s3, bucket, target, unique):
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    enable(s3, bucket, target, "log")
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == {"TargetBucket": target, "TargetPrefix": "log"}
    for format in [{"SimplePrefix": {}}, {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}]:
        enable(s3, bucket, target, TargetObjectKeyFormat=format)
        assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]["TargetObjectKeyFormat"] == format
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    nowhere = {"LoggingEnabled": {"TargetBucket": f"{unique}-none", "TargetPrefix": ""}}
    assert code(s3.put_bucket_logging, Bucket=bucket, BucketLoggingStatus=nowhere) == ("InvalidTargetBucketForLogging", 400)
    assert code(s3.put_bucket_logging, Bucket=f"{unique}-none", BucketLoggingStatus={}) == ("NoSuchBucket", 404)
    assert code(s3.get_bucket_logging, Bucket=f"{unique}-none") == ("NoSuchBucket", 404)
    s3.create_bucket(Bucket=f"{unique}-far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    far = {"LoggingEnabled": {"TargetBucket": f"{unique}-far", "TargetPrefix": ""}}
    assert code(s3.put_bucket_logging, Bucket=bucket, BucketLoggingStatus=far) == ("CrossLocationLoggingProhibitted", 403)
    two = {"SimplePrefix": {}, "PartitionedPrefix": {}}
    both = {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": "", "TargetObjectKeyFormat": two}}
    assert code(s3.put_bucket_logging, Bucket=bucket, BucketLoggingStatus=both) == ("MalformedXML", 400)


def test_grants_need_a_bucket_with_lists(s3, bucket, target):
    group = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"}
    log = {"TargetBucket": target, "TargetPrefix": "", "TargetGrants": [{"Grantee": group, "Permission": "READ"}]}
    assert code(s3.put_bucket_logging, Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": log}) == ("InvalidArgument", 400)
    s3.put_bucket_ownership_controls(Bucket=target, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": log})
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == log


def test_requests_are_told(server, s3, iam, bucket, target, unique):
    s3.put_object(Bucket=bucket, Key="before", Body=b"not told")
    enable(s3, bucket, target, "log/")
    version = s3.put_object(Bucket=bucket, Key="a b/ä", Body=b"12345")["ResponseMetadata"]["RequestId"]
    s3.get_object(Bucket=bucket, Key="a b/ä", Range="bytes=1-2")["Body"].read()
    s3.head_object(Bucket=bucket, Key="a b/ä")
    assert code(s3.get_object, Bucket=bucket, Key="none") == ("NoSuchKey", 404)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/before")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "copy"}]})
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "before"})
    urllib.request.urlopen(urllib.request.Request(url, headers={"Referer": "http://a/?\"b\"", "User-Agent": "some browser"})).read()
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{server.endpoint}/{bucket}/before")
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    user = server.client_as("s3", key["AccessKeyId"], key["SecretAccessKey"])
    assert code(user.list_objects_v2, Bucket=bucket) == ("AccessDenied", 403)
    s3.get_bucket_versioning(Bucket=bucket)

    found = told(s3, target, 11, "log/")
    assert [line["operation"] for line in found] == [
        "REST.PUT.OBJECT",
        "REST.GET.OBJECT",
        "REST.HEAD.OBJECT",
        "REST.GET.OBJECT",
        "REST.COPY.OBJECT",
        "REST.COPY.OBJECT_GET",
        "REST.POST.MULTI_OBJECT_DELETE",
        "REST.GET.OBJECT",
        "REST.GET.OBJECT",
        "REST.GET.BUCKET",
        "REST.GET.VERSIONING",
    ]
    put, ranged, head, missing, copy, source, delete, presigned, nobody, denied, _ = found
    owner = s3.list_buckets()["Owner"]["ID"]
    assert (put["owner"], put["bucket"], put["requester"], put["id"]) == (owner, bucket, owner, version)
    assert (put["key"], put["status"], put["error"], put["size"]) == ("a%20b/%C3%A4", "200", "-", "5")
    assert put["line"] == f'"PUT /{bucket}/a%20b/%C3%A4 HTTP/1.1"' and put["peer"] == "127.0.0.1"
    assert (put["signature"], put["kind"], put["host"]) == ("SigV4", "AuthHeader", server.endpoint.split("//")[1])
    assert "Boto3" in put["agent"]
    at = datetime.strptime(put["time"], "[%d/%b/%Y:%H:%M:%S %z]")
    assert abs((datetime.now(timezone.utc) - at).total_seconds()) < 300
    assert (ranged["status"], ranged["sent"], ranged["size"]) == ("206", "2", "5")
    assert (head["sent"], head["size"]) == ("-", "5")
    assert (missing["status"], missing["error"], missing["size"]) == ("404", "NoSuchKey", "-")
    assert (copy["key"], source["key"], source["id"]) == ("copy", "before", copy["id"])
    assert delete["key"] == "-"
    # What boto3 signs a URL with where nobody says.
    assert (presigned["signature"], presigned["kind"], presigned["agent"]) == ("SigV2", "QueryString", '"some browser"')
    assert presigned["referer"] == '"http://a/?%22b%22"' and "Signature=" in presigned["line"]
    assert (nobody["requester"], nobody["error"], nobody["signature"], nobody["kind"]) == ("-", "AccessDenied", "-", "-")
    assert (denied["requester"], denied["status"]) == (f"arn:aws:iam::{ACCOUNT}:user/{unique}", "403")
    [first, *_] = objects(s3, target, "log/")
    assert re.fullmatch(r"log/\d{4}(-\d\d){5}-[0-9A-F]{16}", first)


def test_keys_may_tell_where_lines_are_from(s3, bucket, target):
    enable(s3, bucket, target, "p/", TargetObjectKeyFormat={"PartitionedPrefix": {"PartitionDateSource": "EventTime"}})
    s3.list_objects_v2(Bucket=bucket)
    day = datetime.now(timezone.utc)
    told(s3, target, 1, "p/")
    days = [day, datetime.now(timezone.utc)]
    begins = [f"p/{ACCOUNT}/{REGION}/{bucket}/{day:%Y/%m/%d}/{day:%Y-%m-%d}-00-00-00-" for day in days]
    assert objects(s3, target, "p/")[0].startswith(tuple(begins))


def test_only_who_is_let_in_gets_a_log(s3, bucket, target, unique):
    """A policy that lets in another bucket's logs keeps these out, until it is changed; nothing else waits for them."""
    s3.put_bucket_policy(Bucket=target, Policy=log_policy(target, f"{unique}-other"))
    enable(s3, bucket, target, "kept-out/")
    s3.get_bucket_acl(Bucket=bucket)
    other = f"{unique}-open"
    s3.create_bucket(Bucket=other)
    s3.put_bucket_policy(Bucket=target, Policy=policy(allow({"Service": "logging.s3.amazonaws.com"}, "s3:PutObject", f"arn:aws:s3:::{target}/open/*")))
    enable(s3, other, target, "open/")
    s3.list_objects_v2(Bucket=other)
    assert [line["operation"] for line in told(s3, target, 1, "open/")] == ["REST.GET.BUCKET"]
    assert objects(s3, target, "kept-out/") == []


def test_the_group_that_delivers_logs_may_be_granted_it(s3, bucket, unique):
    target = f"{unique}-list"
    s3.create_bucket(Bucket=target, ObjectOwnership="ObjectWriter", ACL="log-delivery-write")
    group = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}
    enable(s3, bucket, target, TargetGrants=[{"Grantee": group, "Permission": "READ"}])
    s3.list_objects_v2(Bucket=bucket)
    told(s3, target, 1)
    granted = {(grant["Grantee"].get("URI"), grant["Permission"]) for grant in s3.get_object_acl(Bucket=target, Key=objects(s3, target)[0])["Grants"]}
    assert granted == {(group["URI"], "READ"), (None, "FULL_CONTROL")}


def test_websites_are_told_too(server, s3, bucket, target):
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"<p>")
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(allow("*", "s3:GetObject", f"arn:aws:s3:::{bucket}/*")))
    enable(s3, bucket, target)
    urllib.request.urlopen(f"{server.endpoint}/_aws/s3-website/{bucket}/").read()
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{server.endpoint}/_aws/s3-website/{bucket}/none")
    page, missing = told(s3, target, 2)[:2]
    assert (page["operation"], page["status"], page["sent"], page["size"]) == ("WEBSITE.GET.OBJECT", "200", "3", "3")
    assert (missing["key"], missing["status"], missing["requester"]) == ("none", "403", "-")
    assert missing["error"] == "AccessDenied"


def test_a_server_that_stops_delivers_what_it_has():
    server = Server()
    try:
        s3 = server.client("s3")
        for name in ["source", "logs"]:
            s3.create_bucket(Bucket=name)
        s3.put_bucket_policy(Bucket="logs", Policy=log_policy("logs", "source"))
        enable(s3, "source", "logs")
        s3.list_objects_v2(Bucket="source")
        assert server.stop(), server.logged()
        server.start()
        s3 = server.client("s3")
        assert [line["operation"] for line in lines(s3, "logs")] == ["REST.GET.BUCKET"]
    finally:
        assert server.stop(), server.logged()
