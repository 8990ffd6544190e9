//! AWS IAM and STS: users, roles, policies and sessions, and the decisions that all other services ask for.

mod access;
mod assuming;
mod aws_managed;
mod cache;
mod error;
mod insight;
mod keys;
mod limits;
mod model;
mod not_implemented;
mod ops;
mod resource_tags;
mod service_roles;
#[cfg(test)]
mod tests;
mod token;
mod types;
mod usage;

use std::sync::{Arc, OnceLock};

use base::{AccountId, Env, Timestamp};
use kv::Db;
use oidc::Issuers;
use outbound::Outbound;
use service::{Api, Cx, Permission, QueryApi, Room, Service, read, write};
use wire::query::Names;

pub use error::Error;
pub use insight::Denied;
pub use usage::{Suggestion, Unused};

use cache::Cache;
use keys::INSTALLATION;
use ops::{
    access_key, account, attachment, boundary, details, entities, federation, group, inline, login, mfa, new_resource,
    openid_provider, owner_resource, password_rules, policy, profile, report, role, service_credential, service_linked,
    session, simulate, tag, tag_context, tag_keys_context, user, user_name, user_resource_of as user_resource,
    web_identity,
};
use token::Sealer;
use types::{Group, Installation, InstanceProfile, ManagedPolicy, MfaDevice, OpenIdProvider, Role, User};
use usage::Usage;

/// An access key of the account itself, given by the configuration.
#[derive(Clone)]
pub struct RootKey {
    pub access_key_id: String,
    pub secret: String,
}

/// What policies decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Whether a call is made.
    #[default]
    Enforce,
    /// Nothing: what they deny is told, and goes through. Who calls is still for the signature to prove, who becomes a role for
    /// its trust policy to say; and whom only an identity provider vouches for is refused as ever.
    Audit,
}

/// What is given to the identity service.
pub struct Config {
    pub account: AccountId,
    pub root_keys: Vec<RootKey>,
    pub mode: Mode,
}

impl Config {
    /// Of an account in which policies are enforced.
    pub fn new(account: AccountId, root_keys: Vec<RootKey>) -> Config {
        Config { account, root_keys, mode: Mode::Enforce }
    }
}

/// The state of both services, and the [`service::Access`] that all others use.
pub struct Identity {
    db: Db,
    account: AccountId,
    root_keys: Vec<RootKey>,
    created: Timestamp,
    sealer: Sealer,
    cache: Cache,
    mode: Mode,
    usage: Usage,
    /// Room for passwords, which take a core and memory for a while.
    heavy: Room,
    /// Issuers elsewhere; none are asked before the server says how.
    issuers: OnceLock<Issuers>,
}

impl Identity {
    /// Opens the identity service on `db`. The first time, this makes the key that session tokens are sealed with.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open(db: Db, env: &Env, config: Config) -> Result<Arc<Identity>, Error> {
        let Config { account, root_keys, mode } = config;
        let mut token_key = [0; 32];
        env.random(&mut token_key);
        let fresh = Installation { created: env.now(), token_key };
        let installation = db
            .write(move |tx| match INSTALLATION.get(&*tx, ())? {
                Some(installation) => Ok::<_, Error>(installation),
                None => {
                    INSTALLATION.put(tx, (), &fresh)?;
                    Ok(fresh.clone())
                }
            })
            .await?;
        let Installation { created, token_key } = installation;
        let usage = Usage::load(&db.read()?)?;
        Ok(Arc::new(Identity {
            db,
            account,
            root_keys,
            created,
            sealer: Sealer::new(token_key),
            cache: Cache::default(),
            mode,
            usage,
            heavy: Room::new(limits::HASHES_AT_ONCE),
            issuers: OnceLock::new(),
        }))
    }

    /// Asks issuers of OpenID Connect for their keys over `outbound` from now on.
    pub fn reach_issuers(&self, outbound: Outbound) {
        let _ = self.issuers.set(Issuers::new(outbound));
    }
}

const IAM: Api = Api {
    query: Some(QueryApi {
        version: "2010-05-08",
        xmlns: "https://iam.amazonaws.com/doc/2010-05-08/",
        names: &Names::NONE,
        path_member: None,
    }),
    access_denied: "AccessDenied",
    not_implemented: not_implemented::IAM,
    ..Api::named("iam")
};

const STS: Api = Api {
    query: Some(QueryApi {
        version: "2011-06-15",
        xmlns: "https://sts.amazonaws.com/doc/2011-06-15/",
        names: &Names::NONE,
        path_member: None,
    }),
    access_denied: "AccessDenied",
    not_implemented: not_implemented::STS,
    ..Api::named("sts")
};

fn role_resource(cx: &Cx, name: &str) -> base::Arn {
    owner_resource::<Role>(cx, name)
}

fn group_resource(cx: &Cx, name: &str) -> base::Arn {
    owner_resource::<Group>(cx, name)
}

/// The user whose access keys or data a request is about.
fn own_resource(cx: &Cx, named: Option<&str>) -> base::Arn {
    user_resource(cx, &user_name(cx, named))
}

#[rustfmt::skip] // A table: one line an operation.
pub fn iam(identity: Arc<Identity>) -> Service {
    Service::builder(IAM, identity)
        .operation(write("CreateUser", user::create).resource(|cx, i| new_resource(cx, "user", i.path.as_deref(), &i.user_name)).context(|i| tag_context(&i.tags)))
        .operation(read("GetUser", user::get).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(read("ListUsers", user::list).resource(|cx, _| new_resource(cx, "user", None, "")))
        .operation(write("UpdateUser", user::update).resource(|cx, i| user_resource(cx, &i.user_name)))
        .operation(write("DeleteUser", user::delete).resource(|cx, i| user_resource(cx, &i.name)))
        .operation(write("TagUser", tag::tag::<User>).resource(|cx, i| user_resource(cx, &i.id)).context(|i| tag_context(&i.tags)))
        .operation(write("UntagUser", tag::untag::<User>).resource(|cx, i| user_resource(cx, &i.id)).context(|i| tag_keys_context(&i.tag_keys)))
        .operation(read("ListUserTags", tag::list::<User>).resource(|cx, i| user_resource(cx, &i.id)))
        .operation(write("CreateAccessKey", access_key::create).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(read("ListAccessKeys", access_key::list).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(write("UpdateAccessKey", access_key::update).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(write("DeleteAccessKey", access_key::delete).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(write("CreateLoginProfile", login::create).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(read("GetLoginProfile", login::get).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(write("UpdateLoginProfile", login::update).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(write("DeleteLoginProfile", login::delete).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(write("ChangePassword", login::change_password).permissions(|_, cx, _| login::change_permissions(cx)))
        .operation(write("UpdateAccountPasswordPolicy", password_rules::update))
        .operation(read("GetAccountPasswordPolicy", password_rules::get).permissions(|_, cx, _| login::own_permissions(cx, "iam:GetAccountPasswordPolicy", "*")))
        .operation(write("DeleteAccountPasswordPolicy", password_rules::delete))
        .operation(write("CreateServiceSpecificCredential", service_credential::create).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(read("ListServiceSpecificCredentials", service_credential::list).permissions(|_, cx, i| Ok(i.list_permissions(cx))))
        .operation(write("UpdateServiceSpecificCredential", service_credential::update).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(write("ResetServiceSpecificCredential", service_credential::reset).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(write("DeleteServiceSpecificCredential", service_credential::delete).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(write("CreateRole", role::create).resource(|cx, i| new_resource(cx, "role", i.path.as_deref(), &i.role_name)).context(|i| tag_context(&i.tags)))
        .operation(read("GetRole", role::get).resource(|cx, i| role_resource(cx, &i.name)))
        .operation(read("ListRoles", role::list).resource(|cx, _| new_resource(cx, "role", None, "")))
        .operation(write("UpdateRole", role::update).resource(|cx, i| role_resource(cx, &i.role_name)))
        .operation(write("UpdateRoleDescription", role::update_description).resource(|cx, i| role_resource(cx, &i.role_name)))
        .operation(write("UpdateAssumeRolePolicy", role::update_trust).resource(|cx, i| role_resource(cx, &i.role_name)))
        .operation(write("DeleteRole", role::delete).resource(|cx, i| role_resource(cx, &i.name)))
        .operation(write("TagRole", tag::tag::<Role>).resource(|cx, i| role_resource(cx, &i.id)).context(|i| tag_context(&i.tags)))
        .operation(write("UntagRole", tag::untag::<Role>).resource(|cx, i| role_resource(cx, &i.id)).context(|i| tag_keys_context(&i.tag_keys)))
        .operation(read("ListRoleTags", tag::list::<Role>).resource(|cx, i| role_resource(cx, &i.id)))
        .operation(read("ListInstanceProfilesForRole", profile::of_role).resource(|cx, i| role_resource(cx, &i.name)))
        .operation(write("CreateInstanceProfile", profile::create).resource(|cx, i| new_resource(cx, "instance-profile", i.path.as_deref(), &i.instance_profile_name)).context(|i| tag_context(&i.tags)))
        .operation(read("GetInstanceProfile", profile::get).resource(|cx, i| profile::resource(cx, &i.instance_profile_name)))
        .operation(read("ListInstanceProfiles", profile::list).resource(|cx, _| new_resource(cx, "instance-profile", None, "")))
        .operation(write("DeleteInstanceProfile", profile::delete).resource(|cx, i| profile::resource(cx, &i.instance_profile_name)))
        .operation(write("AddRoleToInstanceProfile", profile::add_role).permissions(|_, cx, i| Ok(profile::permissions(cx, i))))
        .operation(write("RemoveRoleFromInstanceProfile", profile::remove_role).resource(|cx, i| profile::resource(cx, &i.instance_profile_name)))
        .operation(write("TagInstanceProfile", tag::tag::<InstanceProfile>).resource(|cx, i| profile::resource(cx, &i.id)).context(|i| tag_context(&i.tags)))
        .operation(write("UntagInstanceProfile", tag::untag::<InstanceProfile>).resource(|cx, i| profile::resource(cx, &i.id)).context(|i| tag_keys_context(&i.tag_keys)))
        .operation(read("ListInstanceProfileTags", tag::list::<InstanceProfile>).resource(|cx, i| profile::resource(cx, &i.id)))
        .operation(write("CreateServiceLinkedRole", service_linked::create).resource(service_linked::new_resource))
        .operation(write("DeleteServiceLinkedRole", service_linked::delete).resource(|cx, i| role_resource(cx, &i.role_name)))
        .operation(read("GetServiceLinkedRoleDeletionStatus", service_linked::status).resource(|cx, i| i.resource(cx)))
        .operation(write("CreateVirtualMFADevice", mfa::create).resource(|cx, i| new_resource(cx, "mfa", i.path.as_deref(), &i.name)).context(|i| tag_context(&i.tags)))
        .operation(write("DeleteVirtualMFADevice", mfa::delete).resource(|_, i| i.serial_number.clone()))
        .operation(read("ListVirtualMFADevices", mfa::list_virtual).resource(|cx, _| new_resource(cx, "mfa", None, "")))
        .operation(write("EnableMFADevice", mfa::enable).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(write("DeactivateMFADevice", mfa::deactivate).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(write("ResyncMFADevice", mfa::resync).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(read("ListMFADevices", mfa::list).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(read("GetMFADevice", mfa::get).resource(|cx, i| own_resource(cx, i.user_name.as_deref())))
        .operation(write("TagMFADevice", tag::tag::<MfaDevice>).resource(|_, i| i.id.clone()).context(|i| tag_context(&i.tags)))
        .operation(write("UntagMFADevice", tag::untag::<MfaDevice>).resource(|_, i| i.id.clone()).context(|i| tag_keys_context(&i.tag_keys)))
        .operation(read("ListMFADeviceTags", tag::list::<MfaDevice>).resource(|_, i| i.id.clone()))
        .operation(write("CreateGroup", group::create).resource(|cx, i| new_resource(cx, "group", i.path.as_deref(), &i.group_name)))
        .operation(read("GetGroup", group::get).resource(|cx, i| group_resource(cx, &i.group_name)))
        .operation(read("ListGroups", group::list).resource(|cx, _| new_resource(cx, "group", None, "")))
        .operation(write("UpdateGroup", group::update).resource(|cx, i| group_resource(cx, &i.group_name)))
        .operation(write("DeleteGroup", group::delete).resource(|cx, i| group_resource(cx, &i.name)))
        .operation(write("AddUserToGroup", group::add_user).resource(|cx, i| group_resource(cx, &i.group_name)))
        .operation(write("RemoveUserFromGroup", group::remove_user).resource(|cx, i| group_resource(cx, &i.group_name)))
        .operation(read("ListGroupsForUser", group::of_user).resource(|cx, i| user_resource(cx, &i.name)))
        .operation(write("PutUserPolicy", inline::put::<User>).resource(|cx, i| user_resource(cx, &i.name)))
        .operation(read("GetUserPolicy", inline::get::<User>).resource(|cx, i| user_resource(cx, &i.name)))
        .operation(read("ListUserPolicies", inline::list::<User>).resource(|cx, i| user_resource(cx, &i.name)))
        .operation(write("DeleteUserPolicy", inline::delete::<User>).resource(|cx, i| user_resource(cx, &i.name)))
        .operation(write("PutRolePolicy", inline::put::<Role>).resource(|cx, i| role_resource(cx, &i.name)))
        .operation(read("GetRolePolicy", inline::get::<Role>).resource(|cx, i| role_resource(cx, &i.name)))
        .operation(read("ListRolePolicies", inline::list::<Role>).resource(|cx, i| role_resource(cx, &i.name)))
        .operation(write("DeleteRolePolicy", inline::delete::<Role>).resource(|cx, i| role_resource(cx, &i.name)))
        .operation(write("PutGroupPolicy", inline::put::<Group>).resource(|cx, i| group_resource(cx, &i.name)))
        .operation(read("GetGroupPolicy", inline::get::<Group>).resource(|cx, i| group_resource(cx, &i.name)))
        .operation(read("ListGroupPolicies", inline::list::<Group>).resource(|cx, i| group_resource(cx, &i.name)))
        .operation(write("DeleteGroupPolicy", inline::delete::<Group>).resource(|cx, i| group_resource(cx, &i.name)))
        .operation(write("AttachUserPolicy", attachment::attach::<User>).permissions(|_, cx, i| Ok(i.permission::<User>(cx, "iam:AttachUserPolicy"))))
        .operation(write("DetachUserPolicy", attachment::detach::<User>).permissions(|_, cx, i| Ok(i.permission::<User>(cx, "iam:DetachUserPolicy"))))
        .operation(read("ListAttachedUserPolicies", attachment::list::<User>).resource(|cx, i| user_resource(cx, &i.name)))
        .operation(write("AttachRolePolicy", attachment::attach::<Role>).permissions(|_, cx, i| Ok(i.permission::<Role>(cx, "iam:AttachRolePolicy"))))
        .operation(write("DetachRolePolicy", attachment::detach::<Role>).permissions(|_, cx, i| Ok(i.permission::<Role>(cx, "iam:DetachRolePolicy"))))
        .operation(read("ListAttachedRolePolicies", attachment::list::<Role>).resource(|cx, i| role_resource(cx, &i.name)))
        .operation(write("AttachGroupPolicy", attachment::attach::<Group>).permissions(|_, cx, i| Ok(i.permission::<Group>(cx, "iam:AttachGroupPolicy"))))
        .operation(write("DetachGroupPolicy", attachment::detach::<Group>).permissions(|_, cx, i| Ok(i.permission::<Group>(cx, "iam:DetachGroupPolicy"))))
        .operation(read("ListAttachedGroupPolicies", attachment::list::<Group>).resource(|cx, i| group_resource(cx, &i.name)))
        .operation(write("PutUserPermissionsBoundary", boundary::put::<User>).resource(|cx, i| user_resource(cx, &i.name)))
        .operation(write("DeleteUserPermissionsBoundary", boundary::delete::<User>).resource(|cx, i| user_resource(cx, &i.name)))
        .operation(write("PutRolePermissionsBoundary", boundary::put::<Role>).resource(|cx, i| role_resource(cx, &i.name)))
        .operation(write("DeleteRolePermissionsBoundary", boundary::delete::<Role>).resource(|cx, i| role_resource(cx, &i.name)))
        .operation(write("CreatePolicy", policy::create).resource(|cx, i| new_resource(cx, "policy", i.path.as_deref(), &i.policy_name)).context(|i| tag_context(&i.tags)))
        .operation(read("GetPolicy", policy::get).resource(|_, i| i.policy_arn.clone()))
        .operation(read("ListPolicies", policy::list))
        .operation(write("DeletePolicy", policy::delete).resource(|_, i| i.policy_arn.clone()))
        .operation(write("CreatePolicyVersion", policy::create_version).resource(|_, i| i.policy_arn.clone()))
        .operation(read("GetPolicyVersion", policy::get_version).resource(|_, i| i.policy_arn.clone()))
        .operation(read("ListPolicyVersions", policy::list_versions).resource(|_, i| i.policy_arn.clone()))
        .operation(write("SetDefaultPolicyVersion", policy::set_default_version).resource(|_, i| i.policy_arn.clone()))
        .operation(write("DeletePolicyVersion", policy::delete_version).resource(|_, i| i.policy_arn.clone()))
        .operation(write("TagPolicy", tag::tag::<ManagedPolicy>).resource(|_, i| i.id.clone()).context(|i| tag_context(&i.tags)))
        .operation(write("UntagPolicy", tag::untag::<ManagedPolicy>).resource(|_, i| i.id.clone()).context(|i| tag_keys_context(&i.tag_keys)))
        .operation(read("ListPolicyTags", tag::list::<ManagedPolicy>).resource(|_, i| i.id.clone()))
        .operation(read("ListEntitiesForPolicy", entities::list).resource(|_, i| i.policy_arn.clone()))
        .operation(read("SimulateCustomPolicy", simulate::custom))
        .operation(read("SimulatePrincipalPolicy", simulate::principal).resource(|_, i| i.policy_source_arn.clone()))
        .operation(read("GetContextKeysForCustomPolicy", simulate::custom_keys))
        .operation(read("GetContextKeysForPrincipalPolicy", simulate::principal_keys).resource(|_, i| i.policy_source_arn.clone()))
        .operation(write("CreateOpenIDConnectProvider", openid_provider::create).resource(|cx, i| openid_provider::arn(cx, &i.url)))
        .operation(read("GetOpenIDConnectProvider", openid_provider::get).resource(|_, i| i.arn.clone()))
        .operation(read("ListOpenIDConnectProviders", openid_provider::list))
        .operation(write("DeleteOpenIDConnectProvider", openid_provider::delete).resource(|_, i| i.arn.clone()))
        .operation(write("AddClientIDToOpenIDConnectProvider", openid_provider::add_client).resource(|_, i| i.arn.clone()))
        .operation(write("RemoveClientIDFromOpenIDConnectProvider", openid_provider::remove_client).resource(|_, i| i.arn.clone()))
        .operation(write("UpdateOpenIDConnectProviderThumbprint", openid_provider::set_thumbprints).resource(|_, i| i.arn.clone()))
        .operation(write("TagOpenIDConnectProvider", tag::tag::<OpenIdProvider>).resource(|_, i| i.id.clone()).context(|i| tag_context(&i.tags)))
        .operation(write("UntagOpenIDConnectProvider", tag::untag::<OpenIdProvider>).resource(|_, i| i.id.clone()).context(|i| tag_keys_context(&i.tag_keys)))
        .operation(read("ListOpenIDConnectProviderTags", tag::list::<OpenIdProvider>).resource(|_, i| i.id.clone()))
        .operation(write("CreateAccountAlias", account::create_alias))
        .operation(read("ListAccountAliases", account::aliases))
        .operation(write("DeleteAccountAlias", account::delete_alias))
        .operation(read("GetAccountSummary", account::summary))
        .operation(read("GetAccountAuthorizationDetails", details::get))
        .operation(read("GetAccessKeyLastUsed", report::key_last_used).resource(|cx, i| i.resource(cx)))
        .operation(read("GenerateCredentialReport", report::generate))
        .operation(read("GetCredentialReport", report::report))
        .late_worker("usage", usage::run)
        .build()
}

/// Sessions carry their own data, so that opening one writes nothing.
#[rustfmt::skip] // A table: one line an operation.
pub fn sts(identity: Arc<Identity>) -> Service {
    Service::builder(STS, identity)
        .operation(read("GetCallerIdentity", session::caller_identity).permissions(|_, _, _| Ok(NOT_NEEDED)))
        .operation(read("GetSessionToken", session::session_token).permissions(|_, _, _| Ok(NOT_NEEDED)))
        // Decided with the role's trust policy, by the operation itself.
        .operation(read("AssumeRole", session::assume_role).permissions(|_, _, _| Ok(NOT_NEEDED)))
        .operation(read("GetFederationToken", federation::token).permissions(|_, cx, i| Ok(i.permissions(cx))).context(|i| tag_context(&i.tags)))
        // Whom a provider vouches for has no access key: the token and the role's trust policy decide.
        .operation(read("AssumeRoleWithWebIdentity", web_identity::assume_role).open())
        .operation(read("GetAccessKeyInfo", session::access_key_info))
        .build()
}

/// Of operations that anybody with credentials may call, whatever policies say.
const NOT_NEEDED: Vec<Permission> = Vec::new();
