//! What a function says about the items of its batch, where it reports failures.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>

use serde_json::Value;

/// The places of the items that failed, by the answer to a batch of items with these ids: in order, each once. `None`
/// when the answer makes no sense, or names what is not in the batch: then all have.
pub fn failed_items(payload: &[u8], ids: &[&str]) -> Option<Vec<usize>> {
    let answer: Value = serde_json::from_slice(payload).ok()?;
    let items = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(items) => items.as_array()?,
    };
    let place = |item: &Value| {
        let id = item.get("itemIdentifier")?.as_str()?;
        ids.iter().position(|known| *known == id)
    };
    let mut failed: Vec<usize> = items.iter().map(place).collect::<Option<_>>()?;
    failed.sort_unstable();
    failed.dedup();
    Some(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_lambda_reads_them() {
        let read = |payload: &str| failed_items(payload.as_bytes(), &["1", "2", "3"]);
        for all_done in ["null", "{}", r#"{"batchItemFailures":[]}"#, r#"{"batchItemFailures":null}"#, "\"done\""] {
            assert_eq!(read(all_done), Some(Vec::new()), "{all_done}");
        }
        let failed = r#"{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"2"},{"itemIdentifier":"3"}]}"#;
        assert_eq!(read(failed), Some(vec![1, 2]));
        let all_failed = [
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"id":"3"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"9"}]}"#,
            r#"{"batchItemFailures":"3"}"#,
            "oops",
        ];
        for all_failed in all_failed {
            assert_eq!(read(all_failed), None, "{all_failed}");
        }
    }
}
