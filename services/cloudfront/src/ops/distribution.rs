//! CreateDistribution, CreateDistributionWithTags, GetDistribution, GetDistributionConfig, UpdateDistribution,
//! DeleteDistribution, ListDistributions.

use std::sync::Arc;

use kv::{Order, Read};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::{Cx, Nothing, hosts};

use super::tag::TagList;
use super::{Answer, IdInput, PageInput, arn, location, new_etag, new_id};
use crate::CloudFront;
use crate::documents::distribution::DistributionConfig;
use crate::documents::keys::KeyGroupConfig;
use crate::documents::{Document, List};
use crate::error::Error;
use crate::keys::DISTRIBUTIONS;
use crate::model::{distribution, entity};
use crate::traffic::address;
use crate::types::{Distribution, Tags};

/// The name of distributions in ARNs and paths.
pub const DISTRIBUTION: &str = "distribution";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub id: String,
    pub if_match: Option<String>,
    pub distribution_config: DistributionConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateWithTagsInput {
    pub distribution_config_with_tags: ConfigWithTags,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConfigWithTags {
    pub distribution_config: DistributionConfig,
    pub tags: TagList,
}

/// The key groups that may sign, with their keys.
fn trusted(read: &impl Read, config: &DistributionConfig) -> Result<Value, Error> {
    let mut groups = Vec::new();
    for id in config.behaviors().flat_map(|behavior| &behavior.trusted_key_groups.items) {
        if !groups.contains(id) {
            groups.push(id.clone());
        }
    }
    let mut items = Vec::new();
    for id in &groups {
        let group = KeyGroupConfig::of(&entity::find(read, &KeyGroupConfig::KIND, id)?)?;
        items.push(json!({"KeyGroupId": id, "KeyPairIds": List::from(group.items)}));
    }
    let mut trusted = Map::from_iter([("Enabled".to_owned(), json!(!items.is_empty()))]);
    trusted.insert("Quantity".into(), json!(items.len()));
    if !items.is_empty() {
        trusted.insert("Items".into(), items.into());
    }
    Ok(Value::Object(trusted))
}

/// Whether viewers are served under all of its names: the first order of a certificate may be under way. What that fails with is no
/// reason to wait.
fn status(cx: &Cx, config: &DistributionConfig) -> &'static str {
    let is_under_way = |alias: &String| {
        let certificate = cx.cloud().certificate(alias);
        certificate.is_some_and(|certificate| certificate.is_awaited() && certificate.trouble.is_none())
    };
    if config.aliases.items.iter().any(is_under_way) { "InProgress" } else { "Deployed" }
}

fn shown(cx: &Cx, of: &Distribution, config: &DistributionConfig) -> Result<Value, Error> {
    Ok(json!({
        "Id": of.id,
        "ARN": arn(cx, DISTRIBUTION, &of.id).to_string(),
        "Status": status(cx, config),
        "LastModifiedTime": of.modified.iso8601(),
        "InProgressInvalidationBatches": 0,
        "DomainName": address::domain(cx.endpoint(), &of.id),
        "ActiveTrustedSigners": {"Enabled": false, "Quantity": 0},
        "ActiveTrustedKeyGroups": trusted(&cx.db().read()?, config)?,
        "DistributionConfig": config,
    }))
}

/// As lists show it: less, and all of it on one level.
fn summary(cx: &Cx, of: &Distribution) -> Result<Value, Error> {
    let config = distribution::config(of)?;
    let status = status(cx, &config);
    let mut config = serde_json::to_value(config).map_err(service::Error::internal)?;
    let mut summary = json!({
        "Id": of.id,
        "ARN": arn(cx, DISTRIBUTION, &of.id).to_string(),
        "ETag": of.etag,
        "Status": status,
        "LastModifiedTime": of.modified.iso8601(),
        "DomainName": address::domain(cx.endpoint(), &of.id),
    });
    let members = [
        "Aliases",
        "Origins",
        "OriginGroups",
        "DefaultCacheBehavior",
        "CacheBehaviors",
        "CustomErrorResponses",
        "Comment",
        "PriceClass",
        "Enabled",
        "ViewerCertificate",
        "Restrictions",
        "WebACLId",
        "HttpVersion",
        "IsIPV6Enabled",
        "Staging",
    ];
    for member in members {
        summary[member] = config[member].take();
    }
    Ok(summary)
}

fn answer(cx: &Cx, of: &Distribution) -> Result<Answer, Error> {
    let config = distribution::config(of)?;
    Ok(Answer::from_iter([("ETag".to_owned(), json!(of.etag)), ("Distribution".to_owned(), shown(cx, of, &config)?)]))
}

/// # Errors
/// When a name is one of this server's own.
fn check_names(cx: &Cx, config: &DistributionConfig) -> Result<(), Error> {
    match config.aliases.items.iter().find(|alias| !hosts::may_choose(cx, alias)) {
        Some(alias) => Err(Error::argument(format!("The alias {alias:.128} is a name of the Cloudlet server itself."))),
        None => Ok(()),
    }
}

async fn make(state: &CloudFront, cx: &Cx, mut config: DistributionConfig, tags: Tags) -> Result<Answer, Error> {
    config.complete();
    check_names(cx, &config)?;
    let new = Distribution {
        id: new_id(cx, 'E'),
        account: cx.account().to_string(),
        etag: new_etag(cx),
        modified: cx.now(),
        document: entity::text(&config)?,
        tags,
        invalidations: 0,
    };
    let made = cx.db().write(move |tx| distribution::create(tx, &new, &config)).await?;
    state.sites.rename(&made.id, &distribution::config(&made)?.aliases.items);
    let mut answer = answer(cx, &made)?;
    answer.insert("Location".into(), location(cx, &format!("{DISTRIBUTION}/{}", made.id)));
    Ok(answer)
}

pub async fn create(state: Arc<CloudFront>, cx: Cx, input: PutInput) -> Result<Answer, Error> {
    make(&state, &cx, input.distribution_config, Tags::new()).await
}

pub async fn create_with_tags(state: Arc<CloudFront>, cx: Cx, input: CreateWithTagsInput) -> Result<Answer, Error> {
    let ConfigWithTags { distribution_config, tags } = input.distribution_config_with_tags;
    make(&state, &cx, distribution_config, tags.map()?).await
}

pub async fn get(_: Arc<CloudFront>, cx: Cx, input: IdInput) -> Result<Answer, Error> {
    let found = distribution::find(&cx.db().read()?, &input.id)?;
    answer(&cx, &found)
}

pub async fn get_config(_: Arc<CloudFront>, cx: Cx, input: IdInput) -> Result<Answer, Error> {
    let found = distribution::find(&cx.db().read()?, &input.id)?;
    let config = serde_json::to_value(distribution::config(&found)?).map_err(service::Error::internal)?;
    Ok(Answer::from_iter([("ETag".to_owned(), json!(found.etag)), ("DistributionConfig".to_owned(), config)]))
}

pub async fn update(state: Arc<CloudFront>, cx: Cx, input: PutInput) -> Result<Answer, Error> {
    let PutInput { id, if_match, distribution_config: mut config } = input;
    config.complete();
    check_names(&cx, &config)?;
    let (etag, now) = (new_etag(&cx), cx.now());
    let updated =
        cx.db().write(move |tx| distribution::update(tx, &id, if_match.as_deref(), &config, (&etag, now))).await?;
    state.sites.rename(&updated.id, &distribution::config(&updated)?.aliases.items);
    answer(&cx, &updated)
}

pub async fn delete(state: Arc<CloudFront>, cx: Cx, input: IdInput) -> Result<Nothing, Error> {
    let id = input.id.clone();
    cx.db().write(move |tx| distribution::delete(tx, &input.id, input.if_match.as_deref())).await?;
    state.sites.rename(&id, &[]);
    state.cache.purge(&id, &["/*".to_owned()]);
    Ok(Nothing)
}

pub async fn list(_: Arc<CloudFront>, cx: Cx, input: PageInput) -> Result<Answer, Error> {
    let read = cx.db().read()?;
    let after = input.marker.as_deref().unwrap_or_default();
    let rows = DISTRIBUTIONS.scan_after(&read, (), after, Order::Forward)?.values().take(input.most() + 1);
    let mut found = Vec::new();
    for row in rows {
        let row = row?;
        let summary = summary(&cx, &row)?;
        found.push((row.id, summary));
    }
    let list = input.list(found, true, |(id, _)| id.clone(), |(_, summary)| summary);
    Ok(Answer::from_iter([("DistributionList".to_owned(), list)]))
}
