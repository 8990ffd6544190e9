"""Authenticators of IAM users through boto3, and policies that want one."""

import base64
import hashlib
import hmac
import json
import struct
import time

import pytest
from cloudlet import ACCOUNT, Server
from test_iam import allow, key_of, refused, role, session, user  # noqa: F401: fixtures, too

STEP = 30


def code(seed, steps_ahead=0):
    """The code of RFC 6238 that is next, or later."""
    counter = struct.pack(">Q", int(time.time()) // STEP + steps_ahead)
    digest = hmac.new(base64.b32decode(seed), counter, hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


@pytest.fixture
def device(iam, unique):
    """A device that belongs to nobody: its serial number and seed."""
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=f"{unique}-phone", Tags=[{"Key": "a", "Value": "1"}])["VirtualMFADevice"]
    return made["SerialNumber"], made["Base32StringSeed"].decode()


def enable(iam, user, device):
    serial, seed = device
    # The two that come before: the next ones are still to be shown.
    iam.enable_mfa_device(UserName=user, SerialNumber=serial, AuthenticationCode1=code(seed, -1), AuthenticationCode2=code(seed))


def test_a_device_from_its_making_to_its_end(iam, user, device):
    serial, seed = device
    assert serial.startswith(f"arn:aws:iam::{ACCOUNT}:mfa/")
    listed = lambda **filters: [found["SerialNumber"] for found in iam.list_virtual_mfa_devices(**filters)["VirtualMFADevices"]]
    assert serial in listed(AssignmentStatus="Unassigned") and serial not in listed(AssignmentStatus="Assigned")
    wrong = {"UserName": user, "SerialNumber": serial}
    refused("InvalidAuthenticationCode", iam.enable_mfa_device, **wrong, AuthenticationCode1="000000", AuthenticationCode2="000001")
    twice = code(seed)
    refused("InvalidAuthenticationCode", iam.enable_mfa_device, **wrong, AuthenticationCode1=twice, AuthenticationCode2=twice)
    enable(iam, user, device)
    assert [found["SerialNumber"] for found in iam.list_mfa_devices(UserName=user)["MFADevices"]] == [serial]
    assert serial in listed(AssignmentStatus="Assigned")
    got = iam.get_mfa_device(SerialNumber=serial, UserName=user)
    assert got["UserName"] == user and got["EnableDate"]
    # Permissions are asked for the number that is given: no other one stands for the device.
    for other in [serial.replace("mfa/", "mfa/path/"), serial.replace(ACCOUNT, "111111111111")]:
        refused("NoSuchEntity", iam.delete_virtual_mfa_device, SerialNumber=other)
        refused("NoSuchEntity", iam.tag_mfa_device, SerialNumber=other, Tags=[{"Key": "b", "Value": "2"}])
    assert "deactivate" in refused("DeleteConflict", iam.delete_virtual_mfa_device, SerialNumber=serial)
    assert "MFA device" in refused("DeleteConflict", iam.delete_user, UserName=user)
    iam.update_user(UserName=user, NewUserName=f"{user}-renamed")
    assert iam.get_mfa_device(SerialNumber=serial)["UserName"] == f"{user}-renamed"
    iam.deactivate_mfa_device(UserName=f"{user}-renamed", SerialNumber=serial)
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    refused("NoSuchEntity", iam.get_mfa_device, SerialNumber=serial)
    iam.delete_user(UserName=f"{user}-renamed")


def test_a_device_whose_clock_is_ahead_is_followed(server, iam, user, device):
    serial, seed = device
    enable(iam, user, device)
    sts = server.client_as("sts", *key_of(server, iam, user))
    refused("AccessDenied", sts.get_session_token, SerialNumber=serial, TokenCode=code(seed, 6))
    wrong = {"UserName": user, "SerialNumber": serial}
    refused("InvalidAuthenticationCode", iam.resync_mfa_device, **wrong, AuthenticationCode1=code(seed, 4), AuthenticationCode2=code(seed, 6))
    iam.resync_mfa_device(**wrong, AuthenticationCode1=code(seed, 4), AuthenticationCode2=code(seed, 5))
    sts.get_session_token(SerialNumber=serial, TokenCode=code(seed, 6))
    iam.deactivate_mfa_device(UserName=user, SerialNumber=serial)


def test_tags_of_devices(iam, device):
    serial, _ = device
    iam.tag_mfa_device(SerialNumber=serial, Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_mfa_device(SerialNumber=serial, TagKeys=["a"])
    assert iam.list_mfa_device_tags(SerialNumber=serial)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_policies_may_want_a_code(server, iam, user, role, device):
    serial, seed = device
    wants = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow("sqs:ListQueues", **wants))
    key = key_of(server, iam, user)
    sts = server.client_as("sts", *key)
    refused("AccessDenied", server.client_as("sqs", *key).list_queues)
    refused("AccessDenied", server.client_as("sqs", *session(sts.get_session_token())).list_queues)
    # Without a device of one's own, no code is good.
    refused("AccessDenied", sts.get_session_token, SerialNumber=serial, TokenCode=code(seed))
    enable(iam, user, device)
    refused("AccessDenied", sts.get_session_token, SerialNumber=serial, TokenCode="000000")
    refused("ValidationError", sts.get_session_token, SerialNumber=serial)
    shown = code(seed, 1)
    opened = session(sts.get_session_token(SerialNumber=serial, TokenCode=shown))
    server.client_as("sqs", *opened).list_queues()
    assert "one time pass code" in refused("AccessDenied", sts.get_session_token, SerialNumber=serial, TokenCode=shown), "none is taken twice"


def test_a_role_for_those_who_show_a_code(server, iam, user, device, unique):
    statement = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    name = f"{unique}-guarded"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))["Role"]["Arn"]
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow("sts:AssumeRole", arn))
    enable(iam, user, device)
    sts = server.client_as("sts", *key_of(server, iam, user))
    refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="work")
    sts.assume_role(RoleArn=arn, RoleSessionName="work", SerialNumber=device[0], TokenCode=code(device[1], 1))


def test_codes_are_not_guessed(server, iam, user, device):
    serial, seed = device
    enable(iam, user, device)
    sts = server.client_as("sts", *key_of(server, iam, user))
    # Five may be wrong in a step of time; should another one begin meanwhile, five more may.
    for _ in range(12):
        refused("AccessDenied", sts.get_session_token, SerialNumber=serial, TokenCode="000000")
    before = int(time.time()) // STEP
    good = code(seed, 1)
    if int(time.time()) // STEP == before:
        refused("AccessDenied", sts.get_session_token, SerialNumber=serial, TokenCode=good)


def test_resynced_devices_and_crashes():
    victim = Server()
    try:
        iam = victim.client("iam")
        iam.create_user(UserName="ann")
        made = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
        serial, seed = made["SerialNumber"], made["Base32StringSeed"].decode()
        iam.enable_mfa_device(UserName="ann", SerialNumber=serial, AuthenticationCode1=code(seed, -1), AuthenticationCode2=code(seed))
        victim.kill()
        victim.start()
        iam = victim.client("iam")
        assert len(iam.list_mfa_devices(UserName="ann")["MFADevices"]) == 1
    finally:
        victim.kill()
