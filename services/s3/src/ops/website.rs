//! PutBucketWebsite, GetBucketWebsite, DeleteBucketWebsite: how a bucket answers browsers. [`crate::website`] does it.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-page-redirect.html>

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::bucket::{BucketInput, Empty};
use super::setting::{Document, forget, keep, kept, told};
use crate::S3;
use crate::error::Error;
use crate::limits;
use crate::model::setting::Kind;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Website {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_all_requests_to: Option<RedirectAll>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_document: Option<IndexDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_document: Option<ErrorDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing_rules: Option<Vec<RoutingRule>>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RedirectAll {
    pub host_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct IndexDocument {
    pub suffix: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ErrorDocument {
    pub key: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RoutingRule {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Condition {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_error_code_returned_equals: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_prefix_equals: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Redirect {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_redirect_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_key_prefix_with: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_key_with: Option<String>,
}

impl RoutingRule {
    /// Whether it is for this key, and for this error where there is one; `None` before the key is looked for.
    pub fn is_for(&self, key: &str, error: Option<u16>) -> bool {
        let condition = self.condition.as_ref();
        let prefix = condition.and_then(|condition| condition.key_prefix_equals.as_deref()).unwrap_or_default();
        let of_error = condition.and_then(|condition| condition.http_error_code_returned_equals.as_deref());
        key.starts_with(prefix) && of_error.map(str::to_owned) == error.map(|status| status.to_string())
    }
}

fn check_protocol(protocol: Option<&String>) -> Result<(), Error> {
    match protocol.map(String::as_str) {
        None | Some("http" | "https") => Ok(()),
        Some(_) => Err(Error::InvalidRequest(
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically."
                .into(),
        )),
    }
}

fn check_rule(rule: &RoutingRule) -> Result<(), Error> {
    let redirect = rule.redirect.as_ref().ok_or(Error::MalformedXml)?;
    let invalid = |reason: String| Err(Error::InvalidRequest(reason));
    if redirect.replace_key_prefix_with.is_some() && redirect.replace_key_with.is_some() {
        return invalid("You can only define ReplaceKeyPrefix or ReplaceKey but not both.".into());
    }
    check_protocol(redirect.protocol.as_ref())?;
    let is_code = |code: &str, classes: &[&str]| {
        code.len() == 3 && code.parse::<u16>().is_ok() && classes.iter().any(|class| code.starts_with(class))
    };
    if let Some(code) = redirect.http_redirect_code.as_deref().filter(|code| !is_code(code, &["3"]) || *code == "300") {
        return invalid(format!(
            "The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300."
        ));
    }
    let Some(condition) = &rule.condition else { return Ok(()) };
    match (&condition.http_error_code_returned_equals, &condition.key_prefix_equals) {
        (None, None) => invalid(
            "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present."
                .into(),
        ),
        (Some(code), _) if !is_code(code, &["4", "5"]) => {
            invalid(format!("The provided HTTP error code ({code}) is not valid. Valid codes are 4XX or 5XX."))
        }
        _ => Ok(()),
    }
}

impl Document for Website {
    const KIND: Kind = Kind::Website;

    fn missing(bucket: &str) -> Result<Website, Error> {
        let message = "The specified bucket does not have a website configuration";
        Err(told(404, "NoSuchWebsiteConfiguration", message, bucket))
    }

    fn check(&self) -> Result<(), Error> {
        if let Some(all) = &self.redirect_all_requests_to {
            if self.index_document.is_some() || self.error_document.is_some() || self.routing_rules.is_some() {
                let reason = "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.";
                return Err(Error::argument("RedirectAllRequestsTo", "not null", reason));
            }
            return if all.host_name.is_empty() {
                Err(Error::MalformedXml)
            } else {
                check_protocol(all.protocol.as_ref())
            };
        }
        let Some(index) = &self.index_document else {
            let reason = "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty";
            return Err(Error::argument("IndexDocument", "null", reason));
        };
        if index.suffix.is_empty() || index.suffix.contains('/') {
            let reason = "The IndexDocument Suffix is not well formed";
            return Err(Error::argument("IndexDocument", &*index.suffix, reason));
        }
        if self.error_document.as_ref().is_some_and(|document| document.key.is_empty()) {
            return Err(Error::MalformedXml);
        }
        let rules = self.routing_rules.as_deref().unwrap_or_default();
        if rules.is_empty() && self.routing_rules.is_some() {
            return Err(Error::MalformedXml);
        }
        if rules.len() > limits::ROUTING_RULES_MAX {
            let (count, most) = (rules.len(), limits::ROUTING_RULES_MAX);
            return Err(Error::InvalidRequest(format!(
                "{count} routing rules provided, the number of routing rules in a website configuration is limited to {most}."
            )));
        }
        rules.iter().try_for_each(check_rule)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutWebsiteInput {
    pub bucket: String,
    pub website_configuration: Website,
}

pub async fn put(_: Arc<S3>, cx: Cx, input: PutWebsiteInput) -> Result<Empty, Error> {
    keep(&cx, input.bucket, &input.website_configuration).await
}

pub async fn get(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<Website, Error> {
    kept(&cx, &input.bucket)
}

pub async fn delete(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<Empty, Error> {
    forget(&cx, input.bucket, Kind::Website).await
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(website: Value) -> Result<(), Error> {
        serde_json::from_value::<Website>(website).unwrap().check()
    }

    #[test]
    fn websites_have_an_index_or_are_elsewhere() {
        let index = json!({"Suffix": "index.html"});
        let rule = |rule: Value| json!({"IndexDocument": index.clone(), "RoutingRules": [rule]});
        let redirect = json!({"HostName": "a.example", "HttpRedirectCode": "302"});
        for good in [
            json!({"IndexDocument": index, "ErrorDocument": {"Key": "404.html"}}),
            json!({"RedirectAllRequestsTo": {"HostName": "a.example", "Protocol": "https"}}),
            rule(json!({"Redirect": redirect})),
            rule(json!({"Redirect": redirect, "Condition": {"HttpErrorCodeReturnedEquals": "404"}})),
        ] {
            assert!(check(good.clone()).is_ok(), "{good}");
        }
        for bad in [
            json!({}),
            json!({"IndexDocument": {"Suffix": ""}}),
            json!({"IndexDocument": {"Suffix": "a/b"}}),
            json!({"IndexDocument": index, "ErrorDocument": {}}),
            json!({"IndexDocument": index, "RoutingRules": []}),
            json!({"IndexDocument": index, "RedirectAllRequestsTo": {"HostName": "a"}}),
            json!({"RedirectAllRequestsTo": {}}),
            json!({"RedirectAllRequestsTo": {"HostName": "a", "Protocol": "ftp"}}),
            json!({"IndexDocument": index, "RoutingRules": vec![json!({"Redirect": redirect}); limits::ROUTING_RULES_MAX + 1]}),
            rule(json!({"Condition": {"KeyPrefixEquals": "a"}})),
            rule(json!({"Redirect": redirect, "Condition": {}})),
            rule(json!({"Redirect": redirect, "Condition": {"HttpErrorCodeReturnedEquals": "200"}})),
            rule(json!({"Redirect": {"HttpRedirectCode": "300"}})),
            rule(json!({"Redirect": {"Protocol": "ftp"}})),
            rule(json!({"Redirect": {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}})),
        ] {
            assert!(check(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn rules_are_for_keys_or_errors() {
        let rule = |condition: Value| serde_json::from_value::<RoutingRule>(json!({"Condition": condition})).unwrap();
        let of_prefix = rule(json!({"KeyPrefixEquals": "docs/"}));
        assert!(
            of_prefix.is_for("docs/a", None) && !of_prefix.is_for("a", None) && !of_prefix.is_for("docs/a", Some(404))
        );
        let of_both = rule(json!({"KeyPrefixEquals": "docs/", "HttpErrorCodeReturnedEquals": "404"}));
        assert!(
            of_both.is_for("docs/a", Some(404))
                && !of_both.is_for("docs/a", Some(403))
                && !of_both.is_for("docs/a", None)
        );
        assert!(RoutingRule::default().is_for("any", None));
    }
}
