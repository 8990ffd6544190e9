//! `AWS::ApiGateway::DomainName` and `BasePathMapping`, `AWS::ApiGatewayV2::DomainName` and `ApiMapping`, and
//! `Custom::CloudletApiDomain`: custom domains, and the APIs beneath them.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::shape::{Property, Shape, TAGS, TEXTS, fixed, property};
use super::{
    Cx, Made, Properties, Resource, ResourceError, Result, deleted, lower_members, only, tags, text, text_of, without,
};
use crate::state::Deployed;

const REST: &str = "apigateway";
const HTTP: &str = "apigatewayv2";
/// What stands for the path that is none.
const NO_PATH: &str = "(none)";
/// The tag of domains that a deployment has made because they were not there: it takes them away again.
const MADE: &str = "cloudlet:made-by-deploy";

/// The ARN of a domain, for its tags.
fn arn(cx: &Cx<'_>, name: &str) -> String {
    format!("arn:aws:apigateway:{}::/domainnames/{}", cx.cloud.region(), name.to_ascii_lowercase())
}

/// Tags by name, from before to after.
async fn change_tags(cx: &Cx<'_>, name: &str, before: &Value, after: &Value) -> Result<()> {
    let map = |tags: &Value| tags.as_object().cloned().unwrap_or_default();
    let (set, gone) = tags::changes(&map(before), &map(after));
    let arn = arn(cx, name);
    if !set.is_empty() {
        cx.call(HTTP, "TagResource", json!({"resourceArn": arn, "tags": set})).await?;
    }
    if !gone.is_empty() {
        cx.call(HTTP, "UntagResource", json!({"resourceArn": arn, "tagKeys": gone})).await?;
    }
    Ok(())
}

pub struct RestDomainName;

/// What `UpdateDomainName` replaces with one value each.
const REPLACED: &[(&str, &str)] = &[
    ("CertificateArn", "/certificateArn"),
    ("RegionalCertificateArn", "/regionalCertificateArn"),
    ("SecurityPolicy", "/securityPolicy"),
];

#[async_trait]
impl Resource for RestDomainName {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::DomainName"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("DomainName", Shape::Text).required(),
                property("CertificateArn", Shape::Text),
                property("RegionalCertificateArn", Shape::Text),
                fixed("EndpointConfiguration", Shape::Struct(&[("Types", TEXTS), ("IpAddressType", Shape::Text)])),
                property("SecurityPolicy", Shape::Text),
                property("Tags", TAGS),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &[
            "DistributionDomainName",
            "DistributionHostedZoneId",
            "DomainNameArn",
            "RegionalDomainName",
            "RegionalHostedZoneId",
        ]
    }

    fn name(&self) -> Option<&'static str> {
        Some("DomainName")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = lower_members(without(wanted, &["EndpointConfiguration", "Tags"]));
        if let Some(endpoint) = wanted.get("EndpointConfiguration") {
            input["endpointConfiguration"] = lower_members(endpoint.clone());
        }
        input["tags"] = Value::Object(tags::map(wanted));
        let made = cx.call(REST, "CreateDomainName", input).await?;
        let name = text(&made, "domainName")?;
        // Those of the other kind of endpoint are there for references, and empty.
        let member = |name: &str| made.get(name).cloned().unwrap_or_else(|| json!(""));
        Ok(Made::new(
            name,
            [
                ("DistributionDomainName", member("distributionDomainName")),
                ("DistributionHostedZoneId", member("distributionHostedZoneId")),
                ("DomainNameArn", member("domainNameArn")),
                ("RegionalDomainName", member("regionalDomainName")),
                ("RegionalHostedZoneId", member("regionalHostedZoneId")),
            ],
        ))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let changed = REPLACED.iter().filter(|(name, _)| old.properties.get(*name) != wanted.get(*name));
        let patches: Vec<Value> = changed
            .map(|(name, path)| match wanted.get(*name) {
                Some(value) => json!({"op": "replace", "path": path, "value": value}),
                None if *name == "SecurityPolicy" => json!({"op": "replace", "path": path, "value": "TLS_1_2"}),
                None => json!({"op": "remove", "path": path}),
            })
            .collect();
        if !patches.is_empty() {
            let input = json!({"domainName": old.physical_id, "patchOperations": patches});
            cx.call(REST, "UpdateDomainName", input).await?;
        }
        let of = |properties: &Properties| Value::Object(tags::map(properties));
        change_tags(cx, &old.physical_id, &of(&old.properties), &of(wanted)).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call(REST, "DeleteDomainName", json!({"domainName": old.physical_id})).await)
    }
}

pub struct BasePathMapping;

#[async_trait]
impl Resource for BasePathMapping {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::BasePathMapping"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("DomainName", Shape::Text).required(),
                property("BasePath", Shape::Text),
                property("RestApiId", Shape::Text).required(),
                property("Stage", Shape::Text),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let made = cx.call(REST, "CreateBasePathMapping", lower_members(without(wanted, &[]))).await?;
        Ok(Made::new(format!("{}|{}", text_of(wanted, "DomainName")?, text(&made, "basePath")?), []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let (domain, path) = self::parts(&old.physical_id)?;
        let own = |name: &str| wanted.get(name).cloned().unwrap_or_else(|| json!(""));
        let patches = [("/basePath", "BasePath"), ("/restapiId", "RestApiId"), ("/stage", "Stage")]
            .map(|(path, name)| json!({"op": "replace", "path": path, "value": own(name)}));
        let input = json!({"domainName": domain, "basePath": path, "patchOperations": patches});
        let made = cx.call(REST, "UpdateBasePathMapping", input).await?;
        Ok(Made::new(format!("{domain}|{}", text(&made, "basePath")?), []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let (domain, path) = self::parts(&old.physical_id)?;
        let input = json!({"domainName": domain, "basePath": path});
        deleted(cx.call(REST, "DeleteBasePathMapping", input).await)
    }
}

/// The domain of a physical id, and what is after it.
fn parts(id: &str) -> Result<(&str, &str)> {
    id.split_once('|').ok_or_else(|| ResourceError::Unfit(format!("{id} is not the id of a mapping")))
}

pub struct HttpDomainName;

const CONFIGURATION: Shape = Shape::Struct(&[
    ("CertificateArn", Shape::Text),
    ("CertificateName", Shape::Text),
    ("EndpointType", Shape::Text),
    ("IpAddressType", Shape::Text),
    ("OwnershipVerificationCertificateArn", Shape::Text),
    ("SecurityPolicy", Shape::Text),
]);

#[async_trait]
impl Resource for HttpDomainName {
    fn kind(&self) -> &'static str {
        "AWS::ApiGatewayV2::DomainName"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("DomainName", Shape::Text).required(),
                property("DomainNameConfigurations", Shape::List(&CONFIGURATION)),
                property("MutualTlsAuthentication", Shape::Json),
                property("RoutingMode", Shape::Text),
                property("Tags", Shape::TextMap),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["DomainNameArn", "RegionalDomainName", "RegionalHostedZoneId"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("DomainName")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = configured(wanted);
        if let Some(tags) = wanted.get("Tags") {
            input["tags"] = tags.clone();
        }
        let made = cx.call(HTTP, "CreateDomainName", input).await?;
        let first = made.pointer("/domainNameConfigurations/0").cloned().unwrap_or_default();
        let member = |name: &str| first.get(name).cloned().unwrap_or_default();
        Ok(Made::new(
            text(&made, "domainName")?,
            [
                ("DomainNameArn", made.get("domainNameArn").cloned().unwrap_or_default()),
                ("RegionalDomainName", member("apiGatewayDomainName")),
                ("RegionalHostedZoneId", member("hostedZoneId")),
            ],
        ))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        cx.call(HTTP, "UpdateDomainName", configured(wanted)).await?;
        let of = |properties: &Properties| properties.get("Tags").cloned().unwrap_or_default();
        change_tags(cx, &old.physical_id, &of(&old.properties), &of(wanted)).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call(HTTP, "DeleteDomainName", json!({"domainName": old.physical_id})).await)
    }
}

/// The input for a domain, but for its tags.
fn configured(wanted: &Properties) -> Value {
    let mut input = lower_members(without(wanted, &["DomainNameConfigurations", "Tags"]));
    let list = wanted.get("DomainNameConfigurations").and_then(Value::as_array).cloned();
    // A template may leave them out where there is no certificate to name.
    let list = list.unwrap_or_else(|| vec![json!({})]);
    input["domainNameConfigurations"] = list.into_iter().map(lower_members).collect();
    input
}

pub struct ApiMapping;

#[async_trait]
impl Resource for ApiMapping {
    fn kind(&self) -> &'static str {
        "AWS::ApiGatewayV2::ApiMapping"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("DomainName", Shape::Text).required(),
                property("ApiId", Shape::Text).required(),
                property("ApiMappingKey", Shape::Text),
                property("Stage", Shape::Text).required(),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["ApiMappingId"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let made = cx.call(HTTP, "CreateApiMapping", lower_members(without(wanted, &[]))).await?;
        let id = text(&made, "apiMappingId")?;
        Ok(Made::new(id, [("ApiMappingId", json!(id))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = lower_members(without(wanted, &[]));
        input["apiMappingId"] = json!(old.physical_id);
        if input.get("apiMappingKey").is_none() {
            input["apiMappingKey"] = json!("");
        }
        cx.call(HTTP, "UpdateApiMapping", input).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"domainName": text_of(&old.properties, "DomainName")?, "apiMappingId": old.physical_id});
        deleted(cx.call(HTTP, "DeleteApiMapping", input).await)
    }
}

/// An API beneath a domain that several stacks may share: the first one makes it, and the last one takes it away. A domain that
/// somebody else has made stays.
pub struct ApiDomain;

#[async_trait]
impl Resource for ApiDomain {
    fn kind(&self) -> &'static str {
        "Custom::CloudletApiDomain"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("DomainName", Shape::Text).required(),
                property("ApiId", Shape::Text).required(),
                property("ApiMappingKey", Shape::Text),
                property("Stage", Shape::Text).required(),
                property("CertificateArn", Shape::Text),
                property("EndpointType", Shape::Text),
                property("SecurityPolicy", Shape::Text),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["DomainName", "TargetDomainName"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let domain = domain(cx, wanted).await?;
        let mapping = cx.call(HTTP, "CreateApiMapping", mapped(wanted)).await;
        let mapping = match mapping {
            Ok(mapping) => mapping,
            Err(error) => {
                leave(cx, text_of(wanted, "DomainName")?).await?;
                return Err(error);
            }
        };
        Ok(Made::new(
            text(&mapping, "apiMappingId")?,
            [
                ("DomainName", json!(text(&domain, "domainName")?)),
                (
                    "TargetDomainName",
                    domain.pointer("/domainNameConfigurations/0/apiGatewayDomainName").cloned().unwrap_or_default(),
                ),
            ],
        ))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let mut input = mapped(wanted);
        input["apiMappingId"] = json!(old.physical_id);
        cx.call(HTTP, "UpdateApiMapping", input).await?;
        let changes: Vec<Value> = [("CertificateArn", "/certificateArn"), ("SecurityPolicy", "/securityPolicy")]
            .iter()
            .filter(|(name, _)| old.properties.get(*name) != wanted.get(*name))
            .filter_map(|(name, path)| Some(json!({"op": "replace", "path": path, "value": wanted.get(*name)?})))
            .collect();
        if !changes.is_empty() {
            let input = json!({"domainName": text_of(wanted, "DomainName")?, "patchOperations": changes});
            cx.call(REST, "UpdateDomainName", input).await?;
        }
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let domain = text_of(&old.properties, "DomainName")?;
        let input = json!({"domainName": domain, "apiMappingId": old.physical_id});
        deleted(cx.call(HTTP, "DeleteApiMapping", input).await)?;
        leave(cx, domain).await
    }
}

/// The mapping's part of an input.
fn mapped(wanted: &Properties) -> Value {
    let mut input = lower_members(only(wanted, &["DomainName", "ApiId", "Stage"]));
    let key = wanted.get("ApiMappingKey").and_then(Value::as_str).filter(|key| *key != NO_PATH);
    input["apiMappingKey"] = json!(key.unwrap_or_default());
    input
}

/// The domain, made where it is not there.
async fn domain(cx: &Cx<'_>, wanted: &Properties) -> Result<Value> {
    let name = json!({"domainName": text_of(wanted, "DomainName")?});
    match cx.call(HTTP, "GetDomainName", name.clone()).await {
        Err(error) if error.is_absent() => {}
        found => return found,
    }
    let is_edge =
        wanted.get("EndpointType").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("edge"));
    let mut input = name.clone();
    input["endpointConfiguration"] = json!({"types": [if is_edge { "EDGE" } else { "REGIONAL" }]});
    input["tags"] = json!({MADE: "true"});
    for (name, member) in [
        ("CertificateArn", if is_edge { "certificateArn" } else { "regionalCertificateArn" }),
        ("SecurityPolicy", "securityPolicy"),
    ] {
        if let Some(value) = wanted.get(name) {
            input[member] = value.clone();
        }
    }
    cx.call(REST, "CreateDomainName", input).await?;
    cx.call(HTTP, "GetDomainName", name).await
}

/// Takes a domain away that a deployment has made and that nothing is beneath any more.
async fn leave(cx: &Cx<'_>, name: &str) -> Result<()> {
    let input = json!({"domainName": name});
    let domain = match cx.call(HTTP, "GetDomainName", input.clone()).await {
        Err(error) if error.is_absent() => return Ok(()),
        found => found?,
    };
    let mappings = cx.call(HTTP, "GetApiMappings", input.clone()).await?;
    let is_empty = mappings.get("items").and_then(Value::as_array).is_none_or(Vec::is_empty);
    let is_made = domain.get("tags").is_some_and(|tags| tags.get(MADE).is_some());
    if is_empty && is_made {
        deleted(cx.call(HTTP, "DeleteDomainName", input).await)?;
    }
    Ok(())
}
