//! The one error that leaves a service: AWS's code, status and words.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// An answer that is not a success. Services have their own enum; it becomes this at the operation's edge.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Error {
    /// AWS's code, without a namespace: `ResourceNotFoundException`.
    pub code: Cow<'static, str>,
    /// The code that older, Query-protocol clients expect, where it differs.
    pub query_code: Option<Cow<'static, str>>,
    /// What those clients are told, where AWS words it otherwise for them.
    pub query_message: Option<Cow<'static, str>>,
    pub status: u16,
    /// For the caller: what is wrong, and what to do.
    pub message: String,
    /// Members of the error's shape beyond the message (`CancellationReasons`, `Item`).
    pub members: Map<String, Value>,
    /// Headers of an HTTP answer that belong to it (`x-amz-delete-marker`), by names in lower case.
    pub headers: Vec<(&'static str, String)>,
}

/// Status and code of what the store's disk refuses.
const UNAVAILABLE: (u16, &str) = (503, "ServiceUnavailable");

impl Error {
    pub fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Error {
        Error {
            code: code.into(),
            query_code: None,
            query_message: None,
            status,
            message: message.into(),
            members: Map::new(),
            headers: Vec::new(),
        }
    }

    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Error {
        self.headers.push((name, value.into()));
        self
    }

    pub fn with_query_code(mut self, code: impl Into<Cow<'static, str>>) -> Error {
        self.query_code = Some(code.into());
        self
    }

    pub fn with_query_message(mut self, message: impl Into<Cow<'static, str>>) -> Error {
        self.query_message = Some(message.into());
        self
    }

    pub fn with_member(mut self, name: &str, value: impl Into<Value>) -> Error {
        self.members.insert(name.into(), value.into());
        self
    }

    /// A failure of ours. `cause` goes to the log; the caller learns only that it was not their fault.
    pub fn internal(cause: impl std::fmt::Display) -> Error {
        tracing::error!(%cause, "internal failure");
        Error::new(
            500,
            "InternalFailure",
            "The request processing has failed because of an unknown error, exception or failure.",
        )
    }

    /// What the store refuses: with the API's `status` and `code` for a request that is too large where it is that, else a failure of
    /// ours, of which the caller learns where it is the disk.
    pub fn store(cause: kv::Error, status: u16, code: &'static str) -> Error {
        if cause.is_too_large() {
            let reason = "Cloudlet cannot write so much at once, counted with all that follows from it, such as copies in indexes";
            return Error::new(status, code, format!("{reason}: {cause} bytes. Send it in smaller parts."));
        }
        let told = match cause {
            kv::Error::Full(_) => {
                "The disk of the Cloudlet server is almost full: it takes nothing that makes its data grow. Reads and deletes go on, and writes do once there is room."
            }
            kv::Error::Engine(_) => {
                "The disk of the Cloudlet server has failed: writes are refused until it is started again on one that works. The server's log says what happened."
            }
            cause => return Error::internal(cause),
        };
        tracing::error!(%cause, "a write was refused");
        Error::new(UNAVAILABLE.0, UNAVAILABLE.1, told)
    }

    /// Whether the store refused, for want of room or of a disk that works: the same may be done later.
    pub fn is_unavailable(&self) -> bool {
        (self.status, &*self.code) == UNAVAILABLE
    }

    /// What AWS has and this server does not.
    pub fn not_implemented(what: impl std::fmt::Display) -> Error {
        Error::new(
            501,
            "NotImplemented",
            format!("{what} is not implemented by Cloudlet. `cloudlet operations` lists what is."),
        )
    }

    /// Whether the caller, not the server, must change something.
    pub fn is_sender_fault(&self) -> bool {
        self.status < 500
    }
}

impl From<kv::Error> for Error {
    fn from(error: kv::Error) -> Error {
        Error::store(error, 413, "RequestTooLargeException")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_at_once_is_for_the_caller_to_change_and_nothing_else_is() {
        let error = Error::store(kv::Error::TransactionTooLarge { bytes: 50_000_000 }, 400, "ValidationException");
        assert_eq!((error.status, &*error.code), (400, "ValidationException"));
        assert!(error.message.contains("50000000 bytes is over the store's limit of 41943040 bytes"), "{error}");
        assert_eq!(Error::from(kv::Error::ValueTooLong { bytes: 3 }).status, 413);
        assert_eq!(Error::store(kv::Error::Closed, 400, "ValidationException").status, 500);
    }

    #[test]
    fn a_disk_that_is_full_or_broken_is_told() {
        for (cause, told) in
            [(kv::Error::Full("f".into()), "almost full"), (kv::Error::Engine("e".into()), "has failed")]
        {
            let error = Error::store(cause, 400, "ValidationException");
            assert_eq!((error.status, &*error.code), (503, "ServiceUnavailable"));
            assert!(error.message.contains(told), "{error}");
            assert!(error.is_unavailable());
        }
        assert!(!Error::from(kv::Error::Closed).is_unavailable());
    }
}
