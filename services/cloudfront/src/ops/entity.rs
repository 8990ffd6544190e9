//! Policies, keys and access controls: the six operations that each of them has.

use std::sync::Arc;

use kv::Order;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::{Cx, Nothing};

use super::{Answer, IdInput, PageInput, location, new_etag, new_id};
use crate::CloudFront;
use crate::documents::{Document, Moment, check_quantities};
use crate::error::Error;
use crate::keys::ENTITIES;
use crate::model::entity;
use crate::types::Entity;

/// A document on its way in. Its member is called after what it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "D: Deserialize<'de> + Default"))]
pub struct PutInput<D> {
    #[serde(rename = "Id")]
    pub id: String,
    #[serde(rename = "IfMatch")]
    pub if_match: Option<String>,
    #[serde(
        rename = "CachePolicyConfig",
        alias = "OriginRequestPolicyConfig",
        alias = "ResponseHeadersPolicyConfig",
        alias = "OriginAccessControlConfig",
        alias = "CloudFrontOriginAccessIdentityConfig",
        alias = "PublicKeyConfig",
        alias = "KeyGroupConfig"
    )]
    pub config: D,
}

fn checked<D: Document>(document: &D) -> Result<String, Error> {
    check_quantities(&serde_json::to_value(document).map_err(service::Error::internal)?)?;
    entity::text(document)
}

/// What answers say of one.
fn shown<D: Document>(entity: &Entity, document: &D) -> Result<Value, Error> {
    let mut shown = Map::from_iter([("Id".to_owned(), json!(entity.id))]);
    if let Some((member, moment)) = D::KIND.time {
        let when = if moment == Moment::Created { entity.created } else { entity.modified };
        shown.insert(member.into(), json!(when.iso8601()));
    }
    shown.extend(D::extra(entity).into_iter().map(|(name, value)| (name.to_owned(), value)));
    shown.insert(D::KIND.config.into(), serde_json::to_value(document).map_err(service::Error::internal)?);
    Ok(Value::Object(shown))
}

fn answer<D: Document>(entity: &Entity) -> Result<Answer, Error> {
    let mut answer = Answer::from_iter([("ETag".to_owned(), json!(entity.etag))]);
    answer.insert(D::KIND.name.into(), shown(entity, &D::of(entity)?)?);
    Ok(answer)
}

pub async fn create<D: Document>(state: Arc<CloudFront>, cx: Cx, input: PutInput<D>) -> Result<Answer, Error> {
    let kind = D::KIND;
    let id = kind.id_prefix.map_or_else(|| cx.env().uuid(), |prefix| new_id(&cx, prefix));
    let document = checked(&input.config)?;
    let (created, name) = (cx.now(), input.config.name().to_owned());
    let new = Entity { id, etag: new_etag(&cx), created, modified: created, name, document };
    let (stored, config) = (new.clone(), input.config);
    cx.db().write(move |tx| entity::create(tx, &stored, &config)).await?;
    state.sites.forget();
    let mut answer = answer::<D>(&new)?;
    answer.insert("Location".into(), location(&cx, &format!("{}/{}", kind.path, new.id)));
    Ok(answer)
}

pub async fn get<D: Document>(_: Arc<CloudFront>, cx: Cx, input: IdInput) -> Result<Answer, Error> {
    answer::<D>(&entity::get::<D>(&cx.db().read()?, &input.id)?)
}

pub async fn get_config<D: Document>(_: Arc<CloudFront>, cx: Cx, input: IdInput) -> Result<Answer, Error> {
    let entity = entity::get::<D>(&cx.db().read()?, &input.id)?;
    let document = serde_json::to_value(D::of(&entity)?).map_err(service::Error::internal)?;
    Ok(Answer::from_iter([("ETag".to_owned(), json!(entity.etag)), (D::KIND.config.to_owned(), document)]))
}

pub async fn update<D: Document>(state: Arc<CloudFront>, cx: Cx, input: PutInput<D>) -> Result<Answer, Error> {
    checked(&input.config)?;
    let (etag, now) = (new_etag(&cx), cx.now());
    let updated =
        cx.db().write(move |tx| entity::update(tx, &input.id, input.if_match.as_deref(), &input.config, (&etag, now)));
    let updated = updated.await?;
    state.sites.forget();
    answer::<D>(&updated)
}

pub async fn delete<D: Document>(state: Arc<CloudFront>, cx: Cx, input: IdInput) -> Result<Nothing, Error> {
    cx.db().write(move |tx| entity::delete::<D>(tx, &input.id, input.if_match.as_deref())).await?;
    state.sites.forget();
    Ok(Nothing)
}

pub async fn list<D: Document>(_: Arc<CloudFront>, cx: Cx, input: PageInput) -> Result<Answer, Error> {
    let (kind, most) = (D::KIND, input.most() + 1);
    let after = input.marker.as_deref().unwrap_or_default();
    let mut found = Vec::new();
    // Those of AWS come first, in the order of their ids; a marker may be one of them.
    let mut managed: Vec<_> = D::managed().iter().collect();
    managed.sort_by_key(|(id, _)| *id);
    let at = managed.iter().position(|(id, _)| *id == after);
    if input.r#type.as_deref() != Some("custom") && (after.is_empty() || at.is_some()) {
        for (id, document) in managed.iter().skip(at.map_or(0, |at| at + 1)).take(most) {
            found.push(entity::of_managed(id, document)?);
        }
    }
    if input.r#type.as_deref() != Some("managed") {
        let from = if at.is_some() { "" } else { after };
        let read = cx.db().read()?;
        let rows = ENTITIES.scan_after(&read, (kind.number,), (kind.number, from), Order::Forward)?;
        for entity in rows.values().take(most.saturating_sub(found.len())) {
            found.push(entity?);
        }
    }
    let mut summaries = Vec::with_capacity(found.len());
    for entity in found {
        let document = D::of(&entity)?;
        let summary = document.summary(&entity, shown(&entity, &document)?);
        summaries.push((entity.id, summary));
    }
    let list = input.list(summaries, kind.marked, |(id, _)| id.clone(), |(_, summary)| summary);
    Ok(Answer::from_iter([(kind.list.to_owned(), list)]))
}
