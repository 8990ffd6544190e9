//! A stream as the target of other services: the delivery becomes a record in the transaction that pops it.

use base::Arn;
use kv::Tx;
use service::{Cx, Delivery, Error, Permission, Target};

use crate::block::Record;
use crate::limits::PARTITION_KEY_CHARACTERS_MAX;
use crate::model::record::{self, NewRecord};
use crate::model::{hash, policy, stream};

/// DynamoDB writes with a role that is linked to it and may do so: whoever made a stream a table's destination was asked then.
///
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/kds_iam.html>
const LINKED: &str = "dynamodb.amazonaws.com";

pub struct StreamTarget;

impl Target for StreamTarget {
    fn is_layer(&self, _: &Arn) -> bool {
        true
    }

    fn accept(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery) -> Result<(), Error> {
        let stream = stream::find(tx, &delivery.to)?;
        if cx.caller().as_service() != Some(LINKED) {
            let resource_policy = policy::find(tx, &stream.arn)?;
            cx.authorize_delivery(Permission { resource_policy, ..Permission::new("kinesis:PutRecord", &stream.arn) })?;
        }
        // A sender that names no key has its events spread over the shards.
        let key = delivery.message.partition_key.as_deref().filter(|key| !key.is_empty()).unwrap_or(cx.request_id());
        let key: String = key.chars().take(PARTITION_KEY_CHARACTERS_MAX).collect();
        let hash = hash::of_partition_key(if stream.spread { cx.request_id() } else { &key });
        let record = Record { data: delivery.event.clone(), key: Some(key) };
        let most = stream.record_kib_max as usize * 1_024;
        if record.size() > most {
            let text = format!("A record of {} bytes is larger than the {most} of {}.", record.size(), stream.arn);
            return Err(Error::new(400, "ValidationException", text));
        }
        record::put(tx, cx.now(), &stream, &[NewRecord { hash, record }])?;
        Ok(())
    }
}
