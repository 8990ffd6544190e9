//! CBOR as authenticators write it: bounded, and with what follows it.

use ciborium::Value;

use crate::Error;

/// How deep what authenticators write may be: they use four levels.
const DEPTH_MAX: usize = 16;

/// The first item of `bytes`, and how many bytes it has.
pub fn first(bytes: &[u8]) -> Result<(Value, usize), Error> {
    let mut rest = bytes;
    let value = ciborium::de::from_reader_with_recursion_limit(&mut rest, DEPTH_MAX);
    let value = value.map_err(|_| Error::Malformed("it is not CBOR"))?;
    Ok((value, bytes.len() - rest.len()))
}

/// The same where nothing may follow.
pub fn whole(bytes: &[u8]) -> Result<Value, Error> {
    match first(bytes)? {
        (value, length) if length == bytes.len() => Ok(value),
        _ => Err(Error::Malformed("bytes follow the CBOR")),
    }
}

/// The member of a map with a text as its name.
pub fn named<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    map.as_map()?.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

/// The member of a map with a number as its name.
pub fn numbered(map: &Value, number: i64) -> Option<&Value> {
    let is_it = |key: &Value| key.as_integer().is_some_and(|key| i128::from(key) == i128::from(number));
    map.as_map()?.iter().find(|(key, _)| is_it(key)).map(|(_, value)| value)
}
