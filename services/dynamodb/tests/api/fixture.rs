//! What the tests share: a cloud with only DynamoDB in it, and short ways to say requests.

use serde_json::{Value, json};
use testkit::TestCloud;

pub struct Fixture(pub TestCloud);

impl Fixture {
    pub fn new() -> Fixture {
        Fixture(TestCloud::new(dynamodb::services(dynamodb::Options::default())))
    }

    /// With a table `tab` whose partition key is `pk`.
    pub async fn with_table() -> Fixture {
        let fixture = Fixture::new();
        fixture.create(json!({"pk": "HASH"})).await;
        fixture
    }

    /// With a table `tab` whose keys are `pk` and, a number, `sk`.
    pub async fn with_sorted_table() -> Fixture {
        let fixture = Fixture::new();
        let definitions = json!([
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
        ]);
        let schema = json!([{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]);
        let table = json!({"AttributeDefinitions": definitions, "KeySchema": schema});
        fixture.create_with(table).await;
        fixture
    }

    /// Makes `tab` with string keys.
    async fn create(&self, keys: Value) {
        let keys = keys.as_object().unwrap();
        let definitions: Vec<Value> =
            keys.keys().map(|name| json!({"AttributeName": name, "AttributeType": "S"})).collect();
        let schema: Vec<Value> =
            keys.iter().map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind})).collect();
        self.create_with(json!({"AttributeDefinitions": definitions, "KeySchema": schema})).await;
    }

    /// Makes `tab`, on-demand unless `table` says otherwise.
    pub async fn create_with(&self, table: Value) -> Value {
        let mut request = json!({"TableName": "tab", "BillingMode": "PAY_PER_REQUEST"});
        request.as_object_mut().unwrap().extend(table.as_object().unwrap().clone());
        self.call("CreateTable", request).await
    }

    pub async fn call(&self, operation: &str, input: Value) -> Value {
        self.0.call("dynamodb", operation, input).await.unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// The code and message of a refusal.
    pub async fn refusal(&self, operation: &str, input: Value) -> (String, String) {
        let error = self.error(operation, input).await;
        (error.code.into_owned(), error.message)
    }

    pub async fn error(&self, operation: &str, input: Value) -> service::Error {
        match self.0.call("dynamodb", operation, input).await {
            Err(error) => error,
            Ok(output) => panic!("{operation} was not refused: {output}"),
        }
    }

    pub async fn put(&self, item: Value) {
        self.call("PutItem", json!({"TableName": "tab", "Item": item})).await;
    }

    pub async fn get(&self, key: Value) -> Value {
        let output = self.call("GetItem", json!({"TableName": "tab", "Key": key, "ConsistentRead": true})).await;
        output.get("Item").cloned().unwrap_or(Value::Null)
    }

    /// Queries table `tab`; `request` adds to it.
    pub async fn query(&self, request: Value) -> Value {
        self.call("Query", on_table(request)).await
    }
}

/// `request` on table `tab`.
pub fn on_table(request: Value) -> Value {
    let mut on = json!({"TableName": "tab"});
    on.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
    on
}

/// One attribute of all items of an answer, without their type.
pub fn column(output: &Value, name: &str) -> Vec<String> {
    let value = |item: &Value| {
        let typed = item[name].as_object().and_then(|typed| typed.values().next().cloned());
        typed.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    output["Items"].as_array().unwrap().iter().map(value).collect()
}

pub fn validation(message: &str) -> (String, String) {
    ("ValidationException".into(), message.into())
}
