//! The published Signature Version 4 test suite, as one table, and properties that it does not cover.
//!
//! The signatures are AWS's: <https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html>, in the
//! edition of <https://github.com/awslabs/aws-c-auth> (`tests/aws-signing-test-suite/v4`), less its doubles.

use std::time::Duration;

use base::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::canonical::{Claims, PathStyle, sha256};
use super::verify::check_signature;
use super::{Credentials, Error, Family, Parts, Signature, parse, presign, sign, signing_key, verify};

const NOW: Timestamp = Timestamp(1_440_938_160_000);
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
const LONG_TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

struct Case {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    query: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    token: Option<&'static str>,
    style: PathStyle,
    /// In the `Authorization` header.
    signature: &'static str,
    /// In the query, for an hour.
    presigned: &'static str,
}

const GET: Case = Case {
    name: "",
    method: "GET",
    path: "/",
    query: "",
    headers: &[],
    body: "",
    token: None,
    style: PathStyle::Normalized,
    signature: "",
    presigned: "",
};
const POST: Case = Case { method: "POST", ..GET };

#[rustfmt::skip]
const SUITE: &[Case] = &[
    Case { name: "get-header-key-duplicate", headers: &[("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")], signature: "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea", presigned: "3349ee0b81b4b589da0ff28a395c3591e04de515651dd74f298fa992d1507a97", ..GET },
    Case { name: "get-header-value-multiline", headers: &[("My-Header1", "value1  value2     value3")], signature: "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd", presigned: "e6f5def831211aca02987a44b96826706278c7bc078112ae0263659c5b2f2d56", ..GET },
    Case { name: "get-header-value-order", headers: &[("My-Header1", "value4"), ("My-Header1", "value1"), ("My-Header1", "value3"), ("My-Header1", "value2")], signature: "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01", presigned: "313720e71ca6202fdcfa9b20f88de01a4eb0638a83c833b1c184359a4eda864e", ..GET },
    Case { name: "get-header-value-trim", headers: &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")], signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736", presigned: "e7bb0fd515e125e1aec2ecc4c0c17484fb06f6846b927c35e46005dd3df3acd4", ..GET },
    Case { name: "get-relative-normalized", path: "/example/..", signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", presigned: "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d", ..GET },
    Case { name: "get-relative-relative-normalized", path: "/example1/example2/../..", signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", presigned: "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d", ..GET },
    Case { name: "get-relative-relative-unnormalized", path: "/example1/example2/../..", style: PathStyle::AsIs, signature: "dc33e0856fd4baca4d7aa2146c38958283844764f38c74252a333df5e613003b", presigned: "b45db0bfd1cf15003493b733e33aa208dd981bd0e63037a6ed953f71d2118a16", ..GET },
    Case { name: "get-relative-unnormalized", path: "/example/..", style: PathStyle::AsIs, signature: "eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff9282", presigned: "cbcb213b928a077e43275df47b500f1dfaa864ab3f5a18f6b95f4ff0938167ee", ..GET },
    Case { name: "get-slash-dot-slash-normalized", path: "/./", signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", presigned: "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d", ..GET },
    Case { name: "get-slash-dot-slash-unnormalized", path: "/./", style: PathStyle::AsIs, signature: "68714168e6557f8f2de0ef956fc24dc2593a4bd2961f8df51898d8a134695145", presigned: "a9b13e8f3484d9505bf1a6f347219f8f35b0fe8f128ceea597efc146a3dfe90c", ..GET },
    Case { name: "get-slash-normalized", path: "//", signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", presigned: "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d", ..GET },
    Case { name: "get-slash-pointless-dot-normalized", path: "/./example", signature: "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5", presigned: "35034b1a0bdd969f346975386daf8aedfd4976573b8348cf4f67eaa41c5857de", ..GET },
    Case { name: "get-slash-pointless-dot-unnormalized", path: "/./example", style: PathStyle::AsIs, signature: "beb03f223f7deae4146464f06e29eebbee9c8afbe15c290cf07aa8b119e14cff", presigned: "72b11f16d9530b18204bfb71f2d6ab085894c0ed8d352730a6e76234c58b5e10", ..GET },
    Case { name: "get-slash-unnormalized", path: "//", style: PathStyle::AsIs, signature: "c88bcd3d312d75078c0cd961d6deae3f4c754924b01669efcfcb439fd5e5b76e", presigned: "b2a9542809db687769200f56a844a03f2bd0291d6eb90232d5101c6a579446cd", ..GET },
    Case { name: "get-slashes-normalized", path: "//example//", signature: "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84", presigned: "c1834e8fb0307243711f0f907f6ab7311ed300d87f13792d7ee4da89ab93e082", ..GET },
    Case { name: "get-slashes-unnormalized", path: "//example//", style: PathStyle::AsIs, signature: "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5", presigned: "822a5a9ba28072c5ab2bb4a6307d0c88276d40e49fec6b724c03fb4d4ba60fc2", ..GET },
    Case { name: "get-space-normalized", path: "/example space/", signature: "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741", presigned: "7a1f416954786484c9824d93c1f26ef64acb9b1b6c9154d08c9f07d0e394abf6", ..GET },
    Case { name: "get-space-unnormalized", path: "/example space/", style: PathStyle::AsIs, signature: "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741", presigned: "7a1f416954786484c9824d93c1f26ef64acb9b1b6c9154d08c9f07d0e394abf6", ..GET },
    Case { name: "get-unreserved", path: "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", signature: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f", presigned: "95968482db1b9e0fadef6efc1bd24689f77c77d9ef56919c96a28cc92e0d6005", ..GET },
    Case { name: "get-utf8", path: "/ሴ", signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85", presigned: "10eae3f14a260bd3911cc6d008d3c576d143b05b62f09782a7a4b37f52178e44", ..GET },
    Case { name: "get-vanilla", signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", presigned: "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d", ..GET },
    Case { name: "get-vanilla-empty-query-key", query: "Param1=value1", signature: "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb", presigned: "49096700cbbaa5753443850f40df10f904fc2fdb544dc9512203cc77c471a9de", ..GET },
    Case { name: "get-vanilla-query-order-encoded", query: "Param-3=Value3&Param=Value2&%E1%88%B4=Value1", signature: "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac", presigned: "c5f1848ceec943ac2ca68ee720460c23aaae30a2300586597ada94c4a65e4787", ..GET },
    Case { name: "get-vanilla-query-order-key-case", query: "Param2=value2&Param1=value1", signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500", presigned: "86012e2c9ad4d77369f5d81c11f75158aae4f895a085212cc6d3f923d300bed5", ..GET },
    Case { name: "get-vanilla-query-unreserved", query: "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", signature: "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197", presigned: "8e76a88a7433637b12778d5592799b29ad21ecd6cf6325051c21d86f0acda2bf", ..GET },
    Case { name: "get-vanilla-utf8-query", query: "ሴ=bar", signature: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04", presigned: "0bdd809b1519ac4f0c1dc3540e2cc46bd0c7f778eda408b2ebf3b913d21ff600", ..GET },
    Case { name: "get-vanilla-with-session-token", token: Some(TOKEN), signature: "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8", presigned: "7ff2b50b376cb4d151970630573d6291dc128cc5c2a12ffb237f73cc53f67b6c", ..GET },
    Case { name: "post-header-key-case", signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b", presigned: "2ce6e6d2e0cf2f9d1b55fafec88cd20574c31dc2e7631979f71ba2310083e95b", ..POST },
    Case { name: "post-header-key-sort", headers: &[("My-Header1", "value1")], signature: "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c", presigned: "c09d07e0d55871f10f2a6d350d994acf6825a3cae70673d7def55616e6119dd7", ..POST },
    Case { name: "post-header-value-case", headers: &[("My-Header1", "VALUE1")], signature: "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d", presigned: "0698bc9e4f7f9139065ba2909c0e99da257e8e2a42492a097bcd46d792391fed", ..POST },
    Case { name: "post-sts-header-before", token: Some(LONG_TOKEN), signature: "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead", presigned: "46c2e3c63c1dbe7d39f8ada16fe7f001c1f56c5791441565323677f96308871c", ..POST },
    Case { name: "post-vanilla-empty-query-value", query: "Param1=value1", signature: "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11", presigned: "a9ef26247f293bffe40eeff86a0480ba8c14d31503b2e0c3399e3a16bf1a3682", ..POST },
    Case { name: "post-x-www-form-urlencoded", headers: &[("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", "13")], body: "Param1=value1", signature: "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b", presigned: "89a40deed0f26f9461242825a082d2222717248abc7ab41f552ad84a94ad46e9", ..POST },
    Case { name: "post-x-www-form-urlencoded-parameters", headers: &[("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"), ("Content-Length", "13")], body: "Param1=value1", signature: "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422", presigned: "0dbeb9b026c7b6675f266b8427efec9b4fa8b1f6ef1477d717aea231106eab4d", ..POST },
];

fn header_map<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let mut map = HeaderMap::new();
    map.insert("host", HeaderValue::from_static("example.amazonaws.com"));
    for (name, value) in headers {
        map.append(
            name.to_ascii_lowercase().parse::<HeaderName>().unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    map
}

fn credentials(token: Option<&str>) -> Credentials {
    Credentials { access_key_id: "AKIDEXAMPLE".into(), secret: SECRET.into(), session_token: token.map(str::to_owned) }
}

impl Case {
    fn headers(&self) -> HeaderMap {
        header_map(self.headers.iter().copied())
    }

    /// With what the suite adds to a request before it signs its headers.
    fn signed_headers(&self) -> HeaderMap {
        let mut headers = self.headers();
        headers.insert("x-amz-date", HeaderValue::from_static("20150830T123600Z"));
        if let Some(token) = self.token {
            headers.insert("x-amz-security-token", HeaderValue::from_static(token));
        }
        if !self.body.is_empty() {
            headers.insert("x-amz-content-sha256", sha256(self.body.as_bytes()).parse().unwrap());
        }
        headers
    }

    fn parts<'a>(&'a self, headers: &'a HeaderMap) -> Parts<'a> {
        Parts { method: self.method, path: self.path, query: self.query, headers }
    }

    /// Our verdict on a signed request of the suite.
    fn verify(&self, parts: &Parts) -> Result<Signature, Error> {
        let signature = parse(parts)?.expect("the request is signed");
        if self.style == PathStyle::Normalized {
            verify(&signature, parts, self.body.as_bytes(), SECRET, NOW)?;
        } else {
            // The suite's service is not S3, so its unnormalized paths need a way around `verify`.
            let claims = Claims {
                style: self.style,
                signed_headers: &signature.signed_headers,
                payload: &sha256(self.body.as_bytes()),
            };
            check_signature(&signature, parts, &claims, &signing_key(SECRET, &signature.scope))?;
        }
        Ok(signature)
    }
}

#[test]
fn the_suite_signed_in_headers() {
    for case in SUITE {
        let mut headers = case.signed_headers();
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={}, Signature={}",
            names.join(";"),
            case.signature
        );
        headers.insert("authorization", authorization.parse().unwrap());
        let signature = case.verify(&case.parts(&headers)).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(signature.session_token.as_deref(), case.token, "{}", case.name);
        if case.style == PathStyle::Normalized {
            let unsigned = case.signed_headers();
            let added = sign(
                &case.parts(&unsigned),
                case.body.as_bytes(),
                &credentials(case.token),
                "us-east-1",
                "service",
                NOW,
            )
            .unwrap();
            assert!(
                added.iter().any(|(name, value)| name == "authorization" && *value == authorization),
                "{}",
                case.name
            );
        }
    }
}

#[test]
fn the_suite_signed_in_queries() {
    for case in SUITE {
        let headers = case.headers();
        let parts = case.parts(&headers);
        let query = presign(
            &parts,
            case.body.as_bytes(),
            &credentials(case.token),
            "us-east-1",
            "service",
            NOW,
            Duration::from_secs(3600),
        )
        .unwrap();
        if case.style == PathStyle::Normalized {
            assert!(query.ends_with(&format!("X-Amz-Signature={}", case.presigned)), "{}: {query}", case.name);
        }
        let (unsigned, _) = query.rsplit_once('=').unwrap();
        let query = format!("{unsigned}={}", case.presigned);
        let signature =
            case.verify(&Parts { query: &query, ..parts }).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!((signature.session_token.as_deref(), signature.in_query), (case.token, true), "{}", case.name);
    }
}

/// A signed request, as a server gets it.
struct Signed {
    path: String,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Signed {
    fn new(path: &str, query: &str, header: &str, body: &[u8], service: &str) -> Signed {
        let mut headers = header_map([("x-custom", header)]);
        let parts = Parts { method: "POST", path, query, headers: &headers };
        for (name, value) in sign(&parts, body, &credentials(Some("token")), "eu-west-1", service, NOW).unwrap() {
            headers.insert(name, value.parse().unwrap());
        }
        Signed { path: path.into(), query: query.into(), headers, body: body.into() }
    }

    fn verify(&self, secret: &str, now: Timestamp) -> Result<(), Error> {
        let parts = Parts { method: "POST", path: &self.path, query: &self.query, headers: &self.headers };
        verify(&parse(&parts)?.ok_or(Error::Missing)?, &parts, &self.body, secret, now)
    }
}

/// Replaces one character by another.
fn tamper(text: &str, at: usize) -> String {
    let at = at % text.len();
    let other = if text.as_bytes()[at] == b'x' { "y" } else { "x" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]

    #[test]
    fn what_is_signed_verifies_and_nothing_else_does(
        path in "(/[a-z0-9]{1,5}(%2[0-9A]|[.]{1,2}|/|=)?){1,4}",
        query in "([A-Za-z]{1,3}=[a-z0-9%+]{0,4}(&)?){0,4}",
        header in "[a-z0-9]{1,10}( {1,3}[a-z]{1,4})?",
        body in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
        at in 0usize..1000,
        s3 in proptest::bool::ANY,
    ) {
        let service = if s3 { "s3" } else { "sqs" };
        let signed = || Signed::new(&path, &query, &header, &body, service);
        proptest::prop_assert_eq!(signed().verify(SECRET, NOW), Ok(()));
        let refused = |change: &dyn Fn(&mut Signed)| {
            let mut request = signed();
            change(&mut request);
            request.verify(SECRET, NOW).unwrap_err().code(Family::Query)
        };
        let mismatch = "SignatureDoesNotMatch";
        proptest::prop_assert_eq!(refused(&|request| request.path.push('x')), mismatch);
        proptest::prop_assert_eq!(refused(&|request| request.query.push_str("&x=1")), mismatch);
        proptest::prop_assert_eq!(refused(&|request| request.body.push(0)), mismatch);
        proptest::prop_assert_eq!(refused(&|request| drop(request.headers.remove("x-custom"))), mismatch);
        if !body.is_empty() {
            proptest::prop_assert_eq!(refused(&|request| { let at = at % request.body.len(); request.body[at] ^= 1; }), mismatch);
        }
        for name in ["x-custom", "host", "x-amz-security-token"] {
            let change = |request: &mut Signed| {
                let value = tamper(request.headers[name].to_str().unwrap(), at);
                request.headers.insert(HeaderName::from_static(name), value.parse().unwrap());
            };
            // A space that becomes two, or an edge that becomes a space, is the same header: `tamper` writes letters.
            proptest::prop_assert_eq!(refused(&change), mismatch);
        }
        proptest::prop_assert!(signed().verify(&tamper(SECRET, at), NOW).is_err());
        let authorization = |request: &mut Signed| {
            let text = request.headers["authorization"].to_str().unwrap().to_owned();
            let start = text.find("Credential=").unwrap();
            let changed = format!("{}{}", &text[..start], tamper(&text[start..], at));
            request.headers.insert("authorization", changed.parse().unwrap());
        };
        let mut request = signed();
        authorization(&mut request);
        // The access key's name is not part of what is signed: whose secret it is decides.
        let renamed = parse(&Parts { method: "POST", path: "/", query: "", headers: &request.headers }).is_ok_and(|signature| signature.unwrap().access_key_id != "AKIDEXAMPLE");
        proptest::prop_assert_eq!(request.verify(SECRET, NOW).is_ok(), renamed);
    }

    #[test]
    fn reading_a_signature_never_panics(authorization in "AWS4-HMAC-SHA256 [ -~]{0,80}", query in "X-Amz-Algorithm=[ -~]{0,80}", date in "[ -~]{0,20}") {
        let mut headers = header_map([("x-amz-date", date.as_str())]);
        let _ = parse(&Parts { method: "GET", path: "/", query: &query, headers: &headers });
        headers.insert("authorization", authorization.parse().unwrap());
        let _ = parse(&Parts { method: "GET", path: "/", query: "", headers: &headers });
    }
}

#[test]
fn time_is_checked_first() {
    let signed = Signed::new("/", "", "a", b"", "sqs");
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    assert_eq!(signed.verify(SECRET, NOW + minutes(5)), Ok(()));
    assert_eq!(signed.verify(SECRET, NOW - minutes(5)), Ok(()));
    let expired = signed.verify("wrong", NOW + minutes(6)).unwrap_err();
    assert_eq!(
        expired.to_string(),
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z (20150830T124200Z - 5 min.)"
    );
    assert_eq!((expired.code(Family::Json), expired.status(Family::Json)), ("InvalidSignatureException", 400));
    let early = signed.verify("wrong", NOW - minutes(6)).unwrap_err();
    assert_eq!(
        early.to_string(),
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123500Z (20150830T123000Z + 5 min.)"
    );
    assert_eq!((early.code(Family::Query), early.status(Family::Query)), ("SignatureDoesNotMatch", 403));
    assert_eq!(Signed::new("/", "", "a", b"", "s3").verify(SECRET, NOW + minutes(15)), Ok(()));
}

#[test]
fn presigned_urls_end() {
    let headers = header_map([]);
    let parts = Parts { method: "GET", path: "/bucket/key", query: "versionId=1", headers: &headers };
    let query = presign(&parts, b"", &credentials(None), "us-east-1", "s3", NOW, Duration::from_secs(60)).unwrap();
    let parts = Parts { query: &query, ..parts };
    let signature = parse(&parts).unwrap().unwrap();
    assert_eq!(
        verify(&signature, &parts, b"any body: it is not signed", SECRET, NOW + Duration::from_secs(60)),
        Ok(())
    );
    let expired = verify(&signature, &parts, b"", SECRET, NOW + Duration::from_secs(61)).unwrap_err();
    assert_eq!((expired.code(Family::RestXml), expired.status(Family::RestXml)), ("AccessDenied", 403));
    assert_eq!(expired.message(Family::RestXml), "Request has expired");
    assert!(expired.message(Family::Query).ends_with("(20150830T123701Z - 1 min.)"));
}

#[test]
fn the_host_must_be_signed() {
    let signed = Signed::new("/", "", "a", b"", "sqs");
    let parts = Parts { method: "POST", path: "/", query: "", headers: &signed.headers };
    let mut signature = parse(&parts).unwrap().unwrap();
    signature.signed_headers.retain(|name| name != "host");
    let error = verify(&signature, &parts, b"", SECRET, NOW).unwrap_err();
    assert_eq!(error.to_string(), "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
}

/// As the JavaScript SDK signs over HTTP/2.
#[test]
fn the_host_may_be_signed_as_the_authority() {
    let signed = Signed::new("/", "", "a", b"", "sqs");
    let parts = Parts { method: "POST", path: "/", query: "", headers: &signed.headers };
    let mut signature = parse(&parts).unwrap().unwrap();
    signature.signed_headers.iter_mut().filter(|name| *name == "host").for_each(|name| *name = ":authority".into());
    let Err(Error::Mismatch { canonical_request, string_to_sign }) = verify(&signature, &parts, b"", SECRET, NOW)
    else {
        panic!("the signature is of other headers")
    };
    let host = signed.headers["host"].to_str().unwrap();
    assert!(canonical_request.contains(&format!("\n:authority:{host}\n")), "{canonical_request}");
    signature.signature = signing_key(SECRET, &signature.scope).sign(&string_to_sign);
    verify(&signature, &parts, b"", SECRET, NOW).unwrap();
}

#[test]
fn the_scope_must_fit() {
    let signed = Signed::new("/", "", "a", b"", "sqs");
    let parts = Parts { method: "POST", path: "/", query: "", headers: &signed.headers };
    let mut signature = parse(&parts).unwrap().unwrap();
    assert_eq!((signature.check_service("sqs"), signature.check_region("eu-west-1")), (Ok(()), Ok(())));
    assert_eq!(
        signature.check_service("sns").unwrap_err().to_string(),
        "Credential should be scoped to correct service: 'sns'."
    );
    assert_eq!(
        signature.check_region("us-east-1").unwrap_err().to_string(),
        "Credential should be scoped to a valid region, not 'eu-west-1'."
    );
    signature.scope.date = "20150829".into();
    let error = verify(&signature, &parts, b"", SECRET, NOW).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150829' != '20150830', from '20150830T123600Z'."
    );
}

#[test]
fn a_mismatch_says_what_should_have_been_signed() {
    let error = Signed::new("/", "", "a", b"", "sqs").verify("wrong", NOW).unwrap_err();
    let message = error.message(Family::Query);
    assert!(
        message
            .contains("Canonical String for this request should have been\n'POST\n/\n\nhost:example.amazonaws.com\n"),
        "{message}"
    );
    assert!(message.contains("String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/eu-west-1/sqs/aws4_request\n"), "{message}");
}
