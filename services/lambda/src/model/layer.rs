//! Layers: numbered versions of packages that functions share.

use base::Arn;
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{LAYER_POLICIES, LAYERS, NEXT_LAYER_VERSION};
use crate::model::{self, Page};
use crate::types::{LayerVersion, Policy};

/// Stores a layer version under the next number, which `named` puts into it.
pub fn publish(
    tx: &mut Tx,
    region: &str,
    name: &str,
    named: impl Fn(u64) -> LayerVersion,
) -> Result<LayerVersion, Error> {
    let number = NEXT_LAYER_VERSION.get(tx, (region, name))?.unwrap_or(1);
    NEXT_LAYER_VERSION.put(tx, (region, name), &(number + 1))?;
    let layer = named(number);
    LAYERS.put(tx, (region, name, number), &layer)?;
    Ok(layer)
}

pub fn find(read: &(impl Read + ?Sized), region: &str, name: &str, number: u64) -> Result<Option<LayerVersion>, Error> {
    Ok(LAYERS.get(read, (region, name, number))?)
}

/// The layer version that an ARN names: `arn:aws:lambda:REGION:ACCOUNT:layer:NAME:NUMBER`.
pub fn of_arn(read: &(impl Read + ?Sized), arn: &Arn) -> Result<Option<LayerVersion>, Error> {
    let mut parts = arn.resource.split(':');
    match (parts.next(), parts.next(), parts.next().map(str::parse), parts.next()) {
        (Some("layer"), Some(name), Some(Ok(number)), None) if arn.service == "lambda" => {
            Ok(find(read, &arn.region, name, number)?.filter(|layer| layer.arn == *arn))
        }
        _ => Ok(None),
    }
}

/// Removes a layer version; one that is not there is no error, as on AWS. Functions that use it keep it.
pub fn delete(tx: &mut Tx, region: &str, name: &str, number: u64) -> Result<(), Error> {
    LAYER_POLICIES.delete(tx, (region, name, number))?;
    Ok(LAYERS.delete(tx, (region, name, number))?)
}

/// Who may use a layer version, beside those whom their own policies allow it.
pub fn policy(read: &(impl Read + ?Sized), layer: &LayerVersion) -> Result<Option<Policy>, Error> {
    Ok(LAYER_POLICIES.get(read, (&*layer.arn.region, &*layer.name, layer.number))?)
}

/// Changes the policy of the layer version with that ARN by `change`; without statements, there is none any more.
pub fn change_policy(
    tx: &mut Tx,
    arn: &Arn,
    change: impl Fn(Option<Policy>) -> Result<Policy, Error>,
) -> Result<(), Error> {
    let layer =
        of_arn(tx, arn)?.ok_or_else(|| Error::ResourceNotFound(format!("Layer version {arn} does not exist.")))?;
    let key = (&*layer.arn.region, &*layer.name, layer.number);
    let policy = change(policy(tx, &layer)?)?;
    if policy.statements.is_empty() {
        return Ok(LAYER_POLICIES.delete(tx, key)?);
    }
    Ok(LAYER_POLICIES.put(tx, key, &policy)?)
}

/// A page of a layer's versions, newest first.
pub fn versions(
    read: &(impl Read + ?Sized),
    region: &str,
    name: &str,
    before: Option<u64>,
    limit: usize,
    keep: impl Fn(&LayerVersion) -> bool,
) -> Result<Page<LayerVersion>, Error> {
    let rows = match before {
        Some(before) => LAYERS.scan_after(read, (region, name), (region, name, before), Order::Reverse)?,
        None => LAYERS.scan_prefix(read, (region, name), Order::Reverse)?,
    };
    model::page(rows.values(), limit, keep, |layer| layer.number.to_string())
}

/// A page of a region's layers in order of their names, each with the newest version that `keep` lets through.
pub fn list(
    read: &(impl Read + ?Sized),
    region: &str,
    after: Option<&str>,
    limit: usize,
    keep: impl Fn(&LayerVersion) -> bool,
) -> Result<Page<LayerVersion>, Error> {
    let names = NEXT_LAYER_VERSION.scan_after(read, region, (region, after.unwrap_or_default()), Order::Forward)?;
    let newest = names.keys().filter_map(|key| match key {
        Ok((_, name)) => {
            versions(read, region, &name, None, 1, &keep).map(|(newest, _)| newest.into_iter().next()).transpose()
        }
        Err(error) => Some(Err(error.into())),
    });
    model::page(newest, limit, |_| true, |layer| layer.name.clone())
}
