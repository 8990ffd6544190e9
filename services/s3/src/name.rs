//! Names of buckets and objects.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>

use base::{AccountId, Arn};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::limits;

/// # Errors
/// [`Error::InvalidBucketName`].
pub fn check_bucket(name: &str) -> Result<(), Error> {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let valid = limits::BUCKET_NAME_BYTES.contains(&name.len())
        && name.bytes().all(inner)
        && edge(name.bytes().next())
        && edge(name.bytes().next_back())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|prefix| name.starts_with(prefix))
        && !["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"].iter().any(|suffix| name.ends_with(suffix));
    if valid { Ok(()) } else { Err(Error::InvalidBucketName(name.to_owned())) }
}

/// # Errors
/// [`Error::KeyTooLong`].
pub fn check_key(key: &str) -> Result<(), Error> {
    if key.len() > limits::KEY_BYTES_MAX { Err(Error::KeyTooLong(key.len())) } else { Ok(()) }
}

/// An account as S3 names it: 64 hexadecimal digits, made of its number.
pub fn canonical_id(account: &AccountId) -> String {
    hex::encode(Sha256::digest(account.as_str().as_bytes()))
}

/// The ARN of a bucket, or of objects in it: `photos`, `photos/2024/*`.
pub fn arn(resource: impl Into<String>) -> Arn {
    Arn {
        partition: "aws".into(),
        service: "s3".into(),
        region: String::new(),
        account: String::new(),
        resource: resource.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_have_names_of_hosts() {
        for name in ["abc", "a.b-c", "1ab", "0".repeat(63).as_str()] {
            assert!(check_bucket(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "ab",
            "Abc",
            "a_b",
            "-abc",
            "abc-",
            ".abc",
            "a..b",
            "192.168.0.1",
            "xn--a",
            "a-s3alias",
            "é23",
            "a b",
            "a/b",
        ] {
            assert!(check_bucket(name).is_err(), "{name}");
        }
        assert!(check_bucket(&"a".repeat(64)).is_err());
        assert!(check_key(&"é".repeat(512)).is_ok() && check_key(&"é".repeat(513)).is_err());
        assert_eq!(arn("b/k").to_string(), "arn:aws:s3:::b/k");
    }
}
