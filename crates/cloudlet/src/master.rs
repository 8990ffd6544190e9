//! The master key, with which the vault's keys are sealed: from the environment, from a file, or made at the first start.
//!
//! What has one line for each key is read: the first is in force, further ones are being replaced.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base::Env;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kv::Db;
use vault::{Key, Vault, Zeroizing};

use crate::private;

const FILE: &str = "master-key";
const WHAT: &str = "the master key";
pub const VARIABLE: &str = "CLOUDLET_MASTER_KEY";

/// Where the data folder keeps it, unless it is kept elsewhere.
pub fn file(data: &Path) -> PathBuf {
    data.join(FILE)
}

/// Opens the vault of a store. `given` is the file that the key is in, where that is not the data folder's own.
///
/// # Errors
/// When the key cannot be read, is missing, or is another than the store's.
pub async fn open(db: &Db, data: &Path, given: Option<&Path>, env: &Env) -> anyhow::Result<Vault> {
    let keys = match environment()? {
        Some(_) if given.is_some() => bail!("--master-key-file and {VARIABLE} both give a master key: give one"),
        Some(keys) => keys,
        None => {
            let path = given.map_or_else(|| file(data), Path::to_owned);
            match load(&path)? {
                Some(keys) => keys,
                None if vault::is_sealed(db)? => bail!(
                    "the master key is not in {}, and secrets and keys in {} cannot be read without it: put it there, or give it \
                     with --master-key-file or {VARIABLE}",
                    path.display(),
                    data.display()
                ),
                None => {
                    let key = Key::random(env);
                    store(&path, std::slice::from_ref(&key))?;
                    vec![key]
                }
            }
        }
    };
    let vault = Vault::unlock(db, &keys, env).await;
    vault.with_context(|| format!("{} cannot be opened with its master key", data.display()))
}

/// Why a copy that was brought back cannot be opened with what came with it, if it cannot.
///
/// # Errors
/// When the store or the file cannot be read.
pub fn lacking(db: &Db, data: &Path) -> anyhow::Result<Option<String>> {
    let keys = load(&file(data))?.unwrap_or_default();
    Ok(vault::check(db, &keys).err().map(|error| error.to_string()))
}

/// Makes a new master key, seals the vault's keys with it, and drops the old one. Returns the new one's fingerprint.
///
/// # Errors
/// When the file cannot be read or written, or has another key than the store's.
pub async fn rotate(db: &Db, data: &Path, given: Option<&Path>, env: &Env) -> anyhow::Result<String> {
    if environment()?.is_some() {
        bail!(
            "{VARIABLE} gives the master key: put it into a file, unset that, and give the file with --master-key-file"
        );
    }
    let path = given.map_or_else(|| file(data), Path::to_owned);
    let old = load(&path)?.with_context(|| format!("there is no master key in {}", path.display()))?;
    vault::check(db, &old)?;
    let new = Key::random(env);
    // Whenever this is interrupted, the file has the key that the store is sealed with.
    let both: Vec<Key> = std::iter::once(&new).chain(&old).cloned().collect();
    store(&path, &both)?;
    vault::rewrap(db, &old, &new, env).await?;
    store(&path, std::slice::from_ref(&new))?;
    Ok(new.fingerprint())
}

fn environment() -> anyhow::Result<Option<Vec<Key>>> {
    let text = std::env::var(VARIABLE).ok().filter(|text| !text.trim().is_empty()).map(Zeroizing::new);
    text.map(|text| parse(&text).with_context(|| format!("{VARIABLE} is no master key"))).transpose()
}

fn load(path: &Path) -> anyhow::Result<Option<Vec<Key>>> {
    let Some(text) = private::read(path, WHAT)?.map(Zeroizing::new) else { return Ok(None) };
    let keys = parse(&text).with_context(|| format!("{} has no master key", path.display()))?;
    Ok(Some(keys))
}

fn parse(text: &str) -> anyhow::Result<Vec<Key>> {
    let values = text.split_whitespace().map(|value| value.strip_prefix(VARIABLE).unwrap_or(value));
    let keys = values.map(|value| {
        let bytes = STANDARD.decode(value.strip_prefix('=').unwrap_or(value)).map(Zeroizing::new).ok()?;
        Key::from_bytes(&bytes)
    });
    let keys: Option<Vec<Key>> = keys.collect();
    keys.filter(|keys| !keys.is_empty())
        .context("32 bytes in base64 are expected, as `openssl rand -base64 32` makes them")
}

fn store(path: &Path, keys: &[Key]) -> anyhow::Result<()> {
    let lines = keys.iter().map(|key| format!("{VARIABLE}={}\n", STANDARD.encode(key.as_bytes())));
    private::write(path, WHAT, &Zeroizing::new(lines.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn a_key_is_made_once_changed_on_demand_and_missed_where_it_is_gone() {
        let (data, env, db) = (tempfile::tempdir().unwrap(), Env::real(), Db::open(kv::Memory::default()));
        let data = data.path();
        let sealed = open(&db, data, None, &env).await.unwrap().seal(b"p", b"secret").unwrap();
        assert_eq!(fs::metadata(file(data)).unwrap().permissions().mode() & 0o777, 0o600);
        let made = fs::read_to_string(file(data)).unwrap();
        assert_eq!(lacking(&db, data).unwrap(), None);

        let fingerprint = rotate(&db, data, None, &env).await.unwrap();
        let rotated = fs::read_to_string(file(data)).unwrap();
        assert!(rotated.lines().count() == 1 && rotated != made);
        assert_eq!(load(&file(data)).unwrap().unwrap()[0].fingerprint(), fingerprint);
        let vault = open(&db, data, None, &env).await.unwrap();
        assert_eq!(&**vault.open(b"p", &sealed).unwrap(), b"secret");

        // Interrupted between the two writes of the file, whichever of them the store has.
        fs::write(file(data), format!("{made}{rotated}")).unwrap();
        assert!(open(&db, data, None, &env).await.is_ok());
        fs::write(file(data), made).unwrap();
        let told = format!("{:#}", open(&db, data, None, &env).await.err().unwrap());
        assert!(told.contains(&fingerprint), "{told}");
        assert!(rotate(&db, data, None, &env).await.is_err());
        fs::remove_file(file(data)).unwrap();
        assert!(lacking(&db, data).unwrap().unwrap().contains(&fingerprint));
        assert!(open(&db, data, None, &env).await.err().unwrap().to_string().contains("--master-key-file"));
        assert!(!file(data).exists(), "no other is made in its place");
        let elsewhere = data.join("elsewhere");
        fs::write(&elsewhere, rotated.trim().trim_start_matches("CLOUDLET_MASTER_KEY=")).unwrap();
        assert!(open(&db, data, Some(&elsewhere), &env).await.is_ok());
    }

    #[test]
    fn what_is_no_key_is_refused_without_showing_it() {
        for text in ["", "secret", "c2hvcnQ="] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains("32 bytes") && !error.contains("secret") && !error.contains("c2hv"), "{error}");
        }
    }
}
