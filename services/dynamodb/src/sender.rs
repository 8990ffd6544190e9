//! What becomes of changes that a Kinesis stream does not take.

use std::time::Duration;

use base::Timestamp;
use kv::Tx;
use service::{Cx, Delivery, Error as ServiceError, Failure, Sender};

use crate::limits::{SENT_AGAIN_MAX, SENT_FOR};
use crate::model::{destination, table};

pub struct Changes;

impl Sender for Changes {
    fn retry_at(&self, cx: &Cx, delivery: &Delivery, _: &Failure) -> Option<Timestamp> {
        let now = cx.env().now();
        let pause = Duration::from_secs(1 << delivery.attempts.min(6)).min(SENT_AGAIN_MAX);
        (now < delivery.accepted + SENT_FOR).then(|| now + pause)
    }

    fn undelivered(&self, _: &Cx, tx: &mut Tx, delivery: &Delivery, failure: &Failure) -> Result<(), ServiceError> {
        if failure.code != "ResourceNotFoundException" {
            return Ok(());
        }
        let Some((arn, id)) = destination::table_of(delivery) else { return Ok(()) };
        match table::same(tx, &arn, id)? {
            Some(table) => Ok(destination::fail(tx, &table, &delivery.to.to_string())?),
            None => Ok(()),
        }
    }
}
