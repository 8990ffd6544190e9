// REST APIs of API Gateway through aws-sdk v3: every operation, and what the API's users see of it.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  APIGatewayClient,
  CreateApiKeyCommand,
  CreateAuthorizerCommand,
  CreateBasePathMappingCommand,
  CreateDeploymentCommand,
  CreateDocumentationPartCommand,
  CreateDocumentationVersionCommand,
  CreateDomainNameCommand,
  CreateModelCommand,
  CreateRequestValidatorCommand,
  CreateResourceCommand,
  CreateRestApiCommand,
  CreateStageCommand,
  CreateUsagePlanCommand,
  CreateUsagePlanKeyCommand,
  DeleteApiKeyCommand,
  DeleteAuthorizerCommand,
  DeleteBasePathMappingCommand,
  DeleteDeploymentCommand,
  DeleteDocumentationPartCommand,
  DeleteDocumentationVersionCommand,
  DeleteDomainNameCommand,
  DeleteGatewayResponseCommand,
  DeleteIntegrationCommand,
  DeleteIntegrationResponseCommand,
  DeleteMethodCommand,
  DeleteMethodResponseCommand,
  DeleteModelCommand,
  DeleteRequestValidatorCommand,
  DeleteResourceCommand,
  DeleteRestApiCommand,
  DeleteStageCommand,
  DeleteUsagePlanCommand,
  DeleteUsagePlanKeyCommand,
  FlushStageAuthorizersCacheCommand,
  FlushStageCacheCommand,
  GetAccountCommand,
  GetApiKeyCommand,
  GetApiKeysCommand,
  GetAuthorizerCommand,
  GetAuthorizersCommand,
  GetBasePathMappingCommand,
  GetBasePathMappingsCommand,
  GetDeploymentCommand,
  GetDeploymentsCommand,
  GetDocumentationPartCommand,
  GetDocumentationPartsCommand,
  GetDocumentationVersionCommand,
  GetDocumentationVersionsCommand,
  GetDomainNameCommand,
  GetDomainNamesCommand,
  GetExportCommand,
  GetGatewayResponseCommand,
  GetGatewayResponsesCommand,
  GetIntegrationCommand,
  GetIntegrationResponseCommand,
  GetMethodCommand,
  GetMethodResponseCommand,
  GetModelCommand,
  GetModelsCommand,
  GetModelTemplateCommand,
  GetRequestValidatorCommand,
  GetRequestValidatorsCommand,
  GetResourceCommand,
  GetRestApiCommand,
  GetStageCommand,
  GetStagesCommand,
  GetTagsCommand,
  GetUsageCommand,
  GetUsagePlanCommand,
  GetUsagePlanKeyCommand,
  GetUsagePlanKeysCommand,
  GetUsagePlansCommand,
  ImportApiKeysCommand,
  ImportDocumentationPartsCommand,
  ImportRestApiCommand,
  NotFoundException,
  paginateGetResources,
  paginateGetRestApis,
  PutGatewayResponseCommand,
  PutIntegrationCommand,
  PutIntegrationResponseCommand,
  PutMethodCommand,
  PutMethodResponseCommand,
  PutRestApiCommand,
  TagResourceCommand,
  TestInvokeAuthorizerCommand,
  TestInvokeMethodCommand,
  UntagResourceCommand,
  UpdateAccountCommand,
  UpdateApiKeyCommand,
  UpdateAuthorizerCommand,
  UpdateBasePathMappingCommand,
  UpdateDeploymentCommand,
  UpdateDocumentationPartCommand,
  UpdateDocumentationVersionCommand,
  UpdateDomainNameCommand,
  UpdateGatewayResponseCommand,
  UpdateIntegrationCommand,
  UpdateIntegrationResponseCommand,
  UpdateMethodCommand,
  UpdateMethodResponseCommand,
  UpdateModelCommand,
  UpdateRequestValidatorCommand,
  UpdateResourceCommand,
  UpdateRestApiCommand,
  UpdateStageCommand,
  UpdateUsageCommand,
  UpdateUsagePlanCommand,
} from "@aws-sdk/client-api-gateway";
import { functionBehind, request, requestAt } from "./apis.mjs";
import { everyOperationIsDriven } from "./driven.mjs";
import { client, REGION } from "./server.mjs";

const gateway = client(APIGatewayClient);
const replace = (path, value) => [{ op: "replace", path, value }];
let uri;
before(async () => {
  uri = `arn:aws:apigateway:${REGION}:lambda:path/2015-03-31/functions/${await functionBehind("behind-rest")}/invocations`;
});

/** The id of a new API, and that of its root. */
async function create(name, more) {
  const { id, rootResourceId } = await gateway.send(new CreateRestApiCommand({ name, ...more }));
  return { restApiId: id, root: rootResourceId };
}

async function resource(restApiId, parentId, pathPart) {
  return (await gateway.send(new CreateResourceCommand({ restApiId, parentId, pathPart }))).id;
}

/** A method `ANY` of a resource, answered by the function. */
async function proxy(restApiId, resourceId) {
  const method = { restApiId, resourceId, httpMethod: "ANY" };
  await gateway.send(new PutMethodCommand({ ...method, authorizationType: "NONE" }));
  await gateway.send(new PutIntegrationCommand({ ...method, type: "AWS_PROXY", integrationHttpMethod: "POST", uri }));
  return method;
}

test("APIs are found, changed and deleted", async () => {
  const { restApiId } = await create("life", { description: "d", binaryMediaTypes: ["image/png"] });
  const others = [await create("life-2"), await create("life-3")];
  const found = [];
  for await (const page of paginateGetRestApis({ client: gateway, pageSize: 2 }, {})) found.push(...page.items.map(({ id }) => id));
  for (const api of [restApiId, ...others.map(({ restApiId }) => restApiId)]) assert.ok(found.includes(api));
  await gateway.send(new UpdateRestApiCommand({ restApiId, patchOperations: [...replace("/name", "renamed"), { op: "remove", path: "/binaryMediaTypes/image~1png" }] }));
  const got = await gateway.send(new GetRestApiCommand({ restApiId }));
  assert.deepEqual([got.name, got.description, got.binaryMediaTypes ?? []], ["renamed", "d", []]);
  await gateway.send(new DeleteRestApiCommand({ restApiId }));
  await assert.rejects(gateway.send(new GetRestApiCommand({ restApiId })), NotFoundException);
});

test("resources are a tree", async () => {
  const { restApiId, root } = await create("tree");
  const items = await resource(restApiId, root, "items");
  const item = await resource(restApiId, items, "{id}");
  await gateway.send(new UpdateResourceCommand({ restApiId, resourceId: items, patchOperations: replace("/pathPart", "things") }));
  assert.equal((await gateway.send(new GetResourceCommand({ restApiId, resourceId: item }))).path, "/things/{id}");
  const paths = async () => {
    const found = [];
    for await (const page of paginateGetResources({ client: gateway, pageSize: 2 }, { restApiId })) found.push(...page.items.map(({ path }) => path));
    return found.sort();
  };
  assert.deepEqual(await paths(), ["/", "/things", "/things/{id}"]);
  await gateway.send(new DeleteResourceCommand({ restApiId, resourceId: items }));
  assert.deepEqual(await paths(), ["/"]);
});

test("a function answers its API's users, at the stage that serves it", async () => {
  const { restApiId, root } = await create("served");
  const method = await proxy(restApiId, await resource(restApiId, root, "{proxy+}"));
  const integration = await gateway.send(new GetIntegrationCommand(method));
  assert.deepEqual([integration.type, integration.uri, integration.timeoutInMillis], ["AWS_PROXY", uri, 29_000]);
  await gateway.send(new CreateDeploymentCommand({ restApiId, stageName: "dev" }));
  const { status, body } = await request(restApiId, "/dev/a/gr%C3%BC%C3%9Fe?x=1", { method: "PUT", body: "text" });
  assert.deepEqual([status, body.httpMethod, body.pathParameters, body.body], [200, "PUT", { proxy: "a/grüße" }, "text"]);
  assert.equal((await request(restApiId, "/prod/a")).status, 403);
});

test("a method is made of parts, each read and deleted alone", async () => {
  const { restApiId, root } = await create("parts");
  const method = { restApiId, resourceId: root, httpMethod: "OPTIONS" };
  const answer = { ...method, statusCode: "200" };
  await gateway.send(new PutMethodCommand({ ...method, authorizationType: "NONE" }));
  await gateway.send(new UpdateMethodCommand({ ...method, patchOperations: replace("/operationName", "preflight") }));
  assert.equal((await gateway.send(new GetMethodCommand(method))).operationName, "preflight");
  await gateway.send(new PutMethodResponseCommand({ ...answer, responseParameters: { "method.response.header.X": false } }));
  assert.deepEqual((await gateway.send(new GetMethodResponseCommand(answer))).responseParameters, { "method.response.header.X": false });
  await gateway.send(new PutIntegrationCommand({ ...method, type: "MOCK", requestTemplates: { "application/json": '{"statusCode": 200}' } }));
  await gateway.send(new PutIntegrationResponseCommand({ ...answer, responseParameters: { "method.response.header.X": "'y'" } }));
  assert.deepEqual((await gateway.send(new GetIntegrationResponseCommand(answer))).responseParameters, { "method.response.header.X": "'y'" });
  await gateway.send(new CreateDeploymentCommand({ restApiId, stageName: "dev" }));
  assert.equal((await request(restApiId, "/dev/", { method: "OPTIONS" })).headers.get("x"), "y");
  for (const [Delete, Get, names] of [
    [DeleteIntegrationResponseCommand, GetIntegrationResponseCommand, answer],
    [DeleteMethodResponseCommand, GetMethodResponseCommand, answer],
    [DeleteIntegrationCommand, GetIntegrationCommand, method],
    [DeleteMethodCommand, GetMethodCommand, method],
  ]) {
    await gateway.send(new Delete(names));
    await assert.rejects(gateway.send(new Get(names)), NotFoundException);
  }
  // What is deployed stays as it was.
  assert.equal((await request(restApiId, "/dev/", { method: "OPTIONS" })).status, 200);
});

test("requests and answers are changed, and held to models, on their way", async () => {
  const { restApiId, root } = await create("changed");
  const api = { restApiId };
  const schema = JSON.stringify({ type: "object", required: ["a"] });
  await gateway.send(new CreateModelCommand({ ...api, name: "Thing", contentType: "application/json", schema }));
  assert.equal((await gateway.send(new GetModelCommand({ ...api, modelName: "Thing" }))).schema, schema);
  await gateway.send(new UpdateModelCommand({ ...api, modelName: "Thing", patchOperations: replace("/description", "d") }));
  assert.deepEqual((await gateway.send(new GetModelsCommand(api))).items.map(({ name }) => name), ["Empty", "Error", "Thing"]);
  assert.ok((await gateway.send(new GetModelTemplateCommand({ ...api, modelName: "Thing" }))).value.includes("$inputRoot"));
  const { id: requestValidatorId } = await gateway.send(new CreateRequestValidatorCommand({ ...api, name: "v" }));
  const validator = { ...api, requestValidatorId };
  await gateway.send(new UpdateRequestValidatorCommand({ ...validator, patchOperations: replace("/validateRequestBody", "true") }));
  assert.equal((await gateway.send(new GetRequestValidatorCommand(validator))).validateRequestBody, true);
  assert.equal((await gateway.send(new GetRequestValidatorsCommand(api))).items.length, 1);
  const refusal = { ...api, responseType: "BAD_REQUEST_BODY" };
  await gateway.send(new PutGatewayResponseCommand({ ...refusal, statusCode: "422" }));
  await gateway.send(new UpdateGatewayResponseCommand({ ...refusal, patchOperations: [{ op: "add", path: "/responseParameters/gatewayresponse.header.X-Why", value: "context.error.responseType" }] }));
  assert.equal((await gateway.send(new GetGatewayResponseCommand(refusal))).statusCode, "422");
  assert.equal((await gateway.send(new GetGatewayResponsesCommand(api))).items.length, 21);

  const method = { ...api, resourceId: root, httpMethod: "POST" };
  const answer = { ...method, statusCode: "200" };
  await gateway.send(new PutMethodCommand({ ...method, authorizationType: "NONE", requestValidatorId, requestModels: { "application/json": "Thing" } }));
  await gateway.send(new PutMethodResponseCommand(answer));
  await gateway.send(new UpdateMethodResponseCommand({ ...answer, patchOperations: [{ op: "add", path: "/responseParameters/method.response.header.X-A", value: "true" }] }));
  await gateway.send(new PutIntegrationCommand({ ...method, type: "MOCK" }));
  const template = "#set($context.requestOverride.header.a = $input.path('$.a'))" + '{"statusCode": 200}';
  await gateway.send(new UpdateIntegrationCommand({ ...method, patchOperations: [{ op: "add", path: "/requestTemplates/application~1json", value: template }] }));
  await gateway.send(new PutIntegrationResponseCommand({ ...answer, responseTemplates: { "application/json": '{"a": "$context.requestOverride.header.a"}' } }));
  await gateway.send(new UpdateIntegrationResponseCommand({ ...answer, patchOperations: [{ op: "add", path: "/responseParameters/method.response.header.X-A", value: "stageVariables.v" }] }));
  const tried = await gateway.send(new TestInvokeMethodCommand({ ...method, body: '{"a": "b"}', stageVariables: { v: "w" } }));
  assert.deepEqual([tried.status, tried.body, tried.headers["x-a"]], [200, '{"a": "b"}', "w"]);
  const { id: deploymentId } = await gateway.send(new CreateDeploymentCommand({ ...api, stageName: "dev" }));
  await gateway.send(new UpdateDeploymentCommand({ ...api, deploymentId, patchOperations: replace("/description", "d") }));
  await gateway.send(new FlushStageCacheCommand({ ...api, stageName: "dev" }));
  const headers = { "content-type": "application/json" };
  assert.deepEqual((await request(restApiId, "/dev/", { method: "POST", body: '{"a": "c"}', headers })).body, { a: "c" });
  const refused = await request(restApiId, "/dev/", { method: "POST", body: "{}", headers });
  assert.deepEqual([refused.status, refused.body, refused.headers.get("x-why")], [422, { message: "Invalid request body" }, "BAD_REQUEST_BODY"]);
  await gateway.send(new DeleteMethodCommand(method));
  await gateway.send(new DeleteGatewayResponseCommand(refusal));
  await gateway.send(new DeleteRequestValidatorCommand(validator));
  await gateway.send(new DeleteModelCommand({ ...api, modelName: "Thing" }));
  await assert.rejects(gateway.send(new GetModelCommand({ ...api, modelName: "Thing" })), NotFoundException);
});

test("keys come from files, and get more than their plan has", async () => {
  const { id: usagePlanId } = await gateway.send(new CreateUsagePlanCommand({ name: "imported", quota: { limit: 1, period: "DAY" } }));
  const file = `name,key,usageplanIds\na,a-key-of-twenty-characters-in-a-file,${usagePlanId}\n`;
  const { ids } = await gateway.send(new ImportApiKeysCommand({ body: new TextEncoder().encode(file), format: "csv" }));
  const [keyId] = ids;
  const { items } = await gateway.send(new UpdateUsageCommand({ usagePlanId, keyId, patchOperations: replace("/remaining", "5") }));
  assert.deepEqual(items[keyId], [[0, 5]]);
});

test("stages serve deployments", async () => {
  const { restApiId, root } = await create("stages");
  await proxy(restApiId, root);
  const { id: deploymentId } = await gateway.send(new CreateDeploymentCommand({ restApiId, description: "first" }));
  const stage = { restApiId, stageName: "dev" };
  await gateway.send(new CreateStageCommand({ ...stage, deploymentId, variables: { a: "1" } }));
  await gateway.send(new UpdateStageCommand({ ...stage, patchOperations: replace("/variables/a", "2") }));
  const got = await gateway.send(new GetStageCommand(stage));
  assert.deepEqual([got.deploymentId, got.variables], [deploymentId, { a: "2" }]);
  assert.deepEqual((await request(restApiId, "/dev/")).body.stageVariables, { a: "2" });
  assert.deepEqual((await gateway.send(new GetStagesCommand({ restApiId }))).item.map(({ stageName }) => stageName), ["dev"]);
  assert.equal((await gateway.send(new GetDeploymentCommand({ restApiId, deploymentId }))).description, "first");
  assert.deepEqual((await gateway.send(new GetDeploymentsCommand({ restApiId }))).items.map(({ id }) => id), [deploymentId]);
  await assert.rejects(gateway.send(new DeleteDeploymentCommand({ restApiId, deploymentId })), { name: "BadRequestException" });
  await gateway.send(new DeleteStageCommand(stage));
  assert.equal((await request(restApiId, "/dev/")).status, 403);
  await assert.rejects(gateway.send(new GetStageCommand(stage)), NotFoundException);
  await gateway.send(new DeleteDeploymentCommand({ restApiId, deploymentId }));
  await assert.rejects(gateway.send(new GetDeploymentCommand({ restApiId, deploymentId })), NotFoundException);
});

test("tags", async () => {
  const { restApiId } = await create("tagged", { tags: { a: "1", b: "2" } });
  const resourceArn = `arn:aws:apigateway:${REGION}::/restapis/${restApiId}`;
  await gateway.send(new TagResourceCommand({ resourceArn, tags: { c: "grüße" } }));
  await gateway.send(new UntagResourceCommand({ resourceArn, tagKeys: ["a"] }));
  assert.deepEqual((await gateway.send(new GetTagsCommand({ resourceArn }))).tags, { b: "2", c: "grüße" });
  assert.deepEqual((await gateway.send(new GetRestApiCommand({ restApiId }))).tags, { b: "2", c: "grüße" });
});

test("a method is closed by an authorizer", async () => {
  const { restApiId, root } = await create("closed");
  const authorizer = { restApiId, name: "a", type: "TOKEN", authorizerUri: uri, identitySource: "method.request.header.X-Token" };
  const { id: authorizerId } = await gateway.send(new CreateAuthorizerCommand(authorizer));
  const one = { restApiId, authorizerId };
  const method = { restApiId, resourceId: root, httpMethod: "GET" };
  await gateway.send(new PutMethodCommand({ ...method, authorizationType: "CUSTOM", authorizerId }));
  await gateway.send(new PutIntegrationCommand({ ...method, type: "AWS_PROXY", integrationHttpMethod: "POST", uri }));
  await gateway.send(new CreateDeploymentCommand({ restApiId, stageName: "dev" }));
  assert.equal((await request(restApiId, "/dev/")).status, 401);
  // The function behind the API answers as no authorizer does.
  const failed = await request(restApiId, "/dev/", { headers: { "X-Token": "t" } });
  assert.deepEqual([failed.status, failed.body], [500, { message: null }]);
  assert.equal((await gateway.send(new TestInvokeAuthorizerCommand(one))).clientStatus, 401);
  await gateway.send(new UpdateAuthorizerCommand({ ...one, patchOperations: replace("/name", "b") }));
  assert.equal((await gateway.send(new GetAuthorizerCommand(one))).name, "b");
  assert.deepEqual((await gateway.send(new GetAuthorizersCommand({ restApiId }))).items.map(({ id }) => id), [authorizerId]);
  await gateway.send(new FlushStageAuthorizersCacheCommand({ restApiId, stageName: "dev" }));
  await gateway.send(new UpdateMethodCommand({ ...method, patchOperations: replace("/authorizationType", "NONE") }));
  await gateway.send(new DeleteAuthorizerCommand(one));
  await assert.rejects(gateway.send(new GetAuthorizerCommand(one)), NotFoundException);
});

test("a key of a plan opens a stage", async () => {
  const { restApiId, root } = await create("metered");
  const method = { restApiId, resourceId: root, httpMethod: "GET" };
  await gateway.send(new PutMethodCommand({ ...method, authorizationType: "NONE", apiKeyRequired: true }));
  await gateway.send(new PutIntegrationCommand({ ...method, type: "AWS_PROXY", integrationHttpMethod: "POST", uri }));
  await gateway.send(new CreateDeploymentCommand({ restApiId, stageName: "dev" }));
  const { id: keyId, value } = await gateway.send(new CreateApiKeyCommand({ name: "k", enabled: true }));
  const plan = { name: "p", apiStages: [{ apiId: restApiId, stage: "dev" }], quota: { limit: 1, period: "DAY" } };
  const { id: usagePlanId } = await gateway.send(new CreateUsagePlanCommand(plan));
  const one = { usagePlanId, keyId };
  await gateway.send(new CreateUsagePlanKeyCommand({ ...one, keyType: "API_KEY" }));
  const status = async (headers) => (await request(restApiId, "/dev/", { headers })).status;
  assert.deepEqual([await status({}), await status({ "x-api-key": value }), await status({ "x-api-key": value })], [403, 200, 429]);
  const today = new Date().toISOString().slice(0, 10);
  assert.deepEqual((await gateway.send(new GetUsageCommand({ usagePlanId, startDate: today, endDate: today }))).items, { [keyId]: [[1, 0]] });
  assert.equal((await gateway.send(new UpdateApiKeyCommand({ apiKey: keyId, patchOperations: replace("/name", "l") }))).name, "l");
  assert.equal((await gateway.send(new GetApiKeyCommand({ apiKey: keyId, includeValue: true }))).value, value);
  assert.ok((await gateway.send(new GetApiKeysCommand({ limit: 500 }))).items.some(({ id }) => id === keyId));
  await gateway.send(new UpdateUsagePlanCommand({ usagePlanId, patchOperations: replace("/name", "q") }));
  assert.equal((await gateway.send(new GetUsagePlanCommand({ usagePlanId }))).name, "q");
  assert.deepEqual((await gateway.send(new GetUsagePlansCommand({ keyId }))).items.map(({ id }) => id), [usagePlanId]);
  assert.equal((await gateway.send(new GetUsagePlanKeyCommand(one))).value, value);
  assert.equal((await gateway.send(new GetUsagePlanKeysCommand({ usagePlanId }))).items.length, 1);
  await gateway.send(new DeleteUsagePlanKeyCommand(one));
  await gateway.send(new DeleteUsagePlanCommand({ usagePlanId }));
  await gateway.send(new DeleteApiKeyCommand({ apiKey: keyId }));
  await assert.rejects(gateway.send(new GetApiKeyCommand({ apiKey: keyId })), NotFoundException);
});

test("a custom domain leads to its APIs", async () => {
  const { restApiId, root } = await create("domains");
  const method = { restApiId, resourceId: root, httpMethod: "GET" };
  await gateway.send(new PutMethodCommand({ ...method, authorizationType: "NONE" }));
  await gateway.send(new PutIntegrationCommand({ ...method, type: "AWS_PROXY", integrationHttpMethod: "POST", uri }));
  await gateway.send(new CreateDeploymentCommand({ restApiId, stageName: "dev" }));
  const domainName = "v1.example.com";
  const regionalCertificateArn = `arn:aws:acm:${REGION}:000000000000:certificate/c`;
  await gateway.send(new CreateDomainNameCommand({ domainName, regionalCertificateArn, endpointConfiguration: { types: ["REGIONAL"] } }));
  await gateway.send(new CreateBasePathMappingCommand({ domainName, restApiId, stage: "dev", basePath: "shop" }));
  const { status, body } = await requestAt(domainName, "/shop");
  assert.deepEqual([status, JSON.parse(body).path], [200, "/shop"]);
  const update = { domainName, basePath: "shop", patchOperations: replace("/basePath", "(none)") };
  assert.equal((await gateway.send(new UpdateBasePathMappingCommand(update))).basePath, "(none)");
  const one = { domainName, basePath: "(none)" };
  assert.equal((await gateway.send(new GetBasePathMappingCommand(one))).stage, "dev");
  assert.equal((await gateway.send(new GetBasePathMappingsCommand({ domainName }))).items.length, 1);
  assert.equal((await requestAt(domainName, "/")).status, 200);
  await gateway.send(new UpdateDomainNameCommand({ domainName, patchOperations: replace("/securityPolicy", "TLS_1_0") }));
  assert.equal((await gateway.send(new GetDomainNameCommand({ domainName }))).securityPolicy, "TLS_1_0");
  assert.ok((await gateway.send(new GetDomainNamesCommand({}))).items.some((item) => item.domainName === domainName));
  await gateway.send(new DeleteBasePathMappingCommand(one));
  await gateway.send(new DeleteDomainNameCommand({ domainName }));
  await assert.rejects(gateway.send(new GetDomainNameCommand({ domainName })), NotFoundException);
});

test("an API is its document", async () => {
  const integration = { type: "aws_proxy", httpMethod: "POST", uri };
  const paths = { "/pets/{id}": { get: { responses: {}, "x-amazon-apigateway-integration": integration } } };
  const document = (more) => Buffer.from(JSON.stringify({ openapi: "3.0.1", info: { title: "pets", version: "1" }, paths: { ...paths, ...more } }));
  const { id: restApiId } = await gateway.send(new ImportRestApiCommand({ body: document() }));
  await gateway.send(new PutRestApiCommand({ restApiId, mode: "merge", body: document({ "/more": paths["/pets/{id}"] }) }));
  await gateway.send(new CreateDeploymentCommand({ restApiId, stageName: "dev" }));
  assert.deepEqual((await request(restApiId, "/dev/pets/7")).body.pathParameters, { id: "7" });
  assert.equal((await request(restApiId, "/dev/more")).status, 200);
  const { body } = await gateway.send(new GetExportCommand({ restApiId, stageName: "dev", exportType: "oas30", parameters: { extensions: "integrations" } }));
  const exported = JSON.parse(Buffer.from(body).toString());
  assert.equal(exported.paths["/more"].get["x-amazon-apigateway-integration"].uri, uri);
});

test("parts of an API are said something of, in versions", async () => {
  const { restApiId } = await create("said");
  const api = { restApiId };
  const { id: documentationPartId } = await gateway.send(new CreateDocumentationPartCommand({ ...api, location: { type: "RESOURCE" }, properties: "{}" }));
  const part = { ...api, documentationPartId };
  await gateway.send(new UpdateDocumentationPartCommand({ ...part, patchOperations: replace("/properties", '{"x-a": 1}') }));
  const got = await gateway.send(new GetDocumentationPartCommand(part));
  assert.deepEqual([got.location, got.properties], [{ type: "RESOURCE", path: "/" }, '{"x-a": 1}']);
  const documentationParts = [{ location: { type: "MODEL", name: "Error" }, properties: { title: "t" } }];
  const document = { openapi: "3.0.1", info: { title: "said", version: "1" }, paths: {}, "x-amazon-apigateway-documentation": { documentationParts } };
  const { ids } = await gateway.send(new ImportDocumentationPartsCommand({ ...api, mode: "merge", body: Buffer.from(JSON.stringify(document)) }));
  assert.equal(ids.length, 1);
  const { items } = await gateway.send(new GetDocumentationPartsCommand({ ...api, type: "MODEL" }));
  assert.deepEqual(items.map(({ id, location }) => [id, location]), [[ids[0], { type: "MODEL", name: "Error" }]]);
  const version = { ...api, documentationVersion: "1.0.0" };
  assert.ok((await gateway.send(new CreateDocumentationVersionCommand(version))).createdDate instanceof Date);
  await gateway.send(new UpdateDocumentationVersionCommand({ ...version, patchOperations: replace("/description", "d") }));
  assert.equal((await gateway.send(new GetDocumentationVersionCommand(version))).description, "d");
  assert.equal((await gateway.send(new GetDocumentationVersionsCommand(api))).items.length, 1);
  await gateway.send(new DeleteDocumentationVersionCommand(version));
  await gateway.send(new DeleteDocumentationPartCommand(part));
  await assert.rejects(gateway.send(new GetDocumentationPartCommand(part)), NotFoundException);
});

test("stages have logs and caches", async () => {
  const { restApiId, root } = await create("logged");
  await proxy(restApiId, root);
  await gateway.send(new CreateDeploymentCommand({ restApiId, stageName: "dev", cacheClusterEnabled: true, cacheClusterSize: "1.6" }));
  const stage = { restApiId, stageName: "dev" };
  const destinationArn = `arn:aws:logs:${REGION}:000000000000:log-group:of-node`;
  const patchOperations = [
    ...replace("/accessLogSettings/destinationArn", destinationArn),
    ...replace("/accessLogSettings/format", "$context.requestId"),
    ...replace("/*/*/caching/enabled", "true"),
    ...replace("/~1/GET/caching/ttlInSeconds", "60"),
  ];
  await gateway.send(new UpdateStageCommand({ ...stage, patchOperations }));
  const got = await gateway.send(new GetStageCommand(stage));
  assert.deepEqual([got.cacheClusterSize, got.cacheClusterStatus], ["1.6", "AVAILABLE"]);
  assert.equal(got.accessLogSettings.destinationArn, destinationArn);
  assert.equal(got.methodSettings["//GET"].cacheTtlInSeconds, 60);
  const first = await request(restApiId, "/dev/");
  assert.deepEqual((await request(restApiId, "/dev/")).body, first.body);
  await gateway.send(new FlushStageCacheCommand(stage));
  assert.notDeepEqual((await request(restApiId, "/dev/")).body, first.body);
});

test("an account has a role for its logs", async () => {
  const cloudwatchRoleArn = "arn:aws:iam::000000000000:role/of-node";
  const away = client(APIGatewayClient, { region: "eu-west-2" });
  await away.send(new UpdateAccountCommand({ patchOperations: replace("/cloudwatchRoleArn", cloudwatchRoleArn) }));
  assert.equal((await away.send(new GetAccountCommand({}))).cloudwatchRoleArn, cloudwatchRoleArn);
});

everyOperationIsDriven("apigateway", APIGatewayClient);
