//! What requests about exports, imports and bulk puts have in common.

use base::Arn;
use service::{Cx, Permission};

use super::permission::resource_arn;
use crate::error::Error;
use crate::limits::{LIST_TRANSFERS, LIST_TRANSFERS_MAX, TRANSFER_ARN_CHARS_MAX, TRANSFER_ARN_CHARS_MIN};
use crate::model::table;
use crate::model::transfer::Kind;
use crate::validation::Constraints;

/// Permission for `action` on an export, import or bulk put.
pub fn permission(cx: &Cx, action: &str, arn: Option<&str>) -> Vec<Permission> {
    vec![Permission::new(action, resource_arn(cx, arn))]
}

/// The bucket that a request names.
pub fn check_bucket(constraints: &mut Constraints, bucket: Option<&str>, at: &str) {
    const PATTERN: &str = r"^[a-z0-9A-Z]+[\.\-\w]*[a-z0-9A-Z]+$";
    let Some(bucket) = bucket else { return constraints.fail(None, at, "Member must not be null") };
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let fits =
        bucket.len() > 1 && edge(bucket.bytes().next()) && edge(bucket.bytes().last()) && bucket.bytes().all(inner);
    constraints.pattern(bucket, at, PATTERN, fits);
    constraints.length(bucket, bucket.chars().count(), at, 0, 255);
}

/// Who owns it, and where in it.
pub fn check_place(
    constraints: &mut Constraints,
    (owner, owner_at): (Option<&str>, &str),
    (prefix, prefix_at): (Option<&str>, &str),
) {
    if let Some(owner) = owner {
        let fits = owner.len() == 12 && owner.bytes().all(|byte| byte.is_ascii_digit());
        constraints.pattern(owner, owner_at, "[0-9]{12}", fits);
    }
    if let Some(prefix) = prefix {
        constraints.length(prefix, prefix.chars().count(), prefix_at, 0, 1024);
    }
}

const ENCRYPTIONS: [&str; 2] = ["AES256", "KMS"];

/// How the objects that are written shall be encrypted.
pub fn check_encryption(
    constraints: &mut Constraints,
    (encryption, encryption_at): (Option<&str>, &str),
    (key, key_at): (Option<&str>, &str),
) {
    constraints.choice(encryption, encryption_at, &ENCRYPTIONS);
    if let Some(key) = key {
        constraints.length(key, key.chars().count(), key_at, 1, 2048);
    }
}

/// # Errors
/// When a key is named for an encryption that has none.
pub fn check_key(encryption: Option<&str>, key: Option<&str>) -> Result<(), Error> {
    if key.is_some() && encryption != Some("KMS") {
        return Err(Error::validation("Invalid Request: KMS Key Id is not supported for this encryption type"));
    }
    Ok(())
}

/// A client's token: one that was not given is made, as clients do.
pub fn token(cx: &Cx, given: Option<&str>, constraints: &mut Constraints) -> String {
    let Some(token) = given else { return cx.env().uuid() };
    constraints.pattern(token, "clientToken", r"^[^\$]+$", !token.is_empty() && !token.contains('$'));
    token.to_owned()
}

/// The ARN of an export, import or bulk put of this account and region.
///
/// # Errors
/// `Validation` where it is none; `AccessDenied` for another account; what `missing` makes where it is of another region.
pub fn arn(cx: &Cx, text: Option<&str>, kind: Kind, missing: fn(String) -> Error) -> Result<Arn, Error> {
    let (at, name) = match kind {
        Kind::Export => ("exportArn", "Export"),
        Kind::Import => ("importArn", "Import"),
        Kind::Bulk => ("bulkOperationArn", "Bulk Operation"),
    };
    let mut constraints = Constraints::default();
    constraints.present(&text, at);
    if let Some(text) = text {
        constraints.length(text, text.chars().count(), at, TRANSFER_ARN_CHARS_MIN, TRANSFER_ARN_CHARS_MAX);
    }
    constraints.check()?;
    let invalid = || Error::Validation(format!("Invalid {name} ARN"));
    let arn: Arn = text.unwrap_or_default().parse().map_err(|_| invalid())?;
    check_owner(cx, &arn)?;
    if kind.place(&arn).is_none() {
        return Err(invalid());
    }
    if arn.region != cx.region().as_str() {
        return Err(missing(format!("Invalid {} arn", kind.name())));
    }
    Ok(arn)
}

/// # Errors
/// `AccessDenied` for what is another account's, or another service's.
pub fn check_owner(cx: &Cx, arn: &Arn) -> Result<(), Error> {
    let own = arn.partition == "aws" && arn.service == "dynamodb" && arn.account == cx.account().as_str();
    if own { Ok(()) } else { Err(Error::AccessDenied("Access is denied".into())) }
}

/// Which page of a list is asked for.
#[derive(Debug)]
pub struct Asked {
    pub table: Option<String>,
    /// The identifier and table of the one before.
    pub after: Option<(String, String)>,
    pub limit: usize,
}

impl Asked {
    /// # Errors
    /// When the page's size is out of range, the table's ARN is none, or the token is none that was given.
    pub fn new(
        table: Option<&str>,
        (limit, limit_at): (Option<i64>, &str),
        token: Option<&str>,
        kind: Kind,
    ) -> Result<Asked, Error> {
        let mut constraints = Constraints::default();
        if let Some(table) = table {
            constraints.length(table, table.chars().count(), "tableArn", 1, 1024);
        }
        constraints.at_least(limit, limit_at, 1);
        constraints.at_most(limit, limit_at, LIST_TRANSFERS_MAX as i64);
        constraints.check()?;
        let after = token.map(|token| read_token(token, kind)).transpose()?;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(LIST_TRANSFERS);
        Ok(Asked { table: table.map(|table| table::name(table).to_owned()), after, limit })
    }

    pub fn after(&self) -> Option<(&str, &str)> {
        self.after.as_ref().map(|(id, table)| (&**id, &**table))
    }
}

/// Bytes of the shortest token: clients refuse shorter ones.
const TOKEN_BYTES_MIN: usize = 56;
/// Tokens are so many digits, or several times as many.
const TOKEN_BYTES_STEP: usize = 8;

/// Where the page behind this one goes on.
pub fn next_token(arn: &Arn, kind: Kind) -> Option<String> {
    let (table, id) = kind.place(arn)?;
    let mut bytes = format!("{}\n{id}\n{table}", kind.name()).into_bytes();
    bytes.resize(bytes.len().next_multiple_of(TOKEN_BYTES_STEP).max(TOKEN_BYTES_MIN), 0);
    Some(crate::key::hex(&bytes))
}

fn read_token(token: &str, kind: Kind) -> Result<(String, String), Error> {
    let invalid = || Error::Validation(format!("Invalid Request: Provided nextToken is invalid: {token}"));
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = token.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    let bytes = pairs.collect::<Option<Vec<u8>>>().ok_or_else(invalid)?;
    let text = String::from_utf8(bytes).map_err(|_| invalid())?;
    let mut parts = text.trim_end_matches('\0').splitn(3, '\n');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(id), Some(table)) if name == kind.name() => Ok((id.to_owned(), table.to_owned())),
        _ => Err(invalid()),
    }
}
