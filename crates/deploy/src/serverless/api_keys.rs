//! API keys and usage plans: `provider.apiGateway.apiKeys` and `usagePlan`.
//!
//! Source: <https://www.serverless.com/framework/docs/providers/aws/events/apigateway#setting-api-keys-for-your-rest-api>

use serde_json::{Map, Value, json};

use super::config::{ApiKey, UsagePlan};
use super::keys;
use super::read::Reader;
use crate::yaml::Node;

/// The name of the one plan of a service that has no plans by name.
const DEFAULT: &str = "default";

/// The plans that a service makes: one, or several by name. Keys alone have a plan too.
pub fn plans(api: &Node, reader: &mut Reader<'_>) -> Vec<UsagePlan> {
    let Some(node) = api.get("usagePlan") else {
        let plan = UsagePlan { name: DEFAULT.into(), quota: None, throttle: None };
        return api.get("apiKeys").map(|_| plan).into_iter().collect();
    };
    let Some(items) = node.as_sequence() else { return vec![plan(DEFAULT, node, reader)] };
    let mut plans = Vec::new();
    for item in items {
        match item.as_mapping() {
            Some([entry]) => plans.push(plan(&entry.key, &entry.value, reader)),
            _ => reader.error(&item.at, "a plan in a list is a mapping with its name as the one key"),
        }
    }
    plans
}

fn plan(name: &str, node: &Node, reader: &mut Reader<'_>) -> UsagePlan {
    reader.keys(node, "`usagePlan`", keys::USAGE_PLAN);
    let quota = node.get("quota").map(|quota| {
        reader.keys(quota, "`quota`", keys::QUOTA);
        let mut members = numbers(quota, &[("limit", "Limit"), ("offset", "Offset")], reader);
        members.extend(reader.word(quota, "period").map(|period| ("Period".to_owned(), json!(period.to_uppercase()))));
        Value::Object(members)
    });
    let throttle = node.get("throttle").map(|throttle| {
        reader.keys(throttle, "`throttle`", keys::THROTTLE);
        Value::Object(numbers(throttle, &[("burstLimit", "BurstLimit"), ("rateLimit", "RateLimit")], reader))
    });
    UsagePlan { name: name.to_owned(), quota, throttle }
}

fn numbers(node: &Node, members: &[(&str, &str)], reader: &mut Reader<'_>) -> Map<String, Value> {
    let number = |(name, member): &(&str, &str)| {
        Some(((*member).to_owned(), json!(reader.integer(node, name, 0, i64::from(i32::MAX))?)))
    };
    members.iter().filter_map(number).collect()
}

/// The keys that a service makes.
pub fn keys(api: &Node, plans: &[UsagePlan], reader: &mut Reader<'_>) -> Vec<ApiKey> {
    let mut made = Vec::new();
    for item in reader.list(api, "apiKeys").unwrap_or_default() {
        match item.as_mapping() {
            Some([entry]) if entry.value.as_sequence().is_some() => {
                if !plans.iter().any(|plan| plan.name == entry.key) {
                    reader.error(&entry.at, format!("`usagePlan` has no plan `{}`", entry.key));
                }
                for (key, number) in entry.value.as_sequence().unwrap_or_default().iter().zip(1..) {
                    made.extend(one(key, Some(&entry.key), number, reader));
                }
            }
            _ => {
                let number = made.iter().filter(|key: &&ApiKey| key.plan.is_none()).count() + 1;
                made.extend(one(item, None, number, reader));
            }
        }
    }
    made
}

/// `number` is its place among those of its plan, from 1.
fn one(node: &Node, plan: Option<&str>, number: usize, reader: &mut Reader<'_>) -> Option<ApiKey> {
    let plan = plan.map(str::to_owned);
    let at = node.at.clone();
    if node.as_scalar().is_some() {
        let name = reader.text_value(node, "apiKeys")?;
        let (value, description, customer, enabled) = (None, None, None, None);
        return Some(ApiKey { plan, number, name: Some(name), value, description, customer, enabled, at });
    }
    reader.keys(node, "an API key", keys::API_KEY);
    let text = |name: &str, reader: &mut Reader<'_>| node.get(name).and_then(|value| reader.text_value(value, name));
    Some(ApiKey {
        plan,
        number,
        name: text("name", reader),
        value: text("value", reader),
        description: text("description", reader),
        customer: text("customerId", reader),
        enabled: reader.boolean(node, "enabled"),
        at,
    })
}
