//! The logs of the service's APIs: a group for each kind of API, and what its stage says of it.

use serde_json::{Value, json};

use super::{Compiler, attribute, without_nulls};
use crate::diagnostic::At;
use crate::serverless::naming;

impl Compiler<'_> {
    /// The group in which an API tells of its requests, and how, as its stage says it.
    pub(super) fn access_log(&mut self, id: &str, kind: &str, format: Option<&String>, at: &At) -> Option<Value> {
        let format = format?;
        let (name, stage) = (&self.service.name, &self.service.stage);
        let properties = without_nulls(json!({
            "LogGroupName": format!("/aws/{kind}/{name}-{stage}"),
            "RetentionInDays": self.service.provider.log_retention,
        }));
        self.add(id, json!({"Type": "AWS::Logs::LogGroup", "Properties": properties}), at);
        Some(json!({"DestinationArn": attribute(id, "Arn"), "Format": format}))
    }

    /// What the stage of the REST API says of logs and its cache: it is the deployment's, and so are they.
    pub(super) fn rest_stage_settings(&mut self, stage: &str, deployment: &str, at: &At) {
        let (log, cache) = (self.service.provider.api_logs.rest.as_ref(), self.service.cache.as_ref());
        if log.is_none() && cache.is_none() {
            return;
        }
        let format = log.and_then(|log| log.format.as_ref());
        let access = self.access_log(naming::REST_API_LOG_GROUP, "api-gateway", format, at);
        let role = log.and_then(|log| log.role.as_ref());
        if let Some(role) = role {
            let account = json!({"Type": "AWS::ApiGateway::Account", "Properties": {"CloudWatchRoleArn": role}});
            self.add(naming::REST_API_ACCOUNT, account, at);
        }
        let execution = log.and_then(|log| {
            let level = log.level.as_ref()?;
            Some(json!({"ResourcePath": "/*", "HttpMethod": "*", "LoggingLevel": level, "DataTraceEnabled": log.full}))
        });
        let methods: Vec<Value> = execution.into_iter().chain(self.cached_methods()).collect();
        let properties = without_nulls(json!({
            "RestApiId": {"Ref": naming::REST_API},
            "StageName": stage,
            "AccessLogSetting": access,
            "CacheClusterEnabled": cache.map(|_| true),
            "CacheClusterSize": cache.and_then(|cache| cache.size.as_ref()),
            "MethodSettings": (!methods.is_empty()).then_some(methods),
        }));
        let after: Vec<&str> = [deployment].into_iter().chain(role.map(|_| naming::REST_API_ACCOUNT)).collect();
        let resource = json!({"Type": "Custom::CloudletStageSettings", "Properties": properties, "DependsOn": after});
        self.add(naming::REST_API_STAGE_SETTINGS, resource, at);
    }
}
