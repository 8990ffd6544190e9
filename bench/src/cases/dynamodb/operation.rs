//! What clients ask of the table, again and again.

use anyhow::bail;

use super::table::{self, BATCH, Content, DATA_BYTES, PARTITION};
use crate::client::{Call, Client};

/// Items in one TransactWriteItems.
const TRANSACTION: usize = 4;

#[derive(Clone, Copy, PartialEq)]
pub enum Operation {
    Put,
    Get,
    /// A counter in one item, which all clients add to.
    CountHot,
    /// A counter in every item.
    CountSpread,
    /// A whole partition: 100 items.
    Query,
    BatchWrite,
    TransactWrite,
    /// One page, of up to 1 MB, from anywhere in the table.
    Scan,
}

impl Operation {
    /// In the order of the rows.
    pub const ALL: [Operation; 8] = [
        Operation::Put,
        Operation::Get,
        Operation::CountHot,
        Operation::CountSpread,
        Operation::Query,
        Operation::BatchWrite,
        Operation::TransactWrite,
        Operation::Scan,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Operation::Put => "PutItem",
            Operation::Get => "GetItem",
            Operation::CountHot => "UpdateItem, one counter",
            Operation::CountSpread => "UpdateItem, counters",
            Operation::Query => "Query of 100",
            Operation::BatchWrite => "BatchWriteItem of 25",
            Operation::TransactWrite => "TransactWriteItems of 4",
            Operation::Scan => "Scan, a page",
        }
    }

    /// Does it once, on items drawn from the first `items`, and looks whether it was done.
    pub async fn call(self, client: &mut Client, content: &Content, items: usize) -> anyhow::Result<()> {
        let number = content.draw(items);
        let answer = client.call(Call::json("dynamodb", self.target(), self.body(content, number, items))).await?;
        let least = match self {
            Operation::Get => DATA_BYTES,
            Operation::Query => PARTITION * DATA_BYTES,
            // The last page may be empty; it says so.
            Operation::Scan => r#"{"Count":0}"#.len(),
            _ => 0,
        };
        if answer.len() < least {
            bail!("{} of item {number} answers too little: {:.200}", self.name(), String::from_utf8_lossy(&answer));
        }
        if self == Operation::BatchWrite { table::all_written(&answer) } else { Ok(()) }
    }

    fn target(self) -> &'static str {
        match self {
            Operation::Put => "DynamoDB_20120810.PutItem",
            Operation::Get => "DynamoDB_20120810.GetItem",
            Operation::CountHot | Operation::CountSpread => "DynamoDB_20120810.UpdateItem",
            Operation::Query => "DynamoDB_20120810.Query",
            Operation::BatchWrite => "DynamoDB_20120810.BatchWriteItem",
            Operation::TransactWrite => "DynamoDB_20120810.TransactWriteItems",
            Operation::Scan => "DynamoDB_20120810.Scan",
        }
    }

    fn body(self, content: &Content, number: usize, items: usize) -> String {
        match self {
            Operation::Put => format!(r#"{{"TableName":"bench","Item":{}}}"#, content.item(number)),
            Operation::Get => format!(r#"{{"TableName":"bench","Key":{}}}"#, table::key(number)),
            Operation::CountHot => count(0),
            Operation::CountSpread => count(number),
            Operation::Query => query(number),
            Operation::BatchWrite => table::batch(content, spread(number, items, BATCH)),
            Operation::TransactWrite => transaction(content, spread(number, items, TRANSACTION)),
            Operation::Scan => format!(r#"{{"TableName":"bench","ExclusiveStartKey":{}}}"#, table::key(number)),
        }
    }
}

fn count(number: usize) -> String {
    let (key, expression) = (table::key(number), r#""UpdateExpression":"ADD hits :one""#);
    format!(r#"{{"TableName":"bench","Key":{key},{expression},"ExpressionAttributeValues":{{":one":{{"N":"1"}}}}}}"#)
}

fn query(number: usize) -> String {
    let (id, condition) = (table::partition(number), r#""KeyConditionExpression":"id = :id""#);
    format!(r#"{{"TableName":"bench",{condition},"ExpressionAttributeValues":{{":id":{{"S":"{id}"}}}}}}"#)
}

fn transaction(content: &Content, numbers: impl Iterator<Item = usize>) -> String {
    let puts: Vec<_> =
        numbers.map(|number| format!(r#"{{"Put":{{"TableName":"bench","Item":{}}}}}"#, content.item(number))).collect();
    format!(r#"{{"TransactItems":[{}]}}"#, puts.join(","))
}

/// So many different numbers below `items`, far from each other, `number` the first.
fn spread(number: usize, items: usize, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |step| (number + step * (items / count)) % items)
}
