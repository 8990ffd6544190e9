//! Where a variable's value comes from: one function a source.

use std::path::Path;
use std::sync::Arc;

use super::syntax::Part;
use super::{Failed, Found, Looked, Resolver};
use crate::diagnostic::{At, Diagnostic, File};
use crate::yaml::{self, Entry, Node, Style, Value};

/// The sources there are, for messages.
const SOURCES: &[&str] = &["self", "opt", "env", "file", "sls", "param", "aws", "cf", "ssm", "strToBool"];

/// Bytes of a file that `${file()}` reads.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// What to do about a variable without a value.
pub fn help(source: &str, text: &str) -> String {
    let example = format!("{}, 'a default'}}", text.trim_end_matches('}'));
    match source {
        "opt" => format!("pass it on the command line, or give a default: `{example}`"),
        "env" => format!("set the environment variable, or give a default: `{example}`"),
        "param" => "pass `--param name=value`, or add it to `params` under the stage or `default`".into(),
        "file" => "the file, or the address in it, is not there".into(),
        "ssm" => "put the parameter into the server's Parameter Store, in the region that is deployed to".into(),
        "cf" => "no deployed stack has this output: deploy that one first".into(),
        _ => format!("define it, or give a default: `{example}`"),
    }
}

impl Resolver<'_> {
    pub(super) fn lookup(
        &mut self,
        source: &str,
        argument: Option<&[Part]>,
        address: Option<&[Part]>,
        at: &At,
    ) -> Found {
        let argument = argument.map(|parts| self.text(parts, at)).transpose()?;
        let address = address.map(|parts| self.text(parts, at)).transpose()?;
        let key = address.as_deref().unwrap_or("");
        match source {
            "self" => self.address(self.root, key),
            "opt" => Ok(verbatim(self.inputs.options.get(key), at)),
            "env" => Ok(verbatim(self.inputs.environment.get(key), at)),
            "sls" => self.framework(key, at),
            "param" => self.param(key, at),
            "aws" => self.aws(key, at),
            "file" => self.file(argument.as_deref().unwrap_or(""), address.as_deref(), at),
            "cf" => self.stack_output(key, at),
            "strToBool" => self.boolean(argument.as_deref().unwrap_or(""), at),
            "ssm" => self.parameter(argument.as_deref().unwrap_or(""), key, at),
            "s3" => {
                let help = "use `${env:}`, `${param:}` or `${file()}` for this value";
                self.diagnostics
                    .push(Diagnostic::error(format!("`${{{source}:}}` is not supported yet")).at(at).help(help));
                Err(Failed)
            }
            _ => {
                let diagnostic = Diagnostic::error(format!("`{source}` is not a source of variables")).at(at);
                let help = match crate::suggest::nearest(source, SOURCES.iter().copied()) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("there are {}", SOURCES.join(", ")),
                };
                self.diagnostics.push(diagnostic.help(help));
                Err(Failed)
            }
        }
    }

    fn framework(&mut self, key: &str, at: &At) -> Found {
        match key {
            "stage" => self.stage(at).map(|stage| verbatim(Some(&stage), at)),
            "instanceId" => Ok(verbatim(Some(&self.inputs.instance), at)),
            _ => self.fail(at, format!("`${{sls:{key}}}` is unknown: there are `sls:stage` and `sls:instanceId`")),
        }
    }

    /// `--stage`, else `provider.stage`, else `dev`.
    fn stage(&mut self, at: &At) -> Result<String, Failed> {
        self.option_or_provider("stage", "dev", at)
    }

    fn option_or_provider(&mut self, name: &str, default: &str, at: &At) -> Result<String, Failed> {
        if let Some(value) = self.inputs.options.get(name) {
            return Ok(value.clone());
        }
        let Some(found) = self.address(self.root, &format!("provider.{name}"))? else { return Ok(default.into()) };
        match self.deep(&found, 0)?.as_scalar() {
            Some(scalar) if !scalar.is_null() => Ok(scalar.text.clone()),
            Some(_) => Ok(default.into()),
            None => self.fail(at, format!("`provider.{name}` is not a text")),
        }
    }

    fn param(&mut self, key: &str, at: &At) -> Found {
        if let Some(value) = self.inputs.params.get(key) {
            return Ok(verbatim(Some(value), at));
        }
        let stage = self.stage(at)?;
        for group in [stage.as_str(), "default"] {
            if let Some(found) = self.descend(self.root, &["params", group, key])? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn aws(&mut self, key: &str, at: &At) -> Found {
        match key {
            "accountId" => Ok(verbatim(Some(&self.inputs.account), at)),
            "region" => {
                let region = self.option_or_provider("region", "us-east-1", at)?;
                Ok(verbatim(Some(&region), at))
            }
            _ => self.fail(at, format!("`${{aws:{key}}}` is unknown: there are `aws:accountId` and `aws:region`")),
        }
    }

    fn stack_output(&mut self, key: &str, at: &At) -> Found {
        let Some((stack, output)) = key.split_once('.') else {
            return self.fail(at, "`${cf:}` takes a stack's name and an output's: `${cf:stack.Output}`");
        };
        Ok(verbatim(self.inputs.outputs.get(stack).and_then(|outputs| outputs.get(output)), at))
    }

    /// A parameter of Parameter Store: lists as lists, and secrets that are JSON as mappings, unless `raw` is asked for.
    ///
    /// Source: <https://www.serverless.com/framework/docs/providers/aws/guide/variables#reference-variables-using-the-ssm-parameter-store>
    fn parameter(&mut self, argument: &str, name: &str, at: &At) -> Found {
        let options: Vec<&str> = argument.split(',').map(str::trim).filter(|option| !option.is_empty()).collect();
        if let Some(other) = options.iter().find(|option| **option != "raw") {
            let message = format!(
                "`${{ssm({other}):}}` is not supported: parameters are of the region that is deployed to, and decrypted"
            );
            return self.fail(at, message);
        }
        let Some(Looked { kind, value }) = self.inputs.parameters.get(name) else {
            self.wanted.insert(name.to_owned());
            return Ok(None);
        };
        let text = |value: &str| Node::text(value, Style::Verbatim, at);
        if options.contains(&"raw") {
            return Ok(Some(text(value)));
        }
        if kind == "StringList" {
            let items = value.split(',').map(text).collect();
            return Ok(Some(Node { value: Value::Sequence(items), at: at.clone() }));
        }
        let is_secret = name.starts_with("/aws/reference/secretsmanager/");
        match serde_json::from_str::<serde_json::Value>(value) {
            Ok(json @ serde_json::Value::Object(_)) if is_secret => Ok(Some(tree(&json, at))),
            _ => Ok(Some(text(value))),
        }
    }

    fn boolean(&mut self, text: &str, at: &At) -> Found {
        let value = match text.trim() {
            "true" | "1" => "true",
            "false" | "0" | "" => "false",
            other => return self.fail(at, format!("`strToBool` takes true, false, 1 or 0, not `{other}`")),
        };
        Ok(Some(Node::text(value, Style::Plain, at)))
    }

    fn file(&mut self, name: &str, address: Option<&str>, at: &At) -> Found {
        let name = name.trim();
        let path = match name.strip_prefix("~/") {
            Some(rest) => Path::new(self.inputs.environment.get("HOME").map_or("/", String::as_str)).join(rest),
            None => self.folder().join(name),
        };
        if let Some(extension @ ("js" | "cjs" | "mjs" | "ts")) =
            path.extension().and_then(|extension| extension.to_str())
        {
            let help = "write the values to a .yml or .json file";
            let message = format!(
                "`{name}` would have to be run: variables are read from YAML, JSON and text files, not from .{extension}"
            );
            self.diagnostics.push(Diagnostic::error(message).at(at).help(help));
            return Err(Failed);
        }
        let content = match self.files.get(&path) {
            Some(content) => content.clone(),
            None => {
                let content = self.read(name, &path, at)?.map(Arc::new);
                self.files.insert(path, content.clone());
                content
            }
        };
        match content {
            Some(content) => self.address(&content, address.unwrap_or("")),
            None => Ok(None),
        }
    }

    /// A file's content as a tree; a text file is one text. `None` when there is no such file.
    fn read(&mut self, name: &str, path: &Path, at: &At) -> Found {
        match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Ok(metadata) if metadata.len() > FILE_BYTES_MAX => {
                return self.fail(at, format!("`{name}` is larger than {} MiB", FILE_BYTES_MAX >> 20));
            }
            _ => {}
        }
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.fail(at, format!("`{name}` cannot be read: {error}")),
        };
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
        if !matches!(extension, "yml" | "yaml" | "json" | "tfstate") {
            return Ok(Some(Node::text(text, Style::Verbatim, at)));
        }
        let file = Arc::new(File { name: name.trim_start_matches("./").into(), text });
        yaml::parse(&file).map(Some).map_err(|diagnostic| {
            self.diagnostics.push(diagnostic);
            Failed
        })
    }
}

/// JSON from outside, in which `${` has no meaning.
fn tree(json: &serde_json::Value, at: &At) -> Node {
    let value = match json {
        serde_json::Value::Array(items) => Value::Sequence(items.iter().map(|item| tree(item, at)).collect()),
        serde_json::Value::Object(map) => {
            let entry = |(key, value)| Entry { key: String::clone(key), at: at.clone(), value: tree(value, at) };
            Value::Mapping(map.iter().map(entry).collect())
        }
        serde_json::Value::String(text) => return Node::text(text.clone(), Style::Verbatim, at),
        other => return Node::text(other.to_string(), Style::Plain, at),
    };
    Node { value, at: at.clone() }
}

fn verbatim(value: Option<&String>, at: &At) -> Option<Node> {
    value.map(|value| Node::text(value.clone(), Style::Verbatim, at))
}
