//! Requests and answers with the changes that an integration's parameters ask for.

use ::http::{HeaderValue, Response, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use proxy::Incoming;

use crate::parameters::{Action, Change, Place};
use crate::selection::Source;

/// What of a query's names and values stands for itself.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request after the changes, and its path below the stage where that is another one now.
pub struct Changed {
    pub incoming: Incoming,
    pub path: Option<String>,
}

/// Makes the changes to a request. What has no value changes nothing.
pub fn request(changes: &[Change], incoming: &Incoming, value: impl Fn(&Source) -> Option<String>) -> Changed {
    let mut changed = Changed { incoming: incoming.clone(), path: None };
    let mut pairs: Option<Vec<(String, String)>> = None;
    for change in changes {
        let Some(value) = change.value.value(&value) else { continue };
        match &change.place {
            Place::Header(name) => match (change.action, HeaderValue::from_str(&value)) {
                (Action::Remove, _) => drop(changed.incoming.headers.remove(name)),
                (Action::Append, Ok(value)) => drop(changed.incoming.headers.append(name, value)),
                (Action::Overwrite, Ok(value)) => drop(changed.incoming.headers.insert(name, value)),
                (Action::Append | Action::Overwrite, Err(_)) => {}
            },
            Place::Query(name) => {
                let pairs = pairs.get_or_insert_with(|| incoming.query_pairs());
                if change.action != Action::Append {
                    pairs.retain(|(known, _)| known != name);
                }
                if change.action != Action::Remove {
                    pairs.push((name.clone(), value));
                }
            }
            Place::Path => changed.path = Some(format!("/{}", value.trim_start_matches('/'))),
            Place::Status => {}
        }
    }
    if let Some(pairs) = pairs {
        changed.incoming.query = query(&pairs);
    }
    changed
}

fn query(pairs: &[(String, String)]) -> String {
    let written = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", utf8_percent_encode(name, QUERY), utf8_percent_encode(value, QUERY)));
    written.collect::<Vec<_>>().join("&")
}

/// Makes the changes to an answer, whose values were found before.
pub fn answer<B>(changes: Vec<(Option<String>, Change)>, response: &mut Response<B>) {
    for (value, change) in changes {
        let Some(value) = value else { continue };
        match (&change.place, change.action, HeaderValue::from_str(&value)) {
            (Place::Header(name), Action::Remove, _) => drop(response.headers_mut().remove(name)),
            (Place::Header(name), Action::Append, Ok(value)) => drop(response.headers_mut().append(name, value)),
            (Place::Header(name), Action::Overwrite, Ok(value)) => drop(response.headers_mut().insert(name, value)),
            (Place::Status, ..) => {
                if let Some(status) = value.parse().ok().and_then(|code: u16| StatusCode::from_u16(code).ok()) {
                    *response.status_mut() = status;
                }
            }
            _ => {}
        }
    }
}
