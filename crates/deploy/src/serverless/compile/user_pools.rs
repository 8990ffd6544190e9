//! `cognitoUserPool` events: the pool with the function among its triggers, and the permission for the pool to invoke it.

use serde_json::{Map, Value, json};

use super::{Compiler, invoked};
use crate::serverless::config::{EventSource, UserPoolTrigger};
use crate::serverless::naming;

impl Compiler<'_> {
    pub(super) fn user_pools(&mut self) {
        let events = self.events(|source| match source {
            EventSource::UserPool(trigger) => Some(trigger),
            _ => None,
        });
        for (function, at, UserPoolTrigger { pool, trigger }) in events {
            let id = naming::user_pool(pool);
            if self.template.properties_mut(&id).is_none() {
                let properties = json!({"UserPoolName": pool, "LambdaConfig": {}});
                self.add(&id, json!({"Type": "AWS::Cognito::UserPool", "Properties": properties}), at);
            }
            let config = self.template.properties_mut(&id).and_then(|properties| properties.get_mut("LambdaConfig"));
            let before = config
                .and_then(Value::as_object_mut)
                .and_then(|config: &mut Map<String, Value>| config.insert(trigger.clone(), invoked(function)));
            if before.is_some() {
                let told = format!("the trigger `{trigger}` of the pool `{pool}` has a function already");
                self.diagnostics.error(at, told);
            }
            let permission = json!({
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "FunctionName": invoked(function),
                    "Action": "lambda:InvokeFunction",
                    "Principal": "cognito-idp.amazonaws.com",
                    "SourceArn": {"Fn::GetAtt": [id, "Arn"]},
                },
            });
            self.add(&naming::user_pool_permission(&function.key, pool, trigger), permission, at);
        }
    }
}
