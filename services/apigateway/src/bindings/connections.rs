//! Where the members of the operations on connections travel in HTTP.
//!
//! Source: the `http` traits of the service model.

use wire::rest::{Binding, Payload};

pub static POST_TO_CONNECTION: Binding =
    Binding::new("POST", "/@connections/{connectionId}", 200).payload(Payload::Blob("Data"));
pub static GET_CONNECTION: Binding = Binding::new("GET", "/@connections/{connectionId}", 200);
pub static DELETE_CONNECTION: Binding = Binding::new("DELETE", "/@connections/{connectionId}", 204);
