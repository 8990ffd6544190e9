//! From when until when a certificate holds, out of its DER (RFC 5280, 4.1.2.5).

use base::Timestamp;

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version, which the first version has not.
const VERSION: u8 = 0xa0;

/// "No well-defined end" is written as 99991231235959Z (RFC 5280, 4.1.2.5), which is the last second there is.
const NO_END: &str = "9999";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Validity {
    /// `None` when that is no certificate.
    pub fn of(der: &[u8]) -> Option<Validity> {
        let mut rest = der;
        let mut certificate = take(&mut rest, SEQUENCE)?;
        let mut signed = take(&mut certificate, SEQUENCE)?;
        if signed.first() == Some(&VERSION) {
            take(&mut signed, VERSION)?;
        }
        take(&mut signed, INTEGER)?;
        // The algorithm, and the issuer.
        take(&mut signed, SEQUENCE)?;
        take(&mut signed, SEQUENCE)?;
        let mut validity = take(&mut signed, SEQUENCE)?;
        Some(Validity { from: time(&mut validity)?, until: time(&mut validity)? })
    }
}

/// The content of the next element, which has to have this tag.
fn take<'d>(rest: &mut &'d [u8], tag: u8) -> Option<&'d [u8]> {
    let (first, after) = rest.split_first()?;
    let (length, after) = length(after)?;
    let (content, after) = after.split_at_checked(length)?;
    *rest = after;
    (*first == tag).then_some(content)
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    const LONG: u8 = 0x80;
    let (first, rest) = bytes.split_first()?;
    if *first < LONG {
        return Some((usize::from(*first), rest));
    }
    let (digits, rest) = rest.split_at_checked(usize::from(*first & !LONG))?;
    // Four bytes are more than any certificate has.
    let is_sane = (1..=4).contains(&digits.len());
    is_sane.then(|| (digits.iter().fold(0, |sum, digit| (sum << 8) | usize::from(*digit)), rest))
}

fn time(rest: &mut &[u8]) -> Option<Timestamp> {
    let tag = *rest.first()?;
    let text = std::str::from_utf8(take(rest, tag)?).ok()?;
    let text = match tag {
        // Years below 50 are of this century.
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    if text.starts_with(NO_END) {
        return Some(Timestamp::from_secs(253_402_300_799));
    }
    let part = |from: usize, to: usize| text.get(from..to);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    if part(14, text.len())? != "Z" {
        return None;
    }
    Timestamp::parse_iso8601(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn made(from: (i32, u8, u8), until: (i32, u8, u8)) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(until.0, until.1, until.2);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn dates_are_read_in_both_forms() {
        let date = |text: &str| Timestamp::parse_iso8601(&format!("{text}T00:00:00Z")).unwrap();
        for (from, until, dates) in [
            ((2026, 11, 30), (2027, 2, 28), ("2026-11-30", "2027-02-28")),
            ((1975, 1, 1), (4096, 1, 1), ("1975-01-01", "4096-01-01")),
        ] {
            let validity = Validity { from: date(dates.0), until: date(dates.1) };
            assert_eq!(Validity::of(&made(from, until)), Some(validity), "{dates:?}");
        }
    }

    #[test]
    fn what_is_cut_off_or_altered_is_no_certificate() {
        let der = made((2026, 1, 1), (2027, 1, 1));
        for end in 0..der.len().min(200) {
            assert_eq!(Validity::of(&der[..end]), None, "{end}");
        }
        for at in 0..der.len().min(120) {
            let mut altered = der.clone();
            altered[at] ^= 0xff;
            // Whatever comes out, nothing breaks.
            let _ = Validity::of(&altered);
        }
        assert_eq!(Validity::of(b"\x30\x84\xff\xff\xff\xff"), None);
        assert_eq!(Validity::of(b"\x30\x89\x01\x01\x01\x01\x01\x01\x01\x01\x01"), None);
    }
}
