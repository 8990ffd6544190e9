//! AWS Signature Version 2, as S3 still takes it: boto3 makes presigned URLs with it unless told otherwise.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html>

use std::collections::BTreeMap;

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::sigv4::{Error, Parts, S3_SKEW_MAX};

/// Query parameters that change what is asked for, and are signed.
const SIGNED_PARAMETERS: [&str; 42] = [
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "retention",
    "select",
    "select-type",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// A signature as the request states it. Nothing in it is to be believed before [`Signature::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub access_key_id: String,
    pub session_token: Option<String>,
    /// In base64.
    pub signature: String,
    /// When a presigned URL ends, in seconds since 1970; without it, the request has a date.
    expires: Option<u64>,
}

/// Reads a request's signature; `None` when it has none of this version.
///
/// # Errors
/// One that is there but incomplete.
pub fn parse(parts: &Parts) -> Result<Option<Signature>, Error> {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let in_header = text("authorization").and_then(|value| value.strip_prefix("AWS "));
    let query = parameters(parts.query);
    let session_token = |query: &BTreeMap<String, String>| {
        query.get("x-amz-security-token").cloned().or_else(|| text("x-amz-security-token").map(str::to_owned))
    };
    if let Some(header) = in_header {
        let (key, signature) = header.trim().rsplit_once(':').ok_or_else(|| {
            Error::Incomplete("AWS authorization header is invalid.  Expected AwsAccessKeyId:signature".into())
        })?;
        let (access_key_id, signature) = (key.to_owned(), signature.to_owned());
        return Ok(Some(Signature {
            access_key_id,
            signature,
            session_token: session_token(&BTreeMap::new()),
            expires: None,
        }));
    }
    let (Some(access_key_id), Some(signature)) = (query.get("AWSAccessKeyId"), query.get("Signature")) else {
        return Ok(None);
    };
    let expires = query.get("Expires").and_then(|expires| expires.parse().ok());
    let expires = expires
        .ok_or_else(|| Error::Incomplete("Invalid Expires parameter: seconds since 1970 are expected".into()))?;
    Ok(Some(Signature {
        access_key_id: access_key_id.clone(),
        signature: signature.clone(),
        session_token: session_token(&query),
        expires: Some(expires),
    }))
}

impl Signature {
    /// Verifies it with the secret of its access key. `host_bucket` is the bucket that the request's host stands for: it is signed
    /// as a part of the path.
    ///
    /// # Errors
    /// Each reason to refuse is its own [`Error`].
    pub fn verify(&self, parts: &Parts, host_bucket: Option<&str>, secret: &str, now: Timestamp) -> Result<(), Error> {
        let date = self.check_time(parts.headers, now)?;
        let string_to_sign = self.string_to_sign(parts, host_bucket, parts.path, &date);
        if self.is_of(secret, &string_to_sign) {
            return Ok(());
        }
        // Clients sign the name of a bucket with a slash behind it, and do not always send that.
        let names_bucket = host_bucket.is_none() && parts.path.matches('/').count() == 1;
        let with_slash = format!("{}/", parts.path);
        if names_bucket && self.is_of(secret, &self.string_to_sign(parts, None, &with_slash, &date)) {
            return Ok(());
        }
        Err(Error::Mismatch { canonical_request: String::new(), string_to_sign })
    }

    fn is_of(&self, secret: &str, string_to_sign: &str) -> bool {
        verifies(secret, string_to_sign, &self.signature)
    }

    /// What stands for the date in what is signed.
    fn check_time(&self, headers: &HeaderMap, now: Timestamp) -> Result<String, Error> {
        if let Some(expires) = self.expires {
            let limit = Timestamp::from_secs(expires);
            if limit < now {
                return Err(Error::UrlExpired { time: limit, limit: now, now, life: std::time::Duration::ZERO });
            }
            return Ok(expires.to_string());
        }
        let amz_date = headers.get("x-amz-date");
        let date = amz_date.or_else(|| headers.get("date")).and_then(|date| date.to_str().ok()).unwrap_or_default();
        // Which day of the week it was, nobody needs to know.
        let of_day = date.split_once(", ").map_or(date, |(_, rest)| rest);
        let time = jiff::fmt::rfc2822::parse(of_day).ok();
        let time = time.and_then(|time| u64::try_from(time.timestamp().as_millisecond()).ok());
        let time = time
            .map(Timestamp)
            .ok_or_else(|| Error::Unsigned("AWS authentication requires a valid Date or x-amz-date header".into()))?;
        if time > now + S3_SKEW_MAX || time < now - S3_SKEW_MAX {
            return Err(Error::Expired { time, limit: now - S3_SKEW_MAX, now, life: S3_SKEW_MAX });
        }
        // The other date is signed among the headers.
        Ok(if amz_date.is_some() { String::new() } else { date.to_owned() })
    }

    fn string_to_sign(&self, parts: &Parts, host_bucket: Option<&str>, path: &str, date: &str) -> String {
        let query = parameters(parts.query);
        let header = |name: &str| {
            let value = parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            value.or_else(|| query.get(name).cloned().filter(|_| self.expires.is_some())).unwrap_or_default()
        };
        let mut text = format!("{}\n{}\n{}\n{date}\n", parts.method, header("content-md5"), header("content-type"));
        for (name, value) in Self::amz_headers(parts, &query) {
            text += &format!("{name}:{value}\n");
        }
        text += &host_bucket.map(|bucket| format!("/{bucket}")).unwrap_or_default();
        text += path;
        let mut separator = '?';
        for (name, value) in query.iter().filter(|(name, _)| SIGNED_PARAMETERS.contains(&name.as_str())) {
            text.push(separator);
            separator = '&';
            text += name;
            if !value.is_empty() {
                text.push('=');
                text += value;
            }
        }
        text
    }

    /// Headers of AWS's, by name, and parameters that stand for such, as they do in presigned URLs. Of a name that comes more than once,
    /// as a header and in the query or in another case, all values are signed, since one of them will count: on lines of their own, as nobody signs.
    fn amz_headers(parts: &Parts, query: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = BTreeMap::new();
        let of_aws = |name: &str| name.starts_with("x-amz-");
        for name in parts.headers.keys().filter(|name| of_aws(name.as_str())) {
            let values = parts.headers.get_all(name).iter();
            let values: Vec<_> =
                values.map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned()).collect();
            all.insert(name.to_string(), values.join(","));
        }
        let parameters = query.iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        for (name, value) in parameters.filter(|(name, _)| of_aws(name)) {
            let signed = all.entry(name).or_insert_with(|| value.clone());
            if signed != value {
                *signed += &format!("\n{value}");
            }
        }
        all
    }
}

/// Decoded parameters by name: the first of each.
fn parameters(query: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        all.entry(decode(name)).or_insert_with(|| decode(value));
    }
    all
}

/// Whether `signature` is that of a text: of a string to sign, or of a form's policy as it came.
pub fn verifies(secret: &str, text: &str, signature: &str) -> bool {
    STANDARD.encode(hmac(secret, text)).as_bytes().ct_eq(signature.as_bytes()).into()
}

fn hmac(secret: &str, message: &str) -> [u8; 20] {
    #[allow(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104)")]
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    /// Examples of the source.
    #[test]
    fn signatures_are_aws_own() {
        let at = |text: &str| Timestamp::parse_iso8601(text).unwrap();
        let get = headers(&[
            ("date", "Tue, 27 Mar 2007 19:36:42 +0000"),
            ("authorization", "AWS AKIAIOSFODNN7EXAMPLE:bWq2s1WEIj+Ydj0vQ697zp+IXMU="),
        ]);
        let parts = Parts { method: "GET", path: "/photos/puppy.jpg", query: "", headers: &get };
        let signature = parse(&parts).unwrap().unwrap();
        let now = at("2007-03-27T19:40:00Z");
        assert_eq!(signature.access_key_id, "AKIAIOSFODNN7EXAMPLE");
        assert_eq!(signature.verify(&parts, Some("johnsmith"), SECRET, now), Ok(()));
        assert!(matches!(signature.verify(&parts, None, SECRET, now), Err(Error::Mismatch { .. })));
        assert!(matches!(
            signature.verify(&parts, Some("johnsmith"), SECRET, at("2007-03-27T20:40:00Z")),
            Err(Error::Expired { .. })
        ));
        let none = headers(&[]);
        let query = "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620";
        let parts = Parts { method: "GET", path: "/photos/puppy.jpg", query, headers: &none };
        let signature = parse(&parts).unwrap().unwrap();
        assert_eq!(signature.verify(&parts, Some("johnsmith"), SECRET, now), Ok(()));
        let later = Timestamp::from_secs(1_175_139_621);
        assert!(matches!(signature.verify(&parts, Some("johnsmith"), SECRET, later), Err(Error::UrlExpired { .. })));
    }

    #[test]
    fn dates_count_whatever_weekday_they_name() {
        let now = Timestamp::parse_iso8601("2007-03-27T19:40:00Z").unwrap();
        let told = |date: &str| {
            let headers = headers(&[("x-amz-date", date), ("authorization", "AWS a:b")]);
            let parts = Parts { method: "GET", path: "/b/", query: "", headers: &headers };
            parse(&parts).unwrap().unwrap().verify(&parts, None, SECRET, now).unwrap_err()
        };
        assert!(matches!(told("Mon, 27 Mar 2007 19:36:42 GMT"), Error::Mismatch { .. }));
        for late in ["Tue, 07 Jul 2010 21:53:04 GMT", "07 Jul 9999 21:53:04 GMT"] {
            assert!(matches!(told(late), Error::Expired { .. }), "{late}");
        }
        for none in ["", "Tue, 07 Jul 1950 21:53:04 GMT", "yesterday"] {
            assert!(matches!(told(none), Error::Unsigned(_)), "{none}");
        }
    }

    #[test]
    fn the_name_of_a_bucket_is_signed_with_a_slash_behind_it() {
        let date = "Tue, 27 Mar 2007 19:36:42 +0000";
        let signed = STANDARD.encode(hmac(SECRET, &format!("PUT\n\n\n{date}\n/bucket/")));
        let authorization = format!("AWS key:{signed}");
        let headers = headers(&[("date", date), ("authorization", authorization.as_str())]);
        let now = Timestamp::parse_iso8601("2007-03-27T19:40:00Z").unwrap();
        let verify = |path| {
            let parts = Parts { method: "PUT", path, query: "", headers: &headers };
            parse(&parts).unwrap().unwrap().verify(&parts, None, SECRET, now)
        };
        assert_eq!((verify("/bucket"), verify("/bucket/")), (Ok(()), Ok(())));
        assert!(verify("/other").is_err() && verify("/bucket/k").is_err());
    }

    #[test]
    fn what_is_signed_in_a_url_has_one_value() {
        let acl = |value| headers(&[("x-amz-acl", value)]);
        let signed = STANDARD.encode(hmac(SECRET, "PUT\n\n\n1175139620\nx-amz-acl:private\n/b/k"));
        let signed =
            percent_encoding::percent_encode(signed.as_bytes(), percent_encoding::NON_ALPHANUMERIC).to_string();
        let verify = |before: &str, headers: &HeaderMap| {
            let query = format!("{before}x-amz-acl=private&AWSAccessKeyId=a&Signature={signed}&Expires=1175139620");
            let parts = Parts { method: "PUT", path: "/b/k", query: &query, headers };
            parse(&parts).unwrap().unwrap().verify(&parts, None, SECRET, Timestamp::from_secs(1_175_000_000))
        };
        assert_eq!([verify("", &headers(&[])), verify("", &acl("private"))], [Ok(()), Ok(())]);
        assert!(verify("", &acl("public-read")).is_err());
        for before in ["X-Amz-Acl=public-read&", "x-amz-acl=public-read&", "x-amz-grant-read=id&"] {
            assert!(verify(before, &headers(&[])).is_err(), "{before}");
        }
        // Nor can a value be taken apart.
        let signed = STANDARD.encode(hmac(SECRET, "PUT\n\n\n1175139620\nx-amz-copy-source:b/x,y\n/b/k"));
        let signed = signed.replace('+', "%2B");
        let query = format!("x-amz-copy-source=y&AWSAccessKeyId=a&Signature={signed}&Expires=1175139620");
        let source = headers(&[("x-amz-copy-source", "b/x")]);
        let parts = Parts { method: "PUT", path: "/b/k", query: &query, headers: &source };
        let now = Timestamp::from_secs(1_175_000_000);
        assert!(parse(&parts).unwrap().unwrap().verify(&parts, None, SECRET, now).is_err());
        // Nor does a signature in a header let anybody add to the URL.
        let date = "Tue, 27 Mar 2007 19:36:42 +0000";
        let signed = STANDARD.encode(hmac(SECRET, &format!("PUT\n\n\n{date}\n/b/k")));
        let headers = headers(&[("date", date), ("authorization", format!("AWS a:{signed}").as_str())]);
        let verify = |query| {
            let parts = Parts { method: "PUT", path: "/b/k", query, headers: &headers };
            parse(&parts).unwrap().unwrap().verify(&parts, None, SECRET, Timestamp::from_secs(1_175_024_202))
        };
        assert!(verify("").is_ok() && verify("x-amz-acl=public-read").is_err());
    }

    #[test]
    fn what_is_incomplete_is_told() {
        let parts = |query| Parts { method: "GET", path: "/", query, headers: Box::leak(Box::new(HeaderMap::new())) };
        assert_eq!(parse(&parts("")), Ok(None));
        assert_eq!(parse(&parts("Signature=x&Expires=1")), Ok(None));
        assert!(parse(&parts("Signature=x&AWSAccessKeyId=y&Expires=soon")).is_err());
        let bad = headers(&[("authorization", "AWS nobody")]);
        assert!(parse(&Parts { method: "GET", path: "/", query: "", headers: &bad }).is_err());
    }
}
