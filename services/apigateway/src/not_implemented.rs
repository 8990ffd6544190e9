//! Operations that AWS has and this server does not, where they would be: each answers an error that names it.
//!
//! Source: the `http` traits of the service models.

use wire::rest::Binding;

/// Of REST APIs.
#[rustfmt::skip] // A table: one line an operation.
pub static REST_PATHS: &[(&str, Binding)] = &[
    ("CreateDomainNameAccessAssociation", Binding::new("POST", "/domainnameaccessassociations", 201)),
    ("CreateVpcLink", Binding::new("POST", "/vpclinks", 202)),
    ("DeleteClientCertificate", Binding::new("DELETE", "/clientcertificates/{clientcertificate_id}", 202)),
    ("DeleteDomainNameAccessAssociation", Binding::new("DELETE", "/domainnameaccessassociations/{domain_name_access_association_arn}", 202)),
    ("DeleteVpcLink", Binding::new("DELETE", "/vpclinks/{vpclink_id}", 202)),
    ("GenerateClientCertificate", Binding::new("POST", "/clientcertificates", 201)),
    ("GetClientCertificate", Binding::new("GET", "/clientcertificates/{clientcertificate_id}", 200)),
    ("GetClientCertificates", Binding::new("GET", "/clientcertificates", 200)),
    ("GetDomainNameAccessAssociations", Binding::new("GET", "/domainnameaccessassociations", 200)),
    ("GetSdk", Binding::new("GET", "/restapis/{restapi_id}/stages/{stage_name}/sdks/{sdk_type}", 200)),
    ("GetSdkType", Binding::new("GET", "/sdktypes/{sdktype_id}", 200)),
    ("GetSdkTypes", Binding::new("GET", "/sdktypes", 200)),
    ("GetVpcLink", Binding::new("GET", "/vpclinks/{vpclink_id}", 200)),
    ("GetVpcLinks", Binding::new("GET", "/vpclinks", 200)),
    ("RejectDomainNameAccessAssociation", Binding::new("POST", "/rejectdomainnameaccessassociations", 202)),
    ("UpdateClientCertificate", Binding::new("PATCH", "/clientcertificates/{clientcertificate_id}", 200)),
    ("UpdateVpcLink", Binding::new("PATCH", "/vpclinks/{vpclink_id}", 200)),
];

/// Of HTTP and WebSocket APIs.
#[rustfmt::skip] // A table: one line an operation.
pub static HTTP_PATHS: &[(&str, Binding)] = &[
    ("CreateModel", Binding::new("POST", "/v2/apis/{apiId}/models", 201)),
    ("CreatePortal", Binding::new("POST", "/v2/portals", 201)),
    ("CreatePortalProduct", Binding::new("POST", "/v2/portalproducts", 201)),
    ("CreateProductPage", Binding::new("POST", "/v2/portalproducts/{portalProductId}/productpages", 201)),
    ("CreateProductRestEndpointPage", Binding::new("POST", "/v2/portalproducts/{portalProductId}/productrestendpointpages", 201)),
    ("CreateRoutingRule", Binding::new("POST", "/v2/domainnames/{domainName}/routingrules", 201)),
    ("CreateVpcLink", Binding::new("POST", "/v2/vpclinks", 201)),
    ("DeleteModel", Binding::new("DELETE", "/v2/apis/{apiId}/models/{modelId}", 204)),
    ("DeletePortal", Binding::new("DELETE", "/v2/portals/{portalId}", 204)),
    ("DeletePortalProduct", Binding::new("DELETE", "/v2/portalproducts/{portalProductId}", 204)),
    ("DeletePortalProductSharingPolicy", Binding::new("DELETE", "/v2/portalproducts/{portalProductId}/sharingpolicy", 204)),
    ("DeleteProductPage", Binding::new("DELETE", "/v2/portalproducts/{portalProductId}/productpages/{productPageId}", 204)),
    ("DeleteProductRestEndpointPage", Binding::new("DELETE", "/v2/portalproducts/{portalProductId}/productrestendpointpages/{productRestEndpointPageId}", 204)),
    ("DeleteRouteRequestParameter", Binding::new("DELETE", "/v2/apis/{apiId}/routes/{routeId}/requestparameters/{requestParameterKey}", 204)),
    ("DeleteRoutingRule", Binding::new("DELETE", "/v2/domainnames/{domainName}/routingrules/{routingRuleId}", 204)),
    ("DeleteVpcLink", Binding::new("DELETE", "/v2/vpclinks/{vpcLinkId}", 202)),
    ("DisablePortal", Binding::new("DELETE", "/v2/portals/{portalId}/publish", 204)),
    ("GetModel", Binding::new("GET", "/v2/apis/{apiId}/models/{modelId}", 200)),
    ("GetModelTemplate", Binding::new("GET", "/v2/apis/{apiId}/models/{modelId}/template", 200)),
    ("GetModels", Binding::new("GET", "/v2/apis/{apiId}/models", 200)),
    ("GetPortal", Binding::new("GET", "/v2/portals/{portalId}", 200)),
    ("GetPortalProduct", Binding::new("GET", "/v2/portalproducts/{portalProductId}", 200)),
    ("GetPortalProductSharingPolicy", Binding::new("GET", "/v2/portalproducts/{portalProductId}/sharingpolicy", 200)),
    ("GetProductPage", Binding::new("GET", "/v2/portalproducts/{portalProductId}/productpages/{productPageId}", 200)),
    ("GetProductRestEndpointPage", Binding::new("GET", "/v2/portalproducts/{portalProductId}/productrestendpointpages/{productRestEndpointPageId}", 200)),
    ("GetRoutingRule", Binding::new("GET", "/v2/domainnames/{domainName}/routingrules/{routingRuleId}", 200)),
    ("GetVpcLink", Binding::new("GET", "/v2/vpclinks/{vpcLinkId}", 200)),
    ("GetVpcLinks", Binding::new("GET", "/v2/vpclinks", 200)),
    ("ListPortalProducts", Binding::new("GET", "/v2/portalproducts", 200)),
    ("ListPortals", Binding::new("GET", "/v2/portals", 200)),
    ("ListProductPages", Binding::new("GET", "/v2/portalproducts/{portalProductId}/productpages", 200)),
    ("ListProductRestEndpointPages", Binding::new("GET", "/v2/portalproducts/{portalProductId}/productrestendpointpages", 200)),
    ("ListRoutingRules", Binding::new("GET", "/v2/domainnames/{domainName}/routingrules", 200)),
    ("PreviewPortal", Binding::new("POST", "/v2/portals/{portalId}/preview", 202)),
    ("PublishPortal", Binding::new("POST", "/v2/portals/{portalId}/publish", 202)),
    ("PutPortalProductSharingPolicy", Binding::new("PUT", "/v2/portalproducts/{portalProductId}/sharingpolicy", 200)),
    ("PutRoutingRule", Binding::new("PUT", "/v2/domainnames/{domainName}/routingrules/{routingRuleId}", 200)),
    ("UpdateModel", Binding::new("PATCH", "/v2/apis/{apiId}/models/{modelId}", 200)),
    ("UpdatePortal", Binding::new("PATCH", "/v2/portals/{portalId}", 200)),
    ("UpdatePortalProduct", Binding::new("PATCH", "/v2/portalproducts/{portalProductId}", 200)),
    ("UpdateProductPage", Binding::new("PATCH", "/v2/portalproducts/{portalProductId}/productpages/{productPageId}", 200)),
    ("UpdateProductRestEndpointPage", Binding::new("PATCH", "/v2/portalproducts/{portalProductId}/productrestendpointpages/{productRestEndpointPageId}", 200)),
    ("UpdateVpcLink", Binding::new("PATCH", "/v2/vpclinks/{vpcLinkId}", 200)),
];
