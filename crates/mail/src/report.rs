//! Mails that tell the sender of another what became of it: reports for people and programs (RFC 6522).

use std::time::{Duration, UNIX_EPOCH};

use base::Timestamp;
use lettre::Message;
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Body, MultiPart, SinglePart};

use crate::{Error, NamedAddress};

/// The longest name and value of a field, in characters, so that its line is one that mail may have (RFC 5322, section 2.1.1).
const NAME_CHARACTERS_MAX: usize = 76;
const VALUE_CHARACTERS_MAX: usize = 900;

/// A field by its name.
pub type Field = (String, String);

/// What is reported.
#[derive(Clone, Debug)]
pub struct Report {
    /// What no other part of the report has in it.
    pub id: String,
    pub from: String,
    pub to: String,
    pub subject: String,
    /// For people.
    pub text: String,
    pub sent: Timestamp,
    pub kind: ReportKind,
    /// For programs: what the kind of report has, a group after the other.
    pub fields: Vec<Vec<Field>>,
    /// The header of the mail that it is about.
    pub about: Vec<Field>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// That it did not arrive (RFC 3464).
    DeliveryStatus,
    /// That its recipient does not want it (RFC 5965).
    Feedback,
}

impl ReportKind {
    fn names(self) -> (&'static str, &'static str) {
        match self {
            ReportKind::DeliveryStatus => ("delivery-status", "message/delivery-status"),
            ReportKind::Feedback => ("feedback-report", "message/feedback-report"),
        }
    }
}

impl Report {
    /// The report as a mail, in lines that end with CRLF.
    ///
    /// # Errors
    /// When an address is none, or the id cannot part a mail.
    pub fn compose(&self) -> Result<Vec<u8>, Error> {
        let (report_type, media_type) = self.kind.names();
        let kind = |text: &str| ContentType::parse(text).map_err(|_| Error::Field(text.to_owned()));
        let outer = kind(&format!("multipart/report; report-type={report_type}; boundary=\"{}\"", self.id))?;
        let groups: Vec<String> = self.fields.iter().map(|group| lines(group)).collect();
        let part = |media_type, text: String| {
            let body = Body::dangerous_pre_encoded(text.into_bytes(), ContentTransferEncoding::SevenBit);
            Ok::<_, Error>(SinglePart::builder().content_type(kind(media_type)?).body(body))
        };
        let parts = MultiPart::builder()
            .header(outer)
            .singlepart(SinglePart::plain(self.text.clone()))
            .singlepart(part(media_type, groups.join("\r\n"))?)
            .singlepart(part("text/rfc822-headers", lines(&self.about))?);
        let (from, to) = (NamedAddress::parse(&self.from)?.mailbox()?, NamedAddress::parse(&self.to)?.mailbox()?);
        let sent = UNIX_EPOCH + Duration::from_millis(self.sent.as_millis());
        // The library insists on one; nobody is to answer a report.
        let envelope = Envelope::new(None, vec![to.email.clone()])?;
        let message = Message::builder().envelope(envelope).date(sent).from(from).to(to).subject(self.subject.clone());
        Ok(message.message_id(Some(format!("<{}@localhost>", self.id))).multipart(parts)?.formatted())
    }
}

/// Fields as lines. These parts of a mail are ASCII, and not encoded: programs read them as they are.
fn lines(fields: &[Field]) -> String {
    let plain = |text: &str, characters_max| {
        let plain = |c: char| if c.is_ascii() && !c.is_ascii_control() { c } else { '?' };
        text.chars().map(plain).take(characters_max).collect::<String>()
    };
    let line = |(name, value): &Field| {
        format!("{}: {}\r\n", plain(name, NAME_CHARACTERS_MAX), plain(value, VALUE_CHARACTERS_MAX))
    };
    fields.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> Field {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_report_has_a_text_what_programs_read_and_a_header() {
        let report = Report {
            id: "0100-one".into(),
            from: "Mail <no-reply@localhost>".into(),
            to: "shop@example.com".into(),
            subject: "Failure".into(),
            text: "It did not arrive.".into(),
            sent: Timestamp::from_secs(1_800_000_000),
            kind: ReportKind::DeliveryStatus,
            fields: vec![
                vec![field("Reporting-MTA", "dns; localhost")],
                vec![
                    field("Status", "5.1.1"),
                    field("Diagnostic-Code", "smtp; 550 na\u{ef}ve\r\nBcc: eve@example.com"),
                ],
            ],
            about: vec![field("Subject", "Hello"), field("X-Long", &"x".repeat(5_000))],
        };
        let source = String::from_utf8(report.compose().unwrap()).unwrap();
        for line in [
            "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"0100-one\"\r\n",
            "From: Mail <no-reply@localhost>\r\n",
            "Message-ID: <0100-one@localhost>\r\n",
            "Reporting-MTA: dns; localhost\r\n\r\nStatus: 5.1.1\r\n",
            "Diagnostic-Code: smtp; 550 na?ve??Bcc: eve@example.com\r\n",
            "\r\nSubject: Hello\r\n",
            "--0100-one--\r\n",
        ] {
            assert!(source.contains(line), "{line:?} in {source}");
        }
        assert!(source.lines().all(|line| line.len() < 998) && !source.contains("quoted-printable"), "{source}");
        let found = crate::read(source.as_bytes());
        assert_eq!(found.text.as_deref().map(str::trim), Some("It did not arrive."));
    }
}
