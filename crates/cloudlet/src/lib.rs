//! The binary's inside: the command line, the server, and the one list that wires engine and services.

pub mod cli;
pub mod client;
pub mod commands;
mod control;
pub mod logging;
pub mod output;
mod root;
pub mod server;
pub mod services;
