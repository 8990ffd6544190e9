//! CreateAlias, UpdateAlias, DeleteAlias, ListAliases.

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx, Error as ServiceError, Permission};
use wire::DateTime;

use super::{Empty, More, Page, arn, find_by_id, is_alias, resolve_id};
use crate::Kms;
use crate::access::{on_alias, on_key, target_of};
use crate::error::Error;
use crate::limits;
use crate::model::{alias, key};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AliasInput {
    pub alias_name: String,
    /// Not of DeleteAlias.
    pub target_key_id: String,
}

/// Changing an alias needs permission for it, and for the keys that get or lose it.
pub fn permissions(cx: &Cx, action: &str, input: &AliasInput) -> Result<Vec<Permission>, ServiceError> {
    let mut all = vec![on_alias(cx, action, &input.alias_name)];
    let old = target_of(cx, &cx.db().read()?, &input.alias_name);
    let keys = [&input.target_key_id, &old].into_iter().filter(|text| !text.is_empty() && **text != input.alias_name);
    for text in keys {
        all.extend(on_key(cx, action, text, None, &[])?);
    }
    Ok(all)
}

/// The alias's ARN.
fn checked(cx: &Cx, name: &str) -> Result<Arn, Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte);
    let mut constraints = Constraints::default();
    constraints.length(Some(name), "aliasName", limits::ALIAS_CHARACTERS_MAX);
    constraints
        .pattern(Some(name), "aliasName", "^[a-zA-Z0-9:/_-]+$", |name| !name.is_empty() && name.bytes().all(plain));
    constraints.check()?;
    if !name.starts_with(alias::PREFIX) || name == alias::PREFIX {
        return Err(Error::Validation(
            "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html".into(),
        ));
    }
    if name.starts_with(alias::AWS_PREFIX) {
        return Err(Error::InvalidAliasName(
            "Alias name must not begin with alias/aws/: those are of AWS managed keys",
        ));
    }
    Ok(arn(cx)(name))
}

/// The key that an alias is to be of: aliases of aliases there are none.
fn target(cx: &Cx, text: &str) -> Result<Arn, Error> {
    if is_alias(text) {
        return Err(Error::Validation("Aliases must refer to keys. Not aliases".into()));
    }
    let target = resolve_id(&cx.db().read()?, cx, text)?;
    key::check_own(&key::get(&cx.db().read()?, &target)?)?;
    Ok(target)
}

pub async fn create(_: Arc<Kms>, cx: Cx, input: AliasInput) -> Result<Empty, Error> {
    let (name, target, now) = (checked(&cx, &input.alias_name)?, target(&cx, &input.target_key_id)?, cx.now());
    // The pattern of the API's model lets colons pass.
    if input.alias_name.contains(':') {
        return Err(Error::Validation(format!("{} contains invalid characters for an alias", input.alias_name)));
    }
    cx.db().write(move |tx| alias::create(tx, now, &name, &target)).await?;
    Ok(Empty {})
}

pub async fn update(_: Arc<Kms>, cx: Cx, input: AliasInput) -> Result<Empty, Error> {
    let (name, target, now) = (checked(&cx, &input.alias_name)?, target(&cx, &input.target_key_id)?, cx.now());
    cx.db().write(move |tx| alias::update(tx, now, &name, &target)).await?;
    Ok(Empty {})
}

pub async fn delete(_: Arc<Kms>, cx: Cx, input: AliasInput) -> Result<Empty, Error> {
    let name = checked(&cx, &input.alias_name)?;
    cx.db().write(move |tx| alias::delete(tx, &name)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub key_id: Option<String>,
    #[serde(flatten)]
    pub page: Page,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    pub alias_name: String,
    pub alias_arn: String,
    pub target_key_id: String,
    pub creation_date: DateTime,
    pub last_updated_date: DateTime,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub aliases: Vec<Listed>,
    #[serde(flatten)]
    pub more: More,
}

pub async fn list(_: Arc<Kms>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let (limit, after) = input.page.read()?;
    let (read, region) = (cx.db().read()?, cx.region().as_str());
    let (page, more) = match &input.key_id {
        None => alias::list(&read, region, after, limit)?,
        Some(text) => {
            let names = alias::of_key(&read, region, &find_by_id(&cx, text)?.id)?;
            let mut rest = names.into_iter().filter(|name| after.is_none_or(|after| name.as_str() > after));
            let mut page = Vec::new();
            for name in rest.by_ref().take(limit) {
                page.extend(alias::get(&read, region, &name)?.map(|alias| (name, alias)));
            }
            (page, rest.next().is_some())
        }
    };
    let of = arn(&cx);
    let more = More::new(more, page.last().map(|(name, _)| name.clone()));
    let aliases = page.into_iter().map(|(name, found)| Listed {
        alias_arn: of(&name).to_string(),
        alias_name: name,
        target_key_id: found.key,
        creation_date: DateTime(found.created),
        last_updated_date: DateTime(found.updated),
    });
    Ok(ListOutput { aliases: aliases.collect(), more })
}
