//! Sequence numbers and the names of shards.
//!
//! A sequence number is a decimal number with 56 digits, made as AWS makes it, so that numbers order within a shard and
//! a child shard's come after its parents'. In hexadecimal digits, the highest first: `2`, 9 of the second that the
//! shard was made in, 1 of the shard's index, 16 of the record's number, 2 zeros, 9 of the second that the record
//! arrived in, 8 of the shard's index, `2`.

use std::fmt;

use base::Timestamp;
use ethnum::U256;

use crate::keys::ShardIndex;

/// The first record of a shard; zero is the shard's own beginning.
pub const FIRST: u64 = 1;
/// The number in the sequence number at which a shard ended.
pub const LAST: u64 = i64::MAX as u64;
/// What comes first and last.
const MARK: u32 = 2;
/// Bits of seconds: nine digits.
const SECONDS_BITS: u32 = 36;
/// Seconds beyond which AWS takes a number for an invalid one.
const SECONDS_MAX: u64 = 16_025_175_000;
/// The highest index that a shard's name may have.
const INDEX_MAX: ShardIndex = i32::MAX as ShardIndex;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// The shard's.
    pub epoch: u64,
    pub shard: ShardIndex,
    pub number: u64,
    /// Seconds.
    pub at: u64,
}

impl Sequence {
    pub fn new(epoch: u64, shard: ShardIndex, number: u64, at: Timestamp) -> Sequence {
        Sequence { epoch, shard, number, at: at.as_secs() }
    }

    /// `None` for a number that is not made so.
    pub fn parse(text: &str) -> Option<Sequence> {
        let mut rest: U256 = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        let mut take = |bits: u32| {
            let low = (rest & ((U256::ONE << bits) - U256::ONE)).as_u64();
            rest >>= bits;
            low
        };
        let version = take(4);
        let shard = take(32);
        let at = take(SECONDS_BITS);
        let _zeros = take(8);
        let number = take(64);
        let _low_shard = take(4);
        let epoch = take(SECONDS_BITS);
        let is_valid = rest == U256::from(MARK)
            && version == u64::from(MARK)
            && number <= LAST
            && epoch < SECONDS_MAX
            && shard <= u64::from(INDEX_MAX);
        is_valid.then_some(Sequence { epoch, shard: shard as ShardIndex, number, at })
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = U256::from(MARK);
        let mut put = |bits: u32, value: u64| {
            let kept = U256::from(value) & ((U256::ONE << bits) - U256::ONE);
            all = (all << bits) | kept;
        };
        put(SECONDS_BITS, self.epoch);
        put(4, u64::from(self.shard));
        put(64, self.number);
        put(8, 0);
        put(SECONDS_BITS, self.at);
        put(32, u64::from(self.shard));
        put(4, u64::from(MARK));
        all.fmt(f)
    }
}

/// `shardId-000000000000`.
pub fn shard_id(index: ShardIndex) -> String {
    format!("shardId-{index:012}")
}

/// The index that a shard's name ends with; like AWS, whatever the name begins with, and with or without zeros.
pub fn shard_index(id: &str) -> Option<ShardIndex> {
    let digits = id.split('-').nth(1).unwrap_or(id);
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|index| all_digits && *index <= INDEX_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_look_as_those_of_aws() {
        let sequence = Sequence::new(1_441_215_410, 1, 7, Timestamp::from_secs(1_441_215_500));
        let text = sequence.to_string();
        let hex = format!("{:x}", text.parse::<U256>().unwrap());
        assert_eq!(hex, "2055e733b21000000000000000700055e7340c000000012");
        assert_eq!((text.len(), &text[..4]), (56, "4955"));
        for invalid in ["", "0", "5", "-1", "x", &"9".repeat(56), &text[1..], &"1".repeat(90)] {
            assert_eq!(Sequence::parse(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn names_of_shards_are_read_leniently() {
        assert_eq!(shard_id(5), "shardId-000000000005");
        for id in ["shardId-000000000005", "shardId-5", "5", "x-5-y", "-5"] {
            assert_eq!(shard_index(id), Some(5), "{id}");
        }
        for id in ["", "x", "shardId-", "2147483648", "shardId-+5", "2.14E4"] {
            assert_eq!(shard_index(id), None, "{id}");
        }
    }

    fn sequence() -> impl Strategy<Value = Sequence> {
        (0..SECONDS_MAX, 0..=INDEX_MAX, 0..=LAST, 0..1u64 << SECONDS_BITS)
            .prop_map(|(epoch, shard, number, at)| Sequence { epoch, shard, number, at })
    }

    proptest! {
        #[test]
        fn numbers_round_trip_and_order(one in sequence(), number in 0..=LAST) {
            let text = one.to_string();
            prop_assert_eq!(Sequence::parse(&text), Some(one));
            let other = Sequence { number, ..one };
            let value = |text: &str| text.parse::<U256>().unwrap();
            prop_assert_eq!(value(&text).cmp(&value(&other.to_string())), one.number.cmp(&number));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9x-]{0,60}") {
            if let Some(sequence) = Sequence::parse(&text) {
                prop_assert_eq!(sequence.to_string(), text);
            }
        }
    }
}
