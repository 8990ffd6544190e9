//! ListUsers, with its filters; and users as answers have them.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/how-to-manage-user-accounts.html>

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};
use wire::DateTime;

use super::{after, find_pool, of_pool, page_size, token};
use crate::Cognito;
use crate::error::Error;
use crate::limits::FILTER_CHARACTERS_MAX;
use crate::model::user as users;
use crate::schema::{Attribute, SUB};
use crate::types::User;

/// What is told of a user.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserType {
    pub username: String,
    pub attributes: Vec<Attribute>,
    pub user_create_date: DateTime,
    pub user_last_modified_date: DateTime,
    pub enabled: bool,
    pub user_status: &'static str,
}

/// The attributes of a user, of these names alone where there are any.
pub fn attributes_of(user: &User, only: Option<&[String]>) -> Vec<Attribute> {
    let sub = Attribute { name: SUB.into(), value: user.sub.clone() };
    let all = std::iter::once(sub).chain(Attribute::list(&user.attributes));
    all.filter(|attribute| only.is_none_or(|only| only.contains(&attribute.name))).collect()
}

impl UserType {
    pub fn new(user: &User, only: Option<&[String]>) -> UserType {
        UserType {
            username: user.name.clone(),
            attributes: attributes_of(user, only),
            user_create_date: user.created.into(),
            user_last_modified_date: user.modified.into(),
            enabled: user.enabled,
            user_status: user.status.word(),
        }
    }
}

/// `name = "value"` or `name ^= "start"`.
#[derive(Debug, PartialEq, Eq)]
struct Filter {
    name: String,
    starts: bool,
    value: String,
}

/// What can be filtered by.
const FILTERED: [&str; 12] = [
    "username",
    "email",
    "phone_number",
    "name",
    "given_name",
    "family_name",
    "preferred_username",
    "cognito:user_status",
    "status",
    "sub",
    "email_verified",
    "phone_number_verified",
];

impl Filter {
    /// `None` for no filter.
    fn read(text: &str) -> Result<Option<Filter>, Error> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let invalid = || Error::parameter("Error while parsing filter");
        let (name, quoted) = text.split_once('=').ok_or_else(invalid)?;
        let (name, starts) = name.strip_suffix('^').map_or((name, false), |name| (name, true));
        let name = name.trim().trim_matches('"').to_owned();
        let value = quoted.trim().strip_prefix('"').and_then(|value| value.strip_suffix('"')).ok_or_else(invalid)?;
        if !FILTERED.contains(&name.as_str()) {
            return Err(Error::parameter(format!("Invalid search attribute: {name}")));
        }
        Ok(Some(Filter { name, starts, value: value.replace("\\\"", "\"") }))
    }

    fn matches(&self, user: &User) -> bool {
        let value = match self.name.as_str() {
            "username" => user.name.as_str(),
            SUB => &user.sub,
            "cognito:user_status" => user.status.word(),
            "status" => {
                if user.enabled {
                    "Enabled"
                } else {
                    "Disabled"
                }
            }
            name => match user.attributes.get(name) {
                Some(value) => value,
                None => return false,
            },
        };
        if self.starts { value.starts_with(&self.value) } else { value == self.value }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub user_pool_id: String,
    pub attributes_to_get: Option<Vec<String>>,
    pub limit: Option<i64>,
    pub pagination_token: Option<String>,
    pub filter: Option<String>,
}
of_pool!(ListInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub users: Vec<UserType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagination_token: Option<String>,
}

pub async fn list(_: Arc<Cognito>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let mut constraints = Constraints::default();
    constraints.length(input.filter.as_deref(), "filter", FILTER_CHARACTERS_MAX);
    constraints.check()?;
    let filter = Filter::read(input.filter.as_deref().unwrap_or_default())?;
    let (limit, start) = (page_size(input.limit, "limit")?, after(input.pagination_token.as_deref())?);
    let read = cx.db().read()?;
    let matches = |user: &User| filter.as_ref().is_none_or(|filter| filter.matches(user));
    let all = users::after(&read, &pool.id, &start)?.filter(|user| user.as_ref().map_or(true, matches));
    let (found, more) = kv::page(all, limit)?;
    let pagination_token = token(more, found.last().map(|user| user.key.as_str()));
    let only = input.attributes_to_get.as_deref();
    Ok(ListOutput { users: found.iter().map(|user| UserType::new(user, only)).collect(), pagination_token })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::user::tests::user;

    #[test]
    fn filters_are_read_and_kept() {
        let ada = user();
        for (text, expected) in [
            (r#"email = "ada@example.com""#, true),
            (r#"email="ada@example.com""#, true),
            (r#""email" ^= "ada@""#, true),
            (r#"email = "ada@""#, false),
            (r#"username ^= "A""#, true),
            (r#"cognito:user_status = "CONFIRMED""#, true),
            (r#"status = "Disabled""#, false),
            (r#"sub = "s""#, true),
            (r#"phone_number ^= """#, false),
        ] {
            assert_eq!(Filter::read(text).unwrap().unwrap().matches(&ada), expected, "{text}");
        }
        assert_eq!(Filter::read("").unwrap(), None);
        for wrong in ["email", "email = ada", r#"custom:a = "b""#, r#"= "b""#] {
            assert!(Filter::read(wrong).is_err(), "{wrong}");
        }
    }
}
