//! What Query and Scan have in common.

use serde::Serialize;

use super::get;
use crate::attribute::ItemInput;
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::expression::{Condition, Projection};
use crate::model::capacity::{ConsumedCapacity, Kind, Report, Usage, read_units};
use crate::model::page::{Page, Source};
use crate::types::{Index, Projected, Table};

pub const SELECTS: [&str; 4] = ["SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"];

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PageOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<StoredItem>>,
    pub count: usize,
    pub scanned_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_evaluated_key: Option<StoredItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumed_capacity: Option<ConsumedCapacity>,
}

/// Which parts of items are wanted.
pub struct Selection<'i> {
    pub select: Option<&'i str>,
    pub projection: Option<Projection>,
    /// The name of the parameter that gave the projection.
    pub parameter: &'static str,
}

impl Selection<'_> {
    /// # Errors
    /// When `Select` contradicts the projection, or wants an index's attributes without an index.
    pub fn check(&self, index: Option<&str>) -> Result<(), Error> {
        let parameter = self.parameter;
        match (self.select, &self.projection) {
            (Some("SPECIFIC_ATTRIBUTES"), None) => Err(Error::validation(
                "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
            )),
            (Some("COUNT"), Some(_)) => {
                Err(Error::Validation(format!("Cannot specify the {parameter} when choosing to get only the Count")))
            }
            (Some(select @ ("ALL_ATTRIBUTES" | "ALL_PROJECTED_ATTRIBUTES")), Some(_)) => {
                Err(Error::Validation(format!("Cannot specify the {parameter} when choosing to get {select}")))
            }
            (Some("ALL_PROJECTED_ATTRIBUTES"), None) if index.is_none() => {
                Err(Error::validation("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the table must be asked for what a local index does not hold.
    ///
    /// # Errors
    /// When a global index does not hold it: those are not joined with the table.
    pub fn whole_items(
        &self,
        table: &Table,
        index: Option<(&Index, bool)>,
        filter: Option<&Condition>,
    ) -> Result<bool, Error> {
        let Some((index, local)) = index else { return Ok(false) };
        let holds = |name: &str| match &index.projection {
            Projected::All => true,
            Projected::KeysOnly => table.key.has(name) || index.key.has(name),
            Projected::Include(names) => {
                table.key.has(name) || index.key.has(name) || names.iter().any(|projected| projected == name)
            }
        };
        if self.select == Some("ALL_ATTRIBUTES") && index.projection != Projected::All {
            return match local {
                true => Ok(true),
                false => Err(Error::invalid(format_args!(
                    "Select type ALL_ATTRIBUTES is not supported for global secondary index {} because its projection type is not ALL",
                    index.name
                ))),
            };
        }
        let names = self.projection.iter().flat_map(Projection::names);
        let missing: Vec<&str> = names.filter(|name| !holds(name)).collect();
        if !missing.is_empty() && !local {
            return Err(Error::invalid(format_args!(
                "Global secondary index {} does not project [{}]",
                index.name,
                missing.join(", ")
            )));
        }
        let mut filtered = false;
        if let Some(filter) = filter.filter(|_| local) {
            filter.paths(&mut |path| filtered |= !holds(&path.attribute));
        }
        Ok(!missing.is_empty() || filtered)
    }

    pub fn check_paths(&self, table: &Table, filter: Option<&Condition>) -> Result<(), Error> {
        if let Some(projection) = &self.projection {
            get::check_key_paths(table, projection)?;
        }
        let mut nested = Vec::new();
        if let Some(filter) = filter {
            filter.paths(&mut |path| nested.extend(path.is_nested().then(|| path.clone())));
        }
        get::check_key_paths(table, &Projection::of(nested.iter()))
    }

    /// The wanted parts of items.
    pub fn project(&self, items: Vec<StoredItem>) -> Vec<StoredItem> {
        match &self.projection {
            Some(projection) => items.iter().map(|item| projection.apply(item.view())).collect(),
            None => items,
        }
    }

    /// The answer that a page makes.
    pub fn output(&self, source: Source<'_>, page: Page, usage: &Usage, report: Report) -> PageOutput {
        let last_evaluated_key = page.last.map(|last| last.only(|name| source.is_key(name)));
        let count = page.items.len();
        PageOutput {
            items: (self.select != Some("COUNT")).then(|| self.project(page.items)),
            count,
            scanned_count: page.scanned,
            last_evaluated_key,
            consumed_capacity: usage.report(report, &source.table.name, Kind::Unsaid),
        }
    }
}

/// The units that a page took.
pub fn usage(source: Source<'_>, local: bool, page: &Page, consistent: bool) -> Usage {
    let factor = if consistent { 1.0 } else { 0.5 };
    let mut usage = Usage::table(page.fetched_blocks as f64 * factor);
    let units = read_units(page.bytes.max(1), consistent);
    match source.index {
        Some(index) => usage.add_index(&index.name, local, units),
        None => usage.add_table(units),
    }
    usage
}

/// The secondary index that a request, for `Query` or `Scan`, names.
///
/// # Errors
/// When there is none of that name, or it cannot be read as asked.
pub fn index<'t>(
    table: &'t Table,
    name: Option<&str>,
    consistent: bool,
    operation: &str,
) -> Result<Option<(&'t Index, bool)>, Error> {
    let Some(name) = name else { return Ok(None) };
    if table.vector_index(name).is_some() {
        return Err(Error::Validation(format!("{operation} operation not supported on this index type.")));
    }
    let Some((index, local)) = table.index(name) else {
        return Err(Error::Validation(format!("The table does not have the specified index: {name}")));
    };
    if consistent && !local {
        return Err(Error::validation("Consistent reads are not supported on global secondary indexes"));
    }
    if index.backfilling {
        return Err(Error::Validation(format!("Cannot read from backfilling global secondary index: {name}")));
    }
    Ok(Some((index, local)))
}

/// `ExclusiveStartKey`, when its values are valid.
pub fn start_key(input: Option<&ItemInput>) -> Result<Option<StoredItem>, Error> {
    match input {
        None => Ok(None),
        Some(ItemInput(Ok(key))) => Ok(Some(StoredItem::new(key))),
        Some(ItemInput(Err(invalid))) if invalid.names_starting_key() => {
            Err(Error::Validation(format!("The provided starting key is invalid: {invalid}")))
        }
        Some(ItemInput(Err(invalid))) => Err(invalid.clone().into()),
    }
}

/// # Errors
/// When `start` is not a key of what is read: the table's key, and the index's.
pub fn check_start_key(source: Source<'_>, start: &StoredItem, scan: bool) -> Result<(), Error> {
    let invalid = "The provided starting key is invalid";
    let index_only =
        |index: &Index| index.key.attributes().filter(|attribute| !source.table.key.has(&attribute.name)).count();
    let expected = source.table.key.attributes().count() + source.index.map_or(0, index_only);
    if start.view().iter().count() != expected {
        return Err(Error::Validation(match scan && source.index.is_none() {
            true => format!("{invalid}: The provided key element does not match the schema"),
            false => invalid.into(),
        }));
    }
    if let Some(index) = source.index {
        if index.key.attributes().any(|attribute| start.view().get(&attribute.name).is_none()) {
            return Err(Error::validation(invalid));
        }
        index.key.locate_key(start.only(|name| index.key.has(name)).view())?;
    }
    let table_key = start.only(|name| source.table.key.has(name));
    match source.table.key.locate_key(table_key.view()) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::Validation(format!("{invalid}: {error}"))),
    }
}
