//! Stored forms. These bytes are in users' files: a change here needs a new version and a migration, not new bytes.

use kv::Stored;

use super::Texts;
use super::documentation::{Kind as Place, Part, Version};
use super::gateway::{GatewayResponse, Kind};
use super::http::{RouteSettings, Stage};
use super::model::{Model, Validator};
use super::rest::{Integration, IntegrationKind};
use super::usage::Extension;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn stored_forms_do_not_drift() {
    let model =
        Model { id: "i".into(), name: "n".into(), description: None, schema: "{}".into(), content_type: "a/b".into() };
    assert_eq!(
        hex(&model.to_bytes().unwrap()),
        "0185a26964a169a46e616d65a16eab6465736372697074696f6ec0a6736368656d61a27b7dac636f6e74656e745f74797065a3612f62"
    );
    let validator = Validator { id: "i".into(), name: Some("n".into()), body: true, parameters: false };
    assert_eq!(hex(&validator.to_bytes().unwrap()), "0184a26964a169a46e616d65a16ea4626f6479c3aa706172616d6574657273c2");
    let response = GatewayResponse {
        status: Some(404),
        parameters: Texts::from([("a".into(), "b".into())]),
        templates: Texts::new(),
    };
    assert_eq!(
        hex(&response.to_bytes().unwrap()),
        "0183a6737461747573cd0194aa706172616d657465727381a161a162a974656d706c6174657380"
    );
    let part = Part {
        id: "i".into(),
        location: Place::Response.at(Some("/"), Some("*"), Some("200")),
        properties: "{}".into(),
    };
    assert_eq!(
        hex(&part.to_bytes().unwrap()),
        "0183a26964a169a86c6f636174696f6e85a46b696e64a8526573706f6e7365a470617468a12fa66d6574686f64a12aa6737461747573a3323030a46e616d65c0aa70726f70657274696573a27b7d"
    );
    let version = Version { name: "1".into(), description: None, created: base::Timestamp(1) };
    assert_eq!(hex(&version.to_bytes().unwrap()), "0183a46e616d65a131ab6465736372697074696f6ec0a76372656174656401");
    let extension = Extension { begin: "d".into(), requests: -1 };
    assert_eq!(hex(&extension.to_bytes().unwrap()), "0182a5626567696ea164a87265717565737473ff");
}

/// What was stored before there were templates: `MOCK` with the status that its template says, and without what was added.
#[test]
fn earlier_integrations_are_read() {
    let earlier = serde_json::json!({
        "kind": {"Mock": {"status": 204}}, "http_method": null, "passthrough": "WHEN_NO_MATCH", "content_handling": null,
        "timeout_millis": 29_000, "cache_namespace": "c", "request_templates": {"application/json": "{statusCode:204}"}, "responses": {},
    });
    let read: Integration = serde_json::from_value(earlier).unwrap();
    assert_eq!((read.kind, read.credentials, read.request_parameters), (IntegrationKind::Mock {}, None, Texts::new()));
}

/// What was stored when stages said nothing of routes but their throttles.
#[test]
fn earlier_stages_are_read() {
    let mut earlier = serde_json::to_value(Stage::new("s".into(), base::Timestamp::ZERO)).unwrap();
    let throttle = serde_json::json!({"burst": 1, "rate": 2.0});
    earlier["throttle"] = throttle.clone();
    earlier["throttles"] = serde_json::json!({ "GET /a": throttle });
    let read: Stage = serde_json::from_value(earlier).unwrap();
    let expected = RouteSettings { burst: Some(1), rate: Some(2.0), ..RouteSettings::default() };
    assert_eq!((read.default_settings, read.settings["GET /a"]), (expected, expected));
}

#[test]
fn places_have_names_of_their_own() {
    for kind in Place::ALL {
        assert_eq!(Place::of(kind.word()), Some(kind));
    }
    assert_eq!(Place::of("X"), None);
}

#[test]
fn kinds_have_names_of_their_own() {
    for kind in Kind::ALL {
        assert_eq!(Kind::of(kind.word()), Some(kind));
    }
    assert_eq!(
        (Kind::Throttled.class(), Kind::AuthorizerFailure.class()),
        (Some(Kind::Default4xx), Some(Kind::Default5xx))
    );
    assert_eq!((Kind::of("X"), Kind::Default4xx.class()), (None, None));
}
