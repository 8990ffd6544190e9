//! What is kept for ACME: an account for each server, and a certificate with its key for each name, in files that only their
//! owner may read.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use base::private;
use instant_acme::AccountCredentials;
use sha2::{Digest as _, Sha256};

use super::ledger::Ledger;
use crate::Error;
use crate::pair::{Origin, Pair};
use crate::table::Source;

/// Where certificates are for names that users of the server have chosen.
const CUSTOM: &str = "custom";
const LEDGER: &str = "orders.json";

pub struct Store {
    folder: PathBuf,
    /// Accounts are each server's own, and so are certificates: one for tests is not shown when another server is used.
    server: String,
}

impl Store {
    pub fn open(folder: &Path, directory: &str) -> Result<Store, Error> {
        let mut server = hex::encode(Sha256::digest(directory));
        server.truncate(16);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder.join(&server).join(CUSTOM));
        made.map_err(|cause| Error::Unwritable { path: folder.to_owned(), cause })?;
        Ok(Store { folder: folder.to_owned(), server })
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.join(&self.server).join(file)
    }

    fn read(&self, file: &str) -> Result<Option<String>, Error> {
        let path = self.path(file);
        private::read(&path).map_err(|cause| Error::Unreadable { path, cause })
    }

    fn write(&self, file: &str, text: &str) -> Result<(), Error> {
        let path = self.path(file);
        private::write(&path, text).map_err(|cause| Error::Unwritable { path, cause })
    }

    pub fn account(&self) -> Result<Option<AccountCredentials>, Error> {
        let Some(text) = self.read("account.json")? else { return Ok(None) };
        let account = serde_json::from_str(&text);
        account.map(Some).map_err(|_| {
            let path = self.path("account.json");
            Error::Refused(format!("{} is damaged: remove it to have a new account made", path.display()))
        })
    }

    pub fn keep_account(&self, account: &AccountCredentials) -> Result<(), Error> {
        let text = serde_json::to_string(account).map_err(instant_acme::Error::from)?;
        self.write("account.json", &text)
    }

    /// The server knows the account no more.
    pub fn forget_account(&self) {
        // What stays is found out again at the next order.
        let _ = std::fs::remove_file(self.path("account.json"));
    }

    /// The certificate from there, if one is kept that can be read.
    pub fn certificate(&self, source: &Source) -> Result<Option<Pair>, Error> {
        let file = file(source);
        let Some(text) = self.read(&file)? else { return Ok(None) };
        let path = self.path(&file).display().to_string();
        let pair = Pair::from_pem(text.as_bytes(), text.as_bytes(), Origin { certificate: &path, key: &path });
        Ok(pair.inspect_err(|error| tracing::warn!(%error, "another certificate is ordered")).ok())
    }

    /// Keeps a certificate and its key together, so that they are never of two orders.
    pub fn keep_certificate(&self, source: &Source, chain: &str, key: &str) -> Result<(), Error> {
        self.write(&file(source), &format!("{key}{chain}"))
    }

    /// Removes the certificate and the key for a name that nobody has any more.
    pub fn remove_custom(&self, name: &str) {
        let path = self.path(&file(&Source::Custom(name.to_owned())));
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!(%error, path = %path.display(), "a certificate that nobody needs stays");
        }
    }

    /// The names of users for which there are certificates.
    pub fn customs(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.path(CUSTOM)).into_iter().flatten().flatten();
        let names = files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".pem")?.to_owned()));
        names.collect()
    }

    /// What was ordered lately. Where that cannot be read, nothing was.
    pub fn ledger(&self) -> Result<Ledger, Error> {
        let text = self.read(LEDGER)?.unwrap_or_default();
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    pub fn keep_ledger(&self, ledger: &Ledger) -> Result<(), Error> {
        let text = serde_json::to_string(ledger).map_err(instant_acme::Error::from)?;
        self.write(LEDGER, &text)
    }
}

/// Where a certificate is kept, below the server's folder.
fn file(source: &Source) -> String {
    match source {
        Source::Custom(name) => format!("{CUSTOM}/{name}.pem"),
        Source::Acme(name) => format!("{name}.pem"),
        // They stay where they are.
        Source::File(number) => format!("{number}.pem"),
    }
}
