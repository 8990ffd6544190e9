//! CreateScheduleGroup, DeleteScheduleGroup, GetScheduleGroup, ListScheduleGroups.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Constraints, Cx};

use super::{Empty, Tag, answer, check_name, check_token, page_size, shown, tags};
use crate::error::Error;
use crate::model::group;
use crate::model::token::Request;
use crate::name::{DEFAULT_GROUP, group_resource};
use crate::types::Group;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub name: String,
    pub tags: Vec<Tag>,
    #[serde(skip_serializing)]
    pub client_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ArnOutput {
    pub schedule_group_arn: String,
}

pub async fn create(_: Arc<()>, cx: Cx, input: CreateInput) -> Result<ArnOutput, Error> {
    let mut constraints = Constraints::default();
    check_name(&mut constraints, Some(&input.name), "name");
    check_token(&mut constraints, input.client_token.as_deref());
    let tags = tags(&mut constraints, input.tags.clone());
    constraints.check()?;
    let request = Request::new(&cx, input.client_token.as_deref(), "CreateScheduleGroup", &input)?;
    let now = cx.now();
    let made = Group { tags, ..group::fresh(group_resource(&cx, &input.name), &input.name, now) };
    let schedule_group_arn = made.arn.to_string();
    let create = move |tx: &mut kv::Tx| {
        let stands = |tx: &kv::Tx| group::is_open(tx, &made.arn.region, &made.name);
        request.once(tx, now, stands, |tx| group::create(tx, &made))
    };
    cx.db().write(create).await?;
    Ok(ArnOutput { schedule_group_arn })
}

/// What names a group.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NameInput {
    pub name: String,
    #[serde(skip_serializing)]
    pub client_token: Option<String>,
}

impl NameInput {
    fn check(&self) -> Result<(), Error> {
        let mut constraints = Constraints::default();
        check_name(&mut constraints, Some(&self.name), "name");
        check_token(&mut constraints, self.client_token.as_deref());
        Ok(constraints.check()?)
    }
}

pub async fn delete(_: Arc<()>, cx: Cx, input: NameInput) -> Result<Empty, Error> {
    input.check()?;
    let request = Request::new(&cx, input.client_token.as_deref(), "DeleteScheduleGroup", &input)?;
    let (now, region, name) = (cx.now(), cx.region().to_string(), input.name);
    let delete = move |tx: &mut kv::Tx| {
        let gone = |tx: &kv::Tx| group::is_open(tx, &region, &name).map(|open| !open);
        request.once(tx, now, gone, |tx| group::delete(tx, now, &region, &name))
    };
    cx.db().write(delete).await?;
    Ok(Empty {})
}

pub async fn get(_: Arc<()>, cx: Cx, input: NameInput) -> Result<Value, Error> {
    input.check()?;
    Ok(summary(&group::find(&cx.db().read()?, &group_resource(&cx, &input.name), &input.name)?))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub name_prefix: Option<String>,
    pub next_token: Option<String>,
    pub max_results: Option<i64>,
}

pub async fn list(_: Arc<()>, cx: Cx, input: ListInput) -> Result<Value, Error> {
    let mut constraints = Constraints::default();
    check_name(&mut constraints, input.name_prefix.as_deref(), "namePrefix");
    let size = page_size(&mut constraints, input.max_results);
    constraints.check()?;
    let mut groups = group::all(&cx.db().read()?, group_resource(&cx, DEFAULT_GROUP))?;
    groups.retain(|group| input.name_prefix.as_ref().is_none_or(|prefix| group.name.starts_with(prefix)));
    // A token is the name of the last group before; the default one comes before all others.
    if let Some(token) = &input.next_token {
        groups.retain(|group| group.name != DEFAULT_GROUP && (token == DEFAULT_GROUP || group.name > *token));
    }
    let next =
        (groups.len() > size).then(|| groups.get(size.saturating_sub(1)).map(|group| group.name.clone())).flatten();
    let page: Vec<Value> = groups.iter().take(size).map(summary).collect();
    Ok(answer(json!({"ScheduleGroups": page, "NextToken": next})))
}

fn summary(group: &Group) -> Value {
    answer(json!({
        "Arn": group.arn,
        "Name": group.name,
        "State": if group.deleting { "DELETING" } else { "ACTIVE" },
        "CreationDate": shown(group.created),
        "LastModificationDate": shown(group.modified),
    }))
}
