// IAM through aws-sdk v3: instance profiles, service-linked roles, authenticators, and reports.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  CreateServiceLinkedRoleCommand,
  CreateVirtualMFADeviceCommand,
  DeactivateMFADeviceCommand,
  DeleteInstanceProfileCommand,
  DeleteRoleCommand,
  DeleteServiceLinkedRoleCommand,
  DeleteVirtualMFADeviceCommand,
  EnableMFADeviceCommand,
  GenerateCredentialReportCommand,
  GetAccessKeyLastUsedCommand,
  GetAccountAuthorizationDetailsCommand,
  GetCredentialReportCommand,
  GetInstanceProfileCommand,
  GetMFADeviceCommand,
  GetServiceLinkedRoleDeletionStatusCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListInstanceProfilesCommand,
  ListInstanceProfileTagsCommand,
  ListMFADevicesCommand,
  ListMFADeviceTagsCommand,
  ListVirtualMFADevicesCommand,
  NoSuchEntityException,
  RemoveRoleFromInstanceProfileCommand,
  ResyncMFADeviceCommand,
  TagInstanceProfileCommand,
  TagMFADeviceCommand,
  UnmodifiableEntityException,
  UntagInstanceProfileCommand,
  UntagMFADeviceCommand,
} from "@aws-sdk/client-iam";
import { ACCOUNT, client } from "../server.mjs";
import { trust } from "../support.mjs";
import { user } from "./people.mjs";

const iam = client(IAMClient);
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The code of RFC 6238 for a step of time, so many from now. */
function code(seed, ahead) {
  const bits = [...seed].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const secret = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const digest = createHmac("sha1", secret).update(step).digest();
  const number = digest.readUInt32BE(digest[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

test("an instance profile and its role", async () => {
  const [InstanceProfileName, RoleName] = ["web", "in-a-profile"];
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust({ Service: "ec2.amazonaws.com" }) }));
  await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName }));
  await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName }));
  const { InstanceProfile } = await iam.send(new GetInstanceProfileCommand({ InstanceProfileName }));
  assert.equal(InstanceProfile.Arn, `arn:aws:iam::${ACCOUNT}:instance-profile/web`);
  assert.equal(InstanceProfile.Roles[0].RoleName, RoleName);
  assert.equal((await iam.send(new ListInstanceProfilesCommand({}))).InstanceProfiles.length, 1);
  await iam.send(new TagInstanceProfileCommand({ InstanceProfileName, Tags: [{ Key: "a", Value: "1" }, { Key: "b", Value: "2" }] }));
  await iam.send(new UntagInstanceProfileCommand({ InstanceProfileName, TagKeys: ["a"] }));
  assert.deepEqual((await iam.send(new ListInstanceProfileTagsCommand({ InstanceProfileName }))).Tags, [{ Key: "b", Value: "2" }]);
  await iam.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName, RoleName }));
  await iam.send(new DeleteInstanceProfileCommand({ InstanceProfileName }));
  await assert.rejects(iam.send(new GetInstanceProfileCommand({ InstanceProfileName })), NoSuchEntityException);
});

test("a service-linked role", async () => {
  const { Role } = await iam.send(new CreateServiceLinkedRoleCommand({ AWSServiceName: "ecs.amazonaws.com" }));
  const { RoleName } = Role;
  assert.equal(RoleName, "AWSServiceRoleForECS");
  const { AttachedPolicies } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
  assert.deepEqual(AttachedPolicies.map(({ PolicyName }) => PolicyName), ["AmazonECSServiceRolePolicy"]);
  await assert.rejects(iam.send(new DeleteRoleCommand({ RoleName })), UnmodifiableEntityException);
  const { DeletionTaskId } = await iam.send(new DeleteServiceLinkedRoleCommand({ RoleName }));
  assert.equal((await iam.send(new GetServiceLinkedRoleDeletionStatusCommand({ DeletionTaskId }))).Status, "SUCCEEDED");
});

test("an authenticator", async () => {
  const UserName = "with-a-phone";
  await user(UserName);
  const { VirtualMFADevice } = await iam.send(new CreateVirtualMFADeviceCommand({ VirtualMFADeviceName: "phone" }));
  const { SerialNumber } = VirtualMFADevice;
  const seed = Buffer.from(VirtualMFADevice.Base32StringSeed).toString();
  const codes = (first) => ({ AuthenticationCode1: code(seed, first), AuthenticationCode2: code(seed, first + 1) });
  await iam.send(new EnableMFADeviceCommand({ UserName, SerialNumber, ...codes(-1) }));
  await iam.send(new ResyncMFADeviceCommand({ UserName, SerialNumber, ...codes(3) }));
  assert.equal((await iam.send(new ListMFADevicesCommand({ UserName }))).MFADevices[0].SerialNumber, SerialNumber);
  assert.equal((await iam.send(new GetMFADeviceCommand({ SerialNumber }))).UserName, UserName);
  assert.equal((await iam.send(new ListVirtualMFADevicesCommand({ AssignmentStatus: "Assigned" }))).VirtualMFADevices[0].User.UserName, UserName);
  await iam.send(new TagMFADeviceCommand({ SerialNumber, Tags: [{ Key: "a", Value: "1" }] }));
  assert.deepEqual((await iam.send(new ListMFADeviceTagsCommand({ SerialNumber }))).Tags, [{ Key: "a", Value: "1" }]);
  await iam.send(new UntagMFADeviceCommand({ SerialNumber, TagKeys: ["a"] }));
  await iam.send(new DeactivateMFADeviceCommand({ UserName, SerialNumber }));
  await iam.send(new DeleteVirtualMFADeviceCommand({ SerialNumber }));
});

test("what is told of everybody", async () => {
  const { accessKeyId } = await user("told-of");
  assert.equal((await iam.send(new GetAccessKeyLastUsedCommand({ AccessKeyId: accessKeyId }))).UserName, "told-of");
  assert.equal((await iam.send(new GenerateCredentialReportCommand({}))).State, "COMPLETE");
  assert.match(Buffer.from((await iam.send(new GetCredentialReportCommand({}))).Content).toString(), /\ntold-of,arn:aws:iam::/);
  const details = await iam.send(new GetAccountAuthorizationDetailsCommand({ Filter: ["User"] }));
  assert.ok(details.UserDetailList.some(({ UserName }) => UserName === "told-of"));
});
