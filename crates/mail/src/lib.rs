//! Mail that services send: through an SMTP relay, or, where none is configured, into a mailbox in the store, which
//! `cloudlet mail` shows.

mod mailbox;

use std::time::Duration;

use base::Timestamp;
use kv::Db;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde::{Deserialize, Serialize};

pub use mailbox::{find, list};

/// How long a relay may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Of its sender's making: sending the same mail twice keeps it once in the mailbox.
    pub id: String,
    pub sent: Timestamp,
    /// `Name <address>`, or an address alone.
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub text: String,
    #[serde(default)]
    pub html: Option<String>,
}
kv::stored!(Mail, version = 1);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} is not a mail address")]
    Address(String),
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
            Error::Address(_) | Error::Compose(_) => false,
            Error::Relay(error) => !error.is_permanent(),
            Error::Store(_) => true,
        }
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
        Ok(Mailer { relay: None, sender: address(sender)? })
    }

    /// Mail goes out through the relay of an `smtp://` or `smtps://` URL, with its user and password where it has them.
    ///
    /// # Errors
    /// When it is no such URL, or `sender` no address.
    pub fn relay(url: &str, sender: &str) -> Result<Mailer, Error> {
        // The process may have one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let relay = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?.timeout(Some(TIMEOUT)).build();
        Ok(Mailer { relay: Some(relay), sender: address(sender)? })
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
        match &self.relay {
            Some(relay) => {
                relay.send(compose(&mail)?).await?;
                Ok(())
            }
            None => db.write(move |tx| mailbox::put(tx, &mail)).await,
        }
    }
}

/// Checks that a text is an address alone.
///
/// # Errors
/// When it is none.
pub fn check_address(text: &str) -> Result<(), Error> {
    address(text).map(drop)
}

fn address(text: &str) -> Result<Address, Error> {
    text.parse().map_err(|_| Error::Address(text.to_owned()))
}

fn compose(mail: &Mail) -> Result<Message, Error> {
    let mailbox = |text: &String| text.parse::<Mailbox>().map_err(|_| Error::Address(text.clone()));
    let mut message = Message::builder().from(mailbox(&mail.from)?).subject(mail.subject.clone());
    for to in &mail.to {
        message = message.to(mailbox(to)?);
    }
    Ok(match &mail.html {
        Some(html) => message.multipart(MultiPart::alternative_plain_html(mail.text.clone(), html.clone()))?,
        None => message.header(ContentType::TEXT_PLAIN).body(mail.text.clone())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(id: &str, sent: u64) -> Mail {
        Mail {
            id: id.into(),
            sent: Timestamp(sent),
            from: "Shop <shop@example.com>".into(),
            to: vec!["ada@example.com".into()],
            subject: "Grüße".into(),
            text: "Hello\nthere".into(),
            html: None,
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

    #[test]
    fn mails_are_composed_as_standards_say() {
        let text = String::from_utf8(compose(&mail("a", 1)).unwrap().formatted()).unwrap();
        assert!(text.contains("From: Shop <shop@example.com>\r\n"), "{text}");
        assert!(text.contains("Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"), "{text}");
        assert!(text.contains("\r\n\r\nHello\r\nthere"), "{text}");
        let html = Mail { html: Some("<b>Hello</b>".into()), ..mail("a", 1) };
        assert!(String::from_utf8(compose(&html).unwrap().formatted()).unwrap().contains("multipart/alternative"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "ada", "ada@", "Ada <ada@example.com>", "a b@example.com", "ada@example.com\r\nBcc: eve@example.com"]
        {
            assert!(check_address(text).is_err(), "{text}");
        }
        assert!(check_address("ada.lovelace+news@example.com").is_ok());
        let mailer = Mailer::mailbox("no-reply@localhost").unwrap();
        assert_eq!(mailer.sender("My shop"), "My shop <no-reply@localhost>");
        let hostile = mailer.sender("My\r\nBcc: eve@example.com\0\u{7f}");
        assert!(!hostile.contains(char::is_control) && hostile.ends_with("<no-reply@localhost>"), "{hostile}");
    }
}
