//! Sending, as both APIs do it: from what was asked for to a message that is accepted.

use std::collections::BTreeMap;

use base::Arn;
use bytes::Bytes;
use kv::Read;
use mail::{Attachment, Contents, Draft, NamedAddress};
use serde_json::{Value, json};
use service::{Cx, Permission};

use crate::error::Error;
use crate::limits;
use crate::model::event::Event;
use crate::model::{account, configuration_set, event, identity, message, template};
use crate::template::{Failure, Template};
use crate::types::{self, Identity, Message};

/// What is to be sent.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The operation that asks, for the message's tags.
    pub operation: &'static str,
    pub from: Option<String>,
    /// Those that are named override a raw message's own.
    pub to: Vec<String>,
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
    pub reply_to: Vec<String>,
    pub return_path: Option<String>,
    pub configuration_set: Option<String>,
    pub tags: Vec<(String, String)>,
    pub content: Content,
}

#[derive(Clone, Debug)]
pub enum Content {
    Simple { subject: String, text: Option<String>, html: Option<String>, more: More },
    Template { template: TemplateRef, data: Vec<Option<String>>, more: More },
    Raw(Bytes),
}

impl Default for Content {
    fn default() -> Content {
        Content::Raw(Bytes::new())
    }
}

/// What composed messages may have beside their texts.
#[derive(Clone, Debug, Default)]
pub struct More {
    pub fields: Vec<(String, String)>,
    pub attachments: Vec<Attachment>,
}

#[derive(Clone, Debug)]
pub enum TemplateRef {
    Named(String),
    Inline(types::Content),
}

impl TemplateRef {
    fn name(&self) -> &str {
        match self {
            TemplateRef::Named(name) => name,
            TemplateRef::Inline(_) => "",
        }
    }

    fn content(&self, read: &impl Read, region: &str) -> Result<types::Content, Error> {
        match self {
            TemplateRef::Named(name) => Ok(template::find(read, region, name)?.content),
            TemplateRef::Inline(content) => Ok(content.clone()),
        }
    }
}

/// A template's name, from its ARN or as it is.
pub fn template_name(name: Option<String>, arn: Option<&str>) -> Result<String, Error> {
    let of_arn = || arn?.parse::<Arn>().ok()?.resource.strip_prefix("template/").map(str::to_owned);
    let named = name.filter(|name| !name.is_empty()).or_else(of_arn);
    named.ok_or_else(|| Error::invalid("Template name is missing."))
}

/// Fields of the header that a message does not set by itself.
/// Source: <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html>
const OWN_FIELDS: [&str; 12] = [
    "bcc",
    "cc",
    "content-disposition",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "reply-to",
    "return-path",
    "subject",
    "to",
];
/// Fields of a raw message that speak to SES, or that nobody else is to see.
const REMOVED_FIELDS: [&str; 10] = [
    "bcc",
    "message-id",
    "return-path",
    "x-ses-configuration-set",
    "x-ses-message-tags",
    "x-ses-source-arn",
    "x-ses-from-arn",
    "x-ses-return-path-arn",
    "x-ses-list-management-options",
    "x-ses-tenant",
];

/// A request whose addresses are known.
struct Prepared {
    contents: Contents,
    from: NamedAddress,
    /// As its sender wrote it.
    source: String,
    to: Vec<NamedAddress>,
    cc: Vec<NamedAddress>,
    reply_to: Vec<NamedAddress>,
    recipients: Vec<String>,
    return_path: String,
}

fn parse(text: &str) -> Result<NamedAddress, Error> {
    if !text.contains('@') {
        return Err(Error::invalid("Missing final '@domain'"));
    }
    let found = NamedAddress::parse(text).map_err(|_| Error::invalid("Illegal address"))?;
    if !found.address.is_ascii() {
        return Err(Error::invalid(
            "Local address contains control or whitespace, or the address has non-ASCII characters",
        ));
    }
    if found.address.len() > limits::ADDRESS_BYTES_MAX {
        return Err(Error::invalid(format!("Address length is more than {} bytes", limits::ADDRESS_BYTES_MAX)));
    }
    Ok(found)
}

fn parse_all(texts: &[String]) -> Result<Vec<NamedAddress>, Error> {
    texts.iter().map(|text| parse(text)).collect()
}

impl Prepared {
    fn of(request: &Request) -> Result<Prepared, Error> {
        let contents = match &request.content {
            Content::Raw(source) => {
                check_size(source)?;
                mail::read(source)
            }
            _ => Contents::default(),
        };
        if contents.count("from") > 1 || contents.from.len() > 1 {
            return Err(Error::invalid("Duplicate header 'From'."));
        }
        let stated = request.from.as_deref().filter(|from| !from.is_empty());
        let (from, source) = match (contents.from.first(), stated) {
            (Some(from), stated) => (parse_found(from)?, stated.map_or_else(|| from.to_string(), str::to_owned)),
            (None, Some(stated)) => (parse(stated)?, stated.to_owned()),
            (None, None) => return Err(Error::invalid("Missing required header 'From'.")),
        };
        let (to, cc, bcc) = (parse_all(&request.to)?, parse_all(&request.cc)?, parse_all(&request.bcc)?);
        let stated_any = !(to.is_empty() && cc.is_empty() && bcc.is_empty());
        let mut recipients = Vec::new();
        let all: Vec<NamedAddress> = if stated_any {
            to.iter().chain(&cc).chain(&bcc).cloned().collect()
        } else {
            let found = contents.to.iter().chain(&contents.cc).chain(&contents.bcc);
            found.map(parse_found).collect::<Result<_, _>>()?
        };
        for recipient in all {
            if !recipients.contains(&recipient.address) {
                recipients.push(recipient.address);
            }
        }
        if recipients.is_empty() {
            return Err(Error::invalid("Missing required header 'To'."));
        }
        if recipients.len() > limits::RECIPIENTS_MAX {
            return Err(Error::invalid(format!("Recipient count exceeds {}.", limits::RECIPIENTS_MAX)));
        }
        let return_path = request.return_path.clone().filter(|path| !path.is_empty());
        let return_path = match return_path.or_else(|| contents.return_path.clone()) {
            Some(path) => parse(&path)?.address,
            None => stated.map_or_else(|| Ok(from.clone()), parse)?.address,
        };
        let reply_to = parse_all(&request.reply_to)?;
        Ok(Prepared { contents, from, source, to, cc, reply_to, recipients, return_path })
    }

    /// Everybody in whose name it is sent has to be verified.
    fn senders(&self) -> Result<Vec<String>, Error> {
        let mut senders = vec![self.from.address.clone()];
        senders.push(parse(&self.source)?.address);
        senders.extend(self.contents.sender.as_ref().map(|sender| sender.address.clone()));
        senders.push(self.return_path.clone());
        let mut once = Vec::new();
        senders.retain(|sender| {
            !once.contains(sender) && {
                once.push(sender.clone());
                true
            }
        });
        Ok(senders)
    }
}

/// An address in a message that was read.
fn parse_found(found: &NamedAddress) -> Result<NamedAddress, Error> {
    Ok(NamedAddress { name: found.name.clone(), ..parse(&found.address)? })
}

/// The permission that sending needs: on the identity, whose own policies are asked too, and on what else it uses.
///
/// Source: <https://docs.aws.amazon.com/ses/latest/dg/control-user-access.html>
pub fn permissions(cx: &Cx, action: &str, version: &str, request: &Request) -> Result<Vec<Permission>, Error> {
    let prepared = Prepared::of(request)?;
    let read = cx.db().read()?;
    let region = cx.region().as_str();
    let sender = identity::of_sender(&read, region, &prepared.from.address)?;
    let name = sender.as_ref().map_or(prepared.from.address.as_str(), |found| &found.name);
    let mut context = vec![
        ("ses:FromAddress".to_owned(), vec![prepared.from.address.clone()]),
        ("ses:FeedbackAddress".to_owned(), vec![prepared.return_path.clone()]),
        ("ses:Recipients".to_owned(), prepared.recipients.clone()),
        ("ses:ApiVersion".to_owned(), vec![version.to_owned()]),
    ];
    if let Some(name) = &prepared.from.name {
        context.push(("ses:FromDisplayName".to_owned(), vec![name.clone()]));
    }
    let resource_policy = sender.as_ref().and_then(merged_policy);
    let on = |resource: Arn, resource_policy| Permission {
        context: context.clone(),
        resource_policy,
        ..Permission::new(action, resource)
    };
    let mut all = vec![on(identity::arn(cx, name), resource_policy)];
    let set = configuration_set_of(request, &prepared, sender.as_ref());
    all.extend(set.map(|set| on(cx.arn("ses", format!("configuration-set/{set}")), None)));
    if let Content::Template { template: TemplateRef::Named(name), .. } = &request.content {
        all.push(on(cx.arn("ses", format!("template/{name}")), None));
    }
    Ok(all)
}

/// All policies of an identity as one document.
fn merged_policy(identity: &Identity) -> Option<String> {
    let statements: Vec<Value> = identity
        .policies
        .values()
        .filter_map(|text| serde_json::from_str::<Value>(text).ok())
        .flat_map(|policy| match policy["Statement"].clone() {
            Value::Array(statements) => statements,
            statement => vec![statement],
        })
        .collect();
    (!statements.is_empty()).then(|| json!({"Version": "2012-10-17", "Statement": statements}).to_string())
}

fn configuration_set_of(request: &Request, prepared: &Prepared, sender: Option<&Identity>) -> Option<String> {
    let stated = request.configuration_set.clone().filter(|name| !name.is_empty());
    let in_message = || prepared.contents.field("x-ses-configuration-set").map(|name| name.trim().to_owned());
    stated.or_else(in_message).or_else(|| sender?.configuration_set.clone())
}

/// Accepts a message; returns its id. Where its template cannot be rendered it is accepted too, and goes nowhere, as on AWS:
/// those who listen are told.
pub async fn send(cx: &Cx, request: Request) -> Result<String, Error> {
    let mut tags = checked_tags(&request.tags)?;
    let prepared = Prepared::of(&request)?;
    for (name, value) in tags_in(&prepared.contents)? {
        tags.entry(name).or_insert(value);
    }
    let region = cx.region().as_str();
    let (sender, set, texts) = {
        let read = cx.db().read()?;
        if !account::find(&read, region)?.sends {
            return Err(Error::AccountPaused);
        }
        let sender = verified(&read, region, &prepared)?;
        let set = configuration_set_of(&request, &prepared, Some(&sender));
        if let Some(name) = &set
            && !configuration_set::find(&read, region, name)?.sends
        {
            return Err(Error::ConfigurationSetPaused(name.clone()));
        }
        let texts = match &request.content {
            Content::Template { template, data, .. } => Some(rendered(&template.content(&read, region)?, data)?),
            _ => None,
        };
        (sender, set, texts)
    };
    let id = format!("0100{:012x}-{}-000000", cx.now().as_millis(), cx.env().uuid());
    let failed = matches!(texts, Some(Err(_)));
    let source = match texts {
        Some(Err(_)) => Bytes::new(),
        Some(Ok(ref texts)) => source_of(cx, &id, &request, &prepared, Some(texts))?,
        None => source_of(cx, &id, &request, &prepared, None)?,
    };
    let message = message_of(cx, &id, &request, &prepared, &sender, set, tags, &source);
    let cx = cx.clone();
    if let (true, Some(Err(failure)), Content::Template { template, .. }) = (failed, &texts, &request.content) {
        let told = Event::rendering_failure(template.name(), &failure.to_string());
        cx.clone().db().write(move |tx| event::publish(tx, &cx, &message, &told)).await?;
    } else {
        cx.clone().db().write(move |tx| message::accept(tx, &cx, &message, &source)).await?;
    }
    Ok(id)
}

/// The identity that a message is sent as, if all its senders are verified.
fn verified(read: &impl Read, region: &str, prepared: &Prepared) -> Result<Identity, Error> {
    let (mut unverified, mut sender) = (Vec::new(), None);
    for address in prepared.senders()? {
        match identity::of_sender(read, region, &address)?.filter(Identity::is_verified) {
            Some(found) => sender = sender.or(Some(found)),
            None => unverified.push(address),
        }
    }
    match sender {
        Some(sender) if unverified.is_empty() => Ok(sender),
        _ => {
            let (region, all) = (region.to_ascii_uppercase(), unverified.join(", "));
            Err(Error::Rejected(format!(
                "Email address is not verified. The following identities failed the check in region {region}: {all}"
            )))
        }
    }
}

/// The texts of a template with data, or why they cannot be had.
type Rendered = Result<types::Content, Failure>;

/// `data` are objects as JSON text; the first that has a member counts.
fn rendered(content: &types::Content, data: &[Option<String>]) -> Result<Rendered, Error> {
    let mut merged = serde_json::Map::new();
    for text in data.iter().flatten().filter(|text| !text.trim().is_empty()) {
        for (name, value) in parse_data(text)? {
            merged.entry(name).or_insert(value);
        }
    }
    render(content, &Value::Object(merged))
}

pub fn parse_data(text: &str) -> Result<serde_json::Map<String, Value>, Error> {
    if text.chars().count() > limits::TEMPLATE_DATA_CHARACTERS_MAX {
        return Err(Error::InvalidData);
    }
    serde_json::from_str(text).map_err(|_| Error::InvalidData)
}

pub fn render(content: &types::Content, data: &Value) -> Result<Rendered, Error> {
    let part = |text: &Option<String>| -> Result<Result<Option<String>, Failure>, Error> {
        let Some(text) = text else { return Ok(Ok(None)) };
        Ok(Template::parse(text)?.render(data, limits::MESSAGE_BYTES_MAX).map(Some))
    };
    let (subject, text, html) = (part(&content.subject)?, part(&content.text)?, part(&content.html)?);
    let all = || -> Rendered { Ok(types::Content { subject: subject?, text: text?, html: html? }) };
    Ok(all())
}

/// The message as it goes out.
fn source_of(
    cx: &Cx,
    id: &str,
    request: &Request,
    prepared: &Prepared,
    rendered: Option<&types::Content>,
) -> Result<Bytes, Error> {
    let composed = match (&request.content, rendered) {
        (Content::Raw(source), _) => source.clone(),
        (Content::Simple { subject, text, html, more }, _) => {
            let texts = types::Content { subject: Some(subject.clone()), text: text.clone(), html: html.clone() };
            compose(cx, prepared, &texts, more)?
        }
        (Content::Template { more, .. }, texts) => {
            compose(cx, prepared, texts.unwrap_or(&types::Content::default()), more)?
        }
    };
    let message_id = message::header_id(cx.region().as_str(), id);
    let mut fields = vec![("Message-ID", message_id.as_str())];
    let date = cx.now().utc().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    if let Content::Raw(_) = request.content {
        if prepared.contents.count("date") == 0 {
            fields.push(("Date", &date));
        }
        if prepared.contents.from.is_empty() {
            fields.push(("From", &prepared.source));
        }
    }
    let refused = |error: mail::Error| Error::invalid(error.to_string());
    let source = mail::with_fields(&composed, &fields, &REMOVED_FIELDS).map_err(refused)?;
    check_size(&source)?;
    Ok(source.into())
}

fn check_size(source: &[u8]) -> Result<(), Error> {
    let (most, bytes) = (limits::MESSAGE_BYTES_MAX, source.len());
    if bytes > most {
        return Err(Error::invalid(format!("Message length is more than {most} bytes long: '{bytes}'.")));
    }
    Ok(())
}

fn compose(cx: &Cx, prepared: &Prepared, texts: &types::Content, more: &More) -> Result<Bytes, Error> {
    if more.fields.len() > limits::FIELDS_MAX {
        return Err(Error::invalid(format!("A message has at most {} headers of its own.", limits::FIELDS_MAX)));
    }
    for (name, value) in &more.fields {
        if OWN_FIELDS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(Error::invalid(format!("Header <{name}> is not allowed.")));
        }
        if value.chars().count() + name.chars().count() > limits::FIELD_CHARACTERS_MAX {
            return Err(Error::invalid(format!("Header <{name}> is too long.")));
        }
    }
    let draft = Draft {
        from: prepared.from.clone(),
        to: prepared.to.clone(),
        cc: prepared.cc.clone(),
        reply_to: prepared.reply_to.clone(),
        subject: texts.subject.clone().unwrap_or_default(),
        text: texts.text.clone(),
        html: texts.html.clone(),
        fields: more.fields.clone(),
        attachments: more.attachments.clone(),
        sent: cx.now(),
    };
    mail::compose(&draft).map(Bytes::from).map_err(|error| Error::invalid(error.to_string()))
}

#[allow(clippy::too_many_arguments, reason = "what a message is made of")]
fn message_of(
    cx: &Cx,
    id: &str,
    request: &Request,
    prepared: &Prepared,
    sender: &Identity,
    configuration_set: Option<String>,
    own_tags: BTreeMap<String, String>,
    source: &[u8],
) -> Message {
    let sent = mail::read(source);
    let mut tags: BTreeMap<String, Vec<String>> =
        own_tags.into_iter().map(|(name, value)| (name, vec![value])).collect();
    let domain = prepared.from.address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let mut tag = |name: &str, value: &str| tags.insert(format!("ses:{name}"), vec![value.to_owned()]);
    tag("operation", request.operation);
    tag("from-domain", domain);
    tag("caller-identity", cx.caller().arn.resource.rsplit(['/', ':']).next().unwrap_or_default());
    if let Some(set) = &configuration_set {
        tag("configuration-set", set);
    }
    let (headers, headers_truncated) = event_headers(&sent);
    Message {
        id: id.to_owned(),
        accepted: cx.now(),
        identity: identity::arn(cx, &sender.name),
        source: prepared.source.clone(),
        return_path: prepared.return_path.clone(),
        destination: prepared.recipients.clone(),
        waiting: Vec::new(),
        configuration_set,
        tags,
        headers,
        headers_truncated,
        common_headers: common_headers(id, &sent).to_string(),
        caller: cx.caller().arn.to_string(),
        parts: 0,
        delayed: false,
    }
}

fn event_headers(sent: &Contents) -> (Vec<(String, String)>, bool) {
    let mut bytes = 0;
    let mut headers = Vec::new();
    for (name, value) in &sent.fields {
        if name.eq_ignore_ascii_case("message-id") {
            continue;
        }
        bytes += name.len() + value.len();
        if bytes > limits::EVENT_HEADER_BYTES_MAX {
            return (headers, true);
        }
        headers.push((name.clone(), value.clone()));
    }
    (headers, false)
}

fn common_headers(id: &str, sent: &Contents) -> Value {
    let mut common = serde_json::Map::new();
    let lists = [("from", &sent.from), ("to", &sent.to), ("cc", &sent.cc), ("replyTo", &sent.reply_to)];
    for (name, addresses) in lists.into_iter().filter(|(_, addresses)| !addresses.is_empty()) {
        common.insert(name.into(), addresses.iter().map(ToString::to_string).collect());
    }
    common.extend(sent.date.as_ref().map(|date| ("date".to_owned(), json!(date))));
    common.insert("messageId".into(), json!(id));
    common.extend(sent.subject.as_ref().map(|subject| ("subject".to_owned(), json!(subject))));
    Value::Object(common)
}

/// A message's tags by name, in AWS's words for what is none.
fn checked_tags(tags: &[(String, String)]) -> Result<BTreeMap<String, String>, Error> {
    let refuse = |text: String| Err(Error::Invalid(text));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if tags.len() > limits::MESSAGE_TAGS_MAX {
        return refuse(format!("A message has at most {} tags.", limits::MESSAGE_TAGS_MAX));
    }
    for (name, value) in tags {
        // What SES itself tells mailbox providers by.
        let bare = name.strip_prefix("ses:feedback-id-").unwrap_or(name);
        if name.is_empty() {
            return refuse("The tag name must be specified.".into());
        }
        if value.is_empty() {
            return refuse("The tag value must be specified.".into());
        }
        if name.len() > limits::MESSAGE_TAG_CHARACTERS_MAX {
            return refuse(format!("Tag name cannot exceed {} characters.", limits::MESSAGE_TAG_CHARACTERS_MAX));
        }
        if !bare.chars().all(plain) {
            return refuse(format!(
                "Invalid tag name <{name}>: only alphanumeric ASCII characters, '_',  '-' are allowed."
            ));
        }
        if value.len() > limits::MESSAGE_TAG_CHARACTERS_MAX {
            return refuse(format!("Tag value cannot exceed {} characters.", limits::MESSAGE_TAG_CHARACTERS_MAX));
        }
        if !value.chars().all(|c| plain(c) || matches!(c, '.' | '@')) {
            return refuse(format!(
                "Invalid tag value <{value}>: only alphanumeric ASCII characters, '_',  '-' , '.', '@' are allowed."
            ));
        }
    }
    let by_name: BTreeMap<_, _> = tags.iter().cloned().collect();
    if by_name.len() < tags.len() {
        return refuse("Duplicate tag name.".into());
    }
    Ok(by_name)
}

/// The tags in a raw message's own header: `a=1, b=2`.
fn tags_in(contents: &Contents) -> Result<BTreeMap<String, String>, Error> {
    let Some(field) = contents.field("x-ses-message-tags") else { return Ok(BTreeMap::new()) };
    let pairs = field.split(',').filter_map(|pair| pair.split_once('='));
    checked_tags(&pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect::<Vec<_>>())
}
