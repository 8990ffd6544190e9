//! A site: files of a folder in a bucket that nobody but its distribution reads, which gives out its first page for every path
//! that no file has, so that a page's own script can tell what is shown there.

use serde_json::{Value, json};

use super::{Compiler, attribute};
use crate::serverless::naming::{
    SITE_ACCESS, SITE_BUCKET, SITE_BUCKET_POLICY, SITE_DISTRIBUTION, SITE_FILES, SITE_OUTPUT,
};

/// The page that is given out where no file is named.
pub const INDEX: &str = "index.html";

/// `CachingOptimized`, AWS's own policy: a day where files say nothing, compressed, without regard to queries and cookies.
/// Source: <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html>
const CACHE_POLICY: &str = "658327ea-f89d-4fab-a63d-7e88639e58f6";

/// How long, in seconds, a path is known to have no file.
const MISSING_SECONDS: u64 = 10;

impl Compiler<'_> {
    pub(super) fn site(&mut self) {
        let service = self.service;
        let Some(site) = &service.site else { return };
        let access = json!({
            "Name": format!("{}-site", service.stack_name()),
            "OriginAccessControlOriginType": "s3",
            "SigningBehavior": "always",
            "SigningProtocol": "sigv4",
        });
        let files = json!({
            "Bucket": {"Ref": SITE_BUCKET},
            "DistributionId": {"Ref": SITE_DISTRIBUTION},
            "DomainName": attribute(SITE_DISTRIBUTION, "DomainName"),
            "Content": {"Package": self.hashes.site},
        });
        for (id, kind, properties) in [
            (SITE_BUCKET, "AWS::S3::Bucket", json!({"PublicAccessBlockConfiguration": closed()})),
            (SITE_ACCESS, "AWS::CloudFront::OriginAccessControl", json!({"OriginAccessControlConfig": access})),
            (SITE_DISTRIBUTION, "AWS::CloudFront::Distribution", json!({"DistributionConfig": self.distribution()})),
            (SITE_BUCKET_POLICY, "AWS::S3::BucketPolicy", policy()),
            (SITE_FILES, "Custom::CloudletSite", files),
        ] {
            self.add(id, json!({"Type": kind, "Properties": properties}), &site.at);
        }
        let output = json!({"Description": "URL of the site", "Value": attribute(SITE_FILES, "Url")});
        self.template.outputs.insert(SITE_OUTPUT.into(), output);
    }

    fn distribution(&self) -> Value {
        // A bucket that may not be listed answers 403 for what it does not have.
        let missing = [403, 404].map(|code| {
            json!({
                "ErrorCode": code,
                "ResponseCode": 200,
                "ResponsePagePath": format!("/{INDEX}"),
                "ErrorCachingMinTTL": MISSING_SECONDS,
            })
        });
        json!({
            "Enabled": true,
            "Comment": format!("The site of {}", self.service.stack_name()),
            "DefaultRootObject": INDEX,
            "HttpVersion": "http2",
            "Origins": [{
                "Id": "site",
                "DomainName": attribute(SITE_BUCKET, "RegionalDomainName"),
                "OriginAccessControlId": attribute(SITE_ACCESS, "Id"),
                "S3OriginConfig": {"OriginAccessIdentity": ""},
            }],
            "DefaultCacheBehavior": {
                "TargetOriginId": "site",
                "ViewerProtocolPolicy": "redirect-to-https",
                "CachePolicyId": CACHE_POLICY,
                "Compress": true,
            },
            "CustomErrorResponses": missing,
        })
    }
}

fn closed() -> Value {
    let all = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
    all.into_iter().map(|name| (name.to_owned(), Value::Bool(true))).collect::<serde_json::Map<_, _>>().into()
}

/// Source: <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html>
fn policy() -> Value {
    let distribution = json!({
        "Fn::Sub": format!("arn:${{AWS::Partition}}:cloudfront::${{AWS::AccountId}}:distribution/${{{SITE_DISTRIBUTION}}}"),
    });
    let statement = json!({
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": {"Fn::Sub": format!("${{{SITE_BUCKET}.Arn}}/*")},
        "Condition": {"StringEquals": {"AWS:SourceArn": distribution}},
    });
    json!({
        "Bucket": {"Ref": SITE_BUCKET},
        "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    })
}
