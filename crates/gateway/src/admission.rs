//! Authentication: from a request's signature to the caller.

use auth::sigv2;
use auth::sigv4::{self, Family, Parts, Signature, SigningKey, signing_key, verify_head, verify_with_key};
use base::{Region, Timestamp};
use http::HeaderMap;
use http::request::Parts as Head;
use service::{Caller, Cloud, Credential, CredentialError, Error};
use wire::Protocol;

use crate::directory::Call;
use crate::signing_keys::SigningKeys;

/// AWS's longest region names have 14 characters; names become parts of keys, so their size is bounded.
const REGION_BYTES_MAX: usize = 32;

/// What of the request is signed.
pub(crate) fn signed_parts(head: &Head) -> Parts<'_> {
    Parts {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
    }
}

/// A signature of either version.
pub(crate) enum Signed {
    V4(Signature),
    /// Of S3 alone: it names no service.
    V2(sigv2::Signature),
}

impl Signed {
    /// Reads a request's signature; `None` when it has none.
    ///
    /// # Errors
    /// One that is there but cannot be read.
    pub(crate) fn read(parts: &Parts) -> Result<Option<Signed>, sigv4::Error> {
        if let Some(signature) = sigv2::parse(parts)? {
            return Ok(Some(Signed::V2(signature)));
        }
        Ok(sigv4::parse(parts)?.map(Signed::V4))
    }

    /// The access key, and the token of its session.
    fn key(&self) -> (&str, Option<&str>) {
        match self {
            Signed::V4(signature) => (&signature.access_key_id, signature.session_token.as_deref()),
            Signed::V2(signature) => (&signature.access_key_id, signature.session_token.as_deref()),
        }
    }
}

/// A signature, and the access key that it says it was made with: as much as a request's head can tell.
pub(crate) struct Claim {
    signed: Signed,
    credential: Credential,
}

/// What the rest of a request is held to, whose head was signed.
pub(crate) struct Proof {
    pub(crate) signature: Signature,
    pub(crate) key: SigningKey,
}

/// Who calls, and in which region.
pub(crate) type Admitted = (Caller, Region);

/// What is there of a request's body when its signature is verified.
#[derive(Clone, Copy)]
enum Content<'a> {
    Whole(&'a [u8]),
    /// Nothing yet: it is held to the signature while it comes.
    ToCome,
}

/// Why nobody can have signed a request.
#[derive(Debug)]
pub(crate) enum Stranger {
    /// The signature is there but cannot be read, nor can the service it is for.
    Unreadable(sigv4::Error),
    /// There is no signature, or nobody has its access key.
    Unknown(sigv4::Error),
    Unavailable(CredentialError),
}

impl Stranger {
    pub(crate) fn error(&self, protocol: Protocol) -> Error {
        match self {
            Stranger::Unreadable(error) | Stranger::Unknown(error) => refusal(protocol, error),
            Stranger::Unavailable(error) => Error::internal(error),
        }
    }

    /// Whether the request simply is not signed.
    pub(crate) fn is_unsigned(&self) -> bool {
        matches!(self, Stranger::Unknown(sigv4::Error::Missing))
    }

    /// Whoever calls did not say who: policies of buckets may let anybody in, and some operations do.
    pub(crate) fn anonymous(&self, cloud: &Cloud, call: &Call<'_>) -> Option<Admitted> {
        let lets_in = call.protocol == Protocol::S3 || call.operation.open;
        (self.is_unsigned() && lets_in).then(|| anonymous(cloud))
    }
}

/// Nobody in particular.
pub(crate) fn anonymous(cloud: &Cloud) -> Admitted {
    (Caller::anonymous(cloud.account()), cloud.region().clone())
}

/// Looks an access key up, as it is now.
pub(crate) fn credential(
    cloud: &Cloud,
    key: &str,
    token: Option<&str>,
    now: Timestamp,
) -> Result<Credential, Stranger> {
    cloud.access().credential(key, token, now).map_err(|error| match error {
        CredentialError::Unknown => Stranger::Unknown(sigv4::Error::UnknownKey),
        CredentialError::Expired => Stranger::Unknown(sigv4::Error::ExpiredToken),
        CredentialError::Unavailable => Stranger::Unavailable(error),
    })
}

impl Claim {
    /// Looks the access key of a signature up.
    pub(crate) fn read(
        cloud: &Cloud,
        signed: Result<Option<Signed>, sigv4::Error>,
        now: Timestamp,
    ) -> Result<Claim, Stranger> {
        let signed = signed.map_err(Stranger::Unreadable)?;
        let signed = signed.ok_or(Stranger::Unknown(sigv4::Error::Missing))?;
        let (key, token) = signed.key();
        let credential = credential(cloud, key, token, now)?;
        Ok(Claim { signed, credential })
    }

    /// When its credentials end.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        self.credential.expires
    }

    /// Who calls, and in which region, if the signature is that of this very request.
    pub(crate) fn admit(
        self,
        cloud: &Cloud,
        keys: &SigningKeys,
        call: &Call<'_>,
        head: &Head,
        body: &[u8],
    ) -> Result<Admitted, Error> {
        self.verify(cloud, keys, call, head, Content::Whole(body)).map(|(admitted, _)| admitted)
    }

    /// The same before the body is there, and what that is held to.
    pub(crate) fn admit_head(
        self,
        cloud: &Cloud,
        keys: &SigningKeys,
        call: &Call<'_>,
        head: &Head,
    ) -> Result<(Admitted, Option<Proof>), Error> {
        self.verify(cloud, keys, call, head, Content::ToCome)
    }

    fn verify(
        self,
        cloud: &Cloud,
        keys: &SigningKeys,
        call: &Call<'_>,
        head: &Head,
        content: Content<'_>,
    ) -> Result<(Admitted, Option<Proof>), Error> {
        let Credential { secret, caller, .. } = self.credential;
        let (now, parts) = (cloud.env().now(), signed_parts(head));
        match self.signed {
            Signed::V4(signature) => {
                let stated = (signature.access_key_id.as_str(), signature.signature.as_str());
                let refuse = |error: sigv4::Error| refusal_of(call.protocol, &error, stated);
                check_scope(&signature, call)
                    .and_then(|()| check_signed(&signature, call, &head.headers))
                    .map_err(refuse)?;
                let key = verify(keys, &signature, &secret, &parts, content, now).map_err(refuse)?;
                let region = Region::new(signature.scope.region.as_str());
                Ok(((caller, region), Some(Proof { signature, key })))
            }
            Signed::V2(_) if call.protocol != Protocol::S3 => {
                let told =
                    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
                Err(refusal(call.protocol, &sigv4::Error::Incomplete(told.into())))
            }
            Signed::V2(signature) => {
                let stated = (signature.access_key_id.as_str(), signature.signature.as_str());
                signature
                    .verify(&parts, call.host_bucket.as_deref(), &secret, now)
                    .map_err(|error| refusal_of(call.protocol, &error, stated))?;
                Ok(((caller, cloud.region().clone()), None))
            }
        }
    }
}

fn check_scope(signature: &Signature, call: &Call<'_>) -> Result<(), sigv4::Error> {
    signature.check_service(call.service.api.name)?;
    check_region(&signature.scope.region)
}

/// Refuses what is no name of a region.
pub(crate) fn check_region(region: &str) -> Result<(), sigv4::Error> {
    if region.len() > REGION_BYTES_MAX || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(sigv4::Error::Scope("Credential should be scoped to a valid region.".into()));
    }
    Ok(())
}

/// Refuses a request whose meaning depends on a header of AWS's that was not signed: whoever got hold of a presigned
/// URL could make another call of it.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html> ("the host
/// header and any x-amz-* headers must be signed").
fn check_signed(signature: &Signature, call: &Call<'_>, headers: &HeaderMap) -> Result<(), sigv4::Error> {
    let bound = call.operation.rest.into_iter().flat_map(|binding| binding.headers).map(|(name, _)| *name);
    let prefix = call.operation.rest.and_then(|binding| binding.prefix_headers).map(|(prefix, _)| prefix);
    let prefixed = headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| prefix.is_some_and(|prefix| name.starts_with(prefix)));
    let names = bound.chain(["x-amz-target"]).chain(prefixed).map(str::to_ascii_lowercase);
    let unsigned: Vec<String> = names
        .filter(|name| name.starts_with("x-amz-") && headers.contains_key(name))
        .filter(|name| !signature.signed_headers.contains(name))
        .collect();
    if unsigned.is_empty() {
        return Ok(());
    }
    Err(sigv4::Error::HeadersUnsigned(unsigned.join(", ")))
}

fn verify(
    keys: &SigningKeys,
    signature: &Signature,
    secret: &str,
    parts: &Parts,
    content: Content<'_>,
    now: Timestamp,
) -> Result<SigningKey, sigv4::Error> {
    let verify = |key: &SigningKey| match content {
        Content::Whole(body) => verify_with_key(signature, parts, body, key, now),
        Content::ToCome => verify_head(signature, parts, key, now),
    };
    if let Some(key) = keys.get(signature, secret) {
        return verify(&key).map(|()| key);
    }
    let key = signing_key(secret, &signature.scope);
    verify(&key)?;
    keys.keep(signature, secret, key.clone());
    Ok(key)
}

fn refusal(protocol: Protocol, error: &sigv4::Error) -> Error {
    let family = match protocol {
        Protocol::Query | Protocol::RestXml => Family::Query,
        Protocol::RestJson => Family::RestJson,
        Protocol::S3 => Family::RestXml,
        Protocol::Json10 | Protocol::Json11 | Protocol::RpcV2Cbor | Protocol::AwsCbor => Family::Json,
    };
    let told = Error::new(error.status(family), error.code(family), error.message(family));
    error.members(family).into_iter().fold(told, |told, (name, value)| told.with_member(name, value))
}

/// The same of a signature that states an access key, and itself.
fn refusal_of(protocol: Protocol, error: &sigv4::Error, (access_key, signature): (&str, &str)) -> Error {
    let told = refusal(protocol, error);
    match error {
        sigv4::Error::Mismatch { .. } if protocol == Protocol::S3 => {
            told.with_member("AWSAccessKeyId", access_key).with_member("SignatureProvided", signature)
        }
        _ => told,
    }
}
