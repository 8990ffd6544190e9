//! What a document says of an HTTP API: the operations that make it.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html>

use serde_json::{Map, Value, json};

use super::{AUTH_TYPE, AUTHORIZER, BasePath, Document, ENDPOINT, INTEGRATION, Operation, SIGNED, text, texts};
use crate::error::Error;
use crate::route_key;

/// What makes an API, in the order in which it is made.
#[derive(Debug)]
pub struct Plan {
    /// Members of `CreateApi`.
    pub api: Value,
    /// Members of `CreateAuthorizer`; the name is the scheme's.
    pub authorizers: Vec<Value>,
    /// Members of `CreateIntegration`, each one once.
    pub integrations: Vec<Value>,
    pub routes: Vec<Route>,
    pub warnings: Vec<String>,
}

#[derive(Debug)]
pub struct Route {
    pub key: String,
    pub operation_name: Option<String>,
    /// Its place among the integrations.
    pub integration: Option<usize>,
    /// `NONE`, `AWS_IAM`, `JWT` or `CUSTOM`.
    pub authorization: &'static str,
    /// The name of the authorizer.
    pub authorizer: Option<String>,
    pub scopes: Vec<String>,
}

/// What a scheme stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Signed,
    Jwt,
    Function,
    Ignored,
}

impl Plan {
    pub fn of(document: &Document, base: BasePath) -> Result<Plan, Error> {
        if document.is_swagger() {
            return Err(Error::bad("HTTP APIs are imported from OpenAPI 3.0 documents, not from Swagger 2.0"));
        }
        let mut plan = Plan {
            api: api(document)?,
            authorizers: Vec::new(),
            integrations: Vec::new(),
            routes: Vec::new(),
            warnings: Vec::new(),
        };
        for (name, scheme) in document.schemes().into_iter().flatten() {
            plan.scheme(name, document.resolved(scheme)?)?;
        }
        for operation in document.operations(base)? {
            plan.operation(document, &operation)?;
        }
        Ok(plan)
    }

    /// The roles that the document gives away.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.integrations.iter().filter_map(|integration| integration.get("credentialsArn")?.as_str())
    }

    fn scheme(&mut self, name: &str, scheme: &Value) -> Result<(), Error> {
        match kind(scheme) {
            Scheme::Signed => {}
            Scheme::Ignored => {
                let kind = text(scheme, "type").unwrap_or_default();
                self.warnings.push(format!("Unsupported security definition type '{kind}' for '{name}'. Ignoring."));
            }
            Scheme::Jwt | Scheme::Function => self.authorizers.push(authorizer(name, &scheme[AUTHORIZER])?),
        }
        Ok(())
    }

    fn operation(&mut self, document: &Document, operation: &Operation<'_>) -> Result<(), Error> {
        let is_default = operation.path == "/$default" || operation.value.get("isDefaultRoute") == Some(&json!(true));
        let key = match is_default {
            true => route_key::DEFAULT.to_owned(),
            false => format!("{} {}", operation.method, operation.path),
        };
        let given = operation.value.get(INTEGRATION).map(|given| document.resolved(given)).transpose()?;
        let integration = given.map(integration).map(|wanted| {
            let known = self.integrations.iter().position(|integration| *integration == wanted);
            known.unwrap_or_else(|| {
                self.integrations.push(wanted);
                self.integrations.len() - 1
            })
        });
        if integration.is_none() {
            self.warnings.push(format!("The route {key} has no {INTEGRATION}."));
        }
        self.check_responses(document, operation)?;
        let security = document.security(operation.value)?;
        if security.len() > 1 {
            self.warnings
                .push(format!("The route {key} asks for {} security schemes: the first one counts.", security.len()));
        }
        let (mut authorization, mut name, mut scopes) = ("NONE", None, Vec::new());
        if let Some((scheme, asked)) = security.into_iter().next() {
            let found = document.scheme(&scheme)?.ok_or_else(|| {
                Error::bad(format!(
                    "Errors found during import:\n\tThe security scheme '{scheme}' of {key} is not defined"
                ))
            })?;
            match kind(found) {
                Scheme::Signed => authorization = "AWS_IAM",
                Scheme::Jwt => (authorization, name, scopes) = ("JWT", Some(scheme), asked),
                Scheme::Function => (authorization, name) = ("CUSTOM", Some(scheme)),
                Scheme::Ignored => {}
            }
        }
        let operation_name = text(operation.value, "operationId");
        self.routes.push(Route { key, operation_name, integration, authorization, authorizer: name, scopes });
        Ok(())
    }

    /// Warns of responses whose schemas are references to nothing; nothing else is made of schemas.
    fn check_responses(&mut self, document: &Document, operation: &Operation<'_>) -> Result<(), Error> {
        let (path, method) = (&operation.path, operation.method.to_ascii_lowercase());
        let responses = operation.value.get("responses").and_then(Value::as_object).into_iter().flatten();
        for (status, response) in responses {
            let content = document.resolved(response)?.get("content").and_then(Value::as_object);
            let references =
                content.into_iter().flatten().filter_map(|(_, media)| media.get("schema")?.get("$ref")?.as_str());
            for missing in references.filter(|reference| document.lacks(reference)) {
                let place = format!("paths.'{path}'({method}).responses.{status}.content.schema");
                let warning = format!("Parse issue: attribute {place}.{missing} is missing");
                document.spend(warning.len())?;
                self.warnings.push(warning);
            }
        }
        Ok(())
    }
}

fn kind(scheme: &Value) -> Scheme {
    let of = scheme.get(AUTHORIZER).and_then(|authorizer| text(authorizer, "type"));
    match of.map(|kind| kind.to_ascii_lowercase()).as_deref() {
        _ if text(scheme, AUTH_TYPE).as_deref() == Some(SIGNED) => Scheme::Signed,
        Some("jwt") => Scheme::Jwt,
        Some("request") => Scheme::Function,
        _ => Scheme::Ignored,
    }
}

fn api(document: &Document) -> Result<Value, Error> {
    let name = document.info("title").filter(|title| !title.is_empty());
    let name =
        name.ok_or_else(|| Error::bad("Errors found during import:\n\tAn API's name is its document's info.title"))?;
    let mut api = Map::new();
    api.insert("name".into(), json!(name));
    api.insert("protocolType".into(), json!("HTTP"));
    for (member, value) in [("description", document.info("description")), ("version", document.info("version"))] {
        if let Some(value) = value {
            api.insert(member.into(), json!(value));
        }
    }
    if let Some(cors) = document.get("x-amazon-apigateway-cors") {
        let cors = cors.as_object().into_iter().flatten().map(|(name, value)| match name.as_str() {
            "allowOrigins" | "allowHeaders" | "allowMethods" | "exposeHeaders" => (name.clone(), json!(texts(value))),
            _ => (name.clone(), value.clone()),
        });
        api.insert("corsConfiguration".into(), Value::Object(cors.collect()));
    }
    let endpoint =
        document.get("servers").and_then(|servers| servers.get(0)?.get(ENDPOINT)).or_else(|| document.get(ENDPOINT));
    if endpoint.is_some_and(|endpoint| endpoint.get("disableExecuteApiEndpoint") == Some(&json!(true))) {
        api.insert("disableExecuteApiEndpoint".into(), json!(true));
    }
    api.insert("tags".into(), Value::Object(document.tags()));
    Ok(Value::Object(api))
}

fn authorizer(name: &str, given: &Value) -> Result<Value, Error> {
    let mut members = Map::new();
    members.insert("name".into(), json!(name));
    for (member, value) in given.as_object().into_iter().flatten() {
        let (member, value) = match member.as_str() {
            "type" => ("authorizerType", json!(super::scalar(value).unwrap_or_default().to_ascii_uppercase())),
            "identitySource" => ("identitySource", json!(texts(value))),
            "authorizerCredentials" => ("authorizerCredentialsArn", value.clone()),
            "authorizerPayloadFormatVersion" => ("authorizerPayloadFormatVersion", json!(super::scalar(value))),
            other => (other, value.clone()),
        };
        members.insert(member.to_owned(), value);
    }
    if given.get("identitySource").is_none()
        && given.get("type").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("jwt"))
    {
        members.insert("identitySource".into(), json!(["$request.header.Authorization"]));
    }
    Ok(Value::Object(members))
}

/// Members of an integration in documents, and in `CreateIntegration`.
pub const MEMBERS: [(&str, &str); 12] = [
    ("connectionId", "connectionId"),
    ("connectionType", "connectionType"),
    ("credentials", "credentialsArn"),
    ("description", "description"),
    ("httpMethod", "integrationMethod"),
    ("payloadFormatVersion", "payloadFormatVersion"),
    ("requestParameters", "requestParameters"),
    ("responseParameters", "responseParameters"),
    ("subtype", "integrationSubtype"),
    ("timeoutInMillis", "timeoutInMillis"),
    ("tlsConfig", "tlsConfig"),
    ("uri", "integrationUri"),
];

fn integration(given: &Value) -> Value {
    let mut members = Map::new();
    for (name, member) in MEMBERS {
        if let Some(value) = given.get(name) {
            // Versions are written as numbers, too.
            let value = if name == "payloadFormatVersion" { json!(super::scalar(value)) } else { value.clone() };
            members.insert(member.to_owned(), value);
        }
    }
    let kind = match text(given, "type").unwrap_or_default().to_ascii_uppercase().as_str() {
        // What REST APIs tell apart, HTTP APIs do not.
        "HTTP" => "HTTP_PROXY".to_owned(),
        "AWS" => "AWS_PROXY".to_owned(),
        other => other.to_owned(),
    };
    if kind == "AWS_PROXY" && !members.contains_key("payloadFormatVersion") {
        members.insert("payloadFormatVersion".into(), json!("1.0"));
    }
    members.insert("integrationType".into(), json!(kind));
    // What operations take one form of only: an operation has no method of its own.
    if members.contains_key("integrationSubtype") {
        members.remove("integrationMethod");
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r"
openapi: 3.0.1
info: {title: pets, version: 2024-01-01}
x-amazon-apigateway-cors: {allowOrigins: ['*'], allowMethods: GET, maxAge: 5}
components:
  securitySchemes:
    users:
      type: oauth2
      x-amazon-apigateway-authorizer: {type: jwt, jwtConfiguration: {issuer: 'https://i', audience: [a]}}
    signed: {type: apiKey, name: Authorization, in: header, x-amazon-apigateway-authtype: awsSigv4}
    other: {type: http}
  x-amazon-apigateway-integrations:
    backend: {type: http_proxy, httpMethod: ANY, uri: 'http://h/{proxy}', payloadFormatVersion: 1.0}
paths:
  /$default:
    x-amazon-apigateway-any-method:
      isDefaultRoute: true
      x-amazon-apigateway-integration: {$ref: '#/components/x-amazon-apigateway-integrations/backend'}
  /pets/{id}:
    get:
      operationId: getPet
      security: [{users: [read]}]
      x-amazon-apigateway-integration: {$ref: '#/components/x-amazon-apigateway-integrations/backend'}
    delete:
      security: [{signed: []}]
      x-amazon-apigateway-integration: {type: aws_proxy, subtype: SQS-SendMessage, credentials: 'arn:r', requestParameters: {QueueUrl: q}}
    put: {}
";

    #[test]
    fn a_document_is_what_makes_an_api() {
        let plan = Plan::of(&Document::parse(TEXT).unwrap(), BasePath::Ignore).unwrap();
        assert_eq!(plan.api["name"], "pets");
        assert_eq!(plan.api["corsConfiguration"], json!({"allowOrigins": ["*"], "allowMethods": ["GET"], "maxAge": 5}));
        assert_eq!(plan.authorizers[0]["authorizerType"], "JWT");
        assert_eq!(plan.authorizers[0]["identitySource"], json!(["$request.header.Authorization"]));
        assert_eq!(plan.integrations.len(), 2, "one that two routes share is one");
        assert_eq!(plan.integrations[0]["payloadFormatVersion"], "1.0");
        assert_eq!(plan.roles().collect::<Vec<_>>(), ["arn:r"]);
        let routes: Vec<_> = plan.routes.iter().map(|r| (r.key.as_str(), r.authorization, r.integration)).collect();
        let expected = [
            ("$default", "NONE", Some(0)),
            ("DELETE /pets/{id}", "AWS_IAM", Some(1)),
            ("GET /pets/{id}", "JWT", Some(0)),
            ("PUT /pets/{id}", "NONE", None),
        ];
        assert_eq!(routes, expected);
        assert_eq!(plan.routes[2].scopes, ["read"]);
        let warnings = [
            "Unsupported security definition type 'http' for 'other'. Ignoring.",
            "The route PUT /pets/{id} has no x-amazon-apigateway-integration.",
        ];
        assert_eq!(plan.warnings, warnings);
        let missing = "openapi: 3.0.0\ninfo: {title: t}\ncomponents: {schemas: {Pet: {type: object}}}\npaths: {/a: {get: {responses: {\
            200: {content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}, \
            404: {content: {application/json: {schema: {$ref: '#/components/schemas/None'}}}}}, \
            x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: 'http://h'}}}}";
        let plan = Plan::of(&Document::parse(missing).unwrap(), BasePath::Ignore).unwrap();
        let warning =
            "Parse issue: attribute paths.'/a'(get).responses.404.content.schema.#/components/schemas/None is missing";
        assert_eq!(plan.warnings, [warning]);
        let unknown = "openapi: 3.0.0\ninfo: {title: t}\npaths: {/a: {get: {security: [{none: []}]}}}";
        assert!(Plan::of(&Document::parse(unknown).unwrap(), BasePath::Ignore).is_err());
    }
}
