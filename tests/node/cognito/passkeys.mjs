// Passkeys through aws-sdk v3, with an authenticator of a few lines.

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-cognito-identity-provider";
import { client } from "../server.mjs";

const cognito = client(sdk.CognitoIdentityProviderClient);
const call = (operation, input = {}) => cognito.send(new sdk[`${operation}Command`](input));
const Password = "Right-Passw0rd";
const Username = "ada";
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();

/** CBOR of what an authenticator writes: whole numbers of up to two bytes, texts, bytes and maps (RFC 8949, section 3). */
function cbor(value) {
  const head = (kind, length) => Buffer.from(length < 24 ? [(kind << 5) | length] : length < 256 ? [(kind << 5) | 24, length] : [(kind << 5) | 25, length >> 8, length & 255]);
  if (typeof value === "number") return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  return Buffer.concat([head(5, value.size), ...[...value].flat().map(cbor)]);
}

class Passkey {
  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { x, y } = publicKey.export({ format: "jwk" });
    Object.assign(this, { privateKey, id: randomBytes(16), counter: 0 });
    this.key = cbor(new Map([[1, 2], [3, -7], [-1, 1], [-2, Buffer.from(x, "base64url")], [-3, Buffer.from(y, "base64url")]]));
  }

  data(party, flags, rest = Buffer.alloc(0)) {
    const numbers = Buffer.alloc(5);
    numbers.writeUInt8(flags);
    numbers.writeUInt32BE((this.counter += 1), 1);
    return Buffer.concat([sha256(party), numbers, rest]);
  }

  credential(response) {
    const id = this.id.toString("base64url");
    const texts = Object.entries(response).map(([name, bytes]) => [name, bytes.toString("base64url")]);
    return { id, rawId: id, type: "public-key", clientExtensionResults: {}, response: Object.fromEntries(texts) };
  }

  make({ rp, challenge }) {
    const clientDataJSON = Buffer.from(JSON.stringify({ type: "webauthn.create", challenge, origin: `https://${rp.id}` }));
    const authData = this.data(rp.id, 0x45, Buffer.concat([Buffer.alloc(16), Buffer.from([0, this.id.length]), this.id, this.key]));
    return this.credential({ clientDataJSON, attestationObject: cbor(new Map([["fmt", "none"], ["attStmt", new Map()], ["authData", authData]])) });
  }

  answer({ rpId, challenge }) {
    const clientDataJSON = Buffer.from(JSON.stringify({ type: "webauthn.get", challenge, origin: `https://${rpId}` }));
    const authenticatorData = this.data(rpId, 0x05);
    const signature = sign("sha256", Buffer.concat([authenticatorData, sha256(clientDataJSON)]), this.privateKey);
    return this.credential({ clientDataJSON, authenticatorData, signature });
  }
}

test("a passkey is made, signs in, and goes", async () => {
  const Policies = { SignInPolicy: { AllowedFirstAuthFactors: ["PASSWORD", "WEB_AUTHN"] } };
  const { UserPool } = await call("CreateUserPool", { PoolName: "node-passkeys", Policies });
  const UserPoolId = UserPool.Id;
  await call("SetUserPoolMfaConfig", { UserPoolId, MfaConfiguration: "OFF", WebAuthnConfiguration: { RelyingPartyId: "example.com", UserVerification: "required" } });
  const ExplicitAuthFlows = ["ALLOW_USER_AUTH"];
  const { ClientId } = (await call("CreateUserPoolClient", { UserPoolId, ClientName: "web", ExplicitAuthFlows })).UserPoolClient;
  await call("AdminCreateUser", { UserPoolId, Username, MessageAction: "SUPPRESS" });
  await call("AdminSetUserPassword", { UserPoolId, Username, Password, Permanent: true });
  const begin = (more) => call("InitiateAuth", { ClientId, AuthFlow: "USER_AUTH", AuthParameters: { USERNAME: Username, ...more } });

  const { AvailableChallenges } = await begin({});
  assert.deepEqual(AvailableChallenges, ["PASSWORD_SRP", "PASSWORD"]);
  const { AccessToken } = (await begin({ PREFERRED_CHALLENGE: "PASSWORD", PASSWORD: Password })).AuthenticationResult;
  const { CredentialCreationOptions } = await call("StartWebAuthnRegistration", { AccessToken });
  const passkey = new Passkey();
  await call("CompleteWebAuthnRegistration", { AccessToken, Credential: passkey.make(CredentialCreationOptions) });
  const [{ CredentialId }] = (await call("ListWebAuthnCredentials", { AccessToken })).Credentials;
  assert.equal(CredentialId, passkey.id.toString("base64url"));

  const asked = await begin({ PREFERRED_CHALLENGE: "WEB_AUTHN" });
  assert.equal(asked.ChallengeName, "WEB_AUTHN");
  const options = JSON.parse(asked.ChallengeParameters.CREDENTIAL_REQUEST_OPTIONS);
  const respond = (answer) => call("RespondToAuthChallenge", { ClientId, ChallengeName: "WEB_AUTHN", Session: asked.Session, ChallengeResponses: { USERNAME: Username, CREDENTIAL: JSON.stringify(answer) } });
  await assert.rejects(respond(new Passkey().answer(options)), { name: "NotAuthorizedException" });
  assert.ok((await respond(passkey.answer(options))).AuthenticationResult.IdToken);

  assert.ok((await call("GetUserAuthFactors", { AccessToken })).ConfiguredUserAuthFactors.includes("WEB_AUTHN"));
  assert.ok((await call("AdminGetUserAuthFactors", { UserPoolId, Username })).ConfiguredUserAuthFactors.includes("WEB_AUTHN"));
  await call("DeleteWebAuthnCredential", { AccessToken, CredentialId });
  await assert.rejects(respond(passkey.answer(options)), { name: "NotAuthorizedException" });
});
