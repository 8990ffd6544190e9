//! The operations of HTTP APIs.

use std::sync::Arc;

use service::{Api, Service, read, write};
use wire::rest::Binding;

use crate::ApiGateway;
use crate::ops::http::{api, deployment, integration, route, stage, tag};
use crate::ops::resource;

const API: Api = Api {
    model: "apigatewayv2",
    namespace: "com.amazonaws.apigatewayv2",
    not_implemented: &[
        "CreateApiMapping",
        "CreateAuthorizer",
        "CreateDomainName",
        "CreateIntegrationResponse",
        "CreateModel",
        "CreatePortal",
        "CreatePortalProduct",
        "CreateProductPage",
        "CreateProductRestEndpointPage",
        "CreateRouteResponse",
        "CreateRoutingRule",
        "CreateVpcLink",
        "DeleteAccessLogSettings",
        "DeleteApiMapping",
        "DeleteAuthorizer",
        "DeleteDomainName",
        "DeleteIntegrationResponse",
        "DeleteModel",
        "DeletePortal",
        "DeletePortalProduct",
        "DeletePortalProductSharingPolicy",
        "DeleteProductPage",
        "DeleteProductRestEndpointPage",
        "DeleteRouteRequestParameter",
        "DeleteRouteResponse",
        "DeleteRouteSettings",
        "DeleteRoutingRule",
        "DeleteVpcLink",
        "DisablePortal",
        "ExportApi",
        "GetApiMapping",
        "GetApiMappings",
        "GetAuthorizer",
        "GetAuthorizers",
        "GetDomainName",
        "GetDomainNames",
        "GetIntegrationResponse",
        "GetIntegrationResponses",
        "GetModel",
        "GetModelTemplate",
        "GetModels",
        "GetPortal",
        "GetPortalProduct",
        "GetPortalProductSharingPolicy",
        "GetProductPage",
        "GetProductRestEndpointPage",
        "GetRouteResponse",
        "GetRouteResponses",
        "GetRoutingRule",
        "GetVpcLink",
        "GetVpcLinks",
        "ImportApi",
        "ListPortalProducts",
        "ListPortals",
        "ListProductPages",
        "ListProductRestEndpointPages",
        "ListRoutingRules",
        "PreviewPortal",
        "PublishPortal",
        "PutPortalProductSharingPolicy",
        "PutRoutingRule",
        "ReimportApi",
        "ResetAuthorizersCache",
        "UpdateApiMapping",
        "UpdateAuthorizer",
        "UpdateDeployment",
        "UpdateDomainName",
        "UpdateIntegrationResponse",
        "UpdateModel",
        "UpdatePortal",
        "UpdatePortalProduct",
        "UpdateProductPage",
        "UpdateProductRestEndpointPage",
        "UpdateRouteResponse",
        "UpdateVpcLink",
    ],
    ..Api::named("apigateway")
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service(state: Arc<ApiGateway>) -> Service {
    Service::builder(API, state)
        .operation(write("CreateApi", api::create).action("apigateway:POST").rest(const { &Binding::new("POST", "/v2/apis", 201) }).resource(|cx, _| resource(cx, "/apis")))
        .operation(read("GetApi", api::get).action("apigateway:GET").rest(const { &Binding::new("GET", "/v2/apis/{apiId}", 200) }).resource(|cx, i| resource(cx, &format!("/apis/{}", i.api_id))))
        .operation(read("GetApis", api::list).action("apigateway:GET").rest(const { &Binding::new("GET", "/v2/apis", 200).query(&[("maxResults", "maxResults"), ("nextToken", "nextToken")]) }).resource(|cx, _| resource(cx, "/apis")))
        .operation(write("UpdateApi", api::update).action("apigateway:PATCH").rest(const { &Binding::new("PATCH", "/v2/apis/{apiId}", 200) }).resource(|cx, i| resource(cx, &format!("/apis/{}", i.api_id))))
        .operation(write("DeleteApi", api::delete).action("apigateway:DELETE").rest(const { &Binding::new("DELETE", "/v2/apis/{apiId}", 204) }).resource(|cx, i| resource(cx, &format!("/apis/{}", i.api_id))))
        .operation(write("DeleteCorsConfiguration", api::delete_cors).action("apigateway:DELETE").rest(const { &Binding::new("DELETE", "/v2/apis/{apiId}/cors", 204) }).resource(|cx, i| resource(cx, &format!("/apis/{}/cors", i.api_id))))
        .operation(write("CreateRoute", route::create).action("apigateway:POST").rest(const { &Binding::new("POST", "/v2/apis/{apiId}/routes", 201) }).resource(|cx, i| resource(cx, &format!("/apis/{}/routes", i.api_id))))
        .operation(read("GetRoute", route::get).action("apigateway:GET").rest(const { &Binding::new("GET", "/v2/apis/{apiId}/routes/{routeId}", 200) }).resource(|cx, i| resource(cx, &format!("/apis/{}/routes/{}", i.api_id, i.route_id))))
        .operation(read("GetRoutes", route::list).action("apigateway:GET").rest(const { &Binding::new("GET", "/v2/apis/{apiId}/routes", 200).query(&[("maxResults", "maxResults"), ("nextToken", "nextToken")]) }).resource(|cx, i| resource(cx, &format!("/apis/{}/routes", i.api_id))))
        .operation(write("UpdateRoute", route::update).action("apigateway:PATCH").rest(const { &Binding::new("PATCH", "/v2/apis/{apiId}/routes/{routeId}", 200) }).resource(|cx, i| resource(cx, &format!("/apis/{}/routes/{}", i.api_id, i.route_id))))
        .operation(write("DeleteRoute", route::delete).action("apigateway:DELETE").rest(const { &Binding::new("DELETE", "/v2/apis/{apiId}/routes/{routeId}", 204) }).resource(|cx, i| resource(cx, &format!("/apis/{}/routes/{}", i.api_id, i.route_id))))
        .operation(write("CreateIntegration", integration::create).action("apigateway:POST").rest(const { &Binding::new("POST", "/v2/apis/{apiId}/integrations", 201) }).resource(|cx, i| resource(cx, &format!("/apis/{}/integrations", i.api_id))))
        .operation(read("GetIntegration", integration::get).action("apigateway:GET").rest(const { &Binding::new("GET", "/v2/apis/{apiId}/integrations/{integrationId}", 200) }).resource(|cx, i| resource(cx, &format!("/apis/{}/integrations/{}", i.api_id, i.integration_id))))
        .operation(read("GetIntegrations", integration::list).action("apigateway:GET").rest(const { &Binding::new("GET", "/v2/apis/{apiId}/integrations", 200).query(&[("maxResults", "maxResults"), ("nextToken", "nextToken")]) }).resource(|cx, i| resource(cx, &format!("/apis/{}/integrations", i.api_id))))
        .operation(write("UpdateIntegration", integration::update).action("apigateway:PATCH").rest(const { &Binding::new("PATCH", "/v2/apis/{apiId}/integrations/{integrationId}", 200) }).resource(|cx, i| resource(cx, &format!("/apis/{}/integrations/{}", i.api_id, i.integration_id))))
        .operation(write("DeleteIntegration", integration::delete).action("apigateway:DELETE").rest(const { &Binding::new("DELETE", "/v2/apis/{apiId}/integrations/{integrationId}", 204) }).resource(|cx, i| resource(cx, &format!("/apis/{}/integrations/{}", i.api_id, i.integration_id))))
        .operation(write("CreateDeployment", deployment::create).action("apigateway:POST").rest(const { &Binding::new("POST", "/v2/apis/{apiId}/deployments", 201) }).resource(|cx, i| resource(cx, &format!("/apis/{}/deployments", i.api_id))))
        .operation(read("GetDeployment", deployment::get).action("apigateway:GET").rest(const { &Binding::new("GET", "/v2/apis/{apiId}/deployments/{deploymentId}", 200) }).resource(|cx, i| resource(cx, &format!("/apis/{}/deployments/{}", i.api_id, i.deployment_id))))
        .operation(read("GetDeployments", deployment::list).action("apigateway:GET").rest(const { &Binding::new("GET", "/v2/apis/{apiId}/deployments", 200).query(&[("maxResults", "maxResults"), ("nextToken", "nextToken")]) }).resource(|cx, i| resource(cx, &format!("/apis/{}/deployments", i.api_id))))
        .operation(write("DeleteDeployment", deployment::delete).action("apigateway:DELETE").rest(const { &Binding::new("DELETE", "/v2/apis/{apiId}/deployments/{deploymentId}", 204) }).resource(|cx, i| resource(cx, &format!("/apis/{}/deployments/{}", i.api_id, i.deployment_id))))
        .operation(write("CreateStage", stage::create).action("apigateway:POST").rest(const { &Binding::new("POST", "/v2/apis/{apiId}/stages", 201) }).resource(|cx, i| resource(cx, &format!("/apis/{}/stages", i.api_id))))
        .operation(read("GetStage", stage::get).action("apigateway:GET").rest(const { &Binding::new("GET", "/v2/apis/{apiId}/stages/{stageName}", 200) }).resource(|cx, i| resource(cx, &format!("/apis/{}/stages/{}", i.api_id, i.stage_name))))
        .operation(read("GetStages", stage::list).action("apigateway:GET").rest(const { &Binding::new("GET", "/v2/apis/{apiId}/stages", 200).query(&[("maxResults", "maxResults"), ("nextToken", "nextToken")]) }).resource(|cx, i| resource(cx, &format!("/apis/{}/stages", i.api_id))))
        .operation(write("UpdateStage", stage::update).action("apigateway:PATCH").rest(const { &Binding::new("PATCH", "/v2/apis/{apiId}/stages/{stageName}", 200) }).resource(|cx, i| resource(cx, &format!("/apis/{}/stages/{}", i.api_id, i.stage_name))))
        .operation(write("DeleteStage", stage::delete).action("apigateway:DELETE").rest(const { &Binding::new("DELETE", "/v2/apis/{apiId}/stages/{stageName}", 204) }).resource(|cx, i| resource(cx, &format!("/apis/{}/stages/{}", i.api_id, i.stage_name))))
        .operation(write("TagResource", tag::tag).action("apigateway:POST").rest(const { &Binding::new("POST", "/v2/tags/{resourceArn}", 201) }).resource(|cx, _| resource(cx, "/tags/*")))
        .operation(write("UntagResource", tag::untag).action("apigateway:DELETE").rest(const { &Binding::new("DELETE", "/v2/tags/{resourceArn}", 204).query(&[("tagKeys", "tagKeys")]) }).resource(|cx, _| resource(cx, "/tags/*")))
        .operation(read("GetTags", tag::get).action("apigateway:GET").rest(const { &Binding::new("GET", "/v2/tags/{resourceArn}", 200) }).resource(|cx, _| resource(cx, "/tags/*")))
        .build()
}
