//! The project's own tasks: `cargo xtask test`, `tidy`, `bench`.
fn main() {}
