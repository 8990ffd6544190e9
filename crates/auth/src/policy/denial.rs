//! The words of a denial: AWS's sentence, and the statement that would help.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>

use serde_json::json;

use super::{Decision, Principal, Request, Source};

/// The statement that allows `action` on `resource`, as compact JSON.
pub fn suggest(action: &str, resource: &str) -> String {
    json!({"Effect": "Allow", "Action": action, "Resource": resource}).to_string()
}

/// Why the request is refused and what would allow it; `None` when it is allowed.
pub fn denial(request: &Request, decision: &Decision) -> Option<String> {
    let Request { principal, action, resource, .. } = request;
    let because = match decision {
        Decision::Allow => return None,
        Decision::ExplicitDeny { source, .. } => format!("with an explicit deny in {}", source.with_article()),
        Decision::ImplicitDeny { missing } => format!("because no {} allows the {action} action", missing.name()),
    };
    let hint = match decision {
        Decision::ExplicitDeny { statement, .. } => {
            format!("It is denied by the statement '{statement}', which no other can outweigh.")
        }
        Decision::ImplicitDeny { missing: Source::Resource } => {
            format!("This statement in the resource's policy would allow it: {}", suggest_for(principal, action))
        }
        _ => format!("This statement would allow it: {}", suggest(action, resource)),
    };
    Some(format!(
        "User: {} is not authorized to perform: {action} on resource: {resource} {because}. {hint}",
        principal.arn
    ))
}

/// Why a request is refused, in a few words.
impl std::fmt::Display for Decision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Decision::Allow => f.write_str("allowed"),
            Decision::ExplicitDeny { source, statement } => {
                write!(f, "the statement '{statement}' of {} denies it", source.with_article())
            }
            Decision::ImplicitDeny { missing } => write!(f, "no {} allows it", missing.name()),
        }
    }
}

fn suggest_for(principal: &Principal, action: &str) -> String {
    let principal = match principal.kind {
        super::Kind::Service => json!({"Service": principal.arn}),
        super::Kind::Federated => json!({"Federated": principal.arn}),
        super::Kind::Anonymous => json!("*"),
        _ => json!({"AWS": principal.arn}),
    };
    json!({"Effect": "Allow", "Principal": principal, "Action": action}).to_string()
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Source::Identity => "identity-based policy",
            Source::Boundary => "permissions boundary",
            Source::Session => "session policy",
            Source::Resource => "resource-based policy",
        }
    }

    fn with_article(self) -> String {
        let article = if self == Source::Identity { "an" } else { "a" };
        format!("{article} {}", self.name())
    }
}
