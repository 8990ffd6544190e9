//! The operations: of version 2, with REST-JSON, and of version 1, with the Query protocol.

pub mod v1;
pub mod v2;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kv::Read;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits;
use crate::template::Template;
use crate::types::{Content, Dkim, Identity, Verification};
use crate::{Ses, links, sending};
use service::Cx;

/// The answer of operations that have nothing to say.
#[derive(Debug, Serialize)]
pub struct Empty {}

/// A tag of a resource.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// A tag of a message.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MessageTag {
    pub name: String,
    pub value: String,
}

fn message_tags(tags: Vec<MessageTag>) -> Vec<(String, String)> {
    tags.into_iter().map(|tag| (tag.name, tag.value)).collect()
}

fn checked_tags(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Error> {
    let fits = |tag: &Tag| (1..=128).contains(&tag.key.chars().count()) && tag.value.chars().count() <= 256;
    if !tags.iter().all(fits) {
        return Err(Error::invalid("Tag keys have 1 to 128 characters and values at most 256."));
    }
    let count = tags.len();
    let by_name: BTreeMap<_, _> = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    if by_name.len() < count {
        return Err(Error::invalid("Duplicate tag keys are not allowed."));
    }
    check_tag_count(&by_name)?;
    Ok(by_name)
}

fn check_tag_count(tags: &BTreeMap<String, String>) -> Result<(), Error> {
    if tags.len() > limits::TAGS_MAX {
        return Err(Error::LimitExceeded(format!("A resource has at most {} tags.", limits::TAGS_MAX)));
    }
    Ok(())
}

fn shown_tags(tags: BTreeMap<String, String>) -> Vec<Tag> {
    tags.into_iter().map(|(key, value)| Tag { key, value }).collect()
}

/// Recipients, as both APIs name them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Destination {
    pub to_addresses: Vec<String>,
    pub cc_addresses: Vec<String>,
    pub bcc_addresses: Vec<String>,
}

/// A text with its character set, which is of no account: texts come as Unicode, and leave as UTF-8.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Text {
    pub data: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Body {
    pub text: Option<Text>,
    pub html: Option<Text>,
}

fn simple(subject: Option<Text>, body: Option<Body>, more: sending::More) -> Result<sending::Content, Error> {
    let body = body.unwrap_or_default();
    if body.text.is_none() && body.html.is_none() {
        return Err(Error::invalid("Missing required parameter in body: 'Text' or 'Html'."));
    }
    let subject = subject.ok_or_else(|| Error::invalid("Missing required parameter: 'Subject'."))?.data;
    let (text, html) = (body.text.map(|text| text.data), body.html.map(|html| html.data));
    Ok(sending::Content::Simple { subject, text, html, more })
}

/// A page's token: opaque to clients, the name that it ends with.
fn encode_token(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(name)
}

fn decode_token(token: Option<&str>) -> Result<Option<String>, Error> {
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Error::NextToken)?;
    String::from_utf8(bytes).map(Some).map_err(|_| Error::NextToken)
}

fn page_items(asked: Option<i64>) -> Result<usize, Error> {
    match asked {
        None => Ok(limits::PAGE_ITEMS),
        Some(items) => match usize::try_from(items) {
            Ok(items @ 1..=limits::PAGE_ITEMS_MAX) => Ok(items),
            _ => Err(Error::invalid(format!("A page has 1 to {} items.", limits::PAGE_ITEMS_MAX))),
        },
    }
}

/// A request for a page of all there are. Version 1 calls the number of its items otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PageInput {
    next_token: Option<String>,
    #[serde(alias = "MaxItems")]
    page_size: Option<i64>,
}

impl PageInput {
    /// The page of a table's rows in the request's region, with the token of the next.
    fn of<V: kv::Stored>(
        &self,
        cx: &Cx,
        table: &kv::Table<(String, String), V>,
    ) -> Result<(Vec<V>, Option<String>), Error> {
        page(table, &cx.db().read()?, cx.region().as_str(), self.next_token.as_deref(), self.page_size, |_| true)
    }
}

/// A page of a table's rows under their names, with the token of the next.
fn page<V: kv::Stored>(
    table: &kv::Table<(String, String), V>,
    read: &impl Read,
    region: &str,
    token: Option<&str>,
    items: Option<i64>,
    wanted: impl Fn(&V) -> bool,
) -> Result<(Vec<V>, Option<String>), Error> {
    let after = decode_token(token)?;
    let (rows, more) = crate::model::page(table, read, region, after.as_deref(), page_items(items)?, wanted)?;
    let next = rows.last().filter(|_| more).map(|(name, _)| encode_token(name));
    Ok((rows.into_iter().map(|(_, row)| row).collect(), next))
}

/// Letters of the tokens that DNS would have to have.
const DKIM_ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";

fn dkim_tokens(cx: &Cx) -> Vec<String> {
    (0..3).map(|_| cx.env().random_text(DKIM_ALPHABET, 32)).collect()
}

/// A new identity, and what its owner is asked with, where that is needed: addresses are verified by a link in a mail. Where mail
/// stays in the mailbox, whoever could read it is whoever runs this server: there nothing is asked. Domains are never asked: their
/// DNS cannot be, and which domains may be sent from is the relay's to say.
fn new_identity(ses: &Ses, cx: &Cx, name: &str) -> Result<(Identity, Option<(String, service::Delivery)>), Error> {
    check_identity(name)?;
    let name = crate::model::identity::canonical(name);
    let asked = name.contains('@') && !ses.mailer().keeps();
    let request = match asked {
        true => {
            let token = verification_token(cx);
            let mail = links::request(ses, cx, &name, &token)?;
            Some((token, mail))
        }
        false => None,
    };
    let dkim = match name.contains('@') {
        true => Dkim::default(),
        false => Dkim { enabled: true, tokens: dkim_tokens(cx), selector: None, key_length: "RSA_2048_BIT".into() },
    };
    let identity = Identity {
        created: cx.now(),
        verification: if asked { Verification::Pending } else { Verification::Success },
        verified: (!asked).then(|| cx.now()),
        token: domain_token(cx),
        dkim,
        mail_from: None,
        forwards_feedback: true,
        configuration_set: None,
        policies: BTreeMap::new(),
        topics: BTreeMap::new(),
        tags: BTreeMap::new(),
        name,
    };
    Ok((identity, request))
}

fn verification_token(cx: &Cx) -> String {
    let mut bytes = [0; 32];
    cx.env().random(&mut bytes);
    hex::encode(bytes)
}

/// What the DNS of a domain would have to say on AWS.
fn domain_token(cx: &Cx) -> String {
    let mut bytes = [0; 32];
    cx.env().random(&mut bytes);
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn check_identity(name: &str) -> Result<(), Error> {
    let is_valid = match name.contains('@') {
        true => mail::check_address(name).is_ok() && name.is_ascii(),
        false => name.contains('.') && mail::check_address(&format!("x@{name}")).is_ok() && name.is_ascii(),
    };
    if is_valid && name.len() <= limits::ADDRESS_BYTES_MAX {
        Ok(())
    } else if name.contains('@') {
        Err(Error::invalid(format!("Invalid email address<{name}>.")))
    } else {
        Err(Error::invalid(format!("Invalid domain name {name}.")))
    }
}

/// Whether a text can be the name of a template, a configuration set or an event destination.
fn check_name(name: &str, what: &str, characters_max: usize) -> Result<(), Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || name.len() > characters_max || !name.chars().all(plain) {
        return Err(Error::invalid(format!(
            "{what} name <{name}> is invalid: it has 1 to {characters_max} ASCII letters, digits, '_' and '-'."
        )));
    }
    Ok(())
}

fn check_template(name: &str, content: &Content) -> Result<(), Error> {
    let characters = name.chars().count();
    if characters == 0 || characters > limits::TEMPLATE_NAME_CHARACTERS_MAX || name.contains(char::is_control) {
        return Err(Error::invalid(format!(
            "The template name must have 1 to {} characters.",
            limits::TEMPLATE_NAME_CHARACTERS_MAX
        )));
    }
    let parts = [&content.subject, &content.text, &content.html];
    let bytes: usize = parts.iter().filter_map(|part| part.as_ref()).map(String::len).sum();
    if bytes > limits::TEMPLATE_BYTES_MAX {
        return Err(Error::invalid(format!("A template has at most {} bytes.", limits::TEMPLATE_BYTES_MAX)));
    }
    if content.subject.as_deref().unwrap_or_default().is_empty() {
        return Err(Error::invalid("The subject must be specified."));
    }
    if content.text.is_none() && content.html.is_none() {
        return Err(Error::invalid("The text or the HTML part must be specified."));
    }
    for part in parts.into_iter().flatten() {
        Template::parse(part)?;
    }
    Ok(())
}

/// A whole mail of a template and data, as both APIs show it.
fn test_render(cx: &Cx, name: &str, data: &str) -> Result<String, Error> {
    let content = crate::model::template::find(&cx.db().read()?, cx.region().as_str(), name)?.content;
    let data = serde_json::Value::Object(sending::parse_data(data)?);
    let rendered = sending::render(&content, &data)??;
    let draft = mail::Draft {
        // Mails without a sender cannot be composed: it is taken out again.
        from: mail::NamedAddress { name: None, address: "nobody@example.com".into() },
        subject: rendered.subject.unwrap_or_default(),
        text: rendered.text,
        html: rendered.html,
        sent: cx.now(),
        ..mail::Draft::default()
    };
    let refused = |error: mail::Error| Error::invalid(error.to_string());
    let composed = mail::compose(&draft).map_err(refused)?;
    let id = cx.env().uuid();
    let shown = mail::with_fields(&composed, &[("Message-ID", &id)], &["from"]).map_err(refused)?;
    Ok(String::from_utf8_lossy(&shown).into_owned())
}

fn check_policy(name: &str, document: &str) -> Result<(), Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        return Err(Error::invalid(format!("Policy name {name} is invalid.")));
    }
    if document.len() > limits::POLICY_BYTES_MAX {
        return Err(Error::InvalidPolicy(format!("A policy has at most {} bytes.", limits::POLICY_BYTES_MAX)));
    }
    let parsed = auth::policy::Policy::parse(document).and_then(|policy| policy.check(auth::policy::Use::Resource));
    parsed.map(drop).map_err(|error| Error::InvalidPolicy(format!("Invalid policy: {error}")))
}

/// Adds or replaces a policy.
fn put_policy(identity: &mut Identity, name: &str, document: &str) -> Result<(), Error> {
    identity.policies.insert(name.to_owned(), document.to_owned());
    if identity.policies.len() > limits::POLICIES_MAX {
        return Err(Error::LimitExceeded(format!("An identity has at most {} policies.", limits::POLICIES_MAX)));
    }
    Ok(())
}

/// Refuses a topic that is not there.
async fn check_topic(cx: &Cx, topic: &str) -> Result<base::Arn, Error> {
    let arn: base::Arn = topic.parse().map_err(|_| Error::invalid(format!("Invalid SNS topic <{topic}>.")))?;
    if arn.service != "sns" || arn.account != cx.account().as_str() || arn.region != cx.region().as_str() {
        return Err(Error::NoTopic(topic.to_owned()));
    }
    let system = cx.with_caller(service::Caller::system(cx.account()));
    let input = serde_json::json!({"TopicArn": topic});
    match system.call::<serde_json::Value>("sns", "GetTopicAttributes", input).await {
        Ok(_) => Ok(arn),
        Err(error) if error.status == 404 => Err(Error::NoTopic(topic.to_owned())),
        Err(error) => Err(error.into()),
    }
}
