//! Authorizers of the two APIs, with the permissions to invoke their functions.

use serde_json::{Value, json};

use super::{Compiler, api_permission_for, invoked, without_nulls};
use crate::diagnostic::At;
use crate::serverless::config::{
    AuthorizerFunction, HttpApiAuthorizer, HttpApiAuthorizerKind, MethodAuthorizer, OwnAuthorizer, RouteAuthorizer,
};
use crate::serverless::naming;

impl Compiler<'_> {
    /// The authorizers of the HTTP API, used or not.
    pub(super) fn http_api_authorizers(&mut self) {
        for authorizer in &self.service.provider.http_api.authorizers {
            if self.service.provider.http_api.id.is_some() {
                self.diagnostics.error(
                    &authorizer.at,
                    "an API that is made elsewhere has its authorizers there: name one by its `id`",
                );
                continue;
            }
            let Some(properties) = self.http_api_authorizer(authorizer) else { continue };
            let resource = json!({"Type": "AWS::ApiGatewayV2::Authorizer", "Properties": properties});
            self.add(&naming::http_api_authorizer(&authorizer.name), resource, &authorizer.at);
        }
    }

    fn http_api_authorizer(&mut self, authorizer: &HttpApiAuthorizer) -> Option<Value> {
        let common = json!({
            "ApiId": self.http_api_id(),
            "Name": authorizer.name,
            "IdentitySource": authorizer.identity_sources,
        });
        let own = match &authorizer.kind {
            HttpApiAuthorizerKind::Jwt { issuer, audience } => json!({
                "AuthorizerType": "JWT",
                "JwtConfiguration": {"Audience": audience, "Issuer": issuer},
            }),
            HttpApiAuthorizerKind::Request { function, ttl, simple, payload, managed_externally } => {
                let function = self.decider(function, &authorizer.at)?;
                if !managed_externally {
                    let permission = api_permission_for(function.clone(), self.http_api_id(), "/*");
                    self.add(&naming::http_api_authorizer_permission(&authorizer.name), permission, &authorizer.at);
                }
                json!({
                    "AuthorizerType": "REQUEST",
                    "EnableSimpleResponses": simple,
                    "AuthorizerResultTtlInSeconds": ttl,
                    "AuthorizerPayloadFormatVersion": payload,
                    "AuthorizerUri": invocations(function),
                })
            }
        };
        Some(without_nulls(merged(common, own)))
    }

    /// What closes a route, of the properties of a route.
    pub(super) fn route_authorization(&mut self, authorizer: Option<&RouteAuthorizer>, at: &At) -> Value {
        let closed = |kind: &str, id: Value, scopes: &[String]| {
            let scopes = (!scopes.is_empty()).then_some(scopes);
            without_nulls(json!({"AuthorizationType": kind, "AuthorizerId": id, "AuthorizationScopes": scopes}))
        };
        match authorizer {
            None => json!({}),
            Some(RouteAuthorizer::Iam) => json!({"AuthorizationType": "AWS_IAM"}),
            Some(RouteAuthorizer::Existing { kind, id, scopes }) => {
                if self.service.provider.http_api.id.is_none() {
                    let message =
                        "an authorizer with an `id` belongs to an API that is made elsewhere (`provider.httpApi.id`)";
                    self.diagnostics.error(at, message);
                }
                closed(kind, id.clone(), scopes)
            }
            Some(RouteAuthorizer::Named { name, scopes }) => {
                let authorizers = &self.service.provider.http_api.authorizers;
                let Some(found) = authorizers.iter().find(|authorizer| authorizer.key == *name) else {
                    self.diagnostics.error(at, format!("`provider.httpApi.authorizers` has no `{name}`"));
                    return json!({});
                };
                let kind = match found.kind {
                    HttpApiAuthorizerKind::Jwt { .. } => "JWT",
                    HttpApiAuthorizerKind::Request { .. } => "CUSTOM",
                };
                closed(kind, json!({"Ref": naming::http_api_authorizer(&found.name)}), scopes)
            }
        }
    }

    /// What closes a method, of the properties of a method, and the resource that has to be there before.
    pub(super) fn method_authorization(
        &mut self,
        authorizer: Option<&MethodAuthorizer>,
        at: &At,
    ) -> (Value, Option<String>) {
        match authorizer {
            None => (json!({"AuthorizationType": "NONE"}), None),
            Some(MethodAuthorizer::Iam) => (json!({"AuthorizationType": "AWS_IAM"}), None),
            Some(MethodAuthorizer::Existing { kind, id, scopes }) => {
                let scopes = (kind == "COGNITO_USER_POOLS" && !scopes.is_empty()).then_some(scopes);
                let closed = json!({"AuthorizationType": kind, "AuthorizerId": id, "AuthorizationScopes": scopes});
                (without_nulls(closed), None)
            }
            Some(MethodAuthorizer::Own(own)) => {
                let of_pools = own.kind == "COGNITO_USER_POOLS";
                let id = self.rest_authorizer(own, of_pools, at);
                let scopes = (of_pools && !own.scopes.is_empty()).then_some(&own.scopes);
                let closed = json!({
                    "AuthorizationType": if of_pools { "COGNITO_USER_POOLS" } else { "CUSTOM" },
                    "AuthorizerId": {"Ref": id},
                    "AuthorizationScopes": scopes,
                });
                (without_nulls(closed), Some(id))
            }
        }
    }

    fn rest_authorizer(&mut self, own: &OwnAuthorizer, of_pools: bool, at: &At) -> String {
        let api = json!({"Ref": naming::REST_API});
        let common = json!({
            "RestApiId": api,
            "Name": own.name,
            "Type": own.kind,
            "AuthorizerResultTtlInSeconds": own.ttl,
            "IdentitySource": own.identity_source,
            "IdentityValidationExpression": own.validation,
        });
        let id = naming::rest_authorizer(&own.name);
        let own_members = match &own.function {
            AuthorizerFunction::Arn(arn) if of_pools => json!({"ProviderARNs": [arn]}),
            function => {
                let Some(function) = self.decider(function, at) else { return id };
                if !own.managed_externally {
                    let permission = api_permission_for(function.clone(), api, "/*/*");
                    self.add(&naming::rest_permission(&own.name), permission, at);
                }
                json!({"AuthorizerUri": invocations(function)})
            }
        };
        let properties = without_nulls(merged(common, own_members));
        self.add(&id, json!({"Type": "AWS::ApiGateway::Authorizer", "Properties": properties}), at);
        id
    }

    /// The function that decides, as other resources name it.
    pub(super) fn decider(&mut self, function: &AuthorizerFunction, at: &At) -> Option<Value> {
        match function {
            AuthorizerFunction::Arn(arn) => Some(arn.clone()),
            AuthorizerFunction::Key(key) => {
                let found = self.service.functions.iter().find(|function| function.key == *key).map(invoked);
                if found.is_none() {
                    self.diagnostics.error(at, format!("the service has no function `{key}` to be an authorizer"));
                }
                found
            }
        }
    }
}

/// The URI under which an API invokes a function.
pub(super) fn invocations(function: Value) -> Value {
    let uri = [
        json!("arn:"),
        json!({"Ref": "AWS::Partition"}),
        json!(":apigateway:"),
        json!({"Ref": "AWS::Region"}),
        json!(":lambda:path/2015-03-31/functions/"),
        function,
        json!("/invocations"),
    ];
    json!({"Fn::Join": ["", uri]})
}

/// One object's members, and the other's.
pub(super) fn merged(mut one: Value, other: Value) -> Value {
    if let (Some(one), Value::Object(other)) = (one.as_object_mut(), other) {
        one.extend(other);
    }
    one
}
