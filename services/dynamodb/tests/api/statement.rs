//! PartiQL.

use serde_json::{Value, json};

use crate::fixture::{Fixture, column, validation};

async fn run(fixture: &Fixture, statement: &str, parameters: Value) -> Value {
    let mut request = json!({"Statement": statement});
    if parameters != json!([]) {
        request["Parameters"] = parameters;
    }
    fixture.call("ExecuteStatement", request).await
}

#[tokio::test]
async fn statements_write_and_read() {
    let fixture = Fixture::with_sorted_table().await;
    for n in 0..5 {
        let statement = "INSERT INTO tab VALUE {'pk': 'a', 'sk': ?, 'map': {'deep': [1, 'x']}, 'tags': <<'t'>>}";
        run(&fixture, statement, json!([{"N": n.to_string()}])).await;
    }
    let again = json!({"Statement": "INSERT INTO tab VALUE {'pk': 'a', 'sk': 1}"});
    let duplicate = ("DuplicateItemException".to_string(), "Duplicate primary key exists in table".to_string());
    assert_eq!(fixture.refusal("ExecuteStatement", again).await, duplicate);

    let all =
        run(&fixture, "SELECT * FROM \"tab\" WHERE pk = ? AND sk > 1 ORDER BY sk DESC", json!([{"S": "a"}])).await;
    assert_eq!(column(&all, "sk"), ["4", "3", "2"]);
    let part = run(&fixture, "SELECT map.deep[1], tags FROM tab WHERE pk = 'a' AND sk = 1", json!([])).await;
    assert_eq!(part["Items"], json!([{"_1": {"S": "x"}, "tags": {"SS": ["t"]}}]));
    let scanned = run(&fixture, "SELECT sk FROM tab WHERE sk IN [0, 3] OR contains(tags, 'no')", json!([])).await;
    assert_eq!(column(&scanned, "sk"), ["0", "3"]);

    let update = "UPDATE tab SET hits = 1 SET map.deep = list_append(map.deep, [2]) REMOVE tags WHERE pk = 'a' AND sk = 2 RETURNING MODIFIED NEW *";
    let updated = run(&fixture, update, json!([])).await;
    let deep = json!({"M": {"deep": {"L": [{"N": "1"}, {"S": "x"}, {"N": "2"}]}}});
    assert_eq!(updated["Items"], json!([{"hits": {"N": "1"}, "map": deep}]));
    let missing = json!({"Statement": "UPDATE tab SET a = 1 WHERE pk = 'none' AND sk = 0"});
    assert_eq!(fixture.refusal("ExecuteStatement", missing).await.0, "ConditionalCheckFailedException");
    let deleted =
        run(&fixture, "DELETE FROM tab WHERE pk = 'a' AND sk = 2 AND hits = 1 RETURNING ALL OLD *", json!([])).await;
    assert_eq!(column(&deleted, "sk"), ["2"]);
    assert_eq!(fixture.get(json!({"pk": {"S": "a"}, "sk": {"N": "2"}})).await, Value::Null);

    let mut request = json!({"Statement": "SELECT sk FROM tab WHERE pk = 'a'", "Limit": 3});
    let first = fixture.call("ExecuteStatement", request.clone()).await;
    request["NextToken"] = first["NextToken"].clone();
    let second = fixture.call("ExecuteStatement", request).await;
    assert_eq!([column(&first, "sk"), column(&second, "sk")].concat(), ["0", "1", "3", "4"]);
    let part_of_key = json!({"Statement": "DELETE FROM tab WHERE pk = 'a'"});
    let message = "Where clause does not contain a mandatory equality on all key attributes";
    assert_eq!(fixture.refusal("ExecuteStatement", part_of_key).await, validation(message));
}

#[tokio::test]
async fn batches_answer_one_by_one() {
    let fixture = Fixture::with_table().await;
    fixture.put(json!({"pk": {"S": "a"}})).await;
    let statements = [
        "SELECT * FROM tab WHERE pk = 'a'",
        "SELECT * FROM missing WHERE pk = 'a'",
        "INSERT INTO tab VALUE {'pk': 'a'}",
        "SELEC",
    ];
    let statements: Vec<Value> = statements.iter().map(|statement| json!({"Statement": statement})).collect();
    let answer = fixture.call("BatchExecuteStatement", json!({"Statements": statements})).await;
    let responses = answer["Responses"].as_array().unwrap();
    assert_eq!(responses[0], json!({"TableName": "tab", "Item": {"pk": {"S": "a"}}}));
    let codes: Vec<&Value> = responses.iter().map(|response| &response["Error"]["Code"]).collect();
    assert_eq!(codes, [&Value::Null, &json!("ResourceNotFound"), &json!("DuplicateItem"), &json!("ValidationError")]);
}

#[tokio::test]
async fn transactions_are_all_or_nothing() {
    let fixture = Fixture::with_table().await;
    fixture.put(json!({"pk": {"S": "a"}, "n": {"N": "1"}})).await;
    let transact = |statements: &[&str]| {
        let statements: Vec<Value> = statements.iter().map(|statement| json!({"Statement": statement})).collect();
        json!({"TransactStatements": statements})
    };
    let good = transact(&["EXISTS(SELECT * FROM tab WHERE pk = 'a' AND n = 1)", "INSERT INTO tab VALUE {'pk': 'b'}"]);
    fixture.call("ExecuteTransaction", good).await;
    let bad = transact(&["UPDATE tab SET n = 2 WHERE pk = 'a'", "INSERT INTO tab VALUE {'pk': 'b'}"]);
    let error = fixture.error("ExecuteTransaction", bad).await;
    assert_eq!(&*error.code, "TransactionCanceledException");
    assert_eq!(error.members["CancellationReasons"][1]["Code"], "DuplicateItem");
    let read = fixture
        .call("ExecuteTransaction", transact(&["SELECT n FROM tab WHERE pk = 'a'", "SELECT * FROM tab WHERE pk = 'c'"]))
        .await;
    assert_eq!(read["Responses"], json!([{"Item": {"n": {"N": "1"}}}, {}]));
    let mixed = transact(&["SELECT n FROM tab WHERE pk = 'a'", "INSERT INTO tab VALUE {'pk': 'd'}"]);
    assert_eq!(fixture.refusal("ExecuteTransaction", mixed).await.0, "ValidationException");
}
