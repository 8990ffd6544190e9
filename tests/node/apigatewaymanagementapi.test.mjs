// Connections to WebSocket APIs through aws-sdk v3, and their clients through ws.

import assert from "node:assert/strict";
import { once } from "node:events";
import { before, test } from "node:test";
import { ApiGatewayManagementApiClient, DeleteConnectionCommand, GetConnectionCommand, GoneException, PostToConnectionCommand } from "@aws-sdk/client-apigatewaymanagementapi";
import {
  ApiGatewayV2Client,
  CreateApiCommand,
  CreateIntegrationCommand,
  CreateRouteCommand,
  CreateRouteResponseCommand,
  CreateStageCommand,
} from "@aws-sdk/client-apigatewayv2";
import WebSocket from "ws";
import { functionBehind } from "./apis.mjs";
import { everyOperationIsDriven, note } from "./driven.mjs";
import { client, endpoint, REGION, rootCredentials } from "./server.mjs";

const gateway = client(ApiGatewayV2Client);
let url;
before(async () => {
  const IntegrationUri = await functionBehind("behind-websockets");
  const { ApiId, ApiEndpoint } = await gateway.send(new CreateApiCommand({ Name: "chat", ProtocolType: "WEBSOCKET", RouteSelectionExpression: "$request.body.action" }));
  const { IntegrationId } = await gateway.send(new CreateIntegrationCommand({ ApiId, IntegrationType: "AWS_PROXY", IntegrationUri }));
  const route = { ApiId, RouteKey: "$default", Target: `integrations/${IntegrationId}`, RouteResponseSelectionExpression: "$default" };
  const { RouteId } = await gateway.send(new CreateRouteCommand(route));
  await gateway.send(new CreateRouteResponseCommand({ ApiId, RouteId, RouteResponseKey: "$default" }));
  await gateway.send(new CreateStageCommand({ ApiId, StageName: "dev", AutoDeploy: true }));
  url = `${ApiEndpoint}/dev`;
});

/** A client, and what its connection is called: the function answers with the event. */
async function connected() {
  const socket = new WebSocket(url);
  await once(socket, "open");
  socket.send("who am I?");
  const [data, isBinary] = await once(socket, "message");
  assert.equal(isBinary, false);
  const { requestContext, body } = JSON.parse(data);
  assert.equal(body, "who am I?");
  return { socket, ConnectionId: requestContext.connectionId, context: requestContext };
}

test("clients are posted to and ended by the address that events tell, and by the cloud's own", async () => {
  const { socket, ConnectionId, context } = await connected();
  const below = note(new ApiGatewayManagementApiClient({ endpoint: `http://${context.domainName}/${context.stage}`, region: REGION, credentials: rootCredentials }));
  for (const manager of [below, client(ApiGatewayManagementApiClient)]) {
    const message = once(socket, "message");
    await manager.send(new PostToConnectionCommand({ ConnectionId, Data: "Grüße" }));
    assert.equal((await message)[0].toString(), "Grüße");
    const shown = await manager.send(new GetConnectionCommand({ ConnectionId }));
    assert.ok(shown.ConnectedAt <= shown.LastActiveAt);
  }
  const closed = once(socket, "close");
  await below.send(new DeleteConnectionCommand({ ConnectionId }));
  assert.equal((await closed)[0], 1000);
  await assert.rejects(below.send(new PostToConnectionCommand({ ConnectionId, Data: "x" })), GoneException);
});

test("pings are answered", async () => {
  const { socket } = await connected();
  const pong = once(socket, "pong");
  socket.ping("x");
  assert.equal((await pong)[0].toString(), "x");
  socket.terminate();
  assert.ok(endpoint);
});

everyOperationIsDriven("apigatewaymanagementapi", ApiGatewayManagementApiClient);
