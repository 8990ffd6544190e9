//! GetStack, PutStack, DeleteStack, ListStacks: what is deployed, as the deploying side wrote it.

use std::sync::Arc;

use anyhow::Context as _;
use blob::BlobId;
use kv::{Db, Order, Table};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Cx, Error, prefix};

use super::{Control, Empty};

/// By region and name. The value is the state's JSON text, whose form is the deploy crate's own.
const STACKS: Table<(String, String), String> = Table::new(prefix::DEPLOY, 1);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StackInput {
    pub name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutStackInput {
    pub name: String,
    pub state: Value,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Stack {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub struct ListInput {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Names {
    pub names: Vec<String>,
}

pub async fn get(_: Arc<Control>, cx: Cx, input: StackInput) -> Result<Stack, Error> {
    let state = STACKS.get(&cx.db().read()?, (cx.region().as_str(), &*input.name))?;
    let state = state.map(|text| serde_json::from_str(&text)).transpose().map_err(Error::internal)?;
    Ok(Stack { state })
}

pub async fn put(_: Arc<Control>, cx: Cx, input: PutStackInput) -> Result<Empty, Error> {
    let (region, text) = (cx.region().to_string(), input.state.to_string());
    cx.db().write(move |tx| STACKS.put(tx, (&*region, &*input.name), &text)).await?;
    Ok(Empty {})
}

pub async fn delete(_: Arc<Control>, cx: Cx, input: StackInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db().write(move |tx| STACKS.delete(tx, (&*region, &*input.name))).await?;
    Ok(Empty {})
}

pub async fn list(_: Arc<Control>, cx: Cx, _: ListInput) -> Result<Names, Error> {
    Ok(Names { names: names(&cx)? })
}

/// The packages that stacks are made of, by their SHA-256, and the stack; the same package comes once for each.
pub fn named_packages(db: &Db) -> anyhow::Result<Vec<(BlobId, String)>> {
    let mut named = Vec::new();
    for row in STACKS.scan(&db.read()?, Order::Forward)? {
        let ((region, name), text) = row?;
        let stack: deploy::Stack =
            serde_json::from_str(&text).with_context(|| format!("the state of stack {name} cannot be read"))?;
        let packages = stack.packages().into_iter().map(|sha256| sha256.parse::<BlobId>());
        for id in packages {
            named.push((id?, format!("stack {name} in {region}")));
        }
    }
    Ok(named)
}

/// The names of the stacks in the request's region.
pub fn names(cx: &Cx) -> Result<Vec<String>, Error> {
    let read = cx.db().read()?;
    let keys = STACKS.scan_prefix(&read, cx.region().as_str(), Order::Forward)?.keys();
    Ok(keys.map(|key| key.map(|(_, name)| name)).collect::<Result<_, _>>()?)
}
