//! An authority of this machine's own, for development: it vouches for this machine's names and for nothing else, and whoever
//! trusts it once has no warnings any more.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::{Env, Timestamp, private};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;

use crate::Error;
use crate::pair::{Origin, Pair};

const CERTIFICATE_FILE: &str = "ca.pem";
const KEY_FILE: &str = "ca-key.pem";
const COMMON_NAME: &str = "Cloudlet, for development on this machine";
const AUTHORITY_DAYS: u32 = 3_650;
/// Browsers accept no more of those whom a person has trusted.
const DAYS: u32 = 397;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The domains that lead to this machine. The second is LocalStack's, which its tools use.
const DOMAINS: [&str; 2] = ["localhost", "localhost.localstack.cloud"];
/// Names that are remembered; beyond, certificates are made anew.
const NAMES_MAX: usize = 1_000;

/// Makes a certificate for each name of this machine, once somebody asks for it.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: PathBuf,
    env: Env,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({})", self.certificate.display())
    }
}

impl Authority {
    /// The one that is kept in a folder, which is made there at first.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn open(folder: &Path, env: Env) -> Result<Authority, Error> {
        let (certificate, key) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |cause| Error::Unreadable { path, cause }
        };
        let unwritable = |path: &Path| {
            let path = path.to_owned();
            move |cause| Error::Unwritable { path, cause }
        };
        let kept = private::read(&key).map_err(unreadable(&key))?;
        let pair = match &kept {
            Some(text) => KeyPair::from_pem(text).map_err(|_| Error::NoKey(key.display().to_string()))?,
            None => KeyPair::generate()?,
        };
        if kept.is_none() || !certificate.exists() {
            fs::create_dir_all(folder).map_err(unwritable(folder))?;
            let own = params(&env).self_signed(&pair)?;
            private::write(&key, &pair.serialize_pem()).map_err(unwritable(&key))?;
            fs::write(&certificate, own.pem()).map_err(unwritable(&certificate))?;
        }
        // What names and signs with it are the same in all that were ever made here.
        let issuer = Issuer::new(params(&env), pair);
        Ok(Authority { issuer, certificate, env, made: Mutex::default() })
    }

    /// The file with the authority's own certificate, for those who want to trust it.
    pub fn file(&self) -> &Path {
        &self.certificate
    }

    /// What is shown to those who ask for a name, or for none; `None` for names of others.
    pub(crate) fn certificate(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let name = name.unwrap_or(DOMAINS[0]);
        let below = |domain: &str| name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if !DOMAINS.iter().any(|domain| below(domain)) {
            return None;
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.get(name) {
            return Some(known.clone());
        }
        let fresh = self.make(name).inspect_err(|error| tracing::warn!(%error, name, "no certificate")).ok()?;
        if made.len() >= NAMES_MAX {
            made.clear();
        }
        made.insert(name.to_owned(), fresh.clone());
        Some(fresh)
    }

    fn make(&self, name: &str) -> Result<Arc<CertifiedKey>, Error> {
        // Who connects to an address asks for no name, and looks for the address.
        let names = [name, "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        let mut params = CertificateParams::new(names)?;
        let now = self.env.now();
        last(&mut params, now - DAY, now + DAY * DAYS);
        params.distinguished_name = named(name);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate: Certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let origin = Origin { certificate: name, key: name };
        Ok(Pair::new(vec![certificate.der().clone()], key, origin)?.key)
    }
}

/// The authority's own certificate. It can be used for this machine's names alone, whoever gets hold of its key.
fn params(env: &Env) -> CertificateParams {
    let permitted = DOMAINS.map(|domain| GeneralSubtree::DnsName(domain.to_owned()));
    let addresses = [
        GeneralSubtree::IpAddress(CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0])),
        GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(std::net::Ipv6Addr::LOCALHOST.octets(), 128)),
    ];
    let mut params = CertificateParams::default();
    params.distinguished_name = named(COMMON_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: permitted.into_iter().chain(addresses).collect(),
        excluded_subtrees: Vec::new(),
    });
    last(&mut params, env.now() - DAY, env.now() + DAY * AUTHORITY_DAYS);
    params
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Cloudlet");
    // Longer ones are not allowed there; the name that counts is among the alternative ones.
    name.push(DnType::CommonName, common_name.get(..64).unwrap_or(common_name));
    name
}

/// Sets from when until when it holds: whole days.
fn last(params: &mut CertificateParams, from: Timestamp, until: Timestamp) {
    let date = |at: Timestamp| {
        let day = at.utc();
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        date_time_ymd(i32::from(day.year()), part(day.month()), part(day.day()))
    };
    (params.not_before, params.not_after) = (date(from), date(until));
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_made_once_and_vouches_for_this_machine_alone() {
        let folder = tempfile::tempdir().unwrap();
        let env = Env::simulated(1, Timestamp::parse_iso8601("2026-11-30T00:00:00Z").unwrap());
        let authority = Authority::open(folder.path(), env.clone()).unwrap();
        let own = fs::read_to_string(authority.file()).unwrap();
        let mode = fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for name in [None, Some("localhost"), Some("abc.execute-api.us-east-1.localhost")] {
            let shown = authority.certificate(name).unwrap();
            assert!(Arc::ptr_eq(&shown, &authority.certificate(name).unwrap()), "{name:?} is made once");
        }
        for name in ["example.com", "evillocalhost", "localhost.example.com"] {
            assert!(authority.certificate(Some(name)).is_none(), "{name}");
        }
        let again = Authority::open(folder.path(), env).unwrap();
        assert_eq!(fs::read_to_string(again.file()).unwrap(), own);
        assert!(again.certificate(Some("localhost")).is_some());
        fs::write(folder.path().join(KEY_FILE), "nonsense").unwrap();
        assert!(Authority::open(folder.path(), Env::real()).err().unwrap().to_string().contains("no private key"));
    }
}
