//! What a decision came from: statements, their places in their documents, and the keys they ask for.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::document::Statement;
use super::evaluate;
use super::pattern::Pattern;
use super::{Context, Policy, PolicySet, Request, Source};

/// A statement that applies to a request. All are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applying {
    pub source: Source,
    /// Which policy of that kind.
    pub policy: usize,
    pub statement: usize,
}

/// The statements of one effect that apply to a request, in the order of their policies.
pub fn applying(request: &Request, policies: &PolicySet, allow: bool) -> Vec<Applying> {
    let mut all = Vec::new();
    for (source, index, policy) in policies.all() {
        let statements = evaluate::applying(policy, request, allow);
        all.extend(statements.map(|(statement, _)| Applying { source, policy: index, statement }));
    }
    all
}

/// A place in a text, counted from 1, in lines and characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Policy {
    /// Where a statement begins, and where what follows it does.
    pub fn position(&self, statement: usize) -> Option<(Position, Position)> {
        let start = self.statement_offset(statement)?;
        Some((position(self.text(), start.0)?, position(self.text(), start.1)?))
    }

    /// The bytes of the text between which a statement stands.
    fn statement_offset(&self, statement: usize) -> Option<(usize, usize)> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Document<'a> {
            #[serde(borrow)]
            statement: &'a RawValue,
        }
        let Document { statement: all } = serde_json::from_str(self.text()).ok()?;
        let found = match serde_json::from_str::<Vec<&RawValue>>(all.get()) {
            Ok(list) => list.get(statement)?.get(),
            // One alone needs no list.
            Err(_) => all.get(),
        };
        // Raw values are pieces of the text they are read from.
        let start = found.as_ptr().addr().checked_sub(self.text().as_ptr().addr())?;
        Some((start, start + found.len()))
    }

    /// Of each statement that allows, by its `Sid` or its number from 0, the actions of which `used`, pairs of an action and a
    /// resource, has none. Conditions are not looked at.
    pub fn unused(&self, used: &[(&str, &str)]) -> Vec<(String, Vec<String>)> {
        let mut all = Vec::new();
        for (index, statement) in self.statements().iter().enumerate().filter(|(_, statement)| statement.allow) {
            // Of `NotAction`, nobody can say what it was meant for.
            if statement.actions.not {
                continue;
            }
            let of_statement: Vec<&str> =
                used.iter().filter(|(_, resource)| on(statement, resource)).map(|(action, _)| *action).collect();
            let is_used = |pattern: &&Pattern| {
                of_statement.iter().any(|action| pattern.matches_ignoring_case(action, &Context::new()))
            };
            let actions = statement.actions.value.iter().filter(|pattern| !is_used(pattern));
            let actions: Vec<String> = actions.map(Pattern::to_string).collect();
            if !actions.is_empty() {
                all.push((statement.name(index), actions));
            }
        }
        all
    }

    /// The condition keys that its conditions and variables ask for, as they are written.
    pub fn context_keys(&self) -> BTreeSet<&str> {
        let mut keys = BTreeSet::new();
        for statement in self.statements() {
            keys.extend(statement.conditions.iter().flat_map(|condition| condition.keys()));
            let resources = statement.resources.iter().flat_map(|resources| &resources.value);
            keys.extend(resources.flat_map(Pattern::variables));
        }
        keys
    }
}

/// Whether a statement may be about a resource. With variables, it may be about any.
fn on(statement: &Statement, resource: &str) -> bool {
    statement.resources.as_ref().is_none_or(|resources| {
        let matches =
            |pattern: &Pattern| pattern.variables().next().is_some() || pattern.matches(resource, &Context::new());
        resources.value.iter().any(matches) != resources.not
    })
}

fn position(text: &str, offset: usize) -> Option<Position> {
    let before = text.get(..offset)?;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..)?.chars().count() + 1;
    Some(Position { line: before.matches('\n').count() + 1, column })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Principal;

    const TEXT: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::é-${aws:username}/*"},
    {"Effect": "Deny", "Action": "s3:Put*", "Resource": "*",
     "Condition": {"StringEquals": {"aws:PrincipalTag/Team": "${aws:userid, 'x'}"}}}
  ]
}"#;

    #[test]
    fn statements_have_places() {
        let policy = Policy::parse(TEXT).unwrap();
        let at = |line, column| Position { line, column };
        assert_eq!(policy.position(0), Some((at(4, 5), at(4, 90))));
        assert_eq!(policy.position(1), Some((at(5, 5), at(6, 85))));
        assert_eq!(policy.position(2), None);
        let one = Policy::parse(r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#).unwrap();
        assert_eq!(one.position(0), Some((at(1, 15), at(1, 66))));
    }

    #[test]
    fn keys_are_those_of_conditions_and_variables() {
        let policy = Policy::parse(TEXT).unwrap();
        let keys: Vec<&str> = policy.context_keys().into_iter().collect();
        assert_eq!(keys, ["aws:PrincipalTag/Team", "aws:userid", "aws:username"]);
    }

    #[test]
    fn what_applies_is_named() {
        let policies = [Policy::parse(TEXT).unwrap()];
        let principal = Principal::user("000000000000", "ann");
        let context = [("aws:username", "ann"), ("aws:PrincipalTag/team", "x")].into_iter().collect();
        let request = Request {
            principal: &principal,
            action: "s3:PutObject",
            resource: "arn:aws:s3:::é-ann/k",
            context: &context,
        };
        let set = PolicySet { identity: &policies, ..PolicySet::default() };
        let of = |statement| vec![Applying { source: Source::Identity, policy: 0, statement }];
        assert_eq!((applying(&request, &set, true), applying(&request, &set, false)), (of(0), of(1)));
    }
}
