// Devices that users trust, through amazon-cognito-identity-js, which makes, keeps and proves their secrets by itself, and through aws-sdk v3.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-cognito-identity-provider";
import { AuthenticationDetails, CognitoUser, CognitoUserPool } from "amazon-cognito-identity-js";
import { client, endpoint } from "../server.mjs";

const cognito = client(sdk.CognitoIdentityProviderClient);
const call = (operation, input = {}) => cognito.send(new sdk[`${operation}Command`](input));
const Password = "Right-Passw0rd";
const Username = "ada";

/** What an authenticator shows: RFC 6238. */
export function authenticator(secret, offset = 0) {
  const bits = [...secret].map((digit) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(digit).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + offset));
  const mac = createHmac("sha1", key).update(step).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

test("Amplify's library remembers a device, proves it, and comes back without it", async () => {
  const DeviceConfiguration = { ChallengeRequiredOnNewDevice: true, DeviceOnlyRememberedOnUserPrompt: true };
  const { UserPool } = await call("CreateUserPool", { PoolName: "node-devices", DeviceConfiguration });
  const UserPoolId = UserPool.Id;
  const { UserPoolClient } = await call("CreateUserPoolClient", { UserPoolId, ClientName: "web" });
  await call("AdminCreateUser", { UserPoolId, Username, MessageAction: "SUPPRESS" });
  await call("AdminSetUserPassword", { UserPoolId, Username, Password, Permanent: true });
  const Pool = new CognitoUserPool({ UserPoolId, ClientId: UserPoolClient.ClientId, endpoint });
  /** The user with a session, or the name of the challenge that is left. */
  const authenticate = () =>
    new Promise((resolve, reject) => {
      const user = new CognitoUser({ Username, Pool });
      const onSuccess = (session, confirm) => resolve({ user, confirm, AccessToken: session.getAccessToken().getJwtToken() });
      user.authenticateUser(new AuthenticationDetails({ Username, Password }), { onSuccess, onFailure: reject, totpRequired: (left) => resolve({ left }) });
    });
  const done = (method, user) => new Promise((onSuccess, onFailure) => user[method]({ onSuccess, onFailure }));

  const first = await authenticate();
  assert.equal(first.confirm, true, "the user is asked");
  const DeviceKey = first.user.deviceKey;
  const { AccessToken } = first;
  await call("SetUserPoolMfaConfig", { UserPoolId, MfaConfiguration: "OPTIONAL", SoftwareTokenMfaConfiguration: { Enabled: true } });
  const { SecretCode } = await call("AssociateSoftwareToken", { AccessToken });
  await call("VerifySoftwareToken", { AccessToken, UserCode: authenticator(SecretCode) });
  await call("SetUserMFAPreference", { AccessToken, SoftwareTokenMfaSettings: { Enabled: true, PreferredMfa: true } });
  assert.equal((await authenticate()).left, "SOFTWARE_TOKEN_MFA");

  await done("setDeviceStatusRemembered", first.user);
  const second = await authenticate();
  assert.ok(second.AccessToken && second.user.deviceKey === DeviceKey, "the device stands for the code");
  const listed = await new Promise((onSuccess, onFailure) => second.user.listDevices(10, null, { onSuccess, onFailure }));
  assert.deepEqual(listed.Devices.map((device) => device.DeviceKey), [DeviceKey]);
  await done("getDevice", second.user);

  await call("UpdateDeviceStatus", { AccessToken, DeviceKey, DeviceRememberedStatus: "not_remembered" });
  assert.equal((await authenticate()).left, "SOFTWARE_TOKEN_MFA");
  await call("AdminUpdateDeviceStatus", { UserPoolId, Username, DeviceKey, DeviceRememberedStatus: "remembered" });
  assert.equal((await call("GetDevice", { AccessToken, DeviceKey })).Device.DeviceKey, DeviceKey);
  assert.equal((await call("AdminGetDevice", { UserPoolId, Username, DeviceKey })).Device.DeviceKey, DeviceKey);
  assert.equal((await call("ListDevices", { AccessToken })).Devices.length, 1);
  assert.equal((await call("AdminListDevices", { UserPoolId, Username })).Devices.length, 1);
  await call("ForgetDevice", { AccessToken, DeviceKey });
  assert.equal((await authenticate()).left, "SOFTWARE_TOKEN_MFA", "the library drops the key that is not known any more");

  await call("AdminDeleteSoftwareToken", { UserPoolId, Username });
  const third = await authenticate();
  assert.ok(third.user.deviceKey && third.user.deviceKey !== DeviceKey);
  await call("AdminForgetDevice", { UserPoolId, Username, DeviceKey: third.user.deviceKey });
  // What the library has done by itself, once more as the SDK does it.
  const parameters = { USERNAME: Username, PASSWORD: Password };
  await call("UpdateUserPoolClient", { UserPoolId, ClientId: UserPoolClient.ClientId, ExplicitAuthFlows: ["ALLOW_USER_PASSWORD_AUTH"] });
  const { AuthenticationResult } = await call("InitiateAuth", { ClientId: UserPoolClient.ClientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: parameters });
  const DeviceSecretVerifierConfig = { PasswordVerifier: Buffer.alloc(384, 7).toString("base64"), Salt: Buffer.alloc(16, 1).toString("base64") };
  const confirmed = await call("ConfirmDevice", { AccessToken: AuthenticationResult.AccessToken, DeviceKey: AuthenticationResult.NewDeviceMetadata.DeviceKey, DeviceSecretVerifierConfig });
  assert.equal(confirmed.UserConfirmationNecessary, true);
});
