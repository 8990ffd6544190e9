//! Which route a request takes, and which side answers it.

use http::header::{COOKIE, HeaderMap};

use crate::types::{ALL, Condition, Migration, Route};

/// The cookie with a visitor's number, from 0 to [`ALL`]: who has one below a route's weight goes to its function, so that
/// whoever did still does when the weight grows.
pub const VISITOR: &str = "cloudlet-visitor";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Legacy,
    Function,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Side::Legacy => "legacy",
            Side::Function => "function",
        }
    }

    pub fn other(self) -> Side {
        match self {
            Side::Legacy => Side::Function,
            Side::Function => Side::Legacy,
        }
    }
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub side: Side,
    /// The number that a new visitor is to keep.
    pub visitor: Option<u32>,
    /// Whether the other side gets a copy.
    pub shadowed: bool,
}

/// What `{name}` stands for in a path, still encoded.
pub type Parameters = Vec<(String, String)>;

impl Migration {
    /// The route of a request: the first that fits, with its place among them.
    pub fn route(&self, method: &str, path: &str) -> Option<(usize, &Route, Parameters)> {
        self.routes.iter().enumerate().find_map(|(index, route)| {
            let fits = route.method.as_deref().is_none_or(|own| own == method);
            let parameters = fits.then(|| parameters(&route.path, path)).flatten()?;
            Some((index, route, parameters))
        })
    }
}

impl Route {
    /// `GET /orders/{id}`, `ANY /`.
    pub fn key(&self) -> String {
        format!("{} {}", self.method.as_deref().unwrap_or("ANY"), self.path)
    }

    /// Decides on a request. `draws` are two random numbers: one for the side, and one for the copy.
    pub fn choose(&self, back: bool, method: &str, headers: &HeaderMap, draws: [u64; 2]) -> Choice {
        if back {
            return Choice { side: Side::Legacy, visitor: None, shadowed: false };
        }
        let [draw, copy] = draws.map(|draw| u32::try_from(draw % u64::from(ALL)).unwrap_or_default());
        let is_safe = matches!(method, "GET" | "HEAD" | "OPTIONS");
        let shadowed = copy < self.shadow.now && (is_safe || self.shadow_unsafe);
        let named = self.header.as_ref().is_some_and(|condition| condition.holds_for_header(headers))
            || self.cookie.as_ref().is_some_and(|condition| condition.holds_for_cookie(headers));
        let is_shared = (1..ALL).contains(&self.weight.now);
        let known = cookie(headers, VISITOR).and_then(|text| text.parse().ok()).filter(|number| *number < ALL);
        let (number, visitor) = match known.filter(|_| self.sticky) {
            Some(number) => (number, None),
            None => (draw, Some(draw).filter(|_| self.sticky && is_shared && !named)),
        };
        let side = if named || number < self.weight.now { Side::Function } else { Side::Legacy };
        Choice { side, visitor, shadowed }
    }
}

impl Condition {
    fn holds_for_header(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(self.name.as_str()).iter();
        values.any(|value| self.value.as_ref().is_none_or(|wanted| value.as_bytes() == wanted.as_bytes()))
    }

    fn holds_for_cookie(&self, headers: &HeaderMap) -> bool {
        cookie(headers, &self.name).is_some_and(|value| self.value.as_ref().is_none_or(|wanted| value == wanted))
    }
}

/// The first cookie of this name.
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// What a path's variables stand for, if a pattern fits it.
fn parameters(pattern: &str, path: &str) -> Option<Parameters> {
    let mut found = Vec::new();
    let mut rest = path.strip_prefix('/')?;
    let mut parts = pattern.strip_prefix('/')?.split('/').peekable();
    while let Some(part) = parts.next() {
        let variable = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        if let Some(name) = variable.and_then(|name| name.strip_suffix('+')) {
            return (!rest.is_empty()).then(|| {
                found.push((name.to_owned(), rest.to_owned()));
                found
            });
        }
        let (segment, after) = rest.split_once('/').map_or((rest, None), |(segment, after)| (segment, Some(after)));
        match variable {
            Some(name) if !segment.is_empty() => found.push((name.to_owned(), segment.to_owned())),
            None if part == segment => {}
            _ => return None,
        }
        match (parts.peek(), after) {
            (Some(_), Some(after)) => rest = after,
            (None, None) => return Some(found),
            _ => return None,
        }
    }
    None
}

/// What is wrong with a path of a route, if anything is.
pub fn misfit(pattern: &str) -> Option<&'static str> {
    let Some(parts) = pattern.strip_prefix('/') else { return Some("it has to begin with a slash") };
    let mut parts = parts.split('/').peekable();
    while let Some(part) = parts.next() {
        let variable = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        match variable {
            Some(name) if !is_name(name.strip_suffix('+').unwrap_or(name)) => return Some("a variable needs a name"),
            Some(name) if name.ends_with('+') && parts.peek().is_some() => {
                return Some("only its last part can stand for all that follows");
            }
            None if part.contains(['{', '}', '?', '#', '*', ' ']) => {
                return Some("variables are whole parts of it, {name} or {name+}, and it has no query");
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::types::Share;

    fn route(path: &str, weight: u32) -> Route {
        Route {
            method: None,
            path: path.into(),
            function: "arn:aws:lambda:r:0:function:f".parse().unwrap(),
            weight: Share { now: weight, defined: weight },
            sticky: true,
            header: None,
            cookie: None,
            shadow: Share::default(),
            shadow_unsafe: false,
        }
    }

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn paths_fit_patterns() {
        for (pattern, path, expected) in [
            ("/", "/", Some(vec![])),
            ("/a", "/a", Some(vec![])),
            ("/a", "/a/", None),
            ("/a/", "/a/", Some(vec![])),
            ("/a", "/A", None),
            ("/a/{id}", "/a/1", Some(vec![("id", "1")])),
            ("/a/{id}", "/a/", None),
            ("/a/{id}", "/a/1/2", None),
            ("/a/{id}/b", "/a/x%2Fy/b", Some(vec![("id", "x%2Fy")])),
            ("/{rest+}", "/a/b//c", Some(vec![("rest", "a/b//c")])),
            ("/{rest+}", "/", None),
            ("/a/{rest+}", "/a/", None),
            ("/a/{rest+}", "/ab/c", None),
            ("/a", "a", None),
            ("/a", "//a", None),
        ] {
            let expected = expected.map(|all: Vec<(&str, &str)>| {
                all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Parameters>()
            });
            assert_eq!(parameters(pattern, path), expected, "{pattern} {path}");
        }
        for pattern in ["/", "/a/{b}/c", "/{a+}", "/a-b_c.d/~e", "/{a}/{b+}"] {
            assert_eq!(misfit(pattern), None, "{pattern}");
        }
        for pattern in ["", "a", "/{}", "/{+}", "/{a+}/b", "/a{b}", "/a?b", "/*", "/{a b}"] {
            assert!(misfit(pattern).is_some(), "{pattern}");
        }
    }

    #[test]
    fn weights_are_kept_to_and_visitors_stay() {
        let shared = route("/", 2_500);
        let choose = |route: &Route, headers: &HeaderMap, draw| route.choose(false, "GET", headers, [draw, 0]);
        let none = HeaderMap::new();
        let sides = (0..u64::from(ALL)).map(|draw| choose(&shared, &none, draw));
        assert_eq!(sides.filter(|choice| choice.side == Side::Function).count(), 2_500);
        let first = choose(&shared, &none, 2_499);
        assert_eq!((first.side, first.visitor), (Side::Function, Some(2_499)));
        let known = headers(&[("cookie", "a=b; cloudlet-visitor=2499")]);
        for weight in [2_500, 5_000, ALL] {
            for draw in [0, 9_999] {
                let choice = choose(&route("/", weight), &known, draw);
                assert_eq!((choice.side, choice.visitor), (Side::Function, None), "{weight}");
            }
        }
        assert_eq!(choose(&route("/", 2_499), &known, 0).side, Side::Legacy);
        for forged in ["cloudlet-visitor=10000", "cloudlet-visitor=-1", "cloudlet-visitor=x", "cloudlet-visitor="] {
            let choice = choose(&shared, &headers(&[("cookie", forged)]), 9_999);
            assert_eq!((choice.side, choice.visitor), (Side::Legacy, Some(9_999)), "{forged}");
        }
        let free = Route { sticky: false, ..shared };
        assert_eq!(choose(&free, &known, 9_999), Choice { side: Side::Legacy, visitor: None, shadowed: false });
        for (weight, side) in [(0, Side::Legacy), (ALL, Side::Function)] {
            for draw in [0, 9_999] {
                let choice = choose(&route("/", weight), &none, draw);
                assert_eq!(choice, Choice { side, visitor: None, shadowed: false });
            }
        }
    }

    #[test]
    fn headers_and_cookies_choose_and_one_flag_takes_everything_back() {
        let condition =
            |name: &str, value: Option<&str>| Condition { name: name.into(), value: value.map(str::to_owned) };
        let named = Route {
            header: Some(condition("x-new", Some("yes"))),
            cookie: Some(condition("beta", None)),
            shadow: Share { now: ALL, defined: 0 },
            ..route("/", 0)
        };
        for (lines, side) in [
            (&[("x-new", "yes")][..], Side::Function),
            (&[("x-new", "no"), ("x-new", "yes")], Side::Function),
            (&[("x-new", "no")], Side::Legacy),
            (&[("cookie", "beta=1")], Side::Function),
            (&[("cookie", "alphabeta=1")], Side::Legacy),
            (&[], Side::Legacy),
        ] {
            let choice = named.choose(false, "GET", &headers(lines), [0, 0]);
            assert_eq!((choice.side, choice.shadowed), (side, true), "{lines:?}");
            let back = named.choose(true, "GET", &headers(lines), [0, 0]);
            assert_eq!(back, Choice { side: Side::Legacy, visitor: None, shadowed: false });
        }
    }

    #[test]
    fn what_changes_something_is_copied_only_when_asked() {
        let shadowed = Route { shadow: Share { now: 5_000, defined: 0 }, ..route("/", 0) };
        let copies =
            |route: &Route, method: &str, draw| route.choose(false, method, &HeaderMap::new(), [0, draw]).shadowed;
        assert!(copies(&shadowed, "GET", 4_999) && !copies(&shadowed, "GET", 5_000));
        for method in ["POST", "PUT", "PATCH", "DELETE", "PURGE"] {
            assert!(!copies(&shadowed, method, 0), "{method}");
            assert!(copies(&Route { shadow_unsafe: true, ..shadowed.clone() }, method, 0), "{method}");
        }
    }
}
