//! Custom domains: as owners make them, and as requests meet them.

use http::Request;
use serde_json::{Value, json};

use super::{World, header, text};

const CERTIFICATE: &str = "arn:aws:acm:us-east-1:000000000000:certificate/c";

impl World {
    async fn domain(&self, name: &str) -> Value {
        let configuration =
            json!({"certificateArn": CERTIFICATE, "endpointType": "REGIONAL", "securityPolicy": "TLS_1_2"});
        let input = json!({"domainName": name, "domainNameConfigurations": [configuration], "tags": {"k": "v"}});
        self.http("CreateDomainName", input).await
    }

    async fn map(&self, domain: &str, path: &str, api: &str, stage: &str) -> Value {
        let input = json!({"domainName": domain, "apiMappingKey": path, "apiId": api, "stage": stage});
        self.http("CreateApiMapping", input).await
    }

    async fn get_at(&self, host: &str, path: &str) -> (u16, String) {
        let response = self.send(Request::get(path).header("host", host), b"").await;
        (text(&response).0, text(&response).1.to_owned())
    }
}

#[tokio::test]
async fn both_apis_see_the_same_domains() {
    let world = World::new();
    let made = world.domain("API.example.com").await;
    assert_eq!((&made["domainName"], &made["tags"]), (&json!("api.example.com"), &json!({"k": "v"})));
    let configuration = &made["domainNameConfigurations"][0];
    assert_eq!(
        (&configuration["domainNameStatus"], &configuration["certificateArn"]),
        (&json!("AVAILABLE"), &json!(CERTIFICATE))
    );
    let of_rest = world.rest("GetDomainName", json!({"domainName": "api.example.com"})).await;
    assert_eq!(of_rest["regionalDomainName"], configuration["apiGatewayDomainName"]);
    assert_eq!(of_rest["endpointConfiguration"]["types"], json!(["REGIONAL"]));
    let edge = json!({"domainName": "edge.example.com", "certificateArn": CERTIFICATE});
    let edge = world.rest("CreateDomainName", edge).await;
    assert!(edge["distributionDomainName"].is_string() && edge.get("regionalDomainName").is_none(), "{edge}");
    let all = world.http("GetDomainNames", json!({})).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    assert_eq!(world.rest("GetDomainNames", json!({"limit": 1})).await["item"].as_array().unwrap().len(), 1);
    let change = json!([
        {"op": "replace", "path": "/securityPolicy", "value": "TLS_1_0"},
        {"op": "replace", "path": "/endpointConfiguration/types/EDGE", "value": "REGIONAL"},
    ]);
    let changed =
        world.rest("UpdateDomainName", json!({"domainName": "edge.example.com", "patchOperations": change})).await;
    assert_eq!(
        (&changed["securityPolicy"], &changed["regionalCertificateArn"]),
        (&json!("TLS_1_0"), &json!(CERTIFICATE))
    );
    let arn = "arn:aws:apigateway:us-east-1::/domainnames/api.example.com";
    world.http("TagResource", json!({"resourceArn": arn, "tags": {"l": "w"}})).await;
    assert_eq!(world.rest("GetTags", json!({"resourceArn": arn})).await["tags"], json!({"k": "v", "l": "w"}));
    world.rest("DeleteDomainName", json!({"domainName": "api.example.com"})).await;
    let gone = world.refused("apigatewayv2", "GetDomainName", json!({"domainName": "api.example.com"})).await;
    assert_eq!(gone, ("NotFoundException".into(), "Invalid domain name identifier specified".into()));
}

#[tokio::test]
async fn requests_find_their_api_by_host_and_path() {
    let world = World::new();
    let rest = world.rest_api(json!({"disableExecuteApiEndpoint": true})).await.api;
    world.deploy(&rest, "prod").await;
    let http = world.http_api(json!({"disableExecuteApiEndpoint": true}), "2.0", &["GET /a/{proxy+}", "GET /"]).await;
    world.http("CreateStage", json!({"apiId": http, "stageName": "dev", "autoDeploy": true})).await;
    let host = "api.example.com";
    world.domain(host).await;
    world.map(host, "v1/people", &rest, "prod").await;
    world.map(host, "v1", &http, "dev").await;
    assert_eq!(world.get_at(host, "/v1/people/users/7").await, (200, "hi".into()));
    let event = world.event();
    assert_eq!((&event["path"], &event["resource"]), (&json!("/v1/people/users/7"), &json!("/users/{id}")));
    assert_eq!(
        (&event["requestContext"]["stage"], &event["requestContext"]["domainName"]),
        (&json!("prod"), &json!(host))
    );
    assert_eq!(event["requestContext"]["path"], "/v1/people/users/7");
    assert_eq!(world.get_at(&format!("{host}:8443"), "/v1/a/b").await.0, 200);
    let event = world.event();
    assert_eq!((&event["rawPath"], &event["requestContext"]["stage"]), (&json!("/a/b"), &json!("dev")));
    assert_eq!(world.get_at(host, "/v1").await.0, 200);
    assert_eq!(world.get_at(host, "/v1/none").await, (404, r#"{"message":"Not Found"}"#.into()));
    assert_eq!(world.get_at(host, "/v2").await, (403, r#"{"message":"Forbidden"}"#.into()));
    // Their own endpoints are closed.
    assert_eq!(world.get(&format!("/_aws/execute-api/{rest}/prod/users/7")).await.status(), 403);
    assert_eq!(world.get(&format!("/_aws/execute-api/{http}/dev/a/b")).await.status(), 404);
    let response = world.send(Request::get("/v1/people/none").header("host", host), b"").await;
    assert_eq!(header(&response, "x-amzn-errortype"), "MissingAuthenticationTokenException");
}

#[tokio::test]
async fn base_paths_may_leave_the_stage_to_requests() {
    let world = World::new();
    let rest = world.rest_api(json!({})).await.api;
    world.deploy(&rest, "prod").await;
    world.domain("*.example.com").await;
    let create = json!({"domainName": "*.example.com", "restApiId": rest, "basePath": "(none)"});
    assert_eq!(world.rest("CreateBasePathMapping", create.clone()).await["basePath"], "(none)");
    assert_eq!(
        world.refused("apigateway", "CreateBasePathMapping", create).await,
        ("ConflictException".into(), "Base path already exists for this domain name".into())
    );
    assert_eq!(world.get_at("a.example.com", "/prod/users/7").await.0, 200);
    let name = json!({"domainName": "*.example.com", "basePath": "(none)"});
    let mut change = name.clone();
    change["patchOperations"] = json!([
        {"op": "replace", "path": "/stage", "value": "prod"}, {"op": "replace", "path": "/basePath", "value": "shop"},
    ]);
    assert_eq!(
        world.rest("UpdateBasePathMapping", change).await,
        json!({"basePath": "shop", "restApiId": rest, "stage": "prod"})
    );
    assert_eq!(world.get_at("a.example.com", "/shop/users/7").await.0, 200);
    assert_eq!(world.get_at("a.example.com", "/prod/users/7").await.0, 403);
    let mappings = world.http("GetApiMappings", json!({"domainName": "*.example.com"})).await;
    assert_eq!(mappings["items"][0]["apiMappingKey"], "shop");
    let id = &mappings["items"][0]["apiMappingId"];
    let change = json!({"domainName": "*.example.com", "apiMappingId": id, "apiId": rest, "apiMappingKey": "shop/v2"});
    world.http("UpdateApiMapping", change).await;
    assert_eq!(world.get_at("a.example.com", "/shop/v2/users/7").await.0, 200);
    let gone = world.refused("apigateway", "GetBasePathMapping", name).await;
    assert_eq!(gone, ("NotFoundException".into(), "Invalid base path mapping identifier specified".into()));
    world.http("DeleteApiMapping", json!({"domainName": "*.example.com", "apiMappingId": id})).await;
    assert_eq!(world.get_at("a.example.com", "/shop/v2/users/7").await.0, 403);
}

#[tokio::test]
async fn what_a_domain_leads_to_is_not_removed() {
    let world = World::new();
    let http = world.http_api(json!({}), "2.0", &["GET /"]).await;
    world.domain("a.example.com").await;
    world.map("a.example.com", "", &http, "$default").await;
    let refused = world.refused("apigatewayv2", "DeleteStage", json!({"apiId": http, "stageName": "$default"})).await;
    let words = "Deleting stage $default failed. Please remove all base path mappings related to the stage in your domains: a.example.com";
    assert_eq!(refused, ("BadRequestException".into(), words.into()));
    assert_eq!(world.refused("apigatewayv2", "DeleteApi", json!({"apiId": http})).await.0, "BadRequestException");
    world.http("DeleteDomainName", json!({"domainName": "a.example.com"})).await;
    world.http("DeleteApi", json!({"apiId": http})).await;
}

#[tokio::test]
async fn domains_are_checked_as_they_are_put() {
    let world = World::new();
    let http = world.http_api(json!({}), "2.0", &["GET /"]).await;
    world.domain("a.example.com").await;
    let configuration = json!({"certificateArn": CERTIFICATE});
    let create = |name: &str, more: Value| {
        let mut input = json!({"domainName": name, "domainNameConfigurations": [configuration]});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    for (name, more, code) in [
        ("", json!({}), "BadRequestException"),
        ("localhost", json!({}), "BadRequestException"),
        ("127.0.0.1", json!({}), "BadRequestException"),
        ("a..b", json!({}), "BadRequestException"),
        ("a b.c", json!({}), "BadRequestException"),
        ("x.execute-api.example.com", json!({}), "BadRequestException"),
        ("A.example.com", json!({}), "ConflictException"),
        ("b.example.com", json!({"domainNameConfigurations": []}), "BadRequestException"),
        ("b.example.com", json!({"domainNameConfigurations": [{"certificateArn": "x"}]}), "BadRequestException"),
        ("b.example.com", json!({"domainNameConfigurations": [{"securityPolicy": "SSL"}]}), "BadRequestException"),
        ("b.example.com", json!({"domainNameConfigurations": [{"endpointType": "EDGE"}]}), "BadRequestException"),
        ("b.example.com", json!({"mutualTlsAuthentication": {"truststoreUri": "s3://b/k"}}), "NotImplemented"),
        ("b.example.com", json!({"routingMode": "ROUTING_RULE_ONLY"}), "NotImplemented"),
    ] {
        let refused = world.refused("apigatewayv2", "CreateDomainName", create(name, more.clone())).await;
        assert_eq!(refused.0, code, "{name} {more} {}", refused.1);
    }
    let mapping = json!({"domainName": "a.example.com", "apiId": http, "stage": "$default", "apiMappingKey": "k"});
    for (more, code) in [
        (json!({"domainName": "none.example.com"}), "NotFoundException"),
        (json!({"apiId": "none"}), "BadRequestException"),
        (json!({"stage": "none"}), "BadRequestException"),
        (json!({"stage": null}), "BadRequestException"),
        (json!({"apiMappingKey": "a b"}), "BadRequestException"),
        (json!({"apiMappingKey": "a//b"}), "BadRequestException"),
        (json!({"apiMappingKey": "a/../b"}), "BadRequestException"),
        (json!({"apiMappingKey": "a".repeat(301)}), "BadRequestException"),
    ] {
        let mut input = mapping.clone();
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = world.refused("apigatewayv2", "CreateApiMapping", input).await;
        assert_eq!(refused.0, code, "{more} {}", refused.1);
    }
    let socket = world.websocket_api(&[]).await;
    world.map("a.example.com", "k", &http, "$default").await;
    let mixed = json!({"domainName": "a.example.com", "apiId": socket, "stage": "dev", "apiMappingKey": "s"});
    assert_eq!(world.refused("apigatewayv2", "CreateApiMapping", mixed).await.0, "BadRequestException");
    let levels = json!({"domainName": "a.example.com", "restApiId": http, "basePath": "a/b"});
    assert_eq!(world.refused("apigateway", "CreateBasePathMapping", levels).await.0, "BadRequestException");
    let uploaded = json!({"domainName": "b.example.com", "certificateBody": "x"});
    assert_eq!(world.refused("apigateway", "CreateDomainName", uploaded).await.0, "NotImplemented");
}

/// The form in which what is stored has to stay readable.
#[test]
fn stored_forms_stand_still() {
    use kv::Stored;

    use crate::types::Texts;
    use crate::types::domain::{Domain, Endpoint, Mapping};

    let domain = Domain {
        name: "a.b".into(),
        region: "r".into(),
        account: "1".into(),
        created: base::Timestamp(1),
        endpoint: Endpoint::Regional,
        certificate: None,
        certificate_name: None,
        security_policy: "TLS_1_2".into(),
        target: "d-1".into(),
        tags: Texts::new(),
    };
    let golden = b"\x01\x8a\xa4name\xa3a.b\xa6region\xa1r\xa7account\xa11\xa7created\x01\xa8endpoint\xa8Regional\
        \xabcertificate\xc0\xb0certificate_name\xc0\xafsecurity_policy\xa7TLS_1_2\xa6target\xa3d-1\xa4tags\x80";
    assert_eq!(domain.to_bytes().unwrap().as_ref(), golden);
    assert_eq!(Domain::from_bytes(&bytes::Bytes::from_static(golden)).unwrap(), domain);
    let mapping = Mapping { id: "m".into(), path: "p".into(), api: "a".into(), stage: Some("s".into()) };
    let golden = b"\x01\x84\xa2id\xa1m\xa4path\xa1p\xa3api\xa1a\xa5stage\xa1s";
    assert_eq!(mapping.to_bytes().unwrap().as_ref(), golden);
    // An integration as it was before it could be anything but a function.
    let before = b"\x01\x87\xa2id\xa1i\xa3uri\xa1u\xa7payload\xa2V2\xaetimeout_millis\x05\xabdescription\xc0\xa6method\xc0\xa7managed\xc2";
    let integration = crate::types::http::Integration::from_bytes(&bytes::Bytes::from_static(before)).unwrap();
    assert_eq!(integration.kind, crate::types::http::IntegrationKind::Function);
}
