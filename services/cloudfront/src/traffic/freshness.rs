//! How long an answer is good for: what its origin says of it, between the bounds of a policy.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html>

use std::time::Duration;

use base::Timestamp;
use http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES, HeaderMap, VARY};
use http::{HeaderName, StatusCode};

use super::headers::text;
use crate::cache::Life;

/// The bounds of times to live, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    pub min: u64,
    pub default: u64,
    pub max: u64,
}

/// What an origin says of keeping its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Said {
    /// Nobody but the viewer may keep it, or nobody without asking.
    not_kept: bool,
    /// Seconds.
    life: Option<u64>,
    while_revalidating: u64,
    if_error: Option<u64>,
}

impl Said {
    fn of(headers: &HeaderMap) -> Said {
        let mut said = Said::default();
        let (mut max_age, mut s_maxage) = (None, None);
        for value in headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()) {
            for directive in value.split(',') {
                let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
                let seconds = argument.trim().trim_matches('"').parse().ok();
                match name.trim().to_ascii_lowercase().as_str() {
                    "no-store" => said.not_kept = true,
                    // With an argument it is about some headers alone.
                    "no-cache" | "private" if argument.is_empty() => said.not_kept = true,
                    "max-age" => max_age = seconds.or(Some(0)),
                    "s-maxage" => s_maxage = seconds.or(Some(0)),
                    "stale-while-revalidate" => said.while_revalidating = seconds.unwrap_or(0),
                    "stale-if-error" => said.if_error = seconds,
                    _ => {}
                }
            }
        }
        said.life = s_maxage.or(max_age).or_else(|| {
            let expires = text(headers, EXPIRES)?;
            // What is no date is past.
            let from = date(headers, &DATE);
            Some(moment(expires).zip(from).map_or(0, |(until, from)| until.since(from).as_secs()))
        });
        said
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    let moment = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    u64::try_from(moment.as_millisecond()).ok().map(Timestamp)
}

/// The moment that a header has.
pub fn date(headers: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    moment(text(headers, name)?)
}

/// How old an answer is that has just come: it may come out of another cache.
pub fn age(headers: &HeaderMap) -> Duration {
    Duration::from_secs(text(headers, AGE).and_then(|age| age.trim().parse().ok()).unwrap_or(0))
}

/// Whether an answer depends on what no key can have.
fn varies_with_everything(headers: &HeaderMap) -> bool {
    headers.get_all(VARY).iter().any(|value| value.as_bytes().contains(&b'*'))
}

/// Errors that are kept whatever their origins say, and those that are where origins say so.
const KEPT_ERRORS: [u16; 7] = [404, 414, 500, 501, 502, 503, 504];
const KEPT_IF_SAID: [u16; 5] = [400, 403, 405, 412, 415];

/// How long an answer may be kept that came `now`; `None` where it may not. `error_ttl` is the least time, in seconds, that an
/// error is kept, where the distribution has one for it.
pub fn life(ttl: Ttl, status: StatusCode, headers: &HeaderMap, error_ttl: Option<u64>, now: Timestamp) -> Option<Life> {
    if ttl.max == 0 && status.as_u16() < 400 || varies_with_everything(headers) {
        return None;
    }
    let said = Said::of(headers);
    let seconds = match status.as_u16() {
        code @ 400.. => error_seconds(code, said, ttl, error_ttl)?,
        200 | 203 | 204 | 300 | 301 | 308 => match (said.not_kept, said.life) {
            (true, _) if ttl.min == 0 => return None,
            (true, _) => ttl.min,
            (false, Some(life)) => life.clamp(ttl.min, ttl.max),
            (false, None) => ttl.default.clamp(ttl.min, ttl.max),
        },
        302 | 303 | 307 => said.life.filter(|_| !said.not_kept)?.clamp(ttl.min, ttl.max),
        _ => return None,
    };
    let seconds = seconds.saturating_sub(age(headers).as_secs());
    let fresh = now + Duration::from_secs(seconds);
    // What is never fresh is only kept to be asked about, where its origin can tell whether it has changed.
    let can_be_asked = headers.contains_key("etag") || headers.contains_key("last-modified");
    if seconds == 0 && (said.while_revalidating == 0 && !can_be_asked || status.as_u16() >= 400) {
        return None;
    }
    // Without a word of it, what was there is better than an error.
    let if_error = said.if_error.map_or(Duration::from_secs(86_400 * 365), Duration::from_secs);
    let while_revalidating = fresh + Duration::from_secs(said.while_revalidating);
    Some(Life { fresh, while_revalidating, if_error: fresh + if_error })
}

fn error_seconds(code: u16, said: Said, ttl: Ttl, error_ttl: Option<u64>) -> Option<u64> {
    let least = error_ttl.unwrap_or(crate::limits::ERROR_TTL_SECONDS);
    let of_origin = said.life.filter(|_| !said.not_kept).map(|life| life.clamp(ttl.min, ttl.max));
    if KEPT_ERRORS.contains(&code) || error_ttl.is_some() {
        return Some(of_origin.unwrap_or(0).max(least));
    }
    of_origin.filter(|_| KEPT_IF_SAID.contains(&code)).map(|life| life.max(least))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const OPTIMIZED: Ttl = Ttl { min: 1, default: 86_400, max: 31_536_000 };
    const BY_ORIGIN: Ttl = Ttl { min: 0, default: 0, max: 31_536_000 };
    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn seconds(ttl: Ttl, status: u16, pairs: &[(&'static str, &'static str)]) -> Option<u64> {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let life = life(ttl, StatusCode::from_u16(status).unwrap(), &headers, None, NOW)?;
        Some(life.fresh.since(NOW).as_secs())
    }

    #[test]
    fn policies_bound_what_origins_say() {
        for (ttl, status, headers, expected) in [
            (OPTIMIZED, 200, &[][..], Some(86_400)),
            (OPTIMIZED, 200, &[("cache-control", "max-age=60")], Some(60)),
            (OPTIMIZED, 200, &[("cache-control", "public, S-MaxAge=5, max-age=60")], Some(5)),
            (OPTIMIZED, 200, &[("cache-control", "max-age=0")], Some(1)),
            (OPTIMIZED, 200, &[("cache-control", "no-store")], Some(1)),
            (BY_ORIGIN, 200, &[("cache-control", "no-cache")], None),
            (BY_ORIGIN, 200, &[("cache-control", "private, max-age=60")], None),
            (BY_ORIGIN, 200, &[], None),
            (BY_ORIGIN, 200, &[("etag", "\"a\"")], Some(0)),
            (OPTIMIZED, 200, &[("cache-control", "max-age=99999999999")], Some(31_536_000)),
            (OPTIMIZED, 200, &[("age", "50"), ("cache-control", "max-age=60")], Some(10)),
            (
                OPTIMIZED,
                200,
                &[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("expires", "Sun, 06 Nov 1994 08:50:37 GMT")],
                Some(60),
            ),
            (OPTIMIZED, 200, &[("expires", "0")], Some(1)),
            (OPTIMIZED, 200, &[("vary", "*")], None),
            (Ttl { min: 0, default: 0, max: 0 }, 200, &[("cache-control", "max-age=60")], None),
            (OPTIMIZED, 206, &[], None),
            (OPTIMIZED, 302, &[], None),
            (OPTIMIZED, 302, &[("cache-control", "max-age=60")], Some(60)),
            (OPTIMIZED, 404, &[], Some(10)),
            (OPTIMIZED, 404, &[("cache-control", "max-age=60")], Some(60)),
            (OPTIMIZED, 403, &[], None),
            (OPTIMIZED, 403, &[("cache-control", "max-age=60")], Some(60)),
        ] {
            assert_eq!(seconds(ttl, status, headers), expected, "{ttl:?} {status} {headers:?}");
        }
    }

    #[test]
    fn what_is_stale_may_still_be_good_for_something() {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_static("max-age=1, stale-while-revalidate=10, stale-if-error=20");
        headers.insert(CACHE_CONTROL, value);
        let life = life(OPTIMIZED, StatusCode::OK, &headers, None, NOW).unwrap();
        let after = |moment: Timestamp| moment.since(NOW).as_secs();
        assert_eq!((after(life.fresh), after(life.while_revalidating), after(life.if_error)), (1, 11, 21));
    }
}
