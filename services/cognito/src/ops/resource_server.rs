//! CreateResourceServer, DescribeResourceServer, UpdateResourceServer, DeleteResourceServer, ListResourceServers.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};

use super::{Empty, after, find_pool, of_pool, page_size, token};
use crate::Cognito;
use crate::error::Error;
use crate::limits::{SCOPE_CHARACTERS_MAX, SCOPES_PER_SERVER_MAX};
use crate::model::resource_server as servers;
use crate::types::{ResourceServer, Scope};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServerInput {
    pub user_pool_id: String,
    pub identifier: String,
    pub name: String,
    pub scopes: Vec<ScopeType>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NamedInput {
    pub user_pool_id: String,
    pub identifier: String,
}
of_pool!(ServerInput, NamedInput, ListInput);

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ScopeType {
    pub scope_name: String,
    pub scope_description: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServerOutput {
    pub resource_server: Described,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Described {
    pub user_pool_id: String,
    pub identifier: String,
    pub name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<ScopeType>,
}

impl From<ResourceServer> for Described {
    fn from(server: ResourceServer) -> Described {
        let scope = |scope: Scope| ScopeType { scope_name: scope.name, scope_description: scope.description };
        Described {
            user_pool_id: server.pool,
            identifier: server.identifier,
            name: server.name,
            scopes: server.scopes.into_iter().map(scope).collect(),
        }
    }
}

impl ServerInput {
    fn read(self, pool: String) -> Result<ResourceServer, Error> {
        let mut constraints = Constraints::default();
        let is_printed = |except: &'static str| {
            move |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !except.as_bytes().contains(&byte))
        };
        for (member, text, pattern, except) in
            [("identifier", &self.identifier, r"[\x21\x23-\x5B\x5D-\x7E]+", "\"\\")].into_iter().chain(
                self.scopes.iter().map(|scope| {
                    ("scopes.scopeName", &scope.scope_name, r"[\x21\x23-\x2E\x30-\x5B\x5D-\x7E]+", "\"\\/")
                }),
            )
        {
            check_length(&mut constraints, text, member);
            constraints.pattern(Some(text), member, pattern, is_printed(except));
        }
        check_length(&mut constraints, &self.name, "name");
        let fits = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_+=,.@-".contains(c));
        constraints.pattern(Some(&self.name), "name", r"[\w\s+=,.@-]+", fits);
        for scope in &self.scopes {
            check_length(&mut constraints, &scope.scope_description, "scopes.scopeDescription");
        }
        if self.scopes.len() > SCOPES_PER_SERVER_MAX {
            constraints.fail_unseen("scopes", "have length less than or equal to 100");
        }
        constraints.check()?;
        let names: BTreeSet<&str> = self.scopes.iter().map(|scope| scope.scope_name.as_str()).collect();
        if names.len() < self.scopes.len() {
            return Err(Error::parameter("Scope names of a resource server have to differ."));
        }
        let scope = |scope: ScopeType| Scope { name: scope.scope_name, description: scope.scope_description };
        let scopes = self.scopes.into_iter().map(scope).collect();
        Ok(ResourceServer { pool, identifier: self.identifier, name: self.name, scopes })
    }
}

fn check_length(constraints: &mut Constraints, text: &str, member: &str) {
    if text.is_empty() {
        constraints.fail(text, member, "have length greater than or equal to 1");
    }
    constraints.length(Some(text), member, SCOPE_CHARACTERS_MAX);
}

pub async fn create(_: Arc<Cognito>, cx: Cx, input: ServerInput) -> Result<ServerOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let new = input.read(pool.id)?;
    let kept = new.clone();
    cx.db().write(move |tx| servers::create(tx, &kept)).await?;
    Ok(ServerOutput { resource_server: new.into() })
}

pub async fn describe(_: Arc<Cognito>, cx: Cx, input: NamedInput) -> Result<ServerOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let found = servers::get(&cx.db().read()?, &pool.id, &input.identifier)?;
    Ok(ServerOutput { resource_server: found.into() })
}

pub async fn update(_: Arc<Cognito>, cx: Cx, input: ServerInput) -> Result<ServerOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let changed = input.read(pool.id)?;
    let kept = changed.clone();
    let put = move |tx: &mut kv::Tx| {
        servers::get(tx, &kept.pool, &kept.identifier)?;
        servers::put(tx, &kept)
    };
    cx.db().write(put).await?;
    Ok(ServerOutput { resource_server: changed.into() })
}

pub async fn delete(_: Arc<Cognito>, cx: Cx, input: NamedInput) -> Result<Empty, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    cx.db().write(move |tx| servers::delete(tx, &pool.id, &input.identifier)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub user_pool_id: String,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub resource_servers: Vec<Described>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

pub async fn list(_: Arc<Cognito>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let (limit, after) = (page_size(input.max_results, "maxResults")?, after(input.next_token.as_deref())?);
    let (found, more) = servers::list(&cx.db().read()?, &pool.id, &after, limit)?;
    let next_token = token(more, found.last().map(|server| server.identifier.as_str()));
    Ok(ListOutput { resource_servers: found.into_iter().map(Described::from).collect(), next_token })
}
