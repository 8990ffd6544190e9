//! What is wrong with a template, and where.

/// A place in a template, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {what}", place.line, place.column)]
pub struct Error {
    pub place: Place,
    pub what: String,
}

impl Error {
    pub fn new(place: Place, what: impl Into<String>) -> Error {
        Error { place, what: what.into() }
    }
}
