//! `AWS::IAM::*`: roles, users, groups, access keys, instance profiles, and policies inline and managed.

mod access_key;
mod grants;
mod group;
mod instance_profile;
mod managed_policy;
mod policy;
mod principal;

pub use access_key::AccessKey;
pub use group::Group;
pub use instance_profile::InstanceProfile;
pub use managed_policy::ManagedPolicy;
pub use policy::Policy;
pub use principal::{Role, User};
