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

    /// What the stage of the REST API says of logs: it is the deployment's, and so are they.
    pub(super) fn rest_stage_settings(&mut self, stage: &str, deployment: &str, at: &At) {
        let Some(log) = &self.service.provider.api_logs.rest else { return };
        let access = self.access_log(naming::REST_API_LOG_GROUP, "api-gateway", log.format.as_ref(), at);
        if let Some(role) = &log.role {
            let account = json!({"Type": "AWS::ApiGateway::Account", "Properties": {"CloudWatchRoleArn": role}});
            self.add(naming::REST_API_ACCOUNT, account, at);
        }
        let execution = log.level.as_ref().map(|level| {
            json!({"ResourcePath": "/*", "HttpMethod": "*", "LoggingLevel": level, "DataTraceEnabled": log.full})
        });
        let properties = without_nulls(json!({
            "RestApiId": {"Ref": naming::REST_API},
            "StageName": stage,
            "AccessLogSetting": access,
            "MethodSettings": execution.map(|all| json!([all])),
        }));
        let after: Vec<&str> =
            [deployment].into_iter().chain(log.role.as_ref().map(|_| naming::REST_API_ACCOUNT)).collect();
        let resource = json!({"Type": "Custom::CloudletStageSettings", "Properties": properties, "DependsOn": after});
        self.add(naming::REST_API_STAGE_SETTINGS, resource, at);
    }
}
