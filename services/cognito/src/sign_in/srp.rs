//! Passwords that are not sent: `USER_SRP_AUTH`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

use super::{Answer, Parameters, SignIn, password, required};
use crate::crypto::{mac, srp};
use crate::error::Error;
use crate::model::user as users;
use crate::session::{Challenge, Custom, Session};
use crate::types::User;

/// What the password of a user or a device is checked against, or what looks like it.
pub struct Secret {
    pub salt: Vec<u8>,
    pub verifier: Vec<u8>,
}

/// A client's proof that it has the key that both sides agreed on.
pub struct Claim {
    block: Vec<u8>,
    signature: Vec<u8>,
    time: String,
}

fn invalid() -> Error {
    Error::not_authorized("Invalid session for the user.")
}

impl Claim {
    pub fn read(responses: &Parameters) -> Result<Claim, Error> {
        Ok(Claim {
            block: STANDARD.decode(required(responses, "PASSWORD_CLAIM_SECRET_BLOCK")?).map_err(|_| invalid())?,
            signature: STANDARD.decode(required(responses, "PASSWORD_CLAIM_SIGNATURE")?).unwrap_or_default(),
            time: required(responses, "TIMESTAMP")?.to_owned(),
        })
    }

    /// The session that it brings back, and the exchange in it.
    ///
    /// # Errors
    /// When it waits for something else.
    pub fn open(&self, sign_in: &SignIn, challenge: Challenge) -> Result<(Session, Vec<u8>, [u8; 32]), Error> {
        let session = Session::open_bytes(&sign_in.cognito, &sign_in.cx, &sign_in.client.id, &self.block)?;
        let (a, b) = session.srp.clone().filter(|_| session.challenge == challenge).ok_or_else(invalid)?;
        Ok((session, a, b))
    }
}

impl SignIn {
    /// Begins with a name, and the client's number.
    pub async fn by_srp(&self, parameters: &Parameters) -> Result<Answer, Error> {
        let name = required(parameters, "USERNAME")?;
        let found = self.find(name)?;
        if found.is_none() && !self.client.settings.hides_users {
            return Err(Error::UserNotFound);
        }
        let (user, exists) = found.map_or_else(|| (self.decoy(name), false), |user| (user, true));
        self.pre_authentication(&user, exists).await?;
        self.exchange(&user, required(parameters, "SRP_A")?, None).await
    }

    /// Sends our number.
    pub async fn exchange(&self, user: &User, a: &str, custom: Option<Custom>) -> Result<Answer, Error> {
        let session = Session::new(&self.cx, &self.client, user, Challenge::PasswordVerifier, &self.metadata);
        let mut parameters = self.begin_exchange(Session { custom, ..session }, a, self.secret(user)?).await?;
        let names = [("USERNAME", user.name.clone()), ("USER_ID_FOR_SRP", user.name.clone())];
        parameters.extend(names.map(|(name, value)| (name.to_owned(), value)));
        Ok(Answer::exchange(Challenge::PasswordVerifier, parameters))
    }

    /// The same for whoever has the secret: the session goes along, sealed, with what was agreed.
    pub async fn begin_exchange(&self, session: Session, a: &str, secret: Secret) -> Result<Parameters, Error> {
        let invalid = || Error::parameter("SRP_A is not a number that can be used.");
        // Of any length: a hexadecimal number has no leading zero.
        let padded = if a.len() % 2 == 1 { format!("0{a}") } else { a.to_owned() };
        let a = hex::decode(padded).map_err(|_| invalid())?;
        if !srp::is_fit(&a) {
            return Err(invalid());
        }
        let (env, Secret { salt, verifier }) = (self.cx.env().clone(), secret);
        let exchange = self.cognito.heavy(move || srp::begin(&env, &verifier).ok_or_else(invalid)).await?;
        let session = Session { srp: Some((a, exchange.b)), ..session };
        let parameters = [
            ("SALT", hex::encode(salt)),
            ("SECRET_BLOCK", STANDARD.encode(session.seal_bytes(&self.cognito)?)),
            ("SRP_B", hex::encode(exchange.public)),
        ];
        Ok(parameters.map(|(name, value)| (name.to_owned(), value)).into())
    }

    fn secret(&self, user: &User) -> Result<Secret, Error> {
        if let Some(kept) = &user.password {
            let verifier = self.cognito.vault.open(&password::owner(&self.pool, user).place, &kept.verifier)?;
            return Ok(Secret { salt: kept.srp_salt.to_vec(), verifier: verifier.to_vec() });
        }
        let part = |what: &[u8], number: u8| mac(&self.pool.decoy, &[what, &[number], user.key.as_bytes()]);
        let salt = part(b"salt", 0).into_iter().take(16).collect();
        // Smaller than the prime: its first byte is not 255.
        let verifier = (0..12).flat_map(|number| part(b"verifier", number)).enumerate();
        let verifier = verifier.map(|(place, byte)| if place == 0 { byte & 0x7f } else { byte }).collect();
        Ok(Secret { salt, verifier })
    }

    /// Checks the client's proof.
    pub async fn verify_srp(&self, responses: &Parameters) -> Result<Answer, Error> {
        let claim = Claim::read(responses)?;
        let (session, a, b) = claim.open(self, Challenge::PasswordVerifier)?;
        let found = match self.user_of(&session) {
            Ok(user) => Some(user),
            Err(Error::NotAuthorized(_)) => None,
            Err(error) => return Err(error),
        };
        let Some(user) = found else {
            // It takes as long as for somebody who exists.
            self.cognito.heavy(move || Ok(srp::key(&a, &b, &[2; 384]))).await?;
            return Err(Error::wrong_password());
        };
        let (pool, name) = (self.pool.short_name().to_owned(), user.name.clone());
        let Secret { verifier, .. } = self.secret(&user)?;
        let has_password = user.password.is_some();
        if !self.is_proof(&user, claim, (a, b), verifier, (pool, name)).await? || !has_password {
            self.count_failure(&user).await?;
            return Err(Error::wrong_password());
        }
        match &session.custom {
            Some(custom) => {
                self.go_on(user, custom.clone().with(Challenge::PasswordVerifier, true), Some(&session)).await
            }
            None => self.proven(user, Some(&session)).await,
        }
    }

    /// Whether a proof is right for who has this verifier, a user or a device, and is called this by clients.
    ///
    /// # Errors
    /// While the user is locked out.
    pub async fn is_proof(
        &self,
        user: &User,
        claim: Claim,
        (a, b): (Vec<u8>, [u8; 32]),
        verifier: Vec<u8>,
        (group, name): (String, String),
    ) -> Result<bool, Error> {
        let (cx, id, place) = (self.cx.clone(), self.pool.id.clone(), user.key.clone());
        let check = move || {
            // As for passwords that are sent, that is looked at when it is this one's turn.
            users::check_unlocked(&users::by_key(&cx.db().read()?, &id, &place)?, cx.env().now())?;
            let key = srp::key(&a, &b, &verifier).ok_or_else(invalid)?;
            let proof = srp::proof(&key, &group, &name, &claim.block, &claim.time);
            Ok(bool::from(proof.as_slice().ct_eq(&claim.signature)))
        };
        self.cognito.heavy(check).await
    }
}
