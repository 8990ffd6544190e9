//! Filters of lists of parameters.
//!
//! Source: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html>

use serde::Deserialize;

use crate::error::Error;
use crate::limits;
use crate::ops::put::tier;
use crate::types::{Parameter, Version};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Filter {
    pub key: String,
    pub option: Option<String>,
    pub values: Vec<String>,
}

/// # Errors
/// For keys and options that there are not.
pub fn check(filters: &[Filter], keys: &[&str]) -> Result<(), Error> {
    for (index, filter) in filters.iter().enumerate() {
        let Filter { key, option, values } = filter;
        let is_tag = key.strip_prefix("tag:").is_some_and(|name| !name.is_empty());
        let is_known = keys.contains(&key.as_str()) || is_tag && keys.contains(&"tag:");
        if !is_known {
            return Err(Error::InvalidFilterKey(format!(
                "The following filter key is not valid: {key}. Valid filter keys include: [{}].",
                keys.join(", ")
            )));
        }
        if filters.iter().take(index).any(|before| before.key == *key) {
            return Err(Error::InvalidFilterKey(format!(
                "The following filter is duplicated in the request: {key}. A request can contain only one occurrence of a specific filter."
            )));
        }
        let options: &[&str] = match key.as_str() {
            "Name" => &["Equals", "BeginsWith", "Contains"],
            "Path" => &["Recursive", "OneLevel"],
            "Label" => &["Equals"],
            _ => &["Equals", "BeginsWith"],
        };
        if option.as_deref().is_some_and(|option| !options.contains(&option)) {
            return Err(Error::InvalidFilterOption(format!(
                "The following filter option is not valid: {}. Valid options include: {}.",
                option.as_deref().unwrap_or_default(),
                options.join(", ")
            )));
        }
        if values.len() > limits::FILTER_VALUES_MAX || (values.is_empty() && !is_tag) {
            return Err(Error::InvalidFilterValue(format!("The filter {key} has 1 to 50 values.")));
        }
        if key == "Path" {
            values.iter().try_for_each(|path| check_path(path))?;
        }
    }
    Ok(())
}

/// Whether all filters choose a parameter by one of its versions.
pub fn matches(filters: &[Filter], of: &Parameter, version: &Version) -> bool {
    filters.iter().all(|filter| one_matches(filter, of, version))
}

fn one_matches(filter: &Filter, of: &Parameter, version: &Version) -> bool {
    let Filter { key, option, values } = filter;
    let any = |is: &dyn Fn(&str) -> bool| values.iter().any(|value| is(value));
    let option = option.as_deref();
    let is = |own: &str, value: &str| if option == Some("BeginsWith") { own.starts_with(value) } else { own == value };
    if let Some(tag) = key.strip_prefix("tag:") {
        return of.tags.get(tag).is_some_and(|own| values.is_empty() || any(&|value| is(own, value)));
    }
    match key.as_str() {
        // A name that is in no path is the same with a slash.
        "Name" => any(&|value| {
            let plain = |text: &str| text.strip_prefix('/').unwrap_or(text).to_owned();
            let (own, value) = (plain(&of.name), plain(value));
            if option == Some("Contains") { own.contains(&value) } else { is(&own, &value) }
        }),
        "Path" => any(&|value| in_path(&of.name, value, option == Some("Recursive"))),
        "KeyId" => version.key.as_deref().is_some_and(|own| any(&|value| is(own, value))),
        "Type" => any(&|value| is(version.kind.word(), value)),
        "Tier" => any(&|value| is(tier(version.advanced), value)),
        "DataType" => any(&|value| is("text", value)),
        "Label" => any(&|value| version.labels.iter().any(|label| label == value)),
        _ => false,
    }
}

/// # Errors
/// When it is no path.
pub fn check_path(path: &str) -> Result<(), Error> {
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    let is_path = path.strip_prefix('/').is_some_and(|rest| {
        // The root's, or one that may end with a slash.
        rest.is_empty() || rest.strip_suffix('/').unwrap_or(rest).split('/').all(plain)
    });
    if is_path {
        return Ok(());
    }
    Err(Error::Validation(format!(
        "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol \"/\". Valid example: /get/parameters2-/by1./path0_. (Path: {path})"
    )))
}

/// Whether a name is below a path. One without a slash is in the root.
pub fn in_path(name: &str, path: &str, recursive: bool) -> bool {
    let path = path.trim_end_matches('/');
    let below = if path.is_empty() {
        Some(name.strip_prefix('/').unwrap_or(name))
    } else {
        name.strip_prefix(path).and_then(|rest| rest.strip_prefix('/'))
    };
    below.is_some_and(|rest| recursive || !rest.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_may_begin_only_does_so_where_that_is_an_option() {
        let checked = |key: &str, option: &str, value: &str| {
            let filter = Filter { key: key.into(), option: Some(option.into()), values: vec![value.into()] };
            check(&[filter], &["Type", "Label", "Path", "tag:"])
        };
        for key in ["Type", "tag:env"] {
            assert!(checked(key, "BeginsWith", "x").is_ok(), "{key}");
            assert!(matches!(checked(key, "Contains", "x"), Err(Error::InvalidFilterOption(_))), "{key}");
        }
        assert!(matches!(checked("Label", "BeginsWith", "x"), Err(Error::InvalidFilterOption(_))));
        for path in ["/", "/a", "/a/b/"] {
            assert!(checked("Path", "OneLevel", path).is_ok(), "{path}");
        }
        for path in ["", "a", "//", "/a//b", "/###"] {
            assert!(matches!(checked("Path", "OneLevel", path), Err(Error::Validation(_))), "{path}");
        }
    }

    #[test]
    fn paths_have_levels() {
        assert!(in_path("/a/b", "/a", false) && in_path("/a/b", "/a/", false) && in_path("/a/b/c", "/a", true));
        assert!(!in_path("/a/b/c", "/a", false) && !in_path("/ab", "/a", true) && !in_path("/a", "/a", true));
        assert!(in_path("/a", "/", false) && in_path("/a/b", "/", true) && !in_path("/a/b", "/", false));
        assert!(
            in_path("a", "/", false)
                && in_path("a", "/", true)
                && !in_path("a", "/a", true)
                && !in_path("ab", "/a", true)
        );
    }
}
