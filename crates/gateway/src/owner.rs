//! Whose a bucket has to be: a request may say it, and is refused where it is another's. Here all are the one account's.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>

use base::AccountId;
use http::request::Parts;
use service::Error;

/// Of the bucket that the request is about, and of the one that it copies from.
const HEADERS: [&str; 2] = ["x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"];
const ACCOUNT_DIGITS: usize = 12;

/// # Errors
/// A refusal, where another owner is expected.
pub(crate) fn check(head: &Parts, account: &AccountId) -> Result<(), Error> {
    let query = head.uri.query().unwrap_or_default();
    for name in HEADERS {
        let header = head.headers.get(name).map(|value| value.to_str().unwrap_or_default());
        // Presigned URLs have it among their parameters.
        let parameter = || query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        match header.or_else(parameter) {
            None => {}
            Some(expected) if expected == account.as_str() => {}
            Some(expected)
                if expected.len() == ACCOUNT_DIGITS && expected.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                return Err(Error::new(403, "AccessDenied", "Access Denied"));
            }
            Some(_) => {
                let reason = "The value of the expected bucket owner parameter must be an AWS account ID";
                return Err(Error::new(400, "InvalidBucketOwnerAWSAccountID", reason));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_account_owns_buckets() {
        let code = |uri: &str, header: Option<&str>| {
            let mut request = http::Request::get(uri);
            if let Some(header) = header {
                request = request.header(HEADERS[1], header);
            }
            let (head, ()) = request.body(()).unwrap().into_parts();
            check(&head, &AccountId::new("000000000000")).map_err(|error| error.code.into_owned())
        };
        assert_eq!(code("/b", None), Ok(()));
        assert_eq!(code("/b", Some("000000000000")), Ok(()));
        assert_eq!(code("/b", Some("111111111111")), Err("AccessDenied".into()));
        assert_eq!(code("/b", Some("somebody")), Err("InvalidBucketOwnerAWSAccountID".into()));
        assert_eq!(code("/b?x-amz-expected-bucket-owner=000000000000", None), Ok(()));
        assert_eq!(code("/b?a=b&x-amz-expected-bucket-owner=111111111111", None), Err("AccessDenied".into()));
    }
}
