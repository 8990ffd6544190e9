//! Where the members of the operations of HTTP and WebSocket APIs travel in HTTP.
//!
//! Source: the `http` traits of the service model.

use wire::rest::{Binding, Payload, Places};

pub static CREATE_API: Binding = Binding::new("POST", "/v2/apis", 201);
pub static GET_API: Binding = Binding::new("GET", "/v2/apis/{apiId}", 200);
pub static GET_APIS: Binding =
    Binding::new("GET", "/v2/apis", 200).query(&[("maxResults", "maxResults"), ("nextToken", "nextToken")]);
pub static UPDATE_API: Binding = Binding::new("PATCH", "/v2/apis/{apiId}", 200);
pub static DELETE_API: Binding = Binding::new("DELETE", "/v2/apis/{apiId}", 204);
pub static DELETE_CORS_CONFIGURATION: Binding = Binding::new("DELETE", "/v2/apis/{apiId}/cors", 204);
pub static CREATE_ROUTE: Binding = Binding::new("POST", "/v2/apis/{apiId}/routes", 201);
pub static GET_ROUTE: Binding = Binding::new("GET", "/v2/apis/{apiId}/routes/{routeId}", 200);
pub static GET_ROUTES: Binding = Binding::new("GET", "/v2/apis/{apiId}/routes", 200)
    .query(&[("maxResults", "maxResults"), ("nextToken", "nextToken")]);
pub static UPDATE_ROUTE: Binding = Binding::new("PATCH", "/v2/apis/{apiId}/routes/{routeId}", 200);
pub static DELETE_ROUTE: Binding = Binding::new("DELETE", "/v2/apis/{apiId}/routes/{routeId}", 204);
pub static CREATE_INTEGRATION: Binding = Binding::new("POST", "/v2/apis/{apiId}/integrations", 201);
pub static GET_INTEGRATION: Binding = Binding::new("GET", "/v2/apis/{apiId}/integrations/{integrationId}", 200);
pub static GET_INTEGRATIONS: Binding = Binding::new("GET", "/v2/apis/{apiId}/integrations", 200)
    .query(&[("maxResults", "maxResults"), ("nextToken", "nextToken")]);
pub static UPDATE_INTEGRATION: Binding = Binding::new("PATCH", "/v2/apis/{apiId}/integrations/{integrationId}", 200);
pub static DELETE_INTEGRATION: Binding = Binding::new("DELETE", "/v2/apis/{apiId}/integrations/{integrationId}", 204);
pub static CREATE_DEPLOYMENT: Binding = Binding::new("POST", "/v2/apis/{apiId}/deployments", 201);
pub static GET_DEPLOYMENT: Binding = Binding::new("GET", "/v2/apis/{apiId}/deployments/{deploymentId}", 200);
pub static GET_DEPLOYMENTS: Binding = Binding::new("GET", "/v2/apis/{apiId}/deployments", 200)
    .query(&[("maxResults", "maxResults"), ("nextToken", "nextToken")]);
pub static DELETE_DEPLOYMENT: Binding = Binding::new("DELETE", "/v2/apis/{apiId}/deployments/{deploymentId}", 204);
pub static CREATE_STAGE: Binding = Binding::new("POST", "/v2/apis/{apiId}/stages", 201);
pub static GET_STAGE: Binding = Binding::new("GET", "/v2/apis/{apiId}/stages/{stageName}", 200);
pub static GET_STAGES: Binding = Binding::new("GET", "/v2/apis/{apiId}/stages", 200)
    .query(&[("maxResults", "maxResults"), ("nextToken", "nextToken")]);
pub static UPDATE_STAGE: Binding = Binding::new("PATCH", "/v2/apis/{apiId}/stages/{stageName}", 200);
pub static DELETE_STAGE: Binding = Binding::new("DELETE", "/v2/apis/{apiId}/stages/{stageName}", 204);
pub static CREATE_AUTHORIZER: Binding = Binding::new("POST", "/v2/apis/{apiId}/authorizers", 201);
pub static GET_AUTHORIZER: Binding = Binding::new("GET", "/v2/apis/{apiId}/authorizers/{authorizerId}", 200);
pub static GET_AUTHORIZERS: Binding = Binding::new("GET", "/v2/apis/{apiId}/authorizers", 200)
    .query(&[("maxResults", "maxResults"), ("nextToken", "nextToken")]);
pub static UPDATE_AUTHORIZER: Binding = Binding::new("PATCH", "/v2/apis/{apiId}/authorizers/{authorizerId}", 200);
pub static DELETE_AUTHORIZER: Binding = Binding::new("DELETE", "/v2/apis/{apiId}/authorizers/{authorizerId}", 204);
pub static RESET_AUTHORIZERS_CACHE: Binding =
    Binding::new("DELETE", "/v2/apis/{apiId}/stages/{stageName}/cache/authorizers", 204);
pub static TAG_RESOURCE: Binding = Binding::new("POST", "/v2/tags/{resourceArn}", 201);
pub static UNTAG_RESOURCE: Binding =
    Binding::new("DELETE", "/v2/tags/{resourceArn}", 204).query(&[("tagKeys", "tagKeys")]);
pub static GET_TAGS: Binding = Binding::new("GET", "/v2/tags/{resourceArn}", 200);
pub static CREATE_DOMAIN_NAME: Binding = Binding::new("POST", "/v2/domainnames", 201);
pub static GET_DOMAIN_NAME: Binding = Binding::new("GET", "/v2/domainnames/{domainName}", 200);
pub static GET_DOMAIN_NAMES: Binding =
    Binding::new("GET", "/v2/domainnames", 200).query(&[("maxResults", "maxResults"), ("nextToken", "nextToken")]);
pub static UPDATE_DOMAIN_NAME: Binding = Binding::new("PATCH", "/v2/domainnames/{domainName}", 200);
pub static DELETE_DOMAIN_NAME: Binding = Binding::new("DELETE", "/v2/domainnames/{domainName}", 204);
pub static CREATE_API_MAPPING: Binding = Binding::new("POST", "/v2/domainnames/{domainName}/apimappings", 201);
pub static GET_API_MAPPING: Binding =
    Binding::new("GET", "/v2/domainnames/{domainName}/apimappings/{apiMappingId}", 200);
pub static GET_API_MAPPINGS: Binding = Binding::new("GET", "/v2/domainnames/{domainName}/apimappings", 200)
    .query(&[("maxResults", "maxResults"), ("nextToken", "nextToken")]);
pub static UPDATE_API_MAPPING: Binding =
    Binding::new("PATCH", "/v2/domainnames/{domainName}/apimappings/{apiMappingId}", 200);
pub static DELETE_API_MAPPING: Binding =
    Binding::new("DELETE", "/v2/domainnames/{domainName}/apimappings/{apiMappingId}", 204);
pub static UPDATE_DEPLOYMENT: Binding = Binding::new("PATCH", "/v2/apis/{apiId}/deployments/{deploymentId}", 200);
pub static DELETE_ACCESS_LOG_SETTINGS: Binding =
    Binding::new("DELETE", "/v2/apis/{apiId}/stages/{stageName}/accesslogsettings", 204);
pub static DELETE_ROUTE_SETTINGS: Binding =
    Binding::new("DELETE", "/v2/apis/{apiId}/stages/{stageName}/routesettings/{routeKey}", 204);

pub static CREATE_ROUTE_RESPONSE: Binding =
    Binding::new("POST", "/v2/apis/{apiId}/routes/{routeId}/routeresponses", 201);
pub static GET_ROUTE_RESPONSE: Binding =
    Binding::new("GET", "/v2/apis/{apiId}/routes/{routeId}/routeresponses/{routeResponseId}", 200);
pub static GET_ROUTE_RESPONSES: Binding = Binding::new("GET", "/v2/apis/{apiId}/routes/{routeId}/routeresponses", 200)
    .query(&[("maxResults", "maxResults"), ("nextToken", "nextToken")]);
pub static UPDATE_ROUTE_RESPONSE: Binding =
    Binding::new("PATCH", "/v2/apis/{apiId}/routes/{routeId}/routeresponses/{routeResponseId}", 200);
pub static DELETE_ROUTE_RESPONSE: Binding =
    Binding::new("DELETE", "/v2/apis/{apiId}/routes/{routeId}/routeresponses/{routeResponseId}", 204);
pub static CREATE_INTEGRATION_RESPONSE: Binding =
    Binding::new("POST", "/v2/apis/{apiId}/integrations/{integrationId}/integrationresponses", 201);
pub static GET_INTEGRATION_RESPONSE: Binding = Binding::new(
    "GET",
    "/v2/apis/{apiId}/integrations/{integrationId}/integrationresponses/{integrationResponseId}",
    200,
);
pub static GET_INTEGRATION_RESPONSES: Binding =
    Binding::new("GET", "/v2/apis/{apiId}/integrations/{integrationId}/integrationresponses", 200)
        .query(&[("maxResults", "maxResults"), ("nextToken", "nextToken")]);
pub static UPDATE_INTEGRATION_RESPONSE: Binding = Binding::new(
    "PATCH",
    "/v2/apis/{apiId}/integrations/{integrationId}/integrationresponses/{integrationResponseId}",
    200,
);
pub static DELETE_INTEGRATION_RESPONSE: Binding = Binding::new(
    "DELETE",
    "/v2/apis/{apiId}/integrations/{integrationId}/integrationresponses/{integrationResponseId}",
    204,
);
pub static IMPORT_API: Binding = Binding::new("PUT", "/v2/apis", 201).query(IMPORT);
pub static REIMPORT_API: Binding = Binding::new("PUT", "/v2/apis/{apiId}", 201).query(IMPORT);
const IMPORT: Places = &[("basepath", "basepath"), ("failOnWarnings", "failOnWarnings")];
pub static EXPORT_API: Binding = Binding::new("GET", "/v2/apis/{apiId}/exports/{specification}", 200)
    .query(&[
        ("exportVersion", "exportVersion"),
        ("includeExtensions", "includeExtensions"),
        ("outputType", "outputType"),
        ("stageName", "stageName"),
    ])
    .response_payload(Payload::Blob("body"));
