//! Pages of lists: `Marker`, `MaxItems`, `IsTruncated`.

use serde::Deserialize;

use crate::error::Error;
use crate::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_RANGE};
use crate::ops::check;

/// A part of a list, and where the next part begins.
#[derive(Debug, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The key of the last item, when there are more.
    pub marker: Option<String>,
}

impl<T> Page<T> {
    pub fn is_truncated(&self) -> bool {
        self.marker.is_some()
    }

    /// The page with something else in the place of each item.
    pub fn try_map<U>(self, of: impl FnMut(T) -> Result<U, Error>) -> Result<Page<U>, Error> {
        let items = self.items.into_iter().map(of).collect::<Result<_, _>>()?;
        Ok(Page { items, marker: self.marker })
    }

    pub fn map<U>(self, of: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(of).collect(), marker: self.marker }
    }
}

/// A request for a list of what has paths.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PathInput {
    pub path_prefix: String,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

impl PathInput {
    /// A page of those of `rows` that are under the request's path.
    pub fn page<T>(
        &self,
        rows: impl Iterator<Item = Result<(String, T), kv::Error>>,
        path: impl Fn(&T) -> &str,
    ) -> Result<Page<T>, Error> {
        let is_under = |row: &Result<(String, T), Error>| match row {
            Ok((_, item)) => path(item).starts_with(&self.path_prefix),
            Err(_) => true,
        };
        page(rows.map(|row| row.map_err(Error::from)).filter(is_under), self.marker.as_deref(), self.max_items)
    }
}

/// A request for a list of what a user, role or group has.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OfInput {
    #[serde(alias = "UserName", alias = "RoleName", alias = "GroupName")]
    pub name: String,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

/// The answer to a request for a list: a page, under the name that the operation has for it.
macro_rules! list_output {
    ($name:ident { $(#[$attribute:meta])* $items:ident: $item:ty }) => {
        #[derive(serde::Serialize)]
        #[serde(rename_all = "PascalCase")]
        pub struct $name {
            $(#[$attribute])*
            pub $items: Vec<$item>,
            pub is_truncated: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            pub marker: Option<String>,
        }

        impl From<$crate::ops::page::Page<$item>> for $name {
            fn from(page: $crate::ops::page::Page<$item>) -> $name {
                $name { is_truncated: page.is_truncated(), $items: page.items, marker: page.marker }
            }
        }
    };
}
pub(crate) use list_output;

/// Takes a page of `rows`, which are in the order of their keys.
pub fn page<T>(
    rows: impl Iterator<Item = Result<(String, T), Error>>,
    marker: Option<&str>,
    max_items: Option<i64>,
) -> Result<Page<T>, Error> {
    let limit = check::number("maxItems", max_items.unwrap_or(PAGE_ITEMS_DEFAULT), &PAGE_ITEMS_RANGE)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut page = Page { items: Vec::new(), marker: None };
    let mut last = None;
    for row in rows {
        let (key, item) = row?;
        if marker.is_some_and(|marker| key.as_str() <= marker) {
            continue;
        }
        if page.items.len() == limit {
            page.marker = last;
            break;
        }
        page.items.push(item);
        last = Some(key);
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let rows = || ["a", "b", "c"].into_iter().map(|key| Ok((key.to_owned(), key)));
        let first = page(rows(), None, Some(2)).unwrap();
        assert_eq!(first, Page { items: vec!["a", "b"], marker: Some("b".into()) });
        let second = page(rows(), first.marker.as_deref(), Some(2)).unwrap();
        assert_eq!(second, Page { items: vec!["c"], marker: None });
        assert_eq!(page(rows(), None, Some(3)).unwrap().marker, None);
        assert!(page(rows(), None, Some(0)).is_err());
    }
}
