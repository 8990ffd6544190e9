//! A migration: the legacy backend's routes that functions take over, and the permission for each of those functions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Compiler, arn, attribute, invoked, without_nulls};
use crate::serverless::config::{Function, MigrateCondition};
use crate::serverless::naming::{self, MIGRATION, MIGRATION_OUTPUT};
use crate::suggest;

/// Who a migration is in the policies of functions.
const PRINCIPAL: &str = "cloudlet-migrate.amazonaws.com";

impl Compiler<'_> {
    pub(super) fn migrate(&mut self) {
        let service = self.service;
        let Some(migrate) = &service.migrate else { return };
        let name = migrate.name.clone().unwrap_or_else(|| service.stack_name());
        let mut functions: BTreeMap<&str, &Function> = BTreeMap::new();
        let mut routes = Vec::new();
        for route in &migrate.routes {
            let Some(function) = service.functions.iter().find(|function| function.key == route.function) else {
                let near = suggest::nearest(&route.function, service.functions.iter().map(|function| &*function.key));
                let meant = near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
                self.diagnostics.error(&route.at, format!("there is no function `{}`{meant}", route.function));
                continue;
            };
            functions.insert(&function.key, function);
            routes.push(without_nulls(json!({
                "Path": route.path,
                "Method": route.method,
                "FunctionArn": invoked(function),
                "Weight": route.weight,
                "Sticky": route.sticky,
                "Header": route.header.as_ref().map(condition),
                "Cookie": route.cookie.as_ref().map(condition),
                "Shadow": route.shadow,
                "ShadowUnsafe": route.shadow_unsafe,
            })));
        }
        let source = arn("cloudlet-migrate", &[json!(format!("migration/{name}"))]);
        let mut waits = Vec::new();
        for (key, function) in functions {
            let id = naming::migration_permission(key);
            let permission = json!({
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "FunctionName": invoked(function),
                    "Action": "lambda:InvokeFunction",
                    "Principal": PRINCIPAL,
                    "SourceArn": source,
                },
            });
            self.add(&id, permission, &migrate.at);
            waits.push(id);
        }
        let properties = json!({
            "Name": name,
            "Legacy": migrate.legacy,
            "Hosts": migrate.hosts,
            "Routes": routes,
        });
        let migration = json!({"Type": "Custom::CloudletMigration", "DependsOn": waits, "Properties": properties});
        self.add(MIGRATION, migration, &migrate.at);
        let output = json!({"Description": "URL of the migration", "Value": attribute(MIGRATION, "Url")});
        self.template.outputs.insert(MIGRATION_OUTPUT.into(), output);
    }
}

fn condition(condition: &MigrateCondition) -> Value {
    without_nulls(json!({"Name": condition.name, "Value": condition.value}))
}
