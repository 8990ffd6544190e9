//! The load generator: clients that each ask again as soon as they are answered (a closed loop), and what they see.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use hdrhistogram::Histogram;

use crate::client::{Client, Endpoint};

/// Significant figures that latencies are kept with.
const PRECISION: u8 = 3;

/// How long things took.
pub struct Latencies(Histogram<u64>);

impl Latencies {
    pub fn new() -> anyhow::Result<Latencies> {
        Ok(Latencies(Histogram::new(PRECISION)?))
    }

    pub fn record(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        // The histogram grows by itself; it can only be out of memory.
        let _ = self.0.record(nanos);
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time that the share `quantile` of all stayed below, in milliseconds.
    pub fn millis(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e6
    }
}

/// What a load came to.
pub struct Speed {
    /// Operations per second.
    pub rate: f64,
    pub latencies: Latencies,
}

/// A number of clients, how long they work before it counts, and how long they are measured.
#[derive(Clone, Copy)]
pub struct Load {
    pub clients: usize,
    pub warm_up: Duration,
    pub time: Duration,
}

impl Load {
    pub fn new(clients: usize, (warm_up, time): (Duration, Duration)) -> Load {
        Load { clients, warm_up, time }
    }

    /// Runs what `worker` makes for each client, again and again. An operation's latency is what the client sees, from
    /// before it makes and signs its request to the last byte of the answer.
    ///
    /// # Errors
    /// The first error of any client ends the load: errors are not a kind of speed.
    pub async fn run<W>(&self, endpoint: &Endpoint, worker: impl Fn(usize) -> W) -> anyhow::Result<Speed>
    where
        W: AsyncFnMut(&mut Client) -> anyhow::Result<()>,
    {
        let latencies = RefCell::new(Latencies::new()?);
        let from = Instant::now() + self.warm_up;
        let until = from + self.time;
        let clients = (0..self.clients).map(|number| {
            let (mut work, latencies) = (worker(number), &latencies);
            async move {
                let mut client = Client::new(endpoint)?;
                let mut began = Instant::now();
                while began < until {
                    work(&mut client).await?;
                    let ended = Instant::now();
                    if ended >= from && ended < until {
                        latencies.borrow_mut().record(ended - began);
                    }
                    began = ended;
                }
                anyhow::Ok(())
            }
        });
        try_join_all(clients).await?;
        let latencies = latencies.into_inner();
        Ok(Speed { rate: latencies.count() as f64 / self.time.as_secs_f64(), latencies })
    }
}

/// Does each piece of work once, by as many clients at the same time as there are workers, in no particular order.
///
/// # Errors
/// The first error of any client.
pub async fn share<W>(
    endpoint: &Endpoint,
    clients: usize,
    work: std::ops::Range<usize>,
    worker: impl Fn() -> W,
) -> anyhow::Result<()>
where
    W: AsyncFnMut(&mut Client, usize) -> anyhow::Result<()>,
{
    let rest = RefCell::new(work);
    let clients = (0..clients).map(|_| {
        let (mut work, rest) = (worker(), &rest);
        async move {
            let mut client = Client::new(endpoint)?;
            loop {
                let next = rest.borrow_mut().next();
                let Some(number) = next else { return anyhow::Ok(()) };
                work(&mut client, number).await?;
            }
        }
    });
    try_join_all(clients).await?;
    Ok(())
}

/// Times `samples` pieces of work, one after the other; each says how long what matters in it took.
pub async fn sample(
    samples: usize,
    mut work: impl AsyncFnMut(usize) -> anyhow::Result<Duration>,
) -> anyhow::Result<Latencies> {
    let mut latencies = Latencies::new()?;
    for number in 0..samples {
        latencies.record(work(number).await?);
    }
    Ok(latencies)
}
