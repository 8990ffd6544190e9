//! Shard iterators: where reading goes on, and since when. Opaque to clients; who makes one up reads nothing that
//! permission for the stream does not give.

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, BufMut};

use crate::error::Error;
use crate::keys::{ShardIndex, StreamId};
use crate::limits::ITERATOR_LIFETIME;

const VERSION: u64 = 1;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardIterator {
    pub region: String,
    pub stream: String,
    pub id: StreamId,
    pub shard: ShardIndex,
    /// The number of the next record; zero is the oldest that there is.
    pub next: u64,
    pub issued: Timestamp,
}

impl ShardIterator {
    pub fn to_text(&self) -> String {
        let mut bytes = Vec::new();
        for number in [VERSION, self.id, self.next, self.issued.as_millis()] {
            bytes.put_u64(number);
        }
        bytes.put_u32(self.shard);
        bytes.put_slice(format!("{}/{}", self.region, self.stream).as_bytes());
        STANDARD.encode(bytes)
    }

    /// Some clients send it in the quotes of the JSON that they found it in, which AWS overlooks.
    pub fn parse(text: &str) -> Result<ShardIterator, Error> {
        let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let bytes = STANDARD.decode(quoted.unwrap_or(text)).ok();
        bytes.and_then(|bytes| read(&bytes)).ok_or_else(|| Error::InvalidArgument("Invalid ShardIterator.".into()))
    }

    /// # Errors
    /// `ExpiredIterator`.
    pub fn check_age(&self, now: Timestamp) -> Result<(), Error> {
        if self.issued + ITERATOR_LIFETIME >= now {
            return Ok(());
        }
        let shown = |moment: Timestamp| moment.utc().strftime("%a %b %d %H:%M:%S UTC %Y").to_string();
        Err(Error::ExpiredIterator(format!(
            "Iterator expired. The iterator was created at time {} while right now it is {} which is further in the future than the tolerated delay of {} milliseconds.",
            shown(self.issued),
            shown(now),
            ITERATOR_LIFETIME.as_millis()
        )))
    }
}

fn read(mut bytes: &[u8]) -> Option<ShardIterator> {
    if bytes.try_get_u64().ok()? != VERSION {
        return None;
    }
    let id = bytes.try_get_u64().ok()?;
    let next = bytes.try_get_u64().ok()?;
    let issued = Timestamp(bytes.try_get_u64().ok()?);
    let shard = bytes.try_get_u32().ok()?;
    let (region, stream) = std::str::from_utf8(bytes).ok()?.split_once('/')?;
    Some(ShardIterator { region: region.into(), stream: stream.into(), id, shard, next, issued })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn iterators_round_trip_and_expire() {
        let iterator = ShardIterator {
            region: "r".into(),
            stream: "s".into(),
            id: 7,
            shard: 3,
            next: u64::MAX,
            issued: Timestamp::from_secs(1_421_889_722),
        };
        let text = iterator.to_text();
        assert_eq!(ShardIterator::parse(&text).unwrap(), iterator);
        assert_eq!(ShardIterator::parse(&format!("\"{text}\"")).unwrap(), iterator);
        for invalid in ["", "x", "AAAA", "\"", &text[4..]] {
            assert!(matches!(ShardIterator::parse(invalid), Err(Error::InvalidArgument(_))), "{invalid}");
        }
        let in_time = iterator.issued + ITERATOR_LIFETIME;
        assert!(iterator.check_age(in_time).is_ok());
        let error = iterator.check_age(in_time + Duration::from_secs(1)).unwrap_err().to_string();
        assert!(
            error.contains("created at time Thu Jan 22 01:22:02 UTC 2015 while right now it is Thu Jan 22"),
            "{error}"
        );
    }
}
