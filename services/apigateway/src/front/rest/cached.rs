//! Whether a method is answered from its stage's cache.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html>

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, HeaderValue, SET_COOKIE, WARNING};
use http::{Method, Response};
use serde_json::Value;
use service::Permission;
use sha2::{Digest, Sha256};

use super::{Call, Request, method_key};
use crate::front::authorize::{Admitted, Refused};
use crate::front::backend::Detail;
use crate::front::cache::Key;
use crate::front::mapping::Mapping;
use crate::front::problem::Problem;
use crate::limits;
use crate::roles::OF_CALLER;
use crate::routes;
use crate::types::rest::{Integration, Stage};
use crate::types::stage::{MethodSettings, Unauthorized};

/// What a client needs to ask for what is not from the cache.
const INVALIDATE: &str = "execute-api:InvalidateCache";
const IGNORED: &str = "199 - \"Cache-control headers were ignored because the caller was unauthorized.\"";

/// What a client says of the cache, and what becomes of that.
struct Wish {
    is_fresh: bool,
    is_ignored: bool,
}

impl Request<'_> {
    /// The answer that the stage has kept, or the integration's, which it keeps.
    pub async fn through_cache(&self, call: &Call<'_>, context: &mut Value) -> Result<Response<Bytes>, Problem> {
        let settings = self.stage.settings_of(&method_key(call.found, self.incoming));
        let Some(time) = self.cache_time(call, &settings) else { return self.integrate(call, context).await };
        let (api, stage, now) = (&self.api.id, &self.stage.name, self.cx.now());
        let wish = self.wish(call, &settings)?;
        let Some(key) = self.cache_key(call, context) else { return self.integrate(call, context).await };
        let kept = if wish.is_fresh { None } else { self.state.caches.get(api, stage, &key, now) };
        let response = match kept {
            Some(kept) => {
                self.log(Detail::Steps, || "Method response was found in the cache".to_owned());
                kept
            }
            None => {
                let awaited = self.state.caches.wait(api, stage);
                let response = self.integrate(call, context).await?;
                if response.status().is_success() && !response.headers().contains_key(SET_COOKIE) {
                    let mut kept = response.clone();
                    kept.headers_mut().remove("x-amzn-trace-id");
                    awaited.keep(key, now + time, kept);
                }
                response
            }
        };
        Ok(if wish.is_ignored { warned(response) } else { response })
    }

    /// How long an answer is kept; `None` where it is not. What a stage says of all methods is about GET alone. What is asked with the
    /// caller's own credentials is for the caller, and for how long they may see it is for their policies to say.
    fn cache_time(&self, call: &Call<'_>, settings: &MethodSettings) -> Option<Duration> {
        self.stage.cache.as_ref().filter(|cache| cache.enabled)?;
        if call.integration.credentials.as_deref() == Some(OF_CALLER) {
            return None;
        }
        let says = |key: &str| self.stage.settings.get(key).and_then(|settings| settings.caching);
        let is_get = self.incoming.method == Method::GET;
        let of_all = || is_get.then(|| says(Stage::EVERYTHING)).flatten();
        let is_cached = says(&method_key(call.found, self.incoming)).or_else(of_all).unwrap_or(false);
        let seconds = settings.cache_seconds.unwrap_or(limits::CACHE_SECONDS_DEFAULT);
        (is_cached && seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }

    fn wish(&self, call: &Call<'_>, settings: &MethodSettings) -> Result<Wish, Problem> {
        let directives = self.incoming.headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
        let mut directives = directives.flat_map(|value| value.split(',')).map(str::trim);
        if !directives.any(|directive| directive.eq_ignore_ascii_case("max-age=0")) {
            return Ok(Wish { is_fresh: false, is_ignored: false });
        }
        if !settings.guards_cache.unwrap_or(true) || self.may_invalidate(call) {
            return Ok(Wish { is_fresh: true, is_ignored: false });
        }
        match settings.unauthorized.unwrap_or_default() {
            Unauthorized::Fail => Err(Refused::Denied { explicitly: false }.into()),
            Unauthorized::Warn => Ok(Wish { is_fresh: false, is_ignored: true }),
            Unauthorized::Ignore => Ok(Wish { is_fresh: false, is_ignored: false }),
        }
    }

    /// Only who signs has policies that could let them.
    fn may_invalidate(&self, call: &Call<'_>) -> bool {
        let Admitted::Signer(signer) = &call.admitted else { return false };
        let target = self.arn(&routes::plain(&format!("/{}", self.path.trim_matches('/'))));
        let permission = Permission { strict: true, ..Permission::new(INVALIDATE, target) };
        signer.ask(self.cx, self.incoming, permission).is_ok()
    }

    /// What is asked: of a deployment and a namespace, with the values of the parameters that count. `None` where it cannot be told
    /// what counts: then all would be one.
    fn cache_key(&self, call: &Call<'_>, context: &Value) -> Option<Key> {
        let shares = self.stage.canary.as_ref().is_some_and(|canary| canary.use_stage_cache);
        let deployment = if shares { &self.stage.deployment } else { self.served.deployment };
        let accepts = self.incoming.header(ACCEPT).and_then(|all| all.split(',').next()).unwrap_or_default();
        let form = if self.is_binary(accepts) { "bytes" } else { "text" };
        let mut hash = Sha256::new();
        // With its length, so that no two lists of texts are one.
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        };
        [deployment, &call.integration.cache_namespace, self.incoming.method.as_str(), form]
            .into_iter()
            .for_each(&mut add);
        let exchange = self.exchange(call);
        let told = exchange.told(context);
        for name in &call.integration.cache_key_parameters {
            let values = counting(call.integration, name)?.values(&told);
            add(name);
            add(&values.len().to_string());
            values.iter().for_each(|value| add(value));
        }
        Some(hash.finalize().into())
    }
}

/// What a parameter counts with: all of its values. One of the integration's own is what it is mapped from. It was read when it was put,
/// except by earlier builds.
fn counting(integration: &Integration, name: &str) -> Option<Mapping> {
    Some(match Mapping::request(integration.cache_key_source(name)).ok()? {
        Mapping::Query { name, .. } => Mapping::Query { name, all: true },
        Mapping::Header { name, .. } => Mapping::Header { name, all: true },
        other => other,
    })
}

fn warned(mut response: Response<Bytes>) -> Response<Bytes> {
    response.headers_mut().append(WARNING, HeaderValue::from_static(IGNORED));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Texts;
    use crate::types::rest::IntegrationKind;

    #[test]
    fn what_cannot_be_read_does_not_count_as_nothing() {
        let integration = Integration {
            kind: IntegrationKind::Mock {},
            http_method: None,
            passthrough: String::new(),
            content_handling: None,
            timeout_millis: 0,
            cache_namespace: String::new(),
            request_templates: Texts::new(),
            credentials: None,
            request_parameters: Texts::from([(
                "integration.request.header.X".into(),
                "method.request.querystring.q".into(),
            )]),
            cache_key_parameters: Vec::new(),
            responses: Default::default(),
        };
        let of_query = Some(Mapping::Query { name: "q".into(), all: true });
        assert_eq!(counting(&integration, "integration.request.header.X"), of_query);
        assert_eq!(counting(&integration, "method.request.multivaluequerystring.q"), of_query);
        for unreadable in ["integration.request.header.Y", "method.request.Authorization", "q", ""] {
            assert_eq!(counting(&integration, unreadable), None, "{unreadable}");
        }
    }
}
