//! Operations of services that HTTP APIs integrate directly, by the names that AWS gives them: `SQS-SendMessage`.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services-reference.html>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use service::Cloud;

use crate::error::Error;
use crate::parameters::invalid_source;
use crate::selection::{Expression, Side};
use crate::types::Texts;

/// The parameter that names the region of the resource, which no operation has.
pub const REGION: &str = "Region";

/// What an operation makes of the text of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    /// JSON: an array, or names with commas between them.
    List,
    /// JSON: an object.
    Object,
    /// The text's bytes.
    Blob,
    /// Seconds since 1970, or ISO 8601.
    Time,
}

struct Parameter {
    name: &'static str,
    kind: Kind,
    required: bool,
}

const fn required(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, required: true }
}

const fn optional(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, required: false }
}

pub struct Subtype {
    pub name: &'static str,
    /// The service and the operation, as they are called within this server.
    pub service: &'static str,
    pub operation: &'static str,
    parameters: &'static [Parameter],
}

const SUBTYPES: &[Subtype] = &[
    Subtype {
        name: "EventBridge-PutEvents",
        service: "events",
        operation: "PutEvents",
        parameters: &[
            required("Detail", Kind::Text),
            required("DetailType", Kind::Text),
            required("Source", Kind::Text),
            optional("Time", Kind::Time),
            optional("EventBusName", Kind::Text),
            optional("Resources", Kind::List),
            optional("TraceHeader", Kind::Text),
        ],
    },
    Subtype {
        name: "SQS-SendMessage",
        service: "sqs",
        operation: "SendMessage",
        parameters: &[
            required("QueueUrl", Kind::Text),
            required("MessageBody", Kind::Text),
            optional("DelaySeconds", Kind::Number),
            optional("MessageAttributes", Kind::Object),
            optional("MessageDeduplicationId", Kind::Text),
            optional("MessageGroupId", Kind::Text),
            optional("MessageSystemAttributes", Kind::Object),
        ],
    },
    Subtype {
        name: "SQS-ReceiveMessage",
        service: "sqs",
        operation: "ReceiveMessage",
        parameters: &[
            required("QueueUrl", Kind::Text),
            optional("AttributeNames", Kind::List),
            optional("MaxNumberOfMessages", Kind::Number),
            optional("MessageAttributeNames", Kind::List),
            optional("ReceiveRequestAttemptId", Kind::Text),
            optional("VisibilityTimeout", Kind::Number),
            optional("WaitTimeSeconds", Kind::Number),
        ],
    },
    Subtype {
        name: "SQS-DeleteMessage",
        service: "sqs",
        operation: "DeleteMessage",
        parameters: &[required("ReceiptHandle", Kind::Text), required("QueueUrl", Kind::Text)],
    },
    Subtype {
        name: "SQS-PurgeQueue",
        service: "sqs",
        operation: "PurgeQueue",
        parameters: &[required("QueueUrl", Kind::Text)],
    },
    Subtype {
        name: "Kinesis-PutRecord",
        service: "kinesis",
        operation: "PutRecord",
        parameters: &[
            required("StreamName", Kind::Text),
            required("Data", Kind::Blob),
            required("PartitionKey", Kind::Text),
            optional("SequenceNumberForOrdering", Kind::Text),
            optional("ExplicitHashKey", Kind::Text),
        ],
    },
    Subtype {
        name: "StepFunctions-StartExecution",
        service: "states",
        operation: "StartExecution",
        parameters: &[
            required("StateMachineArn", Kind::Text),
            optional("Name", Kind::Text),
            optional("Input", Kind::Text),
        ],
    },
    Subtype {
        name: "StepFunctions-StartSyncExecution",
        service: "states",
        operation: "StartSyncExecution",
        parameters: &[
            required("StateMachineArn", Kind::Text),
            optional("Name", Kind::Text),
            optional("Input", Kind::Text),
            optional("TraceHeader", Kind::Text),
        ],
    },
    Subtype {
        name: "StepFunctions-StopExecution",
        service: "states",
        operation: "StopExecution",
        parameters: &[
            required("ExecutionArn", Kind::Text),
            optional("Cause", Kind::Text),
            optional("Error", Kind::Text),
        ],
    },
];

/// What AWS has, and this server has no service for.
const ABSENT: &[&str] = &["AppConfig-GetConfiguration"];

impl Subtype {
    pub fn find(name: &str) -> Result<&'static Subtype, Error> {
        if ABSENT.contains(&name) {
            return Err(Error::not_implemented(format!("The integration subtype {name}")));
        }
        let found = SUBTYPES.iter().find(|subtype| subtype.name == name);
        found.ok_or_else(|| Error::bad(format!("Invalid integration subtype specified: {name}")))
    }

    /// Refuses an operation that this server does not have.
    pub fn check_there(&self, cloud: &Cloud) -> Result<(), Error> {
        let is_here = |service: &service::Service| {
            (service.api.model == self.service || service.api.name == self.service)
                && service.operation(self.operation).is_some()
        };
        match cloud.services().iter().any(is_here) {
            true => Ok(()),
            false => Err(Error::not_implemented(format!(
                "The integration subtype {}: this server has no operation {}:{}",
                self.name, self.service, self.operation
            ))),
        }
    }

    /// Refuses parameters that the operation has not, that say nothing, or that are missing.
    pub fn check(&self, given: &Texts) -> Result<(), Error> {
        for (name, value) in given {
            if name != REGION && !self.parameters.iter().any(|parameter| parameter.name == name) {
                return Err(Error::bad(format!("Parameter: {name} does not fit schema for Operation: {}.", self.name)));
            }
            Expression::parse(value, Side::Request).ok_or_else(|| invalid_source(value, name))?;
        }
        let missing =
            self.parameters.iter().find(|parameter| parameter.required && !given.contains_key(parameter.name));
        match missing {
            Some(Parameter { name, .. }) => {
                Err(Error::bad(format!("Parameter: {name} is required for Operation: {}.", self.name)))
            }
            None => Ok(()),
        }
    }

    /// The operation's input, of the values of its parameters.
    ///
    /// # Errors
    /// What is missing in the request, or is not what the operation takes.
    pub fn input(&self, values: impl Fn(&str) -> Option<String>) -> Result<Value, String> {
        let mut input = Map::new();
        for parameter in self.parameters {
            match values(parameter.name) {
                Some(value) => {
                    let member = parameter.kind.read(value);
                    let member =
                        member.ok_or_else(|| format!("The value of {} is not what it takes", parameter.name))?;
                    input.insert(parameter.name.to_owned(), member);
                }
                None if parameter.required => return Err(format!("The request has no value for {}", parameter.name)),
                None => {}
            }
        }
        Ok(match self.operation {
            "PutEvents" => json!({"Entries": [input]}),
            operation if operation.ends_with("Execution") => {
                Value::Object(input.into_iter().map(|(name, value)| (lower(&name), value)).collect())
            }
            _ => Value::Object(input),
        })
    }
}

/// Members of Step Functions begin with a small letter.
fn lower(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
}

impl Kind {
    fn read(self, text: String) -> Option<Value> {
        match self {
            Kind::Text => Some(json!(text)),
            Kind::Number => text.trim().parse::<i64>().ok().map(Value::from),
            Kind::Blob => Some(json!(STANDARD.encode(text))),
            Kind::Object => serde_json::from_str(&text).ok().filter(Value::is_object),
            Kind::List => match serde_json::from_str(&text) {
                Ok(list @ Value::Array(_)) => Some(list),
                _ => Some(text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Value::from).collect()),
            },
            Kind::Time => match text.parse::<f64>() {
                Ok(seconds) => Some(json!(seconds)),
                Err(_) => Some(json!(text)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pairs: &[(&str, &str)]) -> Texts {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn parameters_are_those_of_the_operation() {
        let send = Subtype::find("SQS-SendMessage").unwrap();
        let queue = ("QueueUrl", "http://localhost/q");
        assert!(send.check(&texts(&[queue, ("MessageBody", "$request.body"), ("Region", "eu-west-1")])).is_ok());
        for (given, why) in [
            (texts(&[queue]), "MessageBody is required"),
            (texts(&[queue, ("MessageBody", "a"), ("Detail", "a")]), "Detail does not fit"),
            (texts(&[queue, ("MessageBody", "$request.cookie")]), "Invalid source"),
        ] {
            let refused = send.check(&given).unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
        }
        assert!(matches!(Subtype::find("AppConfig-GetConfiguration"), Err(Error::NotImplemented(_))));
        assert!(matches!(Subtype::find("SQS-Nothing"), Err(Error::BadRequest(_))));
    }

    #[test]
    fn inputs_have_the_types_of_their_members() {
        let input = |name: &str, given: &[(&str, &str)]| {
            let given = texts(given);
            Subtype::find(name).unwrap().input(|name| given.get(name).cloned())
        };
        let queue = ("QueueUrl", "q");
        let sent = input("SQS-SendMessage", &[queue, ("MessageBody", "b"), ("DelaySeconds", "5")]);
        assert_eq!(sent.unwrap(), json!({"QueueUrl": "q", "MessageBody": "b", "DelaySeconds": 5}));
        let received = input("SQS-ReceiveMessage", &[queue, ("AttributeNames", "All, SentTimestamp")]);
        assert_eq!(received.unwrap()["AttributeNames"], json!(["All", "SentTimestamp"]));
        let put = input("Kinesis-PutRecord", &[("StreamName", "s"), ("Data", "ab"), ("PartitionKey", "p")]);
        assert_eq!(put.unwrap()["Data"], "YWI=");
        let events = input(
            "EventBridge-PutEvents",
            &[("Detail", "{}"), ("DetailType", "t"), ("Source", "s"), ("Resources", "[\"a\"]")],
        );
        assert_eq!(events.unwrap()["Entries"][0]["Resources"], json!(["a"]));
        let started = input("StepFunctions-StartExecution", &[("StateMachineArn", "a"), ("Input", "{}")]);
        assert_eq!(started.unwrap(), json!({"stateMachineArn": "a", "input": "{}"}));
        assert!(input("SQS-SendMessage", &[queue]).unwrap_err().contains("MessageBody"));
        assert!(input("SQS-SendMessage", &[queue, ("MessageBody", "b"), ("DelaySeconds", "x")]).is_err());
        assert!(input("SQS-SendMessage", &[queue, ("MessageBody", "b"), ("MessageAttributes", "[]")]).is_err());
    }
}
