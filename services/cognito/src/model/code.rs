//! Codes that are sent to a user: how many, for how long, and how often one may be wrong.

use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use subtle::ConstantTimeEq as _;

use crate::error::Error;
use crate::limits::{CODE_ATTEMPTS_MAX, CODES_PER_HOUR, CONFIRMATION_CODE_LIFETIME, HOUR, RESET_CODE_LIFETIME};
use crate::types::{Code, User};

/// What a code is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    SignUp,
    Reset,
    /// The attribute that it verifies.
    Attribute(String),
}

impl Purpose {
    /// How it is called where it is kept.
    pub fn key(&self) -> String {
        match self {
            Purpose::SignUp => "sign-up".into(),
            Purpose::Reset => "reset".into(),
            Purpose::Attribute(name) => format!("attribute {name}"),
        }
    }

    fn lifetime(&self) -> Duration {
        match self {
            Purpose::Reset => RESET_CODE_LIFETIME,
            Purpose::SignUp | Purpose::Attribute(_) => CONFIRMATION_CODE_LIFETIME,
        }
    }

    /// Where the vault has the code.
    pub fn place(&self, pool: &str, sub: &str) -> Vec<u8> {
        format!("cognito code {pool} {sub} {}", self.key()).into_bytes()
    }
}

/// Keeps a code that is being sent; the one before it is good no more.
///
/// # Errors
/// When too many were sent within an hour.
pub fn send(
    user: &mut User,
    purpose: &Purpose,
    sealed: Bytes,
    pending: Option<String>,
    now: Timestamp,
) -> Result<(), Error> {
    let before = user.codes.get(&purpose.key()).filter(|code| now.since(code.since) < HOUR);
    let (sent, since) = before.map_or((0, now), |code| (code.sent, code.since));
    if sent >= CODES_PER_HOUR {
        return Err(Error::LimitExceeded);
    }
    let (expires, sent) = (now + purpose.lifetime(), sent + 1);
    let code = Code { sealed: Some(sealed), expires, attempts: 0, sent, since, pending };
    user.codes.insert(purpose.key(), code);
    Ok(())
}

/// Whether a code is the one under way; counts it, and forgets the one under way if it is. Returns what that verifies. `open` opens
/// what the vault has.
///
/// The inner error is to be told once the count is kept.
pub fn take(
    user: &mut User,
    purpose: &Purpose,
    given: &str,
    now: Timestamp,
    open: impl FnOnce(&[u8]) -> Result<Vec<u8>, Error>,
) -> Result<Result<Option<String>, Error>, Error> {
    let code = user.codes.get_mut(&purpose.key()).filter(|code| code.expires > now);
    let Some((code, sealed)) = code.and_then(|code| code.sealed.clone().map(|sealed| (code, sealed))) else {
        return Ok(Err(Error::ExpiredCode));
    };
    if code.attempts >= CODE_ATTEMPTS_MAX {
        return Ok(Err(Error::LimitExceeded));
    }
    if open(&sealed)?.ct_eq(given.as_bytes()).into() {
        code.sealed = None;
        return Ok(Ok(code.pending.take()));
    }
    code.attempts += 1;
    Ok(Err(Error::CodeMismatch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::user::tests::user;

    #[test]
    fn a_code_is_good_once_for_a_while_and_is_not_guessed() {
        let (start, purpose) = (Timestamp::from_secs(1_000), Purpose::Reset);
        let open = |sealed: &[u8]| Ok(sealed.to_vec());
        let sent = |user: &mut User, at| send(user, &purpose, Bytes::from_static(b"123456"), None, at);
        let mut fresh = user();
        assert!(matches!(take(&mut fresh, &purpose, "123456", start, open), Ok(Err(Error::ExpiredCode))));
        sent(&mut fresh, start).unwrap();
        let mut late = fresh.clone();
        assert!(matches!(take(&mut late, &purpose, "123456", start + HOUR, open), Ok(Err(Error::ExpiredCode))));
        let mut guessed = fresh.clone();
        for _ in 0..CODE_ATTEMPTS_MAX {
            assert!(matches!(take(&mut guessed, &purpose, "000000", start, open), Ok(Err(Error::CodeMismatch))));
        }
        assert!(matches!(take(&mut guessed, &purpose, "123456", start, open), Ok(Err(Error::LimitExceeded))));
        assert!(matches!(take(&mut fresh, &Purpose::SignUp, "123456", start, open), Ok(Err(Error::ExpiredCode))));
        assert!(matches!(take(&mut fresh, &purpose, "123456", start, open), Ok(Ok(None))));
        assert!(matches!(take(&mut fresh, &purpose, "123456", start, open), Ok(Err(Error::ExpiredCode))), "only once");
        for _ in 1..CODES_PER_HOUR {
            sent(&mut fresh, start).unwrap();
        }
        assert!(matches!(sent(&mut fresh, start), Err(Error::LimitExceeded)));
        sent(&mut fresh, start + HOUR).unwrap();
    }
}
