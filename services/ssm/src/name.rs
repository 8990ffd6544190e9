//! Names of parameters, and what stands for one: a name, an ARN, with a version or a label behind it.

use base::Arn;
use service::Cx;

use crate::error::Error;
use crate::limits;

/// Where secrets are parameters.
pub const SECRETS: &str = "/aws/reference/secretsmanager/";

const RULE: &str = "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_";

/// The ARN of a parameter.
pub fn arn(cx: &Cx, name: &str) -> Arn {
    cx.arn("ssm", format!("parameter/{}", name.trim_start_matches('/')))
}

/// What a request says of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub name: String,
    /// A version's number, or a label.
    pub selector: Option<String>,
}

impl Reference {
    /// # Errors
    /// For what is no name.
    pub fn parse(cx: &Cx, text: &str) -> Result<Reference, Error> {
        if text.starts_with("arn:") {
            let arn = text.parse::<Arn>().map_err(|_| Error::Validation(format!("Invalid parameter ARN {text}.")))?;
            let own = cx.arn("ssm", "");
            let here = (&arn.service, &arn.region, &arn.account) == (&own.service, &own.region, &own.account);
            let rest = arn.resource.strip_prefix("parameter/").filter(|_| here);
            let rest = rest.ok_or_else(|| Error::not_found(text))?;
            let (name, selector) = split(rest);
            // Only paths begin with a slash, which the ARN has already.
            let name = if name.contains('/') { format!("/{name}") } else { name.to_owned() };
            return Ok(Reference { name, selector: selector.map(str::to_owned) });
        }
        let (name, selector) = split(text);
        check_form(name)?;
        // Which version of a secret is meant is for its own service to read.
        let (name, selector) = if text.starts_with(SECRETS) { (text, None) } else { (name, selector) };
        Ok(Reference { name: name.to_owned(), selector: selector.map(str::to_owned) })
    }

    /// Whether it stands for a secret, and for which.
    pub fn secret(&self) -> Option<&str> {
        self.name.strip_prefix(SECRETS)
    }
}

fn split(text: &str) -> (&str, Option<&str>) {
    text.split_once(':').map_or((text, None), |(name, selector)| (name, Some(selector)))
}

/// The forms that a name may have, whether or not there is such a parameter.
fn check_form(name: &str) -> Result<(), Error> {
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    let inner = name.strip_prefix('/').unwrap_or(name);
    let is_path = name.starts_with('/') || !inner.contains('/');
    if is_path && inner.split('/').all(plain) {
        return Ok(());
    }
    Err(Error::Validation(RULE.into()))
}

/// # Errors
/// For names that a new parameter may not have.
pub fn check_new(name: &str) -> Result<(), Error> {
    let mut constraints = service::Constraints::default();
    if name.is_empty() {
        constraints.fail("", "name", "have length greater than or equal to 1");
    }
    constraints.length(Some(name), "name", limits::NAME_CHARACTERS_MAX);
    constraints.check()?;
    let first = name.trim_start_matches('/').to_ascii_lowercase();
    if name.starts_with('/') && (first == "aws" || first.starts_with("aws/")) {
        return Err(Error::AccessDenied(format!("No access to reserved parameter name: {name}.")));
    }
    if first.starts_with("aws") || first.starts_with("ssm") {
        return Err(Error::Validation(RULE.into()));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(Error::Validation("Parameter name must be a fully qualified name.".into()));
    }
    check_form(name)?;
    if name.matches('/').count() > limits::LEVELS_MAX {
        return Err(Error::HierarchyLevel(format!(
            "A parameter has at most {} levels of hierarchy.",
            limits::LEVELS_MAX
        )));
    }
    Ok(())
}

/// The other way to write the name of a parameter that is in no path.
pub fn other(name: &str) -> Option<String> {
    match name.strip_prefix('/') {
        Some(rest) if !rest.contains('/') => Some(rest.to_owned()),
        None if !name.contains('/') => Some(format!("/{name}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["a", "/a", "/a/b.c/d-e_f", "a.b"] {
            assert!(check_new(good).is_ok(), "{good}");
        }
        for bad in
            ["", "/", "a/b", "/a//b", "/a/", "a b", "/aws/x", "/AWS", "awsome", "ssm-x", "/a:b", &"/a".repeat(16)]
        {
            assert!(check_new(bad).is_err(), "{bad}");
        }
        assert_eq!((other("a"), other("/a"), other("/a/b")), (Some("/a".into()), Some("a".into()), None));
        assert_eq!(split("/a/b:3"), ("/a/b", Some("3")));
    }
}
