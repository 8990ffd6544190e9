//! RestoreTableFromBackup, RestoreTableToPointInTime.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Arn, Timestamp};
use serde::Deserialize;
use service::{Cx, Error as ServiceError, Permission};
use wire::DateTime;

use super::backup::backup_arn;
use super::describe;
use super::permission::{permission, resource_arn, resource_permission};
use super::schema::{self, IndexInput, ProvisionedThroughput, Scope};
use super::table::{self, BILLING_MODES, SseSpecification, TableOutput};
use super::vector::{self, VectorIndexInput};
use crate::DynamoDb;
use crate::error::Error;
use crate::limits::NAME_CHARS_MIN;
use crate::model::{backup, recovery, table as tables};
use crate::types::{Billing, Index, OnDemandThroughput, Restore, SharedTable, Table, Throughput};
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RestoreFromBackupInput {
    pub target_table_name: Option<String>,
    pub backup_arn: Option<String>,
    #[serde(flatten)]
    pub overrides: Overrides,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RestoreToPointInTimeInput {
    pub source_table_arn: Option<String>,
    pub source_table_name: Option<String>,
    pub target_table_name: Option<String>,
    pub use_latest_restorable_time: Option<bool>,
    pub restore_date_time: Option<DateTime>,
    #[serde(flatten)]
    pub overrides: Overrides,
}

/// What shall be otherwise than it was.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Overrides {
    pub billing_mode_override: Option<String>,
    pub global_secondary_index_override: Option<Vec<IndexInput>>,
    pub local_secondary_index_override: Option<Vec<IndexInput>>,
    pub vector_index_override: Option<Vec<VectorIndexInput>>,
    pub provisioned_throughput_override: Option<ProvisionedThroughput>,
    pub on_demand_throughput_override: Option<OnDemandThroughput>,
    #[serde(rename = "SSESpecificationOverride")]
    pub sse_specification_override: Option<SseSpecification>,
}

/// What restoring does to the new table takes permission, as it does on AWS.
const DONE_TO_TARGET: [&str; 7] = ["BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"];

/// # Errors
/// When a policy cannot be read.
pub fn backup_permissions(
    _: &DynamoDb,
    cx: &Cx,
    input: &RestoreFromBackupInput,
) -> Result<Vec<Permission>, ServiceError> {
    let action = "dynamodb:RestoreTableFromBackup";
    let mut all = vec![Permission::new(action, resource_arn(cx, input.backup_arn.as_deref()))];
    all.append(&mut target_permissions(cx, action, input.target_table_name.as_deref())?);
    Ok(all)
}

/// # Errors
/// When a policy cannot be read.
pub fn moment_permissions(
    _: &DynamoDb,
    cx: &Cx,
    input: &RestoreToPointInTimeInput,
) -> Result<Vec<Permission>, ServiceError> {
    let action = "dynamodb:RestoreTableToPointInTime";
    // An ARN's region is where the table is looked for.
    let source = match input.source_table_arn.as_deref() {
        Some(arn) => resource_permission(cx, action, resource_arn(cx, Some(arn)))?,
        None => permission(cx, action, input.source_table_name.as_deref(), None)?,
    };
    let mut all = vec![source];
    all.append(&mut target_permissions(cx, action, input.target_table_name.as_deref())?);
    Ok(all)
}

fn target_permissions(cx: &Cx, action: &str, target: Option<&str>) -> Result<Vec<Permission>, ServiceError> {
    let data = DONE_TO_TARGET.iter().map(|operation| format!("dynamodb:{operation}"));
    std::iter::once(action.to_owned()).chain(data).map(|action| permission(cx, &action, target, None)).collect()
}

pub async fn from_backup(_: Arc<DynamoDb>, cx: Cx, input: RestoreFromBackupInput) -> Result<TableOutput, Error> {
    let target = target(input.target_table_name.as_deref(), &input.overrides)?;
    let arn = backup_arn(&cx, input.backup_arn)?;
    check_region(&cx, &arn, &input.overrides)?;
    let backup = backup::find(&cx.db().read()?, &arn.region, &arn)?;
    let restore = Restore { backup: Some(backup.arn.clone()), table: backup.source.arn.clone(), at: backup.created };
    let wanted = wanted(&cx, target, &backup.source, &input.overrides, restore).await?;
    let now = cx.now();
    let table = cx.db().write(move |tx| backup::restore(tx, &backup, &wanted, now)).await?;
    Ok(TableOutput { table_description: describe::table(&cx.db().read()?, &table, "CREATING")? })
}

pub async fn to_point_in_time(
    _: Arc<DynamoDb>,
    cx: Cx,
    input: RestoreToPointInTimeInput,
) -> Result<TableOutput, Error> {
    let target = target(input.target_table_name.as_deref(), &input.overrides)?;
    let asked = asked_time(&input)?;
    let source = source(&cx, &input)?;
    let now = cx.now();
    let at = recovery::restorable(&source, asked, now)?.unwrap_or(now);
    let restore = Restore { backup: None, table: source.arn.clone(), at };
    let wanted = wanted(&cx, target, &source, &input.overrides, restore).await?;
    let table = cx.db().write(move |tx| backup::restore_moment(tx, &source, &wanted, asked, now)).await?;
    Ok(TableOutput { table_description: describe::table(&cx.db().read()?, &table, "CREATING")? })
}

/// The name of the new table, when the request is well formed.
fn target(name: Option<&str>, overrides: &Overrides) -> Result<String, Error> {
    let mut constraints = Constraints::default();
    constraints.choice(overrides.billing_mode_override.as_deref(), "billingModeOverride", &BILLING_MODES);
    let throughput = overrides.provisioned_throughput_override.as_ref();
    schema::check_throughput(&mut constraints, throughput, "provisionedThroughputOverride");
    for (indexes, member, scope) in [
        (&overrides.local_secondary_index_override, "localSecondaryIndexOverride", Scope::Local),
        (&overrides.global_secondary_index_override, "globalSecondaryIndexOverride", Scope::Global),
    ] {
        for (number, index) in indexes.iter().flatten().enumerate() {
            schema::check_index(&mut constraints, index, &format!("{member}.{}.member", number + 1), scope);
        }
    }
    for (number, index) in overrides.vector_index_override.iter().flatten().enumerate() {
        vector::check(&mut constraints, index, &format!("vectorIndexOverride.{}.member", number + 1));
    }
    match name {
        Some(name) => constraints.name(name, "targetTableName", NAME_CHARS_MIN),
        None => constraints.present(&name, "targetTableName"),
    }
    constraints.check()?;
    Ok(name.unwrap_or_default().to_owned())
}

/// The time to restore; `None` is the latest.
fn asked_time(input: &RestoreToPointInTimeInput) -> Result<Option<Timestamp>, Error> {
    match (input.use_latest_restorable_time, input.restore_date_time) {
        (Some(true), Some(_)) => Err(Error::validation(
            "Invalid Request: Both RestoreDateTime and UseLatestRestorableTime cannot be set for point-in-time restore request. Please specify only one of them",
        )),
        (Some(true), None) => Ok(None),
        (_, Some(at)) => Ok(Some(at.into())),
        (_, None) => Err(Error::validation(
            "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not both",
        )),
    }
}

fn source(cx: &Cx, input: &RestoreToPointInTimeInput) -> Result<SharedTable, Error> {
    let snapshot = cx.db().read()?;
    match (&input.source_table_arn, &input.source_table_name) {
        (Some(_), Some(_)) => Err(Error::validation("Must provide exactly one of: sourceTableArn, sourceTableName")),
        (None, None) => Err(Error::validation("The parameter 'TableName' is required")),
        (None, Some(name)) => tables::backed_up(&snapshot, cx.region().as_str(), name),
        (Some(text), None) => {
            let arn = text.parse::<Arn>().ok().filter(|arn| arn.service == "dynamodb");
            let arn = arn.filter(|arn| arn.resource.starts_with("table/"));
            let arn = arn.ok_or_else(|| Error::validation("sourceTableArn is not a valid ARN"))?;
            if arn.account != cx.account().as_str() {
                return Err(Error::validation(
                    "This action is only supported by accounts that match the resource owner's account",
                ));
            }
            check_region(cx, &arn, &input.overrides)?;
            tables::backed_up(&snapshot, &arn.region, text)
        }
    }
}

fn check_region(cx: &Cx, arn: &Arn, overrides: &Overrides) -> Result<(), Error> {
    if arn.region != cx.region().as_str() && overrides.sse_specification_override.is_none() {
        return Err(Error::validation(
            "Invalid Request: sseSpecificationOverride must be provided for cross-region restores",
        ));
    }
    Ok(())
}

/// The new table, with numbers still to be given. It has neither stream nor time to live, neither tags nor policies, and
/// is neither protected nor recoverable: whoever restores it sees to that again.
async fn wanted(
    cx: &Cx,
    name: String,
    source: &Table,
    overrides: &Overrides,
    restore: Restore,
) -> Result<Table, Error> {
    let on_demand = match overrides.billing_mode_override.as_deref() {
        Some(mode) => mode == "PAY_PER_REQUEST",
        None => source.billing.on_demand,
    };
    let mut table = Table {
        id: 0,
        uuid: cx.env().uuid(),
        arn: cx.arn("dynamodb", format!("table/{name}")),
        name,
        created: cx.now(),
        billing: Billing { on_demand, since: on_demand.then(|| cx.now()), shown: on_demand },
        throughput: throughput(source, overrides, on_demand)?,
        on_demand: on_demand_throughput(source, overrides, on_demand)?,
        class: None,
        deletion_protected: false,
        local_indexes: local_indexes(source, overrides)?,
        global_indexes: global_indexes(source, overrides, on_demand)?,
        vector_indexes: vector::restored(source, overrides.vector_index_override.as_deref())?,
        stream: None,
        encryption: match &overrides.sse_specification_override {
            Some(asked) => table::encryption(cx, Some(asked)).await?,
            None => source.encryption.clone(),
        },
        tags: BTreeMap::new(),
        expiry: None,
        recovery: None,
        copies: 0,
        restore: Some(restore),
        importing: false,
        counts_collections: true,
        warm: None,
        destinations: Vec::new(),
        ..source.clone()
    };
    table.forget_definitions();
    vector::check_table(&table)?;
    table::check_names(&table)?;
    Ok(table)
}

fn throughput(source: &Table, overrides: &Overrides, on_demand: bool) -> Result<Throughput, Error> {
    let asked = overrides.provisioned_throughput_override.as_ref();
    match (on_demand, asked) {
        (true, Some(_)) => {
            Err(Error::validation("Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED"))
        }
        (true, None) => Ok(Throughput::default()),
        (false, None) if source.billing.on_demand || overrides.billing_mode_override.is_some() => {
            Err(Error::validation("Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED"))
        }
        (false, None) => Ok(provisioned(&source.throughput)),
        (false, Some(_)) => schema::throughput(asked),
    }
}

/// The units alone: a new table's have never been changed.
fn provisioned(throughput: &Throughput) -> Throughput {
    Throughput { read: throughput.read, write: throughput.write, ..Throughput::default() }
}

fn on_demand_throughput(
    source: &Table,
    overrides: &Overrides,
    on_demand: bool,
) -> Result<Option<OnDemandThroughput>, Error> {
    let Some(asked) = overrides.on_demand_throughput_override else {
        return Ok(source.on_demand.filter(|_| on_demand));
    };
    if !on_demand {
        return Err(Error::validation("Cannot override OnDemandThroughput unless BillingMode is PAY_PER_REQUEST"));
    }
    for (units, name) in
        [(asked.max_read_request_units, "MaxReadRequestUnits"), (asked.max_write_request_units, "MaxWriteRequestUnits")]
    {
        if units.is_some_and(|units| units < 1 && units != -1) {
            return Err(Error::Validation(format!(
                "Requested {name} for OnDemandThroughput is outside of valid range"
            )));
        }
    }
    Ok(Some(asked))
}

/// The index of the source that an override asks for, by whatever name.
fn matching<'s>(source: &'s [Index], asked: &Index) -> Result<&'s Index, Error> {
    let found = source.iter().find(|index| index.key == asked.key && index.projection == asked.projection);
    found.ok_or_else(|| {
        Error::Validation(format!(
            "Index {} does not match a secondary index that existed in the source table and cannot be created during the restore operation",
            asked.name
        ))
    })
}

fn local_indexes(source: &Table, overrides: &Overrides) -> Result<Vec<Index>, Error> {
    let Some(asked) = &overrides.local_secondary_index_override else {
        return Ok(source.local_indexes.iter().map(fresh).collect());
    };
    let index = |input: &IndexInput| {
        let asked = schema::index(input, &source.definitions, Scope::Local)?;
        matching(&source.local_indexes, &asked)?;
        Ok(asked)
    };
    asked.iter().map(index).collect()
}

fn global_indexes(source: &Table, overrides: &Overrides, on_demand: bool) -> Result<Vec<Index>, Error> {
    let unprovisioned =
        |name: &str| Err(Error::Validation(format!("Must specify provisioned throughput for index {name}")));
    let Some(asked) = &overrides.global_secondary_index_override else {
        return source
            .global_indexes
            .iter()
            .map(|index| match on_demand {
                true => Ok(Index { throughput: Throughput::default(), ..fresh(index) }),
                false if index.throughput.read == 0 => unprovisioned(&index.name),
                false => Ok(Index { on_demand: None, ..fresh(index) }),
            })
            .collect();
    };
    let index = |input: &IndexInput| {
        let asked = schema::index(input, &source.definitions, Scope::Global)?;
        matching(&source.global_indexes, &asked)?;
        match (on_demand, &input.provisioned_throughput) {
            (true, Some(_)) => {
                Err(Error::validation("Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED"))
            }
            (false, None) => unprovisioned(&asked.name),
            _ => Ok(asked),
        }
    };
    asked.iter().map(index).collect()
}

fn fresh(index: &Index) -> Index {
    Index { id: tables::NEW_INDEX, throughput: provisioned(&index.throughput), backfilling: false, ..index.clone() }
}
