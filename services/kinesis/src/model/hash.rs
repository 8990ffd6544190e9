//! Hash keys: 128-bit numbers, of which each open shard has a range.

use md5::{Digest, Md5};

use crate::error::Error;

/// The hash key that a partition key stands for: its MD5 digest.
pub fn of_partition_key(key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(key).into())
}

/// A hash key that was given.
///
/// # Errors
/// For a number of more than 128 bits.
pub fn explicit(text: &str) -> Result<u128, Error> {
    text.parse().map_err(|_| {
        Error::InvalidArgument(format!(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {text}"
        ))
    })
}

/// The first and the last of a range, by its place among `count` of the same size; the last range has what division leaves over.
pub fn uniform(count: u64, index: u64) -> (u128, u128) {
    let count = u128::from(count.max(1));
    // The whole division of 2^128, which itself is no 128-bit number.
    let step = u128::MAX / count + u128::from(count > 1 && u128::MAX % count == count - 1);
    let first = step.saturating_mul(u128::from(index));
    let last = if u128::from(index) + 1 >= count { u128::MAX } else { first.saturating_add(step - 1) };
    (first, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_aws() {
        let ranges = |count| (0..count).map(|index| uniform(count, index)).collect::<Vec<_>>();
        assert_eq!(ranges(1), [(0, u128::MAX)]);
        assert_eq!(ranges(2), [(0, (1 << 127) - 1), (1 << 127, u128::MAX)]);
        let third = 113_427_455_640_312_821_154_458_202_477_256_070_485;
        assert_eq!(ranges(3), [(0, third - 1), (third, 2 * third - 1), (2 * third, u128::MAX)]);
        assert!(ranges(10_000).windows(2).all(|pair| pair[0].1 + 1 == pair[1].0));
    }

    #[test]
    fn keys_are_hashed_as_by_aws() {
        // The example of RFC 1321 for "a".
        assert_eq!(of_partition_key("a"), 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661);
        assert_eq!(explicit("340282366920938463463374607431768211455").unwrap(), u128::MAX);
        let error = explicit("340282366920938463463374607431768211456").unwrap_err().to_string();
        assert!(error.ends_with("Specified value was 340282366920938463463374607431768211456"), "{error}");
    }
}
