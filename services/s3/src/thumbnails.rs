//! Thumbnails that a bucket declares by its tags: which images get some, and what it is told of those that cannot be made.
//!
//! A tag `cloudlet:thumbnail:small` with the value `w=200 h=200 fit=crop fm=webp` puts a small image beside each that comes: that of
//! `a/b.jpg` is `thumbnails/small/a/b.jpg`. A tag means nothing elsewhere, so the same template and the same calls work on AWS.

use std::collections::BTreeMap;

use kv::Tx;
use media::Parameters;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{Cx, Delivery, Failure, Permission, outbox};

use crate::error::Error;
use crate::limits;
use crate::model::setting::{self, Kind};
use crate::name;
use crate::notify::News;
use crate::ops::object_permission;
use crate::ops::setting::Tagging;
use crate::types::{Bucket, Object};

/// What the keys of tags that declare thumbnails begin with; the name follows.
const TAG: &str = "cloudlet:thumbnail:";

/// Types of what is an image that can be read, and the ends of keys that are one where the type says nothing.
const TYPES: [&str; 5] = ["image/jpeg", "image/jpg", "image/png", "image/webp", "image/gif"];
const TYPES_OF_ANYTHING: [&str; 2] = ["binary/octet-stream", "application/octet-stream"];
const ENDS: [&str; 5] = [".jpg", ".jpeg", ".png", ".webp", ".gif"];

/// A kind of thumbnail.
#[derive(Clone, Debug, PartialEq)]
pub struct Thumbnail {
    pub name: String,
    /// Which keys it is for begin with this.
    from: String,
    /// What its keys begin with; the image's key follows.
    to: String,
    pub parameters: Parameters,
    /// What the tag says.
    declared: String,
}

/// A thumbnail that is to be made: what a delivery to the bucket says.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    pub bucket: String,
    pub key: String,
    /// Of the image that came: a later one has its own order.
    pub sequence: u64,
    pub name: String,
    pub declared: String,
}

impl Thumbnail {
    /// # Errors
    /// What is wrong with it.
    pub fn parse(name: &str, declared: &str) -> Result<Thumbnail, String> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || !name.bytes().all(is_plain) {
            return Err(format!("the name {name:?} has other than lower case letters, digits and hyphens"));
        }
        let (mut from, mut to, mut pairs) = (String::new(), format!("thumbnails/{name}/"), Vec::new());
        for word in declared.split_ascii_whitespace() {
            let (parameter, value) = word.split_once('=').ok_or_else(|| format!("{word:?} is no name=value"))?;
            match parameter {
                "from" => value.clone_into(&mut from),
                "to" => value.clone_into(&mut to),
                // A tag's value may hold no comma.
                known if Parameters::is_name(known) => pairs.push((known.to_owned(), value.replace('+', ","))),
                unknown => return Err(format!("there is no parameter {unknown:?}")),
            }
        }
        if to.is_empty() || !to.ends_with('/') || from.starts_with(&to) {
            return Err("to must end with a slash, and must not be where its images come from".into());
        }
        let parameters = Parameters::of_pairs(pairs).map_err(|error| error.to_string())?;
        let parameters = parameters.ok_or("it says nothing of the image: w=200, for example")?;
        Ok(Thumbnail { name: name.to_owned(), from, to, parameters, declared: declared.to_owned() })
    }

    /// The key of the thumbnail of an image.
    pub fn key(&self, of: &str) -> String {
        format!("{}{of}", self.to)
    }
}

/// Those that tags declare.
///
/// # Errors
/// When one of them is none.
pub fn declared(tags: &BTreeMap<String, String>) -> Result<Vec<Thumbnail>, Error> {
    let named = tags.iter().filter_map(|(key, value)| Some((key.strip_prefix(TAG)?, value)));
    let parsed = named.map(|(name, value)| {
        Thumbnail::parse(name, value)
            .map_err(|error| Error::invalid_tags(format!("{TAG}{name} declares no thumbnail: {error}")))
    });
    let all = parsed.collect::<Result<Vec<_>, _>>()?;
    if all.len() > limits::THUMBNAILS_MAX {
        return Err(Error::invalid_tags(format!(
            "A bucket has at most {} kinds of thumbnails",
            limits::THUMBNAILS_MAX
        )));
    }
    Ok(all)
}

/// Who declares thumbnails reads images and writes others, by way of this server.
pub fn permissions(cx: &Cx, bucket: &str, tagging: &Tagging) -> Result<Vec<Permission>, service::Error> {
    // What is wrong with them is told later, to those who may know.
    let all = tagging.map().and_then(|tags| declared(&tags)).unwrap_or_default();
    let pairs = all.iter().flat_map(|one| [("s3:GetObject", &one.from), ("s3:PutObject", &one.to)]);
    pairs.map(|(action, prefix)| object_permission(cx, action, bucket, &format!("{prefix}*"))).collect()
}

/// Orders the thumbnails of an image that came, once `tx` commits.
///
/// # Errors
/// When the store refuses.
pub fn order(tx: &mut Tx, cx: &Cx, bucket: &Bucket, news: &News<'_>) -> Result<(), Error> {
    let Some(object) = news.object.filter(|_| news.event.starts_with("ObjectCreated:")) else { return Ok(()) };
    if !is_image(news.key, object) {
        return Ok(());
    }
    let Some(text) = setting::get(tx, bucket.id, Kind::Tags)?.filter(|text| text.contains(TAG)) else { return Ok(()) };
    let tagging: Tagging = serde_json::from_str(&text).map_err(service::Error::internal)?;
    let all = declared(&tagging.map()?)?;
    // What was made is not made smaller again, by whichever of them.
    if all.iter().any(|thumbnail| news.key.starts_with(&thumbnail.to)) {
        return Ok(());
    }
    for thumbnail in all.iter().filter(|thumbnail| news.key.starts_with(&thumbnail.from)) {
        let order = Order {
            bucket: bucket.name.as_str().to_owned(),
            key: news.key.to_owned(),
            sequence: object.sequence,
            name: thumbnail.name.clone(),
            declared: thumbnail.declared.clone(),
        };
        let event = serde_json::to_vec(&order).map_err(service::Error::internal)?;
        let own = name::arn(bucket.name.as_str());
        outbox::send(tx, cx, Delivery::new(cx, own.clone(), own, event.into()), None)?;
    }
    Ok(())
}

fn is_image(key: &str, object: &Object) -> bool {
    let said = object.meta.content_type.as_deref().unwrap_or(TYPES_OF_ANYTHING[0]);
    let kind = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let ends_like_one = || ENDS.iter().any(|end| key.to_ascii_lowercase().ends_with(end));
    TYPES.contains(&&*kind) || TYPES_OF_ANYTHING.contains(&&*kind) && ends_like_one()
}

/// Whether a delivery is an order, and not news for others.
pub fn is_order(delivery: &Delivery) -> bool {
    delivery.to.service == delivery.from.service
}

/// Tells of a thumbnail that is not made: in the log, and on the default bus.
///
/// # Errors
/// When the store refuses.
pub fn tell_failure(cx: &Cx, tx: &mut Tx, delivery: &Delivery, failure: &Failure) -> Result<(), service::Error> {
    let Ok(order) = serde_json::from_slice::<Order>(&delivery.event) else { return Ok(()) };
    let Order { bucket, key, name, .. } = &order;
    let reason = &failure.message;
    tracing::warn!(%bucket, %key, thumbnail = %name, code = %failure.code, %reason, "a thumbnail was not made");
    let detail = || {
        json!({
            "bucket": { "name": bucket }, "object": { "key": key }, "thumbnail": name,
            "error": { "code": failure.code, "message": reason },
        })
    };
    service::events::emit(tx, cx, "cloudlet.s3", "Thumbnail Not Made", &[delivery.from.to_string()], detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_says_what_is_made_of_what_and_where() {
        let one = Thumbnail::parse("small", "w=200 h=100 fit=crop crop=top+left fm=webp").unwrap();
        assert_eq!((one.parameters.width, one.key("a/b.jpg").as_str()), (Some(200), "thumbnails/small/a/b.jpg"));
        assert_eq!(one.parameters.focus, media::Focus::Side { x: 0.0, y: 0.0 });
        let other = Thumbnail::parse("big", "from=uploads/ to=big/ w=1000").unwrap();
        assert_eq!((other.from.as_str(), other.key("uploads/a").as_str()), ("uploads/", "big/uploads/a"));
    }

    #[test]
    fn what_declares_nothing_or_would_go_in_circles_is_refused() {
        for (name, declared, told) in [
            ("", "w=1", "name"),
            ("Small", "w=1", "name"),
            ("small", "", "nothing"),
            ("small", "w", "name=value"),
            ("small", "w=0", "pixels"),
            ("small", "width=1", "width"),
            ("small", "w=1 to=", "slash"),
            ("small", "w=1 to=small", "slash"),
            ("small", "w=1 from=t/x to=t/", "come from"),
        ] {
            let error = Thumbnail::parse(name, declared).unwrap_err();
            assert!(error.contains(told), "{declared}: {error}");
        }
        let tags = (0..=limits::THUMBNAILS_MAX).map(|number| (format!("{TAG}t{number}"), "w=1".to_owned()));
        assert!(declared(&tags.collect()).is_err());
        assert_eq!(declared(&[("name".to_owned(), "w=0".to_owned())].into()).unwrap(), []);
    }
}
