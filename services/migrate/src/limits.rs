//! What migrations may be, and how much of what they do happens at once.

use std::time::Duration;

/// Migrations of a region.
pub const MIGRATIONS_MAX: usize = 100;
/// Routes of a migration.
pub const ROUTES_MAX: usize = 300;
/// Hosts of a migration.
pub const HOSTS_MAX: usize = 50;
pub const NAME_CHARACTERS_MAX: usize = 128;
pub const PATH_CHARACTERS_MAX: usize = 512;
pub const URL_CHARACTERS_MAX: usize = 2_048;
/// Of the names and values of headers and cookies that choose.
pub const CONDITION_CHARACTERS_MAX: usize = 256;

/// How long a backend may take for the head of its answer, and for each further piece.
pub const LEGACY_WAIT: Duration = Duration::from_secs(60);
/// How long a function may take, as behind API Gateway.
pub const FUNCTION_WAIT: Duration = Duration::from_secs(29);
/// The largest event of a function, in bytes; a body that makes a larger one is answered 413.
pub const EVENT_BYTES_MAX: usize = 6 << 20;
/// Bodies of requests that are held for functions at the same time, in bytes. Past it: 503.
pub const HELD_BYTES_MAX: usize = 256 << 20;

/// Copies of requests that are under way at once; further ones are left out, and counted as such.
pub const SHADOWS_AT_ONCE: usize = 64;
/// Bytes of a body, of the request or of an answer, that is kept for a copy or to be compared. Longer ones are not.
pub const SHADOW_BYTES_MAX: usize = 1 << 20;
/// How often what was counted is stored: as much of it goes with a process that is killed.
pub const FIGURES_PAUSE: Duration = Duration::from_secs(5);
/// Routes whose counts are stored in one transaction.
pub const FIGURES_AT_ONCE: usize = 500;
/// Differences of a route that are remembered; older ones go.
pub const DIFFERENCES_MAX: usize = 20;
