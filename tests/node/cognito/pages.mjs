// A pool's pages and its endpoints of OAuth 2.0, through openid-client, and what administrators make for them.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-cognito-identity-provider";
import * as openid from "openid-client";
import { client, endpoint } from "../server.mjs";

const cognito = client(sdk.CognitoIdentityProviderClient);
const call = (operation, input = {}) => cognito.send(new sdk[`${operation}Command`](input));
const callback = "http://localhost:8484/callback";
const Password = "Right-Passw0rd";

/** A pool with a domain, a user and a client that `settings` are for. */
export async function site(Domain, settings = {}) {
  const { UserPool } = await call("CreateUserPool", { PoolName: Domain });
  const UserPoolId = UserPool.Id;
  await call("CreateUserPoolDomain", { UserPoolId, Domain });
  await call("AdminCreateUser", { UserPoolId, Username: "ada", MessageAction: "SUPPRESS", UserAttributes: [{ Name: "email", Value: "ada@example.com" }] });
  await call("AdminSetUserPassword", { UserPoolId, Username: "ada", Password, Permanent: true });
  const { UserPoolClient } = await call("CreateUserPoolClient", {
    UserPoolId,
    ClientName: "web",
    AllowedOAuthFlowsUserPoolClient: true,
    AllowedOAuthFlows: ["code"],
    AllowedOAuthScopes: ["openid", "email"],
    CallbackURLs: [callback],
    SupportedIdentityProviders: ["COGNITO"],
    ...settings,
  });
  return { UserPoolId, Domain, ClientId: UserPoolClient.ClientId, secret: UserPoolClient.ClientSecret, issuer: `${endpoint}/${UserPoolId}` };
}

/** Goes to a page and signs in there, as a browser does; where it is sent then. */
async function signIn(address) {
  const to = async (url, options = {}) => fetch(url, { redirect: "manual", ...options });
  const sent = await to(address);
  const url = new URL(sent.headers.get("location"), address);
  const page = await to(url);
  const cookie = page.headers.getSetCookie().map((cookie) => cookie.split(";")[0]).join("; ");
  const html = await page.text();
  const value = (name) => html.match(new RegExp(`name="${name}" value="([^"]*)"`))[1];
  const action = html.match(/action="([^"]*)"/)[1].replaceAll("&amp;", "&");
  const body = new URLSearchParams({ _csrf: value("_csrf"), username: "ada", password: Password });
  const done = await to(new URL(action, url), { method: "POST", body, headers: { cookie } });
  assert.equal(done.status, 302);
  return new URL(done.headers.get("location"));
}

for (const GenerateSecret of [false, true]) {
  test(`openid-client goes the whole way, ${GenerateSecret ? "with" : "without"} a secret`, async () => {
    const pool = await site(`node-pages-${GenerateSecret}`, { GenerateSecret });
    const auth = GenerateSecret ? openid.ClientSecretBasic(pool.secret) : openid.None();
    const config = await openid.discovery(new URL(pool.issuer), pool.ClientId, undefined, auth, { execute: [openid.allowInsecureRequests] });
    const [verifier, state, nonce] = [openid.randomPKCECodeVerifier(), openid.randomState(), openid.randomNonce()];
    const code_challenge = await openid.calculatePKCECodeChallenge(verifier);
    const asked = { redirect_uri: callback, scope: "openid email", code_challenge, code_challenge_method: "S256", state, nonce };
    const back = await signIn(openid.buildAuthorizationUrl(config, asked));
    const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
    const tokens = await openid.authorizationCodeGrant(config, back, checks);
    assert.equal(tokens.claims().email, "ada@example.com");
    const info = await openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
    assert.equal(info.username, "ada");
    const again = await openid.refreshTokenGrant(config, tokens.refresh_token);
    assert.equal(again.claims().sub, tokens.claims().sub);
    await assert.rejects(openid.authorizationCodeGrant(config, back, checks), { error: "invalid_grant" });
    await assert.rejects(openid.refreshTokenGrant(config, tokens.refresh_token), { error: "invalid_grant" }, "the code came twice");
  });
}

test("a program gets tokens for an API", async () => {
  const { UserPoolId, issuer } = await site("node-program");
  const api = { UserPoolId, Identifier: "api" };
  const Scopes = [{ ScopeName: "read", ScopeDescription: "Reads" }];
  await call("CreateResourceServer", { ...api, Name: "API", Scopes });
  await call("UpdateResourceServer", { ...api, Name: "API 2", Scopes });
  assert.equal((await call("DescribeResourceServer", api)).ResourceServer.Name, "API 2");
  assert.equal((await call("ListResourceServers", { UserPoolId })).ResourceServers.length, 1);
  const job = { UserPoolId, ClientName: "job", GenerateSecret: true, AllowedOAuthFlowsUserPoolClient: true, AllowedOAuthFlows: ["client_credentials"], AllowedOAuthScopes: ["api/read"] };
  const { UserPoolClient } = await call("CreateUserPoolClient", job);
  const auth = openid.ClientSecretPost(UserPoolClient.ClientSecret);
  const config = await openid.discovery(new URL(issuer), UserPoolClient.ClientId, undefined, auth, { execute: [openid.allowInsecureRequests] });
  const tokens = await openid.clientCredentialsGrant(config, { scope: "api/read" });
  assert.equal(JSON.parse(Buffer.from(tokens.access_token.split(".")[1], "base64url")).scope, "api/read");
  await call("DeleteResourceServer", api);
});

test("domains, looks, providers and linked accounts", async () => {
  const { UserPoolId, Domain } = await site("node-settings");
  assert.equal((await call("DescribeUserPoolDomain", { Domain })).DomainDescription.UserPoolId, UserPoolId);
  await call("UpdateUserPoolDomain", { UserPoolId, Domain, ManagedLoginVersion: 2 });
  await call("SetUICustomization", { UserPoolId, CSS: ".a{}" });
  assert.equal((await call("GetUICustomization", { UserPoolId })).UICustomization.CSS, ".a{}");
  const one = { UserPoolId, ProviderName: "Elsewhere" };
  const ProviderDetails = { client_id: "c", client_secret: "s", attributes_request_method: "GET", oidc_issuer: "https://issuer.example", authorize_scopes: "openid" };
  await call("CreateIdentityProvider", { ...one, ProviderType: "OIDC", ProviderDetails, IdpIdentifiers: ["issuer.example"] });
  await call("UpdateIdentityProvider", { ...one, AttributeMapping: { email: "email" } });
  assert.equal((await call("DescribeIdentityProvider", one)).IdentityProvider.AttributeMapping.email, "email");
  assert.equal((await call("GetIdentityProviderByIdentifier", { UserPoolId, IdpIdentifier: "issuer.example" })).IdentityProvider.ProviderName, "Elsewhere");
  assert.equal((await call("ListIdentityProviders", { UserPoolId })).Providers.length, 1);
  const SourceUser = { ProviderName: "Elsewhere", ProviderAttributeName: "Cognito_Subject", ProviderAttributeValue: "Sub-1" };
  await call("AdminLinkProviderForUser", { UserPoolId, DestinationUser: { ProviderName: "Cognito", ProviderAttributeValue: "ada" }, SourceUser });
  const { UserAttributes } = await call("AdminGetUser", { UserPoolId, Username: "ada" });
  assert.equal(JSON.parse(UserAttributes.find(({ Name }) => Name === "identities").Value)[0].userId, "Sub-1");
  await call("AdminDisableProviderForUser", { UserPoolId, User: SourceUser });
  await call("DeleteIdentityProvider", one);
  await call("DeleteUserPoolDomain", { UserPoolId, Domain });
});
