//! How distributions show buckets who they are: origin access controls, and the identities that came before them.

use kv::Read;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Document, Kind, check_name, one_of};
use crate::error::Error;
use crate::limits;
use crate::types::Entity;

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OriginAccessControlConfig {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub signing_protocol: String,
    /// `never`, `always` or `no-override`.
    pub signing_behavior: String,
    pub origin_access_control_origin_type: String,
}

impl Document for OriginAccessControlConfig {
    const KIND: Kind = Kind {
        number: 4,
        name: "OriginAccessControl",
        config: "OriginAccessControlConfig",
        list: "OriginAccessControlList",
        resource: "origin-access-control",
        path: "origin-access-control",
        id_prefix: Some('E'),
        time: None,
        marked: true,
        no_such: (404, "NoSuchOriginAccessControl"),
        exists: "OriginAccessControlAlreadyExists",
        in_use: "OriginAccessControlInUse",
        too_many: ("TooManyOriginAccessControls", limits::ACCESS_CONTROLS_MAX),
    };

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, _: &dyn Read) -> Result<(), Error> {
        check_name("Name", &self.name, limits::ACCESS_NAME_CHARACTERS_MAX)?;
        one_of("SigningProtocol", &self.signing_protocol, &["sigv4"])?;
        one_of("SigningBehavior", &self.signing_behavior, &["never", "always", "no-override"])?;
        let types = ["s3", "mediastore", "mediapackagev2", "lambda"];
        one_of("OriginAccessControlOriginType", &self.origin_access_control_origin_type, &types)?;
        if self.origin_access_control_origin_type != "s3" {
            let what = format!("An origin access control for {}", self.origin_access_control_origin_type);
            return Err(Error::not_implemented(what));
        }
        Ok(())
    }

    fn summary(&self, entity: &Entity, _: Value) -> Value {
        json!({
            "Id": entity.id, "Description": self.description.clone().unwrap_or_default(), "Name": self.name,
            "SigningProtocol": self.signing_protocol, "SigningBehavior": self.signing_behavior,
            "OriginAccessControlOriginType": self.origin_access_control_origin_type,
        })
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OriginAccessIdentityConfig {
    pub caller_reference: String,
    pub comment: String,
}

/// The canonical user that an identity is in policies of old.
fn canonical_user(id: &str) -> Value {
    json!(hex::encode(Sha256::digest(format!("origin access identity {id}"))))
}

impl Document for OriginAccessIdentityConfig {
    const KIND: Kind = Kind {
        number: 5,
        name: "CloudFrontOriginAccessIdentity",
        config: "CloudFrontOriginAccessIdentityConfig",
        list: "CloudFrontOriginAccessIdentityList",
        resource: "origin-access-identity",
        path: "origin-access-identity/cloudfront",
        id_prefix: Some('E'),
        time: None,
        marked: true,
        no_such: (404, "NoSuchCloudFrontOriginAccessIdentity"),
        exists: "CloudFrontOriginAccessIdentityAlreadyExists",
        in_use: "CloudFrontOriginAccessIdentityInUse",
        too_many: ("TooManyCloudFrontOriginAccessIdentities", limits::ACCESS_IDENTITIES_MAX),
    };

    fn name(&self) -> &str {
        &self.caller_reference
    }

    fn check(&self, _: &dyn Read) -> Result<(), Error> {
        check_name("CallerReference", &self.caller_reference, limits::NAME_CHARACTERS_MAX)
    }

    fn check_change(&self, before: &OriginAccessIdentityConfig) -> Result<(), Error> {
        if self.caller_reference == before.caller_reference {
            return Ok(());
        }
        Err(Error::new(400, "IllegalUpdate", "The update contains modifications that are not allowed."))
    }

    fn extra(entity: &Entity) -> Vec<(&'static str, Value)> {
        vec![("S3CanonicalUserId", canonical_user(&entity.id))]
    }

    fn summary(&self, entity: &Entity, _: Value) -> Value {
        json!({"Id": entity.id, "S3CanonicalUserId": canonical_user(&entity.id), "Comment": self.comment})
    }
}
