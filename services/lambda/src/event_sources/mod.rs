//! Event source mappings at work: a function is run on what a queue or a stream gives.

mod batch;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use base::Arn;
use bytes::Bytes;
use kv::{Order, Snap, Tx};
use serde_json::{Map, Value};
use service::{Caller, Cx};
use sources::queue::{self, Message};
use sources::{Batch, Checkpoint, Consumer, Filter, GivenUp, Letter, Source, Taken, failed_items, send_letter, stream};
use tokio_util::sync::CancellationToken;

use crate::Lambda;
use crate::error::Error;
use crate::invoke::{self, Ran, Request, lineage};
use crate::keys::{MAPPINGS, MAPPINGS_CHANNEL};
use crate::model::mapping;
use crate::name::FunctionRef;
use crate::types::Mapping;

/// The attribute of a message that says which trace it is part of.
const TRACE_HEADER: &str = "AWSTraceHeader";

pub async fn run(lambda: Arc<Lambda>, cx: Cx, stop: CancellationToken) {
    let results = lambda.sources.clone();
    let open = move |cx: &Cx, mapping: &Mapping| Ok(source(&lambda, cx, mapping)?);
    sources::run(cx, MAPPINGS_CHANNEL, results, stop, |cx| Ok(enabled(cx)?), open).await;
}

/// All mappings that are enabled, by id.
fn enabled(cx: &Cx) -> Result<HashMap<String, Mapping>, Error> {
    let mut enabled = HashMap::new();
    for mapping in MAPPINGS.scan(&cx.db().read()?, Order::Forward)?.values() {
        let mapping = mapping?;
        if mapping.enabled {
            enabled.insert(mapping.id.clone(), mapping);
        }
    }
    Ok(enabled)
}

fn source(lambda: &Arc<Lambda>, cx: &Cx, mapping: &Mapping) -> Result<Source<Function>, Error> {
    let function = FunctionRef::of_arn(&mapping.function)
        .ok_or_else(|| Error::invalid(format!("{} is not a function", mapping.function)))?;
    Ok(Source {
        id: mapping.id.clone(),
        arn: mapping.source.clone(),
        batch_size: usize::try_from(mapping.batch_size).unwrap_or(usize::MAX),
        window: Duration::from_secs(mapping.window_seconds.into()),
        concurrency: mapping.concurrency.and_then(|max| usize::try_from(max).ok()),
        filters: mapping.filters.iter().map(|pattern| filter(pattern)).collect::<Result<_, _>>()?,
        stream: mapping.stream.clone(),
        consumer: Function { lambda: lambda.clone(), cx: cx.clone(), mapping: mapping.clone(), function },
    })
}

/// # Errors
/// For text that is not a pattern.
pub fn filter(pattern: &str) -> Result<Filter, Error> {
    Filter::parse(pattern).map_err(|_| Error::invalid("Invalid filter pattern definition."))
}

/// The function that a mapping feeds.
struct Function {
    lambda: Arc<Lambda>,
    cx: Cx,
    mapping: Mapping,
    function: FunctionRef,
}

impl Function {
    async fn invoke(&self, event: &Value, trace: Option<String>) -> Result<(String, Ran), Error> {
        let cx = self.cx.cloud().cx(self.cx.caller().clone(), self.function.region.clone(), None);
        let cx = cx.traced(trace);
        let request_id = cx.request_id().to_owned();
        let request = Request {
            request_id: request_id.clone(),
            payload: Bytes::from(event.to_string()),
            client_context: None,
            arn: self.mapping.function.clone(),
        };
        Ok((request_id, invoke::run(&self.lambda, &cx, &self.function, request).await?))
    }

    async fn run_messages(&self, messages: &[Message]) -> Result<Vec<usize>, Error> {
        let traces = messages.iter().filter_map(|message| message.attributes.get(TRACE_HEADER));
        let trace = lineage::longest(traces.map(String::as_str)).map(str::to_owned);
        let (_, ran) = self.invoke(&queue::event(&self.mapping.source, messages), trace).await?;
        if let Some(error) = ran.outcome.function_error {
            return Err(Error::invalid(format!("Function call failed: {error}")));
        }
        if !self.mapping.reports_failures {
            return Ok(Vec::new());
        }
        let ids: Vec<&str> = messages.iter().map(|message| message.message_id.as_str()).collect();
        failed_items(&ran.outcome.payload, &ids)
            .ok_or_else(|| Error::invalid("The function's answer does not say which messages of the batch failed"))
    }

    /// The first record that failed; the first of all, where the function did.
    fn first_failure(&self, batch: &Batch<'_>, ran: &Ran) -> Option<usize> {
        if ran.outcome.function_error.is_some() {
            return Some(0);
        }
        if !self.mapping.reports_failures {
            return None;
        }
        let ids: Vec<&str> = batch.records.iter().map(|record| record.sequence.as_str()).collect();
        match failed_items(&ran.outcome.payload, &ids) {
            Some(failed) => failed.first().copied(),
            None => Some(0),
        }
    }
}

impl Consumer for Function {
    fn reader(&self, cx: &Cx) -> Result<Caller, service::Error> {
        let target = invoke::resolve(cx, &self.function)?;
        Ok(Caller::role_session(&target.version.settings.role, &self.function.name))
    }

    /// The parts that a pattern may be about, with a body that is JSON as JSON.
    fn shown_message(&self, _: &Arn, message: &Message) -> Map<String, Value> {
        let attributes = serde_json::to_value(&message.attributes).unwrap_or_default();
        let message_attributes = serde_json::to_value(&message.message_attributes).unwrap_or_default();
        let body = queue::decoded_body(&message.body);
        let members = [("body", body), ("attributes", attributes), ("messageAttributes", message_attributes)];
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The record, of Kinesis with its data as what they stand for.
    fn shown_record<'r>(&self, event: &'r Map<String, Value>) -> Cow<'r, Map<String, Value>> {
        match event.get("kinesis").and_then(Value::as_object) {
            Some(record) => Cow::Owned(stream::decoded_record(record)),
            None => Cow::Borrowed(event),
        }
    }

    async fn messages(&self, batch: &[Message]) -> Result<Vec<usize>, service::Error> {
        Ok(self.run_messages(batch).await?)
    }

    /// A function that fails on a record gets it again with all that came after it.
    async fn records(&self, batch: Batch<'_>) -> Result<Taken, service::Error> {
        let (request_id, ran) = self.invoke(&batch::event(&batch, &self.mapping.source), None).await?;
        let first = self.first_failure(&batch, &ran);
        let failed = first.map_or_else(Vec::new, |first| (first..batch.records.len()).collect());
        let error = ran.outcome.function_error;
        let reported = || format!("Function call failed: {}", error.unwrap_or("it reported records that failed"));
        Ok(Taken {
            failed,
            problem: first.map(|_| reported()),
            state: batch.window.is_some().then(|| batch::state(&ran.outcome.payload)),
            request_id,
            response: Some(batch::response(&ran)),
        })
    }

    async fn given_up(&self, what: GivenUp<'_>) {
        let Some(to) = self.mapping.stream.as_ref().and_then(|settings| settings.on_failure.as_ref()) else { return };
        let Ok(target) = invoke::resolve(&self.cx, &self.function) else { return };
        let letter = Letter {
            from: self.function.arn(),
            to: to.clone(),
            role: target.version.settings.role.clone(),
            group: self.function.name.clone(),
            body: batch::letter(&what, &self.mapping, self.cx.env().now()).to_string(),
            attributes: BTreeMap::new(),
            id: what.request_id.to_owned(),
            undelivered: None,
        };
        if let Err(error) = send_letter(&self.cx, letter).await {
            tracing::warn!(%to, id = self.mapping.id, %error, "records that are given up could not be told of");
        }
    }

    fn checkpoint(&self, read: &Snap, shard: &str) -> Result<Checkpoint, kv::Error> {
        mapping::checkpoint(read, &self.mapping, shard)
    }

    fn check(&self, tx: &mut Tx, shard: &str, checkpoint: &Checkpoint) -> Result<(), kv::Error> {
        mapping::check(tx, &self.mapping, shard, checkpoint)
    }
}
