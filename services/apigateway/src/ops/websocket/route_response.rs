//! What operations say of the responses of routes.

use kv::Read;
use serde::{Deserialize, Serialize};

use super::response::Response;
use super::{check_absent, given};
use crate::error::Error;
use crate::keys::ROUTE_RESPONSES;
use crate::model::http::route;
use crate::model::websocket::response::Responses;
use crate::route_key;
use crate::types::websocket::RouteResponse;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Said {
    pub route_response_key: Option<String>,
    pub model_selection_expression: Option<serde_json::Value>,
    pub response_models: Option<serde_json::Value>,
    pub response_parameters: Option<serde_json::Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    pub route_response_id: String,
    pub route_response_key: String,
}

impl From<RouteResponse> for Shown {
    fn from(response: RouteResponse) -> Shown {
        Shown { route_response_id: response.id, route_response_key: response.key }
    }
}

impl Response for RouteResponse {
    type Said = Said;
    type Shown = Shown;

    const TABLE: Responses<RouteResponse> = ROUTE_RESPONSES;

    fn check(said: &Said) -> Result<(), Error> {
        let unsupported = [
            ("modelSelectionExpression", given(said.model_selection_expression.as_ref())),
            ("responseModels", given(said.response_models.as_ref())),
            ("responseParameters", given(said.response_parameters.as_ref())),
        ];
        check_absent(&unsupported, "a route response")?;
        match said.route_response_key.as_deref() {
            None | Some(route_key::DEFAULT) => Ok(()),
            Some(other) => Err(Error::bad(format!("The key of a route response is $default, not {other}"))),
        }
    }

    fn check_parent(read: &dyn Read, api: &str, id: &str) -> Result<(), Error> {
        route::find(read, api, id).map(drop)
    }

    fn made(id: String, said: &Said) -> Result<RouteResponse, Error> {
        let key = said.route_response_key.clone();
        Ok(RouteResponse { id, key: key.ok_or_else(|| Error::bad("RouteResponseKey is required: $default"))? })
    }

    /// There is nothing that can change, but whether the response is there is told.
    fn changed(self, _: &Said) -> RouteResponse {
        self
    }
}
