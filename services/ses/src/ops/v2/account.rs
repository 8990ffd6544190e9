//! GetAccount, PutAccountSendingAttributes, PutAccountSuppressionAttributes, PutAccountDetails.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::super::Empty;
use super::suppression::{reason_name, reasons};
use crate::Ses;
use crate::error::Error;
use crate::model::{account, statistics};
use crate::types::{Account, Details};

/// What stands for "without limit".
/// Source: <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendQuota.html>
pub const UNLIMITED: f64 = -1.0;

#[derive(Debug, Default, Deserialize)]
pub struct GetInput {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    dedicated_ip_auto_warmup_enabled: bool,
    enforcement_status: &'static str,
    production_access_enabled: bool,
    send_quota: SendQuota,
    sending_enabled: bool,
    suppression_attributes: SuppressionAttributes,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<DetailsOutput>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendQuota {
    #[serde(rename = "Max24HourSend")]
    max_24_hour_send: f64,
    max_send_rate: f64,
    #[serde(rename = "SentLast24Hours")]
    sent_last_24_hours: f64,
}

/// How much was sent; how much may be is not limited.
pub fn quota(cx: &Cx) -> Result<SendQuota, Error> {
    let sent = statistics::sent_in_a_day(&cx.db().read()?, cx.now(), cx.region().as_str())?;
    Ok(SendQuota { max_24_hour_send: UNLIMITED, max_send_rate: UNLIMITED, sent_last_24_hours: sent as f64 })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SuppressionAttributes {
    suppressed_reasons: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DetailsOutput {
    mail_type: String,
    #[serde(rename = "WebsiteURL")]
    website_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    use_case_description: Option<String>,
    additional_contact_email_addresses: Vec<String>,
}

pub async fn get(_: Arc<Ses>, cx: Cx, _: GetInput) -> Result<GetOutput, Error> {
    let found = account::find(&cx.db().read()?, cx.region().as_str())?;
    Ok(GetOutput {
        dedicated_ip_auto_warmup_enabled: false,
        enforcement_status: "HEALTHY",
        production_access_enabled: true,
        send_quota: quota(&cx)?,
        sending_enabled: found.sends,
        suppression_attributes: SuppressionAttributes {
            suppressed_reasons: found.suppresses.into_iter().map(reason_name).collect(),
        },
        details: found.details.map(|details| DetailsOutput {
            mail_type: details.mail_type,
            website_url: details.website,
            contact_language: details.language,
            use_case_description: details.use_case,
            additional_contact_email_addresses: details.contacts,
        }),
    })
}

pub async fn change(cx: &Cx, change: impl Fn(&mut Account) + Send + Sync + 'static) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db().write(move |tx| account::change(tx, &region, &change)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SendingInput {
    sending_enabled: bool,
}

pub async fn put_sending(_: Arc<Ses>, cx: Cx, input: SendingInput) -> Result<Empty, Error> {
    change(&cx, move |account| account.sends = input.sending_enabled).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SuppressionInput {
    suppressed_reasons: Vec<String>,
    validation_attributes: Option<serde_json::Value>,
}

pub async fn put_suppression(_: Arc<Ses>, cx: Cx, input: SuppressionInput) -> Result<Empty, Error> {
    if input.validation_attributes.is_some() {
        return Err(Error::NotImplemented("validation of addresses (ValidationAttributes)".into()));
    }
    let wanted = reasons(&input.suppressed_reasons)?;
    change(&cx, move |account| account.suppresses.clone_from(&wanted)).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DetailsInput {
    mail_type: String,
    #[serde(rename = "WebsiteURL")]
    website_url: String,
    contact_language: Option<String>,
    use_case_description: Option<String>,
    additional_contact_email_addresses: Vec<String>,
}

pub async fn put_details(_: Arc<Ses>, cx: Cx, input: DetailsInput) -> Result<Empty, Error> {
    if !["MARKETING", "TRANSACTIONAL"].contains(&input.mail_type.as_str()) {
        return Err(Error::invalid(format!("Invalid MailType: {}.", input.mail_type)));
    }
    if input.website_url.is_empty() || input.website_url.len() > 1_000 {
        return Err(Error::invalid("WebsiteURL must have 1 to 1000 characters."));
    }
    let details = Details {
        mail_type: input.mail_type,
        website: input.website_url,
        language: input.contact_language,
        use_case: input.use_case_description,
        contacts: input.additional_contact_email_addresses,
    };
    change(&cx, move |account| account.details = Some(details.clone())).await
}
