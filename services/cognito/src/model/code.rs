//! Codes that are sent to a user: how many, for how long, and how often one may be wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use subtle::ConstantTimeEq as _;

use crate::error::Error;
use crate::limits::{
    CODE_ATTEMPTS_MAX, CODES_PER_HOUR, CONFIRMATION_CODE_LIFETIME, HOUR, RESET_CODE_LIFETIME,
    SIGN_IN_CODE_ATTEMPTS_MAX, SIGN_IN_CODE_LIFETIME,
};
use crate::model::user::EMAIL;
use crate::types::{Code, User};

/// What a code is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    SignUp,
    Reset,
    /// Somebody begins to sign in with it.
    SignIn,
    /// The attribute that it verifies.
    Attribute(String),
}

impl Purpose {
    /// How it is called where it is kept.
    pub fn key(&self) -> String {
        match self {
            Purpose::SignUp => "sign-up".into(),
            Purpose::Reset => "reset".into(),
            Purpose::SignIn => "sign-in".into(),
            Purpose::Attribute(name) => format!("attribute {name}"),
        }
    }

    fn lifetime(&self) -> Duration {
        match self {
            Purpose::Reset => RESET_CODE_LIFETIME,
            Purpose::SignIn => SIGN_IN_CODE_LIFETIME,
            Purpose::SignUp | Purpose::Attribute(_) => CONFIRMATION_CODE_LIFETIME,
        }
    }

    /// Whether the code proves that the user has the address. One that resets a password changes nothing about it.
    fn proves_address(&self) -> bool {
        !matches!(self, Purpose::Reset)
    }

    /// Where the vault has the code.
    pub fn place(&self, pool: &str, sub: &str) -> Vec<u8> {
        format!("cognito code {pool} {sub} {}", self.key()).into_bytes()
    }
}

/// A code that is to be sent.
#[derive(Clone, Debug)]
pub struct Fresh {
    pub purpose: Purpose,
    pub sealed: Bytes,
    /// The address that it goes to.
    pub to: String,
    /// The value that it verifies, where the attribute does not have it yet.
    pub pending: Option<String>,
}

/// How many codes were sent within the hour, and since when that is counted.
///
/// # Errors
/// When those were too many.
pub fn check_may_send(user: &User, purpose: &Purpose, now: Timestamp) -> Result<(u32, Timestamp), Error> {
    let before = user.codes.get(&purpose.key()).filter(|code| now.since(code.since) < HOUR);
    let (sent, since) = before.map_or((0, now), |code| (code.sent, code.since));
    if sent >= CODES_PER_HOUR { Err(Error::LimitExceeded) } else { Ok((sent, since)) }
}

/// Keeps a code that is being sent; the one before it is good no more. `user` is the one in the store, in the transaction that sends
/// the code: of those that are asked for at once, each counts.
///
/// # Errors
/// When too many were sent within an hour.
pub fn send(user: &mut User, fresh: &Fresh, now: Timestamp) -> Result<(), Error> {
    let (sent, since) = check_may_send(user, &fresh.purpose, now)?;
    let Fresh { purpose, sealed, to, pending } = fresh.clone();
    let (mut expires, sent) = (now + purpose.lifetime(), sent + 1);
    // Anybody may ask for codes to sign in with: the last one stays good until there may be another, so that its owner always has one.
    if purpose == Purpose::SignIn && sent >= CODES_PER_HOUR {
        expires = expires.max(since + HOUR);
    }
    let (tries, sealed, to) = (BTreeMap::new(), Some(sealed), Some(to));
    let code = Code { sealed, expires, attempts: 0, sent, since, pending, to, tries };
    user.codes.insert(purpose.key(), code);
    Ok(())
}

/// Whether a code is the one under way; counts it, and forgets the one under way if it is. Returns what that verifies. `open` opens
/// what the vault has. A code that went to an address that the user has no more proves nothing.
///
/// The inner error is to be told once the count is kept.
pub fn take(
    user: &mut User,
    purpose: &Purpose,
    given: &str,
    now: Timestamp,
    open: impl FnOnce(&[u8]) -> Result<Vec<u8>, Error>,
) -> Result<Result<Option<String>, Error>, Error> {
    take_in(user, purpose, None, given, now, open)
}

/// The same in a sign-in, each of which has tries of its own: what others guess does not end the code. Of those together there are more,
/// yet few: who is wrong too often is locked out, besides.
pub fn take_in(
    user: &mut User,
    purpose: &Purpose,
    session: Option<&str>,
    given: &str,
    now: Timestamp,
    open: impl FnOnce(&[u8]) -> Result<Vec<u8>, Error>,
) -> Result<Result<Option<String>, Error>, Error> {
    let email = user.attributes.get(EMAIL);
    let is_current = |code: &Code| !purpose.proves_address() || code.pending.is_some() || code.to.as_ref() == email;
    let code = user.codes.get_mut(&purpose.key()).filter(|code| code.expires > now && is_current(code));
    let Some((code, sealed)) = code.and_then(|code| code.sealed.clone().map(|sealed| (code, sealed))) else {
        return Ok(Err(Error::ExpiredCode));
    };
    let (tried, all_max) = match session {
        Some(session) => (code.tries.get(session).copied().unwrap_or_default(), SIGN_IN_CODE_ATTEMPTS_MAX),
        None => (code.attempts, CODE_ATTEMPTS_MAX),
    };
    if tried >= CODE_ATTEMPTS_MAX || code.attempts >= all_max {
        return Ok(Err(Error::LimitExceeded));
    }
    if open(&sealed)?.ct_eq(given.as_bytes()).into() {
        code.sealed = None;
        return Ok(Ok(code.pending.take()));
    }
    code.attempts += 1;
    if let Some(session) = session {
        *code.tries.entry(session.to_owned()).or_default() += 1;
    }
    Ok(Err(Error::CodeMismatch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::user::tests::user;

    fn fresh(purpose: &Purpose, to: &str, pending: Option<String>) -> Fresh {
        Fresh { purpose: purpose.clone(), sealed: Bytes::from_static(b"123456"), to: to.into(), pending }
    }

    #[test]
    fn a_code_is_good_once_for_a_while_and_is_not_guessed() {
        let (start, purpose) = (Timestamp::from_secs(1_000), Purpose::Reset);
        let open = |sealed: &[u8]| Ok(sealed.to_vec());
        let sent = |user: &mut User, at| send(user, &fresh(&purpose, "ada@example.com", None), at);
        let mut kept = user();
        assert!(matches!(take(&mut kept, &purpose, "123456", start, open), Ok(Err(Error::ExpiredCode))));
        sent(&mut kept, start).unwrap();
        let mut late = kept.clone();
        assert!(matches!(take(&mut late, &purpose, "123456", start + HOUR, open), Ok(Err(Error::ExpiredCode))));
        let mut guessed = kept.clone();
        for _ in 0..CODE_ATTEMPTS_MAX {
            assert!(matches!(take(&mut guessed, &purpose, "000000", start, open), Ok(Err(Error::CodeMismatch))));
        }
        assert!(matches!(take(&mut guessed, &purpose, "123456", start, open), Ok(Err(Error::LimitExceeded))));
        assert!(matches!(take(&mut kept, &Purpose::SignUp, "123456", start, open), Ok(Err(Error::ExpiredCode))));
        assert!(matches!(take(&mut kept, &purpose, "123456", start, open), Ok(Ok(None))));
        assert!(matches!(take(&mut kept, &purpose, "123456", start, open), Ok(Err(Error::ExpiredCode))), "only once");
        for _ in 1..CODES_PER_HOUR {
            sent(&mut kept, start).unwrap();
        }
        assert!(matches!(sent(&mut kept, start), Err(Error::LimitExceeded)));
        sent(&mut kept, start + HOUR).unwrap();
    }

    #[test]
    fn what_others_guess_and_ask_for_leaves_a_code_to_sign_in_good() {
        let (start, purpose) = (Timestamp::from_secs(1_000), Purpose::SignIn);
        let open = |sealed: &[u8]| Ok(sealed.to_vec());
        let mut kept = user();
        for _ in 0..CODES_PER_HOUR {
            send(&mut kept, &fresh(&purpose, "ada@example.com", None), start).unwrap();
        }
        assert!(matches!(check_may_send(&kept, &purpose, start), Err(Error::LimitExceeded)));
        let late = start + SIGN_IN_CODE_LIFETIME + Duration::from_secs(60);
        let guess =
            |user: &mut User, session: &str, code| take_in(user, &purpose, Some(session), code, late, open).unwrap();
        for _ in 0..CODE_ATTEMPTS_MAX {
            assert!(matches!(guess(&mut kept, "theirs", "000000"), Err(Error::CodeMismatch)));
        }
        assert!(matches!(guess(&mut kept, "theirs", "123456"), Err(Error::LimitExceeded)));
        assert!(guess(&mut kept.clone(), "own", "123456").is_ok(), "until there may be another");
        for number in CODE_ATTEMPTS_MAX..SIGN_IN_CODE_ATTEMPTS_MAX {
            assert!(matches!(guess(&mut kept, &format!("theirs {number}"), "000000"), Err(Error::CodeMismatch)));
        }
        assert!(
            matches!(guess(&mut kept, "another", "123456"), Err(Error::LimitExceeded)),
            "nobody guesses without end"
        );
    }

    #[test]
    fn a_code_proves_only_the_address_that_it_went_to() {
        let (start, open) = (Timestamp::from_secs(1_000), |sealed: &[u8]| Ok(sealed.to_vec()));
        let taken = |purpose: &Purpose, to: &str, pending: Option<&str>| {
            let mut user = user();
            send(&mut user, &fresh(purpose, to, pending.map(str::to_owned)), start).unwrap();
            take(&mut user, purpose, "123456", start, open).unwrap()
        };
        for purpose in [Purpose::SignUp, Purpose::Attribute(EMAIL.into())] {
            assert!(matches!(taken(&purpose, "ada@example.com", None), Ok(None)));
            assert!(matches!(taken(&purpose, "eve@example.com", None), Err(Error::ExpiredCode)));
        }
        let changed = taken(&Purpose::Attribute(EMAIL.into()), "new@example.com", Some("new@example.com"));
        assert_eq!(changed.unwrap().as_deref(), Some("new@example.com"));
        assert!(taken(&Purpose::Reset, "eve@example.com", None).is_ok(), "that verifies nothing");
    }
}
