//! `cloudlet status`.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::Status;
use crate::client::Client;
use crate::output;

pub async fn run(options: Status) -> anyhow::Result<ExitCode> {
    let client = Client::connect(&options.connection)?;
    let status = client.call("cloudlet", "GetStatus", json!({})).await?;
    if options.json {
        output::json(&status)?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = |name: &str| status[name].as_str().unwrap_or_default().to_owned();
    output::line(format_args!(
        "Cloudlet {} at {}, account {}, region {}",
        text("Version"),
        text("Endpoint"),
        text("Account"),
        text("Region")
    ));
    let megabytes = status["StoreBytes"].as_f64().unwrap_or_default() / f64::from(1 << 20);
    output::line(format_args!(
        "store: {}, {megabytes:.1} MiB on disk; {} deliveries waiting",
        text("Store"),
        status["DeliveriesWaiting"]
    ));
    if let Some(archive) = status["Archive"].as_object() {
        let text = |name: &str| archive.get(name).and_then(Value::as_str);
        let number = |name: &str| archive.get(name).and_then(Value::as_f64).unwrap_or_default();
        output::line(match text("Until") {
            Some(until) => format!("archive: {:.1} s behind, complete until {until}", number("LagSeconds")),
            None => "archive: not reached yet, so nobody knows how far it is".to_owned(),
        });
        if number("Held") > 0.0 {
            let (held, megabytes) = (number("Held"), number("HeldBytes") / f64::from(1 << 20));
            output::line(format_args!(
                "archive: {held} deleted packages of code ({megabytes:.1} MiB) stay until they are in it"
            ));
        }
        if let Some(since) = text("Since") {
            output::line(format_args!("archive: any moment since {since} can be brought back"));
        }
        if let Some(failure) = text("PruneFailure") {
            output::line(format_args!("archive: what is too old stays: {failure}"));
        }
        if let Some(failure) = text("Failure") {
            output::line(format_args!("archive: it does not get further: {failure}"));
        }
    }
    cdn(&status["Cdn"]);
    if let Some(certificates) = status["Certificates"].as_array().filter(|all| !all.is_empty()) {
        list("certificates for names of users", Some(certificates), certificate);
    }
    list("stacks", status["Stacks"].as_array(), |stack| stack.as_str().unwrap_or_default().to_owned());
    list("functions with instances", status["Functions"]["functions"].as_array(), function);
    let prebooted = list_of(&status["Functions"], "prebooted");
    if !prebooted.is_empty() {
        output::line(format_args!(
            "processes that wait for a function: {}, {:.0} MiB",
            prebooted.len(),
            mebibytes(prebooted)
        ));
    }
    list("notes", status["Functions"]["notes"].as_array(), |note| note.as_str().unwrap_or_default().to_owned());
    Ok(ExitCode::SUCCESS)
}

/// What distributions have answered, unless that is nothing.
fn cdn(figures: &Value) {
    let number = |name: &str| figures[name].as_f64().unwrap_or_default();
    let (hits, misses, errors) = (number("hits"), number("misses"), number("errors"));
    if hits + misses + errors > 0.0 {
        let megabytes = (number("memory_bytes") + number("disk_bytes")) / f64::from(1 << 20);
        output::line(format_args!(
            "distributions: {hits} answers from the cache, {misses} from origins, {errors} errors; {} images made; {} objects cached, {megabytes:.1} MiB",
            number("images"),
            number("objects"),
        ));
    }
}

fn list(title: &str, items: Option<&Vec<Value>>, show: impl Fn(&Value) -> String) {
    let items = items.map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() {
        return output::line(format_args!("{title}: none"));
    }
    output::line(format_args!("{title}:"));
    for item in items {
        output::line(format_args!("  {}", show(item)));
    }
}

fn certificate(certificate: &Value) -> String {
    let text = |name: &str| certificate[name].as_str();
    let until = text("Until").map_or_else(|| "none yet".to_owned(), |until| format!("until {until}"));
    let message = text("Message").map(|message| format!("; {message}")).unwrap_or_default();
    format!("{}: {until}{message}", text("Name").unwrap_or_default())
}

fn function(function: &Value) -> String {
    let (instances, spares) = (list_of(function, "instances"), list_of(function, "spares"));
    let busy = instances.iter().filter(|instance| instance["busy"] == true).count();
    let name = function["name"].as_str().unwrap_or_default();
    let mut text = format!("{name}: {} instances, {busy} busy, {:.0} MiB", instances.len(), mebibytes(instances));
    if function["zygote"].is_object() {
        let held = mebibytes(std::slice::from_ref(&function["zygote"])) + mebibytes(spares);
        text.push_str(&format!("; {} more wait, forked from one process, {held:.0} MiB", spares.len()));
    }
    text
}

fn list_of<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn mebibytes(processes: &[Value]) -> f64 {
    processes.iter().filter_map(|process| process["memory_bytes"].as_f64()).sum::<f64>() / f64::from(1 << 20)
}
