//! A distribution: from where it has its objects, and how it gives them out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::List;

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DistributionConfig {
    pub caller_reference: String,
    pub aliases: List<String>,
    pub default_root_object: String,
    pub origins: List<Origin>,
    pub origin_groups: List<OriginGroup>,
    pub default_cache_behavior: Behavior,
    pub cache_behaviors: List<Behavior>,
    pub custom_error_responses: List<CustomErrorResponse>,
    pub comment: String,
    pub logging: Logging,
    pub price_class: String,
    pub enabled: bool,
    pub viewer_certificate: ViewerCertificate,
    pub restrictions: Restrictions,
    #[serde(rename = "WebACLId")]
    pub web_acl_id: String,
    pub http_version: String,
    #[serde(rename = "IsIPV6Enabled")]
    pub is_ipv6_enabled: bool,
    pub continuous_deployment_policy_id: String,
    pub staging: bool,
    // What AWS has and this server has not, to be refused by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anycast_ip_list_id: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_config: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_mode: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub viewer_mtls_config: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_function_association: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_tag_config: Option<Value>,
}

impl Default for DistributionConfig {
    fn default() -> DistributionConfig {
        DistributionConfig {
            caller_reference: String::new(),
            aliases: List::default(),
            default_root_object: String::new(),
            origins: List::default(),
            origin_groups: List::default(),
            default_cache_behavior: Behavior::default(),
            cache_behaviors: List::default(),
            custom_error_responses: List::default(),
            comment: String::new(),
            logging: Logging::default(),
            price_class: "PriceClass_All".into(),
            enabled: false,
            viewer_certificate: ViewerCertificate::default(),
            restrictions: Restrictions::default(),
            web_acl_id: String::new(),
            http_version: "http2".into(),
            is_ipv6_enabled: false,
            continuous_deployment_policy_id: String::new(),
            staging: false,
            anycast_ip_list_id: None,
            tenant_config: None,
            connection_mode: None,
            viewer_mtls_config: None,
            connection_function_association: None,
            cache_tag_config: None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Origin {
    pub id: String,
    pub domain_name: String,
    pub origin_path: String,
    pub custom_headers: List<OriginCustomHeader>,
    #[serde(rename = "S3OriginConfig", skip_serializing_if = "Option::is_none")]
    pub s3_origin_config: Option<S3OriginConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_origin_config: Option<CustomOriginConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_origin_config: Option<Value>,
    pub connection_attempts: u32,
    /// Seconds.
    pub connection_timeout: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_completion_timeout: Option<u32>,
    pub origin_shield: OriginShield,
    pub origin_access_control_id: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OriginCustomHeader {
    pub header_name: String,
    pub header_value: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct S3OriginConfig {
    /// `origin-access-identity/cloudfront/{id}`, or nothing.
    pub origin_access_identity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin_read_timeout: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CustomOriginConfig {
    #[serde(rename = "HTTPPort")]
    pub http_port: u16,
    #[serde(rename = "HTTPSPort")]
    pub https_port: u16,
    pub origin_protocol_policy: String,
    pub origin_ssl_protocols: List<String>,
    /// Seconds.
    pub origin_read_timeout: u64,
    pub origin_keepalive_timeout: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin_mtls_config: Option<Value>,
}

impl Default for CustomOriginConfig {
    fn default() -> CustomOriginConfig {
        CustomOriginConfig {
            http_port: 80,
            https_port: 443,
            origin_protocol_policy: String::new(),
            origin_ssl_protocols: List::default(),
            origin_read_timeout: crate::limits::ORIGIN_READ_TIMEOUT.as_secs(),
            origin_keepalive_timeout: 5,
            ip_address_type: None,
            origin_mtls_config: None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OriginShield {
    pub enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin_shield_region: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OriginGroup {
    pub id: String,
    pub failover_criteria: FailoverCriteria,
    pub members: List<OriginGroupMember>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selection_criteria: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FailoverCriteria {
    pub status_codes: List<u16>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OriginGroupMember {
    pub origin_id: String,
}

/// What holds for the paths that it is for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Behavior {
    /// Empty for the default behaviour alone.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path_pattern: String,
    pub target_origin_id: String,
    pub trusted_signers: Trusted,
    pub trusted_key_groups: Trusted,
    pub viewer_protocol_policy: String,
    pub allowed_methods: AllowedMethods,
    pub smooth_streaming: bool,
    pub compress: bool,
    pub lambda_function_associations: List<Value>,
    pub function_associations: List<Value>,
    pub field_level_encryption_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realtime_log_config_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_policy_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin_request_policy_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_headers_policy_id: Option<String>,
    pub grpc_config: GrpcConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarded_values: Option<ForwardedValues>,
    #[serde(rename = "MinTTL", skip_serializing_if = "Option::is_none")]
    pub min_ttl: Option<u64>,
    #[serde(rename = "DefaultTTL", skip_serializing_if = "Option::is_none")]
    pub default_ttl: Option<u64>,
    #[serde(rename = "MaxTTL", skip_serializing_if = "Option::is_none")]
    pub max_ttl: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GrpcConfig {
    pub enabled: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Trusted {
    pub enabled: bool,
    pub quantity: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AllowedMethods {
    pub quantity: u64,
    pub items: Vec<String>,
    pub cached_methods: List<String>,
}

impl Default for AllowedMethods {
    fn default() -> AllowedMethods {
        let methods = || vec!["HEAD".to_owned(), "GET".to_owned()];
        AllowedMethods { quantity: 2, items: methods(), cached_methods: methods().into() }
    }
}

/// How a behaviour without policies says what is forwarded, and so part of the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ForwardedValues {
    pub query_string: bool,
    pub cookies: CookiePreference,
    pub headers: List<String>,
    pub query_string_cache_keys: List<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CookiePreference {
    /// `none`, `whitelist` or `all`.
    pub forward: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whitelisted_names: Option<List<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CustomErrorResponse {
    pub error_code: u16,
    pub response_page_path: String,
    /// A status as text; empty where it stays as it is.
    pub response_code: String,
    /// Seconds.
    #[serde(rename = "ErrorCachingMinTTL")]
    pub error_caching_min_ttl: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Logging {
    pub enabled: bool,
    pub include_cookies: bool,
    pub bucket: String,
    pub prefix: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ViewerCertificate {
    pub cloud_front_default_certificate: bool,
    #[serde(rename = "IAMCertificateId", skip_serializing_if = "Option::is_none")]
    pub iam_certificate_id: Option<String>,
    #[serde(rename = "ACMCertificateArn", skip_serializing_if = "Option::is_none")]
    pub acm_certificate_arn: Option<String>,
    #[serde(rename = "SSLSupportMethod", skip_serializing_if = "Option::is_none")]
    pub ssl_support_method: Option<String>,
    pub minimum_protocol_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_source: Option<String>,
}

impl Default for ViewerCertificate {
    fn default() -> ViewerCertificate {
        ViewerCertificate {
            cloud_front_default_certificate: true,
            iam_certificate_id: None,
            acm_certificate_arn: None,
            ssl_support_method: None,
            minimum_protocol_version: "TLSv1".into(),
            certificate: None,
            certificate_source: None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Restrictions {
    pub geo_restriction: GeoRestriction,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GeoRestriction {
    pub restriction_type: String,
    pub quantity: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
}

impl Default for GeoRestriction {
    fn default() -> GeoRestriction {
        GeoRestriction { restriction_type: "none".into(), quantity: 0, items: Vec::new() }
    }
}
