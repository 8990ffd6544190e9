"""Cognito's user pools: what administrators make and change. How users sign up and in is in test_cognito_users.py."""

import json

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION
from cognito_users import PASSWORD, Pool
from test_kms import user


def refused(call, *codes, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    assert error["Code"] in codes, error
    return error["Message"]


@pytest.fixture
def pool(server, cognito, unique):
    return Pool(server, cognito, unique)


def named(attributes):
    return {attribute["Name"]: attribute["Value"] for attribute in attributes}


def test_a_pool_is_made_changed_and_deleted(cognito, unique):
    made = cognito.create_user_pool(PoolName=unique, UserPoolTags={"a": "b"})["UserPool"]
    id = made["Id"]
    assert id.startswith(f"{REGION}_") and made["Arn"] == f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{id}"
    policy = made["Policies"]["PasswordPolicy"]
    assert (policy["MinimumLength"], policy["RequireSymbols"], policy["TemporaryPasswordValidityDays"]) == (8, True, 7)
    assert (made["MfaConfiguration"], made["DeletionProtection"], made["UserPoolTags"]) == ("OFF", "INACTIVE", {"a": "b"})
    assert len(made["SchemaAttributes"]) == 20
    assert cognito.describe_user_pool(UserPoolId=id)["UserPool"] == made
    changed = {
        "Policies": {"PasswordPolicy": {"MinimumLength": 10, "RequireNumbers": True}},
        "DeletionProtection": "ACTIVE",
        "AutoVerifiedAttributes": ["email"],
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": True},
        "AccountRecoverySetting": {"RecoveryMechanisms": [{"Priority": 1, "Name": "verified_email"}]},
        "VerificationMessageTemplate": {"EmailSubject": "Hi", "EmailMessage": "It is {####}."},
    }
    cognito.update_user_pool(UserPoolId=id, **changed)
    told = cognito.describe_user_pool(UserPoolId=id)["UserPool"]
    assert told["Policies"]["PasswordPolicy"]["MinimumLength"] == 10 and not told["Policies"]["PasswordPolicy"]["RequireSymbols"]
    assert told["DeletionProtection"] == "ACTIVE" and told["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"]
    assert told["EmailVerificationSubject"] == "Hi" and told["UserPoolTags"] == {"a": "b"}
    assert "deletion protection" in refused(cognito.delete_user_pool, "InvalidParameterException", UserPoolId=id)
    cognito.update_user_pool(UserPoolId=id)
    told = cognito.describe_user_pool(UserPoolId=id)["UserPool"]
    assert (told["DeletionProtection"], told.get("AutoVerifiedAttributes")) == ("INACTIVE", None), "what is not given is as in a new pool"
    cognito.delete_user_pool(UserPoolId=id)
    assert refused(cognito.describe_user_pool, "ResourceNotFoundException", UserPoolId=id) == f"User pool {id} does not exist."


def test_pools_are_listed_in_pages_and_tagged(cognito, unique):
    ids = {cognito.create_user_pool(PoolName=f"{unique}-{number}")["UserPool"]["Id"] for number in range(3)}
    pages = cognito.get_paginator("list_user_pools").paginate(PaginationConfig={"PageSize": 2})
    listed = [pool["Id"] for page in pages for pool in page["UserPools"]]
    assert ids <= set(listed) and len(listed) == len(set(listed))
    arn = f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{min(ids)}"
    cognito.tag_resource(ResourceArn=arn, Tags={"a": "1", "b": "2"})
    cognito.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert cognito.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"b": "2"}
    for id in ids:
        cognito.delete_user_pool(UserPoolId=id)
    refused(cognito.list_tags_for_resource, "ResourceNotFoundException", ResourceArn=arn)


@pytest.mark.parametrize("settings, code", [
    ({"PoolName": ""}, "InvalidParameterException"),
    ({"PoolName": "a/b"}, "InvalidParameterException"),
    ({"Policies": {"PasswordPolicy": {"MinimumLength": 5}}}, "InvalidParameterException"),
    ({"MfaConfiguration": "MAYBE"}, "InvalidParameterException"),
    ({"AliasAttributes": ["email"], "UsernameAttributes": ["email"]}, "InvalidParameterException"),
    ({"Schema": [{"Name": "a", "Required": True}]}, "InvalidParameterException"),
    ({"Schema": [{"Name": "a"}]}, "InvalidParameterException"),
    ({"Schema": [{"Name": "a", "AttributeDataType": "String"}] * 2}, "InvalidParameterException"),
    ({"Schema": [{"Name": "email", "AttributeDataType": "Number"}]}, "InvalidParameterException"),
    ({"Schema": [{"Name": "email", "AttributeDataType": "String", "DeveloperOnlyAttribute": True}]}, "InvalidParameterException"),
    ({"Schema": [{"Name": "a", "AttributeDataType": "String", "StringAttributeConstraints": {"MinLength": "x"}}]}, "InvalidParameterException"),
    ({"Schema": [{"Name": "a", "AttributeDataType": "String", "StringAttributeConstraints": {"MaxLength": "2049"}}]}, "InvalidParameterException"),
    ({"Schema": [{"Name": "a", "AttributeDataType": "String", "StringAttributeConstraints": {"MinLength": "2", "MaxLength": "1"}}]}, "InvalidParameterException"),
    ({"Schema": [{"Name": "a", "AttributeDataType": "Number", "NumberAttributeConstraints": {"MinValue": "2", "MaxValue": "1"}}]}, "InvalidParameterException"),
    ({"EmailVerificationMessage": "no place for it"}, "InvalidParameterException"),
    ({"LambdaConfig": {"PreSignUp": "arn:aws:sqs:us-east-1:000000000000:queue-that-is-none"}}, "InvalidParameterException"),
    ({"LambdaConfig": {"CustomEmailSender": {"LambdaVersion": "V1_0", "LambdaArn": "arn:aws:lambda:us-east-1:000000000000:function:f"}}}, "NotImplemented"),
    ({"AutoVerifiedAttributes": ["phone_number"]}, "NotImplemented"),
    ({"UserPoolAddOns": {"AdvancedSecurityMode": "ENFORCED"}}, "NotImplemented"),
    ({"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "SMS_OTP"]}}}, "NotImplemented"),
    ({"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EYES"]}}}, "InvalidParameterException"),
])
def test_what_a_pool_cannot_be_is_refused(cognito, settings, code):
    message = refused(cognito.create_user_pool, code, **({"PoolName": "x"} | settings))
    assert code != "NotImplemented" or "Cognito" in message


def test_attributes_have_a_schema(server, cognito, unique):
    schema = [
        {"Name": "plan", "AttributeDataType": "String", "Mutable": True, "StringAttributeConstraints": {"MinLength": "2", "MaxLength": "5"}},
        {"Name": "born", "AttributeDataType": "Number", "NumberAttributeConstraints": {"MinValue": "1900"}},
        {"Name": "name", "Required": True, "Mutable": True},
    ]
    pool = Pool(server, cognito, unique, Schema=schema)
    cognito.add_custom_attributes(UserPoolId=pool.id, CustomAttributes=[{"Name": "late", "AttributeDataType": "Boolean", "Mutable": True}])
    told = {attribute["Name"]: attribute for attribute in cognito.describe_user_pool(UserPoolId=pool.id)["UserPool"]["SchemaAttributes"]}
    assert told["custom:plan"]["StringAttributeConstraints"] == {"MinLength": "2", "MaxLength": "5"}
    assert told["name"]["Required"] and told["custom:late"]["AttributeDataType"] == "Boolean"
    listed = lambda attributes: [{"Name": key, "Value": value} for key, value in attributes.items()]
    create = lambda attributes: cognito.admin_create_user(UserPoolId=pool.id, Username="ada", MessageAction="SUPPRESS", UserAttributes=listed(attributes))
    wrongs = [{"custom:plan": "x"}, {"custom:plan": "xxxxxx"}, {"custom:born": "1800"}, {"custom:born": "x"}, {"custom:none": "x"}, {"email": "nobody"}, {"custom:late": "x"}, {"sub": "x"}]
    for wrong in wrongs:
        refused(create, "InvalidParameterException", attributes={"name": "a"} | wrong)
    # What everybody must have, whoever signs up tells at once; whom an administrator makes is asked for it later.
    refused(cognito.sign_up, "InvalidParameterException", ClientId=pool.client, Username="eve", Password=PASSWORD)
    pool.add("ada", name="Ada", **{"custom:plan": "free", "custom:born": "1915"})
    change = lambda attributes: cognito.admin_update_user_attributes(UserPoolId=pool.id, Username="ada", UserAttributes=listed(attributes))
    change({"custom:plan": "paid", "email": "new@example.com"})
    told = cognito.admin_get_user(UserPoolId=pool.id, Username="ada")
    attributes = named(told["UserAttributes"])
    assert (attributes["custom:plan"], attributes["email_verified"], told["Enabled"], told["UserStatus"]) == ("paid", "false", True, "CONFIRMED")
    refused(change, "InvalidParameterException", attributes={"custom:born": "1916"})
    cognito.admin_delete_user_attributes(UserPoolId=pool.id, Username="ada", UserAttributeNames=["custom:plan"])
    assert "custom:plan" not in named(cognito.admin_get_user(UserPoolId=pool.id, Username="ada")["UserAttributes"])
    refused(cognito.admin_delete_user_attributes, "InvalidParameterException", UserPoolId=pool.id, Username="ada", UserAttributeNames=["name"])


def test_a_standard_attribute_that_a_schema_names_keeps_its_limits_and_its_first_value(server, cognito, unique):
    schema = [{"Name": "email", "Required": True}, {"Name": "birthdate", "Mutable": True}, {"Name": "name", "StringAttributeConstraints": {"MinLength": "3"}}]
    update_settings = {"AttributesRequireVerificationBeforeUpdate": ["email"]}
    pool = Pool(server, cognito, unique, Schema=schema, AutoVerifiedAttributes=["email"], UserAttributeUpdateSettings=update_settings)
    told = {attribute["Name"]: attribute for attribute in cognito.describe_user_pool(UserPoolId=pool.id)["UserPool"]["SchemaAttributes"]}
    assert (told["email"]["Mutable"], told["email"]["Required"], told["given_name"]["Mutable"]) == (False, True, True)
    limits = {name: told[name]["StringAttributeConstraints"] for name in ("email", "birthdate", "name")}
    assert limits == {"email": {"MinLength": "0", "MaxLength": "2048"}, "birthdate": {"MinLength": "10", "MaxLength": "10"}, "name": {"MinLength": "3", "MaxLength": "2048"}}
    pool.add("ada", email="ada@example.com")
    change = lambda name, value: cognito.admin_update_user_attributes(UserPoolId=pool.id, Username="ada", UserAttributes=[{"Name": name, "Value": value}])
    refused(change, "InvalidParameterException", name="birthdate", value="19")
    change("birthdate", "1815-12-10")
    change("email", "ada@example.com")
    new = "countess@example.com"
    assert refused(change, "InvalidParameterException", name="email", value=new) == "user.email: Attribute cannot be updated.\n"
    token = pool.sign_in("ada")["AccessToken"]
    refused(cognito.update_user_attributes, "InvalidParameterException", AccessToken=token, UserAttributes=[{"Name": "email", "Value": new}])
    # Whom an administrator makes without it is asked for it, once.
    cognito.admin_create_user(UserPoolId=pool.id, Username="grace", TemporaryPassword="Tempor4ry-pass", MessageAction="SUPPRESS")
    begun = cognito.initiate_auth(ClientId=pool.client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": "grace", "PASSWORD": "Tempor4ry-pass"})
    assert json.loads(begun["ChallengeParameters"]["requiredAttributes"]) == ["userAttributes.email"]
    responses = {"USERNAME": "grace", "NEW_PASSWORD": "Newer-Passw0rd", "userAttributes.email": "grace@example.com"}
    cognito.respond_to_auth_challenge(ClientId=pool.client, ChallengeName=begun["ChallengeName"], Session=begun["Session"], ChallengeResponses=responses)
    change = {"UserPoolId": pool.id, "Username": "grace", "UserAttributes": [{"Name": "email", "Value": new}]}
    refused(cognito.admin_update_user_attributes, "InvalidParameterException", **change)


def test_clients_are_made_changed_and_deleted(cognito, pool):
    settings = {
        "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        "AccessTokenValidity": 10, "IdTokenValidity": 20, "RefreshTokenValidity": 2,
        "TokenValidityUnits": {"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "hours"},
        "ReadAttributes": ["email"], "WriteAttributes": ["email"], "PreventUserExistenceErrors": "ENABLED",
        "CallbackURLs": ["https://example.com"], "AllowedOAuthFlows": ["code"], "AllowedOAuthScopes": ["openid"], "AllowedOAuthFlowsUserPoolClient": True,
        "AuthSessionValidity": 5,
    }
    made = cognito.create_user_pool_client(UserPoolId=pool.id, ClientName="web", GenerateSecret=True, **settings)["UserPoolClient"]
    assert len(made["ClientId"]) == 26 and len(made["ClientSecret"]) == 51
    assert {name: made[name] for name in settings} == settings
    id = made["ClientId"]
    assert cognito.describe_user_pool_client(UserPoolId=pool.id, ClientId=id)["UserPoolClient"] == made
    changed = cognito.update_user_pool_client(UserPoolId=pool.id, ClientId=id, ClientName="other")["UserPoolClient"]
    assert (changed["ClientName"], changed["ClientSecret"], changed["RefreshTokenValidity"]) == ("other", made["ClientSecret"], 30)
    assert "ReadAttributes" not in changed and "ALLOW_USER_SRP_AUTH" in changed["ExplicitAuthFlows"]
    pages = cognito.get_paginator("list_user_pool_clients").paginate(UserPoolId=pool.id, PaginationConfig={"PageSize": 1})
    assert {client["ClientId"] for page in pages for client in page["UserPoolClients"]} == {id, pool.client}
    for wrong in [{"ExplicitAuthFlows": ["ALL"]}, {"ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "USER_PASSWORD_AUTH"]}, {"AccessTokenValidity": 2, "TokenValidityUnits": {"AccessToken": "minutes"}},
                  {"ReadAttributes": ["custom:none"]}, {"AccessTokenValidity": 24, "RefreshTokenValidity": 2, "TokenValidityUnits": {"RefreshToken": "hours"}}, {"AuthSessionValidity": 16}]:
        refused(cognito.create_user_pool_client, "InvalidParameterException", UserPoolId=pool.id, ClientName="x", **wrong)
    other = cognito.create_user_pool(PoolName="other")["UserPool"]["Id"]
    refused(cognito.describe_user_pool_client, "ResourceNotFoundException", UserPoolId=other, ClientId=id)
    cognito.delete_user_pool_client(UserPoolId=pool.id, ClientId=id)
    refused(cognito.describe_user_pool_client, "ResourceNotFoundException", UserPoolId=pool.id, ClientId=id)
    refused(cognito.initiate_auth, "ResourceNotFoundException", ClientId=id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": "a", "PASSWORD": "b"})


def test_groups_have_members(cognito, pool):
    role = f"arn:aws:iam::{ACCOUNT}:role/reader"
    made = cognito.create_group(UserPoolId=pool.id, GroupName="readers", Description="d", RoleArn=role, Precedence=3)["Group"]
    assert (made["RoleArn"], made["Precedence"]) == (role, 3)
    refused(cognito.create_group, "GroupExistsException", UserPoolId=pool.id, GroupName="readers")
    cognito.create_group(UserPoolId=pool.id, GroupName="writers", Precedence=1)
    assert cognito.update_group(UserPoolId=pool.id, GroupName="readers", Description="e")["Group"]["Precedence"] == 3
    assert cognito.get_group(UserPoolId=pool.id, GroupName="readers")["Group"]["Description"] == "e"
    pages = cognito.get_paginator("list_groups").paginate(UserPoolId=pool.id, PaginationConfig={"PageSize": 1})
    assert [group["GroupName"] for page in pages for group in page["Groups"]] == ["readers", "writers"]
    for name in ["ada", "bob"]:
        pool.add(name)
        cognito.admin_add_user_to_group(UserPoolId=pool.id, Username=name, GroupName="readers")
    cognito.admin_add_user_to_group(UserPoolId=pool.id, Username="ada", GroupName="writers")
    of_ada = [group["GroupName"] for group in cognito.admin_list_groups_for_user(UserPoolId=pool.id, Username="ada")["Groups"]]
    assert of_ada == ["writers", "readers"], "the least precedence comes first"
    pages = cognito.get_paginator("list_users_in_group").paginate(UserPoolId=pool.id, GroupName="readers", PaginationConfig={"PageSize": 1})
    assert [user["Username"] for page in pages for user in page["Users"]] == ["ada", "bob"]
    cognito.admin_remove_user_from_group(UserPoolId=pool.id, Username="bob", GroupName="readers")
    cognito.admin_delete_user(UserPoolId=pool.id, Username="ada")
    assert cognito.list_users_in_group(UserPoolId=pool.id, GroupName="readers")["Users"] == []
    cognito.admin_add_user_to_group(UserPoolId=pool.id, Username="bob", GroupName="writers")
    cognito.delete_group(UserPoolId=pool.id, GroupName="writers")
    assert cognito.admin_list_groups_for_user(UserPoolId=pool.id, Username="bob")["Groups"] == []
    refused(cognito.get_group, "ResourceNotFoundException", UserPoolId=pool.id, GroupName="writers")
    refused(cognito.admin_add_user_to_group, "UserNotFoundException", UserPoolId=pool.id, Username="eve", GroupName="readers")


def test_users_are_listed_filtered_and_paged(cognito, pool):
    for name in ["ada", "adb", "bob"]:
        pool.add(name)
    cognito.admin_disable_user(UserPoolId=pool.id, Username="bob")
    search = lambda filter: [user["Username"] for user in cognito.list_users(UserPoolId=pool.id, Filter=filter)["Users"]]
    assert search('username ^= "ad"') == ["ada", "adb"]
    assert search('email = "bob@example.com"') == ["bob"] == search('status = "Disabled"')
    assert search('cognito:user_status = "CONFIRMED"') == ["ada", "adb", "bob"]
    pages = list(cognito.get_paginator("list_users").paginate(UserPoolId=pool.id, AttributesToGet=["email"], PaginationConfig={"PageSize": 2}))
    users = [user for page in pages for user in page["Users"]]
    assert [user["Username"] for user in users] == ["ada", "adb", "bob"] and len(pages) == 2
    assert users[0]["Attributes"] == [{"Name": "email", "Value": "ada@example.com"}]
    for wrong in ["email", "email = bob", 'custom:plan = "a"']:
        refused(cognito.list_users, "InvalidParameterException", UserPoolId=pool.id, Filter=wrong)
    cognito.admin_enable_user(UserPoolId=pool.id, Username="bob")
    assert cognito.admin_get_user(UserPoolId=pool.id, Username="bob")["Enabled"]


def test_a_user_is_invited_and_sets_a_password(cognito, pool):
    attributes = [{"Name": "email", "Value": "ada@example.org"}, {"Name": "email_verified", "Value": "true"}]
    made = cognito.admin_create_user(UserPoolId=pool.id, Username="Ada", UserAttributes=attributes, DesiredDeliveryMediums=["EMAIL"])["User"]
    assert (made["UserStatus"], made["Username"]) == ("FORCE_CHANGE_PASSWORD", "Ada")
    refused(cognito.admin_create_user, "UsernameExistsException", UserPoolId=pool.id, Username="Ada")
    mail = pool.mail("ada@example.org")
    assert mail["Text"].startswith("Your username is Ada and temporary password is ")
    temporary = mail["Text"].split("password is ")[1][:-1]
    begun = pool.begin("Ada", temporary)
    assert (begun["ChallengeName"], begun["ChallengeParameters"]["USER_ID_FOR_SRP"]) == ("NEW_PASSWORD_REQUIRED", "Ada")
    assert "conform" in refused(pool.respond, "InvalidPasswordException", begun=begun, USERNAME="Ada", NEW_PASSWORD="short")
    tokens = pool.respond(begun, USERNAME="Ada", NEW_PASSWORD=PASSWORD, **{"userAttributes.name": "Lovelace"})["AuthenticationResult"]
    assert tokens["TokenType"] == "Bearer" and tokens["ExpiresIn"] == 3600
    told = cognito.admin_get_user(UserPoolId=pool.id, Username="Ada")
    assert told["UserStatus"] == "CONFIRMED" and named(told["UserAttributes"])["name"] == "Lovelace"
    refused(pool.respond, "NotAuthorizedException", begun=begun, USERNAME="Ada", NEW_PASSWORD="Other-Passw0rd")
    refused(pool.begin, "NotAuthorizedException", name="Ada", password=temporary)
    refused(cognito.admin_create_user, "UnsupportedUserStateException", UserPoolId=pool.id, Username="Ada", MessageAction="RESEND")
    assert pool.sign_in("Ada")


def test_names_differ_by_case_only_where_the_pool_says_so(server, cognito, unique):
    pool = Pool(server, cognito, unique, UsernameConfiguration={"CaseSensitive": False})
    pool.add("Ada")
    assert cognito.admin_get_user(UserPoolId=pool.id, Username="aDA")["Username"] == "Ada"
    assert pool.sign_in("ADA") and pool.sign_in_srp("ada")
    refused(cognito.admin_create_user, "UsernameExistsException", UserPoolId=pool.id, Username="ada")


def test_mail_addresses_can_be_names_or_aliases(server, cognito, unique):
    aliased = Pool(server, cognito, unique, AliasAttributes=["email", "preferred_username"])
    aliased.add("ada", "ada@example.com", preferred_username="countess")
    assert aliased.sign_in("ada@example.com") and aliased.sign_in("countess") and aliased.sign_in_srp("ada@example.com")
    attributes = [{"Name": "email", "Value": "ada@example.com"}, {"Name": "email_verified", "Value": "true"}]
    create = lambda **more: cognito.admin_create_user(UserPoolId=aliased.id, Username="eve", UserAttributes=attributes, MessageAction="SUPPRESS", **more)
    refused(create, "AliasExistsException")
    create(ForceAliasCreation=True)
    assert cognito.admin_get_user(UserPoolId=aliased.id, Username="ada@example.com")["Username"] == "eve"
    assert named(cognito.admin_get_user(UserPoolId=aliased.id, Username="ada")["UserAttributes"])["email_verified"] == "false"
    pool = Pool(server, cognito, f"{unique}-names", UsernameAttributes=["email"], UsernameConfiguration={"CaseSensitive": False})
    pool.add("Ada@example.com", "Ada@example.com")
    told = cognito.admin_get_user(UserPoolId=pool.id, Username="ada@example.com")
    assert told["Username"] == named(told["UserAttributes"])["sub"] and "@" not in told["Username"]
    assert pool.sign_in("ada@EXAMPLE.com") and pool.sign_in_srp("ada@example.com")
    refused(cognito.admin_create_user, "UsernameExistsException", UserPoolId=pool.id, Username="ADA@example.com")
    refused(cognito.admin_create_user, "InvalidParameterException", UserPoolId=pool.id, Username="ada")
    cognito.admin_delete_user(UserPoolId=pool.id, Username="ada@example.com")
    pool.add("ada@example.com", "ada@example.com")


def test_policies_name_pools(server, iam, cognito, pool, unique):
    user(server, iam, unique, {"Effect": "Allow", "Action": "cognito-idp:Describe*", "Resource": pool.arn})
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    cognito_as = server.client_as("cognito-idp", key["AccessKeyId"], key["SecretAccessKey"])
    assert cognito_as.describe_user_pool(UserPoolId=pool.id)["UserPool"]["Id"] == pool.id
    other = cognito.create_user_pool(PoolName=unique)["UserPool"]["Id"]
    assert "cognito-idp:DescribeUserPool" in refused(cognito_as.describe_user_pool, "AccessDeniedException", UserPoolId=other)
    refused(cognito_as.list_users, "AccessDeniedException", UserPoolId=pool.id)
    iam.put_user_policy(UserName=unique, PolicyName="groups", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "cognito-idp:*Group", "Resource": pool.arn}}))
    cognito_as.create_group(UserPoolId=pool.id, GroupName="plain")
    for ask, name in [(cognito_as.create_group, "mighty"), (cognito_as.update_group, "plain")]:
        assert "iam:PassRole" in refused(ask, "AccessDeniedException", UserPoolId=pool.id, GroupName=name, RoleArn=f"arn:aws:iam::{ACCOUNT}:role/admin")

