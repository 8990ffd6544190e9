//! `AWS::CloudFront::Distribution`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, TAGS, TEXTS, property};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, tags, text};
use super::{form, version};
use crate::state::Deployed;

pub struct Distribution;

/// What holds for paths, but for their pattern.
macro_rules! behavior {
    ($($pattern:expr)?) => {
        Shape::Struct(&[
            $($pattern,)?
            ("AllowedMethods", TEXTS),
            ("CachePolicyId", Shape::Text),
            ("CachedMethods", TEXTS),
            ("Compress", Shape::Boolean),
            ("DefaultTTL", Shape::Integer),
            ("FieldLevelEncryptionId", Shape::Text),
            ("ForwardedValues", FORWARDED_VALUES),
            ("FunctionAssociations", Shape::List(&Shape::Json)),
            ("GrpcConfig", Shape::Struct(&[("Enabled", Shape::Boolean)])),
            ("LambdaFunctionAssociations", Shape::List(&Shape::Json)),
            ("MaxTTL", Shape::Integer),
            ("MinTTL", Shape::Integer),
            ("OriginRequestPolicyId", Shape::Text),
            ("RealtimeLogConfigArn", Shape::Text),
            ("ResponseHeadersPolicyId", Shape::Text),
            ("SmoothStreaming", Shape::Boolean),
            ("TargetOriginId", Shape::Text),
            ("TrustedKeyGroups", TEXTS),
            ("TrustedSigners", TEXTS),
            ("ViewerProtocolPolicy", Shape::Text),
        ])
    };
}

const FORWARDED_VALUES: Shape = Shape::Struct(&[
    ("Cookies", Shape::Struct(&[("Forward", Shape::Text), ("WhitelistedNames", TEXTS)])),
    ("Headers", TEXTS),
    ("QueryString", Shape::Boolean),
    ("QueryStringCacheKeys", TEXTS),
]);

const ORIGIN: Shape = Shape::Struct(&[
    ("ConnectionAttempts", Shape::Integer),
    ("ConnectionTimeout", Shape::Integer),
    (
        "CustomOriginConfig",
        Shape::Struct(&[
            ("HTTPPort", Shape::Integer),
            ("HTTPSPort", Shape::Integer),
            ("IpAddressType", Shape::Text),
            ("OriginKeepaliveTimeout", Shape::Integer),
            ("OriginProtocolPolicy", Shape::Text),
            ("OriginReadTimeout", Shape::Integer),
            ("OriginSSLProtocols", TEXTS),
        ]),
    ),
    ("DomainName", Shape::Text),
    ("Id", Shape::Text),
    ("OriginAccessControlId", Shape::Text),
    ("OriginCustomHeaders", Shape::List(&Shape::Struct(&[("HeaderName", Shape::Text), ("HeaderValue", Shape::Text)]))),
    ("OriginPath", Shape::Text),
    ("OriginShield", Shape::Struct(&[("Enabled", Shape::Boolean), ("OriginShieldRegion", Shape::Text)])),
    ("ResponseCompletionTimeout", Shape::Integer),
    ("S3OriginConfig", Shape::Struct(&[("OriginAccessIdentity", Shape::Text), ("OriginReadTimeout", Shape::Integer)])),
    ("VpcOriginConfig", Shape::Json),
]);

const ORIGIN_GROUP: Shape = Shape::Struct(&[
    (
        "FailoverCriteria",
        Shape::Struct(&[(
            "StatusCodes",
            Shape::Struct(&[("Items", Shape::List(&Shape::Integer)), ("Quantity", Shape::Integer)]),
        )]),
    ),
    ("Id", Shape::Text),
    (
        "Members",
        Shape::Struct(&[
            ("Items", Shape::List(&Shape::Struct(&[("OriginId", Shape::Text)]))),
            ("Quantity", Shape::Integer),
        ]),
    ),
    ("SelectionCriteria", Shape::Text),
]);

const CONFIG: Shape = Shape::Struct(&[
    ("Aliases", TEXTS),
    ("CNAMEs", TEXTS),
    ("CacheBehaviors", Shape::List(&behavior!(("PathPattern", Shape::Text)))),
    ("Comment", Shape::Text),
    ("ContinuousDeploymentPolicyId", Shape::Text),
    (
        "CustomErrorResponses",
        Shape::List(&Shape::Struct(&[
            ("ErrorCachingMinTTL", Shape::Integer),
            ("ErrorCode", Shape::Integer),
            ("ResponseCode", Shape::Integer),
            ("ResponsePagePath", Shape::Text),
        ])),
    ),
    ("DefaultCacheBehavior", behavior!()),
    ("DefaultRootObject", Shape::Text),
    ("Enabled", Shape::Boolean),
    ("HttpVersion", Shape::Text),
    ("IPV6Enabled", Shape::Boolean),
    ("Logging", Shape::Struct(&[("Bucket", Shape::Text), ("IncludeCookies", Shape::Boolean), ("Prefix", Shape::Text)])),
    ("OriginGroups", Shape::Struct(&[("Items", Shape::List(&ORIGIN_GROUP)), ("Quantity", Shape::Integer)])),
    ("Origins", Shape::List(&ORIGIN)),
    ("PriceClass", Shape::Text),
    (
        "Restrictions",
        Shape::Struct(&[("GeoRestriction", Shape::Struct(&[("Locations", TEXTS), ("RestrictionType", Shape::Text)]))]),
    ),
    ("Staging", Shape::Boolean),
    (
        "ViewerCertificate",
        Shape::Struct(&[
            ("AcmCertificateArn", Shape::Text),
            ("CloudFrontDefaultCertificate", Shape::Boolean),
            ("IamCertificateId", Shape::Text),
            ("MinimumProtocolVersion", Shape::Text),
            ("SslSupportMethod", Shape::Text),
        ]),
    ),
    ("WebACLId", Shape::Text),
]);

const CONFIG_PROPERTY: &str = "DistributionConfig";

#[async_trait]
impl Resource for Distribution {
    fn kind(&self) -> &'static str {
        "AWS::CloudFront::Distribution"
    }

    fn properties(&self) -> &'static [Property] {
        const { &[property(CONFIG_PROPERTY, CONFIG).required(), property("Tags", TAGS)] }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Id", "DomainName"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let config = config(wanted, json!(cx.generated_name(128)));
        let tags = json!({"Items": tags::list(&tags::map(wanted))});
        let input = json!({"DistributionConfigWithTags": {(CONFIG_PROPERTY): config, "Tags": tags}});
        made(&cx.call("cloudfront", "CreateDistributionWithTags", input).await?)
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let id = &old.physical_id;
        let (etag, shown) = version(cx, "GetDistributionConfig", id).await?;
        let config = config(wanted, reference(&shown));
        let input = json!({"Id": id, "IfMatch": etag, (CONFIG_PROPERTY): config});
        let updated = cx.call("cloudfront", "UpdateDistribution", input).await?;
        let arn = format!("arn:aws:cloudfront::{}:distribution/{id}", cx.cloud.account());
        let (set, gone) = tags::changes(&tags::map(&old.properties), &tags::map(wanted));
        if !set.is_empty() {
            let input = json!({"Resource": arn, "Tags": {"Items": tags::list(&set)}});
            cx.call("cloudfront", "TagResource", input).await?;
        }
        if !gone.is_empty() {
            cx.call("cloudfront", "UntagResource", json!({"Resource": arn, "TagKeys": {"Items": gone}})).await?;
        }
        Ok(Made { physical_id: id.clone(), ..made(&updated)? })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let id = &old.physical_id;
        let (mut etag, shown) = match version(cx, "GetDistributionConfig", id).await {
            Ok(shown) => shown,
            Err(error) if error.is_absent() => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut config = shown.get(CONFIG_PROPERTY).cloned().unwrap_or_default();
        if config.get("Enabled") == Some(&json!(true)) {
            config["Enabled"] = json!(false);
            let input = json!({"Id": id, "IfMatch": etag, (CONFIG_PROPERTY): config});
            let disabled = cx.call("cloudfront", "UpdateDistribution", input).await?;
            etag = text(&disabled, "ETag")?.to_owned();
        }
        deleted(cx.call("cloudfront", "DeleteDistribution", json!({"Id": id, "IfMatch": etag})).await)
    }
}

fn reference(shown: &Value) -> Value {
    shown.pointer("/DistributionConfig/CallerReference").cloned().unwrap_or_default()
}

/// The document as operations take it. Templates have no reference of a caller's.
fn config(wanted: &Properties, reference: Value) -> Value {
    let mut config = form::of(wanted.get(CONFIG_PROPERTY).unwrap_or(&Value::Null));
    config["CallerReference"] = reference;
    config
}

fn made(answer: &Value) -> Result<Made> {
    let distribution = answer.get("Distribution").cloned().unwrap_or_default();
    let (id, domain) = (text(&distribution, "Id")?, text(&distribution, "DomainName")?);
    Ok(Made::new(id, [("Id", json!(id)), ("DomainName", json!(domain))]))
}
