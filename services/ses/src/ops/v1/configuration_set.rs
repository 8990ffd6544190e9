//! CreateConfigurationSet, DescribeConfigurationSet, DeleteConfigurationSet, ListConfigurationSets, their event destinations,
//! and what can be set on one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Cx;

use super::super::{Empty, PageInput, check_name, check_topic, v2};
use crate::Ses;
use crate::error::{Error, OfV1};
use crate::keys::CONFIGURATION_SETS;
use crate::model::configuration_set;
use crate::ops::v2::configuration_set::{SetInput, change, new};
use crate::ops::v2::event_destination::{checked, put};
use crate::types::EventDestination;

/// What both versions call their events.
const EVENTS: [(&str, &str); 8] = [
    ("send", "SEND"),
    ("reject", "REJECT"),
    ("bounce", "BOUNCE"),
    ("complaint", "COMPLAINT"),
    ("delivery", "DELIVERY"),
    ("open", "OPEN"),
    ("click", "CLICK"),
    ("renderingFailure", "RENDERING_FAILURE"),
];

const NAME_CHARACTERS_MAX: usize = 64;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub configuration_set: Named,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Named {
    pub name: String,
}

pub async fn create(_: Arc<Ses>, cx: Cx, input: CreateInput) -> Result<Empty, OfV1> {
    let set = new(&cx, input.configuration_set.name)?;
    let region = cx.region().to_string();
    cx.db().write(move |tx| configuration_set::create(tx, &region, &set)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeInput {
    pub configuration_set_name: String,
    configuration_set_attribute_names: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeOutput {
    configuration_set: Named,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_destinations: Option<Vec<Shown>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_options: Option<Tracking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_options: Option<Delivery>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reputation_options: Option<Reputation>,
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Enabled")]
    enabled: bool,
    #[serde(rename = "MatchingEventTypes")]
    events: Vec<&'static str>,
    #[serde(rename = "SNSDestination", skip_serializing_if = "Option::is_none")]
    sns: Option<SnsDestination>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct SnsDestination {
    #[serde(rename = "TopicARN")]
    topic: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tracking {
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_redirect_domain: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Delivery {
    tls_policy: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Reputation {
    sending_enabled: bool,
    reputation_metrics_enabled: bool,
}

impl From<EventDestination> for Shown {
    fn from(found: EventDestination) -> Shown {
        let known = |event: &String| EVENTS.iter().find(|(_, v2)| v2 == event).map(|(v1, _)| *v1);
        Shown {
            name: found.name,
            enabled: found.enabled,
            events: found.events.iter().filter_map(known).collect(),
            // A bus is none that this version knows.
            sns: (found.to.service == "sns").then(|| SnsDestination { topic: found.to.to_string() }),
        }
    }
}

pub async fn describe(_: Arc<Ses>, cx: Cx, input: DescribeInput) -> Result<DescribeOutput, OfV1> {
    let found = configuration_set::find(&cx.db().read()?, cx.region().as_str(), &input.configuration_set_name)?;
    let asked = |name: &str| input.configuration_set_attribute_names.iter().any(|asked| asked == name);
    let tls_policy = if found.tls_policy == "REQUIRE" { "Require" } else { "Optional" };
    Ok(DescribeOutput {
        tracking_options: (asked("trackingOptions") && found.redirect_domain.is_some())
            .then(|| Tracking { custom_redirect_domain: found.redirect_domain.clone() }),
        delivery_options: asked("deliveryOptions").then_some(Delivery { tls_policy }),
        reputation_options: asked("reputationOptions").then_some(Reputation {
            sending_enabled: found.sends,
            reputation_metrics_enabled: found.reputation_metrics,
        }),
        event_destinations: asked("eventDestinations")
            .then(|| found.destinations.into_iter().map(Shown::from).collect()),
        configuration_set: Named { name: found.name },
    })
}

pub async fn delete(ses: Arc<Ses>, cx: Cx, input: SetInput) -> Result<Empty, OfV1> {
    Ok(v2::configuration_set::delete(ses, cx, input).await?)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    configuration_sets: Vec<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub async fn list(_: Arc<Ses>, cx: Cx, input: PageInput) -> Result<ListOutput, OfV1> {
    let (found, next_token) = input.of(&cx, &CONFIGURATION_SETS)?;
    Ok(ListOutput { configuration_sets: found.into_iter().map(|set| Named { name: set.name }).collect(), next_token })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DestinationInput {
    pub configuration_set_name: String,
    event_destination: Destination,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Destination {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Enabled")]
    enabled: bool,
    #[serde(rename = "MatchingEventTypes")]
    events: Vec<String>,
    #[serde(rename = "SNSDestination")]
    sns: Option<SnsDestination>,
    #[serde(rename = "KinesisFirehoseDestination")]
    firehose: Option<Value>,
    #[serde(rename = "CloudWatchDestination")]
    cloud_watch: Option<Value>,
}

impl Destination {
    async fn read(self, cx: &Cx) -> Result<EventDestination, Error> {
        check_name(&self.name, "Event destination", NAME_CHARACTERS_MAX)?;
        let absent = [(self.firehose, "KinesisFirehoseDestination"), (self.cloud_watch, "CloudWatchDestination")];
        if let Some((_, kind)) = absent.iter().find(|(destination, _)| destination.is_some()) {
            return Err(Error::NotImplemented(format!("an event destination of the kind {kind}")));
        }
        let sns = self.sns.ok_or_else(|| Error::invalid("An event destination must be specified."))?;
        let to = check_topic(cx, &sns.topic).await?;
        let known = |event: String| {
            let found = EVENTS.iter().find(|(v1, _)| *v1 == event).map(|(_, v2)| (*v2).to_owned());
            found.ok_or_else(|| Error::invalid(format!("Invalid event type: {event}.")))
        };
        checked(self.name, self.enabled, self.events.into_iter().map(known).collect::<Result<_, _>>()?, to)
    }
}

async fn put_destination(cx: &Cx, input: DestinationInput, exists: bool) -> Result<Empty, Error> {
    configuration_set::find(&cx.db().read()?, cx.region().as_str(), &input.configuration_set_name)?;
    let destination = input.event_destination.read(cx).await?;
    put(cx, input.configuration_set_name, destination, exists).await
}

pub async fn create_destination(_: Arc<Ses>, cx: Cx, input: DestinationInput) -> Result<Empty, OfV1> {
    Ok(put_destination(&cx, input, false).await?)
}

pub async fn update_destination(_: Arc<Ses>, cx: Cx, input: DestinationInput) -> Result<Empty, OfV1> {
    Ok(put_destination(&cx, input, true).await?)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteDestinationInput {
    pub configuration_set_name: String,
    event_destination_name: String,
}

pub async fn delete_destination(_: Arc<Ses>, cx: Cx, input: DeleteDestinationInput) -> Result<Empty, OfV1> {
    let name = input.event_destination_name;
    let remove = move |set: &mut crate::types::ConfigurationSet| configuration_set::remove_destination(set, &name);
    Ok(change(&cx, input.configuration_set_name, remove).await?)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EnabledInput {
    pub configuration_set_name: String,
    enabled: bool,
}

pub async fn set_sending(_: Arc<Ses>, cx: Cx, input: EnabledInput) -> Result<(), OfV1> {
    let set = move |set: &mut crate::types::ConfigurationSet| {
        set.sends = input.enabled;
        Ok(())
    };
    change(&cx, input.configuration_set_name, set).await?;
    Ok(())
}

pub async fn set_reputation_metrics(_: Arc<Ses>, cx: Cx, input: EnabledInput) -> Result<(), OfV1> {
    let set = move |set: &mut crate::types::ConfigurationSet| {
        set.reputation_metrics = input.enabled;
        Ok(())
    };
    change(&cx, input.configuration_set_name, set).await?;
    Ok(())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeliveryInput {
    pub configuration_set_name: String,
    delivery_options: DeliveryOptions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DeliveryOptions {
    tls_policy: Option<String>,
}

pub async fn put_delivery(_: Arc<Ses>, cx: Cx, input: DeliveryInput) -> Result<Empty, OfV1> {
    let policy = match input.delivery_options.tls_policy.as_deref() {
        Some("Require") => "REQUIRE",
        None | Some("Optional") => "OPTIONAL",
        Some(other) => return Err(Error::invalid(format!("Invalid TlsPolicy: {other}.")).into()),
    };
    let set = move |set: &mut crate::types::ConfigurationSet| {
        policy.clone_into(&mut set.tls_policy);
        Ok(())
    };
    Ok(change(&cx, input.configuration_set_name, set).await?)
}
