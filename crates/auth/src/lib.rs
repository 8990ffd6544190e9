//! Who is calling and what they may do: Signature Version 4 and IAM policy evaluation, as pure functions.

pub mod policy;
pub mod sigv4;
