//! Who is calling and what they may do: Signature Version 4 (and 2, of S3), codes of authenticators, what is kept
//! of passwords, and IAM policy evaluation, as pure functions.

pub mod password;
pub mod policy;
pub mod sigv2;
pub mod sigv4;
pub mod totp;
