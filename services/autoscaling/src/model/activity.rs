//! What was done, for who asks.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::ACTIVITIES;
use crate::limits::ACTIVITIES_MAX;
use crate::types::Activity;

/// Remembers an activity, and forgets the oldest when there are too many.
pub fn record(tx: &mut Tx, activity: &Activity) -> Result<(), Error> {
    let (region, namespace) = (activity.resource.region.as_str(), activity.resource.namespace.as_str());
    ACTIVITIES.put(tx, (region, namespace, activity.started, activity.id.as_str()), activity)?;
    let keys =
        ACTIVITIES.scan_prefix(tx, (region, namespace), Order::Forward)?.keys().collect::<Result<Vec<_>, _>>()?;
    let over = keys.len().saturating_sub(ACTIVITIES_MAX);
    keys.iter().take(over).try_for_each(|key| ACTIVITIES.delete(tx, key))?;
    Ok(())
}

/// All that is remembered of a namespace, the latest first.
pub fn all(read: &(impl Read + ?Sized), region: &str, namespace: &str) -> Result<Vec<Activity>, Error> {
    Ok(ACTIVITIES.scan_prefix(read, (region, namespace), Order::Reverse)?.values().collect::<Result<_, _>>()?)
}
