//! ListMail, GetMail: what stayed in the mailbox.

use std::sync::Arc;

use mail::Mail;
use serde::{Deserialize, Serialize};
use service::{Cx, Error};

use super::Control;

/// Mails on a list.
const LISTED_MAX: usize = 100;

#[derive(Debug, Deserialize)]
pub struct ListInput {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    /// The newest first.
    pub mails: Vec<Shown>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Shown {
    pub mail_id: String,
    /// In ISO 8601.
    pub sent: String,
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// Names of attached files.
    pub attachments: Vec<String>,
    /// As it would have gone out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl From<Mail> for Shown {
    fn from(mail: Mail) -> Shown {
        let Mail { id, sent, from, to, subject, text, html, attachments, source } = mail;
        Shown { mail_id: id, sent: sent.iso8601(), from, to, subject, text, html, attachments, source }
    }
}

pub async fn list(_: Arc<Control>, cx: Cx, _: ListInput) -> Result<ListOutput, Error> {
    let mails = mail::list(&cx.db().read()?, LISTED_MAX)?;
    // A list of whole mails would be long.
    let shown = mails.into_iter().map(|mail| Shown::from(Mail { source: None, ..mail }));
    Ok(ListOutput { mails: shown.collect() })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetInput {
    pub mail_id: String,
}

pub async fn get(_: Arc<Control>, cx: Cx, input: GetInput) -> Result<Shown, Error> {
    let found = mail::find(&cx.db().read()?, &input.mail_id)?;
    let absent = || Error::new(404, "ResourceNotFoundException", format!("There is no mail {}.", input.mail_id));
    found.map(Shown::from).ok_or_else(absent)
}
