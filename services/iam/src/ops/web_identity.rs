//! STS: AssumeRoleWithWebIdentity, for whom an identity provider vouches.
//!
//! Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>, and the keys of web identity
//! federation in <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html>

use std::sync::Arc;
use std::time::Duration;

use base::Arn;
use jwt::{Algorithm, Claims, KeySet, Token};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Cx, SessionFacts};

use super::session::{AssumedRoleUser, Credentials, check_session_name, issue, role_session_seconds};
use super::session_facts::{self, PolicyArn};
use crate::error::Error;
use crate::model::{openid_provider as providers, owner};
use crate::types::{OpenIdProvider, Role, Subject, arn};
use crate::{Identity, limits};

/// How far a provider's clock may be from ours.
const LEEWAY: Duration = Duration::from_secs(60);
/// The issuer of identity pools, which every account trusts by name.
const IDENTITY_POOLS: &str = "https://cognito-identity.amazonaws.com";
/// The service that keeps them.
const IDENTITY_POOLS_SERVICE: &str = "cognito-identity";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    pub role_arn: String,
    pub role_session_name: String,
    pub web_identity_token: String,
    pub provider_id: Option<String>,
    pub policy_arns: Vec<PolicyArn>,
    pub policy: Option<String>,
    pub duration_seconds: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    pub credentials: Credentials,
    pub subject_from_web_identity_token: String,
    pub assumed_role_user: AssumedRoleUser,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packed_policy_size: Option<usize>,
    pub provider: String,
    pub audience: String,
}

/// Whom a token stands for.
struct Vouched {
    /// As policies name it: an ARN, or a name that AWS knows.
    principal: String,
    /// What the condition keys begin with: the issuer without its scheme.
    name: String,
    claims: Claims,
}

pub async fn assume_role(identity: Arc<Identity>, cx: Cx, input: Input) -> Result<Output, Error> {
    input.check()?;
    check_session_name(&input.role_session_name)?;
    let facts = SessionFacts {
        policy_arns: session_facts::policy_arns(&input.policy_arns)?,
        vouched: true,
        ..SessionFacts::default()
    };
    let packed_policy_size = session_facts::packed(input.policy.as_deref(), &facts)?;
    let vouched = vouched(&identity, &cx, &input.web_identity_token).await?;
    let role = find_role(&cx, &input.role_arn)?;
    let mut known = vouched.known();
    known.extend(cx.way_in());
    known.push(("sts:RoleSessionName".into(), vec![input.role_session_name.clone()]));
    identity.authorize_federated(&vouched.principal, &role, &known, cx.now())?;
    let seconds = role_session_seconds(&cx, &role, input.duration_seconds)?;
    let assumed_role_user = AssumedRoleUser::new(&cx, &role, &input.role_session_name);
    let subject =
        Subject::Role { name: role.name, id: role.id, session_name: input.role_session_name, policy: input.policy };
    Ok(Output {
        credentials: issue(&identity, &cx, subject, seconds, facts)?,
        subject_from_web_identity_token: vouched.claims.text("sub").unwrap_or_default().to_owned(),
        assumed_role_user,
        packed_policy_size,
        audience: vouched.audience().unwrap_or_default(),
        provider: vouched.principal,
    })
}

impl Input {
    fn check(&self) -> Result<(), Error> {
        if self.role_arn.is_empty() {
            return Err(Error::missing("roleArn"));
        }
        if self.web_identity_token.is_empty() {
            return Err(Error::missing("webIdentityToken"));
        }
        if self.web_identity_token.len() > limits::WEB_IDENTITY_TOKEN_CHARACTERS_MAX {
            let constraint = "Member must have length less than or equal to 20000";
            return Err(Error::constraint("webIdentityToken", "of the request", constraint));
        }
        if self.provider_id.is_some() {
            return Err(Error::NotImplemented(
                "ProviderId (OAuth 2.0 access tokens) of sts:AssumeRoleWithWebIdentity".into(),
            ));
        }
        Ok(())
    }
}

fn invalid(why: impl Into<String>) -> Error {
    Error::InvalidIdentityToken(why.into())
}

/// Reads a token, and finds who signed it among those that this account trusts.
async fn vouched(identity: &Identity, cx: &Cx, text: &str) -> Result<Vouched, Error> {
    let malformed =
        |_| invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)");
    let token = Token::parse(text).map_err(malformed)?;
    let claim = |name: &str| token.unverified_claims().get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (issuer, key_id) = (claim("iss"), token.key_id().map(str::to_owned));
    if issuer == IDENTITY_POOLS {
        let audience = claim("aud");
        let keys = keys_of_identity_pool(cx, &audience)?;
        let claims = verified(cx, token, &keys, &issuer, &[audience])?;
        let name = OpenIdProvider::name_of(IDENTITY_POOLS).to_owned();
        return Ok(Vouched { principal: name.clone(), name, claims });
    }
    let name = OpenIdProvider::name_of(&issuer).to_owned();
    let found = providers::by_name(&cx.db().read()?, &name)?;
    let provider = found.filter(|provider| provider.url.trim_end_matches('/') == issuer.trim_end_matches('/'));
    let provider =
        provider.ok_or_else(|| invalid(format!("No OpenIDConnect provider found in your account for {issuer}")))?;
    let issuers =
        identity.issuers.get().ok_or_else(|| Error::IdpCommunication("no issuer can be asked here".into()))?;
    let keys = issuers.keys(cx.now(), &provider.url, key_id.as_deref()).await;
    let keys = keys.map_err(|why| {
        let told = "Couldn't retrieve verification key from your identity provider, please reference \
                    AssumeRoleWithWebIdentity documentation for requirements";
        invalid(format!("{told}: {why}"))
    })?;
    let claims = verified(cx, token, &keys, &issuer, &provider.client_ids)?;
    Ok(Vouched { principal: providers::arn(cx.account(), &name).to_string(), name, claims })
}

fn keys_of_identity_pool(cx: &Cx, pool: &str) -> Result<KeySet, Error> {
    let unknown = || invalid("The ID Token provided is not of an identity pool of this account.");
    let region = pool.split_once(':').map(|(region, _)| region).ok_or_else(unknown)?;
    let arn = cx.in_region(region).arn(IDENTITY_POOLS_SERVICE, format!("identitypool/{pool}"));
    let keeper = cx.cloud().issuer(IDENTITY_POOLS_SERVICE).ok_or_else(unknown)?;
    let keys = keeper.keys(cx, &arn).map_err(|error| Error::IdpCommunication(error.message))?.ok_or_else(unknown)?;
    KeySet::parse(&keys.keys).map_err(|_| unknown())
}

fn verified(cx: &Cx, token: Token, keys: &KeySet, issuer: &str, audiences: &[String]) -> Result<Claims, Error> {
    let claims = token.verify(keys, &Algorithm::ALL).map_err(|error| match error {
        jwt::Error::UnknownKey => invalid("Couldn't find the key that the ID Token was signed with"),
        error => invalid(format!("The ID Token provided is not accepted: {error}")),
    })?;
    // Access tokens name their client elsewhere: they say what it may do, not who somebody is.
    if claims.get("aud").is_none() {
        return Err(invalid("Missing a required claim: aud"));
    }
    claims.check(cx.now(), issuer, audiences, LEEWAY).map_err(|error| match error {
        jwt::Error::Expired => Error::ExpiredToken(format!(
            "Token expired: current date/time {} must be before the expiration date/time",
            cx.now().as_secs()
        )),
        jwt::Error::Audience => invalid("Incorrect token audience"),
        error => invalid(format!("The ID Token provided is not accepted: {error}")),
    })?;
    match claims.text("sub") {
        None | Some("") => Err(invalid("Missing a required claim: sub")),
        Some(_) => Ok(claims),
    }
}

impl Vouched {
    /// For whom it is: the party that it was made for, where it says so.
    fn audience(&self) -> Option<String> {
        let first = |value: &Value| match value {
            Value::Array(all) => all.first().and_then(Value::as_str).map(str::to_owned),
            value => value.as_str().map(str::to_owned),
        };
        self.claims.text("azp").map(str::to_owned).or_else(|| self.claims.get("aud").and_then(first))
    }

    /// What policies may ask of it: `accounts.google.com:aud`, `cognito-identity.amazonaws.com:amr`.
    fn known(&self) -> Vec<(String, Vec<String>)> {
        let texts = |value: &Value| match value {
            Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            value => value.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
        };
        let claim = |name: &str| self.claims.get(name).map(texts).unwrap_or_default();
        let aud = match self.claims.text("azp") {
            Some(party) => vec![party.to_owned()],
            None => claim("aud"),
        };
        let own = [
            ("aud", aud),
            ("oaud", claim("aud")),
            ("sub", claim("sub")),
            ("amr", claim("amr")),
            ("email", claim("email")),
        ];
        let named = own.into_iter().filter(|(_, values)| !values.is_empty());
        named.map(|(name, values)| (format!("{}:{name}", self.name), values)).collect()
    }
}

/// A role that is not there is refused in the same words as one that does not trust the provider.
fn find_role(cx: &Cx, role_arn: &str) -> Result<Role, Error> {
    let refused = || Error::AccessDenied("Not authorized to perform sts:AssumeRoleWithWebIdentity".into());
    let parsed: Arn = role_arn.parse().map_err(|_| Error::Validation(format!("{role_arn} is invalid")))?;
    let name = parsed.resource.rsplit('/').next().unwrap_or_default();
    let role: Role = match owner::find(&cx.db().read()?, name) {
        Err(Error::NoSuchEntity(_)) => return Err(refused()),
        found => found?,
    };
    if arn(cx.account(), "role", &role.path, &role.name) == parsed { Ok(role) } else { Err(refused()) }
}
