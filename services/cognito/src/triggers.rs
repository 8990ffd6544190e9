//! Functions that a pool asks, or tells, at certain moments.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html>

use std::collections::BTreeMap;

use base::{AccountId, Arn, Region};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use service::{Caller, Cx};

use crate::error::Error;
use crate::limits::{TRIGGER_ATTEMPTS, TRIGGER_TIME};
use crate::ops::Metadata;
use crate::ops::pool_settings::{LambdaConfig, TokenTrigger};
use crate::types::{Pool, Settings, User};

/// Who Cognito is in the policies of functions.
const PRINCIPAL: &str = "cognito-idp.amazonaws.com";
pub const PRE_TOKEN_GENERATION: &str = "PreTokenGeneration";
/// What can be configured.
const TRIGGERS: [&str; 10] = [
    "PreSignUp",
    "CustomMessage",
    "PostConfirmation",
    "PreAuthentication",
    "PostAuthentication",
    "DefineAuthChallenge",
    "CreateAuthChallenge",
    "VerifyAuthChallengeResponse",
    PRE_TOKEN_GENERATION,
    "UserMigration",
];

/// The functions of a configuration, and the version of the event of `PreTokenGeneration`.
///
/// # Errors
/// For what is no ARN of a function, and for triggers that are not built.
pub fn read(config: LambdaConfig) -> Result<(BTreeMap<String, String>, u32), Error> {
    let mut triggers = BTreeMap::new();
    for (name, value) in config.functions {
        if value.is_null() {
            continue;
        }
        if !TRIGGERS.contains(&name.as_str()) {
            return Err(Error::NotImplemented(format!("Cognito's trigger {name}")));
        }
        triggers.insert(name, checked(value.as_str().unwrap_or_default())?);
    }
    let Some(TokenTrigger { lambda_version, lambda_arn }) = config.pre_token_generation_config else {
        return Ok((triggers, 1));
    };
    let version = match lambda_version.as_str() {
        "V1_0" => 1,
        "V2_0" => 2,
        "V3_0" => return Err(Error::NotImplemented("Version V3_0 of the event of PreTokenGeneration".into())),
        other => return Err(Error::parameter(format!("{other} is no version of the event of PreTokenGeneration."))),
    };
    triggers.insert(PRE_TOKEN_GENERATION.into(), checked(&lambda_arn)?);
    Ok((triggers, version))
}

fn checked(text: &str) -> Result<String, Error> {
    match text.parse::<Arn>() {
        Ok(arn) if arn.service == "lambda" => Ok(text.to_owned()),
        _ => Err(Error::parameter(format!("{text} is not the ARN of a function."))),
    }
}

/// The configuration as it is told.
pub fn told(settings: &Settings) -> LambdaConfig {
    let token = settings.triggers.get(PRE_TOKEN_GENERATION);
    LambdaConfig {
        pre_token_generation_config: token.map(|arn| TokenTrigger {
            lambda_version: if settings.token_event == 2 { "V2_0" } else { "V1_0" }.into(),
            lambda_arn: arn.clone(),
        }),
        functions: settings.triggers.iter().map(|(name, arn)| (name.clone(), json!(arn))).collect(),
    }
}

/// What a function is told of.
pub struct Event<'a> {
    pub pool: &'a Pool,
    /// The client through which somebody came; none for administrators.
    pub client: Option<&'a str>,
    pub user: &'a str,
    /// Which of the moments of the trigger it is: `PreSignUp_SignUp`.
    pub source: &'a str,
    pub request: Value,
    pub response: Value,
}

/// The user's attributes as functions see them.
pub fn attributes(user: &User) -> Value {
    let mut attributes = json!(user.attributes);
    attributes["sub"] = json!(user.sub);
    attributes["cognito:user_status"] = json!(user.status.word());
    attributes
}

/// A request about a user with what the caller handed over.
pub fn about(user: &User, metadata: &Metadata) -> Value {
    json!({"userAttributes": attributes(user), "clientMetadata": metadata})
}

/// Asks the pool's function for `trigger`, where it has one. Returns the `response` of its answer.
///
/// # Errors
/// When the function fails or refuses, cannot be invoked, does not answer in time, or answers no event.
pub async fn ask(cx: &Cx, trigger: &str, event: Event<'_>) -> Result<Option<Map<String, Value>>, Error> {
    let Some(function) = event.pool.settings.triggers.get(trigger) else { return Ok(None) };
    let function: Arn = function.parse().map_err(Error::internal)?;
    let body = Bytes::from(body(&event).to_string());
    let invoked = invoke(cx, &event.pool.arn, trigger, &function, body).await?;
    if invoked.function_error.is_some() {
        let failure: Value = serde_json::from_slice(&invoked.payload).unwrap_or_default();
        let told = failure["errorMessage"].as_str().unwrap_or("the function failed");
        return Err(Error::UserLambdaValidation(format!("{trigger} failed with error {told}.")));
    }
    let answer: Value = serde_json::from_slice(&invoked.payload).unwrap_or_default();
    match answer {
        Value::Object(mut answer) => match answer.remove("response") {
            Some(Value::Object(response)) => Ok(Some(response)),
            None | Some(Value::Null) => Ok(Some(Map::new())),
            Some(_) => Err(unreadable()),
        },
        _ => Err(unreadable()),
    }
}

fn unreadable() -> Error {
    Error::InvalidLambdaResponse("Unrecognizable lambda output".into())
}

fn body(event: &Event) -> Value {
    let version =
        if event.source.starts_with("TokenGeneration_") && event.pool.settings.token_event == 2 { "2" } else { "1" };
    json!({
        "version": version,
        "region": event.pool.arn.region,
        "userPoolId": event.pool.id,
        "userName": event.user,
        "callerContext": {
            "awsSdkVersion": "aws-sdk-unknown-unknown",
            "clientId": event.client.unwrap_or("CLIENT_ID_NOT_APPLICABLE"),
        },
        "triggerSource": event.source,
        "request": event.request,
        "response": event.response,
    })
}

async fn invoke(cx: &Cx, pool: &Arn, trigger: &str, function: &Arn, body: Bytes) -> Result<service::Invoked, Error> {
    let account = AccountId::new(pool.account.as_str());
    let caller = Caller { arn: pool.clone(), ..Caller::service(&account, PRINCIPAL) };
    for _ in 0..TRIGGER_ATTEMPTS {
        let invocation = cx.cloud().cx(caller.clone(), Region::new(pool.region.as_str()), None);
        let (to, event) = (function.clone(), body.clone());
        // The invocation goes on when nobody waits for it any more.
        let answer = tokio::spawn(async move { invocation.invoke(to, event).await });
        match tokio::time::timeout(TRIGGER_TIME, answer).await {
            Err(_) => tracing::warn!(%function, %pool, trigger, "a function did not answer in time"),
            Ok(Ok(Ok(invoked))) => return Ok(invoked),
            Ok(Ok(Err(error))) => {
                tracing::warn!(%function, %pool, trigger, %error, "a function could not be invoked");
                let told = format!("{trigger} invocation failed due to error {}.", error.code);
                return Err(Error::UnexpectedLambda(told));
            }
            Ok(Err(error)) => return Err(Error::internal(error)),
        }
    }
    Err(Error::UnexpectedLambda(format!(
        "{trigger} invocation failed due to configuration: the function took longer than 5 seconds."
    )))
}
