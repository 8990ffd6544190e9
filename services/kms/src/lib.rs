//! AWS KMS: keys that never leave the server, and what is encrypted, signed and authenticated with them.

mod access;
mod crypto;
mod error;
mod keys;
mod limits;
mod managed;
mod model;
mod ops;
mod spec;
mod types;
mod workers;

use std::sync::Arc;

use service::{Api, Service, read, write};
use vault::Vault;
use wire::Protocol;

pub use error::Error;

use access::on;
use ops::{alias, data_key, encrypt, grant, import, key, mac, policy, random, region, rotation, sign, tag};

/// The service's state in memory.
pub struct Kms {
    /// What key material is sealed with.
    vault: Vault,
}

const API: Api = Api {
    // Its errors are told without a namespace.
    namespace: "",
    json: Some((Protocol::Json11, "TrentService")),
    not_implemented: &[
        "ConnectCustomKeyStore",
        "CreateCustomKeyStore",
        "Decapsulate",
        "DeleteCustomKeyStore",
        "DescribeCustomKeyStores",
        "DisconnectCustomKeyStore",
        "Encapsulate",
        "GetKeyLastUsage",
        "UpdateCustomKeyStore",
    ],
    ..Api::named("kms")
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service(vault: Vault) -> Service {
    Service::builder(API, Arc::new(Kms { vault }))
        .operation(write("CreateKey", key::create).permissions(|_, _, i| Ok(i.permissions())))
        // Reads: but a service's own key is made when it is first asked for.
        .operation(write("DescribeKey", key::describe).permissions(on("kms:DescribeKey")))
        .operation(read("ListKeys", key::list))
        .operation(write("EnableKey", key::enable).permissions(on("kms:EnableKey")))
        .operation(write("DisableKey", key::disable).permissions(on("kms:DisableKey")))
        .operation(write("UpdateKeyDescription", key::update_description).permissions(on("kms:UpdateKeyDescription")))
        .operation(write("ScheduleKeyDeletion", key::schedule_deletion).permissions(on("kms:ScheduleKeyDeletion")))
        .operation(write("CancelKeyDeletion", key::cancel_deletion).permissions(on("kms:CancelKeyDeletion")))
        .operation(write("ReplicateKey", region::replicate).permissions(|_, cx, i| i.permissions(cx)))
        .operation(write("UpdatePrimaryRegion", region::update_primary).permissions(|_, cx, i| i.permissions(cx)))
        .operation(write("PutKeyPolicy", policy::put).permissions(on("kms:PutKeyPolicy")))
        .operation(read("GetKeyPolicy", policy::get).permissions(on("kms:GetKeyPolicy")))
        .operation(read("ListKeyPolicies", policy::list).permissions(on("kms:ListKeyPolicies")))
        .operation(write("CreateAlias", alias::create).permissions(|_, cx, i| alias::permissions(cx, "kms:CreateAlias", i)))
        .operation(write("UpdateAlias", alias::update).permissions(|_, cx, i| alias::permissions(cx, "kms:UpdateAlias", i)))
        .operation(write("DeleteAlias", alias::delete).permissions(|_, cx, i| alias::permissions(cx, "kms:DeleteAlias", i)))
        .operation(read("ListAliases", alias::list))
        .operation(write("CreateGrant", grant::create).permissions(|_, cx, i| grant::permissions(cx, i)))
        .operation(read("ListGrants", grant::list).permissions(on("kms:ListGrants")))
        .operation(read("ListRetirableGrants", grant::list_retirable))
        .operation(write("RetireGrant", grant::retire).permissions(|_, cx, i| grant::retire_permissions(cx, i)))
        .operation(write("RevokeGrant", grant::revoke).permissions(on("kms:RevokeGrant")))
        .operation(write("TagResource", tag::tag).permissions(on("kms:TagResource")))
        .operation(write("UntagResource", tag::untag).permissions(on("kms:UntagResource")))
        .operation(read("ListResourceTags", tag::list).permissions(on("kms:ListResourceTags")))
        .operation(write("EnableKeyRotation", rotation::enable).permissions(on("kms:EnableKeyRotation")))
        .operation(write("DisableKeyRotation", rotation::disable).permissions(on("kms:DisableKeyRotation")))
        .operation(read("GetKeyRotationStatus", rotation::status).permissions(on("kms:GetKeyRotationStatus")))
        .operation(write("RotateKeyOnDemand", rotation::rotate).permissions(on("kms:RotateKeyOnDemand")))
        .operation(read("ListKeyRotations", rotation::list).permissions(on("kms:ListKeyRotations")))
        .operation(write("GetParametersForImport", import::parameters).permissions(on("kms:GetParametersForImport")))
        .operation(write("ImportKeyMaterial", import::import).permissions(on("kms:ImportKeyMaterial")))
        .operation(write("DeleteImportedKeyMaterial", import::delete).permissions(on("kms:DeleteImportedKeyMaterial")))
        .operation(write("Encrypt", encrypt::encrypt).permissions(on("kms:Encrypt")))
        .operation(read("Decrypt", encrypt::decrypt).permissions(|_, cx, i| i.permissions(cx)))
        .operation(write("ReEncrypt", encrypt::re_encrypt).action("kms:ReEncryptFrom").permissions(|_, cx, i| i.permissions(cx)))
        .operation(write("GenerateDataKey", data_key::generate).permissions(on("kms:GenerateDataKey")))
        .operation(write("GenerateDataKeyWithoutPlaintext", data_key::generate_without_plaintext).permissions(on("kms:GenerateDataKeyWithoutPlaintext")))
        .operation(write("GenerateDataKeyPair", data_key::generate_pair).permissions(on("kms:GenerateDataKeyPair")))
        .operation(write("GenerateDataKeyPairWithoutPlaintext", data_key::generate_pair_without_plaintext).permissions(on("kms:GenerateDataKeyPairWithoutPlaintext")))
        .operation(read("GenerateRandom", random::generate))
        .operation(read("Sign", sign::sign).permissions(on("kms:Sign")))
        .operation(read("Verify", sign::verify).permissions(on("kms:Verify")))
        .operation(read("GetPublicKey", sign::public_key).permissions(on("kms:GetPublicKey")))
        .operation(read("DeriveSharedSecret", sign::derive).permissions(on("kms:DeriveSharedSecret")))
        .operation(read("GenerateMac", mac::generate).permissions(on("kms:GenerateMac")))
        .operation(read("VerifyMac", mac::verify).permissions(on("kms:VerifyMac")))
        .timers(workers::fire)
        .build()
}
