//! `AWS::Events::Connection` and `AWS::Events::ApiDestination`.

use async_trait::async_trait;
use serde_json::json;

use super::super::shape::{Property, Shape, fixed, property};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, only, or_delete, text};
use crate::state::Deployed;

/// What is added to requests.
const PARAMETERS: Shape =
    Shape::List(&Shape::Struct(&[("Key", Shape::Text), ("Value", Shape::Text), ("IsValueSecret", Shape::Boolean)]));
const HTTP: Shape = Shape::Struct(&[
    ("HeaderParameters", PARAMETERS),
    ("QueryStringParameters", PARAMETERS),
    ("BodyParameters", PARAMETERS),
]);
const AUTH: Shape = Shape::Struct(&[
    ("BasicAuthParameters", Shape::Struct(&[("Username", Shape::Text), ("Password", Shape::Text)])),
    ("ApiKeyAuthParameters", Shape::Struct(&[("ApiKeyName", Shape::Text), ("ApiKeyValue", Shape::Text)])),
    (
        "OAuthParameters",
        Shape::Struct(&[
            ("ClientParameters", Shape::Struct(&[("ClientID", Shape::Text), ("ClientSecret", Shape::Text)])),
            ("AuthorizationEndpoint", Shape::Text),
            ("HttpMethod", Shape::Text),
            ("OAuthHttpParameters", HTTP),
        ]),
    ),
    ("InvocationHttpParameters", HTTP),
    ("ConnectivityParameters", Shape::Json),
]);

pub struct Connection;

/// What is asked for under the same name.
const CONNECTION: &[&str] =
    &["Description", "AuthorizationType", "AuthParameters", "InvocationConnectivityParameters", "KmsKeyIdentifier"];

#[async_trait]
impl Resource for Connection {
    fn kind(&self) -> &'static str {
        "AWS::Events::Connection"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("Name", Shape::Text),
                property("Description", Shape::Text),
                property("AuthorizationType", Shape::Text),
                property("AuthParameters", AUTH),
                property("InvocationConnectivityParameters", Shape::Json),
                property("KmsKeyIdentifier", Shape::Text),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", "ArnForPolicy", "SecretArn"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("Name")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "Name", 64);
        let mut input = only(wanted, CONNECTION);
        input["Name"] = json!(name);
        let made = cx.call("events", "CreateConnection", input).await?;
        let described = cx.call("events", "DescribeConnection", json!({"Name": name})).await;
        let described = or_delete(described, cx.call("events", "DeleteConnection", json!({"Name": name}))).await?;
        let attributes = [
            ("Arn", json!(text(&made, "ConnectionArn")?)),
            ("ArnForPolicy", json!(cx.arn("events", &format!("connection/{name}")))),
            ("SecretArn", json!(text(&described, "SecretArn")?)),
        ];
        Ok(Made::new(name, attributes))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = only(wanted, CONNECTION);
        input["Name"] = json!(old.physical_id);
        // What is not wanted any more is set to nothing; what is not said at all stays.
        if input.get("Description").is_none() {
            input["Description"] = json!("");
        }
        cx.call("events", "UpdateConnection", input).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("events", "DeleteConnection", json!({"Name": old.physical_id})).await)
    }
}

pub struct ApiDestination;

const DESTINATION: &[&str] =
    &["Description", "ConnectionArn", "InvocationEndpoint", "HttpMethod", "InvocationRateLimitPerSecond"];
/// Requests in a second where nothing is said.
const RATE: u32 = 300;

#[async_trait]
impl Resource for ApiDestination {
    fn kind(&self) -> &'static str {
        "AWS::Events::ApiDestination"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("Name", Shape::Text),
                property("Description", Shape::Text),
                property("ConnectionArn", Shape::Text).required(),
                property("InvocationEndpoint", Shape::Text).required(),
                property("HttpMethod", Shape::Text).required(),
                property("InvocationRateLimitPerSecond", Shape::Integer),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", "ArnForPolicy"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("Name")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "Name", 64);
        let mut input = only(wanted, DESTINATION);
        input["Name"] = json!(name);
        let made = cx.call("events", "CreateApiDestination", input).await?;
        let arn = json!(text(&made, "ApiDestinationArn")?);
        let for_policy = json!(cx.arn("events", &format!("api-destination/{name}")));
        Ok(Made::new(name, [("Arn", arn), ("ArnForPolicy", for_policy)]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = only(wanted, DESTINATION);
        input["Name"] = json!(old.physical_id);
        for (name, without) in [("Description", json!("")), ("InvocationRateLimitPerSecond", json!(RATE))] {
            if input.get(name).is_none() {
                input[name] = without;
            }
        }
        cx.call("events", "UpdateApiDestination", input).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("events", "DeleteApiDestination", json!({"Name": old.physical_id})).await)
    }
}
