"""What buckets say beside their objects: policies, public access, pages of other origins, tags and what is kept for the asking."""

import json
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, Server
from test_s3 import bucket, code, fetch, send, signed  # noqa: F401 A fixture of the same.


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal, action, resource, **more):
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource, **more}


def test_policies_of_buckets_let_in_and_keep_out(server, iam, s3, bucket, unique):
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    user = server.client_as("s3", key["AccessKeyId"], key["SecretAccessKey"])
    s3.put_object(Bucket=bucket, Key="a/k", Body=b"x")
    assert code(s3.get_bucket_policy, Bucket=bucket) == ("NoSuchBucketPolicy", 404)
    assert code(user.get_object, Bucket=bucket, Key="a/k") == ("AccessDenied", 403)
    arn, who = f"arn:aws:s3:::{bucket}", {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{unique}"}
    text = policy(allow(who, "s3:*", [arn, f"{arn}/*"]), {**allow("*", "s3:DeleteObject", f"{arn}/*"), "Effect": "Deny"})
    s3.put_bucket_policy(Bucket=bucket, Policy=text)
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == json.loads(text)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False
    assert user.get_object(Bucket=bucket, Key="a/k")["Body"].read() == b"x"
    user.put_object(Bucket=bucket, Key="a/new", Body=b"y")
    assert len(user.list_objects_v2(Bucket=bucket)["Contents"]) == 2
    assert code(user.get_object, Bucket=bucket, Key="none") == ("NoSuchKey", 404)
    assert code(user.delete_object, Bucket=bucket, Key="a/k") == ("AccessDenied", 403)
    errors = user.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a/k"}]})["Errors"]
    assert [error["Code"] for error in errors] == ["AccessDenied"]
    s3.delete_bucket_policy(Bucket=bucket)
    assert code(user.get_object, Bucket=bucket, Key="a/k") == ("AccessDenied", 403)
    for bad in ["{", policy(allow("*", "s3:GetObject", "arn:aws:s3:::other/*")), policy({"Effect": "Allow", "Action": "s3:*", "Resource": arn})]:
        assert code(s3.put_bucket_policy, Bucket=bucket, Policy=bad) == ("MalformedPolicy", 400)


def test_a_bucket_is_public_only_where_nothing_blocks_it(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="public/k", Body=b"for everybody")
    s3.put_object(Bucket=bucket, Key="private/k", Body=b"secret")
    everybody = policy(allow("*", "s3:GetObject", f"arn:aws:s3:::{bucket}/public/*"))
    blocked = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == blocked
    assert code(s3.put_bucket_policy, Bucket=bucket, Policy=everybody) == ("AccessDenied", 403)
    s3.delete_public_access_block(Bucket=bucket)
    assert code(s3.get_public_access_block, Bucket=bucket) == ("NoSuchPublicAccessBlockConfiguration", 404)
    s3.put_bucket_policy(Bucket=bucket, Policy=everybody)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    url = f"{server.endpoint}/{bucket}"
    assert fetch(f"{url}/public/k")[:2] == (200, b"for everybody")
    assert fetch(f"{url}/private/k")[0] == 403 and fetch(url)[0] == 403 and fetch(f"{url}/public/none")[0] == 403
    assert fetch(f"{url}/public/k", "PUT", b"x")[0] == 403
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert fetch(f"{url}/public/k")[0] == 403
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False


def test_pages_of_other_origins_may_what_the_bucket_says(server, s3, bucket):
    page, url = "https://shop.example", s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    asks = {"Origin": page, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type, x-amz-meta-a"}
    assert code(s3.get_bucket_cors, Bucket=bucket) == ("NoSuchCORSConfiguration", 404)
    assert fetch(url, "OPTIONS", headers=asks)[0] == 403 and fetch(url, "PUT", b"x", {"Origin": page, "Content-Type": ""})[0] == 403
    rules = [{"AllowedOrigins": ["https://*.example"], "AllowedMethods": ["PUT", "GET"], "AllowedHeaders": ["content-*", "x-amz-meta-*"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60}]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules
    status, _, headers = fetch(url, "OPTIONS", headers=asks)
    assert status == 200 and headers["Access-Control-Allow-Origin"] == page and headers["Access-Control-Max-Age"] == "60"
    assert headers["Access-Control-Allow-Methods"] == "PUT, GET" and "x-amz-meta-a" in headers["Access-Control-Allow-Headers"]
    status, _, headers = fetch(url, "PUT", b"x", {"Origin": page, "Content-Type": ""})
    assert (status, headers["Access-Control-Allow-Origin"], headers["Access-Control-Expose-Headers"]) == (200, page, "ETag")
    for other in [{"Origin": "https://evil.test"}, {"Access-Control-Request-Method": "DELETE"}, {"Access-Control-Request-Headers": "x-other"}]:
        assert fetch(url, "OPTIONS", headers=asks | other)[0] == 403
    # A page of this machine needs no rule, as before.
    assert fetch(url, "OPTIONS", headers=asks | {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "DELETE"})[0] == 204
    s3.delete_bucket_cors(Bucket=bucket)
    assert fetch(url, "OPTIONS", headers=asks)[0] == 403
    bad = [{"AllowedOrigins": ["*"], "AllowedMethods": ["PATCH"]}]
    assert code(s3.put_bucket_cors, Bucket=bucket, CORSConfiguration={"CORSRules": bad}) == ("InvalidRequest", 400)
    assert code(s3.put_bucket_cors, Bucket=bucket, CORSConfiguration={"CORSRules": []}) == ("MalformedXML", 400)


def test_tags_of_buckets(s3, bucket):
    assert code(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)
    tags = [{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}]
    assert s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": []})
    assert code(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert code(s3.put_bucket_tagging, Bucket=bucket, Tagging={"TagSet": tags + tags}) == ("InvalidTag", 400)
    for key, value in [("aws:a", "1"), ("a,b", "1"), ("a", "1,2")]:
        assert code(s3.put_bucket_tagging, Bucket=bucket, Tagging={"TagSet": [{"Key": key, "Value": value}]}) == ("InvalidTag", 400)
    s3.delete_bucket_tagging(Bucket=bucket)
    assert code(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)


def test_tags_of_objects_and_their_versions(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Tagging="a=1")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k")["VersionId"]
    of = lambda **options: {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=bucket, Key="k", **options)["TagSet"]}
    assert (of(), of(VersionId=first)) == ({}, {"a": "1"})
    assert s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "b", "Value": "ä"}]})["VersionId"] == second
    s3.put_object_tagging(Bucket=bucket, Key="k", VersionId=first, Tagging={"TagSet": [{"Key": "c", "Value": ""}]})
    assert (of(), of(VersionId=first)) == ({"b": "ä"}, {"c": ""})
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert (of(), of(VersionId=first)) == ({}, {"c": ""})
    assert code(s3.get_object_tagging, Bucket=bucket, Key="none") == ("NoSuchKey", 404)
    many = [{"Key": str(number), "Value": ""} for number in range(11)]
    assert code(s3.put_object_tagging, Bucket=bucket, Key="k", Tagging={"TagSet": many}) == ("BadRequest", 400)
    with pytest.raises(ClientError) as refused:
        s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "aws:a", "Value": "1"}]})
    error = refused.value.response["Error"]
    assert (error["Code"], error["Message"], error["TagKey"]) == ("InvalidTag", "Your TagKey cannot be prefixed with aws:", "aws:a")
    assert code(s3.put_object, Bucket=bucket, Key="k", Tagging="aws:a=1") == ("InvalidTag", 400)
    assert code(s3.put_object, Bucket=bucket, Key="k", Tagging="a=1,b=2") == ("InvalidArgument", 400)


def test_a_bucket_has_no_access_control_lists(s3, bucket):
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    s3.put_object(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")
    assert code(s3.put_object, Bucket=bucket, Key="k", ACL="public-read") == ("AccessControlListNotSupported", 400)
    acl = s3.get_bucket_acl(Bucket=bucket)
    assert acl["Owner"]["ID"] == s3.list_buckets()["Owner"]["ID"]
    assert [(grant["Grantee"]["Type"], grant["Grantee"]["ID"], grant["Permission"]) for grant in acl["Grants"]] == [("CanonicalUser", acl["Owner"]["ID"], "FULL_CONTROL")]
    own = {name: acl[name] for name in ("Owner", "Grants")}
    assert s3.get_object_acl(Bucket=bucket, Key="k")["Grants"] == acl["Grants"]
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=own)
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="private")
    assert code(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == ("AccessControlListNotSupported", 400)
    other = {"Owner": acl["Owner"], "Grants": [{"Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}, "Permission": "READ"}]}
    assert code(s3.put_object_acl, Bucket=bucket, Key="k", AccessControlPolicy=other) == ("AccessControlListNotSupported", 400)
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    assert code(s3.put_bucket_ownership_controls, Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "Somebody"}]}) == ("MalformedXML", 400)
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    assert code(s3.get_bucket_ownership_controls, Bucket=bucket) == ("OwnershipControlsNotFoundError", 404)


def test_encryption_is_kept_and_shown(s3, bucket):
    rules = lambda: s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules()[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    wanted = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [wanted]})
    assert rules() == [wanted]
    s3.delete_bucket_encryption(Bucket=bucket)
    assert rules()[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    bad = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "rot13"}}
    assert code(s3.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [bad]}) == ("MalformedXML", 400)


@pytest.mark.parametrize("document, status", [("<a/>", 204), ("<Tagging>", 400), ("text", 400), ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", 400)])
def test_documents_are_documents(server, bucket, document, status):
    path = f"/{bucket}?tagging"
    headers = signed(server, path, {"Content-Length": str(len(document))}, "UNSIGNED-PAYLOAD")
    answer = send(server, path, headers, document.encode())
    assert answer.startswith(f"HTTP/1.1 {status}") and ("MalformedXML" in answer) == (status == 400), answer


def test_a_bucket_may_be_made_with_its_tags(server, iam, s3, unique):
    tags = [{"Key": "team", "Value": "one"}, {"Key": "cost", "Value": "2"}]
    s3.create_bucket(Bucket=f"{unique}-tagged", CreateBucketConfiguration={"Tags": tags})
    assert s3.get_bucket_tagging(Bucket=f"{unique}-tagged")["TagSet"] == tags
    twice = {"Bucket": f"{unique}-other", "CreateBucketConfiguration": {"Tags": tags + tags}}
    assert code(s3.create_bucket, **twice) == ("InvalidTag", 400)
    reserved = {"Bucket": f"{unique}-other", "CreateBucketConfiguration": {"Tags": [{"Key": "aws:a", "Value": "1"}]}}
    assert code(s3.create_bucket, **reserved) == ("InvalidTag", 400)
    iam.create_user(UserName=unique)
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "*"}]}))
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    user = server.client_as("s3", key["AccessKeyId"], key["SecretAccessKey"])
    assert code(user.create_bucket, Bucket=f"{unique}-other", CreateBucketConfiguration={"Tags": tags}) == ("AccessDenied", 403)
    user.create_bucket(Bucket=f"{unique}-other")


def test_buckets_may_be_made_as_of_old():
    """Where the operator says so: with lists of access, and nothing that blocks them, unless a request says otherwise."""
    server = Server(options=["--legacy-buckets"])
    try:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="lists", ACL="public-read")
        assert code(s3.get_public_access_block, Bucket="lists") == ("NoSuchPublicAccessBlockConfiguration", 404)
        assert code(s3.get_bucket_ownership_controls, Bucket="lists") == ("OwnershipControlsNotFoundError", 404)
        s3.put_object(Bucket="lists", Key="k", Body=b"for everybody", ACL="public-read")
        assert urllib.request.urlopen(f"{server.endpoint}/lists/k").read() == b"for everybody"
        s3.put_object(Bucket="lists", Key="own", Body=b"x")
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{server.endpoint}/lists/own")
        s3.create_bucket(Bucket="closed", ObjectOwnership="BucketOwnerEnforced")
        assert code(s3.put_bucket_acl, Bucket="closed", ACL="public-read") == ("AccessControlListNotSupported", 400)
        server.stop()
        server.options = []
        server.start()
        s3 = server.client("s3")
        assert urllib.request.urlopen(f"{server.endpoint}/lists/k").read() == b"for everybody", "what is there stays as it is"
        assert code(s3.create_bucket, Bucket="new", ACL="public-read")[1] == 400
    finally:
        assert server.stop(), server.logged()


def test_who_asks_for_a_page_says_for_which(server, bucket):
    """What `OPTIONS` has to bring, as on AWS; pages of this machine need no rule."""
    url = f"{server.endpoint}/{bucket}/k"
    status, body, _ = fetch(url, "OPTIONS")
    assert status == 400 and b"<Code>BadRequest</Code>" in body and b"Origin request header needed" in body
    status, body, _ = fetch(url, "OPTIONS", headers={"Origin": "http://localhost:3000"})
    assert status == 400 and b"Invalid Access-Control-Request-Method" in body
