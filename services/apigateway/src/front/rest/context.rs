//! `$context`: what templates and mappings are told of a request besides what the client sent.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html#context-variable-reference>

use serde_json::{Value, json};

use super::{Call, Request};
use crate::front::event_v1;
use crate::routes::rest::Found;

/// Before anybody is let in.
pub fn of(request: &Request<'_>, found: Option<&Found<'_>>) -> Value {
    let mut context = event_v1::context(request.incoming, &request.place(found));
    context["deploymentId"] = json!(request.served.deployment);
    context["isCanaryRequest"] = json!(request.served.is_canary);
    context["xrayTraceId"] = json!(request.incoming.trace_id);
    context["requestOverride"] = json!({"header": {}, "path": {}, "querystring": {}});
    context["responseOverride"] = json!({"header": {}});
    named(&mut context);
    context
}

/// What is not known of somebody is an empty text in templates, where events have nothing.
fn named(context: &mut Value) {
    for value in context["identity"].as_object_mut().into_iter().flat_map(|identity| identity.values_mut()) {
        if value.is_null() {
            *value = json!("");
        }
    }
}

/// And once somebody is.
pub fn admitted(context: &mut Value, call: &Call<'_>) {
    call.admitted.write_v1(context);
    if let Some((value, key)) = &call.key {
        context["identity"]["apiKey"] = json!(value);
        context["identity"]["apiKeyId"] = json!(key.id);
    }
    named(context);
}
