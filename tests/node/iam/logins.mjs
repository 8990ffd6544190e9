// IAM through aws-sdk v3: passwords of users, and credentials for single services.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ChangePasswordCommand,
  CreateLoginProfileCommand,
  CreateServiceSpecificCredentialCommand,
  DeleteAccountPasswordPolicyCommand,
  DeleteLoginProfileCommand,
  DeleteServiceSpecificCredentialCommand,
  GetAccountPasswordPolicyCommand,
  GetLoginProfileCommand,
  IAMClient,
  ListServiceSpecificCredentialsCommand,
  NoSuchEntityException,
  PasswordPolicyViolationException,
  ResetServiceSpecificCredentialCommand,
  UpdateAccountPasswordPolicyCommand,
  UpdateLoginProfileCommand,
  UpdateServiceSpecificCredentialCommand,
} from "@aws-sdk/client-iam";
import { client } from "../server.mjs";
import { user } from "./people.mjs";

const iam = client(IAMClient);

test("a password", async () => {
  const UserName = "with-a-password";
  const credentials = await user(UserName);
  await iam.send(new UpdateAccountPasswordPolicyCommand({ RequireNumbers: true, AllowUsersToChangePassword: true }));
  assert.equal((await iam.send(new GetAccountPasswordPolicyCommand({}))).PasswordPolicy.RequireNumbers, true);
  await assert.rejects(iam.send(new CreateLoginProfileCommand({ UserName, Password: "without" })), PasswordPolicyViolationException);
  await iam.send(new CreateLoginProfileCommand({ UserName, Password: "number1" }));
  await iam.send(new UpdateLoginProfileCommand({ UserName, PasswordResetRequired: true }));
  assert.equal((await iam.send(new GetLoginProfileCommand({ UserName }))).LoginProfile.PasswordResetRequired, true);
  const own = client(IAMClient, { credentials });
  await own.send(new ChangePasswordCommand({ OldPassword: "number1", NewPassword: "number2" }));
  assert.equal((await iam.send(new GetLoginProfileCommand({ UserName }))).LoginProfile.PasswordResetRequired, false);
  await iam.send(new DeleteLoginProfileCommand({ UserName }));
  await iam.send(new DeleteAccountPasswordPolicyCommand({}));
  await assert.rejects(iam.send(new GetAccountPasswordPolicyCommand({})), NoSuchEntityException);
});

test("a credential for one service", async () => {
  const UserName = "with-a-repository";
  await user(UserName);
  const made = await iam.send(new CreateServiceSpecificCredentialCommand({ UserName, ServiceName: "codecommit.amazonaws.com" }));
  const { ServiceSpecificCredentialId, ServicePassword } = made.ServiceSpecificCredential;
  await iam.send(new UpdateServiceSpecificCredentialCommand({ UserName, ServiceSpecificCredentialId, Status: "Inactive" }));
  const reset = await iam.send(new ResetServiceSpecificCredentialCommand({ UserName, ServiceSpecificCredentialId }));
  assert.notEqual(reset.ServiceSpecificCredential.ServicePassword, ServicePassword);
  const { ServiceSpecificCredentials } = await iam.send(new ListServiceSpecificCredentialsCommand({ UserName }));
  assert.deepEqual(ServiceSpecificCredentials.map(({ Status }) => Status), ["Inactive"]);
  await iam.send(new DeleteServiceSpecificCredentialCommand({ UserName, ServiceSpecificCredentialId }));
});
