//! ListEntitiesForPolicy: who has a managed policy, or is bounded by it.

use std::sync::Arc;

use kv::{Order, Read, Table};
use serde::{Deserialize, Serialize};
use service::Cx;

use super::page::page;
use crate::Identity;
use crate::aws_managed;
use crate::error::Error;
use crate::keys::{ATTACHED_TO, BOUNDARY_OF, GROUPS, Kind, ROLES, USERS};
use crate::model::managed;
use crate::model::owner::Owner;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    pub policy_arn: String,
    pub entity_filter: Option<String>,
    pub path_prefix: String,
    pub policy_usage_filter: Option<String>,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    pub policy_groups: Vec<PolicyGroup>,
    pub policy_users: Vec<PolicyUser>,
    pub policy_roles: Vec<PolicyRole>,
    pub is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyGroup {
    pub group_name: String,
    pub group_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyUser {
    pub user_name: String,
    pub user_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyRole {
    pub role_name: String,
    pub role_id: String,
}

/// A user, role or group as this list has them.
struct Found {
    kind: Kind,
    name: String,
    id: String,
    path: String,
}

impl Found {
    fn of<O: Owner>(owner: &O) -> Found {
        Found { kind: O::KIND, name: owner.name().into(), id: owner.id().into(), path: owner.path().into() }
    }
}

pub async fn list(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Output, Error> {
    let snap = cx.db().read()?;
    if aws_managed::find(&input.policy_arn).is_none() {
        managed::find(&snap, &input.policy_arn)?;
    }
    let wanted = kind_filter(input.entity_filter.as_deref())?;
    let mut rows = Vec::new();
    for table in tables(input.policy_usage_filter.as_deref())? {
        for found in users_of(&snap, table, &input.policy_arn)? {
            if wanted.is_none_or(|kind| kind == found.kind) && found.path.starts_with(&input.path_prefix) {
                rows.push((format!("{}/{}", found.kind.code(), found.name), found));
            }
        }
    }
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows.dedup_by(|a, b| a.0 == b.0);
    let page = page(rows.into_iter().map(Ok), input.marker.as_deref(), input.max_items)?;
    let mut output = Output { is_truncated: page.is_truncated(), marker: page.marker, ..Output::default() };
    for Found { kind, name, id, .. } in page.items {
        match kind {
            Kind::Group => output.policy_groups.push(PolicyGroup { group_name: name, group_id: id }),
            Kind::User => output.policy_users.push(PolicyUser { user_name: name, user_id: id }),
            Kind::Role => output.policy_roles.push(PolicyRole { role_name: name, role_id: id }),
        }
    }
    Ok(output)
}

fn kind_filter(filter: Option<&str>) -> Result<Option<Kind>, Error> {
    match filter {
        None => Ok(None),
        Some("User") => Ok(Some(Kind::User)),
        Some("Role") => Ok(Some(Kind::Role)),
        Some("Group") => Ok(Some(Kind::Group)),
        Some(other) => Err(Error::constraint(
            "entityFilter",
            format_args!("'{other}'"),
            "Member must satisfy enum value set: [User, Role, Group]",
        )),
    }
}

type Uses = Table<(String, u8, String), ()>;

/// Which ways of using a policy are asked for.
fn tables(filter: Option<&str>) -> Result<Vec<Uses>, Error> {
    match filter {
        None => Ok(vec![ATTACHED_TO, BOUNDARY_OF]),
        Some("PermissionsPolicy") => Ok(vec![ATTACHED_TO]),
        Some("PermissionsBoundary") => Ok(vec![BOUNDARY_OF]),
        Some(other) => Err(Error::constraint(
            "policyUsageFilter",
            format_args!("'{other}'"),
            "Member must satisfy enum value set: [PermissionsPolicy, PermissionsBoundary]",
        )),
    }
}

fn users_of(read: &impl Read, table: Uses, policy_arn: &str) -> Result<Vec<Found>, Error> {
    let mut all = Vec::new();
    for key in table.scan_prefix(read, (policy_arn,), Order::Forward)?.keys() {
        let (_, kind, name) = key?;
        if kind == Kind::User.code() {
            all.extend(USERS.get(read, name)?.as_ref().map(Found::of));
        } else if kind == Kind::Role.code() {
            all.extend(ROLES.get(read, name)?.as_ref().map(Found::of));
        } else {
            all.extend(GROUPS.get(read, name)?.as_ref().map(Found::of));
        }
    }
    Ok(all)
}
