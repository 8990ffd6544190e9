"""What policies would allow, asked without doing it, through boto3."""

import json

from cloudlet import ACCOUNT
from test_iam import allow, policy, refused, role, user  # noqa: F401: fixtures, too
from test_iam_groups import group  # noqa: F401: a fixture

BUCKET = "arn:aws:s3:::b/k"


def decisions(answer):
    return [(one["EvalActionName"], one["EvalResourceName"], one["EvalDecision"]) for one in answer["EvaluationResults"]]


def test_policies_that_are_nowhere_yet(iam):
    document = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"},
    ]})
    answer = iam.simulate_custom_policy(PolicyInputList=[document], ActionNames=["s3:GetObject", "s3:DeleteObject", "sqs:SendMessage"], ResourceArns=[BUCKET])
    assert decisions(answer) == [("s3:GetObject", BUCKET, "allowed"), ("s3:DeleteObject", BUCKET, "explicitDeny"), ("sqs:SendMessage", BUCKET, "implicitDeny")]
    allowed, denied, nothing = answer["EvaluationResults"]
    [statement] = denied["MatchedStatements"]
    assert (statement["SourcePolicyId"], statement["SourcePolicyType"]) == ("PolicyInputList.1", "IAM Policy")
    assert statement["StartPosition"] == {"Line": 1, "Column": document.index('{"Effect": "Deny"') + 2}
    assert [one["SourcePolicyId"] for one in allowed["MatchedStatements"]] == ["PolicyInputList.1"]
    assert nothing["MatchedStatements"] == [] and nothing["MissingContextValues"] == []
    assert decisions(iam.simulate_custom_policy(PolicyInputList=[document], ActionNames=["s3:GetObject"])) == [("s3:GetObject", "*", "allowed")]


def test_values_of_condition_keys(iam):
    document = allow("s3:GetObject", "arn:aws:s3:::b/${aws:username}", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    ask = {"PolicyInputList": [document], "ActionNames": ["s3:GetObject"], "ResourceArns": ["arn:aws:s3:::b/ann"]}
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[document])["ContextKeyNames"] == ["aws:SourceIp", "aws:username"]
    [result] = iam.simulate_custom_policy(**ask)["EvaluationResults"]
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", ["aws:SourceIp", "aws:username"])
    entries = [{"ContextKeyName": "aws:username", "ContextKeyType": "string", "ContextKeyValues": ["ann"]}]
    for address, expected in [("10.1.2.3", "allowed"), ("11.1.2.3", "implicitDeny")]:
        more = entries + [{"ContextKeyName": "aws:SourceIp", "ContextKeyType": "ip", "ContextKeyValues": [address]}]
        [result] = iam.simulate_custom_policy(**ask, ContextEntries=more)["EvaluationResults"]
        assert (result["EvalDecision"], result["MissingContextValues"]) == (expected, [])


def test_users_roles_and_groups_as_they_are(iam, user, role, group, policy):
    arn = iam.get_user(UserName=user)["User"]["Arn"]
    ask = {"PolicySourceArn": arn, "ActionNames": ["sqs:ListQueues", "sqs:SendMessage"]}
    nothing = [("sqs:ListQueues", "*", "implicitDeny"), ("sqs:SendMessage", "*", "implicitDeny")]
    assert decisions(iam.simulate_principal_policy(**ask)) == nothing
    iam.add_user_to_group(GroupName=group, UserName=user)
    iam.attach_group_policy(GroupName=group, PolicyArn=policy)
    first, _ = iam.simulate_principal_policy(**ask)["EvaluationResults"]
    assert first["EvalDecision"] == "allowed" and [one["SourcePolicyId"] for one in first["MatchedStatements"]] == [policy.rsplit("/")[-1]]
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow("sqs:SendMessage"))
    _, second = iam.simulate_principal_policy(**ask)["EvaluationResults"]
    assert [one["SourcePolicyId"] for one in second["MatchedStatements"]] == [f"user_{user}_p"]
    iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=policy)
    first, second = iam.simulate_principal_policy(**ask)["EvaluationResults"]
    assert [one["EvalDecision"] for one in (first, second)] == ["allowed", "implicitDeny"]
    assert second["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    wider = iam.simulate_principal_policy(**ask, PermissionsBoundaryPolicyInputList=[allow("*")])
    assert [one[2] for one in decisions(wider)] == ["allowed", "allowed"]
    of_group = iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:group/{group}", ActionNames=["sqs:ListQueues"])
    assert decisions(of_group) == [("sqs:ListQueues", "*", "allowed")]
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=allow("sqs:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}}))
    role_arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=role_arn)["ContextKeyNames"] == ["aws:PrincipalTag/team"]
    ask = {"PolicySourceArn": role_arn, "ActionNames": ["sqs:ListQueues"]}
    assert [one[2] for one in decisions(iam.simulate_principal_policy(**ask))] == ["implicitDeny"]
    iam.tag_role(RoleName=role, Tags=[{"Key": "team", "Value": "a"}])
    assert [one[2] for one in decisions(iam.simulate_principal_policy(**ask))] == ["allowed"]
    extra = iam.simulate_principal_policy(**ask, PolicyInputList=[allow("sqs:*").replace("Allow", "Deny")])
    assert [one[2] for one in decisions(extra)] == ["explicitDeny"]


def test_resource_policies_count(iam, user):
    arn = iam.get_user(UserName=user)["User"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "s3:GetObject", "Resource": BUCKET}]})
    ask = {"ActionNames": ["s3:GetObject"], "ResourceArns": [BUCKET], "ResourcePolicy": document}
    [result] = iam.simulate_principal_policy(PolicySourceArn=arn, **ask)["EvaluationResults"]
    assert (result["EvalDecision"], result["MatchedStatements"][0]["SourcePolicyType"]) == ("allowed", "Resource Policy")
    nobody = {"PolicyInputList": [allow("sqs:*")], **ask}
    assert "CallerArn" in refused("InvalidInput", iam.simulate_custom_policy, **nobody)
    assert [one[2] for one in decisions(iam.simulate_custom_policy(CallerArn=arn, **nobody))] == ["allowed"]
    assert [one[2] for one in decisions(iam.simulate_custom_policy(CallerArn=arn + "x", **nobody))] == ["implicitDeny"]


def test_answers_come_in_pages(iam):
    ask = {"PolicyInputList": [allow("*")], "ActionNames": ["s3:GetObject", "s3:PutObject", "sqs:ListQueues"]}
    pages = list(iam.get_paginator("simulate_custom_policy").paginate(**ask, PaginationConfig={"PageSize": 2}))
    assert [len(page["EvaluationResults"]) for page in pages] == [2, 1]


def test_what_cannot_be_simulated(iam, user):
    arn = iam.get_user(UserName=user)["User"]["Arn"]
    refused("NoSuchEntity", iam.simulate_principal_policy, PolicySourceArn=arn + "x", ActionNames=["s3:GetObject"])
    refused("InvalidInput", iam.simulate_principal_policy, PolicySourceArn="arn:aws:sqs:::nothing-of-iam", ActionNames=["s3:GetObject"])
    refused("InvalidInput", iam.simulate_principal_policy, PolicySourceArn=arn, ActionNames=["GetObject"])
    refused("ValidationError", iam.simulate_principal_policy, PolicySourceArn=arn, ActionNames=[])
    refused("MalformedPolicyDocument", iam.simulate_custom_policy, PolicyInputList=["{"], ActionNames=["s3:GetObject"])
    assert "ResourceOwner" in refused("NotImplemented", iam.simulate_principal_policy, PolicySourceArn=arn, ActionNames=["s3:GetObject"], ResourceOwner=f"arn:aws:iam::{ACCOUNT}:root")
