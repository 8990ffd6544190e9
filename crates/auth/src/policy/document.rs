//! Policy documents: from JSON to statements, with every mistake named by its place.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::condition::Condition;
use super::context::Context;
use super::json::Json;
use super::pattern::{Pattern, Syntax};
use super::principal::Principals;

/// The longest document that is read, in bytes. Kinds of policies have lower limits of their own.
pub const POLICY_BYTES_MAX: usize = 20 * 1024;

/// A document that has been read. It keeps its text, and is stored and sent as that. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Policy(Arc<Document>);

#[derive(Debug)]
struct Document {
    text: String,
    version: Version,
    statements: Vec<Statement>,
}

/// The policy language's versions; variables came with the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    V2008,
    V2012,
}

#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub sid: Option<String>,
    pub allow: bool,
    pub principals: Option<Element<Principals>>,
    /// Matched without regard to case.
    pub actions: Element<Vec<Pattern>>,
    pub resources: Option<Element<Vec<Pattern>>>,
    pub conditions: Vec<Condition>,
}

impl Statement {
    /// What messages call it: its `Sid`, or its number from 0.
    pub fn name(&self, index: usize) -> String {
        self.sid.clone().filter(|sid| !sid.is_empty()).unwrap_or_else(|| index.to_string())
    }
}

/// An element that has a twin with `Not` before its name.
#[derive(Clone, Debug)]
pub(super) struct Element<T> {
    pub not: bool,
    pub value: T,
}

/// What a policy is attached to, which decides what its statements must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A user, group or role, inline; also session policies. Without a version it is of 2008, and has no variables.
    Identity,
    /// The same as a managed policy, and so as a boundary: of 2012 at least.
    Managed,
    /// A role, saying who may assume it.
    Trust,
    /// Any other resource.
    Resource,
}

/// What a trust policy may be about.
///
/// Source: the actions on roles of
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html>
const ASSUMING: [&str; 6] = [
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:SetContext",
    "sts:SetSourceIdentity",
    "sts:TagSession",
];

/// Whether a statement is about assuming a role alone. A pattern is, when it matches one of the actions.
fn only_assumes(statement: &Statement) -> bool {
    let context = Context::new();
    let assumes = |action: &Pattern| ASSUMING.iter().any(|known| action.matches_ignoring_case(known, &context));
    statement.actions.not || statement.actions.value.iter().all(assumes)
}

/// Why a document is refused: AWS's sentence (`MalformedPolicyDocument`), and the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", if .place.is_empty() { String::new() } else { format!(" (at {})", .place) })]
pub struct PolicyError {
    pub message: String,
    /// Such as `Statement[0].Action`; empty for the whole document.
    pub place: String,
}

impl PolicyError {
    fn new(place: impl Into<String>, message: impl Into<String>) -> PolicyError {
        PolicyError { message: message.into(), place: place.into() }
    }
}

impl Policy {
    /// Reads a document.
    ///
    /// # Errors
    /// Text that is not JSON or longer than [`POLICY_BYTES_MAX`], repeated or unknown keys, and values that make no sense.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(PolicyError::new(
                "",
                format!("The policy document has {} bytes; the limit is {POLICY_BYTES_MAX}", text.len()),
            ));
        }
        let json: Json = serde_json::from_str(text)
            .map_err(|error| PolicyError::new("", format!("Syntax errors in policy: {error}")))?;
        let fields = fields(&json, "")?;
        let mut document = Document { text: text.into(), version: Version::V2008, statements: Vec::new() };
        let mut statements = None;
        for (name, value) in fields {
            match name.as_str() {
                "Version" => document.version = parse_version(value)?,
                "Id" => drop(parse_text(value, "Id")?),
                "Statement" => statements = Some(value.items()),
                _ => return Err(PolicyError::new(name, "Syntax errors in policy: unknown element")),
            }
        }
        let statements = statements.ok_or_else(|| PolicyError::new("Statement", "Missing required field Statement"))?;
        let variables = document.version >= Version::V2012;
        for (index, statement) in statements.iter().enumerate() {
            document.statements.push(parse_statement(statement, &format!("Statement[{index}]"), variables)?);
        }
        check_sids(&document.statements)?;
        Ok(Policy(Arc::new(document)))
    }

    /// Checks that the document has what its use asks for and nothing that its use forbids.
    ///
    /// # Errors
    /// The first statement that does not fit.
    pub fn check(self, usage: Use) -> Result<Policy, PolicyError> {
        if usage == Use::Managed && self.0.version < Version::V2012 {
            return Err(PolicyError::new("Version", "Policy document must be version 2012-10-17 or greater."));
        }
        for (index, statement) in self.0.statements.iter().enumerate() {
            let error =
                |field: &str, message: &str| Err(PolicyError::new(format!("Statement[{index}].{field}"), message));
            match (usage, &statement.principals, &statement.resources) {
                (Use::Identity | Use::Managed, Some(_), _) => {
                    return error("Principal", "Policy document should not specify a principal.");
                }
                (Use::Identity | Use::Managed, None, None) => {
                    return error("Resource", "Policy statement must contain resources.");
                }
                (Use::Trust | Use::Resource, None, _) => return error("Principal", "Missing required field Principal"),
                (Use::Trust, _, Some(_)) => return error("Resource", "Has prohibited field Resource"),
                (Use::Resource, Some(_), None) => return error("Resource", "Missing required field Resource"),
                (Use::Identity | Use::Managed, None, Some(_))
                | (Use::Trust, Some(_), None)
                | (Use::Resource, Some(_), Some(_)) => {}
            }
            // A misspelt action would only show when nobody can assume the role.
            if usage == Use::Trust && !only_assumes(statement) {
                return error("Action", "AssumeRole policy may only specify STS AssumeRole actions.");
            }
        }
        Ok(self)
    }

    /// The document as it was given.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The document's size as IAM's limits count it: characters that are not white space.
    pub fn size(&self) -> usize {
        self.0.text.chars().filter(|c| !c.is_whitespace()).count()
    }

    pub(super) fn statements(&self) -> &[Statement] {
        &self.0.statements
    }
}

impl PartialEq for Policy {
    fn eq(&self, other: &Policy) -> bool {
        self.text() == other.text()
    }
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Policy, D::Error> {
        Policy::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The entries of an object, each key once.
fn fields<'a>(json: &'a Json, place: &str) -> Result<&'a [(String, Json)], PolicyError> {
    let Json::Object(fields) = json else {
        return Err(PolicyError::new(place, "Syntax errors in policy: an object is expected"));
    };
    for (index, (name, _)) in fields.iter().enumerate() {
        if fields.iter().take(index).any(|(other, _)| other == name) {
            return Err(PolicyError::new(format!("{place}.{name}"), "Syntax errors in policy: the key is given twice"));
        }
    }
    Ok(fields)
}

fn parse_version(json: &Json) -> Result<Version, PolicyError> {
    match json {
        Json::Text(text) if text == "2012-10-17" => Ok(Version::V2012),
        Json::Text(text) if text == "2008-10-17" => Ok(Version::V2008),
        _ => Err(PolicyError::new(
            "Version",
            "Syntax errors in policy: the version must be \"2012-10-17\" or \"2008-10-17\"",
        )),
    }
}

fn parse_text<'a>(json: &'a Json, place: &str) -> Result<&'a str, PolicyError> {
    match json {
        Json::Text(text) => Ok(text),
        _ => Err(PolicyError::new(place, "Syntax errors in policy: a string is expected")),
    }
}

fn parse_statement(json: &Json, place: &str, variables: bool) -> Result<Statement, PolicyError> {
    let (mut sid, mut allow, mut principals, mut actions, mut resources) = (None, None, None, None, None);
    let mut conditions = Vec::new();
    for (name, value) in fields(json, place)? {
        let place = format!("{place}.{name}");
        match name.as_str() {
            "Sid" => sid = Some(parse_text(value, &place)?.to_owned()),
            "Effect" => allow = Some(parse_effect(value, &place)?),
            "Principal" | "NotPrincipal" => {
                let value = Principals::parse(value)
                    .map_err(|value| PolicyError::new(&place, format!("Invalid principal in policy: {value}")))?;
                set(&mut principals, name, value, &place)?;
            }
            "Action" | "NotAction" => {
                set(&mut actions, name, parse_patterns(value, &place, false, check_action)?, &place)?
            }
            "Resource" | "NotResource" => {
                set(&mut resources, name, parse_patterns(value, &place, variables, check_resource)?, &place)?
            }
            "Condition" => conditions = parse_conditions(value, &place, variables)?,
            _ => return Err(PolicyError::new(place, "Syntax errors in policy: unknown element")),
        }
    }
    Ok(Statement {
        sid,
        allow: allow.ok_or_else(|| PolicyError::new(format!("{place}.Effect"), "Missing required field Effect"))?,
        principals,
        actions: actions
            .ok_or_else(|| PolicyError::new(format!("{place}.Action"), "Policy statement must contain actions."))?,
        resources,
        conditions,
    })
}

/// Sets an element, unless its twin is there already.
fn set<T>(slot: &mut Option<Element<T>>, name: &str, value: T, place: &str) -> Result<(), PolicyError> {
    let not = name.starts_with("Not");
    match slot.replace(Element { not, value }) {
        None => Ok(()),
        Some(_) => {
            Err(PolicyError::new(place, "Syntax errors in policy: an element and its Not... cannot both be given"))
        }
    }
}

fn parse_effect(json: &Json, place: &str) -> Result<bool, PolicyError> {
    match parse_text(json, place)? {
        "Allow" => Ok(true),
        "Deny" => Ok(false),
        other => Err(PolicyError::new(place, format!("Invalid effect: {other}"))),
    }
}

fn parse_patterns(
    json: &Json,
    place: &str,
    variables: bool,
    check: fn(&str) -> Result<(), String>,
) -> Result<Vec<Pattern>, PolicyError> {
    let mut patterns = Vec::new();
    for item in json.items() {
        let text = parse_text(item, place)?;
        let pattern = check(text).and_then(|()| Pattern::parse(text, Syntax { wildcards: true, variables }));
        patterns.push(pattern.map_err(|message| PolicyError::new(place, message))?);
    }
    if patterns.is_empty() {
        let what = if place.ends_with("Action") { "actions" } else { "resources" };
        return Err(PolicyError::new(place, format!("Policy statement must contain {what}.")));
    }
    Ok(patterns)
}

fn check_action(text: &str) -> Result<(), String> {
    match text.split(':').collect::<Vec<_>>().as_slice() {
        ["*"] => Ok(()),
        [vendor, action] if !vendor.is_empty() && !action.is_empty() => Ok(()),
        [_] | [_, _] => Err("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".into()),
        _ => Err("Actions/Condition can contain only one colon.".into()),
    }
}

fn check_resource(text: &str) -> Result<(), String> {
    if text == "*" || text.starts_with("arn:") || text.starts_with('*') {
        return Ok(());
    }
    Err(format!("Resource {text} must be in ARN format or \"*\"."))
}

fn parse_conditions(json: &Json, place: &str, variables: bool) -> Result<Vec<Condition>, PolicyError> {
    let mut conditions = Vec::new();
    for (operator, keys) in fields(json, place)? {
        let place = format!("{place}.{operator}");
        for (key, values) in fields(keys, &place)? {
            let condition = Condition::parse(operator, key, values, variables);
            conditions.push(condition.map_err(|message| PolicyError::new(format!("{place}.{key}"), message))?);
        }
    }
    Ok(conditions)
}

fn check_sids(statements: &[Statement]) -> Result<(), PolicyError> {
    let mut seen = std::collections::HashSet::new();
    for (index, sid) in
        statements.iter().enumerate().filter_map(|(index, statement)| Some((index, statement.sid.as_ref()?)))
    {
        let place = || format!("Statement[{index}].Sid");
        if !seen.insert(sid) && !sid.is_empty() {
            return Err(PolicyError::new(place(), "Statement IDs (SID) in a single policy must be unique."));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str, usage: Use) -> String {
        Policy::parse(text).and_then(|policy| policy.check(usage)).unwrap_err().to_string()
    }

    #[test]
    fn mistakes_are_named_by_their_place() {
        let statement = |statement: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let cases = [
            ("{".to_owned(), "Syntax errors in policy: EOF while parsing an object at line 1 column 1"),
            ("[]".into(), "Syntax errors in policy: an object is expected"),
            (r#"{"Version":"2012-10-17"}"#.into(), "Missing required field Statement (at Statement)"),
            (
                r#"{"Version":"2020-01-01","Statement":[]}"#.into(),
                r#"Syntax errors in policy: the version must be "2012-10-17" or "2008-10-17" (at Version)"#,
            ),
            (r#"{"Statement":[]}"#.into(), "Policy document must be version 2012-10-17 or greater. (at Version)"),
            (statement(r#"{"Action":"a:b","Resource":"*"}"#), "Missing required field Effect (at Statement[0].Effect)"),
            (
                statement(r#"{"Effect":"allow","Action":"a:b","Resource":"*"}"#),
                "Invalid effect: allow (at Statement[0].Effect)",
            ),
            (
                statement(r#"{"Effect":"Allow","Effect":"Deny","Action":"a:b","Resource":"*"}"#),
                "Syntax errors in policy: the key is given twice (at Statement[0].Effect)",
            ),
            (
                statement(r#"{"Effect":"Allow","Resource":"*"}"#),
                "Policy statement must contain actions. (at Statement[0].Action)",
            ),
            (
                statement(r#"{"Effect":"Allow","Action":[],"Resource":"*"}"#),
                "Policy statement must contain actions. (at Statement[0].Action)",
            ),
            (
                statement(r#"{"Effect":"Allow","Action":"GetItem","Resource":"*"}"#),
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. (at Statement[0].Action)",
            ),
            (
                statement(r#"{"Effect":"Allow","Action":"a:b"}"#),
                "Policy statement must contain resources. (at Statement[0].Resource)",
            ),
            (
                statement(r#"{"Effect":"Allow","Action":"a:b","Resource":"table"}"#),
                r#"Resource table must be in ARN format or "*". (at Statement[0].Resource)"#,
            ),
            (
                statement(r#"{"Effect":"Allow","Action":"a:b","NotAction":"a:c","Resource":"*"}"#),
                "Syntax errors in policy: an element and its Not... cannot both be given (at Statement[0].NotAction)",
            ),
            (
                statement(r#"{"Effect":"Allow","Action":"a:b","Resource":"*","Principal":"*"}"#),
                "Policy document should not specify a principal. (at Statement[0].Principal)",
            ),
            (
                statement(r#"{"Effect":"Allow","Action":"a:b","Resource":"*","Sids":"*"}"#),
                "Syntax errors in policy: unknown element (at Statement[0].Sids)",
            ),
            (
                statement(r#"{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"Same":{"aws:x":"y"}}}"#),
                "Same is not a condition operator (at Statement[0].Condition.Same.aws:x)",
            ),
            (
                statement(
                    r#"{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}"#,
                ),
                "Statement IDs (SID) in a single policy must be unique. (at Statement[1].Sid)",
            ),
            (" ".repeat(POLICY_BYTES_MAX + 1), "The policy document has 20481 bytes; the limit is 20480"),
            ("[".repeat(1000), "Syntax errors in policy: recursion limit exceeded at line 1 column 128"),
        ];
        for (text, message) in cases {
            assert_eq!(refusal(&text, Use::Managed), message, "{text}");
        }
    }

    #[test]
    fn only_managed_policies_must_have_a_version() {
        let unversioned = r#"{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"*"}}"#;
        let check = |usage| Policy::parse(unversioned).and_then(|policy| policy.check(usage));
        assert!(check(Use::Identity).is_ok());
        assert!(check(Use::Managed).is_err());
        let named = r#"{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"*","Principal":"*"}}"#;
        let message = "Policy document should not specify a principal. (at Statement[0].Principal)";
        assert_eq!(refusal(named, Use::Identity), message);
    }

    #[test]
    fn trust_and_resource_policies_name_principals() {
        let statement = |fields: &str| {
            format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"sts:AssumeRole"{fields}}}}}"#)
        };
        assert_eq!(refusal(&statement(""), Use::Trust), "Missing required field Principal (at Statement[0].Principal)");
        assert_eq!(
            refusal(&statement(r#","Principal":"*","Resource":"*""#), Use::Trust),
            "Has prohibited field Resource (at Statement[0].Resource)"
        );
        assert_eq!(
            refusal(&statement(r#","Principal":"*""#), Use::Resource),
            "Missing required field Resource (at Statement[0].Resource)"
        );
        for (principal, named) in [
            (r#"{"AWS":"bob"}"#, r#""AWS":"bob""#),
            (r#"{"AWS":"arn:aws:iam::000000000000:user/*"}"#, r#""AWS":"arn:aws:iam::000000000000:user/*""#),
            (r#"{"Service":"lambda"}"#, r#""Service":"lambda""#),
            (r#"{"Person":"x"}"#, r#""Person":"x""#),
            (r#""bob""#, "bob"),
        ] {
            let message = format!("Invalid principal in policy: {named} (at Statement[0].Principal)");
            assert_eq!(refusal(&statement(&format!(r#","Principal":{principal}"#)), Use::Trust), message);
        }
    }

    #[test]
    fn trust_policies_are_about_assuming_roles() {
        let trust = |actions: &str| {
            format!(r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"*"}},"Action":{actions}}}}}"#)
        };
        let check = |actions: &str| Policy::parse(&trust(actions)).and_then(|policy| policy.check(Use::Trust));
        for actions in
            [r#"["sts:AssumeRole","sts:TagSession"]"#, r#""STS:assumerole""#, r#""sts:AssumeRole*""#, r#""*""#]
        {
            assert!(check(actions).is_ok(), "{actions}");
        }
        for actions in [r#""sts:AssumeRoel""#, r#"["sts:AssumeRole","s3:GetObject"]"#, r#""sts:GetCallerIdentity""#] {
            let message = "AssumeRole policy may only specify STS AssumeRole actions. (at Statement[0].Action)";
            assert_eq!(refusal(&trust(actions), Use::Trust), message, "{actions}");
        }
    }

    #[test]
    fn text_is_kept() {
        let text = "{ \"Version\": \"2012-10-17\",\n \"Statement\": [] }";
        let policy = Policy::parse(text).unwrap();
        assert_eq!(policy.size(), 39);
        let stored = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&stored).unwrap().text(), text);
    }
}
