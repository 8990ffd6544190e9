//! Signed URLs and signed cookies: whether a viewer has been let in.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/PrivateContent.html>

use std::collections::BTreeMap;
use std::net::IpAddr;

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use rsa::PublicKey;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier;
use serde::Deserialize;
use serde_json::Value;
use sha1::Sha1;

use super::rule::{cookie, filtered};

/// What a signed URL has, and a signed cookie behind `CloudFront-`. Origins do not see them.
pub const PARAMETERS: [&str; 4] = ["Expires", "Policy", "Signature", "Key-Pair-Id"];

/// Why a viewer is not let in: a code, and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub &'static str, pub &'static str);

const MISSING: Refused = Refused("MissingKey", "Missing Key-Pair-Id query parameter or cookie value");
const UNKNOWN: Refused = Refused("InvalidKey", "Unknown Key");
const DENIED: Refused = Refused("AccessDenied", "Access denied");
const MALFORMED: Refused = Refused("MalformedPolicy", "Malformed Policy");
const BAD_SIGNATURE: Refused = Refused("MalformedSignature", "Could not unencode Signature");

/// What a viewer shows.
#[derive(Debug, Default)]
struct Shown<'a> {
    expires: Option<&'a str>,
    policy: Option<&'a str>,
    signature: Option<&'a str>,
    key: Option<&'a str>,
}

impl<'a> Shown<'a> {
    fn of(query: &'a str, headers: &'a HeaderMap) -> Shown<'a> {
        let parameter = |name: &str| {
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value)
        };
        if parameter("Key-Pair-Id").is_some() || parameter("Signature").is_some() {
            let [expires, policy, signature, key] = PARAMETERS.map(parameter);
            return Shown { expires, policy, signature, key };
        }
        let [expires, policy, signature, key] = PARAMETERS.map(|name| cookie(headers, &format!("CloudFront-{name}")));
        Shown { expires, policy, signature, key }
    }
}

/// A query as its object is asked for: without what signs it.
pub fn unsigned_query(query: &str) -> String {
    filtered(query, |name| !PARAMETERS.contains(&name))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    statement: Vec<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    resource: Option<String>,
    condition: Condition,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Condition {
    date_less_than: Epoch,
    date_greater_than: Option<Epoch>,
    ip_address: Option<Source>,
}

#[derive(Deserialize)]
struct Epoch {
    #[serde(rename = "AWS:EpochTime")]
    seconds: Value,
}

#[derive(Deserialize)]
struct Source {
    #[serde(rename = "AWS:SourceIp")]
    range: String,
}

impl Epoch {
    fn seconds(&self) -> Option<u64> {
        self.seconds.as_u64().or_else(|| self.seconds.as_str()?.parse().ok())
    }
}

/// Checks what a viewer shows. `urls` are the forms in which the URL may have been signed, with their queries and without what
/// signs them.
///
/// # Errors
/// Why not.
pub fn check(
    signers: &BTreeMap<String, PublicKey>,
    query: &str,
    headers: &HeaderMap,
    urls: &[String],
    viewer: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), Refused> {
    let shown = Shown::of(query, headers);
    let key = signers.get(shown.key.ok_or(MISSING)?).ok_or(UNKNOWN)?;
    let signature = shown.signature.and_then(decoded).ok_or(BAD_SIGNATURE)?;
    match (shown.policy, shown.expires) {
        (Some(policy), _) => {
            let policy = decoded(policy).ok_or(MALFORMED)?;
            verify(key, &policy, &signature)?;
            check_policy(&policy, urls, viewer, now)
        }
        (None, Some(expires)) => {
            let until: u64 = expires.parse().map_err(|_| MALFORMED)?;
            let is_signed = |url: &String| verify(key, canned(url, until).as_bytes(), &signature).is_ok();
            if !urls.iter().any(is_signed) || now.as_secs() >= until {
                return Err(DENIED);
            }
            Ok(())
        }
        (None, None) => Err(MALFORMED),
    }
}

/// The policy that a URL with nothing but an end stands for.
fn canned(url: &str, until: u64) -> String {
    format!(r#"{{"Statement":[{{"Resource":"{url}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{until}}}}}}}]}}"#)
}

/// Base64, without the characters that URLs do not have.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let plain: String = text
        .chars()
        .map(|character| match character {
            '-' => '+',
            '_' => '=',
            '~' => '/',
            other => other,
        })
        .collect();
    STANDARD.decode(plain).ok()
}

fn verify(key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), Refused> {
    let signature = Signature::try_from(signature).map_err(|_| BAD_SIGNATURE)?;
    VerifyingKey::<Sha1>::new(key.clone()).verify(message, &signature).map_err(|_| DENIED)
}

fn check_policy(policy: &[u8], urls: &[String], viewer: Option<IpAddr>, now: Timestamp) -> Result<(), Refused> {
    let policy: Policy = serde_json::from_slice(policy).map_err(|_| MALFORMED)?;
    let [statement] = policy.statement.as_slice() else { return Err(MALFORMED) };
    let condition = &statement.condition;
    let until = condition.date_less_than.seconds().ok_or(MALFORMED)?;
    let from = condition.date_greater_than.as_ref().map(|from| from.seconds().ok_or(MALFORMED)).transpose()?;
    if now.as_secs() >= until || from.is_some_and(|from| now.as_secs() <= from) {
        return Err(DENIED);
    }
    if let Some(Source { range }) = &condition.ip_address
        && !in_range(range, viewer).ok_or(MALFORMED)?
    {
        return Err(DENIED);
    }
    let resource = statement.resource.as_deref().unwrap_or("*");
    if urls.iter().any(|url| super::path::glob(resource.as_bytes(), url.as_bytes())) { Ok(()) } else { Err(DENIED) }
}

/// Whether an address is in a range like `192.0.2.0/24`; `None` where that is none.
fn in_range(range: &str, address: Option<IpAddr>) -> Option<bool> {
    let (base, bits) = range.split_once('/').map_or((range, None), |(base, bits)| (base, Some(bits)));
    let base: IpAddr = base.parse().ok()?;
    let bits = bits.map(str::parse::<u32>).transpose().ok()?;
    let same = |one: u128, other: u128, width: u32| {
        let bits = bits.unwrap_or(width);
        (bits <= width).then(|| bits == 0 || (one ^ other) >> (width - bits) == 0)
    };
    let plain = address.map(|address| match address {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    });
    match (base, plain) {
        (IpAddr::V4(base), Some(IpAddr::V4(other))) => same(base.to_bits().into(), other.to_bits().into(), 32),
        (IpAddr::V6(base), Some(IpAddr::V6(other))) => same(base.to_bits(), other.to_bits(), 128),
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn policy(resource: &str, condition: &str) -> Result<(), Refused> {
        let text = format!(r#"{{"Statement":[{{"Resource":"{resource}","Condition":{condition}}}]}}"#);
        let urls = ["http://d1.cloudfront.localhost/a/b.mp4?x=1".to_owned()];
        check_policy(text.as_bytes(), &urls, Some([192, 0, 2, 7].into()), NOW)
    }

    #[test]
    fn policies_say_what_when_and_for_whom() {
        let later = r#"{"DateLessThan":{"AWS:EpochTime":1800000001}}"#;
        for resource in ["*", "http*://*/a/*", "http://d1.cloudfront.localhost/a/?.mp4?x=1"] {
            assert_eq!(policy(resource, later), Ok(()), "{resource}");
        }
        assert_eq!(policy("http://d1.cloudfront.localhost/c/*", later), Err(DENIED));
        let with = |more: &str| policy("*", &format!(r#"{{"DateLessThan":{{"AWS:EpochTime":1800000001}},{more}}}"#));
        assert_eq!(with(r#""IpAddress":{"AWS:SourceIp":"192.0.2.0/24"}"#), Ok(()));
        assert_eq!(with(r#""IpAddress":{"AWS:SourceIp":"192.0.2.8/32"}"#), Err(DENIED));
        assert_eq!(with(r#""IpAddress":{"AWS:SourceIp":"0.0.0.0/0"}"#), Ok(()));
        assert_eq!(with(r#""IpAddress":{"AWS:SourceIp":"x"}"#), Err(MALFORMED));
        assert_eq!(with(r#""DateGreaterThan":{"AWS:EpochTime":1800000000}"#), Err(DENIED));
        assert_eq!(policy("*", r#"{"DateLessThan":{"AWS:EpochTime":1800000000}}"#), Err(DENIED));
        assert_eq!(policy("*", "{}"), Err(MALFORMED));
    }

    #[test]
    fn what_signs_is_no_part_of_what_is_asked_for() {
        assert_eq!(unsigned_query("a=1&Expires=2&b&Signature=x&Key-Pair-Id=K"), "a=1&b");
    }
}
