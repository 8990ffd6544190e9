//! Requests that are signed with Signature Version 4, as AWS_IAM asks for.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/permissions.html>

use auth::sigv4::{self, Error as SignatureError, Family};
use proxy::Incoming;
use serde_json::{Value, json};
use service::{Caller, CallerKind, CredentialError, Cx, Peer, Permission};

use super::verdict::INVOKE;
use super::{Asked, Refused};

/// The name of this service in signatures.
const SIGNING_NAME: &str = "execute-api";

/// Who has signed a request, and with which key.
pub struct Signer {
    pub caller: Caller,
    pub access_key_id: String,
}

/// Verifies a request's signature, and asks the signer's policies.
pub fn admit(asked: &Asked<'_>) -> Result<Signer, Refused> {
    let signer = verify(asked.cx, asked.incoming, &asked.target.region)?;
    let let_in = signer.ask(asked.cx, asked.incoming, Permission::new(INVOKE, &asked.target));
    let_in.map_err(Refused::NotPermitted)?;
    Ok(signer)
}

/// Whose connection a request came by, as policies may ask.
pub fn peer(incoming: &Incoming) -> Peer {
    Peer::new(incoming.source_ip.parse().ok(), incoming.arrival.tls, &incoming.headers)
}

/// Who has signed a request for `region`.
pub fn verify(cx: &Cx, incoming: &Incoming, region: &str) -> Result<Signer, Refused> {
    let now = cx.now();
    let parts = sigv4::Parts {
        method: incoming.method.as_str(),
        path: &incoming.path,
        query: &incoming.query,
        headers: &incoming.headers,
    };
    let signature = sigv4::parse(&parts).map_err(refused)?.ok_or_else(|| refused(SignatureError::Missing))?;
    let access = cx.cloud().access();
    let credential = access.credential(&signature.access_key_id, signature.session_token.as_deref(), now);
    let credential = credential.map_err(|error| match error {
        CredentialError::Unknown => refused(SignatureError::UnknownKey),
        CredentialError::Expired => refused(SignatureError::ExpiredToken),
        CredentialError::Unavailable => {
            tracing::error!("the identity store cannot be read");
            Refused::Failed
        }
    })?;
    signature.check_service(SIGNING_NAME).map_err(refused)?;
    signature.check_region(region).map_err(refused)?;
    sigv4::verify(&signature, &parts, &incoming.body, &credential.secret, now).map_err(refused)?;
    Ok(Signer { caller: credential.caller, access_key_id: signature.access_key_id })
}

fn refused(error: SignatureError) -> Refused {
    let message = match &error {
        SignatureError::Missing => "Missing Authentication Token".to_owned(),
        error => error.message(Family::RestJson),
    };
    Refused::Signature { code: error.code(Family::RestJson), message }
}

impl Signer {
    /// Asks the signer's policies.
    ///
    /// # Errors
    /// What is missing, for the signer to know.
    pub fn ask(&self, cx: &Cx, incoming: &Incoming, permission: Permission) -> Result<(), String> {
        if matches!(self.caller.kind, CallerKind::Root | CallerKind::System) {
            return Ok(());
        }
        let permission = Permission { context: cx.from_peer(peer(incoming)).way_in(), ..permission };
        let decision = cx.cloud().access().authorize(&self.caller, &permission, cx.now());
        decision.map_err(|denial| denial.message)
    }

    /// As events of payload format 2.0 tell of it.
    pub fn in_v2(&self) -> Value {
        let Signer { caller, access_key_id } = self;
        json!({
            "accessKey": access_key_id,
            "accountId": caller.account,
            "callerId": caller.user_id,
            "cognitoIdentity": null,
            "principalOrgId": null,
            "userArn": caller.arn,
            "userId": caller.user_id,
        })
    }

    /// As events of payload format 1.0 tell of it, in their `identity`.
    pub fn write_v1(&self, identity: &mut Value) {
        identity["accessKey"] = json!(self.access_key_id);
        identity["accountId"] = json!(self.caller.account);
        identity["caller"] = json!(self.caller.user_id);
        identity["userArn"] = json!(self.caller.arn);
        identity["user"] = json!(self.caller.user_id);
    }
}
