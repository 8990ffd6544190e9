// DynamoDB through aws-sdk v3: every operation.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { everyOperationIsDriven } from "./driven.mjs";
import "./dynamodb/backups.mjs";
import "./dynamodb/bulk.mjs";
import "./dynamodb/destinations.mjs";
import "./dynamodb/items.mjs";
import "./dynamodb/statements.mjs";
import "./dynamodb/tables.mjs";
import "./dynamodb/transfers.mjs";
import "./dynamodb/vectors.mjs";

everyOperationIsDriven("dynamodb", DynamoDBClient);
