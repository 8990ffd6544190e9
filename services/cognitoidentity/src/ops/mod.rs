//! The operations, a file for each kind of thing they work on.

pub mod developer;
pub mod identity;
pub mod pool;
pub mod roles;
pub mod tag;

use std::collections::BTreeMap;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};

use crate::error::Error;
use crate::limits;
use crate::model::{identity as identities, pool as pools};
use crate::types::{Pool, region_of};

pub type Texts = BTreeMap<String, String>;

/// The answer of operations that have nothing to say.
#[derive(Debug, Serialize)]
pub struct Empty {}

/// A request that names an identity pool.
pub trait OfPool {
    fn identity_pool_id(&self) -> &str;
}

macro_rules! of_pool {
    ($($input:ty),* $(,)?) => {$(
        impl $crate::ops::OfPool for $input {
            fn identity_pool_id(&self) -> &str {
                &self.identity_pool_id
            }
        }
    )*};
}
pub(crate) use of_pool;

/// A request that names nothing but a pool.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PoolInput {
    pub identity_pool_id: String,
}
of_pool!(PoolInput);

pub fn pool_arn(cx: &Cx, id: &str) -> Arn {
    cx.arn(crate::NAME, format!("identitypool/{id}"))
}

/// For rows of the table: the pool that a request names.
pub fn on(cx: &Cx, input: &impl OfPool) -> String {
    pool_arn(cx, input.identity_pool_id()).to_string()
}

/// The same for an identity, which is in a pool.
pub fn on_identity(cx: &Cx, id: &str) -> String {
    let found = cx.db().read().ok().and_then(|read| identities::find(&read, id).ok().flatten());
    found.map_or_else(|| pool_arn(cx, "*").to_string(), |identity| pool_arn(cx, &identity.pool).to_string())
}

/// The pool that a signed request names: one of its region.
pub fn find_pool(cx: &Cx, id: &str) -> Result<Pool, Error> {
    check_id(id, "identityPoolId")?;
    if region_of(id) != cx.region().as_str() {
        return Err(Error::NotFound(format!("IdentityPool '{id}' not found.")));
    }
    pools::get(&cx.db().read()?, id)
}

/// # Errors
/// For what is no id of a pool or an identity.
pub fn check_id(id: &str, member: &str) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    let fits = |id: &str| {
        let is_part =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        id.split_once(':').is_some_and(|(region, rest)| is_part(region) && is_part(rest))
    };
    constraints.pattern(Some(id), member, r"[\w-]+:[0-9a-f-]+", fits);
    constraints.length(Some(id), member, 55);
    Ok(constraints.check()?)
}

/// A new id in the region of a request.
pub fn new_id(cx: &Cx) -> String {
    format!("{}:{}", cx.region(), cx.env().uuid())
}

/// How many a page has.
pub fn page_size(given: Option<i64>) -> Result<usize, Error> {
    let mut constraints = Constraints::default();
    constraints.range(given, "maxResults", &limits::PAGE_RANGE);
    constraints.check()?;
    Ok(given.and_then(|given| usize::try_from(given).ok()).unwrap_or(60))
}

/// The token of the next page: the id of the last one, which is no secret.
pub fn token(more: bool, last: Option<&str>) -> Option<String> {
    last.filter(|_| more).map(str::to_owned)
}
