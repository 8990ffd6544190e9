//! Pages of other origins: what the owner of a bucket lets them do.

use crate::Cx;

/// What a page wants to do.
#[derive(Clone, Debug)]
pub struct Cors<'a> {
    pub origin: &'a str,
    pub method: &'a str,
    /// The headers that it asks to send, beyond those that any page may.
    pub headers: Vec<&'a str>,
}

/// What it may, as it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsAnswer {
    /// An origin, or `*`.
    pub origin: String,
    pub methods: String,
    pub headers: String,
    /// Headers of answers that its script may read.
    pub exposed: String,
    /// How long the browser may remember it, in seconds.
    pub max_age: Option<u64>,
    pub credentials: bool,
}

/// Asks whether a page may do something with a bucket; `None` where it may not.
pub(crate) type Asked = std::sync::Arc<dyn Fn(&Cx, &str, &Cors<'_>) -> Option<CorsAnswer> + Send + Sync>;
