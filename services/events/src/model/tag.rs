//! Tags of buses and rules.

use base::Arn;
use kv::{Read, Tx};

use crate::error::Error;
use crate::keys::{BUSES, RULES};
use crate::limits::TAGS_MAX;
use crate::model::{bus, rule};
use crate::name::{BusRef, rule_of};
use crate::types::{Bus, Rule, Tags};

/// What has tags.
enum Tagged {
    Bus(Bus),
    Rule(BusRef, Rule),
}

fn find(read: &(impl Read + ?Sized), arn: &Arn) -> Result<Tagged, Error> {
    if let Some(bus) = BusRef::of(arn.clone()) {
        return bus::find(read, &bus).map(Tagged::Bus);
    }
    match rule_of(arn) {
        Some((on, name)) => {
            let rule = RULES.get(read, (on.region(), &*on.name, &*name))?;
            let rule = rule.ok_or_else(|| Error::rule_not_found(&name, &on.name))?;
            Ok(Tagged::Rule(on, rule))
        }
        None => Err(Error::parameter("ResourceARN", "Provided Arn is not in correct format.")),
    }
}

pub fn of(read: &(impl Read + ?Sized), arn: &Arn) -> Result<Tags, Error> {
    Ok(match find(read, arn)? {
        Tagged::Bus(bus) => bus.tags,
        Tagged::Rule(_, rule) => rule.tags,
    })
}

pub fn change(tx: &mut Tx, arn: &Arn, change: impl FnOnce(&mut Tags)) -> Result<(), Error> {
    let checked = |tags: &Tags| if tags.len() > TAGS_MAX { Err(Error::LimitExceeded) } else { Ok(()) };
    match find(tx, arn)? {
        Tagged::Bus(mut bus) => {
            change(&mut bus.tags);
            checked(&bus.tags)?;
            BUSES.put(tx, (&*bus.arn.region, &*bus.name), &bus)?;
        }
        Tagged::Rule(on, mut rule) => {
            rule::check_managed(&rule, false)?;
            change(&mut rule.tags);
            checked(&rule.tags)?;
            RULES.put(tx, (on.region(), &*on.name, &*rule.name), &rule)?;
        }
    }
    Ok(())
}
