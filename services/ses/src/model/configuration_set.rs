//! Configuration sets, and where their events go.

use kv::{Read, Tx};

use super::count;
use crate::error::Error;
use crate::keys::CONFIGURATION_SETS;
use crate::limits;
use crate::types::{ConfigurationSet, EventDestination};

pub fn get(read: &(impl Read + ?Sized), region: &str, name: &str) -> Result<Option<ConfigurationSet>, Error> {
    Ok(CONFIGURATION_SETS.get(read, (region, name))?)
}

pub fn find(read: &(impl Read + ?Sized), region: &str, name: &str) -> Result<ConfigurationSet, Error> {
    get(read, region, name)?.ok_or_else(|| Error::NoConfigurationSet(name.to_owned()))
}

pub fn create(tx: &mut Tx, region: &str, set: &ConfigurationSet) -> Result<(), Error> {
    if get(tx, region, &set.name)?.is_some() {
        return Err(Error::ConfigurationSetExists(set.name.clone()));
    }
    if count(&CONFIGURATION_SETS, tx, region)? >= limits::CONFIGURATION_SETS_MAX {
        let most = limits::CONFIGURATION_SETS_MAX;
        return Err(Error::LimitExceeded(format!("A region has at most {most} configuration sets.")));
    }
    Ok(CONFIGURATION_SETS.put(tx, (region, &*set.name), set)?)
}

pub fn delete(tx: &mut Tx, region: &str, name: &str) -> Result<(), Error> {
    find(tx, region, name)?;
    Ok(CONFIGURATION_SETS.delete(tx, (region, name))?)
}

pub fn change(
    tx: &mut Tx,
    region: &str,
    name: &str,
    change: &dyn Fn(&mut ConfigurationSet) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut set = find(tx, region, name)?;
    change(&mut set)?;
    Ok(CONFIGURATION_SETS.put(tx, (region, name), &set)?)
}

pub fn add_destination(set: &mut ConfigurationSet, destination: &EventDestination) -> Result<(), Error> {
    if set.destinations.iter().any(|known| known.name == destination.name) {
        return Err(Error::EventDestinationExists(destination.name.clone()));
    }
    if set.destinations.len() >= limits::EVENT_DESTINATIONS_MAX {
        let most = limits::EVENT_DESTINATIONS_MAX;
        return Err(Error::LimitExceeded(format!("A configuration set has at most {most} event destinations.")));
    }
    set.destinations.push(destination.clone());
    Ok(())
}

pub fn replace_destination(set: &mut ConfigurationSet, destination: &EventDestination) -> Result<(), Error> {
    let name = set.name.clone();
    let known = set.destinations.iter_mut().find(|known| known.name == destination.name);
    *known.ok_or(Error::NoEventDestination(name))? = destination.clone();
    Ok(())
}

pub fn remove_destination(set: &mut ConfigurationSet, destination: &str) -> Result<(), Error> {
    let before = set.destinations.len();
    set.destinations.retain(|known| known.name != destination);
    if set.destinations.len() == before { Err(Error::NoEventDestination(set.name.clone())) } else { Ok(()) }
}
