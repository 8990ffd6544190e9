//! PutBucketCors, GetBucketCors, DeleteBucketCors, and what pages of other origins may do.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html>

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cors, CorsAnswer, Cx};

use super::bucket::{BucketInput, Empty};
use super::setting::{Document, forget, keep, kept};
use crate::S3;
use crate::error::Error;
use crate::limits;
use crate::model::setting::Kind;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct CorsConfiguration {
    #[serde(rename = "CORSRules")]
    pub rules: Vec<CorsRule>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CorsRule {
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub allowed_headers: Vec<String>,
    pub allowed_methods: Vec<String>,
    pub allowed_origins: Vec<String>,
    pub expose_headers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age_seconds: Option<u64>,
}

const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];

impl Document for CorsConfiguration {
    const KIND: Kind = Kind::Cors;

    fn missing(bucket: &str) -> Result<CorsConfiguration, Error> {
        let told = service::Error::new(404, "NoSuchCORSConfiguration", "The CORS configuration does not exist");
        Err(Error::Told(told.with_member("BucketName", bucket)))
    }

    fn check(&self) -> Result<(), Error> {
        if self.rules.is_empty() || self.rules.len() > limits::CORS_RULES_MAX {
            return Err(Error::MalformedXml);
        }
        for rule in &self.rules {
            if rule.allowed_methods.is_empty() || rule.allowed_origins.is_empty() {
                return Err(Error::MalformedXml);
            }
            if let Some(method) = rule.allowed_methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
                return Err(Error::InvalidRequest(format!(
                    "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
                )));
            }
            let patterns = rule.allowed_origins.iter().chain(&rule.allowed_headers);
            if let Some(pattern) = patterns.into_iter().find(|pattern| pattern.matches('*').count() > 1) {
                return Err(Error::InvalidRequest(format!("\"{pattern}\" can not have more than one wildcard.")));
            }
        }
        Ok(())
    }
}

impl CorsRule {
    fn allows(&self, asked: &Cors<'_>) -> bool {
        self.allowed_origins.iter().any(|pattern| matches(pattern, asked.origin, false))
            && self.allowed_methods.iter().any(|method| method == asked.method)
            && asked
                .headers
                .iter()
                .all(|header| self.allowed_headers.iter().any(|pattern| matches(pattern, header, true)))
    }

    fn answer(&self, asked: &Cors<'_>) -> CorsAnswer {
        let everybody = self.allowed_origins.iter().any(|origin| origin == "*");
        CorsAnswer {
            origin: if everybody { "*".to_owned() } else { asked.origin.to_owned() },
            methods: self.allowed_methods.join(", "),
            headers: asked.headers.join(", "),
            exposed: self.expose_headers.join(", "),
            max_age: self.max_age_seconds,
            credentials: !everybody,
        }
    }
}

/// Whether a text is what a pattern says, in which one star stands for anything.
fn matches(pattern: &str, text: &str, without_case: bool) -> bool {
    let fold = |text: &str| if without_case { text.to_ascii_lowercase() } else { text.to_owned() };
    let (pattern, text) = (fold(pattern), fold(text));
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end),
    }
}

/// What a page may do with a bucket; nothing, unless the bucket says so.
pub fn allowed(_: &S3, cx: &Cx, bucket: &str, asked: &Cors<'_>) -> Option<CorsAnswer> {
    let rules = kept::<CorsConfiguration>(cx, bucket).ok()?.rules;
    rules.iter().find(|rule| rule.allows(asked)).map(|rule| rule.answer(asked))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutCorsInput {
    pub bucket: String,
    #[serde(rename = "CORSConfiguration")]
    pub configuration: CorsConfiguration,
}

pub async fn put(_: Arc<S3>, cx: Cx, input: PutCorsInput) -> Result<Empty, Error> {
    keep(&cx, input.bucket, &input.configuration).await
}

pub async fn get(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<CorsConfiguration, Error> {
    kept(&cx, &input.bucket)
}

pub async fn delete(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<Empty, Error> {
    forget(&cx, input.bucket, Kind::Cors).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(matches("http://*.example.com", "http://a.b.example.com", false) && matches("*", "", false));
        assert!(matches("x-amz-*", "X-Amz-Date", true) && !matches("http://*.a.com", "http://.a.co", false));
        assert!(!matches("aba*aba", "ababa", false) && !matches("HTTP://a", "http://a", false));
    }

    #[test]
    fn rules_say_who_may_do_what() {
        let rule = CorsRule {
            allowed_headers: vec!["content-*".into()],
            allowed_methods: vec!["PUT".into(), "GET".into()],
            allowed_origins: vec!["https://a.example".into()],
            expose_headers: vec!["ETag".into()],
            max_age_seconds: Some(60),
            id: None,
        };
        let asked = |origin, method, headers| Cors { origin, method, headers };
        assert!(rule.allows(&asked("https://a.example", "PUT", vec!["Content-Type"])));
        assert!(!rule.allows(&asked("https://a.example", "PUT", vec!["Content-Type", "x"])));
        assert!(!rule.allows(&asked("https://a.example", "DELETE", vec![])));
        assert!(!rule.allows(&asked("https://b.example", "PUT", vec![])));
        let answer = rule.answer(&asked("https://a.example", "PUT", vec!["Content-Type"]));
        assert_eq!(
            (answer.origin.as_str(), answer.methods.as_str(), answer.credentials),
            ("https://a.example", "PUT, GET", true)
        );
        let bad = CorsRule { allowed_methods: vec!["PATCH".into()], ..rule.clone() };
        assert!(
            CorsConfiguration { rules: vec![bad] }.check().is_err() && CorsConfiguration::default().check().is_err()
        );
        assert!(CorsConfiguration { rules: vec![rule] }.check().is_ok());
    }
}
