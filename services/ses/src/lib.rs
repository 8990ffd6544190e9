//! Amazon SES: mail from verified senders, in two versions of its API.

mod bindings;
mod error;
mod keys;
mod limits;
mod links;
mod model;
mod not_implemented;
mod ops;
mod sender;
mod sending;
mod simulator;
mod target;
mod template;
mod types;
mod v1_service;
mod v2_service;
mod workers;

use std::sync::Arc;

use mail::Mailer;
use service::Service;

pub use error::Error;

/// What SES reaches the outside with.
pub struct Config {
    /// The URL under which who gets a mail reaches this server, for the links in it.
    pub base: String,
    pub mailer: Mailer,
}

/// The state in memory of both APIs.
pub struct Ses {
    config: Config,
}

impl Ses {
    fn base(&self) -> &str {
        &self.config.base
    }

    fn mailer(&self) -> &Mailer {
        &self.config.mailer
    }
}

/// `sesv2` (REST-JSON) and `ses` (Query). They share the signing name `ses`.
pub fn services(config: Config) -> [Service; 2] {
    let state = Arc::new(Ses { config });
    [v2_service::service(state.clone()), v1_service::service(state)]
}
