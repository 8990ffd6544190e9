//! CreateGroup, GetGroup, UpdateGroup, DeleteGroup, ListGroups, AdminAddUserToGroup, AdminRemoveUserFromGroup,
//! AdminListGroupsForUser, ListUsersInGroup.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx, Error as ServiceError, Permission, roles as passing};
use wire::DateTime;

use super::list::UserType;
use super::{Empty, after, check_name_within, find_pool, find_user, of_pool, on_pool, page_size, token};
use crate::Cognito;
use crate::error::Error;
use crate::limits::DESCRIPTION_CHARACTERS_MAX;
use crate::model::group;
use crate::types::Group;

/// Who acts as the role of a group: identity pools, for its members.
const IDENTITY_POOLS: &str = "cognito-identity.amazonaws.com";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GroupSettings {
    pub user_pool_id: String,
    pub group_name: String,
    pub description: Option<String>,
    pub role_arn: Option<String>,
    pub precedence: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GroupInput {
    pub user_pool_id: String,
    pub group_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MemberInput {
    pub user_pool_id: String,
    pub username: String,
    pub group_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub user_pool_id: String,
    pub limit: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OfUserInput {
    pub user_pool_id: String,
    pub username: String,
    pub limit: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MembersInput {
    pub user_pool_id: String,
    pub group_name: String,
    pub limit: Option<i64>,
    pub next_token: Option<String>,
}
of_pool!(GroupSettings, GroupInput, MemberInput, ListInput, OfUserInput, MembersInput);

/// What is told of a group.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupType {
    pub group_name: String,
    pub user_pool_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precedence: Option<u32>,
    pub last_modified_date: DateTime,
    pub creation_date: DateTime,
}

impl From<Group> for GroupType {
    fn from(group: Group) -> GroupType {
        GroupType {
            group_name: group.name,
            user_pool_id: group.pool,
            description: group.description,
            role_arn: group.role,
            precedence: group.precedence,
            last_modified_date: group.modified.into(),
            creation_date: group.created.into(),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupOutput {
    pub group: GroupType,
}

impl GroupOutput {
    fn new(group: Group) -> GroupOutput {
        GroupOutput { group: group.into() }
    }
}

/// Whoever says which role the members of a group get must be allowed to give it away.
pub fn permissions<S: 'static>(
    action: &'static str,
) -> impl Fn(&S, &Cx, &GroupSettings) -> Result<Vec<Permission>, ServiceError> + Send + Sync + 'static {
    move |_, cx, input| {
        let mut all = vec![on_pool(cx, action, &input.user_pool_id)?];
        all.extend(input.role_arn.as_deref().map(|role| passing::pass(IDENTITY_POOLS, role)));
        Ok(all)
    }
}

fn check(settings: &GroupSettings) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    check_name_within(&mut constraints, &settings.group_name, "groupName");
    constraints.length(settings.description.as_deref(), "description", DESCRIPTION_CHARACTERS_MAX);
    constraints.range(settings.precedence, "precedence", &(0..=i64::from(i32::MAX)));
    let is_arn = |text: &str| text.parse::<base::Arn>().is_ok();
    constraints.pattern(settings.role_arn.as_deref(), "roleArn", r"arn:[\w+=/,.@-]+:…", is_arn);
    Ok(constraints.check()?)
}

pub async fn create(_: Arc<Cognito>, cx: Cx, input: GroupSettings) -> Result<GroupOutput, Error> {
    check(&input)?;
    let new = Group {
        pool: find_pool(&cx, &input.user_pool_id)?.id,
        name: input.group_name,
        description: input.description,
        role: input.role_arn,
        precedence: input.precedence.and_then(|precedence| u32::try_from(precedence).ok()),
        created: cx.now(),
        modified: cx.now(),
    };
    let told = new.clone();
    cx.db().write(move |tx| group::create(tx, &new)).await?;
    Ok(GroupOutput::new(told))
}

pub async fn get(_: Arc<Cognito>, cx: Cx, input: GroupInput) -> Result<GroupOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    Ok(GroupOutput::new(group::get(&cx.db().read()?, &pool.id, &input.group_name)?))
}

pub async fn update(_: Arc<Cognito>, cx: Cx, input: GroupSettings) -> Result<GroupOutput, Error> {
    check(&input)?;
    let (pool, now) = (find_pool(&cx, &input.user_pool_id)?, cx.now());
    let change = move |tx: &mut kv::Tx| {
        let found = group::get(tx, &pool.id, &input.group_name)?;
        let precedence = input.precedence.and_then(|precedence| u32::try_from(precedence).ok());
        let changed = Group {
            description: input.description.clone().or(found.description),
            role: input.role_arn.clone().or(found.role),
            precedence: precedence.or(found.precedence),
            modified: now,
            ..found
        };
        group::put(tx, &changed)?;
        Ok::<_, Error>(changed)
    };
    Ok(GroupOutput::new(cx.db().write(change).await?))
}

pub async fn delete(_: Arc<Cognito>, cx: Cx, input: GroupInput) -> Result<Empty, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    cx.db().write(move |tx| group::delete(tx, &pool.id, &input.group_name)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub groups: Vec<GroupType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

pub async fn list(_: Arc<Cognito>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let (limit, after) = (page_size(input.limit, "limit")?, after(input.next_token.as_deref())?);
    let (groups, more) = group::list(&cx.db().read()?, &pool.id, &after, limit)?;
    let next_token = token(more, groups.last().map(|group| group.name.as_str()));
    Ok(ListOutput { groups: groups.into_iter().map(GroupType::from).collect(), next_token })
}

pub async fn add_user(_: Arc<Cognito>, cx: Cx, input: MemberInput) -> Result<Empty, Error> {
    let (_, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    cx.db().write(move |tx| group::add(tx, &user, &input.group_name)).await?;
    Ok(Empty {})
}

pub async fn remove_user(_: Arc<Cognito>, cx: Cx, input: MemberInput) -> Result<Empty, Error> {
    let (_, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    cx.db().write(move |tx| group::remove(tx, &user, &input.group_name)).await?;
    Ok(Empty {})
}

/// A user is in few groups, so all are read; the place in the list is the last that was told.
pub async fn list_of_user(_: Arc<Cognito>, cx: Cx, input: OfUserInput) -> Result<ListOutput, Error> {
    let (_, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    let (limit, after) = (page_size(input.limit, "limit")?, after(input.next_token.as_deref())?);
    let groups = group::of_user(&cx.db().read()?, &user)?;
    let start = groups.iter().position(|group| group.name == after).map_or(0, |last| last + 1);
    let page: Vec<Group> = groups.iter().skip(start).take(limit).cloned().collect();
    let next_token = token(start + page.len() < groups.len(), page.last().map(|group| group.name.as_str()));
    Ok(ListOutput { groups: page.into_iter().map(GroupType::from).collect(), next_token })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MembersOutput {
    pub users: Vec<UserType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

pub async fn list_members(_: Arc<Cognito>, cx: Cx, input: MembersInput) -> Result<MembersOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let (limit, after) = (page_size(input.limit, "limit")?, after(input.next_token.as_deref())?);
    let (users, more) = group::members(&cx.db().read()?, &pool.id, &input.group_name, &after, limit)?;
    let next_token = token(more, users.last().map(|user| user.key.as_str()));
    Ok(MembersOutput { users: users.iter().map(|user| UserType::new(user, None)).collect(), next_token })
}
