//! Where migrations are kept: the only file that decides on keys. A number, once used, is never given to another table.

use kv::Table;
use service::prefix;

use crate::types::{Counted, Migration};

/// By region and name.
pub const MIGRATIONS: Table<(String, String), Migration> = Table::new(prefix::MIGRATE, 1);
/// What was counted, by a migration's id and a route's key.
pub const COUNTED: Table<(String, String), Counted> = Table::new(prefix::MIGRATE, 2);
