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

/// Whether a new bucket's name is one of the namespace that it is asked for in: names of an account's own end with its number and
/// the bucket's region, and no others end so.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html>
///
/// # Errors
/// [`Error::InvalidBucketName`], or that the namespace does not fit.
pub fn check_namespace(name: &str, namespace: Option<&str>, account: &AccountId, region: &str) -> Result<(), Error> {
    const OWN: &str = "-an";
    match namespace {
        None | Some("global") if name.ends_with(OWN) => Err(Error::InvalidBucketName(name.to_owned())),
        None | Some("global") => Ok(()),
        Some("account-regional") => {
            let suffix = format!("-{account}-{region}{OWN}");
            if name.ends_with(&suffix) {
                return Ok(());
            }
            let told = format!(
                "The requested bucket name did not include the account-regional namespace suffix, but the provided x-amz-bucket-namespace header value is account-regional. Specify {suffix} as the bucket name suffix to create a bucket in your account-regional namespace, or remove the header."
            );
            Err(Error::Told(service::Error::new(400, "InvalidNamespaceHeader", told)))
        }
        Some(other) => Err(Error::argument("x-amz-bucket-namespace", other, "Invalid x-amz-bucket-namespace header")),
    }
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
    fn names_of_an_accounts_own_say_so() {
        let account = AccountId::new("000000000000");
        let checked = |name, namespace| {
            let checked = check_namespace(name, namespace, &account, "eu-west-1");
            checked.map_err(|error| error.entry().0)
        };
        for namespace in [None, Some("global")] {
            assert_eq!(checked("photos", namespace), Ok(()));
            assert_eq!(checked("photos-000000000000-eu-west-1-an", namespace), Err("InvalidBucketName".into()));
        }
        assert_eq!(checked("photos-000000000000-eu-west-1-an", Some("account-regional")), Ok(()));
        for name in ["photos", "photos-000000000000-us-east-1-an", "photos-111111111111-eu-west-1-an"] {
            assert_eq!(checked(name, Some("account-regional")), Err("InvalidNamespaceHeader".into()), "{name}");
        }
        assert_eq!(checked("photos", Some("mine")), Err("InvalidArgument".into()));
    }

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
