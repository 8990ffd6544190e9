"""IAM and STS through boto3: users, keys, roles, policies and sessions, and what they let callers do."""

import datetime
import json
import urllib.error
import urllib.parse
import urllib.request

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, Server

READ_ONLY = "arn:aws:iam::aws:policy/AWSLambda_ReadOnlyAccess"


def allow(action, resource="*", **more):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}]})


def trust(**principal):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]})


def refused(code, call, **parameters):
    """Calls, and returns the message of the error, which must have this code."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    return error["Message"]


@pytest.fixture
def user(iam, unique):
    iam.create_user(UserName=unique)
    return unique


@pytest.fixture
def role(iam, unique):
    iam.create_role(RoleName=unique, AssumeRolePolicyDocument=trust(AWS=f"arn:aws:iam::{ACCOUNT}:root"))
    return unique


@pytest.fixture
def policy(iam, unique):
    return iam.create_policy(PolicyName=f"{unique}-policy", PolicyDocument=allow("sqs:ListQueues"))["Policy"]["Arn"]


def key_of(server, iam, user):
    """A new access key, as what `client_as` takes."""
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def session(answer):
    credentials = answer["Credentials"]
    return credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]


def test_users(iam, unique):
    tags = [{"Key": "team", "Value": "a"}]
    made = iam.create_user(UserName=unique, Path="/staff/", Tags=tags)["User"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/staff/{unique}" and made["UserId"].startswith("AIDA")
    got = iam.get_user(UserName=unique)["User"]
    assert got["Tags"] == tags and got["CreateDate"] == made["CreateDate"]
    assert unique in [user["UserName"] for user in iam.list_users(PathPrefix="/staff/")["Users"]]
    assert f"User with name {unique} already exists." == refused("EntityAlreadyExists", iam.create_user, UserName=unique)
    refused("EntityAlreadyExists", iam.create_user, UserName=unique.upper())
    refused("ValidationError", iam.create_user, UserName="a b")
    iam.delete_user(UserName=unique)
    assert f"The user with name {unique} cannot be found." == refused("NoSuchEntity", iam.get_user, UserName=unique)


def test_lists_come_in_pages(iam, unique):
    path = f"/{unique}/"
    for number in range(5):
        iam.create_user(UserName=f"{unique}-{number}", Path=path)
        iam.create_role(RoleName=f"{unique}-{number}", Path=path, AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com"))
        iam.create_policy(PolicyName=f"{unique}-{number}", Path=path, PolicyDocument=allow("sqs:*"))
    names = [f"{unique}-{number}" for number in range(5)]
    for operation, members, name in [("list_users", "Users", "UserName"), ("list_roles", "Roles", "RoleName"), ("list_policies", "Policies", "PolicyName")]:
        pages = list(iam.get_paginator(operation).paginate(PathPrefix=path, PaginationConfig={"PageSize": 2}))
        assert [len(page[members]) for page in pages] == [2, 2, 1]
        assert [item[name] for page in pages for item in page[members]] == names
    refused("ValidationError", iam.list_users, MaxItems=0)


def test_access_keys_end_when_they_are_inactive_or_deleted(server, iam, user):
    key = key_of(server, iam, user)
    caller = server.client_as("sts", *key)
    assert caller.get_caller_identity()["Arn"].endswith(f":user/{user}")
    iam.update_access_key(UserName=user, AccessKeyId=key[0], Status="Inactive")
    assert [(k["AccessKeyId"], k["Status"]) for k in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]] == [(key[0], "Inactive")]
    refused("InvalidClientTokenId", caller.get_caller_identity)
    iam.update_access_key(UserName=user, AccessKeyId=key[0], Status="Active")
    caller.get_caller_identity()
    iam.delete_access_key(UserName=user, AccessKeyId=key[0])
    refused("InvalidClientTokenId", caller.get_caller_identity)
    refused("NoSuchEntity", iam.delete_access_key, UserName=user, AccessKeyId=key[0])
    for _ in range(2):
        iam.create_access_key(UserName=user)
    assert refused("LimitExceeded", iam.create_access_key, UserName=user) == "Cannot exceed quota for AccessKeysPerUser: 2"
    refused("ValidationError", iam.update_access_key, UserName=user, AccessKeyId=key[0], Status="Asleep")


def test_users_manage_their_own_keys(server, iam, user, unique):
    iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=allow("iam:*AccessKey*", f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"))
    own = server.client_as("iam", *key_of(server, iam, user))
    assert own.create_access_key()["AccessKey"]["UserName"] == user
    assert len(own.list_access_keys()["AccessKeyMetadata"]) == 2
    iam.create_user(UserName=f"{unique}-other")
    refused("AccessDenied", own.create_access_key, UserName=f"{unique}-other")


def test_inline_policies_of_users(server, iam, user):
    caller = server.client_as("sqs", *key_of(server, iam, user))
    assert "sqs:ListQueues" in refused("AccessDenied", caller.list_queues)
    document = allow("sqs:ListQueues")
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document)
    caller.list_queues()
    assert iam.get_user_policy(UserName=user, PolicyName="p")["PolicyDocument"] == json.loads(document)
    assert iam.list_user_policies(UserName=user)["PolicyNames"] == ["p"]
    refused("DeleteConflict", iam.delete_user, UserName=user)
    iam.delete_user_policy(UserName=user, PolicyName="p")
    refused("AccessDenied", caller.list_queues)
    refused("NoSuchEntity", iam.get_user_policy, UserName=user, PolicyName="p")
    for broken in ["{", "[]", "{}", allow("no-colon"), allow("sqs:*", "not-an-arn")]:
        refused("MalformedPolicyDocument", iam.put_user_policy, UserName=user, PolicyName="p", PolicyDocument=broken)
    # Without a version it is of 2008, as the policies are that SAM writes; only managed policies must be of 2012.
    unversioned = json.dumps({"Statement": json.loads(document)["Statement"]})
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=unversioned)
    caller.list_queues()
    assert "2012-10-17" in refused("MalformedPolicyDocument", iam.create_policy, PolicyName=user, PolicyDocument=unversioned)
    refused("LimitExceeded", iam.put_user_policy, UserName=user, PolicyName="p", PolicyDocument=allow(["sqs:ListQueues"] * 200))


def test_managed_policies_have_versions(server, iam, user, policy):
    caller = server.client_as("sqs", *key_of(server, iam, user))
    iam.attach_user_policy(UserName=user, PolicyArn=policy)
    caller.list_queues()
    narrowed = allow("sqs:GetQueueUrl")
    version = iam.create_policy_version(PolicyArn=policy, PolicyDocument=narrowed)["PolicyVersion"]
    assert (version["VersionId"], version["IsDefaultVersion"]) == ("v2", False)
    caller.list_queues()
    iam.set_default_policy_version(PolicyArn=policy, VersionId="v2")
    refused("AccessDenied", caller.list_queues)
    assert iam.get_policy_version(PolicyArn=policy, VersionId="v2")["PolicyVersion"]["Document"] == json.loads(narrowed)
    got = iam.get_policy(PolicyArn=policy)["Policy"]
    assert (got["DefaultVersionId"], got["AttachmentCount"]) == ("v2", 1)
    refused("DeleteConflict", iam.delete_policy_version, PolicyArn=policy, VersionId="v2")
    refused("DeleteConflict", iam.delete_policy, PolicyArn=policy)
    assert [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=policy)["Versions"]] in (["v1", "v2"], ["v2", "v1"])
    iam.delete_policy_version(PolicyArn=policy, VersionId="v1")
    refused("NoSuchEntity", iam.get_policy_version, PolicyArn=policy, VersionId="v1")
    iam.detach_user_policy(UserName=user, PolicyArn=policy)
    iam.delete_policy(PolicyArn=policy)
    refused("NoSuchEntity", iam.get_policy, PolicyArn=policy)
    refused("NoSuchEntity", iam.attach_user_policy, UserName=user, PolicyArn=policy)


def test_policies_have_five_versions_at_most(iam, policy):
    for _ in range(4):
        iam.create_policy_version(PolicyArn=policy, PolicyDocument=allow("sqs:*"), SetAsDefault=True)
    refused("LimitExceeded", iam.create_policy_version, PolicyArn=policy, PolicyDocument=allow("sqs:*"))
    assert iam.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"] == "v5"


def test_managed_policies_of_users_and_roles_are_listed(iam, user, role, policy):
    for kind, name in [("user", {"UserName": user}), ("role", {"RoleName": role})]:
        operation = lambda verb: getattr(iam, verb.format(kind))
        for arn in (policy, READ_ONLY):
            operation("attach_{}_policy")(PolicyArn=arn, **name)
        operation("attach_{}_policy")(PolicyArn=policy, **name)
        attached = operation("list_attached_{}_policies")(**name)["AttachedPolicies"]
        assert sorted(entry["PolicyArn"] for entry in attached) == sorted([policy, READ_ONLY])
        operation("detach_{}_policy")(PolicyArn=READ_ONLY, **name)
        refused("NoSuchEntity", operation("detach_{}_policy"), PolicyArn=READ_ONLY, **name)
        refused("ValidationError", operation("attach_{}_policy"), PolicyArn="not-an-arn-but-twenty-long", **name)
    assert policy in [entry["Arn"] for entry in iam.list_policies(Scope="Local", OnlyAttached=True)["Policies"]]
    assert READ_ONLY in [entry["Arn"] for entry in iam.list_policies(Scope="AWS")["Policies"]]
    assert iam.get_policy(PolicyArn=policy)["Policy"]["AttachmentCount"] == 2


def test_boundaries_limit_whatever_policies_allow(server, iam, user, role, policy):
    iam.put_user_policy(UserName=user, PolicyName="all", PolicyDocument=allow("*"))
    caller = server.client_as("sqs", *key_of(server, iam, user))
    iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=policy)
    assert iam.get_user(UserName=user)["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == policy
    caller.list_queues()
    assert "boundary" in refused("AccessDenied", caller.create_queue, QueueName="x")
    iam.delete_user_permissions_boundary(UserName=user)
    refused("AWS.SimpleQueueService.NonExistentQueue", caller.get_queue_url, QueueName="no-such-queue")
    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=policy)
    assert iam.get_role(RoleName=role)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == policy
    refused("DeleteConflict", iam.delete_policy, PolicyArn=policy)
    iam.delete_role_permissions_boundary(RoleName=role)
    refused("NoSuchEntity", iam.delete_role_permissions_boundary, RoleName=role)


def test_tags(server, iam, user, role):
    for kind, name in [("user", {"UserName": user}), ("role", {"RoleName": role})]:
        getattr(iam, f"tag_{kind}")(Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}], **name)
        getattr(iam, f"tag_{kind}")(Tags=[{"Key": "a", "Value": "3"}], **name)
        getattr(iam, f"untag_{kind}")(TagKeys=["b", "absent"], **name)
        assert getattr(iam, f"list_{kind}_tags")(**name)["Tags"] == [{"Key": "a", "Value": "3"}]
        # Case tells no keys apart.
        twice = [{"Key": "stage", "Value": "dev"}, {"Key": "STAGE", "Value": "dev"}]
        refused("InvalidInput", getattr(iam, f"tag_{kind}"), Tags=twice, **name)
        for tag in twice:
            getattr(iam, f"tag_{kind}")(Tags=[tag], **name)
        assert getattr(iam, f"list_{kind}_tags")(**name)["Tags"] == [twice[1], {"Key": "a", "Value": "3"}]
        getattr(iam, f"untag_{kind}")(TagKeys=["Stage"], **name)
    tagged = {"StringEquals": {"aws:PrincipalTag/a": "3"}}
    iam.put_user_policy(UserName=user, PolicyName="tagged", PolicyDocument=allow("sqs:ListQueues", Condition=tagged))
    caller = server.client_as("sqs", *key_of(server, iam, user))
    caller.list_queues()
    iam.untag_user(UserName=user, TagKeys=["a"])
    refused("AccessDenied", caller.list_queues)


def test_roles(iam, unique):
    document = trust(Service="lambda.amazonaws.com")
    made = iam.create_role(RoleName=unique, Path="/service/", AssumeRolePolicyDocument=document, Description="d", MaxSessionDuration=7200)["Role"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/service/{unique}" and made["RoleId"].startswith("AROA")
    assert made["AssumeRolePolicyDocument"] == json.loads(document)
    iam.update_role(RoleName=unique, Description="e", MaxSessionDuration=3600)
    got = iam.get_role(RoleName=unique)["Role"]
    assert (got["Description"], got["MaxSessionDuration"]) == ("e", 3600)
    # UpdateRole sets an hour where none is given, and the older operation leaves what is there.
    iam.update_role(RoleName=unique, MaxSessionDuration=7200)
    described = iam.update_role_description(RoleName=unique, Description="f")["Role"]
    assert (described["Description"], described["MaxSessionDuration"]) == ("f", 7200)
    iam.update_role(RoleName=unique, Description="f")
    assert iam.get_role(RoleName=unique)["Role"]["MaxSessionDuration"] == 3600
    iam.update_assume_role_policy(RoleName=unique, PolicyDocument=trust(Service="events.amazonaws.com"))
    assert "events" in json.dumps(iam.get_role(RoleName=unique)["Role"]["AssumeRolePolicyDocument"])
    assert iam.list_instance_profiles_for_role(RoleName=unique)["InstanceProfiles"] == []
    refused("EntityAlreadyExists", iam.create_role, RoleName=unique, AssumeRolePolicyDocument=document)
    refused("MalformedPolicyDocument", iam.update_assume_role_policy, RoleName=unique, PolicyDocument=allow("sts:AssumeRole"))
    misspelt = document.replace("AssumeRole", "AssumeRoel")
    message = refused("MalformedPolicyDocument", iam.update_assume_role_policy, RoleName=unique, PolicyDocument=misspelt)
    assert message.startswith("AssumeRole policy may only specify STS AssumeRole actions.")
    refused("MalformedPolicyDocument", iam.create_role, RoleName=f"{unique}-other", AssumeRolePolicyDocument=misspelt)
    refused("ValidationError", iam.update_role, RoleName=unique, MaxSessionDuration=10)
    iam.put_role_policy(RoleName=unique, PolicyName="p", PolicyDocument=allow("sqs:*"))
    assert iam.list_role_policies(RoleName=unique)["PolicyNames"] == ["p"]
    assert iam.get_role_policy(RoleName=unique, PolicyName="p")["PolicyDocument"] == json.loads(allow("sqs:*"))
    refused("DeleteConflict", iam.delete_role, RoleName=unique)
    iam.delete_role_policy(RoleName=unique, PolicyName="p")
    iam.delete_role(RoleName=unique)
    refused("NoSuchEntity", iam.get_role, RoleName=unique)


def test_a_trusted_user_assumes_a_role(server, iam, user, role):
    key = key_of(server, iam, user)
    sts = server.client_as("sts", *key)
    arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=allow("sqs:ListQueues"))
    # The account is trusted: whether the user may is for the user's own policies to say.
    assert "sts:AssumeRole" in refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="work")
    iam.put_user_policy(UserName=user, PolicyName="assume", PolicyDocument=allow("sts:AssumeRole", arn))
    assumed = sts.assume_role(RoleArn=arn, RoleSessionName="work", DurationSeconds=900)
    assert assumed["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/work"
    left = assumed["Credentials"]["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=14) < left <= datetime.timedelta(minutes=15)
    identity = server.client_as("sts", *session(assumed)).get_caller_identity()
    assert identity["Arn"] == assumed["AssumedRoleUser"]["Arn"] and identity["UserId"] == assumed["AssumedRoleUser"]["AssumedRoleId"]
    queues = server.client_as("sqs", *session(assumed))
    queues.list_queues()
    refused("AccessDenied", queues.create_queue, QueueName="x")
    refused("ValidationError", sts.assume_role, RoleArn=arn, RoleSessionName="work", DurationSeconds=7200)
    refused("ValidationError", sts.assume_role, RoleArn=arn, RoleSessionName="a b")
    iam.delete_role_policy(RoleName=role, PolicyName="p")
    refused("AccessDenied", queues.list_queues)
    iam.delete_role(RoleName=role)
    with pytest.raises(ClientError):
        queues.list_queues()
    refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="work")


def test_who_is_not_trusted_may_not_assume_whatever_policies_allow(server, iam, user, unique):
    iam.put_user_policy(UserName=user, PolicyName="all", PolicyDocument=allow("*"))
    sts = server.client_as("sts", *key_of(server, iam, user))
    iam.create_user(UserName=f"{unique}-friend")
    external = {"StringEquals": {"sts:ExternalId": "secret"}}
    documents = {
        "service": trust(Service="lambda.amazonaws.com"),
        "other": trust(AWS=f"arn:aws:iam::{ACCOUNT}:user/{unique}-friend"),
        "external": json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": external}]}),
    }
    for name, document in documents.items():
        arn = iam.create_role(RoleName=f"{unique}-{name}", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="work")
    sts.assume_role(RoleArn=arn, RoleSessionName="work", ExternalId="secret")


def test_session_policies_only_narrow(server, iam, sts, role):
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=allow(["sqs:ListQueues", "sqs:CreateQueue"]))
    arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    assumed = sts.assume_role(RoleArn=arn, RoleSessionName="work", Policy=allow(["sqs:ListQueues", "dynamodb:ListTables"]))
    assert 0 < assumed["PackedPolicySize"] <= 100
    server.client_as("sqs", *session(assumed)).list_queues()
    assert "session policy" in refused("AccessDenied", server.client_as("sqs", *session(assumed)).create_queue, QueueName="x")
    refused("AccessDeniedException", server.client_as("dynamodb", *session(assumed)).list_tables)
    refused("MalformedPolicyDocument", sts.assume_role, RoleArn=arn, RoleSessionName="work", Policy="{")
    refused("NotImplemented", sts.assume_role, RoleArn=arn, RoleSessionName="work", ProvidedContexts=[{"ProviderArn": arn, "ContextAssertion": "abcd"}])


def test_sessions_of_users(server, iam, sts, user):
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow("sqs:ListQueues"))
    key = key_of(server, iam, user)
    opened = server.client_as("sts", *key).get_session_token(DurationSeconds=900)
    temporary = session(opened)
    assert server.client_as("sts", *temporary).get_caller_identity()["Arn"].endswith(f":user/{user}")
    queues = server.client_as("sqs", *temporary)
    queues.list_queues()
    refused("AccessDenied", queues.create_queue, QueueName="x")
    # Neither without its token, nor with that of another session.
    other = session(server.client_as("sts", *key).get_session_token())
    for broken in [(*temporary[:2], None), (*temporary[:2], other[2]), (temporary[0], other[1], temporary[2])]:
        with pytest.raises(ClientError) as caught:
            server.client_as("sts", *broken).get_caller_identity()
        assert caught.value.response["Error"]["Code"] in ("InvalidClientTokenId", "SignatureDoesNotMatch")
    refused("ValidationError", sts.get_session_token, DurationSeconds=10)
    assert server.client_as("sts", *session(sts.get_session_token())).get_caller_identity()["Arn"].endswith(":root")


def test_who_a_key_belongs_to(sts, server):
    assert sts.get_access_key_info(AccessKeyId=server.root["AWS_ACCESS_KEY_ID"])["Account"] == ACCOUNT
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"


def test_a_presigned_identity(server, iam, user):
    """How Vault, EKS and others prove who somebody is: a URL that only its signer could have made."""
    sts = server.client_as("sts", *key_of(server, iam, user))
    url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    assert f":user/{user}</Arn>" in urllib.request.urlopen(url).read().decode()
    for broken in [url.replace("GetCallerIdentity", "GetSessionToken"), url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"), url.replace(REGION, "eu-west-1"), url + "&Version=2011-06-15"]:
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(broken)
        assert caught.value.code == 403 and b"SignatureDoesNotMatch" in caught.value.read()


def test_what_is_not_built_says_so(iam):
    for operation, values in [("upload_ssh_public_key", {"UserName": "u", "SSHPublicKeyBody": "k"}), ("create_saml_provider", {"Name": "n", "SAMLMetadataDocument": "d"})]:
        assert "not implemented" in refused("NotImplemented", getattr(iam, operation), **values)


def test_everything_survives_a_crash():
    victim = Server()
    try:
        iam = victim.client("iam")
        iam.create_user(UserName="ann", Tags=[{"Key": "a", "Value": "1"}])
        key = key_of(victim, iam, "ann")
        iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust(AWS=f"arn:aws:iam::{ACCOUNT}:user/ann"))
        iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=allow("sqs:ListQueues"))
        policy = iam.create_policy(PolicyName="managed", PolicyDocument=allow("sqs:*"))["Policy"]["Arn"]
        iam.attach_user_policy(UserName="ann", PolicyArn=policy)
        iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=policy)
        assumed = victim.client_as("sts", *key).assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/worker", RoleSessionName="work")
        victim.kill()
        victim.start()
        victim.client_as("sqs", *key).create_queue(QueueName="q")
        victim.client_as("sqs", *session(assumed)).list_queues()
        refused("AccessDenied", victim.client_as("sqs", *session(assumed)).create_queue, QueueName="q")
        user = victim.client("iam").get_user(UserName="ann")["User"]
        assert user["Tags"] == [{"Key": "a", "Value": "1"}] and user["PermissionsBoundary"]["PermissionsBoundaryArn"] == policy
    finally:
        victim.kill()
