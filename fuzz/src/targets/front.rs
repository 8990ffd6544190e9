//! What configures the front door: Velocity templates, and APIs written down in OpenAPI.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outbound::{Loopback, Outbound, Reach};
use serde_json::{Map, Value, json};
use testkit::TestCloud;
use tokio::runtime::Runtime;
use vtl::{Input, Template};

use super::outcome;

pub const TEMPLATE_WORDS: &[&str] = &[
    "#set($a = ",
    "#foreach($x in ",
    "#if(",
    "#elseif(",
    "#else",
    "#end",
    "#define($d)",
    "#break",
    "#stop",
    "#macro(m $x)",
    "#[[",
    "]]#",
    "##",
    "#*",
    "*#",
    "$input.json('$')",
    "$input.path('$.a[0]')",
    "$input.params('q')",
    "$util.escapeJavaScript(",
    "$util.parseJson(",
    "$util.base64Decode(",
    "$util.urlDecode(",
    "$context.requestId",
    "$!{a}",
    "$a.put('k', $a)",
    "$a.add($a)",
    ".replaceAll('(a*)*', '$1')",
    ".split(',')",
    ".substring(1)",
    ".size()",
    "[1..1000000]",
    "$velocityCount",
    " == ",
    " && ",
    "{'k': 1}",
    ")",
];

/// A template, and behind a zero byte the body that it is filled with.
pub fn template(input: &[u8]) -> String {
    let mut parts = input.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let template = match Template::parse(&parts.next().unwrap_or_default()) {
        Ok(template) => template,
        Err(error) => return outcome(Err::<String, _>(error.what)),
    };
    let body = parts.next().map_or_else(|| r#"{"a": [1, {"b": "x"}], "c": null}"#.to_owned(), Into::into);
    let parameters: Map<String, Value> = [("q".to_owned(), json!("a,b"))].into_iter().collect();
    let input = Input { body, query: parameters.clone(), path: parameters.clone(), header: parameters };
    let variables = [("context".to_owned(), json!({"requestId": "r", "authorizer": {}}))].into_iter().collect();
    // What was done tells inputs apart, not how often.
    let rendered = template.render(&input, &variables);
    outcome(rendered.map(|rendered| format!("rendered {}", rendered.text.len().min(64))).map_err(|error| error.what))
}

pub const DOCUMENT_WORDS: &[&str] = &[
    "openapi: 3.0.1",
    "swagger: '2.0'",
    "info: {title: a, version: '1'}",
    "paths:",
    "\n  /a/{b}:",
    "\n  /a/{proxy+}:",
    "\n    get:",
    "x-amazon-apigateway-any-method:",
    "x-amazon-apigateway-integration: {type: mock}",
    "x-amazon-apigateway-authorizer:",
    "x-amazon-apigateway-request-validators:",
    "x-amazon-apigateway-gateway-responses:",
    "x-amazon-apigateway-cors:",
    "components: {schemas: {",
    "$ref: '#/components/schemas/a'",
    "definitions:",
    "parameters: [{name: id, in: path, required: true, schema: {type: string}}]",
    "servers: [{url: 'https://h/{v}', variables: {v: {default: x}}}]",
    "&a [*a, *a]",
    "{",
    "}",
    "\n",
    "  ",
];

struct Apis {
    runtime: Runtime,
    cloud: TestCloud,
}

static APIS: LazyLock<Apis> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("threads can be started");
    let vault = vault::Vault::in_memory(&base::Env::simulated(1, base::Timestamp::ZERO));
    let outbound = Outbound::new(Reach { loopback: Loopback::Ports(Vec::new()) });
    let services = apigateway::services(outbound, vault, apigateway::Domains::default());
    let cloud = runtime.block_on(async { TestCloud::new(services) });
    Apis { runtime, cloud }
});

impl Apis {
    fn call(&self, model: &str, operation: &str, input: Value) -> Result<Value, String> {
        let answer = self.runtime.block_on(self.cloud.call(model, operation, input));
        answer.map_err(|error| format!("{}: {}", error.code, error.message))
    }

    fn http(&self, document: &str) -> Result<String, String> {
        let made = self.call("apigatewayv2", "ImportApi", json!({ "body": document }))?;
        let api = &made["apiId"];
        let asked = json!({"apiId": api, "specification": "OAS30", "outputType": "YAML"});
        let exported = self.call("apigatewayv2", "ExportApi", asked);
        self.call("apigatewayv2", "DeleteApi", json!({ "apiId": api }))?;
        exported.map(|_| "exported".to_owned())
    }

    fn rest(&self, document: &[u8]) -> Result<String, String> {
        let made = self.call("apigateway", "ImportRestApi", json!({"body": STANDARD.encode(document)}))?;
        let api = &made["id"];
        let deployed = self.call("apigateway", "CreateDeployment", json!({"restApiId": api, "stageName": "s"}));
        let asked = json!({"restApiId": api, "stageName": "s", "exportType": "oas30"});
        let exported = deployed.and_then(|_| self.call("apigateway", "GetExport", asked));
        self.call("apigateway", "DeleteRestApi", json!({ "restApiId": api }))?;
        exported.map(|_| "exported".to_owned())
    }
}

/// A document, imported as an HTTP API and as a REST API, and exported again. The APIs go again, so that there is room for the next.
pub fn document(input: &[u8]) -> String {
    let (http, rest) = (APIS.http(&String::from_utf8_lossy(input)), APIS.rest(input));
    format!("{}; {}", outcome(http), outcome(rest))
}
