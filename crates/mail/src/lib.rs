//! Mail that services send: through an SMTP relay, or, where none is configured, into a mailbox in the store, which
//! `cloudlet mail` shows.

mod address;
mod mailbox;
mod report;
mod source;

use std::error::Error as _;
use std::time::Duration;

use base::Timestamp;
use kv::Db;
use lettre::message::Mailbox;
use lettre::transport::smtp::response::Response;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use serde::{Deserialize, Serialize};

pub use address::{NamedAddress, check_address};
pub use mailbox::{find, list};
pub use report::{Field, Report, ReportKind};
pub use source::{Attachment, Contents, Draft, Outgoing, compose, read, with_fields};

/// How long a relay may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// By these a relay says that it does not take mail from this server: whom it is for has nothing to do with it.
/// Source: RFC 4954, section 6.
const NOT_ADMITTED: [u16; 4] = [530, 534, 535, 538];

/// A mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Of its sender's making: sending the same mail twice keeps it once in the mailbox.
    pub id: String,
    pub sent: Timestamp,
    /// `Name <address>`, or an address alone.
    pub from: String,
    /// Whom it reached.
    pub to: Vec<String>,
    pub subject: String,
    pub text: String,
    #[serde(default)]
    pub html: Option<String>,
    /// Names of attached files.
    #[serde(default)]
    pub attachments: Vec<String>,
    /// As it would have gone out; of long ones nothing.
    #[serde(default)]
    pub source: Option<String>,
}
kv::stored!(Mail, version = 1);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} is not a mail address")]
    Address(String),
    #[error("{0} cannot be in the header of a mail")]
    Field(String),
    #[error("the mail cannot be composed: {0}")]
    Compose(#[from] lettre::error::Error),
    #[error("the relay did not take it: {0}")]
    Relay(#[from] lettre::transport::smtp::Error),
    #[error(transparent)]
    Store(#[from] kv::Error),
}

impl Error {
    /// Whether the same mail may be taken later.
    pub fn may_pass(&self) -> bool {
        match self {
            Error::Address(_) | Error::Field(_) | Error::Compose(_) => false,
            Error::Relay(error) if error.is_permanent() => {
                self.status().is_some_and(|code| NOT_ADMITTED.contains(&code))
            }
            // The relay cannot be told of this mail at all.
            Error::Relay(error) => !error.is_client(),
            Error::Store(_) => true,
        }
    }

    /// The code by which the relay refused, as of SMTP.
    pub fn status(&self) -> Option<u16> {
        match self {
            Error::Relay(error) => error.status().map(u16::from),
            _ => None,
        }
    }

    /// What the relay said: `550 5.1.1 no such user`.
    pub fn answer(&self) -> Option<String> {
        let Error::Relay(error) = self else { return None };
        let text = error.source().map(ToString::to_string).unwrap_or_default();
        self.status().map(|status| format!("{status} {text}"))
    }
}

/// Where mail goes. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    relay: Option<AsyncSmtpTransport<Tokio1Executor>>,
    sender: Address,
}

impl Mailer {
    /// Mail stays in the store; `sender` is the address that services send from.
    ///
    /// # Errors
    /// When it is no address.
    pub fn mailbox(sender: &str) -> Result<Mailer, Error> {
        Ok(Mailer { relay: None, sender: address::address(sender)? })
    }

    /// Mail goes out through the relay of an `smtp://` or `smtps://` URL, with its user and password where it has them.
    ///
    /// # Errors
    /// When it is no such URL, or `sender` no address.
    pub fn relay(url: &str, sender: &str) -> Result<Mailer, Error> {
        // The process may have one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let relay = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?.timeout(Some(TIMEOUT)).build();
        Ok(Mailer { relay: Some(relay), sender: address::address(sender)? })
    }

    /// Whether mail stays in the store.
    pub fn keeps(&self) -> bool {
        self.relay.is_none()
    }

    /// The services' own address, with a name for people. Control characters in it, which no mailbox can have, become
    /// spaces.
    pub fn sender(&self, name: &str) -> String {
        let name = name.replace(char::is_control, " ");
        Mailbox::new(Some(name), self.sender.clone()).to_string()
    }

    /// Sends a mail; it has left this server, or is in the mailbox, when this returns.
    ///
    /// # Errors
    /// When an address is none, or the relay or the store refuses.
    pub async fn send(&self, db: &Db, mail: Mail) -> Result<(), Error> {
        let Some(relay) = &self.relay else {
            return db.write(move |tx| mailbox::put(tx, &mail)).await;
        };
        let parse = |text: &String| NamedAddress::parse(text);
        let draft = Draft {
            from: parse(&mail.from)?,
            to: mail.to.iter().map(parse).collect::<Result<_, _>>()?,
            subject: mail.subject,
            text: Some(mail.text),
            html: mail.html,
            sent: mail.sent,
            ..Draft::default()
        };
        let recipients = draft.to.iter().map(|to| address::address(&to.address)).collect::<Result<_, _>>()?;
        let envelope = lettre::address::Envelope::new(Some(address::address(&draft.from.address)?), recipients)?;
        relay.send_raw(&envelope, &compose(&draft)?).await?;
        Ok(())
    }

    /// Sends a mail that is composed already to one of its recipients, and returns what the relay answered. In the mailbox it
    /// is one mail, whomever it reaches.
    ///
    /// # Errors
    /// As of [`Mailer::send`].
    pub async fn send_source(&self, db: &Db, outgoing: Outgoing) -> Result<String, Error> {
        match &self.relay {
            Some(relay) => Ok(answer(&relay.send_raw(&outgoing.envelope()?, &outgoing.source).await?)),
            None => {
                db.write(move |tx| mailbox::add(tx, &outgoing)).await?;
                Ok("250 2.0.0 kept in the mailbox".to_owned())
            }
        }
    }
}

fn answer(response: &Response) -> String {
    format!("{} {}", response.code(), response.message().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn mail(id: &str, sent: u64) -> Mail {
        Mail {
            id: id.into(),
            sent: Timestamp(sent),
            from: "Shop <shop@example.com>".into(),
            to: vec!["ada@example.com".into()],
            subject: "Grüße".into(),
            text: "Hello\nthere".into(),
            ..Mail::default()
        }
    }

    #[tokio::test]
    async fn the_mailbox_keeps_each_mail_once_newest_first() {
        let db = Db::open(kv::Memory::default());
        let mailer = Mailer::mailbox("no-reply@localhost").unwrap();
        for (id, sent) in [("a", 1), ("b", 2), ("a", 1)] {
            mailer.send(&db, mail(id, sent)).await.unwrap();
        }
        let read = db.read().unwrap();
        let ids: Vec<String> = list(&read, 10).unwrap().into_iter().map(|mail| mail.id).collect();
        assert_eq!(ids, ["b", "a"]);
        assert_eq!(find(&read, "a").unwrap().unwrap(), mail("a", 1));
        assert_eq!(find(&read, "c").unwrap(), None);
    }

    #[tokio::test]
    async fn a_mail_to_several_is_one_in_the_mailbox() {
        let db = Db::open(kv::Memory::default());
        let mailer = Mailer::mailbox("no-reply@localhost").unwrap();
        let source = Bytes::from_static(b"From: Shop <shop@example.com>\r\nSubject: Hi\r\n\r\nHello");
        for recipient in ["ada@example.com", "bob@example.com", "ada@example.com"] {
            let (sender, recipient) = (Some("shop@example.com".to_owned()), recipient.to_owned());
            let outgoing = Outgoing { id: "m".into(), sent: Timestamp(1), sender, recipient, source: source.clone() };
            mailer.send_source(&db, outgoing).await.unwrap();
        }
        let kept = list(&db.read().unwrap(), 10).unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].to, ["ada@example.com", "bob@example.com"]);
        assert_eq!((kept[0].subject.as_str(), kept[0].text.as_str()), ("Hi", "Hello"));
    }

    #[test]
    fn the_senders_name_stays_in_its_line() {
        let mailer = Mailer::mailbox("no-reply@localhost").unwrap();
        assert_eq!(mailer.sender("My shop"), "My shop <no-reply@localhost>");
        let hostile = mailer.sender("My\r\nBcc: eve@example.com\0\u{7f}");
        assert!(!hostile.contains(char::is_control) && hostile.ends_with("<no-reply@localhost>"), "{hostile}");
    }
}
