//! Receipt handles: which message, in which queue, and which of its receives.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::Error;
use crate::keys::{QueueId, Sequence};

/// Opaque to clients: the base64 of its three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub queue: QueueId,
    pub sequence: Sequence,
    /// How often the message had been received, this receive included.
    pub received: u64,
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = [self.queue, self.sequence, self.received].map(u64::to_be_bytes);
        f.write_str(&URL_SAFE_NO_PAD.encode(numbers.as_flattened()))
    }
}

impl FromStr for Receipt {
    type Err = Error;

    fn from_str(text: &str) -> Result<Receipt, Error> {
        let invalid = || Error::ReceiptHandleIsInvalid(text.to_owned());
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let (numbers, rest) = bytes.as_chunks::<8>();
        match (numbers, rest) {
            ([queue, sequence, received], []) => Ok(Receipt {
                queue: u64::from_be_bytes(*queue),
                sequence: u64::from_be_bytes(*sequence),
                received: u64::from_be_bytes(*received),
            }),
            _ => Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_refuses_everything_else() {
        let receipt = Receipt { queue: 1, sequence: u64::MAX, received: 3 };
        assert_eq!(receipt.to_string().parse::<Receipt>().unwrap(), receipt);
        for text in ["", "x", "AAAA", "ä", &receipt.to_string()[1..]] {
            assert!(matches!(text.parse::<Receipt>(), Err(Error::ReceiptHandleIsInvalid(_))), "{text}");
        }
    }
}
