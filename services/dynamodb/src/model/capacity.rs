//! Capacity units, as `ConsumedCapacity` reports them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::item::WriteUnits;
use crate::limits::READ_UNIT_BYTES;

/// What `ReturnConsumedCapacity` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Report {
    #[default]
    None,
    Total,
    Indexes,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConsumedCapacity {
    pub table_name: String,
    pub capacity_units: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_capacity_units: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_capacity_units: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<Capacity>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub local_secondary_indexes: BTreeMap<String, Capacity>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub global_secondary_indexes: BTreeMap<String, Capacity>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub vector_indexes: BTreeMap<String, VectorCapacity>,
}

/// Bytes that a vector index was written or searched with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VectorCapacity {
    #[serde(skip_serializing_if = "Option::is_none")]
    vector_search_request_bytes: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vector_write_request_bytes: Option<f64>,
}

impl VectorCapacity {
    pub fn searched(bytes: f64) -> VectorCapacity {
        VectorCapacity { vector_search_request_bytes: Some(bytes), ..VectorCapacity::default() }
    }

    fn written(bytes: f64) -> VectorCapacity {
        VectorCapacity { vector_write_request_bytes: Some(bytes), ..VectorCapacity::default() }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Capacity {
    pub capacity_units: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_capacity_units: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_capacity_units: Option<f64>,
}

/// Whether units are of reads or writes: transactions say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Unsaid,
    Read,
    Write,
}

/// Units by place, summed over the items of one table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    table: f64,
    local: BTreeMap<String, f64>,
    global: BTreeMap<String, f64>,
    /// Bytes, of vector indexes.
    vectors: BTreeMap<String, f64>,
}

/// Read units for `bytes` read together.
pub fn read_units(bytes: usize, consistent: bool) -> f64 {
    let units = bytes.div_ceil(READ_UNIT_BYTES) as f64;
    if consistent { units } else { units / 2.0 }
}

impl Usage {
    pub fn table(units: f64) -> Usage {
        Usage { table: units, ..Usage::default() }
    }

    pub fn add_table(&mut self, units: f64) {
        self.table += units;
    }

    pub fn add_index(&mut self, name: &str, local: bool, units: f64) {
        *(if local { &mut self.local } else { &mut self.global }).entry(name.to_string()).or_default() += units;
    }

    /// What the table itself is asked for: its local indexes live on its units.
    pub fn of_table(&self) -> f64 {
        self.table + self.local.values().sum::<f64>()
    }

    pub fn of_global_indexes(&self) -> impl Iterator<Item = (&str, f64)> {
        self.global.iter().map(|(name, units)| (name.as_str(), *units))
    }

    pub fn add(&mut self, other: &Usage) {
        self.table += other.table;
        other.local.iter().for_each(|(name, units)| self.add_index(name, true, *units));
        other.global.iter().for_each(|(name, units)| self.add_index(name, false, *units));
        other.vectors.iter().for_each(|(name, bytes)| self.add_vectors(name, *bytes));
    }

    /// Adds a write, counted `times`: twice in a transaction.
    pub fn add_write(&mut self, units: &WriteUnits, times: f64) {
        self.table += units.table as f64 * times;
        units.local.iter().for_each(|(name, units)| self.add_index(name, true, *units as f64 * times));
        units.global.iter().for_each(|(name, units)| self.add_index(name, false, *units as f64 * times));
        units.vectors.iter().for_each(|(name, bytes)| self.add_vectors(name, *bytes as f64));
    }

    fn add_vectors(&mut self, name: &str, bytes: f64) {
        *self.vectors.entry(name.to_string()).or_default() += bytes;
    }

    pub fn report(&self, report: Report, table_name: &str, kind: Kind) -> Option<ConsumedCapacity> {
        if report == Report::None {
            return None;
        }
        let said = |units: f64, wanted: Kind| (kind == wanted).then_some(units);
        let capacity = |units: f64| Capacity {
            capacity_units: units,
            read_capacity_units: said(units, Kind::Read),
            write_capacity_units: said(units, Kind::Write),
        };
        let total = self.table + self.local.values().sum::<f64>() + self.global.values().sum::<f64>();
        let mut consumed = ConsumedCapacity {
            table_name: table_name.to_string(),
            capacity_units: total,
            read_capacity_units: said(total, Kind::Read),
            write_capacity_units: said(total, Kind::Write),
            ..ConsumedCapacity::default()
        };
        if report == Report::Indexes {
            let all = |by_name: &BTreeMap<String, f64>| {
                by_name.iter().map(|(name, units)| (name.clone(), capacity(*units))).collect()
            };
            consumed.table = Some(capacity(self.table));
            consumed.local_secondary_indexes = all(&self.local);
            consumed.global_secondary_indexes = all(&self.global);
            let written = |(name, bytes): (&String, &f64)| (name.clone(), VectorCapacity::written(*bytes));
            consumed.vector_indexes = self.vectors.iter().map(written).collect();
        }
        Some(consumed)
    }
}
