//! `cloudlet logs`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use base::{Env, Timestamp};
use serde_json::{Value, json};

use crate::cli::Logs;
use crate::client::{Client, Refusal};
use crate::output;

/// How often a follower asks for more.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(500);

pub async fn run(options: Logs) -> anyhow::Result<ExitCode> {
    let client = Client::connect(&options.connection)?;
    let group = if options.function.starts_with('/') {
        options.function.clone()
    } else {
        format!("/aws/lambda/{}", options.function)
    };
    let mut follower = Follower::new(client, group, Env::real().now() - options.since, options.filter);
    let missing = |error: anyhow::Error| match error.downcast_ref::<Refusal>() {
        Some(refusal) if refusal.code == "ResourceNotFoundException" && !options.follow => error.context(format!(
            "nothing has been logged by {} yet; `cloudlet status` lists the functions there are",
            options.function
        )),
        _ => error,
    };
    loop {
        for line in follower.next().await.map_err(missing)? {
            output::line(line);
        }
        if !options.follow {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::select! {
            () = tokio::time::sleep(FOLLOW_INTERVAL) => {}
            stopped = tokio::signal::ctrl_c() => return stopped.map(|()| ExitCode::SUCCESS).context("Ctrl-C cannot be waited for"),
        }
    }
}

/// Reads a log group on from where it was read to.
pub struct Follower {
    client: Client,
    group: String,
    from: Timestamp,
    filter: Option<String>,
    /// Events at `from` that were seen: the next answer begins with them again.
    seen: Vec<String>,
}

impl Follower {
    pub fn new(client: Client, group: String, from: Timestamp, filter: Option<String>) -> Follower {
        Follower { client, group, from, filter, seen: Vec::new() }
    }

    /// The lines since the last call, oldest first. A group that does not exist yet is an error.
    pub async fn next(&mut self) -> anyhow::Result<Vec<String>> {
        let mut lines = Vec::new();
        let mut token = Value::Null;
        loop {
            let input = json!({
                "logGroupName": self.group, "startTime": self.from.as_millis(), "filterPattern": self.filter, "nextToken": token,
            });
            let answer = self.client.call("logs", "FilterLogEvents", input).await?;
            for event in answer["events"].as_array().into_iter().flatten() {
                lines.extend(self.take(event));
            }
            token = answer["nextToken"].clone();
            if token.is_null() {
                return Ok(lines);
            }
        }
    }

    fn take(&mut self, event: &Value) -> Option<String> {
        let (id, time) = (event["eventId"].as_str()?.to_owned(), Timestamp(event["timestamp"].as_u64()?));
        if self.seen.contains(&id) {
            return None;
        }
        if time > self.from {
            self.from = time;
            self.seen.clear();
        }
        self.seen.push(id);
        Some(event["message"].as_str()?.trim_end().to_owned())
    }
}
