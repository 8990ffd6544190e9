//! OpenAPI documents: APIs as they are written down, in versions 2.0 (Swagger) and 3.0, as JSON and as YAML.
//!
//! Sources: <https://spec.openapis.org/oas/v3.0.3>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html>

pub mod documentation;
pub mod http;
pub mod http_export;
pub mod rest;
pub mod rest_export;
mod yaml;

use std::cell::Cell;

use serde_json::{Map, Value};

use crate::error::Error;
use crate::limits;

pub const ANY_METHOD: &str = "x-amazon-apigateway-any-method";
pub const AUTHORIZER: &str = "x-amazon-apigateway-authorizer";
pub const AUTH_TYPE: &str = "x-amazon-apigateway-authtype";
pub const ENDPOINT: &str = "x-amazon-apigateway-endpoint-configuration";
pub const INTEGRATION: &str = "x-amazon-apigateway-integration";
pub const VERSION: &str = "x-amazon-apigateway-importexport-version";
/// The authorization type of requests that are signed.
pub const SIGNED: &str = "awsSigv4";

/// Members of a path that are methods, with the names that API Gateway has for them.
pub const METHODS: [(&str, &str); 8] = [
    ("delete", "DELETE"),
    ("get", "GET"),
    ("head", "HEAD"),
    ("options", "OPTIONS"),
    ("patch", "PATCH"),
    ("post", "POST"),
    ("put", "PUT"),
    (ANY_METHOD, "ANY"),
];

/// Operations of all paths: no API has more.
const OPERATIONS_MAX: usize = limits::PARTS_PER_API_MAX * METHODS.len();
/// References to references that are followed.
const REFERENCES_MAX: usize = 16;

/// What becomes of the path that a document says all its paths are below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BasePath {
    #[default]
    Ignore,
    Prepend,
    /// The same without its first part, which names a stage.
    Split,
}

impl BasePath {
    pub fn parse(text: Option<&str>) -> Result<BasePath, Error> {
        match text.map(str::to_ascii_lowercase).as_deref() {
            None | Some("" | "ignore") => Ok(BasePath::Ignore),
            Some("prepend") => Ok(BasePath::Prepend),
            Some("split") => Ok(BasePath::Split),
            Some(other) => {
                Err(Error::bad(format!("Invalid basepath specified: {other}. Must be one of [ignore, prepend, split]")))
            }
        }
    }
}

/// A document that has been read.
pub struct Document {
    root: Value,
    /// What its references may still stand for, by weight: a short document can refer to one part any number of times.
    left: Cell<usize>,
}

/// One method of one path.
pub struct Operation<'d> {
    pub path: String,
    /// `GET`, or `ANY`.
    pub method: &'static str,
    /// What is said of all methods of the path.
    pub item: &'d Value,
    pub value: &'d Value,
}

impl Document {
    /// Reads JSON, or else YAML.
    pub fn parse(text: &str) -> Result<Document, Error> {
        if text.len() > limits::DOCUMENT_BYTES_MAX {
            return Err(Error::bad(format!("A document can have {} bytes at most", limits::DOCUMENT_BYTES_MAX)));
        }
        let invalid = |why: String| Error::bad(format!("Invalid OpenAPI input: {why}"));
        let root: Value = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| invalid(format!("it is no JSON: {error}")))?
        } else {
            yaml::parse(text).map_err(|error| invalid(format!("it is no YAML: {error}")))?
        };
        let document = Document { root, left: Cell::new(yaml::WEIGHT_MAX) };
        let known =
            document.is_swagger() || self::text(&document.root, "openapi").is_some_and(|v| v.starts_with("3.0"));
        if !known {
            return Err(invalid("it says neither openapi: 3.0 nor swagger: 2.0".into()));
        }
        if !document.root.get("paths").is_some_and(Value::is_object) {
            return Err(invalid("it has no paths".into()));
        }
        Ok(document)
    }

    pub fn is_swagger(&self) -> bool {
        text(&self.root, "swagger").is_some_and(|version| version.starts_with("2."))
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.root.get(name)
    }

    pub fn info(&self, name: &str) -> Option<String> {
        self.root.get("info").and_then(|info| text(info, name))
    }

    /// What a value that is a reference within the document stands for; any other value as it is.
    ///
    /// # Errors
    /// When the document is too large once its references are expanded.
    pub fn resolved<'d>(&'d self, value: &'d Value) -> Result<&'d Value, Error> {
        let found = self.followed(value);
        if !std::ptr::eq(found, value) {
            self.spend(yaml::weight(found))?;
        }
        Ok(found)
    }

    fn followed<'d>(&'d self, mut value: &'d Value) -> &'d Value {
        for _ in 0..REFERENCES_MAX {
            let Some(found) = value.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#')) else {
                break;
            };
            let Some(next) = self.root.pointer(found) else { break };
            value = next;
        }
        value
    }

    /// Whether a reference within the document is to nothing.
    pub fn lacks(&self, reference: &str) -> bool {
        reference.strip_prefix('#').is_some_and(|place| self.root.pointer(place).is_none())
    }

    /// A member of the document that holds for all operations, each of which counts as a reference to it.
    ///
    /// # Errors
    /// As of [`Document::resolved`].
    pub fn shared(&self, name: &str) -> Result<Option<&Value>, Error> {
        let Some(value) = self.root.get(name) else { return Ok(None) };
        self.spend(yaml::weight(value))?;
        Ok(Some(value))
    }

    /// Counts what is used once more of the document.
    fn spend(&self, weight: usize) -> Result<(), Error> {
        let left = self.left.get().checked_sub(weight);
        let left = left
            .ok_or_else(|| Error::LimitExceeded("The document is too large once its references are expanded".into()))?;
        self.left.set(left);
        Ok(())
    }

    /// All methods of all paths, in the order of the document, below the base path.
    ///
    /// # Errors
    /// When they are more than an API can have, and as of [`Document::resolved`].
    pub fn operations(&self, base: BasePath) -> Result<Vec<Operation<'_>>, Error> {
        let base = self.base(base);
        let paths = self.root.get("paths").and_then(Value::as_object);
        let mut operations = Vec::new();
        for (path, item) in paths.into_iter().flatten().filter(|(path, _)| path.starts_with('/')) {
            let item = self.resolved(item)?;
            for (name, method) in METHODS {
                if let Some(value) = item.get(name).filter(|value| value.is_object()) {
                    if operations.len() == OPERATIONS_MAX {
                        return Err(Error::LimitExceeded(format!(
                            "A document can have {OPERATIONS_MAX} operations at most"
                        )));
                    }
                    let path = format!("{base}{path}");
                    operations.push(Operation { path, method, item, value });
                }
            }
        }
        Ok(operations)
    }

    /// The path that all paths are below, without a slash at its end.
    fn base(&self, base: BasePath) -> String {
        let skipped = match base {
            BasePath::Ignore => return String::new(),
            BasePath::Prepend => 0,
            BasePath::Split => 1,
        };
        let said = match self.is_swagger() {
            true => text(&self.root, "basePath").filter(|path| path.len() <= limits::URI_CHARACTERS_MAX),
            false => self.server_path(),
        };
        let said = said.unwrap_or_default();
        let parts = said.split('/').filter(|part| !part.is_empty());
        parts.skip(skipped).fold(String::new(), |all, part| format!("{all}/{part}"))
    }

    /// The path of the first server's URL: variables have their defaults. `None` where it would be longer than any URL here:
    /// defaults that name other variables double with each of them.
    fn server_path(&self) -> Option<String> {
        let server = self.root.get("servers")?.get(0)?;
        let mut url = text(server, "url").filter(|url| url.len() <= limits::URI_CHARACTERS_MAX)?;
        for (name, variable) in server.get("variables").and_then(Value::as_object).into_iter().flatten() {
            let (hole, default) = (format!("{{{name}}}"), text(variable, "default").unwrap_or_default());
            let holes = url.matches(&hole).count();
            if url.len() + holes * default.len() > limits::URI_CHARACTERS_MAX + holes * hole.len() {
                return None;
            }
            url = url.replace(&hole, &default);
        }
        let after =
            url.split_once("://").map_or(url.as_str(), |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
        Some(after.to_owned())
    }

    /// The schemes that say who may use what, by name.
    pub fn schemes(&self) -> Option<&Map<String, Value>> {
        let schemes = match self.is_swagger() {
            true => self.root.get("securityDefinitions"),
            false => self.root.get("components").and_then(|components| components.get("securitySchemes")),
        };
        schemes.and_then(Value::as_object)
    }

    /// The scheme of this name, if there is one.
    ///
    /// # Errors
    /// As of [`Document::resolved`].
    pub fn scheme(&self, name: &str) -> Result<Option<&Value>, Error> {
        let Some(given) = self.schemes().and_then(|schemes| schemes.get(name)) else { return Ok(None) };
        let found = self.followed(given);
        // Its name is a reference, too.
        self.spend(yaml::weight(found))?;
        Ok(Some(found))
    }

    /// What an operation asks of its users: schemes with scopes, of which the first counts. The document's own where the
    /// operation says nothing.
    ///
    /// # Errors
    /// As of [`Document::resolved`].
    pub fn security(&self, operation: &Value) -> Result<Vec<(String, Vec<String>)>, Error> {
        let asked = match operation.get("security") {
            Some(own) => Some(own),
            None => self.shared("security")?,
        };
        let schemes = asked.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).flatten();
        Ok(schemes.map(|(name, scopes)| (name.clone(), texts(scopes))).collect())
    }

    /// The tags that a document gives its API.
    pub fn tags(&self) -> Map<String, Value> {
        let tags = self.root.get("tags").and_then(Value::as_array);
        let tags = tags
            .into_iter()
            .flatten()
            .filter_map(|tag| Some((text(tag, "name")?, Value::String(text(tag, "x-amazon-apigateway-tag-value")?))));
        tags.collect()
    }
}

/// A member as text, whether it is written as one or as a number.
pub fn text(value: &Value, name: &str) -> Option<String> {
    scalar(value.get(name)?)
}

pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A list of texts; a text alone is one, with commas between several.
pub fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().filter_map(scalar).collect(),
        other => {
            scalar(other).map(|text| text.split(',').map(|one| one.trim().to_owned()).collect()).unwrap_or_default()
        }
    }
}

/// A document in the form that was asked for.
pub fn written(document: &Value, is_yaml: bool) -> String {
    if is_yaml { yaml::write(document) } else { format!("{document:#}") }
}

/// How an import ends that found what it cannot take.
pub fn failed(what: &str, error: &service::Error) -> Error {
    let reason = format!("Unable to {what}: {}", error.message);
    match &*error.code {
        "NotImplemented" => Error::NotImplemented(reason),
        "LimitExceededException" => Error::LimitExceeded(reason),
        _ if error.status >= 500 => Error::Failed(reason),
        _ => Error::bad(format!("Errors found during import:\n\t{reason}")),
    }
}

/// Refuses warnings where that was asked for.
pub fn check_warnings(warnings: &[String], fail: bool) -> Result<(), Error> {
    if fail && !warnings.is_empty() {
        return Err(Error::bad(format!("Warnings found during import:\n\t{}", warnings.join("\n\t"))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_read_in_both_forms() {
        let yaml = "openapi: 3.0.1\ninfo: {title: t, version: 1.0}\nservers: [{url: 'https://h/{base}/v1', variables: {base: {default: dev}}}]\npaths:\n  /a:\n    get: {}\n    x-amazon-apigateway-any-method: {}\n";
        let document = Document::parse(yaml).unwrap();
        assert_eq!((document.info("title"), document.info("version")), (Some("t".into()), Some("1.0".into())));
        let paths = |base| {
            document.operations(base).unwrap().iter().map(|o| format!("{} {}", o.method, o.path)).collect::<Vec<_>>()
        };
        assert_eq!(paths(BasePath::Ignore), ["GET /a", "ANY /a"]);
        assert_eq!(paths(BasePath::Prepend), ["GET /dev/v1/a", "ANY /dev/v1/a"]);
        assert_eq!(paths(BasePath::Split), ["GET /v1/a", "ANY /v1/a"]);
        let json = written(&document.root, false);
        assert_eq!(Document::parse(&json).unwrap().root, document.root);
        let yaml = written(&document.root, true);
        assert_eq!(Document::parse(&yaml).unwrap().root, document.root, "{yaml}");
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in
            ["", "{", "[]", "a: [", "{}", "openapi: 3.1.0\npaths: {}", "swagger: '2.0'", "openapi: 3.0.0\npaths: []"]
        {
            assert!(Document::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn variables_of_servers_do_not_grow_without_bound() {
        let path = |default: &str| {
            let variable =
                |n: usize| format!("v{n:02}: {{default: '{}'}}", default.replace('@', &format!("{{v{:02}}}", n + 1)));
            let variables: Vec<_> = (0..40).map(variable).collect();
            let text = format!(
                "openapi: 3.0.1\nservers: [{{url: 'https://h/{{v00}}', variables: {{{}}}}}]\npaths: {{}}",
                variables.join(", ")
            );
            Document::parse(&text).unwrap().server_path()
        };
        assert_eq!(path("@").as_deref(), Some("{v40}"), "each stands for the next");
        assert_eq!(path("@@"), None);
    }

    #[test]
    fn what_is_referred_to_is_bounded() {
        let paths: Vec<_> = (0..=OPERATIONS_MAX).map(|n| format!("/p{n}: {{$ref: '#/item'}}")).collect();
        let text = format!("swagger: 2.0\nitem: {{get: {{}}}}\npaths: {{{}}}", paths.join(", "));
        let document = Document::parse(&text).unwrap();
        assert!(matches!(document.operations(BasePath::Ignore), Err(Error::LimitExceeded(_))));
        let large = "x".repeat(limits::DOCUMENT_BYTES_MAX / 2);
        let text = json!({"swagger": "2.0", "paths": {}, "a": {"$ref": "#/b"}, "b": {"c": large}});
        let document = Document::parse(&text.to_string()).unwrap();
        let often = || document.resolved(document.get("a").unwrap());
        assert!(often().is_ok() && (0..10).any(|_| often().is_err()));
    }

    #[test]
    fn references_end() {
        let text = "swagger: 2.0\npaths: {}\na: {$ref: '#/b'}\nb: {$ref: '#/a'}\nc: {$ref: '#/d'}\nd: {e: 1}\n";
        let document = Document::parse(text).unwrap();
        assert_eq!(document.resolved(document.get("c").unwrap()).unwrap(), document.get("d").unwrap());
        document.resolved(document.get("a").unwrap()).unwrap();
    }
}
