//! How users sign in on pages and with others: `AWS::Cognito::UserPoolDomain`, `AWS::Cognito::UserPoolResourceServer`,
//! `AWS::Cognito::UserPoolIdentityProvider`, `AWS::Cognito::IdentityPool`, `AWS::Cognito::IdentityPoolRoleAttachment` and
//! `AWS::IAM::OIDCProvider`.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::shape::{Property, Shape, TAGS, TEXTS, fixed, property};
use super::{Cx, Made, Properties, Resource, Result, deleted, only, text, text_of, without};
use crate::state::Deployed;

const POOLS: &str = "cognito-idp";
const IDENTITIES: &str = "cognito-identity";

pub struct UserPoolDomain;

#[async_trait]
impl Resource for UserPoolDomain {
    fn kind(&self) -> &'static str {
        "AWS::Cognito::UserPoolDomain"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                property("CustomDomainConfig", Shape::Struct(&[("CertificateArn", Shape::Text)])),
                fixed("Domain", Shape::Text).required(),
                property("ManagedLoginVersion", Shape::Integer),
                fixed("UserPoolId", Shape::Text).required(),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["CloudFrontDistribution"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        cx.call(POOLS, "CreateUserPoolDomain", without(wanted, &[])).await?;
        domain_of(wanted)
    }

    async fn update(&self, cx: &Cx<'_>, _: &Deployed, wanted: &Properties) -> Result<Made> {
        cx.call(POOLS, "UpdateUserPoolDomain", without(wanted, &[])).await?;
        domain_of(wanted)
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call(POOLS, "DeleteUserPoolDomain", only(&old.properties, &["Domain", "UserPoolId"])).await)
    }
}

fn domain_of(wanted: &Properties) -> Result<Made> {
    let name = text_of(wanted, "Domain")?;
    Ok(Made::new(name, [("CloudFrontDistribution", json!(name))]))
}

pub struct UserPoolResourceServer;

#[async_trait]
impl Resource for UserPoolResourceServer {
    fn kind(&self) -> &'static str {
        "AWS::Cognito::UserPoolResourceServer"
    }

    fn properties(&self) -> &'static [Property] {
        const SCOPE: Shape = Shape::Struct(&[("ScopeDescription", Shape::Text), ("ScopeName", Shape::Text)]);
        const {
            &[
                fixed("Identifier", Shape::Text).required(),
                property("Name", Shape::Text).required(),
                property("Scopes", Shape::List(&SCOPE)),
                fixed("UserPoolId", Shape::Text).required(),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        cx.call(POOLS, "CreateResourceServer", without(wanted, &[])).await?;
        Ok(Made::new(text_of(wanted, "Identifier")?, []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        cx.call(POOLS, "UpdateResourceServer", without(wanted, &[])).await?;
        Ok(Made::new(&old.physical_id, []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call(POOLS, "DeleteResourceServer", only(&old.properties, &["Identifier", "UserPoolId"])).await)
    }
}

pub struct UserPoolIdentityProvider;

#[async_trait]
impl Resource for UserPoolIdentityProvider {
    fn kind(&self) -> &'static str {
        "AWS::Cognito::UserPoolIdentityProvider"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                property("AttributeMapping", Shape::TextMap),
                property("IdpIdentifiers", TEXTS),
                property("ProviderDetails", Shape::TextMap).required(),
                fixed("ProviderName", Shape::Text).required(),
                fixed("ProviderType", Shape::Text).required(),
                fixed("UserPoolId", Shape::Text).required(),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        cx.call(POOLS, "CreateIdentityProvider", without(wanted, &[])).await?;
        Ok(Made::new(text_of(wanted, "ProviderName")?, []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &["ProviderType"]);
        // What is not wanted any more goes.
        for (name, none) in [("AttributeMapping", json!({})), ("IdpIdentifiers", json!([]))] {
            if input.get(name).is_none() {
                input[name] = none;
            }
        }
        cx.call(POOLS, "UpdateIdentityProvider", input).await?;
        Ok(Made::new(&old.physical_id, []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call(POOLS, "DeleteIdentityProvider", only(&old.properties, &["ProviderName", "UserPoolId"])).await)
    }
}

pub struct IdentityPool;

#[async_trait]
impl Resource for IdentityPool {
    fn kind(&self) -> &'static str {
        "AWS::Cognito::IdentityPool"
    }

    fn properties(&self) -> &'static [Property] {
        const USER_POOL: Shape = Shape::Struct(&[
            ("ClientId", Shape::Text),
            ("ProviderName", Shape::Text),
            ("ServerSideTokenCheck", Shape::Boolean),
        ]);
        const {
            &[
                property("AllowClassicFlow", Shape::Boolean),
                property("AllowUnauthenticatedIdentities", Shape::Boolean).required(),
                property("CognitoIdentityProviders", Shape::List(&USER_POOL)),
                property("DeveloperProviderName", Shape::Text),
                property("IdentityPoolName", Shape::Text),
                property("IdentityPoolTags", TAGS),
                property("OpenIdConnectProviderARNs", TEXTS),
                property("SamlProviderARNs", TEXTS),
                property("SupportedLoginProviders", Shape::TextMap),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Name"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "IdentityPoolName", 128);
        identity_pool_of(&cx.call(IDENTITIES, "CreateIdentityPool", identity_pool(wanted, &name)).await?)
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let id = json!({"IdentityPoolId": old.physical_id});
        let before = cx.call(IDENTITIES, "DescribeIdentityPool", id).await?;
        let name = wanted.get("IdentityPoolName").and_then(Value::as_str);
        let name = name.map_or_else(|| text(&before, "IdentityPoolName"), Ok)?;
        let mut input = identity_pool(wanted, name);
        input["IdentityPoolId"] = json!(old.physical_id);
        identity_pool_of(&cx.call(IDENTITIES, "UpdateIdentityPool", input).await?)
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call(IDENTITIES, "DeleteIdentityPool", json!({"IdentityPoolId": old.physical_id})).await)
    }
}

/// What CreateIdentityPool and UpdateIdentityPool take alike. Tags are by name there.
fn identity_pool(wanted: &Properties, name: &str) -> Value {
    let mut input = without(wanted, &["IdentityPoolTags"]);
    input["IdentityPoolName"] = json!(name);
    if let Some(tags) = wanted.get("IdentityPoolTags").and_then(Value::as_array) {
        let tag = |tag: &Value| Some((tag["Key"].as_str()?.to_owned(), tag["Value"].clone()));
        input["IdentityPoolTags"] = Value::Object(tags.iter().filter_map(tag).collect());
    }
    input
}

fn identity_pool_of(answer: &Value) -> Result<Made> {
    Ok(Made::new(text(answer, "IdentityPoolId")?, [("Name", answer["IdentityPoolName"].clone())]))
}

pub struct IdentityPoolRoleAttachment;

#[async_trait]
impl Resource for IdentityPoolRoleAttachment {
    fn kind(&self) -> &'static str {
        "AWS::Cognito::IdentityPoolRoleAttachment"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("IdentityPoolId", Shape::Text).required(),
                property("RoleMappings", Shape::Json),
                property("Roles", Shape::TextMap),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        cx.call(IDENTITIES, "SetIdentityPoolRoles", attached(wanted)).await?;
        Ok(Made::new(text_of(wanted, "IdentityPoolId")?, []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        cx.call(IDENTITIES, "SetIdentityPoolRoles", attached(wanted)).await?;
        Ok(Made::new(&old.physical_id, []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let mut input = only(&old.properties, &["IdentityPoolId"]);
        input["Roles"] = json!({});
        deleted(cx.call(IDENTITIES, "SetIdentityPoolRoles", input).await)
    }
}

/// A template's mappings have names of their own, and say in `IdentityProvider` whose they are where that is not the name.
fn attached(wanted: &Properties) -> Value {
    let mut input = without(wanted, &["RoleMappings"]);
    if input.get("Roles").is_none() {
        input["Roles"] = json!({});
    }
    if let Some(mappings) = wanted.get("RoleMappings").and_then(Value::as_object) {
        let mapping = |(name, mapping): (&String, &Value)| {
            let mut mapping = mapping.clone();
            let provider = mapping.as_object_mut().and_then(|members| members.remove("IdentityProvider"));
            (provider.as_ref().and_then(Value::as_str).unwrap_or(name).to_owned(), mapping)
        };
        input["RoleMappings"] = Value::Object(mappings.iter().map(mapping).collect::<Map<_, _>>());
    }
    input
}

pub struct OidcProvider;

#[async_trait]
impl Resource for OidcProvider {
    fn kind(&self) -> &'static str {
        "AWS::IAM::OIDCProvider"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("ClientIdList", TEXTS),
                fixed("Tags", TAGS),
                property("ThumbprintList", TEXTS),
                fixed("Url", Shape::Text).required(),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = without(wanted, &["ClientIdList"]);
        if let Some(clients) = wanted.get("ClientIdList") {
            input["ClientIDList"] = clients.clone();
        }
        let made = cx.call("iam", "CreateOpenIDConnectProvider", input).await?;
        let arn = text(&made, "OpenIDConnectProviderArn")?;
        Ok(Made::new(arn, [("Arn", json!(arn))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let arn = &old.physical_id;
        let thumbprints = wanted.get("ThumbprintList").cloned().unwrap_or_else(|| json!([]));
        let input = json!({"OpenIDConnectProviderArn": arn, "ThumbprintList": thumbprints});
        cx.call("iam", "UpdateOpenIDConnectProviderThumbprint", input).await?;
        Ok(Made::new(arn, [("Arn", json!(arn))]))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"OpenIDConnectProviderArn": old.physical_id});
        deleted(cx.call("iam", "DeleteOpenIDConnectProvider", input).await)
    }
}
