//! Who sent a form: its policy is signed, and nothing else of the request.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html>

use auth::sigv2;
use auth::sigv4::{self, ALGORITHM, parse_compact, read_credential, signing_key};
use base::{Region, Timestamp};
use service::{Cloud, Credential, Error, Form};
use wire::Protocol;

use crate::admission::{Admitted, Stranger, anonymous, check_region, credential};

const ALGORITHM_FIELD: &str = "X-Amz-Algorithm";
const CREDENTIAL: &str = "X-Amz-Credential";
const DATE: &str = "X-Amz-Date";
const SIGNATURE: &str = "X-Amz-Signature";
const TOKEN: &str = "X-Amz-Security-Token";
const POLICY: &str = "policy";
/// Those of Signature Version 2.
const ACCESS_KEY: &str = "AWSAccessKeyId";
const SIGNATURE_2: &str = "Signature";

/// Who sent a form to the service that signatures call `service`, and when the credentials end that it was signed with.
///
/// # Errors
/// When what it says of its signature is not enough, or not true.
pub(crate) fn admit(cloud: &Cloud, service: &str, form: &Form) -> Result<(Admitted, Option<Timestamp>), Error> {
    let has = |names: &[&str]| names.iter().any(|name| form.get(name).is_some());
    if has(&[ALGORITHM_FIELD, CREDENTIAL, DATE, SIGNATURE]) {
        return version_4(cloud, service, form);
    }
    if has(&[ACCESS_KEY, SIGNATURE_2]) {
        return version_2(cloud, form);
    }
    Ok((anonymous(cloud), None))
}

fn version_4(cloud: &Cloud, service: &str, form: &Form) -> Result<(Admitted, Option<Timestamp>), Error> {
    let algorithm = field(form, ALGORITHM_FIELD)?;
    let (stated, date, signature) = (field(form, CREDENTIAL)?, field(form, DATE)?, field(form, SIGNATURE)?);
    let policy = field(form, POLICY)?;
    if algorithm != ALGORITHM {
        let reason = format!("{ALGORITHM_FIELD} only supports \"{ALGORITHM}\"");
        return Err(argument(ALGORITHM_FIELD, algorithm, reason));
    }
    let bad = |error: sigv4::Error| argument(CREDENTIAL, stated, error.to_string());
    let (key, scope) = read_credential(stated).map_err(bad)?;
    if scope.service != service {
        let reason = format!("incorrect service \"{}\". This endpoint belongs to \"{service}\".", scope.service);
        return Err(argument(CREDENTIAL, stated, reason));
    }
    check_region(&scope.region).map_err(bad)?;
    if parse_compact(date).is_none() || !date.starts_with(&scope.date) {
        let reason = format!("{DATE} must be formated via ISO8601 Long format");
        return Err(argument(DATE, date, reason));
    }
    let found = owner(cloud, form, &key)?;
    if !signing_key(&found.secret, &scope).verifies(policy, signature) {
        return Err(mismatch(&key, policy, signature));
    }
    Ok(((found.caller, Region::new(scope.region.as_str())), found.expires))
}

fn version_2(cloud: &Cloud, form: &Form) -> Result<(Admitted, Option<Timestamp>), Error> {
    let (key, signature) = (field(form, ACCESS_KEY)?, field(form, SIGNATURE_2)?);
    let policy = field(form, POLICY)?;
    let found = owner(cloud, form, key)?;
    if !sigv2::verifies(&found.secret, policy, signature) {
        return Err(mismatch(key, policy, signature));
    }
    Ok(((found.caller, cloud.region().clone()), found.expires))
}

fn owner(cloud: &Cloud, form: &Form, key: &str) -> Result<Credential, Error> {
    let found = credential(cloud, key, form.get(TOKEN), cloud.env().now());
    found.map_err(|stranger: Stranger| stranger.error(Protocol::S3))
}

fn field<'f>(form: &'f Form, name: &'static str) -> Result<&'f str, Error> {
    form.get(name).ok_or_else(|| {
        let reason = format!(
            "Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
        );
        argument(name, "", reason)
    })
}

fn argument(name: &str, value: &str, reason: String) -> Error {
    Error::new(400, "InvalidArgument", reason).with_member("ArgumentName", name).with_member("ArgumentValue", value)
}

fn mismatch(key: &str, policy: &str, signature: &str) -> Error {
    let reason = "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    let bytes: Vec<String> = policy.bytes().map(|byte| format!("{byte:02x}")).collect();
    Error::new(403, "SignatureDoesNotMatch", reason)
        .with_member("AWSAccessKeyId", key)
        .with_member("StringToSign", policy)
        .with_member("SignatureProvided", signature)
        .with_member("StringToSignBytes", bytes.join(" "))
}
