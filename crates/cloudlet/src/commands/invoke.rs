//! `cloudlet invoke`.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cli::Invoke;
use crate::client::Client;
use crate::output;

pub async fn run(options: Invoke) -> anyhow::Result<ExitCode> {
    let payload = payload(&options.payload)?;
    let client = Client::connect(&options.connection)?;
    let kind = if options.asynchronous { "Event" } else { "RequestResponse" };
    let input = json!({
        "FunctionName": options.function, "InvocationType": kind, "LogType": "Tail", "Payload": STANDARD.encode(payload),
    });
    let answer = client.call("lambda", "Invoke", input).await?;
    if options.asynchronous {
        output::line("accepted");
        return Ok(ExitCode::SUCCESS);
    }
    let decode = |name: &str| STANDARD.decode(answer[name].as_str().unwrap_or_default()).unwrap_or_default();
    output::line(String::from_utf8_lossy(&decode("Payload")));
    if answer["FunctionError"] == Value::Null {
        return Ok(ExitCode::SUCCESS);
    }
    output::note(String::from_utf8_lossy(&decode("LogResult")).trim_end());
    Ok(ExitCode::FAILURE)
}

/// The event: given as it is, or in a file.
fn payload(text: &str) -> anyhow::Result<Vec<u8>> {
    let bytes = match text.strip_prefix('@') {
        None => text.as_bytes().to_vec(),
        Some("-") => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).context("standard input cannot be read")?;
            bytes
        }
        Some(file) => std::fs::read(file).with_context(|| format!("the payload in {file} cannot be read"))?,
    };
    serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).context(
        "the payload is not JSON: quote it for the shell, as in --payload '{\"name\": \"Ada\"}', or use @FILE",
    )?;
    Ok(bytes)
}
