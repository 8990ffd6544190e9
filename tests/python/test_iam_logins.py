"""Login profiles, the account's password policy, and credentials for single services, through boto3."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor

from cloudlet import ACCOUNT, Server
from test_iam import allow, key_of, refused, user  # noqa: F401: fixtures, too

COMMITS = "codecommit.amazonaws.com"


def test_a_login_profile_from_its_making_to_its_end(iam, user):
    made = iam.create_login_profile(UserName=user, Password="Correct-horse-1", PasswordResetRequired=True)["LoginProfile"]
    assert made["UserName"] == user and made["PasswordResetRequired"] is True
    assert iam.get_login_profile(UserName=user)["LoginProfile"] == made
    taken = refused("EntityAlreadyExists", iam.create_login_profile, UserName=user, Password="Correct-horse-1")
    assert taken == f"Login Profile for user {user} already exists."
    iam.update_login_profile(UserName=user, PasswordResetRequired=False, MaxSigninSessionDuration=7200)
    told = iam.get_login_profile(UserName=user)["LoginProfile"]
    assert (told["PasswordResetRequired"], told["MaxSigninSessionDuration"]) == (False, 7200)
    iam.update_login_profile(UserName=user, ResetMaxSigninSessionDuration=True)
    assert "MaxSigninSessionDuration" not in iam.get_login_profile(UserName=user)["LoginProfile"]
    message = refused("PasswordPolicyViolation", iam.update_login_profile, UserName=user, Password="weak")
    assert message == "Password does not conform to the account password policy."
    assert "login profile" in refused("DeleteConflict", iam.delete_user, UserName=user)
    iam.delete_login_profile(UserName=user)
    gone = f"Login Profile for User {user} cannot be found."
    assert gone == refused("NoSuchEntity", iam.get_login_profile, UserName=user)
    assert gone == refused("NoSuchEntity", iam.update_login_profile, UserName=user, Password="Correct-horse-1")
    iam.delete_user(UserName=user)


def test_users_change_their_own_password(server, iam, user):
    iam.create_login_profile(UserName=user, Password="Correct-horse-1", PasswordResetRequired=True)
    own = server.client_as("iam", *key_of(server, iam, user))
    passwords = {"OldPassword": "Correct-horse-1", "NewPassword": "Staple-battery-2"}
    assert "iam:ChangePassword" in refused("AccessDenied", own.change_password, **passwords)
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow("iam:ChangePassword", f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"))
    assert refused("AccessDenied", own.change_password, OldPassword="Wrong-horse-1", NewPassword="Staple-battery-2") == "The old password was incorrect."
    own.change_password(**passwords)
    assert iam.get_login_profile(UserName=user)["LoginProfile"]["PasswordResetRequired"] is False
    refused("AccessDenied", own.change_password, **passwords)
    refused("InvalidUserType", iam.change_password, **passwords)


def test_passwords_are_not_guessed_at_once(server, iam, user):
    iam.create_login_profile(UserName=user, Password="Correct-horse-1")
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow("iam:ChangePassword", f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"))
    own = server.client_as("iam", *key_of(server, iam, user))
    # What is right does not count.
    for number in range(1, 8):
        own.change_password(OldPassword=f"Correct-horse-{number}", NewPassword=f"Correct-horse-{number + 1}")

    def code(number):
        try:
            own.change_password(OldPassword=f"Wrong-horse-{number}", NewPassword="Staple-battery-2")
        except own.exceptions.ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(12) as threads:
        told = list(threads.map(code, range(12)))
    # A minute may end meanwhile.
    assert set(told) == {"AccessDenied", "LimitExceeded"} and told.count("AccessDenied") in range(5, 11)


def test_the_password_policy_of_an_account():
    # A server of its own: the account has one policy.
    server = Server()
    try:
        iam = server.client("iam")
        none = f"The Password Policy with domain name {ACCOUNT} cannot be found."
        assert none == refused("NoSuchEntity", iam.get_account_password_policy)
        iam.update_account_password_policy(RequireSymbols=True, MaxPasswordAge=90, AllowUsersToChangePassword=True, PasswordReusePrevention=1)
        told = iam.get_account_password_policy()["PasswordPolicy"]
        assert told == {
            "MinimumPasswordLength": 6, "RequireSymbols": True, "RequireNumbers": False, "RequireUppercaseCharacters": False, "RequireLowercaseCharacters": False,
            "AllowUsersToChangePassword": True, "ExpirePasswords": True, "MaxPasswordAge": 90, "PasswordReusePrevention": 1,
        }
        iam.create_user(UserName="ann")
        refused("PasswordPolicyViolation", iam.create_login_profile, UserName="ann", Password="Correcthorse1")
        iam.create_login_profile(UserName="ann", Password="horse!")
        key = key_of(server, iam, "ann")
        own = server.client_as("iam", *key)
        assert own.get_account_password_policy()["PasswordPolicy"] == told
        refused("PasswordPolicyViolation", own.change_password, OldPassword="horse!", NewPassword="horse!")
        own.change_password(OldPassword="horse!", NewPassword="battery!")
        server.kill()
        server.start()
        iam, own = server.client("iam"), server.client_as("iam", *key)
        [row] = [row for row in csv.DictReader(io.StringIO(iam.get_credential_report()["Content"].decode())) if row["user"] == "ann"]
        assert (row["password_enabled"], row["password_last_used"]) == ("true", "no_information")
        assert row["password_last_changed"] < row["password_next_rotation"]
        # What is not named gets its default.
        iam.update_account_password_policy()
        assert iam.get_account_password_policy()["PasswordPolicy"]["RequireSymbols"] is False
        iam.delete_account_password_policy()
        refused("NoSuchEntity", iam.delete_account_password_policy)
        refused("AccessDenied", own.get_account_password_policy)
    finally:
        server.kill()


def test_credentials_of_all_users_are_listed_page_by_page(iam, user):
    other = f"{user}.doe"
    iam.create_user(UserName=other)
    try:
        create = lambda name: iam.create_service_specific_credential(UserName=name, ServiceName=COMMITS)["ServiceSpecificCredential"]["ServiceSpecificCredentialId"]
        made = {name: create(name) for name in (user, other)}
        listed, place = {}, {}
        while True:
            page = iam.list_service_specific_credentials(AllUsers=True, MaxItems=1, **place)
            listed |= {told["UserName"]: told["ServiceSpecificCredentialId"] for told in page["ServiceSpecificCredentials"]}
            if not page.get("IsTruncated"):
                break
            place = {"Marker": page["Marker"]}
        assert made.items() <= listed.items()
    finally:
        for told in iam.list_service_specific_credentials(UserName=other)["ServiceSpecificCredentials"]:
            iam.delete_service_specific_credential(UserName=other, ServiceSpecificCredentialId=told["ServiceSpecificCredentialId"])
        iam.delete_user(UserName=other)


def test_credentials_for_single_services(iam, user):
    made = iam.create_service_specific_credential(UserName=user, ServiceName=COMMITS)["ServiceSpecificCredential"]
    assert (made["ServiceUserName"], made["Status"], len(made["ServicePassword"])) == (f"{user}-at-{ACCOUNT}", "Active", 44)
    credential = {"UserName": user, "ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    iam.update_service_specific_credential(**credential, Status="Inactive")
    reset = iam.reset_service_specific_credential(**credential)["ServiceSpecificCredential"]
    assert reset["Status"] == "Inactive" and reset["ServicePassword"] != made["ServicePassword"]
    [listed] = iam.list_service_specific_credentials(UserName=user)["ServiceSpecificCredentials"]
    assert "ServicePassword" not in listed and listed["ServiceUserName"] == made["ServiceUserName"]
    assert iam.list_service_specific_credentials(UserName=user, ServiceName="cassandra.amazonaws.com")["ServiceSpecificCredentials"] == []
    refused("NoSuchEntity", iam.create_service_specific_credential, UserName=user, ServiceName="lambda.amazonaws.com")
    refused("NoSuchEntity", iam.create_service_specific_credential, UserName="nobody", ServiceName=COMMITS)
    refused("ValidationError", iam.update_service_specific_credential, **credential, Status="Perhaps")
    refused("ValidationError", iam.delete_service_specific_credential, UserName=user, ServiceSpecificCredentialId="with-hyphens-in-the-id")
    missing = refused("NoSuchEntity", iam.delete_service_specific_credential, UserName=user, ServiceSpecificCredentialId="nosuchcredentialhere")
    assert missing == "No such credential nosuchcredentialhere exists"
    conflict = refused("DeleteConflict", iam.delete_user, UserName=user)
    assert conflict == "Cannot delete entity, must remove referenced objects first."
    iam.delete_service_specific_credential(**credential)
    iam.delete_user(UserName=user)
