//! The project's own tasks: `cargo xtask test`, `tidy`, `bench`.

mod command;
mod test;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask test                      everything: unit tests, then the binary driven by boto3 and aws-sdk
cargo xtask test unit [-- ARGS]       only `cargo test`, with ARGS
cargo xtask test black-box [-- ARGS]  only the binary's tests; ARGS go to pytest
cargo xtask tidy                      what prose cannot keep true: layers, file sets, lengths, documents
cargo xtask sim [--seeds N]           the engine on simulated disks that fail, from N seeds (10000)
cargo xtask bench [-- ARGS]           measures the promises; --help for its own options";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (words, rest) = match arguments.iter().position(|argument| argument == "--") {
        Some(at) => (&arguments[..at], &arguments[at + 1..]),
        None => (&arguments[..], &[][..]),
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["test"] => test::all(),
        ["test", "unit"] => test::unit(rest),
        ["test", "black-box"] => test::black_box(rest),
        ["tidy"] => tidy::run(),
        ["sim"] => test::simulate("10000"),
        ["sim", "--seeds", seeds] => test::simulate(seeds),
        ["bench"] => command::run(command::cargo().args(["run", "--release", "--package", "bench", "--"]).args(rest)),
        _ => Err(anyhow::anyhow!("there are these tasks:\n{USAGE}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            command::say(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
