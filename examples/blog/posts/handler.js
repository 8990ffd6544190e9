// Posts: create, read, update, delete.

const { randomUUID } = require("node:crypto");
const { DynamoDBClient } = require("@aws-sdk/client-dynamodb");
const {
  DynamoDBDocumentClient,
  DeleteCommand,
  GetCommand,
  PutCommand,
  ScanCommand,
  UpdateCommand,
} = require("@aws-sdk/lib-dynamodb");

const table = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const TableName = process.env.POSTS_TABLE;

const answer = (statusCode, body) => ({
  statusCode,
  headers: { "content-type": "application/json" },
  body: body === undefined ? "" : JSON.stringify(body),
});

function parse(event) {
  try {
    const post = JSON.parse(event.body ?? "");
    return typeof post.title === "string" && typeof post.text === "string" ? post : undefined;
  } catch {
    return undefined;
  }
}

async function create(event) {
  const post = parse(event);
  if (!post) return answer(400, { error: "a JSON object with title and text is expected" });
  const Item = { id: randomUUID(), title: post.title, text: post.text, created: new Date().toISOString() };
  await table.send(new PutCommand({ TableName, Item }));
  return answer(201, Item);
}

async function list() {
  const { Items } = await table.send(new ScanCommand({ TableName }));
  return answer(200, Items.sort((a, b) => a.created.localeCompare(b.created)));
}

async function get({ pathParameters: { id } }) {
  const { Item } = await table.send(new GetCommand({ TableName, Key: { id } }));
  return Item ? answer(200, Item) : answer(404, { error: "no such post" });
}

async function update(event) {
  const post = parse(event);
  if (!post) return answer(400, { error: "a JSON object with title and text is expected" });
  try {
    const { Attributes } = await table.send(
      new UpdateCommand({
        TableName,
        Key: { id: event.pathParameters.id },
        UpdateExpression: "SET title = :title, #text = :text",
        ConditionExpression: "attribute_exists(id)",
        ExpressionAttributeNames: { "#text": "text" },
        ExpressionAttributeValues: { ":title": post.title, ":text": post.text },
        ReturnValues: "ALL_NEW",
      }),
    );
    return answer(200, Attributes);
  } catch (error) {
    if (error.name === "ConditionalCheckFailedException") return answer(404, { error: "no such post" });
    throw error;
  }
}

async function remove({ pathParameters: { id } }) {
  await table.send(new DeleteCommand({ TableName, Key: { id } }));
  return answer(204);
}

const routes = {
  "POST /posts": create,
  "GET /posts": list,
  "GET /posts/{id}": get,
  "PUT /posts/{id}": update,
  "DELETE /posts/{id}": remove,
};

exports.main = (event) => routes[event.routeKey](event);
