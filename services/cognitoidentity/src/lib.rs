//! Amazon Cognito identity pools: who somebody is in the eyes of identity providers, and the role that they get for it.

mod credentials;
mod error;
mod keys;
mod limits;
mod logins;
mod model;
mod not_implemented;
mod ops;
mod signing;
mod types;

use std::sync::Arc;

use oidc::Issuers;
use outbound::Outbound;
use service::{Api, Service, read, write};
use tokio::sync::OnceCell;
use vault::Vault;
use wire::Protocol;

pub use error::Error;

use ops::{developer, identity, on, on_identity, pool, roles, tag};

/// The service in ARNs and actions.
const NAME: &str = "cognito-identity";

/// What identity pools need of the server that they are in.
pub struct Config {
    /// What the signing key is sealed with.
    pub vault: Vault,
    /// What issuers of tokens are asked with.
    pub outbound: Outbound,
}

/// The service's state in memory.
pub struct Identities {
    vault: Vault,
    issuers: Issuers,
    signing: OnceCell<Arc<jwt::SigningKey>>,
}

const API: Api = Api {
    // Its errors are told without a namespace.
    namespace: "",
    json: Some((Protocol::Json11, "AWSCognitoIdentityService")),
    not_implemented: not_implemented::COGNITO_IDENTITY,
    ..Api::named(NAME)
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service(config: Config) -> Service {
    let Config { vault, outbound } = config;
    let identities = Arc::new(Identities { vault, issuers: Issuers::new(outbound), signing: OnceCell::new() });
    Service::builder(API, identities.clone())
        .operation(write("CreateIdentityPool", pool::create))
        .operation(read("DescribeIdentityPool", pool::describe).resource(on))
        .operation(read("ListIdentityPools", pool::list))
        .operation(write("UpdateIdentityPool", pool::update).resource(on))
        .operation(write("DeleteIdentityPool", pool::delete).resource(on))
        .operation(write("SetIdentityPoolRoles", roles::set).permissions(roles::permissions))
        .operation(read("GetIdentityPoolRoles", roles::get).resource(on))
        .operation(write("GetId", identity::get_id).open())
        .operation(write("GetCredentialsForIdentity", identity::get_credentials).open())
        .operation(write("GetOpenIdToken", identity::get_token).open())
        .operation(write("UnlinkIdentity", identity::unlink).open())
        .operation(read("ListIdentities", identity::list).resource(on))
        .operation(read("DescribeIdentity", identity::describe).resource(|cx, i| on_identity(cx, &i.identity_id)))
        .operation(write("DeleteIdentities", identity::delete))
        .operation(write("GetOpenIdTokenForDeveloperIdentity", developer::get_token).resource(on))
        .operation(read("LookupDeveloperIdentity", developer::lookup).resource(on))
        .operation(write("MergeDeveloperIdentities", developer::merge).resource(on))
        .operation(write("UnlinkDeveloperIdentity", developer::unlink).resource(on))
        .operation(write("TagResource", tag::tag).resource(|_, i| i.resource_arn.clone()))
        .operation(write("UntagResource", tag::untag).resource(|_, i| i.resource_arn.clone()))
        .operation(read("ListTagsForResource", tag::list).resource(|_, i| i.resource_arn.clone()))
        .user_pools(signing::Keys(identities))
        .build()
}
