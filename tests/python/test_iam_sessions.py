"""What sessions say beside whose they are, through boto3: tags, source identities, policies by ARN, and whom a user vouches for."""

import json

import pytest
from cloudlet import ACCOUNT
from test_iam import allow, key_of, policy, refused, role, session, user  # noqa: F401: fixtures, too


def trusting(*actions):
    statement = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": list(actions)}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def tagged_role(iam, unique):
    """A role that may be given tags and a source identity, and lists queues for those whose tag is right."""
    name = f"{unique}-tagged"
    document = trusting("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, Tags=[{"Key": "Team", "Value": "blue"}])
    condition = {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}
    iam.put_role_policy(RoleName=name, PolicyName="queues", PolicyDocument=allow("sqs:ListQueues", **condition))
    iam.put_role_policy(RoleName=name, PolicyName="roles", PolicyDocument=allow(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]))
    return name


def arn(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def tags(**pairs):
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def test_tags_of_a_session_hide_those_of_its_role(server, sts, tagged_role):
    plain = session(sts.assume_role(RoleArn=arn(tagged_role), RoleSessionName="work"))
    refused("AccessDenied", server.client_as("sqs", *plain).list_queues)
    red = sts.assume_role(RoleArn=arn(tagged_role), RoleSessionName="work", Tags=tags(team="red"))
    assert 0 < red["PackedPolicySize"] < 5
    server.client_as("sqs", *session(red)).list_queues()


def test_tags_need_permission(server, iam, sts, role, user):
    message = refused("AccessDenied", sts.assume_role, RoleArn=arn(role), RoleSessionName="work", Tags=tags(a="b"))
    assert "sts:TagSession" in message
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=trusting("sts:AssumeRole", "sts:TagSession"))
    sts.assume_role(RoleArn=arn(role), RoleSessionName="work", Tags=tags(a="b"))
    own = server.client_as("sts", *key_of(server, iam, user))
    condition = {"Condition": {"StringEquals": {"aws:RequestTag/team": "red"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}}
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow("sts:*", **condition))
    own.assume_role(RoleArn=arn(role), RoleSessionName="work", Tags=tags(team="red"))
    for others in [tags(team="blue"), tags(team="red", more="x")]:
        refused("AccessDenied", own.assume_role, RoleArn=arn(role), RoleSessionName="work", Tags=others)


def test_transitive_tags_go_on(server, sts, tagged_role):
    opened = sts.assume_role(RoleArn=arn(tagged_role), RoleSessionName="one", Tags=tags(team="red", other="x"), TransitiveTagKeys=["TEAM"])
    chained = server.client_as("sts", *session(opened))
    second = chained.assume_role(RoleArn=arn(tagged_role), RoleSessionName="two")
    server.client_as("sqs", *session(second)).list_queues()
    for key in ["team", "Team"]:
        message = refused("InvalidParameterValue", chained.assume_role, RoleArn=arn(tagged_role), RoleSessionName="two", Tags=tags(**{key: "blue"}))
        assert message == "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."
    message = refused("InvalidParameterValue", sts.assume_role, RoleArn=arn(tagged_role), RoleSessionName="work", Tags=tags(a="b"), TransitiveTagKeys=["c"])
    assert message == "The specified transitive tag key must be included in the requested tags."
    message = refused("InvalidParameterValue", sts.assume_role, RoleArn=arn(tagged_role), RoleSessionName="work", Tags=tags(a="b", A="c"))
    assert message == "Duplicate tag keys found. Please note that Tag keys are case insensitive."


def test_a_source_identity_stays(server, iam, sts, tagged_role, role):
    opened = sts.assume_role(RoleArn=arn(tagged_role), RoleSessionName="one", SourceIdentity="ann")
    assert opened["SourceIdentity"] == "ann"
    chained = server.client_as("sts", *session(opened))
    refused("AccessDenied", chained.assume_role, RoleArn=arn(tagged_role), RoleSessionName="two", SourceIdentity="bob")
    condition = {"Condition": {"StringEquals": {"aws:SourceIdentity": "ann"}}}
    iam.put_role_policy(RoleName=tagged_role, PolicyName="tables", PolicyDocument=allow("dynamodb:ListTables", **condition))
    second = chained.assume_role(RoleArn=arn(tagged_role), RoleSessionName="two")
    server.client_as("dynamodb", *session(second)).list_tables()
    assert "sts:SetSourceIdentity" in refused("AccessDenied", sts.assume_role, RoleArn=arn(role), RoleSessionName="work", SourceIdentity="ann")


def test_policies_by_arn_narrow_a_session(server, iam, sts, role, policy):
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=allow(["sqs:ListQueues", "sqs:CreateQueue"]))
    opened = session(sts.assume_role(RoleArn=arn(role), RoleSessionName="work", PolicyArns=[{"arn": policy}]))
    server.client_as("sqs", *opened).list_queues()
    refused("AccessDenied", server.client_as("sqs", *opened).create_queue, QueueName="x")
    iam.delete_policy(PolicyArn=policy)
    refused("AccessDenied", server.client_as("sqs", *opened).list_queues)
    refused("ValidationError", sts.assume_role, RoleArn=arn(role), RoleSessionName="work", PolicyArns=[{"arn": "arn:aws:iam::x:role/y"}])


def test_a_session_says_so_much_at_most(sts, tagged_role):
    many = [{"Key": f"key-{number}", "Value": "v" * 256} for number in range(50)]
    refused("PackedPolicyTooLarge", sts.assume_role, RoleArn=arn(tagged_role), RoleSessionName="work", Tags=many)


def test_whom_a_user_vouches_for(server, iam, sts, user):
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow(["sqs:ListQueues", "sts:GetFederationToken"]))
    own = server.client_as("sts", *key_of(server, iam, user))
    token = own.get_federation_token(Name="guest", DurationSeconds=900, Policy=allow(["sqs:ListQueues", "dynamodb:ListTables"]))
    assert token["FederatedUser"] == {"FederatedUserId": f"{ACCOUNT}:guest", "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/guest"}
    guest = session(token)
    assert server.client_as("sts", *guest).get_caller_identity()["Arn"] == token["FederatedUser"]["Arn"]
    server.client_as("sqs", *guest).list_queues()
    # Both have to allow it.
    refused("AccessDeniedException", server.client_as("dynamodb", *guest).list_tables)
    without = own.get_federation_token(Name="guest")
    assert without["PackedPolicySize"] == 0
    refused("AccessDenied", server.client_as("sqs", *session(without)).list_queues)
    refused("AccessDenied", server.client_as("sts", *guest).get_federation_token, Name="other")
    refused("AccessDenied", server.client_as("sts", *session(sts.get_session_token())).get_federation_token, Name="other")
    of_root = sts.get_federation_token(Name="guest", Policy=allow("dynamodb:ListTables"))
    server.client_as("dynamodb", *session(of_root)).list_tables()
    refused("ValidationError", sts.get_federation_token, Name="a b")
    key = iam.list_access_keys(UserName=user)["AccessKeyMetadata"][0]["AccessKeyId"]
    iam.delete_access_key(UserName=user, AccessKeyId=key)
    iam.delete_user_policy(UserName=user, PolicyName="p")
    iam.delete_user(UserName=user)
    refused("InvalidClientTokenId", server.client_as("sts", *guest).get_caller_identity)


def test_where_a_call_comes_from(server, iam, user):
    """The keys that the connection and the request give."""
    key = key_of(server, iam, user)
    sqs = server.client_as("sqs", *key)

    def may(**condition):
        iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow("sqs:ListQueues", Condition=condition))
        try:
            return bool(sqs.list_queues())
        except sqs.exceptions.ClientError:
            return False

    assert may(IpAddress={"aws:SourceIp": "127.0.0.0/8"}) and not may(IpAddress={"aws:SourceIp": "192.0.2.0/24"})
    assert may(Bool={"aws:SecureTransport": "false"}) and not may(Bool={"aws:SecureTransport": "true"})
    assert may(StringLike={"aws:UserAgent": "Boto3/*"}) and not may(StringLike={"aws:UserAgent": "curl/*"})
    assert may(Bool={"aws:ViaAWSService": "false"}) and may(StringEquals={"aws:ResourceAccount": ACCOUNT})
    # A key of a user's own has no session that anybody showed a code for.
    assert may(Null={"aws:MultiFactorAuthPresent": "true"}) and may(BoolIfExists={"aws:MultiFactorAuthPresent": "true"})
    assert may(Null={"aws:TokenIssueTime": "true"})


def test_tags_of_what_iam_is_asked_about(server, iam, user, unique):
    """A company's way to let its teams manage their own people."""
    own = server.client_as("iam", *key_of(server, iam, user))
    red = {"StringEquals": {"iam:ResourceTag/team": "red"}}
    made = {"StringEquals": {"aws:RequestTag/team": "red"}}
    statements = [
        {"Effect": "Allow", "Action": ["iam:GetUser", "iam:DeleteUser"], "Resource": "*", "Condition": red},
        {"Effect": "Allow", "Action": "iam:CreateUser", "Resource": "*", "Condition": made},
    ]
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    own.create_user(UserName=f"{unique}-red", Tags=tags(team="red"))
    own.get_user(UserName=f"{unique}-red")
    refused("AccessDenied", own.create_user, UserName=f"{unique}-blue", Tags=tags(team="blue"))
    refused("AccessDenied", own.create_user, UserName=f"{unique}-none")
    refused("AccessDenied", own.get_user, UserName=user)
    own.delete_user(UserName=f"{unique}-red")
