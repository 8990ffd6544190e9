//! Response headers policies: what answers are given to say to browsers.

use http::{HeaderName, HeaderValue};
use kv::Read;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::policies::listed;
use super::{Document, Kind, List, Moment, check_name, one_of};
use crate::error::Error;
use crate::limits;
use crate::managed;
use crate::types::Entity;

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ResponseHeadersPolicyConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_config: Option<CorsConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_headers_config: Option<SecurityHeadersConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_timing_headers_config: Option<ServerTiming>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_headers_config: Option<List<CustomHeader>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove_headers_config: Option<List<RemovedHeader>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CorsConfig {
    pub access_control_allow_origins: List<String>,
    pub access_control_allow_headers: List<String>,
    pub access_control_allow_methods: List<String>,
    pub access_control_allow_credentials: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_control_expose_headers: Option<List<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_control_max_age_sec: Option<u32>,
    pub origin_override: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SecurityHeadersConfig {
    #[serde(rename = "XSSProtection", skip_serializing_if = "Option::is_none")]
    pub xss_protection: Option<XssProtection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_options: Option<FrameOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer_policy: Option<ReferrerPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_security_policy: Option<ContentSecurityPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type_options: Option<ContentTypeOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict_transport_security: Option<StrictTransportSecurity>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct XssProtection {
    pub r#override: bool,
    pub protection: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode_block: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_uri: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FrameOptions {
    pub r#override: bool,
    pub frame_option: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReferrerPolicy {
    pub r#override: bool,
    pub referrer_policy: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContentSecurityPolicy {
    pub r#override: bool,
    pub content_security_policy: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContentTypeOptions {
    pub r#override: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StrictTransportSecurity {
    pub r#override: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_subdomains: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preload: Option<bool>,
    pub access_control_max_age_sec: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServerTiming {
    pub enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling_rate: Option<f64>,
}

impl Eq for ServerTiming {}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CustomHeader {
    pub header: String,
    pub value: String,
    pub r#override: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RemovedHeader {
    pub header: String,
}

/// Headers that no policy removes.
/// Source: <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/understanding-response-headers-policies.html>
const KEPT: [&str; 9] = [
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

impl ResponseHeadersPolicyConfig {
    fn check_custom(&self) -> Result<(), Error> {
        for header in self.custom_headers_config.iter().flat_map(|list| &list.items) {
            let fits = HeaderName::from_bytes(header.header.as_bytes())
                .is_ok_and(|name| !KEPT.contains(&name.as_str()))
                && HeaderValue::from_str(&header.value).is_ok();
            if !fits {
                return Err(Error::argument(format!("The header '{:.64}' cannot be set.", header.header)));
            }
        }
        for header in self.remove_headers_config.iter().flat_map(|list| &list.items) {
            let name = HeaderName::from_bytes(header.header.as_bytes());
            if !name.is_ok_and(|name| !KEPT.contains(&name.as_str())) {
                return Err(Error::argument(format!("The header '{:.64}' cannot be removed.", header.header)));
            }
        }
        Ok(())
    }

    fn check_security(&self) -> Result<(), Error> {
        let Some(security) = &self.security_headers_config else { return Ok(()) };
        if let Some(frame) = &security.frame_options {
            one_of("FrameOption", &frame.frame_option, &["DENY", "SAMEORIGIN"])?;
        }
        if let Some(ReferrerPolicy { referrer_policy, .. }) = &security.referrer_policy {
            let known = [
                "no-referrer",
                "no-referrer-when-downgrade",
                "origin",
                "origin-when-cross-origin",
                "same-origin",
                "strict-origin",
                "strict-origin-when-cross-origin",
                "unsafe-url",
            ];
            one_of("ReferrerPolicy", referrer_policy, &known)?;
        }
        let texts = [
            security.content_security_policy.as_ref().map(|policy| &policy.content_security_policy),
            security.xss_protection.as_ref().and_then(|protection| protection.report_uri.as_ref()),
        ];
        if texts.into_iter().flatten().any(|text| HeaderValue::from_str(text).is_err()) {
            return Err(Error::argument("A security header has characters that no header can have."));
        }
        Ok(())
    }

    fn check_cors(&self) -> Result<(), Error> {
        let Some(cors) = &self.cors_config else { return Ok(()) };
        let known = ["GET", "POST", "OPTIONS", "PUT", "DELETE", "PATCH", "HEAD", "ALL"];
        for method in &cors.access_control_allow_methods.items {
            one_of("AccessControlAllowMethods", method, &known)?;
        }
        let origins = &cors.access_control_allow_origins.items;
        if origins.is_empty() {
            return Err(Error::argument("The parameter AccessControlAllowOrigins names no origin."));
        }
        let exposed = cors.access_control_expose_headers.iter().flat_map(|list| &list.items);
        let texts = origins.iter().chain(&cors.access_control_allow_headers.items).chain(exposed);
        if let Some(text) = texts.into_iter().find(|text| HeaderValue::from_str(text).is_err()) {
            return Err(Error::argument(format!("'{text:.64}' cannot be part of a header.")));
        }
        Ok(())
    }
}

impl Document for ResponseHeadersPolicyConfig {
    const KIND: Kind = Kind {
        number: 3,
        name: "ResponseHeadersPolicy",
        config: "ResponseHeadersPolicyConfig",
        list: "ResponseHeadersPolicyList",
        resource: "response-headers-policy",
        path: "response-headers-policy",
        id_prefix: None,
        time: Some(("LastModifiedTime", Moment::Modified)),
        marked: false,
        no_such: (404, "NoSuchResponseHeadersPolicy"),
        exists: "ResponseHeadersPolicyAlreadyExists",
        in_use: "ResponseHeadersPolicyInUse",
        too_many: ("TooManyResponseHeadersPolicies", limits::POLICIES_MAX),
    };

    fn managed() -> &'static [(&'static str, ResponseHeadersPolicyConfig)] {
        &managed::RESPONSE_HEADERS_POLICIES
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, _: &dyn Read) -> Result<(), Error> {
        check_name("Name", &self.name, limits::NAME_CHARACTERS_MAX)?;
        if self.server_timing_headers_config.as_ref().is_some_and(|timing| timing.enabled) {
            return Err(Error::not_implemented("The Server-Timing header of a response headers policy"));
        }
        self.check_custom()?;
        self.check_security()?;
        self.check_cors()
    }

    fn summary(&self, entity: &Entity, shown: Value) -> Value {
        listed(&Self::KIND, entity, shown)
    }
}
