//! Authorizers, and what methods and routes ask of them, as they are stored: the same for both kinds of API.

use serde::{Deserialize, Serialize};

use crate::keys::Id;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Authorizer {
    pub id: Id,
    pub name: String,
    /// Where a request has what identifies its sender, as the API's owner wrote it: `method.request.header.Authorization`,
    /// `$request.header.Authorization`.
    pub identity_sources: Vec<String>,
    /// How long a result is kept, in seconds; 0 for not at all.
    pub ttl_seconds: u32,
    /// A text of the owner's, kept and shown: REST APIs alone.
    pub auth_type: Option<String>,
    pub kind: Kind,
}
kv::stored!(Authorizer, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    /// A function that is told a token: REST APIs alone.
    Token {
        uri: String,
        /// What a token has to match before the function is asked: a regular expression.
        validation: Option<String>,
    },
    /// A function that is told the request.
    Request { uri: String, form: Form },
    /// User pools, by their ARNs: REST APIs alone.
    Pools { arns: Vec<String> },
    /// Whoever signs tokens under an issuer's name, for one of these audiences: HTTP APIs alone.
    Jwt { issuer: String, audience: Vec<String> },
}

/// What a function is told of a request, and what it may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// The form of REST APIs, which has no version.
    Rest,
    /// The same of WebSocket APIs.
    WebSocket,
    V1,
    V2 {
        /// Answers with `isAuthorized` rather than with a policy.
        simple: bool,
    },
}

/// Who may use a method or a route.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Authorization {
    pub kind: AuthorizationKind,
    /// There for each kind that has one.
    pub authorizer: Option<Id>,
    /// Of which a token needs one.
    #[serde(default)]
    pub scopes: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthorizationKind {
    /// Everybody.
    #[default]
    None,
    /// Who signs, and is permitted to.
    Iam,
    Custom,
    Pools,
    Jwt,
}

impl AuthorizationKind {
    /// The name that it has in operations.
    pub fn word(self) -> &'static str {
        match self {
            AuthorizationKind::None => "NONE",
            AuthorizationKind::Iam => "AWS_IAM",
            AuthorizationKind::Custom => "CUSTOM",
            AuthorizationKind::Pools => "COGNITO_USER_POOLS",
            AuthorizationKind::Jwt => "JWT",
        }
    }

    /// Whether this authorizer is of the kind that is asked.
    pub fn fits(self, authorizer: &Kind) -> bool {
        match authorizer {
            Kind::Token { .. } | Kind::Request { .. } => self == AuthorizationKind::Custom,
            Kind::Pools { .. } => self == AuthorizationKind::Pools,
            Kind::Jwt { .. } => self == AuthorizationKind::Jwt,
        }
    }
}
