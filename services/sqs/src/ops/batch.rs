//! What the batch operations share: the checks of a batch as a whole, and its two lists of results.

use std::collections::HashSet;

use serde::Serialize;

use crate::error::Error;
use crate::limits;

/// An entry of a batch request.
pub trait Entry {
    /// Its name in AWS's error texts.
    const NAME: &'static str;

    fn id(&self) -> &str;
}

/// Refuses a batch that is empty, too long, or whose ids are invalid or not distinct.
pub fn validate<E: Entry>(entries: &[E]) -> Result<(), Error> {
    if entries.is_empty() {
        return Err(Error::EmptyBatchRequest(E::NAME));
    }
    if entries.len() > limits::BATCH_ENTRIES_MAX {
        return Err(Error::TooManyEntriesInBatchRequest(entries.len()));
    }
    let mut seen = HashSet::new();
    for id in entries.iter().map(Entry::id) {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if id.is_empty() || id.len() > limits::BATCH_ENTRY_ID_CHARACTERS_MAX || !id.bytes().all(valid) {
            return Err(Error::InvalidBatchEntryId);
        }
        if !seen.insert(id) {
            return Err(Error::BatchEntryIdsNotDistinct(id.to_owned()));
        }
    }
    Ok(())
}

/// Which entries succeeded, and which did not.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchOutput<T> {
    pub successful: Vec<T>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedEntry>,
}

impl<T> Default for BatchOutput<T> {
    fn default() -> BatchOutput<T> {
        BatchOutput { successful: Vec::new(), failed: Vec::new() }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FailedEntry {
    pub id: String,
    pub sender_fault: bool,
    pub code: &'static str,
    pub message: String,
}

/// An entry of `Successful` that says no more than which one it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Done {
    pub id: String,
}

impl<T> BatchOutput<T> {
    /// Adds an entry's result. A failure of the store is the whole batch's: its transaction must not commit.
    pub fn push(&mut self, id: &str, result: Result<T, Error>) -> Result<(), Error> {
        match result {
            Ok(done) => self.successful.push(done),
            Err(Error::Store(error)) => return Err(Error::Store(error)),
            Err(error) => self.fail(id, &error),
        }
        Ok(())
    }

    /// Adds an entry that was refused.
    pub fn fail(&mut self, id: &str, error: &Error) {
        let (code, sender_fault) = error.batch_code();
        self.failed.push(FailedEntry { id: id.to_owned(), sender_fault, code, message: error.to_string() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Named(&'static str);

    impl Entry for Named {
        const NAME: &'static str = "Named";

        fn id(&self) -> &str {
            self.0
        }
    }

    #[test]
    fn batches_are_checked_as_a_whole() {
        assert!(validate(&[Named("a"), Named("b-_2")]).is_ok());
        assert!(matches!(validate::<Named>(&[]), Err(Error::EmptyBatchRequest("Named"))));
        assert!(matches!(validate(&[Named("a"), Named("a")]), Err(Error::BatchEntryIdsNotDistinct(_))));
        assert!(matches!(validate(&[Named("a b")]), Err(Error::InvalidBatchEntryId)));
        assert!(matches!(validate(&[const { Named("a") }; 11]), Err(Error::TooManyEntriesInBatchRequest(11))));
    }
}
