//! Where SES keeps what: the only file that decides on keys. A number, once used, is never given to another table.

use base::Timestamp;
use bytes::Bytes;
use kv::Table;
use service::prefix;

use crate::types::{Account, ConfigurationSet, Counts, Identity, Message, Suppressed, Template, Token};

/// By region and name, which is an address or a domain.
pub const IDENTITIES: Table<(String, String), Identity> = Table::new(prefix::SES, 1);
/// What the link in a mail verifies.
pub const TOKENS: Table<String, Token> = Table::new(prefix::SES, 2);
/// By region and name.
pub const TEMPLATES: Table<(String, String), Template> = Table::new(prefix::SES, 3);
/// By region and address.
pub const SUPPRESSED: Table<(String, String), Suppressed> = Table::new(prefix::SES, 4);
/// By region.
pub const ACCOUNTS: Table<String, Account> = Table::new(prefix::SES, 5);
/// By region and name.
pub const CONFIGURATION_SETS: Table<(String, String), ConfigurationSet> = Table::new(prefix::SES, 6);
/// Messages that have not come to their end at all their recipients, and their bytes, in parts.
pub const MESSAGES: Table<String, Message> = Table::new(prefix::SES, 7);
pub const PARTS: Table<(String, u32), Bytes> = Table::new(prefix::SES, 8);
/// By region and the beginning of a quarter of an hour.
pub const STATISTICS: Table<(String, Timestamp), Counts> = Table::new(prefix::SES, 9);
