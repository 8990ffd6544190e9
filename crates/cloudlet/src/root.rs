//! The root credentials: made at the first start, and kept in a file that only its owner can read.

use std::path::{Path, PathBuf};

use anyhow::bail;
use auth::sigv4::Credentials;
use base::Env;

use crate::private;

const FILE: &str = "root-credentials";
const WHAT: &str = "the root credentials";
const KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const KEY_ID_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// From the environment, from the data folder, or new.
///
/// # Errors
/// When only one of the two variables is set, or the file cannot be read or written.
pub fn load_or_create(data: &Path, env: &Env) -> anyhow::Result<Credentials> {
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (given("CLOUDLET_ROOT_ACCESS_KEY_ID"), given("CLOUDLET_ROOT_SECRET_ACCESS_KEY")) {
        (Some(access_key_id), Some(secret)) => return Ok(Credentials { access_key_id, secret, session_token: None }),
        (None, None) => {}
        _ => bail!(
            "CLOUDLET_ROOT_ACCESS_KEY_ID and CLOUDLET_ROOT_SECRET_ACCESS_KEY belong together: set both, or neither"
        ),
    }
    if let Some(credentials) = load(data)? {
        return Ok(credentials);
    }
    let credentials = Credentials {
        access_key_id: format!("AKIA{}", env.random_text(KEY_ID_ALPHABET, 16)),
        secret: env.random_text(SECRET_ALPHABET, 40),
        session_token: None,
    };
    create(data, &credentials)?;
    Ok(credentials)
}

/// Where the data folder keeps them.
pub fn file(data: &Path) -> PathBuf {
    data.join(FILE)
}

/// What the data folder holds; `None` when no server has made any there.
pub fn load(data: &Path) -> anyhow::Result<Option<Credentials>> {
    let path = file(data);
    let Some(text) = private::read(&path, WHAT)? else { return Ok(None) };
    let value =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned);
    match (value(KEY_ID), value(SECRET)) {
        (Some(access_key_id), Some(secret)) => Ok(Some(Credentials { access_key_id, secret, session_token: None })),
        _ => bail!(
            "{} is damaged: it should have a line for {KEY_ID} and one for {SECRET}. Remove it to have new ones made",
            path.display()
        ),
    }
}

fn create(data: &Path, credentials: &Credentials) -> anyhow::Result<()> {
    let text = format!("{KEY_ID}={}\n{SECRET}={}\n", credentials.access_key_id, credentials.secret);
    private::write(&file(data), WHAT, &text)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn credentials_are_made_once_and_for_the_owner_only() {
        let data = tempfile::tempdir().unwrap();
        assert!(load(data.path()).unwrap().is_none());
        let made = load_or_create(data.path(), &Env::real()).unwrap();
        let loaded = load_or_create(data.path(), &Env::real()).unwrap();
        assert_eq!((&made.access_key_id, &made.secret), (&loaded.access_key_id, &loaded.secret));
        let mode = fs::metadata(data.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(data.path().join(FILE), "nonsense").unwrap();
        assert!(load(data.path()).unwrap_err().to_string().contains("damaged"));
    }
}
