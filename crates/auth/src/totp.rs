//! Codes of authenticators, which change with the time.
//!
//! Source: RFC 6238 with SHA-1, steps of 30 seconds and six digits, which is what authenticators take for granted.

use base::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;

pub const STEP_SECONDS: u64 = 30;
pub const SECRET_BYTES: usize = 20;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The step of time that it is.
pub fn current_step(now: Timestamp) -> u64 {
    now.as_secs() / STEP_SECONDS
}

/// Whether this is the code of a step.
pub fn is_code(secret: &[u8], step: u64, code: &str) -> bool {
    self::code(secret, step).as_bytes().ct_eq(code.as_bytes()).into()
}

/// The step of time whose code this is, one before or after now at most, and later than `last`; `None` where it is none.
pub fn step_of(secret: &[u8], code: &str, now: Timestamp, last: u64) -> Option<u64> {
    let current = current_step(now);
    let steps = current.saturating_sub(1)..=current + 1;
    steps.filter(|step| *step > last).find(|step| is_code(secret, *step, code))
}

/// Source: RFC 4226, section 5.3.
fn code(secret: &[u8], step: u64) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else { return String::new() };
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest.last().copied().unwrap_or_default() & 0xf);
    let bytes = digest.get(offset..offset + 4).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
    format!("{:06}", (u32::from_be_bytes(bytes) & 0x7fff_ffff) % 1_000_000)
}

/// A secret as authenticators take it. Its length is a multiple of five bytes, so there is no padding.
///
/// Source: RFC 4648, section 6.
pub fn base32(secret: &[u8]) -> String {
    let digits = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        (0..8).rev().filter_map(move |digit| usize::try_from(bits >> (digit * 5) & 31).ok()).collect::<Vec<_>>()
    };
    let digits = secret.chunks_exact(5).flat_map(digits);
    digits.filter_map(|digit| BASE32.get(digit)).map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 6238, appendix B, with their last six digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = b"12345678901234567890";
        for (seconds, expected) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(code(secret, seconds / STEP_SECONDS), expected);
            let now = Timestamp::from_secs(seconds);
            assert_eq!(step_of(secret, expected, now, 0), Some(seconds / STEP_SECONDS));
            assert_eq!(step_of(secret, expected, now, seconds / STEP_SECONDS), None, "not twice");
            assert_eq!(step_of(secret, expected, now + std::time::Duration::from_secs(90), 0), None);
        }
        assert_eq!(base32(b"12345678901234567890"), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }
}
