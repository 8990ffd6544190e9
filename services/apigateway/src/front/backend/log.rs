//! What a test of a method tells of each step on its way.

use std::sync::{Mutex, PoisonError};

use base::Timestamp;
use http::HeaderMap;

use crate::limits;

#[derive(Default)]
pub struct Log(Mutex<Vec<String>>);

impl Log {
    pub fn add(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// All lines, each with the time.
    pub fn text(&self, request_id: &str, now: Timestamp) -> String {
        let time = now.utc().strftime("%a %b %d %H:%M:%S UTC %Y").to_string();
        let mut text = format!("Execution log for request {request_id}\n");
        for line in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            text.push_str(&format!("{time} : {line}\n"));
        }
        text
    }
}

/// Headers as a log has them.
pub fn headers(headers: &HeaderMap) -> String {
    let all = headers.iter().map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value.as_bytes())));
    shortened(format!("{{{}}}", all.collect::<Vec<_>>().join(", ")))
}

/// A body as a log has it.
pub fn body(body: &[u8]) -> String {
    shortened(String::from_utf8_lossy(body).into_owned())
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(limits::TEST_LOG_CHARACTERS_MAX) {
        Some((end, _)) => format!("{} [TRUNCATED]", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
