//! `httpApi` events: one HTTP API, a route an event, an integration and a permission a function.

use serde_json::{Value, json};

use super::authorizers::merged;
use super::{Compiler, api_permission, attribute, invoked, without_nulls};
use crate::serverless::config::{EventSource, Function, HttpApiCors};
use crate::serverless::{event, naming};

/// Every method, in the order in which CORS names them.
const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "OPTIONS", "HEAD", "DELETE"];
/// Milliseconds that an HTTP API waits for a function: the most there is.
const TIMEOUT_MILLIS: u64 = 30_000;

impl Compiler<'_> {
    pub(super) fn http_api(&mut self) {
        let routes = self.events(|source| match source {
            EventSource::HttpApi { method, path, authorizer } => {
                Some((method.as_str(), path.as_str(), authorizer.as_ref()))
            }
            _ => None,
        });
        let Some((_, first, _)) = routes.first() else { return };
        if self.service.provider.http_api.id.is_none() {
            let methods: Vec<&str> = routes.iter().map(|(_, _, (method, ..))| *method).collect();
            let api = self.http_api_properties(&methods);
            self.add(naming::HTTP_API, json!({"Type": "AWS::ApiGatewayV2::Api", "Properties": api}), first);
            let format = self.service.provider.api_logs.http.as_ref();
            let log = self.access_log(naming::HTTP_API_LOG_GROUP, "http-api", format, first);
            let stage = without_nulls(json!({
                "ApiId": {"Ref": naming::HTTP_API}, "StageName": "$default", "AutoDeploy": true, "AccessLogSettings": log,
            }));
            self.add(naming::HTTP_API_STAGE, json!({"Type": "AWS::ApiGatewayV2::Stage", "Properties": stage}), first);
            let outputs = &mut self.template.outputs;
            outputs.insert(
                "HttpApiId".into(),
                json!({"Description": "Id of the HTTP API", "Value": {"Ref": naming::HTTP_API}}),
            );
            let url = attribute(naming::HTTP_API, "ApiEndpoint");
            outputs.insert("HttpApiUrl".into(), json!({"Description": "URL of the HTTP API", "Value": url}));
        }
        self.http_api_authorizers();
        let mut seen = Vec::new();
        for (function, at, (method, path, authorizer)) in routes {
            let route_key = if path == "*" { "$default".to_string() } else { format!("{method} {path}") };
            if seen.contains(&route_key) {
                self.diagnostics.error(at, format!("the route `{route_key}` is here twice"));
                continue;
            }
            self.http_api_function(function);
            let integration = naming::http_api_integration(&function.key);
            let properties = json!({
                "ApiId": self.http_api_id(),
                "RouteKey": route_key,
                "Target": {"Fn::Join": ["/", ["integrations", {"Ref": integration}]]},
            });
            let route = json!({
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": merged(properties, self.route_authorization(authorizer, at)),
                "DependsOn": integration,
            });
            self.add(&naming::http_api_route(&route_key), route, at);
            seen.push(route_key);
        }
    }

    pub(super) fn http_api_id(&self) -> Value {
        self.service.provider.http_api.id.clone().unwrap_or_else(|| json!({"Ref": naming::HTTP_API}))
    }

    fn http_api_properties(&self, methods: &[&str]) -> Value {
        let (service, config) = (self.service, &self.service.provider.http_api);
        let name = config.name.clone().unwrap_or_else(|| match config.name_starts_with_service {
            true => format!("{}-{}", service.name, service.stage),
            false => format!("{}-{}", service.stage, service.name),
        });
        without_nulls(json!({
            "Name": name,
            "ProtocolType": "HTTP",
            "DisableExecuteApiEndpoint": config.disable_default_endpoint,
            "CorsConfiguration": config.cors.as_ref().map(|cors| cors_configuration(cors, methods)),
            "Tags": (!service.provider.tags.is_empty()).then_some(&service.provider.tags),
        }))
    }

    fn http_api_function(&mut self, function: &Function) {
        let permission = api_permission(function, self.http_api_id(), "/*");
        self.add(&naming::http_api_permission(&function.key), permission, &function.at);
        let provider_payload = self.service.provider.http_api.payload.as_ref();
        let integration = json!({
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": self.http_api_id(),
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": invoked(function),
                "PayloadFormatVersion": function.http_api_payload.as_ref().or(provider_payload).map_or("2.0", String::as_str),
                "TimeoutInMillis": TIMEOUT_MILLIS,
            },
        });
        self.add(&naming::http_api_integration(&function.key), integration, &function.at);
        if function.timeout > 30 {
            let message = format!(
                "the function `{}` may run for {} s, but an HTTP API waits for 30 s only",
                function.key, function.timeout
            );
            self.warn(&function.at, message);
        }
    }
}

fn cors_configuration(cors: &HttpApiCors, methods: &[&str]) -> Value {
    let mut used = vec!["OPTIONS"];
    for method in methods {
        let named = if *method == "ANY" { METHODS } else { std::slice::from_ref(method) };
        for method in named {
            if !used.contains(method) {
                used.push(method);
            }
        }
    }
    without_nulls(json!({
        "AllowCredentials": cors.credentials.then_some(true),
        "AllowHeaders": cors.headers.as_ref().map_or_else(|| json!(event::CORS_HEADERS), |headers| json!(headers)),
        "AllowMethods": cors.methods.as_ref().map_or_else(|| json!(used), |methods| json!(methods)),
        "AllowOrigins": cors.origins.as_ref().map_or_else(|| json!(["*"]), |origins| json!(origins)),
        "ExposeHeaders": cors.exposed_headers,
        "MaxAge": cors.max_age,
    }))
}
