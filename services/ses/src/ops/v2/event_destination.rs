//! CreateConfigurationSetEventDestination, GetConfigurationSetEventDestinations, UpdateConfigurationSetEventDestination,
//! DeleteConfigurationSetEventDestination.

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::Cx;

use super::super::{Empty, check_name, check_topic};
use super::configuration_set::SetInput;
use crate::Ses;
use crate::error::Error;
use crate::model::{configuration_set, event};
use crate::types::EventDestination;

/// What a destination can be told.
pub const EVENTS: [&str; 10] = [
    "SEND",
    "REJECT",
    "BOUNCE",
    "COMPLAINT",
    "DELIVERY",
    "OPEN",
    "CLICK",
    "RENDERING_FAILURE",
    "DELIVERY_DELAY",
    "SUBSCRIPTION",
];

const NAME_CHARACTERS_MAX: usize = 64;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub configuration_set_name: String,
    event_destination_name: String,
    event_destination: DestinationInput,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DestinationInput {
    enabled: bool,
    matching_event_types: Vec<String>,
    kinesis_firehose_destination: Option<Value>,
    cloud_watch_destination: Option<Value>,
    pinpoint_destination: Option<Value>,
    sns_destination: Option<SnsDestination>,
    event_bridge_destination: Option<EventBridgeDestination>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SnsDestination {
    topic_arn: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct EventBridgeDestination {
    event_bus_arn: String,
}

impl DestinationInput {
    async fn read(self, cx: &Cx, name: String) -> Result<EventDestination, Error> {
        check_name(&name, "Event destination", NAME_CHARACTERS_MAX)?;
        let absent = [
            (self.kinesis_firehose_destination, "KinesisFirehoseDestination"),
            (self.cloud_watch_destination, "CloudWatchDestination"),
            (self.pinpoint_destination, "PinpointDestination"),
        ];
        if let Some((_, kind)) = absent.iter().find(|(destination, _)| destination.is_some()) {
            return Err(Error::NotImplemented(format!("an event destination of the kind {kind}")));
        }
        let to = match (self.sns_destination, self.event_bridge_destination) {
            (Some(sns), None) => check_topic(cx, &sns.topic_arn).await?,
            (None, Some(bus)) => check_bus(cx, &bus.event_bus_arn)?,
            _ => return Err(Error::invalid("Exactly one destination must be specified in EventDestination.")),
        };
        checked(name, self.enabled, self.matching_event_types, to)
    }
}

/// A destination whose events there are.
pub fn checked(name: String, enabled: bool, events: Vec<String>, to: Arn) -> Result<EventDestination, Error> {
    if events.is_empty() {
        return Err(Error::invalid("MatchingEventTypes must not be empty."));
    }
    if let Some(unknown) = events.iter().find(|event| !EVENTS.contains(&event.as_str())) {
        return Err(Error::invalid(format!("Invalid event type: {unknown}.")));
    }
    Ok(EventDestination { name, enabled, events, to })
}

/// Events go to the default bus alone, as on AWS.
fn check_bus(cx: &Cx, text: &str) -> Result<Arn, Error> {
    let default = cx.arn("events", "event-bus/default");
    text.parse().ok().filter(|bus| *bus == default).ok_or_else(|| {
        Error::invalid(format!("Invalid EventBusArn <{text}>: events go to the default event bus, {default}."))
    })
}

/// Keeps a destination. A topic is told that it is one.
pub async fn put(cx: &Cx, set: String, destination: EventDestination, exists: bool) -> Result<Empty, Error> {
    let (region, cx) = (cx.region().to_string(), cx.clone());
    cx.clone()
        .db()
        .write(move |tx| {
            configuration_set::change(tx, &region, &set, &|set| match exists {
                true => configuration_set::replace_destination(set, &destination),
                false => configuration_set::add_destination(set, &destination),
            })?;
            if destination.to.service != "sns" {
                return Ok::<_, Error>(());
            }
            let from = cx.arn("ses", format!("configuration-set/{set}"));
            let told = json!("Successfully validated SNS topic for Amazon SES event publishing.");
            event::tell(tx, &cx, &from, &destination.to, &told)
        })
        .await?;
    Ok(Empty {})
}

async fn put_input(cx: &Cx, input: PutInput, exists: bool) -> Result<Empty, Error> {
    configuration_set::find(&cx.db().read()?, cx.region().as_str(), &input.configuration_set_name)?;
    let destination = input.event_destination.read(cx, input.event_destination_name).await?;
    put(cx, input.configuration_set_name, destination, exists).await
}

pub async fn create(_: Arc<Ses>, cx: Cx, input: PutInput) -> Result<Empty, Error> {
    put_input(&cx, input, false).await
}

pub async fn update(_: Arc<Ses>, cx: Cx, input: PutInput) -> Result<Empty, Error> {
    put_input(&cx, input, true).await
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    event_destinations: Vec<Shown>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    name: String,
    enabled: bool,
    matching_event_types: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sns_destination: Option<SnsDestination>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_bridge_destination: Option<EventBridgeDestination>,
}

impl From<EventDestination> for Shown {
    fn from(found: EventDestination) -> Shown {
        let arn = found.to.to_string();
        let (sns, bus) = match found.to.service.as_str() {
            "sns" => (Some(SnsDestination { topic_arn: arn }), None),
            _ => (None, Some(EventBridgeDestination { event_bus_arn: arn })),
        };
        Shown {
            name: found.name,
            enabled: found.enabled,
            matching_event_types: found.events,
            sns_destination: sns,
            event_bridge_destination: bus,
        }
    }
}

pub async fn get(_: Arc<Ses>, cx: Cx, input: SetInput) -> Result<GetOutput, Error> {
    let found = configuration_set::find(&cx.db().read()?, cx.region().as_str(), &input.configuration_set_name)?;
    Ok(GetOutput { event_destinations: found.destinations.into_iter().map(Shown::from).collect() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteInput {
    pub configuration_set_name: String,
    event_destination_name: String,
}

pub async fn delete(_: Arc<Ses>, cx: Cx, input: DeleteInput) -> Result<Empty, Error> {
    let name = input.event_destination_name;
    super::configuration_set::change(&cx, input.configuration_set_name, move |set| {
        configuration_set::remove_destination(set, &name)
    })
    .await
}
