//! Routes of an HTTP API: the most specific path that has the method, then `$default`.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>

use super::{METHODS, Parameters, decoded, segments};
use crate::route_key;
use crate::types::authorizer::{Authorization, Authorizer};
use crate::types::http::{Cors, Deployed, DeployedRoute, Integration};

/// What a deployment serves.
pub struct Routes {
    /// The most specific first.
    routes: Vec<Route>,
    default: Option<Route>,
    pub cors: Option<Cors>,
}

struct Route {
    key: String,
    /// `None` for `ANY`.
    method: Option<String>,
    segments: Vec<Segment>,
    integration: Option<Integration>,
    authorization: Authorization,
    authorizer: Option<Authorizer>,
}

/// Ordered by how specific it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Variable(String),
    Greedy(String),
}

impl Segment {
    fn parse(text: &str) -> Segment {
        match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            None => Segment::Literal(text.to_owned()),
            Some(name) => match name.strip_suffix('+') {
                None => Segment::Variable(name.to_owned()),
                Some(name) => Segment::Greedy(name.to_owned()),
            },
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Segment::Literal(_) => 0,
            Segment::Variable(_) => 1,
            Segment::Greedy(_) => 2,
        }
    }
}

/// A route that fits a request.
pub struct Found<'r> {
    pub key: &'r str,
    pub integration: Option<&'r Integration>,
    pub authorization: &'r Authorization,
    pub authorizer: Option<&'r Authorizer>,
    pub parameters: Parameters,
}

impl Routes {
    pub fn new(deployed: Deployed) -> Routes {
        let mut routes = Vec::new();
        let mut default = None;
        for route in deployed.routes {
            match route_key::parts(&route.key) {
                None => default = Some(Route::new(None, Vec::new(), route)),
                Some((method, path)) => {
                    let method = (method != "ANY").then(|| method.to_owned());
                    let segments = segments(path).into_iter().map(Segment::parse).collect();
                    routes.push(Route::new(method, segments, route));
                }
            }
        }
        let ranks = |route: &Route| route.segments.iter().map(Segment::rank).collect::<Vec<_>>();
        routes.sort_by(|a, b| ranks(a).cmp(&ranks(b)).then(a.method.is_none().cmp(&b.method.is_none())));
        Routes { routes, default, cors: deployed.cors }
    }

    pub fn find(&self, method: &str, path: &str) -> Option<Found<'_>> {
        let parts = segments(path);
        let fits = |route: &Route| route.method.as_deref().map_or(METHODS.contains(&method), |own| own == method);
        let mut matched = self.routes.iter().filter(|route| fits(route));
        let found = matched.find_map(|route| Some(route.found(route.parameters(&parts)?)));
        found.or_else(|| self.default.as_ref().map(|route| route.found(Parameters::new())))
    }
}

impl Route {
    fn new(method: Option<String>, segments: Vec<Segment>, route: DeployedRoute) -> Route {
        let DeployedRoute { key, integration, authorization, authorizer } = route;
        Route { key, method, segments, integration, authorization, authorizer }
    }

    fn found(&self, parameters: Parameters) -> Found<'_> {
        let (integration, authorizer) = (self.integration.as_ref(), self.authorizer.as_ref());
        Found { key: &self.key, integration, authorization: &self.authorization, authorizer, parameters }
    }

    /// The path's variables, when it has this route's form.
    fn parameters(&self, parts: &[&str]) -> Option<Parameters> {
        let mut parameters = Parameters::new();
        let mut rest = parts;
        for segment in &self.segments {
            let (first, after) = rest.split_first()?;
            match segment {
                Segment::Literal(literal) if decoded(first) == *literal => {}
                Segment::Literal(_) => return None,
                Segment::Variable(_) if first.is_empty() => return None,
                Segment::Variable(name) => parameters.push((name.clone(), decoded(first))),
                Segment::Greedy(name) => {
                    let value = rest.join("/");
                    parameters.push((name.clone(), decoded(&value)));
                    return (!value.is_empty()).then_some(parameters);
                }
            }
            rest = after;
        }
        rest.is_empty().then_some(parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::http::DeployedRoute;

    fn routes(keys: &[&str]) -> Routes {
        let route = |key: &&str| DeployedRoute { key: (*key).into(), ..DeployedRoute::default() };
        let routes = keys.iter().map(route).collect();
        Routes::new(Deployed { cors: None, routes })
    }

    fn find(routes: &Routes, method: &str, path: &str) -> Option<String> {
        let found = routes.find(method, path)?;
        let parameters: String = found.parameters.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        Some(format!("{}{parameters}", found.key))
    }

    /// The example of AWS's page.
    #[test]
    fn the_most_specific_route_answers() {
        let keys = ["GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default"];
        let routes = routes(&keys);
        for (request, route) in [
            ("GET /pets/dog/1", "GET /pets/dog/1"),
            ("GET /pets/dog/2", "GET /pets/dog/{id} id=2"),
            ("GET /pets/cat/1", "GET /pets/{proxy+} proxy=cat/1"),
            ("POST /test/5", "ANY /{proxy+} proxy=test/5"),
            ("POST /pets/dog/1", "ANY /{proxy+} proxy=pets/dog/1"),
            ("GET /", "$default"),
        ] {
            let (method, path) = request.split_once(' ').unwrap();
            assert_eq!(find(&routes, method, path).as_deref(), Some(route), "{request}");
        }
    }

    #[test]
    fn methods_before_any_and_nothing_without_a_default() {
        let routes = routes(&["ANY /a", "GET /a", "GET /", "GET /b/{x}"]);
        assert_eq!(find(&routes, "GET", "/a").as_deref(), Some("GET /a"));
        assert_eq!(find(&routes, "PUT", "/a").as_deref(), Some("ANY /a"));
        assert_eq!(find(&routes, "GET", "/").as_deref(), Some("GET /"));
        assert_eq!(find(&routes, "GET", "/b/%C3%A4%2F1").as_deref(), Some("GET /b/{x} x=ä/1"));
        for (method, path) in
            [("GET", "/c"), ("GET", "/b/"), ("GET", "/b"), ("GET", "/b/1/2"), ("GET", "/a/"), ("PUT", "/b/1")]
        {
            assert_eq!(find(&routes, method, path), None, "{method} {path}");
        }
    }
}
