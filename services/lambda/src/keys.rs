//! Where Lambda keeps what: the only file that decides on keys. A number, once used, is never given to another table.

use kv::Table;
use service::prefix;

use sources::Checkpoint;

use crate::types::{
    Alias, EventConfig, Function, FunctionUrl, LayerVersion, Mapping, Policy, Provisioned, UrlOwner, Version,
};

/// By region and name.
pub const FUNCTIONS: Table<(String, String), Function> = Table::new(prefix::LAMBDA, 1);
/// By region, function and number; `$LATEST` is number 0.
pub const VERSIONS: Table<(String, String, u64), Version> = Table::new(prefix::LAMBDA, 2);
/// By region, function and name.
pub const ALIASES: Table<(String, String, String), Alias> = Table::new(prefix::LAMBDA, 3);
/// By region, function and qualifier.
pub const POLICIES: Table<(String, String, String), Policy> = Table::new(prefix::LAMBDA, 4);
/// By region, function and qualifier.
pub const EVENT_CONFIGS: Table<(String, String, String), EventConfig> = Table::new(prefix::LAMBDA, 5);
/// By region, layer and number.
pub const LAYERS: Table<(String, String, u64), LayerVersion> = Table::new(prefix::LAMBDA, 6);
/// By region and layer: the number of its next version, kept when all are deleted.
pub const NEXT_LAYER_VERSION: Table<(String, String), u64> = Table::new(prefix::LAMBDA, 7);
/// By region and id.
pub const MAPPINGS: Table<(String, String), Mapping> = Table::new(prefix::LAMBDA, 8);
/// By region, function and qualifier.
pub const URLS: Table<(String, String, String), FunctionUrl> = Table::new(prefix::LAMBDA, 9);
/// By the id of the URL.
pub const URL_OWNERS: Table<String, UrlOwner> = Table::new(prefix::LAMBDA, 10);
/// By region, layer and number.
pub const LAYER_POLICIES: Table<(String, String, u64), Policy> = Table::new(prefix::LAMBDA, 11);
/// By region, function and qualifier.
pub const PROVISIONED: Table<(String, String, String), Provisioned> = Table::new(prefix::LAMBDA, 12);
/// By the mapping's region and id, and the shard.
pub const CHECKPOINTS: Table<(String, String, String), Checkpoint> = Table::new(prefix::LAMBDA, 13);

/// Woken when provisioned concurrency changes, or what it is for.
pub const PROVISIONED_CHANNEL: &[u8] = b"lambda/provisioned";
/// Woken when an event source mapping changes, or the function that it feeds.
pub const MAPPINGS_CHANNEL: &[u8] = b"lambda/mappings";
