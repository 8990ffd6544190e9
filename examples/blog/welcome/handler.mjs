// Called asynchronously with a new user: leaves a welcome message.

import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";

const client = new DynamoDBClient({});

export const main = async (user) => {
  await client.send(
    new PutItemCommand({
      TableName: process.env.MESSAGES_TABLE,
      Item: {
        user: { S: user.id },
        sent: { S: new Date().toISOString() },
        text: { S: `Welcome, ${user.name}!` },
      },
    }),
  );
  console.log(`welcomed ${user.email}`);
};
