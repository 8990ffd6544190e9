//! What a function says of a request's sender.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html>

use auth::policy::{Context, Decision, Policy, PolicySet, Principal, Request, evaluate};
use base::{Arn, Timestamp};
use proxy::Incoming;
use serde_json::{Map, Value, json};

use super::Refused;

/// The action that its policies are about.
pub const INVOKE: &str = "execute-api:Invoke";

pub struct Verdict {
    /// Empty where nobody is named: simple answers.
    pub principal: String,
    /// The policy as it was given; `None` for a simple answer.
    pub policy: Option<Policy>,
    allowed: bool,
    /// What functions behind the API are told.
    pub context: Map<String, Value>,
    /// The API key that counts for this sender, where a REST API's keys come from authorizers.
    pub usage_key: Option<String>,
}

impl Verdict {
    /// Reads an answer: one with `isAuthorized` where it is `simple`, else one with a policy. `is_rest` for REST APIs, whose contexts
    /// are texts, numbers and booleans.
    ///
    /// # Errors
    /// What of it makes no sense.
    pub fn read(payload: &[u8], simple: bool, is_rest: bool) -> Result<Verdict, &'static str> {
        let answer: Map<String, Value> = serde_json::from_slice(payload).map_err(|_| "it is no JSON object")?;
        let context = match answer.get("context") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(context)) => context.clone(),
            Some(_) => return Err("its context is no object"),
        };
        if is_rest && context.values().any(|value| value.is_array() || value.is_object()) {
            return Err("its context has a value that is an object or a list");
        }
        if simple {
            let allowed = answer.get("isAuthorized").and_then(Value::as_bool).ok_or("it has no isAuthorized")?;
            return Ok(Verdict { principal: String::new(), policy: None, allowed, context, usage_key: None });
        }
        let principal = answer.get("principalId").and_then(Value::as_str).filter(|id| !id.is_empty());
        let document =
            answer.get("policyDocument").filter(|document| document.is_object()).ok_or("it has no policyDocument")?;
        let policy = Policy::parse(&document.to_string()).map_err(|_| "its policyDocument is none")?;
        Ok(Verdict {
            principal: principal.ok_or("it has no principalId")?.to_owned(),
            policy: Some(policy),
            allowed: false,
            context,
            usage_key: answer.get("usageIdentifierKey").and_then(Value::as_str).map(str::to_owned),
        })
    }

    /// Whether it lets a request use what it is for.
    pub fn decide(&self, now: Timestamp, incoming: &Incoming, target: &Arn) -> Result<(), Refused> {
        let Some(policy) = &self.policy else {
            return if self.allowed { Ok(()) } else { Err(Refused::Denied { explicitly: false }) };
        };
        let context: Context = [
            ("aws:CurrentTime", now.iso8601()),
            ("aws:EpochTime", now.as_secs().to_string()),
            ("aws:SourceIp", incoming.source_ip.clone()),
            ("aws:UserAgent", incoming.user_agent().to_owned()),
        ]
        .into_iter()
        .collect();
        let (principal, resource) = (Principal::anonymous(), target.to_string());
        let request = Request { principal: &principal, action: INVOKE, resource: &resource, context: &context };
        let policies = PolicySet { identity: std::slice::from_ref(policy), ..PolicySet::default() };
        match evaluate(&request, &policies) {
            Decision::Allow => Ok(()),
            Decision::ExplicitDeny { .. } => Err(Refused::Denied { explicitly: true }),
            Decision::ImplicitDeny { .. } => Err(Refused::Denied { explicitly: false }),
        }
    }

    /// As events of payload format 1.0 tell of it: each value is a text there.
    pub fn in_v1(&self) -> Value {
        let texts = self.context.iter().filter(|(_, value)| !value.is_null());
        let mut told: Map<String, Value> =
            texts.map(|(name, value)| (name.clone(), json!(super::text(value, ",")))).collect();
        if !self.principal.is_empty() {
            told.insert("principalId".into(), json!(self.principal));
        }
        Value::Object(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answer: &Value, simple: bool) -> Result<Verdict, &'static str> {
        Verdict::read(answer.to_string().as_bytes(), simple, true)
    }

    #[test]
    fn answers_that_make_no_sense_are_told_from_those_that_do() {
        let statement = json!({"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*"});
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
        let told = read(&json!({"principalId": "u", "policyDocument": policy, "context": {"n": 1, "b": true}}), false)
            .unwrap();
        assert_eq!(told.in_v1(), json!({"n": "1", "b": "true", "principalId": "u"}));
        for answer in [
            json!([]),
            json!({}),
            json!({"principalId": "u"}),
            json!({"policyDocument": policy}),
            json!({"principalId": "u", "policyDocument": {"Statement": "x"}}),
            json!({"principalId": "u", "policyDocument": policy, "context": {"a": []}}),
            json!({"principalId": "u", "policyDocument": policy, "context": "text"}),
        ] {
            assert!(read(&answer, false).is_err(), "{answer}");
        }
        assert!(read(&json!({"isAuthorized": "true"}), true).is_err());
        assert!(read(&json!({"isAuthorized": true}), true).unwrap().allowed);
    }
}
