"""Buckets in a serverless.yml: made with all that they have, changed, and what they tell functions."""

import json
import re

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, wait_until
from test_s3 import code
from test_s3_notifications import printed

CONFIG = """
service: {name}
provider: {{ name: aws, runtime: python3.12, s3: {{ archive: {{ name: {name}-archive, versioningConfiguration: {{ Status: Enabled }} }} }} }}
functions:
  hears:
    handler: handler.main
    events:
      - s3: {name}-uploads
      - s3: {{ bucket: archive, event: s3:ObjectRemoved:*, rules: [{{ prefix: raw/ }}, {{ suffix: .png }}] }}
      - s3: {{ bucket: {name}-elsewhere, existing: true, rules: [{{ prefix: {prefix} }}] }}
  sees:
    handler: handler.main
    events:
      - s3: {{ bucket: {name}-uploads, event: s3:ObjectRemoved:*, rules: [{{ suffix: .json }}] }}
resources:
  Resources: {resources}
  Outputs:
    Named: {{ Value: !Ref Named }}
    Arn: {{ Value: !GetAtt Named.Arn }}
    Domain: {{ Value: !GetAtt Named.RegionalDomainName }}
"""
HANDLER = """
def main(event, context):
    for record in event["Records"]:
        print(context.function_name, "heard of", record["eventName"], record["s3"]["object"]["key"])
"""
BEFORE = {
    "VersioningConfiguration": {"Status": "Enabled"},
    "BucketEncryption": {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
    "CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.com"], "ExposedHeaders": ["etag"], "MaxAge": 5}]},
    "LifecycleConfiguration": {"Rules": [{"Id": "old", "Status": "Enabled", "Prefix": "logs/", "ExpirationInDays": 30, "TagFilters": [{"Key": "a", "Value": "b"}]}, {"Id": "torn", "Status": "Enabled", "Prefix": "logs/", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}]},
    "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
    # Told to itself, which its policy does not let anybody do.
    "LoggingConfiguration": {"LogFilePrefix": "access/", "TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}},
    "PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False, "RestrictPublicBuckets": False},
    "Tags": [{"Key": "team", "Value": "pictures"}],
}


def resources(name, properties, policy=True, **more):
    named = {"Type": "AWS::S3::Bucket", "Properties": properties} | more
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": {"Fn::Sub": "${Named.Arn}/public/*"}}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    both = {"Named": named, "NamedPolicy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Named"}, "PolicyDocument": document}}}
    return json.dumps(both if policy else {"Named": named})


@pytest.fixture
def deploy(server, tmp_path, unique):
    (tmp_path / "handler.py").write_text(HANDLER)

    def deploy(properties, command="deploy", check=True, prefix="in/", **more):
        (tmp_path / "serverless.yml").write_text(CONFIG.format(name=unique, prefix=prefix, resources=resources(unique, properties, **more)))
        return server.run(command, tmp_path, check=check)

    return deploy


def outputs(done):
    return {name: re.search(rf"^  {name}: (\S+)$", done.stdout, re.M).group(1) for name in ("Named", "Arn", "Domain")}


def empty(s3, bucket):
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for entry in page.get("Versions", []) + page.get("DeleteMarkers", []):
            s3.delete_object(Bucket=bucket, Key=entry["Key"], VersionId=entry["VersionId"])


@pytest.mark.timeout(300)
def test_buckets_are_made_changed_and_removed(s3, lambda_, logs, deploy, unique):
    elsewhere = f"{unique}-elsewhere"
    s3.create_bucket(Bucket=elsewhere)
    made = outputs(deploy(BEFORE))
    bucket = made["Named"]
    assert re.fullmatch(rf"{unique}-dev-named-[a-z0-9]{{12}}", bucket)
    assert made["Arn"] == f"arn:aws:s3:::{bucket}" and re.fullmatch(rf"{bucket}\.s3\.localhost:\d+", made["Domain"])
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    [rule] = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
    assert (rule["AllowedOrigins"], rule["ExposeHeaders"], rule["MaxAgeSeconds"]) == (["https://example.com"], ["etag"], 5)
    rule, torn = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert torn["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert (rule["ID"], rule["Expiration"], rule["Filter"]) == ("old", {"Days": 30}, {"And": {"Prefix": "logs/", "Tags": [{"Key": "a", "Value": "b"}]}})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == BEFORE["Tags"]
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == BEFORE["PublicAccessBlockConfiguration"]
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=bucket)
    log = {"TargetBucket": bucket, "TargetPrefix": "access/", "TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}}
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == log
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]

    # What functions hear of.
    hears, sees, archive = f"{unique}-dev-hears", f"{unique}-dev-sees", f"{unique}-archive"
    for key in ("a.txt", "b.json"):
        s3.put_object(Bucket=f"{unique}-uploads", Key=key, Body=b"x")
    for key in ("c.txt", "b.json"):
        s3.delete_object(Bucket=f"{unique}-uploads", Key=key)
    for key in ("raw/a.png", "raw/a.txt"):
        s3.put_object(Bucket=archive, Key=key, Body=b"x")
        s3.delete_object(Bucket=archive, Key=key)
    s3.put_object(Bucket=elsewhere, Key="in/c.txt", Body=b"x")
    s3.put_object(Bucket=elsewhere, Key="out/c.txt", Body=b"x")
    for function, line in [(hears, "ObjectCreated:Put a.txt"), (hears, "ObjectCreated:Put b.json"), (sees, "ObjectRemoved:Delete b.json"), (hears, "ObjectRemoved:DeleteMarkerCreated raw/a.png"), (hears, "ObjectCreated:Put in/c.txt")]:
        wait_until(lambda: printed(logs, function, f"{function} heard of {line}"), 60, line)
    assert not printed(logs, sees, "c.txt") and not printed(logs, hears, "raw/a.txt") and not printed(logs, hears, "out/c.txt")
    [statement] = [statement for statement in json.loads(lambda_.get_policy(FunctionName=sees)["Policy"])["Statement"]]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"} and statement["Condition"] == {"ArnLike": {"AWS:SourceArn": f"arn:aws:s3:::{unique}-uploads"}, "StringEquals": {"AWS:SourceAccount": ACCOUNT}}

    # What is not said any more is as in a new bucket.
    deploy({"Tags": [{"Key": "team", "Value": "films"}]}, policy=False, prefix="other/")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "team", "Value": "films"}]
    assert code(s3.get_bucket_cors, Bucket=bucket)[0] == "NoSuchCORSConfiguration"
    assert code(s3.get_bucket_lifecycle_configuration, Bucket=bucket)[0] == "NoSuchLifecycleConfiguration"
    assert code(s3.get_bucket_policy, Bucket=bucket)[0] == "NoSuchBucketPolicy"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket=bucket)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    [told] = s3.get_bucket_notification_configuration(Bucket=elsewhere)["LambdaFunctionConfigurations"]
    assert told["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": "other/"}]

    # A bucket that has objects stays, and so does the stack.
    failed = deploy({}, "remove", check=False, policy=False)
    assert failed.returncode != 0 and "BucketNotEmpty" in failed.stderr + failed.stdout
    empty(s3, f"{unique}-uploads")
    empty(s3, archive)
    deploy({}, "remove", policy=False)
    assert "LambdaFunctionConfigurations" not in s3.get_bucket_notification_configuration(Bucket=elsewhere)
    for gone in (bucket, archive, f"{unique}-uploads"):
        assert code(s3.head_bucket, Bucket=gone) == ("404", 404)


def test_names_that_are_taken_and_buckets_that_are_retained(s3, deploy, unique):
    s3.create_bucket(Bucket=f"{unique}-elsewhere")
    s3.create_bucket(Bucket=f"{unique}-taken")
    failed = deploy({"BucketName": f"{unique}-taken"}, check=False)
    assert failed.returncode != 0 and f"the bucket {unique}-taken already exists" in failed.stderr + failed.stdout
    s3.head_bucket(Bucket=f"{unique}-taken")
    assert code(s3.head_bucket, Bucket=f"{unique}-uploads") == ("404", 404)

    kept = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain", "policy": False}
    locks = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    deploy({"BucketName": f"{unique}-first", "ObjectLockEnabled": True, "ObjectLockConfiguration": locks}, **kept)
    assert s3.get_object_lock_configuration(Bucket=f"{unique}-first")["ObjectLockConfiguration"] == locks
    deploy({"BucketName": f"{unique}-second", "OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}, "AccessControl": "AuthenticatedRead", "PublicAccessBlockConfiguration": {"IgnorePublicAcls": True}}, **kept)
    grantees = [grant["Grantee"].get("URI", "").rsplit("/", 1)[-1] for grant in s3.get_bucket_acl(Bucket=f"{unique}-second")["Grants"]]
    assert "AuthenticatedUsers" in grantees
    deploy({}, "remove", **kept)
    for name in ("first", "second"):
        s3.delete_bucket(Bucket=f"{unique}-{name}")


def test_a_bucket_that_others_may_not_read_is_not_made_public(s3, deploy, unique):
    s3.create_bucket(Bucket=f"{unique}-elsewhere")
    failed = deploy({}, check=False)
    assert failed.returncode != 0 and "AccessDenied" in failed.stderr + failed.stdout
    with pytest.raises(ClientError):
        s3.head_bucket(Bucket=f"{unique}-uploads")


def test_a_bucket_is_in_the_region_of_its_project(server, s3, tmp_path, unique):
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": unique}}
    project = {"service": unique, "provider": {"name": "aws", "region": "eu-west-1"}, "resources": {"Resources": {"Named": bucket}}}
    (tmp_path / "serverless.yml").write_text(json.dumps(project))
    server.run("deploy", tmp_path)
    assert s3.get_bucket_location(Bucket=unique)["LocationConstraint"] == "eu-west-1"
    server.run("remove", tmp_path)
    assert code(s3.head_bucket, Bucket=unique) == ("404", 404)
