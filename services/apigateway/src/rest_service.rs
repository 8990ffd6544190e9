//! The operations of REST APIs, and of custom domains.

use std::sync::Arc;

use service::{Api, Service, read, write};

use crate::ApiGateway;
use crate::bindings::rest as bindings;
use crate::front::ExecuteApi;
use crate::not_implemented;
use crate::ops::rest::{
    account, api, api_key, authorizer, authorizer_resource, base_path, deployment, document, documentation_import,
    documentation_part, documentation_version, domain, export, gateway_response, integration, integration_response,
    key_import, method, method_resource, method_response, model, resource as resources, response_resource, stage,
    test_authorizer, test_method, usage, usage_plan, usage_plan_key, validator,
};
use crate::ops::{DELETE, GET, PATCH, POST, PUT, resource, tag};

const API: Api = Api {
    model: "apigateway",
    namespace: "com.amazonaws.apigateway",
    not_implemented: &[
        "CreateDomainNameAccessAssociation",
        "CreateVpcLink",
        "DeleteClientCertificate",
        "DeleteDomainNameAccessAssociation",
        "DeleteVpcLink",
        "GenerateClientCertificate",
        "GetClientCertificate",
        "GetClientCertificates",
        "GetDomainNameAccessAssociations",
        "GetSdk",
        "GetSdkType",
        "GetSdkTypes",
        "GetVpcLink",
        "GetVpcLinks",
        "RejectDomainNameAccessAssociation",
        "UpdateClientCertificate",
        "UpdateVpcLink",
    ],
    not_implemented_paths: not_implemented::REST_PATHS,
    ..Api::named("apigateway")
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service(state: Arc<ApiGateway>) -> Service {
    Service::builder(API, state.clone())
        .operation(write("CreateRestApi", api::create).action(POST).rest(&bindings::CREATE_REST_API).resource(|cx, _| resource(cx, "/restapis")))
        .operation(read("GetRestApi", api::get).action(GET).rest(&bindings::GET_REST_API).resource(|cx, i| resource(cx, &format!("/restapis/{}", i.rest_api_id))))
        .operation(read("GetRestApis", api::list).action(GET).rest(&bindings::GET_REST_APIS).resource(|cx, _| resource(cx, "/restapis")))
        .operation(write("UpdateRestApi", api::update).action(PATCH).rest(&bindings::UPDATE_REST_API).resource(|cx, i| resource(cx, &format!("/restapis/{}", i.rest_api_id))))
        .operation(write("DeleteRestApi", api::delete).action(DELETE).rest(&bindings::DELETE_REST_API).resource(|cx, i| resource(cx, &format!("/restapis/{}", i.rest_api_id))))
        .operation(write("CreateResource", resources::create).action(POST).rest(&bindings::CREATE_RESOURCE).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}", i.rest_api_id, i.parent_id))))
        .operation(read("GetResource", resources::get).action(GET).rest(&bindings::GET_RESOURCE).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}", i.rest_api_id, i.resource_id))))
        .operation(read("GetResources", resources::list).action(GET).rest(&bindings::GET_RESOURCES).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources", i.rest_api_id))))
        .operation(write("UpdateResource", resources::update).action(PATCH).rest(&bindings::UPDATE_RESOURCE).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}", i.rest_api_id, i.resource_id))))
        .operation(write("DeleteResource", resources::delete).action(DELETE).rest(&bindings::DELETE_RESOURCE).resource(|cx, i| resource(cx, &format!("/restapis/{}/resources/{}", i.rest_api_id, i.resource_id))))
        .operation(write("PutMethod", method::put).action(PUT).rest(&bindings::PUT_METHOD).resource(|cx, i| method_resource(cx, &i.method, "")))
        .operation(read("GetMethod", method::get).action(GET).rest(&bindings::GET_METHOD).resource(|cx, i| method_resource(cx, i, "")))
        .operation(write("UpdateMethod", method::update).action(PATCH).rest(&bindings::UPDATE_METHOD).resource(|cx, i| method_resource(cx, &i.method, "")))
        .operation(write("DeleteMethod", method::delete).action(DELETE).rest(&bindings::DELETE_METHOD).resource(|cx, i| method_resource(cx, i, "")))
        .operation(write("TestInvokeMethod", test_method::test_invoke).action(POST).rest(&bindings::TEST_INVOKE_METHOD).resource(|cx, i| method_resource(cx, &i.method, "")))
        .operation(write("PutMethodResponse", method_response::put).action(PUT).rest(&bindings::PUT_METHOD_RESPONSE).resource(|cx, i| response_resource(cx, &i.response, "responses")))
        .operation(read("GetMethodResponse", method_response::get).action(GET).rest(&bindings::GET_METHOD_RESPONSE).resource(|cx, i| response_resource(cx, i, "responses")))
        .operation(write("UpdateMethodResponse", method_response::update).action(PATCH).rest(&bindings::UPDATE_METHOD_RESPONSE).resource(|cx, i| response_resource(cx, &i.response, "responses")))
        .operation(write("DeleteMethodResponse", method_response::delete).action(DELETE).rest(&bindings::DELETE_METHOD_RESPONSE).resource(|cx, i| response_resource(cx, i, "responses")))
        .operation(write("PutIntegration", integration::put).action(PUT).rest(&bindings::PUT_INTEGRATION).permissions(|_, cx, i| Ok(i.permissions(cx))))
        .operation(read("GetIntegration", integration::get).action(GET).rest(&bindings::GET_INTEGRATION).resource(|cx, i| method_resource(cx, i, "/integration")))
        .operation(write("UpdateIntegration", integration::update).action(PATCH).rest(&bindings::UPDATE_INTEGRATION).permissions(|_, cx, i| Ok(i.permissions(cx))))
        .operation(write("DeleteIntegration", integration::delete).action(DELETE).rest(&bindings::DELETE_INTEGRATION).resource(|cx, i| method_resource(cx, i, "/integration")))
        .operation(write("PutIntegrationResponse", integration_response::put).action(PUT).rest(&bindings::PUT_INTEGRATION_RESPONSE).resource(|cx, i| response_resource(cx, &i.response, "integration/responses")))
        .operation(read("GetIntegrationResponse", integration_response::get).action(GET).rest(&bindings::GET_INTEGRATION_RESPONSE).resource(|cx, i| response_resource(cx, i, "integration/responses")))
        .operation(write("UpdateIntegrationResponse", integration_response::update).action(PATCH).rest(&bindings::UPDATE_INTEGRATION_RESPONSE).resource(|cx, i| response_resource(cx, &i.response, "integration/responses")))
        .operation(write("DeleteIntegrationResponse", integration_response::delete).action(DELETE).rest(&bindings::DELETE_INTEGRATION_RESPONSE).resource(|cx, i| response_resource(cx, i, "integration/responses")))
        .operation(write("CreateDeployment", deployment::create).action(POST).rest(&bindings::CREATE_DEPLOYMENT).resource(|cx, i| resource(cx, &format!("/restapis/{}/deployments", i.rest_api_id))))
        .operation(read("GetDeployment", deployment::get).action(GET).rest(&bindings::GET_DEPLOYMENT).resource(|cx, i| resource(cx, &format!("/restapis/{}/deployments/{}", i.rest_api_id, i.deployment_id))))
        .operation(read("GetDeployments", deployment::list).action(GET).rest(&bindings::GET_DEPLOYMENTS).resource(|cx, i| resource(cx, &format!("/restapis/{}/deployments", i.rest_api_id))))
        .operation(write("UpdateDeployment", deployment::update).action(PATCH).rest(&bindings::UPDATE_DEPLOYMENT).resource(|cx, i| resource(cx, &format!("/restapis/{}/deployments/{}", i.deployment.rest_api_id, i.deployment.deployment_id))))
        .operation(write("DeleteDeployment", deployment::delete).action(DELETE).rest(&bindings::DELETE_DEPLOYMENT).resource(|cx, i| resource(cx, &format!("/restapis/{}/deployments/{}", i.rest_api_id, i.deployment_id))))
        .operation(write("CreateStage", stage::create).action(POST).rest(&bindings::CREATE_STAGE).resource(|cx, i| resource(cx, &format!("/restapis/{}/stages", i.rest_api_id))))
        .operation(read("GetStage", stage::get).action(GET).rest(&bindings::GET_STAGE).resource(|cx, i| resource(cx, &format!("/restapis/{}/stages/{}", i.rest_api_id, i.stage_name))))
        .operation(read("GetStages", stage::list).action(GET).rest(&bindings::GET_STAGES).resource(|cx, i| resource(cx, &format!("/restapis/{}/stages", i.rest_api_id))))
        .operation(write("UpdateStage", stage::update).action(PATCH).rest(&bindings::UPDATE_STAGE).permissions(|_, cx, i| Ok(i.permissions(cx)?)))
        .operation(write("DeleteStage", stage::delete).action(DELETE).rest(&bindings::DELETE_STAGE).resource(|cx, i| resource(cx, &format!("/restapis/{}/stages/{}", i.rest_api_id, i.stage_name))))
        .operation(write("FlushStageCache", stage::flush_cache).action(DELETE).rest(&bindings::FLUSH_STAGE_CACHE).resource(|cx, i| resource(cx, &format!("/restapis/{}/stages/{}/cache/data", i.rest_api_id, i.stage_name))))
        .operation(read("GetAccount", account::get).action(GET).rest(&bindings::GET_ACCOUNT).resource(|cx, _| resource(cx, account::PATH)))
        .operation(write("UpdateAccount", account::update).action(PATCH).rest(&bindings::UPDATE_ACCOUNT).permissions(|_, cx, i| Ok(i.permissions(cx))))
        .operation(write("CreateModel", model::create).action(POST).rest(&bindings::CREATE_MODEL).resource(|cx, i| resource(cx, &format!("/restapis/{}/models", i.rest_api_id))))
        .operation(read("GetModel", model::get).action(GET).rest(&bindings::GET_MODEL).resource(|cx, i| resource(cx, &format!("/restapis/{}/models/{}", i.rest_api_id, i.model_name))))
        .operation(read("GetModels", model::list).action(GET).rest(&bindings::GET_MODELS).resource(|cx, i| resource(cx, &format!("/restapis/{}/models", i.rest_api_id))))
        .operation(write("UpdateModel", model::update).action(PATCH).rest(&bindings::UPDATE_MODEL).resource(|cx, i| resource(cx, &format!("/restapis/{}/models/{}", i.rest_api_id, i.model_name))))
        .operation(write("DeleteModel", model::delete).action(DELETE).rest(&bindings::DELETE_MODEL).resource(|cx, i| resource(cx, &format!("/restapis/{}/models/{}", i.rest_api_id, i.model_name))))
        .operation(read("GetModelTemplate", model::template).action(GET).rest(&bindings::GET_MODEL_TEMPLATE).resource(|cx, i| resource(cx, &format!("/restapis/{}/models/{}/default_template", i.rest_api_id, i.model_name))))
        .operation(write("CreateRequestValidator", validator::create).action(POST).rest(&bindings::CREATE_REQUEST_VALIDATOR).resource(|cx, i| resource(cx, &format!("/restapis/{}/requestvalidators", i.rest_api_id))))
        .operation(read("GetRequestValidator", validator::get).action(GET).rest(&bindings::GET_REQUEST_VALIDATOR).resource(|cx, i| resource(cx, &format!("/restapis/{}/requestvalidators/{}", i.rest_api_id, i.request_validator_id))))
        .operation(read("GetRequestValidators", validator::list).action(GET).rest(&bindings::GET_REQUEST_VALIDATORS).resource(|cx, i| resource(cx, &format!("/restapis/{}/requestvalidators", i.rest_api_id))))
        .operation(write("UpdateRequestValidator", validator::update).action(PATCH).rest(&bindings::UPDATE_REQUEST_VALIDATOR).resource(|cx, i| resource(cx, &format!("/restapis/{}/requestvalidators/{}", i.validator.rest_api_id, i.validator.request_validator_id))))
        .operation(write("DeleteRequestValidator", validator::delete).action(DELETE).rest(&bindings::DELETE_REQUEST_VALIDATOR).resource(|cx, i| resource(cx, &format!("/restapis/{}/requestvalidators/{}", i.rest_api_id, i.request_validator_id))))
        .operation(write("PutGatewayResponse", gateway_response::put).action(PUT).rest(&bindings::PUT_GATEWAY_RESPONSE).resource(|cx, i| resource(cx, &format!("/restapis/{}/gatewayresponses/{}", i.response.rest_api_id, i.response.response_type))))
        .operation(read("GetGatewayResponse", gateway_response::get).action(GET).rest(&bindings::GET_GATEWAY_RESPONSE).resource(|cx, i| resource(cx, &format!("/restapis/{}/gatewayresponses/{}", i.rest_api_id, i.response_type))))
        .operation(read("GetGatewayResponses", gateway_response::list).action(GET).rest(&bindings::GET_GATEWAY_RESPONSES).resource(|cx, i| resource(cx, &format!("/restapis/{}/gatewayresponses", i.rest_api_id))))
        .operation(write("UpdateGatewayResponse", gateway_response::update).action(PATCH).rest(&bindings::UPDATE_GATEWAY_RESPONSE).resource(|cx, i| resource(cx, &format!("/restapis/{}/gatewayresponses/{}", i.response.rest_api_id, i.response.response_type))))
        .operation(write("DeleteGatewayResponse", gateway_response::delete).action(DELETE).rest(&bindings::DELETE_GATEWAY_RESPONSE).resource(|cx, i| resource(cx, &format!("/restapis/{}/gatewayresponses/{}", i.rest_api_id, i.response_type))))
        .operation(write("CreateAuthorizer", authorizer::create).action(POST).rest(&bindings::CREATE_AUTHORIZER).resource(|cx, i| resource(cx, &format!("/restapis/{}/authorizers", i.rest_api_id))))
        .operation(read("GetAuthorizer", authorizer::get).action(GET).rest(&bindings::GET_AUTHORIZER).resource(authorizer_resource))
        .operation(read("GetAuthorizers", authorizer::list).action(GET).rest(&bindings::GET_AUTHORIZERS).resource(|cx, i| resource(cx, &format!("/restapis/{}/authorizers", i.rest_api_id))))
        .operation(write("UpdateAuthorizer", authorizer::update).action(PATCH).rest(&bindings::UPDATE_AUTHORIZER).resource(|cx, i| authorizer_resource(cx, &i.authorizer)))
        .operation(write("DeleteAuthorizer", authorizer::delete).action(DELETE).rest(&bindings::DELETE_AUTHORIZER).resource(authorizer_resource))
        .operation(read("TestInvokeAuthorizer", test_authorizer::test_invoke).action(POST).rest(&bindings::TEST_INVOKE_AUTHORIZER).resource(|cx, i| authorizer_resource(cx, &i.authorizer)))
        .operation(write("FlushStageAuthorizersCache", authorizer::flush_cache).action(DELETE).rest(&bindings::FLUSH_STAGE_AUTHORIZERS_CACHE).resource(|cx, i| resource(cx, &format!("/restapis/{}/stages/{}/cache/authorizers", i.rest_api_id, i.stage_name))))
        .operation(write("CreateApiKey", api_key::create).action(POST).rest(&bindings::CREATE_API_KEY).resource(|cx, _| resource(cx, "/apikeys")))
        .operation(write("ImportApiKeys", key_import::import).action(POST).rest(&bindings::IMPORT_API_KEYS).resource(|cx, _| resource(cx, "/apikeys")))
        .operation(read("GetApiKey", api_key::get).action(GET).rest(&bindings::GET_API_KEY).resource(|cx, i| resource(cx, &format!("/apikeys/{}", i.api_key))))
        .operation(read("GetApiKeys", api_key::list).action(GET).rest(&bindings::GET_API_KEYS).resource(|cx, _| resource(cx, "/apikeys")))
        .operation(write("UpdateApiKey", api_key::update).action(PATCH).rest(&bindings::UPDATE_API_KEY).resource(|cx, i| resource(cx, &format!("/apikeys/{}", i.api_key))))
        .operation(write("DeleteApiKey", api_key::delete).action(DELETE).rest(&bindings::DELETE_API_KEY).resource(|cx, i| resource(cx, &format!("/apikeys/{}", i.api_key))))
        .operation(write("CreateUsagePlan", usage_plan::create).action(POST).rest(&bindings::CREATE_USAGE_PLAN).resource(|cx, _| resource(cx, "/usageplans")))
        .operation(read("GetUsagePlan", usage_plan::get).action(GET).rest(&bindings::GET_USAGE_PLAN).resource(|cx, i| resource(cx, &format!("/usageplans/{}", i.usage_plan_id))))
        .operation(read("GetUsagePlans", usage_plan::list).action(GET).rest(&bindings::GET_USAGE_PLANS).resource(|cx, _| resource(cx, "/usageplans")))
        .operation(write("UpdateUsagePlan", usage_plan::update).action(PATCH).rest(&bindings::UPDATE_USAGE_PLAN).resource(|cx, i| resource(cx, &format!("/usageplans/{}", i.usage_plan_id))))
        .operation(write("DeleteUsagePlan", usage_plan::delete).action(DELETE).rest(&bindings::DELETE_USAGE_PLAN).resource(|cx, i| resource(cx, &format!("/usageplans/{}", i.usage_plan_id))))
        .operation(read("GetUsage", usage::get).action(GET).rest(&bindings::GET_USAGE).resource(|cx, i| resource(cx, &format!("/usageplans/{}/usage", i.usage_plan_id))))
        .operation(write("UpdateUsage", usage::update).action(PATCH).rest(&bindings::UPDATE_USAGE).resource(|cx, i| resource(cx, &format!("/usageplans/{}/keys/{}/usage", i.usage_plan_id, i.key_id))))
        .operation(write("CreateUsagePlanKey", usage_plan_key::create).action(POST).rest(&bindings::CREATE_USAGE_PLAN_KEY).resource(|cx, i| resource(cx, &format!("/usageplans/{}/keys", i.usage_plan_id))))
        .operation(read("GetUsagePlanKey", usage_plan_key::get).action(GET).rest(&bindings::GET_USAGE_PLAN_KEY).resource(|cx, i| resource(cx, &format!("/usageplans/{}/keys/{}", i.usage_plan_id, i.key_id))))
        .operation(read("GetUsagePlanKeys", usage_plan_key::list).action(GET).rest(&bindings::GET_USAGE_PLAN_KEYS).resource(|cx, i| resource(cx, &format!("/usageplans/{}/keys", i.usage_plan_id))))
        .operation(write("DeleteUsagePlanKey", usage_plan_key::delete).action(DELETE).rest(&bindings::DELETE_USAGE_PLAN_KEY).resource(|cx, i| resource(cx, &format!("/usageplans/{}/keys/{}", i.usage_plan_id, i.key_id))))
        .operation(write("CreateDomainName", domain::create).action(POST).rest(&bindings::CREATE_DOMAIN_NAME).resource(|cx, _| resource(cx, "/domainnames")))
        .operation(read("GetDomainName", domain::get).action(GET).rest(&bindings::GET_DOMAIN_NAME).resource(|cx, i| resource(cx, &format!("/domainnames/{}", i.domain_name))))
        .operation(read("GetDomainNames", domain::list).action(GET).rest(&bindings::GET_DOMAIN_NAMES).resource(|cx, _| resource(cx, "/domainnames")))
        .operation(write("UpdateDomainName", domain::update).action(PATCH).rest(&bindings::UPDATE_DOMAIN_NAME).resource(|cx, i| resource(cx, &format!("/domainnames/{}", i.domain_name))))
        .operation(write("DeleteDomainName", domain::delete).action(DELETE).rest(&bindings::DELETE_DOMAIN_NAME).resource(|cx, i| resource(cx, &format!("/domainnames/{}", i.domain_name))))
        .operation(write("CreateBasePathMapping", base_path::create).action(POST).rest(&bindings::CREATE_BASE_PATH_MAPPING).resource(|cx, i| resource(cx, &format!("/domainnames/{}/basepathmappings", i.domain_name))))
        .operation(read("GetBasePathMapping", base_path::get).action(GET).rest(&bindings::GET_BASE_PATH_MAPPING).resource(|cx, i| resource(cx, &format!("/domainnames/{}/basepathmappings/{}", i.domain_name, i.base_path))))
        .operation(read("GetBasePathMappings", base_path::list).action(GET).rest(&bindings::GET_BASE_PATH_MAPPINGS).resource(|cx, i| resource(cx, &format!("/domainnames/{}/basepathmappings", i.domain_name))))
        .operation(write("UpdateBasePathMapping", base_path::update).action(PATCH).rest(&bindings::UPDATE_BASE_PATH_MAPPING).resource(|cx, i| resource(cx, &format!("/domainnames/{}/basepathmappings/{}", i.mapping.domain_name, i.mapping.base_path))))
        .operation(write("DeleteBasePathMapping", base_path::delete).action(DELETE).rest(&bindings::DELETE_BASE_PATH_MAPPING).resource(|cx, i| resource(cx, &format!("/domainnames/{}/basepathmappings/{}", i.domain_name, i.base_path))))
        .operation(write("ImportRestApi", document::import).action(POST).rest(&bindings::IMPORT_REST_API).permissions(|_, cx, i| document::permissions(cx, i, POST, "/restapis")))
        .operation(write("PutRestApi", document::put).action(PUT).rest(&bindings::PUT_REST_API).permissions(|_, cx, i| document::permissions(cx, i, PUT, &format!("/restapis/{}", i.rest_api_id))))
        .operation(read("GetExport", export::export).action(GET).rest(&bindings::GET_EXPORT).resource(|cx, i| resource(cx, &format!("/restapis/{}/stages/{}/exports/{}", i.rest_api_id, i.stage_name, i.export_type))))
        .operation(write("CreateDocumentationPart", documentation_part::create).action(POST).rest(&bindings::CREATE_DOCUMENTATION_PART).resource(|cx, i| resource(cx, &format!("/restapis/{}/documentation/parts", i.rest_api_id))))
        .operation(read("GetDocumentationPart", documentation_part::get).action(GET).rest(&bindings::GET_DOCUMENTATION_PART).resource(|cx, i| resource(cx, &format!("/restapis/{}/documentation/parts/{}", i.rest_api_id, i.documentation_part_id))))
        .operation(read("GetDocumentationParts", documentation_part::list).action(GET).rest(&bindings::GET_DOCUMENTATION_PARTS).resource(|cx, i| resource(cx, &format!("/restapis/{}/documentation/parts", i.rest_api_id))))
        .operation(write("UpdateDocumentationPart", documentation_part::update).action(PATCH).rest(&bindings::UPDATE_DOCUMENTATION_PART).resource(|cx, i| resource(cx, &format!("/restapis/{}/documentation/parts/{}", i.part.rest_api_id, i.part.documentation_part_id))))
        .operation(write("DeleteDocumentationPart", documentation_part::delete).action(DELETE).rest(&bindings::DELETE_DOCUMENTATION_PART).resource(|cx, i| resource(cx, &format!("/restapis/{}/documentation/parts/{}", i.rest_api_id, i.documentation_part_id))))
        .operation(write("ImportDocumentationParts", documentation_import::import).action(PUT).rest(&bindings::IMPORT_DOCUMENTATION_PARTS).resource(|cx, i| resource(cx, &format!("/restapis/{}/documentation/parts", i.rest_api_id))))
        .operation(write("CreateDocumentationVersion", documentation_version::create).action(POST).rest(&bindings::CREATE_DOCUMENTATION_VERSION).resource(|cx, i| resource(cx, &format!("/restapis/{}/documentation/versions", i.rest_api_id))))
        .operation(read("GetDocumentationVersion", documentation_version::get).action(GET).rest(&bindings::GET_DOCUMENTATION_VERSION).resource(|cx, i| resource(cx, &format!("/restapis/{}/documentation/versions/{}", i.rest_api_id, i.documentation_version))))
        .operation(read("GetDocumentationVersions", documentation_version::list).action(GET).rest(&bindings::GET_DOCUMENTATION_VERSIONS).resource(|cx, i| resource(cx, &format!("/restapis/{}/documentation/versions", i.rest_api_id))))
        .operation(write("UpdateDocumentationVersion", documentation_version::update).action(PATCH).rest(&bindings::UPDATE_DOCUMENTATION_VERSION).resource(|cx, i| resource(cx, &format!("/restapis/{}/documentation/versions/{}", i.version.rest_api_id, i.version.documentation_version))))
        .operation(write("DeleteDocumentationVersion", documentation_version::delete).action(DELETE).rest(&bindings::DELETE_DOCUMENTATION_VERSION).resource(|cx, i| resource(cx, &format!("/restapis/{}/documentation/versions/{}", i.rest_api_id, i.documentation_version))))
        .operation(write("TagResource", tag::tag).action(PUT).rest(&bindings::TAG_RESOURCE).resource(|cx, _| resource(cx, "/tags/*")))
        .operation(write("UntagResource", tag::untag).action(DELETE).rest(&bindings::UNTAG_RESOURCE).resource(|cx, _| resource(cx, "/tags/*")))
        .operation(read("GetTags", tag::get).action(GET).rest(&bindings::GET_TAGS).resource(|cx, _| resource(cx, "/tags/*")))
        .hosts(|state| state.domains.names())
        .front(ExecuteApi(state))
        .build()
}
