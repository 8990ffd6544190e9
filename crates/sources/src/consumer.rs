//! Who has a source read, and takes what it gives.

use std::borrow::Cow;
use std::time::Duration;

use base::Arn;
use kv::{Snap, Tx};
use serde_json::{Map, Value};
use service::{Caller, Cx, Error};

use crate::Filter;
use crate::queue::Message;
use crate::stream::{Condition, Record, WindowEvent};
use crate::types::{Checkpoint, StreamSettings};

/// A source as it is to be read, and whom for.
pub struct Source<C> {
    /// Of what has it read: tells its results from those of others.
    pub id: String,
    /// A queue, a stream, or a consumer of a stream.
    pub arn: Arn,
    /// The most that a batch has.
    pub batch_size: usize,
    /// How long a batch may wait until it is full.
    pub window: Duration,
    /// Batches of a queue under way at once, where that is limited.
    pub concurrency: Option<usize>,
    /// One of them must match, where there are any.
    pub filters: Vec<Filter>,
    /// Where the source is a stream.
    pub stream: Option<StreamSettings>,
    pub consumer: C,
}

/// What becomes of what a source gives.
pub trait Consumer: Send + Sync + 'static {
    /// As whom the source is read, now.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn reader(&self, cx: &Cx) -> Result<Caller, Error>;

    /// A message as filters see it.
    fn shown_message(&self, queue: &Arn, message: &Message) -> Map<String, Value>;

    /// A record of a stream as filters see it.
    fn shown_record<'r>(&self, event: &'r Map<String, Value>) -> Cow<'r, Map<String, Value>>;

    /// Takes messages of a queue. The places of those that failed are returned: they come again.
    ///
    /// # Errors
    /// When all have failed. With status 429 they are tried again after a moment.
    fn messages(&self, batch: &[Message]) -> impl Future<Output = Result<Vec<usize>, Error>> + Send;

    /// Takes records of a shard, in order.
    ///
    /// # Errors
    /// When nothing could be tried, for no fault of the records: that is no attempt of theirs.
    fn records(&self, batch: Batch<'_>) -> impl Future<Output = Result<Taken, Error>> + Send;

    /// Is told of records that nobody gets any more.
    fn given_up(&self, what: GivenUp<'_>) -> impl Future<Output = ()> + Send;

    /// How far it has come in a shard; an empty one before it began.
    ///
    /// # Errors
    /// When it cannot be read.
    fn checkpoint(&self, read: &Snap, shard: &str) -> Result<Checkpoint, kv::Error>;

    /// Stores how far it has come, unless what the source is read for has been deleted meanwhile.
    ///
    /// # Errors
    /// When it cannot be written.
    fn check(&self, tx: &mut Tx, shard: &str, checkpoint: &Checkpoint) -> Result<(), kv::Error>;
}

/// Records that are tried together.
pub struct Batch<'a> {
    pub shard: &'a str,
    /// None at the end of a tumbling window.
    pub records: &'a [&'a Record],
    pub window: Option<WindowEvent<'a>>,
}

/// How an attempt went.
#[derive(Default)]
pub struct Taken {
    /// The places of the records that failed; none also stands for all, where there is a problem.
    pub failed: Vec<usize>,
    /// Why, for who looks at the source; `None` when all is well.
    pub problem: Option<String>,
    /// The state of the tumbling window after it, as JSON.
    pub state: Option<String>,
    /// Of the last attempt before records are given up.
    pub request_id: String,
    /// What is told of it then.
    pub response: Option<Value>,
}

/// Records that are given up.
pub struct GivenUp<'a> {
    pub condition: Condition,
    pub shard: &'a str,
    pub records: &'a [&'a Record],
    /// How often it was tried.
    pub attempts: u32,
    pub request_id: &'a str,
    /// The last attempt's, where that is why.
    pub response: Option<&'a Value>,
}
