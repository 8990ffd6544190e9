"""Identity pools: credentials for whom a user pool, another issuer or an application vouches, and for nobody in particular."""

import json

import pytest
from botocore import UNSIGNED
from cognito_users import Pool, claims
from oidc_provider import cognito, elsewhere, iam, identities, provider, server  # noqa: F401 -- fixtures
from test_cognito import refused
from test_web_identity import trusting

ISSUER = "cognito-identity.amazonaws.com"


@pytest.fixture
def anybody(server):
    """Identity pools for who has no credentials."""
    return server.client("cognito-identity", signature_version=UNSIGNED)


class Identities:
    def __init__(self, server, identities, iam, name, **settings):
        self.server, self.identities = server, identities
        given = {"IdentityPoolName": name, "AllowUnauthenticatedIdentities": True, "AllowClassicFlow": True} | settings
        self.id = identities.create_identity_pool(**given)["IdentityPoolId"]
        self.roles = {
            kind: trusting(iam, f"{name}-{kind}", {"Federated": ISSUER}, {"StringEquals": {f"{ISSUER}:aud": self.id}, "ForAnyValue:StringLike": {f"{ISSUER}:amr": kind}})
            for kind in ("authenticated", "unauthenticated")
        }
        identities.set_identity_pool_roles(IdentityPoolId=self.id, Roles=self.roles)

    def who(self, made):
        keys = made["Credentials"]
        client = self.server.client_as("sts", keys["AccessKeyId"], keys["SecretKey"], keys["SessionToken"])
        return client.get_caller_identity()["Arn"].split("/")[1]


@pytest.fixture
def users(server, cognito, unique):
    users = Pool(server, cognito, f"{unique}-users")
    users.add("ada")
    users.provider = f"cognito-idp.us-east-1.amazonaws.com/{users.id}"
    return users


@pytest.fixture
def pool(server, identities, iam, unique, users):
    return Identities(server, identities, iam, unique, CognitoIdentityProviders=[{"ProviderName": users.provider, "ClientId": users.client}])


def test_nobody_in_particular_gets_the_role_for_that(pool, anybody, identities):
    first = anybody.get_id(IdentityPoolId=pool.id)["IdentityId"]
    assert first.startswith("us-east-1:") and first != anybody.get_id(IdentityPoolId=pool.id)["IdentityId"]
    made = anybody.get_credentials_for_identity(IdentityId=first)
    assert made["IdentityId"] == first and pool.who(made).endswith("-unauthenticated")
    own = {ISSUER: anybody.get_open_id_token(IdentityId=first)["Token"]}
    for ask, of in [(anybody.get_credentials_for_identity, {"IdentityId": first}), (anybody.get_open_id_token, {"IdentityId": first}), (anybody.get_id, {"IdentityPoolId": pool.id})]:
        assert "guest" in refused(ask, "NotAuthorizedException", Logins=own, **of), "its token proves nothing"
    identities.update_identity_pool(IdentityPoolId=pool.id, IdentityPoolName="closed", AllowUnauthenticatedIdentities=False)
    assert "Unauthenticated access" in refused(anybody.get_id, "NotAuthorizedException", IdentityPoolId=pool.id)
    refused(anybody.get_credentials_for_identity, "NotAuthorizedException", IdentityId=first)
    refused(anybody.get_credentials_for_identity, "ResourceNotFoundException", IdentityId="us-east-1:00000000-0000-0000-0000-000000000000")
    refused(anybody.get_id, "ValidationException", IdentityPoolId="nowhere")
    assert "'identityPoolId'" in refused(anybody.get_id, "ValidationException", IdentityPoolId="us-east-1_abcdefghi"), "a user pool's"


def test_a_user_of_a_user_pool_is_one_identity_and_gets_the_role_for_users(pool, users, anybody, identities):
    logins = lambda: {users.provider: users.sign_in("ada")["IdToken"]}
    id = anybody.get_id(IdentityPoolId=pool.id, Logins=logins())["IdentityId"]
    assert anybody.get_id(IdentityPoolId=pool.id, Logins=logins())["IdentityId"] == id
    assert pool.who(anybody.get_credentials_for_identity(IdentityId=id, Logins=logins())).endswith("-authenticated")
    token = users.sign_in("ada")["IdToken"]
    by_issuer = {claims(token)["iss"].removeprefix("http://"): token}
    assert anybody.get_id(IdentityPoolId=pool.id, Logins=by_issuer)["IdentityId"] == id, "as Amplify names it"
    assert "forbidden" in refused(anybody.get_credentials_for_identity, "NotAuthorizedException", IdentityId=id)
    users.add("eve")
    eve = {users.provider: users.sign_in("eve")["IdToken"]}
    refused(anybody.get_credentials_for_identity, "ResourceConflictException", IdentityId=id, Logins=eve)
    tokens = users.sign_in("ada")
    for wrong in [tokens["AccessToken"], tokens["IdToken"][:-8] + "AAAAAAAA", "a.b.c", ""]:
        with pytest.raises(anybody.exceptions.ClientError) as caught:
            anybody.get_id(IdentityPoolId=pool.id, Logins={users.provider: wrong})
        assert caught.value.response["Error"]["Code"] in ("NotAuthorizedException", "InvalidParameterException")
    refused(anybody.get_id, "NotAuthorizedException", IdentityPoolId=pool.id, Logins={users.provider + "x": tokens["IdToken"]})
    refused(anybody.get_id, "NotImplemented", IdentityPoolId=pool.id, Logins={"graph.facebook.com": "token"})
    described = identities.describe_identity(IdentityId=id)
    assert (described["IdentityId"], described["Logins"]) == (id, [users.provider])
    # Who begins as nobody in particular becomes a user, with what they have.
    guest = anybody.get_id(IdentityPoolId=pool.id)["IdentityId"]
    users.add("bob")
    bob = {users.provider: users.sign_in("bob")["IdToken"]}
    assert anybody.get_credentials_for_identity(IdentityId=guest, Logins=bob)["IdentityId"] == guest
    assert anybody.get_id(IdentityPoolId=pool.id, Logins=bob)["IdentityId"] == guest
    refused(anybody.get_credentials_for_identity, "NotAuthorizedException", IdentityId=guest)
    anybody.unlink_identity(IdentityId=guest, Logins=bob, LoginsToRemove=[users.provider])
    assert anybody.get_id(IdentityPoolId=pool.id, Logins=bob)["IdentityId"] != guest


def test_a_client_of_another_application_is_not_let_in(pool, users, anybody, cognito):
    other = cognito.create_user_pool_client(UserPoolId=users.id, ClientName="other", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"])["UserPoolClient"]["ClientId"]
    users.client = other
    assert "audience" in refused(anybody.get_id, "NotAuthorizedException", IdentityPoolId=pool.id, Logins={users.provider: users.sign_in("ada")["IdToken"]})


def test_a_token_can_be_taken_to_sts(server, pool, users, anybody, identities):
    sts = server.client("sts", signature_version=UNSIGNED)
    logins = {users.provider: users.sign_in("ada")["IdToken"]}
    id = anybody.get_id(IdentityPoolId=pool.id, Logins=logins)["IdentityId"]
    token = anybody.get_open_id_token(IdentityId=id, Logins=logins)["Token"]
    told = claims(token)
    assert (told["sub"], told["aud"], told["iss"], told["amr"][:2]) == (id, pool.id, f"https://{ISSUER}", ["authenticated", users.provider])
    made = sts.assume_role_with_web_identity(RoleArn=pool.roles["authenticated"], RoleSessionName="app", WebIdentityToken=token)
    assert (made["SubjectFromWebIdentityToken"], made["Audience"], made["Provider"]) == (id, pool.id, ISSUER)
    refused(sts.assume_role_with_web_identity, "AccessDenied", RoleArn=pool.roles["unauthenticated"], RoleSessionName="app", WebIdentityToken=token)
    identities.update_identity_pool(IdentityPoolId=pool.id, IdentityPoolName="enhanced", AllowUnauthenticatedIdentities=True, CognitoIdentityProviders=[{"ProviderName": users.provider, "ClientId": users.client}])
    assert "classic" in refused(anybody.get_open_id_token, "InvalidParameterException", IdentityId=id, Logins=logins)
    # A token of another pool is for that one's roles.
    other = identities.create_identity_pool(IdentityPoolName="other", AllowUnauthenticatedIdentities=True, AllowClassicFlow=True)["IdentityPoolId"]
    stranger = anybody.get_open_id_token(IdentityId=anybody.get_id(IdentityPoolId=other)["IdentityId"])["Token"]
    for role in pool.roles.values():
        refused(sts.assume_role_with_web_identity, "AccessDenied", RoleArn=role, RoleSessionName="app", WebIdentityToken=stranger)


def test_the_role_is_chosen_by_the_token_or_by_rules(pool, users, anybody, identities, iam, cognito, unique):
    trust = {"StringEquals": {f"{ISSUER}:aud": pool.id}}
    readers, writers = (trusting(iam, f"{unique}-{name}", {"Federated": ISSUER}, trust) for name in ("readers", "writers"))
    for number, (name, role) in enumerate([("writers", writers), ("readers", readers)]):
        cognito.create_group(UserPoolId=users.id, GroupName=name, RoleArn=role, Precedence=number)
    mapping = f"{users.provider}:{users.client}"
    choose = lambda **rule: identities.set_identity_pool_roles(IdentityPoolId=pool.id, Roles=pool.roles, RoleMappings={mapping: rule})
    choose(Type="Token", AmbiguousRoleResolution="Deny")
    logins = lambda: {users.provider: users.sign_in("ada")["IdToken"]}
    id = anybody.get_id(IdentityPoolId=pool.id, Logins=logins())["IdentityId"]
    role = lambda **more: pool.who(anybody.get_credentials_for_identity(IdentityId=id, Logins=logins(), **more))
    refused(role, "NotAuthorizedException")
    choose(Type="Token", AmbiguousRoleResolution="AuthenticatedRole")
    assert role().endswith("-authenticated")
    for group in ("readers", "writers"):
        cognito.admin_add_user_to_group(UserPoolId=users.id, Username="ada", GroupName=group)
    assert role() == f"{unique}-writers"
    assert role(CustomRoleArn=readers) == f"{unique}-readers"
    refused(role, "NotAuthorizedException", CustomRoleArn=pool.roles["unauthenticated"])
    rules = [{"Claim": "email", "MatchType": "StartsWith", "Value": "eve", "RoleARN": writers}, {"Claim": "cognito:groups", "MatchType": "Contains", "Value": "read", "RoleARN": readers}]
    choose(Type="Rules", AmbiguousRoleResolution="Deny", RulesConfiguration={"Rules": rules})
    assert role() == f"{unique}-readers"
    refused(role, "NotAuthorizedException", CustomRoleArn=readers)
    told = identities.get_identity_pool_roles(IdentityPoolId=pool.id)
    assert told["Roles"] == pool.roles and told["RoleMappings"][mapping]["RulesConfiguration"]["Rules"] == rules
    identities.set_identity_pool_roles(IdentityPoolId=pool.id, Roles={})
    refused(role, "InvalidIdentityPoolConfigurationException")
    refused(identities.set_identity_pool_roles, "InvalidParameterException", IdentityPoolId=pool.id, Roles={"admin": readers})
    untrusting = iam.create_role(RoleName=f"{unique}-untrusting", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}))["Role"]["Arn"]
    identities.set_identity_pool_roles(IdentityPoolId=pool.id, Roles={"authenticated": untrusting})
    refused(role, "InvalidIdentityPoolConfigurationException")


def test_who_another_issuer_vouches_for_is_an_identity(server, identities, iam, anybody, unique, provider):
    arn = iam.create_open_id_connect_provider(Url=provider.url, ClientIDList=[provider.client])["OpenIDConnectProviderArn"]
    pool = Identities(server, identities, iam, unique, OpenIdConnectProviderARNs=[arn], AllowUnauthenticatedIdentities=False)
    name = provider.url.removeprefix("http://")
    id = anybody.get_id(IdentityPoolId=pool.id, Logins={name: provider.sign()})["IdentityId"]
    made = anybody.get_credentials_for_identity(IdentityId=id, Logins={name: provider.sign()})
    assert pool.who(made).endswith("-authenticated")
    for wrong in [{"aud": "other"}, {"aud": None, "client_id": provider.client}, {"exp": 1}, {"iss": "http://127.0.0.1:1"}]:
        refused(anybody.get_id, "NotAuthorizedException", IdentityPoolId=pool.id, Logins={name: provider.sign(**wrong)})


def test_an_application_vouches_for_its_own_users(server, identities, iam, anybody, unique):
    pool = Identities(server, identities, iam, unique, DeveloperProviderName="login.my-app")
    ask = lambda user, **more: identities.get_open_id_token_for_developer_identity(IdentityPoolId=pool.id, Logins={"login.my-app": user}, **more)
    made = ask("ada", TokenDuration=600)
    id, told = made["IdentityId"], claims(made["Token"])
    assert told["exp"] - told["iat"] == 600 and "login.my-app" in told["amr"]
    credentials = anybody.get_credentials_for_identity(IdentityId=id, Logins={ISSUER: made["Token"]})
    assert credentials["IdentityId"] == id and pool.who(credentials).endswith("-authenticated")
    assert "exchanged" in refused(anybody.get_open_id_token, "NotAuthorizedException", IdentityId=id, Logins={ISSUER: made["Token"]})
    assert ask("ada")["IdentityId"] == id
    eve = ask("eve")
    refused(anybody.get_credentials_for_identity, "NotAuthorizedException", IdentityId=id, Logins={ISSUER: eve["Token"]})
    refused(ask, "DeveloperUserAlreadyRegisteredException", user="ada", IdentityId=eve["IdentityId"])
    assert ask("ada-2", IdentityId=id)["IdentityId"] == id
    one = {"IdentityPoolId": pool.id}
    found = identities.lookup_developer_identity(**one, IdentityId=id, MaxResults=1)
    assert found["DeveloperUserIdentifierList"] == ["ada"]
    assert identities.lookup_developer_identity(**one, IdentityId=id, MaxResults=1, NextToken=found["NextToken"])["DeveloperUserIdentifierList"] == ["ada-2"]
    assert identities.lookup_developer_identity(**one, DeveloperUserIdentifier="ada-2")["IdentityId"] == id
    refused(identities.lookup_developer_identity, "ResourceConflictException", **one, IdentityId=id, DeveloperUserIdentifier="eve")
    merge = {"DeveloperProviderName": "login.my-app", "SourceUserIdentifier": "eve", "DestinationUserIdentifier": "ada"}
    assert identities.merge_developer_identities(**one, **merge)["IdentityId"] == id
    assert ask("eve")["IdentityId"] == id
    refused(identities.describe_identity, "ResourceNotFoundException", IdentityId=eve["IdentityId"])
    identities.unlink_developer_identity(**one, IdentityId=id, DeveloperProviderName="login.my-app", DeveloperUserIdentifier="eve")
    assert ask("eve")["IdentityId"] != id
    refused(identities.merge_developer_identities, "InvalidParameterException", **one, **merge | {"DeveloperProviderName": "other"})
    refused(identities.get_open_id_token_for_developer_identity, "NotImplemented", **one, Logins={"login.my-app": "ada"}, PrincipalTags={"a": "b"})
    refused(identities.set_principal_tag_attribute_map, "NotImplemented", **one, IdentityProviderName="p")


def test_pools_are_made_changed_listed_and_deleted(server, identities, iam, anybody, unique):
    pool = Identities(server, identities, iam, unique, IdentityPoolTags={"a": "b"})
    told = identities.describe_identity_pool(IdentityPoolId=pool.id)
    assert (told["IdentityPoolName"], told["AllowClassicFlow"], told["IdentityPoolTags"]) == (unique, True, {"a": "b"})
    arn = f"arn:aws:cognito-identity:us-east-1:000000000000:identitypool/{pool.id}"
    identities.tag_resource(ResourceArn=arn, Tags={"c": "d"})
    identities.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert identities.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"c": "d"}
    pages = identities.get_paginator("list_identity_pools").paginate(PaginationConfig={"PageSize": 1})
    assert pool.id in [listed["IdentityPoolId"] for page in pages for listed in page["IdentityPools"]]
    ids = [anybody.get_id(IdentityPoolId=pool.id)["IdentityId"] for _ in range(3)]
    first = identities.list_identities(IdentityPoolId=pool.id, MaxResults=2)
    second = identities.list_identities(IdentityPoolId=pool.id, MaxResults=2, NextToken=first["NextToken"])
    assert sorted(ids) == [identity["IdentityId"] for identity in first["Identities"] + second["Identities"]]
    assert identities.delete_identities(IdentityIdsToDelete=ids[:1])["UnprocessedIdentityIds"] == []
    refused(identities.describe_identity, "ResourceNotFoundException", IdentityId=ids[0])
    nobody = {"CognitoIdentityProviders": [{"ProviderName": "cognito-idp.us-east-1.amazonaws.com/us-east-1_abcdefghi"}]}
    for code, wrong in [("ValidationException", {"IdentityPoolName": "a/b"}), ("InvalidParameterException", nobody)]:
        refused(identities.create_identity_pool, code, **{"IdentityPoolName": "x", "AllowUnauthenticatedIdentities": True} | wrong)
    refused(identities.create_identity_pool, "NotImplemented", IdentityPoolName="x", AllowUnauthenticatedIdentities=True, SamlProviderARNs=["arn:aws:iam::000000000000:saml-provider/x"])
    identities.delete_identity_pool(IdentityPoolId=pool.id)
    refused(identities.describe_identity_pool, "ResourceNotFoundException", IdentityPoolId=pool.id)
    refused(identities.describe_identity, "ResourceNotFoundException", IdentityId=ids[1])
