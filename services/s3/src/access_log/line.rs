//! A line of an access log.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html>

use base::Timestamp;
use http::request::Parts;
use http::{HeaderMap, Method, Version};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use service::{Answered, CallerKind, PeerAddr};

use crate::limits;
use crate::ops::copy::Source;

/// What is not known.
const NONE: &str = "-";
/// How long a body is that comes in chunks with signatures.
const DECODED_LENGTH: &str = "x-amz-decoded-content-length";

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Rest,
    Website,
}

/// What a line tells of a request before it is answered.
#[derive(Clone, Debug)]
pub struct Request {
    pub came: Timestamp,
    owner: String,
    door: Door,
    peer: Option<String>,
    method: Method,
    /// `GET /bucket/key HTTP/1.1`.
    first_line: String,
    /// Percent-encoded.
    key: Option<String>,
    version: Option<String>,
    referer: Option<String>,
    agent: Option<String>,
    host: Option<String>,
    signature: (&'static str, &'static str),
    /// Of an object that comes with it, in bytes.
    length: Option<u64>,
    /// Whether it is told of what is copied, and not of the copy.
    is_of_source: bool,
}

impl Request {
    pub fn new(head: &Parts, key: Option<&str>, owner: String, came: Timestamp, door: Door) -> Request {
        let text = |name: &str| head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let quotable_text = |name: &str| text(name).map(|text| quotable(&text));
        let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
        let uri = head.uri.path_and_query().map_or(path, |uri| uri.as_str());
        Request {
            came,
            owner,
            door,
            peer: head.extensions.get::<PeerAddr>().map(|peer| peer.0.ip().to_string()),
            method: head.method.clone(),
            first_line: quotable(&format!("{} {uri} {}", head.method, protocol(head.version))),
            key: key.map(quotable),
            version: parameter(query, "versionId").map(str::to_owned),
            referer: quotable_text("referer"),
            agent: quotable_text("user-agent"),
            host: quotable_text("host").map(|host| host.replace(' ', "")),
            signature: signature(&head.headers, query),
            length: text(DECODED_LENGTH).or_else(|| text("content-length")).and_then(|length| length.parse().ok()),
            is_of_source: false,
        }
    }

    /// The same of what is copied.
    pub fn of_source(&self, source: &Source) -> Request {
        let key = utf8_percent_encode(&source.key, KEY).to_string();
        Request { key: Some(key), version: source.version.clone(), is_of_source: true, ..self.clone() }
    }

    /// The line, with its end.
    pub fn line(&self, bucket: &str, answered: &Answered) -> String {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| NONE.to_owned());
        let quoted = |text: &Option<String>| format!("\"{}\"", text.as_deref().unwrap_or(NONE));
        let some = |number: u64| if number == 0 { NONE.to_owned() } else { number.to_string() };
        let came = self.came.utc().strftime("[%d/%b/%Y:%H:%M:%S +0000]").to_string();
        let (scheme, kind) = self.signature;
        let fields = [
            self.owner.clone(),
            bucket.to_owned(),
            came,
            or_none(&self.peer),
            requester(&self.owner, answered),
            answered.request.id.clone(),
            self.operation(answered),
            or_none(&self.key),
            format!("\"{}\"", self.first_line),
            answered.status.as_u16().to_string(),
            answered.error.as_deref().unwrap_or(NONE).to_owned(),
            some(answered.sent),
            self.object_size(answered),
            answered.ended.as_millis().to_string(),
            self.turn_around(answered),
            quoted(&self.referer),
            quoted(&self.agent),
            or_none(&self.version),
            answered.request.id.clone(),
            scheme.to_owned(),
            // The cipher of TLS: what a connection has agreed on is not known here.
            NONE.to_owned(),
            kind.to_owned(),
            or_none(&self.host),
            // The version of TLS, an access point, and whether a list of access decided.
            NONE.to_owned(),
            NONE.to_owned(),
            NONE.to_owned(),
        ];
        fields.join(" ") + "\n"
    }

    fn operation(&self, answered: &Answered) -> String {
        let operation = answered.request.operation.unwrap_or_default();
        let is_copy = matches!(operation, "CopyObject" | "UploadPartCopy");
        let method = if is_copy { "COPY" } else { self.method.as_str() };
        let otherwise = if self.key.is_some() { "OBJECT" } else { "BUCKET" };
        let resource = match self.door {
            Door::Rest => resource(operation).unwrap_or(otherwise),
            Door::Website => "OBJECT",
        };
        let door = if self.door == Door::Rest { "REST" } else { "WEBSITE" };
        format!("{door}.{method}.{resource}{}", if self.is_of_source { "_GET" } else { "" })
    }

    /// Of the object that was sent or came; its parts tell of all of it.
    fn object_size(&self, answered: &Answered) -> String {
        let text = |name: &str| answered.headers.get(name).and_then(|value| value.to_str().ok());
        let size = match (answered.request.operation, self.door) {
            _ if answered.error.is_some() || self.is_of_source => None,
            (Some("PutObject" | "UploadPart"), _) => self.length,
            (Some("GetObject" | "HeadObject"), _) | (_, Door::Website) => {
                let ranged = text("content-range").and_then(|range| range.rsplit('/').next());
                ranged.or_else(|| text("content-length")).and_then(|size| size.parse().ok())
            }
            _ => None,
        };
        size.map_or_else(|| NONE.to_owned(), |size| size.to_string())
    }

    /// From the last byte of the request to the first of its answer; of a body that is taken as it comes, that is not known.
    fn turn_around(&self, answered: &Answered) -> String {
        match answered.request.operation {
            Some("PutObject" | "UploadPart" | "PostObject") => NONE.to_owned(),
            _ => answered.begun.as_millis().to_string(),
        }
    }
}

/// What an operation is about, in the words of logs; `None` for those that are about an object or a bucket as such.
fn resource(operation: &str) -> Option<&'static str> {
    let about = operation.strip_prefix("Put").or_else(|| operation.strip_prefix("Get"));
    let about = about.or_else(|| operation.strip_prefix("Delete")).unwrap_or(operation);
    Some(match about {
        "PostObject" => "OBJECT",
        "BucketLocation" => "LOCATION",
        "BucketVersioning" => "VERSIONING",
        "ListObjectVersions" => "BUCKETVERSIONS",
        "Objects" => "MULTI_OBJECT_DELETE",
        "CreateMultipartUpload" | "ListMultipartUploads" => "UPLOADS",
        "CompleteMultipartUpload" | "AbortMultipartUpload" | "ListParts" => "UPLOAD",
        "UploadPart" | "UploadPartCopy" => "PART",
        "BucketTagging" => "TAGGING",
        "ObjectTagging" => "OBJECT_TAGGING",
        "ObjectAttributes" => "OBJECT_ATTRIBUTES",
        "BucketAcl" | "ObjectAcl" => "ACL",
        "BucketOwnershipControls" => "OWNERSHIP_CONTROLS",
        "PublicAccessBlock" => "PUBLIC_ACCESS_BLOCK",
        "BucketEncryption" => "ENCRYPTION",
        "BucketPolicy" => "BUCKETPOLICY",
        "BucketPolicyStatus" => "POLICY_STATUS",
        "BucketCors" => "CORS",
        "BucketLifecycle" | "BucketLifecycleConfiguration" => "LIFECYCLE",
        "BucketLogging" => "LOGGING_STATUS",
        "BucketNotificationConfiguration" => "NOTIFICATION",
        "BucketWebsite" => "WEBSITE",
        "ObjectLockConfiguration" => "OBJECT_LOCK_CONFIGURATION",
        "ObjectRetention" => "OBJECT_LOCK_RETENTION",
        "ObjectLegalHold" => "OBJECT_LOCK_LEGALHOLD",
        _ => return None,
    })
}

/// Who asked: the account by its id, its users and sessions by their ARNs.
fn requester(owner: &str, answered: &Answered) -> String {
    let Some(caller) = &answered.request.caller else { return NONE.to_owned() };
    match caller.kind {
        CallerKind::Anonymous => NONE.to_owned(),
        CallerKind::Root | CallerKind::System => owner.to_owned(),
        CallerKind::User { .. } | CallerKind::Session { .. } | CallerKind::Federated { .. } => caller.arn.to_string(),
    }
}

/// How a request says who sent it: which signature, and where.
fn signature(headers: &HeaderMap, query: &str) -> (&'static str, &'static str) {
    let header = headers.get(http::header::AUTHORIZATION).map(|value| value.as_bytes());
    match header {
        Some(value) if value.starts_with(b"AWS4-") => ("SigV4", "AuthHeader"),
        Some(value) if value.starts_with(b"AWS ") => ("SigV2", "AuthHeader"),
        _ if parameter(query, "X-Amz-Signature").is_some() => ("SigV4", "QueryString"),
        _ if parameter(query, "AWSAccessKeyId").is_some() => ("SigV2", "QueryString"),
        _ => (NONE, NONE),
    }
}

fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value).filter(|value| !value.is_empty())
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

/// What keys keep of their characters.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/').remove(b'*');
/// What would end a field early.
const ENDS: &AsciiSet = &CONTROLS.add(b'"');

/// A text of the client's that is no longer than a line may have of it, and that stays within its quotes.
fn quotable(text: &str) -> String {
    let encoded = utf8_percent_encode(text, ENDS).to_string();
    match encoded.char_indices().nth(limits::LOG_FIELD_CHARACTERS_MAX) {
        Some((end, _)) => encoded.get(..end).unwrap_or_default().to_owned(),
        None => encoded,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use base::AccountId;
    use http::StatusCode;
    use service::{Asked, Caller};

    use super::*;

    fn answered(operation: Option<&'static str>, status: u16, error: Option<&'static str>) -> Answered {
        let caller = Some(Caller::root(&AccountId::new("000000000000")));
        Answered {
            request: Asked { id: "id-1".into(), operation, caller, came: Instant::now() },
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::from_iter([(http::header::CONTENT_RANGE, "bytes 0-1/5".parse().unwrap())]),
            error: error.map(Into::into),
            sent: 2,
            begun: Duration::from_millis(3),
            ended: Duration::from_millis(4),
        }
    }

    fn request(method: &str, uri: &str, key: Option<&str>) -> Request {
        let head = http::Request::builder()
            .method(method)
            .uri(uri)
            .header("host", "localhost:4566")
            .header("user-agent", "a \"b\"")
            .header("authorization", "AWS4-HMAC-SHA256 x")
            .header("content-length", "7");
        let head = head.body(()).unwrap().into_parts().0;
        Request::new(&head, key, "owner".into(), Timestamp::from_secs(1_549_411_238), Door::Rest)
    }

    #[test]
    fn a_line_has_its_fields_in_their_order() {
        let line = request("GET", "/b/k%20%C3%A4?versionId=v", Some("k%20%C3%A4"))
            .line("b", &answered(Some("GetObject"), 206, None));
        assert_eq!(
            line,
            "owner b [06/Feb/2019:00:00:38 +0000] - owner id-1 REST.GET.OBJECT k%20%C3%A4 \
             \"GET /b/k%20%C3%A4?versionId=v HTTP/1.1\" 206 - 2 5 4 3 \"-\" \"a %22b%22\" v id-1 SigV4 - AuthHeader \
             localhost:4566 - - -\n"
        );
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let named = |method: &str, operation, key| {
            request(method, "/b/k", key).operation(&answered(Some(operation), 200, None))
        };
        for (method, operation, key, name) in [
            ("PUT", "PutObject", Some("k"), "REST.PUT.OBJECT"),
            ("PUT", "CopyObject", Some("k"), "REST.COPY.OBJECT"),
            ("POST", "DeleteObjects", None, "REST.POST.MULTI_OBJECT_DELETE"),
            ("GET", "ListObjectsV2", None, "REST.GET.BUCKET"),
            ("PUT", "PutBucketLogging", None, "REST.PUT.LOGGING_STATUS"),
            ("DELETE", "DeleteObjectTagging", Some("k"), "REST.DELETE.OBJECT_TAGGING"),
            ("DELETE", "DeleteBucket", None, "REST.DELETE.BUCKET"),
        ] {
            assert_eq!(named(method, operation, key), name);
        }
        let refused = request("PUT", "/b?replication", None);
        assert_eq!(refused.operation(&answered(None, 501, Some("NotImplemented"))), "REST.PUT.BUCKET");
        let source = Source { bucket: "b".into(), key: "a b".into(), version: None };
        let source = request("PUT", "/c/k", Some("k")).of_source(&source);
        assert_eq!(source.operation(&answered(Some("CopyObject"), 200, None)), "REST.COPY.OBJECT_GET");
        assert_eq!(source.key.as_deref(), Some("a%20b"));
    }

    #[test]
    fn sizes_are_of_objects() {
        let size =
            |operation, error| request("PUT", "/b/k", Some("k")).object_size(&answered(Some(operation), 200, error));
        assert_eq!((size("PutObject", None).as_str(), size("GetObject", None).as_str()), ("7", "5"));
        assert_eq!((size("PutObject", Some("AccessDenied")).as_str(), size("DeleteObject", None).as_str()), ("-", "-"));
    }

    #[test]
    fn fields_stay_in_their_quotes_and_have_an_end() {
        assert_eq!(quotable("a\"\nb"), "a%22%0Ab");
        assert_eq!(quotable(&"x".repeat(limits::LOG_FIELD_CHARACTERS_MAX + 1)).len(), limits::LOG_FIELD_CHARACTERS_MAX);
    }

    #[test]
    fn signatures_have_a_version_and_a_place() {
        let of = |query| signature(&HeaderMap::new(), query);
        assert_eq!(of("X-Amz-Signature=a"), ("SigV4", "QueryString"));
        assert_eq!(of("AWSAccessKeyId=a&Signature=b"), ("SigV2", "QueryString"));
        assert_eq!(of("versionId=a"), ("-", "-"));
    }
}
