//! The parameters that carry expressions, and the older ones that they exclude.

use std::collections::BTreeMap;

use crate::attribute::ValueInput;
use crate::error::Error;
use crate::expression::legacy::{self, Conjunction, ExpectedInput};
use crate::expression::{Condition, Projection, Scope, Update};
use crate::validation::attribute_name;

/// The expression parameters of a request by name, whether present, and the older parameters likewise.
pub struct Parameters<'p> {
    pub expressions: &'p [(&'static str, bool)],
    pub legacy: &'p [(&'static str, bool)],
    pub names: bool,
    pub values: bool,
}

impl Parameters<'_> {
    /// # Errors
    /// When both kinds are mixed, or names or values are given without an expression to use them in.
    pub fn check(&self) -> Result<(), Error> {
        let present = |parameters: &[(&'static str, bool)]| -> Vec<&'static str> {
            parameters.iter().filter(|(_, present)| *present).map(|(name, _)| *name).collect()
        };
        let (expressions, legacy) = (present(self.expressions), present(self.legacy));
        if !expressions.is_empty() && !legacy.is_empty() {
            return Err(Error::Validation(format!(
                "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {{{}}} Expression parameters: {{{}}}",
                legacy.join(", "),
                expressions.join(", ")
            )));
        }
        if self.names && expressions.is_empty() {
            return Err(Error::validation("ExpressionAttributeNames can only be specified when using expressions"));
        }
        let takes_values = || self.expressions.iter().filter(|(name, _)| *name != "ProjectionExpression");
        if self.values && takes_values().all(|(_, present)| !present) {
            let names: Vec<&str> = takes_values().map(|(name, _)| *name).collect();
            let verb = if names.len() > 1 { "are" } else { "is" };
            return Err(Error::Validation(format!(
                "ExpressionAttributeValues can only be specified when using expressions: {} {verb} null",
                names.join(" and ")
            )));
        }
        Ok(())
    }
}

type Names = Option<BTreeMap<String, String>>;
type Values = Option<BTreeMap<String, ValueInput>>;

pub fn scope<'r>(names: &'r Names, values: &'r Values) -> Result<Scope<'r>, Error> {
    Ok(Scope::new(names.as_ref(), values.as_ref())?)
}

pub fn condition(text: Option<&str>, parameter: &str, scope: &mut Scope<'_>) -> Result<Option<Condition>, Error> {
    text.map(|text| Condition::parse(text, scope).map_err(|error| Error::Validation(error.in_parameter(parameter))))
        .transpose()
}

pub fn projection(text: Option<&str>, scope: &mut Scope<'_>) -> Result<Option<Projection>, Error> {
    let wrong = |error: crate::expression::Error| Error::Validation(error.in_parameter("ProjectionExpression"));
    text.map(|text| Projection::parse(text, scope).map_err(wrong)).transpose()
}

pub fn update(text: Option<&str>, scope: &mut Scope<'_>) -> Result<Option<Update>, Error> {
    let wrong = |error: crate::expression::Error| Error::Validation(error.in_parameter("UpdateExpression"));
    text.map(|text| Update::parse(text, scope).map_err(wrong)).transpose()
}

/// `AttributesToGet`, whose names are not paths.
pub fn attributes_to_get(names: Option<&Vec<String>>) -> Result<Option<Projection>, Error> {
    let Some(names) = names else { return Ok(None) };
    for (at, name) in names.iter().enumerate() {
        attribute_name(name)?;
        if names.iter().take(at).any(|earlier| earlier == name) {
            return Err(Error::invalid(format_args!("Duplicate value in attribute name: {name}")));
        }
    }
    Ok(Some(Projection::attributes(names.iter().cloned())))
}

pub fn conjunction(parameter: Option<&str>) -> Conjunction {
    if parameter == Some("OR") { Conjunction::Or } else { Conjunction::And }
}

/// `Expected` with its `ConditionalOperator`.
pub fn expected(
    expected: Option<&BTreeMap<String, ExpectedInput>>,
    operator: Option<&str>,
) -> Result<Option<Condition>, Error> {
    match (expected.filter(|conditions| !conditions.is_empty()), operator) {
        (None, Some(_)) => Err(Error::invalid("ConditionalOperator cannot be used without Filter or Expected")),
        (None, None) => Ok(None),
        (Some(conditions), _) => Ok(Some(legacy::expected(conditions, conjunction(operator))?)),
    }
}
