"""Signing in to a user pool with another identity provider."""

from urllib.parse import urlsplit

import pytest
import requests
from cognito_users import claims
from cryptography.hazmat.primitives.asymmetric import rsa
from oidc_provider import cognito, elsewhere, provider, server  # noqa: F401 -- fixtures
from sign_in_pages import CALLBACK, Site, Visitor, parameters
from test_cognito import named, refused

NAME = "Elsewhere"
MAPPING = {"email": "email", "email_verified": "email_verified", "name": "name"}


def details(provider, **more):
    return {"client_id": provider.client, "client_secret": provider.secret, "attributes_request_method": "GET", "oidc_issuer": provider.url, "authorize_scopes": "openid email"} | more


@pytest.fixture
def site(server, cognito, unique, provider):
    site = Site(server, cognito, unique)
    cognito.create_identity_provider(UserPoolId=site.id, ProviderName=NAME, ProviderType="OIDC", ProviderDetails=details(provider), AttributeMapping=MAPPING, IdpIdentifiers=["elsewhere.example"])
    cognito.update_user_pool_client(
        UserPoolId=site.id, ClientId=site.client, ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"], AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["code"], AllowedOAuthScopes=["openid", "email", "profile", "aws.cognito.signin.user.admin"], CallbackURLs=[CALLBACK], SupportedIdentityProviders=["COGNITO", NAME],
    )
    return site


def arrive(site, visitor=None, **more):
    return (visitor or Visitor()).get(site.address(**{"identity_provider": NAME, "scope": "openid profile email"} | more))


def test_who_another_provider_knows_becomes_a_user(site, provider, cognito):
    visitor = Visitor()
    page = visitor.get(site.address(scope="openid profile"))
    to = visitor.get(page.link(f"identity_provider={NAME}"))
    asked = provider.request
    assert (asked["client_id"], asked["response_type"], asked["scope"], asked["code_challenge_method"]) == (provider.client, "code", "openid email", "S256")
    assert asked["redirect_uri"] == f"{site.root}/oauth2/idpresponse"
    tokens = site.exchange(parameters(to)["code"]).json()
    told = claims(tokens["id_token"])
    assert (told["cognito:username"], told["name"]) == (f"{NAME}_Sub-1", "Ada")
    (identity,) = told["identities"]
    assert (identity["userId"], identity["providerName"], identity["providerType"], identity["primary"]) == ("Sub-1", NAME, "OIDC", "true")
    assert told["cognito:groups"] == [f"{site.id}_{NAME}"]
    user = cognito.admin_get_user(UserPoolId=site.id, Username=f"{NAME}_Sub-1")
    assert user["UserStatus"] == "EXTERNAL_PROVIDER" and named(user["UserAttributes"])["email_verified"] == "true"
    # Once signed in, always: the session is the pool's own. And what the provider tells, is kept up.
    assert "code" in parameters(visitor.get(site.address()))
    provider.user["name"] = "Ada L."
    again = claims(site.exchange(parameters(arrive(site))["code"]).json()["id_token"])
    assert (again["sub"], again["name"]) == (told["sub"], "Ada L.")
    assert parameters(arrive(site, identity_provider=None, idp_identifier="elsewhere.example"))["code"]
    assert provider.asked.count("/provider/keys") <= 1, "keys are kept"
    # There is no password to sign in with, or to forget.
    refused(site.sign_in, "NotAuthorizedException", name=f"{NAME}_Sub-1")
    refused(cognito.forgot_password, "NotAuthorizedException", ClientId=site.client, Username=f"{NAME}_Sub-1")
    cognito.admin_disable_user(UserPoolId=site.id, Username=f"{NAME}_Sub-1")
    assert parameters(arrive(site))["error"] == "invalid_request"


def test_a_provider_is_told_to_ask_again(site, provider):
    arrive(site, prompt="login", max_age="0")
    assert (provider.request["prompt"], provider.request["max_age"]) == ("login", "0")
    visitor = Visitor()
    visitor.get(visitor.get(site.address(scope="openid", max_age="60")).link(f"identity_provider={NAME}"))
    assert provider.request["max_age"] == "60" and "prompt" not in provider.request
    assert parameters(arrive(site, max_age="soon"))["error"] == "invalid_request"


@pytest.mark.parametrize("wrong", [
    {"claims": {"aud": "another-client"}}, {"claims": {"iss": "http://other.example"}}, {"claims": {"exp": 1}}, {"claims": {"nonce": "another"}},
    {"claims": {"azp": "another-client", "aud": ["pool-at-provider", "another-client"]}}, {"header": {"alg": "none"}}, {"header": {"alg": "HS256"}}, {"header": {"kid": "two"}},
    {"key_used": rsa.generate_private_key(public_exponent=65537, key_size=2048)}, {"info": {"sub": "somebody-else"}}, {"secret": "changed"}, {"refuse": "access_denied"}, {"user": {"sub": ""}},
])
def test_who_the_provider_does_not_vouch_for_is_nobody(site, provider, cognito, wrong):
    for name, value in wrong.items():
        setattr(provider, name, value)
    told = parameters(arrive(site))
    assert told["error"] == "invalid_request" and NAME in told["error_description"] and told["state"] == "st&te"
    assert cognito.list_users(UserPoolId=site.id)["Users"] == []


def test_a_sign_in_elsewhere_is_of_the_browser_that_began_it(site, provider):
    attacker, victim = Visitor(), Visitor()
    begun = attacker.session.get(site.address(identity_provider=NAME), allow_redirects=False)
    back = attacker.session.get(begun.headers["location"], allow_redirects=False).headers["location"]
    victim.get(site.address())
    for visitor in (victim, Visitor()):
        page = visitor.get(back)
        assert page.response.status_code == 400 and "another browser" in page.failure
    changed = back.replace("state=", "state=A")
    assert attacker.get(changed).response.status_code == 400
    assert "code" in parameters(attacker.get(back))
    assert parameters(attacker.get(back))["error"] == "invalid_request", "the provider takes its code once"


def test_a_name_that_looks_like_a_providers_is_not_taken_for_its_user(site, provider, cognito):
    site.add(f"{NAME}_Sub-1", email="eve@example.com")
    assert "already exists" in parameters(arrive(site))["error_description"]
    provider.user["sub"] = "Sub-2"
    assert "code" in parameters(arrive(site))


def test_an_account_elsewhere_is_brought_together_with_a_user(site, provider, cognito):
    site.add("ada")
    pool = {"UserPoolId": site.id}
    source = {"ProviderName": NAME, "ProviderAttributeName": "Cognito_Subject", "ProviderAttributeValue": "Sub-1"}
    link = lambda **more: cognito.admin_link_provider_for_user(**pool, DestinationUser={"ProviderName": "Cognito", "ProviderAttributeValue": "ada"}, SourceUser=source | more)
    link()
    told = claims(site.exchange(parameters(arrive(site))["code"]).json()["id_token"])
    assert (told["cognito:username"], told["email"]) == ("ada", "ada@elsewhere.example")
    assert told["identities"][0]["userId"] == "Sub-1" and told["identities"][0]["primary"] == "false"
    assert [user["Username"] for user in cognito.list_users(**pool)["Users"]] == ["ada"]
    assert "Merging" in refused(link, "InvalidParameterException")
    refused(link, "InvalidParameterException", ProviderName="Unknown")
    refused(link, "NotImplemented", ProviderAttributeName="email")
    refused(cognito.admin_link_provider_for_user, "UserNotFoundException", **pool, DestinationUser={"ProviderName": "Cognito", "ProviderAttributeValue": "nobody"}, SourceUser=source)
    for number in range(2, 6):
        link(ProviderAttributeValue=f"Sub-{number}")
    refused(link, "LimitExceededException", ProviderAttributeValue="Sub-6")
    cognito.admin_disable_provider_for_user(**pool, User=source)
    told = claims(site.exchange(parameters(arrive(site))["code"]).json()["id_token"])
    assert told["cognito:username"] == f"{NAME}_Sub-1"
    assert "Merging" in refused(link, "InvalidParameterException"), "that is a user by now"
    cognito.admin_disable_provider_for_user(**pool, User=source)
    assert "disabled" in parameters(arrive(site))["error_description"]
    cognito.admin_disable_provider_for_user(**pool, User={"ProviderName": "Cognito", "ProviderAttributeValue": "ada"})
    refused(site.sign_in, "NotAuthorizedException", name="ada")
    refused(cognito.forgot_password, "NotAuthorizedException", ClientId=site.client, Username="ada")
    provider.user["sub"] = "Sub-2"
    assert claims(site.exchange(parameters(arrive(site))["code"]).json()["id_token"])["cognito:username"] == "ada"
    cognito.admin_delete_user(**pool, Username="ada")
    assert claims(site.exchange(parameters(arrive(site))["code"]).json()["id_token"])["cognito:username"] == f"{NAME}_Sub-2"


def test_an_address_is_shared_with_who_has_a_password(server, cognito, unique, provider):
    site = Site(server, cognito, unique, UsernameAttributes=["email"])
    cognito.create_identity_provider(UserPoolId=site.id, ProviderName=NAME, ProviderType="OIDC", ProviderDetails=details(provider), AttributeMapping=MAPPING)
    client = cognito.create_user_pool_client(
        UserPoolId=site.id, ClientName="c", AllowedOAuthFlowsUserPoolClient=True, AllowedOAuthFlows=["code"], AllowedOAuthScopes=["openid"], CallbackURLs=[CALLBACK], SupportedIdentityProviders=[NAME]
    )["UserPoolClient"]["ClientId"]
    site.add("ada@elsewhere.example", email="ada@elsewhere.example")
    visitor = Visitor()
    page = visitor.get(site.address(client_id=client, scope="openid"))
    assert not page.forms, "there is no password for this client"
    told = claims(site.exchange(parameters(arrive(site, client_id=client, scope="openid"))["code"], client_id=client).json()["id_token"])
    assert told["email"] == "ada@elsewhere.example" and told["cognito:username"] == f"{NAME}_Sub-1"
    assert site.sign_in("ada@elsewhere.example"), "whose address still leads to the password"


def test_a_browser_is_signed_in_only_for_clients_that_take_its_provider(site, cognito):
    make = lambda *providers: cognito.create_user_pool_client(
        UserPoolId=site.id, ClientName="c", AllowedOAuthFlowsUserPoolClient=True, AllowedOAuthFlows=["code"], AllowedOAuthScopes=["openid"], CallbackURLs=[CALLBACK], SupportedIdentityProviders=providers
    )["UserPoolClient"]["ClientId"]
    site.add("ada")
    local, remote = make("COGNITO"), make(NAME)
    with_password, elsewhere = Visitor(), Visitor()
    site.visit(with_password)
    arrive(site, elsewhere)
    for visitor, allowed, other in [(with_password, local, remote), (elsewhere, remote, local)]:
        ask = lambda client: parameters(visitor.get(site.address(client_id=client, scope="openid", prompt="none")))
        assert "code" in ask(allowed) and ask(other)["error"] == "login_required"
    # Nor is there an account to make, or a password to forget, where there are no passwords.
    for path in ("/signup", "/forgotPassword"):
        visitor = Visitor()
        page = visitor.get(site.address(path, client_id=local, scope="openid"))
        page.forms[0]["action"] = page.forms[0]["action"].replace(local, remote)
        typed = {name: "x" for name in ("username", "password") if name in page.forms[0]["fields"]}
        assert "no sign-in with a password" in visitor.submit(page, **typed).failure


def test_what_a_provider_must_tell_is_asked_for(server, cognito, unique, provider):
    site = Site(server, cognito, unique, Schema=[{"Name": "family_name", "Required": True, "Mutable": True}])
    cognito.create_identity_provider(UserPoolId=site.id, ProviderName=NAME, ProviderType="OIDC", ProviderDetails=details(provider), AttributeMapping=MAPPING)
    settings = cognito.describe_user_pool_client(UserPoolId=site.id, ClientId=site.client)["UserPoolClient"]
    kept = {name: settings[name] for name in ("AllowedOAuthFlows", "AllowedOAuthScopes", "AllowedOAuthFlowsUserPoolClient", "CallbackURLs", "ExplicitAuthFlows")}
    cognito.update_user_pool_client(UserPoolId=site.id, ClientId=site.client, SupportedIdentityProviders=[NAME], **kept)
    assert "family_name" in parameters(arrive(site))["error_description"]


def test_providers_are_made_changed_and_listed(server, cognito, unique, provider):
    site = Site(server, cognito, unique)
    one = {"UserPoolId": site.id, "ProviderName": NAME}
    make = lambda **more: cognito.create_identity_provider(**one | {"ProviderType": "OIDC", "ProviderDetails": details(provider)} | more)
    made = make(IdpIdentifiers=["a"])["IdentityProvider"]
    assert made["AttributeMapping"] == {"username": "sub"} and made["ProviderDetails"]["client_secret"] == provider.secret
    assert cognito.describe_identity_provider(**one)["IdentityProvider"] == made
    refused(make, "DuplicateProviderException")
    assert "SAML" in refused(make, "NotImplemented", ProviderName="Saml", ProviderType="SAML")
    refused(make, "NotImplemented", ProviderName="SignInWithApple", ProviderType="SignInWithApple")
    for wrong in [{"ProviderDetails": {}}, {"ProviderDetails": details(provider, oidc_issuer="ftp://x")}, {"ProviderDetails": details(provider, more="x")}, {"AttributeMapping": {"nothing": "x"}}, {"ProviderName": "Google"}, {"ProviderName": "COGNITO"}, {"IdpIdentifiers": ["a"]}]:
        refused(make, "InvalidParameterException", **{"ProviderName": "Another"} | wrong)
    for kind in ("Google", "Facebook", "LoginWithAmazon"):
        make(ProviderName=kind, ProviderType=kind, ProviderDetails={"client_id": "i", "client_secret": "s", "authorize_scopes": "openid"})
    changed = cognito.update_identity_provider(**one, AttributeMapping={"email": "mail"}, IdpIdentifiers=["b"])["IdentityProvider"]
    assert changed["AttributeMapping"] == {"email": "mail", "username": "sub"} and changed["ProviderDetails"] == made["ProviderDetails"]
    assert cognito.get_identity_provider_by_identifier(UserPoolId=site.id, IdpIdentifier="b")["IdentityProvider"]["ProviderName"] == NAME
    refused(cognito.get_identity_provider_by_identifier, "ResourceNotFoundException", UserPoolId=site.id, IdpIdentifier="a")
    pages = cognito.get_paginator("list_identity_providers").paginate(UserPoolId=site.id, PaginationConfig={"PageSize": 2})
    assert sorted(listed["ProviderName"] for page in pages for listed in page["Providers"]) == sorted([NAME, "Google", "Facebook", "LoginWithAmazon"])
    refused(cognito.create_user_pool_client, "InvalidParameterException", UserPoolId=site.id, ClientName="c", SupportedIdentityProviders=["Unknown"])
    cognito.delete_identity_provider(**one)
    refused(cognito.describe_identity_provider, "ResourceNotFoundException", **one)


def test_social_providers_are_gone_to_at_their_own_addresses(server, cognito, unique):
    site = Site(server, cognito, unique)
    hosts = {"Google": None, "Facebook": "www.facebook.com", "LoginWithAmazon": "www.amazon.com"}
    for kind in hosts:
        cognito.create_identity_provider(UserPoolId=site.id, ProviderName=kind, ProviderType=kind, ProviderDetails={"client_id": "i", "client_secret": "s", "authorize_scopes": "profile,email"})
    settings = cognito.describe_user_pool_client(UserPoolId=site.id, ClientId=site.client)["UserPoolClient"]
    kept = {name: settings[name] for name in ("AllowedOAuthFlows", "AllowedOAuthScopes", "AllowedOAuthFlowsUserPoolClient", "CallbackURLs")}
    cognito.update_user_pool_client(UserPoolId=site.id, ClientId=site.client, SupportedIdentityProviders=list(hosts), **kept)
    for kind, host in hosts.items():
        if host:
            to = requests.get(site.address(identity_provider=kind), allow_redirects=False).headers["location"]
            assert urlsplit(to).hostname == host and parameters(to)["scope"] == "profile email" and "nonce" not in parameters(to)
