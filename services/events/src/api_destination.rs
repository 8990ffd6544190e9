//! Brings events to API destinations, and connections to their tokens.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html>

use std::time::Duration;

use base::Timestamp;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Method};
use service::{Cx, Delivery, Failure, Outcome, Permission};

use crate::Events;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::limits::DESTINATION_TIMEOUT;
use crate::model::{connection, destination};
use crate::token::NO_TOKEN;
use crate::types::{ApiDestination, Authorization, Connection, ConnectionState};

/// Sends an event to the destination that the delivery is for.
pub async fn invoke(events: &Events, cx: &Cx, delivery: &Delivery) -> Result<Outcome, Error> {
    cx.authorize_delivery(Permission::new("events:InvokeApiDestination", &delivery.to))?;
    let (destination, connection) = {
        let read = cx.db().read()?;
        let destination = destination::by_arn(&read, &delivery.to)?;
        let connection = destination::connection(&read, &destination.connection)?;
        (destination, connection)
    };
    if !connection.may_be_used() {
        let reason =
            format!("Unable to invoke ApiDestination endpoint: connection {} is deauthorized.", connection.name);
        return Ok(Outcome::Failed(Failure::new("AccessDeniedException", reason, true)));
    }
    events.pace.wait(&destination.arn, cx.env().now(), destination.rate()).await;
    let sent = send(events, cx, delivery, &destination, &connection).await;
    note(cx, &connection, &sent).await?;
    Ok(match sent {
        Ok(()) => Outcome::Delivered,
        // Whoever sees to the connection in the time that the target gives loses no event.
        Err(failure) if failure.code == NO_TOKEN => Outcome::Failed(Failure { may_pass: true, ..failure }),
        Err(failure) => Outcome::Failed(failure),
    })
}

/// Keeps what an attempt has shown of the connection: that it is authorized, or that it is not.
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-deauthorize.html>
async fn note(cx: &Cx, connection: &Connection, shown: &Result<(), Failure>) -> Result<(), Error> {
    let (context, seen) = (cx.clone(), connection.clone());
    let is_oauth = matches!(connection.authorization, Authorization::OAuth(_));
    match shown {
        Ok(()) if connection.state != ConnectionState::Authorized => {
            cx.db().write(move |tx| connection::authorized(tx, &context, &seen)).await
        }
        Err(failure) if failure.code == NO_TOKEN && !failure.may_pass || failure.code == UNAUTHORIZED && !is_oauth => {
            let reason = failure.message.clone();
            cx.db().write(move |tx| connection::refused(tx, &context, &seen.arn, seen.modified, &reason)).await
        }
        _ => Ok(()),
    }
}

/// Sends it, once more with another token where the endpoint does not take the one that is known.
async fn send(
    events: &Events,
    cx: &Cx,
    delivery: &Delivery,
    destination: &ApiDestination,
    connection: &Connection,
) -> Result<(), Failure> {
    let Authorization::OAuth(oauth) = &connection.authorization else {
        return post(events, cx, delivery, destination, connection, None).await;
    };
    let token = events.tokens.get(&events.outbound, cx, connection, oauth, None).await?;
    match post(events, cx, delivery, destination, connection, Some(&token)).await {
        Err(failure) if failure.code == UNAUTHORIZED => {
            let token = events.tokens.get(&events.outbound, cx, connection, oauth, Some(&token)).await?;
            post(events, cx, delivery, destination, connection, Some(&token)).await
        }
        sent => sent,
    }
}

/// The code of an endpoint's failure: what EventBridge calls `SDK_CLIENT_ERROR`.
const REFUSED: &str = "EndpointError";
/// Of what another token may mend.
const UNAUTHORIZED: &str = "EndpointUnauthorized";

fn failed(code: &str, reason: impl std::fmt::Display, may_pass: bool) -> Failure {
    Failure::new(code, format!("Unable to invoke ApiDestination endpoint: {reason}"), may_pass)
}

async fn post(
    events: &Events,
    cx: &Cx,
    delivery: &Delivery,
    destination: &ApiDestination,
    connection: &Connection,
    token: Option<&str>,
) -> Result<(), Failure> {
    let properties = delivery.message.http.clone().unwrap_or_default();
    let Invocation { url, headers, body } =
        Invocation::new(destination, connection, &properties, &delivery.event, token)
            .map_err(|error| failed("InvalidParameterValue", error, false))?;
    let method: Method = destination.method.parse().map_err(|_| failed(REFUSED, "its method is none.", false))?;
    let request = outbound::Request { method, url: &url, headers, body, timeout: DESTINATION_TIMEOUT };
    match events.outbound.send(request).await {
        Ok(answer) => outcome(answer.status.as_u16(), &answer.headers, cx.env().now()),
        Err(outbound::Error::TimedOut) => {
            Err(failed("Timeout", "Timeout calling endpoint for API Destination: no answer within 5 seconds.", true))
        }
        // What is said of a URL would show the secrets in it.
        Err(outbound::Error::Url(_)) => Err(failed(REFUSED, "its URL is none.", false)),
        Err(error) => {
            Err(failed(REFUSED, format_args!("API destination endpoint cannot be reached: {error}."), error.may_pass()))
        }
    }
}

/// What the client got wrong stays wrong, except for its haste and its credentials. Redirects are not followed.
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html#eb-api-destination-error-codes>
fn outcome(status: u16, headers: &HeaderMap, now: Timestamp) -> Result<(), Failure> {
    let (code, may_pass) = match status {
        200..=299 => return Ok(()),
        401 | 407 => (UNAUTHORIZED, true),
        409 | 429 | 500.. => (REFUSED, true),
        _ => (REFUSED, false),
    };
    let rest = rest(headers, now);
    let may_pass = may_pass && rest != Some(Rest::Never);
    let rest = match rest {
        Some(Rest::For(time)) => Some(time),
        _ => None,
    };
    Err(Failure { rest, ..failed(code, format_args!("API destination returned HTTP status {status}."), may_pass) })
}

#[derive(Debug, PartialEq, Eq)]
enum Rest {
    For(Duration),
    /// The endpoint does not want this event again.
    Never,
}

/// What an endpoint says of when it wants to be asked again: in seconds, or at a time.
fn rest(headers: &HeaderMap, now: Timestamp) -> Option<Rest> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(u64::try_from(seconds).map_or(Rest::Never, |seconds| Rest::For(Duration::from_secs(seconds))));
    }
    let time = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_millisecond();
    Some(Rest::For(Timestamp(u64::try_from(time).ok()?).since(now)))
}

/// Asks for the token of a connection that was made or changed; nothing is to be done for one that has been changed since.
pub async fn authorize_new(events: &Events, cx: &Cx, delivery: &Delivery) -> Result<Outcome, Error> {
    let found = destination::connection(&cx.db().read()?, &delivery.to);
    let connection = match found {
        Ok(connection) => connection,
        Err(Error::NotFound(_)) => return Ok(Outcome::Delivered),
        Err(error) => return Err(error),
    };
    if connection.state != ConnectionState::Authorizing || connection.modified != delivery.accepted {
        return Ok(Outcome::Delivered);
    }
    let Authorization::OAuth(oauth) = &connection.authorization else { return Ok(Outcome::Delivered) };
    let asked = events.tokens.get(&events.outbound, cx, &connection, oauth, None).await.map(drop);
    note(cx, &connection, &asked).await?;
    // That it was refused is noted: nothing is left to be done.
    Ok(match asked {
        Err(failure) if failure.may_pass => Outcome::Failed(failure),
        _ => Outcome::Delivered,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, retry_after: Option<&str>) -> Option<(bool, Option<Duration>)> {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, value.parse().unwrap());
        }
        let now = Timestamp::parse_iso8601("2026-01-01T00:00:00Z").unwrap();
        outcome(status, &headers, now).err().map(|failure| (failure.may_pass, failure.rest))
    }

    #[test]
    fn answers_decide_whether_and_when_to_try_again() {
        assert_eq!([200, 204].map(|status| answered(status, None)), [None, None]);
        assert_eq!([401, 407, 409, 429, 500, 503].map(|status| answered(status, None)), [Some((true, None)); 6]);
        assert_eq!([301, 400, 403, 404].map(|status| answered(status, Some("1"))), [Some((false, Some(SECOND))); 4]);
        assert_eq!(answered(429, Some("1")), Some((true, Some(SECOND))));
        assert_eq!(answered(503, Some("Thu, 01 Jan 2026 00:00:01 GMT")), Some((true, Some(SECOND))));
        assert_eq!(answered(503, Some("-1")), Some((false, None)));
        assert_eq!(answered(503, Some("soon")), Some((true, None)));
    }

    const SECOND: Duration = Duration::from_secs(1);
}
