//! CreateDomainName, GetDomainName, GetDomainNames, UpdateDomainName, DeleteDomainName.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::Items;
use crate::ApiGateway;
use crate::error::Error;
use crate::model::domain;
use crate::ops::Empty;
use crate::ops::domain::{self as checks, Wanted};
use crate::types::Texts;
use crate::types::domain::{Domain, Endpoint};

/// CreateDomainName's input, and UpdateDomainName's.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DomainInput {
    pub domain_name: String,
    pub domain_name_configurations: Vec<ConfigurationInput>,
    pub mutual_tls_authentication: Option<serde_json::Value>,
    pub routing_mode: Option<String>,
    pub tags: Texts,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigurationInput {
    pub certificate_arn: Option<String>,
    pub certificate_name: Option<String>,
    pub endpoint_type: Option<String>,
    pub security_policy: Option<String>,
    pub ownership_verification_certificate_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DomainOutput {
    pub api_mapping_selection_expression: &'static str,
    pub domain_name: String,
    pub domain_name_arn: String,
    pub domain_name_configurations: Vec<ConfigurationOutput>,
    pub routing_mode: &'static str,
    pub tags: Texts,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationOutput {
    pub api_gateway_domain_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_name: Option<String>,
    pub certificate_upload_date: String,
    pub domain_name_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain_name_status_message: Option<String>,
    pub endpoint_type: &'static str,
    pub hosted_zone_id: &'static str,
    pub ip_address_type: &'static str,
    pub security_policy: String,
}

impl DomainOutput {
    fn new(cx: &Cx, domain: Domain) -> DomainOutput {
        // This API's model has no PENDING.
        let (domain_name_status, domain_name_status_message) = checks::status(cx, &domain, "UPDATING");
        let (endpoint_type, hosted_zone_id) = match domain.endpoint {
            Endpoint::Regional => ("REGIONAL", checks::REGIONAL_ZONE),
            Endpoint::Edge => ("EDGE", checks::EDGE_ZONE),
        };
        DomainOutput {
            api_mapping_selection_expression: "$request.basepath",
            domain_name_arn: checks::arn(cx, &domain),
            domain_name_configurations: vec![ConfigurationOutput {
                api_gateway_domain_name: checks::target(cx, &domain),
                certificate_arn: domain.certificate,
                certificate_name: domain.certificate_name,
                certificate_upload_date: domain.created.iso8601(),
                domain_name_status,
                domain_name_status_message,
                endpoint_type,
                hosted_zone_id,
                ip_address_type: "ipv4",
                security_policy: domain.security_policy,
            }],
            domain_name: domain.name,
            routing_mode: "API_MAPPING_ONLY",
            tags: domain.tags,
        }
    }
}

impl DomainInput {
    /// The one configuration that there is, as far as it is supported.
    fn configuration(&self) -> Result<ConfigurationInput, Error> {
        let [configuration] = self.domain_name_configurations.as_slice() else {
            return Err(Error::bad("Exactly one DomainNameConfiguration must be specified"));
        };
        if configuration.endpoint_type.as_deref().is_some_and(|kind| kind != "REGIONAL") {
            return Err(Error::bad("Invalid endpoint type specified: only REGIONAL is supported by this operation"));
        }
        checks::check_unsupported(&[
            ("ownershipVerificationCertificateArn", configuration.ownership_verification_certificate_arn.is_some()),
            ("mutualTlsAuthentication", self.mutual_tls_authentication.is_some()),
            ("routingMode", self.routing_mode.as_deref().is_some_and(|mode| mode != "API_MAPPING_ONLY")),
        ])?;
        Ok(configuration.clone())
    }
}

pub async fn create(state: Arc<ApiGateway>, cx: Cx, input: DomainInput) -> Result<DomainOutput, Error> {
    let configuration = input.configuration()?;
    let domain = checks::new(
        &cx,
        Wanted {
            name: input.domain_name,
            is_edge: false,
            certificate: configuration.certificate_arn,
            certificate_name: configuration.certificate_name,
            security_policy: configuration.security_policy,
            tags: input.tags,
        },
    )?;
    let stored = domain.clone();
    let taken = || Error::Conflict("The domain name you provided already exists.".into());
    cx.db().write(move |tx| domain::create(tx, &stored, taken)).await?;
    checks::refresh(&state, &cx, &domain.name)?;
    Ok(DomainOutput::new(&cx, domain))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DomainName {
    pub domain_name: String,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: DomainName) -> Result<DomainOutput, Error> {
    let (_, domain) = checks::find(&cx, &input.domain_name)?;
    Ok(DomainOutput::new(&cx, domain))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListDomainsInput {
    /// Text in the model.
    pub max_results: Option<String>,
    pub next_token: Option<String>,
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListDomainsInput) -> Result<Items<DomainOutput>, Error> {
    let all = domain::list(&cx.db().read()?, cx.region().as_str())?;
    let all: Vec<_> = all.into_iter().map(|domain| DomainOutput::new(&cx, domain)).collect();
    Items::page(all, input.next_token.as_deref(), input.max_results.as_deref())
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: DomainInput) -> Result<DomainOutput, Error> {
    let configuration = match input.domain_name_configurations.is_empty() {
        true => ConfigurationInput::default(),
        false => input.configuration()?,
    };
    let certificate = configuration.certificate_arn.map(checks::check_certificate).transpose()?;
    let policy = configuration.security_policy.map(|policy| checks::check_policy(Some(policy))).transpose()?;
    let (region, name) = (cx.region().to_string(), input.domain_name);
    let changed = cx.db().write(move |tx| {
        domain::update(tx, &region, &name, |domain| {
            domain.certificate = certificate.clone().or(domain.certificate.take());
            domain.certificate_name = configuration.certificate_name.clone().or(domain.certificate_name.take());
            domain.security_policy = policy.clone().unwrap_or_else(|| domain.security_policy.clone());
            Ok(())
        })
    });
    Ok(DomainOutput::new(&cx, changed.await?))
}

pub async fn delete(state: Arc<ApiGateway>, cx: Cx, input: DomainName) -> Result<Empty, Error> {
    let (region, name) = (cx.region().to_string(), input.domain_name.clone());
    cx.db().write(move |tx| domain::delete(tx, &region, &name)).await?;
    checks::refresh(&state, &cx, &input.domain_name)?;
    Ok(Empty {})
}
