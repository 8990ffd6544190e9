//! Whether a distribution can be, and what it has where its owner said nothing.

use http::HeaderName;
use kv::Read;

use super::access::{OriginAccessControlConfig, OriginAccessIdentityConfig};
use super::distribution::{Behavior, CustomErrorResponse, DistributionConfig, Origin};
use super::headers::ResponseHeadersPolicyConfig;
use super::keys::KeyGroupConfig;
use super::policies::{CachePolicyConfig, OriginRequestPolicyConfig, check_ttls};
use super::{Document, check_name, check_quantities, one_of};
use crate::error::Error;
use crate::keys::ENTITIES;
use crate::limits;
use crate::managed;

/// The path of an origin access identity, before its id.
pub const IDENTITY_PATH: &str = "origin-access-identity/cloudfront/";

impl DistributionConfig {
    /// Fills in what AWS does.
    pub fn complete(&mut self) {
        for origin in &mut self.origins.items {
            if origin.connection_attempts == 0 {
                origin.connection_attempts = 3;
            }
            if origin.connection_timeout == 0 {
                origin.connection_timeout = 10;
            }
        }
        for behavior in std::iter::once(&mut self.default_cache_behavior).chain(&mut self.cache_behaviors.items) {
            if behavior.allowed_methods.items.is_empty() {
                behavior.allowed_methods = super::distribution::AllowedMethods::default();
            }
            if behavior.allowed_methods.cached_methods.items.is_empty() {
                let default = super::distribution::AllowedMethods::default();
                behavior.allowed_methods.cached_methods = default.cached_methods;
            }
        }
    }

    pub fn behaviors(&self) -> impl Iterator<Item = &Behavior> {
        std::iter::once(&self.default_cache_behavior).chain(&self.cache_behaviors.items)
    }

    /// # Errors
    /// What is wrong with it, or what of it this server does not have.
    pub fn check(&self, read: &dyn Read) -> Result<(), Error> {
        check_quantities(&serde_json::to_value(self).map_err(service::Error::internal)?)?;
        check_name("CallerReference", &self.caller_reference, limits::NAME_CHARACTERS_MAX)?;
        self.check_absent()?;
        if self.comment.chars().count() > limits::COMMENT_CHARACTERS_MAX {
            return Err(Error::argument("The parameter Comment must have at most 128 characters."));
        }
        if self.default_root_object.starts_with('/')
            || self.default_root_object.chars().count() > limits::ROOT_OBJECT_CHARACTERS_MAX
        {
            let message = "The default root object file name is too big or contains an invalid character.";
            return Err(Error::new(400, "InvalidDefaultRootObject", message));
        }
        one_of("PriceClass", &self.price_class, &["PriceClass_100", "PriceClass_200", "PriceClass_All", "None"])?;
        one_of("HttpVersion", &self.http_version.to_ascii_lowercase(), &["http1.1", "http2", "http3", "http2and3"])?;
        self.check_aliases()?;
        self.check_origins(read)?;
        if self.cache_behaviors.items.len() > limits::BEHAVIORS_MAX {
            let message = "You cannot create more cache behaviors for the distribution.";
            return Err(Error::new(400, "TooManyCacheBehaviors", message));
        }
        let mut patterns = Vec::new();
        for behavior in &self.cache_behaviors.items {
            let pattern = behavior.path_pattern.trim_start_matches('/');
            check_name("PathPattern", &behavior.path_pattern, limits::PATTERN_CHARACTERS_MAX)?;
            if patterns.contains(&pattern) {
                return Err(Error::argument(format!("Two cache behaviors have the path pattern {pattern}.")));
            }
            patterns.push(pattern);
        }
        self.behaviors().try_for_each(|behavior| self.check_behavior(behavior, read))?;
        self.custom_error_responses.items.iter().try_for_each(check_error_response)
    }

    /// # Errors
    /// The first thing that AWS has and this server has not.
    fn check_absent(&self) -> Result<(), Error> {
        let geo = &self.restrictions.geo_restriction;
        let absent = [
            (!self.web_acl_id.is_empty(), "A web ACL of WAF (WebACLId)"),
            (geo.restriction_type != "none" || !geo.items.is_empty(), "A geo restriction (Restrictions)"),
            (self.logging.enabled, "The log of a distribution's requests in a bucket (Logging)"),
            (self.staging || !self.continuous_deployment_policy_id.is_empty(), "Continuous deployment"),
            (self.anycast_ip_list_id.as_ref().is_some_and(|id| id != ""), "An anycast IP list"),
            (
                self.tenant_config.is_some() || self.connection_mode.as_ref().is_some_and(|mode| mode != "direct"),
                "A multi-tenant distribution",
            ),
            (self.viewer_mtls_config.is_some(), "Mutual TLS with viewers (ViewerMtlsConfig)"),
            (self.connection_function_association.is_some(), "A connection function"),
            (self.cache_tag_config.is_some(), "Cache tags (CacheTagConfig)"),
        ];
        match absent.into_iter().find(|(is_wanted, _)| *is_wanted) {
            Some((_, what)) => Err(Error::not_implemented(what)),
            None => self.behaviors().try_for_each(check_absent_of),
        }
    }

    fn check_aliases(&self) -> Result<(), Error> {
        let aliases = &self.aliases.items;
        if aliases.len() > limits::ALIASES_MAX {
            let message = "Your request contains more CNAMEs than are allowed per distribution.";
            return Err(Error::new(400, "TooManyDistributionCNAMEs", message));
        }
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'*');
        let is_name = |name: &str| {
            name.contains('.')
                && name.len() <= 253
                && name.bytes().all(valid)
                && !name.strip_prefix("*.").unwrap_or(name).contains('*')
                && name.split('.').all(|label| !label.is_empty())
        };
        match aliases.iter().find(|alias| !is_name(alias)) {
            Some(alias) => {
                Err(Error::argument(format!("The parameter CNAME contains {alias:.128} that is not valid.")))
            }
            None => Ok(()),
        }
    }

    fn check_origins(&self, read: &dyn Read) -> Result<(), Error> {
        let origins = &self.origins.items;
        if origins.is_empty() {
            return Err(Error::argument("A distribution needs at least one origin."));
        }
        if origins.len() > limits::ORIGINS_MAX || self.origin_groups.items.len() > limits::ORIGIN_GROUPS_MAX {
            let message = "You cannot create more origins for the distribution.";
            return Err(Error::new(400, "TooManyOrigins", message));
        }
        let mut ids = Vec::new();
        for origin in origins {
            if origin.id.is_empty() || ids.contains(&&origin.id) {
                return Err(Error::argument("Each origin needs an id of its own."));
            }
            ids.push(&origin.id);
            check_origin(origin, read)?;
        }
        for group in &self.origin_groups.items {
            let members = &group.members.items;
            let known = members.iter().all(|member| ids.contains(&&member.origin_id));
            if members.len() != 2 || !known || ids.contains(&&group.id) {
                return Err(Error::argument(
                    "An origin group has two of the distribution's origins, and an id of its own.",
                ));
            }
            let known = [403, 404, 416, 429, 500, 502, 503, 504];
            let codes = &group.failover_criteria.status_codes.items;
            if codes.is_empty() || codes.iter().any(|code| !known.contains(code)) {
                return Err(Error::argument(
                    "The status codes of an origin group are of 403, 404, 416, 429, 500, 502, 503 and 504.",
                ));
            }
        }
        Ok(())
    }

    fn check_behavior(&self, behavior: &Behavior, read: &dyn Read) -> Result<(), Error> {
        let of_origin = self.origins.items.iter().any(|origin| origin.id == behavior.target_origin_id);
        let of_group = self.origin_groups.items.iter().any(|group| group.id == behavior.target_origin_id);
        if !of_origin && !of_group {
            let message = "One or more of your origins or origin groups do not exist.";
            return Err(Error::new(404, "NoSuchOrigin", message));
        }
        let policies = ["allow-all", "https-only", "redirect-to-https"];
        one_of("ViewerProtocolPolicy", &behavior.viewer_protocol_policy, &policies)?;
        check_methods(behavior)?;
        match (&behavior.cache_policy_id, &behavior.forwarded_values) {
            (Some(_), Some(_)) => {
                return Err(Error::argument(
                    "The parameter ForwardedValues cannot be used when a cache policy is associated to the cache behavior.",
                ));
            }
            (None, None) => {
                return Err(Error::argument(
                    "The parameter ForwardedValues is required where no cache policy is associated to the cache behavior.",
                ));
            }
            (None, Some(forwarded)) => {
                one_of("Forward", &forwarded.cookies.forward, &["none", "whitelist", "all"])?;
                check_ttls(behavior.min_ttl.unwrap_or(0), behavior.default_ttl, behavior.max_ttl)?;
            }
            (Some(_), None) => {}
        }
        let named = [
            (behavior.cache_policy_id.as_deref(), CachePolicyConfig::KIND),
            (behavior.origin_request_policy_id.as_deref(), OriginRequestPolicyConfig::KIND),
            (behavior.response_headers_policy_id.as_deref(), ResponseHeadersPolicyConfig::KIND),
        ];
        for (id, kind) in named {
            if let Some(id) = id.filter(|id| !id.is_empty())
                && !managed::is(kind.number, id)
                && !ENTITIES.contains(read, (kind.number, id))?
            {
                return Err(kind.missing());
            }
        }
        check_key_groups(behavior, read)
    }

    /// What it names: kind and id.
    pub fn uses(&self) -> Vec<(u8, String)> {
        let mut uses = Vec::new();
        for behavior in self.behaviors() {
            let named = [
                (CachePolicyConfig::KIND.number, behavior.cache_policy_id.as_deref()),
                (OriginRequestPolicyConfig::KIND.number, behavior.origin_request_policy_id.as_deref()),
                (ResponseHeadersPolicyConfig::KIND.number, behavior.response_headers_policy_id.as_deref()),
            ];
            uses.extend(named.into_iter().filter_map(|(kind, id)| Some((kind, id?.to_owned()))));
            let groups = behavior.trusted_key_groups.items.iter();
            uses.extend(groups.map(|id| (KeyGroupConfig::KIND.number, id.clone())));
        }
        for origin in &self.origins.items {
            uses.push((OriginAccessControlConfig::KIND.number, origin.origin_access_control_id.clone()));
            if let Some(id) = origin.identity() {
                uses.push((OriginAccessIdentityConfig::KIND.number, id.to_owned()));
            }
        }
        uses.retain(|(_, id)| !id.is_empty());
        uses.sort();
        uses.dedup();
        uses
    }
}

impl Origin {
    /// The id of its origin access identity.
    pub fn identity(&self) -> Option<&str> {
        let identity = &self.s3_origin_config.as_ref()?.origin_access_identity;
        identity.strip_prefix(IDENTITY_PATH).filter(|id| !id.is_empty())
    }
}

fn check_absent_of(behavior: &Behavior) -> Result<(), Error> {
    let absent = [
        (!behavior.lambda_function_associations.items.is_empty(), "Lambda@Edge (LambdaFunctionAssociations)"),
        (!behavior.function_associations.items.is_empty(), "CloudFront Functions (FunctionAssociations)"),
        (behavior.smooth_streaming, "Smooth streaming (SmoothStreaming)"),
        (!behavior.field_level_encryption_id.is_empty(), "Field-level encryption (FieldLevelEncryptionId)"),
        (
            behavior.realtime_log_config_arn.as_ref().is_some_and(|arn| !arn.is_empty()),
            "Real-time logs (RealtimeLogConfigArn)",
        ),
        (behavior.grpc_config.enabled, "gRPC (GrpcConfig)"),
        (
            behavior.trusted_signers.enabled || !behavior.trusted_signers.items.is_empty(),
            "Trusted signers (TrustedSigners), in whose place key groups have come (TrustedKeyGroups),",
        ),
    ];
    match absent.into_iter().find(|(is_wanted, _)| *is_wanted) {
        Some((_, what)) => Err(Error::not_implemented(what)),
        None => Ok(()),
    }
}

fn check_origin(origin: &Origin, read: &dyn Read) -> Result<(), Error> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    if origin.domain_name.is_empty() || origin.domain_name.len() > 253 || !origin.domain_name.bytes().all(is_name) {
        return Err(Error::argument("The parameter Origin DomainName does not refer to a valid name."));
    }
    let path = &origin.origin_path;
    if !path.is_empty() && (!path.starts_with('/') || path.ends_with('/') || path.contains(['?', '#', '*'])) {
        let message = "The relative path is too big, is not URL-encoded, or does not begin with a slash (/).";
        return Err(Error::new(400, "InvalidRelativePath", message));
    }
    if origin.vpc_origin_config.is_some() {
        return Err(Error::not_implemented("An origin in a VPC (VpcOriginConfig)"));
    }
    if origin.s3_origin_config.is_some() == origin.custom_origin_config.is_some() {
        let message = "An origin is a bucket (S3OriginConfig) or a server (CustomOriginConfig): one of both.";
        return Err(Error::new(400, "InvalidOrigin", message));
    }
    if let Some(custom) = &origin.custom_origin_config {
        let policies = ["http-only", "match-viewer", "https-only"];
        one_of("OriginProtocolPolicy", &custom.origin_protocol_policy, &policies)?;
        if custom.origin_mtls_config.is_some() {
            return Err(Error::not_implemented("Mutual TLS with origins (OriginMtlsConfig)"));
        }
        if !(1..=180).contains(&custom.origin_read_timeout) {
            return Err(Error::new(
                400,
                "InvalidOriginReadTimeout",
                "The read timeout specified for the origin is not valid.",
            ));
        }
    }
    check_custom_headers(origin)?;
    check_access(origin, read)
}

fn check_custom_headers(origin: &Origin) -> Result<(), Error> {
    let headers = &origin.custom_headers.items;
    if headers.len() > limits::CUSTOM_HEADERS_MAX {
        let message = "Your request contains too many origin custom headers.";
        return Err(Error::new(400, "TooManyOriginCustomHeaders", message));
    }
    let fits = |name: &str, value: &str| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok();
        name.is_some_and(|name| !crate::traffic::headers::is_of_connection(&name))
            && http::HeaderValue::from_str(value).is_ok()
    };
    match headers.iter().find(|header| !fits(&header.header_name, &header.header_value)) {
        Some(header) => {
            Err(Error::argument(format!("The header '{:.64}' cannot be sent to origins.", header.header_name)))
        }
        None => Ok(()),
    }
}

fn check_access(origin: &Origin, read: &dyn Read) -> Result<(), Error> {
    let control = &origin.origin_access_control_id;
    if !control.is_empty() {
        if origin.s3_origin_config.is_none() {
            let message = "An origin access control is for buckets: origins with an S3OriginConfig.";
            return Err(Error::new(400, "InvalidOriginAccessControl", message));
        }
        if origin.identity().is_some() {
            let message = "An origin cannot have both an origin access control and an origin access identity.";
            return Err(Error::new(400, "IllegalOriginAccessConfiguration", message));
        }
        if !ENTITIES.contains(read, (OriginAccessControlConfig::KIND.number, control))? {
            return Err(OriginAccessControlConfig::KIND.missing());
        }
    }
    let named = origin.s3_origin_config.as_ref().map_or("", |config| config.origin_access_identity.as_str());
    let known = match origin.identity() {
        Some(id) => ENTITIES.contains(read, (OriginAccessIdentityConfig::KIND.number, id))?,
        None => named.is_empty(),
    };
    if known {
        return Ok(());
    }
    Err(Error::new(400, "InvalidOriginAccessIdentity", "The specified origin access identity does not exist."))
}

fn check_methods(behavior: &Behavior) -> Result<(), Error> {
    let sorted = |methods: &[String]| {
        let mut methods: Vec<String> = methods.to_vec();
        methods.sort_unstable();
        methods
    };
    let read: &[&str] = &["GET", "HEAD"];
    let asked: &[&str] = &["GET", "HEAD", "OPTIONS"];
    let all: &[&str] = &["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
    let allowed = sorted(&behavior.allowed_methods.items);
    let cached = sorted(&behavior.allowed_methods.cached_methods.items);
    if [read, asked, all].iter().any(|known| allowed == *known) && [read, asked].iter().any(|known| cached == *known) {
        return Ok(());
    }
    Err(Error::argument(
        "The parameter AllowedMethods must be GET and HEAD, these and OPTIONS, or all seven methods; CachedMethods one of the first two.",
    ))
}

fn check_key_groups(behavior: &Behavior, read: &dyn Read) -> Result<(), Error> {
    let trusted = &behavior.trusted_key_groups;
    if trusted.enabled == trusted.items.is_empty() {
        return Err(Error::argument(
            "TrustedKeyGroups is enabled where it names key groups, and not where it names none.",
        ));
    }
    if trusted.items.len() > limits::BEHAVIOR_KEY_GROUPS_MAX {
        let message = "The number of key groups referenced by this distribution is more than the maximum allowed.";
        return Err(Error::new(400, "TooManyKeyGroupsAssociatedToDistribution", message));
    }
    for id in &trusted.items {
        if !ENTITIES.contains(read, (KeyGroupConfig::KIND.number, id))? {
            return Err(Error::new(400, "TrustedKeyGroupDoesNotExist", "The specified key group does not exist."));
        }
    }
    Ok(())
}

fn check_error_response(response: &CustomErrorResponse) -> Result<(), Error> {
    if !limits::CUSTOM_ERROR_CODES.contains(&response.error_code) {
        let message = "An invalid error code was specified.";
        return Err(Error::new(400, "InvalidErrorCode", message));
    }
    let (page, code) = (&response.response_page_path, &response.response_code);
    if page.is_empty() != code.is_empty() || !page.is_empty() && !page.starts_with('/') {
        return Err(Error::argument(
            "A custom error response has both a ResponsePagePath, which begins with a slash, and a ResponseCode, or neither.",
        ));
    }
    let known = code.parse().is_ok_and(|code: u16| code == 200 || limits::CUSTOM_ERROR_CODES.contains(&code));
    if !code.is_empty() && !known {
        return Err(Error::new(400, "InvalidResponseCode", "A response code is not valid."));
    }
    Ok(())
}
