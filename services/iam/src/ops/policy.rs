//! CreatePolicy, GetPolicy, ListPolicies, DeletePolicy, CreatePolicyVersion, GetPolicyVersion, ListPolicyVersions,
//! SetDefaultPolicyVersion, DeletePolicyVersion.

use std::sync::Arc;

use kv::{Order, Read};
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::page::{list_output, page};
use super::{Empty, Tag, check, encode_document, new_id, some_tags};
use crate::Identity;
use crate::aws_managed::{self, AwsPolicy};
use crate::error::Error;
use crate::keys::{POLICIES, POLICY_VERSIONS, fold};
use crate::limits::POLICY_NAME_CHARACTERS_MAX;
use crate::model::managed;
use crate::types::{ManagedPolicy, arn};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub policy_name: String,
    pub path: Option<String>,
    pub policy_document: String,
    pub description: Option<String>,
    pub tags: Vec<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyOutput {
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
    /// Given even where there are none, when the policy is asked for; otherwise only where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Tag>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    pub policy: PolicyOutput,
}

pub fn output(read: &impl Read, policy: ManagedPolicy) -> Result<PolicyOutput, Error> {
    let (attachment_count, permissions_boundary_usage_count) = managed::uses(read, &policy.arn)?;
    Ok(PolicyOutput {
        policy_name: policy.name,
        policy_id: Some(policy.id),
        arn: policy.arn,
        path: policy.path,
        default_version_id: Some(format!("v{}", policy.default_version)),
        attachment_count,
        permissions_boundary_usage_count,
        is_attachable: true,
        description: policy.description,
        create_date: Some(policy.created.into()),
        update_date: Some(policy.updated.into()),
        tags: some_tags(&policy.tags),
    })
}

pub fn aws_output(read: &impl Read, arn: &str, policy: &AwsPolicy) -> Result<PolicyOutput, Error> {
    let (attachment_count, permissions_boundary_usage_count) = managed::uses(read, arn)?;
    let created = policy.text.as_ref().map(|text| text.created.into());
    Ok(PolicyOutput {
        policy_name: policy.name.clone(),
        policy_id: None,
        arn: arn.into(),
        path: policy.path.clone(),
        default_version_id: policy.text.as_ref().map(|text| format!("v{}", text.version)),
        attachment_count,
        permissions_boundary_usage_count,
        is_attachable: policy.text.is_some(),
        description: None,
        create_date: created,
        update_date: created,
        tags: None,
    })
}

pub async fn create(_: Arc<Identity>, cx: Cx, input: CreateInput) -> Result<GetOutput, Error> {
    check::name("policyName", &input.policy_name, POLICY_NAME_CHARACTERS_MAX)?;
    if input.policy_document.is_empty() {
        return Err(Error::missing("policyDocument"));
    }
    let path = check::path(input.path.as_deref())?;
    let policy = ManagedPolicy {
        arn: arn(cx.account(), "policy", &path, &input.policy_name).to_string(),
        path,
        id: new_id(&cx, "ANPA"),
        created: cx.now(),
        updated: cx.now(),
        description: check::description(input.description)?,
        default_version: 1,
        next_version: 2,
        tags: check::tags(&input.tags)?,
        name: input.policy_name,
    };
    let (stored, document) = (policy.clone(), input.policy_document);
    cx.db().write(move |tx| managed::create(tx, &stored, &document)).await?;
    Ok(GetOutput { policy: output(&cx.db().read()?, policy)? })
}

/// A request that names nothing but a policy.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ArnInput {
    pub policy_arn: String,
}

pub async fn get(_: Arc<Identity>, cx: Cx, input: ArnInput) -> Result<GetOutput, Error> {
    let snap = cx.db().read()?;
    let policy = match aws_managed::find(&input.policy_arn) {
        Some(policy) => aws_output(&snap, &input.policy_arn, policy)?,
        None => output(&snap, managed::find(&snap, &input.policy_arn)?)?,
    };
    Ok(GetOutput { policy: PolicyOutput { tags: Some(policy.tags.unwrap_or_default()), ..policy } })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub scope: Option<String>,
    pub only_attached: bool,
    pub path_prefix: String,
    pub policy_usage_filter: Option<String>,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

list_output!(ListOutput { policies: PolicyOutput });

/// Lists leave tags and descriptions out, as AWS's do.
pub async fn list(_: Arc<Identity>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let (aws, local) = match input.scope.as_deref() {
        None | Some("All") => (true, true),
        Some("AWS") => (true, false),
        Some("Local") => (false, true),
        Some(other) => {
            return Err(Error::constraint(
                "scope",
                format_args!("'{other}'"),
                "Member must satisfy enum value set: [All, AWS, Local]",
            ));
        }
    };
    let snap = cx.db().read()?;
    let mut rows = Vec::new();
    if local {
        for row in POLICIES.scan(&snap, Order::Forward)? {
            let policy = output(&snap, row?.1)?;
            rows.push(PolicyOutput { description: None, tags: None, ..policy });
        }
    }
    if aws {
        for (arn, policy) in aws_managed::all() {
            rows.push(aws_output(&snap, arn, policy)?);
        }
    }
    rows.retain(|policy| policy.path.starts_with(&input.path_prefix) && is_wanted(policy, &input));
    rows.sort_by(|a, b| a.arn.cmp(&b.arn));
    let rows = rows.into_iter().map(|policy| Ok((policy.arn.clone(), policy)));
    Ok(page(rows, input.marker.as_deref(), input.max_items)?.into())
}

fn is_wanted(policy: &PolicyOutput, input: &ListInput) -> bool {
    let used = match input.policy_usage_filter.as_deref() {
        Some("PermissionsBoundary") => policy.permissions_boundary_usage_count,
        _ => policy.attachment_count,
    };
    used > 0 || !(input.only_attached || input.policy_usage_filter.as_deref() == Some("PermissionsBoundary"))
}

pub async fn delete(_: Arc<Identity>, cx: Cx, input: ArnInput) -> Result<Empty, Error> {
    cx.db().write(move |tx| managed::delete(tx, &input.policy_arn)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VersionInput {
    pub policy_arn: String,
    pub policy_document: String,
    pub set_as_default: bool,
    pub version_id: String,
}

impl VersionInput {
    fn number(&self) -> Result<u64, Error> {
        let number = self.version_id.strip_prefix('v').and_then(|digits| digits.parse().ok());
        number.ok_or_else(|| {
            let constraint = r"Member must satisfy regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?";
            Error::constraint("versionId", format_args!("'{}'", self.version_id), constraint)
        })
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VersionOutput {
    pub policy_version: Version,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Version {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    pub version_id: String,
    pub is_default_version: bool,
    pub create_date: DateTime,
}

pub async fn create_version(_: Arc<Identity>, cx: Cx, input: VersionInput) -> Result<VersionOutput, Error> {
    let now = cx.now();
    let default = input.set_as_default;
    let number = cx
        .db()
        .write(move |tx| managed::add_version(tx, now, &input.policy_arn, &input.policy_document, default))
        .await?;
    let version = Version {
        document: None,
        version_id: format!("v{number}"),
        is_default_version: default,
        create_date: now.into(),
    };
    Ok(VersionOutput { policy_version: version })
}

pub async fn get_version(_: Arc<Identity>, cx: Cx, input: VersionInput) -> Result<VersionOutput, Error> {
    let number = input.number()?;
    let snap = cx.db().read()?;
    let (document, created, default) = match aws_managed::find(&input.policy_arn).map(|policy| &policy.text) {
        Some(None) => {
            return Err(Error::NotImplemented(format!("The document of {}, a policy of a service,", input.policy_arn)));
        }
        Some(Some(text)) if text.version == number => (text.document.clone(), text.created, number),
        Some(Some(_)) => {
            return Err(Error::NoSuchEntity(format!(
                "Policy {} version v{number} does not exist or is not attachable.",
                input.policy_arn
            )));
        }
        None => {
            let policy = managed::find(&snap, &input.policy_arn)?;
            let version = managed::version(&snap, &policy, number)?;
            (version.document, version.created, policy.default_version)
        }
    };
    let version = Version {
        document: Some(encode_document(&document)),
        version_id: input.version_id,
        is_default_version: default == number,
        create_date: created.into(),
    };
    Ok(VersionOutput { policy_version: version })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListVersionsInput {
    pub policy_arn: String,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

list_output!(ListVersionsOutput { versions: Version });

pub async fn list_versions(_: Arc<Identity>, cx: Cx, input: ListVersionsInput) -> Result<ListVersionsOutput, Error> {
    let snap = cx.db().read()?;
    let mut rows = Vec::new();
    match aws_managed::find(&input.policy_arn) {
        Some(policy) => rows.extend(policy.text.as_ref().map(|text| (text.version, text.created, true))),
        None => {
            let policy = managed::find(&snap, &input.policy_arn)?;
            for row in POLICY_VERSIONS.scan_prefix(&snap, (fold(&policy.name),), Order::Forward)? {
                let ((_, number), version) = row?;
                rows.push((number, version.created, number == policy.default_version));
            }
        }
    }
    let version = |(number, created, default): (u64, base::Timestamp, bool)| {
        let version = Version {
            document: None,
            version_id: format!("v{number}"),
            is_default_version: default,
            create_date: created.into(),
        };
        // Markers are compared as text.
        Ok((format!("{number:020}"), version))
    };
    Ok(page(rows.into_iter().map(version), input.marker.as_deref(), input.max_items)?.into())
}

pub async fn set_default_version(_: Arc<Identity>, cx: Cx, input: VersionInput) -> Result<Empty, Error> {
    let (number, now) = (input.number()?, cx.now());
    cx.db().write(move |tx| managed::set_default(tx, now, &input.policy_arn, number)).await?;
    Ok(Empty {})
}

pub async fn delete_version(_: Arc<Identity>, cx: Cx, input: VersionInput) -> Result<Empty, Error> {
    let number = input.number()?;
    cx.db().write(move |tx| managed::delete_version(tx, &input.policy_arn, number)).await?;
    Ok(Empty {})
}
