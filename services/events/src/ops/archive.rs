//! CreateArchive, UpdateArchive, DeleteArchive, DescribeArchive, ListArchives.

use std::sync::Arc;

use base::Arn;
use serde::Deserialize;
use serde_json::{Value, json};
use service::{Constraints, Cx};

use super::{Empty, Page, answer, check_name, pattern};
use crate::Events;
use crate::error::Error;
use crate::model::{archive, bus};
use crate::name::{BusRef, is_own};
use crate::types::Archive;

const NAME_CHARACTERS_MAX: usize = 48;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ArchiveInput {
    pub archive_name: String,
    pub event_source_arn: String,
    pub description: Option<String>,
    pub event_pattern: Option<String>,
    pub retention_days: Option<i64>,
    pub kms_key_identifier: Option<String>,
}

impl ArchiveInput {
    fn check(&self) -> Result<(), Error> {
        let mut constraints = Constraints::default();
        check_name(&mut constraints, &self.archive_name, "archiveName", NAME_CHARACTERS_MAX);
        constraints.length(self.description.as_deref(), "description", 512);
        constraints.range(self.retention_days, "retentionDays", &(0..=i64::MAX));
        constraints.check()?;
        pattern(self.event_pattern.as_deref().filter(|pattern| !pattern.is_empty()))
    }

    fn retention_days(&self) -> Option<u64> {
        self.retention_days.and_then(|days| u64::try_from(days).ok())
    }
}

/// The resource to ask permission for.
pub fn resource(cx: &Cx, input: &ArchiveInput) -> Arn {
    cx.arn("events", format!("archive/{}", input.archive_name))
}

fn source(cx: &Cx, arn: &str) -> Result<BusRef, Error> {
    let bus = arn.parse().ok().and_then(BusRef::of);
    let bus = bus.ok_or_else(|| Error::parameter("EventSourceArn", "Provided Arn is not in correct format."))?;
    if is_own(cx, &bus.arn) { Ok(bus) } else { Err(Error::bus_not_found(&bus.name)) }
}

pub async fn create(_: Arc<Events>, cx: Cx, input: ArchiveInput) -> Result<Value, Error> {
    input.check()?;
    let made = Archive {
        id: 0,
        arn: resource(&cx, &input),
        source: source(&cx, &input.event_source_arn)?.arn,
        retention_days: input.retention_days().unwrap_or_default(),
        name: input.archive_name,
        description: input.description,
        pattern: input.event_pattern.filter(|pattern| !pattern.is_empty()),
        kms_key: input.kms_key_identifier,
        created: cx.now(),
        events: 0,
        bytes: 0,
    };
    let (shown, version) = (state(&made), cx.env().random_u64());
    cx.db().write(move |tx| archive::create(tx, version, made.clone())).await?;
    Ok(shown)
}

pub async fn update(_: Arc<Events>, cx: Cx, input: ArchiveInput) -> Result<Value, Error> {
    if input.event_pattern.is_none() && input.retention_days.is_none() && input.description.is_none() {
        return Err(Error::validation("At least one of EventPattern, RetentionDays or Description must be provided."));
    }
    input.check()?;
    let (region, version) = (cx.region().to_string(), cx.env().random_u64());
    let changed = cx.db().write(move |tx| {
        archive::change(tx, &region, &input.archive_name, version, |archive| {
            archive.description = input.description.clone().or(archive.description.take());
            archive.retention_days = input.retention_days().unwrap_or(archive.retention_days);
            archive.kms_key = input.kms_key_identifier.clone().or(archive.kms_key.take());
            if let Some(pattern) = &input.event_pattern {
                archive.pattern = Some(pattern.clone()).filter(|pattern| !pattern.is_empty());
            }
        })
    });
    Ok(state(&changed.await?))
}

pub async fn delete(_: Arc<Events>, cx: Cx, input: ArchiveInput) -> Result<Empty, Error> {
    let (region, version) = (cx.region().to_string(), cx.env().random_u64());
    cx.db().write(move |tx| archive::delete(tx, &region, &input.archive_name, version)).await?;
    Ok(Empty {})
}

pub async fn describe(_: Arc<Events>, cx: Cx, input: ArchiveInput) -> Result<Value, Error> {
    let found = archive::find(&cx.db().read()?, cx.region().as_str(), &input.archive_name)?;
    let mut shown = summary(&found);
    shown["ArchiveArn"] = json!(found.arn);
    for (name, value) in [
        ("Description", json!(found.description)),
        ("EventPattern", json!(found.pattern)),
        ("KmsKeyIdentifier", json!(found.kms_key)),
    ] {
        shown[name] = value;
    }
    Ok(answer(shown))
}

/// What lists of archives and of replays take: one filter, and a page.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub name_prefix: Option<String>,
    pub event_source_arn: Option<String>,
    pub state: Option<String>,
    pub limit: Option<i64>,
    pub next_token: Option<String>,
}

impl ListInput {
    /// # Errors
    /// When there are several filters.
    pub fn check(&self, operation: &str) -> Result<(), Error> {
        let given = [&self.name_prefix, &self.event_source_arn, &self.state].into_iter().flatten().count();
        if given > 1 {
            return Err(Error::validation(format!(
                "At most one filter is allowed for {operation}. Use either : State, EventSourceArn, or NamePrefix.",
            )));
        }
        Ok(())
    }
}

pub async fn list(_: Arc<Events>, cx: Cx, input: ListInput) -> Result<Value, Error> {
    input.check("ListArchives")?;
    let mut constraints = Constraints::default();
    let states = ["ENABLED", "DISABLED", "CREATING", "UPDATING", "CREATE_FAILED", "UPDATE_FAILED"];
    constraints.one_of(input.state.as_deref(), "state", &states);
    constraints.check()?;
    let read = cx.db().read()?;
    let mut all = archive::all(&read, cx.region().as_str())?;
    if let Some(arn) = &input.event_source_arn {
        let on = source(&cx, arn)?;
        bus::find(&read, &on)?;
        all.retain(|archive| archive.source == on.arn);
    }
    let prefix = input.name_prefix.unwrap_or_default();
    all.retain(|archive| archive.name.starts_with(&prefix));
    all.retain(|_| input.state.as_deref().is_none_or(|state| state == "ENABLED"));
    let (page, next) = Page { limit: input.limit, next_token: input.next_token }.of(all)?;
    Ok(answer(json!({"Archives": page.iter().map(summary).collect::<Vec<_>>(), "NextToken": next})))
}

fn state(archive: &Archive) -> Value {
    json!({"ArchiveArn": archive.arn, "State": "ENABLED", "CreationTime": archive.created.as_secs_f64()})
}

fn summary(archive: &Archive) -> Value {
    json!({
        "ArchiveName": archive.name,
        "EventSourceArn": archive.source,
        "State": "ENABLED",
        "RetentionDays": archive.retention_days,
        "SizeBytes": archive.bytes,
        "EventCount": archive.events,
        "CreationTime": archive.created.as_secs_f64(),
    })
}
