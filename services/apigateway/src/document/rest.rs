//! What a document says of a REST API: the operations that make it.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-import-api.html>

use serde_json::{Map, Value, json};

use super::documentation::listed;
use super::{AUTH_TYPE, AUTHORIZER, BasePath, Document, ENDPOINT, INTEGRATION, Operation, SIGNED, text, texts};
use crate::error::Error;

/// The header that API keys are in.
const KEY_HEADER: &str = "x-api-key";
pub const BINARY_TYPES: &str = "x-amazon-apigateway-binary-media-types";
pub const COMPRESSION: &str = "x-amazon-apigateway-minimum-compression-size";
pub const GATEWAY_RESPONSES: &str = "x-amazon-apigateway-gateway-responses";
pub const KEY_SOURCE: &str = "x-amazon-apigateway-api-key-source";
pub const POLICY: &str = "x-amazon-apigateway-policy";
pub const VALIDATOR: &str = "x-amazon-apigateway-request-validator";
pub const VALIDATORS: &str = "x-amazon-apigateway-request-validators";

/// What makes an API, in the order in which it is made.
#[derive(Debug)]
pub struct Plan {
    /// Members of `CreateRestApi`.
    pub api: Value,
    /// Schemas by the names of their models.
    pub models: Vec<(String, Value)>,
    /// Members of `CreateRequestValidator`.
    pub validators: Vec<Value>,
    /// Members of `PutGatewayResponse`.
    pub gateway_responses: Vec<Value>,
    /// Members of `CreateAuthorizer`; the name is the scheme's.
    pub authorizers: Vec<Value>,
    pub methods: Vec<Method>,
    /// What is said of the parts, as the document has it; nothing where it is to be ignored.
    pub documentation: Option<Vec<Value>>,
    pub warnings: Vec<String>,
}

#[derive(Debug)]
pub struct Method {
    pub path: String,
    pub http_method: &'static str,
    /// Members of `PutMethod`.
    pub method: Value,
    /// The name of the authorizer, and of the validator.
    pub authorizer: Option<String>,
    pub validator: Option<String>,
    /// Members of `PutMethodResponse`.
    pub responses: Vec<Value>,
    /// Members of `PutIntegration`.
    pub integration: Option<Value>,
    /// Members of `PutIntegrationResponse`.
    pub integration_responses: Vec<Value>,
}

/// What a scheme stands for.
enum Scheme {
    Key,
    Signed,
    Authorizer,
    Ignored,
}

impl Plan {
    pub fn of(document: &Document, base: BasePath) -> Result<Plan, Error> {
        let mut plan = Plan {
            api: api(document)?,
            models: models(document),
            validators: validators(document),
            gateway_responses: gateway_responses(document),
            authorizers: Vec::new(),
            methods: Vec::new(),
            documentation: Some(listed(document)),
            warnings: Vec::new(),
        };
        for (name, scheme) in document.schemes().into_iter().flatten() {
            let scheme = document.resolved(scheme)?;
            match kind(scheme) {
                Scheme::Key | Scheme::Signed => {}
                Scheme::Authorizer => plan.authorizers.push(authorizer(name, scheme)),
                Scheme::Ignored => {
                    let kind = text(scheme, "type").unwrap_or_default();
                    plan.warnings
                        .push(format!("Unsupported security definition type '{kind}' for '{name}'. Ignoring."));
                }
            }
        }
        for operation in document.operations(base)? {
            let method = plan.method(document, &operation)?;
            plan.methods.push(method);
        }
        Ok(plan)
    }

    /// The roles that the document gives away.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.methods.iter().filter_map(|method| method.integration.as_ref()?.get("credentials")?.as_str())
    }

    fn method(&mut self, document: &Document, operation: &Operation<'_>) -> Result<Method, Error> {
        let value = operation.value;
        let mut method = json!({"authorizationType": "NONE", "apiKeyRequired": false});
        if let Some(name) = text(value, "operationId") {
            method["operationName"] = json!(name);
        }
        let (parameters, models) = requests(document, operation)?;
        method["requestParameters"] = Value::Object(parameters);
        method["requestModels"] = Value::Object(models);
        let authorizer = self.security(document, operation, &mut method)?;
        let given = value.get(INTEGRATION).map(|given| document.resolved(given)).transpose()?;
        let whole = format!("{} {}", operation.method, operation.path);
        let responses = value.get("responses").and_then(Value::as_object).into_iter().flatten();
        let mut answers = Vec::new();
        for (status, response) in responses {
            match status.parse::<u16>() {
                Ok(_) => answers.push(response_of(document, value, status, document.resolved(response)?)?),
                Err(_) => {
                    document.spend(whole.len())?;
                    self.warnings
                        .push(format!("The response '{status}' of {whole} has no status code of its own. Ignoring."));
                }
            }
        }
        let validator = match text(value, VALIDATOR) {
            Some(own) => Some(own),
            None => document.shared(VALIDATOR)?.and_then(super::scalar),
        };
        let integration = given.map(integration);
        let integration_responses = given.map(integration_responses).unwrap_or_default();
        for why in broken_templates(integration.iter().chain(&integration_responses)) {
            document.spend(whole.len())?;
            self.warnings.push(format!("A mapping template of {whole} fails: {why}"));
        }
        Ok(Method {
            path: operation.path.clone(),
            http_method: operation.method,
            method,
            authorizer,
            validator,
            responses: answers,
            integration,
            integration_responses,
        })
    }

    /// Who may use a method; the name of its authorizer.
    fn security(
        &mut self,
        document: &Document,
        operation: &Operation<'_>,
        method: &mut Value,
    ) -> Result<Option<String>, Error> {
        let mut authorizer = None;
        for (name, scopes) in document.security(operation.value)? {
            let scheme = document.scheme(&name)?.ok_or_else(|| {
                let (method, path) = (operation.method, &operation.path);
                Error::bad(format!(
                    "Errors found during import:\n\tThe security scheme '{name}' of {method} {path} is not defined"
                ))
            })?;
            match kind(scheme) {
                Scheme::Key => method["apiKeyRequired"] = json!(true),
                Scheme::Signed => method["authorizationType"] = json!("AWS_IAM"),
                Scheme::Authorizer if authorizer.is_none() => {
                    let is_pool = scheme[AUTHORIZER]["type"]
                        .as_str()
                        .is_some_and(|kind| kind.eq_ignore_ascii_case("cognito_user_pools"));
                    method["authorizationType"] = json!(if is_pool { "COGNITO_USER_POOLS" } else { "CUSTOM" });
                    method["authorizationScopes"] = json!(scopes);
                    authorizer = Some(name);
                }
                Scheme::Authorizer | Scheme::Ignored => {}
            }
        }
        let said = operation.value.get("x-amazon-apigateway-auth").and_then(|auth| text(auth, "type"));
        if said.is_some_and(|kind| kind.eq_ignore_ascii_case("AWS_IAM")) {
            method["authorizationType"] = json!("AWS_IAM");
        }
        Ok(authorizer)
    }
}

fn kind(scheme: &Value) -> Scheme {
    if scheme.get(AUTHORIZER).is_some() {
        return Scheme::Authorizer;
    }
    let is_key = text(scheme, "type").as_deref() == Some("apiKey");
    let is_key_header = text(scheme, "name").is_some_and(|name| name.eq_ignore_ascii_case(KEY_HEADER));
    match text(scheme, AUTH_TYPE).as_deref() {
        Some(SIGNED) => Scheme::Signed,
        _ if is_key && is_key_header => Scheme::Key,
        _ => Scheme::Ignored,
    }
}

fn api(document: &Document) -> Result<Value, Error> {
    let name = document.info("title").filter(|title| !title.is_empty());
    let name =
        name.ok_or_else(|| Error::bad("Errors found during import:\n\tAn API's name is its document's info.title"))?;
    let mut api = json!({ "name": name });
    for member in ["description", "version"] {
        if let Some(value) = document.info(member).filter(|text| !text.is_empty()) {
            api[member] = json!(value);
        }
    }
    for (extension, member) in
        [(BINARY_TYPES, "binaryMediaTypes"), (COMPRESSION, "minimumCompressionSize"), (KEY_SOURCE, "apiKeySource")]
    {
        if let Some(value) = document.get(extension) {
            api[member] = value.clone();
        }
    }
    if let Some(policy) = document.get(POLICY) {
        api["policy"] = json!(policy.to_string());
    }
    let endpoint =
        document.get("servers").and_then(|servers| servers.get(0)?.get(ENDPOINT)).or_else(|| document.get(ENDPOINT));
    if let Some(endpoint) = endpoint {
        if let Some(disabled) = endpoint.get("disableExecuteApiEndpoint") {
            api["disableExecuteApiEndpoint"] = disabled.clone();
        }
        for member in ["types", "ipAddressType"] {
            if let Some(value) = endpoint.get(member) {
                api["endpointConfiguration"][member] = value.clone();
            }
        }
    }
    api["tags"] = Value::Object(document.tags());
    Ok(api)
}

fn models(document: &Document) -> Vec<(String, Value)> {
    let schemas = match document.is_swagger() {
        true => document.get("definitions"),
        false => document.get("components").and_then(|components| components.get("schemas")),
    };
    let schemas = schemas.and_then(Value::as_object).into_iter().flatten();
    schemas.map(|(name, schema)| (model_name(name), schema.clone())).collect()
}

/// Models have names of letters and digits.
fn model_name(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// The model that a schema refers to.
fn model_of(schema: &Value) -> Option<String> {
    let name = schema.get("$ref")?.as_str()?;
    name.rsplit('/').next().map(model_name)
}

fn validators(document: &Document) -> Vec<Value> {
    let all = document.get(VALIDATORS).and_then(Value::as_object).into_iter().flatten();
    all.map(|(name, validator)| {
        let flag = |member: &str| validator.get(member).cloned().unwrap_or(json!(false));
        let (body, parameters) = (flag("validateRequestBody"), flag("validateRequestParameters"));
        json!({"name": name, "validateRequestBody": body, "validateRequestParameters": parameters})
    })
    .collect()
}

fn gateway_responses(document: &Document) -> Vec<Value> {
    let all = document.get(GATEWAY_RESPONSES).and_then(Value::as_object).into_iter().flatten();
    all.map(|(kind, response)| {
        let mut members = json!({ "responseType": kind });
        if let Some(status) = text(response, "statusCode") {
            members["statusCode"] = json!(status);
        }
        for member in ["responseParameters", "responseTemplates"] {
            if let Some(value) = response.get(member) {
                members[member] = value.clone();
            }
        }
        members
    })
    .collect()
}

fn authorizer(name: &str, scheme: &Value) -> Value {
    let given = &scheme[AUTHORIZER];
    let mut members = Map::new();
    members.insert("name".into(), json!(name));
    if let Some(kind) = text(scheme, AUTH_TYPE) {
        members.insert("authType".into(), json!(kind));
    }
    for (member, value) in given.as_object().into_iter().flatten() {
        let value = match member.as_str() {
            "type" => json!(super::scalar(value).unwrap_or_default().to_ascii_uppercase()),
            _ => value.clone(),
        };
        members.insert(member.clone(), value);
    }
    // The header that a token is in is the scheme's.
    if given.get("identitySource").is_none()
        && let Some(header) = text(scheme, "name").filter(|_| text(scheme, "in").as_deref() == Some("header"))
        && members.get("type") != Some(&json!("REQUEST"))
    {
        members.insert("identitySource".into(), json!(format!("method.request.header.{header}")));
    }
    Value::Object(members)
}

type Members = Map<String, Value>;

/// The parameters that a method has, each with whether it is required, and the models of its body by media type.
///
/// # Errors
/// As of [`Document::resolved`].
fn requests(document: &Document, operation: &Operation<'_>) -> Result<(Members, Members), Error> {
    let (mut parameters, mut models) = (Map::new(), Map::new());
    let all = [operation.item, operation.value].into_iter().filter_map(|value| value.get("parameters")?.as_array());
    for parameter in all.flatten() {
        let parameter = document.resolved(parameter)?;
        let (name, place) = (text(parameter, "name").unwrap_or_default(), text(parameter, "in").unwrap_or_default());
        let required = parameter.get("required") == Some(&json!(true));
        let place = match place.as_str() {
            "path" => "path",
            "query" => "querystring",
            "header" => "header",
            "body" => {
                if let Some(model) = parameter.get("schema").and_then(model_of) {
                    let consumed = match operation.value.get("consumes") {
                        Some(own) => Some(own),
                        None => document.shared("consumes")?,
                    };
                    for kind in kinds(consumed) {
                        models.insert(kind, json!(model));
                    }
                }
                continue;
            }
            _ => continue,
        };
        parameters.insert(format!("method.request.{place}.{name}"), json!(required));
    }
    let body = operation.value.get("requestBody").map(|body| document.resolved(body)).transpose()?;
    for (kind, content) in body.and_then(|body| body.get("content")?.as_object()).into_iter().flatten() {
        if let Some(model) = content.get("schema").and_then(model_of) {
            models.insert(kind.clone(), json!(model));
        }
    }
    // The path's variables are parameters, whether the document says so or not.
    let variables = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    for name in variables.map(|name| name.strip_suffix('+').unwrap_or(name)) {
        parameters.entry(format!("method.request.path.{name}")).or_insert(json!(true));
    }
    Ok((parameters, models))
}

/// Media types, as what Swagger consumes and produces.
fn kinds(given: Option<&Value>) -> Vec<String> {
    let given = given.map(texts).filter(|list| !list.is_empty());
    given.unwrap_or_else(|| vec!["application/json".into()])
}

fn response_of(document: &Document, operation: &Value, status: &str, response: &Value) -> Result<Value, Error> {
    let (mut parameters, mut models) = (Map::new(), Map::new());
    for name in response.get("headers").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name) {
        parameters.insert(format!("method.response.header.{name}"), json!(false));
    }
    for (kind, content) in response.get("content").and_then(Value::as_object).into_iter().flatten() {
        if let Some(model) = content.get("schema").and_then(model_of) {
            models.insert(kind.clone(), json!(model));
        }
    }
    if let Some(model) = response.get("schema").and_then(model_of) {
        let produced = match operation.get("produces") {
            Some(own) => Some(own),
            None => document.shared("produces")?,
        };
        for kind in kinds(produced) {
            models.insert(kind, json!(model));
        }
    }
    Ok(json!({"statusCode": status, "responseParameters": parameters, "responseModels": models}))
}

/// Members of an integration that are called the same in documents and operations.
pub const SAME: [&str; 11] = [
    "cacheKeyParameters",
    "cacheNamespace",
    "connectionId",
    "contentHandling",
    "credentials",
    "requestParameters",
    "requestTemplates",
    "responseTransferMode",
    "timeoutInMillis",
    "tlsConfig",
    "uri",
];
/// Members whose words are in capital letters in operations, however documents write them.
const WORDS: [&str; 3] = ["contentHandling", "connectionType", "passthroughBehavior"];

fn upper(value: &Value) -> Value {
    value.as_str().map_or_else(|| value.clone(), |text| json!(text.to_ascii_uppercase()))
}

fn integration(given: &Value) -> Value {
    let mut members = Map::new();
    members.insert("type".into(), json!(text(given, "type").unwrap_or_default().to_ascii_uppercase()));
    if let Some(method) = text(given, "httpMethod") {
        members.insert("integrationHttpMethod".into(), json!(method.to_ascii_uppercase()));
    }
    for name in SAME.iter().chain(&["connectionType", "passthroughBehavior"]) {
        if let Some(value) = given.get(*name).filter(|value| !value.is_null()) {
            let value = match *name {
                "requestParameters" => mappings(value),
                name if WORDS.contains(&name) => upper(value),
                _ => value.clone(),
            };
            members.insert((*name).to_owned(), value);
        }
    }
    Value::Object(members)
}

/// Where values come from, by where they go. What is no text, as a `true` in YAML, AWS leaves out.
fn mappings(given: &Value) -> Value {
    let mut mappings = given.clone();
    if let Some(all) = mappings.as_object_mut() {
        all.retain(|_, source| source.is_string());
    }
    mappings
}

/// What is wrong with templates of an integration and its answers.
fn broken_templates<'v>(parts: impl Iterator<Item = &'v Value>) -> Vec<String> {
    let templates = parts.flat_map(|part| ["requestTemplates", "responseTemplates"].map(|name| part.get(name)));
    let texts = templates.flatten().filter_map(Value::as_object).flat_map(Map::values).filter_map(Value::as_str);
    texts.filter_map(|text| vtl::Template::parse(text).err()).map(|error| error.to_string()).collect()
}

/// Templates, of which empty ones are null in documents: members of inputs that are null are not there.
fn templates(given: &Value) -> Value {
    let all = given.as_object().into_iter().flatten();
    let text = |value: &Value| if value.is_null() { json!("") } else { value.clone() };
    Value::Object(all.map(|(kind, value)| (kind.clone(), text(value))).collect())
}

/// The answers of an integration, which documents have by their selection patterns.
fn integration_responses(given: &Value) -> Vec<Value> {
    let all = given.get("responses").and_then(Value::as_object).into_iter().flatten();
    all.map(|(pattern, response)| {
        let mut members = json!({"statusCode": text(response, "statusCode").unwrap_or_default()});
        if pattern != "default" {
            members["selectionPattern"] = json!(pattern);
        }
        for name in ["contentHandling", "responseParameters", "responseTemplates"] {
            if let Some(value) = response.get(name).filter(|value| !value.is_null()) {
                members[name] = match name {
                    "contentHandling" => upper(value),
                    "responseTemplates" => templates(value),
                    "responseParameters" => mappings(value),
                    _ => value.clone(),
                };
            }
        }
        members
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r"
swagger: '2.0'
info: {title: pets, version: '1'}
basePath: /dev/v1
consumes: [application/json]
x-amazon-apigateway-binary-media-types: [image/png]
securityDefinitions:
  api_key: {type: apiKey, name: x-api-key, in: header}
  judge:
    type: apiKey
    name: X-Who
    in: header
    x-amazon-apigateway-authtype: custom
    x-amazon-apigateway-authorizer: {type: token, authorizerUri: 'arn:f', authorizerResultTtlInSeconds: 60}
definitions:
  Pet: {type: object}
paths:
  /pets/{id}:
    parameters: [{name: id, in: path, required: true, type: string}]
    post:
      operationId: makePet
      security: [{judge: [], api_key: []}]
      parameters: [{name: b, in: body, schema: {$ref: '#/definitions/Pet'}}, {name: q, in: query}]
      responses:
        200: {description: ok, headers: {X-A: {type: string}}, schema: {$ref: '#/definitions/Pet'}}
        default: {description: else}
      x-amazon-apigateway-integration:
        type: mock
        passthroughBehavior: when_no_match
        requestTemplates: {application/json: '{statusCode: 200}'}
        responses:
          default: {statusCode: 200, responseParameters: {method.response.header.X-A: '''a'''}}
          4\d\d: {statusCode: 400}
";

    #[test]
    fn a_document_is_what_makes_an_api() {
        let document = Document::parse(TEXT).unwrap();
        let plan = Plan::of(&document, BasePath::Split).unwrap();
        assert_eq!((&plan.api["name"], &plan.api["binaryMediaTypes"]), (&json!("pets"), &json!(["image/png"])));
        assert_eq!(plan.models, [("Pet".to_owned(), json!({"type": "object"}))]);
        assert_eq!(plan.authorizers[0]["identitySource"], "method.request.header.X-Who");
        assert_eq!(
            (&plan.authorizers[0]["type"], &plan.authorizers[0]["authType"]),
            (&json!("TOKEN"), &json!("custom"))
        );
        let [method] = plan.methods.as_slice() else { panic!("one method") };
        assert_eq!(
            (method.path.as_str(), method.http_method, method.authorizer.as_deref()),
            ("/v1/pets/{id}", "POST", Some("judge"))
        );
        let expected = json!({
            "authorizationType": "CUSTOM", "apiKeyRequired": true, "operationName": "makePet", "authorizationScopes": [],
            "requestParameters": {"method.request.path.id": true, "method.request.querystring.q": false},
            "requestModels": {"application/json": "Pet"},
        });
        assert_eq!(method.method, expected);
        let answer = json!({
            "statusCode": "200", "responseParameters": {"method.response.header.X-A": false}, "responseModels": {"application/json": "Pet"},
        });
        assert_eq!(method.responses, [answer]);
        let integration = method.integration.as_ref().unwrap();
        assert_eq!(
            (&integration["type"], &integration["passthroughBehavior"]),
            (&json!("MOCK"), &json!("WHEN_NO_MATCH"))
        );
        assert_eq!(method.integration_responses[0].get("selectionPattern"), None);
        assert_eq!(method.integration_responses[1], json!({"statusCode": "400", "selectionPattern": "4\\d\\d"}));
        assert_eq!(plan.warnings.len(), 1);
    }

    /// A contract may come first: what has no integration, only a deployment refuses.
    #[test]
    fn a_method_without_an_integration_is_nothing_to_warn_of() {
        let text = "openapi: 3.0.1\ninfo: {title: t}\npaths: {/a: {get: {responses: {200: {description: ok}}}}}";
        let plan = Plan::of(&Document::parse(text).unwrap(), BasePath::Ignore).unwrap();
        assert_eq!((plan.methods.len(), plan.methods[0].integration.is_none(), plan.warnings.len()), (1, true, 0));
    }
}
