//! The policies that there are from the start, with AWS's names and ids.
//!
//! Sources: `using-managed-cache-policies`, `using-managed-origin-request-policies` and
//! `using-managed-response-headers-policies` in <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/>.

use std::sync::LazyLock;

use crate::documents::Document;
use crate::documents::headers::{
    ContentTypeOptions, CorsConfig, FrameOptions, ReferrerPolicy, ResponseHeadersPolicyConfig, SecurityHeadersConfig,
    StrictTransportSecurity, XssProtection,
};
use crate::documents::policies::{
    CachePolicyConfig, CookiesConfig, HeadersConfig, KeyParameters, OriginRequestPolicyConfig, QueryStringsConfig,
};

type Named<D> = LazyLock<Vec<(&'static str, D)>>;

/// Whether an id is one of theirs.
pub fn is(kind: u8, id: &str) -> bool {
    fn has<D: Document>(kind: u8, id: &str) -> bool {
        D::KIND.number == kind && D::managed().iter().any(|(known, _)| *known == id)
    }
    has::<CachePolicyConfig>(kind, id)
        || has::<OriginRequestPolicyConfig>(kind, id)
        || has::<ResponseHeadersPolicyConfig>(kind, id)
}

fn headers(behavior: &str, names: &[&str]) -> HeadersConfig {
    let headers = (!names.is_empty()).then(|| texts(names));
    HeadersConfig { header_behavior: behavior.into(), headers }
}

fn cookies(behavior: &str) -> CookiesConfig {
    CookiesConfig { cookie_behavior: behavior.into(), cookies: None }
}

fn query(behavior: &str, names: &[&str]) -> QueryStringsConfig {
    let query_strings = (!names.is_empty()).then(|| texts(names));
    QueryStringsConfig { query_string_behavior: behavior.into(), query_strings }
}

fn texts(names: &[&str]) -> crate::documents::List<String> {
    names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>().into()
}

fn listed(names: &[&str]) -> HeadersConfig {
    headers(if names.is_empty() { "none" } else { "whitelist" }, names)
}

/// `ttls` are the least, the usual and the most, in seconds; `coded` says whether there are keys for gzip and for Brotli.
fn cache(
    name: &str,
    comment: &str,
    (min_ttl, default_ttl, max_ttl): (u64, u64, u64),
    (enable_accept_encoding_gzip, enable_accept_encoding_brotli): (bool, bool),
    keyed: (HeadersConfig, CookiesConfig, QueryStringsConfig),
) -> CachePolicyConfig {
    let (headers_config, cookies_config, query_strings_config) = keyed;
    CachePolicyConfig {
        comment: Some(comment.into()),
        name: format!("Managed-{name}"),
        default_ttl: Some(default_ttl),
        max_ttl: Some(max_ttl),
        min_ttl,
        parameters_in_cache_key_and_forwarded_to_origin: KeyParameters {
            enable_accept_encoding_gzip,
            enable_accept_encoding_brotli,
            headers_config,
            cookies_config,
            query_strings_config,
        },
    }
}

const YEAR: u64 = 31_536_000;
const DAY: u64 = 86_400;
const BY_ORIGIN: [&str; 5] = ["host", "origin", "x-http-method-override", "x-http-method", "x-method-override"];

pub static CACHE_POLICIES: Named<CachePolicyConfig> = LazyLock::new(|| {
    let nothing = || (listed(&[]), cookies("none"), query("none", &[]));
    vec![
        (
            "658327ea-f89d-4fab-a63d-7e88639e58f6",
            cache("CachingOptimized", "For content that is compressed", (1, DAY, YEAR), (true, true), nothing()),
        ),
        (
            "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
            cache(
                "CachingOptimizedForUncompressedObjects",
                "For content that is not compressed",
                (1, DAY, YEAR),
                (false, false),
                nothing(),
            ),
        ),
        (
            "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
            cache("CachingDisabled", "Nothing is cached", (0, 0, 0), (false, false), nothing()),
        ),
        (
            "08627262-05a9-4f76-9ded-b50ca2e3a84f",
            cache(
                "Elemental-MediaPackage",
                "For Elemental MediaPackage origins",
                (0, DAY, YEAR),
                (true, false),
                (
                    listed(&["origin"]),
                    cookies("none"),
                    query("whitelist", &["aws.manifestfilter", "start", "end", "m"]),
                ),
            ),
        ),
        (
            "2e54312d-136d-493c-8eb9-b001f22f67d2",
            cache(
                "Amplify",
                "For Amplify origins",
                (2, 2, 600),
                (true, true),
                (listed(&["Authorization", "CloudFront-Viewer-Country", "Host"]), cookies("all"), query("all", &[])),
            ),
        ),
        (
            "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
            cache(
                "UseOriginCacheControlHeaders",
                "For origins that say what may be cached",
                (0, 0, YEAR),
                (true, true),
                (listed(&BY_ORIGIN), cookies("all"), query("none", &[])),
            ),
        ),
        (
            "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
            cache(
                "UseOriginCacheControlHeaders-QueryStrings",
                "For origins that say what may be cached, with query strings",
                (0, 0, YEAR),
                (true, true),
                (listed(&BY_ORIGIN), cookies("all"), query("all", &[])),
            ),
        ),
    ]
});

fn origin_request(
    name: &str,
    comment: &str,
    headers_config: HeadersConfig,
    all: &str,
    query_strings: &str,
) -> OriginRequestPolicyConfig {
    OriginRequestPolicyConfig {
        comment: Some(comment.into()),
        name: format!("Managed-{name}"),
        headers_config,
        cookies_config: cookies(all),
        query_strings_config: query(query_strings, &[]),
    }
}

/// Those of CloudFront's own headers that the policy of June 2022 names.
const CLOUDFRONT_HEADERS: [&str; 20] = [
    "CloudFront-Forwarded-Proto",
    "CloudFront-Is-Android-Viewer",
    "CloudFront-Is-Desktop-Viewer",
    "CloudFront-Is-IOS-Viewer",
    "CloudFront-Is-Mobile-Viewer",
    "CloudFront-Is-SmartTV-Viewer",
    "CloudFront-Is-Tablet-Viewer",
    "CloudFront-Viewer-Address",
    "CloudFront-Viewer-ASN",
    "CloudFront-Viewer-City",
    "CloudFront-Viewer-Country",
    "CloudFront-Viewer-Country-Name",
    "CloudFront-Viewer-Country-Region",
    "CloudFront-Viewer-Country-Region-Name",
    "CloudFront-Viewer-Http-Version",
    "CloudFront-Viewer-Latitude",
    "CloudFront-Viewer-Longitude",
    "CloudFront-Viewer-Metro-Code",
    "CloudFront-Viewer-Postal-Code",
    "CloudFront-Viewer-Time-Zone",
];
const PREFLIGHT: [&str; 3] = ["origin", "access-control-request-headers", "access-control-request-method"];

pub static ORIGIN_REQUEST_POLICIES: Named<OriginRequestPolicyConfig> = LazyLock::new(|| {
    let personalized = [&PREFLIGHT[..], &["user-agent", "x-forwarded-for"]].concat();
    vec![
        (
            "acba4595-bd28-49b8-b9fe-13317c0390fa",
            origin_request(
                "UserAgentRefererHeaders",
                "User-Agent and Referer",
                listed(&["user-agent", "referer"]),
                "none",
                "none",
            ),
        ),
        (
            "59781a5b-3903-41f3-afcb-af62929ccde1",
            origin_request("CORS-CustomOrigin", "Origin", listed(&["origin"]), "none", "none"),
        ),
        (
            "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf",
            origin_request("CORS-S3Origin", "What buckets ask of pages", listed(&PREFLIGHT), "none", "none"),
        ),
        (
            "216adef6-5c7f-47e4-b989-5492eafa07d3",
            origin_request("AllViewer", "Everything", headers("allViewer", &[]), "all", "all"),
        ),
        (
            "775133bc-15f2-49f9-abea-afb2e0bf67d2",
            origin_request(
                "Elemental-MediaTailor-PersonalizedManifests",
                "For Elemental MediaTailor origins",
                listed(&personalized),
                "none",
                "all",
            ),
        ),
        (
            "33f36d7e-f396-46d9-90e0-52428a34d9dc",
            origin_request(
                "AllViewerAndCloudFrontHeaders-2022-06",
                "Everything, and what CloudFront tells of the viewer",
                headers("allViewerAndWhitelistCloudFront", &CLOUDFRONT_HEADERS),
                "all",
                "all",
            ),
        ),
        (
            "b689b0a8-53d0-40ab-baf2-68738e2966ac",
            origin_request(
                "AllViewerExceptHostHeader",
                "Everything but the host",
                headers("allExcept", &["host"]),
                "all",
                "all",
            ),
        ),
        (
            "bf0718e1-ba1e-49d1-88b1-f726733018ae",
            origin_request("HostHeaderOnly", "The host", listed(&["host"]), "none", "none"),
        ),
    ]
});

fn simple_cors() -> CorsConfig {
    CorsConfig {
        access_control_allow_origins: texts(&["*"]),
        access_control_allow_headers: texts(&["*"]),
        access_control_allow_methods: texts(&["GET", "HEAD"]),
        ..CorsConfig::default()
    }
}

fn preflight_cors() -> CorsConfig {
    CorsConfig {
        access_control_allow_methods: texts(&["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"]),
        access_control_expose_headers: Some(texts(&["*"])),
        ..simple_cors()
    }
}

fn security() -> SecurityHeadersConfig {
    SecurityHeadersConfig {
        xss_protection: Some(XssProtection { protection: true, mode_block: Some(true), ..XssProtection::default() }),
        frame_options: Some(FrameOptions { r#override: false, frame_option: "SAMEORIGIN".into() }),
        referrer_policy: Some(ReferrerPolicy {
            r#override: false,
            referrer_policy: "strict-origin-when-cross-origin".into(),
        }),
        content_security_policy: None,
        content_type_options: Some(ContentTypeOptions { r#override: true }),
        strict_transport_security: Some(StrictTransportSecurity {
            access_control_max_age_sec: YEAR,
            ..StrictTransportSecurity::default()
        }),
    }
}

pub static RESPONSE_HEADERS_POLICIES: Named<ResponseHeadersPolicyConfig> = LazyLock::new(|| {
    let policy = |id, name: &str, cors_config, security_headers_config| {
        let (name, comment) = (format!("Managed-{name}"), Some(name.to_owned()));
        let policy = ResponseHeadersPolicyConfig {
            comment,
            name,
            cors_config,
            security_headers_config,
            ..ResponseHeadersPolicyConfig::default()
        };
        (id, policy)
    };
    vec![
        policy("60669652-455b-4ae9-85a4-c4c02393f86c", "SimpleCORS", Some(simple_cors()), None),
        policy("5cc3b908-e619-4b99-88e5-2cf7f45965bd", "CORS-With-Preflight", Some(preflight_cors()), None),
        policy("67f7725c-6f97-4210-82d7-5512b31e9d03", "SecurityHeadersPolicy", None, Some(security())),
        policy(
            "e61eb60c-9c35-4d20-a928-2b84e02af89c",
            "CORS-and-SecurityHeadersPolicy",
            Some(simple_cors()),
            Some(security()),
        ),
        policy(
            "eaab4381-ed33-4a86-88ca-d9558dc6cd63",
            "CORS-with-preflight-and-SecurityHeadersPolicy",
            Some(preflight_cors()),
            Some(security()),
        ),
    ]
});
