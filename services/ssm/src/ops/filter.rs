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
            "KeyId" => &["Equals", "BeginsWith"],
            _ => &["Equals"],
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
    if let Some(tag) = key.strip_prefix("tag:") {
        return of.tags.get(tag).is_some_and(|own| values.is_empty() || values.contains(own));
    }
    match key.as_str() {
        // A name that is in no path is the same with a slash.
        "Name" => any(&|value| {
            let plain = |text: &str| text.strip_prefix('/').unwrap_or(text).to_owned();
            let (own, value) = (plain(&of.name), plain(value));
            match option {
                Some("BeginsWith") => own.starts_with(&value),
                Some("Contains") => own.contains(&value),
                _ => own == value,
            }
        }),
        "Path" => any(&|value| in_path(&of.name, value, option == Some("Recursive"))),
        "KeyId" => any(&|value| match (option, &version.key) {
            (Some("BeginsWith"), Some(key)) => key.starts_with(value),
            (_, Some(key)) => key == value,
            (_, None) => false,
        }),
        "Type" => any(&|value| version.kind.word() == value),
        "Tier" => any(&|value| tier(version.advanced) == value),
        "DataType" => any(&|value| value == "text"),
        "Label" => any(&|value| version.labels.iter().any(|label| label == value)),
        _ => false,
    }
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
    fn paths_have_levels() {
        assert!(in_path("/a/b", "/a", false) && in_path("/a/b", "/a/", false) && in_path("/a/b/c", "/a", true));
        assert!(!in_path("/a/b/c", "/a", false) && !in_path("/ab", "/a", true) && !in_path("/a", "/a", true));
        assert!(in_path("/a", "/", false) && in_path("/a/b", "/", true) && !in_path("/a/b", "/", false));
        assert!(in_path("a", "/", false) && in_path("a", "/", true) && !in_path("a", "/a", true) && !in_path("ab", "/a", true));
    }
}
