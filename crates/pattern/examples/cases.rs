//! Answers cases from anywhere: reads lines of JSON with a `pattern` (a text) and an `event`, and writes for each whether
//! it matches, or why the pattern is none.

use std::io::{self, BufRead, Write};

use pattern::Pattern;
use serde_json::Value;

fn main() -> io::Result<()> {
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let case: Value = serde_json::from_str(&line?)?;
        let event = case["event"].as_object().cloned().unwrap_or_default();
        match Pattern::parse(case["pattern"].as_str().unwrap_or_default()) {
            Ok(pattern) => match pattern.matches(&event) {
                Ok(matches) => writeln!(output, "{matches}")?,
                Err(too_complex) => writeln!(output, "{too_complex}")?,
            },
            Err(invalid) => writeln!(output, "{invalid}")?,
        }
    }
    Ok(())
}
