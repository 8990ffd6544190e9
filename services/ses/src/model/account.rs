//! What is set for all of a region.

use kv::{Read, Tx};

use crate::error::Error;
use crate::keys::ACCOUNTS;
use crate::types::Account;

pub fn find(read: &(impl Read + ?Sized), region: &str) -> Result<Account, Error> {
    Ok(ACCOUNTS.get(read, region)?.unwrap_or_default())
}

pub fn change(tx: &mut Tx, region: &str, change: &dyn Fn(&mut Account)) -> Result<(), Error> {
    let mut account = find(tx, region)?;
    change(&mut account);
    Ok(ACCOUNTS.put(tx, region, &account)?)
}
