//! SendEmail, SendRawEmail, SendTemplatedEmail, SendBulkTemplatedEmail.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cx, Permission};
use wire::Blob;

use super::super::{Body, Destination, MessageTag, Text, message_tags, simple};
use crate::error::{Error, OfV1};
use crate::sending::{self, Content, More, Request, TemplateRef, template_name};
use crate::{Ses, limits};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SendInput {
    source: String,
    destination: Destination,
    message: MessageInput,
    reply_to_addresses: Vec<String>,
    return_path: Option<String>,
    tags: Vec<MessageTag>,
    configuration_set_name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MessageInput {
    subject: Option<Text>,
    body: Option<Body>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendOutput {
    message_id: String,
}

impl SendInput {
    fn request(self) -> Result<Request, Error> {
        Ok(Request {
            operation: "SendEmail",
            from: Some(self.source),
            to: self.destination.to_addresses,
            cc: self.destination.cc_addresses,
            bcc: self.destination.bcc_addresses,
            reply_to: self.reply_to_addresses,
            return_path: self.return_path,
            configuration_set: self.configuration_set_name,
            tags: message_tags(self.tags),
            content: simple(self.message.subject, self.message.body, More::default())?,
        })
    }
}

pub async fn send(_: Arc<Ses>, cx: Cx, input: SendInput) -> Result<SendOutput, OfV1> {
    Ok(SendOutput { message_id: sending::send(&cx, input.request()?).await? })
}

/// A request that is wrong is refused in the words of this version.
fn permissions(cx: &Cx, action: &str, request: Result<Request, Error>) -> Result<Vec<Permission>, service::Error> {
    let asked = request.and_then(|request| sending::permissions(cx, action, "1", &request));
    Ok(asked.map_err(OfV1)?)
}

pub fn send_permissions(cx: &Cx, input: &SendInput) -> Result<Vec<Permission>, service::Error> {
    permissions(cx, "ses:SendEmail", input.clone().request())
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RawInput {
    source: Option<String>,
    destinations: Vec<String>,
    raw_message: RawMessage,
    tags: Vec<MessageTag>,
    configuration_set_name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawMessage {
    data: Blob,
}

impl RawInput {
    fn request(self) -> Request {
        Request {
            operation: "SendRawEmail",
            from: self.source,
            to: self.destinations,
            configuration_set: self.configuration_set_name,
            tags: message_tags(self.tags),
            content: Content::Raw(self.raw_message.data.0),
            ..Request::default()
        }
    }
}

pub async fn send_raw(_: Arc<Ses>, cx: Cx, input: RawInput) -> Result<SendOutput, OfV1> {
    Ok(SendOutput { message_id: sending::send(&cx, input.request()).await? })
}

pub fn raw_permissions(cx: &Cx, input: &RawInput) -> Result<Vec<Permission>, service::Error> {
    permissions(cx, "ses:SendRawEmail", Ok(input.clone().request()))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TemplatedInput {
    source: String,
    destination: Destination,
    reply_to_addresses: Vec<String>,
    return_path: Option<String>,
    tags: Vec<MessageTag>,
    configuration_set_name: Option<String>,
    template: Option<String>,
    template_arn: Option<String>,
    template_data: Option<String>,
}

impl TemplatedInput {
    fn request(self) -> Result<Request, Error> {
        let name = template_name(self.template, self.template_arn.as_deref())?;
        let content = Content::Template {
            template: TemplateRef::Named(name),
            data: vec![self.template_data],
            more: More::default(),
        };
        Ok(Request {
            operation: "SendTemplatedEmail",
            from: Some(self.source),
            to: self.destination.to_addresses,
            cc: self.destination.cc_addresses,
            bcc: self.destination.bcc_addresses,
            reply_to: self.reply_to_addresses,
            return_path: self.return_path,
            configuration_set: self.configuration_set_name,
            tags: message_tags(self.tags),
            content,
        })
    }
}

pub async fn send_templated(_: Arc<Ses>, cx: Cx, input: TemplatedInput) -> Result<SendOutput, OfV1> {
    Ok(SendOutput { message_id: sending::send(&cx, input.request()?).await? })
}

pub fn templated_permissions(cx: &Cx, input: &TemplatedInput) -> Result<Vec<Permission>, service::Error> {
    permissions(cx, "ses:SendTemplatedEmail", input.clone().request())
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BulkInput {
    source: String,
    reply_to_addresses: Vec<String>,
    return_path: Option<String>,
    configuration_set_name: Option<String>,
    default_tags: Vec<MessageTag>,
    template: Option<String>,
    template_arn: Option<String>,
    default_template_data: Option<String>,
    destinations: Vec<BulkDestination>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct BulkDestination {
    destination: Destination,
    replacement_tags: Vec<MessageTag>,
    replacement_template_data: Option<String>,
}

impl BulkInput {
    fn requests(&self) -> Result<Vec<Request>, Error> {
        if self.destinations.is_empty() || self.destinations.len() > limits::BULK_ENTRIES_MAX {
            let most = limits::BULK_ENTRIES_MAX;
            return Err(Error::invalid(format!("A bulk message has 1 to {most} destinations.")));
        }
        let name = template_name(self.template.clone(), self.template_arn.as_deref())?;
        Ok(self.destinations.iter().map(|entry| self.request(&name, entry)).collect())
    }

    fn request(&self, template: &str, entry: &BulkDestination) -> Request {
        let own = |tag: &&MessageTag| !entry.replacement_tags.iter().any(|other| other.name == tag.name);
        let tags = self.default_tags.iter().filter(own).chain(&entry.replacement_tags).cloned().collect();
        let destination = entry.destination.clone();
        Request {
            operation: "SendBulkTemplatedEmail",
            from: Some(self.source.clone()),
            to: destination.to_addresses,
            cc: destination.cc_addresses,
            bcc: destination.bcc_addresses,
            reply_to: self.reply_to_addresses.clone(),
            return_path: self.return_path.clone(),
            configuration_set: self.configuration_set_name.clone(),
            tags: message_tags(tags),
            content: Content::Template {
                template: TemplateRef::Named(template.to_owned()),
                data: vec![entry.replacement_template_data.clone(), self.default_template_data.clone()],
                more: More::default(),
            },
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BulkOutput {
    status: Vec<DestinationStatus>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DestinationStatus {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
}

pub async fn send_bulk(_: Arc<Ses>, cx: Cx, input: BulkInput) -> Result<BulkOutput, OfV1> {
    let mut status = Vec::new();
    for request in input.requests()? {
        status.push(match sending::send(&cx, request).await {
            Ok(id) => DestinationStatus { status: "Success", error: None, message_id: Some(id) },
            // What no destination can help is refused for all of them.
            Err(error @ (Error::Store(_) | Error::Service(_) | Error::NoTemplate(_) | Error::Rejected(_))) => {
                return Err(error.into());
            }
            Err(error @ (Error::NoConfigurationSet(_) | Error::ConfigurationSetPaused(_) | Error::AccountPaused)) => {
                return Err(error.into());
            }
            Err(error) => {
                DestinationStatus { status: status_of(&error), error: Some(error.to_string()), message_id: None }
            }
        });
    }
    Ok(BulkOutput { status })
}

fn status_of(error: &Error) -> &'static str {
    match error {
        Error::Invalid(_) | Error::InvalidData | Error::InvalidTemplate(_) => "InvalidParameterValue",
        _ => "Failed",
    }
}

pub fn bulk_permissions(cx: &Cx, input: &BulkInput) -> Result<Vec<Permission>, service::Error> {
    let mut all = Vec::new();
    for request in input.requests().map_err(OfV1)? {
        match sending::permissions(cx, "ses:SendBulkTemplatedEmail", "1", &request) {
            Ok(permissions) => all.extend(permissions),
            // A destination that is wrong fails by itself: there is nothing to permit.
            Err(Error::Invalid(_)) => {}
            Err(error) => return Err(OfV1(error).into()),
        }
    }
    if all.is_empty() {
        all.push(Permission::new("ses:SendBulkTemplatedEmail", "*"));
    }
    Ok(all)
}
