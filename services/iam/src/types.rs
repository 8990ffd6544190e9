//! What IAM stores. Policy documents are kept as their owners wrote them.

use std::collections::BTreeMap;

use auth::password::Hashed;
use base::{AccountId, Arn, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::SessionFacts;

/// Key and value, by key.
pub type Tags = BTreeMap<String, String>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// `AIDA...`: never given again, unlike the name.
    pub id: String,
    pub created: Timestamp,
    /// The ARN of the managed policy that bounds what the user may be given.
    pub boundary: Option<String>,
    pub tags: Tags,
}
kv::stored!(User, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Role {
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// `AROA...`: never given again, unlike the name.
    pub id: String,
    pub created: Timestamp,
    /// Who may assume it: a policy document.
    pub trust: String,
    pub description: Option<String>,
    pub max_session_seconds: i64,
    /// The ARN of the managed policy that bounds what the role may be given.
    pub boundary: Option<String>,
    pub tags: Tags,
}
kv::stored!(Role, version = 1);

/// Users who share policies. It is nobody itself: no policy names a group as a principal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// `AGPA...`: never given again, unlike the name.
    pub id: String,
    pub created: Timestamp,
}
kv::stored!(Group, version = 1);

/// A managed policy of the account. Its documents are its versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManagedPolicy {
    pub name: String,
    pub arn: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// `ANPA...`.
    pub id: String,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub description: Option<String>,
    pub default_version: u64,
    /// The number of the next version: numbers are not used again.
    pub next_version: u64,
    pub tags: Tags,
}
kv::stored!(ManagedPolicy, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyVersion {
    pub document: String,
    pub created: Timestamp,
}
kv::stored!(PolicyVersion, version = 1);

/// A user's access key. The secret is kept as it is, because verifying a signature takes it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct AccessKey {
    pub user: String,
    pub secret: String,
    pub active: bool,
    pub created: Timestamp,
}
kv::stored!(AccessKey, version = 1);

/// An issuer of OpenID Connect, whose tokens stand for whom roles trust.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenIdProvider {
    /// What its tokens have as `iss`.
    pub url: String,
    /// The audiences that its tokens may be for.
    pub client_ids: Vec<String>,
    /// Kept as they were given: connections are checked with the system's certificates.
    pub thumbprints: Vec<String>,
    pub created: Timestamp,
    pub tags: Tags,
}
kv::stored!(OpenIdProvider, version = 1);

impl OpenIdProvider {
    /// A URL without its scheme and a slash at its end: how policies and ARNs call the provider.
    pub fn name_of(url: &str) -> &str {
        url.split_once("://").map_or(url, |(_, name)| name).trim_end_matches('/')
    }

    pub fn name(&self) -> &str {
        OpenIdProvider::name_of(&self.url)
    }
}

/// What was made when the store was first opened.
#[derive(Clone, Serialize, Deserialize)]
pub struct Installation {
    pub created: Timestamp,
    /// What session tokens are sealed with.
    pub token_key: [u8; 32],
}
kv::stored!(Installation, version = 1);

/// What EC2 would give a role to an instance with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceProfile {
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// `AIPA...`.
    pub id: String,
    pub created: Timestamp,
    /// The name of its role.
    pub role: Option<String>,
    pub tags: Tags,
}
kv::stored!(InstanceProfile, version = 1);

/// An authenticator. Its secret is kept as it is, because checking a code takes it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct MfaDevice {
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    pub created: Timestamp,
    pub secret: Vec<u8>,
    /// Whose it is, and since when.
    pub user: Option<(String, Timestamp)>,
    /// The step of time of the last code that was used: none is used twice.
    pub last_step: u64,
    /// How many steps its clock is ahead of the one here.
    pub ahead: i64,
    /// A step of time, and how many codes were wrong in it.
    pub failed: (u64, u64),
    pub tags: Tags,
}
kv::stored!(MfaDevice, version = 1);

/// A user's password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoginProfile {
    pub created: Timestamp,
    /// When the password was last set.
    pub changed: Timestamp,
    pub password: Hashed,
    /// The passwords before it, the last one first.
    pub former: Vec<Hashed>,
    pub reset_required: bool,
    /// The longest session of a console that it would open.
    pub session_seconds: Option<i64>,
    /// A minute, and how many old passwords were wrong in it.
    pub failed: (u64, usize),
}
kv::stored!(LoginProfile, version = 1);

/// What the account wants of users' passwords.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PasswordRules {
    /// In characters.
    pub minimum_length: u32,
    pub symbols: bool,
    pub numbers: bool,
    pub uppercase: bool,
    pub lowercase: bool,
    /// Whether all users may change their own.
    pub users_change: bool,
    pub max_age_days: Option<u32>,
    /// How many of the last passwords are not used again.
    pub reuse_prevention: Option<u32>,
    /// Whether a console takes no new password in the place of one that is too old.
    pub hard_expiry: Option<bool>,
}
kv::stored!(PasswordRules, version = 1);

/// A user name and a password for one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceCredential {
    pub service: String,
    /// Which that service knows.
    pub user_name: String,
    pub created: Timestamp,
    pub active: bool,
    /// SHA-256 of it.
    pub password: Bytes,
}
kv::stored!(ServiceCredential, version = 1);

/// What was done with resources, of one action.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Deeds {
    pub rows: Vec<Done>,
}
kv::stored!(Deeds, version = 1);

/// How often something was done with a resource, or with those that a pattern with a `*` at its end has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    pub resource: String,
    pub count: u64,
    pub first: Timestamp,
    pub last: Timestamp,
    /// Why it was denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// When something was last used; with an access key, service and region are those of its user's last call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastUsed {
    pub at: Timestamp,
    pub service: String,
    pub region: String,
}
kv::stored!(LastUsed, version = 1);

/// What a session token says, sealed. It is not stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub access_key_id: String,
    pub issued: Timestamp,
    pub expires: Timestamp,
    pub subject: Subject,
    /// What else it says, where it says more than whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<SessionFacts>,
}
kv::stored!(Session, version = 1);

/// Whose session it is. Ids are those of the time it was made: a namesake that came later is somebody else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Subject {
    Root,
    User {
        name: String,
        id: String,
    },
    Role {
        name: String,
        id: String,
        session_name: String,
        policy: Option<String>,
    },
    /// Somebody for whom the account, or the user with this name and id, vouches.
    Federated {
        name: String,
        by: Option<(String, String)>,
        policy: Option<String>,
    },
}

/// An entity's ARN: paths begin and end with a slash.
pub fn arn(account: &AccountId, kind: &str, path: &str, name: &str) -> Arn {
    Arn::global("iam", account, format!("{kind}{path}{name}"))
}

#[cfg(test)]
mod tests {
    use kv::Stored;

    use super::*;

    /// Stored bytes must stay readable: a change here needs a new version.
    #[test]
    fn the_stored_form_is_fixed() {
        let (name, path, created) = ("n".to_owned(), "/".to_owned(), Timestamp(5));
        let user =
            User { name: name.clone(), path: path.clone(), id: "A".into(), created, boundary: None, tags: Tags::new() };
        assert_eq!(
            user.to_bytes().unwrap(),
            b"\x01\x86\xa4name\xa1n\xa4path\xa1/\xa2id\xa1A\xa7created\x05\xa8boundary\xc0\xa4tags\x80".as_slice()
        );
        let role = Role {
            name: name.clone(),
            path: path.clone(),
            id: "A".into(),
            created,
            trust: "{}".into(),
            description: None,
            max_session_seconds: 1,
            boundary: Some("b".into()),
            tags: Tags::from([("k".into(), "v".into())]),
        };
        assert_eq!(role.to_bytes().unwrap(), b"\x01\x89\xa4name\xa1n\xa4path\xa1/\xa2id\xa1A\xa7created\x05\xa5trust\xa2{}\xabdescription\xc0\xb3max_session_seconds\x01\xa8boundary\xa1b\xa4tags\x81\xa1k\xa1v".as_slice());
        let group = Group { name: name.clone(), path: path.clone(), id: "A".into(), created };
        assert_eq!(
            group.to_bytes().unwrap(),
            b"\x01\x84\xa4name\xa1n\xa4path\xa1/\xa2id\xa1A\xa7created\x05".as_slice()
        );
        let policy = ManagedPolicy {
            arn: "arn".into(),
            id: "A".into(),
            created,
            updated: created,
            description: Some("d".into()),
            default_version: 1,
            next_version: 2,
            tags: Tags::new(),
            name,
            path,
        };
        assert_eq!(policy.to_bytes().unwrap(), b"\x01\x8a\xa4name\xa1n\xa3arn\xa3arn\xa4path\xa1/\xa2id\xa1A\xa7created\x05\xa7updated\x05\xabdescription\xa1d\xafdefault_version\x01\xacnext_version\x02\xa4tags\x80".as_slice());
        let version = PolicyVersion { document: "{}".into(), created };
        assert_eq!(version.to_bytes().unwrap(), b"\x01\x82\xa8document\xa2{}\xa7created\x05".as_slice());
        let key = AccessKey { user: "ann".into(), secret: "s".into(), active: true, created };
        assert_eq!(
            key.to_bytes().unwrap(),
            b"\x01\x84\xa4user\xa3ann\xa6secret\xa1s\xa6active\xc3\xa7created\x05".as_slice()
        );
        let provider = OpenIdProvider {
            url: "https://i".into(),
            client_ids: vec!["c".into()],
            thumbprints: vec!["t".into()],
            created,
            tags: Tags::new(),
        };
        assert_eq!(
            provider.to_bytes().unwrap(),
            b"\x01\x85\xa3url\xa9https://i\xaaclient_ids\x91\xa1c\xabthumbprints\x91\xa1t\xa7created\x05\xa4tags\x80"
                .as_slice()
        );
        let installation = Installation { created, token_key: [7; 32] };
        assert_eq!(Installation::from_bytes(&installation.to_bytes().unwrap()).unwrap().token_key, [7; 32]);
        let subject = Subject::Role { name: "r".into(), id: "A".into(), session_name: "s".into(), policy: None };
        let mut session =
            Session { access_key_id: "A".into(), issued: Timestamp(1), expires: Timestamp(2), subject, facts: None };
        assert_eq!(session.to_bytes().unwrap(), b"\x01\x84\xadaccess_key_id\xa1A\xa6issued\x01\xa7expires\x02\xa7subject\x81\xa4Role\x84\xa4name\xa1r\xa2id\xa1A\xacsession_name\xa1s\xa6policy\xc0".as_slice());
        session.facts = Some(SessionFacts { mfa: Some(Timestamp(3)), ..SessionFacts::default() });
        assert_eq!(session.to_bytes().unwrap(), b"\x01\x85\xadaccess_key_id\xa1A\xa6issued\x01\xa7expires\x02\xa7subject\x81\xa4Role\x84\xa4name\xa1r\xa2id\xa1A\xacsession_name\xa1s\xa6policy\xc0\xa5facts\x82\xa6issued\x00\xa3mfa\x03".as_slice());
        assert_eq!(Session::from_bytes(&session.to_bytes().unwrap()).unwrap(), session);
        session.facts = Some(SessionFacts { vouched: true, ..SessionFacts::default() });
        assert_eq!(Session::from_bytes(&session.to_bytes().unwrap()).unwrap(), session);
        let profile = InstanceProfile {
            name: "p".into(),
            path: "/".into(),
            id: "A".into(),
            created,
            role: Some("r".into()),
            tags: Tags::new(),
        };
        assert_eq!(
            profile.to_bytes().unwrap(),
            b"\x01\x86\xa4name\xa1p\xa4path\xa1/\xa2id\xa1A\xa7created\x05\xa4role\xa1r\xa4tags\x80".as_slice()
        );
        let device = MfaDevice {
            name: "d".into(),
            path: "/".into(),
            created,
            secret: vec![1],
            user: Some(("u".into(), created)),
            last_step: 2,
            ahead: -1,
            failed: (3, 4),
            tags: Tags::new(),
        };
        assert_eq!(device.to_bytes().unwrap(), b"\x01\x89\xa4name\xa1d\xa4path\xa1/\xa7created\x05\xa6secret\x91\x01\xa4user\x92\xa1u\x05\xa9last_step\x02\xa5ahead\xff\xa6failed\x92\x03\x04\xa4tags\x80".as_slice());
        let done = Done { resource: "*".into(), count: 1, first: created, last: created, why: None };
        assert_eq!(
            Deeds { rows: vec![done] }.to_bytes().unwrap(),
            b"\x01\x81\xa4rows\x91\x84\xa8resource\xa1*\xa5count\x01\xa5first\x05\xa4last\x05".as_slice()
        );
        let hashed =
            Hashed { hash: Bytes::from_static(&[1]), salt: Bytes::from_static(&[2]), memory_kib: 3, passes: 4 };
        let profile = LoginProfile {
            created,
            changed: created,
            password: hashed,
            former: Vec::new(),
            reset_required: true,
            session_seconds: None,
            failed: (1, 2),
        };
        assert_eq!(profile.to_bytes().unwrap(), b"\x01\x87\xa7created\x05\xa7changed\x05\xa8password\x84\xa4hash\xc4\x01\x01\xa4salt\xc4\x01\x02\xaamemory_kib\x03\xa6passes\x04\xa6former\x90\xaereset_required\xc3\xafsession_seconds\xc0\xa6failed\x92\x01\x02".as_slice());
        let rules = PasswordRules {
            minimum_length: 8,
            symbols: true,
            numbers: false,
            uppercase: false,
            lowercase: false,
            users_change: true,
            max_age_days: Some(9),
            reuse_prevention: None,
            hard_expiry: Some(true),
        };
        assert_eq!(rules.to_bytes().unwrap(), b"\x01\x89\xaeminimum_length\x08\xa7symbols\xc3\xa7numbers\xc2\xa9uppercase\xc2\xa9lowercase\xc2\xacusers_change\xc3\xacmax_age_days\x09\xb0reuse_prevention\xc0\xabhard_expiry\xc3".as_slice());
        let credential = ServiceCredential {
            service: "s".into(),
            user_name: "u".into(),
            created,
            active: true,
            password: Bytes::from_static(&[7]),
        };
        assert_eq!(
            credential.to_bytes().unwrap(),
            b"\x01\x85\xa7service\xa1s\xa9user_name\xa1u\xa7created\x05\xa6active\xc3\xa8password\xc4\x01\x07"
                .as_slice()
        );
        let used = LastUsed { at: created, service: "s".into(), region: "r".into() };
        assert_eq!(used.to_bytes().unwrap(), b"\x01\x83\xa2at\x05\xa7service\xa1s\xa6region\xa1r".as_slice());
    }
}
