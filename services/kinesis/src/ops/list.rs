//! ListStreams, ListShards.

use std::sync::Arc;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::describe::{ModeOutput, ShardOutput, mode, shard_output, status};
use super::{OfStream, from_token, of_stream, page_size, token};
use crate::Kinesis;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::keys::ShardIndex;
use crate::limits;
use crate::model::{shard, stream};
use crate::sequence::shard_index;
use crate::types::{Shard, Stream};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StreamsInput {
    pub limit: Option<i64>,
    pub exclusive_start_stream_name: Option<String>,
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamsOutput {
    pub stream_names: Vec<String>,
    pub has_more_streams: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    pub stream_summaries: Vec<StreamSummary>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamSummary {
    pub stream_name: String,
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
    pub stream_status: &'static str,
    pub stream_mode_details: ModeOutput,
    pub stream_creation_timestamp: DateTime,
}

fn stream_summary(stream: &Stream) -> StreamSummary {
    StreamSummary {
        stream_name: stream.name.clone(),
        stream_arn: stream.arn.to_string(),
        stream_status: status(stream),
        stream_mode_details: mode(stream),
        stream_creation_timestamp: stream.created.into(),
    }
}

pub async fn streams(_: Arc<Kinesis>, cx: Cx, input: StreamsInput) -> Result<StreamsOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.range(input.limit, "limit", &limits::PAGE_SIZE_RANGE);
    constraints.name(input.exclusive_start_stream_name.as_deref(), "exclusiveStartStreamName");
    constraints.check()?;
    let after = match &input.next_token {
        Some(token) => Some(from_token::<String>(token)?),
        None => input.exclusive_start_stream_name,
    };
    let limit = page_size(input.limit, limits::STREAMS_LISTED_MAX);
    let (streams, more) = stream::list(&cx.db().read()?, cx.region().as_str(), after.as_deref(), limit)?;
    let last = streams.last().filter(|_| more).map(|stream| token(&stream.name));
    Ok(StreamsOutput {
        stream_names: streams.iter().map(|stream| stream.name.clone()).collect(),
        has_more_streams: more,
        next_token: last.transpose()?,
        stream_summaries: streams.iter().map(stream_summary).collect(),
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ShardsInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub next_token: Option<String>,
    pub exclusive_start_shard_id: Option<String>,
    pub max_results: Option<i64>,
    pub stream_creation_timestamp: Option<DateTime>,
    pub shard_filter: Option<FilterInput>,
}
of_stream!(ShardsInput);

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FilterInput {
    pub r#type: Option<String>,
    pub shard_id: Option<String>,
    pub timestamp: Option<DateTime>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShardsOutput {
    pub shards: Vec<ShardOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What the next page is of. The filter goes along: a request with a token repeats nothing.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    stream: Arn,
    created: u64,
    after: Option<ShardIndex>,
    filter: Filter,
    issued: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Filter {
    All,
    /// Those that were open at a moment.
    At(u64),
    /// Those that were still open at a moment, or were opened later.
    From(u64),
    Open,
}

impl Filter {
    fn shows(self, shard: &Shard) -> bool {
        let until = |moment| shard.closed.is_none_or(|closed| closed.as_millis() >= moment);
        match self {
            Filter::All => true,
            Filter::At(moment) => shard.opened.as_millis() <= moment && until(moment),
            Filter::From(moment) => until(moment),
            Filter::Open => shard.closed.is_none(),
        }
    }
}

const FILTERS: [&str; 6] =
    ["AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON", "AT_LATEST", "AT_TIMESTAMP", "FROM_TIMESTAMP"];

/// The stream that a token names. Tokens are not signed: what counts of one is the name, in the caller's own account.
fn stream_of(cx: &Cx, token: &Token) -> Arn {
    cx.arn("kinesis", token.stream.resource.clone())
}

/// The permission is for the stream that the token names, where there is one.
pub fn resource(cx: &Cx, input: &ShardsInput) -> String {
    let of_token = input.next_token.as_deref().and_then(|token| from_token::<Token>(token).ok());
    of_token.map_or_else(|| input.resource(cx), |token| stream_of(cx, &token).to_string())
}

pub async fn shards(_: Arc<Kinesis>, cx: Cx, input: ShardsInput) -> Result<ShardsOutput, Error> {
    check(&input)?;
    let read = cx.db().read()?;
    let (stream, after, filter) = match &input.next_token {
        Some(token) => from_next_token(&cx, &input, token, &read)?,
        None => from_request(&cx, &input, &read)?,
    };
    let limit = page_size(input.max_results, limits::SHARDS_LISTED_MAX);
    let mut shards = Vec::new();
    for shard in shard::list(&read, stream.id, after)? {
        let shard = shard?;
        if filter.shows(&shard) {
            shards.push(shard);
        }
        if shards.len() > limit {
            break;
        }
    }
    let more = shards.len() > limit;
    shards.truncate(limit);
    let last = shards.last().filter(|_| more).map(|shard| shard.index);
    let next = last.map(|last| {
        let (created, issued) = (stream.created.as_millis(), cx.now().as_millis());
        token(&Token { stream: stream.arn.clone(), created, after: Some(last), filter, issued })
    });
    Ok(ShardsOutput { shards: shards.iter().map(shard_output).collect(), next_token: next.transpose()? })
}

fn check(input: &ShardsInput) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    constraints.range(input.max_results, "maxResults", &limits::PAGE_SIZE_RANGE);
    constraints.name(input.exclusive_start_shard_id.as_deref(), "exclusiveStartShardId");
    constraints.name(input.stream_name(), "streamName");
    constraints.arn(input.stream_arn(), "streamARN");
    if let Some(token) = &input.next_token {
        constraints.length(token, "nextToken", 1..=1_048_576);
    }
    if let Some(filter) = &input.shard_filter {
        constraints.required(&filter.r#type, "shardFilter.type");
        constraints.one_of(filter.r#type.as_deref(), "shardFilter.type", &FILTERS);
        constraints.name(filter.shard_id.as_deref(), "shardFilter.shardId");
    }
    constraints.check()?;
    let is_named = input.stream_name.is_some() || input.stream_arn.is_some();
    let invalid = |text: &str| Err(Error::InvalidArgument(text.into()));
    match &input.next_token {
        None if !is_named => invalid("Either NextToken or StreamName should be provided."),
        Some(_) if is_named => invalid("NextToken and StreamName cannot be provided together."),
        Some(_) if input.stream_creation_timestamp.is_some() => {
            invalid("NextToken and StreamCreationTimestamp cannot be provided together.")
        }
        Some(_) if input.exclusive_start_shard_id.is_some() => {
            invalid("NextToken and ExclusiveStartShardId cannot be provided together.")
        }
        _ => Ok(()),
    }
}

type Listing = (Stream, Option<ShardIndex>, Filter);

fn from_next_token(cx: &Cx, _: &ShardsInput, text: &str, read: &kv::Snap) -> Result<Listing, Error> {
    let token: Token = from_token(text)?;
    if Timestamp(token.issued) + limits::TOKEN_LIFETIME < cx.now() {
        return Err(Error::ExpiredToken);
    }
    let stream = created_then(stream::find(read, &stream_of(cx, &token))?, Timestamp(token.created))?;
    Ok((stream, token.after, token.filter))
}

/// # Errors
/// `ResourceNotFound` when the stream was made at another moment: it is another stream of the same name.
fn created_then(stream: Stream, then: Timestamp) -> Result<Stream, Error> {
    if stream.created.as_secs() == then.as_secs() { Ok(stream) } else { Err(stream::missing(&stream.arn)) }
}

fn from_request(cx: &Cx, input: &ShardsInput, read: &kv::Snap) -> Result<Listing, Error> {
    let mut stream = stream::find(read, &input.arn(cx)?)?;
    if let Some(then) = input.stream_creation_timestamp {
        stream = created_then(stream, then.0)?;
    }
    let index = |id: &String| shard_index(id).ok_or_else(|| shard::unknown(&stream.name, &stream.arn.account, id));
    let mut after = input.exclusive_start_shard_id.as_ref().map(index).transpose()?;
    let filter = input.shard_filter.as_ref();
    let moment = || {
        let timestamp = filter.and_then(|filter| filter.timestamp);
        let moment = timestamp.ok_or_else(|| Error::InvalidArgument("ShardFilter needs a Timestamp.".into()))?;
        Ok::<_, Error>(moment.0.as_millis())
    };
    let horizon = stream.cutoff(cx.now()).as_millis();
    let filter = match filter.and_then(|filter| filter.r#type.as_deref()) {
        Some("AFTER_SHARD_ID") => {
            let id = filter.and_then(|filter| filter.shard_id.as_ref());
            let id = id.ok_or_else(|| Error::InvalidArgument("ShardFilter needs a ShardId.".into()))?;
            after = after.max(Some(index(id)?));
            Filter::All
        }
        // The horizon lies before the stream's beginning while that is younger than its retention.
        Some("AT_TRIM_HORIZON") => Filter::At(horizon.max(stream.created.as_millis())),
        Some("AT_LATEST") => Filter::Open,
        Some("AT_TIMESTAMP") => Filter::At(moment()?.max(stream.created.as_millis())),
        Some("FROM_TIMESTAMP") => Filter::From(moment()?),
        _ => Filter::All,
    };
    Ok((stream, after, filter))
}
