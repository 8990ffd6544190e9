//! Merges what a request carries into one tree, and splits an answer's tree over status, headers and document.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde::ser::Serialize;

use super::{Algorithm, Checksum, Md5, encoded_word, parse, write};
use crate::error::{DecodeError, EncodeError};
use crate::query::{Names, Params};
use crate::rest::{Binding, Labels, Payload, Places, as_header, as_status, header_text, take};
use crate::ser::to_value;
use crate::value::{Members, Value};
use crate::{Protocol, query, respond};

/// Reads an operation's input. Some headers may be query parameters instead: presigned URLs have them there.
pub fn decode<T: DeserializeOwned>(
    binding: &Binding,
    labels: &Labels<'_>,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
    names: &Names,
) -> Result<T, DecodeError> {
    let params = query::parse(query.as_bytes())?;
    let mut members: Members<'_> = match binding.payload {
        Some(_) if body.is_empty() => Vec::new(),
        Some(Payload::Blob(member)) => vec![(member.into(), Value::Bytes(body.into()))],
        Some(Payload::Document(member)) => vec![(member.into(), parse::parse(body, names)?)],
        None => Vec::new(),
    };
    for (name, member) in binding.query {
        if let Some(value) = params.get(name) {
            members.push(((*member).into(), Value::Loose(value.into())));
        }
    }
    header_members(binding.headers, headers, &params, &mut members)?;
    if let Some((prefix, member)) = binding.prefix_headers {
        members.push((member.into(), Value::Map(prefixed(prefix, headers, &params)?)));
    }
    for (member, text) in labels {
        let text = percent_decode_str(text).decode_utf8();
        let text = text.map_err(|_| DecodeError::whole(format!("The path's part for {member} is not UTF-8")))?;
        members.push((Cow::Borrowed(member), Value::Loose(Cow::Owned(text.into_owned()))));
    }
    crate::de::from_value(Value::Map(members), None)
}

fn header_members<'a>(
    places: Places,
    headers: &'a HeaderMap,
    params: &'a Params,
    members: &mut Members<'a>,
) -> Result<(), DecodeError> {
    for (name, member) in places {
        let value = match (headers.get(*name), hoisted(name, params)) {
            // Headers of AWS's have to be signed. Others need not be, and what is in the query is.
            (Some(value), None) => header_text(name, value)?,
            (Some(value), Some(_)) if name.starts_with("x-amz-") => header_text(name, value)?,
            (_, Some(value)) => Value::Loose(value.into()),
            (None, None) => continue,
        };
        members.push(((*member).into(), value));
    }
    Ok(())
}

/// A header that is a query parameter.
fn hoisted<'a>(name: &str, params: &'a Params) -> Option<&'a str> {
    let (_, value) = params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    let name = name.to_ascii_lowercase();
    let counts = if name.starts_with("x-amz-") {
        !is_of_digest(&name)
    } else {
        // Of others, what presigned URLs let nobody leave out.
        matches!(name.as_str(), "if-match" | "if-none-match") && params.get("X-Amz-Signature").is_some()
    };
    counts.then_some(value)
}

/// Whether a header states a checksum. S3 reads none from URLs: SDKs sign that of no bytes into those for bytes to come.
///
/// Source: <https://github.com/aws/aws-sdk/issues/480>
fn is_of_digest(name: &str) -> bool {
    name == "x-amz-sdk-checksum-algorithm" || Algorithm::ALL.into_iter().any(|algorithm| algorithm.header() == name)
}

/// The entries of a map whose keys are the ends of headers' names. Those that come more than once are one, with commas.
fn prefixed<'a>(prefix: &str, headers: &'a HeaderMap, params: &'a Params) -> Result<Members<'a>, DecodeError> {
    let mut entries = Members::new();
    for name in headers.keys() {
        let Some(key) = name.as_str().strip_prefix(prefix) else { continue };
        let mut values = Vec::new();
        for value in headers.get_all(name) {
            if let Value::Loose(text) = header_text(name.as_str(), value)? {
                values.push(encoded_word::decode(&text).into_owned());
            }
        }
        entries.push((key.into(), Value::Loose(values.join(",").into())));
    }
    for (name, value) in params.iter() {
        let name = name.to_ascii_lowercase();
        if let Some(key) = name.strip_prefix(prefix)
            && !entries.iter().any(|(known, _)| known == key)
        {
            entries.push((Cow::Owned(key.to_owned()), Value::Loose(value.into())));
        }
    }
    Ok(entries)
}

/// Holds a document to the digests that came with it; checksums that are members of their own are not its.
///
/// # Errors
/// The name of the digest that is another's, with whether it is not even one.
pub fn check_body(binding: &Binding, headers: &HeaderMap, body: &[u8]) -> Result<(), (String, bool)> {
    if binding.payload.is_none() {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(stated) = text("content-md5") {
        let stated = Md5::parse(stated).ok_or_else(|| ("Content-MD5".to_owned(), true))?;
        if stated != Md5::of(body) {
            return Err(("Content-MD5".to_owned(), false));
        }
    }
    let is_member = |algorithm: &Algorithm| binding.headers.iter().any(|(name, _)| *name == algorithm.header());
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| !is_member(algorithm)) {
        if let Some(stated) = text(&algorithm.header()) {
            let mut checksum = Checksum::new(algorithm);
            checksum.update(body);
            if checksum.finish() != stated {
                return Err((algorithm.name().to_owned(), false));
            }
        }
    }
    Ok(())
}

/// Writes an answer in `protocol`, which is S3's or the one of others. An error means that the output does not fit its binding.
pub fn encode<T: Serialize>(
    protocol: Protocol,
    binding: &Binding,
    output: &T,
    names: &Names,
    xmlns: &str,
    request_id: &str,
) -> Result<Response<Bytes>, EncodeError> {
    let places = &binding.response;
    let mut members = match to_value(output)? {
        Value::Map(members) | Value::Entries(members) => members,
        Value::Null => Vec::new(),
        other => return Err(EncodeError(format!("the answer is {}, not a structure", other.kind()))),
    };
    let status = match places.status.and_then(|member| take(&mut members, member)) {
        Some(status) => as_status(&status)?,
        None => StatusCode::from_u16(binding.status).unwrap_or(StatusCode::OK),
    };
    let mut headers = HeaderMap::new();
    for (name, member) in places.headers {
        if let Some(value) = take(&mut members, member) {
            headers.insert(header_name(name)?, as_header(name, value)?);
        }
    }
    if let Some((prefix, member)) = places.prefix_headers
        && let Some(Value::Entries(entries)) = take(&mut members, member)
    {
        for (key, value) in entries {
            headers.insert(header_name(&format!("{prefix}{key}"))?, metadata(value));
        }
    }
    let body = match (places.payload, places.root) {
        (Some(Payload::Blob(member)), _) => match take(&mut members, member) {
            Some(Value::Bytes(bytes)) => bytes.into(),
            Some(Value::Text(text)) => text.into_owned().into(),
            None => Bytes::new(),
            Some(other) => return Err(EncodeError(format!("{member} is {}, not a body", other.kind()))),
        },
        (Some(Payload::Document(member)), root) => {
            let content = take(&mut members, member).unwrap_or(Value::Map(Vec::new()));
            write::write(root.unwrap_or(member), xmlns, content, names)
        }
        (None, Some(root)) => write::write(root, xmlns, Value::Map(members), names),
        (None, None) => Bytes::new(),
    };
    let mut response = respond(protocol, status, body, request_id);
    if response.body().is_empty() {
        response.headers_mut().remove(CONTENT_TYPE);
    }
    response.headers_mut().extend(headers);
    Ok(response)
}

fn header_name(name: &str) -> Result<HeaderName, EncodeError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| EncodeError(format!("'{name}' is no header's name")))
}

/// What users put beside objects is theirs: it leaves as a header can have it.
fn metadata(value: Value<'_>) -> HeaderValue {
    let text = if let Value::Text(text) | Value::Loose(text) = value { text } else { Cow::Borrowed("") };
    HeaderValue::from_str(&encoded_word::encode(&text)).unwrap_or(HeaderValue::from_static(""))
}
