//! EnableKinesisStreamingDestination, DisableKinesisStreamingDestination, UpdateKinesisStreamingDestination,
//! DescribeKinesisStreamingDestination.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/kds_gettingstarted.html>

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Cx, Permission};

use super::table::{TableInput, table_name};
use crate::DynamoDb;
use crate::error::Error;
use crate::limits::{STREAM_ARN_CHARS_MAX, STREAM_ARN_CHARS_MIN};
use crate::model::destination::{self, REFUSAL};
use crate::model::table;
use crate::types::{Destination, DestinationStatus, Table};
use crate::validation::Constraints;
use crate::workers::{self, Kind};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DestinationInput {
    pub table_name: Option<String>,
    pub stream_arn: Option<String>,
    pub enable_kinesis_streaming_configuration: Option<Configuration>,
    pub update_kinesis_streaming_configuration: Option<Configuration>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Configuration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approximate_creation_date_time_precision: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DestinationOutput {
    pub table_name: String,
    pub stream_arn: String,
    pub destination_status: DestinationStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_kinesis_streaming_configuration: Option<Configuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_kinesis_streaming_configuration: Option<Configuration>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeDestinationOutput {
    pub table_name: String,
    pub kinesis_data_stream_destinations: Vec<Described>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Described {
    pub stream_arn: Arn,
    pub destination_status: DestinationStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_status_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approximate_creation_date_time_precision: Option<String>,
}

impl From<&Destination> for Described {
    fn from(destination: &Destination) -> Described {
        let failed = destination.status == DestinationStatus::EnableFailed;
        Described {
            stream_arn: destination.stream.clone(),
            destination_status: destination.status,
            destination_status_description: destination.refusal.clone().filter(|_| failed),
            approximate_creation_date_time_precision: destination.precision.clone(),
        }
    }
}

const PRECISIONS: [&str; 2] = ["MILLISECOND", "MICROSECOND"];

pub async fn describe(_: Arc<DynamoDb>, cx: Cx, input: TableInput) -> Result<DescribeDestinationOutput, Error> {
    let name = table_name(input.table_name)?;
    let table = table::describe(&cx.db().read()?, cx.region().as_str(), &name)?;
    let kinesis_data_stream_destinations = table.destinations.iter().map(Described::from).collect();
    Ok(DescribeDestinationOutput { table_name: table.name.clone(), kinesis_data_stream_destinations })
}

pub async fn enable(_: Arc<DynamoDb>, cx: Cx, input: DestinationInput) -> Result<DestinationOutput, Error> {
    let (name, arn) = validated(&input)?;
    let configuration = input.enable_kinesis_streaming_configuration.unwrap_or_default();
    let stream: Arn = arn.parse().map_err(|_| Error::Validation(format!("Invalid StreamArn: {arn}")))?;
    table::describe(&cx.db().read()?, cx.region().as_str(), &name)?;
    let wanted = Destination {
        refusal: refusal(&cx, &stream).await,
        stream,
        status: DestinationStatus::Enabling,
        precision: configuration.approximate_creation_date_time_precision.clone(),
    };
    let table = change(&cx, name, arn.clone(), move |table| destination::enable(table, &wanted)).await?;
    Ok(DestinationOutput {
        enable_kinesis_streaming_configuration: Some(configuration),
        ..output(table, arn, DestinationStatus::Enabling)
    })
}

/// Why the caller cannot have changes sent to this stream: it must be there, in the table's account and region, and the
/// caller must be allowed what DynamoDB will do with it. AWS answers with success, and says so of the destination.
///
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/kds_iam.html>
async fn refusal(cx: &Cx, stream: &Arn) -> Option<String> {
    let refused = Some(REFUSAL.to_owned());
    if *stream != cx.arn("kinesis", stream.resource.as_str()) {
        return refused;
    }
    let described = cx.call::<Value>("kinesis", "DescribeStream", json!({"StreamARN": stream, "Limit": 1})).await;
    let written = cx.authorize(&Permission::new("kinesis:PutRecords", stream));
    refused.filter(|_| described.is_err() || written.is_err())
}

pub async fn disable(_: Arc<DynamoDb>, cx: Cx, input: DestinationInput) -> Result<DestinationOutput, Error> {
    let (name, arn) = validated(&input)?;
    let stream = arn.clone();
    let table = change(&cx, name, arn.clone(), move |table| destination::disable(table, &stream)).await?;
    Ok(output(table, arn, DestinationStatus::Disabling))
}

pub async fn update(_: Arc<DynamoDb>, cx: Cx, input: DestinationInput) -> Result<DestinationOutput, Error> {
    let (name, arn) = validated(&input)?;
    let configuration = input.update_kinesis_streaming_configuration.unwrap_or_default();
    let precision = configuration.approximate_creation_date_time_precision.clone().ok_or_else(|| {
        Error::validation(
            "Streaming destination cannot be updated with given parameters: UpdateKinesisStreamingConfiguration cannot be null or contain only null values",
        )
    })?;
    let stream = arn.clone();
    let table = change(&cx, name, arn.clone(), move |table| destination::update(table, &stream, &precision)).await?;
    Ok(DestinationOutput {
        update_kinesis_streaming_configuration: Some(configuration),
        ..output(table, arn, DestinationStatus::Updating)
    })
}

/// Changes a table's destinations, and has what was begun be ended.
async fn change(
    cx: &Cx,
    name: String,
    stream: String,
    change: impl Fn(&mut Table) -> Result<(), Error> + Send + 'static,
) -> Result<Table, Error> {
    let (region, now) = (cx.region().clone(), cx.now());
    cx.db()
        .write(move |tx| {
            let table = table::update(tx, region.as_str(), &name, &change)?;
            workers::schedule(tx, now, &table, Kind::SettleDestination(stream.clone()), None)?;
            Ok(table)
        })
        .await
}

fn output(table: Table, stream_arn: String, destination_status: DestinationStatus) -> DestinationOutput {
    DestinationOutput {
        table_name: table.name,
        stream_arn,
        destination_status,
        enable_kinesis_streaming_configuration: None,
        update_kinesis_streaming_configuration: None,
    }
}

/// The table's name and the stream's ARN.
fn validated(input: &DestinationInput) -> Result<(String, String), Error> {
    let mut constraints = Constraints::default();
    constraints.table(input.table_name.as_deref());
    constraints.present(&input.stream_arn, "streamArn");
    if let Some(arn) = &input.stream_arn {
        constraints.length(arn, arn.chars().count(), "streamArn", STREAM_ARN_CHARS_MIN, STREAM_ARN_CHARS_MAX);
    }
    for (configuration, at) in [
        (&input.enable_kinesis_streaming_configuration, "enableKinesisStreamingConfiguration"),
        (&input.update_kinesis_streaming_configuration, "updateKinesisStreamingConfiguration"),
    ] {
        let precision = configuration.as_ref().and_then(|one| one.approximate_creation_date_time_precision.as_deref());
        constraints.choice(precision, &format!("{at}.approximateCreationDateTimePrecision"), &PRECISIONS);
    }
    constraints.check()?;
    Ok((input.table_name.clone().unwrap_or_default(), input.stream_arn.clone().unwrap_or_default()))
}
