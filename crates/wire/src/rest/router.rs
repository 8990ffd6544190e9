//! From a method and a path to an operation's binding.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::Binding;

/// The labels of a path: member and text, still percent-encoded.
pub type Labels<'p> = Vec<(&'static str, Cow<'p, str>)>;

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match<'p> {
    /// The index is the binding's place among those the router was made of.
    Found {
        index: usize,
        labels: Labels<'p>,
    },
    /// The path exists, with these methods.
    MethodNotAllowed(Vec<&'static str>),
    NotFound,
}

/// Bindings, most specific first: literal segments before labels before greedy labels, and at the same path more
/// fixed query parameters before fewer.
#[derive(Clone, Debug)]
pub struct Router(Vec<Route>);

#[derive(Clone, Debug)]
struct Route {
    index: usize,
    method: &'static str,
    segments: Vec<Segment>,
    fixed_query: Vec<(&'static str, &'static str)>,
}

/// Ordered by how specific it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(&'static str),
    Label(&'static str),
    Greedy(&'static str),
}

impl Segment {
    fn parse(text: &'static str) -> Segment {
        match text.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
            Some(name) => name.strip_suffix('+').map_or(Segment::Label(name), Segment::Greedy),
            None => Segment::Literal(text),
        }
    }

    fn rank(self) -> u8 {
        match self {
            Segment::Literal(_) => 0,
            Segment::Label(_) => 1,
            Segment::Greedy(_) => 2,
        }
    }
}

impl Router {
    pub fn new<'b>(bindings: impl IntoIterator<Item = &'b Binding>) -> Router {
        let mut routes: Vec<Route> =
            bindings.into_iter().enumerate().map(|(i, binding)| Route::new(i, binding)).collect();
        routes.sort_by(Route::specificity);
        Router(routes)
    }

    /// Finds the binding for a raw path (percent-encoded, so that `%2F` stays inside its label) and query string.
    /// A path with `.` or `..` leads nowhere: signatures are over resolved paths, so it could be another one's.
    pub fn find<'p>(&self, method: &str, path: &'p str, query: &str) -> Match<'p> {
        let segments = split(path);
        if segments.iter().any(|segment| matches!(*segment, "." | "..")) {
            return Match::NotFound;
        }
        let mut allowed = Vec::new();
        for route in &self.0 {
            let Some(labels) = route.labels(&segments) else { continue };
            if !route.fixed_query.iter().all(|fixed| query_pairs(query).any(|pair| pair == *fixed)) {
                continue;
            }
            if route.method == method {
                return Match::Found { index: route.index, labels };
            }
            if !allowed.contains(&route.method) {
                allowed.push(route.method);
            }
        }
        if allowed.is_empty() { Match::NotFound } else { Match::MethodNotAllowed(allowed) }
    }
}

impl Route {
    fn new(index: usize, binding: &Binding) -> Route {
        let (path, query) = binding.uri.split_once('?').unwrap_or((binding.uri, ""));
        Route {
            index,
            method: binding.method,
            segments: split(path).into_iter().map(Segment::parse).collect(),
            fixed_query: query_pairs(query).collect(),
        }
    }

    fn specificity(&self, other: &Route) -> Ordering {
        let ranks = |route: &Route| route.segments.iter().map(|segment| segment.rank()).collect::<Vec<_>>();
        let fewer_fixed = other.fixed_query.len().cmp(&self.fixed_query.len());
        ranks(self).cmp(&ranks(other)).then(fewer_fixed)
    }

    /// The labels, when the path has this route's form.
    fn labels<'p>(&self, path: &[&'p str]) -> Option<Labels<'p>> {
        let mut labels = Labels::new();
        let mut rest = path;
        for (place, segment) in self.segments.iter().enumerate() {
            let following = self.segments.len() - place - 1;
            let taken = match segment {
                Segment::Greedy(_) => rest.len().checked_sub(following).filter(|taken| *taken > 0)?,
                _ => 1,
            };
            let (text, after) = rest.split_at_checked(taken)?;
            match segment {
                Segment::Literal(literal) if text == [*literal] => {}
                Segment::Literal(_) => return None,
                Segment::Label(name) => {
                    labels.push((name, Cow::Borrowed(text.first().filter(|text| !text.is_empty())?)))
                }
                Segment::Greedy(name) => labels.push((name, text.join("/").into())),
            }
            rest = after;
        }
        rest.is_empty().then_some(labels)
    }
}

/// The segments of a path. A trailing slash counts for nothing: AWS's models and clients disagree about it.
fn split(path: &str) -> Vec<&str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.strip_suffix('/').unwrap_or(path).split('/').collect()
}

fn query_pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINDINGS: [Binding; 7] = [
        Binding::new("GET", "/functions/{FunctionName}", 200),
        Binding::new("GET", "/functions", 200),
        Binding::new("POST", "/functions", 201),
        Binding::new("POST", "/functions/{FunctionName}/invocations", 200),
        Binding::new("POST", "/apikeys", 201),
        Binding::new("POST", "/apikeys?mode=import", 201),
        Binding::new("GET", "/files/{Path+}/meta", 200),
    ];

    fn find<'p>(method: &str, path: &'p str, query: &str) -> Match<'p> {
        Router::new(&BINDINGS).find(method, path, query)
    }

    fn found<'p>(index: usize, labels: &[(&'static str, &'p str)]) -> Match<'p> {
        Match::Found { index, labels: labels.iter().map(|(name, text)| (*name, Cow::Borrowed(*text))).collect() }
    }

    #[test]
    fn labels_stay_encoded_and_slashes_at_the_end_count_for_nothing() {
        assert_eq!(find("GET", "/functions", ""), found(1, &[]));
        assert_eq!(find("GET", "/functions/", ""), found(1, &[]));
        assert_eq!(find("GET", "/functions/a%2Fb", ""), found(0, &[("FunctionName", "a%2Fb")]));
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:x";
        assert_eq!(find("POST", &format!("/functions/{arn}/invocations"), ""), found(3, &[("FunctionName", arn)]));
    }

    #[test]
    fn fixed_query_parameters_are_more_specific() {
        assert_eq!(find("POST", "/apikeys", "mode=import&x=1"), found(5, &[]));
        assert_eq!(find("POST", "/apikeys", "mode=other"), found(4, &[]));
    }

    #[test]
    fn greedy_labels_leave_what_follows() {
        assert_eq!(find("GET", "/files/a/b/meta", ""), found(6, &[("Path", "a/b")]));
        assert_eq!(find("GET", "/files/meta/meta", ""), found(6, &[("Path", "meta")]));
        assert_eq!(find("GET", "/files/meta", ""), Match::NotFound);
    }

    #[test]
    fn tells_a_wrong_method_from_a_wrong_path() {
        assert_eq!(find("PUT", "/functions", ""), Match::MethodNotAllowed(vec!["GET", "POST"]));
        for path in [
            "/",
            "",
            "//",
            "/functions//invocations",
            "/function",
            "/functions/a/b/c",
            "/functions/..",
            "/functions/./x",
        ] {
            assert_eq!(find("GET", path, ""), Match::NotFound, "{path}");
        }
    }
}
