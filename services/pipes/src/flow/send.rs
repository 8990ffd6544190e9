//! The target: it gets the events of a batch by its own operations, as the pipe's role. What it does not take comes again.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-target.html>

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use service::{Cx, Delivery, Error, HttpProperties, Outcome, Properties};
use sources::{failed_items, queue};

use super::event::Event;
use super::log::{Log, Step};
use super::shape::{self, Payload, parameter};
use super::{Flow, Receiver, Sent, Trouble};
use crate::types::Kind;

/// An event on its way into a request, and its size in it.
struct Entry {
    value: Value,
    bytes: usize,
}

impl Flow {
    /// Sends the events, in the shape that the target's template says.
    pub(super) async fn send(&self, events: &[Event], log: &Log<'_>) -> Result<Sent, Trouble> {
        let receiver = Receiver::of(&self.pipe.target).ok_or_else(|| self.no_target())?;
        // An enrichment may have made more of them.
        if let Some(most) = receiver.batch_max().filter(|most| events.len() > *most as usize) {
            let count = events.len();
            return Err(Trouble::Failed(format!(
                "the target takes {most} events at once, and the enrichment made {count}"
            )));
        }
        log.step(Step::TargetTransformationStarted, || json!({}));
        let (template, now) = (self.pipe.target_parameters.template.as_deref(), self.cx.env().now());
        let shaped = events.iter().map(|event| shape::apply(template, &self.pipe, event, now));
        let shaped: Vec<Payload> = shaped
            .collect::<Result<_, _>>()
            .inspect_err(|trouble: &Trouble| log.failure(Step::TargetTransformationFailed, &trouble.text()))?;
        log.step(Step::TargetTransformationSucceeded, || {
            let texts: Vec<String> = shaped.iter().cloned().map(Payload::into_text).collect();
            json!({"payload": texts.join("\n")})
        });
        log.step(Step::TargetInvocationStarted, || json!({}));
        let sent = self.send_shaped(receiver, events, shaped).await;
        match &sent {
            Ok(sent) if sent.failed.is_empty() => log.step(Step::TargetInvocationSucceeded, || json!({})),
            Ok(sent) => {
                log.failure(Step::TargetInvocationPartiallyFailed, sent.problem.as_deref().unwrap_or_default());
            }
            Err(trouble) => log.failure(Step::TargetInvocationFailed, &trouble.text()),
        }
        sent
    }

    fn no_target(&self) -> Trouble {
        Error::not_implemented(format_args!("sending to {}", self.pipe.target)).into()
    }

    async fn send_shaped(&self, receiver: Receiver, events: &[Event], shaped: Vec<Payload>) -> Result<Sent, Trouble> {
        let each = || events.iter().zip(shaped.clone());
        let entries = match receiver {
            Receiver::Function => return self.send_to_function(events, shaped).await,
            Receiver::Logs => return self.send_to_logs(events, shaped).await,
            Receiver::ApiDestination => return self.send_to_destination(events, shaped).await,
            Receiver::Topic => each().map(|(_, payload)| entry("Message", payload.into_text())).collect(),
            Receiver::Queue => each().map(|(event, payload)| self.message(event, payload)).collect::<Result<_, _>>()?,
            Receiver::Stream => each().map(|(event, payload)| self.record(event, payload)).collect::<Result<_, _>>()?,
            Receiver::Bus => each().map(|(event, payload)| self.bus_entry(event, payload)).collect::<Result<_, _>>()?,
        };
        in_requests(&self.requests(receiver), entries).await
    }

    fn requests(&self, receiver: Receiver) -> Operation {
        let to = self.pipe.target.clone();
        Operation { role: self.role(&to), receiver, to, log_stream: String::new() }
    }

    /// A function gets all of a batch as a list, and may tell which of it failed.
    async fn send_to_function(&self, events: &[Event], shaped: Vec<Payload>) -> Result<Sent, Trouble> {
        let to = &self.pipe.target;
        let batch: Vec<Value> = shaped.into_iter().map(Payload::into_json).collect::<Result<_, _>>()?;
        let batch = Value::Array(batch).to_string();
        if let Some(Kind::Function { asynchronous: true }) = self.pipe.target_parameters.kind {
            let input = json!({"FunctionName": to, "InvocationType": "Event", "Payload": STANDARD.encode(batch)});
            self.role(to).call::<Value>("lambda", "Invoke", input).await?;
            return Ok(Sent::default());
        }
        let answer = self.run(to, Bytes::from(batch)).await?;
        let ids: Vec<&str> = events.iter().map(|event| event.id.as_deref().unwrap_or_default()).collect();
        let failed = failed_items(&answer, &ids).ok_or_else(|| {
            Trouble::Failed("the function's answer does not say which events of the batch failed".into())
        })?;
        let problem = (!failed.is_empty()).then(|| format!("{to} reported events that failed"));
        Ok(Sent { failed, problem })
    }

    /// An API destination gets a request for each event, with what the parameters say of it.
    async fn send_to_destination(&self, events: &[Event], shaped: Vec<Payload>) -> Result<Sent, Trouble> {
        let to = &self.pipe.target;
        for (event, payload) in events.iter().zip(shaped) {
            let found = |map: &BTreeMap<String, String>| {
                let pairs = map.iter().map(|(name, text)| Ok((name.clone(), parameter(text, event)?)));
                pairs.collect::<Result<BTreeMap<String, String>, Trouble>>()
            };
            let http = match &self.pipe.target_parameters.kind {
                Some(Kind::Http(http)) => HttpProperties {
                    path: http.path.iter().map(|text| parameter(text, event)).collect::<Result<_, _>>()?,
                    headers: found(&http.headers)?,
                    query: found(&http.query)?,
                },
                _ => HttpProperties::default(),
            };
            let body = Bytes::from(payload.into_text());
            let delivery = Delivery {
                message: Properties { http: Some(http), ..Properties::default() },
                role: Some(self.pipe.role.clone()),
                ..Delivery::new(&self.cx, self.pipe.arn.clone(), to.clone(), body)
            };
            match self.cx.deliver(delivery).await {
                Outcome::Delivered => {}
                Outcome::RetryAt(_) => return Err(Error::new(429, "Throttled", format!("{to} is busy")).into()),
                Outcome::GivenUp { reason } => return Err(Trouble::Failed(reason)),
                Outcome::Failed(failure) => {
                    return Err(Trouble::Failed(format!("{}: {}", failure.code, failure.message)));
                }
            }
        }
        Ok(Sent::default())
    }

    fn message(&self, event: &Event, payload: Payload) -> Result<Entry, Trouble> {
        let mut entry = entry("MessageBody", payload.into_text());
        if let Some(Kind::Queue { group, deduplication }) = &self.pipe.target_parameters.kind {
            for (id, name) in [(group, "MessageGroupId"), (deduplication, "MessageDeduplicationId")] {
                if let Some(id) = id {
                    entry.value[name] = parameter(id, event)?.into();
                }
            }
        }
        Ok(entry)
    }

    fn record(&self, event: &Event, payload: Payload) -> Result<Entry, Trouble> {
        let Some(Kind::Stream { partition_key }) = &self.pipe.target_parameters.kind else {
            return Err(Trouble::Failed("the pipe has no partition key".into()));
        };
        let (key, text) = (parameter(partition_key, event)?, payload.into_text());
        let bytes = text.len() + key.len();
        Ok(Entry { value: json!({"PartitionKey": key, "Data": STANDARD.encode(text)}), bytes })
    }

    /// What is not said of an event is as AWS has it: what it is from stands in its detail.
    fn bus_entry(&self, event: &Event, payload: Payload) -> Result<Entry, Trouble> {
        let detail = payload.into_json()?;
        let from = detail.get("eventSource").and_then(Value::as_str).unwrap_or("null");
        let mut value = json!({
            "EventBusName": self.pipe.target,
            "Source": format!("Pipe {}", self.pipe.name),
            "DetailType": format!("Event from {from}"),
            "Detail": detail.to_string(),
        });
        if let Some(Kind::Bus { detail_type, source, resources, time }) = &self.pipe.target_parameters.kind {
            for (text, name) in [(detail_type, "DetailType"), (source, "Source")] {
                if let Some(text) = text {
                    value[name] = parameter(text, event)?.into();
                }
            }
            let resources: Vec<String> =
                resources.iter().map(|text| parameter(text, event)).collect::<Result<_, _>>()?;
            if !resources.is_empty() {
                value["Resources"] = json!(resources);
            }
            if let Some(time) = time {
                let text = parameter(time, event)?;
                let moment = moment(&text, 1_000).ok_or_else(|| no_moment(time, &text))?;
                value["Time"] = moment.as_secs_f64().into();
            }
        }
        let bytes = value.to_string().len();
        Ok(Entry { value, bytes })
    }

    /// Lines for one stream in a request, in the order of their times, as the service wants them.
    async fn send_to_logs(&self, events: &[Event], shaped: Vec<Payload>) -> Result<Sent, Trouble> {
        let now = self.cx.env().now();
        let (stream, timestamp) = match &self.pipe.target_parameters.kind {
            Some(Kind::Logs { stream, timestamp }) => (stream.as_deref(), timestamp.as_deref()),
            _ => (None, None),
        };
        let mut lines = Vec::new();
        for (place, (event, payload)) in events.iter().zip(shaped).enumerate() {
            let stream = stream.map_or_else(|| Ok(self.pipe.name.clone()), |stream| parameter(stream, event))?;
            let at = match timestamp {
                None => now,
                Some(path) => {
                    let text = parameter(path, event)?;
                    moment(&text, 1).ok_or_else(|| no_moment(path, &text))?
                }
            };
            lines.push((stream, at, place, payload.into_text()));
        }
        lines.sort();
        let mut sent = Sent::default();
        for of_stream in lines.chunk_by(|one, other| one.0 == other.0) {
            let stream = of_stream.first().map(|line| line.0.clone()).unwrap_or_default();
            let entries = of_stream.iter().map(|(_, at, _, text)| Entry {
                bytes: text.len() + 26,
                value: json!({"timestamp": at.as_millis(), "message": text}),
            });
            let requests = Operation { log_stream: stream, ..self.requests(Receiver::Logs) };
            match in_requests(&requests, entries.collect()).await {
                Ok(part) => {
                    sent.problem = sent.problem.or(part.problem);
                    sent.failed.extend(part.failed.iter().filter_map(|place| of_stream.get(*place)).map(|line| line.2));
                }
                // What went to other streams is there, and need not be sent again.
                Err(trouble) if sent.failed.len() + of_stream.len() < lines.len() => {
                    sent.problem = Some(trouble.text());
                    sent.failed.extend(of_stream.iter().map(|line| line.2));
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(sent)
    }
}

/// What takes events in requests of limited size.
trait Requests: Sync {
    /// Events and bytes that a request has at most.
    fn limits(&self) -> (usize, usize);

    /// Sends a request. The places of entries that were not taken are returned.
    fn send(&self, entries: &[Entry]) -> impl Future<Output = Result<Vec<usize>, Error>> + Send;
}

/// The batch operation of a target.
struct Operation {
    role: Cx,
    receiver: Receiver,
    to: Arn,
    /// Of a log group.
    log_stream: String,
}

impl Operation {
    async fn call(&self, service: &str, operation: &str, input: Value) -> Result<Value, Error> {
        self.role.renew().call(service, operation, input).await
    }

    /// Writes lines, and makes their stream where it is missing.
    async fn put_lines(&self, lines: Vec<Value>) -> Result<Vec<usize>, Error> {
        let group = self.to.resource.trim_start_matches("log-group:").trim_end_matches(":*");
        let named = json!({"logGroupName": group, "logStreamName": self.log_stream});
        let mut input = named.clone();
        let count = lines.len();
        input["logEvents"] = Value::Array(lines);
        let mut answer = self.call("logs", "PutLogEvents", input.clone()).await;
        if answer.as_ref().is_err_and(|error| error.code == "ResourceNotFoundException") {
            match self.call("logs", "CreateLogStream", named).await {
                Err(error) if error.code != "ResourceAlreadyExistsException" => return Err(error),
                _ => answer = self.call("logs", "PutLogEvents", input).await,
            }
        }
        Ok(rejected(&answer?["rejectedLogEventsInfo"], count))
    }
}

impl Requests for Operation {
    fn limits(&self) -> (usize, usize) {
        self.receiver.request_max()
    }

    async fn send(&self, entries: &[Entry]) -> Result<Vec<usize>, Error> {
        let (to, count) = (&self.to, entries.len());
        match self.receiver {
            Receiver::Queue => {
                let input = json!({"QueueUrl": queue::url(&self.role, to), "Entries": numbered(entries)});
                Ok(failed_by_id(&self.call("sqs", "SendMessageBatch", input).await?, count))
            }
            Receiver::Topic => {
                let input = json!({"TopicArn": to, "PublishBatchRequestEntries": numbered(entries)});
                Ok(failed_by_id(&self.call("sns", "PublishBatch", input).await?, count))
            }
            Receiver::Stream => {
                let input = json!({"StreamARN": to, "Records": values(entries)});
                Ok(failed_by_code(&self.call("kinesis", "PutRecords", input).await?["Records"]))
            }
            Receiver::Bus => {
                let input = json!({"Entries": values(entries)});
                Ok(failed_by_code(&self.call("events", "PutEvents", input).await?["Entries"]))
            }
            Receiver::Logs => self.put_lines(values(entries)).await,
            Receiver::Function | Receiver::ApiDestination => {
                Err(Error::not_implemented(format_args!("a batch operation of {to}")))
            }
        }
    }
}

/// The lines that are too old or too new for their group: those before an end, and those from a start.
fn rejected(info: &Value, count: usize) -> Vec<usize> {
    let index = |name: &str| info[name].as_u64().and_then(|index| usize::try_from(index).ok());
    let ends = [index("tooOldLogEventEndIndex"), index("expiredLogEventEndIndex")];
    let end = ends.into_iter().flatten().max().unwrap_or_default();
    let start = index("tooNewLogEventStartIndex").unwrap_or(count);
    (0..count).filter(|place| *place < end || *place >= start).collect()
}

fn entry(member: &str, text: String) -> Entry {
    let bytes = text.len();
    Entry { value: json!({member: text}), bytes }
}

fn values(entries: &[Entry]) -> Vec<Value> {
    entries.iter().map(|entry| entry.value.clone()).collect()
}

/// Entries with their places as ids.
fn numbered(entries: &[Entry]) -> Vec<Value> {
    let mut values = values(entries);
    values.iter_mut().enumerate().for_each(|(place, value)| value["Id"] = place.to_string().into());
    values
}

fn failed_by_id(answer: &Value, count: usize) -> Vec<usize> {
    let failed = answer["Failed"].as_array().map(Vec::as_slice).unwrap_or_default();
    let id = |entry: &Value| entry["Id"].as_str().and_then(|id| id.parse().ok());
    failed.iter().filter_map(id).filter(|place| *place < count).collect()
}

fn failed_by_code(entries: &Value) -> Vec<usize> {
    let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
    let failed = |(place, entry): (usize, &Value)| entry.get("ErrorCode").filter(|code| !code.is_null()).map(|_| place);
    entries.iter().enumerate().filter_map(failed).collect()
}

/// Sends entries in requests of the size that is allowed. After one that was not taken whole no more are sent: what comes
/// later does not overtake what comes again.
async fn in_requests(requests: &impl Requests, entries: Vec<Entry>) -> Result<Sent, Trouble> {
    let (count_max, bytes_max) = requests.limits();
    let mut start = 0;
    while start < entries.len() {
        let rest = entries.get(start..).unwrap_or_default();
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            bytes += entry.bytes;
            bytes <= bytes_max
        };
        let count = rest.iter().take(count_max).take_while(fits).count().max(1);
        let end = start + count;
        let (failed, problem) = match requests.send(rest.get(..count).unwrap_or_default()).await {
            Ok(failed) if failed.is_empty() => {
                start = end;
                continue;
            }
            Ok(failed) => (failed, "the target did not take all events".to_owned()),
            Err(error) if start == 0 => return Err(error.into()),
            Err(error) => ((0..count).collect(), error.to_string()),
        };
        let failed = failed.into_iter().map(|place| start + place).chain(end..entries.len()).collect();
        return Ok(Sent { failed, problem: Some(problem) });
    }
    Ok(Sent::default())
}

/// A moment in an event: ISO 8601, or a number of units since 1970, each of so many milliseconds.
fn moment(text: &str, unit_millis: u64) -> Option<Timestamp> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Some(Timestamp((number * unit_millis as f64) as u64)),
        Ok(_) => None,
        Err(_) => Timestamp::parse_iso8601(text),
    }
}

fn no_moment(path: &str, text: &str) -> Trouble {
    Trouble::Failed(format!("{path} is {text}, which is no time"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Takes all but some, and notes the sizes of requests.
    struct Fake {
        fail: Vec<usize>,
        sizes: Mutex<Vec<usize>>,
    }

    impl Requests for Fake {
        fn limits(&self) -> (usize, usize) {
            (2, 10)
        }

        async fn send(&self, entries: &[Entry]) -> Result<Vec<usize>, Error> {
            let mut sizes = self.sizes.lock().unwrap();
            let start: usize = sizes.iter().sum();
            sizes.push(entries.len());
            if self.fail.contains(&100) {
                return Err(Error::new(400, "No", "never"));
            }
            let here = start..start + entries.len();
            Ok(self.fail.iter().filter(|place| here.contains(place)).map(|place| place - start).collect())
        }
    }

    async fn sent(fail: &[usize]) -> (Result<Sent, String>, Vec<usize>) {
        let entries = [5, 5, 1, 20, 3].map(|bytes| Entry { value: json!(bytes), bytes }).into_iter().collect();
        let requests = Fake { fail: fail.to_vec(), sizes: Mutex::default() };
        let sent = in_requests(&requests, entries).await.map_err(|trouble| trouble.text());
        (sent, requests.sizes.into_inner().unwrap())
    }

    #[tokio::test]
    async fn requests_are_small_enough_and_keep_the_order() {
        assert_eq!(sent(&[]).await, (Ok(Sent::default()), vec![2, 1, 1, 1]));
        let (failed, sizes) = sent(&[1]).await;
        assert_eq!((failed.unwrap().failed, sizes), (vec![1, 2, 3, 4], vec![2]));
        let (failed, sizes) = sent(&[3]).await;
        assert_eq!((failed.unwrap().failed, sizes), (vec![3, 4], vec![2, 1, 1]));
        assert_eq!(sent(&[100]).await, (Err("No: never".into()), vec![2]));
    }

    #[test]
    fn answers_tell_what_was_not_taken() {
        let failed = json!({"Failed": [{"Id": "1"}, {"Id": "7"}, {"Id": "x"}]});
        assert_eq!(failed_by_id(&failed, 3), [1]);
        let entries = json!([{"EventId": "e"}, {"ErrorCode": "c"}, {"ErrorCode": null}]);
        assert_eq!(failed_by_code(&entries), [1]);
        assert_eq!(rejected(&json!({"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 3}), 4), [0, 3]);
        assert!(rejected(&Value::Null, 4).is_empty());
    }

    #[test]
    fn moments_are_numbers_or_iso_8601() {
        assert_eq!(moment("1.5", 1_000), Some(Timestamp(1_500)));
        assert_eq!(moment("1500", 1), Some(Timestamp(1_500)));
        assert_eq!(moment("1970-01-01T00:00:02Z", 1), Some(Timestamp(2_000)));
        assert_eq!((moment("soon", 1), moment("-1", 1), moment("NaN", 1)), (None, None, None));
    }
}
