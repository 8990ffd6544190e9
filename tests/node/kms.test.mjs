// KMS through aws-sdk v3: every operation, with Node's own cryptography on the other side.

import assert from "node:assert/strict";
import { constants, createECDH, createHmac, createPublicKey, publicEncrypt, randomBytes, verify } from "node:crypto";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-kms";
import { everyOperationIsDriven } from "./driven.mjs";
import { ACCOUNT, client } from "./server.mjs";
import { allow } from "./support.mjs";

const { KMSClient } = sdk;
const kms = client(KMSClient);
const call = (operation, input = {}) => kms.send(new sdk[`${operation}Command`](input));
const bytes = (text) => new TextEncoder().encode(text);
const make = async (input) => (await call("CreateKey", input)).KeyMetadata.KeyId;
const publicKey = async (KeyId) => createPublicKey({ key: Buffer.from((await call("GetPublicKey", { KeyId })).PublicKey), format: "der", type: "spki" });

test("a key encrypts, and makes data keys", async () => {
  const KeyId = await make({});
  const EncryptionContext = { app: "a" };
  const { CiphertextBlob } = await call("Encrypt", { KeyId, Plaintext: bytes("secret"), EncryptionContext });
  const { Plaintext } = await call("Decrypt", { CiphertextBlob, EncryptionContext });
  assert.deepEqual(Buffer.from(Plaintext), Buffer.from("secret"));
  await assert.rejects(call("Decrypt", { CiphertextBlob }), { name: "InvalidCiphertextException" });
  const again = await call("ReEncrypt", { CiphertextBlob, SourceEncryptionContext: EncryptionContext, DestinationKeyId: await make({}) });
  assert.notEqual(again.KeyId, again.SourceKeyId);
  const made = await call("GenerateDataKey", { KeyId, KeySpec: "AES_256" });
  assert.deepEqual((await call("Decrypt", { CiphertextBlob: made.CiphertextBlob })).Plaintext, made.Plaintext);
  assert.equal((await call("GenerateDataKeyWithoutPlaintext", { KeyId, NumberOfBytes: 12 })).Plaintext, undefined);
  assert.ok((await call("GenerateDataKeyPair", { KeyId, KeyPairSpec: "ECC_NIST_P256" })).PrivateKeyPlaintext);
  assert.ok((await call("GenerateDataKeyPairWithoutPlaintext", { KeyId, KeyPairSpec: "ECC_NIST_P521" })).PublicKey);
  assert.equal((await call("GenerateRandom", { NumberOfBytes: 7 })).Plaintext.length, 7);
});

test("signatures and codes are what Node makes of them", async () => {
  const Message = randomBytes(50);
  const SigningAlgorithm = "ECDSA_SHA_256";
  const KeyId = await make({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
  const { Signature } = await call("Sign", { KeyId, Message, SigningAlgorithm });
  assert.ok(verify("sha256", Message, await publicKey(KeyId), Signature));
  assert.ok((await call("Verify", { KeyId, Message, SigningAlgorithm, Signature })).SignatureValid);
  const mac = { KeyId: await make({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" }), Message, MacAlgorithm: "HMAC_SHA_256" };
  const { Mac } = await call("GenerateMac", mac);
  assert.ok((await call("VerifyMac", { ...mac, Mac })).MacValid);
  const agreed = await make({ KeySpec: "ECC_NIST_P256", KeyUsage: "KEY_AGREEMENT" });
  const { x, y } = (await publicKey(agreed)).export({ format: "jwk" });
  const own = createECDH("prime256v1");
  own.generateKeys();
  const spki = Buffer.concat([Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex"), own.getPublicKey()]);
  const { SharedSecret } = await call("DeriveSharedSecret", { KeyId: agreed, KeyAgreementAlgorithm: "ECDH", PublicKey: spki });
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
  assert.deepEqual(Buffer.from(SharedSecret), own.computeSecret(point));
});

test("a key in two regions", async () => {
  const KeyId = await make({ MultiRegion: true });
  const there = client(KMSClient, { region: "eu-west-1" });
  const { ReplicaKeyMetadata } = await call("ReplicateKey", { KeyId, ReplicaRegion: "eu-west-1" });
  assert.equal(ReplicaKeyMetadata.Arn, `arn:aws:kms:eu-west-1:${ACCOUNT}:key/${KeyId}`);
  const { CiphertextBlob } = await call("Encrypt", { KeyId, Plaintext: bytes("secret") });
  assert.deepEqual(Buffer.from((await there.send(new sdk.DecryptCommand({ CiphertextBlob }))).Plaintext), Buffer.from("secret"));
  await call("UpdatePrimaryRegion", { KeyId, PrimaryRegion: "eu-west-1" });
  assert.equal((await call("DescribeKey", { KeyId })).KeyMetadata.MultiRegionConfiguration.MultiRegionKeyType, "REPLICA");
});

test("material is imported, and deleted", async () => {
  const KeyId = await make({ Origin: "EXTERNAL", KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" });
  const { ImportToken, PublicKey } = await call("GetParametersForImport", { KeyId, WrappingAlgorithm: "RSAES_OAEP_SHA_256", WrappingKeySpec: "RSA_2048" });
  const secret = randomBytes(32);
  const key = createPublicKey({ key: Buffer.from(PublicKey), format: "der", type: "spki" });
  const EncryptedKeyMaterial = publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" }, secret);
  await call("ImportKeyMaterial", { KeyId, ImportToken, EncryptedKeyMaterial, ExpirationModel: "KEY_MATERIAL_DOES_NOT_EXPIRE" });
  const { Mac } = await call("GenerateMac", { KeyId, Message: bytes("m"), MacAlgorithm: "HMAC_SHA_256" });
  assert.deepEqual(Buffer.from(Mac), createHmac("sha256", secret).update("m").digest());
  await call("DeleteImportedKeyMaterial", { KeyId });
  assert.equal((await call("DescribeKey", { KeyId })).KeyMetadata.KeyState, "PendingImport");
});

test("keys have names, tags, policies, grants and a life", async () => {
  const KeyId = await make({ Tags: [{ TagKey: "a", TagValue: "1" }] });
  const AliasName = "alias/node";
  await call("CreateAlias", { AliasName, TargetKeyId: KeyId });
  await call("UpdateAlias", { AliasName, TargetKeyId: await make({}) });
  assert.ok((await call("ListAliases")).Aliases.some((alias) => alias.AliasName === AliasName));
  await call("DeleteAlias", { AliasName });
  assert.ok((await call("ListKeys", { Limit: 1 })).Truncated);
  await call("TagResource", { KeyId, Tags: [{ TagKey: "b", TagValue: "2" }] });
  await call("UntagResource", { KeyId, TagKeys: ["a"] });
  assert.deepEqual((await call("ListResourceTags", { KeyId })).Tags, [{ TagKey: "b", TagValue: "2" }]);
  await call("UpdateKeyDescription", { KeyId, Description: "d" });
  const root = `arn:aws:iam::${ACCOUNT}:root`;
  const Policy = allow("kms:*", { Principal: { AWS: root }, Resource: "*" });
  await call("PutKeyPolicy", { KeyId, Policy });
  assert.equal((await call("GetKeyPolicy", { KeyId })).Policy, Policy);
  assert.deepEqual((await call("ListKeyPolicies", { KeyId })).PolicyNames, ["default"]);
  const grant = { KeyId, GranteePrincipal: root, RetiringPrincipal: root, Operations: ["Decrypt"] };
  const { GrantId } = await call("CreateGrant", grant);
  assert.equal((await call("ListGrants", { KeyId })).Grants.length, 1);
  await call("RevokeGrant", { KeyId, GrantId });
  const { GrantToken } = await call("CreateGrant", grant);
  assert.equal((await call("ListRetirableGrants", { RetiringPrincipal: root })).Grants.length, 1);
  await call("RetireGrant", { GrantToken });
  await call("EnableKeyRotation", { KeyId });
  assert.equal((await call("GetKeyRotationStatus", { KeyId })).RotationPeriodInDays, 365);
  await call("RotateKeyOnDemand", { KeyId });
  assert.equal((await call("ListKeyRotations", { KeyId })).Rotations.length, 1);
  await call("DisableKeyRotation", { KeyId });
  await call("DisableKey", { KeyId });
  await assert.rejects(call("GenerateDataKey", { KeyId, KeySpec: "AES_256" }), { name: "DisabledException" });
  await call("EnableKey", { KeyId });
  await call("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: 7 });
  await call("CancelKeyDeletion", { KeyId });
  assert.equal((await call("DescribeKey", { KeyId })).KeyMetadata.KeyState, "Disabled");
});

everyOperationIsDriven("kms", KMSClient);
