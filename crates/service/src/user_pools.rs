//! User pools, as those services see them that let a pool's users in: the service that keeps them is asked for their keys.

use base::Arn;
use bytes::Bytes;

use crate::{Cx, Error};

/// What a pool's tokens are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolKeys {
    /// What its tokens have as `iss`.
    pub issuer: String,
    /// The keys that it signs with, as it publishes them: a JWKS (RFC 7517), in which each key has an id.
    pub keys: Bytes,
}

/// The service that keeps user pools.
pub trait UserPools: Send + Sync {
    /// The keys of a pool, `arn:aws:cognito-idp:{region}:{account}:userpool/{id}`; `None` where it is not there. Asked again
    /// and again: it must be cheap.
    ///
    /// # Errors
    /// When they cannot be read.
    fn keys(&self, cx: &Cx, pool: &Arn) -> Result<Option<PoolKeys>, Error>;
}
