//! GetAccountAuthorizationDetails: everything that decides about who may do what.

use std::sync::Arc;

use kv::{Order, Read};
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::attachment::{AttachedPolicy, attached};
use super::boundary::BoundaryOutput;
use super::page::page;
use super::policy::{self, PolicyOutput, Version};
use super::profile::{self, ProfileOutput};
use super::role::{RoleLastUsed, last_used};
use super::{Tag, encode_document, tag_list};
use crate::Identity;
use crate::aws_managed;
use crate::error::Error;
use crate::keys::{ATTACHED, GROUPS, INLINE, POLICIES, POLICY_VERSIONS, ROLES, USERS, fold};
use crate::model::owner::Owner;
use crate::model::{group, managed, profile as profiles};
use crate::types::{Group, ManagedPolicy, Role, User, arn};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    pub filter: Vec<String>,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    pub user_detail_list: Vec<UserDetail>,
    pub group_detail_list: Vec<GroupDetail>,
    pub role_detail_list: Vec<RoleDetail>,
    pub policies: Vec<PolicyDetail>,
    pub is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Inline {
    pub policy_name: String,
    pub policy_document: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserDetail {
    pub path: String,
    pub user_name: String,
    pub user_id: String,
    pub arn: String,
    pub create_date: DateTime,
    pub user_policy_list: Vec<Inline>,
    pub group_list: Vec<String>,
    pub attached_managed_policies: Vec<AttachedPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<BoundaryOutput>,
    pub tags: Vec<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupDetail {
    pub path: String,
    pub group_name: String,
    pub group_id: String,
    pub arn: String,
    pub create_date: DateTime,
    pub group_policy_list: Vec<Inline>,
    pub attached_managed_policies: Vec<AttachedPolicy>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoleDetail {
    pub path: String,
    pub role_name: String,
    pub role_id: String,
    pub arn: String,
    pub create_date: DateTime,
    pub assume_role_policy_document: String,
    pub instance_profile_list: Vec<ProfileOutput>,
    pub role_policy_list: Vec<Inline>,
    pub attached_managed_policies: Vec<AttachedPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<BoundaryOutput>,
    pub tags: Vec<Tag>,
    pub role_last_used: RoleLastUsed,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDetail {
    pub policy_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_id: Option<String>,
    pub arn: String,
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_version_id: Option<String>,
    pub attachment_count: usize,
    pub permissions_boundary_usage_count: usize,
    pub is_attachable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_date: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_date: Option<DateTime>,
    pub policy_version_list: Vec<Version>,
}

impl PolicyDetail {
    fn new(policy: PolicyOutput, policy_version_list: Vec<Version>) -> PolicyDetail {
        PolicyDetail {
            policy_name: policy.policy_name,
            policy_id: policy.policy_id,
            arn: policy.arn,
            path: policy.path,
            default_version_id: policy.default_version_id,
            attachment_count: policy.attachment_count,
            permissions_boundary_usage_count: policy.permissions_boundary_usage_count,
            is_attachable: policy.is_attachable,
            description: policy.description,
            create_date: policy.create_date,
            update_date: policy.update_date,
            policy_version_list,
        }
    }
}

/// One of what is listed, before its details are read.
enum Found {
    User(User),
    Group(Group),
    Role(Role),
    Policy(ManagedPolicy),
    AwsPolicy(String),
}

const FILTERS: [&str; 5] = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"];

pub async fn get(identity: Arc<Identity>, cx: Cx, input: Input) -> Result<Output, Error> {
    if let Some(other) = input.filter.iter().find(|filter| !FILTERS.contains(&filter.as_str())) {
        let constraint = format!("Member must satisfy enum value set: [{}]", FILTERS.join(", "));
        return Err(Error::constraint("filter", format_args!("'[{other}]'"), constraint));
    }
    let snap = cx.db().read()?;
    let page = page(found(&snap, &input.filter)?.into_iter().map(Ok), input.marker.as_deref(), input.max_items)?;
    let mut output = Output { is_truncated: page.is_truncated(), marker: page.marker, ..Output::default() };
    for found in page.items {
        match found {
            Found::User(user) => output.user_detail_list.push(user_detail(&cx, &snap, user)?),
            Found::Group(group) => output.group_detail_list.push(group_detail(&cx, &snap, group)?),
            Found::Role(role) => output.role_detail_list.push(role_detail(&identity, &cx, &snap, role)?),
            Found::Policy(policy) => output.policies.push(policy_detail(&snap, policy)?),
            Found::AwsPolicy(arn) => output.policies.extend(aws_policy_detail(&snap, &arn)?),
        }
    }
    Ok(output)
}

/// What is asked for, in an order that stays: by kind, and by name.
fn found(read: &impl Read, filter: &[String]) -> Result<Vec<(String, Found)>, Error> {
    let wanted = |kind: &str| filter.is_empty() || filter.iter().any(|filter| filter == kind);
    let mut rows = Vec::new();
    if wanted("User") {
        for row in USERS.scan(read, Order::Forward)? {
            let (name, user) = row?;
            rows.push((format!("1/{name}"), Found::User(user)));
        }
    }
    if wanted("Group") {
        for row in GROUPS.scan(read, Order::Forward)? {
            let (name, group) = row?;
            rows.push((format!("2/{name}"), Found::Group(group)));
        }
    }
    if wanted("Role") {
        for row in ROLES.scan(read, Order::Forward)? {
            let (name, role) = row?;
            rows.push((format!("3/{name}"), Found::Role(role)));
        }
    }
    if wanted("LocalManagedPolicy") {
        for row in POLICIES.scan(read, Order::Forward)? {
            let (name, policy) = row?;
            rows.push((format!("4/{name}"), Found::Policy(policy)));
        }
    }
    if wanted("AWSManagedPolicy") {
        for (arn, _) in aws_managed::all() {
            // Those that nobody has decide about nothing.
            if managed::uses(read, arn)? != (0, 0) {
                rows.push((format!("5/{arn}"), Found::AwsPolicy(arn.clone())));
            }
        }
    }
    Ok(rows)
}

fn inline_of<O: Owner>(read: &impl Read, name: &str) -> Result<Vec<Inline>, Error> {
    let rows = INLINE.scan_prefix(read, (O::KIND.code(), fold(name)), Order::Forward)?;
    let inline = |((_, _, policy_name), document): ((u8, String, String), String)| Inline {
        policy_name,
        policy_document: encode_document(&document),
    };
    Ok(rows.map(|row| row.map(inline)).collect::<Result<_, _>>()?)
}

fn attached_of<O: Owner>(read: &impl Read, name: &str) -> Result<Vec<AttachedPolicy>, Error> {
    let keys = ATTACHED.scan_prefix(read, (O::KIND.code(), fold(name)), Order::Forward)?.keys();
    Ok(keys.map(|key| key.map(|(_, _, arn)| attached(arn))).collect::<Result<_, _>>()?)
}

fn user_detail(cx: &Cx, read: &impl Read, user: User) -> Result<UserDetail, Error> {
    Ok(UserDetail {
        arn: arn(cx.account(), "user", &user.path, &user.name).to_string(),
        user_policy_list: inline_of::<User>(read, &user.name)?,
        group_list: group::of(read, &user.name)?.into_iter().map(|group| group.name).collect(),
        attached_managed_policies: attached_of::<User>(read, &user.name)?,
        path: user.path,
        user_name: user.name,
        user_id: user.id,
        create_date: user.created.into(),
        permissions_boundary: user.boundary.map(BoundaryOutput::from),
        tags: tag_list(&user.tags),
    })
}

fn group_detail(cx: &Cx, read: &impl Read, group: Group) -> Result<GroupDetail, Error> {
    Ok(GroupDetail {
        arn: arn(cx.account(), "group", &group.path, &group.name).to_string(),
        group_policy_list: inline_of::<Group>(read, &group.name)?,
        attached_managed_policies: attached_of::<Group>(read, &group.name)?,
        path: group.path,
        group_name: group.name,
        group_id: group.id,
        create_date: group.created.into(),
    })
}

fn role_detail(identity: &Identity, cx: &Cx, read: &impl Read, role: Role) -> Result<RoleDetail, Error> {
    let arn = arn(cx.account(), "role", &role.path, &role.name).to_string();
    let in_profiles = profiles::of_role(read, &role.name)?.into_iter();
    Ok(RoleDetail {
        instance_profile_list: in_profiles.map(|found| profile::output(cx, read, found)).collect::<Result<_, _>>()?,
        role_policy_list: inline_of::<Role>(read, &role.name)?,
        attached_managed_policies: attached_of::<Role>(read, &role.name)?,
        role_last_used: last_used(identity, &arn),
        arn,
        path: role.path,
        role_name: role.name,
        role_id: role.id,
        create_date: role.created.into(),
        assume_role_policy_document: encode_document(&role.trust),
        permissions_boundary: role.boundary.map(BoundaryOutput::from),
        tags: tag_list(&role.tags),
    })
}

fn policy_detail(read: &impl Read, found: ManagedPolicy) -> Result<PolicyDetail, Error> {
    let mut versions = Vec::new();
    for row in POLICY_VERSIONS.scan_prefix(read, (fold(&found.name),), Order::Forward)? {
        let ((_, number), version) = row?;
        versions.push(Version {
            document: Some(encode_document(&version.document)),
            version_id: format!("v{number}"),
            is_default_version: number == found.default_version,
            create_date: version.created.into(),
        });
    }
    Ok(PolicyDetail::new(policy::output(read, found)?, versions))
}

fn aws_policy_detail(read: &impl Read, arn: &str) -> Result<Option<PolicyDetail>, Error> {
    let Some(found) = aws_managed::find(arn) else { return Ok(None) };
    let version = found.text.as_ref().map(|text| Version {
        document: Some(encode_document(&text.document)),
        version_id: format!("v{}", text.version),
        is_default_version: true,
        create_date: text.created.into(),
    });
    Ok(Some(PolicyDetail::new(policy::aws_output(read, arn, found)?, version.into_iter().collect())))
}
