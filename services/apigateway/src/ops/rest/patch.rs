//! The patch operations that every Update operation of REST APIs takes: JSON Patch, as far as API Gateway has it.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html>

use serde::Deserialize;

use crate::error::Error;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PatchOperation {
    op: String,
    path: String,
    value: Option<String>,
}

/// A patch operation, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    pub op: Op,
    /// The parts of the path, decoded: `["binaryMediaTypes", "image/png"]`.
    path: Vec<String>,
    /// Empty where none was given.
    pub value: String,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Add,
    Remove,
    Replace,
}

impl Patch {
    /// The path's parts, to match on.
    pub fn path(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// The value, where an empty one means none.
    pub fn text(&self) -> Option<String> {
        (self.op != Op::Remove && !self.value.is_empty()).then(|| self.value.clone())
    }

    pub fn boolean(&self) -> Result<bool, Error> {
        // A value that was taken out of a template comes as an empty text.
        if self.value.is_empty() {
            return Ok(false);
        }
        self.value.parse().map_err(|_| Error::bad(format!("Invalid patch value '{}' for {}", self.value, self.text)))
    }

    pub fn number<N: std::str::FromStr>(&self) -> Result<N, Error> {
        self.value.parse().map_err(|_| Error::bad(format!("Invalid patch value '{}' for {}", self.value, self.text)))
    }

    /// The error for a path that this server does not change.
    pub fn unsupported(&self) -> Error {
        Error::not_implemented(format!("The patch operation {:?} {}", self.op, self.text))
    }
}

/// Takes patch operations apart. `move`, `copy` and `test` are refused, as API Gateway does for nearly all paths.
pub fn parse(operations: Vec<PatchOperation>) -> Result<Vec<Patch>, Error> {
    operations
        .into_iter()
        .map(|operation| {
            let op = match operation.op.as_str() {
                "add" => Op::Add,
                "remove" => Op::Remove,
                "replace" => Op::Replace,
                other => {
                    return Err(Error::bad(format!(
                        "Invalid patch operation specified. Must be one of: [add, remove, replace], not {other}"
                    )));
                }
            };
            let path = operation.path.strip_prefix('/').ok_or_else(|| {
                Error::bad(format!("Invalid patch path '{}' specified for op '{}'", operation.path, operation.op))
            })?;
            let path = path.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
            Ok(Patch { op, path, value: operation.value.unwrap_or_default(), text: operation.path })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(op: &str, path: &str) -> Result<Patch, Error> {
        let operation = PatchOperation { op: op.into(), path: path.into(), value: Some("v".into()) };
        parse(vec![operation]).map(|mut all| all.remove(0))
    }

    #[test]
    fn paths_are_decoded() {
        assert_eq!(one("add", "/binaryMediaTypes/image~1p~0g").unwrap().path(), ["binaryMediaTypes", "image/p~g"]);
        for (op, path) in [("move", "/a"), ("", "/a"), ("add", "a"), ("add", "")] {
            assert!(one(op, path).is_err(), "{op} {path}");
        }
    }
}
