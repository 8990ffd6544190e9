//! Where the members of the operations of REST APIs travel in HTTP.
//!
//! Source: the `http` traits of the service model.

use wire::rest::{Binding, Payload, Places};

pub static GET_ACCOUNT: Binding = Binding::new("GET", "/account", 200);
pub static UPDATE_ACCOUNT: Binding = Binding::new("PATCH", "/account", 200);
pub static CREATE_REST_API: Binding = Binding::new("POST", "/restapis", 201);
pub static GET_REST_API: Binding = Binding::new("GET", "/restapis/{restApiId}", 200);
pub static GET_REST_APIS: Binding =
    Binding::new("GET", "/restapis", 200).query(&[("position", "position"), ("limit", "limit")]);
pub static UPDATE_REST_API: Binding = Binding::new("PATCH", "/restapis/{restApiId}", 200);
pub static DELETE_REST_API: Binding = Binding::new("DELETE", "/restapis/{restApiId}", 202);
pub static CREATE_RESOURCE: Binding = Binding::new("POST", "/restapis/{restApiId}/resources/{parentId}", 201);
pub static GET_RESOURCE: Binding =
    Binding::new("GET", "/restapis/{restApiId}/resources/{resourceId}", 200).query(&[("embed", "embed")]);
pub static GET_RESOURCES: Binding = Binding::new("GET", "/restapis/{restApiId}/resources", 200).query(&[
    ("position", "position"),
    ("limit", "limit"),
    ("embed", "embed"),
]);
pub static UPDATE_RESOURCE: Binding = Binding::new("PATCH", "/restapis/{restApiId}/resources/{resourceId}", 200);
pub static DELETE_RESOURCE: Binding = Binding::new("DELETE", "/restapis/{restApiId}/resources/{resourceId}", 202);
pub static PUT_METHOD: Binding =
    Binding::new("PUT", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}", 201);
pub static GET_METHOD: Binding =
    Binding::new("GET", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}", 200);
pub static UPDATE_METHOD: Binding =
    Binding::new("PATCH", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}", 200);
pub static DELETE_METHOD: Binding =
    Binding::new("DELETE", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}", 204);
pub static PUT_METHOD_RESPONSE: Binding = Binding::new(
    "PUT",
    "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/responses/{statusCode}",
    201,
);
pub static GET_METHOD_RESPONSE: Binding = Binding::new(
    "GET",
    "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/responses/{statusCode}",
    200,
);
pub static UPDATE_METHOD_RESPONSE: Binding = Binding::new(
    "PATCH",
    "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/responses/{statusCode}",
    201,
);
pub static TEST_INVOKE_METHOD: Binding =
    Binding::new("POST", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}", 200);
pub static DELETE_METHOD_RESPONSE: Binding = Binding::new(
    "DELETE",
    "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/responses/{statusCode}",
    204,
);
/// The path names the method; the `httpMethod` of the body is the integration's.
pub static PUT_INTEGRATION: Binding =
    Binding::new("PUT", "/restapis/{restApiId}/resources/{resourceId}/methods/{pathMethod}/integration", 201);
pub static GET_INTEGRATION: Binding =
    Binding::new("GET", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/integration", 200);
pub static UPDATE_INTEGRATION: Binding =
    Binding::new("PATCH", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/integration", 200);
pub static DELETE_INTEGRATION: Binding =
    Binding::new("DELETE", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/integration", 204);
pub static PUT_INTEGRATION_RESPONSE: Binding = Binding::new(
    "PUT",
    "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/integration/responses/{statusCode}",
    201,
);
pub static GET_INTEGRATION_RESPONSE: Binding = Binding::new(
    "GET",
    "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/integration/responses/{statusCode}",
    200,
);
pub static UPDATE_INTEGRATION_RESPONSE: Binding = Binding::new(
    "PATCH",
    "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/integration/responses/{statusCode}",
    200,
);
pub static DELETE_INTEGRATION_RESPONSE: Binding = Binding::new(
    "DELETE",
    "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/integration/responses/{statusCode}",
    204,
);
pub static CREATE_DEPLOYMENT: Binding = Binding::new("POST", "/restapis/{restApiId}/deployments", 201);
pub static GET_DEPLOYMENT: Binding = Binding::new("GET", "/restapis/{restApiId}/deployments/{deploymentId}", 200);
pub static GET_DEPLOYMENTS: Binding = Binding::new("GET", "/restapis/{restApiId}/deployments", 200)
    .query(&[("position", "position"), ("limit", "limit")]);
pub static UPDATE_DEPLOYMENT: Binding = Binding::new("PATCH", "/restapis/{restApiId}/deployments/{deploymentId}", 200);
pub static DELETE_DEPLOYMENT: Binding = Binding::new("DELETE", "/restapis/{restApiId}/deployments/{deploymentId}", 202);
pub static CREATE_STAGE: Binding = Binding::new("POST", "/restapis/{restApiId}/stages", 201);
pub static GET_STAGE: Binding = Binding::new("GET", "/restapis/{restApiId}/stages/{stageName}", 200);
pub static GET_STAGES: Binding =
    Binding::new("GET", "/restapis/{restApiId}/stages", 200).query(&[("deploymentId", "deploymentId")]);
pub static UPDATE_STAGE: Binding = Binding::new("PATCH", "/restapis/{restApiId}/stages/{stageName}", 200);
pub static DELETE_STAGE: Binding = Binding::new("DELETE", "/restapis/{restApiId}/stages/{stageName}", 202);
pub static FLUSH_STAGE_CACHE: Binding =
    Binding::new("DELETE", "/restapis/{restApiId}/stages/{stageName}/cache/data", 202);
pub static CREATE_MODEL: Binding = Binding::new("POST", "/restapis/{restApiId}/models", 201);
pub static GET_MODEL: Binding =
    Binding::new("GET", "/restapis/{restApiId}/models/{modelName}", 200).query(&[("flatten", "flatten")]);
pub static GET_MODELS: Binding =
    Binding::new("GET", "/restapis/{restApiId}/models", 200).query(&[("position", "position"), ("limit", "limit")]);
pub static UPDATE_MODEL: Binding = Binding::new("PATCH", "/restapis/{restApiId}/models/{modelName}", 200);
pub static DELETE_MODEL: Binding = Binding::new("DELETE", "/restapis/{restApiId}/models/{modelName}", 202);
pub static GET_MODEL_TEMPLATE: Binding =
    Binding::new("GET", "/restapis/{restApiId}/models/{modelName}/default_template", 200);
pub static CREATE_REQUEST_VALIDATOR: Binding = Binding::new("POST", "/restapis/{restApiId}/requestvalidators", 201);
pub static GET_REQUEST_VALIDATOR: Binding =
    Binding::new("GET", "/restapis/{restApiId}/requestvalidators/{requestValidatorId}", 200);
pub static GET_REQUEST_VALIDATORS: Binding = Binding::new("GET", "/restapis/{restApiId}/requestvalidators", 200)
    .query(&[("position", "position"), ("limit", "limit")]);
pub static UPDATE_REQUEST_VALIDATOR: Binding =
    Binding::new("PATCH", "/restapis/{restApiId}/requestvalidators/{requestValidatorId}", 200);
pub static DELETE_REQUEST_VALIDATOR: Binding =
    Binding::new("DELETE", "/restapis/{restApiId}/requestvalidators/{requestValidatorId}", 202);
pub static PUT_GATEWAY_RESPONSE: Binding =
    Binding::new("PUT", "/restapis/{restApiId}/gatewayresponses/{responseType}", 201);
pub static GET_GATEWAY_RESPONSE: Binding =
    Binding::new("GET", "/restapis/{restApiId}/gatewayresponses/{responseType}", 200);
pub static GET_GATEWAY_RESPONSES: Binding = Binding::new("GET", "/restapis/{restApiId}/gatewayresponses", 200)
    .query(&[("position", "position"), ("limit", "limit")]);
pub static UPDATE_GATEWAY_RESPONSE: Binding =
    Binding::new("PATCH", "/restapis/{restApiId}/gatewayresponses/{responseType}", 200);
pub static DELETE_GATEWAY_RESPONSE: Binding =
    Binding::new("DELETE", "/restapis/{restApiId}/gatewayresponses/{responseType}", 202);
pub static CREATE_AUTHORIZER: Binding = Binding::new("POST", "/restapis/{restApiId}/authorizers", 201);
pub static GET_AUTHORIZER: Binding = Binding::new("GET", "/restapis/{restApiId}/authorizers/{authorizerId}", 200);
pub static GET_AUTHORIZERS: Binding = Binding::new("GET", "/restapis/{restApiId}/authorizers", 200)
    .query(&[("position", "position"), ("limit", "limit")]);
pub static UPDATE_AUTHORIZER: Binding = Binding::new("PATCH", "/restapis/{restApiId}/authorizers/{authorizerId}", 200);
pub static DELETE_AUTHORIZER: Binding = Binding::new("DELETE", "/restapis/{restApiId}/authorizers/{authorizerId}", 202);
pub static TEST_INVOKE_AUTHORIZER: Binding =
    Binding::new("POST", "/restapis/{restApiId}/authorizers/{authorizerId}", 200);
pub static FLUSH_STAGE_AUTHORIZERS_CACHE: Binding =
    Binding::new("DELETE", "/restapis/{restApiId}/stages/{stageName}/cache/authorizers", 202);
pub static CREATE_API_KEY: Binding = Binding::new("POST", "/apikeys", 201);
pub static IMPORT_API_KEYS: Binding = Binding::new("POST", "/apikeys?mode=import", 201)
    .query(&[("format", "format"), ("failonwarnings", "failOnWarnings")])
    .payload(Payload::Blob("body"));
pub static GET_API_KEY: Binding =
    Binding::new("GET", "/apikeys/{apiKey}", 200).query(&[("includeValue", "includeValue")]);
pub static GET_API_KEYS: Binding = Binding::new("GET", "/apikeys", 200).query(&[
    ("position", "position"),
    ("limit", "limit"),
    ("name", "nameQuery"),
    ("customerId", "customerId"),
    ("includeValues", "includeValues"),
]);
pub static UPDATE_API_KEY: Binding = Binding::new("PATCH", "/apikeys/{apiKey}", 200);
pub static DELETE_API_KEY: Binding = Binding::new("DELETE", "/apikeys/{apiKey}", 202);
pub static CREATE_USAGE_PLAN: Binding = Binding::new("POST", "/usageplans", 201);
pub static GET_USAGE_PLAN: Binding = Binding::new("GET", "/usageplans/{usagePlanId}", 200);
pub static GET_USAGE_PLANS: Binding =
    Binding::new("GET", "/usageplans", 200).query(&[("position", "position"), ("keyId", "keyId"), ("limit", "limit")]);
pub static UPDATE_USAGE_PLAN: Binding = Binding::new("PATCH", "/usageplans/{usagePlanId}", 200);
pub static DELETE_USAGE_PLAN: Binding = Binding::new("DELETE", "/usageplans/{usagePlanId}", 202);
pub static GET_USAGE: Binding = Binding::new("GET", "/usageplans/{usagePlanId}/usage", 200).query(&[
    ("keyId", "keyId"),
    ("startDate", "startDate"),
    ("endDate", "endDate"),
    ("position", "position"),
    ("limit", "limit"),
]);
pub static UPDATE_USAGE: Binding = Binding::new("PATCH", "/usageplans/{usagePlanId}/keys/{keyId}/usage", 200);
pub static CREATE_USAGE_PLAN_KEY: Binding = Binding::new("POST", "/usageplans/{usagePlanId}/keys", 201);
pub static GET_USAGE_PLAN_KEY: Binding = Binding::new("GET", "/usageplans/{usagePlanId}/keys/{keyId}", 200);
pub static GET_USAGE_PLAN_KEYS: Binding = Binding::new("GET", "/usageplans/{usagePlanId}/keys", 200).query(&[
    ("position", "position"),
    ("limit", "limit"),
    ("name", "nameQuery"),
]);
pub static DELETE_USAGE_PLAN_KEY: Binding = Binding::new("DELETE", "/usageplans/{usagePlanId}/keys/{keyId}", 202);
pub static TAG_RESOURCE: Binding = Binding::new("PUT", "/tags/{resourceArn}", 204);
pub static UNTAG_RESOURCE: Binding =
    Binding::new("DELETE", "/tags/{resourceArn}", 204).query(&[("tagKeys", "tagKeys")]);
pub static GET_TAGS: Binding = Binding::new("GET", "/tags/{resourceArn}", 200);
pub static CREATE_DOMAIN_NAME: Binding = Binding::new("POST", "/domainnames", 201);
pub static GET_DOMAIN_NAME: Binding =
    Binding::new("GET", "/domainnames/{domainName}", 200).query(&[("domainNameId", "domainNameId")]);
pub static GET_DOMAIN_NAMES: Binding =
    Binding::new("GET", "/domainnames", 200).query(&[("position", "position"), ("limit", "limit")]);
pub static UPDATE_DOMAIN_NAME: Binding = Binding::new("PATCH", "/domainnames/{domainName}", 200);
pub static DELETE_DOMAIN_NAME: Binding =
    Binding::new("DELETE", "/domainnames/{domainName}", 202).query(&[("domainNameId", "domainNameId")]);
pub static CREATE_BASE_PATH_MAPPING: Binding = Binding::new("POST", "/domainnames/{domainName}/basepathmappings", 201);
pub static GET_BASE_PATH_MAPPING: Binding =
    Binding::new("GET", "/domainnames/{domainName}/basepathmappings/{basePath}", 200);
pub static GET_BASE_PATH_MAPPINGS: Binding = Binding::new("GET", "/domainnames/{domainName}/basepathmappings", 200)
    .query(&[("position", "position"), ("limit", "limit")]);
pub static UPDATE_BASE_PATH_MAPPING: Binding =
    Binding::new("PATCH", "/domainnames/{domainName}/basepathmappings/{basePath}", 200);
pub static DELETE_BASE_PATH_MAPPING: Binding =
    Binding::new("DELETE", "/domainnames/{domainName}/basepathmappings/{basePath}", 202);
pub static IMPORT_REST_API: Binding =
    Binding::new("POST", "/restapis?mode=import", 201).query(IMPORT).payload(Payload::Blob("body"));
pub static PUT_REST_API: Binding =
    Binding::new("PUT", "/restapis/{restApiId}", 200).query(IMPORT).payload(Payload::Blob("body"));
const IMPORT: Places = &[
    ("mode", "mode"),
    ("failonwarnings", "failOnWarnings"),
    ("basepath", "basepath"),
    ("ignore", "ignore"),
    ("endpointConfigurationTypes", "endpointConfigurationTypes"),
];
pub static CREATE_DOCUMENTATION_PART: Binding = Binding::new("POST", "/restapis/{restApiId}/documentation/parts", 201);
pub static GET_DOCUMENTATION_PART: Binding =
    Binding::new("GET", "/restapis/{restApiId}/documentation/parts/{documentationPartId}", 200);
pub static GET_DOCUMENTATION_PARTS: Binding = Binding::new("GET", "/restapis/{restApiId}/documentation/parts", 200)
    .query(&[
        ("type", "type"),
        ("name", "nameQuery"),
        ("path", "path"),
        ("position", "position"),
        ("limit", "limit"),
        ("locationStatus", "locationStatus"),
    ]);
pub static UPDATE_DOCUMENTATION_PART: Binding =
    Binding::new("PATCH", "/restapis/{restApiId}/documentation/parts/{documentationPartId}", 200);
pub static DELETE_DOCUMENTATION_PART: Binding =
    Binding::new("DELETE", "/restapis/{restApiId}/documentation/parts/{documentationPartId}", 202);
pub static IMPORT_DOCUMENTATION_PARTS: Binding = Binding::new("PUT", "/restapis/{restApiId}/documentation/parts", 200)
    .query(&[("mode", "mode"), ("failonwarnings", "failOnWarnings")])
    .payload(Payload::Blob("body"));
pub static CREATE_DOCUMENTATION_VERSION: Binding =
    Binding::new("POST", "/restapis/{restApiId}/documentation/versions", 201);
pub static GET_DOCUMENTATION_VERSION: Binding =
    Binding::new("GET", "/restapis/{restApiId}/documentation/versions/{documentationVersion}", 200);
pub static GET_DOCUMENTATION_VERSIONS: Binding =
    Binding::new("GET", "/restapis/{restApiId}/documentation/versions", 200)
        .query(&[("position", "position"), ("limit", "limit")]);
pub static UPDATE_DOCUMENTATION_VERSION: Binding =
    Binding::new("PATCH", "/restapis/{restApiId}/documentation/versions/{documentationVersion}", 200);
pub static DELETE_DOCUMENTATION_VERSION: Binding =
    Binding::new("DELETE", "/restapis/{restApiId}/documentation/versions/{documentationVersion}", 202);
pub static GET_EXPORT: Binding =
    Binding::new("GET", "/restapis/{restApiId}/stages/{stageName}/exports/{exportType}", 200)
        .query(&[("extensions", "extensions")])
        .headers(&[("accept", "accepts")])
        .response_headers(&[("content-type", "contentType"), ("content-disposition", "contentDisposition")])
        .response_payload(Payload::Blob("body"));
