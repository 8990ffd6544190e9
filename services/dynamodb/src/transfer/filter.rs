//! Which items an export has, and what of each: `FilterSpecification`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::attribute::ValueInput;
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::expression::{Condition, KeyCondition, Projection};
use crate::key::KeySchema;
use crate::ops::expressions::{self, Parameters};
use crate::ops::query;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Specification {
    filter_expression: Option<String>,
    projection_expression: Option<String>,
    key_condition_expression: Option<String>,
    expression_attribute_names: Option<BTreeMap<String, String>>,
    expression_attribute_values: Option<BTreeMap<String, ValueInput>>,
}

#[derive(Debug, Default)]
pub struct Filter {
    key: Option<KeyCondition>,
    condition: Option<Condition>,
    projection: Option<Projection>,
}

impl Filter {
    /// As a request has it, in JSON.
    ///
    /// # Errors
    /// What is wrong with its expressions.
    pub fn parse(json: &str) -> Result<Filter, Error> {
        let asked: Specification = serde_json::from_str(json)
            .map_err(|error| Error::Validation(format!("FilterSpecification is not valid: {error}")))?;
        Parameters {
            expressions: &[
                ("ProjectionExpression", asked.projection_expression.is_some()),
                ("FilterExpression", asked.filter_expression.is_some()),
                ("KeyConditionExpression", asked.key_condition_expression.is_some()),
            ],
            legacy: &[],
            names: asked.expression_attribute_names.is_some(),
            values: asked.expression_attribute_values.is_some(),
        }
        .check()?;
        let mut scope = expressions::scope(&asked.expression_attribute_names, &asked.expression_attribute_values)?;
        let key = asked.key_condition_expression.as_ref();
        let key = key.map(|text| KeyCondition::parse(text, &mut scope)).transpose()?;
        let condition = expressions::condition(asked.filter_expression.as_deref(), "FilterExpression", &mut scope)?;
        let projection = expressions::projection(asked.projection_expression.as_deref(), &mut scope)?;
        scope.finish()?;
        Ok(Filter { key: key.map(KeyCondition::of).transpose()?, condition, projection })
    }

    /// # Errors
    /// When its key condition is none on this key, or the filter looks at the key beside one.
    pub fn check(&self, schema: &KeySchema) -> Result<(), Error> {
        let Some(key) = &self.key else { return Ok(()) };
        query::fit(key, schema)?;
        query::check_filter(self.condition.as_ref(), false, schema)
    }

    /// What an export has of an item, if it has it.
    pub fn apply(&self, item: StoredItem) -> Option<StoredItem> {
        let view = item.view();
        let mut key = self.key.iter().flat_map(|key| &key.conditions);
        let meets = key.all(|(name, operator)| view.get(name).is_some_and(|value| operator.matches(value.bytes())))
            && self.condition.as_ref().is_none_or(|condition| condition.holds(view));
        match &self.projection {
            _ if !meets => None,
            Some(projection) => Some(projection.apply(view)),
            None => Some(item),
        }
    }
}
