//! Pages of lists: `Marker`, `MaxItems`, `IsTruncated`.

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
}

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
