//! DynamoDB's expressions and PartiQL, through the operations that take them.

use std::sync::LazyLock;

use serde_json::{Value, json};
use testkit::TestCloud;
use tokio::runtime::Runtime;

use super::{lines, outcome};

pub const WORDS: &[&str] = &[
    "SET ",
    "REMOVE ",
    "ADD ",
    "DELETE ",
    "#n",
    ":v",
    " = ",
    " AND ",
    " OR ",
    "NOT ",
    "BETWEEN :v AND :w",
    "IN (:v, :w)",
    "attribute_exists(",
    "size(",
    "contains(",
    "begins_with(",
    "list_append(",
    "if_not_exists(",
    "[0]",
    ".a",
    "(",
    ")",
    "<>",
    ", ",
    "k",
    "\n",
];
pub const PARTIQL_WORDS: &[&str] = &[
    "SELECT * FROM ",
    "\"tab\"",
    " WHERE ",
    "k = 'a'",
    "INSERT INTO \"tab\" VALUE ",
    "UPDATE \"tab\" SET ",
    "DELETE FROM \"tab\"",
    "{'k': 'a'}",
    "<<1, 2>>",
    "[1]",
    " AND ",
    " IS MISSING",
    "EXISTS(",
    "RETURNING ALL OLD *",
    "?",
    "'",
    "\"",
    ".",
    "begins_with(",
];

struct Tables {
    runtime: Runtime,
    cloud: TestCloud,
}

/// A table with an item that has attributes of every kind.
static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("threads can be started");
    let cloud = runtime.block_on(async { TestCloud::new(dynamodb::services(dynamodb::Options { throttle: false })) });
    let schema = json!({
        "TableName": "tab", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    });
    let item = json!({
        "k": {"S": "a"}, "n": {"N": "1"}, "b": {"B": "AAE="}, "l": {"L": [{"N": "1"}, {"S": "x"}]}, "m": {"M": {"a": {"N": "2"}}},
        "ns": {"NS": ["1", "2"]}, "ss": {"SS": ["x"]}, "f": {"BOOL": true}, "z": {"NULL": true},
    });
    let tables = Tables { runtime, cloud };
    for (operation, input) in [("CreateTable", schema), ("PutItem", json!({"TableName": "tab", "Item": item}))] {
        tables.call(operation, input).unwrap_or_else(|error| panic!("{operation}: {error}"));
    }
    tables
});

impl Tables {
    fn call(&self, operation: &str, input: Value) -> Result<Value, String> {
        let answer = self.runtime.block_on(self.cloud.call("dynamodb", operation, input));
        answer.map_err(|error| format!("{}: {error}", error.code))
    }
}

/// Only names and values that are used may be given.
fn used(expression: &str, all: &[(&str, Value)]) -> Value {
    let used = all.iter().filter(|(name, _)| expression.contains(name));
    let map: serde_json::Map<String, Value> = used.map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    if map.is_empty() { Value::Null } else { Value::Object(map) }
}

/// A line each: what an update does, and its condition; and both as a filter, a projection and a condition of keys.
pub fn expression(input: &[u8]) -> String {
    let lines = lines(input);
    let (update, condition) = (&lines[0], lines.get(1).filter(|line| !line.is_empty()));
    let names = [("#n", json!("n")), ("#m", json!("m"))];
    let values =
        [(":v", json!({"N": "1"})), (":w", json!({"S": "x"})), (":l", json!({"L": []})), (":s", json!({"SS": ["x"]}))];
    let both = format!("{update} {}", condition.map_or("", String::as_str));
    let mut asked = json!({"TableName": "tab", "Key": {"k": {"S": "a"}}, "UpdateExpression": update});
    asked["ConditionExpression"] = condition.map_or(Value::Null, |text| json!(text));
    asked["ExpressionAttributeNames"] = used(&both, &names);
    asked["ExpressionAttributeValues"] = used(&both, &values);
    let updated = TABLES.call("UpdateItem", asked).map(|_| "updated".to_owned());
    let read = |operation: &str, member: &str| {
        let mut asked = json!({"TableName": "tab", member: update});
        asked["ExpressionAttributeNames"] = used(update, &names);
        asked["ExpressionAttributeValues"] = used(update, &values);
        outcome(TABLES.call(operation, asked).map(|_| "read".to_owned()))
    };
    let (filtered, projected) = (read("Scan", "FilterExpression"), read("Scan", "ProjectionExpression"));
    format!("{}; {filtered}; {projected}; {}", outcome(updated), read("Query", "KeyConditionExpression"))
}

pub fn partiql(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let marks = text.matches('?').count().min(8);
    let mut asked = json!({"Statement": text});
    if marks > 0 {
        asked["Parameters"] = json!(vec![json!({"S": "a"}); marks]);
    }
    outcome(TABLES.call("ExecuteStatement", asked).map(|_| "executed".to_owned()))
}
