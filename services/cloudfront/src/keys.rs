//! Where CloudFront keeps what: the only file that decides on keys. A number, once used, is never given to another table.
//!
//! What is cached is not here: it is in memory and in files, and goes with the process.

use kv::{Desc, Table};
use service::prefix;

use crate::types::{Distribution, Entity, Invalidation};

pub const DISTRIBUTIONS: Table<String, Distribution> = Table::new(prefix::CLOUDFRONT, 1);
/// Which distribution a host's name belongs to.
pub const ALIASES: Table<String, String> = Table::new(prefix::CLOUDFRONT, 2);
/// By the kind's number ([`crate::documents::Kind::number`]) and id.
pub const ENTITIES: Table<(u8, String), Entity> = Table::new(prefix::CLOUDFRONT, 3);
/// Ids by what no two have the same of: the name of an entity, the caller's reference of a distribution (whose kind is 0).
pub const NAMES: Table<(u8, String), String> = Table::new(prefix::CLOUDFRONT, 4);
/// Who names an entity: kind and id of what is named, kind and id of who does.
pub const USES: Table<(u8, String, u8, String), ()> = Table::new(prefix::CLOUDFRONT, 5);
/// By distribution, the newest first.
pub const INVALIDATIONS: Table<(String, Desc<u64>), Invalidation> = Table::new(prefix::CLOUDFRONT, 6);
/// Their numbers by id.
pub const INVALIDATION_NUMBERS: Table<(String, String), u64> = Table::new(prefix::CLOUDFRONT, 7);
/// Their numbers by the caller's reference.
pub const INVALIDATION_REFERENCES: Table<(String, String), u64> = Table::new(prefix::CLOUDFRONT, 8);

/// The kind of distributions in [`NAMES`] and [`USES`].
pub const DISTRIBUTION: u8 = 0;
