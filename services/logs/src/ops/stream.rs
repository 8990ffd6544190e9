//! CreateLogStream, DeleteLogStream, DescribeLogStreams.

use std::sync::Arc;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::{Empty, GroupChoice, decode_token, encode_token, limit, validate_group, validate_stream};
use crate::Logs;
use crate::error::Error;
use crate::limits;
use crate::model::group;
use crate::model::stream::{self, After};
use crate::types::{Group, Stream};

/// A request that names nothing but a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StreamInput {
    pub log_group_name: String,
    pub log_stream_name: String,
}

impl StreamInput {
    fn validate(&self) -> Result<(), Error> {
        validate_group(&self.log_group_name)?;
        validate_stream(&self.log_stream_name)
    }
}

pub async fn create(_: Arc<Logs>, cx: Cx, input: StreamInput) -> Result<Empty, Error> {
    input.validate()?;
    let (region, now) = (cx.region().to_string(), cx.now());
    cx.db()
        .write(move |tx| {
            let group = group::find(tx, &region, &input.log_group_name)?;
            stream::create(tx, now, &group, &input.log_stream_name)
        })
        .await?;
    Ok(Empty {})
}

pub async fn delete(_: Arc<Logs>, cx: Cx, input: StreamInput) -> Result<Empty, Error> {
    input.validate()?;
    let (region, now) = (cx.region().to_string(), cx.now());
    cx.db()
        .write(move |tx| {
            let group = group::find(tx, &region, &input.log_group_name)?;
            stream::delete(tx, now, &group, &input.log_stream_name)
        })
        .await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DescribeInput {
    #[serde(flatten)]
    pub group: GroupChoice,
    pub log_stream_name_prefix: Option<String>,
    pub order_by: Option<String>,
    pub descending: bool,
    pub next_token: Option<String>,
    pub limit: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeOutput {
    pub log_streams: Vec<StreamOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamOutput {
    pub log_stream_name: String,
    pub creation_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_event_timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_event_timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ingestion_time: Option<Timestamp>,
    pub upload_sequence_token: String,
    pub arn: String,
    /// Always zero since June 2019, on AWS too: only a group's bytes are told.
    pub stored_bytes: u64,
}

impl StreamOutput {
    fn new(group: &Group, stream: Stream) -> StreamOutput {
        StreamOutput {
            creation_time: stream.created,
            first_event_timestamp: stream.first_event,
            last_event_timestamp: stream.last_event,
            last_ingestion_time: stream.last_ingestion,
            upload_sequence_token: sequence_token(&stream),
            arn: format!("{}:log-stream:{}", group.arn, stream.name),
            log_stream_name: stream.name,
            stored_bytes: 0,
        }
    }
}

/// Shown for the clients that still pass it back; it is not looked at any more.
pub fn sequence_token(stream: &Stream) -> String {
    format!("{:056}", stream.next_chunk)
}

pub async fn describe(_: Arc<Logs>, cx: Cx, input: DescribeInput) -> Result<DescribeOutput, Error> {
    let name = input.group.name(&cx)?;
    let limit = limit(input.limit, limits::DESCRIBE_RANGE)?;
    let token = input.next_token.as_deref().map(decode_token).transpose()?;
    let prefix = input.log_stream_name_prefix;
    let after = match input.order_by.as_deref() {
        None | Some("LogStreamName") => After::Name(token),
        Some("LastEventTime") if prefix.is_some() => {
            let rule = "Cannot order by LastEventTime with a logStreamNamePrefix.";
            return Err(Error::InvalidParameter(rule.into()));
        }
        Some("LastEventTime") => After::LastEvent(token.as_deref().map(place_in_time).transpose()?),
        Some(other) => {
            let rule = "Member must satisfy enum value set: [LogStreamName, LastEventTime]";
            return Err(Error::constraint(other, "orderBy", rule));
        }
    };
    let read = cx.db().read()?;
    let group = group::find(&read, cx.region().as_str(), &name)?;
    let prefix = prefix.unwrap_or_default();
    let (streams, more) = stream::list(&read, group.id, &prefix, &after, input.descending, limit)?;
    let next_token = streams.last().filter(|_| more).map(|last| match after {
        After::Name(_) => encode_token(&last.name),
        After::LastEvent(_) => encode_token(&format!("{}/{}", last.last_event.unwrap_or_default().0, last.name)),
    });
    Ok(DescribeOutput { log_streams: streams.into_iter().map(|s| StreamOutput::new(&group, s)).collect(), next_token })
}

fn place_in_time(token: &str) -> Result<(Timestamp, String), Error> {
    let place = token.split_once('/').and_then(|(time, name)| Some((Timestamp(time.parse().ok()?), name.to_owned())));
    place.ok_or_else(|| Error::InvalidParameter("The specified nextToken is invalid.".into()))
}
