//! Headers: those of one connection alone, and those that answers get from a policy.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CONNECTION,
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION,
};

use super::path;
use crate::documents::headers::{CorsConfig, ResponseHeadersPolicyConfig, SecurityHeadersConfig};

/// Headers that are about a connection, or that only this server may set: they are not passed on.
/// Source: RFC 9110, 7.6.1, and what CloudFront says of custom headers,
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/add-origin-custom-headers.html>.
pub fn is_of_connection(name: &HeaderName) -> bool {
    const NAMES: [&str; 12] = [
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    NAMES.contains(&name.as_str()) || name.as_str().starts_with("x-amz-cf-")
}

/// Those of an origin's headers that viewers get.
pub fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let named =
        headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    let named: Vec<String> = named.map(|name| name.trim().to_ascii_lowercase()).collect();
    let mut passed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if !is_of_connection(name) && !named.iter().any(|other| other == name.as_str()) {
            passed.append(name.clone(), value.clone());
        }
    }
    passed
}

/// What a header says, where that is text.
pub fn text(headers: &HeaderMap, name: impl http::header::AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str, replaces: bool) {
    if !replaces && headers.contains_key(&name) {
        return;
    }
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

impl ResponseHeadersPolicyConfig {
    /// Gives an answer the headers that the policy has for it. `request` is what the viewer sent.
    pub fn apply(&self, request: &HeaderMap, is_preflight: bool, headers: &mut HeaderMap) {
        for removed in self.remove_headers_config.iter().flat_map(|list| &list.items) {
            headers.remove(removed.header.as_str());
        }
        if let Some(cors) = &self.cors_config {
            cors.apply(request, is_preflight, headers);
        }
        if let Some(security) = &self.security_headers_config {
            security.apply(headers);
        }
        for custom in self.custom_headers_config.iter().flat_map(|list| &list.items) {
            if let Ok(name) = HeaderName::from_bytes(custom.header.as_bytes()) {
                set(headers, name, &custom.value, custom.r#override);
            }
        }
    }
}

/// All that a page may be told it may do.
const ALL_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

impl CorsConfig {
    /// The origin that a page of `origin` is told.
    fn allowed(&self, origin: &str) -> Option<String> {
        let all = &self.access_control_allow_origins.items;
        if all.iter().any(|pattern| pattern == "*") && !self.access_control_allow_credentials {
            return Some("*".into());
        }
        all.iter().any(|pattern| path::matches(pattern, origin)).then(|| origin.to_owned())
    }

    fn apply(&self, request: &HeaderMap, is_preflight: bool, headers: &mut HeaderMap) {
        let Some(origin) = text(request, ORIGIN) else { return };
        let Some(allowed) = self.allowed(origin) else { return };
        let of_origin = headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN);
        if of_origin && !self.origin_override {
            return;
        }
        if allowed != "*" {
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        set(headers, ACCESS_CONTROL_ALLOW_ORIGIN, &allowed, true);
        if self.access_control_allow_credentials {
            set(headers, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true", true);
        }
        if let Some(exposed) = self.access_control_expose_headers.as_ref().filter(|list| !list.items.is_empty()) {
            set(headers, ACCESS_CONTROL_EXPOSE_HEADERS, &exposed.items.join(","), true);
        }
        if !is_preflight {
            return;
        }
        let methods = &self.access_control_allow_methods.items;
        let all = methods.iter().any(|method| method == "ALL");
        set(headers, ACCESS_CONTROL_ALLOW_METHODS, &if all { ALL_METHODS.into() } else { methods.join(", ") }, true);
        if !self.access_control_allow_headers.items.is_empty() {
            set(headers, ACCESS_CONTROL_ALLOW_HEADERS, &self.access_control_allow_headers.items.join(","), true);
        }
        if let Some(seconds) = self.access_control_max_age_sec {
            set(headers, ACCESS_CONTROL_MAX_AGE, &seconds.to_string(), true);
        }
    }
}

impl SecurityHeadersConfig {
    fn apply(&self, headers: &mut HeaderMap) {
        if let Some(xss) = &self.xss_protection {
            let mut value = if xss.protection { "1".to_owned() } else { "0".to_owned() };
            if xss.mode_block == Some(true) {
                value += "; mode=block";
            } else if let Some(uri) = &xss.report_uri {
                value += &format!("; report={uri}");
            }
            set(headers, X_XSS_PROTECTION, &value, xss.r#override);
        }
        if let Some(frame) = &self.frame_options {
            set(headers, X_FRAME_OPTIONS, &frame.frame_option, frame.r#override);
        }
        if let Some(referrer) = &self.referrer_policy {
            set(headers, REFERRER_POLICY, &referrer.referrer_policy, referrer.r#override);
        }
        if let Some(policy) = &self.content_security_policy {
            set(headers, CONTENT_SECURITY_POLICY, &policy.content_security_policy, policy.r#override);
        }
        if let Some(options) = &self.content_type_options {
            set(headers, X_CONTENT_TYPE_OPTIONS, "nosniff", options.r#override);
        }
        if let Some(strict) = &self.strict_transport_security {
            let mut value = format!("max-age={}", strict.access_control_max_age_sec);
            if strict.include_subdomains == Some(true) {
                value += "; includeSubDomains";
            }
            if strict.preload == Some(true) {
                value += "; preload";
            }
            set(headers, STRICT_TRANSPORT_SECURITY, &value, strict.r#override);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::managed;

    fn applied(
        policy: usize,
        origin: Option<&'static str>,
        preflight: bool,
        before: &[(&'static str, &'static str)],
    ) -> HeaderMap {
        let mut request = HeaderMap::new();
        if let Some(origin) = origin {
            request.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        let pairs = before.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let mut headers: HeaderMap = pairs.collect();
        managed::RESPONSE_HEADERS_POLICIES[policy].1.apply(&request, preflight, &mut headers);
        headers
    }

    #[test]
    fn cors_is_for_pages_and_what_the_origin_says_comes_first() {
        assert_eq!(applied(0, None, false, &[]), HeaderMap::new());
        assert_eq!(applied(0, Some("https://a.example"), false, &[])["access-control-allow-origin"], "*");
        let own = [("access-control-allow-origin", "https://b.example")];
        assert_eq!(
            applied(0, Some("https://a.example"), false, &own)["access-control-allow-origin"],
            "https://b.example"
        );
        let preflight = applied(1, Some("https://a.example"), true, &[]);
        assert_eq!(preflight["access-control-allow-methods"], "GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS");
        assert!(!applied(1, Some("https://a.example"), false, &[]).contains_key("access-control-allow-methods"));
    }

    #[test]
    fn security_headers_are_set_unless_the_origin_may_say_otherwise() {
        let headers = applied(2, None, false, &[("x-frame-options", "DENY"), ("x-content-type-options", "x")]);
        assert_eq!(
            (&headers["x-frame-options"], &headers["x-content-type-options"]),
            (&HeaderValue::from_static("DENY"), &HeaderValue::from_static("nosniff"))
        );
        assert_eq!(headers["strict-transport-security"], "max-age=31536000");
        assert_eq!(headers["x-xss-protection"], "1; mode=block");
    }

    #[test]
    fn what_is_of_a_connection_stays_there() {
        let pairs = [("connection", "close, x-hop"), ("x-hop", "1"), ("x-end", "2"), ("transfer-encoding", "chunked")];
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        assert_eq!(passed_on(&headers).keys().collect::<Vec<_>>(), ["x-end"]);
    }
}
