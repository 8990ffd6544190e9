//! `cloudlet env`.

use std::process::ExitCode;

use crate::cli::Env;
use crate::client::Client;
use crate::output;

pub fn run(options: &Env) -> anyhow::Result<ExitCode> {
    let client = Client::connect(&options.connection)?;
    let mut variables = vec![
        ("AWS_ENDPOINT_URL", client.endpoint),
        ("AWS_REGION", client.region.clone()),
        ("AWS_DEFAULT_REGION", client.region),
        ("AWS_ACCESS_KEY_ID", client.credentials.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", client.credentials.secret),
    ];
    variables.extend(client.credentials.session_token.map(|token| ("AWS_SESSION_TOKEN", token)));
    for (name, value) in variables {
        output::line(format_args!("export {name}={}", quoted(&value)));
    }
    Ok(ExitCode::SUCCESS)
}

/// A word that any POSIX shell reads back unchanged.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_shell() {
        assert_eq!(quoted("a$b"), "'a$b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
