//! What is said of an API's parts, in its document: in a list of its own, and at each part where OpenAPI has a place for it.
//!
//! Sources: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-documentation.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-documenting-api-quick-start-publishing.html>

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{Document, METHODS};
use crate::types::documentation::{ANY, Kind, Location, ROOT};

pub const DOCUMENTATION: &str = "x-amazon-apigateway-documentation";

/// The parts that a document lists, as it has them.
pub fn listed(document: &Document) -> Vec<Value> {
    let parts = document.get(DOCUMENTATION).and_then(|said| said.get("documentationParts")?.as_array());
    parts.cloned().unwrap_or_default()
}

/// A version of what is said.
pub struct Documentation {
    pub version: String,
    /// When it was made, in ISO 8601.
    pub created: String,
    /// The places with what is said of them, in order.
    pub parts: Vec<(Location, Map<String, Value>)>,
}

impl Documentation {
    /// Writes all of it into an API's document. `shown` is a place as documents have it.
    pub fn write(&self, document: &mut Value, shown: impl Fn(&Location) -> Value) {
        let index = Index(self.parts.iter().map(|(location, said)| (location, said)).collect());
        index.api(document);
        for (path, item) in object(document, "paths") {
            index.item(path, item);
        }
        index.models(document);
        index.authorizers(document);
        let part = |(location, said): &(Location, Map<String, Value>)| json!({"location": shown(location), "properties": said});
        let parts: Vec<Value> = self.parts.iter().map(part).collect();
        document[DOCUMENTATION] =
            json!({"version": self.version, "createdDate": self.created, "documentationParts": parts});
    }
}

/// The members of a member that is an object; none where it is not there.
fn object<'d>(value: &'d mut Value, name: &str) -> impl Iterator<Item = (&'d String, &'d mut Value)> {
    value.get_mut(name).and_then(Value::as_object_mut).into_iter().flatten()
}

/// What OpenAPI knows of a place of each kind, besides `x-…`.
fn known(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Api => &["externalDocs", "tags"],
        Kind::Resource => &[],
        Kind::Method => &["deprecated", "description", "externalDocs", "summary", "tags"],
        Kind::Model => &["default", "description", "example", "externalDocs", "title"],
        Kind::Authorizer
        | Kind::PathParameter
        | Kind::QueryParameter
        | Kind::RequestBody
        | Kind::RequestHeader
        | Kind::Response
        | Kind::ResponseBody
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

/// What is said, by its place.
struct Index<'d>(HashMap<&'d Location, &'d Map<String, Value>>);

impl<'d> Index<'d> {
    fn exact(&self, location: &Location, target: &mut Value) {
        if let Some(said) = self.0.get(location) {
            inject(target, said, known(location.kind));
        }
    }

    /// What is said of a place, or else of the next more general one: of a path above it before another status, and of another
    /// status before any method.
    fn inherited(&self, place: &Location) -> Option<&'d Map<String, Value>> {
        let any = |value: &Option<String>| match value {
            Some(value) => vec![Some(value.clone()), Some(ANY.to_owned())],
            None => vec![None],
        };
        for path in above(place.path.as_deref().unwrap_or(ROOT)) {
            for status in any(&place.status) {
                for method in any(&place.method) {
                    let wanted =
                        Location { path: Some(path.to_owned()), method, status: status.clone(), ..place.clone() };
                    if let Some(said) = self.0.get(&wanted) {
                        return Some(said);
                    }
                }
            }
        }
        None
    }

    fn general(&self, place: &Location, target: &mut Value) {
        if let Some(said) = self.inherited(place) {
            inject(target, said, known(place.kind));
        }
    }

    /// What is said of the whole. Title and version stay those of the API.
    fn api(&self, document: &mut Value) {
        let Some(said) = self.0.get(&Kind::Api.at(None, None, None)) else { return };
        let mut said = (*said).clone();
        // Tags that an API has are in the same place.
        let tags = document.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
        if let Some(more) = said.get_mut("tags").and_then(Value::as_array_mut) {
            more.splice(0..0, tags);
        }
        inject(document, &said, known(Kind::Api));
        if let Some(info) = said.get("info").and_then(Value::as_object) {
            inject(&mut document["info"], info, &["contact", "description", "license", "termsOfService"]);
        }
    }

    fn item(&self, path: &str, item: &mut Value) {
        self.exact(&Kind::Resource.at(Some(path), None, None), item);
        for (name, method) in METHODS {
            if let Some(operation) = item.get_mut(name) {
                self.operation(path, method, operation);
            }
        }
    }

    fn operation(&self, path: &str, method: &str, operation: &mut Value) {
        let at = |kind: Kind| kind.at(Some(path), Some(method), None);
        self.general(&at(Kind::Method), operation);
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let text = |name: &str| parameter.get(name).and_then(Value::as_str).map(str::to_owned);
            let place = match text("in").as_deref() {
                Some("path") => Location { name: text("name"), ..at(Kind::PathParameter) },
                Some("query") => Location { name: text("name"), ..at(Kind::QueryParameter) },
                Some("header") => Location { name: text("name"), ..at(Kind::RequestHeader) },
                Some("body") => at(Kind::RequestBody),
                _ => continue,
            };
            self.general(&place, parameter);
        }
        if let Some(body) = operation.get_mut("requestBody") {
            self.general(&at(Kind::RequestBody), body);
        }
        for (status, response) in object(operation, "responses") {
            let at = |kind: Kind| kind.at(Some(path), Some(method), Some(status));
            self.general(&at(Kind::Response), response);
            for (name, header) in object(response, "headers") {
                self.general(&Location { name: Some(name.clone()), ..at(Kind::ResponseHeader) }, header);
            }
        }
    }

    /// Models, and with `Model.property` what is in them.
    fn models(&self, document: &mut Value) {
        for (location, said) in self.0.iter().filter(|(location, _)| location.kind == Kind::Model) {
            let mut names = location.name.as_deref().unwrap_or_default().split('.');
            let model = names.next().unwrap_or_default();
            let mut target = places(document, "definitions", "schemas").and_then(|models| models.get_mut(model));
            for name in names {
                target = target.and_then(|schema| schema.get_mut("properties")?.get_mut(name));
            }
            if let Some(target) = target {
                inject(target, said, known(Kind::Model));
            }
        }
    }

    fn authorizers(&self, document: &mut Value) {
        let schemes = places(document, "securityDefinitions", "securitySchemes").and_then(Value::as_object_mut);
        for (name, scheme) in schemes.into_iter().flatten() {
            self.exact(&Kind::Authorizer.named(name), scheme);
        }
    }
}

/// Where a document has what its parts refer to: by its name in Swagger, and in OpenAPI.
fn places<'d>(document: &'d mut Value, swagger: &str, openapi: &str) -> Option<&'d mut Value> {
    match document.get("swagger") {
        Some(_) => document.get_mut(swagger),
        None => document.get_mut("components")?.get_mut(openapi),
    }
}

/// A path and those above it, the root last.
fn above(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| upper(path))
}

fn upper(path: &str) -> Option<&str> {
    match path.rfind('/')? {
        0 => Some(ROOT).filter(|root| *root != path),
        end => Some(&path[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Map<String, Value> {
        serde_json::from_value(json!({"description": text})).unwrap()
    }

    #[test]
    fn paths_end_at_the_root() {
        assert_eq!(above("/a/{b}").collect::<Vec<_>>(), ["/a/{b}", "/a", "/"]);
        assert_eq!(above("/").collect::<Vec<_>>(), ["/"]);
        assert_eq!(above("a").collect::<Vec<_>>(), ["a"]);
    }

    /// A path counts more than a status, and a status more than a method.
    #[test]
    fn what_is_more_particular_is_inherited_first() {
        let at = |path: &str, method: &str, status: &str| Kind::Response.at(Some(path), Some(method), Some(status));
        let all = [
            (at("/", "*", "*"), said("any")),
            (at("/", "*", "400"), said("400")),
            (at("/", "GET", "*"), said("GET")),
            (at("/pets", "*", "*"), said("pets")),
        ];
        let index = Index(all.iter().map(|(location, said)| (location, said)).collect());
        let found =
            |place: Location| index.inherited(&place).map(|said| said["description"].as_str().unwrap().to_owned());
        assert_eq!(found(at("/pets/{id}", "GET", "400")).as_deref(), Some("pets"));
        assert_eq!(found(at("/petshop", "GET", "400")).as_deref(), Some("400"));
        assert_eq!(found(at("/petshop", "GET", "200")).as_deref(), Some("GET"));
        assert_eq!(found(at("/petshop", "PUT", "200")).as_deref(), Some("any"));
        assert_eq!(found(Kind::Method.at(Some("/"), Some("GET"), None)), None);
    }

    #[test]
    fn extensions_of_api_gateway_are_not_said() {
        let mut target = json!({"x-amazon-apigateway-integration": 1});
        let members = json!({"x-a": 1, "x-amazon-apigateway-integration": 2, "foo": 3, "description": "d"});
        inject(&mut target, members.as_object().unwrap(), &["description"]);
        assert_eq!(target, json!({"x-a": 1, "x-amazon-apigateway-integration": 1, "description": "d"}));
    }
}
