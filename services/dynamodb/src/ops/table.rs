//! CreateTable, DescribeTable, DeleteTable, ListTables.

use std::sync::Arc;

use kv::Tx;
use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, Permission};

use super::describe::{self, TableDescription};
use super::permission::permission;
use super::resource_policy;
use super::schema::{self, AttributeDefinition, IndexInput, KeySchemaElement, ProvisionedThroughput, Scope};
use super::tag::{self, TagElement};
use super::vector::{self, VectorIndexInput};
use crate::DynamoDb;
use crate::error::Error;
use crate::limits::{
    GLOBAL_INDEXES_MAX, LIST_TABLES_MAX, LOCAL_INDEXES_MAX, NAME_CHARS_MIN, ON_DEMAND_WARM, PROJECTED_ATTRIBUTES_MAX,
};
use crate::model::{backup, policy, stream, table};
use crate::types::{
    Billing, Encryption, Index, OnDemandThroughput, Projected, Stream, Table, Throughput, VectorIndex, WarmThroughput,
};
use crate::validation::{Constraints, required};
use crate::workers;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateTableInput {
    pub table_name: Option<String>,
    pub attribute_definitions: Option<Vec<AttributeDefinition>>,
    pub key_schema: Option<Vec<KeySchemaElement>>,
    pub local_secondary_indexes: Option<Vec<IndexInput>>,
    pub global_secondary_indexes: Option<Vec<IndexInput>>,
    pub vector_indexes: Option<Vec<VectorIndexInput>>,
    pub billing_mode: Option<String>,
    pub provisioned_throughput: Option<ProvisionedThroughput>,
    pub on_demand_throughput: Option<OnDemandThroughput>,
    pub warm_throughput: Option<WarmThroughput>,
    pub stream_specification: Option<StreamSpecification>,
    #[serde(rename = "SSESpecification")]
    pub sse_specification: Option<SseSpecification>,
    pub table_class: Option<String>,
    pub deletion_protection_enabled: bool,
    pub tags: Option<Vec<TagElement>>,
    pub resource_policy: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StreamSpecification {
    pub stream_enabled: bool,
    pub stream_view_type: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SseSpecification {
    pub enabled: bool,
    #[serde(rename = "KMSMasterKeyId")]
    pub kms_master_key_id: Option<String>,
}

/// A request that names nothing but a table.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TableInput {
    pub table_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TableOutput {
    pub table_description: TableDescription,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeTableOutput {
    pub table: TableDescription,
}

pub const BILLING_MODES: [&str; 2] = ["PROVISIONED", "PAY_PER_REQUEST"];
pub const TABLE_CLASSES: [&str; 2] = ["STANDARD", "STANDARD_INFREQUENT_ACCESS"];
pub const STREAM_VIEWS: [&str; 4] = ["NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY"];

/// Making a table with a policy takes permission for that, too.
///
/// # Errors
/// When a policy cannot be read.
pub fn create_permissions(_: &DynamoDb, cx: &Cx, input: &CreateTableInput) -> Result<Vec<Permission>, ServiceError> {
    let policy = input.resource_policy.as_ref().map(|_| "dynamodb:PutResourcePolicy");
    let actions = std::iter::once("dynamodb:CreateTable").chain(policy);
    actions.map(|action| permission(cx, action, input.table_name.as_deref(), None)).collect()
}

pub async fn create(_: Arc<DynamoDb>, cx: Cx, input: CreateTableInput) -> Result<TableOutput, Error> {
    let wanted = validated(&cx, &input).await?;
    let document = input.resource_policy.clone().map(resource_policy::document).transpose()?;
    let table = cx.db().write(move |tx| made(tx, &wanted, document.as_deref())).await?;
    Ok(TableOutput { table_description: describe::table(&cx.db().read()?, &table, "ACTIVE")?.made(&table) })
}

fn made(tx: &mut Tx, wanted: &Table, policy: Option<&str>) -> Result<Table, Error> {
    let mut table = table::create(tx, wanted)?;
    if let Some(document) = policy {
        policy::put(tx, table.created, &table.arn.to_string(), None, document)?;
    }
    if table.stream.is_some() {
        let created = table.created;
        stream::open(tx, &mut table, created)?;
    }
    Ok(table)
}

pub async fn describe(_: Arc<DynamoDb>, cx: Cx, input: TableInput) -> Result<DescribeTableOutput, Error> {
    let name = table_name(input.table_name)?;
    let snapshot = cx.db().read()?;
    let table = table::any(&snapshot, cx.region().as_str(), &name)?;
    let status = if table.is_made() { "ACTIVE" } else { "CREATING" };
    Ok(DescribeTableOutput { table: describe::table(&snapshot, &table, status)? })
}

pub async fn delete(_: Arc<DynamoDb>, cx: Cx, input: TableInput) -> Result<TableOutput, Error> {
    let name = table_name(input.table_name)?;
    let (region, now) = (cx.region().clone(), cx.now());
    let before = cx.db().read()?;
    let table = cx
        .db()
        .write(move |tx| {
            let table = table::delete(tx, region.as_str(), &name)?;
            stream::close(tx, &table, now)?;
            if table.recovery.is_some() {
                backup::keep_deleted(tx, &table, now)?;
                workers::strip(tx, now, &table)?;
            } else {
                workers::clear(tx, now, &table.arn, table.id)?;
            }
            table.index_ids().try_for_each(|id| workers::clear(tx, now, &table.arn, id))?;
            Ok::<_, Error>(table)
        })
        .await?;
    Ok(TableOutput { table_description: describe::table(&before, &table, "DELETING")?.deleted() })
}

/// The `TableName` of an operation on tables, when it can be one.
pub fn table_name(name: Option<String>) -> Result<String, Error> {
    let name = required(name, "TableName")?;
    let mut constraints = Constraints::default();
    if !name.starts_with("arn:") {
        constraints.name(&name, "tableName", NAME_CHARS_MIN);
    }
    constraints.check()?;
    Ok(name)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListTablesInput {
    pub exclusive_start_table_name: Option<String>,
    pub limit: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTablesOutput {
    pub table_names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_evaluated_table_name: Option<String>,
}

pub async fn list(_: Arc<DynamoDb>, cx: Cx, input: ListTablesInput) -> Result<ListTablesOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.at_least(input.limit, "limit", 1);
    constraints.at_most(input.limit, "limit", LIST_TABLES_MAX as i64);
    if let Some(name) = &input.exclusive_start_table_name {
        constraints.name(name, "exclusiveStartTableName", NAME_CHARS_MIN);
    }
    constraints.check()?;
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(LIST_TABLES_MAX);
    let after = input.exclusive_start_table_name.as_deref();
    let (table_names, more) = table::list(&cx.db().read()?, cx.region().as_str(), after, limit)?;
    Ok(ListTablesOutput { last_evaluated_table_name: table_names.last().filter(|_| more).cloned(), table_names })
}

/// The table that a request asks for, with numbers still to be given.
///
/// # Errors
/// Whatever is wrong with the request.
pub async fn validated(cx: &Cx, input: &CreateTableInput) -> Result<Table, Error> {
    let name = required(input.table_name.clone(), "TableName")?;
    check_constraints(input, &name)?;
    let on_demand = input.billing_mode.as_deref() == Some("PAY_PER_REQUEST");
    check_billing(input, on_demand)?;
    let defined = input.attribute_definitions.as_deref().unwrap_or_default();
    schema::check_distinct(defined)?;
    let elements = input.key_schema.as_deref().unwrap_or_default();
    if elements.len() > defined.len() {
        return Err(Error::validation("Invalid KeySchema: Some index key attribute have no definition"));
    }
    let definitions = schema::definitions(defined);
    let key = schema::key_schema(elements, &definitions)?;
    let table = Table {
        id: 0,
        uuid: cx.env().uuid(),
        arn: cx.arn("dynamodb", format!("table/{name}")),
        name,
        created: cx.now(),
        billing: Billing { on_demand, since: on_demand.then(|| cx.now()), shown: on_demand },
        throughput: schema::throughput(input.provisioned_throughput.as_ref())?,
        on_demand: input.on_demand_throughput,
        class: input.table_class.clone(),
        deletion_protected: input.deletion_protection_enabled,
        local_indexes: indexes(input.local_secondary_indexes.as_deref(), Scope::Local, &definitions)?,
        global_indexes: indexes(input.global_secondary_indexes.as_deref(), Scope::Global, &definitions)?,
        vector_indexes: vector_indexes(input.vector_indexes.as_deref(), &definitions)?,
        stream: stream(cx, input.stream_specification.as_ref())?,
        encryption: None,
        tags: tag::checked(input.tags.as_deref().unwrap_or_default())?,
        expiry: None,
        key,
        definitions,
        recovery: None,
        copies: 0,
        restore: None,
        importing: false,
        counts_collections: true,
        warm: input.warm_throughput,
        destinations: Vec::new(),
    };
    check_local_indexes(&table)?;
    check_global_indexes(&table, input)?;
    vector::check_table(&table)?;
    check_names(&table)?;
    check_definitions_used(&table)?;
    check_warm(&table)?;
    Ok(Table { encryption: encryption(cx, input.sse_specification.as_ref()).await?, ..table })
}

fn check_constraints(input: &CreateTableInput, name: &str) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    match &input.attribute_definitions {
        None => constraints.fail(None, "attributeDefinitions", "Member must not be null"),
        Some(definitions) => schema::check_definitions(&mut constraints, definitions),
    }
    constraints.name(name, "tableName", NAME_CHARS_MIN);
    constraints.choice(input.billing_mode.as_deref(), "billingMode", &BILLING_MODES);
    constraints.choice(input.table_class.as_deref(), "tableClass", &TABLE_CLASSES);
    schema::check_throughput(&mut constraints, input.provisioned_throughput.as_ref(), "provisionedThroughput");
    schema::check_key_schema(&mut constraints, input.key_schema.as_ref(), "keySchema", 2);
    for (indexes, member, scope) in [
        (&input.local_secondary_indexes, "localSecondaryIndexes", Scope::Local),
        (&input.global_secondary_indexes, "globalSecondaryIndexes", Scope::Global),
    ] {
        for (number, index) in indexes.iter().flatten().enumerate() {
            schema::check_index(&mut constraints, index, &format!("{member}.{}.member", number + 1), scope);
        }
    }
    for (number, index) in input.vector_indexes.iter().flatten().enumerate() {
        vector::check(&mut constraints, index, &format!("vectorIndexes.{}.member", number + 1));
    }
    if let Some(stream) = &input.stream_specification {
        constraints.choice(stream.stream_view_type.as_deref(), "streamSpecification.streamViewType", &STREAM_VIEWS);
    }
    constraints.check()
}

fn check_billing(input: &CreateTableInput, on_demand: bool) -> Result<(), Error> {
    match (on_demand, &input.provisioned_throughput) {
        (true, Some(_)) => Err(Error::invalid(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (false, None) => Err(Error::invalid(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
        _ => Ok(()),
    }
}

fn indexes(
    inputs: Option<&[IndexInput]>,
    scope: Scope,
    definitions: &[(String, crate::value::Kind)],
) -> Result<Vec<Index>, Error> {
    match inputs {
        Some([]) => Err(Error::invalid(format_args!("List of {scope:?}SecondaryIndexes is empty"))),
        inputs => inputs.unwrap_or_default().iter().map(|input| schema::index(input, definitions, scope)).collect(),
    }
}

fn vector_indexes(
    inputs: Option<&[VectorIndexInput]>,
    definitions: &[(String, crate::value::Kind)],
) -> Result<Vec<VectorIndex>, Error> {
    match inputs {
        Some([]) => Err(Error::invalid("List of VectorIndexes is empty")),
        inputs => inputs.unwrap_or_default().iter().map(|input| vector::index(input, definitions)).collect(),
    }
}

/// What an on-demand table, or an index of it, is to take at once is no less than what it begins with.
fn check_warm(table: &Table) -> Result<(), Error> {
    let of_indexes = table.global_indexes.iter().map(|index| (format!("index {}", index.name), index.warm));
    let all = std::iter::once(("table".to_owned(), table.warm)).chain(of_indexes);
    for (what, set) in all.filter(|_| table.billing.on_demand) {
        let WarmThroughput { read_units_per_second: read, write_units_per_second: write } = set.unwrap_or_default();
        let (least_read, least_write) = ON_DEMAND_WARM;
        for (units, asked, least) in [("Read", read, least_read), ("Write", write, least_write)] {
            if asked.is_some_and(|asked| asked < least) {
                return Err(Error::invalid(format_args!(
                    "Requested {units}UnitsPerSecond for WarmThroughput for {what} is lower than initial throughput for OnDemand"
                )));
            }
        }
    }
    Ok(())
}

fn check_local_indexes(table: &Table) -> Result<(), Error> {
    if table.local_indexes.is_empty() {
        return Ok(());
    }
    if table.key.sort.is_none() {
        return Err(Error::invalid(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex",
        ));
    }
    for index in &table.local_indexes {
        if index.key.sort.is_none() {
            let name = &index.name;
            return Err(Error::invalid(format_args!("Index KeySchema does not have a range key for index: {name}")));
        }
        if index.key.partition.name != table.key.partition.name {
            return Err(Error::invalid(format_args!(
                "Index KeySchema does not have the same leading hash key as table KeySchema for index: {}. index hash key: {}, table hash key: {}",
                index.name, index.key.partition.name, table.key.partition.name
            )));
        }
    }
    if table.local_indexes.len() > LOCAL_INDEXES_MAX {
        return Err(Error::invalid(format_args!(
            "Number of LocalSecondaryIndexes exceeds per-table limit of {LOCAL_INDEXES_MAX}"
        )));
    }
    Ok(())
}

fn check_global_indexes(table: &Table, input: &CreateTableInput) -> Result<(), Error> {
    for (index, asked) in table.global_indexes.iter().zip(input.global_secondary_indexes.iter().flatten()) {
        check_index_billing(&index.name, asked, table.billing.on_demand)?;
    }
    if table.global_indexes.len() > GLOBAL_INDEXES_MAX {
        return Err(Error::invalid(format_args!(
            "GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_INDEXES_MAX}"
        )));
    }
    Ok(())
}

/// A global index has a throughput of its own exactly when the table is provisioned.
pub fn check_index_billing(name: &str, asked: &IndexInput, on_demand: bool) -> Result<(), Error> {
    match (on_demand, &asked.provisioned_throughput) {
        (true, Some(_)) => Err(Error::invalid(format_args!(
            "ProvisionedThroughput should not be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
        ))),
        (false, None) => Err(Error::invalid(format_args!("ProvisionedThroughput is not specified for index: {name}"))),
        _ => Ok(()),
    }
}

/// # Errors
/// When two indexes have one name, or they project too many attributes by name.
pub fn check_names(table: &Table) -> Result<(), Error> {
    let vectors = table.vector_indexes.iter().map(|index| index.name.as_str());
    let names: Vec<&str> = table.indexes().map(|index| index.name.as_str()).chain(vectors).collect();
    for (at, name) in names.iter().enumerate() {
        if names.iter().take(at).any(|earlier| earlier == name) {
            return Err(Error::invalid(format_args!("Duplicate index name: {name}")));
        }
    }
    let projected = |index: &Index| match &index.projection {
        Projected::Include(names) => names.len(),
        Projected::All | Projected::KeysOnly => 0,
    };
    if table.indexes().map(projected).sum::<usize>() > PROJECTED_ATTRIBUTES_MAX {
        return Err(Error::invalid(format_args!(
            "Number of projected attributes exceeds the per-table limit of {PROJECTED_ATTRIBUTES_MAX}"
        )));
    }
    Ok(())
}

/// # Errors
/// When an attribute is defined that no key uses.
pub fn check_definitions_used(table: &Table) -> Result<(), Error> {
    if table.definitions.iter().all(|(name, _)| table.defines(name)) {
        return Ok(());
    }
    if table.index_ids().next().is_none() {
        return Err(Error::invalid(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
        ));
    }
    let defined: Vec<&str> = table.definitions.iter().map(|(name, _)| name.as_str()).collect();
    let keys: Vec<&str> = defined.iter().copied().filter(|name| table.defines(name)).collect();
    Err(Error::invalid(format_args!(
        "Some AttributeDefinitions are not used. AttributeDefinitions: [{}], keys used: [{}]",
        defined.join(", "),
        keys.join(", ")
    )))
}

/// # Errors
/// When a stream is enabled without a view, or described without being enabled.
pub fn stream(cx: &Cx, asked: Option<&StreamSpecification>) -> Result<Option<Stream>, Error> {
    let Some(StreamSpecification { stream_enabled, stream_view_type }) = asked else { return Ok(None) };
    match (stream_enabled, stream_view_type) {
        (true, Some(view)) => {
            let label = cx.now().iso8601().trim_end_matches('Z').to_string();
            Ok(Some(Stream { enabled: true, view: Some(view.clone()), label, id: 0 }))
        }
        (true, None) => Err(Error::invalid("StreamViewType must be specified when StreamEnabled is true")),
        (false, Some(_)) => Err(Error::invalid("StreamViewType cannot be specified when StreamEnabled is false")),
        (false, None) => Ok(None),
    }
}

/// How a table is encrypted: with the key that is named, or DynamoDB's own where none is.
///
/// # Errors
/// When there is no such key, or the caller may not know of it.
pub async fn encryption(cx: &Cx, asked: Option<&SseSpecification>) -> Result<Option<Encryption>, Error> {
    let Some(asked) = asked.filter(|asked| asked.enabled) else { return Ok(None) };
    let found = service::keys::arn(cx, "dynamodb", asked.kms_master_key_id.as_deref()).await;
    let key = found.map_err(|error| {
        let is_wrong = error.is_sender_fault() && error.code != "AccessDeniedException";
        if is_wrong { Error::invalid(format!("KMS validation error: {}", error.message)) } else { Error::Told(error) }
    })?;
    Ok(Some(Encryption { kms_key: Some(key) }))
}

impl Table {
    /// Attributes that no key uses any more lose their definition.
    pub fn forget_definitions(&mut self) {
        let definitions = std::mem::take(&mut self.definitions);
        self.definitions = definitions.into_iter().filter(|(name, _)| self.defines(name)).collect();
    }

    /// The throughput of an on-demand table is none.
    pub fn make_on_demand(&mut self, now: base::Timestamp) {
        self.billing = Billing { on_demand: true, since: Some(now), shown: true };
        self.throughput = Throughput::default();
        self.global_indexes.iter_mut().for_each(|index| index.throughput = Throughput::default());
    }
}
