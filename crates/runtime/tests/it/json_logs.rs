//! Logs in which every line is a JSON object.

use std::sync::Arc;

use runtime::{FunctionSpec, JsonLogs, SystemLevel};
use serde_json::{Value, json};

use crate::harness::Harness;

fn with_logs(spec: Arc<FunctionSpec>, application_level: &str, system_level: SystemLevel) -> Arc<FunctionSpec> {
    let json_logs = Some(JsonLogs { application_level: application_level.into(), system_level });
    Arc::new(FunctionSpec { json_logs, ..(*spec).clone() })
}

/// All lines as objects, without notes of our own.
fn records(harness: &Harness) -> Vec<Value> {
    let lines = harness.host.messages();
    let lines = lines.iter().filter(|line| !line.starts_with("[cloudlet]"));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

fn kinds(records: &[Value]) -> Vec<&str> {
    records.iter().filter_map(|record| record["type"].as_str()).collect()
}

#[tokio::test]
async fn python_logs_records() {
    let harness = Harness::new();
    let source = "import logging\ndef handler(event, context):\n  logging.info('low')\n  logging.warning('hello %s', 'log', extra={'n': 7})\n  if event: raise ValueError('told to')\n  return 1";
    let spec = with_logs(harness.python(source), "WARN", SystemLevel::Info);
    harness.value(&spec, "0").await;
    let records_so_far = records(&harness);
    assert_eq!(kinds(&records_so_far), ["platform.initStart", "platform.start", "platform.report"]);
    let own: Vec<&Value> = records_so_far.iter().filter(|record| record.get("level").is_some()).collect();
    assert_eq!(own.len(), 1, "{own:?}");
    assert_eq!(
        (&own[0]["message"], &own[0]["level"], &own[0]["n"]),
        (&json!("hello log"), &json!("WARNING"), &json!(7))
    );
    let report = &records_so_far.last().unwrap()["record"];
    assert_eq!((&report["status"], &report["requestId"]), (&json!("success"), &own[0]["requestId"]));
    assert!(report["metrics"]["initDurationMs"].is_number() && report["metrics"]["memorySizeMB"] == 128, "{report}");
    harness.error(&spec, "1").await;
    let all = records(&harness);
    assert_eq!(all.last().unwrap()["record"]["status"], "error");
    let error = all.iter().find(|record| record.get("errorType").is_some()).unwrap();
    assert_eq!((&error["log_level"], &error["errorMessage"]), (&json!("ERROR"), &json!("told to")));
}

#[tokio::test]
async fn node_logs_records() {
    let harness = Harness::new();
    let source = "exports.handler = async (event) => { console.debug('low'); console.log('hello %s', 'log'); console.error(new RangeError('oops')); console.info({ n: 7 }); if (event) process.exit(3); }";
    let spec = with_logs(harness.node(source), "INFO", SystemLevel::Warn);
    harness.value(&spec, "0").await;
    let own = records(&harness);
    assert_eq!(kinds(&own), [""; 0]);
    assert_eq!((own.len(), &own[0]["message"], &own[0]["level"]), (3, &json!("hello log"), &json!("INFO")));
    assert_eq!((&own[1]["errorType"], &own[1]["errorMessage"]), (&json!("RangeError"), &json!("oops")));
    assert_eq!(own[2]["message"], json!({"n": 7}));
    harness.error(&spec, "1").await;
    let all = records(&harness);
    assert_eq!(kinds(&all), ["platform.runtimeDone", "platform.report"]);
    assert_eq!(all.last().unwrap()["record"]["errorType"], "Runtime.ExitError");
}

#[tokio::test]
async fn the_debug_level_tells_all() {
    let harness = Harness::new();
    let spec = with_logs(harness.node("exports.handler = async () => 1"), "INFO", SystemLevel::Debug);
    harness.value(&spec, "0").await;
    let expected = ["platform.initStart", "platform.start", "platform.runtimeDone", "platform.report"];
    assert_eq!(kinds(&records(&harness)), expected);
}
