//! AttachUserPolicy, DetachUserPolicy, ListAttachedUserPolicies, and the same three for roles and groups.

use std::sync::Arc;

use kv::Order;
use serde::{Deserialize, Serialize};
use service::{Cx, Permission};

use super::page::{list_output, page};
use super::{Empty, check, owner_resource};
use crate::Identity;
use crate::error::Error;
use crate::keys::{ATTACHED, fold};
use crate::model::attachment;
use crate::model::owner::{self, Owner};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AttachInput {
    #[serde(alias = "UserName", alias = "RoleName", alias = "GroupName")]
    pub name: String,
    pub policy_arn: String,
}

impl AttachInput {
    fn check<O: Owner>(&self) -> Result<(), Error> {
        check::name(O::NAME_MEMBER, &self.name, O::NAME_CHARACTERS_MAX)?;
        match self.policy_arn.parse::<base::Arn>() {
            Ok(_) => Ok(()),
            Err(_) if self.policy_arn.is_empty() => Err(Error::missing("policyArn")),
            Err(_) => Err(Error::Validation("Invalid ARN:  Could not be parsed!".into())),
        }
    }

    /// What attaching and detaching need: `iam:PolicyARN` tells conditions which policy it is.
    pub fn permission<O: Owner>(&self, cx: &Cx, action: &str) -> Vec<Permission> {
        let mut permission = Permission::new(action, owner_resource::<O>(cx, &self.name));
        permission.context.push(("iam:PolicyARN".into(), vec![self.policy_arn.clone()]));
        vec![permission]
    }
}

pub async fn attach<O: Owner>(_: Arc<Identity>, cx: Cx, input: AttachInput) -> Result<Empty, Error> {
    input.check::<O>()?;
    cx.db().write(move |tx| attachment::attach::<O>(tx, &input.name, &input.policy_arn)).await?;
    Ok(Empty {})
}

pub async fn detach<O: Owner>(_: Arc<Identity>, cx: Cx, input: AttachInput) -> Result<Empty, Error> {
    input.check::<O>()?;
    cx.db().write(move |tx| attachment::detach::<O>(tx, &input.name, &input.policy_arn)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    #[serde(alias = "UserName", alias = "RoleName", alias = "GroupName")]
    pub name: String,
    pub path_prefix: String,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttachedPolicy {
    pub policy_name: String,
    pub policy_arn: String,
}

list_output!(ListOutput { attached_policies: AttachedPolicy });

pub async fn list<O: Owner>(_: Arc<Identity>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    check::name(O::NAME_MEMBER, &input.name, O::NAME_CHARACTERS_MAX)?;
    let snap = cx.db().read()?;
    owner::find::<O>(&snap, &input.name)?;
    let keys = ATTACHED.scan_prefix(&snap, (O::KIND.code(), fold(&input.name)), Order::Forward)?.keys();
    let rows = keys.map(|key| key.map(|(_, _, arn)| (arn.clone(), attached(arn))).map_err(Error::from));
    // Everything after `policy` is path and name.
    let of_path = |policy: &AttachedPolicy| {
        let path = policy.policy_arn.split_once(":policy").map_or("", |(_, path)| path);
        path.starts_with(&input.path_prefix)
    };
    let of_this_path = rows.filter(|row| row.as_ref().map_or(true, |(_, policy)| of_path(policy)));
    Ok(page(of_this_path, input.marker.as_deref(), input.max_items)?.into())
}

pub fn attached(arn: String) -> AttachedPolicy {
    AttachedPolicy { policy_name: arn.rsplit('/').next().unwrap_or_default().into(), policy_arn: arn }
}
