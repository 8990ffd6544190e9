//! `AWS::IAM::Role` and `AWS::IAM::User`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, TAGS, TEXTS, fixed, property};
use super::super::{Cx, Made, Properties, Resource, ResourceError, Result, deleted, only, tags, text};
use super::grants::{INLINE, Owner, texts};
use crate::state::Deployed;

pub struct Role;

#[async_trait]
impl Resource for Role {
    fn kind(&self) -> &'static str {
        "AWS::IAM::Role"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("RoleName", Shape::Text),
                fixed("Path", Shape::Text),
                property("AssumeRolePolicyDocument", Shape::Document).required(),
                property("Description", Shape::Text),
                property("MaxSessionDuration", Shape::Integer),
                property("Policies", INLINE),
                property("ManagedPolicyArns", TEXTS),
                property("Tags", TAGS),
                property("PermissionsBoundary", Shape::Text),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", "RoleId"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("RoleName")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "RoleName", 64);
        let mut input = only(wanted, &["Path", "Description", "MaxSessionDuration", "PermissionsBoundary", "Tags"]);
        input["RoleName"] = json!(name);
        input["AssumeRolePolicyDocument"] = json!(trust(wanted));
        let made = cx.call("iam", "CreateRole", input).await?;
        grant(cx, Owner { kind: "Role", name: &name }, wanted).await?;
        let role = made.get("Role").unwrap_or(&Value::Null);
        Ok(Made::new(
            name.clone(),
            [("Arn", json!(text(role, "Arn")?)), ("RoleId", role.get("RoleId").cloned().unwrap_or_default())],
        ))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let owner = Owner { kind: "Role", name: &old.physical_id };
        let described = ["Description", "MaxSessionDuration"];
        if only(&old.properties, &described) != only(wanted, &described) {
            let duration = wanted.get("MaxSessionDuration").cloned().unwrap_or_else(|| json!(3600));
            let description = wanted.get("Description").cloned().unwrap_or_else(|| json!(""));
            cx.call(
                "iam",
                "UpdateRole",
                owner.input(json!({"Description": description, "MaxSessionDuration": duration})),
            )
            .await?;
        }
        if trust(&old.properties) != trust(wanted) {
            cx.call("iam", "UpdateAssumeRolePolicy", owner.input(json!({"PolicyDocument": trust(wanted)}))).await?;
        }
        change_boundary(cx, owner, old, wanted).await?;
        owner.change(cx, &old.properties, wanted).await?;
        change_tags(cx, owner, old, wanted).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        delete_principal(cx, Owner { kind: "Role", name: &old.physical_id }, old).await
    }
}

fn trust(properties: &Properties) -> String {
    properties.get("AssumeRolePolicyDocument").map(Value::to_string).unwrap_or_default()
}

pub struct User;

#[async_trait]
impl Resource for User {
    fn kind(&self) -> &'static str {
        "AWS::IAM::User"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("UserName", Shape::Text),
                fixed("Path", Shape::Text),
                property("Policies", INLINE),
                property("ManagedPolicyArns", TEXTS),
                property("Groups", TEXTS),
                property("Tags", TAGS),
                property("PermissionsBoundary", Shape::Text),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("UserName")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "UserName", 64);
        let mut input = only(wanted, &["Path", "PermissionsBoundary", "Tags"]);
        input["UserName"] = json!(name);
        let made = cx.call("iam", "CreateUser", input).await?;
        grant(cx, Owner { kind: "User", name: &name }, wanted).await?;
        Ok(Made::new(name.clone(), [("Arn", json!(text(made.get("User").unwrap_or(&Value::Null), "Arn")?))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let owner = Owner { kind: "User", name: &old.physical_id };
        change_boundary(cx, owner, old, wanted).await?;
        change_all(cx, owner, &old.properties, wanted).await?;
        change_tags(cx, owner, old, wanted).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        delete_principal(cx, Owner { kind: "User", name: &old.physical_id }, old).await
    }
}

/// Gives a new principal its policies. Where that fails the principal goes again, because nobody would know of it.
pub(super) async fn grant(cx: &Cx<'_>, owner: Owner<'_>, wanted: &Properties) -> Result<()> {
    let Err(error) = change_all(cx, owner, &Properties::new(), wanted).await else { return Ok(()) };
    let half_made = Deployed { properties: wanted.clone(), ..Deployed::default() };
    match delete_principal(cx, owner, &half_made).await {
        Ok(()) => Err(error),
        Err(second) => Err(ResourceError::Unfit(format!("{error}; and taking it back failed: {second}"))),
    }
}

/// Makes policies, and the groups of a user, as in `new` from what they are in `old`.
async fn change_all(cx: &Cx<'_>, owner: Owner<'_>, old: &Properties, new: &Properties) -> Result<()> {
    owner.change(cx, old, new).await?;
    let (before, after) = (texts(old, "Groups"), texts(new, "Groups"));
    let input = |group: &String| owner.input(json!({"GroupName": group}));
    for group in after.iter().filter(|group| !before.contains(group)) {
        cx.call("iam", "AddUserToGroup", input(group)).await?;
    }
    for group in before.iter().filter(|group| !after.contains(group)) {
        deleted(cx.call("iam", "RemoveUserFromGroup", input(group)).await)?;
    }
    Ok(())
}

/// A principal can be deleted only when it has no policies.
pub(super) async fn delete_principal(cx: &Cx<'_>, owner: Owner<'_>, old: &Deployed) -> Result<()> {
    change_all(cx, owner, &old.properties, &Properties::new()).await?;
    deleted(cx.call("iam", &format!("Delete{}", owner.kind), owner.input(Value::Null)).await)
}

/// Before policies are widened, so that there is no moment in between.
async fn change_boundary(cx: &Cx<'_>, owner: Owner<'_>, old: &Deployed, wanted: &Properties) -> Result<()> {
    const NAME: &str = "PermissionsBoundary";
    match (old.properties.get(NAME), wanted.get(NAME)) {
        (before, after) if before == after => {}
        (_, Some(boundary)) => {
            let input = owner.input(json!({"PermissionsBoundary": boundary}));
            cx.call("iam", &format!("Put{}PermissionsBoundary", owner.kind), input).await?;
        }
        (Some(_), None) => {
            cx.call("iam", &format!("Delete{}PermissionsBoundary", owner.kind), owner.input(Value::Null)).await?;
        }
        (None, None) => {}
    }
    Ok(())
}

async fn change_tags(cx: &Cx<'_>, owner: Owner<'_>, old: &Deployed, wanted: &Properties) -> Result<()> {
    let (set, gone) = tags::changes(&tags::map(&old.properties), &tags::map(wanted));
    // In this order, since IAM takes a key that is written in another case for the same.
    if !gone.is_empty() {
        cx.call("iam", &format!("Untag{}", owner.kind), owner.input(json!({"TagKeys": gone}))).await?;
    }
    if !set.is_empty() {
        cx.call("iam", &format!("Tag{}", owner.kind), owner.input(json!({"Tags": tags::list(&set)}))).await?;
    }
    Ok(())
}
