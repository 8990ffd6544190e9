//! Who may use a function URL: everybody whom the function's policy lets, or who signs and is permitted.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>

use auth::policy::{self, Context, Decision, Policy, PolicySet, Principal};
use auth::sigv4::{self, Family};
use base::Arn;
use http::request::Parts;
use service::{Caller, CallerKind, CredentialError, Cx, Permission};

use crate::error::Error;
use crate::types::FunctionUrl;

const USE: &str = "lambda:InvokeFunctionUrl";
const INVOKE: &str = "lambda:InvokeFunction";
const AUTH_TYPE: &str = "lambda:FunctionUrlAuthType";
const VIA_URL: &str = "lambda:InvokedViaFunctionUrl";

/// What is needed to use a URL: for those made since October 2025, to invoke the function besides.
fn actions(url: &FunctionUrl) -> impl Iterator<Item = &'static str> {
    [Some(USE), url.needs_invoke.then_some(INVOKE)].into_iter().flatten()
}

/// Why a request is not let in.
#[derive(Debug)]
pub enum Refused {
    /// Nobody may, or this caller may not. Which statement is missing is for the log alone.
    Forbidden(String),
    /// The signature is missing or wrong.
    Signature {
        code: &'static str,
        message: String,
    },
    Failed(Error),
}

/// A signed request's caller, and the key that it signed with.
pub struct Signer {
    pub caller: Caller,
    pub access_key_id: String,
}

/// Asks the function's policy about a request that nobody has signed.
pub fn anonymous(url: &FunctionUrl, resource: &Arn, document: Option<&str>) -> Result<(), Refused> {
    let nobody =
        |action: &str| Refused::Forbidden(format!("no policy of {resource} allows * {action} with {AUTH_TYPE} NONE"));
    let document = document.ok_or_else(|| nobody(USE))?;
    let document = Policy::parse(document).map_err(|error| Refused::Failed(Error::Internal(error.to_string())))?;
    let mut context = Context::new();
    context.insert(AUTH_TYPE, "NONE");
    context.insert(VIA_URL, "true");
    let (principal, resource_text) = (Principal::anonymous(), resource.to_string());
    let policies = PolicySet { resource: Some(&document), ..PolicySet::default() };
    for action in actions(url) {
        let request = policy::Request { principal: &principal, action, resource: &resource_text, context: &context };
        if !matches!(policy::evaluate(&request, &policies), Decision::Allow) {
            return Err(nobody(action));
        }
    }
    Ok(())
}

/// Verifies a request's signature, and asks the signer's policies and the function's.
pub fn signed(
    cx: &Cx,
    head: &Parts,
    body: &[u8],
    url: &FunctionUrl,
    resource: &Arn,
    document: Option<String>,
) -> Result<Signer, Refused> {
    let parts = sigv4::Parts {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
    };
    let refused = |error: sigv4::Error| Refused::Signature {
        code: error.code(Family::RestJson),
        message: error.message(Family::RestJson),
    };
    let signature = sigv4::parse(&parts).map_err(refused)?.ok_or_else(|| refused(sigv4::Error::Missing))?;
    let access = cx.cloud().access();
    let credential = access.credential(&signature.access_key_id, signature.session_token.as_deref(), cx.now());
    let credential = credential.map_err(|error| match error {
        CredentialError::Unknown => refused(sigv4::Error::UnknownKey),
        CredentialError::Expired => refused(sigv4::Error::ExpiredToken),
        CredentialError::Unavailable => Refused::Failed(Error::Internal(error.to_string())),
    })?;
    signature.check_service("lambda").map_err(refused)?;
    signature.check_region(&resource.region).map_err(refused)?;
    sigv4::verify(&signature, &parts, body, &credential.secret, cx.now()).map_err(refused)?;
    let caller = credential.caller;
    let is_bound = !matches!(caller.kind, CallerKind::Root | CallerKind::System);
    for action in actions(url).filter(|_| is_bound) {
        let context = [(AUTH_TYPE, "AWS_IAM"), (VIA_URL, "true")];
        let permission = Permission {
            context: context.map(|(key, value)| (key.into(), vec![value.into()])).into(),
            resource_policy: document.clone(),
            ..Permission::new(action, resource)
        };
        let decision = access.authorize(&caller, &permission, cx.now());
        decision.map_err(|denial| Refused::Forbidden(denial.message))?;
    }
    Ok(Signer { caller, access_key_id: signature.access_key_id })
}
