//! Forms as browsers send them: fields, and behind them a file, whose bytes go on as they come.
//!
//! Sources: RFC 7578, and <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>: what comes behind the file is
//! not looked at.

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use memchr::memmem;
use service::{Error, Form, Trailers, Upload};

/// What may come before the bytes of the file.
const HEAD_BYTES_MAX: usize = 20_480;
/// The field that is the file.
const FILE: &str = "file";

/// Reads a form up to its file, whose bytes are what is left of the body.
///
/// # Errors
/// When it is no form, has no file, or too much before it.
pub(crate) async fn read(headers: &HeaderMap, mut body: Upload) -> Result<(Form, Upload), Error> {
    let delimiter = delimiter(headers)?;
    // Boundaries begin lines, and so does the first.
    let mut held = BytesMut::from(&b"\r\n"[..]);
    let (form, begin) = loop {
        if let Some(found) = head(&held, &delimiter)? {
            break found;
        }
        if held.len() > HEAD_BYTES_MAX {
            return Err(too_long());
        }
        held.extend_from_slice(&body.next().await?.ok_or_else(malformed)?);
    };
    if begin > HEAD_BYTES_MAX {
        return Err(too_long());
    }
    let file = File { body, held: held.split_off(begin), delimiter, ended: false };
    let pieces = stream::try_unfold(file, |mut file| async move { Ok(file.next().await?.map(|piece| (piece, file))) });
    Ok((form, Upload::new(pieces, None, Trailers::default())))
}

/// What stands between two parts.
fn delimiter(headers: &HeaderMap) -> Result<Vec<u8>, Error> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("multipart/form-data") {
        let told =
            Error::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
        return Err(told.with_member("Condition", "Bucket POST must be of the enclosure-type multipart/form-data"));
    }
    let boundary = parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty());
    Ok(format!("\r\n--{}", boundary.ok_or_else(malformed)?).into_bytes())
}

/// The fields of a form, and where its file begins; `None` as long as not all of that has come.
fn head(bytes: &[u8], delimiter: &[u8]) -> Result<Option<(Form, usize)>, Error> {
    let mut form = Form::default();
    let Some(mut at) = behind(bytes, 0, delimiter) else { return Ok(None) };
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.starts_with(b"--") {
            return Err(no_file());
        }
        // The headers begin behind the line of the boundary, which may end with spaces, and end with an empty line.
        let Some(line_end) = memmem::find(rest, b"\r\n") else { return Ok(None) };
        let Some(content) = behind(bytes, at + line_end, b"\r\n\r\n") else { return Ok(None) };
        let (name, file_name) = part(bytes.get(at + line_end..content).unwrap_or_default())?;
        if name.eq_ignore_ascii_case(FILE) {
            form.file_name = file_name;
            return Ok(Some((form, content)));
        }
        let Some(next) = behind(bytes, content, delimiter) else { return Ok(None) };
        let value = bytes.get(content..next - delimiter.len()).unwrap_or_default();
        form.fields.push((name, String::from_utf8(value.to_vec()).map_err(|_| malformed())?));
        at = next;
    }
}

/// Where `what` ends, at or after `from`.
fn behind(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    Some(from + memmem::find(bytes.get(from..)?, what)? + what.len())
}

/// The names of a field and of its file, from the headers of a part.
fn part(headers: &[u8]) -> Result<(String, Option<String>), Error> {
    let headers = str::from_utf8(headers).map_err(|_| malformed())?;
    let mut lines = headers.split("\r\n").filter_map(|line| line.split_once(':'));
    let disposition = lines.find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"));
    let disposition = disposition.map(|(_, value)| value.trim()).ok_or_else(malformed)?;
    let kind = disposition.split(';').next().unwrap_or_default().trim();
    let name = parameter(disposition, "name").filter(|_| kind.eq_ignore_ascii_case("form-data"));
    Ok((name.ok_or_else(malformed)?, parameter(disposition, "filename")))
}

/// A parameter of a header's value: `b` of `a; name="b"`.
fn parameter(header: &str, name: &str) -> Option<String> {
    let (_, mut rest) = header.split_once(';')?;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(text) => quoted(text)?,
            None => {
                let (value, _) = after.split_once(';').unwrap_or((after, ""));
                (value.trim().to_owned(), after.get(value.len()..)?)
            }
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = after.trim_start().strip_prefix(';')?;
    }
}

/// A text up to its closing quote, and what follows. Browsers leave backslashes in names of files as they are.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' if characters.next_if(|(_, next)| *next == '"').is_some() => value.push('"'),
            other => value.push(other),
        }
    }
    None
}

/// The bytes of a file, which end where the next boundary begins.
struct File {
    body: Upload,
    held: BytesMut,
    delimiter: Vec<u8>,
    ended: bool,
}

impl File {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while !self.ended {
            let end = memmem::find(&self.held, &self.delimiter);
            self.ended = end.is_some();
            // The end of what is there may be the beginning of the boundary.
            let sure = end.unwrap_or_else(|| (self.held.len() + 1).saturating_sub(self.delimiter.len()));
            if sure > 0 {
                return Ok(Some(self.held.split_to(sure).freeze()));
            }
            if !self.ended {
                self.held.extend_from_slice(&self.body.next().await?.ok_or_else(malformed)?);
            }
        }
        Ok(None)
    }
}

fn malformed() -> Error {
    let reason = "The body of your POST request is not well-formed multipart/form-data.";
    Error::new(400, "MalformedPOSTRequest", reason)
}

fn no_file() -> Error {
    let told = Error::new(400, "InvalidArgument", "POST requires exactly one file upload per request.");
    told.with_member("ArgumentName", FILE).with_member("ArgumentValue", "0")
}

fn too_long() -> Error {
    let reason = "Your POST request fields preceding the upload file were too large.";
    let told = Error::new(400, "MaxPostPreDataLengthExceededError", reason);
    told.with_member("MaxPostPreDataLengthBytes", HEAD_BYTES_MAX.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_type: &str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())])
    }

    /// Reads a form that comes in pieces of `size` bytes.
    async fn read_in(size: usize, body: &str) -> Result<(Form, Bytes), Error> {
        let pieces: Vec<_> = body.as_bytes().chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let body = Upload::new(stream::iter(pieces), None, Trailers::default());
        let (form, file) = read(&headers("multipart/form-data; boundary=\"b\""), body).await?;
        Ok((form, file.collect(1 << 20).await?.unwrap()))
    }

    fn field(name: &str, value: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    #[tokio::test]
    async fn a_form_is_fields_and_a_file_however_it_comes() {
        let file = "--b \r\nContent-Type: text/plain\r\ncontent-disposition: form-data; filename=\"a \\\"b\\\".txt\"; name=file\r\n\r\n";
        let body = format!("{}{}{file}one\r\n--two\r\n\r\n--b--\r\n", field("key", ""), field("A-b", "x\r\ny"));
        for size in [1, 2, 7, 1000] {
            let (form, bytes) = read_in(size, &body).await.unwrap();
            assert_eq!(form.fields, [("key".into(), String::new()), ("A-b".into(), "x\r\ny".into())]);
            assert_eq!((form.file_name.as_deref(), form.get("a-B")), (Some("a \"b\".txt"), Some("x\r\ny")));
            assert_eq!(bytes, "one\r\n--two\r\n", "{size}");
        }
        let (form, bytes) = read_in(3, &format!("{}--b--", field("FILE", ""))).await.unwrap();
        assert_eq!((form.file_name, bytes.len()), (None, 0));
    }

    #[tokio::test]
    async fn what_is_no_form_is_told() {
        let code = |result: Result<_, Error>| result.map(|_: (Form, Bytes)| ()).unwrap_err().code.into_owned();
        for (body, expected) in [
            ("".to_owned(), "MalformedPOSTRequest"),
            ("key=value".to_owned(), "MalformedPOSTRequest"),
            (field("file", "no end"), "MalformedPOSTRequest"),
            ("--b\r\n\r\nx\r\n--b--".to_owned(), "MalformedPOSTRequest"),
            ("--b\r\nContent-Disposition: file; name=\"file\"\r\n\r\nx\r\n--b--".to_owned(), "MalformedPOSTRequest"),
            (format!("{}--b--", field("key", "k")), "InvalidArgument"),
            (field("key", &"k".repeat(HEAD_BYTES_MAX)), "MaxPostPreDataLengthExceededError"),
            ("x".repeat(HEAD_BYTES_MAX + 1), "MaxPostPreDataLengthExceededError"),
        ] {
            assert_eq!(code(read_in(512, &body).await), expected, "{body:.40}");
        }
        for (content_type, status) in
            [("text/html", 412), ("multipart/form-data", 400), ("multipart/mixed; boundary=b", 412)]
        {
            assert_eq!(delimiter(&headers(content_type)).unwrap_err().status, status, "{content_type}");
        }
        assert_eq!(delimiter(&HeaderMap::new()).unwrap_err().status, 412);
    }
}
