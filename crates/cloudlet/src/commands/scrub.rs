//! `cloudlet scrub`.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::Scrub;
use crate::client::Client;
use crate::output;
use crate::progress::Progress;

/// What all steps have found.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    files: u64,
    bytes: u64,
    objects: u64,
    unsealed: u64,
    orphans: u64,
    orphan_bytes: u64,
    /// Whether the orphans are removed.
    collected: bool,
    damaged: Vec<Value>,
}

pub async fn run(options: Scrub) -> anyhow::Result<ExitCode> {
    let client = Client::connect(&options.connection)?;
    let found = scrub(&client, &options).await?;
    if options.json {
        output::json(&found)?;
    } else {
        tell(&found);
    }
    Ok(if found.damaged.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn scrub(client: &Client, options: &Scrub) -> anyhow::Result<Found> {
    let bytes = Arc::new(AtomicU64::new(0));
    let _progress = Progress::start("read", bytes.clone(), None);
    let (mut found, mut cursor) = (Found { collected: options.collect, ..Found::default() }, Value::Null);
    loop {
        let input = json!({"Cursor": cursor, "BytesPerSecond": options.rate.saturating_mul(1 << 20), "Collect": options.collect});
        let step = client.call("cloudlet", "Scrub", input).await?;
        let number = |name: &str| step[name].as_u64().unwrap_or_default();
        found.files += number("Files");
        found.bytes += number("Bytes");
        found.objects += number("Objects");
        found.unsealed += number("Unsealed");
        found.orphans += number("Orphans");
        found.orphan_bytes += number("OrphanBytes");
        found.damaged.extend(step["Damaged"].as_array().cloned().unwrap_or_default());
        bytes.store(found.bytes, Ordering::Relaxed);
        cursor = step["Cursor"].clone();
        if cursor.is_null() {
            return Ok(found);
        }
    }
}

fn tell(found: &Found) {
    for damaged in &found.damaged {
        let text = |name: &str| damaged[name].as_str().unwrap_or_default();
        let which = match damaged["VersionId"].as_str() {
            Some("null") => String::new(),
            Some(version) => format!(" (version {version})"),
            None => " (an upload under way)".to_owned(),
        };
        output::line(format_args!("damaged: {}/{}{which}: {}", text("Bucket"), text("Key"), text("Reason")));
        if let Some(file) = damaged["File"].as_str() {
            output::line(format_args!("  objects/{}/{file}", file.get(..2).unwrap_or_default()));
        }
    }
    let megabytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let Found { files, bytes, objects, unsealed, orphans, orphan_bytes, collected, damaged } = found;
    let whole = if damaged.is_empty() { "all of it is whole".to_owned() } else { format!("{} damaged", damaged.len()) };
    output::line(format_args!(
        "read {files} files, {:.1} MiB, and what is known of {objects} objects: {whole}",
        megabytes(*bytes)
    ));
    if *unsealed > 0 {
        output::line(format_args!("{unsealed} objects are of an earlier release, and not sealed: a copy of one is"));
    }
    if *orphans > 0 {
        let done = if *collected { "removed" } else { "to remove them: cloudlet scrub --collect" };
        output::line(format_args!("{orphans} files, {:.1} MiB, belong to no object; {done}", megabytes(*orphan_bytes)));
    }
    if !damaged.is_empty() {
        output::note("The server's disk is damaged. A backup or an archive may have what is lost.");
    }
}
