//! Who calls, and the `Principal` element, which says who is meant.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>

use super::json::Json;

/// A caller, as policies see it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    /// What policies and messages call it: `arn:aws:iam::000000000000:user/ann`, a service's name, or `*` for nobody known.
    pub arn: String,
    /// Empty for services and for anonymous callers.
    pub account: String,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The account itself, which no identity-based policy limits.
    Root,
    User,
    /// A session of the role with this ARN.
    Session {
        role_arn: String,
    },
    /// A service that acts for itself, such as `events.amazonaws.com`.
    Service,
    /// Somebody whom an identity provider vouches for, before they have a role.
    Federated,
    /// Nobody: the request was not signed.
    Anonymous,
}

impl Principal {
    pub fn root(account: &str) -> Principal {
        Principal { arn: format!("arn:aws:iam::{account}:root"), account: account.into(), kind: Kind::Root }
    }

    /// The user whose path and name follow `user/` in its ARN.
    pub fn user(account: &str, path_and_name: &str) -> Principal {
        Principal {
            arn: format!("arn:aws:iam::{account}:user/{path_and_name}"),
            account: account.into(),
            kind: Kind::User,
        }
    }

    /// A session of a role. The session's ARN has the role's name without its path.
    pub fn session(account: &str, role_arn: &str, session_name: &str) -> Principal {
        let role = role_arn.rsplit('/').next().unwrap_or_default();
        Principal {
            arn: format!("arn:aws:sts::{account}:assumed-role/{role}/{session_name}"),
            account: account.into(),
            kind: Kind::Session { role_arn: role_arn.into() },
        }
    }

    pub fn service(name: &str) -> Principal {
        Principal { arn: name.into(), account: String::new(), kind: Kind::Service }
    }

    /// Whoever has a token of a provider: its ARN, or its name where it is one that AWS knows.
    pub fn federated(provider: &str) -> Principal {
        Principal { arn: provider.into(), account: String::new(), kind: Kind::Federated }
    }

    pub fn anonymous() -> Principal {
        Principal { arn: "*".into(), account: String::new(), kind: Kind::Anonymous }
    }
}

/// How directly a policy of a resource names the caller, weakest first. It matters for what an `Allow` can do alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named {
    Not,
    /// Through its account, which leaves the decision to the caller's own policies.
    ByAccount,
    /// Through its role, or as anybody: a boundary and session policies still limit it.
    Indirectly,
    /// By its own ARN or service name.
    Exactly,
}

/// The `Principal` element.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Principals(Vec<Entry>);

#[derive(Clone, Debug, PartialEq)]
enum Entry {
    Anybody,
    Account(String),
    Arn(String),
    Service(String),
    /// An identity provider.
    Federated(String),
    /// S3's canonical ids: valid, but nobody here is one.
    Foreign,
}

impl Principals {
    /// Reads `"*"` or `{"AWS": ..., "Service": ..., "Federated": ...}`. The error is the value that is wrong.
    pub(super) fn parse(json: &Json) -> Result<Principals, String> {
        match json {
            Json::Text(text) if text == "*" => Ok(Principals(vec![Entry::Anybody])),
            Json::Object(kinds) if !kinds.is_empty() => {
                let mut entries = Vec::new();
                for (kind, values) in kinds {
                    for value in values.items() {
                        let Json::Text(value) = value else { return Err(kind.clone()) };
                        entries.push(parse_entry(kind, value).ok_or_else(|| format!("\"{kind}\":\"{value}\""))?);
                    }
                }
                Ok(Principals(entries))
            }
            Json::Text(text) => Err(text.clone()),
            _ => Err(String::new()),
        }
    }

    /// How the element names `principal`.
    pub(super) fn name(&self, principal: &Principal) -> Named {
        self.0.iter().map(|entry| entry.name(principal)).max().unwrap_or(Named::Not)
    }
}

fn parse_entry(kind: &str, value: &str) -> Option<Entry> {
    match kind {
        "AWS" if value == "*" => Some(Entry::Anybody),
        "AWS" if is_account(value) => Some(Entry::Account(value.into())),
        "AWS" => parse_arn(value),
        "Service" if value.contains('.') && !value.contains('*') => Some(Entry::Service(value.into())),
        "Federated" if !value.is_empty() => Some(Entry::Federated(value.into())),
        "CanonicalUser" if !value.is_empty() => Some(Entry::Foreign),
        _ => None,
    }
}

/// An ARN of IAM or STS, without wildcards, which principals may not have.
fn parse_arn(text: &str) -> Option<Entry> {
    let arn: base::Arn = text.parse().ok()?;
    // Origin access identities are users of an account that is not a number.
    let of_account = is_account(&arn.account) || arn.account == "cloudfront" && arn.resource.starts_with("user/");
    let names_somebody = matches!(arn.service.as_str(), "iam" | "sts") && of_account && !text.contains(['*', '?']);
    match arn.resource.as_str() {
        _ if !names_somebody => None,
        "root" => Some(Entry::Account(arn.account)),
        _ => Some(Entry::Arn(text.into())),
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Entry {
    fn name(&self, principal: &Principal) -> Named {
        match (self, &principal.kind) {
            (Entry::Anybody, _) => Named::Indirectly,
            (Entry::Federated(name), Kind::Federated) if *name == principal.arn => Named::Exactly,
            (Entry::Account(account), Kind::Root | Kind::User | Kind::Session { .. })
                if *account == principal.account =>
            {
                Named::ByAccount
            }
            (Entry::Arn(arn), _) if *arn == principal.arn => Named::Exactly,
            (Entry::Arn(arn), Kind::Session { role_arn }) if arn == role_arn => Named::Indirectly,
            (Entry::Service(name), Kind::Service) if *name == principal.arn => Named::Exactly,
            _ => Named::Not,
        }
    }
}
