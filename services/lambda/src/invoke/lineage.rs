//! On whose behalf a function runs: the trace header that goes along from call to call, and how often each function is in
//! it. A function that has called itself too often, by way of queues or other functions, is stopped.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>,
//! <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>

use base::Arn;
use service::Cx;
use sha2::{Digest, Sha256};

/// Functions that a header remembers: those that were in it longest are forgotten.
const FUNCTIONS_MAX: usize = 32;

const LINEAGE: &str = "Lineage";

/// The header of an invocation, and how often the function has run in its chain, this time included.
pub fn extend(cx: &Cx, function: &Arn) -> (String, u32) {
    let header = cx.trace().unwrap_or_default();
    let id: String = hex::encode(Sha256::digest(function.to_string())).chars().take(8).collect();
    let mut entries = entries(header);
    let before = entries.iter().position(|(name, _)| *name == id).map(|place| entries.remove(place).1);
    let count = before.unwrap_or(0).saturating_add(1);
    entries.push((&id, count));
    let forgotten = entries.len().saturating_sub(FUNCTIONS_MAX);
    let lineage: Vec<String> = entries.iter().skip(forgotten).map(|(name, count)| format!("{name}:{count}")).collect();
    let (root, parent) = (field(header, "Root").map_or_else(|| root(cx), str::to_owned), field(header, "Parent"));
    let parent = parent.map(|parent| format!(";Parent={parent}")).unwrap_or_default();
    let sampled = field(header, "Sampled").unwrap_or("0");
    (format!("Root={root}{parent};Sampled={sampled};{LINEAGE}={}", lineage.join("|")), count)
}

/// Of several headers, the one with the longest chain.
pub fn longest<'a>(headers: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    headers.max_by_key(|header| entries(header).iter().map(|(_, count)| *count).max())
}

fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The functions in a header, each with how often it has run.
fn entries(header: &str) -> Vec<(&str, u32)> {
    let entries = field(header, LINEAGE).unwrap_or_default().split('|');
    entries
        .filter_map(|entry| entry.rsplit_once(':').and_then(|(name, count)| Some((name, count.parse().ok()?))))
        .collect()
}

/// A new root: its version, the second, and 96 bits of its own.
fn root(cx: &Cx) -> String {
    let own: String = cx.env().uuid().replace('-', "").chars().take(24).collect();
    format!("1-{:08x}-{own}", cx.now().as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_chain_is_found() {
        let headers = ["Root=1;Lineage=a:2|b:9", "Root=2;Sampled=1", "Lineage=c:10", "Lineage=x", ""];
        assert_eq!(longest(headers.into_iter()), Some("Lineage=c:10"));
        assert_eq!(longest(std::iter::empty()), None);
        assert_eq!(entries("Root=1;Lineage=a:2|b:9|broken|c:x"), [("a", 2), ("b", 9)]);
        assert_eq!((field("Root=1; Sampled=0", "Sampled"), field("Roots=1", "Root")), (Some("0"), None));
    }
}
