// IAM through aws-sdk v3, on the Query protocol: every operation.

import { IAMClient } from "@aws-sdk/client-iam";
import { everyOperationIsDriven } from "./driven.mjs";
import "./iam/devices.mjs";
import "./iam/groups.mjs";
import "./iam/logins.mjs";
import "./iam/managed.mjs";
import "./iam/openid.mjs";
import "./iam/roles.mjs";
import "./iam/users.mjs";

everyOperationIsDriven("iam", IAMClient);
