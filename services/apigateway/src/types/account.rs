//! What a region's APIs have in common, as it is stored.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The ARN of the role as which REST APIs write their logs; without one they write them as API Gateway.
    pub log_role: Option<String>,
}
kv::stored!(Account, version = 1);
