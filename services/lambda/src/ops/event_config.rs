//! PutFunctionEventInvokeConfig, UpdateFunctionEventInvokeConfig, GetFunctionEventInvokeConfig,
//! DeleteFunctionEventInvokeConfig, ListFunctionEventInvokeConfigs.

use std::sync::Arc;

use base::Arn;
use kv::{Read, Tx};
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::{Empty, FunctionInput, PageInput, marker, next_marker, page_size};
use crate::Lambda;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits;
use crate::model::{event_config, function};
use crate::name::{FunctionRef, Qualifier};
use crate::types::EventConfig;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConfigInput {
    pub function_name: String,
    pub qualifier: Option<String>,
    pub maximum_retry_attempts: Option<i64>,
    pub maximum_event_age_in_seconds: Option<i64>,
    pub destination_config: Option<DestinationConfig>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DestinationConfig {
    pub on_success: Destination,
    pub on_failure: Destination,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Destination {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConfigOutput {
    pub last_modified: DateTime,
    pub function_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_retry_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_event_age_in_seconds: Option<u32>,
    pub destination_config: DestinationConfig,
}

impl ConfigInput {
    fn check(&self) -> Result<(), Error> {
        let mut constraints = Constraints::default();
        constraints.range(self.maximum_retry_attempts, "maximumRetryAttempts", &limits::RETRY_ATTEMPTS_RANGE);
        let age = self.maximum_event_age_in_seconds;
        constraints.range(age, "maximumEventAgeInSeconds", &limits::EVENT_AGE_SECONDS_RANGE);
        constraints.check()?;
        if age.is_none() && self.maximum_retry_attempts.is_none() && self.destination_config.is_none() {
            return Err(Error::invalid("You must specify at least one of error handling or destination setting."));
        }
        Ok(())
    }

    /// What the request states, over `base`.
    fn apply(&self, base: EventConfig, now: base::Timestamp) -> Result<EventConfig, Error> {
        let number = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
        let mut config = EventConfig {
            retry_attempts: number(self.maximum_retry_attempts).or(base.retry_attempts),
            age_seconds: number(self.maximum_event_age_in_seconds).or(base.age_seconds),
            modified: now,
            ..base
        };
        if let Some(destinations) = &self.destination_config {
            config.on_success = destination(&destinations.on_success, true)?;
            config.on_failure = destination(&destinations.on_failure, true)?;
        }
        Ok(config)
    }
}

/// A destination as it is stored; only the end of an event is told to `buses`.
pub fn destination(destination: &Destination, buses: bool) -> Result<Option<Arn>, Error> {
    let Some(text) = destination.destination.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
    let invalid = || Error::invalid(format!("The provided destination config DestinationConfig({text}) is invalid."));
    let arn: Arn = text.parse().map_err(|_| invalid())?;
    match arn.service.as_str() {
        "sqs" | "sns" => Ok(Some(arn)),
        "lambda" if FunctionRef::of_arn(&arn).is_some() => Ok(Some(arn)),
        "events" if buses && arn.resource.starts_with("event-bus/") => Ok(Some(arn)),
        "s3" => Err(Error::NotImplemented(format!("A destination of {}", arn.service))),
        _ => Err(invalid()),
    }
}

fn output(reference: &FunctionRef, config: EventConfig) -> ConfigOutput {
    let destination = |arn: Option<Arn>| Destination { destination: arn.map(|arn| arn.to_string()) };
    ConfigOutput {
        last_modified: config.modified.into(),
        function_arn: reference.arn_of(reference.qualifier.as_ref().unwrap_or(&Qualifier::Latest)).to_string(),
        maximum_retry_attempts: config.retry_attempts,
        maximum_event_age_in_seconds: config.age_seconds,
        destination_config: DestinationConfig {
            on_success: destination(config.on_success),
            on_failure: destination(config.on_failure),
        },
    }
}

pub async fn put(_: Arc<Lambda>, cx: Cx, input: ConfigInput) -> Result<ConfigOutput, Error> {
    store(cx, input, |_| EventConfig::default()).await
}

pub async fn update(_: Arc<Lambda>, cx: Cx, input: ConfigInput) -> Result<ConfigOutput, Error> {
    store(cx, input, Option::unwrap_or_default).await
}

/// `base` makes, of the configuration in force, the one that the request changes.
async fn store(
    cx: Cx,
    input: ConfigInput,
    base: fn(Option<EventConfig>) -> EventConfig,
) -> Result<ConfigOutput, Error> {
    let reference = FunctionRef::parse(&cx, &input.function_name, input.qualifier.as_deref())?;
    input.check()?;
    let (target, now) = (reference.clone(), cx.now());
    let change = move |tx: &mut Tx| {
        let config = event_config::put(tx, &target, |config| input.apply(base(config), now))?;
        [&config.on_success, &config.on_failure]
            .into_iter()
            .flatten()
            .try_for_each(|arn| check_function(tx, &target, arn))?;
        Ok::<_, Error>(config)
    };
    let config = cx.db().write(change).await?;
    Ok(output(&reference, config))
}

/// A function that is a destination has to be there, and another one.
fn check_function(read: &(impl Read + ?Sized), source: &FunctionRef, arn: &Arn) -> Result<(), Error> {
    let Some(function) = FunctionRef::of_arn(arn) else { return Ok(()) };
    if (&function.region, &function.name) == (&source.region, &source.name) {
        return Err(Error::invalid("You can't specify the function as a destination for itself."));
    }
    if function::exists(read, &function)? {
        Ok(())
    } else {
        Err(Error::invalid(format!("The destination ARN {arn} is invalid.")))
    }
}

pub async fn get(_: Arc<Lambda>, cx: Cx, input: FunctionInput) -> Result<ConfigOutput, Error> {
    let reference = FunctionRef::parse(&cx, &input.function_name, input.qualifier.as_deref())?;
    let config = event_config::find(&cx.db().read()?, &reference)?;
    Ok(output(&reference, config))
}

pub async fn delete(_: Arc<Lambda>, cx: Cx, input: FunctionInput) -> Result<Empty, Error> {
    let reference = FunctionRef::parse(&cx, &input.function_name, input.qualifier.as_deref())?;
    cx.db().write(move |tx| event_config::delete(tx, &reference)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub function_event_invoke_configs: Vec<ConfigOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

pub async fn list(_: Arc<Lambda>, cx: Cx, input: PageInput) -> Result<ListOutput, Error> {
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    let (limit, after) = (page_size(input.max_items)?, marker(input.marker.as_deref())?);
    let (configs, next) = event_config::list(&cx.db().read()?, &reference, after.as_deref(), limit)?;
    let configs = configs.into_iter().map(|(qualifier, config)| {
        let reference = FunctionRef { qualifier: Qualifier::parse(&qualifier), ..reference.clone() };
        output(&reference, config)
    });
    Ok(ListOutput { function_event_invoke_configs: configs.collect(), next_marker: next_marker(next) })
}
