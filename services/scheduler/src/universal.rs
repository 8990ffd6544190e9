//! Universal targets: operations of any service that is here, by names like `arn:aws:scheduler:::aws-sdk:sqs:sendMessage`.
//!
//! Source: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html>

use base::Arn;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use service::Cloud;

use crate::error::Error;

/// Services that SDKs call otherwise than their models do.
const SDK_NAMES: [(&str, &str); 5] = [
    ("applicationautoscaling", "application-autoscaling"),
    ("cloudwatchlogs", "logs"),
    ("eventbridge", "events"),
    ("sfn", "states"),
    ("streamsdynamodb", "dynamodbstreams"),
];

/// Operations that only read begin like this: there is nobody to read what they find.
const READ_ONLY: [&str; 26] = [
    "get",
    "describe",
    "list",
    "poll",
    "receive",
    "search",
    "scan",
    "query",
    "select",
    "read",
    "lookup",
    "discover",
    "validate",
    "batchGet",
    "batchDescribe",
    "batchRead",
    "transactGet",
    "adminGet",
    "adminList",
    "testMigration",
    "retrieve",
    "testConnection",
    "translateDocument",
    "isAuthorized",
    "invokeModel",
    "executeStatement",
];

/// An operation of a service: the name of the service's model, and the operation's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    pub service: String,
    pub name: String,
}

impl Operation {
    /// `None` for an ARN that names a resource.
    pub fn of(arn: &Arn) -> Option<Operation> {
        let (service, action) = Operation::parts(arn)?;
        let service = SDK_NAMES.iter().find(|(sdk, _)| *sdk == service).map_or(service, |(_, model)| model);
        let mut letters = action.chars();
        let name = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        Some(Operation { service: service.to_owned(), name })
    }

    fn parts(arn: &Arn) -> Option<(&str, &str)> {
        let is_operation = arn.service == crate::NAME && arn.region.is_empty() && arn.account.is_empty();
        arn.resource.strip_prefix("aws-sdk:").filter(|_| is_operation)?.split_once(':')
    }

    /// Refuses what cannot be called.
    pub fn check(arn: &Arn, cloud: &Cloud) -> Result<(), Error> {
        let (Some((service, action)), Some(operation)) = (Operation::parts(arn), Operation::of(arn)) else {
            return Err(Error::validation("Provided Arn is not in correct format."));
        };
        if !action.starts_with(|first: char| first.is_ascii_lowercase()) {
            return Err(Error::validation(format!(
                "{action} is not a valid API action: it begins with a lower case letter."
            )));
        }
        if READ_ONLY.iter().any(|prefix| begins_with_word(action, prefix)) {
            return Err(Error::validation(format!(
                "EventBridge Scheduler does not support {service}:{action}: it only reads."
            )));
        }
        let is_here = cloud.services().iter().any(|candidate| {
            // Cloudlet's own operations are no service of AWS's.
            candidate.api.model == operation.service
                && !candidate.api.model.starts_with("cloudlet")
                && candidate.operation(&operation.name).is_some()
        });
        if is_here { Ok(()) } else { Err(Error::NotImplemented(format!("Calling {service}:{action} from a schedule"))) }
    }

    /// The operation's input, as our services take it.
    pub fn input(&self, text: &str) -> Result<Value, serde_json::Error> {
        let mut input: Value = serde_json::from_str(text)?;
        // Bytes come as the text that they are.
        if let ("lambda", "Invoke", Some(payload)) = (&*self.service, &*self.name, input.get_mut("Payload")) {
            let text = payload.as_str().map_or_else(|| payload.to_string(), str::to_owned);
            *payload = json!(STANDARD.encode(text));
        }
        Ok(input)
    }
}

/// Whether a name in camel case begins with these words, and not with a longer one.
fn begins_with_word(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_named_as_sdks_name_them() {
        let of = |text: &str| {
            Operation::of(&text.parse().unwrap()).map(|operation| format!("{}:{}", operation.service, operation.name))
        };
        assert_eq!(of("arn:aws:scheduler:::aws-sdk:sqs:sendMessage").unwrap(), "sqs:SendMessage");
        assert_eq!(of("arn:aws:scheduler:::aws-sdk:eventbridge:putEvents").unwrap(), "events:PutEvents");
        for other in [
            "arn:aws:scheduler:us-east-1:000000000000:schedule/a/b",
            "arn:aws:scheduler:::aws-sdk:sqs",
            "arn:aws:sqs:::aws-sdk:sqs:sendMessage",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
        assert!(
            begins_with_word("getItem", "get") && begins_with_word("get", "get") && !begins_with_word("getaway", "get")
        );
    }

    #[test]
    fn payloads_are_text() {
        let invoke = Operation { service: "lambda".into(), name: "Invoke".into() };
        for payload in [json!("{\"a\":1}"), json!({"a": 1})] {
            let input = json!({"FunctionName": "f", "Payload": payload}).to_string();
            assert_eq!(invoke.input(&input).unwrap()["Payload"], "eyJhIjoxfQ==");
        }
        assert!(invoke.input("{").is_err());
    }
}
