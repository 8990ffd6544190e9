//! Routes of a WebSocket API: by what a message says, then `$default`.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use http::StatusCode;

use crate::error::Error;
use crate::ops::websocket::statuses;
use crate::route_key;
use crate::route_selection::Selection;
use crate::types::websocket::{ApiKeySource, Deployed, DeployedRoute, IntegrationResponse};

/// What a deployment serves.
pub struct Routes {
    selection: Selection,
    pub api_key_source: ApiKeySource,
    by_key: HashMap<String, Route>,
}

/// A route, and what is known of it by now.
pub struct Route {
    deployed: DeployedRoute,
    /// Which of its responses are for which statuses: expressions are read once for each, and not kept.
    responses: Mutex<HashMap<StatusCode, Option<usize>>>,
}

impl Deref for Route {
    type Target = DeployedRoute;

    fn deref(&self) -> &DeployedRoute {
        &self.deployed
    }
}

impl Route {
    fn new(deployed: DeployedRoute) -> Route {
        Route { deployed, responses: Mutex::default() }
    }

    /// The response for a status, or else the one for all others.
    pub fn response(&self, status: StatusCode) -> Option<&IntegrationResponse> {
        let all = &self.deployed.responses;
        let mut known = self.responses.lock().unwrap_or_else(PoisonError::into_inner);
        let found = *known.entry(status).or_insert_with(|| {
            let fits = |key: &str| statuses(key).is_some_and(|statuses| statuses.is_match(status.as_str()));
            let found = all.iter().position(|response| fits(&response.key));
            found.or_else(|| all.iter().position(|response| response.key == route_key::DEFAULT))
        });
        all.get(found?)
    }
}

impl Routes {
    pub fn new(deployed: Deployed) -> Result<Routes, Error> {
        Ok(Routes {
            selection: Selection::parse(&deployed.settings.route_selection)?,
            api_key_source: deployed.settings.api_key_source,
            by_key: deployed.routes.into_iter().map(|route| (route.key.clone(), Route::new(route))).collect(),
        })
    }

    pub fn get(&self, key: &str) -> Option<&Route> {
        self.by_key.get(key)
    }

    /// The route of a message. None can ask for what happens by itself: connecting and disconnecting.
    pub fn of_message(&self, message: &str) -> Option<&Route> {
        let selected = self.selection.of(message).filter(|key| !key.starts_with('$'));
        selected.and_then(|key| self.get(&key)).or_else(|| self.get(route_key::DEFAULT))
    }

    /// Whether any message needs the API key that its connection came with.
    pub fn need_api_key(&self) -> bool {
        self.by_key.values().any(|route| route.api_key_required && route.key != route_key::CONNECT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Texts;
    use crate::types::websocket::Settings;

    fn route(key: &str, responses: Vec<IntegrationResponse>) -> DeployedRoute {
        DeployedRoute {
            key: key.into(),
            integration: None,
            responses,
            authorization: Default::default(),
            authorizer: None,
            api_key_required: false,
            answers: false,
        }
    }

    fn routes(keys: &[&str]) -> Routes {
        let settings = Settings {
            route_selection: "$request.body.action".into(),
            api_key_source: ApiKeySource::Header,
            disable_schema_validation: false,
        };
        Routes::new(Deployed { settings, routes: keys.iter().map(|key| route(key, Vec::new())).collect() }).unwrap()
    }

    #[test]
    fn responses_are_for_statuses() {
        let response = |key: &str| IntegrationResponse {
            id: key.into(),
            key: key.into(),
            templates: Texts::new(),
            template_selection: None,
            parameters: Texts::new(),
        };
        let found = |route: &Route, status| {
            let status = StatusCode::from_u16(status).unwrap();
            route.response(status).map(|response| response.key.clone())
        };
        let all = Route::new(route("a", Vec::from(["/2\\d\\d/", "$default", "/5../"].map(response))));
        // A second time, they are known.
        for _ in 0..2 {
            for (status, key) in [(200, "/2\\d\\d/"), (503, "/5../"), (404, "$default")] {
                assert_eq!(found(&all, status).as_deref(), Some(key));
            }
        }
        assert_eq!(all.responses.lock().unwrap().len(), 3);
        assert_eq!(found(&Route::new(route("a", vec![response("/2../")])), 404), None);
    }

    #[test]
    fn expressions_that_grow_are_none() {
        assert!(statuses("/2../").is_some());
        for key in ["/(\\w{1,99}){1,99}/", "$default", "200"] {
            assert!(statuses(key).is_none(), "{key}");
        }
    }

    #[test]
    fn messages_find_their_routes() {
        let all = routes(&["$connect", "$disconnect", "$default", "join"]);
        for (message, key) in [
            (r#"{"action":"join"}"#, "join"),
            (r#"{"action":"leave"}"#, "$default"),
            (r#"{"action":"$connect"}"#, "$default"),
            (r#"{"action":"$default"}"#, "$default"),
            ("join", "$default"),
        ] {
            assert_eq!(all.of_message(message).map(|route| route.key.as_str()), Some(key), "{message}");
        }
        let few = routes(&["$disconnect", "join"]);
        for message in [r#"{"action":"leave"}"#, r#"{"action":"$disconnect"}"#, "", "[]"] {
            assert!(few.of_message(message).is_none(), "{message}");
        }
    }
}
