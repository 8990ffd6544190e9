//! From a method, a bucket and a key to an operation: what is asked of them is told by the query string and by headers.

use std::borrow::Cow;

use http::HeaderMap;

use crate::rest::{Binding, Labels, Mark};

/// What a request is about, still percent-encoded. A key may have slashes and dots anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target<'p> {
    pub bucket: Option<Cow<'p, str>>,
    pub key: Option<&'p str>,
}

/// How much of a [`Target`] there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Service,
    Bucket,
    Key,
}

impl<'p> Target<'p> {
    /// The bucket is the host's, or else the first part of the path.
    pub fn of(host_bucket: Option<&str>, path: &'p str) -> Target<'p> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let some = |text: &'p str| Some(text).filter(|text| !text.is_empty());
        match host_bucket {
            Some(bucket) => Target { bucket: Some(bucket.to_owned().into()), key: some(path) },
            None => {
                let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
                Target { bucket: some(bucket).map(Cow::Borrowed), key: some(key) }
            }
        }
    }

    /// The bucket that a host stands for: what comes before `label`, as in `photos.s3.localhost` and
    /// `photos.s3.eu-west-1.amazonaws.com`. `None` where the label is not there, `Some(None)` where nothing comes before it.
    pub fn bucket_of_host<'h>(host: &'h str, label: &str) -> Option<Option<&'h str>> {
        let host = host
            .rsplit_once(':')
            .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
            .map_or(host, |(host, _)| host);
        // Names of buckets may have the label in them: it is the last that counts.
        let mut end = host.len();
        for part in host.rsplit('.') {
            let start = end - part.len();
            let of_region = part.strip_prefix(label).is_some_and(|rest| rest.starts_with('-'));
            // Something has to come after it, or it is a name like any other.
            if end < host.len() && (part == label || of_region && start > 0) {
                return Some(host.get(..start.saturating_sub(1)).filter(|bucket| !bucket.is_empty()));
            }
            end = start.saturating_sub(1);
        }
        None
    }

    fn level(&self) -> Level {
        match (&self.bucket, self.key) {
            (None, _) => Level::Service,
            (Some(_), None) => Level::Bucket,
            (Some(_), Some(_)) => Level::Key,
        }
    }
}

/// Where a request leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The binding's place among those that the router was made of.
    pub index: usize,
    pub labels: Labels<'static>,
}

/// Bindings by method, those that ask for more first.
#[derive(Clone, Debug)]
pub struct Router(Vec<Route>);

#[derive(Clone, Debug)]
struct Route {
    index: usize,
    method: &'static str,
    level: Level,
    fixed: Vec<(&'static str, &'static str)>,
    marks: &'static [Mark],
}

impl Route {
    fn new(index: usize, binding: &Binding) -> Route {
        let (path, query) = binding.uri.split_once('?').unwrap_or((binding.uri, ""));
        let level = match path.matches('{').count() {
            0 => Level::Service,
            1 => Level::Bucket,
            _ => Level::Key,
        };
        Route { index, method: binding.method, level, fixed: pairs(query).collect(), marks: binding.marks }
    }

    fn matches(&self, query: &str, headers: &HeaderMap) -> bool {
        self.fixed.iter().all(|fixed| pairs(query).any(|pair| pair == *fixed))
            && self.marks.iter().all(|mark| match mark {
                Mark::Query(name) => pairs(query).any(|(known, _)| known == *name),
                Mark::Header(name) => headers.contains_key(*name),
            })
    }
}

impl Router {
    pub fn new<'b>(bindings: impl IntoIterator<Item = &'b Binding>) -> Router {
        let mut routes: Vec<Route> =
            bindings.into_iter().enumerate().map(|(index, binding)| Route::new(index, binding)).collect();
        routes.sort_by_key(|route| std::cmp::Reverse(route.fixed.len() + route.marks.len()));
        Router(routes)
    }

    /// The methods of the level are the error where nothing is found.
    pub fn find(
        &self,
        method: &str,
        target: &Target<'_>,
        query: &str,
        headers: &HeaderMap,
    ) -> Result<Found, Vec<&'static str>> {
        let level = target.level();
        let mut of_level = self.0.iter().filter(|route| route.level == level);
        let found = of_level.clone().find(|route| route.method == method && route.matches(query, headers));
        let Some(route) = found else {
            let mut methods: Vec<_> = of_level.by_ref().map(|route| route.method).collect();
            methods.sort_unstable();
            methods.dedup();
            return Err(methods);
        };
        let bucket = target.bucket.as_ref().map(|bucket| ("Bucket", Cow::Owned(bucket.clone().into_owned())));
        let key = target.key.map(|key| ("Key", Cow::Owned(key.to_owned())));
        Ok(Found { index: route.index, labels: bucket.into_iter().chain(key).collect() })
    }
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}
