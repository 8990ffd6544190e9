//! The operations of HTTP and WebSocket APIs, and of custom domains.

use std::sync::Arc;

use service::{Api, Service, read, write};

use crate::ApiGateway;
use crate::bindings::http as bindings;
use crate::front::{access_log, throttle};
use crate::not_implemented;
use crate::ops::http::{api, authorizer, deployment, document, domain, integration, mapping, route, stage};
use crate::ops::websocket::response;
use crate::ops::{DELETE, GET, PATCH, POST, PUT, resource, tag};
use crate::types::websocket::{IntegrationResponse, RouteResponse};
use crate::workers;

const API: Api = Api {
    model: "apigatewayv2",
    namespace: "com.amazonaws.apigatewayv2",
    not_implemented: &[
        "CreateModel",
        "CreatePortal",
        "CreatePortalProduct",
        "CreateProductPage",
        "CreateProductRestEndpointPage",
        "CreateRoutingRule",
        "CreateVpcLink",
        "DeleteModel",
        "DeletePortal",
        "DeletePortalProduct",
        "DeletePortalProductSharingPolicy",
        "DeleteProductPage",
        "DeleteProductRestEndpointPage",
        "DeleteRouteRequestParameter",
        "DeleteRoutingRule",
        "DeleteVpcLink",
        "DisablePortal",
        "GetModel",
        "GetModelTemplate",
        "GetModels",
        "GetPortal",
        "GetPortalProduct",
        "GetPortalProductSharingPolicy",
        "GetProductPage",
        "GetProductRestEndpointPage",
        "GetRoutingRule",
        "GetVpcLink",
        "GetVpcLinks",
        "ListPortalProducts",
        "ListPortals",
        "ListProductPages",
        "ListProductRestEndpointPages",
        "ListRoutingRules",
        "PreviewPortal",
        "PublishPortal",
        "PutPortalProductSharingPolicy",
        "PutRoutingRule",
        "UpdateModel",
        "UpdatePortal",
        "UpdatePortalProduct",
        "UpdateProductPage",
        "UpdateProductRestEndpointPage",
        "UpdateVpcLink",
    ],
    not_implemented_paths: not_implemented::HTTP_PATHS,
    ..Api::named("apigateway")
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service(state: Arc<ApiGateway>) -> Service {
    Service::builder(API, state)
        .operation(write("CreateApi", api::create).action(POST).rest(&bindings::CREATE_API).resource(|cx, _| resource(cx, "/apis")))
        .operation(read("GetApi", api::get).action(GET).rest(&bindings::GET_API).resource(|cx, i| resource(cx, &format!("/apis/{}", i.api_id))))
        .operation(read("GetApis", api::list).action(GET).rest(&bindings::GET_APIS).resource(|cx, _| resource(cx, "/apis")))
        .operation(write("UpdateApi", api::update).action(PATCH).rest(&bindings::UPDATE_API).resource(|cx, i| resource(cx, &format!("/apis/{}", i.api_id))))
        .operation(write("DeleteApi", api::delete).action(DELETE).rest(&bindings::DELETE_API).resource(|cx, i| resource(cx, &format!("/apis/{}", i.api_id))))
        .operation(write("DeleteCorsConfiguration", api::delete_cors).action(DELETE).rest(&bindings::DELETE_CORS_CONFIGURATION).resource(|cx, i| resource(cx, &format!("/apis/{}/cors", i.api_id))))
        .operation(write("CreateRoute", route::create).action(POST).rest(&bindings::CREATE_ROUTE).resource(|cx, i| resource(cx, &format!("/apis/{}/routes", i.api_id))))
        .operation(read("GetRoute", route::get).action(GET).rest(&bindings::GET_ROUTE).resource(|cx, i| resource(cx, &format!("/apis/{}/routes/{}", i.api_id, i.route_id))))
        .operation(read("GetRoutes", route::list).action(GET).rest(&bindings::GET_ROUTES).resource(|cx, i| resource(cx, &format!("/apis/{}/routes", i.api_id))))
        .operation(write("UpdateRoute", route::update).action(PATCH).rest(&bindings::UPDATE_ROUTE).resource(|cx, i| resource(cx, &format!("/apis/{}/routes/{}", i.api_id, i.route_id))))
        .operation(write("DeleteRoute", route::delete).action(DELETE).rest(&bindings::DELETE_ROUTE).resource(|cx, i| resource(cx, &format!("/apis/{}/routes/{}", i.api_id, i.route_id))))
        .operation(write("CreateIntegration", integration::create).action(POST).rest(&bindings::CREATE_INTEGRATION).permissions(|_, cx, i| Ok(integration::permissions(cx, i, POST, &format!("/apis/{}/integrations", i.api_id)))))
        .operation(read("GetIntegration", integration::get).action(GET).rest(&bindings::GET_INTEGRATION).resource(|cx, i| resource(cx, &format!("/apis/{}/integrations/{}", i.api_id, i.integration_id))))
        .operation(read("GetIntegrations", integration::list).action(GET).rest(&bindings::GET_INTEGRATIONS).resource(|cx, i| resource(cx, &format!("/apis/{}/integrations", i.api_id))))
        .operation(write("UpdateIntegration", integration::update).action(PATCH).rest(&bindings::UPDATE_INTEGRATION).permissions(|_, cx, i| Ok(integration::permissions(cx, i, PATCH, &format!("/apis/{}/integrations/{}", i.api_id, i.integration_id)))))
        .operation(write("DeleteIntegration", integration::delete).action(DELETE).rest(&bindings::DELETE_INTEGRATION).resource(|cx, i| resource(cx, &format!("/apis/{}/integrations/{}", i.api_id, i.integration_id))))
        .operation(write("CreateDeployment", deployment::create).action(POST).rest(&bindings::CREATE_DEPLOYMENT).resource(|cx, i| resource(cx, &format!("/apis/{}/deployments", i.api_id))))
        .operation(read("GetDeployment", deployment::get).action(GET).rest(&bindings::GET_DEPLOYMENT).resource(|cx, i| resource(cx, &format!("/apis/{}/deployments/{}", i.api_id, i.deployment_id))))
        .operation(read("GetDeployments", deployment::list).action(GET).rest(&bindings::GET_DEPLOYMENTS).resource(|cx, i| resource(cx, &format!("/apis/{}/deployments", i.api_id))))
        .operation(write("UpdateDeployment", deployment::update).action(PATCH).rest(&bindings::UPDATE_DEPLOYMENT).resource(|cx, i| resource(cx, &format!("/apis/{}/deployments/{}", i.api_id, i.deployment_id))))
        .operation(write("DeleteDeployment", deployment::delete).action(DELETE).rest(&bindings::DELETE_DEPLOYMENT).resource(|cx, i| resource(cx, &format!("/apis/{}/deployments/{}", i.api_id, i.deployment_id))))
        .operation(write("CreateStage", stage::create).action(POST).rest(&bindings::CREATE_STAGE).permissions(|_, cx, i| Ok(i.permissions(cx, POST, &format!("/apis/{}/stages", i.api_id)))))
        .operation(read("GetStage", stage::get).action(GET).rest(&bindings::GET_STAGE).resource(|cx, i| resource(cx, &format!("/apis/{}/stages/{}", i.api_id, i.stage_name))))
        .operation(read("GetStages", stage::list).action(GET).rest(&bindings::GET_STAGES).resource(|cx, i| resource(cx, &format!("/apis/{}/stages", i.api_id))))
        .operation(write("UpdateStage", stage::update).action(PATCH).rest(&bindings::UPDATE_STAGE).permissions(|_, cx, i| Ok(i.permissions(cx, PATCH, &format!("/apis/{}/stages/{}", i.api_id, i.stage_name)))))
        .operation(write("DeleteStage", stage::delete).action(DELETE).rest(&bindings::DELETE_STAGE).resource(|cx, i| resource(cx, &format!("/apis/{}/stages/{}", i.api_id, i.stage_name))))
        .operation(write("DeleteRouteSettings", stage::delete_route_settings).action(DELETE).rest(&bindings::DELETE_ROUTE_SETTINGS).resource(|cx, i| resource(cx, &format!("/apis/{}/stages/{}/routesettings/{}", i.api_id, i.stage_name, i.route_key))))
        .operation(write("DeleteAccessLogSettings", stage::delete_access_log).action(DELETE).rest(&bindings::DELETE_ACCESS_LOG_SETTINGS).resource(|cx, i| resource(cx, &format!("/apis/{}/stages/{}/accesslogsettings", i.api_id, i.stage_name))))
        .operation(write("CreateAuthorizer", authorizer::create).action(POST).rest(&bindings::CREATE_AUTHORIZER).resource(|cx, i| resource(cx, &format!("/apis/{}/authorizers", i.api_id))))
        .operation(read("GetAuthorizer", authorizer::get).action(GET).rest(&bindings::GET_AUTHORIZER).resource(|cx, i| resource(cx, &format!("/apis/{}/authorizers/{}", i.api_id, i.authorizer_id))))
        .operation(read("GetAuthorizers", authorizer::list).action(GET).rest(&bindings::GET_AUTHORIZERS).resource(|cx, i| resource(cx, &format!("/apis/{}/authorizers", i.api_id))))
        .operation(write("UpdateAuthorizer", authorizer::update).action(PATCH).rest(&bindings::UPDATE_AUTHORIZER).resource(|cx, i| resource(cx, &format!("/apis/{}/authorizers/{}", i.api_id, i.authorizer_id))))
        .operation(write("DeleteAuthorizer", authorizer::delete).action(DELETE).rest(&bindings::DELETE_AUTHORIZER).resource(|cx, i| resource(cx, &format!("/apis/{}/authorizers/{}", i.api_id, i.authorizer_id))))
        .operation(write("ResetAuthorizersCache", authorizer::reset_cache).action(DELETE).rest(&bindings::RESET_AUTHORIZERS_CACHE).resource(|cx, i| resource(cx, &format!("/apis/{}/stages/{}/cache/authorizers", i.api_id, i.stage_name))))
        .operation(write("CreateDomainName", domain::create).action(POST).rest(&bindings::CREATE_DOMAIN_NAME).resource(|cx, _| resource(cx, "/domainnames")))
        .operation(read("GetDomainName", domain::get).action(GET).rest(&bindings::GET_DOMAIN_NAME).resource(|cx, i| resource(cx, &format!("/domainnames/{}", i.domain_name))))
        .operation(read("GetDomainNames", domain::list).action(GET).rest(&bindings::GET_DOMAIN_NAMES).resource(|cx, _| resource(cx, "/domainnames")))
        .operation(write("UpdateDomainName", domain::update).action(PATCH).rest(&bindings::UPDATE_DOMAIN_NAME).resource(|cx, i| resource(cx, &format!("/domainnames/{}", i.domain_name))))
        .operation(write("DeleteDomainName", domain::delete).action(DELETE).rest(&bindings::DELETE_DOMAIN_NAME).resource(|cx, i| resource(cx, &format!("/domainnames/{}", i.domain_name))))
        .operation(write("CreateApiMapping", mapping::create).action(POST).rest(&bindings::CREATE_API_MAPPING).resource(|cx, i| resource(cx, &format!("/domainnames/{}/apimappings", i.domain_name))))
        .operation(read("GetApiMapping", mapping::get).action(GET).rest(&bindings::GET_API_MAPPING).resource(|cx, i| resource(cx, &format!("/domainnames/{}/apimappings/{}", i.domain_name, i.api_mapping_id))))
        .operation(read("GetApiMappings", mapping::list).action(GET).rest(&bindings::GET_API_MAPPINGS).resource(|cx, i| resource(cx, &format!("/domainnames/{}/apimappings", i.domain_name))))
        .operation(write("UpdateApiMapping", mapping::update).action(PATCH).rest(&bindings::UPDATE_API_MAPPING).resource(|cx, i| resource(cx, &format!("/domainnames/{}/apimappings/{}", i.domain_name, i.api_mapping_id))))
        .operation(write("DeleteApiMapping", mapping::delete).action(DELETE).rest(&bindings::DELETE_API_MAPPING).resource(|cx, i| resource(cx, &format!("/domainnames/{}/apimappings/{}", i.domain_name, i.api_mapping_id))))
        .operation(write("CreateRouteResponse", response::create::<RouteResponse>).action(POST).rest(&bindings::CREATE_ROUTE_RESPONSE).resource(|cx, i| resource(cx, &format!("/apis/{}/routes/{}/routeresponses", i.name.api_id, i.name.of))))
        .operation(read("GetRouteResponse", response::get::<RouteResponse>).action(GET).rest(&bindings::GET_ROUTE_RESPONSE).resource(|cx, i| resource(cx, &format!("/apis/{}/routes/{}/routeresponses/{}", i.api_id, i.of, i.id))))
        .operation(read("GetRouteResponses", response::list::<RouteResponse>).action(GET).rest(&bindings::GET_ROUTE_RESPONSES).resource(|cx, i| resource(cx, &format!("/apis/{}/routes/{}/routeresponses", i.name.api_id, i.name.of))))
        .operation(write("UpdateRouteResponse", response::update::<RouteResponse>).action(PATCH).rest(&bindings::UPDATE_ROUTE_RESPONSE).resource(|cx, i| resource(cx, &format!("/apis/{}/routes/{}/routeresponses/{}", i.name.api_id, i.name.of, i.name.id))))
        .operation(write("DeleteRouteResponse", response::delete::<RouteResponse>).action(DELETE).rest(&bindings::DELETE_ROUTE_RESPONSE).resource(|cx, i| resource(cx, &format!("/apis/{}/routes/{}/routeresponses/{}", i.api_id, i.of, i.id))))
        .operation(write("CreateIntegrationResponse", response::create::<IntegrationResponse>).action(POST).rest(&bindings::CREATE_INTEGRATION_RESPONSE).resource(|cx, i| resource(cx, &format!("/apis/{}/integrations/{}/integrationresponses", i.name.api_id, i.name.of))))
        .operation(read("GetIntegrationResponse", response::get::<IntegrationResponse>).action(GET).rest(&bindings::GET_INTEGRATION_RESPONSE).resource(|cx, i| resource(cx, &format!("/apis/{}/integrations/{}/integrationresponses/{}", i.api_id, i.of, i.id))))
        .operation(read("GetIntegrationResponses", response::list::<IntegrationResponse>).action(GET).rest(&bindings::GET_INTEGRATION_RESPONSES).resource(|cx, i| resource(cx, &format!("/apis/{}/integrations/{}/integrationresponses", i.name.api_id, i.name.of))))
        .operation(write("UpdateIntegrationResponse", response::update::<IntegrationResponse>).action(PATCH).rest(&bindings::UPDATE_INTEGRATION_RESPONSE).resource(|cx, i| resource(cx, &format!("/apis/{}/integrations/{}/integrationresponses/{}", i.name.api_id, i.name.of, i.name.id))))
        .operation(write("DeleteIntegrationResponse", response::delete::<IntegrationResponse>).action(DELETE).rest(&bindings::DELETE_INTEGRATION_RESPONSE).resource(|cx, i| resource(cx, &format!("/apis/{}/integrations/{}/integrationresponses/{}", i.api_id, i.of, i.id))))
        .operation(write("ImportApi", document::import).action(PUT).rest(&bindings::IMPORT_API).permissions(|_, cx, i| document::permissions(cx, i, "/apis")))
        .operation(write("ReimportApi", document::reimport).action(PUT).rest(&bindings::REIMPORT_API).permissions(|_, cx, i| document::permissions(cx, i, &format!("/apis/{}", i.api_id))))
        .operation(read("ExportApi", document::export).action(GET).rest(&bindings::EXPORT_API).resource(|cx, i| resource(cx, &format!("/apis/{}/exports/{}", i.api_id, i.specification))))
        .operation(write("TagResource", tag::tag).action(POST).rest(&bindings::TAG_RESOURCE).resource(|cx, _| resource(cx, "/tags/*")))
        .operation(write("UntagResource", tag::untag).action(DELETE).rest(&bindings::UNTAG_RESOURCE).resource(|cx, _| resource(cx, "/tags/*")))
        .operation(read("GetTags", tag::get).action(GET).rest(&bindings::GET_TAGS).resource(|cx, _| resource(cx, "/tags/*")))
        .late_worker("access logs", access_log::deliver)
        .late_worker("throttles", throttle::keep)
        .worker("disconnects", workers::tell_of_ended)
        .build()
}
