//! Pipes at work: their sources are polled, and what they give flows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kv::Order;
use service::Cx;
use sources::{Filter, Source};
use tokio_util::sync::CancellationToken;

use crate::Pipes;
use crate::error::Error;
use crate::flow::Flow;
use crate::keys::{PIPES, PIPES_CHANNEL};
use crate::types::Pipe;

pub async fn run(pipes: Arc<Pipes>, cx: Cx, stop: CancellationToken) {
    let results = pipes.results.clone();
    sources::run(cx, PIPES_CHANNEL, results, stop, |cx| Ok(polled(cx)?), |cx, pipe| Ok(source(cx, pipe)?)).await;
}

/// What a poller is started for. Tags and descriptions do not concern it.
#[derive(PartialEq)]
struct Polled(Pipe);

impl Polled {
    fn new(pipe: Pipe) -> Polled {
        Polled(Pipe { description: None, tags: Default::default(), modified: pipe.created, failure: None, ..pipe })
    }
}

/// All pipes that are to run, by their ids.
fn polled(cx: &Cx) -> Result<HashMap<String, Polled>, Error> {
    let mut polled = HashMap::new();
    for pipe in PIPES.scan(&cx.db().read()?, Order::Forward)?.values() {
        let pipe = pipe?;
        if pipe.is_polled() {
            polled.insert(pipe.id.clone(), Polled::new(pipe));
        }
    }
    Ok(polled)
}

fn source(cx: &Cx, Polled(pipe): &Polled) -> Result<Source<Flow>, Error> {
    let parameters = &pipe.source_parameters;
    let filter = |pattern: &String| Filter::parse(pattern).map_err(|error| Error::validation(error.to_string()));
    Ok(Source {
        id: pipe.id.clone(),
        arn: pipe.source.clone(),
        batch_size: usize::try_from(parameters.batch_size).unwrap_or(usize::MAX),
        window: Duration::from_secs(parameters.window_seconds.unwrap_or_default().into()),
        concurrency: None,
        filters: parameters.filters.iter().map(filter).collect::<Result<_, _>>()?,
        stream: parameters.stream.as_ref().map(|stream| stream.settings()),
        consumer: Flow::new(cx.clone(), pipe.clone()),
    })
}
