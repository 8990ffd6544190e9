// STS through aws-sdk v3: every operation, and temporary credentials as applications use them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { AdminCreateUserCommand, AdminSetUserPasswordCommand, CognitoIdentityProviderClient, CreateUserPoolClientCommand, CreateUserPoolCommand, InitiateAuthCommand } from "@aws-sdk/client-cognito-identity-provider";
import { CreateOpenIDConnectProviderCommand, CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { AssumeRoleCommand, AssumeRoleWithWebIdentityCommand, GetAccessKeyInfoCommand, GetCallerIdentityCommand, GetFederationTokenCommand, GetSessionTokenCommand, STSClient } from "@aws-sdk/client-sts";
import { everyOperationIsDriven } from "./driven.mjs";
import { credentialsOf, user } from "./iam/people.mjs";
import { ACCOUNT, client, endpoint, rootCredentials } from "./server.mjs";
import { allow, trust } from "./support.mjs";

const iam = client(IAMClient);
const sts = client(STSClient);

/** The ARN of who has the credentials. */
async function identity(credentials) {
  return (await client(STSClient, { credentials }).send(new GetCallerIdentityCommand({}))).Arn;
}

test("who a caller is, and whose a key is", async () => {
  assert.equal(await identity(rootCredentials), `arn:aws:iam::${ACCOUNT}:root`);
  const credentials = await user("caller");
  assert.equal(await identity(credentials), `arn:aws:iam::${ACCOUNT}:user/team/caller`);
  assert.equal((await sts.send(new GetAccessKeyInfoCommand({ AccessKeyId: credentials.accessKeyId }))).Account, ACCOUNT);
});

test("a role's session may do what the role may", async () => {
  const RoleName = "worker";
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust({ AWS: ACCOUNT }) }));
  const tables = { RoleName, PolicyName: "tables", PolicyDocument: allow("dynamodb:ListTables", { Resource: "*" }) };
  await iam.send(new PutRolePolicyCommand(tables));
  const asked = { RoleArn: Role.Arn, RoleSessionName: "work", DurationSeconds: 900 };
  const { Credentials, AssumedRoleUser } = await sts.send(new AssumeRoleCommand(asked));
  assert.ok(Math.abs(Credentials.Expiration - Date.now() - 900_000) < 60_000);
  const credentials = credentialsOf(Credentials);
  assert.equal(AssumedRoleUser.Arn, `arn:aws:sts::${ACCOUNT}:assumed-role/worker/work`);
  assert.equal(await identity(credentials), AssumedRoleUser.Arn);
  const dynamodb = client(DynamoDBClient, { credentials });
  await dynamodb.send(new ListTablesCommand({}));
  await assert.rejects(client(SQSClient, { credentials }).send(new ListQueuesCommand({})), /sqs:ListQueues/i);
  const stranger = client(STSClient, { credentials: await user("stranger") });
  await assert.rejects(stranger.send(new AssumeRoleCommand(asked)), { name: "AccessDenied" });
});

test("sessions of users", async () => {
  const own = client(STSClient, { credentials: await user("member", "sqs:ListQueues") });
  const { Credentials } = await own.send(new GetSessionTokenCommand({ DurationSeconds: 900 }));
  await client(SQSClient, { credentials: credentialsOf(Credentials) }).send(new ListQueuesCommand({}));
  assert.match(await identity(credentialsOf(Credentials)), /:user\/team\/member$/);
  await assert.rejects(identity(credentialsOf({ ...Credentials, SessionToken: undefined })), { name: "InvalidClientTokenId" });
});

test("somebody whom the account vouches for", async () => {
  const { Credentials, FederatedUser } = await sts.send(new GetFederationTokenCommand({ Name: "guest", Policy: allow("sqs:ListQueues", { Resource: "*" }) }));
  const credentials = credentialsOf(Credentials);
  assert.equal(await identity(credentials), FederatedUser.Arn);
  await client(SQSClient, { credentials }).send(new ListQueuesCommand({}));
  await assert.rejects(client(DynamoDBClient, { credentials }).send(new ListTablesCommand({})), { name: "AccessDeniedException" });
});

test("a role that is not there is not assumed", async () => {
  const RoleArn = `arn:aws:iam::${ACCOUNT}:role/none`;
  await assert.rejects(sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "work" })), { name: "AccessDenied" });
});

test("who a user pool vouches for gets a role that trusts it", async () => {
  const cognito = client(CognitoIdentityProviderClient);
  const { UserPool } = await cognito.send(new CreateUserPoolCommand({ PoolName: "vouching" }));
  const UserPoolId = UserPool.Id;
  const { UserPoolClient } = await cognito.send(new CreateUserPoolClientCommand({ UserPoolId, ClientName: "c", ExplicitAuthFlows: ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"] }));
  const { ClientId } = UserPoolClient;
  await cognito.send(new AdminCreateUserCommand({ UserPoolId, Username: "ada", MessageAction: "SUPPRESS" }));
  await cognito.send(new AdminSetUserPasswordCommand({ UserPoolId, Username: "ada", Password: "Right-Passw0rd", Permanent: true }));
  const begun = { ClientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { USERNAME: "ada", PASSWORD: "Right-Passw0rd" } };
  const { AuthenticationResult } = await cognito.send(new InitiateAuthCommand(begun));
  const { OpenIDConnectProviderArn } = await iam.send(new CreateOpenIDConnectProviderCommand({ Url: `${endpoint}/${UserPoolId}`, ClientIDList: [ClientId] }));
  const AssumeRolePolicyDocument = allow("sts:AssumeRoleWithWebIdentity", { Principal: { Federated: OpenIDConnectProviderArn } });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: "vouched", AssumeRolePolicyDocument }));
  const asked = { RoleArn: Role.Arn, RoleSessionName: "ada", WebIdentityToken: AuthenticationResult.IdToken };
  const { Credentials, AssumedRoleUser } = await sts.send(new AssumeRoleWithWebIdentityCommand(asked));
  assert.equal(await identity(credentialsOf(Credentials)), AssumedRoleUser.Arn);
});

everyOperationIsDriven("sts", STSClient);
