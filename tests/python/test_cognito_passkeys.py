"""Choice-based sign-in: passkeys of an authenticator in software and of a real browser, codes by mail, and passwords."""

import json
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from browser import Browser
from cloudlet import wait_until
from cognito_users import PASSWORD, Pool, Srp, authenticator, claims
from passkeys import PRESENT, Passkey, decoded, encoded
from test_cognito import named, refused

PARTY = "example.com"
FACTORS = ["PASSWORD", "EMAIL_OTP", "WEB_AUTHN"]
FLOWS = ["USER_AUTH", "USER_PASSWORD_AUTH"]


def make(server, cognito, unique, configuration={}, factors=FACTORS, **more):
    """A pool with somebody in it, and an access token of theirs."""
    pool = Pool(server, cognito, unique, flows=FLOWS, Policies={"SignInPolicy": {"AllowedFirstAuthFactors": factors}}, **more)
    configuration = {"RelyingPartyId": PARTY, "UserVerification": "preferred"} | configuration
    cognito.set_user_pool_mfa_config(UserPoolId=pool.id, MfaConfiguration="OFF", WebAuthnConfiguration=configuration)
    pool.add("ada", f"{unique}@example.com")
    return pool, pool.sign_in("ada")["AccessToken"]


def register(pool, token, passkey=None, **lies):
    passkey = passkey or Passkey()
    options = pool.cognito.start_web_authn_registration(AccessToken=token)["CredentialCreationOptions"]
    pool.cognito.complete_web_authn_registration(AccessToken=token, Credential=passkey.make(options, **lies))
    return passkey


def begin(pool, name="ada"):
    """What is asked of a passkey, and how it is gone on with."""
    begun = pool.choose(name, PREFERRED_CHALLENGE="WEB_AUTHN")
    assert begun["ChallengeName"] == "WEB_AUTHN"
    return begun, json.loads(begun["ChallengeParameters"]["CREDENTIAL_REQUEST_OPTIONS"])


def sign_in(pool, passkey, **lies):
    begun, options = begin(pool)
    return pool.respond(begun, USERNAME="ada", CREDENTIAL=json.dumps(passkey.answer(options, **lies)))


@pytest.mark.parametrize("algorithm", [-7, -8, -257])
def test_a_passkey_signs_in(server, cognito, unique, algorithm):
    pool, token = make(server, cognito, unique)
    sub = claims(token)["sub"]
    options = cognito.start_web_authn_registration(AccessToken=token)["CredentialCreationOptions"]
    assert options["rp"] == {"id": PARTY, "name": unique} and decoded(options["user"]["id"]).decode() == sub
    assert {parameter["alg"] for parameter in options["pubKeyCredParams"]} == {-7, -8, -257} and options["excludeCredentials"] == []
    passkey = Passkey(algorithm)
    cognito.complete_web_authn_registration(AccessToken=token, Credential=passkey.make(options))
    (told,) = cognito.list_web_authn_credentials(AccessToken=token)["Credentials"]
    assert (told["CredentialId"], told["RelyingPartyId"], told["AuthenticatorAttachment"]) == (encoded(passkey.id), PARTY, "platform")
    begun, options = begin(pool)
    assert (options["rpId"], options["userVerification"]) == (PARTY, "preferred")
    assert [allowed["id"] for allowed in options["allowCredentials"]] == [encoded(passkey.id)]
    answer = passkey.answer(options, user=sub)
    tokens = pool.respond(begun, USERNAME="ada", CREDENTIAL=json.dumps(answer))["AuthenticationResult"]
    assert claims(tokens["IdToken"])["sub"] == sub and tokens["RefreshToken"]
    refused(pool.respond, "NotAuthorizedException", begun=begun, USERNAME="ada", CREDENTIAL=json.dumps(answer))
    again = json.dumps(passkey.answer(options, user=sub))
    assert "only be used once" in refused(pool.respond, "NotAuthorizedException", begun=begun, USERNAME="ada", CREDENTIAL=again)


def test_what_is_not_signed_for_this_sign_in_is_refused(server, cognito, unique):
    pool, token = make(server, cognito, unique)
    passkey, other = register(pool, token), Passkey()
    wrong = "Incorrect username or passkey."
    for lies in [{"key": other}, {"origin": "https://evil.example"}, {"origin": "https://example.com.evil.example"}, {"origin": "http://example.com"}, {"party": "evil.example"},
                 {"kind": "webauthn.create"}, {"challenge": encoded(b"x" * 32)}, {"flags": 0}, {"user": "somebody else"}]:
        assert refused(sign_in, "NotAuthorizedException", pool=pool, passkey=passkey, **lies) == wrong, lies
    assert refused(sign_in, "NotAuthorizedException", pool=pool, passkey=other) == wrong
    begun, options = begin(pool)
    for text in ["", "{", "[]", "{}", json.dumps({"id": "?"}), json.dumps(passkey.answer(options) | {"response": {}})]:
        refused(pool.respond, "InvalidParameterException", begun=begun, USERNAME="ada", CREDENTIAL=text)
    assert sign_in(pool, passkey, origin="https://login.example.com:8443")["AuthenticationResult"], "pages below the domain are its own"
    assert sign_in(pool, passkey, counter=100)["AuthenticationResult"]
    assert refused(sign_in, "NotAuthorizedException", pool=pool, passkey=passkey, counter=100) == wrong, "a copy of the authenticator"
    assert sign_in(pool, passkey, counter=101)["AuthenticationResult"]
    told = [refused(sign_in, "NotAuthorizedException", pool=pool, passkey=passkey, key=other, counter=200) for _ in range(8)]
    assert set(told) == {wrong} and sign_in(pool, passkey, counter=200)["AuthenticationResult"], "nobody is locked out"


def test_what_is_not_made_for_this_pool_is_refused(server, cognito, unique):
    pool, token = make(server, cognito, unique)
    for lies, code in [
        ({"origin": "https://evil.example"}, "WebAuthnOriginNotAllowedException"),
        ({"party": "evil.example"}, "WebAuthnRelyingPartyMismatchException"),
        ({"challenge": encoded(b"x" * 100)}, "WebAuthnChallengeNotFoundException"),
        ({"kind": "webauthn.get"}, "InvalidParameterException"),
        ({"flags": 0}, "InvalidParameterException"),
        ({"passkey": Passkey(-35)}, "WebAuthnCredentialNotSupportedException"),
    ]:
        refused(register, code, pool=pool, token=token, **lies)
    options = cognito.start_web_authn_registration(AccessToken=token)["CredentialCreationOptions"]
    complete = lambda token, passkey: cognito.complete_web_authn_registration(AccessToken=token, Credential=passkey.make(options))
    pool.add("bob")
    refused(complete, "WebAuthnChallengeNotFoundException", token=pool.sign_in("bob")["AccessToken"], passkey=Passkey())
    client = cognito.create_user_pool_client(UserPoolId=pool.id, ClientName="other", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"])["UserPoolClient"]["ClientId"]
    parameters = {"USERNAME": "ada", "PASSWORD": PASSWORD}
    elsewhere = cognito.initiate_auth(ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)["AuthenticationResult"]["AccessToken"]
    refused(complete, "WebAuthnClientMismatchException", token=elsewhere, passkey=Passkey())
    passkey = Passkey()
    complete(token, passkey)
    refused(complete, "WebAuthnChallengeNotFoundException", token=token, passkey=Passkey())
    refused(register, "InvalidParameterException", pool=pool, token=token, passkey=passkey)
    refused(register, "InvalidParameterException", pool=pool, token=pool.sign_in("bob")["AccessToken"], passkey=passkey)
    for nonsense in [{}, [], "x", {"id": "AA", "type": "public-key", "response": {"clientDataJSON": "e30", "attestationObject": encoded(b"\x9f" * 5000)}}]:
        refused(cognito.complete_web_authn_registration, "InvalidParameterException", "WebAuthnChallengeNotFoundException", AccessToken=token, Credential=nonsense)
    assert len(cognito.list_web_authn_credentials(AccessToken=token)["Credentials"]) == 1


def test_passkeys_are_listed_deleted_and_bounded(server, cognito, unique):
    pool, token = make(server, cognito, unique)
    made = [register(pool, token) for _ in range(20)]
    refused(cognito.start_web_authn_registration, "LimitExceededException", AccessToken=token)
    ids, place = [], {}
    while True:
        page = cognito.list_web_authn_credentials(AccessToken=token, MaxResults=8, **place)
        ids += [told["CredentialId"] for told in page["Credentials"]]
        if "NextToken" not in page:
            break
        place = {"NextToken": page["NextToken"]}
    assert sorted(ids) == sorted(encoded(passkey.id) for passkey in made)
    cognito.delete_web_authn_credential(AccessToken=token, CredentialId=ids[0])
    refused(cognito.delete_web_authn_credential, "ResourceNotFoundException", AccessToken=token, CredentialId=ids[0])
    gone = next(passkey for passkey in made if encoded(passkey.id) == ids[0])
    refused(sign_in, "NotAuthorizedException", pool=pool, passkey=gone)
    excluded = cognito.start_web_authn_registration(AccessToken=token)["CredentialCreationOptions"]["excludeCredentials"]
    assert sorted(other["id"] for other in excluded) == sorted(ids[1:])
    pool.add("bob")
    refused(cognito.delete_web_authn_credential, "ResourceNotFoundException", AccessToken=pool.sign_in("bob")["AccessToken"], CredentialId=ids[1])
    cognito.admin_delete_user(UserPoolId=pool.id, Username="ada")
    pool.add("ada", f"{unique}@example.com")
    assert pool.choose("ada", PREFERRED_CHALLENGE="WEB_AUTHN")["ChallengeName"] == "SELECT_CHALLENGE"


def test_users_have_to_be_known_where_the_pool_says_so(server, cognito, unique):
    pool, token = make(server, cognito, unique, {"UserVerification": "required"})
    assert cognito.start_web_authn_registration(AccessToken=token)["CredentialCreationOptions"]["authenticatorSelection"]["userVerification"] == "required"
    refused(register, "InvalidParameterException", pool=pool, token=token, flags=PRESENT)
    passkey = register(pool, token)
    refused(sign_in, "NotAuthorizedException", pool=pool, passkey=passkey, flags=PRESENT)
    assert sign_in(pool, passkey)["AuthenticationResult"]


def test_a_passkey_is_a_second_factor_only_where_the_pool_says_so(server, cognito, unique):
    pool, token = make(server, cognito, unique)
    passkey = register(pool, token)
    configure = lambda factor: cognito.set_user_pool_mfa_config(
        UserPoolId=pool.id, MfaConfiguration="OPTIONAL", SoftwareTokenMfaConfiguration={"Enabled": True}, WebAuthnConfiguration={"RelyingPartyId": PARTY, "FactorConfiguration": factor}
    )["WebAuthnConfiguration"]
    assert configure("SINGLE_FACTOR") == {"RelyingPartyId": PARTY, "UserVerification": "preferred", "FactorConfiguration": "SINGLE_FACTOR"}
    secret = cognito.associate_software_token(AccessToken=token)["SecretCode"]
    cognito.verify_software_token(AccessToken=token, UserCode=authenticator(secret, -1))
    cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True})
    assert pool.choose("ada", PREFERRED_CHALLENGE="WEB_AUTHN")["AvailableChallenges"] == ["PASSWORD_SRP", "PASSWORD"]
    configure("MULTI_FACTOR_WITH_USER_VERIFICATION")
    assert sign_in(pool, passkey)["AuthenticationResult"]
    asked, options = begin(pool)
    answer = lambda: pool.respond(asked, USERNAME="ada", CREDENTIAL=json.dumps(passkey.answer(options, flags=PRESENT)))
    begun = answer()
    assert begun["ChallengeName"] == "SOFTWARE_TOKEN_MFA", "an authenticator that does not know its user is one factor"
    assert "only be used once" in refused(answer, "NotAuthorizedException"), "whatever comes after it"
    assert pool.respond(begun, USERNAME="ada", SOFTWARE_TOKEN_MFA_CODE=authenticator(secret))["AuthenticationResult"]
    told = cognito.get_user_auth_factors(AccessToken=token)
    assert set(told["ConfiguredUserAuthFactors"]) == {"PASSWORD", "EMAIL_OTP", "WEB_AUTHN", "SOFTWARE_TOKEN"} and told["UserMFASettingList"] == ["SOFTWARE_TOKEN_MFA"]
    cognito.admin_delete_software_token(UserPoolId=pool.id, Username="ada")
    told = cognito.admin_get_user_auth_factors(UserPoolId=pool.id, Username="ada")
    assert set(told["ConfiguredUserAuthFactors"]) == {"PASSWORD", "EMAIL_OTP", "WEB_AUTHN"} and "UserMFASettingList" not in told
    assert sign_in(pool, passkey, flags=PRESENT)["AuthenticationResult"]


def test_a_passkey_of_a_former_party_signs_in_no_more(server, cognito, unique):
    pool, token = make(server, cognito, unique)
    passkey, other = register(pool, token), Passkey()
    begun, options = begin(pool)
    configuration = {"RelyingPartyId": "example.org", "UserVerification": "preferred"}
    cognito.set_user_pool_mfa_config(UserPoolId=pool.id, MfaConfiguration="OFF", WebAuthnConfiguration=configuration)
    respond = lambda: pool.respond(begun, USERNAME="ada", CREDENTIAL=json.dumps(passkey.answer(options)))
    refused(respond, "NotAuthorizedException")
    assert "WEB_AUTHN" not in pool.choose("ada")["AvailableChallenges"]
    register(pool, token, other)
    assert [allowed["id"] for allowed in begin(pool)[1]["allowCredentials"]] == [encoded(other.id)]
    refused(respond, "NotAuthorizedException")
    assert sign_in(pool, other)["AuthenticationResult"]


def test_a_pool_says_what_may_be_chosen(server, cognito, unique):
    pool, token = make(server, cognito, unique, factors=["PASSWORD"])
    assert pool.choose("ada")["AvailableChallenges"] == ["PASSWORD_SRP", "PASSWORD"]
    refused(cognito.start_web_authn_registration, "WebAuthnNotEnabledException", AccessToken=token)
    refused(cognito.complete_web_authn_registration, "WebAuthnNotEnabledException", AccessToken=token, Credential={})
    assert cognito.describe_user_pool(UserPoolId=pool.id)["UserPool"]["Policies"]["SignInPolicy"] == {"AllowedFirstAuthFactors": ["PASSWORD"]}
    cognito.update_user_pool(UserPoolId=pool.id, Policies={"SignInPolicy": {"AllowedFirstAuthFactors": FACTORS}})
    assert pool.choose("ada")["AvailableChallenges"] == ["PASSWORD_SRP", "PASSWORD", "EMAIL_OTP"]
    assert cognito.get_user_pool_mfa_config(UserPoolId=pool.id)["WebAuthnConfiguration"]["RelyingPartyId"] == PARTY, "an update leaves it"
    other = Pool(server, cognito, f"{unique}-other", flows=FLOWS, Policies={"SignInPolicy": {"AllowedFirstAuthFactors": FACTORS}})
    other.add("ada")
    refused(cognito.start_web_authn_registration, "WebAuthnConfigurationMissingException", AccessToken=other.sign_in("ada")["AccessToken"])
    for wrong in [{"RelyingPartyId": "https://example.com"}, {"RelyingPartyId": "x" * 128}, {"UserVerification": "never"}, {"FactorConfiguration": "NONE"}]:
        refused(cognito.set_user_pool_mfa_config, "InvalidParameterException", UserPoolId=pool.id, MfaConfiguration="OFF", WebAuthnConfiguration=wrong)


def test_passwords_are_chosen(server, cognito, unique):
    pool, _ = make(server, cognito, unique)
    assert pool.choose("ada", PREFERRED_CHALLENGE="PASSWORD", PASSWORD=PASSWORD)["AuthenticationResult"]
    begun = pool.choose("ada", PREFERRED_CHALLENGE="PASSWORD")
    assert begun["ChallengeName"] == "PASSWORD"
    refused(pool.respond, "NotAuthorizedException", begun=begun, USERNAME="ada", PASSWORD="Wrong-Passw0rd")
    assert pool.respond(begun, USERNAME="ada", PASSWORD=PASSWORD)["AuthenticationResult"]
    begun = pool.choose("ada")
    assert begun["ChallengeName"] == "SELECT_CHALLENGE"
    assert pool.respond(begun, USERNAME="ada", ANSWER="PASSWORD", PASSWORD=PASSWORD)["AuthenticationResult"]
    srp = Srp(pool.id.split("_")[1], PASSWORD)
    for next in [
        pool.choose("ada", PREFERRED_CHALLENGE="PASSWORD_SRP", SRP_A=f"{srp.public:x}"),
        pool.respond(begun, USERNAME="ada", ANSWER="PASSWORD_SRP", SRP_A=f"{srp.public:x}"),
        pool.respond(pool.choose("ada", PREFERRED_CHALLENGE="PASSWORD_SRP"), USERNAME="ada", SRP_A=f"{srp.public:x}"),
    ]:
        assert pool.respond(next, **srp.answer(next["ChallengeParameters"]))["AuthenticationResult"]
    refused(pool.respond, "InvalidParameterException", begun=begun, USERNAME="ada", ANSWER="WEB_AUTHN")
    refused(pool.choose, "InvalidParameterException", name="ada", PREFERRED_CHALLENGE="EYES")
    assert "TARGET_ACR_VALUES" in refused(pool.choose, "NotImplemented", name="ada", TARGET_ACR_VALUES="x")
    refused(pool.choose, "UserNotFoundException", name="eve")


def test_a_code_by_mail_signs_in(server, cognito, unique):
    pool, _ = make(server, cognito, unique)
    address = f"{unique}@example.com"
    begun = pool.choose("ada", PREFERRED_CHALLENGE="EMAIL_OTP")
    assert (begun["ChallengeName"], begun["ChallengeParameters"]["CODE_DELIVERY_DESTINATION"]) == ("EMAIL_OTP", "t***@e***")
    code = pool.code(address)
    refused(pool.respond, "CodeMismatchException", begun=begun, USERNAME="ada", EMAIL_OTP_CODE="nonsense")
    assert pool.respond(begun, USERNAME="ada", EMAIL_OTP_CODE=code)["AuthenticationResult"]["RefreshToken"]
    refused(pool.respond, "ExpiredCodeException", begun=begun, USERNAME="ada", EMAIL_OTP_CODE=code)
    begun = pool.respond(pool.choose("ada"), USERNAME="ada", ANSWER="EMAIL_OTP")
    assert pool.respond(begun, USERNAME="ada", EMAIL_OTP_CODE=pool.code(address, 2))["AuthenticationResult"]
    for _ in range(5):
        begun = pool.choose("ada", PREFERRED_CHALLENGE="EMAIL_OTP")
    code = pool.code(address, 7)
    late = pool.choose("ada", PREFERRED_CHALLENGE="EMAIL_OTP")
    assert late["ChallengeParameters"] == begun["ChallengeParameters"], "beyond that nothing is sent, and the last one does"
    for _ in range(5):
        refused(pool.respond, "CodeMismatchException", begun=begun, USERNAME="ada", EMAIL_OTP_CODE="nonsense")
    refused(pool.respond, "NotAuthorizedException", "LimitExceededException", begun=begun, USERNAME="ada", EMAIL_OTP_CODE=code)

    def enter():
        try:
            return pool.respond(late, USERNAME="ada", EMAIL_OTP_CODE=code)["AuthenticationResult"]
        except cognito.exceptions.NotAuthorizedException:
            return None

    assert wait_until(enter, what="the end of the lock"), "what is guessed elsewhere leaves the code good"
    assert len(pool.mails(address)) == 7
    pool.add("bob", email_verified="false")
    assert "EMAIL_OTP" not in pool.choose("bob")["AvailableChallenges"], "an address that is not verified is nobody's"
    cognito.admin_create_user(UserPoolId=pool.id, Username="new", TemporaryPassword=PASSWORD, MessageAction="SUPPRESS", UserAttributes=[{"Name": "email", "Value": "new@example.com"}, {"Name": "email_verified", "Value": "true"}])
    assert pool.choose("new")["AvailableChallenges"] == ["PASSWORD_SRP", "PASSWORD"], "a temporary password is changed first"


def test_nobody_learns_who_may_choose_where_the_client_hides_it(server, cognito, unique):
    pool, token = make(server, cognito, unique, client={"PreventUserExistenceErrors": "ENABLED"})
    passkey = register(pool, token)
    pool.add("bob", f"{unique}-bob@example.com", email_verified="false")
    cognito.admin_create_user(UserPoolId=pool.id, Username="new", TemporaryPassword=PASSWORD, MessageAction="SUPPRESS")
    client = cognito.create_user_pool_client(UserPoolId=pool.id, ClientName="up", ExplicitAuthFlows=["ALLOW_USER_AUTH"])["UserPoolClient"]["ClientId"]
    cognito.sign_up(ClientId=client, Username="una", Password=PASSWORD, UserAttributes=[{"Name": "email", "Value": f"{unique}-una@example.com"}])
    nobody = [f"eve{number}" for number in range(40)]
    names = ["ada", "bob", "new", "una", *nobody]
    lengths = lambda begun: len(begun["Session"])
    begun = {name: pool.choose(name) for name in names}
    assert {tuple(told["AvailableChallenges"]) for told in begun.values()} == {("PASSWORD_SRP", "PASSWORD", "EMAIL_OTP", "WEB_AUTHN")}
    assert len({lengths(told) for told in begun.values()}) == 1
    asked = {name: begin(pool, name) for name in names}
    assert len({lengths(told) for told, _ in asked.values()}) == 1 and len({tuple(options) for _, options in asked.values()}) == 1
    allowed = {name: options["allowCredentials"] for name, (_, options) in asked.items()}
    assert [told["id"] for told in allowed["ada"]] == [encoded(passkey.id)]
    assert {len(told) for told in allowed.values()} == {1, 2} and len({len(told["id"]) for name in nobody for told in allowed[name]}) > 1
    assert {tuple(told) for own in allowed.values() for told in own} == {tuple(allowed["ada"][0])}
    assert allowed == {name: begin(pool, name)[1]["allowCredentials"] for name in names}
    wrong = refused(sign_in, "NotAuthorizedException", pool=pool, passkey=Passkey())
    for name in ["bob", "new", "una", "eve1"]:
        told, options = asked[name]
        assert refused(pool.respond, "NotAuthorizedException", begun=told, USERNAME=name, CREDENTIAL=json.dumps(passkey.answer(options))) == wrong
    for name in ["ada", "bob", "new", "una", "eve1"]:
        # One more than are sent.
        sent = [pool.choose(name, PREFERRED_CHALLENGE="EMAIL_OTP") for _ in range(6)]
        kinds = {(told["ChallengeName"], *sorted(told["ChallengeParameters"])) for told in sent}
        assert kinds == {("EMAIL_OTP", "CODE_DELIVERY_DELIVERY_MEDIUM", "CODE_DELIVERY_DESTINATION", "USERNAME")}
        assert len({json.dumps(told["ChallengeParameters"], sort_keys=True) for told in sent}) == 1 and {lengths(told) for told in sent} == {lengths(pool.choose("eve2", PREFERRED_CHALLENGE="EMAIL_OTP"))}
        assert {refused(pool.respond, "CodeMismatchException", begun=sent[0], USERNAME=name, EMAIL_OTP_CODE="nonsense") for _ in range(8)} == {refused(pool.respond, "CodeMismatchException", begun=sent[-1], USERNAME=name, EMAIL_OTP_CODE="nonsense")}
    assert pool.mail(f"{unique}@example.com", 5) and len(pool.mails(f"{unique}@example.com")) == 5 and pool.mails(f"{unique}-bob@example.com") == []
    refused(pool.respond, "NotAuthorizedException", begun=pool.choose("eve1"), USERNAME="eve1", ANSWER="PASSWORD", PASSWORD=PASSWORD)


IN_BROWSER = """(async () => {
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const options = %s;
  options.challenge = bytes(options.challenge);
  if (options.user) options.user.id = bytes(options.user.id);
  for (const known of [...(options.excludeCredentials ?? []), ...(options.allowCredentials ?? [])]) known.id = bytes(known.id);
  const credential = await navigator.credentials[%s]({ publicKey: options });
  return JSON.stringify(credential.toJSON());
})()"""


def within(browser, call, options):
    """What a real browser answers."""
    return json.loads(browser.evaluate(IN_BROWSER % (json.dumps(options), json.dumps(call))))


def with_passkey(browser, server, cognito, token):
    """Gives a browser an authenticator, on which a passkey is made; the server's address as the browser has it."""
    browser.call("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}
    browser.call("WebAuthn.addVirtualAuthenticator", options=kind)
    home = server.endpoint.replace("127.0.0.1", "localhost")
    browser.open(f"{home}/_cloudlet/health")
    options = cognito.start_web_authn_registration(AccessToken=token)["CredentialCreationOptions"]
    cognito.complete_web_authn_registration(AccessToken=token, Credential=within(browser, "create", options))
    return home


def test_a_real_browser_makes_a_passkey_and_signs_in_with_it(server, cognito, unique):
    pool, token = make(server, cognito, unique, {"RelyingPartyId": "localhost", "UserVerification": "required"})
    with Browser() as browser:
        with_passkey(browser, server, cognito, token)
        (told,) = cognito.list_web_authn_credentials(AccessToken=token)["Credentials"]
        assert (told["RelyingPartyId"], told["FriendlyCredentialName"]) == ("localhost", "Passkey")
        for _ in range(2):
            begun, options = begin(pool)
            answer = within(browser, "get", options)
            tokens = pool.respond(begun, USERNAME="ada", CREDENTIAL=json.dumps(answer))["AuthenticationResult"]
            assert named(cognito.get_user(AccessToken=tokens["AccessToken"])["UserAttributes"])["sub"] == claims(token)["sub"]
            refused(pool.respond, "NotAuthorizedException", begun=begin(pool)[0], USERNAME="ada", CREDENTIAL=json.dumps(answer))


def test_a_page_signs_in_with_a_passkey(server, cognito, unique):
    pool, token = make(server, cognito, unique, {"RelyingPartyId": "localhost"})
    cognito.create_user_pool_domain(Domain=unique, UserPoolId=pool.id)
    with Browser() as browser:
        home = with_passkey(browser, server, cognito, token)
        back = f"{home}/_cloudlet/health"
        settings = {"AllowedOAuthFlowsUserPoolClient": True, "AllowedOAuthFlows": ["code"], "AllowedOAuthScopes": ["openid"], "CallbackURLs": [back], "SupportedIdentityProviders": ["COGNITO"]}
        made = lambda flows: cognito.create_user_pool_client(UserPoolId=pool.id, ClientName="web", ExplicitAuthFlows=flows, **settings)["UserPoolClient"]["ClientId"]
        address = lambda client: f"{home}/_aws/auth/{unique}/login?" + urlencode({"response_type": "code", "client_id": client, "redirect_uri": back, "scope": "openid"})
        offers = "[...document.links].find((link) => link.textContent === 'Sign in with a passkey')"
        browser.open(address(made(["ALLOW_USER_PASSWORD_AUTH"])))
        assert browser.evaluate(f"{offers} === undefined"), "a client that has no choice-based sign-in offers none"
        client = made(["ALLOW_USER_AUTH"])
        name = "document.querySelector('input[name=username]')"

        def go(user):
            browser.open(address(client))
            browser.evaluate(f"{offers}.click()")
            browser.wait_for(f"location.pathname.endsWith('/passkey') && !!{name}")
            browser.evaluate(f"{name}.value = {json.dumps(user)}; document.querySelector('form button').click()")

        go("eve")
        browser.wait_for("document.querySelector('[role=alert]')?.textContent.startsWith('No passkey')")
        browser.failures.clear()
        go("ada")
        browser.wait_for("location.pathname === '/_cloudlet/health'")
        (code,) = parse_qs(urlsplit(browser.evaluate("location.href")).query)["code"]
        assert code and browser.failures == []
