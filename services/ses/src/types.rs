//! What SES stores.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};

/// An address or a domain to send from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub name: String,
    pub created: Timestamp,
    pub verification: Verification,
    /// When it was verified.
    pub verified: Option<Timestamp>,
    /// Of a domain: what its DNS would have to say on AWS.
    pub token: String,
    pub dkim: Dkim,
    pub mail_from: Option<MailFrom>,
    pub forwards_feedback: bool,
    /// The configuration set of messages that name none.
    pub configuration_set: Option<String>,
    /// Documents, as their owner wrote them.
    pub policies: BTreeMap<String, String>,
    pub topics: BTreeMap<Feedback, FeedbackTopic>,
    pub tags: BTreeMap<String, String>,
}
kv::stored!(Identity, version = 1);

impl Identity {
    pub fn is_address(&self) -> bool {
        self.name.contains('@')
    }

    pub fn is_verified(&self) -> bool {
        self.verification == Verification::Success
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verification {
    Pending,
    Success,
    /// Nobody followed the link in time.
    Failed,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dkim {
    pub enabled: bool,
    pub tokens: Vec<String>,
    /// Of a key that its owner brought; the key itself is not kept, for nothing is signed.
    pub selector: Option<String>,
    /// `RSA_2048_BIT`
    pub key_length: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailFrom {
    pub domain: String,
    pub rejects_on_failure: bool,
}

/// What a topic is told of an identity's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Feedback {
    Bounce,
    Complaint,
    Delivery,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedbackTopic {
    pub topic: Option<Arn>,
    /// Whether it is told the header too.
    pub with_headers: bool,
}

/// What a link verifies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    pub region: String,
    pub identity: String,
    pub expires: Timestamp,
}
kv::stored!(Token, version = 1);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    pub name: String,
    pub created: Timestamp,
    pub content: Content,
    pub tags: BTreeMap<String, String>,
}
kv::stored!(Template, version = 1);

/// The parts of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub subject: Option<String>,
    pub text: Option<String>,
    pub html: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reason {
    Bounce,
    Complaint,
}

/// An address that gets no mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressed {
    pub address: String,
    pub reason: Reason,
    pub updated: Timestamp,
    /// What it refused, where it was not put here by hand.
    pub message_id: Option<String>,
    pub feedback_id: Option<String>,
}
kv::stored!(Suppressed, version = 1);

/// What is set for all of a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub sends: bool,
    /// What puts an address on the suppression list.
    pub suppresses: Vec<Reason>,
    pub details: Option<Details>,
}
kv::stored!(Account, version = 1);

impl Default for Account {
    fn default() -> Account {
        Account { sends: true, suppresses: vec![Reason::Bounce, Reason::Complaint], details: None }
    }
}

/// What the owner told of the use of the account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    pub mail_type: String,
    pub website: String,
    pub language: Option<String>,
    pub use_case: Option<String>,
    pub contacts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigurationSet {
    pub name: String,
    pub created: Timestamp,
    pub sends: bool,
    /// In place of the account's.
    pub suppresses: Option<Vec<Reason>>,
    pub reputation_metrics: bool,
    /// `REQUIRE` or `OPTIONAL`
    pub tls_policy: String,
    /// Seconds.
    pub max_delivery_seconds: Option<u64>,
    pub redirect_domain: Option<String>,
    pub https_policy: Option<String>,
    pub destinations: Vec<EventDestination>,
    pub tags: BTreeMap<String, String>,
}
kv::stored!(ConfigurationSet, version = 1);

/// Where events of messages go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDestination {
    pub name: String,
    pub enabled: bool,
    /// As of version 2: `RENDERING_FAILURE`
    pub events: Vec<String>,
    /// A topic or a bus.
    pub to: Arn,
}

/// A message that was accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub id: String,
    pub accepted: Timestamp,
    /// The identity that it is sent as.
    pub identity: Arn,
    /// Whom it is from, as its sender wrote that.
    pub source: String,
    /// Whom a relay tells what it could not deliver.
    pub return_path: String,
    pub destination: Vec<String>,
    /// Recipients at whom it has come to no end.
    pub waiting: Vec<String>,
    pub configuration_set: Option<String>,
    pub tags: BTreeMap<String, Vec<String>>,
    /// For events: the header's fields.
    pub headers: Vec<(String, String)>,
    pub headers_truncated: bool,
    /// JSON: `commonHeaders` of events.
    pub common_headers: String,
    /// The ARN of who sent it.
    pub caller: String,
    pub parts: u32,
    /// Whether an event told that it takes longer.
    pub delayed: bool,
}
kv::stored!(Message, version = 1);

/// What was sent in a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub attempts: u64,
    pub bounces: u64,
    pub complaints: u64,
    pub rejects: u64,
}
kv::stored!(Counts, version = 1);

#[cfg(test)]
mod tests {
    use kv::Stored;

    use super::*;

    const GOLDEN_SUPPRESSED: &str = "\
        0185a761646472657373a3614062a6726561736f6ea6426f756e6365a77570646174656407aa6d6573736167655f6964a16d\
        ab666565646261636b5f6964c0";
    const GOLDEN_COUNTS: &str = "0184a8617474656d70747301a7626f756e63657302aa636f6d706c61696e747303a772656a6563747304";

    const GOLDEN_IDENTITY: &str = "\
        018ca46e616d65a3614062a76372656174656401ac766572696669636174696f6ea753756363657373a87665726966696564\
        02a5746f6b656ea174a4646b696d84a7656e61626c6564c3a6746f6b656e7391a16ba873656c6563746f72c0aa6b65795f6c\
        656e677468a16ca96d61696c5f66726f6d82a6646f6d61696ea164b272656a656374735f6f6e5f6661696c757265c3b1666f\
        7277617264735f666565646261636bc3b1636f6e66696775726174696f6e5f736574c0a8706f6c696369657381a170a27b7d\
        a6746f7069637381a6426f756e636582a5746f706963c0ac776974685f68656164657273c3a47461677380";
    const GOLDEN_MESSAGE: &str = "\
        018fa26964a16da8616363657074656401a86964656e74697479bc61726e3a6177733a7365733a723a303a6964656e746974\
        792f614062a6736f75726365a3614062ab72657475726e5f70617468a3614062ab64657374696e6174696f6e91a3634064a7\
        77616974696e6791a3634064b1636f6e66696775726174696f6e5f736574a173a47461677381a17891a179a7686561646572\
        739192a2546fa3634064b1686561646572735f7472756e6361746564c2ae636f6d6d6f6e5f68656164657273a27b7da66361\
        6c6c6572a163a5706172747301a764656c61796564c2";

    /// What version 1 looks like on disk. These bytes are in users' files: a change here needs a new version and a
    /// migration, not new bytes.
    #[test]
    fn stored_forms_do_not_drift() {
        let suppressed = Suppressed {
            address: "a@b".into(),
            reason: Reason::Bounce,
            updated: Timestamp(7),
            message_id: Some("m".into()),
            feedback_id: None,
        };
        let bytes = suppressed.to_bytes().unwrap();
        assert_eq!(hex::encode(&bytes), GOLDEN_SUPPRESSED);
        assert_eq!(Suppressed::from_bytes(&bytes).unwrap(), suppressed);
        let counts = Counts { attempts: 1, bounces: 2, complaints: 3, rejects: 4 };
        let bytes = counts.to_bytes().unwrap();
        assert_eq!(hex::encode(&bytes), GOLDEN_COUNTS);
        assert_eq!(Counts::from_bytes(&bytes).unwrap(), counts);
        let identity = Identity {
            name: "a@b".into(),
            created: Timestamp(1),
            verification: Verification::Success,
            verified: Some(Timestamp(2)),
            token: "t".into(),
            dkim: Dkim { enabled: true, tokens: vec!["k".into()], selector: None, key_length: "l".into() },
            mail_from: Some(MailFrom { domain: "d".into(), rejects_on_failure: true }),
            forwards_feedback: true,
            configuration_set: None,
            policies: BTreeMap::from([("p".into(), "{}".into())]),
            topics: BTreeMap::from([(Feedback::Bounce, FeedbackTopic { topic: None, with_headers: true })]),
            tags: BTreeMap::new(),
        };
        let bytes = identity.to_bytes().unwrap();
        assert_eq!(hex::encode(&bytes), GOLDEN_IDENTITY);
        assert_eq!(Identity::from_bytes(&bytes).unwrap(), identity);
        let message = Message {
            id: "m".into(),
            accepted: Timestamp(1),
            identity: "arn:aws:ses:r:0:identity/a@b".parse().unwrap(),
            source: "a@b".into(),
            return_path: "a@b".into(),
            destination: vec!["c@d".into()],
            waiting: vec!["c@d".into()],
            configuration_set: Some("s".into()),
            tags: BTreeMap::from([("x".into(), vec!["y".into()])]),
            headers: vec![("To".into(), "c@d".into())],
            headers_truncated: false,
            common_headers: "{}".into(),
            caller: "c".into(),
            parts: 1,
            delayed: false,
        };
        let bytes = message.to_bytes().unwrap();
        assert_eq!(hex::encode(&bytes), GOLDEN_MESSAGE);
        assert_eq!(Message::from_bytes(&bytes).unwrap(), message);
    }
}
