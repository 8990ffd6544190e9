"""The pages of a user pool and its endpoints of OAuth 2.0: how an application's users sign in, and how nobody else does."""

import base64
import concurrent.futures
import json
from urllib.parse import urlsplit

import pytest
import requests
from browser import Browser, program
from cognito_users import PASSWORD, authenticator, claims
from sign_in_pages import CALLBACK, LOGOUT, OTHER_CALLBACK, Page, Site, Visitor, parameters, pkce
from test_cognito import refused


@pytest.fixture(scope="module")
def site(server, cognito):
    site = Site(server, cognito, "pages")
    site.add("ada", name="Ada Lovelace")
    return site


@pytest.fixture
def own(server, cognito, unique):
    """A site of a test's own, with settings."""
    return lambda **settings: Site(server, cognito, unique, **settings)


def test_somebody_signs_in_and_the_application_gets_tokens_for_a_code(site, cognito):
    verifier, challenge = pkce()
    to = site.visit(nonce="n-1", code_challenge=challenge, code_challenge_method="S256")
    assert to.startswith(CALLBACK + "&code=")
    told = parameters(to)
    assert (told["from"], told["state"]) == ("pool", "st&te")
    tokens = site.exchange(told["code"], code_verifier=verifier).json()
    assert sorted(tokens) == ["access_token", "expires_in", "id_token", "refresh_token", "token_type"]
    id, access = claims(tokens["id_token"]), claims(tokens["access_token"])
    assert (id["nonce"], id["aud"], id["email"], id["cognito:username"], id["token_use"]) == ("n-1", site.client, "ada@example.com", "ada", "id")
    assert "name" not in id, "only the address was asked for"
    assert (access["scope"], access["client_id"], access["version"], access["token_use"]) == ("openid email", site.client, 2, "access")
    assert id["iss"] == access["iss"] and id["origin_jti"] == access["origin_jti"]
    import hashlib
    half = base64.urlsafe_b64encode(hashlib.sha256(tokens["access_token"].encode()).digest()[:16]).rstrip(b"=").decode()
    assert id["at_hash"] == half
    # It lets the application know the user, and not change them.
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    told = requests.get(site.root + "/oauth2/userInfo", headers=bearer).json()
    assert told == {"sub": id["sub"], "username": "ada", "email": "ada@example.com", "email_verified": "true"}
    assert "scopes" in refused(cognito.get_user, "NotAuthorizedException", AccessToken=tokens["access_token"])
    # A new access token is for the same, and a revoked one for nothing.
    again = site.post("/oauth2/token", grant_type="refresh_token", client_id=site.client, refresh_token=tokens["refresh_token"]).json()
    assert "refresh_token" not in again and claims(again["access_token"])["scope"] == "openid email"
    assert site.post("/oauth2/revoke", token=tokens["refresh_token"], client_id=site.client).status_code == 200
    gone = site.post("/oauth2/token", grant_type="refresh_token", client_id=site.client, refresh_token=tokens["refresh_token"])
    assert (gone.status_code, gone.json()) == (400, {"error": "invalid_grant"})
    gone = requests.get(site.root + "/oauth2/userInfo", headers=bearer)
    assert gone.status_code == 401 and gone.headers["www-authenticate"].startswith('Bearer error="invalid_token"')


def test_openid_alone_asks_for_all_attributes_and_no_openid_for_none(site):
    tokens = site.exchange(site.code_for(scope="openid")).json()
    assert claims(tokens["id_token"])["name"] == "Ada Lovelace"
    tokens = site.exchange(site.code_for(scope="aws.cognito.signin.user.admin")).json()
    assert "id_token" not in tokens
    assert site.cognito.get_user(AccessToken=tokens["access_token"])["Username"] == "ada"
    answer = requests.get(site.root + "/oauth2/userInfo", headers={"authorization": f"Bearer {tokens['access_token']}"})
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    tokens = site.exchange(site.code_for(scope=None)).json()
    assert claims(tokens["access_token"])["scope"] == "openid email phone profile aws.cognito.signin.user.admin"


def test_tokens_come_at_once_where_the_client_allows_it(site):
    to = site.visit(response_type="token", redirect_uri=OTHER_CALLBACK)
    assert to.startswith(OTHER_CALLBACK + "#")
    told = parameters(to, "fragment")
    assert sorted(told) == ["access_token", "expires_in", "id_token", "state", "token_type"]
    assert claims(told["access_token"])["username"] == "ada"


def test_a_browser_is_not_asked_again_until_it_signs_out(site):
    visitor = Visitor()
    site.visit(visitor)
    kept = dict(visitor.session.cookies)
    assert "code" in parameters(visitor.get(site.address()))
    assert parameters(visitor.get(site.address(prompt="none", redirect_uri=OTHER_CALLBACK)))["state"] == "st&te"
    assert visitor.get(site.address(prompt="login")).heading == "Sign in"
    assert visitor.get(site.address(max_age="0")).heading == "Sign in"
    assert "code" in parameters(visitor.get(site.address(max_age="3600")))
    assert visitor.get(f"{site.root}/logout?client_id={site.client}&logout_uri={LOGOUT}") == LOGOUT
    assert visitor.get(site.address()).heading == "Sign in"
    assert parameters(visitor.get(site.address(prompt="none")))["error"] == "login_required"
    # Not even with a copy of the cookie.
    visitor.session.cookies.update(kept)
    assert visitor.get(site.address()).heading == "Sign in"


def test_a_sign_out_from_everywhere_and_a_new_password_end_what_a_browser_has(server, cognito, own):
    site = own()
    site.add("ada")
    for end in (
        lambda: cognito.admin_user_global_sign_out(UserPoolId=site.id, Username="ada"),
        lambda: cognito.admin_set_user_password(UserPoolId=site.id, Username="ada", Password=PASSWORD, Permanent=True),
        lambda: cognito.admin_disable_user(UserPoolId=site.id, Username="ada"),
    ):
        visitor = Visitor()
        code = parameters(site.visit(visitor))["code"]
        assert "code" in parameters(visitor.get(site.address()))
        end()
        assert visitor.get(site.address()).heading == "Sign in"
    assert site.exchange(code).json() == {"error": "invalid_grant"}, "she is disabled"


def test_cookies_and_pages_are_out_of_reach_of_others(site):
    response = requests.get(site.address("/login"))
    assert "default-src 'none'" in response.headers["content-security-policy"] and "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert (response.headers["x-frame-options"], response.headers["cache-control"], response.headers["referrer-policy"]) == ("DENY", "no-store", "no-referrer")
    cookie = response.headers["set-cookie"]
    assert all(part in cookie for part in ["HttpOnly", "SameSite=Lax", f"Path=/_aws/auth/{site.domain}"])
    assert "<script" not in response.text
    for path in ["/style.css", f"/customized.css?client_id={site.client}"]:
        assert requests.get(site.root + path).headers["content-type"].startswith("text/css")


@pytest.mark.parametrize("uri", [
    CALLBACK + "x", CALLBACK.replace("http:", "https:"), CALLBACK + "#a", CALLBACK.upper(), CALLBACK + "/../x", "http://localhost:8484/callback",
    "http://localhost:8484@evil.example/callback?from=pool", "http://evil.example/", "javascript:alert(1)", "//evil.example", CALLBACK + "%0d%0aa: b",
])
def test_nobody_is_sent_to_an_address_that_is_not_registered(site, uri):
    for path in ["/oauth2/authorize", "/login", "/signup"]:
        response = requests.get(site.address(path, redirect_uri=uri), allow_redirects=False)
        assert response.status_code == 400 and "location" not in response.headers
        assert "CallbackURLs" in Page(response).failure
    response = requests.get(f"{site.root}/logout", params={"client_id": site.client, "logout_uri": uri}, allow_redirects=False)
    assert response.status_code == 400 and "location" not in response.headers


@pytest.mark.parametrize("more, error", [
    ({"response_type": None}, "unsupported_response_type"),
    ({"response_type": "id_token"}, "unsupported_response_type"),
    ({"scope": "openid admin"}, "invalid_request"),
    ({"scope": "email"}, "invalid_scope"),
    ({"code_challenge": "x" * 43}, "invalid_request"),
    ({"code_challenge": "x" * 43, "code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge": "x" * 42, "code_challenge_method": "S256"}, "invalid_request"),
    ({"code_challenge_method": "S256"}, "invalid_request"),
    ({"nonce": "n" * 5_000}, "invalid_request"),
    ({"identity_provider": "Google"}, "invalid_request"),
])
def test_what_cannot_be_asked_for_is_told_to_the_application(site, more, error):
    told = parameters(Visitor().get(site.address(**more)))
    assert (told["error"], told["state"]) == (error, "st&te") and told["error_description"]


def test_what_does_not_say_who_asks_is_told_on_a_page(site, server):
    for more, word in [({"client_id": None}, "client_id"), ({"client_id": "unknown"}, "client_id"), ({"redirect_uri": None}, "redirect_uri")]:
        page = Visitor().get(site.address(**more))
        assert page.response.status_code == 400 and word in page.failure
    twice = requests.get(site.address() + f"&redirect_uri={OTHER_CALLBACK}", allow_redirects=False)
    assert twice.status_code == 400 and "twice" in twice.text
    assert requests.get(f"{server.endpoint}/_aws/auth/nobodys-domain/login").status_code == 404
    assert requests.get(f"{site.root}/nowhere").status_code == 404
    assert requests.get(f"{site.root}/oauth2/token").status_code == 405
    assert requests.get(site.address("/login", redirect_uri='"><script>alert(1)</script>')).text.count("<script") == 0


def test_a_code_is_good_once_and_for_whom_it_was_given(site, cognito):
    verifier, challenge = pkce()
    code = lambda: site.code_for(code_challenge=challenge, code_challenge_method="S256")
    refusals = [
        {"code_verifier": pkce()[0]}, {"code_verifier": None}, {"code_verifier": verifier, "redirect_uri": OTHER_CALLBACK},
        {"code_verifier": verifier, "redirect_uri": None}, {"code_verifier": verifier, "code": "guessed"},
    ]
    for more in refusals:
        answer = site.exchange(code(), **more)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), more
    # A verifier that nobody was challenged for: the challenge was taken away on the way.
    assert site.exchange(site.code_for(), code_verifier=verifier).json() == {"error": "invalid_grant"}
    other = cognito.create_user_pool_client(
        UserPoolId=site.id, ClientName="other", AllowedOAuthFlowsUserPoolClient=True, AllowedOAuthFlows=["code"], AllowedOAuthScopes=["openid"], CallbackURLs=[CALLBACK]
    )["UserPoolClient"]["ClientId"]
    assert site.exchange(code(), code_verifier=verifier, client_id=other).json() == {"error": "invalid_grant"}, "another client's"
    used = code()
    tokens = site.exchange(used, code_verifier=verifier).json()
    assert site.exchange(used, code_verifier=verifier).json() == {"error": "invalid_grant"}
    # Who comes second with it may be the one it was meant for: neither keeps anything.
    gone = site.post("/oauth2/token", grant_type="refresh_token", client_id=site.client, refresh_token=tokens["refresh_token"])
    assert gone.json() == {"error": "invalid_grant"}
    assert requests.get(site.root + "/oauth2/userInfo", headers={"authorization": f"Bearer {tokens['access_token']}"}).status_code == 401


def test_of_many_who_bring_the_same_code_one_gets_tokens(site):
    code = site.code_for()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: site.exchange(code).status_code, range(8)))
    assert sorted(answers)[:1] == [200] and answers.count(200) == 1


def test_a_client_with_a_secret_shows_it(server, cognito, own):
    site = own(client={"GenerateSecret": True})
    site.add("ada")
    basic = (site.client, site.secret)
    form = lambda: {"grant_type": "authorization_code", "code": site.code_for(), "redirect_uri": CALLBACK}
    assert site.post("/oauth2/token", auth=basic, **form()).status_code == 200
    assert site.post("/oauth2/token", client_id=site.client, client_secret=site.secret, **form()).status_code == 200
    for auth, more in [(None, {"client_id": site.client}), ((site.client, "wrong"), {}), (None, {"client_id": site.client, "client_secret": "wrong"}), (basic, {"client_id": "another"}), (None, {})]:
        answer = site.post("/oauth2/token", auth=auth, **form(), **more)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")
    assert requests.post(site.root + "/oauth2/token", data="{}", headers={"content-type": "application/json"}).json()["error"] == "invalid_request"
    assert site.post("/oauth2/token", auth=basic, grant_type="password").json() == {"error": "unsupported_grant_type"}
    assert site.post("/oauth2/token", auth=basic, grant_type="client_credentials").json() == {"error": "unauthorized_client"}
    allowed = requests.options(site.root + "/oauth2/token", headers={"origin": "https://app.example", "access-control-request-method": "POST"})
    assert allowed.status_code == 200 and allowed.headers["access-control-allow-origin"] == "*"


def test_a_program_gets_tokens_for_the_scopes_of_an_api(server, cognito, own):
    site = own()
    api = {"UserPoolId": site.id, "Identifier": "https://api.example.com"}
    scopes = [{"ScopeName": name, "ScopeDescription": name} for name in ("read", "write")]
    made = cognito.create_resource_server(**api, Name="API", Scopes=scopes)["ResourceServer"]
    assert made == {"UserPoolId": site.id, "Identifier": "https://api.example.com", "Name": "API", "Scopes": scopes}
    assert "already exists" in refused(cognito.create_resource_server, "InvalidParameterException", **api, Name="API")
    make = lambda **more: cognito.create_user_pool_client(**{
        "UserPoolId": site.id, "ClientName": "job", "GenerateSecret": True, "AllowedOAuthFlowsUserPoolClient": True, "AllowedOAuthFlows": ["client_credentials"],
        "AllowedOAuthScopes": ["https://api.example.com/read", "https://api.example.com/write"],
    } | more)
    refused(make, "ScopeDoesNotExistException", AllowedOAuthScopes=["https://api.example.com/delete"])
    refused(make, "ScopeDoesNotExistException", AllowedOAuthScopes=["openid"])
    refused(make, "InvalidOAuthFlowException", GenerateSecret=False)
    refused(make, "InvalidOAuthFlowException", AllowedOAuthFlows=["client_credentials", "code"])
    job = make()["UserPoolClient"]
    basic = (job["ClientId"], job["ClientSecret"])
    tokens = site.post("/oauth2/token", auth=basic, grant_type="client_credentials", scope="https://api.example.com/read").json()
    assert sorted(tokens) == ["access_token", "expires_in", "token_type"]
    told = claims(tokens["access_token"])
    assert (told["sub"], told["client_id"], told["scope"], told["token_use"]) == (basic[0], basic[0], "https://api.example.com/read", "access") and "username" not in told
    tokens = site.post("/oauth2/token", auth=basic, grant_type="client_credentials").json()
    assert claims(tokens["access_token"])["scope"] == "https://api.example.com/read https://api.example.com/write"
    answer = site.post("/oauth2/token", auth=basic, grant_type="client_credentials", scope="openid")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert refused(cognito.get_user, "NotAuthorizedException", AccessToken=tokens["access_token"])
    cognito.update_resource_server(**api, Name="API 2", Scopes=scopes[:1])
    assert cognito.describe_resource_server(**api)["ResourceServer"]["Scopes"] == scopes[:1]
    assert [server["Name"] for server in cognito.list_resource_servers(UserPoolId=site.id, MaxResults=10)["ResourceServers"]] == ["API 2"]
    cognito.delete_resource_server(**api)
    refused(cognito.describe_resource_server, "ResourceNotFoundException", **api)


def test_a_form_of_another_site_does_nothing(site):
    victim, attacker = Visitor(), Visitor()
    page, other = victim.get(site.address()), attacker.get(site.address())
    action = f"{site.root}/login?{urlsplit(site.address()).query}"
    form = {"username": "ada", "password": PASSWORD}
    token = other.forms[0]["fields"]["_csrf"]["value"]
    for visitor, sent in [(victim, form), (victim, form | {"_csrf": token}), (Visitor(), form | {"_csrf": token})]:
        response = visitor.session.post(action, data=sent, allow_redirects=False)
        assert response.status_code == 403 and "location" not in response.headers and "cognito=" not in response.headers.get("set-cookie", "")
    assert "code" in parameters(victim.submit(page, username="ada", password=PASSWORD))


def test_a_session_that_somebody_else_set_is_not_signed_in(site):
    visitor = Visitor()
    page = visitor.get(site.address())
    site.visit(attacker := Visitor())
    (chosen,) = [cookie for cookie in attacker.session.cookies if cookie.name == "cognito"]
    visitor.session.cookies.set_cookie(chosen)
    assert "code" in parameters(visitor.submit(page, username="ada", password=PASSWORD))
    values = [cookie.value for cookie in visitor.session.cookies if cookie.name == "cognito"]
    assert len(values) == 1 and values[0] != chosen.value, "each sign-in has a session of its own"
    for value, page in [(values[0], CALLBACK), (values[0][:-4] + "AAAA", "/login?"), ("", "/login?")]:
        response = requests.get(site.address(), cookies={"cognito": value}, allow_redirects=False)
        assert page in response.headers["location"].split("&redirect_uri")[0], "a changed cookie is none"


def test_a_session_of_one_pool_is_none_of_another(site, own):
    other = own()
    other.add("ada")
    visitor = Visitor()
    site.visit(visitor)
    (cookie,) = [cookie.value for cookie in visitor.session.cookies if cookie.name == "cognito"]
    response = requests.get(other.address(), cookies={"cognito": cookie}, allow_redirects=False)
    assert "/login?" in response.headers["location"]
    code = site.code_for()
    assert other.exchange(code).json() == {"error": "invalid_grant"}
    token = site.exchange(site.code_for()).json()["access_token"]
    assert requests.get(other.root + "/oauth2/userInfo", headers={"authorization": f"Bearer {token}"}).status_code == 401


def test_pages_do_not_tell_who_has_an_account(server, cognito, own):
    site = own(client={"PreventUserExistenceErrors": "ENABLED"})
    site.add("ada")
    said = {site.visit(name=name, password="Wrong-Passw0rd").failure for name in ("ada", "nobody")}
    assert said == {"Incorrect username or password."}
    shown = []
    for name in ("ada", "nobody"):
        visitor = Visitor()
        page = visitor.submit(visitor.get(site.address("/forgotPassword")), username=name)
        shown.append((page.heading, page.roles, [sorted(form["fields"]) for form in page.forms]))
        page = visitor.submit(page, code="000000", password="Other-Passw0rd")
        assert page.response.status_code == 400
        shown[-1] += (page.failure,)
    assert shown[0] == shown[1]
    shown = []
    for name in ("ada", "nobody"):
        visitor = Visitor()
        page = visitor.submit(visitor.get(site.address("/confirm")), username=name, code="000000")
        again = visitor.submit(page, 1)
        shown.append((page.failure, again.roles, again.heading))
    assert shown[0] == shown[1]


def test_guesses_on_the_page_lock_out(server, cognito, own):
    site = own()
    site.add("ada")
    said = [site.visit(password="Wrong-Passw0rd").failure for _ in range(8)]
    assert said[0] == "Incorrect username or password." and said[-1] == "Password attempts exceeded"


def test_somebody_makes_an_account_confirms_it_and_changes_the_password(server, cognito, own):
    site = own(Schema=[{"Name": "given_name", "Required": True, "Mutable": True}])
    visitor = Visitor()
    page = visitor.get(visitor.get(site.address()).link("/signup"))
    assert {"username", "password", "attribute.email", "attribute.given_name"} <= page.forms[0]["fields"].keys()
    address = f"{site.domain}@example.com"
    typed = {"username": "eve", "attribute.email": address, "attribute.given_name": "<b>Eve</b>"}
    page = visitor.submit(page, **typed, password="short")
    assert "Password" in page.failure and page.forms[0]["fields"]["attribute.given_name"]["value"] == "<b>Eve</b>" and "<b>" not in page.response.text
    page = visitor.submit(page, password=PASSWORD)
    assert page.heading == "Confirm your account" and "***" in page.roles["status"]
    assert visitor.submit(page, code="000000").failure == "Invalid verification code provided, please try again."
    assert site.visit(name="eve").heading == "Confirm your account", "the right password is not enough yet"
    page = visitor.submit(page, 1)
    page = visitor.submit(page, code=site.code(address, 2))
    assert page.heading == "Sign in" and "confirmed" in page.roles["status"]
    assert "code" in parameters(visitor.submit(page, username="eve", password=PASSWORD))
    page = visitor.get(site.address("/forgotPassword"))
    page = visitor.submit(page, username="eve")
    page = visitor.submit(page, code=site.code(address, 3), password="Other-Passw0rd")
    assert "changed" in page.roles["status"]
    assert site.visit(name="eve").failure and "code" in parameters(site.visit(name="eve", password="Other-Passw0rd"))


def test_a_temporary_password_is_changed_on_the_page(server, cognito, own):
    site = own()
    cognito.admin_create_user(UserPoolId=site.id, Username="ada", TemporaryPassword="Temp-Passw0rd", MessageAction="SUPPRESS")
    visitor = Visitor()
    page = site.visit(visitor, password="Temp-Passw0rd")
    assert page.heading == "Choose a new password"
    page = visitor.submit(page, password="short")
    assert "Password" in page.failure and page.heading == "Choose a new password"
    assert "code" in parameters(visitor.submit(page, password=PASSWORD))
    assert "code" in parameters(site.visit()), "it is the password from now on"
    assert cognito.admin_get_user(UserPoolId=site.id, Username="ada")["UserStatus"] == "CONFIRMED"


def test_second_factors_are_set_up_and_asked_for_on_pages(server, cognito, own):
    site = own()
    cognito.set_user_pool_mfa_config(UserPoolId=site.id, MfaConfiguration="ON", SoftwareTokenMfaConfiguration={"Enabled": True})
    site.add("ada")
    visitor = Visitor()
    page = site.visit(visitor)
    assert page.heading == "Set up your authenticator app"
    secret = parameters(next(link for link in page.links if link.startswith("otpauth:")))["secret"]
    page = visitor.submit(page, code="000000")
    assert "not right" in page.failure and secret in "".join(page.links), "the key stays"
    assert "code" in parameters(visitor.submit(page, code=authenticator(secret)))
    visitor = Visitor()
    page = site.visit(visitor)
    assert page.heading == "Enter your code"
    # Tokens for it would be of no scopes that the page was asked for.
    answer = {"ClientId": site.client, "ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": page.forms[0]["fields"]["session"]["value"]}
    responses = {"USERNAME": "ada", "SOFTWARE_TOKEN_MFA_CODE": authenticator(secret, 1)}
    assert "Invalid session" in refused(cognito.respond_to_auth_challenge, "NotAuthorizedException", **answer, ChallengeResponses=responses)
    assert "not right" in visitor.submit(page, code="000000").failure
    assert "code" in parameters(visitor.submit(page, code=authenticator(secret, 1)))
    assert visitor.submit(page, code=authenticator(secret, 1)).failure, "neither a session nor a code is good twice"


def test_a_code_by_mail_and_a_choice_of_factors(server, cognito, own):
    site = own()
    mail = {"Message": "It is {####}.", "Subject": "Code"}
    cognito.set_user_pool_mfa_config(UserPoolId=site.id, MfaConfiguration="OPTIONAL", SoftwareTokenMfaConfiguration={"Enabled": True}, EmailMfaConfiguration=mail)
    address = f"{site.domain}@example.com"
    site.add("ada", email=address)
    token = site.sign_in("ada")["AccessToken"]
    secret = cognito.associate_software_token(AccessToken=token)["SecretCode"]
    cognito.verify_software_token(AccessToken=token, UserCode=authenticator(secret))
    cognito.admin_set_user_mfa_preference(UserPoolId=site.id, Username="ada", SoftwareTokenMfaSettings={"Enabled": True}, EmailMfaSettings={"Enabled": True})
    visitor = Visitor()
    page = site.visit(visitor)
    assert page.heading == "Choose how to go on" and len(page.forms) == 2
    number = next(number for number, form in enumerate(page.forms) if form["fields"]["answer"]["value"] == "EMAIL_OTP")
    page = visitor.submit(page, number)
    assert "***" in page.text
    assert "code" in parameters(visitor.submit(page, code=site.code(address)))


def test_domains_are_one_pools_and_found_by_host(server, cognito, own, unique):
    site = own()
    described = cognito.describe_user_pool_domain(Domain=site.domain)["DomainDescription"]
    assert (described["UserPoolId"], described["Status"], described["Domain"]) == (site.id, "ACTIVE", site.domain)
    assert cognito.describe_user_pool_domain(Domain="nobodys")["DomainDescription"] == {}
    assert cognito.describe_user_pool(UserPoolId=site.id)["UserPool"]["Domain"] == site.domain
    other = cognito.create_user_pool(PoolName=unique)["UserPool"]["Id"]
    assert "already associated" in refused(cognito.create_user_pool_domain, "InvalidParameterException", Domain=site.domain, UserPoolId=other)
    for name in ["my-cognito", "Upper", "-a", "a.b", ""]:
        with pytest.raises(Exception):
            cognito.create_user_pool_domain(Domain=name, UserPoolId=other)
    refused(cognito.create_user_pool_domain, "InvalidParameterException", Domain=f"{unique}-second", UserPoolId=site.id)
    assert "domain configured" in refused(cognito.delete_user_pool, "InvalidParameterException", UserPoolId=site.id)
    host = f"{site.domain}.auth.us-east-1.amazoncognito.com"
    answer = requests.get(f"{server.endpoint}/login?{urlsplit(site.address()).query}", headers={"host": host})
    assert answer.status_code == 200 and "Path=/;" in answer.headers["set-cookie"] and 'action="/login?' in answer.text
    certificate = {"CertificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/a"}
    made = cognito.create_user_pool_domain(Domain=f"login.{unique}.example.com", UserPoolId=site.id, CustomDomainConfig=certificate)
    assert made["CloudFrontDomain"]
    more = {"UserPoolId": other, "CustomDomainConfig": certificate}
    assert "this server's own" in refused(cognito.create_user_pool_domain, "InvalidParameterException", Domain="s3.example.com", **more)
    answer = lambda: requests.get(f"{server.endpoint}/login?{urlsplit(site.address()).query}", headers={"host": f"login.{unique}.example.com"})
    assert answer().status_code == 200 and "Sign in" in answer().text
    cognito.update_user_pool_domain(Domain=f"login.{unique}.example.com", UserPoolId=site.id, CustomDomainConfig=certificate | {"CertificateArn": certificate["CertificateArn"] + "b"})
    assert cognito.describe_user_pool(UserPoolId=site.id)["UserPool"]["CustomDomain"] == f"login.{unique}.example.com"
    cognito.delete_user_pool_domain(Domain=f"login.{unique}.example.com", UserPoolId=site.id)
    assert "Sign in" not in answer().text
    cognito.delete_user_pool_domain(Domain=site.domain, UserPoolId=site.id)
    assert requests.get(site.address("/login")).status_code == 404
    cognito.delete_user_pool(UserPoolId=site.id)


def test_pages_look_as_a_pool_wants_them_to(site, cognito, own):
    site = own()
    assert cognito.get_ui_customization(UserPoolId=site.id)["UICustomization"] == {}
    css = ".submitButton-customizable { background: rebeccapurple; }"
    told = cognito.set_ui_customization(UserPoolId=site.id, CSS=css)["UICustomization"]
    assert (told["ClientId"], told["CSS"]) == ("ALL", css) and told["CSSVersion"]
    shown = lambda: requests.get(f"{site.root}/customized.css?client_id={site.client}").text
    assert shown() == css
    cognito.set_ui_customization(UserPoolId=site.id, ClientId=site.client, CSS=".a{}")
    assert shown() == ".a{}" and cognito.get_ui_customization(UserPoolId=site.id, ClientId=site.client)["UICustomization"]["CSS"] == ".a{}"
    cognito.set_ui_customization(UserPoolId=site.id, ClientId=site.client)
    assert shown() == css
    refused(cognito.set_ui_customization, "NotImplemented", UserPoolId=site.id, ImageFile=b"GIF")


@pytest.mark.parametrize("urls, word", [
    (["http://example.com/"], "HTTP"), (["/relative"], "absolute"), (["https://a.example/#x"], "fragment"), (["javascript://%0aalert(1)"], "scheme"), (["https://a.example/ x"], "pattern"),
])
def test_addresses_that_tokens_must_not_go_to_are_not_registered(site, cognito, urls, word):
    for member in ("CallbackURLs", "LogoutURLs"):
        with pytest.raises(cognito.exceptions.InvalidParameterException) as caught:
            cognito.create_user_pool_client(UserPoolId=site.id, ClientName="c", **{member: urls})
        assert word in str(caught.value)


def test_what_a_pool_publishes_leads_to_its_endpoints(site, server):
    issuer = claims(site.sign_in("ada")["IdToken"])["iss"]
    told = requests.get(f"{issuer}/.well-known/openid-configuration").json()
    assert told["issuer"] == issuer and told["code_challenge_methods_supported"] == ["S256"]
    assert told["authorization_endpoint"].endswith(f"/_aws/auth/{site.domain}/oauth2/authorize")
    for name in ("token", "userinfo", "revocation", "end_session"):
        assert requests.get(told[f"{name}_endpoint"]).status_code in (400, 401, 405)


def forged(token, header, signature=b""):
    encode = lambda part: base64.urlsafe_b64encode(part).rstrip(b"=").decode()
    return f"{encode(json.dumps(header).encode())}.{token.split('.')[1]}.{encode(signature)}"


def test_tokens_that_nobody_signed_are_worth_nothing(site):
    import hmac

    token = site.exchange(site.code_for()).json()["access_token"]
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    keys = requests.get(claims(token)["iss"] + "/.well-known/jwks.json").text
    symmetric = forged(token, header | {"alg": "HS256"})
    signed = forged(token, header | {"alg": "HS256"}, hmac.digest(keys.encode(), symmetric.rsplit(".", 1)[0].encode(), "sha256"))
    for text in [forged(token, header | {"alg": "none"}), forged(token, header | {"alg": "nOnE"}), signed, forged(token, header), token[:-8] + "AAAAAAAA", "", "a.b.c"]:
        answer = requests.get(site.root + "/oauth2/userInfo", headers={"authorization": f"Bearer {text}"})
        assert answer.status_code == 401, text
    id = site.exchange(site.code_for()).json()["id_token"]
    assert requests.get(site.root + "/oauth2/userInfo", headers={"authorization": f"Bearer {id}"}).status_code == 401, "that is for the application"


def test_what_was_begun_outlives_a_crash(server_of_its_own):
    server = server_of_its_own()
    site = Site(server, server.client("cognito-idp"), "crash")
    site.add("ada")
    visitor = Visitor()
    code = parameters(site.visit(visitor))["code"]
    page = Visitor().get(site.address())
    server.kill()
    server.start()
    site.root = f"{server.endpoint}/_aws/auth/crash"
    assert site.exchange(code).status_code == 200
    assert page.heading == "Sign in"
    for cookie in list(visitor.session.cookies):
        assert cookie.path == "/_aws/auth/crash"
    assert "code" in parameters(visitor.get(site.address()))


@pytest.fixture
def server_of_its_own(tmp_path):
    from cloudlet import Server

    made = []

    def make():
        made.append(Server(tmp_path))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.mark.timeout(300)
def test_a_phone_shows_the_pages_as_they_should_be(server, cognito, own, tmp_path):
    program()
    site = own()
    cognito.set_user_pool_mfa_config(UserPoolId=site.id, MfaConfiguration="ON", SoftwareTokenMfaConfiguration={"Enabled": True})
    address = f"{site.domain}@example.com"
    type_in = "(name, value) => { document.getElementsByName(name)[0].value = value }"
    with Browser() as browser:
        browser.screen(390, 844, density=2, mobile=True)

        def seen(heading):
            browser.wait_for(f"document.querySelector('h1')?.textContent === {json.dumps(heading)} && document.readyState === 'complete'")
            assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the phone"
            assert browser.evaluate("getComputedStyle(document.querySelector('main')).borderTopLeftRadius") == "12px", "the stylesheet is there"
            assert browser.evaluate("[...document.querySelectorAll('input:not([type=hidden])')].every(input => input.labels.length === 1)")
            browser.screenshot(tmp_path / f"{heading}.png")

        def submit(**typed):
            for name, value in typed.items():
                browser.evaluate(f"({type_in})({json.dumps(name)}, {json.dumps(value)})")
            browser.evaluate("document.querySelector('button').click()")

        browser.open(site.address())
        seen("Sign in")
        browser.evaluate("[...document.links].find(link => link.pathname.endsWith('/signup')).click()")
        seen("Create an account")
        submit(**{"username": "ada", "attribute.email": address, "password": PASSWORD})
        seen("Confirm your account")
        submit(code=site.code(address))
        seen("Sign in")
        submit(username="ada", password="Wrong-Passw0rd")
        browser.wait_for("document.querySelector('[role=alert]')?.textContent")
        seen("Sign in")
        submit(username="ada", password=PASSWORD)
        seen("Set up your authenticator app")
        secret = browser.evaluate("document.querySelector('.secret').textContent").replace(" ", "")
        submit(code=authenticator(secret))
        browser.wait_for("location.href.startsWith('http://localhost:8484/') || location.protocol === 'chrome-error:'")
        assert not [failure for failure in browser.failures if "Content Security Policy" in failure], browser.failures
        assert any("8484" in entry["url"] for entry in browser.call("Page.getNavigationHistory")["entries"])
        # Signed in, the browser goes on at once.
        browser.call("Page.navigate", url=site.address(state="second"))
        browser.wait_for("true")
        assert any("state=second" in entry["url"] and "8484" in entry["url"] for entry in browser.call("Page.getNavigationHistory")["entries"])
