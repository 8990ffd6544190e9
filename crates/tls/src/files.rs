//! Certificates from files, which are read again when they change.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::Env;
use tokio_util::sync::CancellationToken;

use crate::pair::{Origin, Pair};
use crate::table::Source;
use crate::{Certificates, Error};

/// How often files are looked at. Whoever renews them has days of time.
const INTERVAL: Duration = Duration::from_secs(1);

/// A certificate's file, with those of authorities after it, and its key's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl FilePair {
    fn read(&self, env: &Env) -> Result<Pair, Error> {
        let (certificate, key) = (self.certificate.display().to_string(), self.key.display().to_string());
        let origin = Origin { certificate: &certificate, key: &key };
        let pair = Pair::from_pem(&bytes(&self.certificate)?, &bytes(&self.key)?, origin)?;
        pair.check(origin, env.now())?;
        Ok(pair)
    }

    /// What tells that a file is another, or has other content. Links are followed: who renews often turns a link.
    fn stamp(&self) -> [Option<Stamp>; 2] {
        [&self.certificate, &self.key].map(|path| {
            let told = fs::metadata(path).ok()?;
            Some(Stamp {
                device: told.dev(),
                inode: told.ino(),
                bytes: told.len(),
                changed: (told.mtime(), told.mtime_nsec()),
            })
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|cause| Error::Unreadable { path: path.to_owned(), cause })
}

/// Pairs of files, and what they were like when they were read last.
pub struct Files {
    certificates: Certificates,
    env: Env,
    pairs: Vec<(FilePair, [Option<Stamp>; 2])>,
}

impl Files {
    /// Reads them all.
    ///
    /// # Errors
    /// When a file cannot be read, a pair does not fit, or a certificate does not hold now.
    pub fn open(certificates: Certificates, pairs: Vec<FilePair>, env: Env) -> Result<Files, Error> {
        let mut read = Vec::with_capacity(pairs.len());
        for (number, pair) in pairs.into_iter().enumerate() {
            // Before it is read: what changes meanwhile is read again.
            let stamp = pair.stamp();
            certificates.0.put(Source::File(number), pair.read(&env)?);
            read.push((pair, stamp));
        }
        Ok(Files { certificates, env, pairs: read })
    }

    /// Reads what changes, until `stop`. What does not fit (because half of it has been replaced, say) leaves what was there before
    /// in force, and is tried again at the next change.
    pub async fn follow(mut self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
            // A file may be on a disk that hangs.
            let looked = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            match looked.await {
                Ok(files) => self = files,
                Err(error) => return tracing::error!(%error, "certificates are not read again"),
            }
        }
    }

    fn look(&mut self) {
        for (number, (pair, known)) in self.pairs.iter_mut().enumerate() {
            let stamp = pair.stamp();
            if stamp == *known {
                continue;
            }
            *known = stamp;
            match pair.read(&self.env) {
                Ok(read) => {
                    let (file, until) = (pair.certificate.display(), read.validity.until.iso8601());
                    tracing::info!(%file, until, "a certificate was read again");
                    self.certificates.0.put(Source::File(number), read);
                }
                Err(error) => tracing::warn!(%error, "a certificate stays as it was"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    struct Made {
        certificate: String,
        key: String,
    }

    fn made(name: &str, until: i32) -> Made {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(until, 1, 1));
        let key = KeyPair::generate().unwrap();
        Made { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
    }

    #[test]
    fn what_is_wrong_with_files_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let now = Timestamp::parse_iso8601("2026-11-30T00:00:00Z").unwrap();
        let [good, other, old] = [made("a.example", 2030), made("a.example", 2030), made("a.example", 2025)];
        for (name, text) in [
            ("good.pem", &good.certificate),
            ("good.key", &good.key),
            ("other.key", &other.key),
            ("old.pem", &old.certificate),
            ("old.key", &old.key),
            ("none.pem", &"nothing\n".to_owned()),
            ("broken.pem", &"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned()),
        ] {
            fs::write(path(name), text).unwrap();
        }
        let open = |certificate: &str, key: &str, now| {
            let pair = FilePair { certificate: path(certificate), key: path(key) };
            Files::open(Certificates::default(), vec![pair], Env::simulated(1, now))
                .map(drop)
                .map_err(|e| e.to_string())
        };
        assert_eq!(open("good.pem", "good.key", now), Ok(()));
        let early = Timestamp::parse_iso8601("2019-01-01T00:00:00Z").unwrap();
        for (certificate, key, now, told) in [
            ("missing.pem", "good.key", now, "missing.pem cannot be read"),
            ("good.pem", "missing.key", now, "missing.key cannot be read"),
            ("none.pem", "good.key", now, "holds no certificate"),
            ("broken.pem", "good.key", now, "cannot be read"),
            ("good.pem", "none.pem", now, "holds no private key"),
            ("good.pem", "other.key", now, "is not that of the certificate"),
            ("old.pem", "old.key", now, "ended at 2025-01-01"),
            ("good.pem", "good.key", early, "begins at 2020-01-01"),
        ] {
            let error = open(certificate, key, now).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn what_changes_is_read_again_once_it_fits() {
        let folder = tempfile::tempdir().unwrap();
        let pair = FilePair { certificate: folder.path().join("c"), key: folder.path().join("k") };
        let [first, second] = [made("a.example", 2030), made("a.example", 2040)];
        fs::write(&pair.certificate, &first.certificate).unwrap();
        fs::write(&pair.key, &first.key).unwrap();
        let now = Timestamp::parse_iso8601("2026-11-30T00:00:00Z").unwrap();
        let certificates = Certificates::default();
        let mut files = Files::open(certificates.clone(), vec![pair.clone()], Env::simulated(1, now)).unwrap();
        let year = || certificates.0.ends().1.unwrap().utc().year();
        fs::write(&pair.certificate, &second.certificate).unwrap();
        files.look();
        assert_eq!(year(), 2030, "half of a pair changes nothing");
        fs::write(&pair.key, &second.key).unwrap();
        files.look();
        assert_eq!(year(), 2040);
        fs::remove_file(&pair.key).unwrap();
        files.look();
        assert_eq!(year(), 2040);
    }
}
