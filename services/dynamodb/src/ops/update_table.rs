//! UpdateTable.

use std::sync::Arc;

use base::Timestamp;
use kv::Tx;
use serde::Deserialize;
use service::Cx;

use super::describe;
use super::schema::{self, AttributeDefinition, IndexInput, ProvisionedThroughput, Scope};
use super::table::{
    self, BILLING_MODES, STREAM_VIEWS, SseSpecification, StreamSpecification, TABLE_CLASSES, TableOutput,
};
use super::vector::{self, VectorIndexInput};
use crate::DynamoDb;
use crate::error::Error;
use crate::limits::{GLOBAL_INDEXES_MAX, NAME_CHARS_MIN, VECTOR_INDEXES_MAX};
use crate::model::{stream, table as model};
use crate::types::{Billing, OnDemandThroughput, Stream, Table, Throughput, VectorIndex, WarmThroughput};
use crate::validation::{Constraints, required};
use crate::value;
use crate::workers::{self, Kind};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateTableInput {
    pub table_name: Option<String>,
    pub attribute_definitions: Option<Vec<AttributeDefinition>>,
    pub billing_mode: Option<String>,
    pub provisioned_throughput: Option<ProvisionedThroughput>,
    pub on_demand_throughput: Option<OnDemandThroughput>,
    pub warm_throughput: Option<WarmThroughput>,
    pub global_secondary_index_updates: Option<Vec<IndexUpdate>>,
    pub vector_index_updates: Option<Vec<VectorUpdate>>,
    pub stream_specification: Option<StreamSpecification>,
    #[serde(rename = "SSESpecification")]
    pub sse_specification: Option<SseSpecification>,
    pub table_class: Option<String>,
    pub deletion_protection_enabled: Option<bool>,
    pub replica_updates: Option<Vec<serde_json::Value>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct IndexUpdate {
    pub create: Option<IndexInput>,
    pub update: Option<IndexChange>,
    pub delete: Option<IndexChange>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VectorUpdate {
    pub create: Option<VectorIndexInput>,
    pub delete: Option<VectorDeletion>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VectorDeletion {
    pub index_name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct IndexChange {
    pub index_name: Option<String>,
    pub provisioned_throughput: Option<ProvisionedThroughput>,
    pub on_demand_throughput: Option<OnDemandThroughput>,
}

impl IndexUpdate {
    fn name(&self) -> Option<&str> {
        let changed = self.update.as_ref().or(self.delete.as_ref()).and_then(|change| change.index_name.as_deref());
        changed.or_else(|| self.create.as_ref()?.index_name.as_deref())
    }
}

pub async fn update(_: Arc<DynamoDb>, cx: Cx, input: UpdateTableInput) -> Result<TableOutput, Error> {
    let name = required(input.table_name.clone(), "TableName")?;
    validate(&input, &name)?;
    let stream = table::stream(&cx, input.stream_specification.as_ref())?;
    let encryption = table::encryption(&cx, input.sse_specification.as_ref()).await?;
    let (region, now) = (cx.region().clone(), cx.now());
    let table = cx
        .db()
        .write(move |tx| {
            let change = |table: &mut Table| {
                if input.sse_specification.is_some() {
                    table.encryption.clone_from(&encryption);
                }
                apply(table, &input, stream.as_ref(), now)
            };
            let before = model::describe(tx, region.as_str(), &name)?;
            let mut table = model::update(tx, region.as_str(), &name, change)?;
            follow_stream(tx, &before, &mut table, now)?;
            follow_indexes(tx, &before, &table, now)?;
            Ok::<_, Error>(table)
        })
        .await?;
    Ok(TableOutput { table_description: describe::table(&cx.db().read()?, &table, "UPDATING")? })
}

/// Opens the stream that was enabled, or closes the one that was disabled.
fn follow_stream(tx: &mut Tx, before: &Table, table: &mut Table, now: Timestamp) -> Result<(), Error> {
    let enabled = |table: &Table| table.stream.as_ref().is_some_and(|stream| stream.enabled);
    match (enabled(before), enabled(table)) {
        (false, true) => stream::open(tx, table, now),
        (true, false) => stream::close(tx, before, now),
        _ => Ok(()),
    }
}

/// Clears away what indexes held that are gone, and has new ones filled.
fn follow_indexes(tx: &mut Tx, before: &Table, table: &Table, now: Timestamp) -> Result<(), Error> {
    let has = |table: &Table, id: u64| table.index_ids().any(|one| one == id);
    before.index_ids().filter(|id| !has(table, *id)).try_for_each(|id| workers::clear(tx, now, &table.arn, id))?;
    let secondary = table.global_indexes.iter().map(|index| (index.id, Kind::FillIndex(index.id)));
    let vectors = table.vector_indexes.iter().map(|index| (index.id, Kind::FillVectors(index.id)));
    for (_, kind) in secondary.chain(vectors).filter(|(id, _)| !has(before, *id)) {
        workers::schedule(tx, now, table, kind, None)?;
    }
    Ok(())
}

fn validate(input: &UpdateTableInput, name: &str) -> Result<(), Error> {
    check_constraints(input, name)?;
    let updates = input.global_secondary_index_updates.as_deref().unwrap_or_default();
    let vectors = input.vector_index_updates.as_deref().unwrap_or_default();
    if input.replica_updates.as_ref().is_some_and(|replicas| !replicas.is_empty()) {
        return Err(Error::validation("Global tables are not supported by Cloudlet: ReplicaUpdates must be empty"));
    }
    let nothing = input.provisioned_throughput.is_none()
        && input.billing_mode.is_none()
        && input.on_demand_throughput.is_none()
        && input.warm_throughput.is_none()
        && input.stream_specification.is_none()
        && input.sse_specification.is_none()
        && input.table_class.is_none()
        && input.deletion_protection_enabled.is_none()
        && vectors.is_empty()
        && updates.is_empty();
    if nothing {
        return Err(Error::validation(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
        ));
    }
    if input.billing_mode.as_deref() == Some("PROVISIONED") && input.provisioned_throughput.is_none() {
        return Err(Error::invalid("ProvisionedThroughput must be specified when BillingMode is PROVISIONED"));
    }
    schema::check_distinct(input.attribute_definitions.as_deref().unwrap_or_default())?;
    for (at, update) in updates.iter().enumerate() {
        if [update.create.is_some(), update.update.is_some(), update.delete.is_some()].iter().filter(|is| **is).count()
            > 1
        {
            return Err(Error::invalid(
                "Only one of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete may be given at a time",
            ));
        }
        if update.create.is_none() && update.update.is_none() && update.delete.is_none() {
            return Err(Error::invalid(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null",
            ));
        }
        if updates.iter().take(at).any(|earlier| earlier.name() == update.name()) {
            return Err(Error::invalid(format_args!(
                "Only one global secondary index update per index is allowed simultaneously. Index: {}",
                update.name().unwrap_or_default()
            )));
        }
    }
    if vectors.iter().any(|update| update.create.is_some() == update.delete.is_some()) {
        return Err(Error::invalid("Exactly one of VectorIndexUpdate.Create, VectorIndexUpdate.Delete must be given"));
    }
    if updates.iter().filter(|update| update.update.is_none()).count() + vectors.len() > 1 {
        return Err(Error::LimitExceeded(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table".into(),
        ));
    }
    Ok(())
}

fn check_constraints(input: &UpdateTableInput, name: &str) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    if !name.starts_with("arn:") {
        constraints.name(name, "tableName", NAME_CHARS_MIN);
    }
    constraints.choice(input.billing_mode.as_deref(), "billingMode", &BILLING_MODES);
    constraints.choice(input.table_class.as_deref(), "tableClass", &TABLE_CLASSES);
    schema::check_throughput(&mut constraints, input.provisioned_throughput.as_ref(), "provisionedThroughput");
    schema::check_definitions(&mut constraints, input.attribute_definitions.as_deref().unwrap_or_default());
    if let Some(stream) = &input.stream_specification {
        constraints.choice(stream.stream_view_type.as_deref(), "streamSpecification.streamViewType", &STREAM_VIEWS);
    }
    for (number, update) in input.global_secondary_index_updates.iter().flatten().enumerate() {
        let at = format!("globalSecondaryIndexUpdates.{}.member", number + 1);
        if let Some(create) = &update.create {
            schema::check_index(&mut constraints, create, &format!("{at}.create"), Scope::Global);
        }
        for (change, member) in [(&update.update, "update"), (&update.delete, "delete")] {
            let Some(change) = change else { continue };
            constraints.present(&change.index_name, &format!("{at}.{member}.indexName"));
            if let Some(name) = &change.index_name {
                constraints.name(name, &format!("{at}.{member}.indexName"), NAME_CHARS_MIN);
            }
            let throughput = change.provisioned_throughput.as_ref();
            schema::check_throughput(&mut constraints, throughput, &format!("{at}.{member}.provisionedThroughput"));
        }
    }
    for (number, update) in input.vector_index_updates.iter().flatten().enumerate() {
        let at = format!("vectorIndexUpdates.{}.member", number + 1);
        if let Some(create) = &update.create {
            vector::check(&mut constraints, create, &format!("{at}.create"));
        }
        if let Some(VectorDeletion { index_name }) = &update.delete {
            constraints.present(index_name, &format!("{at}.delete.indexName"));
        }
    }
    constraints.check()
}

/// What the request makes of the table as it is.
fn apply(table: &mut Table, input: &UpdateTableInput, stream: Option<&Stream>, now: Timestamp) -> Result<(), Error> {
    let on_demand = match input.billing_mode.as_deref() {
        Some(mode) => mode == "PAY_PER_REQUEST",
        None => table.billing.on_demand,
    };
    if on_demand && input.provisioned_throughput.is_some() {
        return Err(Error::invalid(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        ));
    }
    let was_on_demand = table.billing.on_demand;
    if on_demand && !was_on_demand {
        table.make_on_demand(now);
    } else if !on_demand && was_on_demand {
        table.billing = Billing { on_demand: false, shown: true, ..table.billing };
    }
    if let Some(asked) = &input.provisioned_throughput {
        change_throughput(&mut table.throughput, &schema::throughput(Some(asked))?, now, was_on_demand)?;
    }
    let defined = schema::definitions(input.attribute_definitions.as_deref().unwrap_or_default());
    define(table, &defined)?;
    for update in input.global_secondary_index_updates.iter().flatten() {
        change_index(table, update, &defined, now)?;
    }
    for update in input.vector_index_updates.iter().flatten() {
        change_vectors(table, update, &defined)?;
    }
    if input.stream_specification.is_some() {
        change_stream(table, stream)?;
    }
    table.class = input.table_class.clone().or(table.class.take());
    table.deletion_protected = input.deletion_protection_enabled.unwrap_or(table.deletion_protected);
    table.on_demand = input.on_demand_throughput.or(table.on_demand);
    table.warm = input.warm_throughput.or(table.warm);
    vector::check_table(table)?;
    table::check_names(table)
}

/// # Errors
/// When an attribute of a key would get another type.
fn define(table: &mut Table, defined: &[(String, value::Kind)]) -> Result<(), Error> {
    for (name, kind) in defined {
        match table.definitions.iter().find(|(known, _)| known == name) {
            Some((_, known)) if known != kind => {
                return Err(Error::invalid(format_args!(
                    "Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. Existing schema: Schema:[SchemaElement: key{{{name}:{known}:HASH}}] New schema: Schema:[SchemaElement: key{{{name}:{kind}:HASH}}]"
                )));
            }
            Some(_) => {}
            None => table.definitions.push((name.clone(), *kind)),
        }
    }
    Ok(())
}

fn change_throughput(before: &mut Throughput, asked: &Throughput, now: Timestamp, any: bool) -> Result<(), Error> {
    if !any && (before.read, before.write) == (asked.read, asked.write) {
        return Err(Error::Validation(format!(
            "The provisioned throughput for the table will not change. The requested value equals the current value. Current ReadCapacityUnits provisioned for the table: {}. Requested ReadCapacityUnits: {}. Current WriteCapacityUnits provisioned for the table: {}. Requested WriteCapacityUnits: {}. Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.",
            before.read, asked.read, before.write, asked.write
        )));
    }
    if asked.read > before.read || asked.write > before.write {
        before.increased = Some(now);
    }
    if asked.read < before.read || asked.write < before.write {
        before.decreased = Some(now);
        before.decreases_today += 1;
    }
    (before.read, before.write) = (asked.read, asked.write);
    Ok(())
}

/// `defined` are the attributes that the request itself defines: those that the table knows do not count.
fn change_index(
    table: &mut Table,
    update: &IndexUpdate,
    defined: &[(String, value::Kind)],
    now: Timestamp,
) -> Result<(), Error> {
    let missing = || Error::ResourceNotFound("Requested resource not found".into());
    if let Some(asked) = &update.create {
        let mut index = schema::index(asked, defined, Scope::Global)?;
        if table.index(&index.name).is_some() || table.vector_index(&index.name).is_some() {
            return Err(Error::Validation(format!(
                "Attempting to create an index which already exists: {}",
                index.name
            )));
        }
        table::check_index_billing(&index.name, asked, table.billing.on_demand)?;
        if table.global_indexes.len() >= GLOBAL_INDEXES_MAX {
            return Err(Error::LimitExceeded(format!(
                "Subscriber limit exceeded: GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_INDEXES_MAX}"
            )));
        }
        index.backfilling = true;
        table.global_indexes.push(index);
    }
    if let Some(change) = &update.update {
        let name = change.index_name.as_deref().unwrap_or_default();
        let index = table.global_indexes.iter_mut().find(|index| index.name == name).ok_or_else(missing)?;
        if let Some(asked) = &change.provisioned_throughput {
            change_throughput(&mut index.throughput, &schema::throughput(Some(asked))?, now, false)?;
        }
        index.on_demand = change.on_demand_throughput.or(index.on_demand);
    }
    if let Some(change) = &update.delete {
        let name = change.index_name.as_deref().unwrap_or_default();
        let at = table.global_indexes.iter().position(|index| index.name == name).ok_or_else(missing)?;
        table.global_indexes.remove(at);
        table.forget_definitions();
    }
    Ok(())
}

/// As for secondary indexes, what `defined` lacks is not defined.
fn change_vectors(table: &mut Table, update: &VectorUpdate, defined: &[(String, value::Kind)]) -> Result<(), Error> {
    if let Some(asked) = &update.create {
        let index = vector::index(asked, defined)?;
        let present = table.vector_index(&index.name).map(|present| present.backfilling);
        let present = present.or_else(|| table.index(&index.name).map(|(present, _)| present.backfilling));
        match present {
            Some(true) => {
                let (table, name) = (&table.name, &index.name);
                return Err(Error::ResourceInUse(format!(
                    "Attempt to change a resource which is still in use: Index is being created.  Table: {table} Index: {name}"
                )));
            }
            Some(false) => return Err(Error::validation("Attempting to create an index which already exists")),
            None => {}
        }
        if table.vector_indexes.len() >= VECTOR_INDEXES_MAX {
            return Err(Error::LimitExceeded(format!(
                "Subscriber limit exceeded: Number of vector secondary indexes exceeds per-table limit of {VECTOR_INDEXES_MAX}"
            )));
        }
        table.vector_indexes.push(VectorIndex { backfilling: true, ..index });
    }
    if let Some(VectorDeletion { index_name }) = &update.delete {
        let name = index_name.as_deref().unwrap_or_default();
        let at = table.vector_indexes.iter().position(|index| index.name == name);
        let at = at.ok_or_else(|| Error::ResourceNotFound("Requested resource not found".into()))?;
        table.vector_indexes.remove(at);
        table.forget_definitions();
    }
    Ok(())
}

fn change_stream(table: &mut Table, asked: Option<&Stream>) -> Result<(), Error> {
    let enabled = table.stream.as_ref().is_some_and(|stream| stream.enabled);
    match (asked, &mut table.stream) {
        (Some(_), _) if enabled => {
            Err(Error::validation("Table already has an enabled stream: TableName: ".to_string() + &table.name))
        }
        (Some(stream), _) => {
            table.stream = Some(stream.clone());
            Ok(())
        }
        (None, Some(stream)) if enabled => {
            stream.enabled = false;
            Ok(())
        }
        (None, _) => Err(Error::validation("Table has no stream to disable: TableName: ".to_string() + &table.name)),
    }
}
