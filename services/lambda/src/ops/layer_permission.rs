//! AddLayerVersionPermission, RemoveLayerVersionPermission, GetLayerVersionPolicy.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Cx, Permission};

use super::Empty;
use super::layer::{VersionInput, layer_name, version_resource};
use crate::Lambda;
use crate::constraints::{Constraints, is_word};
use crate::error::Error;
use crate::model::{self, layer, policy};

const ACTION: &str = "lambda:GetLayerVersion";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PermissionInput {
    pub layer_name: String,
    pub version_number: Option<u64>,
    pub statement_id: String,
    pub action: String,
    pub principal: String,
    pub organization_id: Option<String>,
    pub revision_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddOutput {
    pub statement: String,
    pub revision_id: String,
}

/// The resource to ask permission for.
pub fn resource(cx: &Cx, input: &PermissionInput) -> String {
    let version = VersionInput { layer_name: input.layer_name.clone(), version_number: input.version_number };
    version_resource(cx, &version)
}

/// What reading a layer version needs: the action, which the version's own policy may allow too.
pub fn read_permissions(cx: &Cx, resource: String) -> Result<Vec<Permission>, service::Error> {
    let arn = resource.parse().ok();
    let read = cx.db().read()?;
    let found = arn.map(|arn| layer::of_arn(&read, &arn)).transpose()?.flatten();
    let policy = found.map(|layer| layer::policy(&read, &layer)).transpose()?.flatten();
    let resource_policy = policy.as_ref().map(policy::document);
    Ok(vec![Permission { resource_policy, ..Permission::new(ACTION, resource) }])
}

pub async fn add(_: Arc<Lambda>, cx: Cx, input: PermissionInput) -> Result<AddOutput, Error> {
    let name = layer_name(&cx, &input.layer_name)?;
    let mut constraints = Constraints::default();
    constraints.pattern(Some(&input.statement_id), "statementId", "([a-zA-Z0-9-_]+)", is_word);
    constraints.length(Some(&input.statement_id), "statementId", 100);
    constraints.pattern(Some(&input.action), "action", ACTION, |action| action == ACTION);
    let pattern = "\\d{12}|\\*|arn:(aws[a-zA-Z-]*):iam::\\d{12}:root";
    constraints.pattern(Some(&input.principal), "principal", pattern, |text| principal(text).is_some());
    let organization = input.organization_id.as_deref();
    constraints.pattern(organization, "organizationId", "o-[a-z0-9]{10,32}", is_organization);
    constraints.check()?;
    if organization.is_some() && input.principal != "*" {
        return Err(Error::invalid("OrganizationId is only supported when Principal is '*'."));
    }
    let version = cx.arn("lambda", format!("layer:{name}:{}", input.version_number.unwrap_or_default()));
    let mut statement = json!({
        "Sid": input.statement_id,
        "Effect": "Allow",
        "Principal": principal(&input.principal),
        "Action": ACTION,
        "Resource": version,
    });
    if let Some(organization) = organization {
        statement["Condition"] = json!({"StringEquals": {"aws:PrincipalOrgID": organization}});
    }
    let (statement, revision) = (statement.to_string(), cx.env().uuid());
    let (stored, made, expected) = (statement.clone(), revision.clone(), input.revision_id);
    cx.db()
        .write(move |tx| {
            layer::change_policy(tx, &version, |policy| {
                let current = policy.as_ref().map_or("", |policy| &policy.revision);
                model::check_revision(expected.as_deref(), current, "GetLayerPolicy")?;
                policy::with(policy, &input.statement_id, &stored, None, &made)
            })
        })
        .await?;
    Ok(AddOutput { statement, revision_id: revision })
}

/// An account, or everybody.
fn principal(text: &str) -> Option<Value> {
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let of_root = text.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root"));
    match text {
        "*" => Some("*".into()),
        _ if is_account(text) => Some(json!({"AWS": format!("arn:aws:iam::{text}:root")})),
        _ if of_root.is_some_and(is_account) => Some(json!({"AWS": text})),
        _ => None,
    }
}

fn is_organization(text: &str) -> bool {
    let id = text.strip_prefix("o-").unwrap_or_default();
    (10..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

pub async fn remove(_: Arc<Lambda>, cx: Cx, input: PermissionInput) -> Result<Empty, Error> {
    let name = layer_name(&cx, &input.layer_name)?;
    let version = cx.arn("lambda", format!("layer:{name}:{}", input.version_number.unwrap_or_default()));
    let revision = cx.env().uuid();
    cx.db()
        .write(move |tx| {
            layer::change_policy(tx, &version, |policy| {
                policy::without(policy, &input.statement_id, input.revision_id.as_deref(), &revision)
            })
        })
        .await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyOutput {
    pub policy: String,
    pub revision_id: String,
}

pub async fn get(_: Arc<Lambda>, cx: Cx, input: VersionInput) -> Result<PolicyOutput, Error> {
    let name = layer_name(&cx, &input.layer_name)?;
    let read = cx.db().read()?;
    let number = input.version_number.unwrap_or_default();
    let layer = layer::find(&read, cx.region().as_str(), &name, number)?.ok_or_else(Error::resource_not_found)?;
    let policy = layer::policy(&read, &layer)?.ok_or_else(Error::resource_not_found)?;
    Ok(PolicyOutput { policy: policy::document(&policy), revision_id: policy.revision })
}
