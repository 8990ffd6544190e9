//! The operations of REST APIs.

use std::sync::Arc;

use service::{Api, Service, read, write};
use wire::rest::Binding;

use crate::ApiGateway;
use crate::front::ExecuteApi;
use crate::ops::resource;
use crate::ops::rest::{api, deployment, integration, method, resource as resources, stage, tag};

const API: Api = Api {
    model: "apigateway",
    namespace: "com.amazonaws.apigateway",
    not_implemented: &[
        "CreateApiKey",
        "CreateAuthorizer",
        "CreateBasePathMapping",
        "CreateDocumentationPart",
        "CreateDocumentationVersion",
        "CreateDomainName",
        "CreateDomainNameAccessAssociation",
        "CreateModel",
        "CreateRequestValidator",
        "CreateUsagePlan",
        "CreateUsagePlanKey",
        "CreateVpcLink",
        "DeleteApiKey",
        "DeleteAuthorizer",
        "DeleteBasePathMapping",
        "DeleteClientCertificate",
        "DeleteDocumentationPart",
        "DeleteDocumentationVersion",
        "DeleteDomainName",
        "DeleteDomainNameAccessAssociation",
        "DeleteGatewayResponse",
        "DeleteModel",
        "DeleteRequestValidator",
        "DeleteUsagePlan",
        "DeleteUsagePlanKey",
        "DeleteVpcLink",
        "FlushStageAuthorizersCache",
        "FlushStageCache",
        "GenerateClientCertificate",
        "GetAccount",
        "GetApiKey",
        "GetApiKeys",
        "GetAuthorizer",
        "GetAuthorizers",
        "GetBasePathMapping",
        "GetBasePathMappings",
        "GetClientCertificate",
        "GetClientCertificates",
        "GetDocumentationPart",
        "GetDocumentationParts",
        "GetDocumentationVersion",
        "GetDocumentationVersions",
        "GetDomainName",
        "GetDomainNameAccessAssociations",
        "GetDomainNames",
        "GetExport",
        "GetGatewayResponse",
        "GetGatewayResponses",
        "GetModel",
        "GetModelTemplate",
        "GetModels",
        "GetRequestValidator",
        "GetRequestValidators",
        "GetSdk",
        "GetSdkType",
        "GetSdkTypes",
        "GetUsage",
        "GetUsagePlan",
        "GetUsagePlanKey",
        "GetUsagePlanKeys",
        "GetUsagePlans",
        "GetVpcLink",
        "GetVpcLinks",
        "ImportApiKeys",
        "ImportDocumentationParts",
        "ImportRestApi",
        "PutGatewayResponse",
        "PutRestApi",
        "RejectDomainNameAccessAssociation",
        "TestInvokeAuthorizer",
        "TestInvokeMethod",
        "UpdateAccount",
        "UpdateApiKey",
        "UpdateAuthorizer",
        "UpdateBasePathMapping",
        "UpdateClientCertificate",
        "UpdateDeployment",
        "UpdateDocumentationPart",
        "UpdateDocumentationVersion",
        "UpdateDomainName",
        "UpdateGatewayResponse",
        "UpdateIntegration",
        "UpdateIntegrationResponse",
        "UpdateMethodResponse",
        "UpdateModel",
        "UpdateRequestValidator",
        "UpdateUsage",
        "UpdateUsagePlan",
        "UpdateVpcLink",
    ],
    ..Api::named("apigateway")
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service(state: Arc<ApiGateway>) -> Service {
    Service::builder(API, state.clone())
        .operation(write("CreateRestApi", api::create).action("apigateway:POST").rest(const { &Binding::new("POST", "/restapis", 201) }).resource(|cx, _| resource(cx, "/restapis")))
        .operation(read("GetRestApi", api::get).action("apigateway:GET").rest(const { &Binding::new("GET", "/restapis/{restApiId}", 200) }).resource(|cx, i| resource(cx, &format!("/restapis/{}", i.rest_api_id))))
        .operation(read("GetRestApis", api::list).action("apigateway:GET").rest(const { &Binding::new("GET", "/restapis", 200).query(&[("position", "position"), ("limit", "limit")]) }).resource(|cx, _| resource(cx, "/restapis")))
        .operation(write("UpdateRestApi", api::update).action("apigateway:PATCH").rest(const { &Binding::new("PATCH", "/restapis/{restApiId}", 200) }).resource(|cx, i| resource(cx, &format!("/restapis/{}", i.rest_api_id))))
        .operation(write("DeleteRestApi", api::delete).action("apigateway:DELETE").rest(const { &Binding::new("DELETE", "/restapis/{restApiId}", 202) }).resource(|cx, i| resource(cx, &format!("/restapis/{}", i.rest_api_id))))
        .operation(write("CreateResource", resources::create).action("apigateway:POST").rest(const { &Binding::new("POST", "/restapis/{restApiId}/resources/{parentId}", 201) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}", i.rest_api_id, i.parent_id))))
        .operation(read("GetResource", resources::get).action("apigateway:GET").rest(const { &Binding::new("GET", "/restapis/{restApiId}/resources/{resourceId}", 200).query(&[("embed", "embed")]) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}", i.rest_api_id, i.resource_id))))
        .operation(read("GetResources", resources::list).action("apigateway:GET").rest(const { &Binding::new("GET", "/restapis/{restApiId}/resources", 200).query(&[("position", "position"), ("limit", "limit"), ("embed", "embed")]) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources", i.rest_api_id))))
        .operation(write("UpdateResource", resources::update).action("apigateway:PATCH").rest(const { &Binding::new("PATCH", "/restapis/{restApiId}/resources/{resourceId}", 200) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}", i.rest_api_id, i.resource_id))))
        .operation(write("DeleteResource", resources::delete).action("apigateway:DELETE").rest(const { &Binding::new("DELETE", "/restapis/{restApiId}/resources/{resourceId}", 202) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}", i.rest_api_id, i.resource_id))))
        .operation(write("PutMethod", method::put).action("apigateway:PUT").rest(const { &Binding::new("PUT", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}", 201) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}/methods/{}", i.method.rest_api_id, i.method.resource_id, i.method.http_method))))
        .operation(read("GetMethod", method::get).action("apigateway:GET").rest(const { &Binding::new("GET", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}", 200) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}/methods/{}", i.rest_api_id, i.resource_id, i.http_method))))
        .operation(write("UpdateMethod", method::update).action("apigateway:PATCH").rest(const { &Binding::new("PATCH", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}", 200) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}/methods/{}", i.method.rest_api_id, i.method.resource_id, i.method.http_method))))
        .operation(write("DeleteMethod", method::delete).action("apigateway:DELETE").rest(const { &Binding::new("DELETE", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}", 204) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}/methods/{}", i.rest_api_id, i.resource_id, i.http_method))))
        .operation(write("PutMethodResponse", method::put_response).action("apigateway:PUT").rest(const { &Binding::new("PUT", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/responses/{statusCode}", 201) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}/methods/{}/responses/{}", i.response.method.rest_api_id, i.response.method.resource_id, i.response.method.http_method, i.response.status_code))))
        .operation(read("GetMethodResponse", method::get_response).action("apigateway:GET").rest(const { &Binding::new("GET", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/responses/{statusCode}", 200) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}/methods/{}/responses/{}", i.method.rest_api_id, i.method.resource_id, i.method.http_method, i.status_code))))
        .operation(write("DeleteMethodResponse", method::delete_response).action("apigateway:DELETE").rest(const { &Binding::new("DELETE", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/responses/{statusCode}", 204) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}/methods/{}/responses/{}", i.method.rest_api_id, i.method.resource_id, i.method.http_method, i.status_code))))
        .operation(write("PutIntegration", integration::put).action("apigateway:PUT").rest(const { &Binding::new("PUT", "/restapis/{restApiId}/resources/{resourceId}/methods/{pathMethod}/integration", 201) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}/methods/{}/integration", i.method.rest_api_id, i.method.resource_id, i.path_method.as_deref().unwrap_or(&i.method.http_method)))))
        .operation(read("GetIntegration", integration::get).action("apigateway:GET").rest(const { &Binding::new("GET", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/integration", 200) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}/methods/{}/integration", i.rest_api_id, i.resource_id, i.http_method))))
        .operation(write("DeleteIntegration", integration::delete).action("apigateway:DELETE").rest(const { &Binding::new("DELETE", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/integration", 204) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}/methods/{}/integration", i.rest_api_id, i.resource_id, i.http_method))))
        .operation(write("PutIntegrationResponse", integration::put_response).action("apigateway:PUT").rest(const { &Binding::new("PUT", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/integration/responses/{statusCode}", 201) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}/methods/{}/integration/responses/{}", i.response.method.rest_api_id, i.response.method.resource_id, i.response.method.http_method, i.response.status_code))))
        .operation(read("GetIntegrationResponse", integration::get_response).action("apigateway:GET").rest(const { &Binding::new("GET", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/integration/responses/{statusCode}", 200) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}/methods/{}/integration/responses/{}", i.method.rest_api_id, i.method.resource_id, i.method.http_method, i.status_code))))
        .operation(write("DeleteIntegrationResponse", integration::delete_response).action("apigateway:DELETE").rest(const { &Binding::new("DELETE", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/integration/responses/{statusCode}", 204) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}/methods/{}/integration/responses/{}", i.method.rest_api_id, i.method.resource_id, i.method.http_method, i.status_code))))
        .operation(write("CreateDeployment", deployment::create).action("apigateway:POST").rest(const { &Binding::new("POST", "/restapis/{restApiId}/deployments", 201) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/deployments", i.rest_api_id))))
        .operation(read("GetDeployment", deployment::get).action("apigateway:GET").rest(const { &Binding::new("GET", "/restapis/{restApiId}/deployments/{deploymentId}", 200) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/deployments/{}", i.rest_api_id, i.deployment_id))))
        .operation(read("GetDeployments", deployment::list).action("apigateway:GET").rest(const { &Binding::new("GET", "/restapis/{restApiId}/deployments", 200).query(&[("position", "position"), ("limit", "limit")]) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/deployments", i.rest_api_id))))
        .operation(write("DeleteDeployment", deployment::delete).action("apigateway:DELETE").rest(const { &Binding::new("DELETE", "/restapis/{restApiId}/deployments/{deploymentId}", 202) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/deployments/{}", i.rest_api_id, i.deployment_id))))
        .operation(write("CreateStage", stage::create).action("apigateway:POST").rest(const { &Binding::new("POST", "/restapis/{restApiId}/stages", 201) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/stages", i.rest_api_id))))
        .operation(read("GetStage", stage::get).action("apigateway:GET").rest(const { &Binding::new("GET", "/restapis/{restApiId}/stages/{stageName}", 200) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/stages/{}", i.rest_api_id, i.stage_name))))
        .operation(read("GetStages", stage::list).action("apigateway:GET").rest(const { &Binding::new("GET", "/restapis/{restApiId}/stages", 200).query(&[("deploymentId", "deploymentId")]) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/stages", i.rest_api_id))))
        .operation(write("UpdateStage", stage::update).action("apigateway:PATCH").rest(const { &Binding::new("PATCH", "/restapis/{restApiId}/stages/{stageName}", 200) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/stages/{}", i.rest_api_id, i.stage_name))))
        .operation(write("DeleteStage", stage::delete).action("apigateway:DELETE").rest(const { &Binding::new("DELETE", "/restapis/{restApiId}/stages/{stageName}", 202) }).resource(|cx, i| resource(cx, &format!("/restapis/{}/stages/{}", i.rest_api_id, i.stage_name))))
        .operation(write("TagResource", tag::tag).action("apigateway:PUT").rest(const { &Binding::new("PUT", "/tags/{resourceArn}", 204) }).resource(|cx, _| resource(cx, "/tags/*")))
        .operation(write("UntagResource", tag::untag).action("apigateway:DELETE").rest(const { &Binding::new("DELETE", "/tags/{resourceArn}", 204).query(&[("tagKeys", "tagKeys")]) }).resource(|cx, _| resource(cx, "/tags/*")))
        .operation(read("GetTags", tag::get).action("apigateway:GET").rest(const { &Binding::new("GET", "/tags/{resourceArn}", 200) }).resource(|cx, _| resource(cx, "/tags/*")))
        .front(ExecuteApi(state))
        .build()
}
