//! The patch operations that every Update operation of REST APIs takes: JSON Patch, as far as API Gateway has it.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html>

use serde::Deserialize;
use service::Constraints;

use crate::error::Error;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PatchOperation {
    op: String,
    path: String,
    value: Option<String>,
    from: Option<String>,
}

impl PatchOperation {
    /// The value, where the operation is about this path.
    pub fn value_at(&self, path: &str) -> Option<&str> {
        self.value.as_deref().filter(|_| self.path == path)
    }
}

/// A patch operation, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    pub op: Op,
    /// The parts of the path, decoded: `["binaryMediaTypes", "image/png"]`.
    path: Vec<String>,
    /// Empty where none was given.
    pub value: String,
    /// Where a value is copied from.
    pub from: String,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Add,
    Remove,
    Replace,
    Copy,
}

impl Op {
    pub fn word(self) -> &'static str {
        match self {
            Op::Add => "add",
            Op::Remove => "remove",
            Op::Replace => "replace",
            Op::Copy => "copy",
        }
    }
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

    /// The value, where there has to be one.
    pub fn required(&self, member: &str) -> Result<String, Error> {
        self.text().ok_or_else(|| Error::bad(format!("Invalid null or empty value in {member}")))
    }

    /// The path as it was sent.
    pub fn path_text(&self) -> &str {
        &self.text
    }

    /// The error for a path that AWS does not change either.
    pub fn invalid(&self) -> Error {
        Error::bad(format!("Invalid patch path {}", self.text))
    }

    /// The same, where AWS tells what there is.
    pub fn not_among(&self, paths: &[&str]) -> Error {
        let (path, op) = (&self.text, self.op.word());
        match self.op {
            Op::Replace => Error::bad(format!(
                "Invalid patch path  '{path}' specified for op '{op}'. Must be one of: [{}]",
                paths.join(", ")
            )),
            _ => Error::bad(format!(
                "Invalid patch path  '{path}' specified for op '{op}'. Please choose supported operations"
            )),
        }
    }

    /// The error for what a stage cannot be without.
    pub fn nothing_to_remove(&self) -> Error {
        Error::bad(format!(
            "Cannot remove method setting {} because there is no method setting for this method ",
            self.text.trim_start_matches('/')
        ))
    }

    /// The error for a path that this server does not change.
    pub fn unsupported(&self) -> Error {
        Error::not_implemented(format!("The patch operation {:?} {}", self.op, self.text))
    }
}

/// Takes patch operations apart. `move`, `copy` and `test` are refused, as API Gateway does for nearly all paths.
pub fn parse(operations: Vec<PatchOperation>) -> Result<Vec<Patch>, Error> {
    let patches = parse_with_copies(operations)?;
    if patches.iter().any(|patch| patch.op == Op::Copy) {
        return Err(unknown("copy"));
    }
    Ok(patches)
}

fn unknown(op: &str) -> Error {
    Error::bad(format!("Invalid patch operation specified. Must be one of: [add, remove, replace], not {op}"))
}

/// The operations that JSON Patch has.
const OPS: [&str; 6] = ["add", "remove", "move", "test", "replace", "copy"];

fn check_ops(operations: &[PatchOperation]) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    for (index, operation) in operations.iter().enumerate() {
        let member = format!("patchOperations.{}.member.op", index + 1);
        constraints.one_of(Some(operation.op.as_str()), &member, &OPS);
    }
    Ok(constraints.check()?)
}

/// The same for stages, whose canaries are promoted with `copy`.
pub fn parse_with_copies(operations: Vec<PatchOperation>) -> Result<Vec<Patch>, Error> {
    check_ops(&operations)?;
    operations
        .into_iter()
        .map(|operation| {
            let all = [Op::Add, Op::Remove, Op::Replace, Op::Copy];
            let op = all.into_iter().find(|op| op.word() == operation.op).ok_or_else(|| unknown(&operation.op))?;
            let path = operation.path.strip_prefix('/').ok_or_else(|| {
                Error::bad(format!("Invalid patch path '{}' specified for op '{}'", operation.path, operation.op))
            })?;
            let path = path.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
            let (value, from) = (operation.value.unwrap_or_default(), operation.from.unwrap_or_default());
            Ok(Patch { op, path, value, from, text: operation.path })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(op: &str, path: &str) -> Result<Patch, Error> {
        let operation = PatchOperation { op: op.into(), path: path.into(), value: Some("v".into()), from: None };
        parse(vec![operation]).map(|mut all| all.remove(0))
    }

    #[test]
    fn paths_are_decoded() {
        assert_eq!(one("add", "/binaryMediaTypes/image~1p~0g").unwrap().path(), ["binaryMediaTypes", "image/p~g"]);
        for (op, path) in [("move", "/a"), ("copy", "/a"), ("", "/a"), ("add", "a"), ("add", "")] {
            assert!(one(op, path).is_err(), "{op} {path}");
        }
        assert!(matches!(one("wrong", "/a"), Err(Error::Validation(_))));
        assert!(matches!(one("move", "/a"), Err(Error::BadRequest(_))));
    }
}
