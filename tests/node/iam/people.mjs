// Users with keys, for tests of what they may do.

import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from "@aws-sdk/client-iam";
import { client } from "../server.mjs";
import { allow } from "../support.mjs";

const iam = client(IAMClient);

/** What a client's `credentials` are, from what IAM or STS answered. */
export function credentialsOf({ AccessKeyId, SecretAccessKey, SessionToken }) {
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}

/** The credentials of a new user, who may do `action` with everything; nothing without one. */
export async function user(UserName, action) {
  await iam.send(new CreateUserCommand({ UserName, Path: "/team/" }));
  if (action) await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: "p", PolicyDocument: allow(action, { Resource: "*" }) }));
  return credentialsOf((await iam.send(new CreateAccessKeyCommand({ UserName }))).AccessKey);
}
