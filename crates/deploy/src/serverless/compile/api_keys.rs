//! API keys of the REST API, and the usage plans that they are of.

use serde_json::{Value, json};

use super::{Compiler, without_nulls};
use crate::diagnostic::At;
use crate::serverless::config::{ApiKey, UsagePlan};
use crate::serverless::naming;

impl Compiler<'_> {
    /// `deployment` is what makes the stage that they are for.
    pub(super) fn api_keys(&mut self, deployment: &str, stage: &str, at: &At) {
        let config = &self.service.provider.rest_api;
        for plan in &config.usage_plans {
            let resource = self.usage_plan(plan, deployment, stage);
            self.add(&naming::usage_plan(&plan.name), resource, at);
        }
        for key in &config.api_keys {
            let (id, plan) =
                (naming::api_key(key.plan.as_deref(), key.number), key.plan.as_deref().unwrap_or("default"));
            if !config.usage_plans.iter().any(|known| known.name == plan) {
                self.diagnostics.error(&key.at, "an API key without a plan by name needs the one plan that has none");
                continue;
            }
            self.add(&id, api_key(key, deployment), &key.at);
            let member = json!({
                "Type": "AWS::ApiGateway::UsagePlanKey",
                "Properties": {"KeyId": {"Ref": id}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": naming::usage_plan(plan)}},
            });
            self.add(&naming::usage_plan_key(key.plan.as_deref(), key.number), member, &key.at);
        }
    }

    fn usage_plan(&self, plan: &UsagePlan, deployment: &str, stage: &str) -> Value {
        let service = self.service;
        let (name, description) = match plan.name.as_str() {
            "default" => (
                format!("{}-{}", service.name, service.stage),
                format!("Usage plan for {} {} stage", service.name, service.stage),
            ),
            name => (
                format!("{}-{name}-{}", service.name, service.stage),
                format!("Usage plan \"{name}\" for {} {} stage", service.name, service.stage),
            ),
        };
        let properties = without_nulls(json!({
            "ApiStages": [{"ApiId": {"Ref": naming::REST_API}, "Stage": stage}],
            "Description": description,
            "UsagePlanName": name,
            "Quota": plan.quota,
            "Throttle": plan.throttle,
        }));
        json!({"Type": "AWS::ApiGateway::UsagePlan", "DependsOn": deployment, "Properties": properties})
    }
}

fn api_key(key: &ApiKey, deployment: &str) -> Value {
    let properties = without_nulls(json!({
        "Enabled": key.enabled.unwrap_or(true),
        "Name": key.name,
        "Value": key.value,
        "Description": key.description,
        "CustomerId": key.customer,
    }));
    json!({"Type": "AWS::ApiGateway::ApiKey", "DependsOn": deployment, "Properties": properties})
}
