//! AddPermission, RemovePermission, GetPolicy.

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::Cx;

use super::{Empty, FunctionInput};
use crate::Lambda;
use crate::constraints::{Constraints, is_word};
use crate::error::Error;
use crate::model::{function, policy};
use crate::name::{FunctionRef, Qualifier};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AddInput {
    pub function_name: String,
    pub qualifier: Option<String>,
    pub statement_id: String,
    pub action: String,
    pub principal: String,
    pub source_arn: Option<String>,
    pub source_account: Option<String>,
    pub event_source_token: Option<String>,
    #[serde(rename = "PrincipalOrgID")]
    pub principal_org_id: Option<String>,
    pub function_url_auth_type: Option<String>,
    pub invoked_via_function_url: Option<bool>,
    pub revision_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddOutput {
    pub statement: String,
}

pub async fn add(_: Arc<Lambda>, cx: Cx, input: AddInput) -> Result<AddOutput, Error> {
    let reference = FunctionRef::parse(&cx, &input.function_name, input.qualifier.as_deref())?;
    let mut constraints = Constraints::default();
    constraints.pattern(Some(&input.statement_id), "statementId", "([a-zA-Z0-9-_]+)", is_word);
    constraints.length(Some(&input.statement_id), "statementId", 100);
    constraints.pattern(Some(&input.action), "action", "(lambda:[*]|lambda:[a-zA-Z]+|[*])", is_action);
    let spaceless = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
    constraints.pattern(Some(&input.principal), "principal", "[^\\s]+", spaceless);
    constraints.check()?;
    if reference.qualifier == Some(Qualifier::Latest) {
        return Err(Error::invalid("We currently do not support adding policies for $LATEST."));
    }
    let statement = statement(&reference.qualified_arn(), &input)?.to_string();
    let (stored, revision) = (statement.clone(), cx.env().uuid());
    let expected = input.revision_id;
    cx.db()
        .write(move |tx| policy::add(tx, &reference, &input.statement_id, &stored, expected.as_deref(), &revision))
        .await?;
    Ok(AddOutput { statement })
}

fn is_action(action: &str) -> bool {
    match action.strip_prefix("lambda:") {
        Some(name) => name == "*" || (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic())),
        None => action == "*",
    }
}

fn statement(resource: &Arn, input: &AddInput) -> Result<Value, Error> {
    let mut statement = json!({
        "Sid": input.statement_id,
        "Effect": "Allow",
        "Principal": principal(&input.principal)?,
        "Action": input.action,
        "Resource": resource,
    });
    let mut conditions = Map::new();
    let mut add = |operator: &str, key: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let keys = conditions.entry(operator).or_insert_with(|| json!({}));
            if let Value::Object(keys) = keys {
                keys.insert(key.to_owned(), value.into());
            }
        }
    };
    add("StringEquals", "AWS:SourceAccount", input.source_account.as_deref());
    add("StringEquals", "lambda:EventSourceToken", input.event_source_token.as_deref());
    add("StringEquals", "lambda:FunctionUrlAuthType", input.function_url_auth_type.as_deref());
    add("StringEquals", "aws:PrincipalOrgID", input.principal_org_id.as_deref());
    let via_url = input.invoked_via_function_url.map(|via| via.to_string());
    add("Bool", "lambda:InvokedViaFunctionUrl", via_url.as_deref());
    add("ArnLike", "AWS:SourceArn", input.source_arn.as_deref());
    if !conditions.is_empty() {
        statement["Condition"] = Value::Object(conditions);
    }
    Ok(statement)
}

/// An account, an ARN, a service, or everybody.
fn principal(text: &str) -> Result<Value, Error> {
    let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    match text {
        "*" => Ok("*".into()),
        _ if is_account => Ok(json!({"AWS": format!("arn:aws:iam::{text}:root")})),
        _ if text.parse::<Arn>().is_ok() => Ok(json!({"AWS": text})),
        _ if text.contains('.') => Ok(json!({"Service": text})),
        _ => Err(Error::invalid("The provided principal was invalid. Please check the principal and try again.")),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RemoveInput {
    pub function_name: String,
    pub qualifier: Option<String>,
    pub statement_id: String,
    pub revision_id: Option<String>,
}

pub async fn remove(_: Arc<Lambda>, cx: Cx, input: RemoveInput) -> Result<Empty, Error> {
    let reference = FunctionRef::parse(&cx, &input.function_name, input.qualifier.as_deref())?;
    let revision = cx.env().uuid();
    cx.db()
        .write(move |tx| policy::remove(tx, &reference, &input.statement_id, input.revision_id.as_deref(), &revision))
        .await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    pub policy: String,
    pub revision_id: String,
}

pub async fn get(_: Arc<Lambda>, cx: Cx, input: FunctionInput) -> Result<GetOutput, Error> {
    let reference = FunctionRef::parse(&cx, &input.function_name, input.qualifier.as_deref())?;
    let read = cx.db().read()?;
    function::find(&read, &reference)?;
    let policy = policy::find(&read, &reference)?.ok_or_else(Error::resource_not_found)?;
    Ok(GetOutput { policy: policy::document(&policy), revision_id: policy.revision })
}
