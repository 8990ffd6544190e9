//! `cloudlet events`.

use std::process::ExitCode;

use anyhow::bail;
use serde_json::{Value, json};

use crate::cli::{Events, EventsCommand, Redrive};
use crate::client::Client;
use crate::output;

pub async fn run(options: Events) -> anyhow::Result<ExitCode> {
    match options.command {
        Some(EventsCommand::Redrive(redriven)) => redrive(redriven).await,
        None => show(options).await,
    }
}

async fn show(options: Events) -> anyhow::Result<ExitCode> {
    let client = Client::connect(&options.connection)?;
    let events = get(&client).await?;
    if options.json {
        output::json(&events)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (waiting, dead) = (list(&events, "Waiting"), list(&events, "DeadLetters"));
    if waiting.is_empty() {
        output::line("nothing waits to be delivered");
    }
    for lane in waiting {
        output::line(waiting_line(lane));
        if let Some(failure) = lane["Failure"].as_str() {
            output::line(format_args!("  tried {} times: {failure}", lane["Attempts"]));
        }
        if let Some(next) = lane["NextAttempt"].as_str() {
            output::line(format_args!("  tried again at {next}"));
        }
    }
    if dead.is_empty() {
        output::line("no dead letters");
    }
    for queue in dead {
        output::line(format_args!(
            "{} dead letters in {}, since {}",
            queue["Messages"],
            text(queue, "Queue"),
            text(queue, "Since")
        ));
        for letters in list(queue, "Letters") {
            output::line(letters_line(letters));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn waiting_line(lane: &Value) -> String {
    let (to, from, since) = (text(lane, "To"), text(lane, "From"), text(lane, "Since"));
    format!("{} waiting for {to}, from {from}, since {since}", lane["Count"])
}

fn letters_line(letters: &Value) -> String {
    let mut line = format!("  {}", letters["Count"]);
    for (word, name) in [("from", "From"), ("for", "To")] {
        if let Some(arn) = letters[name].as_str() {
            line.push_str(&format!(" {word} {arn}"));
        }
    }
    line + ": " + text(letters, "Reason")
}

async fn redrive(options: Redrive) -> anyhow::Result<ExitCode> {
    let client = Client::connect(&options.connection)?;
    let resource = match &options.resource {
        arn if arn.starts_with("arn:") => arn.clone(),
        name => named(&get(&client).await?, name)?,
    };
    let done = client.call("cloudlet", "RedriveEvents", json!({"Resource": resource})).await?;
    if options.json {
        output::json(&done)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format_args!(
        "{resource}: {} deliveries tried again, {} dead letters sent again",
        done["Retried"], done["Sent"]
    ));
    if done["Left"] != 0 {
        output::line(format_args!("{} messages stay: nobody knows what they were for, or it is gone", done["Left"]));
    }
    Ok(ExitCode::SUCCESS)
}

/// The ARN, among what waits, whose last part is this name.
fn named(events: &Value, name: &str) -> anyhow::Result<String> {
    let targets = list(events, "Waiting").iter().map(|lane| text(lane, "To"));
    let queues = list(events, "DeadLetters").iter().map(|queue| text(queue, "Queue"));
    let mut found: Vec<&str> =
        targets.chain(queues).filter(|arn| arn.rsplit([':', '/']).next() == Some(name)).collect();
    found.sort_unstable();
    found.dedup();
    match found[..] {
        [one] => Ok(one.to_owned()),
        [] => bail!("nothing waits for {name}, and it has no dead letters: `cloudlet events` shows what does"),
        _ => bail!("{name} may be {}: give the ARN", found.join(" or ")),
    }
}

async fn get(client: &Client) -> anyhow::Result<Value> {
    client.call("cloudlet", "GetEvents", json!({})).await
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_among_what_waits() {
        let events = json!({
            "Waiting": [{"To": "arn:aws:lambda:us-east-1:000000000000:function:mail"}, {"To": "arn:aws:sqs:us-east-1:000000000000:twice"}],
            "DeadLetters": [{"Queue": "arn:aws:sqs:us-east-1:000000000000:dead"}, {"Queue": "arn:aws:sqs:eu-west-1:000000000000:twice"}],
        });
        assert_eq!(named(&events, "mail").unwrap(), "arn:aws:lambda:us-east-1:000000000000:function:mail");
        assert_eq!(named(&events, "dead").unwrap(), "arn:aws:sqs:us-east-1:000000000000:dead");
        assert!(
            named(&events, "none").is_err() && named(&events, "twice").unwrap_err().to_string().contains("eu-west-1")
        );
    }
}
