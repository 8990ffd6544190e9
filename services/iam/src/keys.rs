//! Where IAM keeps what: the only file that decides on keys. A number, once used, is never given to another table.
//!
//! Names differ by more than case, so keys hold them in lower case: see [`fold`].

use kv::{Read, Table, Tx};
use service::prefix;

use crate::types::{
    AccessKey, Deeds, Group, Installation, InstanceProfile, LastUsed, LoginProfile, ManagedPolicy, MfaDevice,
    OpenIdProvider, PasswordRules, PolicyVersion, Role, ServiceCredential, User,
};

/// What can have policies, as part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    User = 1,
    Role = 2,
    Group = 3,
}

impl Kind {
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// By folded name.
pub const USERS: Table<String, User> = Table::new(prefix::IAM, 1);
pub const ROLES: Table<String, Role> = Table::new(prefix::IAM, 2);
pub const POLICIES: Table<String, ManagedPolicy> = Table::new(prefix::IAM, 3);
pub const POLICY_VERSIONS: Table<(String, u64), PolicyVersion> = Table::new(prefix::IAM, 4);
/// Inline policies: owner's kind and folded name, the policy's name, its document.
pub const INLINE: Table<(u8, String, String), String> = Table::new(prefix::IAM, 5);
/// Attached managed policies: owner's kind and folded name, the policy's ARN.
pub const ATTACHED: Table<(u8, String, String), ()> = Table::new(prefix::IAM, 6);
/// The same from the policy's side: ARN, owner's kind and folded name.
pub const ATTACHED_TO: Table<(String, u8, String), ()> = Table::new(prefix::IAM, 7);
/// Who is bounded by a policy: ARN, owner's kind and folded name.
pub const BOUNDARY_OF: Table<(String, u8, String), ()> = Table::new(prefix::IAM, 8);
pub const ACCESS_KEYS: Table<String, AccessKey> = Table::new(prefix::IAM, 9);
/// A user's access keys: folded name, key id.
pub const KEYS_OF: Table<(String, String), ()> = Table::new(prefix::IAM, 10);
const GENERATION: Table<(), u64> = Table::new(prefix::IAM, 11);
pub const INSTALLATION: Table<(), Installation> = Table::new(prefix::IAM, 12);
pub const GROUPS: Table<String, Group> = Table::new(prefix::IAM, 13);
/// Who is in a group: its folded name, the user's.
pub const MEMBERS: Table<(String, String), ()> = Table::new(prefix::IAM, 14);
/// The same from the user's side: their folded name, the group's.
pub const GROUPS_OF: Table<(String, String), ()> = Table::new(prefix::IAM, 15);
pub const ACCOUNT_ALIAS: Table<(), String> = Table::new(prefix::IAM, 16);
/// By folded name.
pub const INSTANCE_PROFILES: Table<String, InstanceProfile> = Table::new(prefix::IAM, 30);
/// Which instance profiles have a role: its folded name, the profile's.
pub const PROFILES_OF: Table<(String, String), ()> = Table::new(prefix::IAM, 31);
/// By folded name.
pub const MFA_DEVICES: Table<String, MfaDevice> = Table::new(prefix::IAM, 32);
/// A user's devices: folded name, the device's.
pub const MFA_OF: Table<(String, String), ()> = Table::new(prefix::IAM, 33);
/// What a principal did: its ARN, an action.
pub const USED: Table<(String, String), Deeds> = Table::new(prefix::IAM, 34);
/// What policies kept a principal from: its ARN, an action.
pub const DENIED: Table<(String, String), Deeds> = Table::new(prefix::IAM, 35);
/// By the ARN of a user or role.
pub const LAST_USED: Table<String, LastUsed> = Table::new(prefix::IAM, 36);
/// By access key.
pub const KEYS_USED: Table<String, LastUsed> = Table::new(prefix::IAM, 37);
/// When service-linked roles were deleted, in milliseconds since 1970, by the task that did it.
pub const ROLE_DELETIONS: Table<String, u64> = Table::new(prefix::IAM, 38);

/// Providers of OpenID Connect, by host and path.
pub const OPENID_PROVIDERS: Table<String, OpenIdProvider> = Table::new(prefix::IAM, 40);

/// Users' passwords, by folded name.
pub const LOGIN_PROFILES: Table<String, LoginProfile> = Table::new(prefix::IAM, 41);
pub const PASSWORD_RULES: Table<(), PasswordRules> = Table::new(prefix::IAM, 42);
/// A user's credentials for single services: folded name, id.
pub const SERVICE_CREDENTIALS: Table<(String, String), ServiceCredential> = Table::new(prefix::IAM, 43);

/// A name as keys hold it: IAM's names are unique without regard to case.
pub fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Marks that something changed that decisions depend on. Every transaction that writes calls it.
pub fn touch(tx: &mut Tx) -> Result<(), kv::Error> {
    let generation = generation(&*tx)?;
    GENERATION.put(tx, (), &(generation + 1))
}

/// Grows with every change: what was worked out at one generation holds for as long as it is the current one.
pub fn generation(read: &impl Read) -> Result<u64, kv::Error> {
    Ok(GENERATION.get(read, ())?.unwrap_or_default())
}
