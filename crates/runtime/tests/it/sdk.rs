//! What is fetched once for managed runtimes: the SDKs and a TypeScript compiler. Needs PyPI and npm: `cargo test -- --ignored`.

use std::sync::{Arc, Mutex};

use runtime::Progress;
use serde_json::json;

use crate::harness::{Harness, node, python};

#[tokio::test]
#[ignore = "installs from PyPI"]
async fn boto3_is_there_for_who_uses_it() {
    let harness = Harness::new();
    let plain =
        Arc::new(harness.function("plain", python(), "index.handler", &[("index.py", "def handler(e, c): return 1")]));
    assert_eq!(harness.value(&plain, "{}").await, 1);
    assert!(!harness.cache().join("python").exists(), "a function that does not use the SDK does not wait for it");
    let source = "import boto3\ndef handler(e, c):\n  client = boto3.client('dynamodb')\n  return [client.meta.endpoint_url, client.meta.region_name]";
    let spec = harness.python(source);
    assert_eq!(harness.value(&spec, "{}").await, json!(["http://127.0.0.1:4566", "eu-west-1"]));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let progress = seen.clone();
    harness.runtime.prepare(&[python()], Arc::new(move |step| progress.lock().unwrap().push(step))).await.unwrap();
    assert!(
        matches!(&seen.lock().unwrap()[..], [Progress::Present { what }] if what.starts_with("boto3 for Python 3."))
    );
}

#[tokio::test]
#[ignore = "installs from npm"]
async fn the_sdk_for_javascript_is_there_for_both_kinds_of_modules() {
    let harness = Harness::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let progress = seen.clone();
    harness.runtime.prepare(&[node()], Arc::new(move |step| progress.lock().unwrap().push(step))).await.unwrap();
    assert!(matches!(seen.lock().unwrap().last(), Some(Progress::Installed { .. })), "{seen:?}");
    let use_it = "const client = new SQSClient({}); const doc = DynamoDBDocumentClient.from(new DynamoDBClient({}));";
    let answer = "async () => [await client.config.region(), typeof doc.send]";
    let cjs = format!(
        "const {{ SQSClient }} = require('@aws-sdk/client-sqs'); const {{ DynamoDBClient }} = require('@aws-sdk/client-dynamodb'); const {{ DynamoDBDocumentClient }} = require('@aws-sdk/lib-dynamodb'); {use_it} exports.handler = {answer}"
    );
    let esm = format!(
        "import {{ SQSClient }} from '@aws-sdk/client-sqs'; import {{ DynamoDBClient }} from '@aws-sdk/client-dynamodb'; import {{ DynamoDBDocumentClient }} from '@aws-sdk/lib-dynamodb'; {use_it} export const handler = {answer}"
    );
    for (name, file, source) in [("cjs", "index.js", cjs), ("esm", "index.mjs", esm)] {
        let spec = harness.function(name, node(), "index.handler", &[(file, &source)]);
        assert_eq!(harness.value(&Arc::new(spec), "{}").await, json!(["eu-west-1", "function"]), "{name}");
    }
}

#[tokio::test]
#[ignore = "installs from npm"]
async fn typescript_handlers_run() {
    let harness = Harness::new();
    let files = [
        (
            "src/user.ts",
            "import { basename } from 'node:path'; import { greet } from './greet'; interface E { name: string }\nexport const create = async (e: E): Promise<string> => { if (!e.name) throw new Error('nobody'); return greet(basename(e.name)) };",
        ),
        (
            "src/greet.ts",
            "import dep from 'dep'; export function greet(name: string): string { return `${dep as string} ${name}` }",
        ),
        ("node_modules/dep/package.json", r#"{"main":"main.js"}"#),
        ("node_modules/dep/main.js", "module.exports = 'hello'"),
    ];
    let spec = Arc::new(harness.function("f", node(), "src/user.create", &files));
    assert_eq!(harness.value(&spec, r#"{"name":"a/b"}"#).await, "hello b");
    let error = harness.error(&spec, "{}").await;
    assert!(error["trace"][1].as_str().unwrap().contains("src/user.ts:2"), "{error}");
}

#[tokio::test]
async fn an_installation_that_fails_says_what_to_do() {
    // The cache cannot be written to.
    let harness = Harness::new();
    let mut spec =
        harness.function("f", python(), "index.handler", &[("index.py", "def handler(e, c): return 1 # boto3")]);
    spec.key = "offline".into();
    std::fs::create_dir_all(harness.cache()).unwrap();
    std::fs::write(harness.cache().join("python"), "a file where a folder should be").unwrap();
    let outcome = harness.invoke(&Arc::new(spec), "{}").await;
    assert_eq!(outcome.payload, "1");
    let line = outcome.log_tail.lines().nth(1).unwrap();
    assert!(line.starts_with("[cloudlet] boto3 for Python 3.") && line.contains(" could not be installed: "), "{line}");
    assert!(line.contains("-m pip install"), "{line}");
}
