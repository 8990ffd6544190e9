//! Where the members of the operations of REST APIs travel in HTTP.
//!
//! Source: the `http` traits of the service model.

use wire::rest::Binding;

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
pub static DELETE_INTEGRATION_RESPONSE: Binding = Binding::new(
    "DELETE",
    "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/integration/responses/{statusCode}",
    204,
);
pub static CREATE_DEPLOYMENT: Binding = Binding::new("POST", "/restapis/{restApiId}/deployments", 201);
pub static GET_DEPLOYMENT: Binding = Binding::new("GET", "/restapis/{restApiId}/deployments/{deploymentId}", 200);
pub static GET_DEPLOYMENTS: Binding = Binding::new("GET", "/restapis/{restApiId}/deployments", 200)
    .query(&[("position", "position"), ("limit", "limit")]);
pub static DELETE_DEPLOYMENT: Binding = Binding::new("DELETE", "/restapis/{restApiId}/deployments/{deploymentId}", 202);
pub static CREATE_STAGE: Binding = Binding::new("POST", "/restapis/{restApiId}/stages", 201);
pub static GET_STAGE: Binding = Binding::new("GET", "/restapis/{restApiId}/stages/{stageName}", 200);
pub static GET_STAGES: Binding =
    Binding::new("GET", "/restapis/{restApiId}/stages", 200).query(&[("deploymentId", "deploymentId")]);
pub static UPDATE_STAGE: Binding = Binding::new("PATCH", "/restapis/{restApiId}/stages/{stageName}", 200);
pub static DELETE_STAGE: Binding = Binding::new("DELETE", "/restapis/{restApiId}/stages/{stageName}", 202);
pub static TAG_RESOURCE: Binding = Binding::new("PUT", "/tags/{resourceArn}", 204);
pub static UNTAG_RESOURCE: Binding =
    Binding::new("DELETE", "/tags/{resourceArn}", 204).query(&[("tagKeys", "tagKeys")]);
pub static GET_TAGS: Binding = Binding::new("GET", "/tags/{resourceArn}", 200);
