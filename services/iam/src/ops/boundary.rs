//! PutUserPermissionsBoundary, DeleteUserPermissionsBoundary, and the same two for roles.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::{Empty, NameInput, check};
use crate::Identity;
use crate::error::Error;
use crate::limits::NAME_CHARACTERS_MAX;
use crate::model::entity::{self, Entity};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    #[serde(alias = "UserName", alias = "RoleName")]
    pub name: String,
    pub permissions_boundary: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BoundaryOutput {
    /// AWS says what kind of thing the boundary is; there is one.
    pub permissions_boundary_type: &'static str,
    pub permissions_boundary_arn: String,
}

impl From<String> for BoundaryOutput {
    fn from(arn: String) -> BoundaryOutput {
        BoundaryOutput { permissions_boundary_type: "Policy", permissions_boundary_arn: arn }
    }
}

pub async fn put<E: Entity>(_: Arc<Identity>, cx: Cx, input: PutInput) -> Result<Empty, Error> {
    check::name(E::NAME_MEMBER, &input.name, NAME_CHARACTERS_MAX)?;
    if input.permissions_boundary.is_empty() {
        return Err(Error::missing("permissionsBoundary"));
    }
    let PutInput { name, permissions_boundary } = input;
    cx.db().write(move |tx| entity::set_boundary::<E>(tx, &name, Some(&permissions_boundary))).await?;
    Ok(Empty {})
}

pub async fn delete<E: Entity>(_: Arc<Identity>, cx: Cx, input: NameInput) -> Result<Empty, Error> {
    check::name(E::NAME_MEMBER, &input.name, NAME_CHARACTERS_MAX)?;
    cx.db().write(move |tx| entity::set_boundary::<E>(tx, &input.name, None)).await?;
    Ok(Empty {})
}
