//! The execution role: one for all functions that have none of their own.

use serde_json::{Value, json};

use super::{Compiler, attribute, tag_list, without_nulls};
use crate::serverless::config::Function;
use crate::serverless::naming;

impl Compiler<'_> {
    /// Makes the role, unless every function has its own or the provider names one.
    pub(super) fn role(&mut self) {
        let service = self.service;
        let provider = &service.provider;
        let Some(first) = service.functions.iter().find(|function| function.role.is_none()) else { return };
        if provider.role.is_some() {
            return;
        }
        let role = &provider.new_role;
        let name = role.name.as_ref().map_or_else(
            || json!({"Fn::Join": ["-", [service.name, service.stage, {"Ref": "AWS::Region"}, "lambdaRole"]]}),
            |name| json!(name),
        );
        let mut statements = log_statements(&service.functions, &format!("{}-{}", service.name, service.stage));
        for (at, statement) in role.statements_at.iter().zip(&role.statements) {
            let path = format!(
                "Resources/{}/Properties/Policies/0/PolicyDocument/Statement/{}",
                naming::ROLE,
                statements.len()
            );
            self.template.origins.insert(path, at.clone());
            statements.push(statement.clone());
        }
        let managed = (!role.managed_policies.is_empty()).then_some(&role.managed_policies);
        let tags = (!role.tags.is_empty()).then(|| tag_list(&role.tags));
        let properties = without_nulls(json!({
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": {"Service": ["lambda.amazonaws.com"]},
                    "Action": ["sts:AssumeRole"],
                }],
            },
            "Policies": [{
                "PolicyName": {"Fn::Join": ["-", [service.name, service.stage, "lambda"]]},
                "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
            }],
            "Path": role.path.as_deref().unwrap_or("/"),
            "RoleName": name,
            "ManagedPolicyArns": managed,
            "PermissionsBoundary": role.boundary,
            "Tags": tags,
        }));
        self.add(naming::ROLE, json!({"Type": "AWS::IAM::Role", "Properties": properties}), &first.at);
    }

    /// Lets a service act as the role that is made for the functions, where one is.
    pub(super) fn trust(&mut self, principal: &str) {
        let services = self.template.properties_mut(naming::ROLE).and_then(|properties| {
            let trust = properties.get_mut("AssumeRolePolicyDocument")?;
            trust.pointer_mut("/Statement/0/Principal/Service")?.as_array_mut()
        });
        if let Some(services) = services {
            services.push(json!(principal));
        }
    }

    /// The role a function runs with.
    pub(super) fn role_of(&self, function: &Function) -> Value {
        match function.role.as_ref().or(self.service.provider.role.as_ref()) {
            // A name is the logical id of a role under `resources`.
            Some(Value::String(name)) if !name.starts_with("arn:") => attribute(name, "Arn"),
            Some(role) => role.clone(),
            None => attribute(naming::ROLE, "Arn"),
        }
    }

    /// The made role, where the function uses it.
    pub(super) fn made_role_of(&self, function: &Function) -> Option<&'static str> {
        (function.role.is_none() && self.service.provider.role.is_none()).then_some(naming::ROLE)
    }
}

/// Leave to write logs: one pattern for all functions with the service's prefix, one each for the others.
fn log_statements(functions: &[Function], prefix: &str) -> Vec<Value> {
    let logged = || functions.iter().filter(|function| !function.disable_logs);
    let mut groups: Vec<String> =
        logged().filter(|function| !function.name.starts_with(prefix)).map(|function| function.name.clone()).collect();
    if logged().any(|function| function.name.starts_with(prefix)) {
        groups.push(format!("{prefix}*"));
    }
    if groups.is_empty() {
        return Vec::new();
    }
    let resources = |suffix: &str| -> Vec<Value> {
        let account = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:";
        groups
            .iter()
            .map(|group| json!({"Fn::Sub": format!("{account}{}{suffix}", naming::log_group_name(group))}))
            .collect()
    };
    vec![
        json!({
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:CreateLogGroup", "logs:TagResource"],
            "Resource": resources(":*"),
        }),
        json!({"Effect": "Allow", "Action": ["logs:PutLogEvents"], "Resource": resources(":*:*")}),
    ]
}
