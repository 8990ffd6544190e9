//! Who may follow a query at the same time.

use http::Response;
use serde_json::json;
use service::{Body, WireRequest};
use wire::Protocol;

use crate::fixture::Fixture;

const FOLLOWERS_MAX: usize = 4096;

async fn follow(fixture: &Fixture) -> Response<Body> {
    let query = json!({
        "TableName": "tab",
        "KeyConditionExpression": "pk = :k",
        "ExpressionAttributeValues": {":k": {"S": "a"}},
    });
    let services = fixture.0.cloud.services();
    let operation = services.iter().find_map(|service| service.operation("FollowQuery")).unwrap();
    let query: String = query.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
    let request = WireRequest {
        protocol: Protocol::RestJson,
        labels: Vec::new(),
        path: String::new(),
        query: format!("query={query}"),
        headers: Default::default(),
        body: Default::default(),
        params: None,
    };
    operation.serve(fixture.0.cloud.system(), request).await
}

#[tokio::test]
async fn followers_are_limited_and_leave_nothing_behind() {
    let fixture = Fixture::with_table().await;
    let mut following = Vec::new();
    for _ in 0..FOLLOWERS_MAX {
        let response = follow(&fixture).await;
        assert_eq!(response.status(), 200);
        following.push(response);
    }
    let refused = follow(&fixture).await;
    assert_eq!(refused.status(), 400);
    assert!(String::from_utf8_lossy(&refused.into_body().collect().await.unwrap()).contains("4096"));
    drop(following.pop());
    assert_eq!(follow(&fixture).await.status(), 200);
}
