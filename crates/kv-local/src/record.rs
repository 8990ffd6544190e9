//! What a record of the log says: when a batch was committed (milliseconds, u64, little-endian), and the batch.

use base::Timestamp;
use bytes::Bytes;
use kv::Batch;

use crate::segment::RECORD_HEADER_BYTES;

/// A record, with room for its header.
pub(crate) fn encode(time: Timestamp, batch: &Batch) -> Vec<u8> {
    let mut record = vec![0; RECORD_HEADER_BYTES];
    record.extend(time.as_millis().to_le_bytes());
    batch.encode(&mut record);
    record
}

/// The time, and the bytes of the batch.
pub(crate) fn split(mut bytes: Bytes) -> Option<(Timestamp, Bytes)> {
    let time = u64::from_le_bytes(*bytes.first_chunk()?);
    drop(bytes.split_to(size_of::<u64>()));
    Some((Timestamp(time), bytes))
}

pub(crate) fn decode(bytes: Bytes) -> Option<(Timestamp, Batch)> {
    let (time, batch) = split(bytes)?;
    Some((time, Batch::decode(batch)?))
}
