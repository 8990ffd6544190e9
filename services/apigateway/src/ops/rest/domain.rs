//! CreateDomainName, GetDomainName, GetDomainNames, UpdateDomainName, DeleteDomainName.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::Items;
use super::patch::{self, Op, Patch, PatchOperation};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::domain;
use crate::ops::domain::{self as checks, Wanted};
use crate::ops::{self, Empty};
use crate::types::Texts;
use crate::types::domain::{Domain, Endpoint};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub domain_name: String,
    pub certificate_name: Option<String>,
    pub certificate_body: Option<String>,
    pub certificate_private_key: Option<String>,
    pub certificate_chain: Option<String>,
    pub certificate_arn: Option<String>,
    pub regional_certificate_name: Option<String>,
    pub regional_certificate_arn: Option<String>,
    pub endpoint_configuration: Option<EndpointInput>,
    pub security_policy: Option<String>,
    pub endpoint_access_mode: Option<String>,
    pub mutual_tls_authentication: Option<serde_json::Value>,
    pub ownership_verification_certificate_arn: Option<String>,
    pub policy: Option<String>,
    pub routing_mode: Option<String>,
    pub tags: Texts,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointInput {
    pub types: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DomainOutput {
    pub domain_name: String,
    pub domain_name_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_arn: Option<String>,
    pub certificate_upload_date: DateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regional_domain_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regional_hosted_zone_id: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regional_certificate_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regional_certificate_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution_domain_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution_hosted_zone_id: Option<&'static str>,
    pub endpoint_configuration: EndpointOutput,
    pub domain_name_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain_name_status_message: Option<String>,
    pub security_policy: String,
    pub routing_mode: &'static str,
    pub tags: Texts,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointOutput {
    pub types: [&'static str; 1],
    pub ip_address_type: &'static str,
}

impl DomainOutput {
    fn new(cx: &Cx, domain: Domain) -> DomainOutput {
        let (domain_name_status, domain_name_status_message) = checks::status(cx, &domain, "PENDING");
        let (target, is_edge) = (checks::target(cx, &domain), domain.endpoint == Endpoint::Edge);
        let (edge_arn, regional_arn) = sided(domain.certificate.clone(), is_edge);
        let (edge_name, regional_name) = sided(domain.certificate_name.clone(), is_edge);
        let (distribution, regional) = sided(Some(target), is_edge);
        let (edge_zone, regional_zone) =
            sided(Some(if is_edge { checks::EDGE_ZONE } else { checks::REGIONAL_ZONE }), is_edge);
        DomainOutput {
            domain_name_arn: checks::arn(cx, &domain),
            domain_name: domain.name,
            certificate_name: edge_name,
            certificate_arn: edge_arn,
            certificate_upload_date: domain.created.into(),
            regional_domain_name: regional,
            regional_hosted_zone_id: regional_zone,
            regional_certificate_name: regional_name,
            regional_certificate_arn: regional_arn,
            distribution_domain_name: distribution,
            distribution_hosted_zone_id: edge_zone,
            endpoint_configuration: EndpointOutput {
                types: [if is_edge { "EDGE" } else { "REGIONAL" }],
                ip_address_type: "ipv4",
            },
            domain_name_status,
            domain_name_status_message,
            security_policy: domain.security_policy,
            routing_mode: "BASE_PATH_MAPPING_ONLY",
            tags: domain.tags,
        }
    }
}

/// What members for one kind of domain hold, and those for the other.
fn sided<T>(value: Option<T>, is_edge: bool) -> (Option<T>, Option<T>) {
    if is_edge { (value, None) } else { (None, value) }
}

fn is_edge(types: &[&str]) -> Result<bool, Error> {
    match types {
        [] | ["EDGE"] => Ok(true),
        ["REGIONAL"] => Ok(false),
        ["PRIVATE"] => Err(Error::not_implemented("Private custom domains (endpoint type PRIVATE)")),
        _ => Err(Error::bad("Exactly one endpoint type must be specified: EDGE or REGIONAL")),
    }
}

pub async fn create(state: Arc<ApiGateway>, cx: Cx, input: CreateInput) -> Result<DomainOutput, Error> {
    let is_uploaded = [&input.certificate_body, &input.certificate_private_key, &input.certificate_chain];
    checks::check_unsupported(&[
        ("certificateBody, certificatePrivateKey and certificateChain", is_uploaded.iter().any(|part| part.is_some())),
        ("endpointAccessMode", input.endpoint_access_mode.as_deref().is_some_and(|mode| mode != "BASIC")),
        ("mutualTlsAuthentication", input.mutual_tls_authentication.is_some()),
        ("ownershipVerificationCertificateArn", input.ownership_verification_certificate_arn.is_some()),
        ("policy", input.policy.is_some()),
        ("routingMode", input.routing_mode.as_deref().is_some_and(|mode| mode != "BASE_PATH_MAPPING_ONLY")),
    ])?;
    let types = input.endpoint_configuration.map(|endpoint| endpoint.types).unwrap_or_default();
    let domain = checks::new(
        &cx,
        Wanted {
            name: input.domain_name,
            is_edge: is_edge(&types.iter().map(String::as_str).collect::<Vec<_>>())?,
            certificate: input.certificate_arn.or(input.regional_certificate_arn),
            certificate_name: input.certificate_name.or(input.regional_certificate_name),
            security_policy: input.security_policy,
            tags: input.tags,
        },
    )?;
    let stored = domain.clone();
    let taken = || Error::bad("The domain name you provided already exists.");
    cx.db().write(move |tx| domain::create(tx, &stored, taken)).await?;
    checks::refresh(&state, &cx, &domain.name)?;
    Ok(DomainOutput::new(&cx, domain))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DomainName {
    pub domain_name: String,
    /// Of private domains.
    pub domain_name_id: Option<String>,
}

impl DomainName {
    fn check(&self) -> Result<(), Error> {
        checks::check_unsupported(&[("domainNameId", self.domain_name_id.is_some())])
    }
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: DomainName) -> Result<DomainOutput, Error> {
    input.check()?;
    let (_, domain) = checks::find(&cx, &input.domain_name)?;
    Ok(DomainOutput::new(&cx, domain))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListDomainsInput {
    pub position: Option<String>,
    pub limit: Option<usize>,
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListDomainsInput) -> Result<Items<DomainOutput>, Error> {
    let all = domain::list(&cx.db().read()?, cx.region().as_str())?;
    let sizes = (limits::REST_PAGE_DEFAULT, limits::REST_PAGE_MAX);
    let (found, position) = ops::page(all, input.position.as_deref(), input.limit, sizes)?;
    Ok(Items { position, item: found.into_iter().map(|domain| DomainOutput::new(&cx, domain)).collect() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    pub domain_name: String,
    pub patch_operations: Vec<PatchOperation>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<DomainOutput, Error> {
    let (patches, region) = (patch::parse(input.patch_operations)?, cx.region().to_string());
    let changed = cx.db().write(move |tx| {
        domain::update(tx, &region, &input.domain_name, |domain| {
            patches.iter().try_for_each(|patch| apply(domain, patch))
        })
    });
    Ok(DomainOutput::new(&cx, changed.await?))
}

fn apply(domain: &mut Domain, patch: &Patch) -> Result<(), Error> {
    match (patch.op, patch.path().as_slice()) {
        (_, ["certificateArn" | "regionalCertificateArn"]) => {
            domain.certificate = patch.text().map(checks::check_certificate).transpose()?;
        }
        (_, ["certificateName" | "regionalCertificateName"]) => {
            ops::validate_length("certificateName", Some(&patch.value), limits::HTTP_NAME_CHARACTERS_MAX)?;
            domain.certificate_name = patch.text();
        }
        (Op::Replace, ["securityPolicy"]) => domain.security_policy = checks::check_policy(patch.text())?,
        (Op::Replace | Op::Add, ["endpointConfiguration", "types", ..]) => {
            domain.endpoint = if is_edge(&[&patch.value])? { Endpoint::Edge } else { Endpoint::Regional };
        }
        _ => return Err(patch.unsupported()),
    }
    Ok(())
}

pub async fn delete(state: Arc<ApiGateway>, cx: Cx, input: DomainName) -> Result<Empty, Error> {
    input.check()?;
    let (region, name) = (cx.region().to_string(), input.domain_name.clone());
    cx.db().write(move |tx| domain::delete(tx, &region, &name)).await?;
    checks::refresh(&state, &cx, &input.domain_name)?;
    Ok(Empty {})
}
