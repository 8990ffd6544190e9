//! Why an image was not made.

use serde::{Deserialize, Serialize};

/// Why there is no image. The text says what is wrong with what, for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Error {
    /// A parameter that is none.
    #[error("the parameter {name} is {value:?}: {expected}")]
    Parameter { name: String, value: String, expected: String },
    /// Parameters that each are fine, and do not go together, or not with this image.
    #[error("{0}")]
    Impossible(String),
    /// What came is no image, or one of a kind that is not read here.
    #[error("{0}")]
    Unsupported(String),
    /// It begins like an image, and does not go on like one.
    #[error("the image cannot be read: {0}")]
    Malformed(String),
    /// It is, or would become, larger than what is allowed.
    #[error("{0}")]
    TooLarge(String),
    /// It took more time or memory than what is allowed.
    #[error("{0}")]
    Exhausted(String),
    /// More images are asked for than can be made; later there may be room.
    #[error("too many images are being made; try again later")]
    Busy,
    /// The bytes of the image did not come.
    #[error("the image did not come: {0}")]
    Source(String),
    /// Nothing is wrong with the image, but with this server.
    #[error("images cannot be made here: {0}")]
    Internal(String),
}

impl Error {
    /// The status of a response that tells it.
    pub fn status(&self) -> u16 {
        match self {
            Error::Parameter { .. } | Error::Impossible(_) => 400,
            Error::TooLarge(_) => 413,
            Error::Unsupported(_) => 415,
            Error::Malformed(_) | Error::Exhausted(_) => 422,
            Error::Internal(_) => 500,
            Error::Source(_) => 502,
            Error::Busy => 503,
        }
    }

    /// Whether the same request may succeed later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Error::Busy | Error::Source(_) | Error::Internal(_))
    }
}

pub type Result<T> = std::result::Result<T, Error>;
