//! Amazon Cognito user pools: users of applications, how they sign up and in, and the tokens that they get.

mod crypto;
mod error;
mod front;
mod hosted;
mod keys;
mod limits;
mod messages;
mod model;
mod not_implemented;
mod ops;
mod schema;
mod session;
mod sign_in;
mod signing;
mod tokens;
mod triggers;
mod types;
mod workers;

use std::sync::{Arc, Mutex};

use mail::Mailer;
use oidc::Issuers;
use outbound::Outbound;
use service::{Api, Room, Service, read, write};
use vault::Vault;
use wire::Protocol;

pub use error::Error;

use ops::{
    admin, auth, client, customization, device, domain, group, link, list, mfa, on, passkey, password, pool, profile,
    provider, resource_server, sign_up, tag,
};

/// The service in ARNs and actions.
const NAME: &str = "cognito-idp";

/// What Cognito needs of the server that it is in.
pub struct Config {
    /// The URL under which others reach this server: the issuer of tokens begins with it.
    pub base: String,
    pub mailer: Mailer,
    /// What signing keys, secrets, codes and verifiers are sealed with.
    pub vault: Vault,
    /// What other identity providers are reached with.
    pub outbound: Outbound,
}

/// The service's state in memory.
pub struct Cognito {
    base: String,
    mailer: Mailer,
    vault: Vault,
    signing: signing::Ready,
    hosts: hosted::Hosts,
    outbound: Outbound,
    issuers: Issuers,
    /// Room for what takes a core, and memory, for a while.
    heavy: Room,
    /// The same for signatures, which take a core for milliseconds.
    signatures: Room,
}

impl Cognito {
    /// Runs what takes long: passwords, and keys that are made.
    async fn heavy<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.heavy.run(work).await
    }

    /// The same for tokens: whoever has proved who they are does not wait for others' passwords.
    async fn signed<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.signatures.run(work).await
    }
}

const API: Api = Api {
    // Its errors are told without a namespace.
    namespace: "",
    json: Some((Protocol::Json11, "AWSCognitoIdentityProviderService")),
    not_implemented: not_implemented::COGNITO,
    ..Api::named(NAME)
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service(config: Config) -> Service {
    let Config { base, mailer, vault, outbound } = config;
    let (issuers, hosts) = (Issuers::new(outbound.clone()), hosted::Hosts::default());
    let (heavy, signatures) = (Room::new(limits::HASHES_AT_ONCE), Room::new(limits::SIGNATURES_AT_ONCE));
    let signing = Mutex::default();
    let cognito = Arc::new(Cognito { base, mailer, vault, signing, hosts, outbound, issuers, heavy, signatures });
    Service::builder(API, cognito.clone())
        .operation(write("CreateUserPool", pool::create))
        .operation(read("DescribeUserPool", pool::describe).permissions(on("cognito-idp:DescribeUserPool")))
        .operation(write("UpdateUserPool", pool::update).permissions(on("cognito-idp:UpdateUserPool")))
        .operation(write("DeleteUserPool", pool::delete).permissions(on("cognito-idp:DeleteUserPool")))
        .operation(read("ListUserPools", pool::list))
        .operation(write("AddCustomAttributes", pool::add_attributes).permissions(on("cognito-idp:AddCustomAttributes")))
        .operation(read("GetUserPoolMfaConfig", mfa::get_config).permissions(on("cognito-idp:GetUserPoolMfaConfig")))
        .operation(write("SetUserPoolMfaConfig", mfa::set_config).permissions(on("cognito-idp:SetUserPoolMfaConfig")))
        .operation(write("TagResource", tag::tag).permissions(tag::on_resource("cognito-idp:TagResource")))
        .operation(write("UntagResource", tag::untag).permissions(tag::on_resource("cognito-idp:UntagResource")))
        .operation(read("ListTagsForResource", tag::list).permissions(tag::on_resource("cognito-idp:ListTagsForResource")))
        .operation(write("CreateUserPoolClient", client::create).permissions(on("cognito-idp:CreateUserPoolClient")))
        .operation(read("DescribeUserPoolClient", client::describe).permissions(on("cognito-idp:DescribeUserPoolClient")))
        .operation(write("UpdateUserPoolClient", client::update).permissions(on("cognito-idp:UpdateUserPoolClient")))
        .operation(write("DeleteUserPoolClient", client::delete).permissions(on("cognito-idp:DeleteUserPoolClient")))
        .operation(read("ListUserPoolClients", client::list).permissions(on("cognito-idp:ListUserPoolClients")))
        .operation(write("CreateUserPoolDomain", domain::create).permissions(on("cognito-idp:CreateUserPoolDomain")))
        .operation(read("DescribeUserPoolDomain", domain::describe))
        .operation(write("UpdateUserPoolDomain", domain::update).permissions(on("cognito-idp:UpdateUserPoolDomain")))
        .operation(write("DeleteUserPoolDomain", domain::delete).permissions(on("cognito-idp:DeleteUserPoolDomain")))
        .operation(write("CreateResourceServer", resource_server::create).permissions(on("cognito-idp:CreateResourceServer")))
        .operation(read("DescribeResourceServer", resource_server::describe).permissions(on("cognito-idp:DescribeResourceServer")))
        .operation(write("UpdateResourceServer", resource_server::update).permissions(on("cognito-idp:UpdateResourceServer")))
        .operation(write("DeleteResourceServer", resource_server::delete).permissions(on("cognito-idp:DeleteResourceServer")))
        .operation(read("ListResourceServers", resource_server::list).permissions(on("cognito-idp:ListResourceServers")))
        .operation(write("CreateIdentityProvider", provider::create).permissions(on("cognito-idp:CreateIdentityProvider")))
        .operation(read("DescribeIdentityProvider", provider::describe).permissions(on("cognito-idp:DescribeIdentityProvider")))
        .operation(write("UpdateIdentityProvider", provider::update).permissions(on("cognito-idp:UpdateIdentityProvider")))
        .operation(write("DeleteIdentityProvider", provider::delete).permissions(on("cognito-idp:DeleteIdentityProvider")))
        .operation(read("ListIdentityProviders", provider::list).permissions(on("cognito-idp:ListIdentityProviders")))
        .operation(read("GetIdentityProviderByIdentifier", provider::by_identifier).permissions(on("cognito-idp:GetIdentityProviderByIdentifier")))
        .operation(write("AdminLinkProviderForUser", link::link).permissions(on("cognito-idp:AdminLinkProviderForUser")))
        .operation(write("AdminDisableProviderForUser", link::disable).permissions(on("cognito-idp:AdminDisableProviderForUser")))
        .operation(read("GetUICustomization", customization::get).permissions(on("cognito-idp:GetUICustomization")))
        .operation(write("SetUICustomization", customization::set).permissions(on("cognito-idp:SetUICustomization")))
        .operation(write("CreateGroup", group::create).permissions(group::permissions("cognito-idp:CreateGroup")))
        .operation(read("GetGroup", group::get).permissions(on("cognito-idp:GetGroup")))
        .operation(write("UpdateGroup", group::update).permissions(group::permissions("cognito-idp:UpdateGroup")))
        .operation(write("DeleteGroup", group::delete).permissions(on("cognito-idp:DeleteGroup")))
        .operation(read("ListGroups", group::list).permissions(on("cognito-idp:ListGroups")))
        .operation(write("AdminAddUserToGroup", group::add_user).permissions(on("cognito-idp:AdminAddUserToGroup")))
        .operation(write("AdminRemoveUserFromGroup", group::remove_user).permissions(on("cognito-idp:AdminRemoveUserFromGroup")))
        .operation(read("AdminListGroupsForUser", group::list_of_user).permissions(on("cognito-idp:AdminListGroupsForUser")))
        .operation(read("ListUsersInGroup", group::list_members).permissions(on("cognito-idp:ListUsersInGroup")))
        .operation(read("ListUsers", list::list).permissions(on("cognito-idp:ListUsers")))
        .operation(write("AdminCreateUser", admin::create).permissions(on("cognito-idp:AdminCreateUser")))
        .operation(read("AdminGetUser", admin::get).permissions(on("cognito-idp:AdminGetUser")))
        .operation(write("AdminDeleteUser", admin::delete).permissions(on("cognito-idp:AdminDeleteUser")))
        .operation(write("AdminDisableUser", admin::disable).permissions(on("cognito-idp:AdminDisableUser")))
        .operation(write("AdminEnableUser", admin::enable).permissions(on("cognito-idp:AdminEnableUser")))
        .operation(write("AdminSetUserPassword", admin::set_password).permissions(on("cognito-idp:AdminSetUserPassword")))
        .operation(write("AdminUpdateUserAttributes", admin::update_attributes).permissions(on("cognito-idp:AdminUpdateUserAttributes")))
        .operation(write("AdminDeleteUserAttributes", admin::delete_attributes).permissions(on("cognito-idp:AdminDeleteUserAttributes")))
        .operation(write("AdminResetUserPassword", admin::reset_password).permissions(on("cognito-idp:AdminResetUserPassword")))
        .operation(write("AdminConfirmSignUp", admin::confirm).permissions(on("cognito-idp:AdminConfirmSignUp")))
        .operation(write("AdminSetUserMFAPreference", mfa::admin_prefer).permissions(on("cognito-idp:AdminSetUserMFAPreference")))
        .operation(write("AdminDeleteSoftwareToken", mfa::admin_delete_token).permissions(on("cognito-idp:AdminDeleteSoftwareToken")))
        .operation(read("AdminGetUserAuthFactors", passkey::admin_get_factors).permissions(on("cognito-idp:AdminGetUserAuthFactors")))
        .operation(read("AdminGetDevice", device::admin_get).permissions(on("cognito-idp:AdminGetDevice")))
        .operation(read("AdminListDevices", device::admin_list).permissions(on("cognito-idp:AdminListDevices")))
        .operation(write("AdminUpdateDeviceStatus", device::admin_update).permissions(on("cognito-idp:AdminUpdateDeviceStatus")))
        .operation(write("AdminForgetDevice", device::admin_forget).permissions(on("cognito-idp:AdminForgetDevice")))
        .operation(write("AdminUserGlobalSignOut", admin::global_sign_out).permissions(on("cognito-idp:AdminUserGlobalSignOut")))
        .operation(write("AdminInitiateAuth", auth::admin_initiate).permissions(on("cognito-idp:AdminInitiateAuth")))
        .operation(write("AdminRespondToAuthChallenge", auth::admin_respond).permissions(on("cognito-idp:AdminRespondToAuthChallenge")))
        .operation(write("SignUp", sign_up::sign_up).open())
        .operation(write("ConfirmSignUp", sign_up::confirm).open())
        .operation(write("ResendConfirmationCode", sign_up::resend).open())
        .operation(write("ForgotPassword", password::forgot).open())
        .operation(write("ConfirmForgotPassword", password::confirm_forgot).open())
        .operation(write("ChangePassword", password::change).open())
        .operation(write("InitiateAuth", auth::initiate).open())
        .operation(write("RespondToAuthChallenge", auth::respond).open())
        .operation(write("GlobalSignOut", auth::global_sign_out).open())
        .operation(write("RevokeToken", auth::revoke).open())
        .operation(read("GetUser", profile::get).open())
        .operation(write("UpdateUserAttributes", profile::update).open())
        .operation(write("DeleteUserAttributes", profile::delete_attributes).open())
        .operation(write("GetUserAttributeVerificationCode", profile::get_code).open())
        .operation(write("VerifyUserAttribute", profile::verify).open())
        .operation(write("DeleteUser", profile::delete).open())
        .operation(write("AssociateSoftwareToken", mfa::associate).open())
        .operation(write("VerifySoftwareToken", mfa::verify).open())
        .operation(write("SetUserMFAPreference", mfa::prefer).open())
        .hosts(|cognito| cognito.hosts.all())
        .operation(read("GetUserAuthFactors", passkey::get_factors).open())
        .operation(write("ConfirmDevice", device::confirm).open())
        .operation(read("GetDevice", device::get).open())
        .operation(read("ListDevices", device::list).open())
        .operation(write("UpdateDeviceStatus", device::update).open())
        .operation(write("ForgetDevice", device::forget).open())
        .operation(read("StartWebAuthnRegistration", passkey::start).open())
        .operation(write("CompleteWebAuthnRegistration", passkey::complete).open())
        .operation(read("ListWebAuthnCredentials", passkey::list).open())
        .operation(write("DeleteWebAuthnCredential", passkey::delete).open())
        .front(front::WellKnown(cognito.clone()))
        .front(hosted::Pages(cognito.clone()))
        .worker("hosts of user pools", hosted::learn_hosts)
        .user_pools(signing::Keys(cognito.clone()))
        .target(messages::Post(cognito))
        .sender(messages::PostOffice)
        .timers(workers::fire)
        .build()
}
