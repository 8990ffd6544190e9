//! AddPermission, RemovePermission: shorthand for changing a topic's policy document.

use std::sync::Arc;

use serde::Deserialize;
use service::Cx;

use super::topic_arn;
use crate::error::Error;
use crate::model::topic;
use crate::{Sns, topic_policy};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AddInput {
    pub topic_arn: String,
    pub label: String,
    #[serde(rename = "AWSAccountId")]
    pub accounts: Vec<String>,
    #[serde(rename = "ActionName")]
    pub actions: Vec<String>,
}

pub async fn add(_: Arc<Sns>, cx: Cx, input: AddInput) -> Result<(), Error> {
    let arn = topic_arn(&cx, &input.topic_arn)?;
    for (name, empty) in [
        ("Label", input.label.is_empty()),
        ("AWSAccountId", input.accounts.is_empty()),
        ("ActionName", input.actions.is_empty()),
    ] {
        if empty {
            return Err(Error::missing(name));
        }
    }
    let change = move |topic: &mut crate::types::Topic| {
        let policy = topic_policy::with_statement(topic, &input.label, &input.accounts, &input.actions)?;
        topic.attributes.policy = topic_policy::check(&policy)?;
        Ok(())
    };
    cx.db().write(move |tx| topic::update(tx, &arn, &change)).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RemoveInput {
    pub topic_arn: String,
    pub label: String,
}

pub async fn remove(_: Arc<Sns>, cx: Cx, input: RemoveInput) -> Result<(), Error> {
    let arn = topic_arn(&cx, &input.topic_arn)?;
    let change = move |topic: &mut crate::types::Topic| {
        topic.attributes.policy = Some(topic_policy::without_statement(topic, &input.label)?);
        Ok(())
    };
    cx.db().write(move |tx| topic::update(tx, &arn, &change)).await
}
