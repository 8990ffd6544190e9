//! What an API's owner says of its parts, and pictures of it, as they are stored.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-documenting-api-content-representation.html>

use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::keys::Id;

/// What is said of one place of an API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub id: Id,
    pub location: Location,
    /// A JSON object, as its owner wrote it.
    pub properties: String,
}
kv::stored!(Part, version = 1);

/// A name for all that was said of an API at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    pub name: String,
    pub description: Option<String>,
    pub created: Timestamp,
}
kv::stored!(Version, version = 1);

/// A place of an API. What its kind has and nobody named has its default.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Location {
    pub kind: Kind,
    pub path: Option<String>,
    pub method: Option<String>,
    pub status: Option<String>,
    pub name: Option<String>,
}

/// The method, or the status, that stands for all of them.
pub const ANY: &str = "*";
/// Where what names no path is.
pub const ROOT: &str = "/";

impl Location {
    /// What of the location is no default.
    pub fn particular(&self) -> Location {
        let other = |value: &Option<String>, default: &str| value.clone().filter(|value| value != default);
        Location {
            path: other(&self.path, ROOT),
            method: other(&self.method, ANY),
            status: other(&self.status, ANY),
            ..self.clone()
        }
    }
}

/// A kind of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    Api,
    Authorizer,
    Method,
    Model,
    PathParameter,
    QueryParameter,
    RequestBody,
    RequestHeader,
    Resource,
    Response,
    ResponseBody,
    ResponseHeader,
}

impl Kind {
    /// In the order in which AWS's refusals name them.
    pub const ALL: [Kind; 12] = [
        Kind::ResponseBody,
        Kind::Response,
        Kind::Method,
        Kind::Model,
        Kind::Authorizer,
        Kind::ResponseHeader,
        Kind::Resource,
        Kind::PathParameter,
        Kind::RequestBody,
        Kind::QueryParameter,
        Kind::Api,
        Kind::RequestHeader,
    ];

    /// The name that it has in operations.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Api => "API",
            Kind::Authorizer => "AUTHORIZER",
            Kind::Method => "METHOD",
            Kind::Model => "MODEL",
            Kind::PathParameter => "PATH_PARAMETER",
            Kind::QueryParameter => "QUERY_PARAMETER",
            Kind::RequestBody => "REQUEST_BODY",
            Kind::RequestHeader => "REQUEST_HEADER",
            Kind::Resource => "RESOURCE",
            Kind::Response => "RESPONSE",
            Kind::ResponseBody => "RESPONSE_BODY",
            Kind::ResponseHeader => "RESPONSE_HEADER",
        }
    }

    pub fn of(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    pub fn has_path(self) -> bool {
        !matches!(self, Kind::Api | Kind::Authorizer | Kind::Model)
    }

    pub fn has_method(self) -> bool {
        self.has_path() && self != Kind::Resource
    }

    pub fn has_status(self) -> bool {
        matches!(self, Kind::Response | Kind::ResponseBody | Kind::ResponseHeader)
    }

    /// Bodies of requests may have a name, as AWS's reference has it; its guide knows none of it.
    pub fn has_name(self) -> bool {
        self.needs_name() || self == Kind::RequestBody
    }

    pub fn needs_name(self) -> bool {
        matches!(
            self,
            Kind::Authorizer
                | Kind::Model
                | Kind::PathParameter
                | Kind::QueryParameter
                | Kind::RequestHeader
                | Kind::ResponseHeader
        )
    }

    /// A place of this kind with the name, wherever it is.
    pub fn named(self, name: &str) -> Location {
        Location { name: Some(name.to_owned()), ..self.at(None, None, None) }
    }

    /// A place of this kind; `None` for what it does not have.
    pub fn at(self, path: Option<&str>, method: Option<&str>, status: Option<&str>) -> Location {
        let [path, method, status] = [path, method, status].map(|value| value.map(str::to_owned));
        Location { kind: self, path, method, status, name: None }
    }
}
