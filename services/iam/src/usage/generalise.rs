//! From many resources to patterns that have them all: what they have in common, and `*`.

use std::collections::HashMap;

use crate::limits::USAGE_RESOURCE_CHARACTERS_MAX;
use crate::types::Done;

/// Whether `pattern` is the resource, or ends with a `*` and begins it.
pub fn covers(pattern: &str, resource: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => resource.starts_with(prefix),
        None => pattern == resource,
    }
}

/// A resource that is short enough to be kept, or a pattern for it.
pub fn bounded(resource: &str) -> String {
    match resource.char_indices().nth(USAGE_RESOURCE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}*", resource.get(..end).unwrap_or_default()),
        None => resource.to_owned(),
    }
}

/// Everything before the last part of a resource or of a pattern: parts end with `/` and `:`.
pub fn parent(resource: &str) -> &str {
    let inside = resource.strip_suffix('*').unwrap_or(resource);
    let inside = inside.strip_suffix(['/', ':']).unwrap_or(inside);
    inside.rfind(['/', ':']).and_then(|at| inside.get(..=at)).unwrap_or_default()
}

/// Puts rows together until there are at most `most`: first those that have most company under the same parent.
pub fn generalise(rows: &mut Vec<Done>, most: usize) {
    while rows.len() > most {
        let mut under: HashMap<&str, usize> = HashMap::new();
        for row in rows.iter() {
            *under.entry(parent(&row.resource)).or_default() += 1;
        }
        // Of equals, the narrowest; and always the same.
        let busiest = under.into_iter().max_by_key(|(parent, count)| (*count, parent.len(), *parent));
        let Some(busiest) = busiest.map(|(parent, _)| parent.to_owned()) else { return };
        merge(rows, &busiest);
    }
}

/// Makes one row of all under `parent`, and of what that covers beside them.
pub fn merge(rows: &mut Vec<Done>, of: &str) {
    let children: Vec<&str> = rows.iter().map(|row| row.resource.as_str()).filter(|name| parent(name) == of).collect();
    // What their names have in common makes it narrower than their parent alone; one alone is its parent's.
    let prefix = match children.as_slice() {
        [] => return,
        [_] => of.to_owned(),
        [first, rest @ ..] => rest.iter().fold((*first).to_owned(), |prefix, name| common(&prefix, name)),
    };
    let prefix = prefix.trim_end_matches('*');
    let pattern = format!("{prefix}*");
    let (covered, rest): (Vec<Done>, Vec<Done>) =
        std::mem::take(rows).into_iter().partition(|row| covers(&pattern, &row.resource));
    *rows = rest;
    let merged = covered.into_iter().reduce(|a, b| Done {
        resource: String::new(),
        count: a.count + b.count,
        first: a.first.min(b.first),
        last: a.last.max(b.last),
        why: b.why.or(a.why),
    });
    rows.extend(merged.map(|row| Done { resource: pattern, ..row }));
}

fn common(a: &str, b: &str) -> String {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    fn rows(resources: &[&str]) -> Vec<Done> {
        let row = |resource: &&str| Done {
            resource: (*resource).into(),
            count: 1,
            first: Timestamp(1),
            last: Timestamp(2),
            why: None,
        };
        resources.iter().map(row).collect()
    }

    fn generalised(resources: &[&str], most: usize) -> Vec<String> {
        let mut rows = rows(resources);
        generalise(&mut rows, most);
        assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), resources.len() as u64);
        for resource in resources {
            assert!(rows.iter().any(|row| covers(&row.resource, resource)), "{resource} is in none of {rows:?}");
        }
        let mut patterns: Vec<String> = rows.into_iter().map(|row| row.resource).collect();
        patterns.sort();
        patterns
    }

    #[test]
    fn parents() {
        for (resource, expected) in [
            ("arn:aws:s3:::b/a/c", "arn:aws:s3:::b/a/"),
            ("arn:aws:s3:::b/a/*", "arn:aws:s3:::b/"),
            ("arn:aws:s3:::b", "arn:aws:s3:::"),
            ("arn:aws:sqs:r:1:q", "arn:aws:sqs:r:1:"),
            ("*", ""),
        ] {
            assert_eq!(parent(resource), expected);
        }
    }

    #[test]
    fn neighbours_become_a_pattern() {
        let keys = ["arn:aws:s3:::b/in/1", "arn:aws:s3:::b/in/2", "arn:aws:s3:::b/in/3", "arn:aws:s3:::b/x"];
        assert_eq!(generalised(&keys, 4).len(), 4);
        assert_eq!(generalised(&keys, 2), ["arn:aws:s3:::b/in/*", "arn:aws:s3:::b/x"]);
        assert_eq!(generalised(&keys, 1), ["arn:aws:s3:::b/*"]);
        let tables = ["arn:aws:dynamodb:r:1:table/app-a", "arn:aws:dynamodb:r:1:table/app-b", "arn:aws:s3:::b"];
        assert_eq!(generalised(&tables, 2), ["arn:aws:dynamodb:r:1:table/app-*", "arn:aws:s3:::b"]);
        assert_eq!(generalised(&tables, 1), ["arn:aws:*"]);
        assert_eq!(generalised(&["a", "b"], 1), ["*"]);
    }

    #[test]
    fn what_is_long_is_cut() {
        let long = format!("arn:aws:s3:::b/{}", "é".repeat(5_000));
        let kept = bounded(&long);
        assert_eq!(kept.chars().count(), USAGE_RESOURCE_CHARACTERS_MAX + 1);
        assert!(covers(&kept, &long) && !covers(&kept, "arn:aws:s3:::b/e"));
    }
}
