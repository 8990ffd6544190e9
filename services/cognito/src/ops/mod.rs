//! The operations, a file for each kind of thing they work on.

pub mod admin;
pub mod auth;
pub mod client;
pub mod customization;
pub mod device;
pub mod domain;
pub mod group;
pub mod link;
pub mod list;
pub mod mfa;
pub mod passkey;
pub mod password;
pub mod pool;
pub mod pool_settings;
pub mod profile;
pub mod provider;
pub mod resource_server;
pub mod sign_up;
pub mod tag;

use std::collections::BTreeMap;

use base::Arn;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use service::{CallerKind, Constraints, Cx, Error as ServiceError, Permission};
use subtle::ConstantTimeEq as _;

use crate::Cognito;
use crate::crypto;
use crate::error::Error;
use crate::limits;
use crate::model::{client as clients, pool as pools, user as users};
use crate::types::{Client, Pool, User, region_of};

/// What callers hand over to functions.
pub type Metadata = BTreeMap<String, String>;

/// The answer of operations that have nothing to say.
#[derive(Debug, Serialize)]
pub struct Empty {}

/// A request that names a user pool.
pub trait OfPool {
    fn user_pool_id(&self) -> &str;
}

macro_rules! of_pool {
    ($($input:ty),* $(,)?) => {$(
        impl $crate::ops::OfPool for $input {
            fn user_pool_id(&self) -> &str {
                &self.user_pool_id
            }
        }
    )*};
}
pub(crate) use of_pool;

/// A request that names nothing but a pool.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PoolInput {
    pub user_pool_id: String,
}

/// A request that names a user of a pool.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UserInput {
    pub user_pool_id: String,
    pub username: String,
    pub client_metadata: Metadata,
}
of_pool!(PoolInput, UserInput);

pub fn pool_arn(cx: &Cx, id: &str) -> Arn {
    cx.arn(crate::NAME, format!("userpool/{id}"))
}

/// The pool that a signed request names: one of its region.
pub fn find_pool(cx: &Cx, id: &str) -> Result<Pool, Error> {
    let mut constraints = Constraints::default();
    let is_id = |id: &str| {
        let rest = id.split_once('_').map_or("", |(_, rest)| rest);
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    constraints.pattern(Some(id), "userPoolId", r"[\w-]+_[0-9a-zA-Z]+", is_id);
    constraints.length(Some(id), "userPoolId", 55);
    constraints.check()?;
    if region_of(id) != cx.region().as_str() {
        return Err(Error::NotFound(format!("User pool {id} does not exist.")));
    }
    pools::get(&cx.db().read()?, id)
}

/// The pool and the user that a signed request names.
pub fn find_user(cx: &Cx, pool: &str, name: &str) -> Result<(Pool, User), Error> {
    check_name(name, "username")?;
    let pool = find_pool(cx, pool)?;
    let user = users::get(&cx.db().read()?, &pool, name)?;
    Ok((pool, user))
}

/// # Errors
/// When a name is empty, too long, or has spaces or control characters.
pub fn check_name(name: &str, member: &str) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    check_name_within(&mut constraints, name, member);
    Ok(constraints.check()?)
}

pub fn check_name_within(constraints: &mut Constraints, name: &str, member: &str) {
    if name.is_empty() {
        constraints.fail_unseen(member, "have length greater than or equal to 1");
    }
    if name.chars().count() > limits::NAME_CHARACTERS_MAX {
        constraints
            .fail_unseen(member, format_args!("have length less than or equal to {}", limits::NAME_CHARACTERS_MAX));
    }
    if name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        constraints.fail_unseen(member, r"satisfy regular expression pattern: [\p{L}\p{M}\p{S}\p{N}\p{P}]+");
    }
}

/// # Errors
/// When it is none that a user can have; what it is, is not told.
pub fn check_password_form(password: &str, member: &str) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    if password.chars().count() > limits::PASSWORD_CHARACTERS_MAX {
        constraints.fail_unseen(member, "have length less than or equal to 256");
    }
    if password.is_empty() || password.chars().any(char::is_whitespace) {
        constraints.fail_unseen(member, r"satisfy regular expression pattern: ^[\S]+.*[\S]+$");
    }
    Ok(constraints.check()?)
}

/// The client that an unsigned request names, and its pool.
pub fn find_client(cx: &Cx, id: &str) -> Result<(Pool, Client), Error> {
    let read = cx.db().read()?;
    let client = clients::get(&read, id)?;
    Ok((pools::get(&read, &client.pool)?, client))
}

/// Whether a request that names a user comes from who knows the client's secret.
///
/// # Errors
/// When it has to show that, and does not.
///
/// Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html#cognito-user-pools-computing-secret-hash>
pub fn check_secret_hash(cognito: &Cognito, client: &Client, username: &str, given: Option<&str>) -> Result<(), Error> {
    let id = &client.id;
    let Some(secret) = secret_of(cognito, client)? else {
        return match given {
            None | Some("") => Ok(()),
            Some(_) => Err(Error::not_authorized(format!("Unable to verify secret hash for client {id}"))),
        };
    };
    let Some(given) = given else {
        let told = format!("Client {id} is configured with secret but SECRET_HASH was not received");
        return Err(Error::not_authorized(told));
    };
    let hash = hash_of(&secret, username, id);
    match bool::from(hash.as_bytes().ct_eq(given.as_bytes())) {
        true => Ok(()),
        false => Err(Error::not_authorized(format!("SecretHash does not match for the client: {id}"))),
    }
}

fn hash_of(secret: &str, username: &str, client: &str) -> String {
    STANDARD.encode(crypto::mac(secret.as_bytes(), &[username.as_bytes(), client.as_bytes()]))
}

/// What shows that somebody knows a client's secret, for pages of our own, which need not show it.
pub fn secret_hash(cognito: &Cognito, client: &Client, username: &str) -> Result<Option<String>, Error> {
    Ok(secret_of(cognito, client)?.map(|secret| hash_of(&secret, username, &client.id)))
}

/// A client's secret, where it has one.
pub fn secret_of(cognito: &Cognito, client: &Client) -> Result<Option<String>, Error> {
    let Some(sealed) = &client.secret else { return Ok(None) };
    let secret = cognito.vault.open(&client_place(&client.id), sealed)?;
    Ok(Some(String::from_utf8_lossy(&secret).into_owned()))
}

/// Where the vault has a client's secret.
pub fn client_place(id: &str) -> Vec<u8> {
    format!("cognito client {id}").into_bytes()
}

/// For rows of the table: permission for `action` on the pool that the request names.
pub fn on<I: OfPool + 'static, S: 'static>(
    action: &'static str,
) -> impl Fn(&S, &Cx, &I) -> Result<Vec<Permission>, ServiceError> + Send + Sync + 'static {
    move |_, cx, input| Ok(vec![on_pool(cx, action, input.user_pool_id())?])
}

pub fn on_pool(cx: &Cx, action: &str, id: &str) -> Result<Permission, ServiceError> {
    let mut permission = Permission::new(action, pool_arn(cx, id));
    // Policies do not limit these, so there is no need to look.
    if !matches!(cx.caller().kind, CallerKind::Root | CallerKind::System)
        && let Ok(pool) = find_pool(cx, id)
    {
        let tags = pool.tags.into_iter().map(|(name, value)| (format!("aws:ResourceTag/{name}"), vec![value]));
        permission.context.extend(tags);
    }
    Ok(permission)
}

/// The place in a list that a token stands for: the name of the last one that was told.
pub fn after(token: Option<&str>) -> Result<String, Error> {
    let read = |token| URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    token.map_or(Ok(String::new()), |token| read(token).ok_or_else(|| Error::parameter("Invalid pagination token")))
}

/// The token of the next page, where there is one.
pub fn token(more: bool, last: Option<&str>) -> Option<String> {
    last.filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(last))
}

/// How many a page has.
pub fn page_size(given: Option<i64>, member: &str) -> Result<usize, Error> {
    let mut constraints = Constraints::default();
    constraints.range(given.filter(|given| *given != 0), member, &limits::PAGE_RANGE);
    constraints.check()?;
    let given = given.and_then(|given| usize::try_from(given).ok()).filter(|given| *given > 0);
    Ok(given.unwrap_or(limits::PAGE))
}
