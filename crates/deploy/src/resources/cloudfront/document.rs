//! `AWS::CloudFront::CachePolicy`, `OriginRequestPolicy`, `ResponseHeadersPolicy`, `OriginAccessControl`,
//! `CloudFrontOriginAccessIdentity`, `PublicKey` and `KeyGroup`: one document each, made, changed and deleted alike.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, TEXTS, property};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, text};
use super::{form, version};
use crate::state::Deployed;

/// A kind of document.
pub struct Document {
    kind: &'static str,
    /// As operations are named after it.
    name: &'static str,
    /// The property, and the member of operations, that is the document.
    config: &'static str,
    properties: &'static [Property],
    attributes: &'static [&'static str],
}

const HEADERS: Shape = Shape::Struct(&[("HeaderBehavior", Shape::Text), ("Headers", TEXTS)]);
const COOKIES: Shape = Shape::Struct(&[("CookieBehavior", Shape::Text), ("Cookies", TEXTS)]);
const QUERY_STRINGS: Shape = Shape::Struct(&[("QueryStringBehavior", Shape::Text), ("QueryStrings", TEXTS)]);

pub const CACHE_POLICY: Document = Document {
    kind: "AWS::CloudFront::CachePolicy",
    name: "CachePolicy",
    config: "CachePolicyConfig",
    properties: &[property(
        "CachePolicyConfig",
        Shape::Struct(&[
            ("Name", Shape::Text),
            ("Comment", Shape::Text),
            ("DefaultTTL", Shape::Integer),
            ("MaxTTL", Shape::Integer),
            ("MinTTL", Shape::Integer),
            (
                "ParametersInCacheKeyAndForwardedToOrigin",
                Shape::Struct(&[
                    ("EnableAcceptEncodingBrotli", Shape::Boolean),
                    ("EnableAcceptEncodingGzip", Shape::Boolean),
                    ("HeadersConfig", HEADERS),
                    ("CookiesConfig", COOKIES),
                    ("QueryStringsConfig", QUERY_STRINGS),
                ]),
            ),
        ]),
    )
    .required()],
    attributes: &["Id", "LastModifiedTime"],
};

pub const ORIGIN_REQUEST_POLICY: Document = Document {
    kind: "AWS::CloudFront::OriginRequestPolicy",
    name: "OriginRequestPolicy",
    config: "OriginRequestPolicyConfig",
    properties: &[property(
        "OriginRequestPolicyConfig",
        Shape::Struct(&[
            ("Name", Shape::Text),
            ("Comment", Shape::Text),
            ("HeadersConfig", HEADERS),
            ("CookiesConfig", COOKIES),
            ("QueryStringsConfig", QUERY_STRINGS),
        ]),
    )
    .required()],
    attributes: &["Id", "LastModifiedTime"],
};

const ITEMS: Shape = Shape::Struct(&[("Items", TEXTS)]);
const OVERRIDE: (&str, Shape) = ("Override", Shape::Boolean);

pub const RESPONSE_HEADERS_POLICY: Document = Document {
    kind: "AWS::CloudFront::ResponseHeadersPolicy",
    name: "ResponseHeadersPolicy",
    config: "ResponseHeadersPolicyConfig",
    properties: &[property(
        "ResponseHeadersPolicyConfig",
        Shape::Struct(&[
            ("Name", Shape::Text),
            ("Comment", Shape::Text),
            (
                "CorsConfig",
                Shape::Struct(&[
                    ("AccessControlAllowCredentials", Shape::Boolean),
                    ("AccessControlAllowHeaders", ITEMS),
                    ("AccessControlAllowMethods", ITEMS),
                    ("AccessControlAllowOrigins", ITEMS),
                    ("AccessControlExposeHeaders", ITEMS),
                    ("AccessControlMaxAgeSec", Shape::Integer),
                    ("OriginOverride", Shape::Boolean),
                ]),
            ),
            (
                "SecurityHeadersConfig",
                Shape::Struct(&[
                    ("ContentSecurityPolicy", Shape::Struct(&[("ContentSecurityPolicy", Shape::Text), OVERRIDE])),
                    ("ContentTypeOptions", Shape::Struct(&[OVERRIDE])),
                    ("FrameOptions", Shape::Struct(&[("FrameOption", Shape::Text), OVERRIDE])),
                    ("ReferrerPolicy", Shape::Struct(&[("ReferrerPolicy", Shape::Text), OVERRIDE])),
                    (
                        "StrictTransportSecurity",
                        Shape::Struct(&[
                            ("AccessControlMaxAgeSec", Shape::Integer),
                            ("IncludeSubdomains", Shape::Boolean),
                            ("Preload", Shape::Boolean),
                            OVERRIDE,
                        ]),
                    ),
                    (
                        "XSSProtection",
                        Shape::Struct(&[
                            ("ModeBlock", Shape::Boolean),
                            ("Protection", Shape::Boolean),
                            ("ReportUri", Shape::Text),
                            OVERRIDE,
                        ]),
                    ),
                ]),
            ),
            ("ServerTimingHeadersConfig", Shape::Json),
            (
                "CustomHeadersConfig",
                Shape::Struct(&[(
                    "Items",
                    Shape::List(&Shape::Struct(&[("Header", Shape::Text), ("Value", Shape::Text), OVERRIDE])),
                )]),
            ),
            (
                "RemoveHeadersConfig",
                Shape::Struct(&[("Items", Shape::List(&Shape::Struct(&[("Header", Shape::Text)])))]),
            ),
        ]),
    )
    .required()],
    attributes: &["Id", "LastModifiedTime"],
};

pub const ORIGIN_ACCESS_CONTROL: Document = Document {
    kind: "AWS::CloudFront::OriginAccessControl",
    name: "OriginAccessControl",
    config: "OriginAccessControlConfig",
    properties: &[property(
        "OriginAccessControlConfig",
        Shape::Struct(&[
            ("Name", Shape::Text),
            ("Description", Shape::Text),
            ("OriginAccessControlOriginType", Shape::Text),
            ("SigningBehavior", Shape::Text),
            ("SigningProtocol", Shape::Text),
        ]),
    )
    .required()],
    attributes: &["Id"],
};

pub const ORIGIN_ACCESS_IDENTITY: Document = Document {
    kind: "AWS::CloudFront::CloudFrontOriginAccessIdentity",
    name: "CloudFrontOriginAccessIdentity",
    config: "CloudFrontOriginAccessIdentityConfig",
    properties: &[
        property("CloudFrontOriginAccessIdentityConfig", Shape::Struct(&[("Comment", Shape::Text)])).required()
    ],
    attributes: &["Id", "S3CanonicalUserId"],
};

pub const PUBLIC_KEY: Document = Document {
    kind: "AWS::CloudFront::PublicKey",
    name: "PublicKey",
    config: "PublicKeyConfig",
    properties: &[property(
        "PublicKeyConfig",
        Shape::Struct(&[
            ("CallerReference", Shape::Text),
            ("Comment", Shape::Text),
            ("EncodedKey", Shape::Text),
            ("Name", Shape::Text),
        ]),
    )
    .required()],
    attributes: &["Id", "CreatedTime"],
};

pub const KEY_GROUP: Document = Document {
    kind: "AWS::CloudFront::KeyGroup",
    name: "KeyGroup",
    config: "KeyGroupConfig",
    properties: &[property(
        "KeyGroupConfig",
        Shape::Struct(&[("Comment", Shape::Text), ("Items", TEXTS), ("Name", Shape::Text)]),
    )
    .required()],
    attributes: &["Id", "LastModifiedTime"],
};

impl Document {
    fn made(&self, shown: &Value) -> Result<Made> {
        let document = shown.get(self.name).cloned().unwrap_or_default();
        let mut made = Made::new(text(&document, "Id")?, []);
        for attribute in self.attributes {
            let value = document.get(*attribute).cloned().unwrap_or_default();
            made.attributes.insert((*attribute).to_owned(), value);
        }
        Ok(made)
    }

    /// The document as operations take it, with what tells requests apart where templates leave that out.
    fn wanted(&self, wanted: &Properties, reference: Value) -> Value {
        let mut document = form::of(wanted.get(self.config).unwrap_or(&Value::Null));
        if self.name == ORIGIN_ACCESS_IDENTITY.name {
            document["CallerReference"] = reference;
        }
        document
    }
}

#[async_trait]
impl Resource for Document {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn properties(&self) -> &'static [Property] {
        self.properties
    }

    fn attributes(&self) -> &'static [&'static str] {
        self.attributes
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let document = self.wanted(wanted, json!(cx.generated_name(128)));
        let input = json!({(self.config): document});
        let made = cx.call("cloudfront", &format!("Create{}", self.name), input).await?;
        self.made(&made)
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let id = &old.physical_id;
        let (etag, shown) = version(cx, &format!("Get{}Config", self.name), id).await?;
        let reference = shown.get(self.config).and_then(|config| config.get("CallerReference")).cloned();
        let document = self.wanted(wanted, reference.unwrap_or_default());
        let input = json!({"Id": id, "IfMatch": etag, (self.config): document});
        let made = cx.call("cloudfront", &format!("Update{}", self.name), input).await?;
        Ok(Made { physical_id: id.clone(), ..self.made(&made)? })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let id = &old.physical_id;
        let (etag, _) = match version(cx, &format!("Get{}Config", self.name), id).await {
            Ok(shown) => shown,
            Err(error) if error.is_absent() => return Ok(()),
            Err(error) => return Err(error),
        };
        deleted(cx.call("cloudfront", &format!("Delete{}", self.name), json!({"Id": id, "IfMatch": etag})).await)
    }
}
