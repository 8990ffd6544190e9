//! ImportApiKeys: a file of keys, and of the plans that they are of.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-key-file-format.html>

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;
use wire::Blob;

use super::api_key::{self, CreateInput};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::rest::{api_key as model, usage_plan};
use crate::types::usage::ApiKey;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImportInput {
    pub body: Blob,
    pub format: String,
    pub fail_on_warnings: bool,
}

#[derive(Debug, Default, Serialize)]
pub struct ImportOutput {
    pub ids: Vec<String>,
    pub warnings: Vec<String>,
}

/// A line of a file, by the columns that it has.
#[derive(Debug, Default)]
struct Line {
    key: CreateInput,
    plans: Vec<String>,
}

pub async fn import(state: Arc<ApiGateway>, cx: Cx, input: ImportInput) -> Result<ImportOutput, Error> {
    if input.format != "csv" {
        return Err(Error::bad("Invalid format specified. Must be csv"));
    }
    let mut made = Vec::new();
    for line in lines(&input.body)? {
        let (key, value) = api_key::make(&state, &cx, line.key)?;
        made.push((key, value, line.plans));
    }
    let (region, strict) = (cx.region().to_string(), input.fail_on_warnings);
    cx.db().write(move |tx| store(tx, &region, &made, strict)).await
}

/// Stores what can be; what cannot is told, or, where `strict`, is an error.
fn store(
    tx: &mut kv::Tx,
    region: &str,
    made: &[(ApiKey, String, Vec<String>)],
    strict: bool,
) -> Result<ImportOutput, Error> {
    model::check_room(tx, region, made.len())?;
    let mut output = ImportOutput::default();
    for (key, value, plans) in made {
        if model::of_value(tx, region, value)?.is_some() {
            output.warnings.push(format!("API Key {} already exists", key.name.as_deref().unwrap_or_default()));
            continue;
        }
        model::create(tx, key, value)?;
        output.ids.push(key.id.clone());
        for plan in plans {
            match usage_plan::add_key(tx, region, plan, &key.id) {
                Ok(_) => {}
                Err(Error::NotFound(why) | Error::Conflict(why)) => output.warnings.push(format!("{why}: {plan}")),
                Err(other) => return Err(other),
            }
        }
    }
    match output.warnings.first() {
        Some(warning) if strict => Err(Error::bad(format!("Failed on warnings: {warning}"))),
        _ => Ok(output),
    }
}

fn lines(file: &[u8]) -> Result<Vec<Line>, Error> {
    let invalid = |why: &dyn std::fmt::Display| Error::bad(format!("Invalid API keys file: {why}"));
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(file);
    let columns = reader.headers().map_err(|error| invalid(&error))?.clone();
    if !columns.iter().any(|column| column.eq_ignore_ascii_case("key")) {
        return Err(invalid(&"its first line has to name the column key"));
    }
    let (mut lines, mut seen) = (Vec::new(), HashSet::new());
    for record in reader.records() {
        let record = record.map_err(|error| invalid(&error))?;
        let mut line = Line::default();
        for (column, text) in columns.iter().zip(record.iter()).filter(|(_, text)| !text.is_empty()) {
            let text = text.to_owned();
            match column.to_ascii_lowercase().as_str() {
                "name" => line.key.name = Some(text),
                "key" => line.key.value = Some(text),
                "description" => line.key.description = Some(text),
                "enabled" => line.key.enabled = text.eq_ignore_ascii_case("true"),
                "usageplanids" => line.plans = text.split(',').map(|plan| plan.trim().to_owned()).collect(),
                other => return Err(invalid(&format_args!("it has a column {other:.64}"))),
            }
        }
        if line.key.value.as_ref().is_some_and(|value| !seen.insert(value.clone())) {
            return Err(invalid(&"it has one key twice"));
        }
        lines.push(line);
        if lines.len() > limits::IMPORTED_KEYS_MAX {
            return Err(invalid(&format_args!("it has more than {} keys", limits::IMPORTED_KEYS_MAX)));
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_by_their_columns() {
        let file =
            b"Name,key,description,Enabled,usageplanIds\nA,apikey1234567890123456,\"x, y\",TRUE,\"p1, p2\"\nB,b,,,\n";
        let lines = lines(file).unwrap();
        let [a, b] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!(
            (a.key.name.as_deref(), a.key.description.as_deref(), a.key.enabled),
            (Some("A"), Some("x, y"), true)
        );
        assert_eq!(
            (a.plans.as_slice(), b.key.value.as_deref(), b.key.enabled),
            (["p1".to_owned(), "p2".into()].as_slice(), Some("b"), false)
        );
        for file in ["", "name\na\n", "key,other\na,b\n", "key\na\na\n"] {
            assert!(super::lines(file.as_bytes()).is_err(), "{file}");
        }
    }
}
