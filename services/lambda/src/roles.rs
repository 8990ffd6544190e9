//! Credentials of execution roles, which functions sign their calls with.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base::Arn;
use runtime::Credentials;
use serde::Deserialize;
use serde_json::json;
use service::{Caller, Cx};
use wire::DateTime;

use crate::PRINCIPAL;
use crate::error::Error;
use crate::limits;

/// Credentials that are still good for a while, by role and session name: a burst of new instances shares them.
#[derive(Default)]
pub struct Roles(Mutex<HashMap<(Arn, String), Credentials>>);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Assumed {
    credentials: AssumedCredentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedCredentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: DateTime,
}

impl Roles {
    /// Refuses a role that does not exist or does not trust Lambda.
    pub async fn check(&self, cx: &Cx, role: &Arn) -> Result<(), Error> {
        if role.account != cx.account().as_str() {
            return Err(Error::Service(service::Error::new(
                403,
                "AccessDeniedException",
                "Cross-account pass role is not allowed.",
            )));
        }
        match assume(cx, role, "cloudlet-check").await {
            Ok(_) => Ok(()),
            Err(error) if error.is_sender_fault() => {
                Err(Error::invalid("The role defined for the function cannot be assumed by Lambda."))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Credentials for a session of the role, named after its function.
    pub async fn credentials(&self, cx: &Cx, role: &Arn, function: &str) -> Result<Credentials, service::Error> {
        // A session's name has two characters at least, a function's one.
        let session = if function.len() < 2 { format!("lambda-{function}") } else { function.to_owned() };
        let key = (role.clone(), session);
        let good_until = cx.now() + limits::CREDENTIALS_LEFT_MIN;
        let known = self.known().get(&key).filter(|known| known.expires > good_until).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let fresh = assume(cx, role, &key.1).await?;
        let mut known = self.known();
        known.retain(|_, credentials| credentials.expires > good_until);
        known.insert(key, fresh.clone());
        Ok(fresh)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<(Arn, String), Credentials>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn assume(cx: &Cx, role: &Arn, session: &str) -> Result<Credentials, service::Error> {
    let lambda = cx.with_caller(Caller::service(cx.account(), PRINCIPAL));
    let input = json!({"RoleArn": role, "RoleSessionName": session, "DurationSeconds": limits::CREDENTIALS_SECONDS});
    let Assumed { credentials } = lambda.call("sts", "AssumeRole", input).await?;
    Ok(Credentials {
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key,
        session_token: credentials.session_token,
        expires: credentials.expiration.into(),
    })
}
