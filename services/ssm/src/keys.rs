//! Where Parameter Store keeps what: the only file that decides on keys. A number, once used, is never given to another table.

use kv::Table;
use service::prefix;

use crate::types::{Parameter, Version};

/// By region and name.
pub const PARAMETERS: Table<(String, String), Parameter> = Table::new(prefix::SSM, 1);
/// By region, name, and version.
pub const VERSIONS: Table<(String, String, u64), Version> = Table::new(prefix::SSM, 2);
