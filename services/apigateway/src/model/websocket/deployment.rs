//! What a deployment of a WebSocket API serves: its routes as they were at one moment.

use kv::{Read, Tx};

use crate::error::Error;
use crate::keys::{
    HTTP_AUTHORIZERS, INTEGRATION_RESPONSES, ROUTE_RESPONSES, WEBSOCKET_DEPLOYED, WEBSOCKET_INTEGRATIONS,
};
use crate::model::authorizer;
use crate::model::http::route;
use crate::model::websocket::response;
use crate::types::http::{Api, Route};
use crate::types::websocket::{Deployed, DeployedRoute, Settings};

/// Keeps the API as it is now under the id of a deployment.
pub fn create(tx: &mut Tx, api: &Api, settings: &Settings, id: &str) -> Result<(), Error> {
    let routes = route::list(tx, &api.id)?;
    let routes = routes.into_iter().map(|route| deployed_route(tx, &api.id, route)).collect::<Result<_, _>>()?;
    Ok(WEBSOCKET_DEPLOYED.put(tx, (&api.id, id), &Deployed { settings: settings.clone(), routes })?)
}

fn deployed_route(read: &impl Read, api: &str, route: Route) -> Result<DeployedRoute, Error> {
    let (integration, responses) = match &route.integration {
        Some(id) => {
            let responses = response::list(read, &INTEGRATION_RESPONSES, (api, id))?;
            (WEBSOCKET_INTEGRATIONS.get(read, (api, id))?, responses)
        }
        None => (None, Vec::new()),
    };
    let authorizer = match &route.authorization.authorizer {
        Some(id) => Some(authorizer::find(read, &HTTP_AUTHORIZERS, api, id)?),
        None => None,
    };
    let has_response = !response::list(read, &ROUTE_RESPONSES, (api, &route.id))?.is_empty();
    Ok(DeployedRoute {
        key: route.key,
        integration,
        responses,
        authorization: route.authorization,
        authorizer,
        api_key_required: route.api_key_required,
        answers: has_response && route.response_selection.is_some(),
    })
}

/// What a deployment serves.
pub fn deployed(read: &(impl Read + ?Sized), api: &str, id: &str) -> Result<Deployed, Error> {
    WEBSOCKET_DEPLOYED.get(read, (api, id))?.ok_or_else(|| Error::invalid("Deployment"))
}
