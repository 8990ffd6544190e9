//! The operations, a file for each kind of thing they work on.

pub mod access_key;
pub mod account;
pub mod attachment;
pub mod boundary;
pub mod check;
pub mod details;
pub mod entities;
pub mod federation;
pub mod group;
pub mod inline;
pub mod login;
pub mod mfa;
pub mod openid_provider;
pub mod page;
pub mod password_rules;
pub mod policy;
pub mod profile;
pub mod report;
pub mod role;
pub mod service_credential;
pub mod service_linked;
pub mod session;
pub mod session_facts;
pub mod simulate;
pub mod tag;
pub mod user;
pub mod web_identity;

use base::Arn;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use service::{CallerKind, Cx};

use crate::error::Error;
use crate::model::owner::{Owner, find};
use crate::types::{self, Tags};

/// The answer of operations that have nothing to say.
#[derive(Debug, Serialize)]
pub struct Empty {}

/// A request that names nothing but a user, role or group.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NameInput {
    #[serde(alias = "UserName", alias = "RoleName", alias = "GroupName")]
    pub name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// Tags as the API lists them.
pub fn tag_list(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

/// The same, or nothing where there are none.
fn some_tags(tags: &Tags) -> Option<Vec<Tag>> {
    Some(tag_list(tags)).filter(|list| !list.is_empty())
}

/// The permission's resource for a user, role or group: its ARN, with its path if it has one.
pub fn owner_resource<O: Owner>(cx: &Cx, name: &str) -> Arn {
    let found: Option<O> = cx.db().read().ok().and_then(|snap| find(&snap, name).ok());
    let path = found.as_ref().map_or("/", |owner| owner.path());
    types::arn(cx.account(), O::NOUN, path, name)
}

/// The same for a user.
pub fn user_resource_of(cx: &Cx, name: &str) -> Arn {
    owner_resource::<types::User>(cx, name)
}

/// Condition keys for tags that something is given.
pub fn tag_context(tags: &[Tag]) -> Vec<(String, Vec<String>)> {
    service::request_tags(tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())))
}

/// The same for keys of tags that are taken away.
pub fn tag_keys_context(keys: &[String]) -> Vec<(String, Vec<String>)> {
    if keys.is_empty() { Vec::new() } else { vec![("aws:TagKeys".to_owned(), keys.to_vec())] }
}

/// The permission's resource for something to be made under `path`.
pub fn new_resource(cx: &Cx, noun: &str, path: Option<&str>, name: &str) -> Arn {
    types::arn(cx.account(), noun, path.unwrap_or("/"), name)
}

/// The user a request is about: the one it names, or else the one who asks. Empty when that is not a user.
pub fn user_name(cx: &Cx, named: Option<&str>) -> String {
    match (named, &cx.caller().kind) {
        (Some(name), _) => name.to_owned(),
        (None, CallerKind::User { name }) => name.clone(),
        (None, _) => String::new(),
    }
}

/// The same, where it has to be a user.
fn require_user_name(cx: &Cx, named: Option<&str>) -> Result<String, Error> {
    match user_name(cx, named) {
        name if name.is_empty() => {
            Err(Error::Validation("Must specify userName when calling with non-User credentials".into()))
        }
        name => Ok(name),
    }
}

/// Everything but RFC 3986's unreserved characters.
const DOCUMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A policy document as answers carry it: URL-encoded, by RFC 3986.
fn encode_document(text: &str) -> String {
    utf8_percent_encode(text, DOCUMENT).to_string()
}

/// A new id of IAM's: a prefix that says of what, and characters of base32.
fn new_id(cx: &Cx, prefix: &str) -> String {
    const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const ID_CHARACTERS: usize = 21;
    prefix.to_owned() + &cx.env().random_text(BASE32, ID_CHARACTERS - prefix.len())
}

/// A new access key's id: 20 characters.
fn new_access_key_id(cx: &Cx, prefix: &str) -> String {
    let mut id = new_id(cx, prefix);
    id.truncate(20);
    id
}
