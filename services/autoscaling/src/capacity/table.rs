//! The provisioned throughput of tables and their global indexes.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/AutoScaling.html>

use std::ops::RangeInclusive;

use serde::Deserialize;
use serde_json::{Value, json};
use service::{Cx, Permission};

use crate::error::Error;

pub const NAMESPACE: &str = "dynamodb";

/// What policies may aim at, in percent.
pub const TARGETS: RangeInclusive<f64> = 20.0..=90.0;

/// Minutes in a row with more use than a policy wants, after which it scales out.
pub const MINUTES_HIGH: usize = 2;

/// So many points below the target value, use is clearly less.
pub const LOW_DISTANCE: f64 = 20.0;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Read,
    Write,
}

/// Units a second of a table, or of an index of it.
pub struct Throughput<'a> {
    table: &'a str,
    index: Option<&'a str>,
    direction: Direction,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Described {
    table: Table,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Table {
    provisioned_throughput: Units,
    global_secondary_indexes: Vec<Index>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Index {
    index_name: String,
    provisioned_throughput: Units,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Units {
    read_capacity_units: u32,
    write_capacity_units: u32,
}

impl<'a> Throughput<'a> {
    /// Of `table/NAME` or `table/NAME/index/NAME`.
    pub fn parse(id: &'a str, dimension: &str) -> Option<Throughput<'a>> {
        let place = id.strip_prefix("table/")?;
        let (table, index) = match place.split_once("/index/") {
            Some((table, index)) => (table, Some(index)),
            None => (place, None),
        };
        let direction = match (index, dimension) {
            (None, "dynamodb:table:ReadCapacityUnits") | (Some(_), "dynamodb:index:ReadCapacityUnits") => {
                Direction::Read
            }
            (None, "dynamodb:table:WriteCapacityUnits") | (Some(_), "dynamodb:index:WriteCapacityUnits") => {
                Direction::Write
            }
            _ => return None,
        };
        let is_name = |name: &str| !name.is_empty() && !name.contains('/');
        (is_name(table) && index.is_none_or(is_name)).then_some(Throughput { table, index, direction })
    }

    pub fn permissions(&self, cx: &Cx) -> Vec<Permission> {
        let arn = cx.arn(NAMESPACE, format!("table/{}", self.table));
        ["dynamodb:DescribeTable", "dynamodb:UpdateTable"].map(|action| Permission::new(action, &arn)).into()
    }

    /// The part of the units that is used, in percent.
    pub fn metric(&self) -> &'static str {
        match self.direction {
            Direction::Read => "DynamoDBReadCapacityUtilization",
            Direction::Write => "DynamoDBWriteCapacityUtilization",
        }
    }

    /// As tables call it themselves.
    pub fn measured(&self) -> &'static str {
        match self.direction {
            Direction::Read => "ReadCapacityUtilization",
            Direction::Write => "WriteCapacityUtilization",
        }
    }

    pub fn noun(&self) -> &'static str {
        if self.index.is_some() { "DynamoDB index" } else { "DynamoDB table" }
    }

    async fn units(&self, cx: &Cx) -> Result<Units, Error> {
        let described = cx.call::<Described>(NAMESPACE, "DescribeTable", json!({"TableName": self.table}));
        let Table { provisioned_throughput, global_secondary_indexes } = described.await.map_err(Error::Other)?.table;
        let Some(name) = self.index else { return Ok(provisioned_throughput) };
        let index = global_secondary_indexes.into_iter().find(|index| index.index_name == name);
        let missing = || service::Error::new(400, "ResourceNotFoundException", format!("there is no index {name}"));
        Ok(index.ok_or_else(|| Error::Other(missing()))?.provisioned_throughput)
    }

    /// `None` for a table on demand, which has no units.
    pub async fn current(&self, cx: &Cx) -> Result<Option<u32>, Error> {
        let Units { read_capacity_units, write_capacity_units } = self.units(cx).await?;
        let units = if self.direction == Direction::Read { read_capacity_units } else { write_capacity_units };
        Ok((units > 0).then_some(units))
    }

    pub async fn set(&self, cx: &Cx, capacity: u32) -> Result<(), Error> {
        let Units { read_capacity_units, write_capacity_units } = self.units(cx).await?;
        let (read, write) = match self.direction {
            Direction::Read => (capacity, write_capacity_units),
            Direction::Write => (read_capacity_units, capacity),
        };
        let units = json!({"ReadCapacityUnits": read, "WriteCapacityUnits": write});
        let input = match self.index {
            None => json!({"TableName": self.table, "ProvisionedThroughput": units}),
            Some(index) => {
                let update = json!({"Update": {"IndexName": index, "ProvisionedThroughput": units}});
                json!({"TableName": self.table, "GlobalSecondaryIndexUpdates": [update]})
            }
        };
        cx.call::<Value>(NAMESPACE, "UpdateTable", input).await.map(drop).map_err(Error::Other)
    }
}
