//! ListSecrets.
//!
//! Source: <https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_search-secret.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};

use super::secret::Described;
use super::{after, page_size, token};
use crate::SecretsManager;
use crate::error::Error;
use crate::limits;
use crate::model::secret;
use crate::types::Secret;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Filter {
    pub key: String,
    pub values: Vec<String>,
}

const KEYS: [&str; 7] = ["description", "name", "tag-key", "tag-value", "primary-region", "owning-service", "all"];

/// # Errors
/// For keys that there are not, and for too many.
pub fn check_filters(filters: &[Filter]) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    for (index, filter) in (1..).zip(filters) {
        constraints.one_of(Some(&filter.key), &format!("filters.{index}.member.key"), &KEYS);
    }
    constraints.check()?;
    let fits = filters.len() <= limits::FILTERS_MAX;
    if fits && filters.iter().all(|filter| (1..=limits::FILTERS_MAX).contains(&filter.values.len())) {
        return Ok(());
    }
    Err(Error::InvalidParameter(format!(
        "There are at most {0} filters, each with 1 to {0} values.",
        limits::FILTERS_MAX
    )))
}

/// Whether every filter chooses a secret.
pub fn matches(secret: &Secret, filters: &[Filter]) -> bool {
    filters.iter().all(|filter| one_matches(secret, filter))
}

/// One of a filter's values has to match: `!` before it turns that round.
fn one_matches(secret: &Secret, filter: &Filter) -> bool {
    filter.values.iter().any(|value| match value.strip_prefix('!') {
        Some(value) => !has(secret, &filter.key, value),
        None => has(secret, &filter.key, value),
    })
}

/// Names and tags begin with the value, with its case; in a description a word begins with it, and in any of them where all is
/// searched, without.
fn has(secret: &Secret, key: &str, value: &str) -> bool {
    let words = |text: &str, value: &str| {
        let value = value.to_lowercase();
        value.split_whitespace().all(|wanted| {
            text.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|word| word.starts_with(wanted))
        })
    };
    let description = secret.description.as_deref().unwrap_or_default();
    match key {
        "name" => secret.name.starts_with(value),
        "description" => words(description, value),
        "tag-key" => secret.tags.keys().any(|tag| tag.starts_with(value)),
        "tag-value" => secret.tags.values().any(|tag| tag.starts_with(value)),
        "all" => {
            let texts = [&*secret.name, description];
            let tags = secret.tags.iter().flat_map(|(key, value)| [&**key, &**value]);
            texts
                .into_iter()
                .chain(tags)
                .any(|text| words(text, value) || text.to_lowercase().starts_with(&value.to_lowercase()))
        }
        // There are no replicas, and no secrets of services.
        _ => false,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub include_planned_deletion: Option<bool>,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
    pub filters: Vec<Filter>,
    pub sort_order: Option<String>,
    pub sort_by: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    #[serde(flatten)]
    pub secret: Described,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_versions_to_stages: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub secret_list: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What a secret is sorted by, and its name, so that each has a place of its own.
fn place(secret: &Secret, by: &str) -> (u64, String) {
    let moment = match by {
        "created-date" => Some(secret.created),
        "last-accessed-date" => secret.accessed,
        "last-changed-date" => Some(secret.changed),
        _ => None,
    };
    (moment.map_or(0, |moment| moment.as_millis()), secret.name.clone())
}

pub async fn list(_: Arc<SecretsManager>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.one_of(input.sort_order.as_deref(), "sortOrder", &["asc", "desc"]);
    let orders = ["created-date", "last-accessed-date", "last-changed-date", "name"];
    constraints.one_of(input.sort_by.as_deref(), "sortBy", &orders);
    constraints.check()?;
    check_filters(&input.filters)?;
    let size = page_size(input.max_results, &limits::PAGE_RANGE, limits::PAGE)?;
    let after = after(input.next_token.as_deref())?;
    let after = after.as_deref().map(|text| text.split_once(' ').ok_or(Error::InvalidNextToken)).transpose()?;
    let after = match after {
        Some((moment, name)) => Some((moment.parse().map_err(|_| Error::InvalidNextToken)?, name.to_owned())),
        None => None,
    };
    let by = input.sort_by.as_deref().unwrap_or("created-date");
    let ascending = input.sort_order.as_deref() != Some("desc");
    let comes_later = |a: &(u64, String), b: &(u64, String)| if ascending { a > b } else { a < b };
    let (read, mut page): (_, Vec<((u64, String), Secret)>) = (cx.db().read()?, Vec::new());
    let mut more = false;
    for found in secret::scan(&read, cx.region().as_str(), None)?.values() {
        let found = found?;
        let planned = found.deletion.is_some() && input.include_planned_deletion != Some(true);
        let own = place(&found, by);
        if planned || !matches(&found, &input.filters) || after.as_ref().is_some_and(|after| !comes_later(&own, after))
        {
            continue;
        }
        // As many as a page has are kept: there may be a great many secrets.
        let index = page.partition_point(|(other, _)| comes_later(&own, other));
        page.insert(index, (own, found));
        if page.len() > size {
            page.pop();
            more = true;
        }
    }
    let next_token = page.last().map(|((moment, name), _)| token(&format!("{moment} {name}"))).filter(|_| more);
    let listed = |secret: Secret| Listed { secret: Described::new(&secret), secret_versions_to_stages: secret.stages };
    Ok(ListOutput { secret_list: page.into_iter().map(|(_, secret)| listed(secret)).collect(), next_token })
}
