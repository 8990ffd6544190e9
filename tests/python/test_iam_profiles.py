"""Instance profiles, service-linked roles, and what the account's reports say, through boto3."""

import csv
import io
import json

import pytest
from cloudlet import ACCOUNT, Server
from test_iam import allow, key_of, policy, refused, role, trust, user  # noqa: F401: fixtures, too

PATH = "/aws-service-role/batch.amazonaws.com/"


@pytest.fixture
def profile(iam, unique):
    name = f"{unique}-profile"
    iam.create_instance_profile(InstanceProfileName=name, Path="/web/", Tags=[{"Key": "team", "Value": "a"}])
    return name


def test_an_instance_profile_from_its_making_to_its_end(iam, role, profile):
    got = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]
    assert got["Arn"] == f"arn:aws:iam::{ACCOUNT}:instance-profile/web/{profile}" and got["InstanceProfileId"].startswith("AIPA")
    assert (got["Roles"], got["Tags"]) == ([], [{"Key": "team", "Value": "a"}])
    refused("EntityAlreadyExists", iam.create_instance_profile, InstanceProfileName=profile)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    refused("LimitExceeded", iam.add_role_to_instance_profile, InstanceProfileName=profile, RoleName=role)
    [listed] = iam.list_instance_profiles(PathPrefix="/web/")["InstanceProfiles"]
    assert [held["RoleName"] for held in listed["Roles"]] == [role]
    [of_role] = iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"]
    assert of_role["InstanceProfileName"] == profile
    assert "instance profile" in refused("DeleteConflict", iam.delete_role, RoleName=role)
    refused("DeleteConflict", iam.delete_instance_profile, InstanceProfileName=profile)
    iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role)
    refused("NoSuchEntity", iam.remove_role_from_instance_profile, InstanceProfileName=profile, RoleName=role)
    iam.delete_instance_profile(InstanceProfileName=profile)
    message = refused("NoSuchEntity", iam.get_instance_profile, InstanceProfileName=profile)
    assert message == f"Instance Profile {profile} cannot be found."
    iam.delete_role(RoleName=role)


def test_tags_of_instance_profiles(iam, profile):
    iam.tag_instance_profile(InstanceProfileName=profile, Tags=[{"Key": "team", "Value": "b"}, {"Key": "env", "Value": "x"}])
    tags = lambda: {tag["Key"]: tag["Value"] for tag in iam.list_instance_profile_tags(InstanceProfileName=profile)["Tags"]}
    assert tags() == {"team": "b", "env": "x"}
    iam.untag_instance_profile(InstanceProfileName=profile, TagKeys=["team"])
    assert tags() == {"env": "x"}
    many = [{"Key": f"k{number}", "Value": "v"} for number in range(50)]
    refused("LimitExceeded", iam.tag_instance_profile, InstanceProfileName=profile, Tags=many)
    iam.untag_instance_profile(InstanceProfileName=profile, TagKeys=["env"])
    assert iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Tags"] == []


def test_who_puts_a_role_into_a_profile_passes_it(server, iam, user, role, profile):
    own = server.client_as("iam", *key_of(server, iam, user))
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow("iam:AddRoleToInstanceProfile"))
    assert "iam:PassRole" in refused("AccessDenied", own.add_role_to_instance_profile, InstanceProfileName=profile, RoleName=role)
    iam.put_user_policy(UserName=user, PolicyName="pass", PolicyDocument=allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/{role}"))
    own.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)


def test_service_linked_roles_are_their_services(iam):
    made = iam.create_service_linked_role(AWSServiceName="batch.amazonaws.com", Description="d")["Role"]
    name = made["RoleName"]
    assert (name, made["Path"]) == ("AWSServiceRoleForBatch", PATH)
    assert made["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "batch.amazonaws.com"}
    taken = refused("InvalidInput", iam.create_service_linked_role, AWSServiceName="batch.amazonaws.com")
    assert taken == f"Service role name {name} has been taken in this account, please try a different suffix."
    suffix = refused("InvalidInput", iam.create_service_linked_role, AWSServiceName="ecs.amazonaws.com", CustomSuffix="x")
    assert suffix == "Custom suffix is not allowed for ecs.amazonaws.com"
    refused("InvalidInput", iam.create_service_linked_role, AWSServiceName="nobody.amazonaws.com")
    suffixed = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="x")["Role"]["RoleName"]
    assert suffixed == "AWSServiceRoleForAutoScaling_x"
    [attached] = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert attached == {"PolicyName": "BatchServiceRolePolicy", "PolicyArn": f"arn:aws:iam::aws:policy{PATH.replace('batch.amazonaws.com/', '')}BatchServiceRolePolicy"}
    for call, values in [
        (iam.delete_role, {}),
        (iam.put_role_policy, {"PolicyName": "p", "PolicyDocument": allow("sqs:*")}),
        (iam.attach_role_policy, {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        (iam.update_assume_role_policy, {"PolicyDocument": trust(AWS=ACCOUNT)}),
        (iam.put_role_permissions_boundary, {"PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    ]:
        assert name in refused("UnmodifiableEntity", call, RoleName=name, **values)
    refused("ValidationError", iam.create_role, RoleName="mine", Path=PATH, AssumeRolePolicyDocument=trust(AWS=ACCOUNT))
    for role_name in [name, suffixed]:
        task = iam.delete_service_linked_role(RoleName=role_name)["DeletionTaskId"]
        assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert task.startswith(f"task/aws-service-role/autoscaling.amazonaws.com/{suffixed}/")
    refused("NoSuchEntity", iam.get_service_linked_role_deletion_status, DeletionTaskId=f"task{PATH}{name}/0")
    refused("NoSuchEntity", iam.get_role, RoleName=name)


def test_the_policy_of_a_service_is_for_its_role_alone(iam, role, user):
    iam.create_service_linked_role(AWSServiceName="backup.amazonaws.com")
    [attached] = iam.list_attached_role_policies(RoleName="AWSServiceRoleForBackup")["AttachedPolicies"]
    arn = attached["PolicyArn"]
    told = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (told["PolicyName"], told["Path"], told["AttachmentCount"]) == (attached["PolicyName"], "/aws-service-role/", 1)
    assert [found["RoleName"] for found in iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]] == ["AWSServiceRoleForBackup"]
    assert arn in [found["Arn"] for page in iam.get_paginator("list_policies").paginate(Scope="AWS") for found in page["Policies"]]
    # What it says is AWS's, and about what is not here.
    assert arn in refused("NotImplemented", iam.get_policy_version, PolicyArn=arn, VersionId="v1")
    assert iam.list_policy_versions(PolicyArn=arn)["Versions"] == []
    details = iam.get_account_authorization_details(Filter=["AWSManagedPolicy"])["Policies"]
    assert [found["PolicyVersionList"] for found in details if found["Arn"] == arn] == [[]]
    for call, owner in [(iam.attach_role_policy, {"RoleName": role}), (iam.attach_user_policy, {"UserName": user})]:
        assert refused("PolicyNotAttachable", call, PolicyArn=arn, **owner) == "Cannot attach a Service Role Policy to a customer role."
    refused("PolicyNotAttachable", iam.put_user_permissions_boundary, UserName=user, PermissionsBoundary=arn)
    simulated = iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup", ActionNames=["s3:GetObject"])
    assert simulated["EvaluationResults"][0]["EvalDecision"] == "implicitDeny"
    iam.delete_service_linked_role(RoleName="AWSServiceRoleForBackup")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 0


def test_the_last_use_of_keys_and_roles(server, iam, sts, user, role):
    key = key_of(server, iam, user)
    unused = iam.get_access_key_last_used(AccessKeyId=key[0])
    assert unused["UserName"] == user and "LastUsedDate" not in unused["AccessKeyLastUsed"]
    assert unused["AccessKeyLastUsed"]["ServiceName"] == "N/A"
    assert iam.get_role(RoleName=role)["Role"]["RoleLastUsed"] == {}
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow(["sqs:ListQueues", "sts:AssumeRole"]))
    server.client_as("sqs", *key, region="eu-west-1").list_queues()
    used = iam.get_access_key_last_used(AccessKeyId=key[0])["AccessKeyLastUsed"]
    assert used["LastUsedDate"] and (used["ServiceName"], used["Region"]) == ("sqs", "eu-west-1")
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=allow("sqs:ListQueues"))
    assumed = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName="work")["Credentials"]
    server.client_as("sqs", assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"]).list_queues()
    assert iam.get_role(RoleName=role)["Role"]["RoleLastUsed"]["Region"] == "us-east-1"
    refused("NoSuchEntity", iam.get_access_key_last_used, AccessKeyId="AKIANOBODYNOBODYNOBO")


def test_the_credential_report(iam, server, user):
    key_of(server, iam, user)
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    rows = {row["user"]: row for row in csv.DictReader(io.StringIO(report["Content"].decode()))}
    assert rows["<root_account>"]["arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert rows[user]["access_key_1_active"] == "true" and rows[user]["access_key_2_active"] == "false"
    assert rows[user]["mfa_active"] == "false" and rows[user]["password_enabled"] == "false"
    assert report["ReportFormat"] == "text/csv"


def test_everything_that_decides_is_in_one_answer(iam, user, role, policy, profile):
    iam.put_user_policy(UserName=user, PolicyName="inline", PolicyDocument=allow("sqs:ListQueues"))
    iam.attach_role_policy(RoleName=role, PolicyArn=policy)
    iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    iam.create_group(GroupName=f"{user}-group")
    iam.add_user_to_group(GroupName=f"{user}-group", UserName=user)
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 3}))
    assert len(pages) > 1
    all_of = lambda member: [item for page in pages for item in page[member]]
    [of_user] = [found for found in all_of("UserDetailList") if found["UserName"] == user]
    assert of_user["UserPolicyList"] == [{"PolicyName": "inline", "PolicyDocument": json.loads(allow("sqs:ListQueues"))}]
    assert of_user["GroupList"] == [f"{user}-group"]
    [of_role] = [found for found in all_of("RoleDetailList") if found["RoleName"] == role]
    assert {found["PolicyArn"] for found in of_role["AttachedManagedPolicies"]} == {"arn:aws:iam::aws:policy/IAMReadOnlyAccess", policy}
    assert of_role["InstanceProfileList"][0]["InstanceProfileName"] == profile
    [of_policy] = [found for found in all_of("Policies") if found["Arn"] == policy]
    assert of_policy["PolicyVersionList"][0]["Document"] == json.loads(allow("sqs:ListQueues")) and of_policy["AttachmentCount"] == 1
    assert f"{user}-group" in [found["GroupName"] for found in all_of("GroupDetailList")]
    only = iam.get_account_authorization_details(Filter=["AWSManagedPolicy"])
    assert "IAMReadOnlyAccess" in [found["PolicyName"] for found in only["Policies"]] and only["UserDetailList"] == []
    refused("ValidationError", iam.get_account_authorization_details, Filter=["Everything"])
    iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role)


def test_profiles_and_last_uses_survive_a_crash():
    victim = Server()
    try:
        iam = victim.client("iam")
        iam.create_instance_profile(InstanceProfileName="p")
        iam.create_user(UserName="ann")
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=allow("sqs:ListQueues"))
        key = key_of(victim, iam, "ann")
        victim.client_as("sqs", *key).list_queues()
        # What was done is written down every two seconds, and when the server ends.
        assert victim.stop()
        victim.start()
        suggested = victim.run("iam", "suggest", "ann").stdout
        victim.kill()
        victim.start()
        assert victim.client("iam").get_instance_profile(InstanceProfileName="p")["InstanceProfile"]["Roles"] == []
        assert json.loads(suggested)["Statement"] == [{"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": f"arn:aws:sqs:us-east-1:{ACCOUNT}:*"}]
    finally:
        victim.kill()
