//! Where the Scheduler keeps what: the only file that decides on keys. A number, once used, is never given to another table.

use base::Timestamp;
use kv::Table;
use service::prefix;

use crate::types::{Answered, Group, Schedule};

/// By region and name.
pub const GROUPS: Table<(String, String), Group> = Table::new(prefix::SCHEDULER, 1);
/// By region, group and name.
pub const SCHEDULES: Table<(String, String, String), Schedule> = Table::new(prefix::SCHEDULER, 2);
/// How many schedules a region has.
pub const COUNTS: Table<String, u64> = Table::new(prefix::SCHEDULER, 3);
/// Requests that were answered, by region and client token.
pub const ANSWERED: Table<(String, String), Answered> = Table::new(prefix::SCHEDULER, 4);
/// The same by when they are forgotten.
pub const ANSWERED_UNTIL: Table<(Timestamp, String, String), ()> = Table::new(prefix::SCHEDULER, 5);
