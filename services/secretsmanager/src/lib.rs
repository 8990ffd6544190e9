//! AWS Secrets Manager: secrets in versions, who may read them, and their rotation by functions.

mod crypt;
mod error;
mod keys;
mod limits;
mod model;
mod ops;
mod types;
mod workers;

use std::sync::Arc;

use service::{Api, Service, read, write};
use wire::Protocol;

pub use error::Error;

use ops::{list, on, password, policy, rotation, secret, stage, tag, value};

/// The service's state in memory: none.
pub struct SecretsManager;

const API: Api = Api {
    // Its errors are told without a namespace.
    namespace: "",
    message_key: "Message",
    json: Some((Protocol::Json11, "secretsmanager")),
    not_implemented: &[
        "AssociateCrossAccountReplica",
        "DisassociateCrossAccountReplica",
        "ListResourcePolicies",
        "RemoveRegionsFromReplication",
        "ReplicateSecretToRegions",
        "StopReplicationToReplica",
    ],
    ..Api::named("secretsmanager")
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service() -> Service {
    Service::builder(API, Arc::new(SecretsManager))
        .operation(write("CreateSecret", secret::create).permissions(|_, cx, i| i.permissions(cx)))
        .operation(write("UpdateSecret", secret::update).permissions(on("secretsmanager:UpdateSecret")))
        .operation(read("DescribeSecret", secret::describe).permissions(on("secretsmanager:DescribeSecret")))
        .operation(read("ListSecrets", list::list))
        .operation(write("DeleteSecret", secret::delete).permissions(on("secretsmanager:DeleteSecret")))
        .operation(write("RestoreSecret", secret::restore).permissions(on("secretsmanager:RestoreSecret")))
        .operation(read("GetSecretValue", value::get).permissions(on("secretsmanager:GetSecretValue")))
        .operation(read("BatchGetSecretValue", value::get_batch).permissions(|_, _, _| value::batch_permissions()))
        .operation(write("PutSecretValue", value::put).permissions(on("secretsmanager:PutSecretValue")))
        .operation(write("UpdateSecretVersionStage", stage::update).permissions(on("secretsmanager:UpdateSecretVersionStage")))
        .operation(read("ListSecretVersionIds", stage::list).permissions(on("secretsmanager:ListSecretVersionIds")))
        .operation(write("RotateSecret", rotation::rotate).permissions(on("secretsmanager:RotateSecret")))
        .operation(write("CancelRotateSecret", rotation::cancel).permissions(on("secretsmanager:CancelRotateSecret")))
        .operation(write("PutResourcePolicy", policy::put).permissions(on("secretsmanager:PutResourcePolicy")))
        .operation(read("GetResourcePolicy", policy::get).permissions(on("secretsmanager:GetResourcePolicy")))
        .operation(write("DeleteResourcePolicy", policy::delete).permissions(on("secretsmanager:DeleteResourcePolicy")))
        .operation(read("ValidateResourcePolicy", policy::validate).permissions(|_, cx, i| i.permissions(cx)))
        .operation(write("TagResource", tag::tag).permissions(on("secretsmanager:TagResource")))
        .operation(write("UntagResource", tag::untag).permissions(on("secretsmanager:UntagResource")))
        .operation(read("GetRandomPassword", password::generate))
        .timers(workers::fire)
        .worker("secretsmanager rotations", workers::rotate)
        .build()
}
