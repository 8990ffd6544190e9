//! Writes within the throughput that there is: what all operations that write items go through.

use kv::Tx;
use service::Cx;

use crate::DynamoDb;
use crate::error::Error;
use crate::model::item::{self, Write, Written};
use crate::model::transaction::{self, Outcome, Request};
use crate::throttle::Drawn;

/// Queues one write at once, and returns what it did.
pub fn one(state: &DynamoDb, cx: &Cx, write: Write) -> impl Future<Output = Result<Written, Error>> + use<> {
    let (region, now) = (cx.region().clone(), cx.now());
    within(state, cx, move |tx, drawn| {
        let written = item::write(tx, region.as_str(), now, &write)?;
        drawn.written(&written, 1.0)?;
        Ok(written)
    })
}

/// Does a transaction.
pub async fn all(state: &DynamoDb, cx: &Cx, request: Option<Request>, writes: Vec<Write>) -> Result<Outcome, Error> {
    let (region, now) = (cx.region().clone(), cx.now());
    let done = within(state, cx, move |tx, drawn| {
        let outcome = transaction::write(tx, region.as_str(), now, request.as_ref(), &writes)?;
        if let Outcome::Done(done) = &outcome {
            transaction::draw(drawn, done)?;
        }
        Ok(outcome)
    });
    done.await
}

fn within<T, W>(state: &DynamoDb, cx: &Cx, write: W) -> impl Future<Output = Result<T, Error>> + use<T, W>
where
    T: Send + 'static,
    W: Fn(&mut Tx, &Drawn) -> Result<T, Error> + Send + 'static,
{
    let drawn = state.drawn(cx);
    let mine = drawn.clone();
    let answer = cx.db().write(move |tx| {
        drawn.give_back();
        write(tx, &drawn)
    });
    async move {
        let answer = answer.await;
        if answer.is_err() {
            mine.give_back();
        }
        answer
    }
}
