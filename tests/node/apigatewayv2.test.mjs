// HTTP and WebSocket APIs of API Gateway through aws-sdk v3: every operation, and what the API's users see of it.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  ApiGatewayV2Client,
  CreateApiCommand,
  CreateApiMappingCommand,
  CreateAuthorizerCommand,
  CreateDeploymentCommand,
  CreateDomainNameCommand,
  CreateIntegrationCommand,
  CreateIntegrationResponseCommand,
  CreateRouteCommand,
  CreateRouteResponseCommand,
  CreateStageCommand,
  DeleteAccessLogSettingsCommand,
  DeleteApiCommand,
  DeleteApiMappingCommand,
  DeleteAuthorizerCommand,
  DeleteCorsConfigurationCommand,
  DeleteDeploymentCommand,
  DeleteDomainNameCommand,
  DeleteIntegrationCommand,
  DeleteIntegrationResponseCommand,
  DeleteRouteCommand,
  DeleteRouteResponseCommand,
  DeleteRouteSettingsCommand,
  DeleteStageCommand,
  ExportApiCommand,
  GetApiCommand,
  GetApiMappingCommand,
  GetApiMappingsCommand,
  GetApisCommand,
  GetAuthorizerCommand,
  GetAuthorizersCommand,
  GetDeploymentCommand,
  GetDeploymentsCommand,
  GetDomainNameCommand,
  GetDomainNamesCommand,
  GetIntegrationCommand,
  GetIntegrationResponseCommand,
  GetIntegrationResponsesCommand,
  GetIntegrationsCommand,
  GetRouteCommand,
  GetRouteResponseCommand,
  GetRouteResponsesCommand,
  GetRoutesCommand,
  GetStageCommand,
  GetStagesCommand,
  GetTagsCommand,
  ImportApiCommand,
  NotFoundException,
  ReimportApiCommand,
  ResetAuthorizersCacheCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateApiCommand,
  UpdateApiMappingCommand,
  UpdateAuthorizerCommand,
  UpdateDeploymentCommand,
  UpdateDomainNameCommand,
  UpdateIntegrationCommand,
  UpdateIntegrationResponseCommand,
  UpdateRouteCommand,
  UpdateRouteResponseCommand,
  UpdateStageCommand,
} from "@aws-sdk/client-apigatewayv2";
import { functionBehind, request, requestAt } from "./apis.mjs";
import { everyOperationIsDriven } from "./driven.mjs";
import { client, endpoint, REGION } from "./server.mjs";

const gateway = client(ApiGatewayV2Client);
let IntegrationUri;
before(async () => {
  IntegrationUri = await functionBehind("behind-http");
});

async function create(Name, more) {
  return (await gateway.send(new CreateApiCommand({ Name, ProtocolType: "HTTP", ...more }))).ApiId;
}

/** A new integration with the function, and where it is. */
async function integration(ApiId) {
  const command = new CreateIntegrationCommand({ ApiId, IntegrationType: "AWS_PROXY", IntegrationUri, PayloadFormatVersion: "2.0" });
  return { ApiId, IntegrationId: (await gateway.send(command)).IntegrationId };
}

/** A new route to a new integration, and where it is. */
async function route(ApiId, RouteKey) {
  const { IntegrationId } = await integration(ApiId);
  const command = new CreateRouteCommand({ ApiId, RouteKey, Target: `integrations/${IntegrationId}` });
  return { ApiId, RouteId: (await gateway.send(command)).RouteId };
}

/** The default stage, which serves every change. */
const serve = (ApiId) => gateway.send(new CreateStageCommand({ ApiId, StageName: "$default", AutoDeploy: true }));

/** All items of a list, two a page. */
async function all(List, names) {
  const found = [];
  for (let NextToken; ; ) {
    const page = await gateway.send(new List({ ...names, MaxResults: "2", NextToken }));
    found.push(...page.Items);
    NextToken = page.NextToken;
    if (!NextToken) return found;
  }
}

test("APIs are found, changed and deleted", async () => {
  const ApiId = await create("life", { Description: "d" });
  for (const name of ["life-2", "life-3"]) await create(name);
  assert.deepEqual((await all(GetApisCommand)).map(({ Name }) => Name).sort(), ["life", "life-2", "life-3"]);
  await gateway.send(new UpdateApiCommand({ ApiId, Name: "renamed" }));
  const got = await gateway.send(new GetApiCommand({ ApiId }));
  assert.deepEqual([got.Name, got.Description, got.ApiEndpoint], ["renamed", "d", `${endpoint}/_aws/execute-api/${ApiId}`]);
  await gateway.send(new DeleteApiCommand({ ApiId }));
  await assert.rejects(gateway.send(new GetApiCommand({ ApiId })), NotFoundException);
});

test("a cross-origin configuration answers browsers until it is deleted", async () => {
  const CorsConfiguration = { AllowOrigins: ["https://app.example"], AllowMethods: ["GET"] };
  const ApiId = await create("cors", { CorsConfiguration });
  await route(ApiId, "GET /a");
  await serve(ApiId);
  const allowed = async () => (await request(ApiId, "/a", { headers: { Origin: "https://app.example" } })).headers.get("access-control-allow-origin");
  assert.equal(await allowed(), "https://app.example");
  await gateway.send(new DeleteCorsConfigurationCommand({ ApiId }));
  assert.equal((await gateway.send(new GetApiCommand({ ApiId }))).CorsConfiguration, undefined);
  assert.equal(await allowed(), null);
});

test("routes lead the API's users to the function", async () => {
  const ApiId = await create("routes");
  const [one, ...others] = [await route(ApiId, "GET /items/{id}"), await route(ApiId, "ANY /all/{proxy+}"), await route(ApiId, "$default")];
  await serve(ApiId);
  const { status, body } = await request(ApiId, "/items/7?x=1");
  assert.deepEqual([status, body.routeKey, body.pathParameters, body.queryStringParameters], [200, "GET /items/{id}", { id: "7" }, { x: "1" }]);
  await gateway.send(new UpdateRouteCommand({ ...one, RouteKey: "GET /things/{id}" }));
  assert.equal((await gateway.send(new GetRouteCommand(one))).RouteKey, "GET /things/{id}");
  assert.deepEqual((await all(GetRoutesCommand, { ApiId })).map(({ RouteKey }) => RouteKey).sort(), ["$default", "ANY /all/{proxy+}", "GET /things/{id}"]);
  assert.equal((await request(ApiId, "/items/7")).body.routeKey, "$default");
  for (const names of others) await gateway.send(new DeleteRouteCommand(names));
  await assert.rejects(gateway.send(new GetRouteCommand(others[0])), NotFoundException);
  assert.equal((await request(ApiId, "/items/7")).status, 404);
  assert.equal((await request(ApiId, "/things/7")).body.routeKey, "GET /things/{id}");
});

test("integrations", async () => {
  const ApiId = await create("integrations");
  const one = await integration(ApiId);
  for (let more = 0; more < 2; more++) await integration(ApiId);
  assert.equal((await all(GetIntegrationsCommand, { ApiId })).length, 3);
  await gateway.send(new UpdateIntegrationCommand({ ...one, PayloadFormatVersion: "1.0", TimeoutInMillis: 5000 }));
  const got = await gateway.send(new GetIntegrationCommand(one));
  assert.deepEqual([got.PayloadFormatVersion, got.TimeoutInMillis, got.IntegrationUri], ["1.0", 5000, IntegrationUri]);
  await gateway.send(new DeleteIntegrationCommand(one));
  await assert.rejects(gateway.send(new GetIntegrationCommand(one)), NotFoundException);
});

test("a stage without automatic deployment serves what was deployed", async () => {
  const ApiId = await create("stages");
  const stage = { ApiId, StageName: "dev" };
  const first = await route(ApiId, "GET /a");
  await gateway.send(new CreateStageCommand({ ...stage, StageVariables: { a: "1" } }));
  const { DeploymentId } = await gateway.send(new CreateDeploymentCommand({ ...stage, Description: "first" }));
  await gateway.send(new DeleteRouteCommand(first));
  await gateway.send(new UpdateStageCommand({ ...stage, StageVariables: { a: "2" } }));
  const got = await gateway.send(new GetStageCommand(stage));
  assert.deepEqual([got.DeploymentId, got.StageVariables, got.AutoDeploy ?? false], [DeploymentId, { a: "2" }, false]);
  assert.deepEqual((await request(ApiId, "/dev/a")).body.stageVariables, { a: "2" });
  assert.deepEqual((await all(GetStagesCommand, { ApiId })).map(({ StageName }) => StageName), ["dev"]);
  const deployment = { ApiId, DeploymentId };
  assert.equal((await gateway.send(new GetDeploymentCommand(deployment))).Description, "first");
  assert.deepEqual((await all(GetDeploymentsCommand, { ApiId })).map((found) => found.DeploymentId), [DeploymentId]);
  await assert.rejects(gateway.send(new DeleteDeploymentCommand(deployment)), { $fault: "client" });
  await gateway.send(new DeleteStageCommand(stage));
  assert.notEqual((await request(ApiId, "/dev/a")).status, 200);
  await gateway.send(new DeleteDeploymentCommand(deployment));
  await assert.rejects(gateway.send(new GetDeploymentCommand(deployment)), NotFoundException);
});

test("tags", async () => {
  const ApiId = await create("tagged", { Tags: { a: "1", b: "2" } });
  const ResourceArn = `arn:aws:apigateway:${REGION}::/apis/${ApiId}`;
  await gateway.send(new TagResourceCommand({ ResourceArn, Tags: { c: "grüße" } }));
  await gateway.send(new UntagResourceCommand({ ResourceArn, TagKeys: ["a"] }));
  assert.deepEqual((await gateway.send(new GetTagsCommand({ ResourceArn }))).Tags, { b: "2", c: "grüße" });
  assert.deepEqual((await gateway.send(new GetApiCommand({ ApiId }))).Tags, { b: "2", c: "grüße" });
});

test("a route is closed by an authorizer, and opened again", async () => {
  const ApiId = await create("closed");
  await gateway.send(new CreateStageCommand({ ApiId, StageName: "$default", AutoDeploy: true }));
  const integration = { ApiId, IntegrationType: "AWS_PROXY", IntegrationUri, PayloadFormatVersion: "2.0" };
  const { IntegrationId } = await gateway.send(new CreateIntegrationCommand(integration));
  const token = { AuthorizerType: "JWT", IdentitySource: ["$request.header.Authorization"] };
  const JwtConfiguration = { Issuer: "https://issuer.example", Audience: ["shop"] };
  const { AuthorizerId } = await gateway.send(new CreateAuthorizerCommand({ ApiId, Name: "a", ...token, JwtConfiguration }));
  const one = { ApiId, AuthorizerId };
  assert.equal((await gateway.send(new UpdateAuthorizerCommand({ ...one, Name: "b" }))).Name, "b");
  assert.deepEqual((await gateway.send(new GetAuthorizerCommand(one))).JwtConfiguration, JwtConfiguration);
  assert.equal((await gateway.send(new GetAuthorizersCommand({ ApiId }))).Items.length, 1);
  const route = { ApiId, RouteKey: "GET /a", Target: `integrations/${IntegrationId}`, AuthorizationType: "JWT", AuthorizerId };
  const { RouteId } = await gateway.send(new CreateRouteCommand(route));
  const { status, headers } = await request(ApiId, "/a");
  assert.deepEqual([status, headers.get("www-authenticate")], [401, "Bearer"]);
  await gateway.send(new ResetAuthorizersCacheCommand({ ApiId, StageName: "$default" }));
  await gateway.send(new UpdateRouteCommand({ ApiId, RouteId, AuthorizationType: "NONE" }));
  assert.equal((await request(ApiId, "/a")).status, 200);
  await gateway.send(new DeleteAuthorizerCommand(one));
  await assert.rejects(gateway.send(new GetAuthorizerCommand(one)), NotFoundException);
});

test("WebSocket APIs have responses of routes and of integrations, and settings of routes", async () => {
  const { ApiId, ApiEndpoint } = await gateway.send(new CreateApiCommand({ Name: "ws", ProtocolType: "WEBSOCKET", RouteSelectionExpression: "$request.body.action" }));
  assert.equal(ApiEndpoint, `${endpoint.replace("http", "ws")}/_aws/execute-api/${ApiId}`);
  const mock = { ApiId, IntegrationType: "MOCK", RequestTemplates: { $default: '{"statusCode": 200}' } };
  const of = { ApiId, IntegrationId: (await gateway.send(new CreateIntegrationCommand(mock))).IntegrationId };
  const { IntegrationResponseId } = await gateway.send(new CreateIntegrationResponseCommand({ ...of, IntegrationResponseKey: "/200/" }));
  const response = { ...of, IntegrationResponseId };
  await gateway.send(new UpdateIntegrationResponseCommand({ ...response, ResponseTemplates: { $default: "pong" } }));
  assert.deepEqual((await gateway.send(new GetIntegrationResponseCommand(response))).ResponseTemplates, { $default: "pong" });
  assert.equal((await gateway.send(new GetIntegrationResponsesCommand(of))).Items.length, 1);
  const { RouteId } = await gateway.send(new CreateRouteCommand({ ApiId, RouteKey: "$default", Target: `integrations/${of.IntegrationId}`, RouteResponseSelectionExpression: "$default" }));
  const { RouteResponseId } = await gateway.send(new CreateRouteResponseCommand({ ApiId, RouteId, RouteResponseKey: "$default" }));
  const answer = { ApiId, RouteId, RouteResponseId };
  assert.equal((await gateway.send(new UpdateRouteResponseCommand(answer))).RouteResponseKey, "$default");
  assert.equal((await gateway.send(new GetRouteResponseCommand(answer))).RouteResponseId, RouteResponseId);
  assert.equal((await gateway.send(new GetRouteResponsesCommand({ ApiId, RouteId }))).Items.length, 1);
  const { DeploymentId } = await gateway.send(new CreateDeploymentCommand({ ApiId }));
  assert.equal((await gateway.send(new UpdateDeploymentCommand({ ApiId, DeploymentId, Description: "d" }))).Description, "d");
  const RouteSettings = { $default: { ThrottlingBurstLimit: 1, ThrottlingRateLimit: 1 } };
  await gateway.send(new CreateStageCommand({ ApiId, StageName: "dev", DeploymentId, RouteSettings }));
  await gateway.send(new DeleteRouteSettingsCommand({ ApiId, StageName: "dev", RouteKey: "$default" }));
  const AccessLogSettings = { DestinationArn: `arn:aws:logs:${REGION}:000000000000:log-group:of-node`, Format: "$context.requestId" };
  await gateway.send(new UpdateStageCommand({ ApiId, StageName: "dev", AccessLogSettings }));
  assert.deepEqual((await gateway.send(new GetStageCommand({ ApiId, StageName: "dev" }))).AccessLogSettings, AccessLogSettings);
  await gateway.send(new DeleteAccessLogSettingsCommand({ ApiId, StageName: "dev" }));
  assert.deepEqual((await gateway.send(new GetStageCommand({ ApiId, StageName: "dev" }))).RouteSettings, {});
  await gateway.send(new DeleteRouteResponseCommand(answer));
  await assert.rejects(gateway.send(new GetRouteResponseCommand(answer)), NotFoundException);
  await gateway.send(new DeleteIntegrationResponseCommand(response));
  await assert.rejects(gateway.send(new GetIntegrationResponseCommand(response)), NotFoundException);
});

test("a custom domain leads to its APIs", async () => {
  const ApiId = await create("domains");
  await route(ApiId, "ANY /{proxy+}");
  await serve(ApiId);
  const DomainName = "v2.example.com";
  const configuration = { CertificateArn: `arn:aws:acm:${REGION}:000000000000:certificate/c`, EndpointType: "REGIONAL" };
  await gateway.send(new CreateDomainNameCommand({ DomainName, DomainNameConfigurations: [configuration] }));
  const { ApiMappingId } = await gateway.send(new CreateApiMappingCommand({ DomainName, ApiId, Stage: "$default", ApiMappingKey: "a/b" }));
  const one = { DomainName, ApiMappingId };
  const { status, body } = await requestAt(DomainName, "/a/b/c");
  assert.deepEqual([status, JSON.parse(body).rawPath], [200, "/c"]);
  assert.equal((await gateway.send(new GetApiMappingCommand(one))).ApiMappingKey, "a/b");
  await gateway.send(new UpdateApiMappingCommand({ ...one, ApiId, Stage: "$default", ApiMappingKey: "d" }));
  assert.deepEqual((await gateway.send(new GetApiMappingsCommand({ DomainName }))).Items.map(({ ApiMappingKey }) => ApiMappingKey), ["d"]);
  assert.equal((await requestAt(DomainName, "/a/b/c")).status, 403);
  const changed = { DomainName, DomainNameConfigurations: [{ ...configuration, SecurityPolicy: "TLS_1_0" }] };
  await gateway.send(new UpdateDomainNameCommand(changed));
  assert.equal((await gateway.send(new GetDomainNameCommand({ DomainName }))).DomainNameConfigurations[0].SecurityPolicy, "TLS_1_0");
  assert.ok((await gateway.send(new GetDomainNamesCommand({}))).Items.some((item) => item.DomainName === DomainName));
  await gateway.send(new DeleteApiMappingCommand(one));
  await gateway.send(new DeleteDomainNameCommand({ DomainName }));
  await assert.rejects(gateway.send(new GetDomainNameCommand({ DomainName })), NotFoundException);
});

test("an API is its document", async () => {
  const integration = { type: "aws_proxy", httpMethod: "POST", uri: IntegrationUri, payloadFormatVersion: "2.0" };
  const paths = { "/pets/{id}": { get: { "x-amazon-apigateway-integration": integration } } };
  const document = { openapi: "3.0.1", info: { title: "pets", version: "1" }, paths };
  const { ApiId, Name } = await gateway.send(new ImportApiCommand({ Body: JSON.stringify(document) }));
  await serve(ApiId);
  assert.deepEqual([Name, (await request(ApiId, "/pets/7")).body.pathParameters], ["pets", { id: "7" }]);
  const { body } = await gateway.send(new ExportApiCommand({ ApiId, Specification: "OAS30", OutputType: "JSON" }));
  const exported = JSON.parse(Buffer.from(body).toString());
  assert.deepEqual(exported.paths["/pets/{id}"].get["x-amazon-apigateway-integration"].uri, IntegrationUri);
  exported.info.title = "cats";
  assert.equal((await gateway.send(new ReimportApiCommand({ ApiId, Body: JSON.stringify(exported) }))).Name, "cats");
});

everyOperationIsDriven("apigatewayv2", ApiGatewayV2Client);
