//! Signatures of requests, and bodies that are signed in chunks.

use auth::sigv2;
use auth::sigv4::{self, Chunks, Parts, Payload, Scope, Signature, signing_key};
use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use s3::PostPolicy;
use webauthn::{Assertion, Credential, Registration, RelyingParty, register, verify};

use super::{lines, outcome};

pub const WORDS: &[&str] = &[
    "Authorization: AWS4-HMAC-SHA256 ",
    "Credential=AKIA/20260101/us-east-1/sqs/aws4_request",
    "SignedHeaders=host",
    ";x-amz-date",
    "Signature=",
    "X-Amz-Date: 20260101T000000Z",
    "X-Amz-Algorithm=AWS4-HMAC-SHA256",
    "X-Amz-Credential=",
    "X-Amz-Expires=",
    "&",
    "%2F",
    "AWS AKIA:",
    "Expires=",
    "Signature=",
    "AWSAccessKeyId=",
    "\n",
    ", ",
    "Date: ",
];

/// The first line is a method, a path and a query, the others are headers.
fn with_parts<T>(input: &[u8], f: impl FnOnce(&Parts<'_>) -> T) -> T {
    let lines = lines(input);
    let mut first = lines.first().map(String::as_str).unwrap_or_default().splitn(2, ' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = HeaderMap::new();
    for line in lines.iter().skip(1) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let pair = (HeaderName::from_bytes(name.trim().as_bytes()), HeaderValue::from_str(value.trim()));
        if let (Ok(name), Ok(value)) = pair {
            headers.append(name, value);
        }
    }
    f(&Parts { method, path, query, headers: &headers })
}

fn now() -> Timestamp {
    Timestamp::from_secs(1_767_225_600)
}

pub fn version_4(input: &[u8]) -> String {
    with_parts(input, |parts| {
        let parsed = match sigv4::parse(parts) {
            Ok(Some(signature)) => signature,
            other => return outcome(other.map(|_| "unsigned".to_owned())),
        };
        let verified = sigv4::verify(&parsed, parts, b"body", "secret", now());
        format!("{} in_query {}", outcome(verified.map(|()| "verified".to_owned())), parsed.in_query)
    })
}

pub fn version_2(input: &[u8]) -> String {
    with_parts(input, |parts| match sigv2::parse(parts) {
        Ok(Some(signature)) => {
            outcome(signature.verify(parts, Some("bucket"), "secret", now()).map(|()| "verified".to_owned()))
        }
        other => outcome(other.map(|_| "unsigned".to_owned())),
    })
}

/// The first byte says which kind of body it is and how it comes in pieces.
pub fn chunks(input: &[u8]) -> String {
    let Some((how, body)) = input.split_first() else { return String::new() };
    let kind = match how % 3 {
        0 => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        1 => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        _ => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    };
    let scope = Scope::new(now(), "us-east-1", "s3");
    let signature = Signature {
        access_key_id: "AKIA".into(),
        scope: scope.clone(),
        signed_headers: vec!["host".into()],
        signature: "0".repeat(64),
        timestamp: now(),
        expires: None,
        session_token: None,
        in_query: false,
        payload: Payload::Streaming(kind.into()),
    };
    let Some(mut chunks) = Chunks::new(kind, &signature, &signing_key("secret", &scope)) else { return String::new() };
    let mut content = 0;
    for piece in body.chunks(usize::from(how / 3).max(1)) {
        match chunks.push(piece) {
            Ok(ranges) => {
                for range in ranges {
                    assert!(range.end <= piece.len(), "content is of the piece that came");
                    content += range.len();
                }
            }
            Err(error) => return outcome(Err::<String, _>(format!("{error:?}"))),
        }
    }
    assert!(content <= body.len());
    outcome(
        chunks
            .finish()
            .map(|trailers| format!("{} trailers", trailers.len().min(3)))
            .map_err(|error| format!("{error:?}")),
    )
}

pub const FORM_WORDS: &[&str] = &[
    "\"expiration\":\"2030-01-01T00:00:00Z\"",
    "\"conditions\":[",
    "[\"starts-with\",\"$key\",\"\"]",
    "[\"content-length-range\",0,10]",
    "[\"eq\",\"$acl\",\"private\"]",
    "{\"bucket\":\"b\"}",
    "x-amz-meta-a",
    "\n",
    "key=",
    "{",
    "}",
    "]",
    ",",
];

/// The policy of a form; behind it a line with each of the form's fields.
pub fn form(input: &[u8]) -> String {
    let lines = lines(input);
    let policy = lines.first().map(String::as_str).unwrap_or_default();
    // As it comes, where it is no policy by itself.
    let encoded = if policy.starts_with('{') { STANDARD.encode(policy) } else { policy.to_owned() };
    let fields = lines.iter().skip(1).filter_map(|line| line.split_once('='));
    let fields: Vec<(String, String)> = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let now = Timestamp::parse_iso8601("2026-01-01T00:00:00Z").unwrap_or(Timestamp::ZERO);
    let checked = PostPolicy::parse(&encoded).and_then(|policy| policy.check(now, "b", &fields));
    outcome(checked.map(|_| "holds".to_owned()).map_err(|error| format!("{error:?}")))
}

/// What an authenticator wrote, taken for everything that one writes: an attestation, authenticator data, a key, and what a browser says.
pub fn passkey(input: &[u8]) -> String {
    let party = RelyingParty { id: "example.com", home: None, verifies_users: false };
    let create = br#"{"type":"webauthn.create","challenge":"YQ","origin":"https://example.com"}"#;
    let get = br#"{"type":"webauthn.get","challenge":"YQ","origin":"https://example.com"}"#;
    let (transports, attachment) = (Vec::new(), None);
    let (id, client_data, attestation) = (b"credential".to_vec(), create.to_vec(), input.to_vec());
    let made = Registration { id: id.clone(), client_data, attestation, transports, attachment };
    let registered = register(party, b"a", &made).map(|made| format!("{} bytes of a key", made.key.len()));
    let signed = Assertion {
        id: id.clone(),
        client_data: get.to_vec(),
        authenticator_data: input.to_vec(),
        signature: vec![1; 64],
        user_handle: None,
    };
    let kept = Credential { id: id.clone(), key: input.to_vec(), counter: 0, may_be_copied: false };
    let verified = verify(party, b"a", &kept, &signed).map(|verified| format!("{verified:?}"));
    let told = Registration { client_data: input.to_vec(), ..made };
    let told = register(party, b"a", &told).map(|made| format!("{made:?}"));
    let json = serde_json::from_slice(input).unwrap_or_default();
    let read = (Registration::read(&json).is_ok(), Assertion::read(&json).is_ok());
    format!("{} {} {} {read:?}", outcome(registered), outcome(verified), outcome(told))
}
