//! Where Secrets Manager keeps what: the only file that decides on keys. A number, once used, is never given to another table.

use base::Timestamp;
use bytes::Bytes;
use kv::Table;
use service::prefix;

use crate::types::{Secret, Version};

/// By region and name.
pub const SECRETS: Table<(String, String), Secret> = Table::new(prefix::SECRETSMANAGER, 1);
/// By region, name, and the version's id.
pub const VERSIONS: Table<(String, String, String), Version> = Table::new(prefix::SECRETSMANAGER, 2);
/// Rotations whose next step, or whose beginning, comes due then.
pub const ROTATIONS: Table<(Timestamp, String, String), ()> = Table::new(prefix::SECRETSMANAGER, 3);

/// What waits for rotations.
pub fn rotations() -> Bytes {
    Bytes::from_static(b"secretsmanager/rotations")
}
