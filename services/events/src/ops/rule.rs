//! PutRule, DeleteRule, EnableRule, DisableRule, DescribeRule, ListRules, ListRuleNamesByTarget.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Constraints, Cx, Permission};

use super::{Empty, Page, Tag, answer, check_name, pattern, tags};
use crate::Events;
use crate::error::Error;
use crate::model::rule::parse_schedule;
use crate::model::{rule, target};
use crate::name::BusRef;
use crate::roles;
use crate::types::{Rule, RuleState};

pub const NAME_CHARACTERS_MAX: usize = 64;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RuleInput {
    pub name: String,
    pub event_bus_name: Option<String>,
    pub force: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub name: String,
    pub event_bus_name: Option<String>,
    pub event_pattern: Option<String>,
    pub schedule_expression: Option<String>,
    pub state: Option<String>,
    pub description: Option<String>,
    pub role_arn: Option<String>,
    pub tags: Vec<Tag>,
}

/// The resource to ask permission for.
pub fn resource(cx: &Cx, bus: Option<&str>, name: &str) -> String {
    BusRef::parse(cx, bus).map_or_else(|_| "*".into(), |bus| bus.rule_arn(name).to_string())
}

pub fn put_permissions(cx: &Cx, input: &PutInput) -> Vec<Permission> {
    let own = Permission::new("events:PutRule", resource(cx, input.event_bus_name.as_deref(), &input.name));
    let role = input.role_arn.as_deref().map(roles::pass);
    std::iter::once(own).chain(role).collect()
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutOutput {
    pub rule_arn: String,
}

pub async fn put(events: Arc<Events>, cx: Cx, input: PutInput) -> Result<PutOutput, Error> {
    let states = RuleState::ALL.map(RuleState::name);
    let mut constraints = Constraints::default();
    check_name(&mut constraints, &input.name, "name", NAME_CHARACTERS_MAX);
    constraints.one_of(input.state.as_deref(), "state", &states);
    constraints.length(input.description.as_deref(), "description", 512);
    constraints.length(input.schedule_expression.as_deref(), "scheduleExpression", 256);
    constraints.check()?;
    let (filter, timetable) = (filled(input.event_pattern), filled(input.schedule_expression));
    if filter.is_none() && timetable.is_none() {
        return Err(Error::validation("Parameter(s) EventPattern or ScheduleExpression must be specified."));
    }
    let on = BusRef::parse(&cx, input.event_bus_name.as_deref())?;
    if timetable.is_some() && !on.is_default() {
        return Err(Error::validation("ScheduleExpression is supported only on the default event bus."));
    }
    pattern(filter.as_deref())?;
    if timetable.as_deref().is_some_and(|expression| parse_schedule(expression).is_none()) {
        return Err(Error::validation("Parameter ScheduleExpression is not valid."));
    }
    if let Some(role) = &input.role_arn {
        roles::check(&cx, &on.rule_arn(&input.name), role).await?;
    }
    let state = RuleState::ALL.into_iter().find(|state| Some(state.name()) == input.state.as_deref());
    let made = Rule {
        arn: on.rule_arn(&input.name),
        bus: on.name.clone(),
        name: input.name,
        pattern: filter,
        schedule: timetable,
        state: state.unwrap_or(RuleState::Enabled),
        description: input.description,
        role: input.role_arn,
        managed_by: None,
        created_by: cx.account().to_string(),
        tags: tags(input.tags),
        scheduled: cx.now(),
        next: None,
        archive: None,
    };
    let (now, version, rule_arn) = (cx.now(), cx.env().random_u64(), made.arn.to_string());
    let max = events.rules_of_bus_max;
    cx.db().write(move |tx| rule::put(tx, now, &on, version, max, made.clone())).await?;
    Ok(PutOutput { rule_arn })
}

/// An empty text is none.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

pub async fn delete(_: Arc<Events>, cx: Cx, input: RuleInput) -> Result<Empty, Error> {
    let on = BusRef::parse(&cx, input.event_bus_name.as_deref())?;
    let version = cx.env().random_u64();
    cx.db().write(move |tx| rule::delete(tx, &on, &input.name, version, input.force)).await?;
    Ok(Empty {})
}

pub async fn enable(_: Arc<Events>, cx: Cx, input: RuleInput) -> Result<Empty, Error> {
    set_state(&cx, input, RuleState::Enabled).await
}

pub async fn disable(_: Arc<Events>, cx: Cx, input: RuleInput) -> Result<Empty, Error> {
    set_state(&cx, input, RuleState::Disabled).await
}

async fn set_state(cx: &Cx, input: RuleInput, state: RuleState) -> Result<Empty, Error> {
    let on = BusRef::parse(cx, input.event_bus_name.as_deref())?;
    let (now, version) = (cx.now(), cx.env().random_u64());
    cx.db().write(move |tx| rule::set_state(tx, now, &on, &input.name, version, state)).await?;
    Ok(Empty {})
}

pub async fn describe(_: Arc<Events>, cx: Cx, input: RuleInput) -> Result<Value, Error> {
    let on = BusRef::parse(&cx, input.event_bus_name.as_deref())?;
    let found = rule::find(&cx.db().read()?, &on, &input.name)?;
    let mut shown = shown(&found);
    shown["CreatedBy"] = json!(found.created_by);
    Ok(shown)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub name_prefix: String,
    pub event_bus_name: Option<String>,
    pub target_arn: String,
    pub limit: Option<i64>,
    pub next_token: Option<String>,
}

pub async fn list(_: Arc<Events>, cx: Cx, input: ListInput) -> Result<Value, Error> {
    let on = BusRef::parse(&cx, input.event_bus_name.as_deref())?;
    let mut all = rule::all(&cx.db().read()?, &on)?;
    all.retain(|rule| rule.name.starts_with(&input.name_prefix));
    let (page, next) = Page { limit: input.limit, next_token: input.next_token }.of(all)?;
    Ok(answer(json!({"Rules": page.iter().map(shown).collect::<Vec<_>>(), "NextToken": next})))
}

pub async fn list_by_target(_: Arc<Events>, cx: Cx, input: ListInput) -> Result<Value, Error> {
    let on = BusRef::parse(&cx, input.event_bus_name.as_deref())?;
    let read = cx.db().read()?;
    let mut names = Vec::new();
    for rule in rule::all(&read, &on)? {
        let targets = target::all(&read, &on, &rule.name)?;
        if targets.iter().any(|target| target.arn.to_string() == input.target_arn) {
            names.push(rule.name);
        }
    }
    let (page, next) = Page { limit: input.limit, next_token: input.next_token }.of(names)?;
    Ok(answer(json!({"RuleNames": page, "NextToken": next})))
}

fn shown(rule: &Rule) -> Value {
    answer(json!({
        "Name": rule.name,
        "Arn": rule.arn,
        "EventPattern": rule.pattern,
        "ScheduleExpression": rule.schedule,
        "State": rule.state.name(),
        "Description": rule.description,
        "RoleArn": rule.role,
        "ManagedBy": rule.managed_by,
        "EventBusName": rule.bus,
    }))
}
