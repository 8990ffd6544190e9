//! `AWS::DynamoDB::Table`.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::shape::{Field, Property, Shape, TAGS, TEXTS, fixed, ignored, property};
use super::{
    Cx, Made, Properties, Resource, ResourceError, Result, deleted, destination, only, or_delete, tags, text, text_of,
};
use crate::state::Deployed;

pub struct Table;

const KEY_SCHEMA: Shape = Shape::List(&Shape::Struct(&[("AttributeName", Shape::Text), ("KeyType", Shape::Text)]));
const PROJECTION: Shape = Shape::Struct(&[("ProjectionType", Shape::Text), ("NonKeyAttributes", TEXTS)]);
const THROUGHPUT: Shape =
    Shape::Struct(&[("ReadCapacityUnits", Shape::Integer), ("WriteCapacityUnits", Shape::Integer)]);
const ON_DEMAND: Shape =
    Shape::Struct(&[("MaxReadRequestUnits", Shape::Integer), ("MaxWriteRequestUnits", Shape::Integer)]);
const LOCAL_INDEX: &[Field] = &[("IndexName", Shape::Text), ("KeySchema", KEY_SCHEMA), ("Projection", PROJECTION)];
const GLOBAL_INDEX: &[Field] = &[
    ("IndexName", Shape::Text),
    ("KeySchema", KEY_SCHEMA),
    ("Projection", PROJECTION),
    ("ProvisionedThroughput", THROUGHPUT),
    ("OnDemandThroughput", ON_DEMAND),
    ("ContributorInsightsSpecification", Shape::Json),
];

const VECTOR_INDEX: &[Field] = &[
    ("IndexName", Shape::Text),
    ("VectorAttribute", Shape::Struct(&[("AttributeName", Shape::Text)])),
    (
        "SearchSchema",
        Shape::List(&Shape::Struct(&[("AttributeName", Shape::Text), ("SearchSchemaElementType", Shape::Text)])),
    ),
    ("Projection", PROJECTION),
    ("Dimensions", Shape::Integer),
    ("DistanceFunction", Shape::Text),
];

const ENCRYPTION: Shape =
    Shape::Struct(&[("SSEEnabled", Shape::Boolean), ("SSEType", Shape::Text), ("KMSMasterKeyId", Shape::Text)]);
const RECOVERY: Shape =
    Shape::Struct(&[("PointInTimeRecoveryEnabled", Shape::Boolean), ("RecoveryPeriodInDays", Shape::Integer)]);

/// Properties that `CreateTable` takes as they are.
const CREATED: &[&str] = &[
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "ProvisionedThroughput",
    "OnDemandThroughput",
    "LocalSecondaryIndexes",
    "VectorIndexes",
    "DeletionProtectionEnabled",
    "TableClass",
    "Tags",
];

/// Properties that `UpdateTable` takes as they are, apart from indexes.
const UPDATED: &[&str] =
    &["BillingMode", "ProvisionedThroughput", "OnDemandThroughput", "DeletionProtectionEnabled", "TableClass"];

/// How often, and how long, a table is asked whether it is ready.
pub const POLL: Duration = Duration::from_millis(20);
pub const POLLS_MAX: usize = 6000;

#[async_trait]
impl Resource for Table {
    fn kind(&self) -> &'static str {
        "AWS::DynamoDB::Table"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("TableName", Shape::Text),
                property(
                    "AttributeDefinitions",
                    Shape::List(&Shape::Struct(&[("AttributeName", Shape::Text), ("AttributeType", Shape::Text)])),
                )
                .required(),
                fixed("KeySchema", KEY_SCHEMA).required(),
                fixed("LocalSecondaryIndexes", Shape::List(&Shape::Struct(LOCAL_INDEX))),
                property("GlobalSecondaryIndexes", Shape::List(&Shape::Struct(GLOBAL_INDEX))),
                property("VectorIndexes", Shape::List(&Shape::Struct(VECTOR_INDEX))),
                property("BillingMode", Shape::Text),
                property("ProvisionedThroughput", THROUGHPUT),
                property("OnDemandThroughput", ON_DEMAND),
                property("DeletionProtectionEnabled", Shape::Boolean),
                property("TableClass", Shape::Text),
                property(
                    "StreamSpecification",
                    Shape::Struct(&[("StreamViewType", Shape::Text), ("StreamEnabled", Shape::Boolean)]),
                ),
                property(
                    "TimeToLiveSpecification",
                    Shape::Struct(&[("AttributeName", Shape::Text), ("Enabled", Shape::Boolean)]),
                ),
                property("Tags", TAGS),
                property("SSESpecification", ENCRYPTION),
                property("PointInTimeRecoverySpecification", RECOVERY),
                property(
                    "KinesisStreamSpecification",
                    Shape::Struct(&[("StreamArn", Shape::Text), ("ApproximateCreationDateTimePrecision", Shape::Text)]),
                ),
                ignored("ContributorInsightsSpecification"),
                ignored("WarmThroughput"),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", "StreamArn"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("TableName")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "TableName", 255);
        let mut input = only(wanted, CREATED);
        input["TableName"] = json!(name);
        if let Some(indexes) = wanted.get("GlobalSecondaryIndexes") {
            input["GlobalSecondaryIndexes"] =
                Value::Array(indexes.as_array().into_iter().flatten().map(index_input).collect());
        }
        if let Some(stream) = stream(wanted) {
            input["StreamSpecification"] = stream;
        }
        if let Some(encryption) = wanted.get("SSESpecification") {
            input["SSESpecification"] = encryption_input(encryption);
        }
        cx.call("dynamodb", "CreateTable", input).await?;
        let table = ready(cx, &name).await?;
        let set = set_up(cx, &name, wanted).await;
        or_delete(set, cx.call("dynamodb", "DeleteTable", json!({"TableName": name}))).await?;
        made_of(&name, &table)
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let name = &old.physical_id;
        let changed: Vec<&str> =
            UPDATED.iter().filter(|key| old.properties.get(**key) != wanted.get(**key)).copied().collect();
        let mut input = only(wanted, &changed);
        if changed.contains(&"BillingMode") && !wanted.contains_key("BillingMode") {
            input["BillingMode"] = json!("PROVISIONED");
        }
        if changed.contains(&"DeletionProtectionEnabled") && !wanted.contains_key("DeletionProtectionEnabled") {
            input["DeletionProtectionEnabled"] = json!(false);
        }
        let (streamed, streams) = (stream(&old.properties), stream(wanted));
        if streamed.is_some() && streams.is_some() && streamed != streams {
            // A stream's view cannot be changed: the old stream ends and another begins.
            cx.call(
                "dynamodb",
                "UpdateTable",
                json!({"TableName": name, "StreamSpecification": {"StreamEnabled": false}}),
            )
            .await?;
            ready(cx, name).await?;
        }
        if streamed != streams {
            input["StreamSpecification"] = streams.unwrap_or_else(|| json!({"StreamEnabled": false}));
        }
        if old.properties.get("SSESpecification") != wanted.get("SSESpecification") {
            input["SSESpecification"] =
                wanted.get("SSESpecification").map(encryption_input).unwrap_or_else(unencrypted);
        }
        if input.as_object().is_some_and(|input| !input.is_empty()) {
            input["TableName"] = json!(name);
            cx.call("dynamodb", "UpdateTable", input).await?;
            ready(cx, name).await?;
        }
        update_indexes(cx, name, &old.properties, wanted).await?;
        update_vector_indexes(cx, name, &old.properties, wanted).await?;
        update_time_to_live(cx, name, &old.properties, wanted).await?;
        if recovery(&old.properties) != recovery(wanted) {
            set_recovery(cx, name, wanted).await?;
        }
        destination::update(cx, name, &old.properties, wanted).await?;
        update_tags(cx, old, wanted).await?;
        made_of(name, &ready(cx, name).await?)
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let name = &old.physical_id;
        deleted(cx.call("dynamodb", "DeleteTable", json!({"TableName": name})).await)?;
        for _ in 0..POLLS_MAX {
            match cx.call("dynamodb", "DescribeTable", json!({"TableName": name})).await {
                Ok(_) => tokio::time::sleep(POLL).await,
                Err(error) if error.is_absent() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Err(ResourceError::Unfit(format!("the table {name} is still being deleted")))
    }
}

fn stream(properties: &Properties) -> Option<Value> {
    let stream = properties.get("StreamSpecification")?;
    let enabled = stream.get("StreamEnabled").and_then(Value::as_bool).unwrap_or(true);
    let view = stream.get("StreamViewType").cloned().unwrap_or_default();
    enabled.then(|| json!({"StreamEnabled": true, "StreamViewType": view}))
}

/// An encryption as operations say it.
fn encryption_input(specification: &Value) -> Value {
    let mut input = specification.clone();
    if let Some(members) = input.as_object_mut() {
        let enabled = members.remove("SSEEnabled").unwrap_or(json!(false));
        members.insert("Enabled".into(), enabled);
    }
    input
}

fn unencrypted() -> Value {
    json!({"Enabled": false})
}

/// Whether a table can be brought back to earlier moments, and how many days back, where it is said.
fn recovery(properties: &Properties) -> Value {
    let specification = properties.get("PointInTimeRecoverySpecification");
    let enabled = specification.and_then(|specification| specification.get("PointInTimeRecoveryEnabled"));
    match (specification, enabled) {
        (Some(specification), Some(Value::Bool(true))) => specification.clone(),
        _ => json!({"PointInTimeRecoveryEnabled": false}),
    }
}

async fn set_recovery(cx: &Cx<'_>, name: &str, wanted: &Properties) -> Result<()> {
    let input = json!({"TableName": name, "PointInTimeRecoverySpecification": recovery(wanted)});
    cx.call("dynamodb", "UpdateContinuousBackups", input).await.map(drop)
}

/// Gives a new table what making it does not.
async fn set_up(cx: &Cx<'_>, name: &str, wanted: &Properties) -> Result<()> {
    // Turning it off is an error where it was never on.
    let time_to_live = wanted.get("TimeToLiveSpecification");
    if let Some(time_to_live) = time_to_live.filter(|specification| specification["Enabled"] != json!(false)) {
        set_time_to_live(cx, name, time_to_live).await?;
    }
    if recovery(wanted) != recovery(&Properties::new()) {
        set_recovery(cx, name, wanted).await?;
    }
    destination::update(cx, name, &Properties::new(), wanted).await
}

/// An index without what only CloudFormation knows.
fn index_input(index: &Value) -> Value {
    let mut index = index.clone();
    if let Some(members) = index.as_object_mut() {
        members.remove("ContributorInsightsSpecification");
    }
    index
}

fn made_of(name: &str, table: &Value) -> Result<Made> {
    let mut made = Made::new(name, [("Arn", json!(text(table, "TableArn")?))]);
    if let Some(stream) = table.get("LatestStreamArn").filter(|stream| stream.is_string()) {
        made.attributes.insert("StreamArn".into(), stream.clone());
    }
    Ok(made)
}

/// Waits until the table and its indexes can be used and changed.
async fn ready(cx: &Cx<'_>, name: &str) -> Result<Value> {
    for _ in 0..POLLS_MAX {
        let mut answer = cx.call("dynamodb", "DescribeTable", json!({"TableName": name})).await?;
        let table = answer.get_mut("Table").map(Value::take).unwrap_or_default();
        let indexes = ["GlobalSecondaryIndexes", "VectorIndexes"];
        let mut indexes = indexes.iter().filter_map(|kind| table.get(*kind)).filter_map(Value::as_array).flatten();
        let active = |status: Option<&Value>| status.and_then(Value::as_str).is_none_or(|status| status == "ACTIVE");
        if active(table.get("TableStatus")) && indexes.all(|index| active(index.get("IndexStatus"))) {
            return Ok(table);
        }
        tokio::time::sleep(POLL).await;
    }
    Err(ResourceError::Unfit(format!("the table {name} is still not active")))
}

/// Indexes go and come one call each, as DynamoDB has it; one whose keys changed goes and comes back.
async fn update_indexes(cx: &Cx<'_>, name: &str, old: &Properties, wanted: &Properties) -> Result<()> {
    let indexes = |properties: &Properties| {
        properties.get("GlobalSecondaryIndexes").and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let (old, new) = (indexes(old), indexes(wanted));
    let definition = |index: &Value| (index.get("KeySchema").cloned(), index.get("Projection").cloned());
    let find = |indexes: &[Value], index: &Value| {
        indexes.iter().find(|other| other.get("IndexName") == index.get("IndexName")).cloned()
    };
    let mut updates = Vec::new();
    for index in &old {
        if find(&new, index).is_none_or(|kept| definition(&kept) != definition(index)) {
            updates.push(json!({"Delete": {"IndexName": index.get("IndexName")}}));
        }
    }
    for index in &new {
        match find(&old, index) {
            Some(present) if definition(&present) == definition(index) => {
                let limits = only(
                    index.as_object().unwrap_or(&Properties::new()),
                    &["IndexName", "ProvisionedThroughput", "OnDemandThroughput"],
                );
                if index_input(&present) != index_input(index) {
                    updates.push(json!({"Update": limits}));
                }
            }
            _ => updates.push(json!({"Create": index_input(index)})),
        }
    }
    for update in updates {
        let definitions = wanted.get("AttributeDefinitions");
        let input =
            json!({"TableName": name, "AttributeDefinitions": definitions, "GlobalSecondaryIndexUpdates": [update]});
        cx.call("dynamodb", "UpdateTable", input).await?;
        ready(cx, name).await?;
    }
    Ok(())
}

/// The same of vector indexes, of which nothing can be changed.
async fn update_vector_indexes(cx: &Cx<'_>, name: &str, old: &Properties, wanted: &Properties) -> Result<()> {
    let indexes = |properties: &Properties| {
        properties.get("VectorIndexes").and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let (old, new) = (indexes(old), indexes(wanted));
    let gone = old.iter().filter(|index| !new.contains(index));
    let deletions = gone.map(|index| json!({"Delete": {"IndexName": index.get("IndexName")}}));
    let creations = new.iter().filter(|index| !old.contains(index)).map(|index| json!({"Create": index}));
    let updates: Vec<Value> = deletions.chain(creations).collect();
    for update in updates {
        let definitions = wanted.get("AttributeDefinitions");
        let input = json!({"TableName": name, "AttributeDefinitions": definitions, "VectorIndexUpdates": [update]});
        cx.call("dynamodb", "UpdateTable", input).await?;
        ready(cx, name).await?;
    }
    Ok(())
}

async fn update_time_to_live(cx: &Cx<'_>, name: &str, old: &Properties, wanted: &Properties) -> Result<()> {
    let key = "TimeToLiveSpecification";
    match (old.get(key), wanted.get(key)) {
        (before, Some(after)) if before != Some(after) => set_time_to_live(cx, name, after).await,
        (Some(before), None) => {
            let mut off = before.clone();
            off["Enabled"] = json!(false);
            set_time_to_live(cx, name, &off).await
        }
        _ => Ok(()),
    }
}

async fn set_time_to_live(cx: &Cx<'_>, name: &str, specification: &Value) -> Result<()> {
    let input = json!({"TableName": name, "TimeToLiveSpecification": specification});
    cx.call("dynamodb", "UpdateTimeToLive", input).await.map(drop)
}

async fn update_tags(cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<()> {
    let (set, gone) = tags::changes(&tags::map(&old.properties), &tags::map(wanted));
    let arn = text_of(&old.attributes, "Arn")?;
    if !set.is_empty() {
        cx.call("dynamodb", "TagResource", json!({"ResourceArn": arn, "Tags": tags::list(&set)})).await?;
    }
    if !gone.is_empty() {
        cx.call("dynamodb", "UntagResource", json!({"ResourceArn": arn, "TagKeys": gone})).await?;
    }
    Ok(())
}
