//! `cloudlet migrate`.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::{ChosenRoutes, Migrate, MigrateBack, MigrateShadow, MigrateShift, MigrateStatus};
use crate::client::Client;
use crate::output;

const SERVICE: &str = "cloudlet-migrate";

pub async fn run(command: Migrate) -> anyhow::Result<ExitCode> {
    match command {
        Migrate::Status(options) => status(options).await,
        Migrate::Shift(MigrateShift { name, weight, chosen, connection }) => {
            let input = routes(json!({"Name": name, "Weight": weight}), chosen);
            changed(&Client::connect(&connection)?, "ShiftTraffic", input).await
        }
        Migrate::Shadow(MigrateShadow { name, share, r#unsafe, chosen, connection }) => {
            let input = routes(json!({"Name": name, "Share": share, "Unsafe": r#unsafe}), chosen);
            changed(&Client::connect(&connection)?, "ShadowTraffic", input).await
        }
        Migrate::Back(MigrateBack { name, undo, connection }) => {
            let input = json!({"Name": name, "Undo": undo});
            changed(&Client::connect(&connection)?, "ReturnTraffic", input).await
        }
    }
}

/// An input for these routes only.
fn routes(mut input: Value, chosen: ChosenRoutes) -> Value {
    for (name, value) in [("Path", chosen.path), ("Method", chosen.method)] {
        if let Some(value) = value {
            input[name] = json!(value);
        }
    }
    input
}

async fn changed(client: &Client, operation: &str, input: Value) -> anyhow::Result<ExitCode> {
    let migration = client.call(SERVICE, operation, input).await?;
    tell(&migration, false);
    Ok(ExitCode::SUCCESS)
}

async fn status(options: MigrateStatus) -> anyhow::Result<ExitCode> {
    let client = Client::connect(&options.connection)?;
    let migrations = match options.name {
        Some(name) => json!([client.call(SERVICE, "GetMigration", json!({"Name": name})).await?]),
        None => {
            let mut answer = client.call(SERVICE, "ListMigrations", json!({})).await?;
            answer["Migrations"].take()
        }
    };
    if options.json {
        output::json(&migrations)?;
        return Ok(ExitCode::SUCCESS);
    }
    let migrations = list(&migrations);
    if migrations.is_empty() {
        output::line("There are no migrations: `custom.cloudlet.migrate` in serverless.yml makes one.");
    }
    migrations.iter().for_each(|migration| tell(migration, true));
    Ok(ExitCode::SUCCESS)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn tell(migration: &Value, with_figures: bool) {
    let hosts: Vec<&str> = list(&migration["Hosts"]).iter().filter_map(Value::as_str).collect();
    let at = if hosts.is_empty() { text(migration, "Url").to_owned() } else { hosts.join(", ") };
    output::line(format_args!("{} at {at}, backend {}", text(migration, "Name"), text(migration, "Legacy")));
    if migration["Back"] == true {
        output::line(
            "  everything goes to the backend, whatever the shares are (`cloudlet migrate back NAME --undo` ends that)",
        );
    }
    for route in list(&migration["Routes"]) {
        let function = text(route, "FunctionArn").split(":function:").last().unwrap_or_default();
        output::line(format_args!(
            "  {} {}: {}% to {function}{}",
            text(route, "Method"),
            text(route, "Path"),
            route["Weight"].as_f64().unwrap_or_default(),
            shadow(route)
        ));
        if with_figures {
            figures(&route["Figures"]);
        }
    }
}

fn shadow(route: &Value) -> String {
    match route["Shadow"].as_f64().filter(|share| *share > 0.0) {
        Some(share) if route["ShadowUnsafe"] == true => format!("; copies of {share}%, unsafe methods too"),
        Some(share) => format!("; copies of {share}%"),
        None => String::new(),
    }
}

fn figures(figures: &Value) {
    for (side, name) in [("backend ", "Legacy"), ("function", "Function")] {
        let counts = &figures[name];
        let number = |name: &str| counts[name].as_f64().unwrap_or_default();
        let requests = number("Requests");
        if requests > 0.0 {
            let errors = 100.0 * number("Errors") / requests;
            output::line(format_args!(
                "    {side} {requests} requests, {errors:.2}% errors, p50 {:.1} ms, p99 {:.1} ms",
                number("P50Millis"),
                number("P99Millis")
            ));
        }
    }
    let copies = &figures["Shadow"];
    let number = |name: &str| copies[name].as_u64().unwrap_or_default();
    if number("Same") + number("Different") + number("LeftOut") > 0 {
        let (same, different, left_out) = (number("Same"), number("Different"), number("LeftOut"));
        output::line(format_args!("    copies: {same} alike, {different} different, {left_out} left out"));
    }
    for difference in list(&copies["Differences"]) {
        output::line(format_args!(
            "      {} {} {}: {} differs: backend {}, function {}",
            text(difference, "Time"),
            text(difference, "Method"),
            text(difference, "Path"),
            text(difference, "What"),
            text(difference, "Legacy"),
            text(difference, "Function")
        ));
    }
}
