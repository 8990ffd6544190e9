//! GetUICustomization, SetUICustomization.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};
use wire::DateTime;

use super::{find_pool, of_pool};
use crate::Cognito;
use crate::error::Error;
use crate::limits::CSS_BYTES_MAX;
use crate::model::customization::{self, ALL};
use crate::model::{client, domain};
use crate::types::Customization;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SetInput {
    pub user_pool_id: String,
    pub client_id: Option<String>,
    #[serde(rename = "CSS")]
    pub css: Option<String>,
    pub image_file: Option<serde_json::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetInput {
    pub user_pool_id: String,
    pub client_id: Option<String>,
}
of_pool!(SetInput, GetInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CustomizationOutput {
    #[serde(rename = "UICustomization")]
    pub customization: Described,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Described {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_pool_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(rename = "CSS", skip_serializing_if = "Option::is_none")]
    pub css: Option<String>,
    #[serde(rename = "CSSVersion", skip_serializing_if = "Option::is_none")]
    pub css_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified_date: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_date: Option<DateTime>,
}

impl From<Customization> for Described {
    fn from(kept: Customization) -> Described {
        Described {
            user_pool_id: Some(kept.pool),
            client_id: Some(kept.client),
            css: Some(kept.css),
            css_version: Some(kept.version),
            last_modified_date: Some(kept.modified.into()),
            creation_date: Some(kept.created.into()),
        }
    }
}

/// Whom it is for: a client that is there, or all.
fn whom(cx: &Cx, pool: &str, client_id: Option<String>) -> Result<String, Error> {
    match client_id {
        Some(id) if id != ALL => Ok(client::of_pool(&cx.db().read()?, pool, &id)?.id),
        _ => Ok(ALL.into()),
    }
}

pub async fn get(_: Arc<Cognito>, cx: Cx, input: GetInput) -> Result<CustomizationOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let client = whom(&cx, &pool.id, input.client_id)?;
    let found = customization::find(&cx.db().read()?, &pool.id, &client)?;
    Ok(CustomizationOutput { customization: found.map(Described::from).unwrap_or_default() })
}

/// Without CSS, pages look as they do of themselves.
pub async fn set(_: Arc<Cognito>, cx: Cx, input: SetInput) -> Result<CustomizationOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    if input.image_file.is_some() {
        return Err(Error::NotImplemented("Cognito's ImageFile of SetUICustomization".into()));
    }
    let (client, css) = (whom(&cx, &pool.id, input.client_id)?, input.css.unwrap_or_default());
    let mut constraints = Constraints::default();
    if css.len() > CSS_BYTES_MAX {
        constraints.fail_unseen("CSS", format_args!("have length less than or equal to {CSS_BYTES_MAX}"));
    }
    constraints.check()?;
    if domain::all_of(&cx.db().read()?, &pool.id)?.is_empty() {
        let told = "There has to be an existing domain associated with this user pool";
        return Err(Error::parameter(told));
    }
    let now = cx.now();
    if css.is_empty() {
        cx.db().write(move |tx| customization::remove(tx, &pool.id, &client)).await?;
        return Ok(CustomizationOutput { customization: Described::default() });
    }
    let version = now.as_millis().to_string();
    let new = Customization { pool: pool.id, client, css, version, created: now, modified: now };
    let kept = cx.db().write(move |tx| customization::put(tx, &new)).await?;
    Ok(CustomizationOutput { customization: kept.into() })
}
