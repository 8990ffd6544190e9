//! What functions say the moment that an event reaches them: over a connection that each instance keeps.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::client::Client;
use crate::functions::{Function, create_role};
use crate::load::{Latencies, sample};

/// The first event may have to wait for an instance.
const ARRIVAL_WAIT_MAX: Duration = Duration::from_secs(60);
/// Events before those that count.
const WARM_UP: usize = 5;

/// Listens on a port of the loopback address, which functions have to be allowed to reach.
pub struct Arrivals {
    pub port: u16,
    said: UnboundedReceiver<(String, Instant)>,
}

impl Arrivals {
    pub async fn listen() -> anyhow::Result<Arrivals> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (says, said) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let says = says.clone();
                tokio::spawn(async move {
                    let mut lines = BufReader::new(connection).lines();
                    while let Ok(Some(line)) = lines.next_line().await {
                        if says.send((line, Instant::now())).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Ok(Arrivals { port, said })
    }

    /// A new function that says the number in each event that it gets, and may get them from a service.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn function(&self, client: &mut Client, from: &str) -> anyhow::Result<Function> {
        create_role(client).await?;
        let function = Function::teller(self.port);
        function.create(client).await?;
        function.allow(client, from).await?;
        Ok(function)
    }

    /// How long it takes from before `publish` sends a number until a function has it.
    ///
    /// # Errors
    /// When a number does not arrive.
    pub async fn latencies(
        &mut self,
        client: &mut Client,
        samples: usize,
        mut publish: impl AsyncFnMut(&mut Client, usize) -> anyhow::Result<()>,
    ) -> anyhow::Result<Latencies> {
        for number in 0..WARM_UP {
            self.trip(client, number, &mut publish).await?;
        }
        sample(samples, async |number| self.trip(client, WARM_UP + number, &mut publish).await).await
    }

    async fn trip(
        &mut self,
        client: &mut Client,
        number: usize,
        publish: &mut impl AsyncFnMut(&mut Client, usize) -> anyhow::Result<()>,
    ) -> anyhow::Result<Duration> {
        let began = Instant::now();
        publish(client, number).await?;
        let expected = number.to_string();
        loop {
            let said = timeout(ARRIVAL_WAIT_MAX, self.said.recv()).await;
            match said.with_context(|| format!("event {number} did not reach the function"))? {
                // One that came twice is none of this trip's.
                Some((line, _)) if line != expected => {}
                Some((_, at)) => return Ok(at - began),
                None => bail!("nobody listens to functions"),
            }
        }
    }
}
