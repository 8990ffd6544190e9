//! One order: a challenge for the name, and what comes of it.

use std::sync::Arc;

use instant_acme::{
    Account, AuthorizationStatus, Error as AcmeError, Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::ring::sign::any_ecdsa_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;

use super::client::Http;
use super::{Challenge, Clerk};
use crate::pair::{Origin, Pair};
use crate::table::{Source, Table};
use crate::{Certificates, Error};

/// The server has no such account, or has closed it (RFC 8555, 6.7).
const NO_ACCOUNT: [&str; 2] =
    ["urn:ietf:params:acme:error:accountDoesNotExist", "urn:ietf:params:acme:error:unauthorized"];

impl Clerk {
    /// Orders a certificate for a name, and keeps it.
    pub(super) async fn order(&self, name: &str, source: &Source) -> Result<Pair, Error> {
        let account = self.account().await?;
        let identifiers = [Identifier::Dns(name.to_owned())];
        let mut order =
            account.new_order(&NewOrder::new(&identifiers)).await.map_err(|error| self.of_account(error))?;
        let proof = self.prove(&mut order, name).await?;
        let ready = order.poll_ready(&RetryPolicy::default()).await;
        drop(proof);
        match ready {
            Ok(OrderStatus::Ready) => {}
            Ok(_) | Err(AcmeError::Api(_)) => return Err(refusal(&mut order, name, ready.err()).await),
            Err(error) => return Err(error.into()),
        }
        let key = order.finalize().await?;
        let chain = order.poll_certificate(&RetryPolicy::default()).await?;
        let origin = Origin { certificate: name, key: name };
        let pair = Pair::from_pem(chain.as_bytes(), key.as_bytes(), origin)?;
        pair.check(origin, self.env.now())?;
        self.store.keep_certificate(source, &chain, &key)?;
        Ok(pair)
    }

    /// The account, which is made at the first order.
    async fn account(&self) -> Result<Account, Error> {
        let _one_at_a_time = self.account.lock().await;
        let builder = Account::builder_with_http(Box::new(Http(self.outbound.clone())));
        if let Some(known) = self.store.account()? {
            return Ok(builder.from_credentials(known).await?);
        }
        let contact = self.options.email.as_ref().map(|email| format!("mailto:{email}"));
        let contact: Vec<&str> = contact.as_deref().into_iter().collect();
        let wanted = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let (account, credentials) = builder.create(&wanted, self.options.directory.clone(), None).await?;
        self.store.keep_account(&credentials)?;
        Ok(account)
    }

    /// What an order was refused with. Where that is because of the account, the next one gets a new account.
    fn of_account(&self, error: AcmeError) -> Error {
        let kind = match &error {
            AcmeError::Api(problem) => problem.r#type.as_deref(),
            _ => None,
        };
        if kind.is_some_and(|kind| NO_ACCOUNT.contains(&kind)) {
            self.store.forget_account();
        }
        error.into()
    }

    /// Lays out what the server comes to see, and tells it to come.
    async fn prove(&self, order: &mut Order, name: &str) -> Result<Vec<Proof>, Error> {
        let mut proofs = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            match authorization.status {
                AuthorizationStatus::Pending => {}
                AuthorizationStatus::Valid => continue,
                status => return Err(Error::Refused(format!("the authorization for {name} is {status:?} already"))),
            }
            let chosen = self.options.challenge;
            let challenge = authorization.challenge(chosen.kind());
            let mut challenge = challenge.ok_or_else(|| {
                Error::Refused(format!("the ACME server does not offer the challenge {} for {name}", chosen.name()))
            })?;
            let answer = challenge.key_authorization();
            let table = &self.certificates.0;
            match chosen {
                Challenge::TlsAlpn01 => table.prove(name, certificate(name, answer.digest().as_ref())?),
                Challenge::Http01 => table.answer_with(&challenge.token, answer.as_str()),
            }
            let certificates = self.certificates.clone();
            proofs.push(Proof { certificates, name: name.to_owned(), token: challenge.token.clone() });
            challenge.set_ready().await?;
        }
        Ok(proofs)
    }
}

/// What is shown to the server; dropping it takes it back.
struct Proof {
    certificates: Certificates,
    name: String,
    token: String,
}

impl Drop for Proof {
    fn drop(&mut self) {
        let table: &Table = &self.certificates.0;
        table.withdraw(&self.name, &self.token);
    }
}

/// The certificate that shows that a name leads here (RFC 8737, 3).
fn certificate(name: &str, digest: &[u8]) -> Result<Arc<CertifiedKey>, Error> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    // Its extension is critical, and so unknown to whoever would look at the certificate here.
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], any_ecdsa_type(&key)?)))
}

/// Why the server did not take what it saw. `told` is what it said of the order, which is less than it knows of each challenge.
async fn refusal(order: &mut Order, name: &str, told: Option<AcmeError>) -> Error {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return Error::Refused(format!(
                "the ACME server did not find the proof at {name}: {problem}. Does the name lead to this server, on the port that the challenge needs?"
            ));
        }
    }
    told.map_or_else(
        || Error::Refused(format!("the ACME server refused the order for {name} without a reason")),
        Error::Acme,
    )
}
