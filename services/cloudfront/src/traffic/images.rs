//! Images that are made of those of an origin, by the parameters of their URLs: `/photo.jpg?w=400&format=auto`.
//!
//! A distribution declares by its tag `cloudlet:images` beneath which paths, `/photos/ /avatars/` or `/` for all. A tag means nothing elsewhere, so
//! the same template and the same calls work on AWS, whose tags may hold no star: hence beginnings of paths, and no patterns.

use base::Timestamp;
use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_RANGES, AGE, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderValue, LAST_MODIFIED, VARY,
};
use http::{HeaderName, Method, StatusCode};
use media::{Made, Parameters, Source};
use service::Body;
use sha2::{Digest, Sha256};

use super::fetch::{Loaded, Task};
use super::headers::text;
use super::sites::Site;
use super::viewer::Viewer;
use super::{origin, path, refusal, rule};
use crate::cache::Object;
use crate::error::Error;
use crate::types::Tags;

/// The tag that says beneath which paths images are made.
const TAG: &str = "cloudlet:images";

/// What a viewer wants of an image.
pub struct Wanted {
    parameters: Parameters,
    /// The same for all who get the same: what `Accept` has come to is in it, and not what it says.
    pub key: String,
    /// Whether somebody else may get something else by the same URL.
    varies: bool,
}

/// The beginnings of paths that tags declare.
///
/// # Errors
/// When what they say is no path.
pub fn declared(tags: &Tags) -> Result<Vec<String>, Error> {
    let Some(value) = tags.get(TAG) else { return Ok(Vec::new()) };
    let beginnings: Vec<String> = value.split_ascii_whitespace().map(str::to_owned).collect();
    if !beginnings.is_empty() && beginnings.iter().all(|beginning| beginning.starts_with('/')) {
        return Ok(beginnings);
    }
    let message =
        format!("{TAG} is {value:?}: beginnings of paths are wanted, as in /photos/ /avatars/, or / for all.");
    Err(Error::new(400, "InvalidTagging", message))
}

/// What a viewer wants made, whose query is from then on without it: an origin never learns of it. `None` where images are not
/// made, or nothing is asked of one.
///
/// # Errors
/// When a parameter has a value that is none.
pub fn take(site: &Site, viewer: &mut Viewer) -> media::Result<Option<Wanted>> {
    let reads = matches!(viewer.method, Method::GET | Method::HEAD);
    let normal = path::normal(&viewer.path);
    if !reads || !site.images.iter().any(|beginning| normal.starts_with(beginning.as_str())) {
        return Ok(None);
    }
    let Some(parameters) = Parameters::of_query(&viewer.query)? else { return Ok(None) };
    viewer.query = rule::filtered(&viewer.query, |name| !Parameters::is_name(name));
    let varies = parameters.depends_on_accept();
    let parameters = parameters.accepting(text(&viewer.headers, ACCEPT));
    Ok(Some(Wanted { key: parameters.key(), parameters, varies }))
}

/// The image that is wanted, as an origin would answer: with its status and headers where there is none, and with 304 where it is
/// the one that is there.
pub async fn make(task: &Task, wanted: &Wanted, there: Option<&Object>) -> origin::Response {
    let original = original(task).await;
    if original.status != StatusCode::OK {
        return original;
    }
    let etag = etag(&original.headers, wanted);
    if etag.is_some() && there.is_some_and(|there| text(&there.headers, ETAG) == etag.as_deref()) {
        let headers = headers(original.headers, wanted);
        return origin::Response { status: StatusCode::NOT_MODIFIED, headers, body: Body::from(Bytes::new()) };
    }
    let length = text(&original.headers, CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let pieces =
        futures_util::stream::unfold(original.body, |mut body| async move { Some((body.next().await?, body)) });
    match task.state.images.transform(Source::stream(pieces, length), &wanted.parameters).await {
        Ok(made) => {
            task.state.figures.made();
            let etag = etag.unwrap_or_else(|| quoted(&made.bytes));
            answer(made, &etag, headers(original.headers, wanted))
        }
        Err(error) => {
            tracing::debug!(distribution = task.site.id, path = task.viewer.path, %error, "an image was not made");
            refusal::image(&error)
        }
    }
}

fn answer(made: Made, etag: &str, mut headers: HeaderMap) -> origin::Response {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(made.format.media_type()));
    headers.insert(CONTENT_LENGTH, made.bytes.len().into());
    origin::insert(&mut headers, ETAG, etag);
    origin::Response { status: StatusCode::OK, headers, body: Body::from(made.bytes) }
}

/// The image that others are made of: it is fetched once, and cached like any object.
async fn original(task: &Task) -> origin::Response {
    let mut viewer = task.viewer.elsewhere(&task.viewer.target());
    viewer.method = Method::GET;
    // However its viewers are given texts, it is the same.
    viewer.headers.remove(ACCEPT_ENCODING);
    let now = viewer.now;
    match task.instead(viewer).loaded().await {
        Loaded::Alone(response) => response,
        Loaded::Shared(object, _) => of_cache(&object, now),
    }
}

/// An object of the cache, as if it came from there: with its age.
fn of_cache(object: &Object, now: Timestamp) -> origin::Response {
    let (mut headers, length) = (object.headers.clone(), object.length());
    headers.insert(AGE, now.since(object.made).as_secs().into());
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    origin::Response { status: object.status, headers, body: object.content.body(None, length) }
}

/// The headers of the original that hold for what is made of it, too.
fn headers(mut headers: HeaderMap, wanted: &Wanted) -> HeaderMap {
    for name in [ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG] {
        headers.remove(name);
    }
    let is_digest = |name: &&HeaderName| name.as_str().starts_with("x-amz-checksum-") || name.as_str() == "content-md5";
    let digests: Vec<HeaderName> = headers.keys().filter(is_digest).cloned().collect();
    digests.iter().for_each(|name| drop(headers.remove(name)));
    if wanted.varies {
        headers.append(VARY, HeaderValue::from_static("Accept"));
    }
    headers
}

/// A name for what is made of an original that has one: of the same, the same is made.
fn etag(original: &HeaderMap, wanted: &Wanted) -> Option<String> {
    let of = text(original, ETAG).or_else(|| text(original, LAST_MODIFIED))?;
    let etag = quoted(format!("{of}\n{}", wanted.key).as_bytes());
    Some(if of.starts_with('"') { etag } else { format!("W/{etag}") })
}

fn quoted(bytes: &[u8]) -> String {
    let hash = hex::encode(Sha256::digest(bytes));
    format!("\"{}\"", hash.get(..32).unwrap_or(&hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(value: &str) -> Tags {
        Tags::from([(TAG.to_owned(), value.to_owned())])
    }

    fn wanted(query: &str, accept: Option<&str>) -> Wanted {
        let parameters = Parameters::of_query(query).unwrap().unwrap();
        let varies = parameters.depends_on_accept();
        let parameters = parameters.accepting(accept);
        Wanted { key: parameters.key(), parameters, varies }
    }

    #[test]
    fn a_tag_says_where_images_are_made() {
        assert_eq!(declared(&tags("/photos/  /a")).unwrap(), ["/photos/", "/a"]);
        assert!(declared(&Tags::new()).unwrap().is_empty());
        for value in ["", " ", "*", "photos/", "/a b"] {
            let error = declared(&tags(value)).unwrap_err().to_string();
            assert!(error.contains(TAG), "{value:?}: {error}");
        }
    }

    #[test]
    fn those_who_get_the_same_have_one_key() {
        let browsers =
            ["image/webp,image/apng,*/*", "image/webp"].map(|accept| wanted("w=9&format=auto", Some(accept)));
        assert!(browsers.iter().all(|wanted| wanted.varies) && browsers[0].key == browsers[1].key);
        assert_ne!(browsers[0].key, wanted("w=9&format=auto", Some("image/png")).key);
        assert!(!wanted("w=9", Some("image/webp")).varies);
    }

    #[test]
    fn what_is_said_of_the_originals_bytes_is_not_said_of_others() {
        let pairs = [
            ("content-type", "image/png"),
            ("etag", "\"a\""),
            ("x-amz-checksum-crc32", "x"),
            ("cache-control", "max-age=9"),
            ("vary", "Origin"),
        ];
        let pairs = pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let original: HeaderMap = pairs.into_iter().collect();
        let wanted = wanted("format=auto", None);
        let mut names = headers(original.clone(), &wanted);
        assert_eq!(names.get_all(VARY).iter().collect::<Vec<_>>(), ["Origin", "Accept"]);
        names.remove(VARY);
        assert_eq!(names.keys().collect::<Vec<_>>(), ["cache-control"]);
        let strong = etag(&original, &wanted).unwrap();
        assert!(strong.starts_with('"') && strong != "\"a\"");
        let mut weak = original;
        weak.insert(ETAG, HeaderValue::from_static("W/\"a\""));
        assert!(etag(&weak, &wanted).unwrap().starts_with("W/\""));
        assert_eq!(etag(&HeaderMap::new(), &wanted), None);
    }
}
