//! `*` stands for any text; a backslash takes an asterisk, or a backslash, as itself.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-wildcard-matching>

use std::collections::{BTreeMap, HashSet};

use crate::Invalid;

/// How many beginnings of the wildcards at one path a text may match at once. AWS publishes no number; it refuses
/// `*:*:*:*:*:event-bus/*`, with 11, and takes what the README of event-ruler calls a sensible limit for one rule.
const COMPLEXITY_MAX: usize = 10;
/// Beginnings that are followed, of all wildcards of a pattern together, before it counts as too complex. Ordinary ones
/// take less than twenty for each of their characters.
pub const WORK_MAX: usize = 200_000;

/// The texts between the asterisks; without an asterisk there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wildcard(Vec<String>);

impl Wildcard {
    pub fn parse(text: &str) -> Result<Wildcard, Invalid> {
        let mut parts = vec![String::new()];
        let mut characters = text.char_indices().peekable();
        // Positions count bytes, and the quote in front.
        while let Some((place, character)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            match (character, next) {
                ('*', Some('*')) => {
                    return Invalid::new(format!("Consecutive wildcard characters at pos {}", place + 1));
                }
                ('*', _) => parts.push(String::new()),
                ('\\', Some(escaped @ ('*' | '\\'))) => {
                    characters.next();
                    push(&mut parts, escaped);
                }
                ('\\', _) => return Invalid::new(format!("Invalid escape character at pos {}", place + 1)),
                (other, _) => push(&mut parts, other),
            }
        }
        Ok(Wildcard(parts))
    }

    /// The parts between are looked for from left to right, which is enough: the first place where a part is found
    /// leaves the most for the rest.
    pub fn matches(&self, text: &str) -> bool {
        let (first, rest) = match self.0.as_slice() {
            [] => return false,
            [only] => return only == text,
            [first, rest @ ..] => (first, rest),
        };
        let (Some(mut text), Some((last, between))) = (text.strip_prefix(first.as_str()), rest.split_last()) else {
            return false;
        };
        for part in between {
            let Some((_, after)) = text.split_once(part.as_str()) else { return false };
            text = after;
        }
        text.ends_with(last.as_str())
    }

    /// What every text that matches begins with.
    pub fn head(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// The pattern's characters; `None` is an asterisk.
    fn characters(&self) -> Vec<Option<char>> {
        let mut characters = Vec::new();
        for (place, part) in self.0.iter().enumerate() {
            characters.extend((place > 0).then_some(None));
            characters.extend(part.chars().map(Some));
        }
        characters
    }
}

fn push(parts: &mut [String], character: char) {
    if let Some(part) = parts.last_mut() {
        part.push(character);
    }
}

/// Refuses wildcards that could make one text match too many of their beginnings at once, which is what the work of
/// matching grows with. Finding that out takes from `work`.
pub fn check_complexity<'a>(wildcards: impl Iterator<Item = &'a Wildcard>, work: &mut usize) -> Result<(), Invalid> {
    let patterns: Vec<Vec<Option<char>>> = wildcards.map(Wildcard::characters).collect();
    if complexity(&patterns, work) > COMPLEXITY_MAX {
        return Invalid::new(
            "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character",
        );
    }
    Ok(())
}

/// A pattern, and how many of its characters a text has matched.
type Beginning = (usize, usize);

/// The most beginnings that one text matches, found by following every set of them; one above the limit where it is more,
/// or the work was not enough.
fn complexity(patterns: &[Vec<Option<char>>], work: &mut usize) -> usize {
    if patterns.iter().all(|pattern| !pattern.contains(&None)) {
        return 0;
    }
    let start = closed(patterns, (0..patterns.len()).map(|pattern| (pattern, 0)));
    let (mut seen, mut waiting, mut most) = (HashSet::from([start.clone()]), vec![start], 0);
    while let Some(set) = waiting.pop() {
        most = most.max(set.iter().filter(|(_, taken)| *taken > 0).count());
        if most > COMPLEXITY_MAX {
            return COMPLEXITY_MAX + 1;
        }
        for next in following(patterns, &set) {
            let Some(left) = work.checked_sub(next.len()) else { return COMPLEXITY_MAX + 1 };
            *work = left;
            if !next.is_empty() && seen.insert(next.clone()) {
                waiting.push(next);
            }
        }
    }
    most
}

/// The sets that one more character leads to. After an asterisk every one is taken; beyond that a beginning goes on with
/// the one that comes next in it, so that all characters which come next nowhere in the set lead to the same.
fn following(patterns: &[Vec<Option<char>>], set: &[Beginning]) -> Vec<Vec<Beginning>> {
    let at = |pattern: usize, place: usize| patterns.get(pattern).and_then(|pattern| pattern.get(place));
    let stays = |(pattern, taken): &Beginning| taken.checked_sub(1).and_then(|last| at(*pattern, last)) == Some(&None);
    let staying: Vec<Beginning> = set.iter().copied().filter(stays).collect();
    let mut going: BTreeMap<char, Vec<Beginning>> = BTreeMap::new();
    for (pattern, taken) in set {
        if let Some(Some(next)) = at(*pattern, *taken) {
            going.entry(*next).or_default().push((*pattern, taken + 1));
        }
    }
    let going = going.into_values().map(|on| closed(patterns, on.into_iter().chain(staying.iter().copied())));
    going.chain([closed(patterns, staying.iter().copied())]).collect()
}

/// With every beginning that differs by an asterisk which takes nothing.
fn closed(patterns: &[Vec<Option<char>>], set: impl Iterator<Item = Beginning>) -> Vec<Beginning> {
    let mut all = Vec::new();
    for (pattern, taken) in set {
        all.push((pattern, taken));
        if patterns.get(pattern).and_then(|pattern| pattern.get(taken)) == Some(&None) {
            all.push((pattern, taken + 1));
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Wildcard::parse(pattern).unwrap().matches(text)
    }

    #[test]
    fn asterisks_stand_for_any_text() {
        for (pattern, text) in [("*", ""), ("a*", "abc"), ("*c", "abc"), ("a*c", "ac"), ("a*b*c", "axbxbc"), ("", "")] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a*a", "a"), ("a*b*c", "acb"), ("ab", "abc"), ("*x*", "abc")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        assert!(matches(r"a\*b\\*", r"a*b\c"));
        assert!(!matches(r"a\*b", "axb"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let reason = |pattern| Wildcard::parse(pattern).unwrap_err().0;
        assert_eq!(reason("arn:aws:events:us-east-1:**:event-bus/*"), "Consecutive wildcard characters at pos 26");
        assert_eq!(reason(r"a\b"), "Invalid escape character at pos 2");
        assert_eq!(reason(r"a\"), "Invalid escape character at pos 2");
    }

    #[test]
    fn complexity_counts_beginnings_that_match_together() {
        let of = |patterns: &[&str]| {
            let all: Vec<_> = patterns.iter().map(|text| Wildcard::parse(text).unwrap().characters()).collect();
            complexity(&all, &mut WORK_MAX.clone())
        };
        // The numbers are event-ruler's for the same patterns.
        for (pattern, expected) in
            [("*aa", 3), ("a*bb", 3), ("a*bcb", 3), ("a*bbb", 4), ("a*b*bb", 5), ("*ab*b*b*", 7), ("*aba*", 4)]
        {
            assert_eq!(of(&[pattern]), expected, "{pattern}");
        }
        assert_eq!(of(&["ab*c", "x*xx"]), 3);
        assert_eq!(of(&["*:*:*:*:*:event-bus/*"]), COMPLEXITY_MAX + 1);
        assert!(of(&["/Users/*/dir/dir/dir/dir/dir/doc.txt"]) <= COMPLEXITY_MAX);
    }
    #[test]
    fn complexity_costs_little_however_many_characters_there_are() {
        let characters: String = ('\u{4e00}'..).take(3_900).collect();
        for hostile in [format!("*{characters}"), format!("{characters}*"), format!("*{characters}*")] {
            let mut work = WORK_MAX;
            check_complexity([Wildcard::parse(&hostile).unwrap()].iter(), &mut work).unwrap();
            assert!(WORK_MAX - work < 20 * 3_900, "{}", WORK_MAX - work);
        }
        // All wildcards of a pattern take from the same.
        assert!(check_complexity([Wildcard::parse("*abcdefgh").unwrap()].iter(), &mut 20).is_err());
    }
}
