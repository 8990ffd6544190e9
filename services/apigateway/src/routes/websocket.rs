//! Routes of a WebSocket API: by what a message says, then `$default`.

use std::collections::HashMap;

use crate::error::Error;
use crate::route_key;
use crate::route_selection::Selection;
use crate::types::websocket::{ApiKeySource, Deployed, DeployedRoute};

/// What a deployment serves.
pub struct Routes {
    selection: Selection,
    pub api_key_source: ApiKeySource,
    by_key: HashMap<String, DeployedRoute>,
}

impl Routes {
    pub fn new(deployed: Deployed) -> Result<Routes, Error> {
        Ok(Routes {
            selection: Selection::parse(&deployed.settings.route_selection)?,
            api_key_source: deployed.settings.api_key_source,
            by_key: deployed.routes.into_iter().map(|route| (route.key.clone(), route)).collect(),
        })
    }

    pub fn get(&self, key: &str) -> Option<&DeployedRoute> {
        self.by_key.get(key)
    }

    /// The route of a message. None can ask for what happens by itself: connecting and disconnecting.
    pub fn of_message(&self, message: &str) -> Option<&DeployedRoute> {
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
    use crate::types::websocket::Settings;

    fn routes(keys: &[&str]) -> Routes {
        let route = |key: &&str| DeployedRoute {
            key: (*key).into(),
            integration: None,
            responses: Vec::new(),
            authorization: Default::default(),
            authorizer: None,
            api_key_required: false,
            answers: false,
        };
        let settings = Settings {
            route_selection: "$request.body.action".into(),
            api_key_source: ApiKeySource::Header,
            disable_schema_validation: false,
        };
        Routes::new(Deployed { settings, routes: keys.iter().map(route).collect() }).unwrap()
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
