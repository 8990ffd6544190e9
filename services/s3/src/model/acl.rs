//! Access control lists: whether a bucket has them, and whom they let do what.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>

use kv::Read;
use serde::Deserialize;
use service::CallerKind;

use super::setting::{self, Kind};
use crate::error::Error;
use crate::keys::BucketId;
use crate::types::{Grant, Grantee, Right};

/// The part of a bucket's documents that this is about.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Blocks {
    block_public_acls: bool,
    ignore_public_acls: bool,
}

/// The ownership under which there are no lists.
pub const ENFORCED: &str = "BucketOwnerEnforced";
/// The one that buckets without a word of it have.
pub const OBJECT_WRITER: &str = "ObjectWriter";

/// Whether a bucket has lists: unless all in it is its owner's.
///
/// # Errors
/// When the store cannot be read.
pub fn has_lists(read: &impl Read, bucket: BucketId) -> Result<bool, Error> {
    let ownership = setting::get(read, bucket, Kind::Ownership)?;
    Ok(!ownership.is_some_and(|text| text.contains(ENFORCED)))
}

/// The list of a bucket that has one of its own.
///
/// # Errors
/// When the store cannot be read.
pub fn of_bucket(read: &impl Read, bucket: BucketId) -> Result<Option<Vec<Grant>>, Error> {
    let Some(text) = setting::get(read, bucket, Kind::Acl)? else { return Ok(None) };
    Ok(serde_json::from_str(&text).map_err(service::Error::internal)?)
}

fn blocks(read: &impl Read, bucket: BucketId) -> Result<Blocks, Error> {
    let Some(text) = setting::get(read, bucket, Kind::PublicAccess)? else { return Ok(Blocks::default()) };
    Ok(serde_json::from_str(&text).map_err(service::Error::internal)?)
}

/// Whether a list says more than that the owner may.
pub fn says_more(grants: &[Grant]) -> bool {
    grants.iter().any(|grant| grant.grantee != Grantee::Owner)
}

/// Whether a list lets in whoever comes.
pub fn is_public(grants: &[Grant]) -> bool {
    grants.iter().any(|grant| matches!(grant.grantee, Grantee::Everybody | Grantee::Authenticated))
}

/// # Errors
/// That a bucket, or what is in it, may not have this list.
pub fn check(read: &impl Read, bucket: BucketId, grants: Option<&[Grant]>) -> Result<(), Error> {
    let Some(grants) = grants.filter(|grants| says_more(grants)) else { return Ok(()) };
    if !has_lists(read, bucket)? {
        let message = "The bucket does not allow ACLs";
        return Err(Error::Told(service::Error::new(400, "AccessControlListNotSupported", message)));
    }
    if is_public(grants) && blocks(read, bucket)?.block_public_acls {
        let message =
            "Access Denied because public ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access.";
        return Err(Error::Told(service::Error::new(403, "AccessDenied", message)));
    }
    Ok(())
}

/// Whether a list of a bucket, or of one of its objects, lets a caller do this.
///
/// # Errors
/// When the store cannot be read.
pub fn allows(
    read: &impl Read,
    bucket: BucketId,
    grants: &[Grant],
    right: Right,
    caller: &CallerKind,
) -> Result<bool, Error> {
    let among = |grantee: Grantee| match grantee {
        Grantee::Everybody => true,
        Grantee::Authenticated => *caller != CallerKind::Anonymous,
        // The account's own policies say what its users may.
        Grantee::Owner | Grantee::LogDelivery => false,
    };
    let said = grants.iter().any(|grant| among(grant.grantee) && grant.right.includes(right));
    Ok(said && !blocks(read, bucket)?.ignore_public_acls)
}

/// What has to be granted by a bucket's list for an action, if one suffices.
pub fn of_bucket_for(action: &str) -> Option<Right> {
    Some(match action {
        "s3:ListBucket" | "s3:ListBucketVersions" | "s3:ListBucketMultipartUploads" => Right::Read,
        "s3:PutObject" => Right::Write,
        "s3:GetBucketAcl" => Right::ReadAcp,
        "s3:PutBucketAcl" => Right::WriteAcp,
        _ => return None,
    })
}

/// The same by an object's.
pub fn of_object_for(action: &str) -> Option<Right> {
    Some(match action {
        "s3:GetObject" | "s3:GetObjectVersion" => Right::Read,
        "s3:GetObjectAcl" | "s3:GetObjectVersionAcl" => Right::ReadAcp,
        "s3:PutObjectAcl" | "s3:PutObjectVersionAcl" => Right::WriteAcp,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_include_others() {
        assert!(Right::FullControl.includes(Right::WriteAcp) && Right::Read.includes(Right::Read));
        assert!(!Right::Write.includes(Right::Read));
        assert_eq!(of_bucket_for("s3:DeleteObject"), None);
    }
}
