//! What is said of an API's parts, in its document: in a list of its own, and at each part where OpenAPI has a place for it.
//!
//! Sources: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-documentation.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-documenting-api-quick-start-publishing.html>

use std::cell::Cell;
use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{Document, METHODS, yaml};
use crate::error::Error;
use crate::limits;
use crate::types::documentation::{ANY, Kind, Location, Part, ROOT};

pub const DOCUMENTATION: &str = "x-amazon-apigateway-documentation";

/// The parts that a document lists, as it has them; of more than there can be, one more.
pub fn listed(document: &Document) -> Vec<Value> {
    let parts = document.get(DOCUMENTATION).and_then(|said| said.get("documentationParts")?.as_array());
    parts.into_iter().flatten().take(limits::DOCUMENTATION_PARTS_MAX + 1).cloned().collect()
}

/// A version of what is said.
pub struct Documentation {
    pub version: String,
    /// When it was made, in ISO 8601.
    pub created: String,
    /// In order of the places.
    pub parts: Vec<Said>,
}

/// What is said of one place.
pub struct Said {
    pub location: Location,
    pub members: Map<String, Value>,
    /// How much it is, in bytes.
    weight: usize,
}

impl From<Part> for Said {
    fn from(part: Part) -> Said {
        let members = serde_json::from_str(&part.properties).unwrap_or_default();
        Said { location: part.location, members, weight: part.properties.len() }
    }
}

impl Documentation {
    /// Writes all of it into an API's document. `shown` is a place as documents have it.
    ///
    /// # Errors
    /// When the document gets too large: what is said once of all methods is written at each of them.
    pub fn write(&self, document: &mut Value, shown: impl Fn(&Location) -> Value) -> Result<(), Error> {
        let writer = Writer { parts: &self.parts, left: Cell::new(yaml::WEIGHT_MAX) };
        writer.api(document)?;
        for (path, item) in object(document, "paths") {
            writer.item(path, item)?;
        }
        writer.models(document)?;
        writer.authorizers(document)?;
        let part = |said: &Said| json!({"location": shown(&said.location), "properties": said.members});
        let parts: Vec<Value> = self.parts.iter().map(part).collect();
        document[DOCUMENTATION] =
            json!({"version": self.version, "createdDate": self.created, "documentationParts": parts});
        Ok(())
    }
}

/// The members of a member that is an object; none where it is not there.
fn object<'d>(value: &'d mut Value, name: &str) -> impl Iterator<Item = (&'d String, &'d mut Value)> {
    value.get_mut(name).and_then(Value::as_object_mut).into_iter().flatten()
}

/// What OpenAPI knows of a place of each kind, besides `x-…`. Of a response's body nothing is written: models are shared.
fn known(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Api => &["externalDocs", "tags"],
        Kind::Resource | Kind::ResponseBody => &[],
        Kind::Method => &["deprecated", "description", "externalDocs", "summary", "tags"],
        Kind::Model => &["default", "description", "example", "externalDocs", "title"],
        Kind::Authorizer
        | Kind::PathParameter
        | Kind::QueryParameter
        | Kind::RequestBody
        | Kind::RequestHeader
        | Kind::Response
        | Kind::ResponseHeader => &["description"],
    }
}

/// An extension of whoever wrote it. Those of API Gateway say what an API does: nothing that is said of it changes them.
fn is_extension(name: &str) -> bool {
    name.starts_with("x-") && !name.starts_with("x-amazon-apigateway-")
}

/// Writes what may be written there of what is said, over what is there.
fn inject(target: &mut Value, said: &Map<String, Value>, known: &[&str]) {
    let Some(target) = target.as_object_mut() else { return };
    let members = said.iter().filter(|(name, _)| known.contains(&name.as_str()) || is_extension(name));
    target.extend(members.map(|(name, value)| (name.clone(), value.clone())));
}

struct Writer<'d> {
    parts: &'d [Said],
    /// What may still be written, in bytes.
    left: Cell<usize>,
}

impl<'d> Writer<'d> {
    fn said(&self, place: &Location) -> Option<&'d Said> {
        // In order of the places.
        let found = self.parts.binary_search_by(|said| said.location.cmp(place)).ok()?;
        self.parts.get(found)
    }

    fn inject(&self, target: &mut Value, said: Option<&Said>) -> Result<(), Error> {
        let Some(said) = said else { return Ok(()) };
        let left = self.left.get().checked_sub(said.weight).ok_or_else(|| {
            Error::LimitExceeded("The document is too large once what is said of its parts is written at each".into())
        })?;
        self.left.set(left);
        inject(target, &said.members, known(said.location.kind));
        Ok(())
    }

    /// What is said of the whole. Title and version stay those of the API.
    fn api(&self, document: &mut Value) -> Result<(), Error> {
        let Some(said) = self.said(&Kind::Api.at(None, None, None)) else { return Ok(()) };
        // Tags that an API has are in the same place.
        let before = document.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
        self.inject(document, Some(said))?;
        if let Some(tags) = document.get_mut("tags").and_then(Value::as_array_mut).filter(|tags| **tags != before) {
            tags.splice(0..0, before);
        }
        if let Some(info) = said.members.get("info").and_then(Value::as_object) {
            inject(&mut document["info"], info, &["contact", "description", "license", "termsOfService"]);
        }
        Ok(())
    }

    fn item(&self, path: &str, item: &mut Value) -> Result<(), Error> {
        self.inject(item, self.said(&Kind::Resource.at(Some(path), None, None)))?;
        let below = Below::of(self.parts, path);
        for (name, method) in METHODS {
            if let Some(operation) = item.get_mut(name) {
                self.operation(&below, method, operation)?;
            }
        }
        Ok(())
    }

    fn operation(&self, below: &Below<'d>, method: &str, operation: &mut Value) -> Result<(), Error> {
        self.inject(operation, below.said(Kind::Method, method, None, ""))?;
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let text = |name: &str| parameter.get(name).and_then(Value::as_str).unwrap_or_default();
            let (kind, name) = match text("in") {
                "path" => (Kind::PathParameter, text("name")),
                "query" => (Kind::QueryParameter, text("name")),
                "header" => (Kind::RequestHeader, text("name")),
                "body" => (Kind::RequestBody, ""),
                _ => continue,
            };
            let said = below.said(kind, method, None, name);
            self.inject(parameter, said)?;
        }
        if let Some(body) = operation.get_mut("requestBody") {
            self.inject(body, below.said(Kind::RequestBody, method, None, ""))?;
        }
        for (status, response) in object(operation, "responses") {
            self.inject(response, below.said(Kind::Response, method, Some(status), ""))?;
            for (name, header) in object(response, "headers") {
                self.inject(header, below.said(Kind::ResponseHeader, method, Some(status), name))?;
            }
        }
        Ok(())
    }

    /// Models, and with `Model.property` what is in them.
    fn models(&self, document: &mut Value) -> Result<(), Error> {
        for said in self.parts.iter().filter(|said| said.location.kind == Kind::Model) {
            let mut names = said.location.name.as_deref().unwrap_or_default().split('.');
            let model = names.next().unwrap_or_default();
            let mut target = places(document, "definitions", "schemas").and_then(|models| models.get_mut(model));
            for name in names {
                target = target.and_then(|schema| schema.get_mut("properties")?.get_mut(name));
            }
            if let Some(target) = target {
                self.inject(target, Some(said))?;
            }
        }
        Ok(())
    }

    fn authorizers(&self, document: &mut Value) -> Result<(), Error> {
        let schemes = places(document, "securityDefinitions", "securitySchemes").and_then(Value::as_object_mut);
        for (name, scheme) in schemes.into_iter().flatten() {
            self.inject(scheme, self.said(&Kind::Authorizer.named(name)))?;
        }
        Ok(())
    }
}

/// Where a document has what its parts refer to: by its name in Swagger, and in OpenAPI.
fn places<'d>(document: &'d mut Value, swagger: &str, openapi: &str) -> Option<&'d mut Value> {
    match document.get("swagger") {
        Some(_) => document.get_mut(swagger),
        None => document.get_mut("components")?.get_mut(openapi),
    }
}

/// What is said of a path and of those above it, by kind, method, status and name; with each the length of its path, of which the
/// longest counts.
struct Below<'d>(HashMap<(Kind, &'d str, &'d str, &'d str), (usize, &'d Said)>);

impl<'d> Below<'d> {
    fn of(parts: &'d [Said], path: &str) -> Below<'d> {
        let mut all = HashMap::new();
        for said in parts {
            let place = &said.location;
            let Some(above) = place.path.as_deref().filter(|above| is_above(above, path)) else { continue };
            let [method, status, name] =
                [&place.method, &place.status, &place.name].map(|v| v.as_deref().unwrap_or(""));
            let best = all.entry((place.kind, method, status, name)).or_insert((above.len(), said));
            if above.len() > best.0 {
                *best = (above.len(), said);
            }
        }
        Below(all)
    }

    /// What is said of a place, or else of the next more general one: a path counts more than a status, and a status more than a
    /// method.
    fn said(&self, kind: Kind, method: &str, status: Option<&str>, name: &str) -> Option<&'d Said> {
        let statuses = status.map_or(["", ""], |status| [status, ANY]);
        let mut best: Option<(usize, &'d Said)> = None;
        for status in statuses {
            for method in [method, ANY] {
                let found = self.0.get(&(kind, method, status, name));
                best = match (best, found) {
                    (Some(best), Some(found)) if found.0 > best.0 => Some(*found),
                    (None, Some(found)) => Some(*found),
                    _ => best,
                };
            }
        }
        best.map(|(_, said)| said)
    }
}

/// Whether a path is another one, or the beginning of its parts.
fn is_above(above: &str, path: &str) -> bool {
    above == ROOT || path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(location: Location, text: &str) -> Said {
        Said::from(Part { id: text.into(), location, properties: json!({"description": text}).to_string() })
    }

    #[test]
    fn paths_are_above_others_by_their_parts() {
        for (above, path) in [("/", "/"), ("/", "/a"), ("/a", "/a"), ("/a", "/a/{b}")] {
            assert!(is_above(above, path), "{above} {path}");
        }
        assert!(!is_above("/a", "/ab") && !is_above("/a/b", "/a"));
    }

    #[test]
    fn what_is_more_particular_is_inherited_first() {
        let at = |path: &str, method: &str, status: &str| Kind::Response.at(Some(path), Some(method), Some(status));
        let all = [
            said(at("/", "*", "*"), "any"),
            said(at("/", "*", "400"), "400"),
            said(at("/", "GET", "*"), "GET"),
            said(at("/pets", "*", "*"), "pets"),
        ];
        let found = |path: &str, method: &str, status: &str| {
            let said = Below::of(&all, path).said(Kind::Response, method, Some(status), "");
            said.map(|said| said.members["description"].as_str().unwrap().to_owned())
        };
        assert_eq!(found("/pets/{id}", "GET", "400").as_deref(), Some("pets"));
        assert_eq!(found("/petshop", "GET", "400").as_deref(), Some("400"));
        assert_eq!(found("/petshop", "GET", "200").as_deref(), Some("GET"));
        assert_eq!(found("/petshop", "PUT", "200").as_deref(), Some("any"));
        assert!(Below::of(&all, "/").said(Kind::Method, "GET", None, "").is_none());
    }

    #[test]
    fn extensions_of_api_gateway_are_not_said() {
        let mut target = json!({"x-amazon-apigateway-integration": 1});
        let members = json!({"x-a": 1, "x-amazon-apigateway-integration": 2, "foo": 3, "description": "d"});
        inject(&mut target, members.as_object().unwrap(), &["description"]);
        assert_eq!(target, json!({"x-a": 1, "x-amazon-apigateway-integration": 1, "description": "d"}));
    }

    #[test]
    fn what_is_said_of_everything_is_bounded() {
        let long = said(Kind::Method.at(Some("/"), Some("*"), None), &"x".repeat(64 << 10));
        let said = Documentation { version: "1".into(), created: String::new(), parts: vec![long] };
        let document = |paths: usize| {
            let paths: Map<String, Value> = (0..paths).map(|n| (format!("/p{n}"), json!({"get": {}}))).collect();
            json!({"openapi": "3.0.1", "info": {}, "paths": paths})
        };
        assert!(said.write(&mut document(200), |_| Value::Null).is_ok());
        let refused = said.write(&mut document(300), |_| Value::Null);
        assert!(matches!(refused, Err(Error::LimitExceeded(_))));
    }

    #[test]
    fn tags_of_an_api_stay_beside_those_that_are_said() {
        let part = |properties: &str| Part {
            id: "i".into(),
            location: Kind::Api.at(None, None, None),
            properties: properties.into(),
        };
        let written = |properties: &str| {
            let parts = vec![part(properties).into()];
            let mut document = json!({"swagger": "2.0", "info": {}, "tags": [{"name": "a"}]});
            Documentation { version: "1".into(), created: String::new(), parts }
                .write(&mut document, |_| Value::Null)
                .unwrap();
            document["tags"].clone()
        };
        assert_eq!(written(r#"{"tags": [{"name": "b"}]}"#), json!([{"name": "a"}, {"name": "b"}]));
        assert_eq!(written("{}"), json!([{"name": "a"}]));
    }
}
