//! The `cloudlet` binary.
fn main() {}
