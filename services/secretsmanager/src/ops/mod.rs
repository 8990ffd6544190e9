//! The operations, a file for each kind of thing they work on.

pub mod list;
pub mod password;
pub mod policy;
pub mod rotation;
pub mod secret;
pub mod stage;
pub mod tag;
pub mod value;

use std::ops::RangeInclusive;

use base::Arn;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use service::{CallerKind, Constraints, Cx, Error as ServiceError, Permission};

use crate::error::Error;
use crate::limits;
use crate::model::secret as secrets;
use crate::types::Secret;

/// The answer of operations that have nothing to say.
#[derive(Debug, Serialize)]
pub struct Empty {}

/// A request that names a secret.
pub trait OfSecret {
    fn secret_id(&self) -> &str;

    /// Condition keys of its own.
    fn context(&self) -> Vec<(String, Vec<String>)> {
        Vec::new()
    }
}

macro_rules! of_secret {
    ($($input:ty),* $(,)?) => {$(
        impl $crate::ops::OfSecret for $input {
            fn secret_id(&self) -> &str {
                &self.secret_id
            }
        }
    )*};
}
pub(crate) use of_secret;

/// A request that names nothing but a secret.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SecretInput {
    pub secret_id: String,
}
of_secret!(SecretInput);

/// A secret, as answers name it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Named {
    #[serde(rename = "ARN")]
    pub arn: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

impl Named {
    pub fn new(secret: &Secret, version: Option<String>) -> Named {
        Named { arn: secret.arn.to_string(), name: secret.name.clone(), version_id: version }
    }
}

/// An ARN of this region and account, of no secret.
pub fn own(cx: &Cx) -> Arn {
    cx.arn("secretsmanager", "")
}

pub fn find(cx: &Cx, text: &str) -> Result<Secret, Error> {
    check_id(text)?;
    secrets::find(&cx.db().read()?, &own(cx), text)
}

/// A secret that is not about to be deleted.
pub fn find_usable(cx: &Cx, text: &str) -> Result<Secret, Error> {
    check_id(text)?;
    secrets::find_usable(&cx.db().read()?, &own(cx), text)
}

fn check_id(text: &str) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    if text.is_empty() {
        constraints.fail(text, "secretId", "have length greater than or equal to 1");
    }
    constraints.length(Some(text), "secretId", 2_048);
    constraints.check()?;
    // What is no ARN is a name.
    if text.starts_with("arn:") { Ok(()) } else { check_characters(text) }
}

fn check_characters(name: &str) -> Result<(), Error> {
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-/_+=.@!".contains(&byte)) {
        return Ok(());
    }
    Err(Error::Validation(
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
            .into(),
    ))
}

/// For rows of the table: permission for `action` on the secret that the request names. Its own policy may allow it too.
pub fn on<I: OfSecret + 'static, S: 'static>(
    action: &'static str,
) -> impl Fn(&S, &Cx, &I) -> Result<Vec<Permission>, ServiceError> + Send + Sync + 'static {
    move |_, cx, input| {
        let mut permission = on_secret(cx, action, input.secret_id())?;
        permission.context.extend(input.context());
        Ok(vec![permission])
    }
}

pub fn on_secret(cx: &Cx, action: &str, text: &str) -> Result<Permission, ServiceError> {
    // Policies do not limit these, so there is no need to look.
    let limited = !matches!(cx.caller().kind, CallerKind::Root | CallerKind::System);
    let found = if limited { secrets::find(&cx.db().read()?, &own(cx), text) } else { Err(Error::NotFound) };
    match found {
        Ok(secret) => {
            let tags = secret.tags.into_iter().map(|(name, value)| (format!("aws:ResourceTag/{name}"), vec![value]));
            let mut permission = Permission { resource_policy: secret.policy, ..Permission::new(action, &secret.arn) };
            permission.context.push(("secretsmanager:SecretId".into(), vec![secret.arn.to_string()]));
            permission.context.extend(tags);
            Ok(permission)
        }
        Err(Error::NotFound) => Ok(Permission::new(action, resource(cx, text))),
        Err(error) => Err(error.into()),
    }
}

/// A secret that is not there, as policies name it.
pub fn resource(cx: &Cx, text: &str) -> String {
    let named = || cx.arn("secretsmanager", format!("{}{text}", secrets::PREFIX)).to_string();
    if text.starts_with("arn:") { text.to_owned() } else { named() }
}

/// What AWS says where there is no token: its SDKs send one by themselves.
pub const NO_TOKEN: &str = "You must provide a ClientRequestToken value. We recommend a UUID-type value.";

/// The id of a new version: the request's token, so that a repeated request makes no second one.
pub fn version_id(token: Option<String>) -> Result<String, Error> {
    let token = token.ok_or_else(|| Error::InvalidRequest(NO_TOKEN.into()))?;
    let length = token.chars().count();
    if limits::TOKEN_CHARACTERS.contains(&length) {
        return Ok(token);
    }
    Err(Error::InvalidParameter("ClientRequestToken must be 32-64 characters long.".into()))
}

/// The place in a list that a token stands for: the name of the last one that was told.
pub fn after(token: Option<&str>) -> Result<Option<String>, Error> {
    let read = |token| URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    token.map(|token| read(token).ok_or(Error::InvalidNextToken)).transpose()
}

pub fn token(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(last)
}

/// How many a page has.
pub fn page_size(given: Option<i64>, range: &RangeInclusive<i64>, default: usize) -> Result<usize, Error> {
    let mut constraints = Constraints::default();
    constraints.range(given, "maxResults", range);
    constraints.check()?;
    Ok(given.and_then(|given| usize::try_from(given).ok()).unwrap_or(default))
}
