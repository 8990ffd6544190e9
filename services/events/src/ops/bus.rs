//! CreateEventBus, UpdateEventBus, DeleteEventBus, DescribeEventBus, ListEventBuses.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Constraints, Cx};

use super::{Empty, NameInput, Page, Tag, answer, tags};
use crate::Events;
use crate::error::Error;
use crate::model::bus;
use crate::name::BusRef;
use crate::types::Bus;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub name: Option<String>,
    pub event_source_name: Option<String>,
    pub description: Option<String>,
    pub kms_key_identifier: Option<String>,
    pub dead_letter_config: Option<DeadLetterConfig>,
    pub log_config: Option<LogConfig>,
    pub tags: Vec<Tag>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeadLetterConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LogConfig {
    pub include_detail: Option<String>,
    pub level: Option<String>,
}

impl PutInput {
    fn bus(&self, cx: &Cx) -> Result<BusRef, Error> {
        BusRef::parse(cx, self.name.as_deref())
    }

    pub fn resource(&self, cx: &Cx) -> String {
        resource(cx, self.name.as_deref())
    }

    /// Puts what is stated into `bus`.
    fn apply(self, bus: &mut Bus) {
        bus.description = self.description.or(bus.description.take());
        bus.kms_key = self.kms_key_identifier.or(bus.kms_key.take());
        bus.log = self.log_config.map(|log| (log.include_detail, log.level)).or(bus.log.take());
        if let Some(config) = self.dead_letter_config {
            bus.dead_letter = config.arn;
        }
    }
}

/// The resource to ask permission for.
pub fn resource(cx: &Cx, bus: Option<&str>) -> String {
    BusRef::parse(cx, bus).map_or_else(|_| "*".into(), |bus| bus.arn.to_string())
}

/// Slashes are for the buses of partners.
const NAME_PATTERN: &str = "[/\\.\\-_A-Za-z0-9]+";
const NAME_CHARACTERS_MAX: usize = 256;

pub async fn create(_: Arc<Events>, cx: Cx, mut input: PutInput) -> Result<Value, Error> {
    let name = input.name.clone().unwrap_or_default();
    let mut constraints = Constraints::default();
    let is_name = |name: &str| name.split('/').all(crate::name::is_name);
    constraints.pattern(Some(&name), "name", NAME_PATTERN, is_name);
    constraints.length(Some(&name), "name", NAME_CHARACTERS_MAX);
    constraints.check()?;
    if input.event_source_name.is_some() {
        return Err(Error::NotImplemented("A bus for a partner's events".into()));
    }
    if name.contains('/') {
        return Err(Error::validation("Event bus name must not contain '/'."));
    }
    if name == crate::name::DEFAULT_BUS {
        return Err(Error::AlreadyExists(format!("Event bus {name} already exists.")));
    }
    let mut made = bus::fresh(&input.bus(&cx)?, cx.now());
    made.tags = tags(std::mem::take(&mut input.tags));
    input.apply(&mut made);
    let stored = made.clone();
    cx.db().write(move |tx| bus::create(tx, &stored)).await?;
    let mut shown = settings(&made);
    shown["EventBusArn"] = json!(made.arn);
    Ok(answer(shown))
}

pub async fn update(_: Arc<Events>, cx: Cx, input: PutInput) -> Result<Value, Error> {
    let (on, now) = (input.bus(&cx)?, cx.now());
    let changed = cx.db().write(move |tx| {
        bus::change(tx, now, &on, |bus| {
            input.clone().apply(bus);
            Ok(())
        })
    });
    let changed = changed.await?;
    let mut shown = settings(&changed);
    (shown["Arn"], shown["Name"]) = (json!(changed.arn), json!(changed.name));
    Ok(answer(shown))
}

pub async fn delete(events: Arc<Events>, cx: Cx, input: NameInput) -> Result<Empty, Error> {
    let on = BusRef::parse(&cx, Some(&input.name))?;
    if on.is_default() {
        return Err(Error::validation("Cannot delete event bus default."));
    }
    let gone = on.clone();
    cx.db().write(move |tx| bus::delete(tx, &on)).await?;
    events.indexes.forget(&gone);
    Ok(Empty {})
}

pub async fn describe(_: Arc<Events>, cx: Cx, input: PutInput) -> Result<Value, Error> {
    let found = bus::find(&cx.db().read()?, &input.bus(&cx)?)?;
    let mut shown = settings(&found);
    for (name, value) in summary(&found).as_object().into_iter().flatten() {
        shown[name] = value.clone();
    }
    Ok(answer(shown))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub name_prefix: String,
    pub limit: Option<i64>,
    pub next_token: Option<String>,
}

pub async fn list(_: Arc<Events>, cx: Cx, input: ListInput) -> Result<Value, Error> {
    let mut all = bus::all(&cx.db().read()?, &BusRef::parse(&cx, None)?)?;
    all.retain(|bus| bus.name.starts_with(&input.name_prefix));
    let (page, next) = Page { limit: input.limit, next_token: input.next_token }.of(all)?;
    Ok(answer(json!({"EventBuses": page.iter().map(summary).collect::<Vec<_>>(), "NextToken": next})))
}

fn settings(bus: &Bus) -> Value {
    let log = bus.log.as_ref().map(|(detail, level)| answer(json!({"IncludeDetail": detail, "Level": level})));
    json!({
        "Description": bus.description,
        "KmsKeyIdentifier": bus.kms_key,
        "DeadLetterConfig": bus.dead_letter.as_ref().map(|arn| json!({"Arn": arn})),
        "LogConfig": log,
    })
}

fn summary(bus: &Bus) -> Value {
    answer(json!({
        "Name": bus.name,
        "Arn": bus.arn,
        "Description": bus.description,
        "Policy": bus.policy,
        "CreationTime": bus.created.as_secs_f64(),
        "LastModifiedTime": bus.modified.as_secs_f64(),
    }))
}
