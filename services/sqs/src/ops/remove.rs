//! DeleteMessage, ChangeMessageVisibility, and their batches.

use std::sync::Arc;

use serde::Deserialize;
use service::Cx;

use super::batch::{self, BatchOutput, Done, Entry};
use super::{Empty, queue_arn};
use crate::Sqs;
use crate::error::Error;
use crate::limits;
use crate::model::{message, queue};
use crate::receipt::Receipt;

/// One message that was received: the input of both operations, and an entry of their batches.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReceiptInput {
    pub queue_url: String,
    pub id: String,
    pub receipt_handle: String,
    pub visibility_timeout: Option<i64>,
}

impl ReceiptInput {
    fn receipt(&self) -> Result<Receipt, Error> {
        if self.receipt_handle.is_empty() {
            return Err(Error::MissingParameter("ReceiptHandle"));
        }
        self.receipt_handle.parse()
    }

    fn timeout(&self) -> Result<u64, Error> {
        let seconds = self.visibility_timeout.ok_or(Error::MissingParameter("VisibilityTimeout"))?;
        let in_range = |seconds: &u64| limits::VISIBILITY_SECONDS_RANGE.contains(seconds);
        u64::try_from(seconds).ok().filter(in_range).ok_or_else(|| {
            Error::invalid(
                seconds,
                "VisibilityTimeout",
                format_args!("Must be between 0 and {}.", limits::VISIBILITY_SECONDS_RANGE.end()),
            )
        })
    }
}

impl Entry for ReceiptInput {
    const NAME: &'static str = "DeleteMessageBatchRequestEntry";

    fn id(&self) -> &str {
        &self.id
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReceiptBatchInput {
    pub queue_url: String,
    pub entries: Vec<ReceiptInput>,
}

pub async fn delete(_: Arc<Sqs>, cx: Cx, input: ReceiptInput) -> Result<Empty, Error> {
    let (arn, receipt, now) = (queue_arn(&cx, &input.queue_url)?, input.receipt()?, cx.now());
    cx.db().write(move |tx| message::delete(tx, now, &arn, receipt)).await?;
    Ok(Empty {})
}

pub async fn delete_batch(_: Arc<Sqs>, cx: Cx, input: ReceiptBatchInput) -> Result<BatchOutput<Done>, Error> {
    each(cx, input, |tx, now, arn, entry| message::delete(tx, now, arn, entry.receipt()?)).await
}

pub async fn change_visibility(_: Arc<Sqs>, cx: Cx, input: ReceiptInput) -> Result<Empty, Error> {
    let (arn, receipt, seconds, now) =
        (queue_arn(&cx, &input.queue_url)?, input.receipt()?, input.timeout()?, cx.now());
    cx.db().write(move |tx| message::change_visibility(tx, now, &arn, receipt, seconds)).await?;
    Ok(Empty {})
}

pub async fn change_visibility_batch(
    _: Arc<Sqs>,
    cx: Cx,
    input: ReceiptBatchInput,
) -> Result<BatchOutput<Done>, Error> {
    each(cx, input, |tx, now, arn, entry| message::change_visibility(tx, now, arn, entry.receipt()?, entry.timeout()?))
        .await
}

/// Does the same to every entry of a batch, in one transaction.
async fn each<F>(cx: Cx, input: ReceiptBatchInput, apply: F) -> Result<BatchOutput<Done>, Error>
where
    F: Fn(&mut kv::Tx, base::Timestamp, &base::Arn, &ReceiptInput) -> Result<(), Error> + Send + 'static,
{
    batch::validate(&input.entries)?;
    let (arn, now) = (queue_arn(&cx, &input.queue_url)?, cx.now());
    cx.db()
        .write(move |tx| {
            queue::find(tx, &arn)?;
            let mut output = BatchOutput::default();
            for entry in &input.entries {
                output.push(&entry.id, apply(tx, now, &arn, entry).map(|()| Done { id: entry.id.clone() }))?;
            }
            Ok(output)
        })
        .await
}
