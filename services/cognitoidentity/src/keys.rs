//! Where identity pools keep what: the only file that decides on keys. A number, once used, is never given to another table.

use kv::Table;
use service::prefix;

use crate::types::{Identity, Pool, SigningKey};

/// By region and id.
pub const POOLS: Table<(String, String), Pool> = Table::new(prefix::COGNITO_IDENTITY, 1);
/// By id: it is all that an unsigned request names.
pub const IDENTITIES: Table<String, Identity> = Table::new(prefix::COGNITO_IDENTITY, 2);
/// The identities of a pool, by pool and id.
pub const IDENTITIES_OF: Table<(String, String), ()> = Table::new(prefix::COGNITO_IDENTITY, 3);
/// Who is who: the identity of a pool whom a provider knows by something.
pub const LOGINS: Table<(String, String, String), String> = Table::new(prefix::COGNITO_IDENTITY, 4);
/// What tokens are signed with.
pub const SIGNING_KEY: Table<(), SigningKey> = Table::new(prefix::COGNITO_IDENTITY, 5);
