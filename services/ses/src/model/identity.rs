//! Identities: the addresses and domains that mail is sent from.

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Read, Tx};
use service::{Cx, timers};

use super::count;
use crate::error::Error;
use crate::keys::{IDENTITIES, TOKENS};
use crate::limits;
use crate::types::{Identity, Token, Verification};

/// The name under which an identity is kept: domains know no case.
pub fn canonical(name: &str) -> String {
    match name.rsplit_once('@') {
        Some((user, domain)) => format!("{user}@{}", domain.to_ascii_lowercase()),
        None => name.to_ascii_lowercase(),
    }
}

pub fn arn(cx: &Cx, name: &str) -> Arn {
    cx.arn("ses", format!("identity/{}", canonical(name)))
}

pub fn find(read: &(impl Read + ?Sized), region: &str, name: &str) -> Result<Identity, Error> {
    let found = IDENTITIES.get(read, (region, &*canonical(name)))?;
    found.ok_or_else(|| Error::NoIdentity(name.to_owned()))
}

/// As which identity an address sends: itself, without its label, its domain, or one above that; of those the first that is
/// verified, else the first that is there.
pub fn of_sender(read: &(impl Read + ?Sized), region: &str, address: &str) -> Result<Option<Identity>, Error> {
    let mut unverified = None;
    for name in candidates(address) {
        match IDENTITIES.get(read, (region, &*name))? {
            Some(found) if found.is_verified() => return Ok(Some(found)),
            found => unverified = unverified.or(found),
        }
    }
    Ok(unverified)
}

fn candidates(address: &str) -> Vec<String> {
    let address = canonical(address);
    let Some((user, mut domain)) = address.rsplit_once('@') else { return vec![address] };
    let mut names = vec![address.clone()];
    if let Some((user, _)) = user.split_once('+') {
        names.push(format!("{user}@{domain}"));
    }
    names.push(domain.to_owned());
    while let Some((_, above)) = domain.split_once('.') {
        domain = above;
        names.push(domain.to_owned());
    }
    names
}

pub fn put(tx: &mut Tx, region: &str, identity: &Identity) -> Result<(), Error> {
    Ok(IDENTITIES.put(tx, (region, &*identity.name), identity)?)
}

/// Keeps a new identity. One that is not verified yet waits for the link with `token`.
pub fn create(tx: &mut Tx, now: Timestamp, region: &str, identity: &Identity, token: &str) -> Result<(), Error> {
    if IDENTITIES.contains(tx, (region, &*identity.name))? {
        return Err(Error::IdentityExists(identity.name.clone()));
    }
    if count(&IDENTITIES, tx, region)? >= limits::IDENTITIES_MAX {
        return Err(Error::LimitExceeded(format!("A region has at most {} identities.", limits::IDENTITIES_MAX)));
    }
    put(tx, region, identity)?;
    if !identity.is_verified() {
        await_link(tx, now, region, &identity.name, token)?;
    }
    Ok(())
}

/// Lets a link with `token` verify the identity, for a while.
pub fn await_link(tx: &mut Tx, now: Timestamp, region: &str, name: &str, token: &str) -> Result<(), Error> {
    let expires = now + limits::VERIFICATION_TIME;
    TOKENS.put(tx, token, &Token { region: region.to_owned(), identity: name.to_owned(), expires })?;
    Ok(timers::set(tx, "ses", expires, token.as_bytes(), &Bytes::new())?)
}

/// Somebody followed the link; returns the identity that it verified, if it did.
pub fn follow_link(tx: &mut Tx, now: Timestamp, token: &str) -> Result<Option<String>, Error> {
    let Some(found) = TOKENS.get(tx, token)? else { return Ok(None) };
    TOKENS.delete(tx, token)?;
    timers::cancel(tx, "ses", found.expires, token.as_bytes())?;
    let Some(mut identity) = IDENTITIES.get(tx, (&*found.region, &*found.identity))? else { return Ok(None) };
    (identity.verification, identity.verified) = (Verification::Success, Some(now));
    put(tx, &found.region, &identity)?;
    Ok(Some(identity.name))
}

/// Nobody followed the link in time.
pub fn expire_link(tx: &mut Tx, token: &str) -> Result<(), Error> {
    let Some(found) = TOKENS.get(tx, token)? else { return Ok(()) };
    TOKENS.delete(tx, token)?;
    match IDENTITIES.get(tx, (&*found.region, &*found.identity))? {
        Some(mut identity) if identity.verification == Verification::Pending => {
            identity.verification = Verification::Failed;
            put(tx, &found.region, &identity)
        }
        _ => Ok(()),
    }
}

pub fn delete(tx: &mut Tx, region: &str, name: &str) -> Result<(), Error> {
    let identity = find(tx, region, name)?;
    Ok(IDENTITIES.delete(tx, (region, &*identity.name))?)
}

pub fn change(
    tx: &mut Tx,
    region: &str,
    name: &str,
    change: &dyn Fn(&mut Identity) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut identity = find(tx, region, name)?;
    change(&mut identity)?;
    put(tx, region, &identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_sends_as_itself_or_as_its_domain() {
        let expected = ["Ada+x@mail.example.com", "Ada@mail.example.com", "mail.example.com", "example.com", "com"];
        assert_eq!(candidates("Ada+x@Mail.Example.com"), expected);
        assert_eq!(candidates("example.com"), ["example.com"]);
    }
}
