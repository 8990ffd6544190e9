//! Where migrations are kept: the only file that decides on keys. A number, once used, is never given to another table.

use kv::Table;
use service::prefix;

use crate::types::Migration;

/// By region and name.
pub const MIGRATIONS: Table<(String, String), Migration> = Table::new(prefix::MIGRATE, 1);
