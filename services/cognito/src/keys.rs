//! Where Cognito keeps what: the only file that decides on keys. A number, once used, is never given to another table.

use bytes::Bytes;
use kv::Table;
use service::prefix;

use crate::types::{
    Authorization, Client, Customization, Device, Domain, Grant, Group, Passkey, Pool, Provider, ResourceServer,
    SigningKey, User,
};

/// By region and id.
pub const POOLS: Table<(String, String), Pool> = Table::new(prefix::COGNITO, 1);
/// By id: it is all that an unsigned request names.
pub const CLIENTS: Table<String, Client> = Table::new(prefix::COGNITO, 2);
/// The clients of a pool, by pool and id.
pub const POOL_CLIENTS: Table<(String, String), ()> = Table::new(prefix::COGNITO, 3);
/// By pool and name, folded where case does not matter there.
pub const USERS: Table<(String, String), User> = Table::new(prefix::COGNITO, 4);
/// What else users sign in with, by pool, attribute and value: the key of the user in [`USERS`].
pub const ALIASES: Table<(String, String, String), String> = Table::new(prefix::COGNITO, 5);
/// By pool and name.
pub const GROUPS: Table<(String, String), Group> = Table::new(prefix::COGNITO, 6);
/// Who is in a group, by pool, group and user.
pub const MEMBERS: Table<(String, String, String), ()> = Table::new(prefix::COGNITO, 7);
/// What groups a user is in, by pool, user and group.
pub const GROUPS_OF: Table<(String, String, String), ()> = Table::new(prefix::COGNITO, 8);
/// What tokens are signed with, by pool and a number that grows.
pub const SIGNING_KEYS: Table<(String, u32), SigningKey> = Table::new(prefix::COGNITO, 9);
/// Refresh tokens, by pool and hash.
pub const GRANTS: Table<(String, Bytes), Grant> = Table::new(prefix::COGNITO, 10);
/// The refresh tokens of a user, by pool, user and hash.
pub const GRANTS_OF: Table<(String, String, Bytes), ()> = Table::new(prefix::COGNITO, 11);
/// Sign-ins whose tokens were revoked, by pool and `origin_jti`, as long as an access token may live.
pub const REVOKED: Table<(String, String), ()> = Table::new(prefix::COGNITO, 12);
/// How many users a pool has.
pub const USER_COUNTS: Table<String, u64> = Table::new(prefix::COGNITO, 14);
/// Sessions that ended in tokens, by pool and id, as long as they could be used again.
pub const SPENT: Table<(String, String), ()> = Table::new(prefix::COGNITO, 13);
/// Where pages are, by the name of the domain.
pub const DOMAINS: Table<String, Domain> = Table::new(prefix::COGNITO, 15);
/// The domains of a pool, by pool and name.
pub const DOMAINS_OF: Table<(String, String), ()> = Table::new(prefix::COGNITO, 16);
/// By pool and identifier.
pub const RESOURCE_SERVERS: Table<(String, String), ResourceServer> = Table::new(prefix::COGNITO, 17);
/// Authorization codes, by pool and hash.
pub const AUTHORIZATIONS: Table<(String, Bytes), Authorization> = Table::new(prefix::COGNITO, 18);
/// How pages look, by pool and client.
pub const CUSTOMIZATIONS: Table<(String, String), Customization> = Table::new(prefix::COGNITO, 19);
/// Other identity providers, by pool and name.
pub const PROVIDERS: Table<(String, String), Provider> = Table::new(prefix::COGNITO, 20);
/// What else a provider is called by, by pool and identifier: its name.
pub const PROVIDER_IDENTIFIERS: Table<(String, String), String> = Table::new(prefix::COGNITO, 21);
/// Users whom a provider knows too, by pool, provider and what it knows them by: the key of the user in [`USERS`].
pub const LINKS: Table<(String, String, String), String> = Table::new(prefix::COGNITO, 22);
/// Devices that users have confirmed, by pool, user and key.
pub const DEVICES: Table<(String, String, String), Device> = Table::new(prefix::COGNITO, 23);
/// By pool and the hash of the id.
pub const PASSKEYS: Table<(String, Bytes), Passkey> = Table::new(prefix::COGNITO, 24);
/// The passkeys of a user, by pool, user and the hash of the id.
pub const PASSKEYS_OF: Table<(String, String, Bytes), ()> = Table::new(prefix::COGNITO, 25);
