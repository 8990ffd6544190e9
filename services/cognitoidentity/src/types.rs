//! What identity pools store. The signing key is sealed by the vault.

use std::collections::{BTreeMap, BTreeSet};

use base::{Arn, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// `us-east-1:` and a UUID.
    pub id: String,
    pub arn: Arn,
    pub settings: Settings,
    /// By what they are for: `authenticated`, `unauthenticated`.
    pub roles: BTreeMap<String, String>,
    /// By provider.
    pub mappings: BTreeMap<String, RoleMapping>,
    pub tags: BTreeMap<String, String>,
}
kv::stored!(Pool, version = 1);

/// What UpdateIdentityPool sets anew, all of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub name: String,
    pub unauthenticated: bool,
    /// Whether clients may take a token to STS themselves.
    pub classic: bool,
    /// Clients at providers that AWS knows, by the provider's name.
    pub login_providers: BTreeMap<String, String>,
    /// What the owner's own sign-in is called.
    pub developer: Option<String>,
    /// ARNs of providers in IAM.
    pub openid: Vec<String>,
    pub user_pools: Vec<UserPool>,
}

/// A client of a user pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserPool {
    /// `cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEfGhI`.
    pub provider: String,
    pub client: String,
}

/// How a role is found in a provider's token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoleMapping {
    /// The first rule that applies; `None` where the token itself says.
    pub rules: Option<Vec<Rule>>,
    /// Whether nobody gets a role where none is found, rather than the one of the pool.
    pub denies: bool,
    /// Whether that was said.
    pub says_ambiguous: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    pub claim: String,
    pub matching: Matching,
    pub value: String,
    pub role: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Matching {
    Equals,
    Contains,
    StartsWith,
    NotEqual,
}

impl Matching {
    pub const WORDS: [&str; 4] = ["Equals", "Contains", "StartsWith", "NotEqual"];

    pub fn word(self) -> &'static str {
        match self {
            Matching::Equals => "Equals",
            Matching::Contains => "Contains",
            Matching::StartsWith => "StartsWith",
            Matching::NotEqual => "NotEqual",
        }
    }

    pub fn read(word: &str) -> Option<Matching> {
        use Matching::{Contains, Equals, NotEqual, StartsWith};
        [Equals, Contains, StartsWith, NotEqual].into_iter().find(|matching| matching.word() == word)
    }
}

/// Somebody, whoever it is: whom providers know by what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    pub id: String,
    pub pool: String,
    /// What each provider knows it by; a developer's own sign-in may have several.
    pub logins: BTreeMap<String, BTreeSet<String>>,
    pub created: Timestamp,
    pub modified: Timestamp,
}
kv::stored!(Identity, version = 1);

/// A private key of RSA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SigningKey {
    pub id: String,
    /// In PKCS #8, sealed.
    pub sealed: Bytes,
    pub made: Timestamp,
}
kv::stored!(SigningKey, version = 1);

/// The region of an id of a pool or an identity; nothing where it is none.
pub fn region_of(id: &str) -> &str {
    id.split_once(':').map_or("", |(region, _)| region)
}

#[cfg(test)]
mod tests {
    use kv::Stored;

    use super::*;

    /// What the stored forms look like on disk: users' files have them.
    #[test]
    fn stored_forms_do_not_drift() {
        let rule = Rule { claim: "c".into(), matching: Matching::Equals, value: "v".into(), role: "r".into() };
        let pool = Pool {
            id: "r:1".into(),
            arn: "arn:aws:cognito-identity:r:0:identitypool/r:1".parse().unwrap(),
            settings: Settings {
                name: "n".into(),
                user_pools: vec![UserPool { provider: "p".into(), client: "c".into() }],
                ..Settings::default()
            },
            roles: [("authenticated".to_owned(), "a".to_owned())].into(),
            mappings: [("p".to_owned(), RoleMapping { rules: Some(vec![rule]), denies: true, says_ambiguous: true })]
                .into(),
            tags: BTreeMap::new(),
        };
        let logins = [("p".to_owned(), BTreeSet::from(["s".to_owned()]))].into();
        let identity =
            Identity { id: "r:2".into(), pool: "r:1".into(), logins, created: Timestamp(1), modified: Timestamp(2) };
        let key = SigningKey { id: "k".into(), sealed: Bytes::from_static(&[1]), made: Timestamp(1) };
        assert_eq!(hex::encode(pool.to_bytes().unwrap()), GOLDEN[0]);
        assert_eq!(hex::encode(identity.to_bytes().unwrap()), GOLDEN[1]);
        assert_eq!(hex::encode(key.to_bytes().unwrap()), GOLDEN[2]);
        assert_eq!(Pool::from_bytes(&pool.to_bytes().unwrap()).unwrap(), pool);
    }

    const GOLDEN: [&str; 3] = [
        "0186a26964a3723a31a361726ed92d61726e3a6177733a636f676e69746f2d6964656e746974793a723a303a6964656e74697479706f\
         6f6c2f723a31a873657474696e677387a46e616d65a16eaf756e61757468656e74696361746564c2a7636c6173736963c2af6c6f6769\
         6e5f70726f76696465727380a9646576656c6f706572c0a66f70656e696490aa757365725f706f6f6c739182a870726f7669646572a1\
         70a6636c69656e74a163a5726f6c657381ad61757468656e74696361746564a161a86d617070696e677381a17083a572756c65739184\
         a5636c61696da163a86d61746368696e67a6457175616c73a576616c7565a176a4726f6c65a172a664656e696573c3ae736179735f61\
         6d626967756f7573c3a47461677380",
        "0185a26964a3723a32a4706f6f6ca3723a31a66c6f67696e7381a17091a173a76372656174656401a86d6f64696669656402",
        "0183a26964a16ba67365616c6564c40101a46d61646501",
    ];
}
