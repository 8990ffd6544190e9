// Lambda through aws-sdk v3: every operation.

import { LambdaClient } from "@aws-sdk/client-lambda";
import { everyOperationIsDriven } from "./driven.mjs";
import "./lambda/events.mjs";
import "./lambda/features.mjs";
import "./lambda/functions.mjs";
import "./lambda/layers.mjs";
import "./lambda/streams.mjs";
import "./lambda/versions.mjs";

everyOperationIsDriven("lambda", LambdaClient);
