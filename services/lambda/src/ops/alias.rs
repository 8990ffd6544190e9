//! CreateAlias, GetAlias, UpdateAlias, DeleteAlias, ListAliases.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::configuration::version_name;
use super::{Empty, PageInput, marker, next_marker, page_size};
use crate::Lambda;
use crate::constraints::{Constraints, is_word};
use crate::error::Error;
use crate::limits;
use crate::model::alias;
use crate::name::{FunctionRef, Qualifier};
use crate::types::Alias;

const NAME_PATTERN: &str = "(?!^[0-9]+$)([a-zA-Z0-9-_]+)";
const VERSION_PATTERN: &str = "(\\$LATEST|[0-9]+)";

/// What Lambda says of a routing's weight and of its version.
const WEIGHT_RULE: &str = "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]";
const VERSION_RULE: &str = "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]";

/// The input of all but the list: which members are needed depends on the operation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AliasInput {
    pub function_name: String,
    pub name: String,
    pub function_version: Option<String>,
    pub description: Option<String>,
    pub routing_config: Option<RoutingConfig>,
    pub revision_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RoutingConfig {
    pub additional_version_weights: BTreeMap<String, f64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AliasOutput {
    pub alias_arn: String,
    pub name: String,
    pub function_version: String,
    pub description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing_config: Option<RoutingConfig>,
    pub revision_id: String,
}

impl AliasInput {
    fn check(&self) -> Result<(), Error> {
        let mut constraints = Constraints::default();
        constraints.length(Some(&self.name), "name", limits::QUALIFIER_CHARACTERS_MAX);
        let numeric = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
        constraints.pattern(Some(&self.name), "name", NAME_PATTERN, |name| is_word(name) && !numeric(name));
        constraints.length(self.description.as_deref(), "description", limits::DESCRIPTION_CHARACTERS_MAX);
        constraints.pattern(self.function_version.as_deref(), "functionVersion", VERSION_PATTERN, |version| {
            number(version).is_some()
        });
        Ok(constraints.check()?)
    }

    fn version(&self) -> Option<u64> {
        self.function_version.as_deref().and_then(number)
    }

    /// The second version and its weight, when the request states a routing.
    fn weighted(&self) -> Result<Option<Option<(u64, f64)>>, Error> {
        let Some(routing) = &self.routing_config else { return Ok(None) };
        let mut weights = routing.additional_version_weights.iter();
        let (first, second) = (weights.next(), weights.next());
        if second.is_some() {
            return Err(Error::invalid("Number of items in AdditionalVersionWeights cannot be greater than 1"));
        }
        let Some((version, weight)) = first else { return Ok(Some(None)) };
        let (numbered, member) =
            (number(version).filter(|number| *number > 0), "routingConfig.additionalVersionWeights");
        let mut constraints = Constraints::default();
        let shown = format!("{{{version}={weight:?}}}");
        if !(0.0..=1.0).contains(weight) {
            constraints.fail_with(&shown, member, WEIGHT_RULE);
        }
        if numbered.is_none() {
            constraints.fail_with(&shown, member, VERSION_RULE);
        }
        constraints.check()?;
        Ok(Some(numbered.map(|version| (version, *weight))))
    }
}

/// `$LATEST` is 0, which is not a version's number.
fn number(version: &str) -> Option<u64> {
    match Qualifier::parse(version)? {
        Qualifier::Latest => Some(0),
        Qualifier::Version(number) => Some(number).filter(|number| *number > 0),
        Qualifier::Alias(_) => None,
    }
}

fn output(reference: &FunctionRef, alias: Alias) -> AliasOutput {
    AliasOutput {
        alias_arn: reference.arn_of(&Qualifier::Alias(alias.name.clone())).to_string(),
        function_version: version_name(alias.version),
        routing_config: alias.weighted.map(|(version, weight)| RoutingConfig {
            additional_version_weights: BTreeMap::from([(version_name(version), weight)]),
        }),
        name: alias.name,
        description: alias.description,
        revision_id: alias.revision,
    }
}

pub async fn create(_: Arc<Lambda>, cx: Cx, input: AliasInput) -> Result<AliasOutput, Error> {
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    input.check()?;
    let alias = Alias {
        version: input.version().ok_or_else(|| Error::invalid("FunctionVersion is required."))?,
        weighted: input.weighted()?.flatten(),
        name: input.name,
        description: input.description.unwrap_or_default(),
        revision: cx.env().uuid(),
    };
    let (target, created) = (reference.clone(), alias.clone());
    cx.db().write(move |tx| alias::create(tx, &target, &created)).await?;
    Ok(output(&reference, alias))
}

pub async fn get(_: Arc<Lambda>, cx: Cx, input: AliasInput) -> Result<AliasOutput, Error> {
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    let alias = alias::find(&cx.db().read()?, &reference, &input.name)?;
    Ok(output(&reference, alias))
}

pub async fn update(_: Arc<Lambda>, cx: Cx, input: AliasInput) -> Result<AliasOutput, Error> {
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    input.check()?;
    let (weighted, revision) = (input.weighted()?, cx.env().uuid());
    let target = reference.clone();
    let change = move |alias: Alias, input: &AliasInput| Alias {
        version: input.version().unwrap_or(alias.version),
        weighted: weighted.unwrap_or(alias.weighted),
        description: input.description.clone().unwrap_or(alias.description),
        revision: revision.clone(),
        name: alias.name,
    };
    let alias = cx
        .db()
        .write(move |tx| {
            alias::update(tx, &target, &input.name, input.revision_id.as_deref(), |alias| change(alias, &input))
        })
        .await?;
    Ok(output(&reference, alias))
}

pub async fn delete(_: Arc<Lambda>, cx: Cx, input: AliasInput) -> Result<Empty, Error> {
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    cx.db().write(move |tx| alias::delete(tx, &reference, &input.name)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub aliases: Vec<AliasOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

pub async fn list(_: Arc<Lambda>, cx: Cx, input: PageInput) -> Result<ListOutput, Error> {
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    let mut constraints = Constraints::default();
    let version = input.function_version.as_deref();
    constraints.pattern(version, "functionVersion", VERSION_PATTERN, |version| number(version).is_some());
    constraints.check()?;
    let (limit, after) = (page_size(input.max_items)?, marker(input.marker.as_deref())?);
    let version = version.and_then(number);
    let (aliases, next) = alias::list(&cx.db().read()?, &reference, version, after.as_deref(), limit)?;
    let aliases = aliases.into_iter().map(|alias| output(&reference, alias)).collect();
    Ok(ListOutput { aliases, next_marker: next_marker(next) })
}
