//! Addresses that get no mail, because they refused it or complained.

use kv::{Read, Tx};

use super::{account, configuration_set};
use crate::error::Error;
use crate::keys::SUPPRESSED;
use crate::types::{Message, Reason, Suppressed};

/// Addresses on the list know no case.
fn canonical(address: &str) -> String {
    address.to_ascii_lowercase()
}

pub fn find(read: &(impl Read + ?Sized), region: &str, address: &str) -> Result<Option<Suppressed>, Error> {
    Ok(SUPPRESSED.get(read, (region, &*canonical(address)))?)
}

pub fn put(tx: &mut Tx, region: &str, suppressed: &Suppressed) -> Result<(), Error> {
    let address = canonical(&suppressed.address);
    Ok(SUPPRESSED.put(tx, (region, &*address), &Suppressed { address: address.clone(), ..suppressed.clone() })?)
}

pub fn delete(tx: &mut Tx, region: &str, address: &str) -> Result<(), Error> {
    if find(tx, region, address)?.is_none() {
        return Err(Error::NotSuppressed(address.to_owned()));
    }
    Ok(SUPPRESSED.delete(tx, (region, &*canonical(address)))?)
}

/// What suppresses an address for a message: as its configuration set says, or the account.
pub fn reasons(read: &(impl Read + ?Sized), message: &Message) -> Result<Vec<Reason>, Error> {
    let region = &message.identity.region;
    if let Some(name) = &message.configuration_set
        && let Some(reasons) = configuration_set::get(read, region, name)?.and_then(|found| found.suppresses)
    {
        return Ok(reasons);
    }
    Ok(account::find(read, region)?.suppresses)
}

/// Whether a message must not go to one of its recipients.
pub fn holds_back(read: &(impl Read + ?Sized), message: &Message, address: &str) -> Result<bool, Error> {
    match find(read, &message.identity.region, address)? {
        Some(suppressed) => Ok(reasons(read, message)?.contains(&suppressed.reason)),
        None => Ok(false),
    }
}
