//! What the caller may have meant.

/// Names longer than this are not worth comparing, and comparing costs time by the square.
const NAME_BYTES_MAX: usize = 64;

/// The candidate most like `name`, when it is like enough to be a slip.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let candidates = candidates.into_iter().map(|candidate| (distance(name, candidate), candidate));
    candidates.min().filter(|(distance, _)| *distance <= name.len() / 3).map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, of ASCII letters without regard to case.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<u8> = b.bytes().map(|byte| byte.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().map(|byte| byte.to_ascii_lowercase()).enumerate() {
        let (mut diagonal, mut left) = (i, i + 1);
        for (y, above) in b.iter().zip(row.iter_mut().skip(1)) {
            let here = (diagonal + usize::from(x != *y)).min(left + 1).min(*above + 1);
            diagonal = std::mem::replace(above, here);
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let names = ["SendMessage", "SendMessageBatch", "ReceiveMessage", "PurgeQueue"];
        assert_eq!(nearest("SendMesage", names), Some("SendMessage"));
        assert_eq!(nearest("sendmessagebatch", names), Some("SendMessageBatch"));
        assert_eq!(nearest("DescribeInstances", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), names), None);
        assert_eq!((distance("kitten", "sitting"), distance("", "abc"), distance("abc", "")), (3, 3, 3));
    }
}
