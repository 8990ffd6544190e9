//! What operations say of who may use a method or a route.

use crate::error::Error;
use crate::integration;
use crate::limits;
use crate::types::authorizer::{Authorization, AuthorizationKind};

/// The kind of a name that is among those which an API has.
pub fn kind(word: &str, known: &[AuthorizationKind]) -> Result<AuthorizationKind, Error> {
    let words = || known.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(", ");
    let found = known.iter().copied().find(|kind| kind.word() == word);
    found.ok_or_else(|| Error::bad(format!("Invalid authorization type specified. Must be one of [{}]", words())))
}

/// What is asked for after a change: members that are absent stay as they are, and go with a kind that has none.
pub fn changed(
    before: Authorization,
    kind: Option<AuthorizationKind>,
    authorizer: Option<String>,
    scopes: Option<Vec<String>>,
) -> Result<Authorization, Error> {
    let kind = kind.unwrap_or(before.kind);
    let has_authorizer = !matches!(kind, AuthorizationKind::None | AuthorizationKind::Iam);
    let has_scopes = matches!(kind, AuthorizationKind::Jwt | AuthorizationKind::Pools);
    let scopes_of = scopes.unwrap_or(before.scopes);
    if scopes_of.len() > limits::SCOPES_MAX || scopes_of.iter().any(|scope| !is_scope(scope)) {
        return Err(Error::bad(format!(
            "authorizationScopes can have {} scopes at most, each without spaces",
            limits::SCOPES_MAX
        )));
    }
    Ok(Authorization {
        kind,
        authorizer: authorizer.or(before.authorizer).filter(|id| has_authorizer && !id.is_empty()),
        scopes: if has_scopes { scopes_of } else { Vec::new() },
    })
}

/// Source: RFC 6749, section 3.3.
fn is_scope(scope: &str) -> bool {
    !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
}

/// What every authorizer with a function asks of its URI, and of a role to invoke it with.
pub fn check_function(uri: Option<String>, credentials: Option<&str>) -> Result<String, Error> {
    if credentials.is_some_and(|role| !role.is_empty()) {
        return Err(Error::not_implemented(
            "The credentials of an authorizer; let the function's policy allow its invocation",
        ));
    }
    let uri = uri.ok_or_else(|| Error::bad("Authorizer URI must be provided for authorizers with a function"))?;
    integration::check_uri(&uri)?;
    Ok(uri)
}

pub fn check_name(name: Option<String>) -> Result<String, Error> {
    let name =
        name.filter(|name| !name.is_empty()).ok_or_else(|| Error::bad("The name of an authorizer is required"))?;
    super::validate_length("name", Some(&name), limits::AUTHORIZER_NAME_CHARACTERS_MAX)?;
    Ok(name)
}

/// Checks how long results are kept, in seconds; what they are kept by, has to be there.
pub fn check_ttl(wanted: Option<i64>, default: u32, sources: &[String]) -> Result<u32, Error> {
    let ttl = wanted.map_or(Ok(default), u32::try_from).ok().filter(|ttl| *ttl <= limits::AUTHORIZER_TTL_SECONDS_MAX);
    let ttl = ttl.ok_or_else(|| {
        Error::bad(format!("authorizerResultTtlInSeconds must be between 0 and {}", limits::AUTHORIZER_TTL_SECONDS_MAX))
    })?;
    if ttl > 0 && sources.is_empty() {
        return Err(Error::bad("Identity source is required when caching is enabled"));
    }
    Ok(ttl)
}
