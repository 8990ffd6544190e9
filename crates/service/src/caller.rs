//! Who is calling, and whether they may: the two questions that the identity service answers for all others.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{AccountId, Arn, Timestamp};
use serde::{Deserialize, Serialize};

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// `arn:aws:iam::…:root`, `…:user/name`, or `arn:aws:sts::…:assumed-role/role/session`.
    pub arn: Arn,
    pub account: AccountId,
    /// IAM's unique id (`AIDA…`, `AROA…:session`, or the account's number for root).
    pub user_id: String,
    pub kind: CallerKind,
    /// Of temporary credentials: what they say beside whose they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Arc<SessionFacts>>,
}

/// What temporary credentials say beside whose they are. All of it was decided when they were given out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionFacts {
    pub issued: Timestamp,
    /// Tags of the session, which hide those of its role or user with the same keys, whatever their case.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Keys of those tags that sessions have too which are opened with this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transitive: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// ARNs of managed policies that narrow it, like a session policy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policy_arns: Vec<String>,
    /// When its user showed a code of a device, if they did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa: Option<Timestamp>,
    /// Whether an identity provider vouches for whoever has it, and not a key of the account's: anybody, where a pool has guests.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub vouched: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallerKind {
    /// The account's owner: policies do not apply.
    Root,
    User {
        name: String,
    },
    /// A role's session. `policy` is a session policy, which can only narrow what the role allows. A session that a service has
    /// inside of the server lasts as long as the role trusts that service, [`Caller::assumed`].
    Session {
        role: Arn,
        policy: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        assumed_by: Option<Box<Caller>>,
    },
    /// Somebody whom a user, or the account itself, vouches for: they may do what both that user's policies and the session's
    /// allow.
    Federated {
        user: Option<String>,
        policy: Option<String>,
    },
    /// Cloudlet itself, finishing work that was authorized when it was accepted.
    System,
    /// Nobody: the request was not signed.
    Anonymous,
}

impl Caller {
    pub fn root(account: &AccountId) -> Caller {
        Caller {
            arn: Arn::global("iam", account, "root"),
            account: account.clone(),
            user_id: account.to_string(),
            kind: CallerKind::Root,
            session: None,
        }
    }

    /// Who did not sign: what is for everybody is for them, too.
    pub fn anonymous(account: &AccountId) -> Caller {
        let arn = Arn::global("iam", account, "anonymous");
        let (kind, user_id) = (CallerKind::Anonymous, "anonymous".into());
        Caller { kind, user_id, arn, account: account.clone(), session: None }
    }

    pub fn system(account: &AccountId) -> Caller {
        Caller { kind: CallerKind::System, user_id: "cloudlet".into(), ..Caller::root(account) }
    }

    /// Cloudlet itself, acting as the service that trust policies call `principal` (`lambda.amazonaws.com`). Its
    /// `sts:AssumeRole` gives credentials of a role that trusts that service, and of no other role.
    pub fn service(account: &AccountId, principal: &str) -> Caller {
        Caller { user_id: principal.into(), ..Caller::system(account) }
    }

    /// The service as which Cloudlet itself acts here, or the ARN of an identity that such a service has in policies: see
    /// [`Caller::service`].
    pub fn as_service(&self) -> Option<&str> {
        let names_one = |id: &&str| id.contains('.') || id.starts_with("arn:");
        Some(self.user_id.as_str()).filter(|id| self.kind == CallerKind::System && names_one(id))
    }

    /// A session of `role`, as work done on a role's behalf inside the server (an event source mapping's polls) has
    /// it. The identity service looks up the role's policies at each decision.
    pub fn role_session(role: &Arn, session_name: &str) -> Caller {
        let account = AccountId::new(role.account.as_str());
        let name = role.resource.rsplit('/').next().unwrap_or_default();
        Caller {
            arn: Arn::global("sts", &account, format!("assumed-role/{name}/{session_name}")),
            user_id: format!("{name}:{session_name}"),
            kind: CallerKind::Session { role: role.clone(), policy: None, assumed_by: None },
            account,
            session: None,
        }
    }

    /// A session of `role` as a service has it that acts for a resource of its own. Each decision asks first whether the role
    /// trusts the service: one that was trusted when the resource was made need not be so now.
    pub fn assumed(role: &Arn, session_name: &str, principal: &str, source: Arn) -> Caller {
        let session = Caller::role_session(role, session_name);
        let service = Caller { arn: source, ..Caller::service(&session.account, principal) };
        let kind = CallerKind::Session { role: role.clone(), policy: None, assumed_by: Some(Box::new(service)) };
        Caller { kind, ..session }
    }
}

/// One question to the policies: may the caller do `action` on `resource`?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// `service:Operation`.
    pub action: String,
    /// An ARN, or `*` where the operation has no resource.
    pub resource: String,
    /// Condition keys beyond the global ones, with their values (`dynamodb:LeadingKeys`).
    pub context: Vec<(String, Vec<String>)>,
    /// The resource's own policy document, where it has one.
    pub resource_policy: Option<String>,
    /// Whether only those have access whom that policy names, or whose account it does: keys of KMS.
    pub resource_must_allow: bool,
    /// Whether the answer stands even where policies are only looked at (`--iam audit`): it decides what is done, and not only
    /// whether something is.
    pub strict: bool,
}

impl Permission {
    pub fn new(action: impl Into<String>, resource: impl ToString) -> Permission {
        Permission {
            action: action.into(),
            resource: resource.to_string(),
            context: Vec::new(),
            resource_policy: None,
            resource_must_allow: false,
            strict: false,
        }
    }
}

/// An access key that exists: what to verify the signature with, and who signs with it.
#[derive(Clone, Debug)]
pub struct Credential {
    pub secret: String,
    pub caller: Caller,
    /// When it ends; `None` for what lasts until somebody revokes it.
    pub expires: Option<Timestamp>,
}

/// Why an access key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    #[error("The security token included in the request is invalid.")]
    Unknown,
    #[error("The security token included in the request is expired")]
    Expired,
    #[error("the identity store cannot be read")]
    Unavailable,
}

/// A refusal, worded as AWS words it, with the statement that would allow the call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Denial {
    pub message: String,
}

/// The identity service, as every other layer sees it.
pub trait Access: Send + Sync {
    /// Looks up an access key. `session_token` is the one presented with it; it must belong to the key.
    fn credential(
        &self,
        access_key_id: &str,
        session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<Credential, CredentialError>;

    /// Evaluates the caller's policies. A change of policy applies to the next question.
    fn authorize(&self, caller: &Caller, permission: &Permission, now: Timestamp) -> Result<(), Denial>;
}
