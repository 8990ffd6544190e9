//! From a statement's condition to the key that it names, and so to what is read or written.

use super::Statement;
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::expression::{Comparator, Condition, KeyOperator, Literal, Operand, Path};
use crate::key::{KeyAttribute, KeySchema, partition_digest};
use crate::keys::Digest;
use crate::model::item::{Change, UpdateRequest, Write};
use crate::value::{Item, Value};

/// The conditions that must all hold.
fn conjuncts(condition: &Condition) -> Vec<&Condition> {
    match condition {
        Condition::And(all) => all.iter().flat_map(conjuncts).collect(),
        one => vec![one],
    }
}

/// What `condition` says about `attribute` alone, as a condition on a key.
fn on_key(condition: &Condition, attribute: &KeyAttribute) -> Option<KeyOperator> {
    let is_key = |path: &Path| path.attribute == attribute.name && !path.is_nested();
    let operator = match condition {
        Condition::Compare(comparator, left, right) => {
            let (comparator, literal) = match (left, right) {
                (Operand::Path(path), Operand::Literal(literal)) if is_key(path) => (*comparator, literal),
                (Operand::Literal(literal), Operand::Path(path)) if is_key(path) => (comparator.mirrored(), literal),
                _ => return None,
            };
            let literal = literal.clone();
            match comparator {
                Comparator::Equal => KeyOperator::Equal(literal),
                Comparator::Less => KeyOperator::Less(literal),
                Comparator::LessOrEqual => KeyOperator::LessOrEqual(literal),
                Comparator::Greater => KeyOperator::Greater(literal),
                Comparator::GreaterOrEqual => KeyOperator::GreaterOrEqual(literal),
                Comparator::NotEqual => return None,
            }
        }
        Condition::Between(Operand::Path(path), Operand::Literal(low), Operand::Literal(high)) if is_key(path) => {
            KeyOperator::Between(low.clone(), high.clone())
        }
        Condition::BeginsWith(Operand::Path(path), Operand::Literal(prefix)) if is_key(path) => {
            KeyOperator::BeginsWith(prefix.clone())
        }
        _ => return None,
    };
    let fits = operator.literals().all(|literal| literal.kind() == attribute.kind);
    fits.then_some(operator)
}

fn equality<'c>(all: &[&'c Condition], attribute: &KeyAttribute) -> Option<(&'c Condition, Literal)> {
    all.iter().find_map(|condition| match on_key(condition, attribute)? {
        KeyOperator::Equal(literal) => Some((*condition, literal)),
        _ => None,
    })
}

/// The one partition that a condition confines a read to, with what it says of the sort key. The whole condition still
/// has to be applied to what is read.
pub fn range_of(condition: Option<&Condition>, schema: &KeySchema) -> Option<(Digest, Option<KeyOperator>)> {
    let all = conjuncts(condition?);
    if schema.is_composite() {
        return None;
    }
    let (_, literal) = equality(&all, &schema.partition)?;
    let partition = partition_digest(literal.value()?);
    let sort = schema.sort.as_ref().and_then(|sort| all.iter().find_map(|condition| on_key(condition, sort)));
    Some((partition, sort))
}

/// The partition key of the one partition that a statement is confined to.
pub fn partition_of(statement: &Statement, schema: &KeySchema) -> Option<Value> {
    let condition = match statement {
        Statement::Insert { item, .. } => return item.get(&schema.partition.name).cloned(),
        Statement::Select(select) | Statement::Exists(select) => select.condition.as_ref()?,
        Statement::Update { condition, .. } | Statement::Delete { condition, .. } => condition,
    };
    let (_, literal) = equality(&conjuncts(condition), &schema.partition)?;
    Some(literal.value()?.to_value())
}

/// The whole key that a condition names, and what else it says.
pub fn key_of(condition: &Condition, schema: &KeySchema) -> Option<(StoredItem, Vec<Condition>)> {
    let all = conjuncts(condition);
    let mut key = Item::new();
    let mut used = Vec::new();
    for attribute in schema.attributes() {
        let (condition, literal) = equality(&all, attribute)?;
        key.insert(attribute.name.clone(), literal.value()?.to_value());
        used.push(condition);
    }
    let is_used = |condition: &Condition| used.iter().any(|used| std::ptr::eq(*used, condition));
    let rest = all.into_iter().filter(|condition| !is_used(condition)).cloned().collect();
    Some((StoredItem::new(&key), rest))
}

/// The write that a statement asks for: a check where it only reads.
///
/// # Errors
/// When the statement does not name one item by its whole key.
pub fn write_of(statement: &Statement, schema: &KeySchema) -> Result<Write, Error> {
    let keyed = |condition: &Condition| {
        key_of(condition, schema).ok_or_else(|| {
            Error::validation("Where clause does not contain a mandatory equality on all key attributes")
        })
    };
    // What these change must be there.
    let present = || Condition::Exists(Path::attribute(schema.partition.name.as_str()));
    let (condition, change) = match statement {
        Statement::Insert { item, .. } => (None, Change::Insert(StoredItem::new(item))),
        Statement::Update { update, condition, .. } => {
            let (key, mut rest) = keyed(condition)?;
            rest.push(present());
            let request = UpdateRequest { update: update.clone(), legacy: false };
            (Some(Condition::And(rest)), Change::Update(key, request))
        }
        Statement::Delete { condition, .. } => {
            let (key, rest) = keyed(condition)?;
            ((!rest.is_empty()).then_some(Condition::And(rest)), Change::Delete(key))
        }
        Statement::Select(select) | Statement::Exists(select) => {
            let missing = Condition::And(Vec::new());
            let (key, mut rest) = keyed(select.condition.as_ref().unwrap_or(&missing))?;
            rest.push(present());
            (Some(Condition::And(rest)), Change::Check(key))
        }
    };
    Ok(Write { table: statement.table().to_string(), condition, show_on_failure: false, change })
}

/// What a `SELECT` of single paths answers with: each value under the last name of its path.
pub fn projected(item: &StoredItem, paths: &[Path]) -> StoredItem {
    let mut projected = Item::new();
    for path in paths {
        if let Some(value) = path.find(item.view()) {
            projected.insert(path.last_name(), value.to_value());
        }
    }
    StoredItem::new(&projected)
}
