//! What imports of documents into APIs of both kinds have in common: the operations that make an API, called where nobody sees
//! what they make until it is whole.

use serde_json::Value;
use service::{Caller, Cx};

use crate::document;
use crate::error::Error;

/// The region that is none: APIs there are in no list, and have no stages.
/// No signature can be for a region with this sign.
pub const ASIDE: &str = "_import";

/// Calls operations of one of the APIs aside. That its caller may import was asked before.
pub struct Aside {
    cx: Cx,
    model: &'static str,
}

impl Aside {
    pub fn new(cx: &Cx, model: &'static str) -> Aside {
        Aside { cx: cx.with_caller(Caller::system(cx.account())).in_region(ASIDE), model }
    }

    /// Calls an operation that does `what`.
    pub async fn call(&self, operation: &str, what: &str, input: Value) -> Result<Value, Error> {
        let answer = self.cx.call::<Value>(self.model, operation, input).await;
        answer.map_err(|error| document::failed(what, &error))
    }

    /// Whether there is such an operation.
    pub fn has(&self, operation: &str) -> bool {
        let services = self.cx.cloud().services().iter();
        services.filter(|service| service.api.model == self.model).any(|service| service.operation(operation).is_some())
    }

    /// Removes what was made, after an error.
    pub async fn discard(&self, operation: &str, input: Value) {
        if let Err(error) = self.call(operation, "remove what was imported", input).await {
            tracing::warn!(%error, "an import that failed has left something behind; it goes with a later one");
        }
    }
}
