//! Routes of a REST API: a tree, where a literal goes before a variable, and that before a greedy one.

use std::collections::{BTreeMap, HashMap};

use super::{METHODS, Parameters, decoded, segments};
use crate::model::rest::resource::with_paths;
use crate::schema::Schemas;
use crate::types::authorizer::{Authorization, Authorizer};
use crate::types::gateway::{GatewayResponse, Kind};
use crate::types::model::{Model, Validator};
use crate::types::rest::{Method, Resource};

/// What a deployment serves.
pub struct Routes {
    nodes: Vec<Node>,
    root: Option<usize>,
    pub binary_media_types: Vec<String>,
    /// By id.
    authorizers: HashMap<String, Authorizer>,
    pub schemas: Schemas,
    /// By id.
    pub validators: HashMap<String, Validator>,
    pub responses: Vec<(Kind, GatewayResponse)>,
}

#[derive(Default)]
struct Node {
    id: String,
    path: String,
    methods: BTreeMap<String, Method>,
    literals: HashMap<String, usize>,
    variable: Option<(String, usize)>,
    greedy: Option<(String, usize)>,
}

/// A resource that a path leads to.
#[derive(Debug)]
pub struct Found<'r> {
    pub id: &'r str,
    /// `/users/{id}`.
    pub path: &'r str,
    methods: &'r BTreeMap<String, Method>,
    pub parameters: Parameters,
}

impl<'r> Found<'r> {
    /// The method that answers, with its name, which may be `ANY`.
    pub fn method(&self, http_method: &str) -> Option<(&'r str, &'r Method)> {
        let known = METHODS.contains(&http_method).then_some(http_method)?;
        let found = self.methods.get_key_value(known).or_else(|| self.methods.get_key_value("ANY"));
        found.map(|(name, method)| (name.as_str(), method))
    }
}

impl Routes {
    pub fn new(resources: Vec<Resource>, authorizers: Vec<Authorizer>, binary_media_types: Vec<String>) -> Routes {
        let by_id: HashMap<String, usize> =
            resources.iter().enumerate().map(|(index, resource)| (resource.id.clone(), index)).collect();
        let places: Vec<_> =
            resources.iter().map(|resource| (resource.parent.clone(), resource.part.clone())).collect();
        let mut nodes: Vec<Node> = with_paths(resources)
            .into_iter()
            .map(|(path, resource)| Node { id: resource.id, path, methods: resource.methods, ..Node::default() })
            .collect();
        let mut root = None;
        for (index, (parent, part)) in places.into_iter().enumerate() {
            let Some(parent) = parent else {
                root = Some(index);
                continue;
            };
            let Some(parent) = by_id.get(&parent).and_then(|parent| nodes.get_mut(*parent)) else { continue };
            match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                None => drop(parent.literals.insert(part, index)),
                Some(name) => match name.strip_suffix('+') {
                    None => parent.variable = Some((name.to_owned(), index)),
                    Some(name) => parent.greedy = Some((name.to_owned(), index)),
                },
            }
        }
        let authorizers = authorizers.into_iter().map(|authorizer| (authorizer.id.clone(), authorizer)).collect();
        let (schemas, validators, responses) = Default::default();
        Routes { nodes, root, binary_media_types, authorizers, schemas, validators, responses }
    }

    /// With what stands between methods and their integrations. A model that is no JSON holds nothing to anything.
    pub fn with(
        self,
        models: Vec<Model>,
        validators: Vec<Validator>,
        responses: Vec<(Kind, GatewayResponse)>,
    ) -> Routes {
        let schema = |model: Model| Some((model.name, serde_json::from_str(&model.schema).ok()?));
        Routes {
            schemas: models.into_iter().filter_map(schema).collect(),
            validators: validators.into_iter().map(|validator| (validator.id.clone(), validator)).collect(),
            responses,
            ..self
        }
    }

    /// The resource with this id, as if a path had led to it: `None` for one that is not there. Its variables are those of
    /// `path`, where that leads to it.
    pub fn resource<'r>(&'r self, id: &str, path: &str) -> Option<Found<'r>> {
        let node = self.nodes.iter().find(|node| node.id == id)?;
        let parts = parts(path);
        let found = self.root.and_then(|root| self.below(root, &parts, &|found| found.id == id));
        let parameters = found.map(|found| found.parameters).unwrap_or_default();
        Some(Found { id: &node.id, path: &node.path, methods: &node.methods, parameters })
    }

    /// The authorizer that a method asks for.
    pub fn authorizer(&self, authorization: &Authorization) -> Option<&Authorizer> {
        self.authorizers.get(authorization.authorizer.as_ref()?)
    }

    /// The resource that answers a request: the first that has the method, as `OPTIONS` of `{proxy+}` is there for all beside it.
    /// Where none has it, the first that the path leads to.
    pub fn find(&self, http_method: &str, path: &str) -> Option<Found<'_>> {
        let (root, parts) = (self.root?, parts(path));
        let answering = self.below(root, &parts, &|found| found.method(http_method).is_some());
        answering.or_else(|| self.below(root, &parts, &|_| true))
    }

    /// The first resource that is wanted. Goes as deep as the tree at most, and to each node once.
    fn below(&self, index: usize, parts: &[&str], wanted: &dyn Fn(&Found<'_>) -> bool) -> Option<Found<'_>> {
        let node = self.nodes.get(index)?;
        let Some((first, rest)) = parts.split_first() else { return node.found(Parameters::new()).filter(wanted) };
        let part = decoded(first);
        if let Some(found) = node.literals.get(&part).and_then(|next| self.below(*next, rest, wanted)) {
            return Some(found);
        }
        if let Some((name, next)) = &node.variable
            && !part.is_empty()
            && let Some(mut found) = self.below(*next, rest, wanted)
        {
            found.parameters.insert(0, (name.clone(), part));
            return Some(found);
        }
        let (name, next) = node.greedy.as_ref()?;
        self.nodes.get(*next)?.found(vec![(name.clone(), decoded(&parts.join("/")))]).filter(wanted)
    }
}

/// The parts of a path, at whose end a slash counts for nothing.
fn parts(path: &str) -> Vec<&str> {
    let mut parts = segments(path);
    if parts.last().is_some_and(|last| last.is_empty()) {
        parts.pop();
    }
    parts
}

impl Node {
    /// Only resources with methods are there for requests.
    fn found(&self, parameters: Parameters) -> Option<Found<'_>> {
        let found = Found { id: &self.id, path: &self.path, methods: &self.methods, parameters };
        (!self.methods.is_empty()).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(id: &str, parent: Option<&str>, part: &str, methods: &[&str]) -> Resource {
        let methods = methods.iter().map(|method| ((*method).to_owned(), Method::default())).collect();
        Resource { id: id.into(), parent: parent.map(str::to_owned), part: part.into(), methods }
    }

    #[test]
    fn literals_before_variables_before_the_rest() {
        let routes = Routes::new(
            vec![
                resource("root", None, "", &["GET"]),
                resource("users", Some("root"), "users", &[]),
                resource("me", Some("users"), "me", &["GET"]),
                resource("id", Some("users"), "{id}", &["GET", "ANY"]),
                resource("posts", Some("id"), "posts", &["POST"]),
                resource("any", Some("root"), "{proxy+}", &["ANY"]),
            ],
            Vec::new(),
            Vec::new(),
        );
        let find = |method: &str, path: &str| {
            let found = routes.find(method, path)?;
            let parameters: Vec<_> = found.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
            Some(format!("{} {}", found.path, parameters.join(",")).trim_end().to_owned())
        };
        for (path, resource) in [
            ("/", "/"),
            ("", "/"),
            ("/users/me", "/users/me"),
            ("/users/me/", "/users/me"),
            ("/users/a%20b", "/users/{id} id=a b"),
            ("/users/7/posts", "/{proxy+} proxy=users/7/posts"),
            ("/users/7/x", "/{proxy+} proxy=users/7/x"),
            ("/users", "/{proxy+} proxy=users"),
            ("/x//y", "/{proxy+} proxy=x//y"),
        ] {
            assert_eq!(find("GET", path).as_deref(), Some(resource), "{path}");
        }
        // What has no such method leaves the request to what is behind it, where that has one.
        for (method, path, resource) in [
            ("POST", "/users/me", "/users/{id} id=me"),
            ("POST", "/users/7/posts", "/users/{id}/posts id=7"),
            ("DELETE", "/users/7/posts", "/{proxy+} proxy=users/7/posts"),
            ("DELETE", "/", "/"),
        ] {
            assert_eq!(find(method, path).as_deref(), Some(resource), "{method} {path}");
        }
        assert!(routes.find("DELETE", "/users/7").unwrap().method("DELETE").is_some());
        assert!(routes.find("DELETE", "/").unwrap().method("DELETE").is_none());
    }
}
