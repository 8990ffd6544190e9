//! RotateSecret, CancelRotateSecret.
//!
//! Source: <https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_how.html>

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Caller, Constraints, Cx, Permission};

use super::{NO_TOKEN, Named, SecretInput, find_usable, of_secret, own, version_id};
use crate::SecretsManager;
use crate::error::Error;
use crate::limits;
use crate::model::{rotation, secret};
use crate::types::{PENDING, Rotation, Rules, Secret};
use crate::workers::caller;

const INCOMPLETE: &str = "A previous rotation isn't complete. That rotation will be reattempted.";

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RulesShape {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automatically_after_days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_expression: Option<String>,
}

impl RulesShape {
    pub fn of(rules: &Rules) -> RulesShape {
        RulesShape {
            automatically_after_days: rules.after_days.map(i64::from),
            duration: rules.duration.clone(),
            schedule_expression: rules.schedule.clone(),
        }
    }

    fn read(&self) -> Result<Rules, Error> {
        let mut constraints = Constraints::default();
        let days = self.automatically_after_days;
        constraints.range(days, "rotationRules.automaticallyAfterDays", &limits::ROTATION_DAYS_RANGE);
        let is_hours =
            |text: &str| text.strip_suffix('h').is_some_and(|n| (1..=2).contains(&n.len()) && n.parse::<u8>().is_ok());
        constraints.pattern(self.duration.as_deref(), "rotationRules.duration", "[0-9]+h", is_hours);
        constraints.length(self.schedule_expression.as_deref(), "rotationRules.scheduleExpression", 256);
        constraints.check()?;
        let rules = Rules {
            after_days: days.and_then(|days| u32::try_from(days).ok()),
            schedule: self.schedule_expression.clone(),
            duration: self.duration.clone(),
        };
        match (rules.after_days, &rules.schedule) {
            (Some(_), Some(_)) => Err(Error::InvalidParameter(
                "You can't specify both AutomaticallyAfterDays and ScheduleExpression.".into(),
            )),
            (None, Some(schedule)) if schedule::Schedule::parse(schedule).is_none() || schedule.starts_with("at(") => {
                Err(Error::InvalidParameter(
                    "Invalid ScheduleExpression: a rate or a cron expression is expected.".into(),
                ))
            }
            _ => Ok(rules),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RotateInput {
    pub secret_id: String,
    pub client_request_token: Option<String>,
    #[serde(rename = "RotationLambdaARN")]
    pub rotation_lambda_arn: Option<String>,
    pub rotation_rules: Option<RulesShape>,
    pub external_secret_rotation_metadata: Option<Value>,
    pub external_secret_rotation_role_arn: Option<String>,
    pub rotate_immediately: Option<bool>,
}
of_secret!(RotateInput);

pub async fn rotate(_: Arc<SecretsManager>, cx: Cx, input: RotateInput) -> Result<Named, Error> {
    if input.external_secret_rotation_metadata.is_some() || input.external_secret_rotation_role_arn.is_some() {
        return Err(Error::NotImplemented("The rotation of a secret of another party".into()));
    }
    let id = match input.client_request_token {
        None => return Err(Error::InvalidParameter(NO_TOKEN.into())),
        token => version_id(token)?,
    };
    let given = input.rotation_rules.as_ref().map(RulesShape::read).transpose()?;
    let found = find_usable(&cx, &input.secret_id)?;
    let (old_function, old_rules) = match &found.rotation {
        Some(rotation) => (Some(rotation.function.clone()), rotation.rules.clone()),
        None => (None, Rules::default()),
    };
    let function = match input.rotation_lambda_arn.filter(|arn| !arn.is_empty()) {
        Some(text) => {
            Some(text.parse::<Arn>().map_err(|_| Error::InvalidParameter("Invalid RotationLambdaARN.".into()))?)
        }
        None => old_function,
    };
    let function = function.ok_or_else(|| {
        Error::InvalidRequest("No Lambda rotation function ARN is associated with this secret.".into())
    })?;
    check_function(&cx, &found, &function).await?;
    if found.rotation.as_ref().is_some_and(|rotation| rotation.under_way.is_some()) {
        return Err(Error::InvalidRequest(INCOMPLETE.into()));
    }
    let rules = given.unwrap_or(old_rules);
    let at_once = input.rotate_immediately.unwrap_or(true);
    let next = rotation::next(&rules, cx.now())?;
    let (own, text, now) = (own(&cx), input.secret_id, cx.now());
    let begin = {
        let id = id.clone();
        move |tx: &mut kv::Tx| -> Result<Secret, Error> {
            let mut secret = secret::find_usable(tx, &own, &text)?;
            if secret.version_of(PENDING).is_some_and(|pending| secret.version_of("AWSCURRENT") != Some(pending))
                && at_once
            {
                return Err(Error::InvalidRequest(INCOMPLETE.into()));
            }
            let rotation =
                Rotation { function: function.clone(), rules: rules.clone(), enabled: true, next, under_way: None };
            rotation::set(tx, &mut secret, Some(rotation))?;
            secret.changed = now;
            if at_once {
                rotation::begin(tx, &mut secret, &id, now)?
            } else {
                secret::put(tx, &secret)?
            }
            Ok(secret)
        }
    };
    let secret = cx.db().write(begin).await?;
    Ok(Named::new(&secret, at_once.then_some(id)))
}

/// Whether the function lets the service call it, for this secret.
async fn check_function(cx: &Cx, found: &Secret, function: &Arn) -> Result<(), Error> {
    let system = cx.with_caller(Caller::system(cx.account()));
    let policy = system.call::<Value>("lambda", "GetPolicy", json!({"FunctionName": function})).await;
    let resource_policy = match policy {
        Ok(answer) => answer["Policy"].as_str().map(str::to_owned),
        Err(error) if error.is_sender_fault() => None,
        Err(error) => return Err(error.into()),
    };
    let permission = Permission { resource_policy, ..Permission::new("lambda:InvokeFunction", function) };
    cx.with_caller(caller(found)).authorize_delivery(permission).map_err(|_| {
        Error::AccessDenied(
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.".into(),
        )
    })
}

pub async fn cancel(_: Arc<SecretsManager>, cx: Cx, input: SecretInput) -> Result<Named, Error> {
    find_usable(&cx, &input.secret_id)?;
    let (own, text) = (own(&cx), input.secret_id);
    let cancel = move |tx: &mut kv::Tx| -> Result<(Secret, Option<String>), Error> {
        let mut secret = secret::find_usable(tx, &own, &text)?;
        let Some(mut rotation) = secret.rotation.clone() else {
            return Err(Error::InvalidRequest("You tried to cancel the rotation of a secret that has none.".into()));
        };
        let under_way = rotation.under_way.take().map(|under_way| under_way.version);
        (rotation.enabled, rotation.next) = (false, None);
        rotation::set(tx, &mut secret, Some(rotation))?;
        secret::put(tx, &secret)?;
        Ok((secret, under_way))
    };
    let (secret, under_way) = cx.db().write(cancel).await?;
    Ok(Named::new(&secret, under_way))
}
