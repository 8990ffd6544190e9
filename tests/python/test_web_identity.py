"""Providers of OpenID Connect in IAM, and sessions of roles for whom they vouch."""

import json

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT
from cryptography.hazmat.primitives.asymmetric import rsa
from oidc_provider import elsewhere, iam, provider, server  # noqa: F401 -- fixtures
from test_cognito import refused


@pytest.fixture
def anybody(server):
    """STS for who has no credentials."""
    return server.client("sts", signature_version=UNSIGNED)


def trusting(iam, name, principal, condition=None, action="sts:AssumeRoleWithWebIdentity"):
    statement = {"Effect": "Allow", "Principal": principal, "Action": action} | ({"Condition": condition} if condition else {})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}}))
    return role["Arn"]


def test_a_provider_is_made_changed_and_listed(iam, unique):
    url = f"https://{unique}.example.com/path"
    arn = iam.create_open_id_connect_provider(Url=url, ClientIDList=["one"], ThumbprintList=["a" * 40], Tags=[{"Key": "a", "Value": "b"}])["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{unique}.example.com/path"
    one = {"OpenIDConnectProviderArn": arn}
    iam.add_client_id_to_open_id_connect_provider(**one, ClientID="two")
    iam.add_client_id_to_open_id_connect_provider(**one, ClientID="two")
    iam.remove_client_id_from_open_id_connect_provider(**one, ClientID="one")
    iam.update_open_id_connect_provider_thumbprint(**one, ThumbprintList=["b" * 40])
    iam.tag_open_id_connect_provider(**one, Tags=[{"Key": "c", "Value": "d"}])
    iam.untag_open_id_connect_provider(**one, TagKeys=["a"])
    told = iam.get_open_id_connect_provider(**one)
    assert (told["Url"], told["ClientIDList"], told["ThumbprintList"], told["Tags"]) == (f"{unique}.example.com/path", ["two"], ["b" * 40], [{"Key": "c", "Value": "d"}])
    assert iam.list_open_id_connect_provider_tags(**one)["Tags"] == told["Tags"]
    assert {"Arn": arn} in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    refused(iam.create_open_id_connect_provider, "EntityAlreadyExists", Url=url)
    for wrong in ["ftp://x.example", "http://x.example", "https://", "https://x.example?a=b", "https://a@b.example"]:
        refused(iam.create_open_id_connect_provider, "InvalidInput", "ValidationError", Url=wrong)
    refused(iam.create_open_id_connect_provider, "ValidationError", Url="https://y.example", ThumbprintList=["short"])
    iam.delete_open_id_connect_provider(**one)
    refused(iam.get_open_id_connect_provider, "NoSuchEntity", **one)
    iam.delete_open_id_connect_provider(**one)


def test_who_a_provider_vouches_for_gets_a_role_that_trusts_it(server, iam, anybody, provider, unique):
    arn = iam.create_open_id_connect_provider(Url=provider.url, ClientIDList=[provider.client])["OpenIDConnectProviderArn"]
    name = provider.url.removeprefix("http://")
    here = {"IpAddress": {"aws:SourceIp": ["127.0.0.0/8", "::1/128"]}, "Bool": {"aws:SecureTransport": "false"}}
    condition = {"StringEquals": {f"{name}:aud": provider.client}, "StringLike": {f"{name}:sub": "Sub-*"}} | here
    role = trusting(iam, unique, {"Federated": arn}, condition)
    assume = lambda token=None, **more: anybody.assume_role_with_web_identity(**{"RoleArn": role, "RoleSessionName": "job", "WebIdentityToken": token or provider.sign()} | more)
    made = assume()
    assert (made["SubjectFromWebIdentityToken"], made["Audience"], made["Provider"]) == ("Sub-1", provider.client, arn)
    assert made["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{unique}/job"
    keys = made["Credentials"]
    session = lambda service, keys=keys: server.client_as(service, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    assert session("sts").get_caller_identity()["Arn"] == made["AssumedRoleUser"]["Arn"]
    session("sqs").list_queues()
    refused(session("s3").list_buckets, "AccessDenied")
    narrow = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "sqs:ListQueues", "Resource": "*"}})
    narrowed = assume(Policy=narrow, DurationSeconds=900)
    assert narrowed["PackedPolicySize"] > 0
    refused(session("sqs", narrowed["Credentials"]).list_queues, "AccessDenied", "AccessDeniedException")
    # What is not for this role, or not from this provider.
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    refused(assume, "AccessDenied", token=provider.sign(sub="Another"))
    for token in [provider.sign(aud="another"), provider.sign(aud=None, client_id=provider.client), provider.sign(iss="http://127.0.0.1:1/provider"), provider.sign(sub=""), "a.b.c"]:
        refused(assume, "InvalidIdentityToken", token=token)
    refused(assume, "ExpiredTokenException", token=provider.sign(exp=1))
    for header in [{"alg": "none"}, {"alg": "HS256"}, {"kid": "two"}]:
        provider.header = header
        refused(assume, "InvalidIdentityToken")
    provider.header, provider.key_used = {}, stranger
    refused(assume, "InvalidIdentityToken")
    provider.key_used = provider.key
    other = trusting(iam, f"{unique}-b", {"AWS": "*"}, action=["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"])
    refused(assume, "AccessDenied", RoleArn=other)
    refused(assume, "AccessDenied", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/nobodys")
    refused(assume, "ValidationError", DurationSeconds=100_000)
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert "No OpenIDConnect provider" in refused(assume, "InvalidIdentityToken")
    with pytest.raises(ClientError):
        anybody.assume_role(RoleArn=role, RoleSessionName="job")
