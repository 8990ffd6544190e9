//! Mails as bytes (RFC 5322, MIME): composing them, reading them, and changing their header.

use std::time::{Duration, UNIX_EPOCH};

use base::Timestamp;
use bytes::Bytes;
use lettre::address::Envelope;
use lettre::message::header::{ContentDisposition, ContentId, ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{MultiPart, SinglePart};
use lettre::{Address, Message};
use mail_parser::{MessageParser, MimeHeaders};

use crate::{Error, NamedAddress};

/// What a mail is composed of.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    pub from: NamedAddress,
    pub to: Vec<NamedAddress>,
    pub cc: Vec<NamedAddress>,
    pub reply_to: Vec<NamedAddress>,
    pub subject: String,
    pub text: Option<String>,
    pub html: Option<String>,
    /// Fields of the header beyond these, by name.
    pub fields: Vec<(String, String)>,
    pub attachments: Vec<Attachment>,
    pub sent: Timestamp,
}

/// A file that goes with a mail.
#[derive(Clone, Debug, Default)]
pub struct Attachment {
    pub file_name: String,
    /// `image/png`.
    pub content_type: String,
    pub content: Bytes,
    /// Set for one that is shown within the mail's HTML, where it is `cid:` and this.
    pub content_id: Option<String>,
    pub description: Option<String>,
}

/// Composes a mail, in lines that end with CRLF.
///
/// # Errors
/// When an address, the name of a field or a media type is none.
pub fn compose(draft: &Draft) -> Result<Vec<u8>, Error> {
    let from = draft.from.mailbox()?;
    // Whom it goes to is decided elsewhere; the library insists on knowing.
    let envelope = Envelope::new(None, vec![from.email.clone()])?;
    let sent = UNIX_EPOCH + Duration::from_millis(draft.sent.as_millis());
    let mut message = Message::builder().envelope(envelope).date(sent).from(from).subject(draft.subject.clone());
    for to in &draft.to {
        message = message.to(to.mailbox()?);
    }
    for cc in &draft.cc {
        message = message.cc(cc.mailbox()?);
    }
    for reply_to in &draft.reply_to {
        message = message.reply_to(reply_to.mailbox()?);
    }
    for (name, value) in &draft.fields {
        let field = HeaderName::new_from_ascii(name.clone()).map_err(|_| Error::Field(name.clone()))?;
        if value.contains(char::is_control) {
            return Err(Error::Field(name.clone()));
        }
        message = message.raw_header(HeaderValue::new(field, value.clone()));
    }
    let body = Part::of(draft)?;
    Ok(match body {
        Part::Single(part) => message.singlepart(part)?,
        Part::Multi(part) => message.multipart(part)?,
    }
    .formatted())
}

enum Part {
    Single(SinglePart),
    Multi(MultiPart),
}

impl Part {
    /// The body: its texts, around them what is shown within, and around all of it what is attached.
    fn of(draft: &Draft) -> Result<Part, Error> {
        let texts = match (&draft.text, &draft.html) {
            (text, None) => Part::Single(SinglePart::plain(text.clone().unwrap_or_default())),
            (None, Some(html)) => Part::Single(SinglePart::html(html.clone())),
            (Some(text), Some(html)) => Part::Multi(MultiPart::alternative_plain_html(text.clone(), html.clone())),
        };
        let (inline, attached): (Vec<_>, Vec<_>) = draft.attachments.iter().partition(|one| one.content_id.is_some());
        let related = texts.within(|| MultiPart::related().build(), &inline)?;
        related.within(|| MultiPart::mixed().build(), &attached)
    }

    fn within(self, outer: fn() -> MultiPart, attachments: &[&Attachment]) -> Result<Part, Error> {
        if attachments.is_empty() {
            return Ok(self);
        }
        let mut parts = match self {
            Part::Single(part) => outer().singlepart(part),
            Part::Multi(part) => outer().multipart(part),
        };
        for attachment in attachments {
            parts = parts.singlepart(attachment.part()?);
        }
        Ok(Part::Multi(parts))
    }
}

impl Attachment {
    fn part(&self) -> Result<SinglePart, Error> {
        let media_type = ContentType::parse(&self.content_type).map_err(|_| Error::Field(self.content_type.clone()))?;
        let texts = [Some(&self.file_name), self.content_id.as_ref(), self.description.as_ref()];
        if let Some(text) = texts.into_iter().flatten().find(|text| text.contains(char::is_control)) {
            return Err(Error::Field(text.clone()));
        }
        let mut part = SinglePart::builder().content_type(media_type);
        part = match &self.content_id {
            Some(id) => {
                let id = format!("<{}>", id.trim_start_matches('<').trim_end_matches('>'));
                part.header(ContentId::from(id)).header(ContentDisposition::inline_with_name(&self.file_name))
            }
            None => part.header(ContentDisposition::attachment(&self.file_name)),
        };
        if let Some(description) = &self.description {
            part = part.header(Description(description.clone()));
        }
        Ok(part.body(self.content.to_vec()))
    }
}

/// `Content-Description`
#[derive(Clone)]
struct Description(String);

impl Header for Description {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Description")
    }

    fn parse(text: &str) -> Result<Description, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Description(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Description::name(), self.0.clone())
    }
}

/// What a mail says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    pub from: Vec<NamedAddress>,
    pub to: Vec<NamedAddress>,
    pub cc: Vec<NamedAddress>,
    pub bcc: Vec<NamedAddress>,
    pub reply_to: Vec<NamedAddress>,
    pub sender: Option<NamedAddress>,
    pub return_path: Option<String>,
    pub subject: Option<String>,
    /// As it is written there.
    pub date: Option<String>,
    pub text: Option<String>,
    pub html: Option<String>,
    /// The header's fields, by the names that they have there, decoded where they are texts.
    pub fields: Vec<(String, String)>,
    /// Names of attached files.
    pub attachments: Vec<String>,
}

impl Contents {
    /// The value of the first field of this name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// How many fields of this name there are.
    pub fn count(&self, name: &str) -> usize {
        self.fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).count()
    }
}

/// Reads a mail. What is wrong in it is left out.
pub fn read(source: &[u8]) -> Contents {
    let Some(message) = MessageParser::default().parse(source) else { return Contents::default() };
    let all = |found: Option<&mail_parser::Address<'_>>| -> Vec<NamedAddress> {
        found.into_iter().flat_map(|found| found.iter().map(NamedAddress::of)).collect()
    };
    let fields = message.headers_raw().map(|(name, value)| (name.to_owned(), unfolded(value)));
    let fields: Vec<(String, String)> = fields.collect();
    let date = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("date")).map(|(_, value)| value.clone());
    let attachments = message.attachments().map(|part| part.attachment_name().unwrap_or("unnamed").to_owned());
    // A mail without a text of its own is read with one that is made of its HTML.
    let has = |media_type: &str| {
        message.parts.iter().any(|part| match &part.body {
            mail_parser::PartType::Text(_) => media_type == "text",
            mail_parser::PartType::Html(_) => media_type == "html",
            _ => false,
        })
    };
    Contents {
        from: all(message.from()),
        to: all(message.to()),
        cc: all(message.cc()),
        bcc: all(message.bcc()),
        reply_to: all(message.reply_to()),
        sender: all(message.sender()).into_iter().next(),
        return_path: message.return_address().map(str::to_owned),
        subject: message.subject().map(str::to_owned),
        date,
        text: message.body_text(0).filter(|_| has("text")).map(|text| text.into_owned()),
        html: message.body_html(0).filter(|_| has("html")).map(|html| html.into_owned()),
        attachments: attachments.collect(),
        fields,
    }
}

fn unfolded(value: &str) -> String {
    value.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The mail with lines that end in CRLF and nothing else (so that no line of it can be taken for its end), without the fields
/// of some names, and with other fields before the rest.
///
/// # Errors
/// When a line of the header is no field.
pub fn with_fields(source: &[u8], fields: &[(&str, &str)], without: &[&str]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(source.len() + 256);
    for (name, value) in fields {
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    let (mut in_header, mut keeping) = (true, true);
    for (line, ended) in Lines(source) {
        if in_header {
            in_header = !line.is_empty();
            let continued = line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
            if in_header && !continued {
                let name = field_name(line).ok_or_else(|| Error::Field(String::from_utf8_lossy(line).into_owned()))?;
                keeping = !without.iter().any(|dropped| dropped.eq_ignore_ascii_case(name));
            }
        }
        if !in_header || keeping {
            out.extend_from_slice(line);
            out.extend_from_slice(if ended || in_header { b"\r\n" } else { b"" });
        }
    }
    if in_header {
        out.extend_from_slice(b"\r\n");
    }
    Ok(out)
}

fn field_name(line: &[u8]) -> Option<&str> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    let printable = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    str::from_utf8(name).ok().filter(|_| printable)
}

/// Lines, whatever they end with, and whether they end with anything.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a [u8], bool);

    fn next(&mut self) -> Option<(&'a [u8], bool)> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at(end);
        self.0 = rest.strip_prefix(b"\r\n").or_else(|| rest.get(1..)).unwrap_or_default();
        Some((line, !rest.is_empty()))
    }
}

/// A mail on its way to one recipient.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The mail's: of all its recipients the same.
    pub id: String,
    pub sent: Timestamp,
    /// Whom a relay tells what it could not deliver; nobody, where the mail tells that of another.
    pub sender: Option<String>,
    pub recipient: String,
    pub source: Bytes,
}

impl Outgoing {
    pub(crate) fn envelope(&self) -> Result<Envelope, Error> {
        let parse = |text: &str| text.parse::<Address>().map_err(|_| Error::Address(text.to_owned()));
        let sender = self.sender.as_deref().map(parse).transpose()?;
        Ok(Envelope::new(sender, vec![parse(&self.recipient)?])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        let address = |text| NamedAddress::parse(text).unwrap();
        Draft {
            from: address("Shop <shop@example.com>"),
            to: vec![address("ada@example.com")],
            subject: "Grüße".into(),
            text: Some("Hello\nthere".into()),
            sent: Timestamp::from_secs(1_800_000_000),
            ..Draft::default()
        }
    }

    fn text(source: &[u8]) -> String {
        String::from_utf8(source.to_vec()).unwrap()
    }

    #[test]
    fn mails_are_composed_as_standards_say() {
        let mail = text(&compose(&draft()).unwrap());
        for line in [
            "From: Shop <shop@example.com>\r\n",
            "Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n",
            "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n",
            "\r\n\r\nHello\r\nthere",
        ] {
            assert!(mail.contains(line), "{line:?} in {mail}");
        }
        let html = Draft { html: Some("<b>Hello</b>".into()), ..draft() };
        assert!(text(&compose(&html).unwrap()).contains("multipart/alternative"));
    }

    #[test]
    fn what_was_composed_is_read_again() {
        let attachment = |name: &str, content_id: Option<&str>| Attachment {
            file_name: name.into(),
            content_type: "image/png".into(),
            content: Bytes::from_static(b"\x89PNG"),
            content_id: content_id.map(str::to_owned),
            description: Some("A picture".into()),
        };
        let mail = Draft {
            html: Some("<img src='cid:logo'>".into()),
            fields: vec![("X-Order".into(), "17".into())],
            attachments: vec![attachment("logo.png", Some("logo")), attachment("übersicht.png", None)],
            ..draft()
        };
        let found = read(&compose(&mail).unwrap());
        assert_eq!(found.from, [mail.from]);
        assert_eq!(found.to, mail.to);
        assert_eq!(found.subject.as_deref(), Some("Grüße"));
        assert_eq!(found.text.as_deref(), Some("Hello\r\nthere"));
        assert_eq!(found.html.as_deref(), Some("<img src='cid:logo'>"));
        assert_eq!(found.field("x-order"), Some("17"));
        assert_eq!(found.attachments, ["logo.png", "übersicht.png"]);
    }

    #[test]
    fn nothing_can_be_put_into_the_header_that_does_not_belong_there() {
        let hostile = "x\r\nBcc: eve@example.com";
        let with_subject = Draft { subject: hostile.into(), ..draft() };
        assert!(!text(&compose(&with_subject).unwrap()).contains("\r\nBcc"));
        for (name, value) in [("X-A", hostile), ("X A", "x"), ("X-A:", "x"), ("", "x")] {
            assert!(compose(&Draft { fields: vec![(name.into(), value.into())], ..draft() }).is_err(), "{name}");
        }
        let file = |name: &str, kind: &str| Attachment {
            file_name: name.into(),
            content_type: kind.into(),
            ..Attachment::default()
        };
        for attachment in [file(hostile, "text/plain"), file("a", "text/plain\r\nBcc: x"), file("a", "nonsense")] {
            assert!(compose(&Draft { attachments: vec![attachment], ..draft() }).is_err());
        }
    }

    #[test]
    fn fields_are_exchanged_and_lines_end_alike() {
        let source = b"From: a@example.com\nBcc: eve@example.com,\n bob@example.com\nX: 1\r\n\r\nbody\r.\nend";
        let changed = with_fields(source, &[("Message-ID", "<1@x>")], &["bcc"]).unwrap();
        assert_eq!(text(&changed), "Message-ID: <1@x>\r\nFrom: a@example.com\r\nX: 1\r\n\r\nbody\r\n.\r\nend");
        assert_eq!(text(&with_fields(b"", &[("A", "b")], &[]).unwrap()), "A: b\r\n\r\n");
        for broken in ["From: a@example.com\nnonsense\n\nbody", "Fr\u{f6}m: x\n\n", ": x\n\n"] {
            assert!(with_fields(broken.as_bytes(), &[], &[]).is_err(), "{broken}");
        }
    }
}
