//! SendEmail, SendBulkEmail.

use std::sync::Arc;

use mail::Attachment;
use serde::{Deserialize, Serialize};
use service::{Cx, Permission};
use wire::Blob;

use super::super::{Body, Destination, MessageTag, Text, message_tags, simple};
use crate::error::Error;
use crate::sending::{self, Content, More, Request, TemplateRef, template_name};
use crate::{Ses, limits, types};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SendInput {
    from_email_address: Option<String>,
    destination: Option<Destination>,
    reply_to_addresses: Vec<String>,
    feedback_forwarding_email_address: Option<String>,
    content: Option<EmailContent>,
    email_tags: Vec<MessageTag>,
    configuration_set_name: Option<String>,
    endpoint_id: Option<String>,
    tenant_name: Option<String>,
    list_management_options: Option<serde_json::Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct EmailContent {
    simple: Option<SimpleContent>,
    raw: Option<RawContent>,
    template: Option<TemplateContent>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SimpleContent {
    subject: Option<Text>,
    body: Option<Body>,
    headers: Vec<MessageTag>,
    attachments: Vec<AttachmentInput>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawContent {
    data: Blob,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TemplateContent {
    template_name: Option<String>,
    template_arn: Option<String>,
    template_content: Option<super::template::ContentInput>,
    template_data: Option<String>,
    headers: Vec<MessageTag>,
    attachments: Vec<AttachmentInput>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct AttachmentInput {
    raw_content: Blob,
    content_disposition: Option<String>,
    file_name: String,
    content_description: Option<String>,
    content_id: Option<String>,
    content_type: Option<String>,
}

impl AttachmentInput {
    /// How it travels (`ContentTransferEncoding`) is decided by what it is.
    fn read(self) -> Result<Attachment, Error> {
        let inline = match self.content_disposition.as_deref() {
            None | Some("ATTACHMENT") => false,
            Some("INLINE") => true,
            Some(other) => return Err(Error::invalid(format!("Invalid ContentDisposition: {other}."))),
        };
        if self.file_name.is_empty() || self.file_name.chars().count() > 255 {
            return Err(Error::invalid("The file name of an attachment must have 1 to 255 characters."));
        }
        let content_id = self.content_id.filter(|id| !id.is_empty()).unwrap_or_else(|| self.file_name.clone());
        Ok(Attachment {
            content_type: self.content_type.unwrap_or_else(|| media_type(&self.file_name).to_owned()),
            content: self.raw_content.0,
            content_id: inline.then_some(content_id),
            description: self.content_description,
            file_name: self.file_name,
        })
    }
}

/// What files are by their names' ends; anything else is bytes.
fn media_type(file_name: &str) -> &'static str {
    match file_name.rsplit_once('.').map_or("", |(_, end)| end).to_ascii_lowercase().as_str() {
        "csv" => "text/csv",
        "gif" => "image/gif",
        "htm" | "html" => "text/html",
        "ics" => "text/calendar",
        "jpg" | "jpeg" => "image/jpeg",
        "json" => "application/json",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "txt" => "text/plain",
        "xml" => "application/xml",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}

fn more(headers: Vec<MessageTag>, attachments: Vec<AttachmentInput>) -> Result<More, Error> {
    let attachments = attachments.into_iter().map(AttachmentInput::read).collect::<Result<_, _>>()?;
    Ok(More { fields: message_tags(headers), attachments })
}

impl TemplateContent {
    fn reference(&self) -> Result<TemplateRef, Error> {
        match &self.template_content {
            Some(content) => Ok(TemplateRef::Inline(types::Content::from(content.clone()))),
            None => template_name(self.template_name.clone(), self.template_arn.as_deref()).map(TemplateRef::Named),
        }
    }
}

impl SendInput {
    fn request(self) -> Result<Request, Error> {
        refuse(self.endpoint_id.as_ref(), "sending through a multi-region endpoint (EndpointId)")?;
        refuse(self.tenant_name.as_ref(), "sending for a tenant (TenantName)")?;
        refuse(self.list_management_options.as_ref(), "a contact list (ListManagementOptions)")?;
        let content = self.content.unwrap_or_default();
        let content = match (content.simple, content.raw, content.template) {
            (Some(content), None, None) => {
                simple(content.subject, content.body, more(content.headers, content.attachments)?)?
            }
            (None, Some(content), None) => Content::Raw(content.data.0),
            (None, None, Some(content)) => Content::Template {
                template: content.reference()?,
                data: vec![content.template_data],
                more: more(content.headers, content.attachments)?,
            },
            _ => return Err(Error::invalid("Exactly one of Simple, Raw and Template must be specified in Content.")),
        };
        let destination = self.destination.unwrap_or_default();
        Ok(Request {
            operation: "SendEmail",
            from: self.from_email_address,
            to: destination.to_addresses,
            cc: destination.cc_addresses,
            bcc: destination.bcc_addresses,
            reply_to: self.reply_to_addresses,
            return_path: self.feedback_forwarding_email_address,
            configuration_set: self.configuration_set_name,
            tags: message_tags(self.email_tags),
            content,
        })
    }
}

fn refuse<T>(asked: Option<&T>, what: &str) -> Result<(), Error> {
    asked.map_or(Ok(()), |_| Err(Error::NotImplemented(what.to_owned())))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendOutput {
    message_id: String,
}

pub async fn send(_: Arc<Ses>, cx: Cx, input: SendInput) -> Result<SendOutput, Error> {
    Ok(SendOutput { message_id: sending::send(&cx, input.request()?).await? })
}

pub fn send_permissions(cx: &Cx, input: &SendInput) -> Result<Vec<Permission>, service::Error> {
    let raw = input.content.as_ref().is_some_and(|content| content.raw.is_some());
    let action = if raw { "ses:SendRawEmail" } else { "ses:SendEmail" };
    Ok(sending::permissions(cx, action, "2", &input.clone().request()?)?)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BulkInput {
    from_email_address: Option<String>,
    reply_to_addresses: Vec<String>,
    feedback_forwarding_email_address: Option<String>,
    default_email_tags: Vec<MessageTag>,
    default_content: Option<BulkContent>,
    bulk_email_entries: Vec<BulkEntry>,
    configuration_set_name: Option<String>,
    endpoint_id: Option<String>,
    tenant_name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct BulkContent {
    template: Option<TemplateContent>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct BulkEntry {
    destination: Destination,
    replacement_tags: Vec<MessageTag>,
    replacement_email_content: Option<ReplacementContent>,
    replacement_headers: Vec<MessageTag>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ReplacementContent {
    replacement_template: Option<ReplacementTemplate>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ReplacementTemplate {
    replacement_template_data: Option<String>,
}

impl BulkInput {
    fn requests(&self) -> Result<Vec<Request>, Error> {
        refuse(self.endpoint_id.as_ref(), "sending through a multi-region endpoint (EndpointId)")?;
        refuse(self.tenant_name.as_ref(), "sending for a tenant (TenantName)")?;
        let missing = || Error::invalid("DefaultContent.Template must be specified.");
        let template =
            self.default_content.as_ref().and_then(|content| content.template.as_ref()).ok_or_else(missing)?;
        if self.bulk_email_entries.is_empty() || self.bulk_email_entries.len() > limits::BULK_ENTRIES_MAX {
            let most = limits::BULK_ENTRIES_MAX;
            return Err(Error::invalid(format!("A bulk message has 1 to {most} entries.")));
        }
        self.bulk_email_entries.iter().map(|entry| self.request(template, entry)).collect()
    }

    fn request(&self, template: &TemplateContent, entry: &BulkEntry) -> Result<Request, Error> {
        let replaced = |name: &str, by: &[MessageTag]| by.iter().any(|other| other.name.eq_ignore_ascii_case(name));
        let with_defaults = |defaults: &[MessageTag], own: &[MessageTag]| {
            let kept = defaults.iter().filter(|tag| !replaced(&tag.name, own));
            kept.chain(own).cloned().collect::<Vec<_>>()
        };
        let own = entry.replacement_email_content.as_ref().and_then(|content| content.replacement_template.as_ref());
        let data = vec![own.and_then(|own| own.replacement_template_data.clone()), template.template_data.clone()];
        let headers = with_defaults(&template.headers, &entry.replacement_headers);
        let destination = entry.destination.clone();
        Ok(Request {
            operation: "SendBulkEmail",
            from: self.from_email_address.clone(),
            to: destination.to_addresses,
            cc: destination.cc_addresses,
            bcc: destination.bcc_addresses,
            reply_to: self.reply_to_addresses.clone(),
            return_path: self.feedback_forwarding_email_address.clone(),
            configuration_set: self.configuration_set_name.clone(),
            tags: message_tags(with_defaults(&self.default_email_tags, &entry.replacement_tags)),
            content: Content::Template {
                template: template.reference()?,
                data,
                more: more(headers, template.attachments.clone())?,
            },
        })
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BulkOutput {
    bulk_email_entry_results: Vec<EntryResult>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EntryResult {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
}

pub async fn send_bulk(_: Arc<Ses>, cx: Cx, input: BulkInput) -> Result<BulkOutput, Error> {
    let mut results = Vec::new();
    for request in input.requests()? {
        results.push(match sending::send(&cx, request).await {
            Ok(id) => EntryResult { status: "SUCCESS", error: None, message_id: Some(id) },
            // What no entry can help is refused for all of them.
            Err(error @ (Error::Store(_) | Error::Service(_) | Error::NoTemplate(_) | Error::Rejected(_))) => {
                return Err(error);
            }
            Err(error) => EntryResult { status: status_of(&error), error: Some(error.to_string()), message_id: None },
        });
    }
    Ok(BulkOutput { bulk_email_entry_results: results })
}

fn status_of(error: &Error) -> &'static str {
    match error {
        Error::NoConfigurationSet(_) => "CONFIGURATION_SET_NOT_FOUND",
        Error::AccountPaused => "ACCOUNT_SENDING_PAUSED",
        Error::ConfigurationSetPaused(_) => "CONFIGURATION_SET_SENDING_PAUSED",
        Error::Invalid(_) | Error::InvalidData | Error::InvalidTemplate(_) => "INVALID_PARAMETER",
        _ => "FAILED",
    }
}

pub fn bulk_permissions(cx: &Cx, input: &BulkInput) -> Result<Vec<Permission>, service::Error> {
    let mut all = Vec::new();
    for request in input.requests()? {
        match sending::permissions(cx, "ses:SendBulkEmail", "2", &request) {
            Ok(permissions) => all.extend(permissions),
            // An entry that is wrong fails by itself: there is nothing to permit.
            Err(Error::Invalid(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if all.is_empty() {
        all.push(Permission::new("ses:SendBulkEmail", "*"));
    }
    Ok(all)
}
