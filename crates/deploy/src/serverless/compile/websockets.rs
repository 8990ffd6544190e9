//! `websocket` events: one WebSocket API, a route an event, an integration and a permission a function, and a deployment.

use serde_json::{Map, Value, json};

use super::authorizers::{invocations, merged};
use super::functions::digest;
use super::{Compiler, api_permission, api_permission_for, attribute, invoked, without_nulls};
use crate::diagnostic::At;
use crate::serverless::config::{EventSource, Function, WebSocket, WebSocketAuthorizer};
use crate::serverless::naming;

/// The only way in which a route can answer.
const ANSWERS: &str = "$default";

impl Compiler<'_> {
    pub(super) fn websockets(&mut self) {
        let events = self.events(|source| match source {
            EventSource::WebSocket(event) => Some(event),
            _ => None,
        });
        let Some((_, first, _)) = events.first() else { return };
        let (first, config) = (*first, &self.service.provider.websockets);
        let name =
            config.name.clone().unwrap_or_else(|| format!("{}-{}-websockets", self.service.stage, self.service.name));
        let properties = json!({
            "Name": name,
            "RouteSelectionExpression": config.route_selection,
            "Description": config.description,
            "ProtocolType": "WEBSOCKET",
        });
        self.add(naming::WEBSOCKETS_API, json!({"Type": "AWS::ApiGatewayV2::Api", "Properties": properties}), first);
        self.allow(json!({
            "Effect": "Allow",
            "Action": ["execute-api:ManageConnections"],
            "Resource": [{"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":execute-api:*:*:*/@connections/*"]]}],
        }));
        let mut routes = Vec::new();
        for (function, at, event) in events {
            let route = naming::websockets_route(&event.route);
            if routes.contains(&route) {
                self.diagnostics.error(at, format!("the route `{}` is here twice", event.route));
                continue;
            }
            self.websocket_function(function);
            self.websocket_route(function, event, at, &mut routes);
        }
        self.websockets_stage(&routes, first);
    }

    fn websocket_function(&mut self, function: &Function) {
        let api = json!({"Ref": naming::WEBSOCKETS_API});
        let permission = api_permission(function, api.clone(), "/*");
        self.add(&naming::websockets_permission(&function.key), permission, &function.at);
        let properties =
            json!({"ApiId": api, "IntegrationType": "AWS_PROXY", "IntegrationUri": invocations(invoked(function))});
        let integration = json!({"Type": "AWS::ApiGatewayV2::Integration", "Properties": properties});
        self.add(&naming::websockets_integration(&function.key), integration, &function.at);
    }

    /// `made` gets what a deployment waits for.
    fn websocket_route(&mut self, function: &Function, event: &WebSocket, at: &At, made: &mut Vec<String>) {
        let (api, id) = (json!({"Ref": naming::WEBSOCKETS_API}), naming::websockets_route(&event.route));
        let integration = naming::websockets_integration(&function.key);
        let properties = without_nulls(json!({
            "ApiId": api,
            "RouteKey": event.route,
            "AuthorizationType": "NONE",
            "RouteResponseSelectionExpression": event.answers.then_some(ANSWERS),
            "Target": {"Fn::Join": ["/", ["integrations", {"Ref": integration}]]},
        }));
        let properties = merged(properties, self.websocket_authorization(event.authorizer.as_ref(), at));
        self.add(&id, json!({"Type": "AWS::ApiGatewayV2::Route", "Properties": properties}), at);
        if event.answers {
            let response = naming::websockets_route_response(&event.route);
            let properties = json!({"ApiId": api, "RouteId": {"Ref": id}, "RouteResponseKey": ANSWERS});
            self.add(&response, json!({"Type": "AWS::ApiGatewayV2::RouteResponse", "Properties": properties}), at);
            made.push(response);
        }
        made.push(id);
    }

    fn websocket_authorization(&mut self, authorizer: Option<&WebSocketAuthorizer>, at: &At) -> Value {
        let (name, function, identity_sources) = match authorizer {
            None => return json!({}),
            Some(WebSocketAuthorizer::Iam) => return json!({"AuthorizationType": "AWS_IAM"}),
            Some(WebSocketAuthorizer::Own { name, function, identity_sources }) => (name, function, identity_sources),
        };
        let Some(function) = self.decider(function, at) else { return json!({}) };
        let api = json!({"Ref": naming::WEBSOCKETS_API});
        let permission = api_permission_for(function.clone(), api.clone(), "/*");
        self.add(&naming::websockets_permission(name), permission, at);
        let id = naming::websockets_authorizer(name);
        let properties = json!({
            "ApiId": api,
            "Name": name,
            "AuthorizerType": "REQUEST",
            "AuthorizerUri": invocations(function),
            "IdentitySource": identity_sources,
        });
        self.add(&id, json!({"Type": "AWS::ApiGatewayV2::Authorizer", "Properties": properties}), at);
        json!({"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": id}})
    }

    /// A deployment is a picture of the API when it was made, so a changed API needs another one: its logical id
    /// changes with the API.
    fn websockets_stage(&mut self, made: &[String], at: &At) {
        let (stage, description) = (&self.service.stage, &self.service.provider.websockets.description);
        let api = json!({"Ref": naming::WEBSOCKETS_API});
        let of_the_api = |id: &str, resource: &Value| {
            id == naming::WEBSOCKETS_API || resource.pointer("/Properties/ApiId") == Some(&api)
        };
        let resources = self.template.resources.iter().filter(|(id, resource)| of_the_api(id, resource));
        let parts: Map<String, Value> = resources.map(|(id, resource)| (id.clone(), resource.clone())).collect();
        let deployment = naming::websockets_deployment(&digest(&[&Value::Object(parts)]));
        let resource = json!({
            "Type": "AWS::ApiGatewayV2::Deployment",
            "Properties": {"ApiId": api, "Description": description},
            "DependsOn": made,
        });
        self.add(&deployment, resource, at);
        let format = self.service.provider.api_logs.websocket.as_ref();
        let properties = without_nulls(json!({
            "ApiId": api,
            "DeploymentId": {"Ref": deployment},
            "StageName": stage,
            "Description": description,
            "AccessLogSettings": self.access_log(naming::WEBSOCKETS_LOG_GROUP, "websocket", format, at),
        }));
        self.add(naming::WEBSOCKETS_STAGE, json!({"Type": "AWS::ApiGatewayV2::Stage", "Properties": properties}), at);
        let url = json!({"Fn::Join": ["", [attribute(naming::WEBSOCKETS_API, "ApiEndpoint"), "/", stage]]});
        let output = json!({"Description": "URL of the service endpoint", "Value": url});
        self.template.outputs.insert("ServiceEndpointWebsocket".into(), output);
    }
}
