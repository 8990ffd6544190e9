//! CreateUserPoolDomain, DescribeUserPoolDomain, UpdateUserPoolDomain, DeleteUserPoolDomain.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx, hosts};

use super::{Empty, find_pool, of_pool};
use crate::Cognito;
use crate::error::Error;
use crate::limits::DOMAIN_CHARACTERS_MAX;
use crate::model::{domain, pool as pools};
use crate::types::Domain;

/// What prefixes may not contain: they would look like AWS's own.
///
/// Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html>
const RESERVED: [&str; 3] = ["aws", "amazon", "cognito"];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DomainInput {
    pub domain: String,
    pub user_pool_id: String,
    pub managed_login_version: Option<i64>,
    pub custom_domain_config: Option<CustomDomain>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NamedInput {
    pub domain: String,
    pub user_pool_id: String,
}
of_pool!(DomainInput, NamedInput);

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CustomDomain {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub certificate_arn: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DomainOutput {
    pub managed_login_version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_front_domain: Option<String>,
}

impl DomainInput {
    fn read(&self) -> Result<Option<String>, Error> {
        let mut constraints = Constraints::default();
        check_name(&mut constraints, &self.domain, self.custom_domain_config.is_some());
        constraints.range(self.managed_login_version, "managedLoginVersion", &(1..=2));
        constraints.check()?;
        let certificate = self.custom_domain_config.as_ref().map(|config| config.certificate_arn.clone());
        if certificate.as_ref().is_some_and(|arn| arn.parse::<base::Arn>().map_or(true, |arn| arn.service != "acm")) {
            return Err(Error::parameter("CertificateArn has to be the ARN of a certificate: arn:aws:acm:..."));
        }
        Ok(certificate)
    }

    fn version(&self) -> u32 {
        self.managed_login_version.and_then(|version| u32::try_from(version).ok()).unwrap_or(1)
    }
}

/// A prefix is one label; a host of the pool's own has several.
fn check_name(constraints: &mut Constraints, name: &str, is_whole: bool) {
    let is_label = |label: &str| {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.bytes().all(fits) && !label.starts_with('-') && !label.ends_with('-')
    };
    let pattern = "^[a-z0-9](?:[a-z0-9\\-]{0,61}[a-z0-9])?$";
    if name.is_empty() {
        constraints.fail(name, "domain", "have length greater than or equal to 1");
    }
    constraints.length(Some(name), "domain", DOMAIN_CHARACTERS_MAX);
    let is_host = |name: &str| name.split('.').count() > 1 && name.split('.').all(is_label);
    constraints.pattern(
        Some(name),
        "domain",
        pattern,
        if is_whole { &is_host as &dyn Fn(&str) -> bool } else { &is_label },
    );
}

pub async fn create(cognito: Arc<Cognito>, cx: Cx, input: DomainInput) -> Result<DomainOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let certificate = input.read()?;
    if certificate.is_none()
        && let Some(word) = RESERVED.iter().find(|word| input.domain.contains(**word))
    {
        return Err(Error::parameter(format!("Domain cannot contain reserved word: {word}")));
    }
    let version = input.version();
    let is_own = certificate.is_some();
    // It would take all calls of the server.
    if is_own && !hosts::may_choose(&cx, &input.domain) {
        return Err(Error::parameter("The domain is a name of this server's own; choose another one."));
    }
    let new = Domain { name: input.domain.clone(), pool: pool.id, certificate, version, created: cx.now() };
    cx.db().write(move |tx| domain::create(tx, &new)).await?;
    if is_own {
        cognito.hosts.add(&input.domain);
    }
    Ok(DomainOutput { managed_login_version: version, cloud_front_domain: is_own.then_some(input.domain) })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeInput {
    pub domain: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeOutput {
    pub domain_description: Description,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Description {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_pool_id: Option<String>,
    #[serde(rename = "AWSAccountId", skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_domain_config: Option<CustomDomain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_login_version: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_front_distribution: Option<String>,
}

/// Whether a host of the pool's own is served: one whose certificate cannot be had is not, until it can.
fn status(cx: &Cx, domain: &Domain) -> &'static str {
    let certificate = domain.certificate.as_ref().and_then(|_| cx.cloud().certificate(&domain.name));
    match certificate.filter(service::Certificate::is_awaited) {
        None => "ACTIVE",
        Some(awaited) if awaited.trouble.is_none() => "CREATING",
        Some(_) => "FAILED",
    }
}

/// Of a domain that is not there, nothing is told.
pub async fn describe(_: Arc<Cognito>, cx: Cx, input: DescribeInput) -> Result<DescribeOutput, Error> {
    let read = cx.db().read()?;
    let found = domain::find(&read, &input.domain)?;
    let found = found.map(|domain| Ok::<_, Error>((pools::get(&read, &domain.pool)?, domain))).transpose()?;
    let domain_description = found.map_or_else(Description::default, |(pool, domain)| Description {
        user_pool_id: Some(pool.id),
        account: Some(pool.arn.account.clone()),
        version: Some(domain.created.as_millis().to_string()),
        status: Some(status(&cx, &domain)),
        cloud_front_distribution: domain.certificate.as_ref().map(|_| domain.name.clone()),
        custom_domain_config: Some(CustomDomain { certificate_arn: domain.certificate.unwrap_or_default() }),
        managed_login_version: Some(domain.version),
        domain: Some(domain.name),
    });
    Ok(DescribeOutput { domain_description })
}

pub async fn update(_: Arc<Cognito>, cx: Cx, input: DomainInput) -> Result<DomainOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let certificate = input.read()?;
    let (name, version) = (input.domain.clone(), input.managed_login_version.map(|_| input.version()));
    let change = move |tx: &mut kv::Tx| {
        let mut found = domain::of_pool(tx, &pool.id, &name)?;
        if certificate.is_some() != found.certificate.is_some() && certificate.is_some() {
            return Err(Error::parameter("A prefix of Cognito's domain has no certificate of its own."));
        }
        found.certificate = certificate.clone().or(found.certificate);
        found.version = version.unwrap_or(found.version);
        domain::put(tx, &found)?;
        Ok(found)
    };
    let changed = cx.db().write(change).await?;
    let cloud_front_domain = changed.certificate.is_some().then_some(changed.name);
    Ok(DomainOutput { managed_login_version: changed.version, cloud_front_domain })
}

pub async fn delete(cognito: Arc<Cognito>, cx: Cx, input: NamedInput) -> Result<Empty, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let name = input.domain.clone();
    cx.db().write(move |tx| domain::delete(tx, &pool.id, &name)).await?;
    cognito.hosts.remove(&input.domain);
    Ok(Empty {})
}
