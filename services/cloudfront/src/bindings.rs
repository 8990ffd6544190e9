//! Where the members of operations travel: facts of CloudFront's service model.

use wire::query::{Flat, Names};
use wire::rest::{Binding, Payload};

pub const CREATE_DISTRIBUTION: Binding = Binding::new("POST", "/2020-05-31/distribution", 201)
    .payload(Payload::Document("DistributionConfig"))
    .response_headers(&[("Location", "Location"), ("ETag", "ETag")])
    .response_payload(Payload::Document("Distribution"))
    .root("Distribution");
pub const CREATE_DISTRIBUTION_WITH_TAGS: Binding = Binding::new("POST", "/2020-05-31/distribution?WithTags", 201)
    .payload(Payload::Document("DistributionConfigWithTags"))
    .response_headers(&[("Location", "Location"), ("ETag", "ETag")])
    .response_payload(Payload::Document("Distribution"))
    .root("Distribution");
pub const GET_DISTRIBUTION: Binding = Binding::new("GET", "/2020-05-31/distribution/{Id}", 200)
    .response_headers(&[("ETag", "ETag")])
    .response_payload(Payload::Document("Distribution"))
    .root("Distribution");
pub const GET_DISTRIBUTION_CONFIG: Binding = Binding::new("GET", "/2020-05-31/distribution/{Id}/config", 200)
    .response_headers(&[("ETag", "ETag")])
    .response_payload(Payload::Document("DistributionConfig"))
    .root("DistributionConfig");
pub const UPDATE_DISTRIBUTION: Binding = Binding::new("PUT", "/2020-05-31/distribution/{Id}/config", 200)
    .headers(&[("If-Match", "IfMatch")])
    .payload(Payload::Document("DistributionConfig"))
    .response_headers(&[("ETag", "ETag")])
    .response_payload(Payload::Document("Distribution"))
    .root("Distribution");
pub const DELETE_DISTRIBUTION: Binding =
    Binding::new("DELETE", "/2020-05-31/distribution/{Id}", 204).headers(&[("If-Match", "IfMatch")]);
pub const LIST_DISTRIBUTIONS: Binding = Binding::new("GET", "/2020-05-31/distribution", 200)
    .query(&[("Marker", "Marker"), ("MaxItems", "MaxItems")])
    .response_payload(Payload::Document("DistributionList"))
    .root("DistributionList");
pub const CREATE_INVALIDATION: Binding =
    Binding::new("POST", "/2020-05-31/distribution/{DistributionId}/invalidation", 201)
        .payload(Payload::Document("InvalidationBatch"))
        .response_headers(&[("Location", "Location")])
        .response_payload(Payload::Document("Invalidation"))
        .root("Invalidation");
pub const GET_INVALIDATION: Binding =
    Binding::new("GET", "/2020-05-31/distribution/{DistributionId}/invalidation/{Id}", 200)
        .response_payload(Payload::Document("Invalidation"))
        .root("Invalidation");
pub const LIST_INVALIDATIONS: Binding =
    Binding::new("GET", "/2020-05-31/distribution/{DistributionId}/invalidation", 200)
        .query(&[("Marker", "Marker"), ("MaxItems", "MaxItems")])
        .response_payload(Payload::Document("InvalidationList"))
        .root("InvalidationList");
pub const TAG_RESOURCE: Binding = Binding::new("POST", "/2020-05-31/tagging?Operation=Tag", 204)
    .query(&[("Resource", "Resource")])
    .payload(Payload::Document("Tags"));
pub const UNTAG_RESOURCE: Binding = Binding::new("POST", "/2020-05-31/tagging?Operation=Untag", 204)
    .query(&[("Resource", "Resource")])
    .payload(Payload::Document("TagKeys"));
pub const LIST_TAGS_FOR_RESOURCE: Binding = Binding::new("GET", "/2020-05-31/tagging", 200)
    .query(&[("Resource", "Resource")])
    .response_payload(Payload::Document("Tags"))
    .root("Tags");
pub const CREATE_CACHE_POLICY: Binding = Binding::new("POST", "/2020-05-31/cache-policy", 201)
    .payload(Payload::Document("CachePolicyConfig"))
    .response_headers(&[("Location", "Location"), ("ETag", "ETag")])
    .response_payload(Payload::Document("CachePolicy"))
    .root("CachePolicy");
pub const GET_CACHE_POLICY: Binding = Binding::new("GET", "/2020-05-31/cache-policy/{Id}", 200)
    .response_headers(&[("ETag", "ETag")])
    .response_payload(Payload::Document("CachePolicy"))
    .root("CachePolicy");
pub const GET_CACHE_POLICY_CONFIG: Binding = Binding::new("GET", "/2020-05-31/cache-policy/{Id}/config", 200)
    .response_headers(&[("ETag", "ETag")])
    .response_payload(Payload::Document("CachePolicyConfig"))
    .root("CachePolicyConfig");
pub const UPDATE_CACHE_POLICY: Binding = Binding::new("PUT", "/2020-05-31/cache-policy/{Id}", 200)
    .headers(&[("If-Match", "IfMatch")])
    .payload(Payload::Document("CachePolicyConfig"))
    .response_headers(&[("ETag", "ETag")])
    .response_payload(Payload::Document("CachePolicy"))
    .root("CachePolicy");
pub const DELETE_CACHE_POLICY: Binding =
    Binding::new("DELETE", "/2020-05-31/cache-policy/{Id}", 204).headers(&[("If-Match", "IfMatch")]);
pub const LIST_CACHE_POLICIES: Binding = Binding::new("GET", "/2020-05-31/cache-policy", 200)
    .query(&[("Type", "Type"), ("Marker", "Marker"), ("MaxItems", "MaxItems")])
    .response_payload(Payload::Document("CachePolicyList"))
    .root("CachePolicyList");
pub const CREATE_ORIGIN_REQUEST_POLICY: Binding = Binding::new("POST", "/2020-05-31/origin-request-policy", 201)
    .payload(Payload::Document("OriginRequestPolicyConfig"))
    .response_headers(&[("Location", "Location"), ("ETag", "ETag")])
    .response_payload(Payload::Document("OriginRequestPolicy"))
    .root("OriginRequestPolicy");
pub const GET_ORIGIN_REQUEST_POLICY: Binding = Binding::new("GET", "/2020-05-31/origin-request-policy/{Id}", 200)
    .response_headers(&[("ETag", "ETag")])
    .response_payload(Payload::Document("OriginRequestPolicy"))
    .root("OriginRequestPolicy");
pub const GET_ORIGIN_REQUEST_POLICY_CONFIG: Binding =
    Binding::new("GET", "/2020-05-31/origin-request-policy/{Id}/config", 200)
        .response_headers(&[("ETag", "ETag")])
        .response_payload(Payload::Document("OriginRequestPolicyConfig"))
        .root("OriginRequestPolicyConfig");
pub const UPDATE_ORIGIN_REQUEST_POLICY: Binding = Binding::new("PUT", "/2020-05-31/origin-request-policy/{Id}", 200)
    .headers(&[("If-Match", "IfMatch")])
    .payload(Payload::Document("OriginRequestPolicyConfig"))
    .response_headers(&[("ETag", "ETag")])
    .response_payload(Payload::Document("OriginRequestPolicy"))
    .root("OriginRequestPolicy");
pub const DELETE_ORIGIN_REQUEST_POLICY: Binding =
    Binding::new("DELETE", "/2020-05-31/origin-request-policy/{Id}", 204).headers(&[("If-Match", "IfMatch")]);
pub const LIST_ORIGIN_REQUEST_POLICIES: Binding = Binding::new("GET", "/2020-05-31/origin-request-policy", 200)
    .query(&[("Type", "Type"), ("Marker", "Marker"), ("MaxItems", "MaxItems")])
    .response_payload(Payload::Document("OriginRequestPolicyList"))
    .root("OriginRequestPolicyList");
pub const CREATE_RESPONSE_HEADERS_POLICY: Binding = Binding::new("POST", "/2020-05-31/response-headers-policy", 201)
    .payload(Payload::Document("ResponseHeadersPolicyConfig"))
    .response_headers(&[("Location", "Location"), ("ETag", "ETag")])
    .response_payload(Payload::Document("ResponseHeadersPolicy"))
    .root("ResponseHeadersPolicy");
pub const GET_RESPONSE_HEADERS_POLICY: Binding = Binding::new("GET", "/2020-05-31/response-headers-policy/{Id}", 200)
    .response_headers(&[("ETag", "ETag")])
    .response_payload(Payload::Document("ResponseHeadersPolicy"))
    .root("ResponseHeadersPolicy");
pub const GET_RESPONSE_HEADERS_POLICY_CONFIG: Binding =
    Binding::new("GET", "/2020-05-31/response-headers-policy/{Id}/config", 200)
        .response_headers(&[("ETag", "ETag")])
        .response_payload(Payload::Document("ResponseHeadersPolicyConfig"))
        .root("ResponseHeadersPolicyConfig");
pub const UPDATE_RESPONSE_HEADERS_POLICY: Binding =
    Binding::new("PUT", "/2020-05-31/response-headers-policy/{Id}", 200)
        .headers(&[("If-Match", "IfMatch")])
        .payload(Payload::Document("ResponseHeadersPolicyConfig"))
        .response_headers(&[("ETag", "ETag")])
        .response_payload(Payload::Document("ResponseHeadersPolicy"))
        .root("ResponseHeadersPolicy");
pub const DELETE_RESPONSE_HEADERS_POLICY: Binding =
    Binding::new("DELETE", "/2020-05-31/response-headers-policy/{Id}", 204).headers(&[("If-Match", "IfMatch")]);
pub const LIST_RESPONSE_HEADERS_POLICIES: Binding = Binding::new("GET", "/2020-05-31/response-headers-policy", 200)
    .query(&[("Type", "Type"), ("Marker", "Marker"), ("MaxItems", "MaxItems")])
    .response_payload(Payload::Document("ResponseHeadersPolicyList"))
    .root("ResponseHeadersPolicyList");
pub const CREATE_ORIGIN_ACCESS_CONTROL: Binding = Binding::new("POST", "/2020-05-31/origin-access-control", 201)
    .payload(Payload::Document("OriginAccessControlConfig"))
    .response_headers(&[("Location", "Location"), ("ETag", "ETag")])
    .response_payload(Payload::Document("OriginAccessControl"))
    .root("OriginAccessControl");
pub const GET_ORIGIN_ACCESS_CONTROL: Binding = Binding::new("GET", "/2020-05-31/origin-access-control/{Id}", 200)
    .response_headers(&[("ETag", "ETag")])
    .response_payload(Payload::Document("OriginAccessControl"))
    .root("OriginAccessControl");
pub const GET_ORIGIN_ACCESS_CONTROL_CONFIG: Binding =
    Binding::new("GET", "/2020-05-31/origin-access-control/{Id}/config", 200)
        .response_headers(&[("ETag", "ETag")])
        .response_payload(Payload::Document("OriginAccessControlConfig"))
        .root("OriginAccessControlConfig");
pub const UPDATE_ORIGIN_ACCESS_CONTROL: Binding =
    Binding::new("PUT", "/2020-05-31/origin-access-control/{Id}/config", 200)
        .headers(&[("If-Match", "IfMatch")])
        .payload(Payload::Document("OriginAccessControlConfig"))
        .response_headers(&[("ETag", "ETag")])
        .response_payload(Payload::Document("OriginAccessControl"))
        .root("OriginAccessControl");
pub const DELETE_ORIGIN_ACCESS_CONTROL: Binding =
    Binding::new("DELETE", "/2020-05-31/origin-access-control/{Id}", 204).headers(&[("If-Match", "IfMatch")]);
pub const LIST_ORIGIN_ACCESS_CONTROLS: Binding = Binding::new("GET", "/2020-05-31/origin-access-control", 200)
    .query(&[("Marker", "Marker"), ("MaxItems", "MaxItems")])
    .response_payload(Payload::Document("OriginAccessControlList"))
    .root("OriginAccessControlList");
pub const CREATE_CLOUDFRONT_ORIGIN_ACCESS_IDENTITY: Binding =
    Binding::new("POST", "/2020-05-31/origin-access-identity/cloudfront", 201)
        .payload(Payload::Document("CloudFrontOriginAccessIdentityConfig"))
        .response_headers(&[("Location", "Location"), ("ETag", "ETag")])
        .response_payload(Payload::Document("CloudFrontOriginAccessIdentity"))
        .root("CloudFrontOriginAccessIdentity");
pub const GET_CLOUDFRONT_ORIGIN_ACCESS_IDENTITY: Binding =
    Binding::new("GET", "/2020-05-31/origin-access-identity/cloudfront/{Id}", 200)
        .response_headers(&[("ETag", "ETag")])
        .response_payload(Payload::Document("CloudFrontOriginAccessIdentity"))
        .root("CloudFrontOriginAccessIdentity");
pub const GET_CLOUDFRONT_ORIGIN_ACCESS_IDENTITY_CONFIG: Binding =
    Binding::new("GET", "/2020-05-31/origin-access-identity/cloudfront/{Id}/config", 200)
        .response_headers(&[("ETag", "ETag")])
        .response_payload(Payload::Document("CloudFrontOriginAccessIdentityConfig"))
        .root("CloudFrontOriginAccessIdentityConfig");
pub const UPDATE_CLOUDFRONT_ORIGIN_ACCESS_IDENTITY: Binding =
    Binding::new("PUT", "/2020-05-31/origin-access-identity/cloudfront/{Id}/config", 200)
        .headers(&[("If-Match", "IfMatch")])
        .payload(Payload::Document("CloudFrontOriginAccessIdentityConfig"))
        .response_headers(&[("ETag", "ETag")])
        .response_payload(Payload::Document("CloudFrontOriginAccessIdentity"))
        .root("CloudFrontOriginAccessIdentity");
pub const DELETE_CLOUDFRONT_ORIGIN_ACCESS_IDENTITY: Binding =
    Binding::new("DELETE", "/2020-05-31/origin-access-identity/cloudfront/{Id}", 204)
        .headers(&[("If-Match", "IfMatch")]);
pub const LIST_CLOUDFRONT_ORIGIN_ACCESS_IDENTITIES: Binding =
    Binding::new("GET", "/2020-05-31/origin-access-identity/cloudfront", 200)
        .query(&[("Marker", "Marker"), ("MaxItems", "MaxItems")])
        .response_payload(Payload::Document("CloudFrontOriginAccessIdentityList"))
        .root("CloudFrontOriginAccessIdentityList");
pub const CREATE_PUBLIC_KEY: Binding = Binding::new("POST", "/2020-05-31/public-key", 201)
    .payload(Payload::Document("PublicKeyConfig"))
    .response_headers(&[("Location", "Location"), ("ETag", "ETag")])
    .response_payload(Payload::Document("PublicKey"))
    .root("PublicKey");
pub const GET_PUBLIC_KEY: Binding = Binding::new("GET", "/2020-05-31/public-key/{Id}", 200)
    .response_headers(&[("ETag", "ETag")])
    .response_payload(Payload::Document("PublicKey"))
    .root("PublicKey");
pub const GET_PUBLIC_KEY_CONFIG: Binding = Binding::new("GET", "/2020-05-31/public-key/{Id}/config", 200)
    .response_headers(&[("ETag", "ETag")])
    .response_payload(Payload::Document("PublicKeyConfig"))
    .root("PublicKeyConfig");
pub const UPDATE_PUBLIC_KEY: Binding = Binding::new("PUT", "/2020-05-31/public-key/{Id}/config", 200)
    .headers(&[("If-Match", "IfMatch")])
    .payload(Payload::Document("PublicKeyConfig"))
    .response_headers(&[("ETag", "ETag")])
    .response_payload(Payload::Document("PublicKey"))
    .root("PublicKey");
pub const DELETE_PUBLIC_KEY: Binding =
    Binding::new("DELETE", "/2020-05-31/public-key/{Id}", 204).headers(&[("If-Match", "IfMatch")]);
pub const LIST_PUBLIC_KEYS: Binding = Binding::new("GET", "/2020-05-31/public-key", 200)
    .query(&[("Marker", "Marker"), ("MaxItems", "MaxItems")])
    .response_payload(Payload::Document("PublicKeyList"))
    .root("PublicKeyList");
pub const CREATE_KEY_GROUP: Binding = Binding::new("POST", "/2020-05-31/key-group", 201)
    .payload(Payload::Document("KeyGroupConfig"))
    .response_headers(&[("Location", "Location"), ("ETag", "ETag")])
    .response_payload(Payload::Document("KeyGroup"))
    .root("KeyGroup");
pub const GET_KEY_GROUP: Binding = Binding::new("GET", "/2020-05-31/key-group/{Id}", 200)
    .response_headers(&[("ETag", "ETag")])
    .response_payload(Payload::Document("KeyGroup"))
    .root("KeyGroup");
pub const GET_KEY_GROUP_CONFIG: Binding = Binding::new("GET", "/2020-05-31/key-group/{Id}/config", 200)
    .response_headers(&[("ETag", "ETag")])
    .response_payload(Payload::Document("KeyGroupConfig"))
    .root("KeyGroupConfig");
pub const UPDATE_KEY_GROUP: Binding = Binding::new("PUT", "/2020-05-31/key-group/{Id}", 200)
    .headers(&[("If-Match", "IfMatch")])
    .payload(Payload::Document("KeyGroupConfig"))
    .response_headers(&[("ETag", "ETag")])
    .response_payload(Payload::Document("KeyGroup"))
    .root("KeyGroup");
pub const DELETE_KEY_GROUP: Binding =
    Binding::new("DELETE", "/2020-05-31/key-group/{Id}", 204).headers(&[("If-Match", "IfMatch")]);
pub const LIST_KEY_GROUPS: Binding = Binding::new("GET", "/2020-05-31/key-group", 200)
    .query(&[("Marker", "Marker"), ("MaxItems", "MaxItems")])
    .response_payload(Payload::Document("KeyGroupList"))
    .root("KeyGroupList");

/// What elements of lists are called, by what the list is in.
pub static NAMES: Names = Names::new(&[
    ("AccessControlAllowHeaders/Items", Flat::wrapped("Header")),
    ("AccessControlAllowMethods/Items", Flat::wrapped("Method")),
    ("AccessControlAllowOrigins/Items", Flat::wrapped("Origin")),
    ("AccessControlExposeHeaders/Items", Flat::wrapped("Header")),
    ("ActiveTrustedKeyGroups/Items", Flat::wrapped("KeyGroup")),
    ("ActiveTrustedSigners/Items", Flat::wrapped("Signer")),
    ("Aliases/Items", Flat::wrapped("CNAME")),
    ("AllowedMethods/Items", Flat::wrapped("Method")),
    ("CacheBehaviors/Items", Flat::wrapped("CacheBehavior")),
    ("CachePolicyList/Items", Flat::wrapped("CachePolicySummary")),
    ("CachedMethods/Items", Flat::wrapped("Method")),
    ("CloudFrontOriginAccessIdentityList/Items", Flat::wrapped("CloudFrontOriginAccessIdentitySummary")),
    ("Cookies/Items", Flat::wrapped("Name")),
    ("CustomErrorResponses/Items", Flat::wrapped("CustomErrorResponse")),
    ("CustomHeaders/Items", Flat::wrapped("OriginCustomHeader")),
    ("CustomHeadersConfig/Items", Flat::wrapped("ResponseHeadersPolicyCustomHeader")),
    ("Distribution/AliasICPRecordals", Flat::wrapped("AliasICPRecordal")),
    ("DistributionList/Items", Flat::wrapped("DistributionSummary")),
    ("DistributionSummary/AliasICPRecordals", Flat::wrapped("AliasICPRecordal")),
    ("FunctionAssociations/Items", Flat::wrapped("FunctionAssociation")),
    ("GeoRestriction/Items", Flat::wrapped("Location")),
    ("Headers/Items", Flat::wrapped("Name")),
    ("InvalidationList/Items", Flat::wrapped("InvalidationSummary")),
    ("KeyGroupConfig/Items", Flat::wrapped("PublicKey")),
    ("KeyGroupList/Items", Flat::wrapped("KeyGroupSummary")),
    ("KeyPairIds/Items", Flat::wrapped("KeyPairId")),
    ("LambdaFunctionAssociations/Items", Flat::wrapped("LambdaFunctionAssociation")),
    ("Members/Items", Flat::wrapped("OriginGroupMember")),
    ("OriginAccessControlList/Items", Flat::wrapped("OriginAccessControlSummary")),
    ("OriginGroups/Items", Flat::wrapped("OriginGroup")),
    ("OriginRequestPolicyList/Items", Flat::wrapped("OriginRequestPolicySummary")),
    ("OriginSslProtocols/Items", Flat::wrapped("SslProtocol")),
    ("Origins/Items", Flat::wrapped("Origin")),
    ("Paths/Items", Flat::wrapped("Path")),
    ("PublicKeyList/Items", Flat::wrapped("PublicKeySummary")),
    ("QueryStringCacheKeys/Items", Flat::wrapped("Name")),
    ("QueryStrings/Items", Flat::wrapped("Name")),
    ("RemoveHeadersConfig/Items", Flat::wrapped("ResponseHeadersPolicyRemoveHeader")),
    ("ResponseHeadersPolicyList/Items", Flat::wrapped("ResponseHeadersPolicySummary")),
    ("StatusCodes/Items", Flat::wrapped("StatusCode")),
    ("TagKeys/Items", Flat::wrapped("Key")),
    ("Tags/Items", Flat::wrapped("Tag")),
    ("TenantConfig/ParameterDefinitions", Flat::wrapped("member")),
    ("TrustedKeyGroups/Items", Flat::wrapped("KeyGroup")),
    ("TrustedSigners/Items", Flat::wrapped("AwsAccountNumber")),
    ("WhitelistedNames/Items", Flat::wrapped("Name")),
]);
