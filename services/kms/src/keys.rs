//! Where KMS keeps what: the only file that decides on keys. A number, once used, is never given to another table; 1 is the
//! vault's.

use kv::Table;
use service::prefix;

use crate::types::{Alias, Grant, GrantName, ImportToken, Key, Material};

/// By region and id.
pub const KEYS: Table<(String, String), Key> = Table::new(prefix::KMS, 2);
/// What a key is made of, by region, id, and a number that grows with each rotation.
pub const MATERIALS: Table<(String, String, u32), Material> = Table::new(prefix::KMS, 3);
/// By region and name, `alias/` included.
pub const ALIASES: Table<(String, String), Alias> = Table::new(prefix::KMS, 4);
/// The aliases of a key, by region, key, and name.
pub const KEY_ALIASES: Table<(String, String, String), ()> = Table::new(prefix::KMS, 5);
/// By region, key, and id.
pub const GRANTS: Table<(String, String, String), Grant> = Table::new(prefix::KMS, 6);
/// Grants by who may retire them: principal, region, key, and id.
pub const RETIRABLE: Table<(String, String, String, String), ()> = Table::new(prefix::KMS, 7);
/// What material is wrapped with on its way in, by region, key, and id.
pub const IMPORT_TOKENS: Table<(String, String, String), ImportToken> = Table::new(prefix::KMS, 8);
/// The grants of a principal for a key, by region, key, principal, and id.
pub const GRANTEES: Table<(String, String, String, String), ()> = Table::new(prefix::KMS, 9);
/// Grants by their tokens.
pub const TOKENS: Table<String, GrantName> = Table::new(prefix::KMS, 10);
