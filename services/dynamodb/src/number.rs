//! DynamoDB's numbers: exact decimals of up to 38 significant digits between 1E-130 and 9.99…E+125, with their
//! canonical text, arithmetic, and a byte form that sorts as the numbers do.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Significant digits a number can hold.
const DIGITS_MAX: i64 = 38;
/// The largest power of ten of a leading digit.
const LEADING_MAX: i64 = 125;
/// The smallest power of ten of a leading digit.
const LEADING_MIN: i64 = -130;

/// `±coefficient × 10^exponent`, kept in one form only: the coefficient does not end in a zero digit, and zero is
/// positive with exponent 0. So equal numbers are equal values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Number {
    negative: bool,
    exponent: i16,
    coefficient: u128,
}

/// Why a number was refused, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("The parameter cannot be converted to a numeric value")]
    Empty,
    #[error("The parameter cannot be converted to a numeric value: {0}")]
    NotNumeric(String),
    #[error("Number overflow. Attempting to store a number with magnitude larger than supported range")]
    Overflow,
    #[error("Number underflow. Attempting to store a number with magnitude smaller than supported range")]
    Underflow,
    #[error("Attempting to store more than 38 significant digits in a Number")]
    TooPrecise,
}

/// Powers of ten that 64-bit floating-point numbers have exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
/// More than two roundings of them can be off, relatively.
const F64_ERROR: f64 = 4.0 * f64::EPSILON;

impl Number {
    pub const ZERO: Number = Number { negative: false, exponent: 0, coefficient: 0 };

    /// `coefficient × 10^exponent` in canonical form, when it is in range.
    fn checked(negative: bool, mut coefficient: u128, mut exponent: i64) -> Result<Number, NumberError> {
        if coefficient == 0 {
            return Ok(Number::ZERO);
        }
        while coefficient.is_multiple_of(10) {
            coefficient /= 10;
            exponent += 1;
        }
        let digits = digit_count(coefficient);
        let leading = exponent + digits - 1;
        if leading > LEADING_MAX {
            return Err(NumberError::Overflow);
        }
        if leading < LEADING_MIN {
            return Err(NumberError::Underflow);
        }
        if digits > DIGITS_MAX {
            return Err(NumberError::TooPrecise);
        }
        // In range: |exponent| <= 130 + 38.
        Ok(Number { negative, exponent: exponent as i16, coefficient })
    }

    fn is_zero(self) -> bool {
        self.coefficient == 0
    }

    fn digits(self) -> i64 {
        digit_count(self.coefficient)
    }

    /// The power of ten of the first digit; 0 for zero.
    fn leading(self) -> i64 {
        if self.is_zero() { 0 } else { i64::from(self.exponent) + self.digits() - 1 }
    }

    /// # Errors
    /// `Overflow` when the sum cannot be held exactly: AWS uses that word for lost digits too.
    pub fn plus(self, other: Number) -> Result<Number, NumberError> {
        if self.is_zero() {
            return Ok(other);
        }
        if other.is_zero() {
            return Ok(self);
        }
        let (high, low) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        // Both operands end in a non-zero digit, so a gap this wide cannot fit 38 digits.
        let gap = u32::from(high.exponent.abs_diff(low.exponent));
        let scaled = 10u128.checked_pow(gap).and_then(|power| high.coefficient.checked_mul(power));
        let scaled = scaled.ok_or(NumberError::Overflow)?;
        let (negative, sum) = if high.negative == low.negative {
            (high.negative, scaled.checked_add(low.coefficient).ok_or(NumberError::Overflow)?)
        } else if scaled >= low.coefficient {
            (high.negative, scaled - low.coefficient)
        } else {
            (low.negative, low.coefficient - scaled)
        };
        Number::checked(negative, sum, i64::from(low.exponent)).map_err(|error| match error {
            NumberError::TooPrecise => NumberError::Overflow,
            error => error,
        })
    }

    /// # Errors
    /// As [`Number::plus`].
    pub fn minus(self, other: Number) -> Result<Number, NumberError> {
        self.plus(other.negated())
    }

    /// The whole number of units, when it is one that fits and is not negative.
    pub fn to_u64(self) -> Option<u64> {
        let power = 10u128.checked_pow(u32::from(self.exponent.unsigned_abs()))?;
        let whole = if self.exponent >= 0 { self.coefficient.checked_mul(power)? } else { self.coefficient / power };
        u64::try_from(whole).ok().filter(|_| !self.negative)
    }

    /// The nearest 32-bit floating-point number; `None` beyond the largest.
    pub fn to_f32(self) -> Option<f32> {
        let near = self.by_way_of_f64().or_else(|| self.to_string().parse().ok())?;
        near.is_finite().then_some(near)
    }

    /// The same where what 64 bits get wrong cannot matter: many times as fast as text.
    fn by_way_of_f64(self) -> Option<f32> {
        let power = POWERS.get(usize::from(self.exponent.unsigned_abs()))?;
        let magnitude = self.coefficient as f64;
        let near = if self.exponent >= 0 { magnitude * power } else { magnitude / power };
        let (low, high) = ((near * (1.0 - F64_ERROR)) as f32, (near * (1.0 + F64_ERROR)) as f32);
        (low == high).then_some(if self.negative { -low } else { low })
    }

    /// In the fewest digits that tell it from all others.
    pub fn from_f32(value: f32) -> Number {
        format!("{value:e}").parse().unwrap_or(Number::ZERO)
    }

    /// With an exponent: `1.3E+40`.
    pub fn scientific(self) -> String {
        let digits = self.coefficient.to_string();
        let (first, rest) = digits.split_at(1);
        let sign = if self.negative { "-" } else { "" };
        let point = if rest.is_empty() { "" } else { "." };
        format!("{sign}{first}{point}{rest}E{:+}", self.leading())
    }

    fn negated(self) -> Number {
        Number { negative: !self.negative && !self.is_zero(), ..self }
    }

    /// Bytes this number counts for in an item's size: one for every two digits (aligned to even powers of ten), one
    /// for the exponent, and one for a minus sign.
    pub fn size(self) -> usize {
        if self.is_zero() {
            return 1;
        }
        let digits = self.digits();
        let straddles = digits % 2 == 0 && self.leading() % 2 == 0;
        let pairs = (digits + 1) / 2 + i64::from(straddles);
        usize::try_from(pairs).unwrap_or(0) + 1 + usize::from(self.negative)
    }

    /// Appends the sorting byte form: comparing the bytes of two numbers compares the numbers, also when more bytes
    /// follow. At most 22 bytes.
    ///
    /// A sign (1 negative, 2 zero, 3 positive); the power of ten of the first digit, plus 130; the digits in pairs,
    /// plus one; a closing 0. Everything after the sign of a negative number is inverted.
    pub fn encode(self, bytes: &mut Vec<u8>) {
        if self.is_zero() {
            bytes.push(SIGN_ZERO);
            return;
        }
        bytes.push(if self.negative { SIGN_NEGATIVE } else { SIGN_POSITIVE });
        let start = bytes.len();
        bytes.push(u8::try_from(self.leading() - LEADING_MIN).unwrap_or(u8::MAX));
        let mut rest = if self.digits() % 2 == 0 { self.coefficient } else { self.coefficient * 10 };
        let digits_at = bytes.len();
        while rest != 0 {
            bytes.push((rest % 100) as u8 + 1);
            rest /= 100;
        }
        if let Some(digits) = bytes.get_mut(digits_at..) {
            digits.reverse();
        }
        bytes.push(0);
        if self.negative {
            for byte in bytes.iter_mut().skip(start) {
                *byte = !*byte;
            }
        }
    }

    /// Reads what [`Number::encode`] wrote from the front of `bytes`; the number and how many bytes it took.
    pub fn decode(bytes: &[u8]) -> Option<(Number, usize)> {
        let (sign, rest) = bytes.split_first()?;
        let invert = match *sign {
            SIGN_ZERO => return Some((Number::ZERO, 1)),
            SIGN_NEGATIVE => 0xff,
            SIGN_POSITIVE => 0,
            _ => return None,
        };
        let (first, rest) = rest.split_first()?;
        let leading = i64::from(first ^ invert) + LEADING_MIN;
        let mut coefficient = 0u128;
        for (byte, pairs) in rest.iter().zip(0i64..) {
            let pair = byte ^ invert;
            if pair == 0 {
                let exponent = leading - (2 * pairs - 1);
                let number = Number::checked(invert != 0, coefficient, exponent).ok()?;
                return Some((number, usize::try_from(pairs).ok()? + 3));
            }
            coefficient = coefficient.checked_mul(100)?.checked_add(u128::from(pair - 1))?;
        }
        None
    }
}

const SIGN_NEGATIVE: u8 = 1;
const SIGN_ZERO: u8 = 2;
const SIGN_POSITIVE: u8 = 3;

fn digit_count(coefficient: u128) -> i64 {
    coefficient.checked_ilog10().map_or(1, |log| i64::from(log) + 1)
}

impl FromStr for Number {
    type Err = NumberError;

    /// Accepts `[+-]digits[.digits][e[+-]digits]`, with digits on at least one side of the point.
    fn from_str(text: &str) -> Result<Number, NumberError> {
        if text.is_empty() {
            return Err(NumberError::Empty);
        }
        parse(text.as_bytes()).unwrap_or_else(|| Err(NumberError::NotNumeric(text.to_string())))
    }
}

/// `None` when the text is not a number at all.
fn parse(text: &[u8]) -> Option<Result<Number, NumberError>> {
    let (negative, text) = sign(text);
    let exponent_at = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (mantissa, exponent) = match exponent_at {
        Some(at) => (text.get(..at)?, parse_exponent(text.get(at + 1..)?)?),
        None => (text, 0),
    };
    let point = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    let fraction = mantissa.get(point + 1..).unwrap_or_default();
    let whole = mantissa.get(..point)?;
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }

    let mut coefficient = 0u128;
    // Significant digits so far, without the zeros that may still turn out to be trailing.
    let mut significant = 0i64;
    let mut zeros = 0i64;
    for digit in whole.iter().chain(fraction) {
        match digit {
            b'0' if significant == 0 => {}
            b'0' => zeros += 1,
            b'1'..=b'9' => {
                significant += zeros + 1;
                if significant <= DIGITS_MAX {
                    let shift = u32::try_from(zeros + 1).ok()?;
                    coefficient = coefficient * 10u128.pow(shift) + u128::from(digit - b'0');
                }
                zeros = 0;
            }
            _ => return None,
        }
    }
    if significant == 0 {
        return Some(Ok(Number::ZERO));
    }
    let last = exponent.saturating_add(zeros).saturating_sub(i64::try_from(fraction.len()).ok()?);
    let leading = last.saturating_add(significant - 1);
    Some(if leading > LEADING_MAX {
        Err(NumberError::Overflow)
    } else if leading < LEADING_MIN {
        Err(NumberError::Underflow)
    } else if significant > DIGITS_MAX {
        Err(NumberError::TooPrecise)
    } else {
        Number::checked(negative, coefficient, last)
    })
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    }
}

/// Exponents too long for an `i64` saturate: they are out of range either way.
fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = sign(text);
    if digits.is_empty() {
        return None;
    }
    let mut exponent = 0i64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        exponent = exponent.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
    }
    // Far beyond any range, and far from the ends of an i64, so that sums with digit counts cannot wrap.
    let exponent = exponent.min(i64::MAX / 4);
    Some(if negative { -exponent } else { exponent })
}

impl From<u64> for Number {
    fn from(value: u64) -> Number {
        Number::checked(false, u128::from(value), 0).unwrap_or(Number::ZERO)
    }
}

impl fmt::Display for Number {
    /// All digits, never an exponent: the form in which DynamoDB returns numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        let digits = self.coefficient.to_string();
        if self.exponent >= 0 {
            f.write_str(&digits)?;
            return write_zeros(f, usize::from(self.exponent.unsigned_abs()));
        }
        let fraction = usize::from(self.exponent.unsigned_abs());
        match digits.len().checked_sub(fraction) {
            Some(whole) if whole > 0 => {
                let (whole, fraction) = digits.split_at(whole);
                write!(f, "{whole}.{fraction}")
            }
            _ => {
                f.write_str("0.")?;
                write_zeros(f, fraction - digits.len())?;
                f.write_str(&digits)
            }
        }
    }
}

fn write_zeros(f: &mut fmt::Formatter<'_>, count: usize) -> fmt::Result {
    (0..count).try_for_each(|_| f.write_str("0"))
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        let sign = |number: &Number| match (number.is_zero(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        sign(self).cmp(&sign(other)).then_with(|| {
            let magnitude = self.leading().cmp(&other.leading()).then_with(|| {
                // Same leading power: the one with more digits reaches further down.
                let gap = self.digits() - other.digits();
                let power = 10u128.pow(u32::try_from(gap.abs()).unwrap_or(0));
                if gap >= 0 {
                    self.coefficient.cmp(&(other.coefficient * power))
                } else {
                    (self.coefficient * power).cmp(&other.coefficient)
                }
            });
            if self.negative { magnitude.reverse() } else { magnitude }
        })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Floating-point numbers are those that the text is read as, by whichever way.
        #[test]
        fn floating_point_numbers_are_the_nearest(text in "-?[0-9]{1,20}(\\.[0-9]{1,17})?(e-?[0-9]{1,2})?", bits in any::<u32>()) {
            if let Ok(number) = text.parse::<Number>() {
                let expected = text.parse::<f32>().unwrap();
                prop_assert_eq!(number.to_f32(), expected.is_finite().then_some(expected), "{}", text);
            }
            let value = f32::from_bits(bits);
            if value.is_finite() {
                prop_assert_eq!(Number::from_f32(value).to_f32(), Some(value));
            }
        }
    }

    #[test]
    fn exponents_are_shown() {
        let shown = |text: &str| text.parse::<Number>().unwrap().scientific();
        assert_eq!(["1.3e40", "-13e39", "0.5", "7"].map(shown), ["1.3E+40", "-1.3E+40", "5E-1", "7E+0"]);
    }

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    fn encoded(number: Number) -> Vec<u8> {
        let mut bytes = Vec::new();
        number.encode(&mut bytes);
        bytes
    }

    #[test]
    fn text_is_canonical() {
        let nines = "9".repeat(38);
        let largest = format!("{}{}", nines, "0".repeat(88));
        let smallest = format!("0.{}1", "0".repeat(129));
        for (text, canonical) in [
            ("0", "0"),
            ("-0", "0"),
            ("0e1000", "0"),
            ("1.0", "1"),
            ("1E3", "1000"),
            ("00042", "42"),
            ("3.1400", "3.14"),
            ("+3", "3"),
            (".123", "0.123"),
            ("5.", "5"),
            ("-17e-1", "-1.7"),
            ("1.5E+2", "150"),
            ("100", "100"),
            ("1000000000000000000000000000000000000000000", "1000000000000000000000000000000000000000000"),
            (&format!("{nines}.000"), &nines),
            ("9.9999999999999999999999999999999999999E125", &largest),
            ("1E-130", &smallest),
        ] {
            assert_eq!(number(text).to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn refusals() {
        for (text, error) in [
            ("", NumberError::Empty),
            ("1E126", NumberError::Overflow),
            ("-11e125", NumberError::Overflow),
            ("1e99999999999999999999", NumberError::Overflow),
            ("1E-131", NumberError::Underflow),
            ("0.9e-130", NumberError::Underflow),
            ("123456789012345678901234567890123456789", NumberError::TooPrecise),
            ("-1.23456789012345678901234567890123456789", NumberError::TooPrecise),
        ] {
            assert_eq!(text.parse::<Number>(), Err(error), "{text}");
        }
        for text in ["dog", "NaN", "Infinity", " 1", "1 ", "1e", "e1", ".", "-", "1.2.3", "--1", "0x1", "1e1.5", "１"]
        {
            assert_eq!(text.parse::<Number>(), Err(NumberError::NotNumeric(text.into())));
        }
    }

    #[test]
    fn arithmetic_is_exact_or_refused() {
        let sum = |a: &str, b: &str| number(a).plus(number(b)).map(|sum| sum.to_string());
        assert_eq!(sum("0.1", "0.2"), Ok("0.3".into()));
        assert_eq!(sum("1", "10000000000000000000000"), Ok("10000000000000000000001".into()));
        assert_eq!(sum("5", "-5"), Ok("0".into()));
        assert_eq!(sum("99", "1"), Ok("100".into()));
        let nines = "9".repeat(38);
        assert_eq!(sum(&nines, "1"), Ok(format!("1{}", "0".repeat(38))));
        assert_eq!(sum(&nines, &nines), Err(NumberError::Overflow));
        assert_eq!(sum("1e50", "1"), Err(NumberError::Overflow));
        assert_eq!(sum("9e125", "9e125"), Err(NumberError::Overflow));
        assert_eq!(sum("1e125", "1e-130"), Err(NumberError::Overflow));
        assert_eq!(number("0").minus(number("7")).unwrap().to_string(), "-7");
        assert_eq!(number("7").minus(number("0")).unwrap().to_string(), "7");
    }

    #[test]
    fn whole_numbers() {
        for (text, whole) in
            [("0", Some(0)), ("1.9e3", Some(1900)), ("12.99", Some(12)), ("1e-130", None), ("-1", None), ("1e20", None)]
        {
            assert_eq!(number(text).to_u64(), whole, "{text}");
        }
    }

    #[test]
    fn sizes_count_pairs_of_digits() {
        for (text, size) in [("0", 1), ("1", 2), ("12", 2), ("120", 3), ("123", 3), ("1234", 3), ("-5", 3), ("1.2", 3)]
        {
            assert_eq!(number(text).size(), size, "{text}");
        }
    }

    #[test]
    fn golden_bytes() {
        assert_eq!(encoded(number("0")), [2]);
        assert_eq!(encoded(number("42")), [3, 131, 43, 0]);
        assert_eq!(encoded(number("-1.5")), [1, !130, !16, !0]);
    }

    fn any_number() -> impl Strategy<Value = Number> {
        let near = (-500i64..500, -3i64..3)
            .prop_map(|(digits, exponent)| (digits < 0, digits.unsigned_abs().into(), exponent));
        let far = (any::<bool>(), 0..10u128.pow(38), -130i64..80);
        prop_oneof![near, far].prop_filter_map("in range", |(negative, digits, exponent)| {
            Number::checked(negative, digits, exponent).ok()
        })
    }

    proptest! {
        #[test]
        fn bytes_sort_as_numbers_do(a in any_number(), b in any_number(), tail in any::<[u8; 2]>()) {
            let mut bytes = [encoded(a), encoded(b)];
            prop_assert_eq!(bytes[0].cmp(&bytes[1]), a.cmp(&b));
            prop_assert_eq!(Number::decode(&bytes[0]), Some((a, bytes[0].len())));
            // What follows a number decides only between equal numbers.
            bytes[0].push(tail[0]);
            bytes[1].push(tail[1]);
            prop_assert_eq!(bytes[0].cmp(&bytes[1]), a.cmp(&b).then(tail[0].cmp(&tail[1])));
        }

        #[test]
        fn text_round_trips(a in any_number()) {
            prop_assert_eq!(number(&a.to_string()), a);
        }

        #[test]
        fn order_agrees_with_subtraction(a in any_number(), b in any_number()) {
            if let Ok(difference) = a.minus(b) {
                prop_assert_eq!(difference.cmp(&Number::ZERO), a.cmp(&b));
                prop_assert_eq!(difference.plus(b), Ok(a));
            }
        }

        #[test]
        fn any_text_is_judged(text in "[-+0-9.eE]{0,12}") {
            let _ = text.parse::<Number>();
        }

        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..30)) {
            let _ = Number::decode(&bytes);
        }
    }
}
