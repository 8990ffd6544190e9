//! Compressed bodies: those of requests, which say so, and those of answers, for clients that can read them.
//!
//! All of it is as DynamoDB does it, which other services of AWS say nothing of. Clients learn from
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-compression.html> that requests may be compressed; what
//! DynamoDB makes of each header is shown by the tests of another implementation, which pass on AWS: `test_compressed_request.py`
//! and `test_compressed_response.py` of <https://github.com/scylladb/scylladb/tree/master/test/alternator>.

use std::io::{self, Read, Write};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};
use flate2::{Compression, Decompress, FlushDecompress, Status};
use http::Response;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue};
use service::Body;
use tokio::sync::Semaphore;

use crate::body::{BodyError, Buffered, Share};

/// The shortest answer that is compressed, in bytes.
const ANSWER_BYTES_MIN: usize = 4_096;

/// So much is made of a compressed body before its size is looked at.
const PIECE_BYTES: usize = 64 << 10;

/// What clients of old name as the coding of a body that has none.
const PLAIN: [&str; 2] = ["identity", "amz-1.0"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    /// What HTTP calls so has the form of zlib (RFC 9110, 8.4.1.2).
    Deflate,
}

/// In the order in which they are given to clients that take anything.
const CODINGS: [Coding; 2] = [Coding::Gzip, Coding::Deflate];

impl Coding {
    const fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
        }
    }

    fn named(name: &str) -> Option<Coding> {
        CODINGS.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.name()))
    }

    fn compress(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        // The fastest but one, which takes one code for all that is compressed.
        let level = Compression::new(2);
        match self {
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), level);
                encoder.write_all(bytes)?;
                encoder.finish()
            }
            Coding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(bytes)?;
                encoder.finish()
            }
        }
    }
}

/// What the client compressed, and may be `limit` bytes long.
///
/// # Errors
/// When it is longer, when there is no memory for it, or when it is not compressed as its headers say.
pub(crate) fn decoded(
    headers: &HeaderMap,
    body: &Buffered,
    limit: usize,
    memory: &Arc<Semaphore>,
) -> Result<Buffered, BodyError> {
    let coding = headers.get(CONTENT_ENCODING).map_or(Ok(PLAIN[0]), |coding| coding.to_str());
    let coding = coding.map_err(|_| BodyError::Undecodable)?;
    match Coding::named(coding) {
        Some(Coding::Gzip) => inflated(MultiGzDecoder::new(&*body.bytes), limit, memory),
        Some(Coding::Deflate) => inflated(Zlib::new(&body.bytes), limit, memory),
        None if PLAIN.iter().any(|plain| coding.eq_ignore_ascii_case(plain)) => Ok(body.bytes.clone().into()),
        None => Err(BodyError::Undecodable),
    }
}

fn inflated(mut source: impl Read, limit: usize, memory: &Arc<Semaphore>) -> Result<Buffered, BodyError> {
    let (mut bytes, mut share) = (Vec::new(), Share::default());
    loop {
        share.grow(memory, PIECE_BYTES)?;
        let piece = source.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut bytes);
        let read = piece.map_err(|_| BodyError::Undecodable)?;
        if bytes.len() > limit {
            return Err(BodyError::TooLarge { limit });
        }
        if read < PIECE_BYTES {
            return Ok(Buffered { bytes: bytes.into(), _share: share });
        }
    }
}

/// Reads what zlib made. (The library's own reader takes the half of it for the whole.)
struct Zlib<'a> {
    stream: Decompress,
    rest: &'a [u8],
    ended: bool,
}

impl<'a> Zlib<'a> {
    fn new(bytes: &'a [u8]) -> Zlib<'a> {
        Zlib { stream: Decompress::new(true), rest: bytes, ended: false }
    }
}

impl Read for Zlib<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.ended || out.is_empty() {
            return Ok(0);
        }
        let (taken, made) = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.decompress(self.rest, out, FlushDecompress::None)?;
        let count = |total: u64, before: u64| usize::try_from(total - before).map_err(io::Error::other);
        let (taken, made) = (count(self.stream.total_in(), taken)?, count(self.stream.total_out(), made)?);
        self.rest = self.rest.get(taken..).unwrap_or_default();
        self.ended = status == Status::StreamEnd;
        if made == 0 && !self.ended || self.ended && !self.rest.is_empty() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(made)
    }
}

/// What the client would have answers compressed with. Only its first header counts.
pub(crate) fn accepted(headers: &HeaderMap) -> Option<Coding> {
    let list = headers.get(ACCEPT_ENCODING)?.to_str().ok()?;
    let mut others = 0.0;
    let mut best: [Option<(f64, usize)>; CODINGS.len()] = [None; CODINGS.len()];
    for (place, element) in list.split(',').enumerate() {
        let (name, quality) = (element.split(';').next().unwrap_or_default().trim(), quality(element));
        if name == "*" {
            others = quality;
        }
        let named = CODINGS.iter().zip(&mut best).find(|(coding, _)| Coding::named(name) == Some(**coding));
        if let Some((_, best)) = named.filter(|(_, best)| best.is_none_or(|(best, _)| quality > best)) {
            *best = Some((quality, place));
        }
    }
    // What is not named comes after all that is as good.
    let places = best.iter().map(|best| best.unwrap_or((others, usize::MAX)));
    let wanted = CODINGS.into_iter().zip(places).filter(|(_, (quality, _))| *quality > 0.0);
    let first = wanted.min_by(|(_, (one, at)), (_, (other, elsewhere))| other.total_cmp(one).then(at.cmp(elsewhere)));
    first.map(|(coding, _)| coding)
}

/// How much an element of the list is wanted, from 0 to 1: as it says first, or wholly where it says nothing that makes sense.
fn quality(element: &str) -> f64 {
    let text = element.split_once("q=").and_then(|(_, rest)| rest.split(';').next());
    let number = text.and_then(|text| text.trim().parse::<f64>().ok()).filter(|number| number.is_finite());
    number.map_or(1.0, |number| number.clamp(0.0, 1.0))
}

/// The answer as it is sent: compressed if the client takes it so and it is long, with its checksum if that is asked for.
pub(crate) fn encoded(response: Response<Body>, accepted: Option<Coding>, checksum: bool) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let Some(whole) = body.whole() else { return Response::from_parts(head, body) };
    let coding = accepted.filter(|_| whole.len() >= ANSWER_BYTES_MIN && !head.headers.contains_key(CONTENT_ENCODING));
    let mut bytes = whole.clone();
    // Writing to memory does not fail; an answer that is not compressed would do.
    if let Some((coding, compressed)) = coding.and_then(|coding| Some((coding, coding.compress(whole).ok()?))) {
        head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        bytes = compressed.into();
    }
    if checksum {
        head.headers.insert("x-amz-crc32", crc32fast::hash(&bytes).into());
    }
    Response::from_parts(head, bytes.into())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn chosen(list: &str) -> Option<&'static str> {
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, list.parse().unwrap())]);
        accepted(&headers).map(Coding::name)
    }

    #[test]
    fn answers_are_compressed_as_the_client_likes_best() {
        for (list, coding) in [
            ("", None),
            ("identity", None),
            ("br, zstd", None),
            ("x-gzip", None),
            ("gzip", Some("gzip")),
            ("deflate", Some("deflate")),
            ("gzip, deflate", Some("gzip")),
            ("br, identity, deflate, gzip", Some("deflate")),
            ("GZIP ,, identity", Some("gzip")),
            ("gzip;q=0.2, deflate;q=0.5", Some("deflate")),
            ("gzip;q=0", None),
            ("*", Some("gzip")),
            ("*;q=0", None),
            ("*, deflate", Some("deflate")),
            ("*, gzip;q=0.5", Some("deflate")),
            ("gzip;q=0, gzip;q=1, gzip;q=0", Some("gzip")),
            // Not what the standard says, but what DynamoDB makes of it.
            ("gzip;q=0.5, identity;q=0.8", Some("gzip")),
            ("gzip br", None),
            ("\"gzip\"", None),
            ("deflate;q=0.5, gzip;q=31", Some("gzip")),
            ("gzip;q=31, deflate;q=51", Some("gzip")),
            ("deflate;q=0.5, gzip;q=0.x", Some("gzip")),
            ("deflate;q=-0.5, gzip;q=0.2", Some("gzip")),
            ("gzip;nq=0;q=1", None),
            ("gzip;q =0;q=1", Some("gzip")),
        ] {
            assert_eq!(chosen(list), coding, "{list}");
        }
    }

    fn decode(coding: &'static str, bytes: impl Into<Bytes>, limit: usize) -> Result<Bytes, BodyError> {
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(coding))]);
        let memory = Arc::new(Semaphore::new(1 << 20));
        let decoded = decoded(&headers, &bytes.into().into(), limit, &memory).map(|body| body.bytes);
        assert_eq!(memory.available_permits(), 1 << 20, "memory is given back");
        decoded
    }

    #[test]
    fn requests_are_what_their_headers_say_or_refused() {
        let text = b"{\"TableName\": \"t\"}".repeat(1_000);
        let (gzip, zlib) = (Coding::Gzip.compress(&text).unwrap(), Coding::Deflate.compress(&text).unwrap());
        let whole = |bytes: &[u8]| Ok(Bytes::copy_from_slice(bytes));
        assert_eq!(decode("gzip", gzip.clone(), text.len()), whole(&text));
        assert_eq!(decode("GZip", [gzip.clone(), gzip.clone()].concat(), 2 * text.len()), whole(&text.repeat(2)));
        assert_eq!(decode("deflate", zlib.clone(), text.len()), whole(&text));
        assert_eq!(decode("identity", text.clone(), 0), whole(&text), "its size has been looked at");
        for (coding, bytes) in [("gzip", &gzip), ("deflate", &zlib)] {
            let limit = text.len() - 1;
            assert_eq!(decode(coding, bytes.clone(), limit), Err(BodyError::TooLarge { limit }));
            let half = &bytes[..bytes.len() - 1];
            let longer = [bytes, &b"junk"[..]].concat();
            for broken in [half, &longer, &text, &[]] {
                assert_eq!(
                    decode(coding, broken.to_vec(), 1 << 20),
                    Err(BodyError::Undecodable),
                    "{coding} {broken:?}"
                );
            }
        }
        assert_eq!(decode("br", text, 1 << 20), Err(BodyError::Undecodable));
        let bomb = Coding::Gzip.compress(&vec![b' '; 64 << 20]).unwrap();
        assert_eq!(decode("gzip", bomb.clone(), 1 << 16), Err(BodyError::TooLarge { limit: 1 << 16 }));
        assert_eq!(decode("gzip", bomb, 64 << 20), Err(BodyError::NoMemory));
    }
}
