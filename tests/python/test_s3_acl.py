"""Access control lists, of buckets whose object ownership allows them."""

import json

import pytest
from test_s3 import code, fetch

EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"


@pytest.fixture
def listed(s3, unique):
    """A bucket that has lists, and whose public access nothing blocks."""
    s3.create_bucket(Bucket=unique, ObjectOwnership="ObjectWriter")
    s3.delete_public_access_block(Bucket=unique)
    return unique


@pytest.fixture
def stranger(server, iam, unique):
    """A user whom no policy allows anything."""
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    return server.client_as("s3", key["AccessKeyId"], key["SecretAccessKey"])


def grants(answer):
    return {(grant["Grantee"].get("URI", "owner"), grant["Permission"]) for grant in answer["Grants"]}


def test_lists_open_objects_to_everybody(server, s3, listed, stranger):
    url = f"{server.endpoint}/{listed}"
    s3.put_object(Bucket=listed, Key="private", Body=b"x")
    s3.put_object(Bucket=listed, Key="public", Body=b"x", ACL="public-read")
    s3.put_object(Bucket=listed, Key="signed", Body=b"x", GrantRead=f'uri="{AUTHENTICATED}"')
    assert [fetch(f"{url}/{key}")[0] for key in ("private", "public", "signed")] == [403, 200, 403]
    assert fetch(url)[0] == 403 and fetch(f"{url}/public", "PUT", b"y")[0] == 403
    assert stranger.get_object(Bucket=listed, Key="signed")["Body"].read() == b"x"
    assert code(stranger.get_object, Bucket=listed, Key="private") == ("AccessDenied", 403)
    assert grants(s3.get_object_acl(Bucket=listed, Key="public")) == {("owner", "FULL_CONTROL"), (EVERYBODY, "READ")}
    s3.put_object_acl(Bucket=listed, Key="public", ACL="private")
    assert fetch(f"{url}/public")[0] == 403
    # A copy has its own list, and versions have theirs.
    s3.put_bucket_versioning(Bucket=listed, VersioningConfiguration={"Status": "Enabled"})
    version = s3.copy_object(Bucket=listed, Key="signed", CopySource=f"{listed}/private")["VersionId"]
    assert code(stranger.get_object, Bucket=listed, Key="signed") == ("AccessDenied", 403)
    s3.put_object_acl(Bucket=listed, Key="signed", VersionId=version, ACL="authenticated-read")
    assert stranger.get_object(Bucket=listed, Key="signed", VersionId=version)["Body"].read() == b"x"


def test_lists_open_buckets_to_everybody(server, s3, listed, stranger):
    url = f"{server.endpoint}/{listed}"
    s3.put_bucket_acl(Bucket=listed, ACL="public-read-write")
    assert fetch(url)[0] == 200 and fetch(f"{url}/k", "PUT", b"y")[0] == 200 and fetch(f"{url}/k")[0] == 403
    assert s3.get_object(Bucket=listed, Key="k")["Body"].read() == b"y"
    # What is not there has no list of its own: whoever may list the bucket is told.
    assert fetch(f"{url}/none")[0] == 404 and code(stranger.get_object, Bucket=listed, Key="none") == ("NoSuchKey", 404)
    status, body, _ = fetch(f"{url}-nowhere/none")
    assert status == 404 and b"<Code>NoSuchBucket</Code>" in body and fetch(f"{url}-nowhere")[0] == 404
    assert fetch(f"{url}-nowhere", "PUT")[0] == 403
    assert grants(s3.get_bucket_acl(Bucket=listed)) == {("owner", "FULL_CONTROL"), (EVERYBODY, "READ"), (EVERYBODY, "WRITE")}
    assert code(stranger.put_bucket_acl, Bucket=listed, ACL="private") == ("AccessDenied", 403)
    s3.put_public_access_block(Bucket=listed, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    assert fetch(url)[0] == 403
    s3.put_public_access_block(Bucket=listed, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert fetch(url)[0] == 200
    assert code(s3.put_bucket_acl, Bucket=listed, ACL="public-read") == ("AccessDenied", 403)
    assert code(s3.put_object, Bucket=listed, Key="k", ACL="public-read") == ("AccessDenied", 403)
    assert code(s3.put_bucket_ownership_controls, Bucket=listed, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}) == ("InvalidBucketAclWithObjectOwnership", 400)
    s3.put_bucket_acl(Bucket=listed, ACL="private")
    s3.put_bucket_ownership_controls(Bucket=listed, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    assert code(s3.put_bucket_acl, Bucket=listed, ACL="authenticated-read") == ("AccessControlListNotSupported", 400)


def test_policies_may_deny_what_lists_allow(server, s3, listed):
    s3.put_object(Bucket=listed, Key="k", Body=b"x", ACL="public-read")
    deny = f'{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::{listed}/*"}}]}}'
    s3.put_bucket_policy(Bucket=listed, Policy=deny)
    s3.put_bucket_acl(Bucket=listed, ACL="public-read")
    assert [fetch(f"{server.endpoint}/{listed}/{key}")[0] for key in ("k", "none")] == [403, 403]
    # Whom the policy keeps from listing learns of no key.
    s3.put_bucket_policy(Bucket=listed, Policy=deny.replace("GetObject", "ListBucket").replace("/*", ""))
    assert [fetch(f"{server.endpoint}/{listed}/{key}")[0] for key in ("k", "none")] == [200, 403]
    s3.delete_bucket_policy(Bucket=listed)
    assert [fetch(f"{server.endpoint}/{listed}/{key}")[0] for key in ("k", "none")] == [200, 404]


def test_who_may_list_a_prefix_learns_what_is_not_there(iam, s3, listed, stranger, unique):
    reads = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{listed}/home/*"}
    lists = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{listed}", "Condition": {"StringLike": {"s3:prefix": "home/*"}}}
    told = lambda key: code(stranger.head_object, Bucket=listed, Key=key)
    for statements, status in [([reads], "403"), ([reads, lists], "404"), ([lists], "404")]:
        iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
        assert (told("home/none"), told("none")) == ((status, int(status)), ("403", 403)), statements


def test_lists_as_documents(s3, listed):
    own = s3.get_bucket_acl(Bucket=listed)
    group = {"Grantee": {"Type": "Group", "URI": AUTHENTICATED}, "Permission": "READ_ACP"}
    s3.put_bucket_acl(Bucket=listed, AccessControlPolicy={"Owner": own["Owner"], "Grants": [*own["Grants"], group]})
    assert s3.get_bucket_acl(Bucket=listed)["Grants"] == [*own["Grants"], group]
    s3.put_bucket_acl(Bucket=listed, AccessControlPolicy={"Owner": own["Owner"], "Grants": []})
    assert s3.get_bucket_acl(Bucket=listed).get("Grants", []) == []
    user = lambda **who: {"Owner": own["Owner"], "Grants": [{"Grantee": {"Type": "CanonicalUser", **who}, "Permission": "READ"}]}
    for wrong, told in [
        (user(ID="0" * 64), "InvalidArgument"),
        (user(EmailAddress="a@example.com"), "UnresolvableGrantByEmailAddress"),
        (user(URI="http://acs.amazonaws.com/groups/none"), "InvalidArgument"),
        ({"Owner": own["Owner"], "Grants": [group | {"Permission": "SOME"}]}, "MalformedACLError"),
        ({"Grants": [group]}, "MalformedACLError"),
    ]:
        assert code(s3.put_bucket_acl, Bucket=listed, AccessControlPolicy=wrong) == (told, 400)
    assert code(s3.put_bucket_acl, Bucket=listed, ACL="public") == ("InvalidArgument", 400)
    assert code(s3.put_bucket_acl, Bucket=listed) == ("MissingSecurityHeader", 400)
    assert code(s3.put_bucket_acl, Bucket=listed, ACL="private", GrantRead=f'uri="{EVERYBODY}"') == ("InvalidRequest", 400)


def test_new_buckets_with_lists(s3, unique):
    assert code(s3.create_bucket, Bucket=unique, ACL="public-read") == ("InvalidBucketAclWithObjectOwnership", 400)
    assert code(s3.create_bucket, Bucket=unique, ACL="public-read", ObjectOwnership="ObjectWriter") == ("InvalidBucketAclWithBlockPublicAccessError", 400)
    assert code(s3.create_bucket, Bucket=unique, ObjectOwnership="Somebody") == ("InvalidArgument", 400)
    s3.create_bucket(Bucket=unique, ACL="log-delivery-write", ObjectOwnership="BucketOwnerPreferred")
    assert len(s3.get_bucket_acl(Bucket=unique)["Grants"]) == 3
    assert s3.get_bucket_ownership_controls(Bucket=unique)["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerPreferred"}]
