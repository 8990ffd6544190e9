//! CreateInstanceProfile, GetInstanceProfile, ListInstanceProfiles, ListInstanceProfilesForRole, DeleteInstanceProfile,
//! AddRoleToInstanceProfile, RemoveRoleFromInstanceProfile.

use std::sync::Arc;

use kv::{Order, Read};
use serde::{Deserialize, Serialize};
use service::{Cx, Permission};
use wire::DateTime;

use super::page::{OfInput, PathInput, list_output, page};
use super::role::RoleOutput;
use super::{Empty, Tag, check, new_id, role, some_tags};
use crate::Identity;
use crate::error::Error;
use crate::keys::{INSTANCE_PROFILES, ROLES, fold};
use crate::limits::{NAME_CHARACTERS_MAX, PROFILE_NAME_CHARACTERS_MAX};
use crate::model::profile;
use crate::types::{InstanceProfile, Tags, arn};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    pub instance_profile_name: String,
    pub role_name: String,
    pub path: Option<String>,
    pub tags: Vec<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProfileOutput {
    pub path: String,
    pub instance_profile_name: String,
    pub instance_profile_id: String,
    pub arn: String,
    pub create_date: DateTime,
    pub roles: Vec<RoleOutput>,
    /// Given even where there are none, when the profile is asked for; otherwise only where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Tag>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    pub instance_profile: ProfileOutput,
}

pub fn output(cx: &Cx, read: &impl Read, profile: InstanceProfile) -> Result<ProfileOutput, Error> {
    let role = profile.role.map(|role| ROLES.get(read, fold(&role))).transpose()?.flatten();
    Ok(ProfileOutput {
        arn: arn(cx.account(), "instance-profile", &profile.path, &profile.name).to_string(),
        path: profile.path,
        instance_profile_name: profile.name,
        instance_profile_id: profile.id,
        create_date: profile.created.into(),
        roles: role.into_iter().map(|found| role::brief(cx, found)).collect(),
        tags: some_tags(&profile.tags),
    })
}

/// The permission's resource.
pub fn resource(cx: &Cx, name: &str) -> base::Arn {
    let found = cx.db().read().ok().and_then(|snap| profile::find(&snap, name).ok());
    let path = found.as_ref().map_or("/", |profile| profile.path.as_str());
    arn(cx.account(), "instance-profile", path, name)
}

/// Whoever puts a role into a profile hands it to what starts with that.
pub fn permissions(cx: &Cx, input: &Input) -> Vec<Permission> {
    let role = super::owner_resource::<crate::types::Role>(cx, &input.role_name);
    let profile = resource(cx, &input.instance_profile_name);
    vec![Permission::new("iam:AddRoleToInstanceProfile", profile), Permission::new("iam:PassRole", role)]
}

fn check_name(name: &str) -> Result<(), Error> {
    check::name("instanceProfileName", name, PROFILE_NAME_CHARACTERS_MAX)
}

pub async fn create(_: Arc<Identity>, cx: Cx, input: Input) -> Result<GetOutput, Error> {
    check_name(&input.instance_profile_name)?;
    let profile = InstanceProfile {
        path: check::path(input.path.as_deref())?,
        id: new_id(&cx, "AIPA"),
        created: cx.now(),
        role: None,
        tags: check::tags(&input.tags)?,
        name: input.instance_profile_name,
    };
    let stored = profile.clone();
    cx.db().write(move |tx| profile::create(tx, &stored)).await?;
    Ok(GetOutput { instance_profile: output(&cx, &cx.db().read()?, profile)? })
}

pub async fn get(_: Arc<Identity>, cx: Cx, input: Input) -> Result<GetOutput, Error> {
    check_name(&input.instance_profile_name)?;
    let snap = cx.db().read()?;
    let profile = profile::find(&snap, &input.instance_profile_name)?;
    let profile = output(&cx, &snap, profile)?;
    Ok(GetOutput { instance_profile: ProfileOutput { tags: Some(profile.tags.unwrap_or_default()), ..profile } })
}

pub async fn delete(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    check_name(&input.instance_profile_name)?;
    cx.db().write(move |tx| profile::delete(tx, &input.instance_profile_name)).await?;
    Ok(Empty {})
}

pub async fn add_role(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    check_name(&input.instance_profile_name)?;
    check::name("roleName", &input.role_name, NAME_CHARACTERS_MAX)?;
    cx.db().write(move |tx| profile::add_role(tx, &input.instance_profile_name, &input.role_name)).await?;
    Ok(Empty {})
}

pub async fn remove_role(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    check_name(&input.instance_profile_name)?;
    check::name("roleName", &input.role_name, NAME_CHARACTERS_MAX)?;
    cx.db().write(move |tx| profile::remove_role(tx, &input.instance_profile_name, &input.role_name)).await?;
    Ok(Empty {})
}

list_output!(ListOutput { instance_profiles: ProfileOutput });

/// Lists leave tags out, as AWS's do.
pub async fn list(_: Arc<Identity>, cx: Cx, input: PathInput) -> Result<ListOutput, Error> {
    let snap = cx.db().read()?;
    let page = input.page(INSTANCE_PROFILES.scan(&snap, Order::Forward)?, |profile| profile.path.as_str())?;
    Ok(page.try_map(|profile| brief(&cx, &snap, profile))?.into())
}

fn brief(cx: &Cx, read: &impl Read, profile: InstanceProfile) -> Result<ProfileOutput, Error> {
    output(cx, read, InstanceProfile { tags: Tags::new(), ..profile })
}

pub async fn of_role(_: Arc<Identity>, cx: Cx, input: OfInput) -> Result<ListOutput, Error> {
    check::name("roleName", &input.name, NAME_CHARACTERS_MAX)?;
    let snap = cx.db().read()?;
    let rows = profile::of_role(&snap, &input.name)?.into_iter().map(|profile| Ok((fold(&profile.name), profile)));
    let page = page(rows, input.marker.as_deref(), input.max_items)?;
    Ok(page.try_map(|profile| brief(&cx, &snap, profile))?.into())
}
