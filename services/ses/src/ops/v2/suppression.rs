//! PutSuppressedDestination, GetSuppressedDestination, DeleteSuppressedDestination, ListSuppressedDestinations.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::super::{Empty, page};
use crate::Ses;
use crate::error::Error;
use crate::keys::SUPPRESSED;
use crate::model::suppression;
use crate::types::{Reason, Suppressed};

pub fn reason(text: &str) -> Result<Reason, Error> {
    match text {
        "BOUNCE" => Ok(Reason::Bounce),
        "COMPLAINT" => Ok(Reason::Complaint),
        other => {
            Err(Error::invalid(format!("Invalid suppression reason: {other}. Valid values are: BOUNCE, COMPLAINT.")))
        }
    }
}

pub fn reasons(texts: &[String]) -> Result<Vec<Reason>, Error> {
    texts.iter().map(|text| reason(text)).collect()
}

pub fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Bounce => "BOUNCE",
        Reason::Complaint => "COMPLAINT",
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    email_address: String,
    reason: String,
    tenant_name: Option<String>,
}

/// Lists of tenants are not here.
fn refuse_tenant(tenant: Option<&String>) -> Result<(), Error> {
    tenant.map_or(Ok(()), |_| Err(Error::NotImplemented("a suppression list of a tenant (TenantName)".into())))
}

pub async fn put(_: Arc<Ses>, cx: Cx, input: PutInput) -> Result<Empty, Error> {
    refuse_tenant(input.tenant_name.as_ref())?;
    let refused = |_| Error::invalid(format!("Invalid email address <{}>.", input.email_address));
    mail::check_address(&input.email_address).map_err(refused)?;
    let suppressed = Suppressed {
        address: input.email_address,
        reason: reason(&input.reason)?,
        updated: cx.now(),
        message_id: None,
        feedback_id: None,
    };
    let region = cx.region().to_string();
    cx.db().write(move |tx| suppression::put(tx, &region, &suppressed)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AddressInput {
    email_address: String,
    tenant_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    suppressed_destination: Shown,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    email_address: String,
    reason: &'static str,
    last_update_time: DateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<Attributes>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    feedback_id: Option<String>,
}

pub async fn get(_: Arc<Ses>, cx: Cx, input: AddressInput) -> Result<GetOutput, Error> {
    refuse_tenant(input.tenant_name.as_ref())?;
    let found = suppression::find(&cx.db().read()?, cx.region().as_str(), &input.email_address)?;
    let found = found.ok_or(Error::NotSuppressed(input.email_address))?;
    let feedback_id = found.feedback_id;
    Ok(GetOutput {
        suppressed_destination: Shown {
            email_address: found.address,
            reason: reason_name(found.reason),
            last_update_time: found.updated.into(),
            attributes: found.message_id.map(|message_id| Attributes { message_id, feedback_id }),
        },
    })
}

pub async fn delete(_: Arc<Ses>, cx: Cx, input: AddressInput) -> Result<Empty, Error> {
    refuse_tenant(input.tenant_name.as_ref())?;
    let region = cx.region().to_string();
    cx.db().write(move |tx| suppression::delete(tx, &region, &input.email_address)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    reasons: Vec<String>,
    start_date: Option<DateTime>,
    end_date: Option<DateTime>,
    next_token: Option<String>,
    page_size: Option<i64>,
    tenant_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    suppressed_destination_summaries: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub async fn list(_: Arc<Ses>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    refuse_tenant(input.tenant_name.as_ref())?;
    let wanted = reasons(&input.reasons)?;
    let is_wanted = |found: &Suppressed| {
        (wanted.is_empty() || wanted.contains(&found.reason))
            && input.start_date.as_ref().is_none_or(|start| found.updated >= start.0)
            && input.end_date.as_ref().is_none_or(|end| found.updated <= end.0)
    };
    let (token, items) = (input.next_token.as_deref(), input.page_size);
    let (found, next_token) = page(&SUPPRESSED, &cx.db().read()?, cx.region().as_str(), token, items, is_wanted)?;
    let shown = found.into_iter().map(|found| Shown {
        email_address: found.address,
        reason: reason_name(found.reason),
        last_update_time: found.updated.into(),
        attributes: None,
    });
    Ok(ListOutput { suppressed_destination_summaries: shown.collect(), next_token })
}
