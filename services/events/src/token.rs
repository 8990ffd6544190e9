//! Tokens of OAuth: asked for with a connection's credentials, kept in memory until they end, and asked for anew when an
//! endpoint takes one no more.
//!
//! Sources: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-auth.html> and
//! <https://www.rfc-editor.org/rfc/rfc6749#section-4.4>

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::{Arn, Timestamp};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use outbound::Outbound;
use serde_json::Value;
use service::{Cx, Failure};

use crate::invocation::{encoded, pairs, put, with_query};
use crate::limits::{DESTINATION_TIMEOUT, TOKEN_ANSWER_BYTES_MAX};
use crate::types::{Connection, OAuth};

/// A token that ends within this time is not used any more.
const RENEWED_BEFORE: Duration = Duration::from_secs(60);
/// For so long, who asks after somebody else's failure gets the same.
const FAILURE_SHARED: Duration = Duration::from_secs(1);

/// The tokens of all connections.
#[derive(Default)]
pub struct Tokens(Mutex<HashMap<Arn, Slot>>);

/// Who asks for a token of a connection waits for who asked before.
type Slot = Arc<tokio::sync::Mutex<Option<Known>>>;

/// What came of asking, for the connection as it was changed then.
struct Known {
    modified: Timestamp,
    asked: Timestamp,
    answer: Result<Token, Failure>,
}

#[derive(Clone)]
struct Token {
    /// The value of `Authorization`.
    authorization: String,
    ends: Option<Timestamp>,
}

impl Known {
    fn of(&self, now: Timestamp, refused: Option<&str>) -> Option<Result<String, Failure>> {
        match &self.answer {
            Ok(token) => {
                let lasts = token.ends.is_none_or(|ends| ends > now + RENEWED_BEFORE);
                let is_good = lasts && refused != Some(token.authorization.as_str());
                is_good.then(|| Ok(token.authorization.clone()))
            }
            Err(failure) => (now.since(self.asked) < FAILURE_SHARED).then(|| Err(failure.clone())),
        }
    }
}

impl Tokens {
    /// The value of `Authorization` for a connection, but not the one that was refused.
    ///
    /// # Errors
    /// When the connection's endpoint gives none.
    pub async fn get(
        &self,
        outbound: &Outbound,
        cx: &Cx,
        connection: &Connection,
        oauth: &OAuth,
        refused: Option<&str>,
    ) -> Result<String, Failure> {
        let slot = self.slots().entry(connection.arn.clone()).or_default().clone();
        let mut known = slot.lock().await;
        let (now, modified) = (cx.env().now(), connection.modified);
        if let Some(answer) =
            known.as_ref().filter(|known| known.modified == modified).and_then(|known| known.of(now, refused))
        {
            return answer;
        }
        let answer = ask(outbound, cx, oauth).await;
        let authorization = answer.clone().map(|token| token.authorization);
        *known = Some(Known { modified, asked: cx.env().now(), answer });
        authorization
    }

    /// Forgets a connection that is not used any more.
    pub fn forget(&self, connection: &Arn) {
        self.slots().remove(connection);
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<Arn, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The code of what goes wrong here: to EventBridge, `NO_PERMISSIONS`.
pub const NO_TOKEN: &str = "ConnectionNotAuthorized";

fn failed(reason: impl std::fmt::Display, may_pass: bool) -> Failure {
    let message = format!("Unable to invoke ApiDestination endpoint: no token is given for the connection: {reason}");
    Failure::new(NO_TOKEN, message, may_pass)
}

async fn ask(outbound: &Outbound, cx: &Cx, oauth: &OAuth) -> Result<Token, Failure> {
    let Request { method, url, headers, body } = request(oauth).map_err(|reason| failed(reason, false))?;
    let request = outbound::Request { method, url: &url, headers, body, timeout: DESTINATION_TIMEOUT };
    let answered = outbound.fetch(request, TOKEN_ANSWER_BYTES_MAX).await;
    // What is said of a URL may show the secrets in it.
    let (head, body) = answered.map_err(|error| match error {
        outbound::Error::Url(_) => failed("the authorization endpoint is not a URL", false),
        error => failed(&error, error.may_pass()),
    })?;
    if !head.status.is_success() {
        let may_pass = head.status.as_u16() == 429 || head.status.is_server_error();
        return Err(failed(format_args!("the authorization endpoint answered {}", head.status.as_u16()), may_pass));
    }
    token(&body, cx.env().now()).ok_or_else(|| failed("the authorization endpoint's answer has no access_token", true))
}

struct Request {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Bytes,
}

/// The credentials are in the form, or, as a GET has none, in the query.
fn request(oauth: &OAuth) -> Result<Request, String> {
    let own = oauth.http.clone().unwrap_or_default();
    let mut form: Vec<(String, String)> = [
        ("grant_type", "client_credentials"),
        ("client_id", oauth.client_id.as_str()),
        ("client_secret", oauth.client_secret.as_str()),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    form.retain(|(key, _)| own.body.iter().all(|parameter| parameter.key != *key));
    form.extend(pairs(&own.body));
    let method: Method = oauth.method.parse().map_err(|_| "its method is none".to_owned())?;
    let mut headers = HeaderMap::new();
    put(&mut headers, CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded").map_err(|error| error.to_string())?;
    for (name, value) in pairs(&own.headers) {
        put(&mut headers, &name, &value).map_err(|error| error.to_string())?;
    }
    let url = with_query(&oauth.endpoint, pairs(&own.query));
    if method == Method::GET {
        headers.remove(CONTENT_TYPE);
        return Ok(Request { method, url: with_query(&url, form), headers, body: Bytes::new() });
    }
    let body = form.iter().map(|(key, value)| encoded(key, value)).collect::<Vec<_>>().join("&");
    Ok(Request { method, url, headers, body: body.into() })
}

/// Source: <https://www.rfc-editor.org/rfc/rfc6749#section-5.1>
fn token(answer: &[u8], now: Timestamp) -> Option<Token> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let access = answer.get("access_token")?.as_str()?;
    let kind = answer.get("token_type").and_then(Value::as_str).filter(|kind| !kind.eq_ignore_ascii_case("bearer"));
    // Some write the number as a text.
    let seconds = answer.get("expires_in").and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
    let ends = seconds.map(|seconds| now + Duration::from_secs(seconds.min(u64::from(u32::MAX))));
    Some(Token { authorization: format!("{} {access}", kind.unwrap_or("Bearer")), ends })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{HttpParameter, HttpParameters};

    fn oauth(method: &str) -> OAuth {
        let parameter = |key: &str, value: &str| HttpParameter { key: key.into(), value: value.into(), secret: false };
        OAuth {
            client_id: "me".into(),
            client_secret: "h&sh".into(),
            endpoint: "https://example.com/token?a=1".into(),
            method: method.into(),
            http: Some(HttpParameters {
                headers: vec![parameter("X-Tenant", "t")],
                query: vec![parameter("b", "2")],
                body: vec![parameter("grant_type", "other"), parameter("audience", "all")],
            }),
        }
    }

    #[test]
    fn credentials_are_in_the_form_or_in_the_query() {
        let post = request(&oauth("POST")).unwrap();
        assert_eq!(post.url, "https://example.com/token?a=1&b=2");
        assert_eq!(post.body, "client_id=me&client_secret=h%26sh&grant_type=other&audience=all");
        assert_eq!(post.headers["x-tenant"], "t");
        let get = request(&oauth("GET")).unwrap();
        assert!(get.body.is_empty() && !get.headers.contains_key(CONTENT_TYPE));
        assert!(get.url.ends_with("?a=1&b=2&audience=all&client_id=me&client_secret=h%26sh&grant_type=other"));
    }

    #[test]
    fn a_token_is_kept_until_it_ends_or_is_refused() {
        let (now, good) =
            (Timestamp::from_secs(1_000), br#"{"access_token":"t","token_type":"bearer","expires_in":100}"#);
        let known = Known { modified: now, asked: now, answer: Ok(token(good, now).unwrap()) };
        assert_eq!(known.of(now, None), Some(Ok("Bearer t".into())));
        assert_eq!(known.of(now + Duration::from_secs(41), None), None);
        assert_eq!(known.of(now, Some("Bearer t")), None);
        assert_eq!(known.of(now, Some("Bearer s")), Some(Ok("Bearer t".into())));
        let lasting = token(br#"{"access_token":"t","token_type":"MAC"}"#, now).unwrap();
        assert_eq!((lasting.authorization.as_str(), lasting.ends), ("MAC t", None));
        assert!(token(b"{}", now).is_none() && token(b"<html>", now).is_none());
        let failure = failed("no", true);
        let known = Known { modified: now, asked: now, answer: Err(failure.clone()) };
        assert_eq!(known.of(now, None), Some(Err(failure)));
        assert_eq!(known.of(now + FAILURE_SHARED, None), None);
    }
}
