//! Integrations of `http` events other than functions that are told the request as it is, and models of their bodies.

use serde_json::{Map, Value, json};

use super::authorizers::invocations;
use super::{Compiler, invoked, without_nulls};
use crate::diagnostic::At;
use crate::serverless::config::{Function, Http};
use crate::serverless::integration::{HttpIntegration, HttpKind, HttpStatus};
use crate::serverless::naming;

/// What a function behind `lambda` is told where the event says no template of its own.
///
/// Source: <https://www.serverless.com/framework/docs/providers/aws/events/apigateway#default-request-templates>
fn request_template(body: &str) -> String {
    let texts = |name: &str, of: &str| {
        format!(
            "\"{name}\": {{#set($all = {of})#foreach($key in $all.keySet())\"$util.escapeJavaScript($key)\": \"$util.escapeJavaScript($all.get($key)).replaceAll(\"\\\\'\", \"'\")\"#if($foreach.hasNext),#end#end}}"
        )
    };
    let members = [
        format!("\"body\": {body}"),
        "\"method\": \"$context.httpMethod\"".into(),
        "\"principalId\": \"$context.authorizer.principalId\"".into(),
        "\"stage\": \"$context.stage\"".into(),
        "\"cognitoPoolClaims\": {\"sub\": \"$context.authorizer.claims.sub\"}".into(),
        texts("enhancedAuthContext", "$context.authorizer"),
        texts("headers", "$input.params().header"),
        texts("query", "$input.params().querystring"),
        texts("path", "$input.params().path"),
        texts("identity", "$context.identity"),
        texts("stageVariables", "$stageVariables"),
        "\"requestPath\": \"$context.resourcePath\"".into(),
    ];
    format!("{{{}}}", members.join(",\n"))
}

/// A form as JSON: each field as the text that it is.
const FORM: &str = "{#foreach($pair in $input.body.split('&'))#set($parts = $pair.split('='))#if($foreach.index > 0),#end\"$util.escapeJavaScript($util.urlDecode($parts[0])).replaceAll(\"\\\\'\", \"'\")\": \"#if($parts.size() > 1)$util.escapeJavaScript($util.urlDecode($parts[1])).replaceAll(\"\\\\'\", \"'\")#end\"#end}";

/// The statuses that a function behind `lambda` chooses by the message that it fails with: `[404] …`.
const STATUSES: [(&str, &str); 9] = [
    ("200", ""),
    ("400", "[\\s\\S]*\\[400\\][\\s\\S]*"),
    ("401", "[\\s\\S]*\\[401\\][\\s\\S]*"),
    ("403", "[\\s\\S]*\\[403\\][\\s\\S]*"),
    ("404", "[\\s\\S]*\\[404\\][\\s\\S]*"),
    ("422", "[\\s\\S]*\\[422\\][\\s\\S]*"),
    ("500", "[\\s\\S]*(Process\\s?exited\\s?before\\s?completing\\s?request|\\[500\\])[\\s\\S]*"),
    ("502", "[\\s\\S]*\\[502\\][\\s\\S]*"),
    ("504", "[\\s\\S]*(\\[504\\]|Task timed out after \\d+\\.\\d+ seconds)[\\s\\S]*"),
];

/// The integration and the method's responses.
pub(super) fn properties(function: &Function, http: &Http, integration: &HttpIntegration) -> (Value, Value) {
    let statuses = statuses(integration);
    let headers = |status: &HttpStatus| headers(http, integration, status);
    let is_proxy = integration.kind == HttpKind::HttpProxy;
    let answers: Vec<Value> = statuses
        .iter()
        .map(|status| {
            let templates = if status.templates.is_empty() { &integration.template } else { &status.templates };
            json!({
                "StatusCode": status.code,
                "SelectionPattern": status.pattern,
                "ResponseParameters": headers(status),
                "ResponseTemplates": templates,
            })
        })
        .collect();
    let declared = |status: &HttpStatus| {
        let names: Map<String, Value> = headers(status).into_iter().map(|(name, _)| (name, json!(true))).collect();
        json!({"StatusCode": status.code, "ResponseParameters": names, "ResponseModels": {}})
    };
    let responses: Vec<Value> = if is_proxy { Vec::new() } else { statuses.iter().map(declared).collect() };
    let integration = without_nulls(json!({
        "Type": integration.kind.word(),
        "IntegrationHttpMethod": http_method(http, integration),
        "Uri": match integration.kind {
            HttpKind::Function => Some(invocations(invoked(function))),
            _ => integration.uri.clone(),
        },
        "PassthroughBehavior": integration.pass_through.as_deref().or((integration.kind == HttpKind::Function).then_some("NEVER")),
        "ContentHandling": integration.content_handling,
        "RequestTemplates": request_templates(integration),
        "RequestParameters": request_parameters(http, integration),
        "IntegrationResponses": (!is_proxy).then_some(answers),
    }));
    (integration, json!(responses))
}

fn http_method(http: &Http, integration: &HttpIntegration) -> Option<String> {
    match integration.kind {
        HttpKind::Function => Some("POST".into()),
        HttpKind::Mock => None,
        HttpKind::Http | HttpKind::HttpProxy => {
            Some(integration.method.as_deref().unwrap_or(&http.method).to_uppercase())
        }
    }
}

fn request_templates(integration: &HttpIntegration) -> Option<Value> {
    let mut templates = match integration.kind {
        HttpKind::Function => Map::from_iter([
            ("application/json".to_string(), json!(request_template("$input.json('$')"))),
            ("application/x-www-form-urlencoded".to_string(), json!(request_template(FORM))),
        ]),
        HttpKind::Mock => Map::from_iter([("application/json".to_string(), json!("{\"statusCode\": 200}"))]),
        HttpKind::Http | HttpKind::HttpProxy => Map::new(),
    };
    templates.extend(integration.templates.clone());
    (!templates.is_empty()).then(|| json!(templates))
}

/// What is declared of a request goes on to an endpoint under the same names.
fn request_parameters(http: &Http, integration: &HttpIntegration) -> Option<Value> {
    let mapped: Map<String, Value> = match integration.kind {
        HttpKind::Function if integration.is_async => {
            Map::from_iter([("integration.request.header.X-Amz-Invocation-Type".to_string(), json!("'Event'"))])
        }
        HttpKind::Http | HttpKind::HttpProxy => http
            .parameters
            .keys()
            .filter_map(|name| {
                Some((format!("integration.request.{}", name.strip_prefix("method.request.")?), json!(name)))
            })
            .collect(),
        HttpKind::Function | HttpKind::Mock => Map::new(),
    };
    (!mapped.is_empty()).then(|| json!(mapped))
}

fn statuses(integration: &HttpIntegration) -> Vec<HttpStatus> {
    let default = |(code, pattern): &(&str, &str)| HttpStatus {
        code: (*code).to_string(),
        pattern: (*pattern).to_string(),
        ..HttpStatus::default()
    };
    let mut statuses = match (integration.statuses.is_empty(), integration.kind) {
        (true, HttpKind::Function) => STATUSES.iter().map(default).collect(),
        _ => integration.statuses.clone(),
    };
    if statuses.iter().all(|status| !status.pattern.is_empty() && status.code != "200") {
        statuses.push(default(&("200", "")));
    }
    statuses
}

/// Headers of a response, as parameters: those of all responses, those of CORS, and its own.
fn headers(http: &Http, integration: &HttpIntegration, status: &HttpStatus) -> Map<String, Value> {
    let mut headers = Map::new();
    if let Some(cors) = &http.cors {
        headers.insert(
            "Access-Control-Allow-Origin".into(),
            json!(format!("'{}'", cors.origin.as_deref().unwrap_or("*"))),
        );
        if cors.credentials {
            headers.insert("Access-Control-Allow-Credentials".into(), json!("'true'"));
        }
    }
    headers.extend(integration.headers.clone());
    headers.extend(status.headers.clone());
    headers.into_iter().map(|(name, value)| (format!("method.response.header.{name}"), value)).collect()
}

impl Compiler<'_> {
    /// The models of a method's bodies, by media type, and the validator that holds requests to them.
    pub(super) fn method_schemas(&mut self, http: &Http, at: &At) -> Value {
        if http.schemas.is_empty() {
            return json!({});
        }
        let mut models = Map::new();
        for schema in &http.schemas {
            let id = match &schema.name {
                Some(name) => naming::rest_named_model(name),
                None => naming::rest_model(&http.path, &http.method, &schema.content_type),
            };
            let properties = without_nulls(json!({
                "RestApiId": {"Ref": naming::REST_API},
                "ContentType": schema.content_type,
                "Name": schema.name,
                "Description": schema.description,
                "Schema": schema.schema,
            }));
            self.add(&id, json!({"Type": "AWS::ApiGateway::Model", "Properties": properties}), at);
            models.insert(schema.content_type.clone(), json!({"Ref": id}));
        }
        let validator = json!({
            "RestApiId": {"Ref": naming::REST_API},
            "ValidateRequestBody": true,
            "ValidateRequestParameters": true,
            "Name": format!("{}-{} | Validate request body and querystring parameters", self.service.name, self.service.stage),
        });
        let id = naming::REST_VALIDATOR;
        self.add(id, json!({"Type": "AWS::ApiGateway::RequestValidator", "Properties": validator}), at);
        json!({"RequestValidatorId": {"Ref": id}, "RequestModels": models})
    }
}
