//! What services that keep streams of records agree on with those that read them. Records are read by calls, as clients
//! read them; this saves the readers from asking again and again whether there are any.

use base::Arn;
use kv::Tx;

/// Wakes the readers of a stream, once `tx` is durable.
pub fn wake(tx: &mut Tx, stream: &Arn) {
    tx.wake(&channel(stream));
}

/// The channel to watch for new records of a stream.
pub fn channel(stream: &Arn) -> Vec<u8> {
    format!("stream/{stream}").into_bytes()
}

/// A shard of a stream that has several, each with readers of its own: its records are told as those of this ARN.
pub fn shard(stream: &Arn, shard: &str) -> Arn {
    Arn { resource: format!("{}/{shard}", stream.resource), ..stream.clone() }
}
