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

/// What a user's password is checked against, or what looks like it.
struct Secret {
    salt: Vec<u8>,
    verifier: Vec<u8>,
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
        let invalid = || Error::parameter("SRP_A is not a number that can be used.");
        // Of any length: a hexadecimal number has no leading zero.
        let padded = if a.len() % 2 == 1 { format!("0{a}") } else { a.to_owned() };
        let a = hex::decode(padded).map_err(|_| invalid())?;
        if !srp::is_fit(&a) {
            return Err(invalid());
        }
        let Secret { salt, verifier } = self.secret(user)?;
        let env = self.cx.env().clone();
        let exchange = self.cognito.heavy(move || srp::begin(&env, &verifier).ok_or_else(invalid)).await?;
        let mut session = Session::new(&self.cx, &self.client, user, Challenge::PasswordVerifier, &self.metadata);
        (session.srp, session.custom) = (Some((a, exchange.b)), custom);
        let parameters = [
            ("SALT", hex::encode(salt)),
            ("SECRET_BLOCK", STANDARD.encode(session.seal_bytes(&self.cognito)?)),
            ("SRP_B", hex::encode(exchange.public)),
            ("USERNAME", user.name.clone()),
            ("USER_ID_FOR_SRP", user.name.clone()),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value)).into();
        Ok(Answer::Challenge { challenge: Challenge::PasswordVerifier, session: None, parameters })
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
        let invalid = || Error::not_authorized("Invalid session for the user.");
        let block = STANDARD.decode(required(responses, "PASSWORD_CLAIM_SECRET_BLOCK")?).map_err(|_| invalid())?;
        let signature = STANDARD.decode(required(responses, "PASSWORD_CLAIM_SIGNATURE")?).unwrap_or_default();
        let time = required(responses, "TIMESTAMP")?.to_owned();
        let session = Session::open_bytes(&self.cognito, &self.cx, &self.client.id, &block)?;
        let (a, b) =
            session.srp.clone().filter(|_| session.challenge == Challenge::PasswordVerifier).ok_or_else(invalid)?;
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
        let (cx, id, place) = (self.cx.clone(), self.pool.id.clone(), user.key.clone());
        let is_right = self.cognito.heavy(move || {
            // As for passwords that are sent, that is looked at when it is this one's turn.
            users::check_unlocked(&users::by_key(&cx.db().read()?, &id, &place)?, cx.env().now())?;
            let key = srp::key(&a, &b, &verifier).ok_or_else(invalid)?;
            Ok(bool::from(srp::proof(&key, &pool, &name, &block, &time).as_slice().ct_eq(&signature)))
        });
        if !is_right.await? || !has_password {
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
}
