"""Devices that users trust: how they are confirmed, what they stand for, and what else they must not do."""

import base64
import re
import uuid

import pytest
from cloudlet import REGION
from cognito_devices import Device
from cognito_users import PASSWORD, Pool, authenticator, claims
from pycognito.aws_srp import AWSSRP, generate_hash_device
from test_cognito import named, refused

ALWAYS = {"ChallengeRequiredOnNewDevice": True, "DeviceOnlyRememberedOnUserPrompt": False}


def make(server, cognito, unique, configuration=ALWAYS, **more):
    pool = Pool(server, cognito, unique, DeviceConfiguration=configuration, **more)
    pool.add("ada")
    return pool


def with_authenticator(cognito, pool, token):
    """Gives a user a second factor; the secret of it."""
    cognito.set_user_pool_mfa_config(UserPoolId=pool.id, MfaConfiguration="OPTIONAL", SoftwareTokenMfaConfiguration={"Enabled": True})
    secret = cognito.associate_software_token(AccessToken=token)["SecretCode"]
    cognito.verify_software_token(AccessToken=token, UserCode=authenticator(secret, -1))
    cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True})
    return secret


def begin_srp(pool, device, **more):
    """Shows the password over SRP, with the key of a device; what comes next."""
    srp, begun = pool.begin_srp("ada", DEVICE_KEY=device.key)
    return pool.respond(begun, **srp.answer(begun["ChallengeParameters"]), DEVICE_KEY=device.key, **more)


def test_a_device_stands_for_the_second_factor(server, cognito, unique):
    pool = make(server, cognito, unique)
    tokens = pool.sign_in("ada")
    device = Device(pool, tokens)
    assert re.fullmatch(rf"{REGION}_[0-9a-f-]{{36}}", device.key) and claims(tokens["AccessToken"])["device_key"] == device.key
    assert device.confirm()["UserConfirmationNecessary"] is False
    refused(device.confirm, "DeviceKeyExistsException")
    with_authenticator(cognito, pool, device.token)
    assert pool.begin("ada")["ChallengeName"] == "SOFTWARE_TOKEN_MFA", "from elsewhere it is asked for"
    done = device.prove(begin_srp(pool, device))
    assert "NewDeviceMetadata" not in done and claims(done["AccessToken"])["device_key"] == device.key
    assert device.prove(pool.begin("ada", parameters={"DEVICE_KEY": device.key})), "passwords that are sent do as well"
    assert cognito.get_user(AccessToken=done["AccessToken"])["Username"] == "ada"


def test_a_device_does_not_stand_for_the_password(server, cognito, unique):
    pool = make(server, cognito, unique)
    device = Device(pool, pool.sign_in("ada"))
    device.confirm()
    begun = {"ChallengeName": "DEVICE_SRP_AUTH"}
    refused(device.start, "NotAuthorizedException", begun=begun)
    refused(device.start, "NotAuthorizedException", begun=begun | {"Session": "A" * 40})
    refused(pool.begin, "NotAuthorizedException", name="ada", password="Wrong-Passw0rd", parameters={"DEVICE_KEY": device.key})
    refused(device.start, "NotAuthorizedException", begun=begun)
    assert device.prove(pool.begin("ada", parameters={"DEVICE_KEY": device.key}), with_session=False), "some clients bring no session back"
    refused(device.start, "NotAuthorizedException", begun=begun)


def test_a_device_has_to_know_its_secret(server, cognito, unique):
    pool = make(server, cognito, unique)
    device, other = Device(pool, pool.sign_in("ada")), Device(pool, pool.sign_in("ada"))
    device.confirm()
    other.confirm()
    srp, next = device.start(begin_srp(pool, device))
    answer = srp.answer(next["ChallengeParameters"], device.key)
    wrong = answer | {"PASSWORD_CLAIM_SIGNATURE": base64.b64encode(b"x" * 32).decode()}
    refused(pool.respond, "NotAuthorizedException", begun=next, **wrong, DEVICE_KEY=device.key)
    refused(pool.respond, "NotAuthorizedException", begun=next, **answer, DEVICE_KEY=other.key)
    refused(pool.respond, "NotAuthorizedException", begun=next, **answer)
    done = pool.respond(next, **answer, DEVICE_KEY=device.key)
    assert done["AuthenticationResult"]
    assert "only be used once" in refused(pool.respond, "NotAuthorizedException", begun=next, **answer, DEVICE_KEY=device.key)
    device.secret = "another"
    refused(lambda: device.prove(begin_srp(pool, device)), "NotAuthorizedException")
    # One device's proof is none of another's.
    begun = begin_srp(pool, other)
    other.secret = device.secret
    refused(lambda: other.prove(begun), "NotAuthorizedException")


def test_wrong_secrets_lock_out(server, cognito, unique):
    pool = make(server, cognito, unique)
    device = Device(pool, pool.sign_in("ada"))
    device.confirm()
    started = [device.start(begin_srp(pool, device)) for _ in range(6)]
    device.secret = "another"
    for srp, next in started[:5]:
        srp.password = device.secret
        refused(lambda: pool.respond(next, **srp.answer(next["ChallengeParameters"], device.key), DEVICE_KEY=device.key), "NotAuthorizedException")
    srp, next = started[5]
    told = refused(lambda: pool.respond(next, **srp.answer(next["ChallengeParameters"], device.key), DEVICE_KEY=device.key), "NotAuthorizedException")
    assert told == "Password attempts exceeded"


def test_a_device_is_remembered_when_its_user_says_so(server, cognito, unique):
    pool = make(server, cognito, unique, {"DeviceOnlyRememberedOnUserPrompt": True, "ChallengeRequiredOnNewDevice": True})
    device = Device(pool, pool.sign_in("ada"))
    assert device.confirm()["UserConfirmationNecessary"]
    secret = with_authenticator(cognito, pool, device.token)
    assert begin_srp(pool, device)["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    cognito.update_device_status(AccessToken=device.token, DeviceKey=device.key, DeviceRememberedStatus="remembered")
    assert device.prove(begin_srp(pool, device))
    cognito.admin_update_device_status(UserPoolId=pool.id, Username="ada", DeviceKey=device.key, DeviceRememberedStatus="not_remembered")
    begun = begin_srp(pool, device)
    assert begun["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    used = cognito.admin_get_device(UserPoolId=pool.id, Username="ada", DeviceKey=device.key)["Device"]["DeviceLastAuthenticatedDate"]
    tokens = pool.respond(begun, USERNAME="ada", SOFTWARE_TOKEN_MFA_CODE=authenticator(secret))["AuthenticationResult"]
    assert "NewDeviceMetadata" not in tokens and "device_key" not in claims(tokens["AccessToken"]), "it was named, and proved nothing"
    assert used == cognito.admin_get_device(UserPoolId=pool.id, Username="ada", DeviceKey=device.key)["Device"]["DeviceLastAuthenticatedDate"]
    assert pool.refresh(tokens["RefreshToken"]), "nor is its refresh token the device's"


def test_a_device_comes_after_the_second_factor_where_it_does_not_stand_for_it(server, cognito, unique):
    pool = make(server, cognito, unique, {"ChallengeRequiredOnNewDevice": False})
    device = Device(pool, pool.sign_in("ada"))
    device.confirm()
    secret = with_authenticator(cognito, pool, device.token)
    begun = begin_srp(pool, device)
    assert begun["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    begun = pool.respond(begun, USERNAME="ada", SOFTWARE_TOKEN_MFA_CODE=authenticator(secret))
    assert device.prove(begun)["AccessToken"]


def test_devices_are_listed_and_forgotten(server, cognito, unique):
    pool = make(server, cognito, unique)
    devices = [Device(pool, pool.sign_in("ada")) for _ in range(3)]
    token = devices[0].token
    for device in devices:
        device.confirm()
    told = cognito.get_device(AccessToken=token, DeviceKey=devices[0].key)["Device"]
    assert named(told["DeviceAttributes"]) == {"device_name": "laptop", "device_status": "valid", "dev:device_remembered_status": "remembered"}
    assert told == cognito.admin_get_device(UserPoolId=pool.id, Username="ada", DeviceKey=devices[0].key)["Device"]
    keys, place = [], {}
    while True:
        page = cognito.list_devices(AccessToken=token, Limit=2, **place)
        keys += [device["DeviceKey"] for device in page["Devices"]]
        if "PaginationToken" not in page:
            break
        place = {"PaginationToken": page["PaginationToken"]}
    assert sorted(keys) == sorted(device.key for device in devices)
    cognito.forget_device(AccessToken=token, DeviceKey=devices[1].key)
    cognito.admin_forget_device(UserPoolId=pool.id, Username="ada", DeviceKey=devices[2].key)
    assert [device["DeviceKey"] for device in cognito.admin_list_devices(UserPoolId=pool.id, Username="ada")["Devices"]] == [devices[0].key]
    gone = {"DeviceKey": devices[1].key}
    for call in [cognito.get_device, cognito.forget_device, lambda **key: cognito.update_device_status(**key, DeviceRememberedStatus="remembered")]:
        assert "Device" in refused(call, "ResourceNotFoundException", AccessToken=token, **gone)
    # Clients are told, and come once more without its key.
    assert "evice" in refused(lambda: begin_srp(pool, devices[1]), "ResourceNotFoundException")
    assert "NewDeviceMetadata" in pool.sign_in_srp("ada")["AuthenticationResult"]
    refused(cognito.get_device, "InvalidParameterException", AccessToken=token, DeviceKey="no key")


def test_only_the_device_that_was_told_its_key_is_confirmed(server, cognito, unique):
    pool = make(server, cognito, unique)
    pool.add("bob")
    own, other = Device(pool, pool.sign_in("ada")), Device(pool, pool.sign_in("bob"))
    refused(own.confirm, "ResourceNotFoundException", DeviceKey=other.key)
    refused(own.confirm, "ResourceNotFoundException", DeviceKey=f"{REGION}_{uuid.uuid4()}")
    encoded = lambda value: base64.b64encode(value).decode()
    for wrong in [{}, {"PasswordVerifier": "", "Salt": encoded(b"salt")}, {"PasswordVerifier": encoded(b"\0" * 384), "Salt": encoded(b"salt")}, {"PasswordVerifier": encoded(b"x" * 400), "Salt": encoded(b"salt")},
                  {"PasswordVerifier": encoded(b"x" * 384), "Salt": encoded(b"x" * 65)}, {"PasswordVerifier": "?", "Salt": "?"}]:
        refused(own.confirm, "InvalidParameterException", DeviceSecretVerifierConfig=wrong)
    own.confirm()
    other.confirm()
    refused(cognito.get_device, "ResourceNotFoundException", AccessToken=own.token, DeviceKey=other.key)
    refused(cognito.forget_device, "ResourceNotFoundException", AccessToken=own.token, DeviceKey=other.key)
    refused(lambda: begin_srp(pool, other), "ResourceNotFoundException")


def test_a_refresh_token_is_of_its_device(server, cognito, unique):
    pool = make(server, cognito, unique)
    tokens = pool.sign_in("ada")
    device = Device(pool, tokens)
    assert pool.refresh(tokens["RefreshToken"]), "a device that is not confirmed has no key to bring"
    device.confirm()
    refused(pool.refresh, "NotAuthorizedException", token=tokens["RefreshToken"])
    refused(pool.refresh, "NotAuthorizedException", token=tokens["RefreshToken"], DEVICE_KEY=f"{REGION}_{uuid.uuid4()}")
    again = pool.refresh(tokens["RefreshToken"], DEVICE_KEY=device.key)
    assert claims(again["AccessToken"])["device_key"] == device.key
    proved, other = device.prove(begin_srp(pool, device)), pool.sign_in("ada")
    assert pool.refresh(proved["RefreshToken"], DEVICE_KEY=device.key)
    cognito.forget_device(AccessToken=again["AccessToken"], DeviceKey=device.key)
    for token in [tokens["RefreshToken"], proved["RefreshToken"]]:
        refused(pool.refresh, "NotAuthorizedException", token=token)
        refused(pool.refresh, "NotAuthorizedException", token=token, DEVICE_KEY=device.key)
    assert pool.refresh(other["RefreshToken"]), "what was given to others stays"


def test_a_pool_that_remembers_none_has_none(server, cognito, unique):
    pool = Pool(server, cognito, unique)
    pool.add("ada")
    tokens = pool.begin("ada", parameters={"DEVICE_KEY": f"{REGION}_{uuid.uuid4()}"})["AuthenticationResult"]
    assert "NewDeviceMetadata" not in tokens and "device_key" not in claims(tokens["AccessToken"])
    key = f"{REGION}_{uuid.uuid4()}"
    for call in [cognito.get_device, cognito.forget_device]:
        refused(call, "InvalidUserPoolConfigurationException", AccessToken=tokens["AccessToken"], DeviceKey=key)
    refused(cognito.list_devices, "InvalidUserPoolConfigurationException", AccessToken=tokens["AccessToken"])
    refused(cognito.admin_list_devices, "InvalidUserPoolConfigurationException", UserPoolId=pool.id, Username="ada")
    assert "DeviceConfiguration" not in cognito.describe_user_pool(UserPoolId=pool.id)["UserPool"]
    cognito.update_user_pool(UserPoolId=pool.id, DeviceConfiguration=ALWAYS)
    assert cognito.describe_user_pool(UserPoolId=pool.id)["UserPool"]["DeviceConfiguration"] == ALWAYS
    assert "NewDeviceMetadata" in pool.sign_in("ada")


def test_devices_go_with_their_user(server, cognito, unique):
    pool = make(server, cognito, unique)
    device = Device(pool, pool.sign_in("ada"))
    device.confirm()
    cognito.admin_delete_user(UserPoolId=pool.id, Username="ada")
    pool.add("ada")
    assert cognito.admin_list_devices(UserPoolId=pool.id, Username="ada")["Devices"] == []
    refused(lambda: begin_srp(pool, device), "ResourceNotFoundException")


def test_pycognito_signs_in_with_a_device(server, cognito, unique):
    pool = make(server, cognito, unique)
    own = {"username": "ada", "password": PASSWORD, "pool_id": pool.id, "client_id": pool.client, "client": cognito}
    tokens = AWSSRP(**own).authenticate_user()["AuthenticationResult"]
    key, group = tokens["NewDeviceMetadata"]["DeviceKey"], tokens["NewDeviceMetadata"]["DeviceGroupKey"]
    secret, verifier = generate_hash_device(group, key)
    cognito.confirm_device(AccessToken=tokens["AccessToken"], DeviceKey=key, DeviceSecretVerifierConfig=verifier)
    with_authenticator(cognito, pool, tokens["AccessToken"])
    done = AWSSRP(**own, device_key=key, device_group_key=group, device_password=secret).authenticate_user()
    assert claims(done["AuthenticationResult"]["AccessToken"])["username"] == "ada"
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        AWSSRP(**own, device_key=key, device_group_key=group, device_password="another").authenticate_user()
