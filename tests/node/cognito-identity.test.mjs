// Cognito's identity pools through aws-sdk v3, every operation, and through the credential provider that applications use.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-cognito-identity";
import * as users from "@aws-sdk/client-cognito-identity-provider";
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { fromCognitoIdentityPool } from "@aws-sdk/credential-providers";
import { Amplify } from "aws-amplify";
import * as amplify from "aws-amplify/auth";
import { everyOperationIsDriven } from "./driven.mjs";
import { client, endpoint, REGION } from "./server.mjs";
import { allow } from "./support.mjs";

const { CognitoIdentityClient } = sdk;
const identities = client(CognitoIdentityClient);
const call = (operation, input = {}) => identities.send(new sdk[`${operation}Command`](input));
const iam = client(IAMClient);

async function make(IdentityPoolName, settings = {}) {
  const { IdentityPoolId } = await call("CreateIdentityPool", { IdentityPoolName, AllowUnauthenticatedIdentities: true, AllowClassicFlow: true, ...settings });
  const condition = { StringEquals: { "cognito-identity.amazonaws.com:aud": IdentityPoolId } };
  const AssumeRolePolicyDocument = allow("sts:AssumeRoleWithWebIdentity", { Principal: { Federated: "cognito-identity.amazonaws.com" }, Condition: condition });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: IdentityPoolName, AssumeRolePolicyDocument }));
  await iam.send(new PutRolePolicyCommand({ RoleName: IdentityPoolName, PolicyName: "p", PolicyDocument: allow("sqs:ListQueues", { Resource: "*" }) }));
  await call("SetIdentityPoolRoles", { IdentityPoolId, Roles: { authenticated: Role.Arn, unauthenticated: Role.Arn } });
  return IdentityPoolId;
}

test("an application gets credentials for nobody in particular", async () => {
  const identityPoolId = await make("guests");
  const credentials = fromCognitoIdentityPool({ identityPoolId, clientConfig: { region: REGION, endpoint } });
  await new SQSClient({ region: REGION, endpoint, credentials }).send(new ListQueuesCommand({}));
  const { Arn } = await new STSClient({ region: REGION, endpoint, credentials }).send(new GetCallerIdentityCommand({}));
  assert.match(Arn, /assumed-role\/guests\/CognitoIdentityCredentials$/);
});

test("Amplify signs a user in, and gets credentials for them", async () => {
  const cognito = client(users.CognitoIdentityProviderClient);
  const ask = (operation, input) => cognito.send(new users[`${operation}Command`](input));
  const UserPoolId = (await ask("CreateUserPool", { PoolName: "amplify" })).UserPool.Id;
  const ExplicitAuthFlows = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"];
  const { ClientId } = (await ask("CreateUserPoolClient", { UserPoolId, ClientName: "web", ExplicitAuthFlows })).UserPoolClient;
  await ask("AdminCreateUser", { UserPoolId, Username: "ada", MessageAction: "SUPPRESS", UserAttributes: [{ Name: "email", Value: "ada@example.com" }] });
  await ask("AdminSetUserPassword", { UserPoolId, Username: "ada", Password: "Right-Passw0rd", Permanent: true });
  const ProviderName = `cognito-idp.${REGION}.amazonaws.com/${UserPoolId}`;
  const identityPoolId = await make("amplify", { CognitoIdentityProviders: [{ ProviderName, ClientId }] });
  const endpoints = { userPoolEndpoint: endpoint, identityPoolEndpoint: endpoint };
  Amplify.configure({ Auth: { Cognito: { userPoolId: UserPoolId, userPoolClientId: ClientId, identityPoolId, allowGuestAccess: true, ...endpoints } } });
  assert.equal((await amplify.signIn({ username: "ada", password: "Right-Passw0rd" })).nextStep.signInStep, "DONE");
  assert.equal((await amplify.fetchUserAttributes()).email, "ada@example.com");
  const { credentials, identityId } = await amplify.fetchAuthSession();
  assert.match(identityId, new RegExp(`^${REGION}:`));
  const { Arn } = await client(STSClient, { credentials }).send(new GetCallerIdentityCommand({}));
  assert.match(Arn, /assumed-role\/amplify\//);
  await amplify.signOut();
});

test("pools, identities and tags", async () => {
  const IdentityPoolId = await make("pools", { DeveloperProviderName: "login.app" });
  await call("UpdateIdentityPool", { IdentityPoolId, IdentityPoolName: "changed", AllowUnauthenticatedIdentities: true, AllowClassicFlow: true, DeveloperProviderName: "login.app" });
  assert.equal((await call("DescribeIdentityPool", { IdentityPoolId })).IdentityPoolName, "changed");
  assert.ok((await call("ListIdentityPools", { MaxResults: 60 })).IdentityPools.some((pool) => pool.IdentityPoolId === IdentityPoolId));
  assert.ok((await call("GetIdentityPoolRoles", { IdentityPoolId })).Roles.authenticated);
  const ResourceArn = `arn:aws:cognito-identity:${REGION}:000000000000:identitypool/${IdentityPoolId}`;
  await call("TagResource", { ResourceArn, Tags: { a: "1", b: "2" } });
  await call("UntagResource", { ResourceArn, TagKeys: ["a"] });
  assert.deepEqual((await call("ListTagsForResource", { ResourceArn })).Tags, { b: "2" });
  const { IdentityId } = await call("GetId", { IdentityPoolId });
  assert.ok((await call("GetOpenIdToken", { IdentityId })).Token);
  assert.ok((await call("GetCredentialsForIdentity", { IdentityId })).Credentials.Expiration instanceof Date);
  assert.equal((await call("DescribeIdentity", { IdentityId })).IdentityId, IdentityId);
  assert.equal((await call("ListIdentities", { IdentityPoolId, MaxResults: 10 })).Identities.length, 1);
  await call("UnlinkIdentity", { IdentityId, Logins: {}, LoginsToRemove: ["graph.facebook.com"] });
  const ask = (user) => call("GetOpenIdTokenForDeveloperIdentity", { IdentityPoolId, Logins: { "login.app": user } });
  const [ada] = [await ask("ada"), await ask("eve")];
  const own = { IdentityPoolId, DeveloperProviderName: "login.app" };
  await call("MergeDeveloperIdentities", { ...own, SourceUserIdentifier: "eve", DestinationUserIdentifier: "ada" });
  assert.deepEqual((await call("LookupDeveloperIdentity", { IdentityPoolId, IdentityId: ada.IdentityId })).DeveloperUserIdentifierList, ["ada", "eve"]);
  await call("UnlinkDeveloperIdentity", { ...own, IdentityId: ada.IdentityId, DeveloperUserIdentifier: "eve" });
  await call("DeleteIdentities", { IdentityIdsToDelete: [IdentityId] });
  await assert.rejects(call("DescribeIdentity", { IdentityId }), { name: "ResourceNotFoundException" });
  await call("DeleteIdentityPool", { IdentityPoolId });
});

everyOperationIsDriven("cognito-identity", CognitoIdentityClient);
