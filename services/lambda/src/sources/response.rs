//! What a function says about the messages of its batch, where it reports failures.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting>

use std::collections::HashSet;

use serde_json::Value;

use super::record::Message;

/// The ids of the messages that failed; `None` when the answer makes no sense, and so all have.
pub fn failures(payload: &[u8], messages: &[Message]) -> Option<HashSet<String>> {
    let answer: Value = serde_json::from_slice(payload).ok()?;
    let items = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return Some(HashSet::new()),
        Some(items) => items.as_array()?,
    };
    let known = |id: &&str| messages.iter().any(|message| message.message_id == *id);
    let id = |item: &Value| item.get("itemIdentifier")?.as_str().filter(known).map(str::to_owned);
    items.iter().map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_lambda_reads_them() {
        let message = |id: &str| Message { message_id: id.into(), ..Message::default() };
        let messages = [message("a"), message("b")];
        let read = |payload: &str| failures(payload.as_bytes(), &messages).map(|failed| failed.len());
        for all_done in ["null", "{}", r#"{"batchItemFailures":[]}"#, r#"{"batchItemFailures":null}"#, "\"done\""] {
            assert_eq!(read(all_done), Some(0), "{all_done}");
        }
        assert_eq!(read(r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#), Some(1));
        let all_failed = [
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"id":"a"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"x"}]}"#,
            r#"{"batchItemFailures":"a"}"#,
            "oops",
        ];
        for all_failed in all_failed {
            assert_eq!(read(all_failed), None, "{all_failed}");
        }
    }
}
