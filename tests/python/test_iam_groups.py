"""Groups of users, names that change, and who a policy is attached to, through boto3."""

import json

import pytest
from cloudlet import ACCOUNT, Server
from test_iam import allow, key_of, policy, refused, role, user  # noqa: F401: fixtures, too


@pytest.fixture
def group(iam, unique):
    iam.create_group(GroupName=f"{unique}-group")
    return f"{unique}-group"


def test_groups_come_and_go(iam, unique, user):
    made = iam.create_group(GroupName=unique, Path="/staff/")["Group"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:group/staff/{unique}" and made["GroupId"].startswith("AGPA")
    assert refused("EntityAlreadyExists", iam.create_group, GroupName=unique.upper()).startswith("Group with name")
    iam.add_user_to_group(GroupName=unique, UserName=user)
    iam.add_user_to_group(GroupName=unique, UserName=user)
    got = iam.get_group(GroupName=unique)
    assert got["Group"] == made and [member["UserName"] for member in got["Users"]] == [user]
    assert [one["GroupName"] for one in iam.list_groups_for_user(UserName=user)["Groups"]] == [unique]
    assert unique in [one["GroupName"] for one in iam.list_groups(PathPrefix="/staff/")["Groups"]]
    assert "remove users from group" in refused("DeleteConflict", iam.delete_group, GroupName=unique)
    assert "remove users from group" in refused("DeleteConflict", iam.delete_user, UserName=user)
    iam.remove_user_from_group(GroupName=unique, UserName=user)
    iam.remove_user_from_group(GroupName=unique, UserName=user)
    iam.delete_group(GroupName=unique)
    assert refused("NoSuchEntity", iam.get_group, GroupName=unique) == f"The group with name {unique} cannot be found."
    refused("NoSuchEntity", iam.add_user_to_group, GroupName=unique, UserName=user)
    refused("ValidationError", iam.create_group, GroupName="a b")
    refused("ValidationError", iam.create_group, GroupName="g" * 129)


def test_members_come_in_pages(iam, group, unique):
    names = [f"{unique}-{number}" for number in range(5)]
    for name in names:
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName=group, UserName=name)
    pages = list(iam.get_paginator("get_group").paginate(GroupName=group, PaginationConfig={"PageSize": 2}))
    assert [[user["UserName"] for user in page["Users"]] for page in pages] == [names[:2], names[2:4], names[4:]]


def test_a_user_is_in_ten_groups_at_most(iam, user, unique):
    for number in range(11):
        iam.create_group(GroupName=f"{unique}-{number}")
    for number in range(10):
        iam.add_user_to_group(GroupName=f"{unique}-{number}", UserName=user)
    message = refused("LimitExceeded", iam.add_user_to_group, GroupName=f"{unique}-10", UserName=user)
    assert message == "Cannot exceed quota for GroupsPerUser: 10"


def test_who_is_in_a_group_has_its_policies(server, iam, group, user, policy):
    caller = server.client_as("sqs", *key_of(server, iam, user))
    refused("AccessDenied", caller.list_queues)
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=allow("sqs:ListQueues"))
    refused("AccessDenied", caller.list_queues)
    iam.add_user_to_group(GroupName=group, UserName=user)
    caller.list_queues()
    assert iam.list_group_policies(GroupName=group)["PolicyNames"] == ["p"]
    got = iam.get_group_policy(GroupName=group, PolicyName="p")
    assert (got["GroupName"], got["PolicyDocument"]) == (group, json.loads(allow("sqs:ListQueues")))
    assert "delete policies" in refused("DeleteConflict", delete_without_users, iam=iam, group=group, user=user)
    iam.add_user_to_group(GroupName=group, UserName=user)
    iam.delete_group_policy(GroupName=group, PolicyName="p")
    refused("AccessDenied", caller.list_queues)
    iam.attach_group_policy(GroupName=group, PolicyArn=policy)
    caller.list_queues()
    assert iam.list_attached_group_policies(GroupName=group)["AttachedPolicies"][0]["PolicyArn"] == policy
    iam.put_user_policy(UserName=user, PolicyName="never", PolicyDocument=allow("sqs:ListQueues").replace("Allow", "Deny"))
    refused("AccessDenied", caller.list_queues)
    iam.delete_user_policy(UserName=user, PolicyName="never")
    iam.remove_user_from_group(GroupName=group, UserName=user)
    refused("AccessDenied", caller.list_queues)
    iam.detach_group_policy(GroupName=group, PolicyArn=policy)
    refused("LimitExceeded", iam.put_group_policy, GroupName=group, PolicyName="p", PolicyDocument=allow(["sqs:ListQueues"] * 500))
    iam.delete_group(GroupName=group)


def delete_without_users(iam, group, user):
    iam.remove_user_from_group(GroupName=group, UserName=user)
    iam.delete_group(GroupName=group)


def test_a_user_keeps_everything_under_another_name(server, iam, user, group, policy):
    key = key_of(server, iam, user)
    caller = server.client_as("sqs", *key)
    iam.add_user_to_group(GroupName=group, UserName=user)
    iam.put_group_policy(GroupName=group, PolicyName="g", PolicyDocument=allow("sqs:GetQueueUrl"))
    iam.attach_user_policy(UserName=user, PolicyArn=policy)
    iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=policy)
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow("sqs:ListQueues"))
    before = iam.get_user(UserName=user)["User"]
    iam.update_user(UserName=user, NewUserName=f"{user}-new", NewPath="/moved/")
    after = iam.get_user(UserName=f"{user}-new")["User"]
    assert after["UserId"] == before["UserId"] and after["Arn"].endswith(f":user/moved/{user}-new")
    refused("NoSuchEntity", iam.get_user, UserName=user)
    caller.list_queues()
    assert server.client_as("sts", *key).get_caller_identity()["Arn"] == after["Arn"]
    assert [one["AccessKeyId"] for one in iam.list_access_keys(UserName=f"{user}-new")["AccessKeyMetadata"]] == [key[0]]
    assert [member["UserName"] for member in iam.get_group(GroupName=group)["Users"]] == [f"{user}-new"]
    entities = iam.list_entities_for_policy(PolicyArn=policy)
    assert [one["UserName"] for one in entities["PolicyUsers"]] == [f"{user}-new"]
    # Whoever gets the old name gets nothing else.
    iam.create_user(UserName=user)
    assert iam.list_user_policies(UserName=user)["PolicyNames"] == []
    refused("EntityAlreadyExists", iam.update_user, UserName=user, NewUserName=f"{user}-new".upper())
    iam.update_user(UserName=user, NewUserName=user.upper())
    assert iam.get_user(UserName=user.upper())


def test_a_group_keeps_everything_under_another_name(server, iam, user, group, policy):
    iam.add_user_to_group(GroupName=group, UserName=user)
    iam.attach_group_policy(GroupName=group, PolicyArn=policy)
    caller = server.client_as("sqs", *key_of(server, iam, user))
    caller.list_queues()
    iam.update_group(GroupName=group, NewGroupName=f"{group}-new")
    caller.list_queues()
    refused("NoSuchEntity", iam.get_group, GroupName=group)
    assert [one["GroupName"] for one in iam.list_groups_for_user(UserName=user)["Groups"]] == [f"{group}-new"]
    iam.detach_group_policy(GroupName=f"{group}-new", PolicyArn=policy)
    refused("AccessDenied", caller.list_queues)


def test_who_a_policy_is_attached_to(iam, user, role, group, policy):
    iam.attach_user_policy(UserName=user, PolicyArn=policy)
    iam.attach_role_policy(RoleName=role, PolicyArn=policy)
    iam.attach_group_policy(GroupName=group, PolicyArn=policy)
    entities = iam.list_entities_for_policy(PolicyArn=policy)
    assert [one["UserName"] for one in entities["PolicyUsers"]] == [user]
    assert [one["RoleName"] for one in entities["PolicyRoles"]] == [role]
    assert [one["GroupName"] for one in entities["PolicyGroups"]] == [group]
    only = iam.list_entities_for_policy(PolicyArn=policy, EntityFilter="Role")
    assert (only["PolicyUsers"], only["PolicyGroups"], len(only["PolicyRoles"])) == ([], [], 1)
    bounded = iam.list_entities_for_policy(PolicyArn=policy, PolicyUsageFilter="PermissionsBoundary")
    assert bounded["PolicyUsers"] == []
    pages = list(iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=policy, PaginationConfig={"PageSize": 1}))
    assert len(pages) == 3
    refused("ValidationError", iam.list_entities_for_policy, PolicyArn=policy, EntityFilter="Robot")
    refused("NoSuchEntity", iam.list_entities_for_policy, PolicyArn=policy + "x")


def test_policies_have_tags(iam, policy):
    assert iam.get_policy(PolicyArn=policy)["Policy"]["Tags"] == []
    iam.tag_policy(PolicyArn=policy, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_policy(PolicyArn=policy, TagKeys=["a"])
    for tag in [{"Key": "NOWAY!", "Value": "x"}, {"Key": "x", "Value": "x{}"}]:
        assert "regular expression pattern" in refused("ValidationError", iam.tag_policy, PolicyArn=policy, Tags=[tag])
    assert "'tagKeys.1.member'" in refused("ValidationError", iam.untag_policy, PolicyArn=policy, TagKeys=["NOWAY!"])
    many = [f"k{number}" for number in range(51)]
    assert "less than or equal to 50" in refused("ValidationError", iam.untag_policy, PolicyArn=policy, TagKeys=many)
    assert iam.list_policy_tags(PolicyArn=policy)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert iam.get_policy(PolicyArn=policy)["Policy"]["Tags"] == [{"Key": "b", "Value": "2"}]


def test_the_account_has_an_alias_and_a_summary(iam, user, group):
    iam.create_account_alias(AccountAlias="a-company")
    assert iam.list_account_aliases()["AccountAliases"] == ["a-company"]
    refused("NoSuchEntity", iam.delete_account_alias, AccountAlias="another-one")
    iam.delete_account_alias(AccountAlias="a-company")
    assert iam.list_account_aliases()["AccountAliases"] == []
    for broken in ["A", "aa", "-abc", "abc-", "a--b", "a" * 64]:
        refused("ValidationError", iam.create_account_alias, AccountAlias=broken)
    summary = iam.get_account_summary()["SummaryMap"]
    assert summary["Users"] >= 1 and summary["Groups"] >= 1 and summary["GroupsPerUserQuota"] == 10


def test_groups_survive_a_crash():
    victim = Server()
    iam = victim.client("iam")
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="g")
    iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=allow("sqs:ListQueues"))
    iam.add_user_to_group(GroupName="g", UserName="ann")
    key = key_of(victim, iam, "ann")
    victim.kill()
    victim.start()
    victim.client_as("sqs", *key).list_queues()
    assert victim.stop()
