//! Grants: who may do what with a key beside its policy, until it is revoked or retired.

use std::collections::BTreeMap;

use base::Arn;
use kv::{Order, Read, Tx};

use super::key;
use crate::error::Error;
use crate::keys::{GRANTEES, GRANTS, RETIRABLE, TOKENS};
use crate::limits;
use crate::types::{Constraints, Grant, GrantName};

type Context = BTreeMap<String, String>;

fn id(arn: &Arn) -> &str {
    arn.resource.strip_prefix(key::PREFIX).unwrap_or_default()
}

/// Keeps a grant, or finds the one of that name that is just like it.
pub fn create(tx: &mut Tx, arn: &Arn, grant: &Grant) -> Result<Grant, Error> {
    key::check_stays(&key::get(tx, arn)?)?;
    let mut count = 0;
    for row in GRANTS.scan_prefix(tx, (&*arn.region, id(arn)), Order::Forward)? {
        let (_, existing) = row?;
        count += 1;
        if grant.name.is_some() && is_like(&existing, grant) {
            return Ok(existing);
        }
        if count == limits::GRANTS_OF_KEY_MAX {
            return Err(Error::LimitExceeded(format!("{arn} has {count} grants, which is the most it can have.")));
        }
    }
    GRANTS.put(tx, (&*arn.region, id(arn), &*grant.id), grant)?;
    GRANTEES.put(tx, (&*arn.region, id(arn), &*grant.grantee, &*grant.id), &())?;
    let name = GrantName { region: arn.region.clone(), key: id(arn).to_owned(), grant: grant.id.clone() };
    TOKENS.put(tx, &*grant.token, &name)?;
    if let Some(retiring) = &grant.retiring {
        RETIRABLE.put(tx, (&**retiring, &*arn.region, id(arn), &*grant.id), &())?;
    }
    Ok(grant.clone())
}

fn is_like(existing: &Grant, new: &Grant) -> bool {
    let rest = |grant: &Grant| {
        let Grant { name, grantee, retiring, operations, constraints, .. } = grant.clone();
        (name, grantee, retiring, operations, constraints)
    };
    rest(existing) == rest(new)
}

pub fn get(read: &(impl Read + ?Sized), arn: &Arn, grant: &str) -> Result<Option<Grant>, Error> {
    Ok(GRANTS.get(read, (&*arn.region, id(arn), grant))?)
}

/// The key and the grant of a token, within a region.
pub fn of_token(read: &(impl Read + ?Sized), key: &Arn, token: &str) -> Result<Option<(Arn, Grant)>, Error> {
    let Some(named) = TOKENS.get(read, token)? else { return Ok(None) };
    if named.region != key.region {
        return Ok(None);
    }
    let arn = Arn { resource: format!("{}{}", key::PREFIX, named.key), ..key.clone() };
    Ok(get(read, &arn, &named.grant)?.map(|grant| (arn, grant)))
}

pub fn delete(tx: &mut Tx, arn: &Arn, grant: &Grant) -> Result<(), Error> {
    let key = id(arn);
    if let Some(retiring) = &grant.retiring {
        RETIRABLE.delete(tx, (&**retiring, &*arn.region, key, &*grant.id))?;
    }
    TOKENS.delete(tx, &*grant.token)?;
    GRANTEES.delete(tx, (&*arn.region, key, &*grant.grantee, &*grant.id))?;
    Ok(GRANTS.delete(tx, (&*arn.region, key, &*grant.id))?)
}

pub fn delete_all(tx: &mut Tx, arn: &Arn, key: &str) -> Result<(), Error> {
    let rows = GRANTS.scan_prefix(tx, (&*arn.region, key), Order::Forward)?;
    let grants = rows.values().collect::<Result<Vec<_>, _>>()?;
    grants.iter().try_for_each(|grant| delete(tx, arn, grant))
}

/// Whether one of the principals has a grant for an operation with such an encryption context.
pub fn allows(
    read: &(impl Read + ?Sized),
    arn: &Arn,
    principals: &[String],
    operation: &str,
    context: Option<&Context>,
) -> Result<bool, Error> {
    for principal in principals {
        for row in GRANTEES.scan_prefix(read, (&*arn.region, id(arn), &**principal), Order::Forward)?.keys() {
            let grant = get(read, arn, &row?.3)?;
            if grant.is_some_and(|grant| covers(&grant, operation, context)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn covers(grant: &Grant, operation: &str, context: Option<&Context>) -> bool {
    if !grant.operations.iter().any(|allowed| allowed == operation) {
        return false;
    }
    let empty = Context::new();
    let given = context.unwrap_or(&empty);
    // What has no encryption context (signatures) is not bound by one.
    match &grant.constraints {
        None => true,
        Some(Constraints::Equals(wanted)) => given == wanted,
        Some(Constraints::Has(wanted)) => wanted.iter().all(|(name, value)| given.get(name) == Some(value)),
    }
}

/// A page of a key's grants that `keep`, after the one with the id `after`, and whether there are more.
pub fn list(
    read: &(impl Read + ?Sized),
    arn: &Arn,
    after: Option<&str>,
    limit: usize,
    keep: impl Fn(&Grant) -> bool,
) -> Result<(Vec<Grant>, bool), Error> {
    let prefix = (&*arn.region, id(arn));
    let rows = match after {
        Some(after) => GRANTS.scan_after(read, prefix, (&*arn.region, id(arn), after), Order::Forward)?,
        None => GRANTS.scan_prefix(read, prefix, Order::Forward)?,
    };
    let mut page = Vec::new();
    for grant in rows.values() {
        let grant = grant?;
        if !keep(&grant) {
            continue;
        }
        if page.len() == limit {
            return Ok((page, true));
        }
        page.push(grant);
    }
    Ok((page, false))
}

/// A page of a region's grants that a principal may retire, with their keys' ids, after a key and a grant.
pub fn retirable(
    read: &(impl Read + ?Sized),
    region: &str,
    principal: &str,
    after: Option<(&str, &str)>,
    limit: usize,
) -> Result<(Vec<(String, String)>, bool), Error> {
    let prefix = (principal, region);
    let rows = match after {
        Some((key, grant)) => RETIRABLE.scan_after(read, prefix, (principal, region, key, grant), Order::Forward)?,
        None => RETIRABLE.scan_prefix(read, prefix, Order::Forward)?,
    };
    let mut page = Vec::new();
    for row in rows.keys() {
        if page.len() == limit {
            return Ok((page, true));
        }
        let (_, _, key, grant) = row?;
        page.push((key, grant));
    }
    Ok((page, false))
}
