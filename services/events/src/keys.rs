//! Where EventBridge keeps what: the only file that decides on keys. A number, once used, is never given to another table.

use base::Timestamp;
use bytes::Bytes;
use kv::Table;
use service::prefix;

use crate::types::{ApiDestination, Archive, Bus, Connection, Replay, Rule, Target};

/// A region and a name.
pub type Named = (String, String);
/// An archive's number.
pub type ArchiveId = u64;

pub const BUSES: Table<Named, Bus> = Table::new(prefix::EVENTS, 1);
/// By region, bus and name.
pub const RULES: Table<(String, String, String), Rule> = Table::new(prefix::EVENTS, 2);
/// By region, bus, rule and id.
pub const TARGETS: Table<(String, String, String, String), Target> = Table::new(prefix::EVENTS, 3);
/// A number that is another after each change of a bus's rules, their targets or its archives; by region and bus.
pub const VERSIONS: Table<Named, u64> = Table::new(prefix::EVENTS, 4);
pub const ARCHIVES: Table<Named, Archive> = Table::new(prefix::EVENTS, 5);
pub const NEXT_ARCHIVE: Table<(), ArchiveId> = Table::new(prefix::EVENTS, 6);
/// Events by their archive, their time, and their id.
pub const ARCHIVED: Table<(ArchiveId, Timestamp, String), Bytes> = Table::new(prefix::EVENTS, 7);
pub const REPLAYS: Table<Named, Replay> = Table::new(prefix::EVENTS, 8);
pub const CONNECTIONS: Table<Named, Connection> = Table::new(prefix::EVENTS, 9);
pub const API_DESTINATIONS: Table<Named, ApiDestination> = Table::new(prefix::EVENTS, 10);
/// How many rules a bus has; by region and bus. Buses of earlier releases have none until a rule is made.
pub const RULE_COUNTS: Table<Named, u64> = Table::new(prefix::EVENTS, 11);
