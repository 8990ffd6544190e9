//! Where the members of an operation travel in HTTP, as constant data.

use http::StatusCode;

/// The body as one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// The body's bytes are the member.
    Blob(&'static str),
    /// The member's JSON is the body.
    Document(&'static str),
}

/// `(name in HTTP, member)`.
pub type Places = &'static [(&'static str, &'static str)];

/// What tells an operation from others at the same method and path, whatever its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Query(&'static str),
    Header(&'static str),
}

/// The HTTP binding of an operation. Members that are not named here travel in the JSON body.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    pub method: &'static str,
    /// `/a/{Label}/{Rest+}?fixed=value`: labels are members, the query string is part of what must match.
    pub uri: &'static str,
    /// The status of success.
    pub status: u16,
    pub query: Places,
    pub headers: Places,
    /// Headers that begin with the prefix form one map member: `(prefix, member)`.
    pub prefix_headers: Option<(&'static str, &'static str)>,
    pub payload: Option<Payload>,
    /// For REST-XML, whose operations share paths.
    pub marks: &'static [Mark],
    pub response: ResponseBinding,
}

/// Where the members of the answer travel.
#[derive(Clone, Copy, Debug)]
pub struct ResponseBinding {
    pub headers: Places,
    /// The member that is the status.
    pub status: Option<&'static str>,
    pub payload: Option<Payload>,
    /// A map member of which each entry is a header: `(prefix, member)`.
    pub prefix_headers: Option<(&'static str, &'static str)>,
    /// The name of the document in REST-XML; without one the answer has no document.
    pub root: Option<&'static str>,
}

impl Binding {
    /// # Panics
    /// At compile time, when used for a constant with a status that HTTP does not have.
    pub const fn new(method: &'static str, uri: &'static str, status: u16) -> Binding {
        assert!(status >= 100 && status < 1000, "an HTTP status has three digits");
        Binding {
            method,
            uri,
            status,
            query: &[],
            headers: &[],
            prefix_headers: None,
            payload: None,
            marks: &[],
            response: ResponseBinding { headers: &[], status: None, payload: None, prefix_headers: None, root: None },
        }
    }

    pub const fn query(self, query: Places) -> Binding {
        Binding { query, ..self }
    }

    pub const fn headers(self, headers: Places) -> Binding {
        Binding { headers, ..self }
    }

    pub const fn prefix_headers(self, prefix: &'static str, member: &'static str) -> Binding {
        Binding { prefix_headers: Some((prefix, member)), ..self }
    }

    pub const fn payload(self, payload: Payload) -> Binding {
        Binding { payload: Some(payload), ..self }
    }

    pub const fn marks(self, marks: &'static [Mark]) -> Binding {
        Binding { marks, ..self }
    }

    pub const fn root(self, root: &'static str) -> Binding {
        Binding { response: ResponseBinding { root: Some(root), ..self.response }, ..self }
    }

    pub const fn response_prefix_headers(self, prefix: &'static str, member: &'static str) -> Binding {
        Binding { response: ResponseBinding { prefix_headers: Some((prefix, member)), ..self.response }, ..self }
    }

    pub const fn response_headers(self, headers: Places) -> Binding {
        Binding { response: ResponseBinding { headers, ..self.response }, ..self }
    }

    pub const fn response_status(self, member: &'static str) -> Binding {
        Binding { response: ResponseBinding { status: Some(member), ..self.response }, ..self }
    }

    pub const fn response_payload(self, payload: Payload) -> Binding {
        Binding { response: ResponseBinding { payload: Some(payload), ..self.response }, ..self }
    }

    pub(crate) fn success(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK)
    }
}
