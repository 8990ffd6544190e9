//! What commands print: results on standard output, errors on standard error with what happened, why, and what to do.

use std::io::Write as _;

use serde::Serialize;

/// Prints a line. A reader that went away (`| head`) is no reason to fail.
pub fn line(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a document, indented.
pub fn json(document: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(document)?);
    Ok(())
}

/// Prints an error and its causes.
pub fn error(error: &anyhow::Error) {
    let mut out = std::io::stderr();
    let _ = writeln!(out, "error: {error}");
    for cause in error.chain().skip(1) {
        let _ = writeln!(out, "  because: {cause}");
    }
}

/// Prints something beside the result, on standard error.
pub fn note(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
