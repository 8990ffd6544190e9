//! App clients.

use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::limits::{ACCESS_VALIDITY_DEFAULT, DAY, HOUR, MINUTE, REFRESH_VALIDITY_DEFAULT};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Client {
    pub id: String,
    pub pool: String,
    pub created: Timestamp,
    pub modified: Timestamp,
    /// Sealed.
    pub secret: Option<Bytes>,
    pub settings: ClientSettings,
}
kv::stored!(Client, version = 1);

/// What UpdateUserPoolClient sets anew, all of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClientSettings {
    pub name: String,
    /// As they were written: `ALLOW_USER_SRP_AUTH`.
    pub flows: Vec<String>,
    pub access: Option<Validity>,
    pub id: Option<Validity>,
    pub refresh: Option<Validity>,
    /// `None` for all of them.
    pub readable: Option<Vec<String>>,
    pub writable: Option<Vec<String>>,
    pub callback_urls: Vec<String>,
    pub logout_urls: Vec<String>,
    pub default_redirect: Option<String>,
    pub oauth_flows: Vec<String>,
    pub oauth_scopes: Vec<String>,
    pub oauth: bool,
    pub identity_providers: Vec<String>,
    /// Whether nobody learns from an error who is a user.
    pub hides_users: bool,
    pub revocable: bool,
    pub session_minutes: u32,
}

/// How long a token is good for, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    pub number: u32,
    pub unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    Seconds,
    Minutes,
    Hours,
    Days,
}

impl Unit {
    pub const WORDS: [&str; 4] = ["seconds", "minutes", "hours", "days"];

    pub fn word(self) -> &'static str {
        match self {
            Unit::Seconds => "seconds",
            Unit::Minutes => "minutes",
            Unit::Hours => "hours",
            Unit::Days => "days",
        }
    }

    pub fn read(word: &str) -> Option<Unit> {
        [Unit::Seconds, Unit::Minutes, Unit::Hours, Unit::Days].into_iter().find(|unit| unit.word() == word)
    }
}

impl Validity {
    pub fn time(self) -> Duration {
        let unit = match self.unit {
            Unit::Seconds => Duration::from_secs(1),
            Unit::Minutes => MINUTE,
            Unit::Hours => HOUR,
            Unit::Days => DAY,
        };
        unit.saturating_mul(self.number)
    }
}

impl ClientSettings {
    pub fn access_time(&self) -> Duration {
        self.access.map_or(ACCESS_VALIDITY_DEFAULT, Validity::time)
    }

    pub fn id_time(&self) -> Duration {
        self.id.map_or(ACCESS_VALIDITY_DEFAULT, Validity::time)
    }

    pub fn refresh_time(&self) -> Duration {
        self.refresh.map_or(REFRESH_VALIDITY_DEFAULT, Validity::time)
    }

    pub fn session_time(&self) -> Duration {
        MINUTE.saturating_mul(self.session_minutes)
    }

    /// Whether any of these flows is allowed.
    pub fn allows(&self, flows: &[&str]) -> bool {
        self.flows.iter().any(|flow| flows.contains(&flow.as_str()))
    }

    pub fn may_read(&self, attribute: &str) -> bool {
        self.readable.as_ref().is_none_or(|readable| readable.iter().any(|name| name == attribute))
    }

    pub fn may_write(&self, attribute: &str) -> bool {
        self.writable.as_ref().is_none_or(|writable| writable.iter().any(|name| name == attribute))
    }
}
