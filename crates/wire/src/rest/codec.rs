//! Merges what a request carries into one tree, and splits an answer's tree over status, headers and body.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde::ser::Serialize;

use super::{Binding, Labels, Payload};
use crate::error::{DecodeError, EncodeError};
use crate::query::{Params, parse};
use crate::scalar::{to_base64, to_http_date};
use crate::ser::to_value;
use crate::value::{Members, Value};
use crate::{Protocol, json, respond};

/// Reads an operation's input. Labels, query parameters and headers win over body members of the same name.
pub fn decode<T: DeserializeOwned>(
    binding: &Binding,
    labels: &Labels<'_>,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<T, DecodeError> {
    let params = parse(query.as_bytes())?;
    let mut members = body_members(binding, body)?;
    query_members(binding, &params, &mut members);
    header_members(binding, headers, &mut members)?;
    for (member, text) in labels {
        let text = percent_decode_str(text).decode_utf8();
        let text = text.map_err(|_| DecodeError::whole(format!("The path's part for {member} is not UTF-8")))?;
        members.push((Cow::Borrowed(member), Value::Loose(Cow::Owned(text.into_owned()))));
    }
    crate::de::from_value(Value::Map(members), None)
}

fn body_members<'a>(binding: &Binding, body: &'a [u8]) -> Result<Members<'a>, DecodeError> {
    match binding.payload {
        Some(_) if body.is_empty() => Ok(Vec::new()),
        Some(Payload::Blob(member)) => Ok(vec![(member.into(), Value::Bytes(body.into()))]),
        Some(Payload::Document(member)) => Ok(vec![(member.into(), json::parse(body)?)]),
        None => match json::parse(body)? {
            Value::Map(members) => Ok(members),
            other => Err(DecodeError::whole(format!("Expected an object as the body, got {}", other.kind()))),
        },
    }
}

fn query_members<'a>(binding: &Binding, params: &'a Params, members: &mut Members<'a>) {
    for (name, member) in binding.query {
        let mut values = params.iter().filter(|(known, _)| known == name).map(|(_, value)| Value::Loose(value.into()));
        match (values.next(), values.next()) {
            (None, _) => {}
            (Some(value), None) => members.push(((*member).into(), value)),
            (Some(first), Some(second)) => {
                let all = [first, second].into_iter().chain(values).collect();
                members.push(((*member).into(), Value::List(all)));
            }
        }
    }
}

fn header_members<'a>(binding: &Binding, headers: &'a HeaderMap, members: &mut Members<'a>) -> Result<(), DecodeError> {
    for (name, member) in binding.headers {
        if let Some(value) = headers.get(*name) {
            members.push(((*member).into(), header_text(name, value)?));
        }
    }
    let Some((prefix, member)) = binding.prefix_headers else { return Ok(()) };
    let prefix = prefix.to_ascii_lowercase();
    let mut entries = Members::new();
    for (name, value) in headers {
        if let Some(key) = name.as_str().strip_prefix(&prefix) {
            entries.push((key.into(), header_text(name.as_str(), value)?));
        }
    }
    members.push((member.into(), Value::Map(entries)));
    Ok(())
}

pub(crate) fn header_text<'a>(name: &str, value: &'a HeaderValue) -> Result<Value<'a>, DecodeError> {
    let text = str::from_utf8(value.as_bytes());
    text.map(|text| Value::Loose(text.into()))
        .map_err(|_| DecodeError::whole(format!("The header {name} is not UTF-8")))
}

/// Writes an answer. An error means that the output does not fit its binding.
pub fn encode<T: Serialize>(binding: &Binding, output: &T, request_id: &str) -> Result<Response<Bytes>, EncodeError> {
    let places = &binding.response;
    if places.headers.is_empty() && places.status.is_none() && places.payload.is_none() {
        let body = if binding.success() == StatusCode::NO_CONTENT { Bytes::new() } else { json::encode(output)? };
        return Ok(respond(Protocol::RestJson, binding.success(), body, request_id));
    }
    let Value::Map(mut members) = to_value(output)? else {
        return Err(EncodeError("a REST answer is not a structure".into()));
    };
    let status = match places.status.and_then(|member| take(&mut members, member)) {
        Some(status) => as_status(&status)?,
        None => binding.success(),
    };
    let mut headers = HeaderMap::new();
    for (name, member) in places.headers {
        if let Some(value) = take(&mut members, member) {
            headers.insert(
                HeaderName::from_bytes(name.as_bytes()).map_err(|error| EncodeError(error.to_string()))?,
                as_header(name, value)?,
            );
        }
    }
    let body = match places.payload {
        None => json::encode(&Value::Map(members))?,
        Some(Payload::Document(member)) => take(&mut members, member).map_or(Ok(Bytes::new()), |v| json::encode(&v))?,
        Some(Payload::Blob(member)) => match take(&mut members, member) {
            Some(Value::Bytes(bytes)) => bytes.into(),
            Some(Value::Text(text)) => text.into_owned().into(),
            None => Bytes::new(),
            Some(other) => return Err(EncodeError(format!("{member} is {}, not a body", other.kind()))),
        },
    };
    let mut response = respond(Protocol::RestJson, status, body, request_id);
    response.headers_mut().extend(headers);
    Ok(response)
}

/// Takes the member out, unless it is null.
pub(crate) fn take(members: &mut Members<'static>, name: &str) -> Option<Value<'static>> {
    let index = members.iter().position(|(known, _)| known == name)?;
    Some(members.remove(index).1).filter(|value| *value != Value::Null)
}

pub(crate) fn as_status(value: &Value<'_>) -> Result<StatusCode, EncodeError> {
    let status = if let Value::Int(status) = value { u16::try_from(*status).ok() } else { None };
    status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .ok_or_else(|| EncodeError("a status out of range".into()))
}

pub(crate) fn as_header(name: &str, value: Value<'_>) -> Result<HeaderValue, EncodeError> {
    let text = match value {
        Value::Text(text) | Value::Loose(text) => text.into_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bytes(bytes) => to_base64(&bytes),
        Value::Moment(moment) => to_http_date(moment),
        other => return Err(EncodeError(format!("{} does not fit the header {name}", other.kind()))),
    };
    HeaderValue::from_str(&text).map_err(|_| EncodeError(format!("the header {name} cannot carry its value")))
}
