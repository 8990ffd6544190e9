//! Kinesis streams as destinations: every change of an item is sent with the write that makes it, by the outbox.
//!
//! A table has one at most that is not over. Those that are stay on its list for a while, as on AWS.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/kds.html>

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::Tx;
use serde::Serialize;
use service::{Delivery, Properties, outbox};

use super::item::Transition;
use super::{stream, table};
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::key::{digest, hex};
use crate::keys::SENT;
use crate::limits::{DESTINATIONS_MAX, SENT_BYTES_MAX};
use crate::size::item_size;
use crate::types::{Destination, DestinationStatus, Table};

/// What AWS says of a stream that is not there, and of one that the caller may not use.
pub const REFUSAL: &str = "User does not have a permission to use kinesis stream";

/// # Errors
/// While there is one that is not over.
pub fn enable(table: &mut Table, destination: &Destination) -> Result<(), Error> {
    if table.destinations.iter().any(|other| !other.is_over()) {
        return Err(unfit(
            "EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to perform ENABLE operation.",
        ));
    }
    table.destinations.retain(|other| other.stream != destination.stream);
    table.destinations.insert(0, destination.clone());
    table.destinations.truncate(DESTINATIONS_MAX);
    Ok(())
}

/// # Errors
/// When it is not active.
pub fn disable(table: &mut Table, stream: &str) -> Result<(), Error> {
    let destination = find(table, stream).filter(|one| one.status == DestinationStatus::Active);
    let destination =
        destination.ok_or_else(|| unfit("KinesisStreamingDestination must be ACTIVE to perform DISABLE operation."))?;
    destination.status = DestinationStatus::Disabling;
    destination.precision = None;
    Ok(())
}

/// # Errors
/// When there is none, it is not active, or has this precision.
pub fn update(table: &mut Table, stream: &str, precision: &str) -> Result<(), Error> {
    let (name, id) = (table.name.clone(), table.uuid.clone());
    let destination = find(table, stream).ok_or_else(|| {
        unfit(format_args!("No streaming destination with streamArn: {stream} found for table with tableName: {name}"))
    })?;
    if destination.status != DestinationStatus::Active {
        return Err(unfit(format_args!(
            "Kinesis streaming is not in ACTIVE state. Updates are only allowed in ACTIVE state. TableName: {name}, kdsArn: {stream}"
        )));
    }
    if destination.precision.as_deref().unwrap_or("MILLISECOND") == precision {
        return Err(Error::Validation(format!(
            "Invalid Request: Precision is already set to the desired value of {precision} for tableId: {id}, kdsArn: {stream}"
        )));
    }
    destination.precision = Some(precision.to_owned());
    destination.status = DestinationStatus::Updating;
    Ok(())
}

fn find<'t>(table: &'t mut Table, stream: &str) -> Option<&'t mut Destination> {
    table.destinations.iter_mut().find(|one| one.stream.to_string() == stream)
}

/// AWS says "enable" here whatever was asked for.
fn unfit(problem: impl std::fmt::Display) -> Error {
    Error::Validation(format!("Table is not in a valid state to enable Kinesis Streaming Destination: {problem}"))
}

/// Ends what was begun with a destination.
pub fn settle(tx: &mut Tx, table: &Table, stream: &str) -> Result<(), Error> {
    change(tx, table, stream, |destination| match destination.status {
        DestinationStatus::Enabling if destination.refusal.is_some() => DestinationStatus::EnableFailed,
        DestinationStatus::Enabling | DestinationStatus::Updating => DestinationStatus::Active,
        DestinationStatus::Disabling => DestinationStatus::Disabled,
        other => other,
    })
}

/// The stream is gone: nothing more is sent to it.
pub fn fail(tx: &mut Tx, table: &Table, stream: &str) -> Result<(), Error> {
    change(tx, table, stream, |destination| {
        if !destination.takes_changes() {
            return destination.status;
        }
        destination.refusal = Some(REFUSAL.into());
        DestinationStatus::EnableFailed
    })
}

fn change(
    tx: &mut Tx,
    table: &Table,
    stream: &str,
    next: impl Fn(&mut Destination) -> DestinationStatus,
) -> Result<(), Error> {
    let mut changed = table.clone();
    if let Some(destination) = find(&mut changed, stream) {
        destination.status = next(destination);
    }
    if changed == *table { Ok(()) } else { table::put(tx, &changed) }
}

/// Sends a change of an item to the table's destination, where it has one.
///
/// Records of one item arrive in order unless one had to wait, as on AWS, where they may come twice or out of order and
/// `ApproximateCreationDateTime` tells.
pub fn append(tx: &mut Tx, transition: &Transition<'_>) -> Result<(), Error> {
    let Transition { table, key, before, after, occasion } = *transition;
    let Some(destination) = table.destinations.iter().find(|one| one.takes_changes()) else { return Ok(()) };
    let Some((kind, item)) = stream::kind(before, after) else { return Ok(()) };
    let number = SENT.get(tx, table.id)?.unwrap_or_default();
    SENT.put(tx, table.id, &(number + 1))?;
    let keys = item.only(|name| table.key.has(name));
    let parts = [Some(&keys), before, after];
    let record = Record {
        aws_region: &table.arn.region,
        event_id: event_id(table.id, number),
        event_name: kind.name(),
        user_identity: occasion.expired.then_some(EXPIRY),
        record_format: "application/json",
        table_name: &table.name,
        dynamodb: Images {
            approximate_creation_date_time: creation(occasion.at, destination),
            size_bytes: parts.into_iter().flatten().map(|part| item_size(part.view())).sum(),
            keys: &keys,
            new_image: after,
            old_image: before,
            approximate_creation_date_time_precision: destination.precision.as_deref().unwrap_or("MILLISECOND"),
        },
        event_source: "aws:dynamodb",
    };
    let event = serde_json::to_vec(&record).map_err(|error| kv::Error::corrupt("an item", error.to_string()))?;
    let (from, to) = (table.arn.clone(), destination.stream.clone());
    if event.len() > SENT_BYTES_MAX {
        tracing::warn!(%from, %to, bytes = event.len(), "a change is too large for a record of a stream: it is not sent");
        return Ok(());
    }
    let partition_key = Some(hex(&key.digest()).to_uppercase());
    let delivery = Delivery {
        message: Properties { partition_key, ..Properties::default() },
        note: Bytes::copy_from_slice(&table.id.to_be_bytes()),
        ..Delivery::at(occasion.at, from, to, event.into())
    };
    Ok(outbox::send_as_is(tx, delivery, None)?)
}

/// The number of the table that a delivery is from.
pub fn table_of(delivery: &Delivery) -> Option<(Arn, u64)> {
    let id = <[u8; 8]>::try_from(&*delivery.note).ok()?;
    Some((delivery.from.clone(), u64::from_be_bytes(id)))
}

fn creation(at: Timestamp, destination: &Destination) -> u64 {
    if destination.in_microseconds() { at.as_millis() * 1_000 } else { at.as_millis() }
}

/// In the form of a UUID. A transaction that runs again gives the same.
fn event_id(table: u64, number: u64) -> String {
    let [a, b, c, d, e, f, version, h, variant, rest @ ..] =
        digest(&[b"kinesis", &table.to_be_bytes(), &number.to_be_bytes()]);
    let parts =
        [&[a, b, c, d][..], &[e, f], &[version & 0x0f | 0x40, h], &[variant & 0x3f | 0x80, rest[0]], &rest[1..]];
    parts.map(hex).join("-")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'r> {
    aws_region: &'r str,
    #[serde(rename = "eventID")]
    event_id: String,
    event_name: &'static str,
    user_identity: Option<Identity>,
    record_format: &'static str,
    table_name: &'r str,
    dynamodb: Images<'r>,
    event_source: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Images<'r> {
    approximate_creation_date_time: u64,
    keys: &'r StoredItem,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_image: Option<&'r StoredItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_image: Option<&'r StoredItem>,
    size_bytes: usize,
    approximate_creation_date_time_precision: &'r str,
}

/// Who deletes expired items, as records in Kinesis write it.
const EXPIRY: Identity = Identity { principal_id: "dynamodb.amazonaws.com", r#type: "Service" };

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    principal_id: &'static str,
    r#type: &'static str,
}
