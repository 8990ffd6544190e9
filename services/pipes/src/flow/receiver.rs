//! What pipes send to, and what it takes at once.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html#pipes-batchable-target>

use base::Arn;

use crate::limits;
use crate::types::Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    Function,
    Queue,
    Topic,
    Stream,
    Bus,
    Logs,
    ApiDestination,
}

impl Receiver {
    /// `None` for what pipes do not send to.
    pub fn of(arn: &Arn) -> Option<Receiver> {
        match arn.service.as_str() {
            "lambda" if arn.resource.starts_with("function:") => Some(Receiver::Function),
            "sqs" => Some(Receiver::Queue),
            "sns" => Some(Receiver::Topic),
            "kinesis" if arn.resource.starts_with("stream/") => Some(Receiver::Stream),
            "events" if arn.resource.starts_with("event-bus/") => Some(Receiver::Bus),
            "events" if arn.resource.starts_with("api-destination/") => Some(Receiver::ApiDestination),
            "logs" if arn.resource.starts_with("log-group:") => Some(Receiver::Logs),
            _ => None,
        }
    }

    pub fn is_enrichment(self) -> bool {
        self == Receiver::Function
    }

    /// Events that it takes at once; `None` where only their size counts.
    pub fn batch_max(self) -> Option<u32> {
        match self {
            Receiver::Function => None,
            other => u32::try_from(other.request_max().0).ok(),
        }
    }

    /// Events and bytes of one request to it.
    pub fn request_max(self) -> (usize, usize) {
        match self {
            Receiver::Function => (limits::BATCH_EVENTS_MAX, sources::BATCH_BYTES_MAX),
            Receiver::Queue => limits::QUEUE_REQUEST,
            Receiver::Topic => limits::TOPIC_REQUEST,
            Receiver::Stream => limits::STREAM_REQUEST,
            Receiver::Bus => limits::BUS_REQUEST,
            Receiver::Logs => limits::LOGS_REQUEST,
            Receiver::ApiDestination => (1, sources::BATCH_BYTES_MAX),
        }
    }

    /// Whether these are parameters of its kind.
    pub fn takes(self, kind: &Kind) -> bool {
        matches!(
            (self, kind),
            (Receiver::Function, Kind::Function { .. })
                | (Receiver::Queue, Kind::Queue { .. })
                | (Receiver::Stream, Kind::Stream { .. })
                | (Receiver::Bus, Kind::Bus { .. })
                | (Receiver::Logs, Kind::Logs { .. })
                | (Receiver::ApiDestination, Kind::Http(_))
        )
    }
}
