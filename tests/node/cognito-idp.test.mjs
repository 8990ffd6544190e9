// Cognito through aws-sdk v3, every operation, and through amazon-cognito-identity-js, which brings its own SRP.

import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-cognito-identity-provider";
import { AuthenticationDetails, CognitoUser, CognitoUserPool } from "amazon-cognito-identity-js";
import { authenticator } from "./cognito/devices.mjs";
import "./cognito/pages.mjs";
import "./cognito/passkeys.mjs";
import { everyOperationIsDriven } from "./driven.mjs";
import { client, endpoint } from "./server.mjs";
import { mails, until } from "./support.mjs";

const { CognitoIdentityProviderClient } = sdk;
const cognito = client(CognitoIdentityProviderClient);
const call = (operation, input = {}) => cognito.send(new sdk[`${operation}Command`](input));
const Password = "Right-Passw0rd";
let counter = 0;

/** A pool with a client that allows all flows. */
async function make(settings = {}) {
  const { UserPool } = await call("CreateUserPool", { PoolName: `node-${counter++}`, AutoVerifiedAttributes: ["email"], ...settings });
  const flows = ["USER_PASSWORD_AUTH", "USER_SRP_AUTH", "REFRESH_TOKEN_AUTH", "ADMIN_USER_PASSWORD_AUTH"];
  const { UserPoolClient } = await call("CreateUserPoolClient", { UserPoolId: UserPool.Id, ClientName: "web", ExplicitAuthFlows: flows.map((flow) => `ALLOW_${flow}`) });
  return { UserPoolId: UserPool.Id, ClientId: UserPoolClient.ClientId, arn: UserPool.Arn };
}

const signIn = ({ ClientId }, USERNAME, PASSWORD = Password) => call("InitiateAuth", { ClientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { USERNAME, PASSWORD } });

async function add({ UserPoolId }, Username) {
  const UserAttributes = [{ Name: "email", Value: `${Username}@example.com` }, { Name: "email_verified", Value: "true" }];
  await call("AdminCreateUser", { UserPoolId, Username, UserAttributes, MessageAction: "SUPPRESS" });
  await call("AdminSetUserPassword", { UserPoolId, Username, Password, Permanent: true });
}

/** The code in the newest mail to an address, once there are so many. */
async function codeFor(address, count = 1) {
  const found = await until(() => {
    const own = mails().filter((mail) => mail.To.includes(address));
    return own.length >= count && own;
  }, `mail to ${address}`);
  return found[0].Text.match(/\b\d{6}\b/)[0];
}

test("pools, clients, groups and tags", async () => {
  const pool = await make();
  const { UserPoolId, ClientId } = pool;
  await call("UpdateUserPool", { UserPoolId, Policies: { PasswordPolicy: { MinimumLength: 9 } } });
  assert.equal((await call("DescribeUserPool", { UserPoolId })).UserPool.Policies.PasswordPolicy.MinimumLength, 9);
  assert.ok((await call("ListUserPools", { MaxResults: 60 })).UserPools.some(({ Id }) => Id === UserPoolId));
  await call("AddCustomAttributes", { UserPoolId, CustomAttributes: [{ Name: "plan", AttributeDataType: "String", Mutable: true }] });
  await call("TagResource", { ResourceArn: pool.arn, Tags: { a: "1", b: "2" } });
  await call("UntagResource", { ResourceArn: pool.arn, TagKeys: ["a"] });
  assert.deepEqual((await call("ListTagsForResource", { ResourceArn: pool.arn })).Tags, { b: "2" });
  assert.equal((await call("UpdateUserPoolClient", { UserPoolId, ClientId, ClientName: "app" })).UserPoolClient.ClientName, "app");
  assert.equal((await call("DescribeUserPoolClient", { UserPoolId, ClientId })).UserPoolClient.ClientName, "app");
  assert.equal((await call("ListUserPoolClients", { UserPoolId })).UserPoolClients.length, 1);
  await add(pool, "ada");
  const GroupName = "readers";
  await call("CreateGroup", { UserPoolId, GroupName });
  await call("UpdateGroup", { UserPoolId, GroupName, Description: "d" });
  assert.equal((await call("GetGroup", { UserPoolId, GroupName })).Group.Description, "d");
  assert.equal((await call("ListGroups", { UserPoolId })).Groups.length, 1);
  await call("AdminAddUserToGroup", { UserPoolId, Username: "ada", GroupName });
  assert.equal((await call("AdminListGroupsForUser", { UserPoolId, Username: "ada" })).Groups[0].GroupName, GroupName);
  assert.equal((await call("ListUsersInGroup", { UserPoolId, GroupName })).Users[0].Username, "ada");
  await call("AdminRemoveUserFromGroup", { UserPoolId, Username: "ada", GroupName });
  await call("DeleteGroup", { UserPoolId, GroupName });
  await call("DeleteUserPoolClient", { UserPoolId, ClientId });
  await call("DeleteUserPool", { UserPoolId });
  await assert.rejects(call("DescribeUserPool", { UserPoolId }), { name: "ResourceNotFoundException" });
});

test("administrators keep users", async () => {
  const pool = await make();
  const user = { UserPoolId: pool.UserPoolId, Username: "ada" };
  await add(pool, "ada");
  await call("AdminUpdateUserAttributes", { ...user, UserAttributes: [{ Name: "name", Value: "Ada" }] });
  await call("AdminDeleteUserAttributes", { ...user, UserAttributeNames: ["name"] });
  await call("AdminDisableUser", user);
  assert.equal((await call("AdminGetUser", user)).Enabled, false);
  await assert.rejects(signIn(pool, "ada"), { name: "NotAuthorizedException", message: "User is disabled." });
  await call("AdminEnableUser", user);
  assert.equal((await call("ListUsers", { UserPoolId: pool.UserPoolId, Filter: 'username = "ada"' })).Users.length, 1);
  const { RefreshToken } = (await signIn(pool, "ada")).AuthenticationResult;
  await call("AdminUserGlobalSignOut", user);
  await assert.rejects(call("InitiateAuth", { ClientId: pool.ClientId, AuthFlow: "REFRESH_TOKEN_AUTH", AuthParameters: { REFRESH_TOKEN: RefreshToken } }), { name: "NotAuthorizedException" });
  await call("AdminResetUserPassword", user);
  await assert.rejects(signIn(pool, "ada"), { name: "PasswordResetRequiredException" });
  await call("AdminSetUserPassword", { ...user, Password, Permanent: false });
  const begun = await call("AdminInitiateAuth", { ...pool, arn: undefined, AuthFlow: "ADMIN_USER_PASSWORD_AUTH", AuthParameters: { USERNAME: "ada", PASSWORD: Password } });
  const responses = { USERNAME: "ada", NEW_PASSWORD: "Newer-Passw0rd" };
  const done = await call("AdminRespondToAuthChallenge", { ...pool, arn: undefined, ChallengeName: begun.ChallengeName, Session: begun.Session, ChallengeResponses: responses });
  assert.ok(done.AuthenticationResult.IdToken);
  await call("AdminDeleteUser", user);
  await assert.rejects(call("AdminGetUser", user), { name: "UserNotFoundException" });
});

test("users sign up, and change what is theirs", async () => {
  const pool = await make();
  const { ClientId } = pool;
  const own = { ClientId, Username: "bob" };
  const address = `node-bob-${Date.now()}@example.com`;
  const { UserConfirmed } = await call("SignUp", { ...own, Password, UserAttributes: [{ Name: "email", Value: address }] });
  assert.equal(UserConfirmed, false);
  await codeFor(address);
  await call("ResendConfirmationCode", own);
  await call("ConfirmSignUp", { ...own, ConfirmationCode: await codeFor(address, 2) });
  await call("ForgotPassword", own);
  await call("ConfirmForgotPassword", { ...own, Password: "Newer-Passw0rd", ConfirmationCode: await codeFor(address, 3) });
  const { AccessToken, RefreshToken } = (await signIn(pool, "bob", "Newer-Passw0rd")).AuthenticationResult;
  await call("ChangePassword", { AccessToken, PreviousPassword: "Newer-Passw0rd", ProposedPassword: Password });
  await call("UpdateUserAttributes", { AccessToken, UserAttributes: [{ Name: "name", Value: "Bob" }] });
  await call("DeleteUserAttributes", { AccessToken, UserAttributeNames: ["name"] });
  await call("GetUserAttributeVerificationCode", { AccessToken, AttributeName: "email" });
  await call("VerifyUserAttribute", { AccessToken, AttributeName: "email", Code: await codeFor(address, 4) });
  assert.equal((await call("GetUser", { AccessToken })).Username, "bob");
  await call("RevokeToken", { ClientId, Token: RefreshToken });
  await assert.rejects(call("GetUser", { AccessToken }), { name: "NotAuthorizedException" });
  const again = (await signIn(pool, "bob")).AuthenticationResult;
  await call("DeleteUser", { AccessToken: again.AccessToken });
  await call("SignUp", { ClientId, Username: "eve", Password });
  await call("AdminConfirmSignUp", { UserPoolId: pool.UserPoolId, Username: "eve" });
  const eve = (await signIn(pool, "eve")).AuthenticationResult;
  await call("GlobalSignOut", { AccessToken: eve.AccessToken });
});

test("an authenticator is a second factor", async () => {
  const pool = await make();
  const { UserPoolId, ClientId } = pool;
  await call("SetUserPoolMfaConfig", { UserPoolId, MfaConfiguration: "OPTIONAL", SoftwareTokenMfaConfiguration: { Enabled: true } });
  assert.equal((await call("GetUserPoolMfaConfig", { UserPoolId })).MfaConfiguration, "OPTIONAL");
  await add(pool, "ada");
  const { AccessToken } = (await signIn(pool, "ada")).AuthenticationResult;
  const { SecretCode } = await call("AssociateSoftwareToken", { AccessToken });
  await call("VerifySoftwareToken", { AccessToken, UserCode: authenticator(SecretCode, -1) });
  await call("SetUserMFAPreference", { AccessToken, SoftwareTokenMfaSettings: { Enabled: true, PreferredMfa: true } });
  const begun = await signIn(pool, "ada");
  const responses = { USERNAME: "ada", SOFTWARE_TOKEN_MFA_CODE: authenticator(SecretCode) };
  const done = await call("RespondToAuthChallenge", { ClientId, ChallengeName: begun.ChallengeName, Session: begun.Session, ChallengeResponses: responses });
  assert.ok(done.AuthenticationResult.AccessToken);
  await call("AdminSetUserMFAPreference", { UserPoolId, Username: "ada", SoftwareTokenMfaSettings: { Enabled: false } });
  assert.ok((await signIn(pool, "ada")).AuthenticationResult);
});

test("Amplify's library signs in over SRP, and its tokens verify", async () => {
  const pool = await make();
  await add(pool, "ada");
  const Pool = new CognitoUserPool({ UserPoolId: pool.UserPoolId, ClientId: pool.ClientId, endpoint });
  const authenticate = (Password) =>
    new Promise((onSuccess, onFailure) => {
      const user = new CognitoUser({ Username: "ada", Pool });
      user.authenticateUser(new AuthenticationDetails({ Username: "ada", Password }), { onSuccess, onFailure });
    });
  await assert.rejects(authenticate("Wrong-Passw0rd"), { name: "NotAuthorizedException" });
  const session = await authenticate(Password);
  const token = session.getIdToken().getJwtToken();
  const [header, claims, signature] = token.split(".");
  const { kid } = JSON.parse(Buffer.from(header, "base64url"));
  const { issuer, jwks_uri } = await (await fetch(`${endpoint}/${pool.UserPoolId}/.well-known/openid-configuration`)).json();
  const key = (await (await fetch(jwks_uri)).json()).keys.find((key) => key.kid === kid);
  assert.equal(JSON.parse(Buffer.from(claims, "base64url")).iss, issuer);
  assert.ok(verify("sha256", `${header}.${claims}`, createPublicKey({ key, format: "jwk" }), Buffer.from(signature, "base64url")));
});

everyOperationIsDriven("cognito-idp", CognitoIdentityProviderClient);
