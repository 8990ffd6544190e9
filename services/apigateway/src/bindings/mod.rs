//! Where the members of each operation travel in HTTP.

pub mod connections;
pub mod http;
pub mod rest;
