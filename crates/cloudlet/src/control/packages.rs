//! GetPackage, PutPackage, DeletePackage: the code that was deployed, kept so that a deployment can be undone.

use std::sync::Arc;

use blob::BlobId;
use serde::{Deserialize, Serialize};
use service::{Cx, Error};
use wire::Blob;

use super::{Control, Empty};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PackageInput {
    /// SHA-256 of the bytes, in lower-case hexadecimal.
    pub sha256: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutPackageInput {
    pub sha256: String,
    pub bytes: Blob,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Package {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Blob>,
}

fn id(sha256: &str) -> Result<BlobId, Error> {
    sha256.parse().map_err(|_| Error::new(400, "ValidationException", "Sha256 must be 64 hexadecimal digits."))
}

pub async fn get(control: Arc<Control>, _: Cx, input: PackageInput) -> Result<Package, Error> {
    let id = id(&input.sha256)?;
    let exists = control.packages.exists(&id).await.map_err(Error::internal)?;
    let bytes = if exists { Some(Blob(control.packages.get(&id).await.map_err(Error::internal)?)) } else { None };
    Ok(Package { bytes })
}

pub async fn put(control: Arc<Control>, _: Cx, input: PutPackageInput) -> Result<Empty, Error> {
    if BlobId::of(&input.bytes.0) != id(&input.sha256)? {
        return Err(Error::new(
            400,
            "ValidationException",
            "The bytes do not have the Sha256 that was stated: send them again.",
        ));
    }
    control.packages.put(input.bytes.0).await.map_err(Error::internal)?;
    Ok(Empty {})
}

pub async fn delete(control: Arc<Control>, _: Cx, input: PackageInput) -> Result<Empty, Error> {
    control.packages.delete(&id(&input.sha256)?).await.map_err(Error::internal)?;
    Ok(Empty {})
}
