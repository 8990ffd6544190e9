//! Signatures of messages: who gets one can tell, with the certificate that it names, that it came from here.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>

use base::Env;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256};
use rsa::PrivateKey;
use rsa::pkcs1v15;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::signature::{SignatureEncoding, Signer as _};
use service::Cx;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use vault::Randomness;

use crate::error::Error;
use crate::keys::SIGNING_KEY;
use crate::types::SigningKey;

/// As long as Amazon's own.
const KEY_BITS: usize = 2_048;

/// What signs.
pub struct Signer {
    sha1: pkcs1v15::SigningKey<Sha1>,
    sha256: pkcs1v15::SigningKey<Sha256>,
    certificate: String,
    /// The name of the certificate's file.
    file: String,
}

impl Signer {
    /// The server's signer. The first time, this makes its key, which takes a while.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open(cx: &Cx) -> Result<Signer, Error> {
        let stored = SIGNING_KEY.get(&cx.db().read()?, ())?;
        let key = match stored {
            Some(key) => key,
            None => {
                let env = cx.env().clone();
                let fresh =
                    tokio::task::spawn_blocking(move || generate(&env)).await.map_err(service::Error::internal)??;
                let keep = move |tx: &mut kv::Tx| match SIGNING_KEY.get(tx, ())? {
                    Some(earlier) => Ok::<_, Error>(earlier),
                    None => {
                        SIGNING_KEY.put(tx, (), &fresh)?;
                        Ok(fresh.clone())
                    }
                };
                cx.db().write(keep).await?
            }
        };
        Signer::new(key)
    }

    /// # Errors
    /// When what is stored is no key.
    pub fn new(key: SigningKey) -> Result<Signer, Error> {
        let private = PrivateKey::from_pkcs8_der(&key.private).map_err(service::Error::internal)?;
        let id = hex::encode(Sha256::digest(&key.certificate)).split_off(32);
        Ok(Signer {
            sha1: pkcs1v15::SigningKey::new(private.clone()),
            sha256: pkcs1v15::SigningKey::new(private),
            certificate: key.certificate,
            file: format!("SimpleNotificationService-{id}.pem"),
        })
    }

    /// In base64. `version` is a topic's `SignatureVersion`.
    pub fn sign(&self, version: u8, text: &str) -> String {
        let signature = match version {
            2 => self.sha256.sign(text.as_bytes()).to_vec(),
            _ => self.sha1.sign(text.as_bytes()).to_vec(),
        };
        STANDARD.encode(signature)
    }

    /// PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    pub fn certificate_file(&self) -> &str {
        &self.file
    }
}

fn generate(env: &Env) -> Result<SigningKey, Error> {
    let internal = |error: &dyn std::fmt::Display| Error::Other(service::Error::internal(error));
    let private = PrivateKey::new(&mut Randomness(env), KEY_BITS).map_err(|error| internal(&error))?;
    let der = private.to_pkcs8_der().map_err(|error| internal(&error))?;
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der.as_bytes().into(), &PKCS_RSA_SHA256)
        .map_err(|error| internal(&error))?;
    let mut params = CertificateParams::new(vec!["sns.amazonaws.com".to_owned()]).map_err(|error| internal(&error))?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "sns.amazonaws.com");
    params.distinguished_name.push(DnType::OrganizationName, "Cloudlet");
    let certificate = params.self_signed(&pair).map_err(|error| internal(&error))?;
    Ok(SigningKey { private: Bytes::copy_from_slice(der.as_bytes()), certificate: certificate.pem() })
}
