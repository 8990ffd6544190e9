//! Conditional requests.
//!
//! Source: RFC 9110, section 13, and
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html>

use base::Timestamp;
use wire::DateTime;

use crate::error::Error;
use crate::types::Object;

/// What a reader, or a copy of its source, wants to be true.
#[derive(Clone, Debug, Default)]
pub struct ReadConditions {
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
    pub if_modified_since: Option<DateTime>,
    pub if_unmodified_since: Option<DateTime>,
}

impl ReadConditions {
    /// Whether `object` may be read. It is not asked for changes since a time that is still to come (RFC 2616, 14.25).
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`], or [`Error::NotModified`] where that is what was asked.
    pub fn check(&self, object: &Object, now: Timestamp) -> Result<(), Error> {
        // HTTP has no fractions of seconds.
        let modified = object.modified.as_secs();
        let seconds = |time: &DateTime| Timestamp::from(*time).as_secs();
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(tags), _) if !is_among(&object.etag, tags) => return Err(Error::PreconditionFailed("If-Match")),
            (None, Some(time)) if modified > seconds(time) => {
                return Err(Error::PreconditionFailed("If-Unmodified-Since"));
            }
            _ => {}
        }
        let unmodified = match (&self.if_none_match, &self.if_modified_since) {
            (Some(tags), _) => is_among(&object.etag, tags),
            (None, Some(time)) => (modified..=now.as_secs()).contains(&seconds(time)),
            (None, None) => false,
        };
        if unmodified {
            let (etag, modified) = (quoted(&object.etag), http_date(object.modified));
            return Err(Error::NotModified { etag, modified });
        }
        Ok(())
    }

    /// The same of a copy's source, where whatever fails is a precondition.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`].
    pub fn check_source(&self, object: &Object, now: Timestamp) -> Result<(), Error> {
        self.check(object, now).map_err(|error| match error {
            Error::NotModified { .. } if self.if_none_match.is_some() => {
                Error::PreconditionFailed("x-amz-copy-source-If-None-Match")
            }
            Error::NotModified { .. } => Error::PreconditionFailed("x-amz-copy-source-If-Modified-Since"),
            error => error,
        })
    }
}

/// What a writer wants to be true of the key.
#[derive(Clone, Debug, Default)]
pub struct WriteConditions {
    pub if_match: Option<String>,
    /// Whether nothing may be there.
    pub is_new: bool,
}

impl WriteConditions {
    /// # Errors
    /// [`Error::NotImplemented`] for what S3 does not know either.
    pub fn new(if_match: Option<String>, if_none_match: Option<&str>) -> Result<WriteConditions, Error> {
        match (if_match.as_deref(), if_none_match) {
            (Some(_), Some(_)) => Err(Error::NotImplemented("If-Match,If-None-Match")),
            (Some("*"), None) => Err(Error::NotImplemented("If-Match")),
            (_, None) => Ok(WriteConditions { if_match, is_new: false }),
            (None, Some("*")) => Ok(WriteConditions { if_match, is_new: true }),
            (None, Some(_)) => Err(Error::NotImplemented("If-None-Match")),
        }
    }

    /// Whether what is there, if anything, may be replaced.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`]; [`Error::NoSuchKey`] where something has to be there.
    pub fn check(&self, key: &str, there: Option<&Object>) -> Result<(), Error> {
        if self.is_new && there.is_some() {
            return Err(Error::PreconditionFailed("If-None-Match"));
        }
        match (&self.if_match, there) {
            (Some(_), None) => Err(Error::NoSuchKey(key.to_owned())),
            (Some(tags), Some(object)) if !is_among(&object.etag, tags) => Err(Error::PreconditionFailed("If-Match")),
            _ => Ok(()),
        }
    }

    /// The same of an upload in parts that began at a time, since when nobody may have written the object that has to be there:
    /// not even the same once more.
    ///
    /// # Errors
    /// As above, and [`Error::Conflict`].
    pub fn check_since(&self, began: Timestamp, key: &str, there: Option<&Object>) -> Result<(), Error> {
        self.check(key, there)?;
        if self.if_match.is_some() && there.is_some_and(|object| object.modified > began) {
            return Err(Error::Conflict { condition: "If-Match", key: key.to_owned() });
        }
        Ok(())
    }
}

/// Whether a list of entity tags has this one. Quotes may be missing, as S3 lets them.
fn is_among(etag: &str, tags: &str) -> bool {
    tags.trim() == "*" || tags.split(',').any(|tag| tag.trim().trim_start_matches("W/").trim_matches('"') == etag)
}

/// An entity tag as headers and documents have it.
pub fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

/// A date as documents have it: in whole seconds, like headers, so that lists and objects tell the same.
pub fn date(time: Timestamp) -> DateTime {
    DateTime(Timestamp::from_secs(time.as_secs()))
}

/// A date as headers have it (RFC 9110, 5.6.7).
pub fn http_date(time: Timestamp) -> String {
    time.utc().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::types::{Content, Meta};

    fn object() -> Object {
        Object {
            sequence: 1,
            version: None,
            modified: Timestamp(10_500),
            marker: false,
            size: 0,
            etag: "e".into(),
            content: Content::Nothing,
            checksum: None,
            meta: Meta::default(),
            tags: BTreeMap::new(),
            seal: None,
        }
    }

    #[test]
    fn entity_tags_come_before_dates() {
        let at = |seconds| Some(DateTime(Timestamp::from_secs(seconds)));
        let tag = |tag: &str| Some(tag.to_owned());
        let read = |if_match, if_none_match, if_modified_since, if_unmodified_since| {
            let conditions = ReadConditions { if_match, if_none_match, if_modified_since, if_unmodified_since };
            match conditions.check(&object(), Timestamp::from_secs(20)) {
                Ok(()) => 200,
                Err(error) => service::Error::from(error).status,
            }
        };
        assert_eq!(read(None, None, None, None), 200);
        assert_eq!(read(tag("\"e\""), None, None, at(1)), 200);
        assert_eq!(read(tag("\"a\", e"), None, None, None), 200);
        assert_eq!(read(tag("\"a\""), None, None, None), 412);
        assert_eq!(read(None, None, None, at(9)), 412);
        assert_eq!(read(None, None, None, at(10)), 200);
        assert_eq!(read(None, tag("W/\"e\""), at(1), None), 304);
        assert_eq!(read(None, tag("\"a\""), at(11), None), 200);
        assert_eq!(read(None, None, at(10), None), 304);
        assert_eq!(read(None, None, at(20), None), 304);
        assert_eq!(read(None, None, at(21), None), 200);
        assert_eq!(read(None, None, at(9), None), 200);
        assert_eq!(read(None, tag("*"), None, None), 304);
    }

    #[test]
    fn uploads_see_what_was_written_since_they_began() {
        let of_tag = WriteConditions { if_match: Some("e".into()), is_new: false };
        let since =
            |conditions: &WriteConditions, began| conditions.check_since(Timestamp(began), "k", Some(&object()));
        assert!(since(&of_tag, 10_500).is_ok() && since(&WriteConditions::default(), 10_499).is_ok());
        assert!(matches!(since(&of_tag, 10_499), Err(Error::Conflict { .. })));
        let of_other = WriteConditions { if_match: Some("a".into()), is_new: false };
        assert!(matches!(since(&of_other, 10_499), Err(Error::PreconditionFailed(_))));
    }

    #[test]
    fn documents_tell_the_dates_of_headers() {
        assert_eq!(date(Timestamp(10_999)), DateTime(Timestamp(10_000)));
        assert_eq!(http_date(Timestamp(10_999)), "Thu, 01 Jan 1970 00:00:10 GMT");
    }

    #[test]
    fn writers_may_want_nothing_or_something_there() {
        let write = |if_match: Option<&str>, if_none_match, there: Option<&Object>| {
            let conditions = WriteConditions::new(if_match.map(str::to_owned), if_none_match);
            match conditions.and_then(|conditions| conditions.check("k", there)) {
                Ok(()) => 200,
                Err(error) => service::Error::from(error).status,
            }
        };
        let there = object();
        assert_eq!(write(None, Some("*"), None), 200);
        assert_eq!(write(None, Some("*"), Some(&there)), 412);
        assert_eq!(write(None, Some("e"), None), 501);
        assert_eq!(write(Some("*"), None, Some(&there)), 501);
        assert_eq!(write(Some("\"e\""), Some("*"), Some(&there)), 501);
        assert_eq!(write(Some("\"e\""), None, Some(&there)), 200);
        assert_eq!(write(Some("\"a\""), None, Some(&there)), 412);
        assert_eq!(write(Some("\"e\""), None, None), 404);
    }
}
