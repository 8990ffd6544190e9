//! Whether a request may come in, and as whom: what methods and routes ask for, and what they are told.

mod function;
mod issuers;
mod results;
mod signed;
mod tokens;
mod verdict;

use std::sync::Arc;

use base::Arn;
use proxy::Incoming;
use serde_json::{Map, Value, json};
use service::Cx;

pub use function::FunctionEvent;
pub use issuers::Issuers;
pub use results::Results;
pub use signed::{Signer, peer, verify};
pub use verdict::Verdict;

use crate::ApiGateway;
use crate::identity::{self, Place, Source};
use crate::types::Texts;
use crate::types::authorizer::{Authorization, AuthorizationKind, Authorizer, Form, Kind};

/// A request that wants in.
pub struct Asked<'a> {
    pub state: &'a ApiGateway,
    pub cx: &'a Cx,
    pub incoming: &'a Incoming,
    pub place: Place<'a>,
    /// What it is for, as policies name it: an ARN of `execute-api` with the request's own path.
    pub target: Arn,
}

/// Whom a request came in as.
pub enum Admitted {
    Anybody,
    Signer(Box<Signer>),
    /// The owner of a token. The scopes are those that were asked for and that the token has, where any were asked for.
    Owner {
        claims: Map<String, Value>,
        scopes: Option<Vec<String>>,
    },
    /// Whomever a function says.
    Named(Arc<Verdict>),
}

/// What an authorizer that is tried says.
pub enum Tried {
    Verdict(Verdict),
    Claims(Texts),
}

/// Why a request does not come in.
#[derive(Debug)]
pub enum Refused {
    /// It says not who sent it, or cannot prove it. `challenge` is what a client of an HTTP API is told to bring.
    Unauthorized {
        challenge: Option<String>,
    },
    /// Its token was good once.
    Expired,
    /// Its token has none of the scopes that it needs; what a client of an HTTP API is told.
    Scope {
        challenge: String,
    },
    /// The authorizer does not let it.
    Denied {
        explicitly: bool,
    },
    /// The signer's policies do not let it. Which is missing is for the signer to know: it is the owner's account.
    NotPermitted(String),
    Signature {
        code: &'static str,
        message: String,
    },
    /// The authorizer failed, or says nothing that makes sense.
    Failed,
    /// The authorizer cannot be asked.
    Misconfigured,
}

impl Asked<'_> {
    /// Lets a request in, or not, as a method or a route asks. `event` makes what a function is told of it.
    pub async fn admit(
        &self,
        authorization: &Authorization,
        authorizer: Option<&Authorizer>,
        event: FunctionEvent<'_>,
    ) -> Result<Admitted, Refused> {
        match (authorization.kind, authorizer) {
            (AuthorizationKind::None, _) => Ok(Admitted::Anybody),
            (AuthorizationKind::Iam, _) => signed::admit(self).map(|signer| Admitted::Signer(Box::new(signer))),
            (_, None) => {
                tracing::error!(api = self.place.api, "a deployment lacks the authorizer that it asks for");
                Err(Refused::Misconfigured)
            }
            (_, Some(authorizer)) => self.ask(authorization, authorizer, event).await,
        }
    }

    /// What an authorizer says of a request, whatever methods ask of it and whatever it has said before.
    pub async fn test(&self, authorizer: &Authorizer, event: FunctionEvent<'_>) -> Result<Tried, Refused> {
        let unauthorized = || Refused::Unauthorized { challenge: None };
        let values = self.identity(authorizer);
        match &authorizer.kind {
            Kind::Token { uri, .. } | Kind::Request { uri, .. } => {
                let values = values.ok_or_else(unauthorized)?;
                function::invoke(self, authorizer, uri, &values, event).await.map(Tried::Verdict)
            }
            Kind::Pools { .. } | Kind::Jwt { .. } => {
                match self.ask(&Authorization::default(), authorizer, event).await? {
                    Admitted::Owner { claims, .. } => {
                        Ok(Tried::Claims(claims.iter().map(|(name, value)| (name.clone(), text(value, ","))).collect()))
                    }
                    Admitted::Anybody | Admitted::Signer(_) | Admitted::Named(_) => Err(unauthorized()),
                }
            }
        }
    }

    async fn ask(
        &self,
        authorization: &Authorization,
        authorizer: &Authorizer,
        event: FunctionEvent<'_>,
    ) -> Result<Admitted, Refused> {
        let values = self.identity(authorizer);
        match &authorizer.kind {
            Kind::Jwt { issuer, audience } => {
                let token = values.and_then(|values| values.into_iter().next());
                tokens::of_issuer(self, token, issuer, audience, &authorization.scopes).await
            }
            Kind::Pools { arns } => {
                let token = values.and_then(|values| values.into_iter().next());
                tokens::of_pools(self, token, arns, &authorization.scopes)
            }
            Kind::Token { uri, .. } | Kind::Request { uri, .. } => {
                let values = values.ok_or(Refused::Unauthorized { challenge: None })?;
                function::ask(self, authorizer, uri, values, event).await.map(Admitted::Named)
            }
        }
    }

    /// What identifies the sender, in the order of the sources; `None` when something is missing, or is not as it has to be.
    fn identity(&self, authorizer: &Authorizer) -> Option<Vec<String>> {
        let values: Option<Vec<String>> = sources(authorizer)
            .map(|source| source.and_then(|source| source.value(self.incoming, &self.place)))
            .collect();
        let values = values?;
        match &authorizer.kind {
            Kind::Token { validation: Some(expression), .. } => {
                // It was compiled when it was put.
                let expression = crate::ops::rest::authorizer::expression(expression).ok()?;
                values.iter().all(|value| expression.is_match(value)).then_some(values)
            }
            _ => Some(values),
        }
    }
}

/// `None` for what is no source: it was checked when it was put.
fn sources(authorizer: &Authorizer) -> impl Iterator<Item = Option<Source>> {
    let read = match &authorizer.kind {
        Kind::Token { .. } | Kind::Pools { .. } | Kind::Request { form: Form::Rest, .. } => identity::rest,
        Kind::Request { form: Form::WebSocket, .. } => identity::websocket,
        Kind::Request { form: Form::V1 | Form::V2 { .. }, .. } | Kind::Jwt { .. } => identity::http,
    };
    authorizer.identity_sources.iter().map(move |text| read(text).ok())
}

impl Admitted {
    /// What events of payload format 2.0 tell of it, as `requestContext.authorizer`.
    ///
    /// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
    pub fn in_v2(&self) -> Option<Value> {
        match self {
            Admitted::Anybody => None,
            Admitted::Signer(signer) => Some(json!({ "iam": signer.in_v2() })),
            Admitted::Owner { claims, scopes } => {
                Some(json!({"jwt": {"claims": texts(claims, " "), "scopes": scopes}}))
            }
            Admitted::Named(verdict) => Some(json!({ "lambda": verdict.context })),
        }
    }

    /// One of its values, by the name that selections have for it after `authorizer.`.
    pub fn value(&self, name: &str) -> Option<String> {
        let value = match self {
            Admitted::Anybody | Admitted::Signer(_) => return None,
            Admitted::Owner { claims, .. } => claims.get(name.strip_prefix("claims.")?)?,
            Admitted::Named(verdict) if name == "principalId" && !verdict.principal.is_empty() => {
                return Some(verdict.principal.clone());
            }
            Admitted::Named(verdict) => verdict.context.get(name)?,
        };
        (!value.is_null()).then(|| text(value, " "))
    }

    /// What events of payload format 1.0 tell of it, in their `requestContext`.
    pub fn write_v1(&self, context: &mut Value) {
        match self {
            Admitted::Anybody => {}
            Admitted::Signer(signer) => signer.write_v1(&mut context["identity"]),
            Admitted::Owner { claims, scopes } => {
                context["authorizer"] = json!({"claims": texts(claims, ","), "scopes": scopes});
            }
            Admitted::Named(verdict) => context["authorizer"] = verdict.in_v1(),
        }
    }
}

/// Claims as events have them: texts, lists of which are joined in brackets.
fn texts(claims: &Map<String, Value>, separator: &str) -> Map<String, Value> {
    claims.iter().map(|(name, value)| (name.clone(), json!(text(value, separator)))).collect()
}

fn text(value: &Value, separator: &str) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| text(item, separator)).collect();
            let joined = items.join(separator);
            if separator == " " { format!("[{joined}]") } else { joined }
        }
        other => other.to_string(),
    }
}
