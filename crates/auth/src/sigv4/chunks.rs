//! Bodies that come in chunks, each with its own signature or with none, and trailers behind them (`aws-chunked`).
//!
//! Sources: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html> and
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::canonical::sha256;
use super::{Error, Scope, Signature, SigningKey, compact};

/// A line of a chunk's head, or of trailers, has at most so many bytes.
const LINE_BYTES_MAX: usize = 4_096;
/// All trailers together.
const TRAILER_BYTES_MAX: usize = 16_384;

/// Why a body of chunks is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// It ends too early, or is not written as chunks are.
    Form(&'static str),
    /// A chunk, or what follows all of them, is not signed by who signed the request.
    Signature(Error),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Form(reason) => f.write_str(reason),
            Broken::Signature(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Broken {}

/// Takes a body apart while it comes. What is taken out of a chunk counts only once [`Chunks::finish`] says so.
pub struct Chunks {
    signer: Option<Signer>,
    trailing: bool,
    state: State,
    /// The line that has not ended yet.
    line: Vec<u8>,
    trailers: Vec<(String, String)>,
    trailer_bytes: usize,
    /// Bytes of content so far.
    pub content: u64,
}

struct Signer {
    key: SigningKey,
    time: String,
    scope: Scope,
    previous: String,
    /// Of the chunk under way: what was stated, and what is hashed.
    stated: String,
    hash: Sha256,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Content {
        left: u64,
    },
    /// The line break behind a chunk's content.
    Break,
    Trailers,
    End,
}

impl Chunks {
    /// For a body of this kind (`STREAMING-…`); `None` when it is not known.
    pub fn new(kind: &str, signature: &Signature, key: &SigningKey) -> Option<Chunks> {
        let (signed, trailing) = match kind {
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => (true, false),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => (true, true),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => (false, true),
            _ => return None,
        };
        let signer = signed.then(|| Signer {
            key: key.clone(),
            time: compact(signature.timestamp),
            scope: signature.scope.clone(),
            previous: signature.signature.clone(),
            stated: String::new(),
            hash: Sha256::new(),
        });
        Some(Chunks {
            signer,
            trailing,
            state: State::Head,
            line: Vec::new(),
            trailers: Vec::new(),
            trailer_bytes: 0,
            content: 0,
        })
    }

    /// Takes what came, and gives the ranges of it that are content.
    ///
    /// # Errors
    /// When it is not as it must be: nothing that came before counts either.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<std::ops::Range<usize>>, Broken> {
        let (mut found, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            if let State::Content { left } = self.state {
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                let range = at..at + taken;
                if let Some(signer) = &mut self.signer {
                    signer.hash.update(bytes.get(range.clone()).unwrap_or_default());
                }
                self.content += taken as u64;
                at += taken;
                found.push(range);
                let left = left - taken as u64;
                self.state = State::Content { left };
                if left == 0 {
                    self.end_of_chunk()?;
                    self.state = State::Break;
                }
                continue;
            }
            let byte = bytes.get(at).copied().unwrap_or_default();
            at += 1;
            if byte != b'\n' {
                self.line.push(byte);
                if self.line.len() > LINE_BYTES_MAX {
                    return Err(Broken::Form("a line is too long"));
                }
                continue;
            }
            let mut line = std::mem::take(&mut self.line);
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            self.line(&line)?;
        }
        Ok(found)
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Broken> {
        match self.state {
            State::Head => self.head(line),
            State::Break if line.is_empty() => {
                self.state = State::Head;
                Ok(())
            }
            State::Break => Err(Broken::Form("a chunk is longer than it says")),
            State::Trailers => self.trailer(line),
            State::End if line.is_empty() => Ok(()),
            State::End => Err(Broken::Form("something follows the end")),
            State::Content { .. } => Ok(()),
        }
    }

    fn head(&mut self, line: &[u8]) -> Result<(), Broken> {
        let bad = Broken::Form("a chunk does not begin with its size");
        let line = str::from_utf8(line).map_err(|_| bad.clone())?;
        let (size, extension) = line.split_once(';').unwrap_or((line, ""));
        let size = size.trim();
        if size.is_empty() || size.len() > 15 || !size.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(bad);
        }
        let left = u64::from_str_radix(size, 16).map_err(|_| bad)?;
        if let Some(signer) = &mut self.signer {
            let stated = extension.trim().strip_prefix("chunk-signature=");
            signer.stated = stated.ok_or(Broken::Form("a chunk has no signature"))?.trim().to_owned();
        }
        if left > 0 {
            self.state = State::Content { left };
            return Ok(());
        }
        self.end_of_chunk()?;
        self.state = if self.trailing { State::Trailers } else { State::End };
        Ok(())
    }

    fn end_of_chunk(&mut self) -> Result<(), Broken> {
        self.signer.as_mut().map_or(Ok(()), Signer::end_of_chunk)
    }

    fn trailer(&mut self, line: &[u8]) -> Result<(), Broken> {
        if line.is_empty() {
            // Some put an empty line before the signature of the trailers.
            let waits = self.signer.is_some() && !self.trailers.is_empty();
            if !waits {
                self.state = State::End;
            }
            return Ok(());
        }
        self.trailer_bytes += line.len();
        if self.trailer_bytes > TRAILER_BYTES_MAX {
            return Err(Broken::Form("the trailers are too long"));
        }
        let line = str::from_utf8(line).map_err(|_| Broken::Form("a trailer is not text"))?;
        let (name, value) = line.split_once(':').ok_or(Broken::Form("a trailer has no value"))?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if name == "x-amz-trailer-signature" {
            let signer = self.signer.as_mut().ok_or(Broken::Form("a signature of trailers was not announced"))?;
            signer.check_trailers(&self.trailers, value)?;
            self.state = State::End;
            return Ok(());
        }
        self.trailers.push((name, value.to_owned()));
        Ok(())
    }

    /// The trailers, by names in lower case, once everything has come.
    ///
    /// # Errors
    /// When it has not.
    pub fn finish(mut self) -> Result<Vec<(String, String)>, Broken> {
        // What ends without a last line break is let off, unless its signature is still to come.
        if self.state == State::Trailers && !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.trailer(line.strip_suffix(b"\r").unwrap_or(&line))?;
        }
        match self.state {
            State::End if self.line.is_empty() || self.line == b"\r" => Ok(self.trailers),
            State::Trailers if self.signer.is_none() => Ok(self.trailers),
            _ => Err(Broken::Form("it ends too early")),
        }
    }
}

impl Signer {
    fn end_of_chunk(&mut self) -> Result<(), Broken> {
        let hash = hex::encode(std::mem::take(&mut self.hash).finalize());
        let content = format!("{}\n{hash}", sha256(b""));
        let stated = std::mem::take(&mut self.stated);
        self.check("AWS4-HMAC-SHA256-PAYLOAD", &content, &stated)
    }

    fn check_trailers(&mut self, trailers: &[(String, String)], stated: &str) -> Result<(), Broken> {
        let canonical: String = trailers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        self.check("AWS4-HMAC-SHA256-TRAILER", &sha256(canonical.as_bytes()), stated)
    }

    /// Each signature covers the one before, so that chunks cannot change places.
    fn check(&mut self, algorithm: &str, content: &str, stated: &str) -> Result<(), Broken> {
        let Signer { time, scope, previous, .. } = self;
        let string_to_sign = format!("{algorithm}\n{time}\n{scope}\n{previous}\n{content}");
        let expected = self.key.sign(&string_to_sign);
        if !bool::from(expected.as_bytes().ct_eq(stated.as_bytes())) {
            return Err(Broken::Signature(Error::Mismatch { canonical_request: String::new(), string_to_sign }));
        }
        self.previous = expected;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::super::{Payload, signing_key};
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    /// The example of the first source.
    fn example(kind: &str) -> Chunks {
        let time = Timestamp::parse_iso8601("2013-05-24T00:00:00Z").unwrap();
        let scope = Scope::new(time, "us-east-1", "s3");
        let signature = Signature {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            scope: scope.clone(),
            signed_headers: Vec::new(),
            signature: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9".into(),
            timestamp: time,
            expires: None,
            session_token: None,
            in_query: false,
            payload: Payload::Streaming(kind.into()),
        };
        Chunks::new(kind, &signature, &signing_key(SECRET, &scope)).unwrap()
    }

    fn signed_body() -> Vec<u8> {
        let mut body = Vec::new();
        for (length, signature) in [
            (65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
            (1_024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
            (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
        ] {
            body.extend_from_slice(format!("{length:x};chunk-signature={signature}\r\n").as_bytes());
            body.extend(std::iter::repeat_n(b'a', length));
            body.extend_from_slice(b"\r\n");
        }
        body
    }

    /// The content of a body that comes in pieces of this length.
    /// What came, and what followed it.
    type Content = (Vec<u8>, Vec<(String, String)>);

    fn take(mut chunks: Chunks, body: &[u8], piece: usize) -> Result<Content, Broken> {
        let mut content = Vec::new();
        for piece in body.chunks(piece) {
            for range in chunks.push(piece)? {
                content.extend_from_slice(&piece[range]);
            }
        }
        assert_eq!(chunks.content, content.len() as u64);
        Ok((content, chunks.finish()?))
    }

    #[test]
    fn signed_chunks_are_taken_apart_in_pieces_of_any_length() {
        for piece in [1, 7, 1_000, 1 << 20] {
            let taken = take(example("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), &signed_body(), piece).unwrap();
            assert_eq!(taken, (vec![b'a'; 66_560], Vec::new()));
        }
    }

    #[test]
    fn what_was_changed_or_cut_off_is_refused() {
        let (body, kind) = (signed_body(), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
        for at in [100, 65_536 + 200] {
            let mut changed = body.clone();
            changed[at] = b'b';
            assert!(matches!(take(example(kind), &changed, 999), Err(Broken::Signature(_))));
        }
        for length in [0, 10, 50_000, body.len() - 90] {
            assert!(matches!(take(example(kind), &body[..length], 999), Err(Broken::Form(_))), "{length}");
        }
        for bad in ["x\r\n", "-1\r\n", "5\r\nabcde\r\n", "1;chunk-signature=a\r\nab\r\n", ";chunk-signature=a\r\n"] {
            assert!(take(example(kind), bad.as_bytes(), 3).is_err(), "{bad}");
        }
    }

    #[test]
    fn trailers_follow_unsigned_chunks() {
        let kind = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
        let trailers = vec![("x-amz-checksum-crc32".to_owned(), "NSRBwg==".to_owned())];
        for end in ["\r\n\r\n", "\r\n", "", "\n\n"] {
            let body = format!("2\r\nab\r\n1\r\nc\r\n0\r\nX-Amz-Checksum-Crc32: NSRBwg=={end}");
            assert_eq!(take(example(kind), body.as_bytes(), 2), Ok((b"abc".to_vec(), trailers.clone())));
        }
        for bad in ["3\r\nabcd\r\n0\r\n\r\n", "3\r\nabc\r\n", "0\r\nno value\r\n\r\n", "0\r\n\r\nmore\r\n"] {
            assert!(matches!(take(example(kind), bad.as_bytes(), 5), Err(Broken::Form(_))), "{bad}");
        }
    }

    /// The example of the second source.
    #[test]
    fn trailers_can_be_signed() {
        let kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
        let mut chunks = example(kind);
        let signer = chunks.signer.as_mut().unwrap();
        signer.previous = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e".into();
        let mut body = Vec::new();
        for (length, signature) in [
            (65_536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"),
            (1_024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"),
            (0, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"),
        ] {
            body.extend_from_slice(format!("{length:x};chunk-signature={signature}\r\n").as_bytes());
            body.extend(std::iter::repeat_n(b'a', length));
            if length > 0 {
                body.extend_from_slice(b"\r\n");
            }
        }
        body.extend_from_slice(b"x-amz-checksum-crc32c:sOO8/Q==\r\n");
        let trailer =
            "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n";
        let whole = [&body[..], trailer.as_bytes()].concat();
        let (_, trailers) = take(chunks, &whole, 4_000).map(|(content, trailers)| (content.len(), trailers)).unwrap();
        assert_eq!(trailers, [("x-amz-checksum-crc32c".to_owned(), "sOO8/Q==".to_owned())]);
        let mut unsigned = example(kind);
        unsigned.signer.as_mut().unwrap().previous =
            "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e".into();
        assert!(
            matches!(take(unsigned, &body, 4_000), Err(Broken::Form(_))),
            "without a signature, trailers do not count"
        );
    }
}
