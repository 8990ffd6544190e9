//! The `Condition` element: operators over the values that a request has for a key.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

use std::net::IpAddr;

use base::Timestamp;

use super::Context;
use super::json::Json;
use super::pattern::{Pattern, Syntax};

/// One operator on one key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    key: String,
    written: String,
    set: Option<Set>,
    if_exists: bool,
    negated: bool,
    test: Test,
}

/// How a key with many values is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    All,
    Any,
}

/// What the values are compared with. Each list is of alternatives.
#[derive(Clone, Debug, PartialEq)]
enum Test {
    Text {
        patterns: Vec<Pattern>,
        ignore_case: bool,
    },
    Number(Order, Vec<f64>),
    Time(Order, Vec<Timestamp>),
    Bool(Vec<bool>),
    Address(Vec<Network>),
    /// Each pattern by its parts between colons.
    Arn(Vec<Vec<Pattern>>),
    /// Whether the key is absent.
    Null(Vec<bool>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Condition {
    /// Reads one entry of the element; the error is a sentence.
    pub(super) fn parse(operator: &str, key: &str, values: &Json, variables: bool) -> Result<Condition, String> {
        let (set, name) = match operator.split_once(':') {
            Some(("ForAllValues", name)) => (Some(Set::All), name),
            Some(("ForAnyValue", name)) => (Some(Set::Any), name),
            _ => (None, operator),
        };
        let (name, if_exists) = match name.strip_suffix("IfExists") {
            Some(name) if name != "Null" => (name, true),
            _ => (name, false),
        };
        if !key.contains(':') {
            return Err("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".into());
        }
        let values: Option<Vec<String>> = values.items().iter().map(Json::scalar).collect();
        let values = values.ok_or_else(|| format!("the values of {key} must be strings"))?;
        let (negated, test) =
            parse_test(name, &values, variables).ok_or_else(|| format!("{operator} is not a condition operator"))?;
        Ok(Condition { key: key.to_ascii_lowercase(), written: key.into(), set, if_exists, negated, test: test? })
    }

    /// Its key, and those that its values have variables for, as they are written.
    pub(super) fn keys(&self) -> Vec<&str> {
        let patterns: Vec<&Pattern> = match &self.test {
            Test::Text { patterns, .. } => patterns.iter().collect(),
            Test::Arn(patterns) => patterns.iter().flatten().collect(),
            Test::Number(..) | Test::Time(..) | Test::Bool(_) | Test::Address(_) | Test::Null(_) => Vec::new(),
        };
        let variables = patterns.into_iter().flat_map(Pattern::variables);
        std::iter::once(self.written.as_str()).chain(variables).collect()
    }

    /// Whether the request fulfils the condition.
    pub(super) fn holds(&self, context: &Context) -> bool {
        let values = context.get(&self.key);
        if let Test::Null(expected) = &self.test {
            return expected.contains(&values.is_empty());
        }
        if values.is_empty() {
            return self.if_exists
                || match self.set {
                    Some(Set::All) => true,
                    Some(Set::Any) => false,
                    None => self.negated,
                };
        }
        let fulfils = |value: &String| self.test.matches(value, context) != self.negated;
        match self.set {
            Some(Set::All) => values.iter().all(fulfils),
            Some(Set::Any) => values.iter().any(fulfils),
            // Without a set operator, "not equal" means to none of the values.
            None if self.negated => values.iter().all(fulfils),
            None => values.iter().any(fulfils),
        }
    }
}

/// Whether the operator is negated, and its test. `None` when there is no such operator.
fn parse_test(name: &str, values: &[String], variables: bool) -> Option<(bool, Result<Test, String>)> {
    let text = |wildcards, ignore_case| {
        patterns(values, Syntax { wildcards, variables }).map(|patterns| Test::Text { patterns, ignore_case })
    };
    let number = |order| all(values, "a number", |text| text.parse().ok()).map(|numbers| Test::Number(order, numbers));
    let time = |order| all(values, "a date", parse_time).map(|times| Test::Time(order, times));
    let arn = || {
        let patterns = patterns(values, Syntax { wildcards: true, variables })?;
        Ok(Test::Arn(patterns.iter().map(|pattern| pattern.split(ARN_PARTS)).collect()))
    };
    let address = || all(values, "an IP address range", parse_network).map(Test::Address);
    Some(match name {
        "StringEquals" => (false, text(false, false)),
        "StringNotEquals" => (true, text(false, false)),
        "StringEqualsIgnoreCase" => (false, text(false, true)),
        "StringNotEqualsIgnoreCase" => (true, text(false, true)),
        "StringLike" => (false, text(true, false)),
        "StringNotLike" => (true, text(true, false)),
        // Values of binary keys are compared in their base64 form.
        "BinaryEquals" => (false, text(false, false)),
        "NumericEquals" => (false, number(Order::Equal)),
        "NumericNotEquals" => (true, number(Order::Equal)),
        "NumericLessThan" => (false, number(Order::Less)),
        "NumericLessThanEquals" => (false, number(Order::LessOrEqual)),
        "NumericGreaterThan" => (false, number(Order::Greater)),
        "NumericGreaterThanEquals" => (false, number(Order::GreaterOrEqual)),
        "DateEquals" => (false, time(Order::Equal)),
        "DateNotEquals" => (true, time(Order::Equal)),
        "DateLessThan" => (false, time(Order::Less)),
        "DateLessThanEquals" => (false, time(Order::LessOrEqual)),
        "DateGreaterThan" => (false, time(Order::Greater)),
        "DateGreaterThanEquals" => (false, time(Order::GreaterOrEqual)),
        "Bool" => (false, all(values, "true or false", parse_bool).map(Test::Bool)),
        "Null" => (false, all(values, "true or false", parse_bool).map(Test::Null)),
        "IpAddress" => (false, address()),
        "NotIpAddress" => (true, address()),
        // AWS documents the two pairs as the same.
        "ArnEquals" | "ArnLike" => (false, arn()),
        "ArnNotEquals" | "ArnNotLike" => (true, arn()),
        _ => return None,
    })
}

/// An ARN's parts between colons; the last one keeps its colons.
const ARN_PARTS: usize = 6;

fn patterns(values: &[String], syntax: Syntax) -> Result<Vec<Pattern>, String> {
    values.iter().map(|text| Pattern::parse(text, syntax)).collect()
}

fn all<T>(values: &[String], what: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    values.iter().map(|text| parse(text).ok_or_else(|| format!("'{text}' is not {what}"))).collect()
}

fn parse_bool(text: &str) -> Option<bool> {
    text.to_ascii_lowercase().parse().ok()
}

/// ISO 8601 (a day, or a moment) or seconds since the epoch.
fn parse_time(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse() {
        return Some(Timestamp::from_secs(seconds));
    }
    Timestamp::parse_iso8601(text).or_else(|| Timestamp::parse_iso8601(&format!("{text}T00:00:00Z")))
}

fn parse_network(text: &str) -> Option<Network> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Some(bits), |prefix| prefix.parse().ok())?;
    (prefix <= bits).then_some(Network { address, prefix })
}

impl Test {
    /// Whether one value equals one of the alternatives, before negation.
    fn matches(&self, value: &str, context: &Context) -> bool {
        match self {
            Test::Text { patterns, ignore_case: false } => {
                patterns.iter().any(|pattern| pattern.matches(value, context))
            }
            Test::Text { patterns, ignore_case: true } => {
                patterns.iter().any(|pattern| pattern.matches_ignoring_case(value, context))
            }
            Test::Number(order, numbers) => {
                value.parse().is_ok_and(|value: f64| numbers.iter().any(|number| order.holds(&value, number)))
            }
            Test::Time(order, times) => {
                parse_time(value).is_some_and(|value| times.iter().any(|time| order.holds(&value, time)))
            }
            Test::Bool(expected) => parse_bool(value).is_some_and(|value| expected.contains(&value)),
            Test::Address(networks) => value
                .parse()
                .is_ok_and(|address: IpAddr| networks.iter().any(|network| network.contains(address.to_canonical()))),
            Test::Arn(patterns) => patterns.iter().any(|parts| {
                let values: Vec<&str> = value.splitn(parts.len(), ':').collect();
                values.len() == parts.len()
                    && parts.iter().zip(values).all(|(part, value)| part.matches(value, context))
            }),
            Test::Null(_) => false,
        }
    }
}

impl Order {
    fn holds<T: PartialOrd>(self, value: &T, operand: &T) -> bool {
        match self {
            Order::Equal => value == operand,
            Order::Less => value < operand,
            Order::LessOrEqual => value <= operand,
            Order::Greater => value > operand,
            Order::GreaterOrEqual => value >= operand,
        }
    }
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, true),
            IpAddr::V6(address) => (u128::from(address), false),
        };
        let ((own, own_family), (other, family)) = (bits(self.address), bits(address));
        let host_bits = 128 - self.prefix;
        own_family == family && (own ^ other).checked_shr(host_bits).unwrap_or_default() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(operator: &str, values: &str, context: &[&str]) -> bool {
        let values = serde_json::from_str(values).unwrap();
        let condition = Condition::parse(operator, "aws:Key", &values, true).unwrap();
        condition.holds(&context.iter().map(|value| ("AWS:key", *value)).collect())
    }

    #[test]
    fn operators() {
        let cases: &[(&str, &str, &[&str], bool)] = &[
            ("StringEquals", r#""a*""#, &["a*"], true),
            ("StringEquals", r#""a*""#, &["ab"], false),
            ("StringEquals", r#"["x", "y"]"#, &["y"], true),
            ("StringNotEquals", r#"["x", "y"]"#, &["y"], false),
            ("StringNotEquals", r#""x""#, &[], true),
            ("StringEquals", r#""x""#, &[], false),
            ("StringEqualsIfExists", r#""x""#, &[], true),
            ("StringEqualsIfExists", r#""x""#, &["y"], false),
            ("StringEqualsIgnoreCase", r#""ABC""#, &["abc"], true),
            ("StringNotEqualsIgnoreCase", r#""ABC""#, &["abc"], false),
            ("StringLike", r#""a*c?""#, &["abbcd"], true),
            ("StringNotLike", r#""a*""#, &["abc"], false),
            ("StringEquals", r#""${aws:Key}""#, &["v"], true),
            ("BinaryEquals", r#""QmluYXJ5""#, &["QmluYXJ5"], true),
            ("NumericLessThanEquals", "10", &["10"], true),
            ("NumericGreaterThan", r#""10""#, &["10.5"], true),
            ("NumericEquals", "1", &["one"], false),
            ("NumericNotEquals", "1", &["2"], true),
            ("DateGreaterThan", r#""2020-01-01""#, &["2020-01-01T00:00:01Z"], true),
            ("DateLessThan", r#""2020-01-01T00:00:00Z""#, &["1577836800"], false),
            ("DateEquals", r#""1577836800""#, &["2020-01-01T00:00:00Z"], true),
            ("Bool", "true", &["true"], true),
            ("Bool", r#""false""#, &["true"], false),
            ("Null", "true", &[], true),
            ("Null", r#""false""#, &["x"], true),
            ("Null", r#""false""#, &[], false),
            ("IpAddress", r#""203.0.113.0/24""#, &["203.0.113.9"], true),
            ("IpAddress", r#""203.0.113.0/24""#, &["203.0.114.9"], false),
            ("IpAddress", r#""0.0.0.0/0""#, &["::1"], false),
            ("IpAddress", r#""203.0.113.0/24""#, &["::ffff:203.0.113.9"], true),
            ("NotIpAddress", r#""10.0.0.1""#, &["10.0.0.2"], true),
            ("IpAddress", r#""2001:db8::/32""#, &["2001:db8:1::1"], true),
            ("ArnLike", r#""arn:aws:sns:*:000000000000:t*""#, &["arn:aws:sns:us-east-1:000000000000:topic"], true),
            ("ArnEquals", r#""arn:aws:s*:topic""#, &["arn:aws:sns:us-east-1:000000000000:topic"], false),
            ("ArnNotLike", r#""arn:aws:sns:*:*:*""#, &["arn:aws:sqs:us-east-1:000000000000:q"], true),
            ("ForAllValues:StringEquals", r#"["a", "b"]"#, &["a", "b"], true),
            ("ForAllValues:StringEquals", r#"["a", "b"]"#, &["a", "c"], false),
            ("ForAllValues:StringEquals", r#"["a"]"#, &[], true),
            ("ForAnyValue:StringEquals", r#"["a"]"#, &["a", "c"], true),
            ("ForAnyValue:StringEquals", r#"["a"]"#, &[], false),
            ("ForAnyValue:StringNotLike", r#"["a*"]"#, &["a1", "b"], true),
            ("ForAllValues:StringNotLike", r#"["a*"]"#, &["a1", "b"], false),
            ("StringNotEquals", r#""a""#, &["a", "b"], false),
        ];
        for (operator, values, context, expected) in cases {
            assert_eq!(holds(operator, values, context), *expected, "{operator} {values} {context:?}");
        }
    }

    /// Each operator with a value that fulfils it, and one that does not: how a key that is absent or has many values counts
    /// follows from whether the operator is a negated one.
    ///
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>
    #[test]
    fn every_operator_with_no_and_with_many_values() {
        let arn = "arn:aws:sqs:us-east-1:000000000000:q";
        let all: &[(&str, &str, &str, &str, bool)] = &[
            ("StringEquals", r#""a""#, "a", "A", false),
            ("StringNotEquals", r#""a""#, "A", "a", true),
            ("StringEqualsIgnoreCase", r#""a""#, "A", "b", false),
            ("StringNotEqualsIgnoreCase", r#""a""#, "b", "A", true),
            ("StringLike", r#""a?c*""#, "abcd", "ac", false),
            ("StringNotLike", r#""a?c*""#, "ac", "abcd", true),
            ("BinaryEquals", r#""AAE=""#, "AAE=", "AAI=", false),
            ("NumericEquals", "5", "5.0", "6", false),
            ("NumericNotEquals", "5", "6", "5", true),
            ("NumericLessThan", "5", "4", "5", false),
            ("NumericLessThanEquals", "5", "5", "6", false),
            ("NumericGreaterThan", "5", "6", "5", false),
            ("NumericGreaterThanEquals", "5", "5", "4", false),
            ("DateEquals", r#""2026-01-01""#, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", false),
            ("DateNotEquals", r#""2026-01-01""#, "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", true),
            ("DateLessThan", r#""2026-01-02""#, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", false),
            ("DateLessThanEquals", r#""2026-01-02""#, "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", false),
            ("DateGreaterThan", r#""2026-01-02""#, "2026-01-03T00:00:00Z", "2026-01-02T00:00:00Z", false),
            ("DateGreaterThanEquals", r#""2026-01-02""#, "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", false),
            ("Bool", r#""TRUE""#, "true", "false", false),
            ("IpAddress", r#""10.0.0.0/8""#, "10.1.2.3", "11.1.2.3", false),
            ("NotIpAddress", r#""10.0.0.0/8""#, "11.1.2.3", "10.1.2.3", true),
            ("ArnEquals", r#""arn:aws:sqs:*:*:q""#, arn, "arn:aws:sns:us-east-1:000000000000:q", false),
            ("ArnLike", r#""arn:aws:sqs:*:*:q""#, arn, "arn:aws:sns:us-east-1:000000000000:q", false),
            ("ArnNotEquals", r#""arn:aws:sns:*:*:q""#, arn, "arn:aws:sns:us-east-1:000000000000:q", true),
            ("ArnNotLike", r#""arn:aws:sns:*:*:q""#, arn, "arn:aws:sns:us-east-1:000000000000:q", true),
        ];
        for (operator, values, fits, other, negated) in all {
            let [any, every, maybe] = ["ForAnyValue:", "ForAllValues:", ""]
                .map(|set| format!("{set}{operator}{}", if set.is_empty() { "IfExists" } else { "" }));
            let cases: [(&str, &[&str], bool); 13] = [
                (operator, &[fits], true),
                (operator, &[other], false),
                (operator, &[], *negated),
                (operator, &[fits, other], !negated),
                (&maybe, &[], true),
                (&maybe, &[other], false),
                (&any, &[fits, other], true),
                (&any, &[other, other], false),
                (&any, &[], false),
                (&every, &[fits, fits], true),
                (&every, &[fits, other], false),
                (&every, &[], true),
                (&maybe, &[fits], true),
            ];
            for (operator, context, expected) in cases {
                assert_eq!(holds(operator, values, context), expected, "{operator} {values} {context:?}");
            }
        }
    }

    #[test]
    fn mistakes_are_named() {
        let parse = |operator, key, values| {
            Condition::parse(operator, key, &serde_json::from_str(values).unwrap(), true).unwrap_err()
        };
        assert_eq!(parse("StringSame", "aws:Key", "1"), "StringSame is not a condition operator");
        assert_eq!(parse("IpAddress", "aws:Key", r#""10.0.0.0/33""#), "'10.0.0.0/33' is not an IP address range");
        assert_eq!(parse("Bool", "aws:Key", r#""yes""#), "'yes' is not true or false");
        assert_eq!(parse("Bool", "aws:Key", "[[1]]"), "the values of aws:Key must be strings");
        assert!(parse("Bool", "Key", "true").contains("prefaced by a vendor"));
    }
}
