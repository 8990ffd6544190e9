//! Functions as requests name them: a name, a partial ARN or an ARN, with or without a qualifier.

use std::fmt;

use base::{AccountId, Arn, Region};
use service::Cx;

use crate::constraints::{Constraints, is_word};
use crate::error::Error;
use crate::limits;

const FUNCTION_PATTERN: &str = "(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?";
const QUALIFIER_PATTERN: &str = "(|[a-zA-Z0-9$_-]+)";

/// Which version of a function is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Qualifier {
    Latest,
    Version(u64),
    Alias(String),
}

impl Qualifier {
    /// `None` for text that is neither `$LATEST`, nor a number, nor an alias's name.
    pub fn parse(text: &str) -> Option<Qualifier> {
        match text {
            "$LATEST" => Some(Qualifier::Latest),
            _ if !is_word(text) || text.len() > limits::QUALIFIER_CHARACTERS_MAX => None,
            // A number that no version can have names no version.
            _ if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(Qualifier::Version(text.parse().unwrap_or(u64::MAX)))
            }
            _ => Some(Qualifier::Alias(text.to_owned())),
        }
    }
}

impl fmt::Display for Qualifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Qualifier::Latest => f.write_str("$LATEST"),
            Qualifier::Version(number) => write!(f, "{number}"),
            Qualifier::Alias(name) => f.write_str(name),
        }
    }
}

/// A function, and maybe which of its versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionRef {
    pub region: Region,
    pub account: AccountId,
    pub name: String,
    pub qualifier: Option<Qualifier>,
}

impl FunctionRef {
    /// Reads a request's `FunctionName` and `Qualifier`.
    pub fn parse(cx: &Cx, function: &str, qualifier: Option<&str>) -> Result<FunctionRef, Error> {
        let parts = split(function);
        let mut constraints = Constraints::default();
        constraints.length(Some(function), "functionName", limits::FUNCTION_REFERENCE_CHARACTERS_MAX);
        constraints.pattern(Some(function), "functionName", FUNCTION_PATTERN, |_| parts.is_some());
        let explicit = qualifier.filter(|text| !text.is_empty());
        constraints.pattern(explicit, "qualifier", QUALIFIER_PATTERN, |text| Qualifier::parse(text).is_some());
        constraints.check()?;
        let Some(parts) = parts else { return Err(Error::invalid("a function's name is missing")) };
        if let Some(region) = parts.region.filter(|region| *region != cx.region().as_str()) {
            return Err(Error::ResourceNotFound(format!(
                "Functions from '{region}' are not reachable in this region ('{}')",
                cx.region()
            )));
        }
        let explicit = explicit.and_then(Qualifier::parse);
        let qualifier = match (parts.qualifier, explicit) {
            (Some(derived), Some(explicit)) if derived != explicit => {
                return Err(Error::invalid(
                    "The derived qualifier from the function name does not match the specified qualifier.",
                ));
            }
            (derived, explicit) => derived.or(explicit),
        };
        let account = parts.account.map_or_else(|| cx.account().clone(), AccountId::new);
        if account != *cx.account() {
            return Err(Error::OtherAccount { asked: account.to_string(), own: cx.account().to_string() });
        }
        Ok(FunctionRef { region: cx.region().clone(), account, name: parts.name.to_owned(), qualifier })
    }

    /// The same, where only the function as a whole can be meant.
    pub fn parse_unqualified(cx: &Cx, function: &str) -> Result<FunctionRef, Error> {
        let function = FunctionRef::parse(cx, function, None)?;
        if function.qualifier.is_some() {
            return Err(Error::invalid("Cannot provide qualifier"));
        }
        Ok(function)
    }

    /// `None` for the ARN of anything else.
    pub fn of_arn(arn: &Arn) -> Option<FunctionRef> {
        let mut parts = arn.resource.split(':');
        let (kind, name, qualifier, rest) = (parts.next(), parts.next(), parts.next(), parts.next());
        if arn.service != "lambda" || kind != Some("function") || rest.is_some() {
            return None;
        }
        let qualifier = qualifier.map(|text| Qualifier::parse(text).ok_or(())).transpose().ok()?;
        Some(FunctionRef {
            region: Region::new(arn.region.as_str()),
            account: AccountId::new(arn.account.as_str()),
            name: name.filter(|name| is_word(name))?.to_owned(),
            qualifier,
        })
    }

    /// Without the qualifier.
    pub fn arn(&self) -> Arn {
        Arn::new("lambda", &self.region, &self.account, format!("function:{}", self.name))
    }

    /// With the qualifier, where there is one.
    pub fn qualified_arn(&self) -> Arn {
        match &self.qualifier {
            None => self.arn(),
            Some(qualifier) => self.arn_of(qualifier),
        }
    }

    pub fn arn_of(&self, qualifier: &Qualifier) -> Arn {
        Arn::new("lambda", &self.region, &self.account, format!("function:{}:{qualifier}", self.name))
    }

    /// The name and the qualifier as parts of keys: a missing qualifier is `$LATEST`.
    pub fn qualifier_key(&self) -> String {
        self.qualifier.as_ref().unwrap_or(&Qualifier::Latest).to_string()
    }
}

/// The resource to ask permission for: what names no function is refused later, by the operation.
pub fn function_resource(cx: &Cx, function: &str, qualifier: Option<&str>) -> String {
    FunctionRef::parse(cx, function, qualifier)
        .map_or_else(|_| "*".to_owned(), |function| function.qualified_arn().to_string())
}

struct Parts<'a> {
    region: Option<&'a str>,
    account: Option<&'a str>,
    name: &'a str,
    qualifier: Option<Qualifier>,
}

fn split(text: &str) -> Option<Parts<'_>> {
    let (is_arn, mut rest) = match text.strip_prefix("arn:") {
        Some(rest) => {
            let (partition, rest) = rest.split_once(':')?;
            partition.starts_with("aws").then_some(())?;
            (true, rest.strip_prefix("lambda:")?)
        }
        None => (false, text),
    };
    let mut take = |matches: fn(&str) -> bool| {
        let (part, after) = rest.split_once(':').filter(|(part, _)| matches(part))?;
        rest = after;
        Some(part)
    };
    let region = take(is_region);
    let account = take(is_account);
    let function = take(|part| part == "function");
    if is_arn && (region.is_none() || account.is_none() || function.is_none()) {
        return None;
    }
    let (name, qualifier) = match rest.split_once(':') {
        None => (rest, None),
        Some((name, qualifier)) => (name, Some(Qualifier::parse(qualifier)?)),
    };
    is_word(name).then_some(Parts { region, account, name, qualifier })
}

/// `us-east-1`, `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() >= 3
        && parts.first().is_some_and(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_lowercase()))
        && parts.last().is_some_and(|part| part.len() == 1 && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use testkit::TestCloud;

    use super::*;

    fn parse(function: &str, qualifier: Option<&str>) -> Result<String, String> {
        let cloud = TestCloud::new([]);
        FunctionRef::parse(&cloud.root(), function, qualifier)
            .map(|function| function.qualified_arn().to_string())
            .map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn every_form_names_the_function() {
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
        for form in ["f", "function:f", "000000000000:f", "000000000000:function:f", arn] {
            assert_eq!(parse(form, None).unwrap(), arn, "{form}");
            assert_eq!(parse(&format!("{form}:live"), None).unwrap(), format!("{arn}:live"), "{form}");
            assert_eq!(parse(form, Some("$LATEST")).unwrap(), format!("{arn}:$LATEST"), "{form}");
            assert_eq!(parse(&format!("{form}:7"), Some("7")).unwrap(), format!("{arn}:7"), "{form}");
        }
    }

    #[tokio::test]
    async fn what_names_no_function_is_refused() {
        for form in ["", "a b", "f:", "f:a:b", "arn:aws:lambda:f", "arn:aws:sqs:us-east-1:000000000000:f", "f/g"] {
            assert!(parse(form, None).unwrap_err().starts_with("1 validation error detected: Value '"), "{form}");
        }
        assert!(parse("f", Some("a b")).unwrap_err().contains("at 'qualifier'"));
        assert!(parse("f:1", Some("2")).unwrap_err().starts_with("The derived qualifier"));
        let elsewhere = parse("arn:aws:lambda:eu-west-1:000000000000:function:f", None).unwrap_err();
        assert_eq!(elsewhere, "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')");
    }
}
