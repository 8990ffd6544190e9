//! What operations of both APIs say of custom domains and their mappings.

use base::Arn;
use service::{Cx, hosts};

use crate::error::Error;
use crate::limits;
use crate::model::domain;
use crate::types::Texts;
use crate::types::domain::{Domain, Endpoint};

/// What stands for the path that is none, where one has to be written.
pub const NO_PATH: &str = "(none)";
/// The hosted zones that AWS has for aliases to its APIs. There is no Route 53 here; tools want to see one.
pub const REGIONAL_ZONE: &str = "Z1UJRXOUMOOFQ8";
pub const EDGE_ZONE: &str = "Z2FDTNDATAQYW2";

/// Whether a domain is served yet, and what its owner is to know: `waiting` is what that is called while its certificate is on its way.
pub fn status(cx: &Cx, domain: &Domain, waiting: &'static str) -> (&'static str, Option<String>) {
    let certificate = cx.cloud().certificate(&domain.name);
    let is_awaited = certificate.as_ref().is_some_and(service::Certificate::is_awaited);
    let message = certificate.and_then(|certificate| certificate.message());
    (if is_awaited { waiting } else { "AVAILABLE" }, message)
}

/// What is wanted of a new domain.
#[derive(Default)]
pub struct Wanted {
    pub name: String,
    pub is_edge: bool,
    pub certificate: Option<String>,
    pub certificate_name: Option<String>,
    pub security_policy: Option<String>,
    pub tags: Texts,
}

/// A new domain, checked.
pub fn new(cx: &Cx, wanted: Wanted) -> Result<Domain, Error> {
    let mut domain = Domain {
        name: check_name(cx, &wanted.name)?,
        region: cx.region().to_string(),
        account: cx.account().to_string(),
        created: cx.now(),
        endpoint: if wanted.is_edge { Endpoint::Edge } else { Endpoint::Regional },
        certificate: wanted.certificate.map(check_certificate).transpose()?,
        certificate_name: wanted.certificate_name,
        security_policy: check_policy(wanted.security_policy)?,
        target: format!("d-{}", super::api_id(cx)),
        tags: Texts::new(),
    };
    super::validate_length("certificateName", domain.certificate_name.as_deref(), limits::HTTP_NAME_CHARACTERS_MAX)?;
    crate::model::tag(&mut domain.tags, &wanted.tags)?;
    Ok(domain)
}

fn check_name(cx: &Cx, name: &str) -> Result<String, Error> {
    let lower = name.to_ascii_lowercase();
    let plain = lower.strip_prefix("*.").unwrap_or(&lower);
    let label = |label: &str| {
        let letters = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && letters && !label.starts_with('-') && !label.ends_with('-')
    };
    if lower.len() > limits::DOMAIN_NAME_CHARACTERS_MAX || !plain.contains('.') || !plain.split('.').all(label) {
        return Err(Error::bad(format!(
            "Invalid domain name identifier specified: {name}. A name such as api.example.com is expected"
        )));
    }
    if !hosts::may_choose(cx, &lower) {
        return Err(Error::bad(format!("The domain name {name} is this server's own; choose another one")));
    }
    Ok(lower)
}

/// A certificate of ACM or IAM, by its ARN: there is neither here, and the text is kept.
pub fn check_certificate(arn: String) -> Result<String, Error> {
    let parsed: Option<Arn> = arn.parse().ok();
    let kind = |arn: &Arn| match arn.service.as_str() {
        "acm" => arn.resource.starts_with("certificate/"),
        "iam" => arn.resource.starts_with("server-certificate/"),
        _ => false,
    };
    if parsed.is_some_and(|arn| kind(&arn)) {
        return Ok(arn);
    }
    Err(Error::bad(format!("Invalid certificate ARN: {arn}. Certificates of acm are expected")))
}

/// The policy by its name: kept and shown.
pub fn check_policy(policy: Option<String>) -> Result<String, Error> {
    let Some(policy) = policy.filter(|policy| !policy.is_empty()) else { return Ok("TLS_1_2".into()) };
    let newer = policy.starts_with("SecurityPolicy_TLS1")
        && policy.len() <= limits::HTTP_NAME_CHARACTERS_MAX
        && policy.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match policy.as_str() {
        "TLS_1_0" | "TLS_1_2" => Ok(policy),
        _ if newer => Ok(policy),
        _ => Err(Error::bad(format!("Invalid security policy specified: {policy}. Must be one of [TLS_1_0, TLS_1_2]"))),
    }
}

/// Refuses what would change who gets in, and does not here.
pub fn check_unsupported(asked: &[(&str, bool)]) -> Result<(), Error> {
    match asked.iter().find(|(_, asked)| *asked) {
        Some((what, _)) => Err(Error::not_implemented(format!("{what} of a custom domain"))),
        None => Ok(()),
    }
}

/// What the name is to point to: a name of this server's.
pub fn target(cx: &Cx, domain: &Domain) -> String {
    let endpoint = cx.endpoint();
    let host = hosts::plain(endpoint.split_once("://").map_or(endpoint, |(_, host)| host));
    let host = if host.parse::<std::net::IpAddr>().is_ok() || host.starts_with('[') { "localhost" } else { &host };
    format!("{}.execute-api.{}.{host}", domain.target, domain.region)
}

pub fn arn(cx: &Cx, domain: &Domain) -> String {
    super::resource(cx, &format!("/domainnames/{}", domain.name)).to_string()
}

/// A mapping's path: parts of letters, digits and some marks, without slashes at the ends.
pub fn check_path(path: &str, levels: bool) -> Result<String, Error> {
    let path = path.trim_matches('/');
    if path.is_empty() || path == NO_PATH {
        return Ok(String::new());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"$-_.+!*'()".contains(&byte);
    let parts: Vec<&str> = path.split('/').collect();
    if path.len() > limits::MAPPING_PATH_CHARACTERS_MAX
        || !parts.iter().all(|part| !part.is_empty() && part.bytes().all(allowed))
    {
        return Err(Error::bad(format!(
            "API mapping keys have letters, digits, $-_.+!*'() and slashes between them: {path}"
        )));
    }
    if parts.iter().any(|part| matches!(*part, "." | "..")) {
        return Err(Error::bad(format!("API mapping keys have no parts that lead elsewhere: {path}")));
    }
    if parts.len() > 1 && !levels {
        return Err(Error::bad("Base path mappings of more than one level need CreateApiMapping of apigatewayv2"));
    }
    Ok(path.to_owned())
}

/// Reads what an operation has changed of a domain into what requests are matched with.
pub fn refresh(state: &crate::ApiGateway, cx: &Cx, name: &str) -> Result<(), Error> {
    state.domains.refresh(cx.db(), &name.to_ascii_lowercase())
}

/// A domain of the request's region, read.
pub fn find(cx: &Cx, name: &str) -> Result<(kv::Snap, Domain), Error> {
    let read = cx.db().read()?;
    let domain = domain::find(&read, cx.region().as_str(), name)?;
    Ok((read, domain))
}
