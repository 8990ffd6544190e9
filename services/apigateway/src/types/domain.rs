//! Custom domains, and which APIs answer beneath them, as they are stored: the same for both kinds of API.

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::Texts;
use crate::keys::{ApiId, Id};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    /// In lower case; `*.example.com` for all names one label below.
    pub name: String,
    pub region: String,
    pub account: String,
    pub created: Timestamp,
    pub endpoint: Endpoint,
    /// The ARN of a certificate, kept and shown: see the README for what TLS uses.
    pub certificate: Option<String>,
    pub certificate_name: Option<String>,
    pub security_policy: String,
    /// What the name is to point to begins with this: `d-` and an id.
    pub target: String,
    pub tags: Texts,
}
kv::stored!(Domain, version = 1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Endpoint {
    Regional,
    Edge,
}

/// That an API's stage answers beneath a path of a domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    pub id: Id,
    /// `orders/v1`; empty for whatever no other mapping takes.
    pub path: String,
    pub api: ApiId,
    /// Where there is none, requests name it after the path.
    pub stage: Option<String>,
}
kv::stored!(Mapping, version = 1);
