//! `AWS::IAM::*`: roles, users, access keys, and policies inline and managed.

mod access_key;
mod grants;
mod managed_policy;
mod policy;
mod principal;

pub use access_key::AccessKey;
pub use managed_policy::ManagedPolicy;
pub use policy::Policy;
pub use principal::{Role, User};
