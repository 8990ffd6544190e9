"""Users of user pools: how they sign up and in, by each flow, and what their tokens say. SRP and tokens are checked by other code."""

import base64
import io
import json
import urllib.error
import urllib.request
import zipfile

import pytest
from cloudlet import ACCOUNT, REGION
from cognito_users import PASSWORD, Pool, authenticator, claims, secret_hash
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from test_cognito import named, refused

WRONG = "Incorrect username or password."


@pytest.fixture
def pool(server, cognito, unique):
    return Pool(server, cognito, unique)


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)


def verify(server, pool, token):
    """The claims of a token whose signature another library has checked."""
    configuration = fetch(f"{server.endpoint}/{pool.id}/.well-known/openid-configuration")
    assert configuration["issuer"] == claims(token)["iss"]
    header, body, signature = token.split(".")
    decode = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    header_ = json.loads(decode(header))
    assert header_["alg"] == "RS256"
    keys = {key["kid"]: key for key in fetch(configuration["jwks_uri"])["keys"]}
    key = keys[header_["kid"]]
    n, e = (int.from_bytes(decode(key[name]), "big") for name in ("n", "e"))
    assert n.bit_length() == 2048
    rsa.RSAPublicNumbers(e, n).public_key().verify(decode(signature), f"{header}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
    return json.loads(decode(body))


def sign_up(pool, name, address, password=PASSWORD, **more):
    return pool.cognito.sign_up(ClientId=pool.client, Username=name, Password=password, UserAttributes=[{"Name": "email", "Value": address}], **more)


def test_somebody_signs_up_with_a_code(cognito, pool, unique):
    address = f"{unique}@example.com"
    made = sign_up(pool, "ada", address)
    details = made["CodeDeliveryDetails"]
    assert (made["UserConfirmed"], details["DeliveryMedium"], details["AttributeName"]) == (False, "EMAIL", "email")
    assert details["Destination"] == "t***@e***"
    refused(sign_up, "UsernameExistsException", pool=pool, name="ada", address=address)
    assert refused(pool.begin, "UserNotConfirmedException", name="ada") == "User is not confirmed."
    first = pool.code(address)
    cognito.resend_confirmation_code(ClientId=pool.client, Username="ada")
    code = pool.code(address, 2)
    confirm = lambda code: cognito.confirm_sign_up(ClientId=pool.client, Username="ada", ConfirmationCode=code)
    wrong = "000000" if code != "000000" else "000001"
    refused(confirm, "CodeMismatchException", code=wrong)
    if first != code:
        refused(confirm, "CodeMismatchException", code=first)
    confirm(code)
    refused(confirm, "NotAuthorizedException", code=code)
    tokens = pool.sign_in("ada")
    told = cognito.get_user(AccessToken=tokens["AccessToken"])
    assert named(told["UserAttributes"]) == {"sub": made["UserSub"], "email": address, "email_verified": "true"}


def test_codes_are_not_guessed_and_not_asked_for_without_end(cognito, pool, unique):
    address = f"{unique}@example.com"
    sign_up(pool, "ada", address)
    code = pool.code(address)
    confirm = lambda code: cognito.confirm_sign_up(ClientId=pool.client, Username="ada", ConfirmationCode=code)
    for _ in range(5):
        refused(confirm, "CodeMismatchException", code="nonsense")
    refused(confirm, "LimitExceededException", code=code)
    for _ in range(4):
        cognito.resend_confirmation_code(ClientId=pool.client, Username="ada")
    refused(cognito.resend_confirmation_code, "LimitExceededException", ClientId=pool.client, Username="ada")
    cognito.admin_confirm_sign_up(UserPoolId=pool.id, Username="ada")
    assert pool.sign_in("ada")
    refused(cognito.admin_confirm_sign_up, "NotAuthorizedException", UserPoolId=pool.id, Username="ada")


@pytest.mark.parametrize("password, rule", [("Sh0rt-", "long"), ("lower-passw0rd", "uppercase"), ("UPPER-PASSW0RD", "lowercase"), ("No-Numbers", "numeric"), ("NoSymb0ls", "symbol")])
def test_passwords_keep_the_policy(pool, password, rule):
    assert rule in refused(sign_up, "InvalidPasswordException", pool=pool, name="ada", address="ada@example.com", password=password)


def test_tokens_are_signed_and_say_who_it_is(server, cognito, pool):
    pool.add("ada", name="Ada")
    cognito.create_group(UserPoolId=pool.id, GroupName="readers", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/reader", Precedence=1)
    cognito.admin_add_user_to_group(UserPoolId=pool.id, Username="ada", GroupName="readers")
    tokens = pool.sign_in("ada")
    id, access = (verify(server, pool, tokens[name]) for name in ("IdToken", "AccessToken"))
    sub = named(cognito.admin_get_user(UserPoolId=pool.id, Username="ada")["UserAttributes"])["sub"]
    expected = {"sub": sub, "token_use": "id", "aud": pool.client, "cognito:username": "ada", "email": "ada@example.com", "email_verified": True, "name": "Ada",
                "cognito:groups": ["readers"], "cognito:roles": [f"arn:aws:iam::{ACCOUNT}:role/reader"], "cognito:preferred_role": f"arn:aws:iam::{ACCOUNT}:role/reader"}
    assert {name: id[name] for name in expected} == expected
    assert id["iss"] == f"{server.endpoint}/{pool.id}" and id["exp"] - id["iat"] == 3600
    expected = {"sub": sub, "token_use": "access", "client_id": pool.client, "username": "ada", "scope": "aws.cognito.signin.user.admin", "cognito:groups": ["readers"]}
    assert {name: access[name] for name in expected} == expected and "aud" not in access and "email" not in access
    assert id["origin_jti"] == access["origin_jti"] and id["jti"] != access["jti"] and id["auth_time"] == access["auth_time"]
    again = pool.refresh(tokens["RefreshToken"])
    assert "RefreshToken" not in again
    assert (claims(again["AccessToken"])["origin_jti"], claims(again["AccessToken"])["auth_time"]) == (access["origin_jti"], access["auth_time"])
    assert verify(server, pool, again["IdToken"])["jti"] != id["jti"]
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetch(f"{server.endpoint}/{REGION}_none/.well-known/jwks.json")
    assert caught.value.code == 404


def test_somebody_signs_in_without_sending_the_password(cognito, pool):
    pool.add("ada")
    assert pool.sign_in_srp("ada")["AuthenticationResult"]["AccessToken"]
    assert refused(pool.sign_in_srp, "NotAuthorizedException", name="ada", password="Wrong-Passw0rd") == WRONG
    srp, begun = pool.begin_srp("ada")
    answer = srp.answer(begun["ChallengeParameters"])
    pool.respond(begun, **answer)
    assert "only be used once" in refused(pool.respond, "NotAuthorizedException", begun=begun, **answer)
    for unfit in ["0", "00", "zz"]:
        parameters = {"USERNAME": "ada", "SRP_A": unfit}
        refused(cognito.initiate_auth, "InvalidParameterException", ClientId=pool.client, AuthFlow="USER_SRP_AUTH", AuthParameters=parameters)
    other = dict(answer, PASSWORD_CLAIM_SECRET_BLOCK=base64.b64encode(b"x" * 100).decode())
    refused(pool.respond, "NotAuthorizedException", begun=begun, **other)


def test_a_temporary_password_is_changed_over_srp(cognito, pool):
    cognito.admin_create_user(UserPoolId=pool.id, Username="ada", TemporaryPassword=PASSWORD, MessageAction="SUPPRESS")
    begun = pool.sign_in_srp("ada")
    assert begun["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    assert pool.respond(begun, USERNAME="ada", NEW_PASSWORD="Newer-Passw0rd")["AuthenticationResult"]
    assert pool.sign_in_srp("ada", "Newer-Passw0rd")["AuthenticationResult"] and pool.sign_in("ada", "Newer-Passw0rd")


def test_a_client_with_a_secret_has_to_know_it(server, cognito, unique):
    pool = Pool(server, cognito, unique, client={"GenerateSecret": True})
    pool.add("ada")
    start = lambda **more: cognito.initiate_auth(ClientId=pool.client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": "ada", "PASSWORD": PASSWORD, **more})
    assert "SECRET_HASH was not received" in refused(start, "NotAuthorizedException")
    assert "does not match" in refused(start, "NotAuthorizedException", SECRET_HASH=secret_hash("other", "ada", pool.client))
    hash = secret_hash(pool.secret, "ada", pool.client)
    tokens = start(SECRET_HASH=hash)["AuthenticationResult"]
    refused(pool.refresh, "NotAuthorizedException", token=tokens["RefreshToken"])
    assert pool.refresh(tokens["RefreshToken"], SECRET_HASH=hash)
    refused(sign_up, "NotAuthorizedException", pool=pool, name="bob", address="bob@example.com")
    assert sign_up(pool, "bob", "bob@example.com", SecretHash=secret_hash(pool.secret, "bob", pool.client))
    refused(cognito.revoke_token, "NotAuthorizedException", Token=tokens["RefreshToken"], ClientId=pool.client)
    cognito.revoke_token(Token=tokens["RefreshToken"], ClientId=pool.client, ClientSecret=pool.secret)
    refused(pool.refresh, "NotAuthorizedException", token=tokens["RefreshToken"], SECRET_HASH=hash)


def test_flows_have_to_be_allowed(server, cognito, unique):
    pool = Pool(server, cognito, unique, flows=["REFRESH_TOKEN_AUTH"])
    pool.add("ada")
    refused(pool.begin, "InvalidParameterException", name="ada")
    refused(pool.begin_srp, "InvalidParameterException", name="ada")
    refused(cognito.initiate_auth, "InvalidParameterException", ClientId=pool.client, AuthFlow="CUSTOM_AUTH", AuthParameters={"USERNAME": "ada"})
    refused(cognito.admin_initiate_auth, "InvalidParameterException", UserPoolId=pool.id, ClientId=pool.client, AuthFlow="ADMIN_USER_PASSWORD_AUTH", AuthParameters={"USERNAME": "ada", "PASSWORD": PASSWORD})
    refused(cognito.initiate_auth, "InvalidParameterException", ClientId=pool.client, AuthFlow="ADMIN_USER_PASSWORD_AUTH", AuthParameters={"USERNAME": "ada", "PASSWORD": PASSWORD})
    assert "USER_AUTH" in refused(pool.choose, "InvalidParameterException", name="ada")


def test_administrators_sign_users_in(cognito, pool):
    cognito.admin_create_user(UserPoolId=pool.id, Username="ada", TemporaryPassword=PASSWORD, MessageAction="SUPPRESS")
    begun = cognito.admin_initiate_auth(UserPoolId=pool.id, ClientId=pool.client, AuthFlow="ADMIN_USER_PASSWORD_AUTH", AuthParameters={"USERNAME": "ada", "PASSWORD": PASSWORD})
    assert begun["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    done = cognito.admin_respond_to_auth_challenge(
        UserPoolId=pool.id, ClientId=pool.client, ChallengeName="NEW_PASSWORD_REQUIRED", Session=begun["Session"], ChallengeResponses={"USERNAME": "ada", "NEW_PASSWORD": "Newer-Passw0rd"}
    )
    assert done["AuthenticationResult"]["RefreshToken"]


def test_wrong_passwords_lock_out(pool):
    pool.add("ada")
    pool.add("bob")
    for _ in range(5):
        assert refused(pool.begin, "NotAuthorizedException", name="ada", password="Wrong-Passw0rd") == WRONG
    assert refused(pool.begin, "NotAuthorizedException", name="ada") == "Password attempts exceeded"
    assert refused(pool.sign_in_srp, "NotAuthorizedException", name="ada") == "Password attempts exceeded"
    assert pool.sign_in("bob"), "nobody else is locked out"


def test_nobody_learns_who_is_a_user_where_the_client_hides_it(server, cognito, unique):
    pool = Pool(server, cognito, unique, client={"PreventUserExistenceErrors": "ENABLED"})
    pool.add("ada")
    assert refused(pool.begin, "NotAuthorizedException", name="eve") == WRONG == refused(pool.begin, "NotAuthorizedException", name="ada", password="Wrong-Passw0rd")
    _, known = pool.begin_srp("ada")
    _, unknown = pool.begin_srp("eve")
    assert set(known["ChallengeParameters"]) == set(unknown["ChallengeParameters"])
    assert pool.begin_srp("eve")[1]["ChallengeParameters"]["SALT"] == unknown["ChallengeParameters"]["SALT"]
    for name in ["SALT", "USER_ID_FOR_SRP"]:
        assert unknown["ChallengeParameters"][name] not in ("", known["ChallengeParameters"][name])
    assert refused(pool.sign_in_srp, "NotAuthorizedException", name="eve") == WRONG
    assert cognito.forgot_password(ClientId=pool.client, Username="eve")["CodeDeliveryDetails"]["DeliveryMedium"] == "EMAIL"
    refused(cognito.confirm_forgot_password, "ExpiredCodeException", ClientId=pool.client, Username="eve", ConfirmationCode="123456", Password=PASSWORD)
    assert cognito.resend_confirmation_code(ClientId=pool.client, Username="eve")["CodeDeliveryDetails"]
    legacy = Pool(server, cognito, f"{unique}-legacy")
    for call in [lambda: legacy.begin("eve"), lambda: legacy.begin_srp("eve"), lambda: cognito.forgot_password(ClientId=legacy.client, Username="eve")]:
        assert refused(call, "UserNotFoundException") == "User does not exist."


def test_a_forgotten_password_is_set_anew(cognito, pool, unique):
    address = f"{unique}@example.com"
    pool.add("ada", address)
    details = cognito.forgot_password(ClientId=pool.client, Username="ada")["CodeDeliveryDetails"]
    assert details["AttributeName"] == "email"
    code = pool.code(address)
    confirm = lambda code, password="Newer-Passw0rd": cognito.confirm_forgot_password(ClientId=pool.client, Username="ada", ConfirmationCode=code, Password=password)
    refused(confirm, "CodeMismatchException", code="nonsense")
    refused(confirm, "InvalidPasswordException", code=code, password="short")
    confirm(code)
    refused(confirm, "ExpiredCodeException", code=code)
    refused(pool.begin, "NotAuthorizedException", name="ada")
    assert pool.sign_in("ada", "Newer-Passw0rd")
    cognito.admin_reset_user_password(UserPoolId=pool.id, Username="ada")
    assert cognito.admin_get_user(UserPoolId=pool.id, Username="ada")["UserStatus"] == "RESET_REQUIRED"
    refused(pool.begin, "PasswordResetRequiredException", name="ada", password="Newer-Passw0rd")
    confirm(pool.code(address, 2), PASSWORD)
    assert pool.sign_in("ada")


def test_a_pool_may_leave_recovery_to_administrators(server, cognito, unique):
    pool = Pool(server, cognito, unique, AccountRecoverySetting={"RecoveryMechanisms": [{"Name": "admin_only", "Priority": 1}]})
    pool.add("ada")
    for name in ["ada", "eve"]:
        assert refused(cognito.forgot_password, "NotAuthorizedException", ClientId=pool.client, Username=name) == "Contact administrator to reset password."


def test_users_change_their_passwords_and_attributes(cognito, pool, unique):
    pool.add("ada")
    token = pool.sign_in("ada")["AccessToken"]
    change = lambda old, new: cognito.change_password(AccessToken=token, PreviousPassword=old, ProposedPassword=new)
    refused(change, "NotAuthorizedException", old="Wrong-Passw0rd", new="Newer-Passw0rd")
    refused(change, "InvalidPasswordException", old=PASSWORD, new="short")
    change(PASSWORD, "Newer-Passw0rd")
    cognito.admin_update_user_attributes(UserPoolId=pool.id, Username="ada", UserAttributes=[{"Name": "email_verified", "Value": "True"}])
    assert pool.sign_in("ada", "Newer-Passw0rd") and pool.sign_in_srp("ada", "Newer-Passw0rd")
    address = f"{unique}@example.com"
    update = lambda name, value: cognito.update_user_attributes(AccessToken=token, UserAttributes=[{"Name": name, "Value": value}])["CodeDeliveryDetailsList"]
    assert update("name", "Ada") == []
    assert update("email", address)[0]["AttributeName"] == "email"
    told = lambda: named(cognito.get_user(AccessToken=token)["UserAttributes"])
    assert (told()["email"], told()["email_verified"], told()["name"]) == (address, "false", "Ada")
    refused(cognito.verify_user_attribute, "CodeMismatchException", AccessToken=token, AttributeName="email", Code="nonsense")
    cognito.get_user_attribute_verification_code(AccessToken=token, AttributeName="email")
    cognito.verify_user_attribute(AccessToken=token, AttributeName="email", Code=pool.code(address, 2))
    assert told()["email_verified"] == "true"
    refused(update, "NotAuthorizedException", name="email_verified", value="true")
    refused(update, "InvalidParameterException", name="custom:none", value="x")
    cognito.delete_user_attributes(AccessToken=token, UserAttributeNames=["name"])
    assert "name" not in told()
    cognito.delete_user(AccessToken=token)
    refused(cognito.get_user, "UserNotFoundException", AccessToken=token)
    refused(pool.begin, "UserNotFoundException", name="ada")


def test_a_code_proves_only_the_address_that_it_went_to(server, cognito, unique):
    pool, address = Pool(server, cognito, unique, AutoVerifiedAttributes=[]), f"{unique}@example.com"
    pool.add("ada", address)
    token = pool.sign_in("ada")["AccessToken"]
    cognito.get_user_attribute_verification_code(AccessToken=token, AttributeName="email")
    cognito.update_user_attributes(AccessToken=token, UserAttributes=[{"Name": "email", "Value": "another@example.com"}])
    refused(cognito.verify_user_attribute, "ExpiredCodeException", AccessToken=token, AttributeName="email", Code=pool.code(address))
    assert named(cognito.get_user(AccessToken=token)["UserAttributes"])["email_verified"] == "false"


def test_an_address_can_stay_until_the_new_one_is_verified(server, cognito, unique):
    pool = Pool(server, cognito, unique, UserAttributeUpdateSettings={"AttributesRequireVerificationBeforeUpdate": ["email"]})
    pool.add("ada")
    token = pool.sign_in("ada")["AccessToken"]
    address = f"{unique}@example.com"
    cognito.update_user_attributes(AccessToken=token, UserAttributes=[{"Name": "email", "Value": address}])
    told = lambda: named(cognito.get_user(AccessToken=token)["UserAttributes"])
    assert (told()["email"], told()["email_verified"]) == ("ada@example.com", "true")
    cognito.verify_user_attribute(AccessToken=token, AttributeName="email", Code=pool.code(address))
    assert (told()["email"], told()["email_verified"]) == (address, "true")


def test_clients_read_and_write_what_they_may(server, cognito, unique):
    pool = Pool(server, cognito, unique, client={"ReadAttributes": ["name"], "WriteAttributes": ["name"]})
    pool.add("ada", name="Ada")
    tokens = pool.sign_in("ada")
    assert "email" not in claims(tokens["IdToken"]) and claims(tokens["IdToken"])["name"] == "Ada"
    assert set(named(cognito.get_user(AccessToken=tokens["AccessToken"])["UserAttributes"])) == {"sub", "name"}
    refused(cognito.update_user_attributes, "NotAuthorizedException", AccessToken=tokens["AccessToken"], UserAttributes=[{"Name": "email", "Value": "a@example.com"}])
    refused(sign_up, "NotAuthorizedException", pool=pool, name="bob", address="bob@example.com")


def test_sign_outs_end_tokens(cognito, pool):
    pool.add("ada")
    first, second = pool.sign_in("ada"), pool.sign_in("ada")
    cognito.revoke_token(Token=first["RefreshToken"], ClientId=pool.client)
    refused(pool.refresh, "NotAuthorizedException", token=first["RefreshToken"])
    assert refused(cognito.get_user, "NotAuthorizedException", AccessToken=first["AccessToken"]) == "Access Token has been revoked"
    assert cognito.get_user(AccessToken=second["AccessToken"])
    refused(cognito.revoke_token, "UnsupportedTokenTypeException", Token=second["AccessToken"], ClientId=pool.client)
    cognito.global_sign_out(AccessToken=second["AccessToken"])
    refused(pool.refresh, "NotAuthorizedException", token=second["RefreshToken"])
    refused(cognito.get_user, "NotAuthorizedException", AccessToken=second["AccessToken"])
    third = pool.sign_in("ada")
    cognito.admin_user_global_sign_out(UserPoolId=pool.id, Username="ada")
    refused(pool.refresh, "NotAuthorizedException", token=third["RefreshToken"])
    for token in ["", "x", "a.b.c", first["IdToken"], first["AccessToken"][:-4] + "AAAA"]:
        refused(cognito.get_user, "NotAuthorizedException", AccessToken=token)
    fourth = pool.sign_in("ada")
    cognito.admin_disable_user(UserPoolId=pool.id, Username="ada")
    assert refused(pool.begin, "NotAuthorizedException", name="ada") == "User is disabled."
    refused(pool.refresh, "NotAuthorizedException", token=fourth["RefreshToken"])


def test_an_authenticator_is_a_second_factor(cognito, pool):
    cognito.set_user_pool_mfa_config(UserPoolId=pool.id, MfaConfiguration="OPTIONAL", SoftwareTokenMfaConfiguration={"Enabled": True})
    told = cognito.get_user_pool_mfa_config(UserPoolId=pool.id)
    assert (told["MfaConfiguration"], told["SoftwareTokenMfaConfiguration"]) == ("OPTIONAL", {"Enabled": True})
    pool.add("ada")
    token = pool.sign_in("ada")["AccessToken"]
    prefer = lambda: cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True})
    refused(prefer, "InvalidParameterException")
    secret = cognito.associate_software_token(AccessToken=token)["SecretCode"]
    refused(cognito.verify_software_token, "EnableSoftwareTokenMFAException", AccessToken=token, UserCode=f"{(int(authenticator(secret)) + 1) % 1_000_000:06}")
    assert cognito.verify_software_token(AccessToken=token, UserCode=authenticator(secret))["Status"] == "SUCCESS"
    prefer()
    assert cognito.get_user(AccessToken=token)["UserMFASettingList"] == ["SOFTWARE_TOKEN_MFA"]
    begun = pool.begin("ada")
    assert begun["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    code = authenticator(secret, 1)
    refused(pool.respond, "CodeMismatchException", begun=begun, USERNAME="ada", SOFTWARE_TOKEN_MFA_CODE=f"{(int(code) + 1) % 1_000_000:06}")
    assert pool.respond(begun, USERNAME="ada", SOFTWARE_TOKEN_MFA_CODE=code)["AuthenticationResult"]
    refused(pool.respond, "CodeMismatchException", begun=pool.begin("ada"), USERNAME="ada", SOFTWARE_TOKEN_MFA_CODE=code)
    cognito.admin_set_user_mfa_preference(UserPoolId=pool.id, Username="ada", SoftwareTokenMfaSettings={"Enabled": False})
    assert pool.sign_in("ada")


def test_a_second_factor_that_is_asked_of_everybody_is_set_up_on_the_way(cognito, pool):
    cognito.set_user_pool_mfa_config(UserPoolId=pool.id, MfaConfiguration="ON", SoftwareTokenMfaConfiguration={"Enabled": True})
    pool.add("ada")
    begun = pool.sign_in_srp("ada")
    assert begun["ChallengeName"] == "MFA_SETUP"
    refused(pool.respond, "InvalidParameterException", begun=begun, USERNAME="ada")
    associated = cognito.associate_software_token(Session=begun["Session"])
    verified = cognito.verify_software_token(Session=associated["Session"], UserCode=authenticator(associated["SecretCode"]))
    assert pool.respond({"ChallengeName": "MFA_SETUP", "Session": verified["Session"]}, USERNAME="ada")["AuthenticationResult"]
    begun = pool.begin("ada")
    assert pool.respond(begun, USERNAME="ada", SOFTWARE_TOKEN_MFA_CODE=authenticator(associated["SecretCode"], 1))["AuthenticationResult"]


def test_a_code_by_mail_is_a_second_factor(cognito, pool, unique):
    configuration = {"Message": "Type {####} now.", "Subject": "Code"}
    cognito.set_user_pool_mfa_config(UserPoolId=pool.id, MfaConfiguration="ON", EmailMfaConfiguration=configuration, SoftwareTokenMfaConfiguration={"Enabled": True})
    address = f"{unique}@example.com"
    pool.add("ada", address)
    begun = pool.begin("ada")
    assert (begun["ChallengeName"], begun["ChallengeParameters"]["CODE_DELIVERY_DESTINATION"]) == ("EMAIL_OTP", "t***@e***")
    assert pool.mail(address)["Subject"] == "Code"
    refused(pool.respond, "CodeMismatchException", begun=begun, USERNAME="ada", EMAIL_OTP_CODE="nonsense")
    assert pool.respond(begun, USERNAME="ada", EMAIL_OTP_CODE=pool.code(address))["AuthenticationResult"]
    refused(pool.respond, "NotAuthorizedException", begun=begun, USERNAME="ada", EMAIL_OTP_CODE=pool.code(address))
    cognito.admin_set_user_mfa_preference(UserPoolId=pool.id, Username="ada", EmailMfaSettings={"Enabled": True})
    token = pool.respond(begun := pool.begin("ada"), USERNAME="ada", EMAIL_OTP_CODE=pool.code(address, 2))["AuthenticationResult"]["AccessToken"]
    secret = cognito.associate_software_token(AccessToken=token)["SecretCode"]
    cognito.verify_software_token(AccessToken=token, UserCode=authenticator(secret))
    cognito.admin_set_user_mfa_preference(UserPoolId=pool.id, Username="ada", SoftwareTokenMfaSettings={"Enabled": True})
    begun = pool.begin("ada")
    assert begun["ChallengeName"] == "SELECT_MFA_TYPE" and set(json.loads(begun["ChallengeParameters"]["MFAS_CAN_CHOOSE"])) == {"SOFTWARE_TOKEN_MFA", "EMAIL_OTP"}
    begun = pool.respond(begun, USERNAME="ada", ANSWER="SOFTWARE_TOKEN_MFA")
    assert pool.respond(begun, USERNAME="ada", SOFTWARE_TOKEN_MFA_CODE=authenticator(secret, 1))["AuthenticationResult"]


# A function for every trigger: it answers by the trigger's source and by what the user is called.
SOURCE = '''
def handler(event, context):
    source, request, response = event["triggerSource"], event["request"], event["response"]
    name = event["userName"]
    if source == "PreSignUp_SignUp":
        if name.startswith("unwanted"):
            raise Exception("not you")
        response["autoConfirmUser"] = response["autoVerifyEmail"] = name.startswith("auto")
    elif source.startswith("CustomMessage_"):
        response["emailSubject"] = "From us"
        response["emailMessage"] = f"{source}: {request['codeParameter']}"
    elif source == "PreAuthentication_Authentication":
        if name.startswith("barred") or request["validationData"].get("reason") == "no":
            raise Exception("barred")
    elif source.startswith("TokenGeneration_"):
        if event["version"] == "1":
            response["claimsOverrideDetails"] = {
                "claimsToAddOrOverride": {"color": "red", "sub": "another"}, "claimsToSuppress": ["email"],
                "groupOverrideDetails": {"groupsToOverride": ["made-up"], "iamRolesToOverride": [], "preferredRole": None},
            }
        else:
            response["claimsAndScopeOverrideDetails"] = {
                "idTokenGeneration": {"claimsToAddOrOverride": {"color": ["red", {"deep": 1}]}},
                "accessTokenGeneration": {"claimsToAddOrOverride": {"plan": source}, "scopesToAdd": ["read"]},
            }
    elif source == "UserMigration_Authentication":
        if request["password"] != "Old-Passw0rd":
            raise Exception("unknown")
        response["userAttributes"] = {"email": "old@example.com", "email_verified": "true"}
        response["finalUserStatus"] = "CONFIRMED"
    elif source == "DefineAuthChallenge_Authentication":
        session = request["session"]
        answered = [round["challengeResult"] for round in session if round["challengeName"] == "CUSTOM_CHALLENGE"]
        response["issueTokens"] = answered[-1:] == [True]
        response["failAuthentication"] = len(answered) == 2 and not answered[-1]
        with_srp = session and session[-1]["challengeName"] == "SRP_A"
        response["challengeName"] = "PASSWORD_VERIFIER" if with_srp else "CUSTOM_CHALLENGE"
    elif source == "CreateAuthChallenge_Authentication":
        response["publicChallengeParameters"] = {"question": "6 * 7"}
        response["privateChallengeParameters"] = {"answer": "42"}
        response["challengeMetadata"] = "SUM"
    elif source == "VerifyAuthChallengeResponse_Authentication":
        response["answerCorrect"] = request["challengeAnswer"] == request["privateChallengeParameters"]["answer"]
    elif source == "PostConfirmation_ConfirmSignUp" and name == "autofails":
        raise Exception("too late")
    elif source == "PostAuthentication_Authentication" and name.startswith("odd"):
        return "nonsense"
    return event
'''
TRIGGERS = ["PreSignUp", "CustomMessage", "PostConfirmation", "PreAuthentication", "PostAuthentication", "PreTokenGeneration", "UserMigration",
            "DefineAuthChallenge", "CreateAuthChallenge", "VerifyAuthChallengeResponse"]


@pytest.fixture(scope="module")
def function(lambda_, iam):
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="behind-pools", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", SOURCE)
    made = lambda_.create_function(FunctionName="behind-pools", Runtime="python3.12", Handler="app.handler", Role=role, Timeout=20, Code={"ZipFile": package.getvalue()})
    return made["FunctionArn"]


@pytest.fixture
def triggered(server, cognito, lambda_, function, unique):
    pool = Pool(server, cognito, unique, LambdaConfig={name: function for name in TRIGGERS})
    permission = {"Action": "lambda:InvokeFunction", "Principal": "cognito-idp.amazonaws.com"}
    lambda_.add_permission(FunctionName="behind-pools", StatementId=unique, SourceArn=pool.arn, **permission)
    return pool


def test_functions_decide_on_new_users_and_word_their_mail(cognito, triggered, unique):
    pool, address = triggered, f"{unique}@example.com"
    assert refused(sign_up, "UserLambdaValidationException", pool=pool, name="unwanted", address=address) == "PreSignUp failed with error not you."
    assert sign_up(pool, "auto", address)["UserConfirmed"]
    assert named(cognito.admin_get_user(UserPoolId=pool.id, Username="auto")["UserAttributes"])["email_verified"] == "true"
    assert "too late" in refused(sign_up, "UserLambdaValidationException", pool=pool, name="autofails", address="x@example.com")
    sign_up(pool, "ada", address)
    mail = pool.mail(address)
    assert mail["Subject"] == "From us" and mail["Text"].startswith("CustomMessage_SignUp: ")
    cognito.confirm_sign_up(ClientId=pool.client, Username="ada", ConfirmationCode=pool.code(address))


def test_functions_decide_on_sign_ins_and_claims(cognito, triggered, function):
    pool = triggered
    for name in ["ada", "barred", "odd"]:
        pool.add(name)
    id, access = (claims(token) for token in (lambda tokens: (tokens["IdToken"], tokens["AccessToken"]))(pool.sign_in("ada")))
    assert (id["color"], id["cognito:groups"], access["cognito:groups"]) == ("red", ["made-up"], ["made-up"])
    assert "email" not in id and id["sub"] != "another" and "color" not in access
    assert refused(pool.begin, "UserLambdaValidationException", name="barred") == "PreAuthentication failed with error barred."
    assert refused(pool.begin, "InvalidLambdaResponseException", name="odd") == "Unrecognizable lambda output"
    refused(pool.begin, "UserLambdaValidationException", name="ada", ClientMetadata={"reason": "no"})
    config = {"PreTokenGenerationConfig": {"LambdaVersion": "V2_0", "LambdaArn": function}}
    cognito.update_user_pool(UserPoolId=pool.id, LambdaConfig=config)
    told = cognito.describe_user_pool(UserPoolId=pool.id)["UserPool"]["LambdaConfig"]
    assert told == config | {"PreTokenGeneration": function}
    tokens = pool.sign_in("ada")
    assert claims(tokens["IdToken"])["color"] == ["red", {"deep": 1}]
    assert (claims(tokens["AccessToken"])["plan"], claims(tokens["AccessToken"])["scope"]) == ("TokenGeneration_Authentication", "aws.cognito.signin.user.admin read")
    assert claims(pool.refresh(tokens["RefreshToken"])["AccessToken"])["plan"] == "TokenGeneration_RefreshTokens"


def test_users_are_taken_over_from_another_directory(cognito, triggered):
    pool = triggered
    refused(pool.begin, "UserNotFoundException", name="old")
    assert pool.sign_in("old", "Old-Passw0rd") and pool.sign_in_srp("old", "Old-Passw0rd")
    assert named(cognito.admin_get_user(UserPoolId=pool.id, Username="old")["UserAttributes"])["email"] == "old@example.com"


def test_functions_ask_questions_of_their_own(cognito, triggered):
    pool = triggered
    pool.add("ada")
    start = lambda: cognito.initiate_auth(ClientId=pool.client, AuthFlow="CUSTOM_AUTH", AuthParameters={"USERNAME": "ada"})
    begun = start()
    assert (begun["ChallengeName"], begun["ChallengeParameters"]) == ("CUSTOM_CHALLENGE", {"question": "6 * 7", "USERNAME": "ada"})
    assert "42" not in json.dumps(begun["ChallengeParameters"])
    again = pool.respond(begun, USERNAME="ada", ANSWER="41")
    assert again["ChallengeName"] == "CUSTOM_CHALLENGE"
    refused(pool.respond, "NotAuthorizedException", begun=begun, USERNAME="ada", ANSWER="42")
    assert pool.respond(again, USERNAME="ada", ANSWER="42")["AuthenticationResult"]["IdToken"]
    refused(pool.respond, "NotAuthorizedException", begun=again, USERNAME="ada", ANSWER="42")
    again = pool.respond(start(), USERNAME="ada", ANSWER="x")
    assert refused(pool.respond, "NotAuthorizedException", begun=again, USERNAME="ada", ANSWER="x") == WRONG
    srp, begun = pool.begin_srp("ada", flow="CUSTOM_AUTH", CHALLENGE_NAME="SRP_A")
    assert begun["ChallengeName"] == "PASSWORD_VERIFIER"
    begun = pool.respond(begun, **srp.answer(begun["ChallengeParameters"]))
    assert begun["ChallengeName"] == "CUSTOM_CHALLENGE"
    assert pool.respond(begun, USERNAME="ada", ANSWER="42")["AuthenticationResult"]


def test_functions_have_to_let_the_pool_in(server, cognito, function, unique):
    pool = Pool(server, cognito, unique, LambdaConfig={"PreAuthentication": function})
    pool.add("ada")
    assert "PreAuthentication" in refused(pool.begin, "UnexpectedLambdaException", name="ada")
