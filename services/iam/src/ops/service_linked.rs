//! CreateServiceLinkedRole, DeleteServiceLinkedRole, GetServiceLinkedRoleDeletionStatus.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use service::Cx;

use super::role::{GetOutput, created};
use super::{check, new_id};
use crate::Identity;
use crate::error::Error;
use crate::limits::{MAX_SESSION_SECONDS_DEFAULT, NAME_CHARACTERS_MAX};
use crate::model::owner::SERVICE_ROLE_PATH;
use crate::model::service_linked;
use crate::service_roles::{self, ServiceRole};
use crate::types::{Role, Tags, arn};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    #[serde(rename = "AWSServiceName")]
    pub service: String,
    pub description: Option<String>,
    pub custom_suffix: Option<String>,
}

/// The permission's resource: the role that would be made.
pub fn new_resource(cx: &Cx, input: &CreateInput) -> base::Arn {
    let path = format!("{SERVICE_ROLE_PATH}{}/", input.service);
    arn(cx.account(), "role", &path, &role_name(input).unwrap_or_else(|_| "*".into()))
}

fn known(service: &str) -> Result<&'static ServiceRole, Error> {
    let unknown = || Error::InvalidInput(format!("{service} is not a service that has service-linked roles here."));
    service_roles::find(service).ok_or_else(unknown)
}

fn role_name(input: &CreateInput) -> Result<String, Error> {
    let known = known(&input.service)?;
    match input.custom_suffix.as_deref() {
        None | Some("") => Ok(known.role.into()),
        Some(suffix) if known.suffix => {
            let name = format!("{}_{suffix}", known.role);
            check::name("customSuffix", &name, NAME_CHARACTERS_MAX)?;
            Ok(name)
        }
        Some(_) => Err(Error::InvalidInput(format!("Custom suffix is not allowed for {}", input.service))),
    }
}

/// The role has the policy of its service, which allows nothing here: it is about what is not here.
pub async fn create(_: Arc<Identity>, cx: Cx, input: CreateInput) -> Result<GetOutput, Error> {
    if input.service.is_empty() {
        return Err(Error::missing("aWSServiceName"));
    }
    let statement = json!({"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": input.service}});
    let role = Role {
        name: role_name(&input)?,
        path: format!("{SERVICE_ROLE_PATH}{}/", input.service),
        id: new_id(&cx, "AROA"),
        created: cx.now(),
        trust: json!({"Version": "2012-10-17", "Statement": [statement]}).to_string(),
        description: check::description(input.description)?,
        max_session_seconds: MAX_SESSION_SECONDS_DEFAULT,
        boundary: None,
        tags: Tags::new(),
    };
    let (stored, policy_arn) = (role.clone(), known(&input.service)?.policy_arn());
    cx.db().write(move |tx| service_linked::create(tx, &stored, &policy_arn)).await?;
    Ok(GetOutput { role: created(&cx, role) })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteInput {
    pub role_name: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteOutput {
    pub deletion_task_id: String,
}

pub async fn delete(identity: Arc<Identity>, cx: Cx, input: DeleteInput) -> Result<DeleteOutput, Error> {
    check::name("roleName", &input.role_name, NAME_CHARACTERS_MAX)?;
    let (id, now, name) = (cx.env().uuid(), cx.now(), input.role_name);
    let (of, by) = (name.clone(), id.clone());
    let service = cx.db().write(move |tx| service_linked::delete(tx, &of, &by, now)).await?;
    let path = format!("{SERVICE_ROLE_PATH}{service}/");
    identity.usage.forget(&arn(cx.account(), "role", &path, &name).to_string());
    Ok(DeleteOutput { deletion_task_id: service_linked::task(&service, &name, &id) })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StatusInput {
    pub deletion_task_id: String,
}

impl StatusInput {
    /// The permission's resource: the role that the task is about.
    pub fn resource(&self, cx: &Cx) -> base::Arn {
        let role = self.deletion_task_id.strip_prefix("task").and_then(|rest| rest.rsplit_once('/'));
        let (path, name) = role.and_then(|(role, _)| role.rsplit_once('/')).unwrap_or(("", "*"));
        arn(cx.account(), "role", &format!("{path}/"), name)
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatusOutput {
    pub status: &'static str,
}

pub async fn status(_: Arc<Identity>, cx: Cx, input: StatusInput) -> Result<StatusOutput, Error> {
    if input.deletion_task_id.is_empty() {
        return Err(Error::missing("deletionTaskId"));
    }
    match service_linked::is_deleted(&cx.db().read()?, &input.deletion_task_id)? {
        true => Ok(StatusOutput { status: "SUCCEEDED" }),
        false => {
            let task = input.deletion_task_id;
            Err(Error::NoSuchEntity(format!("The deletion task with id {task} cannot be found.")))
        }
    }
}
