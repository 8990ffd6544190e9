//! `USER_AUTH`: whoever signs in chooses what with, among what the pool allows and the user has.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html>

use service::Constraints;

use super::factors::{available, verified_email};
use super::passkey::{Party, relying_party};
use super::{Answer, Parameters, SignIn, required};
use crate::error::Error;
use crate::messages::{CodeDeliveryDetails, Occasion};
use crate::model::code::{self, Purpose};
use crate::model::{passkey as passkeys, user as users};
use crate::ops::sign_up::{keep_code, pretended, write_code};
use crate::session::{Challenge, Session};
use crate::types::{Mfa, Status, User};

/// What may be preferred. There are no text messages here: whoever prefers one is asked to choose.
const WORDS: [&str; 5] = ["PASSWORD", "PASSWORD_SRP", "EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"];
/// What a pool can allow, as SignInPolicy has it.
pub const FACTORS: [&str; 4] = ["PASSWORD", "EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"];

impl SignIn {
    /// Begins with a name, and perhaps with a choice.
    pub async fn by_choice(&self, parameters: &Parameters) -> Result<Answer, Error> {
        let preferred = parameters.get("PREFERRED_CHALLENGE").map(String::as_str).filter(|word| !word.is_empty());
        let mut constraints = Constraints::default();
        constraints.one_of(preferred, "authParameters.PREFERRED_CHALLENGE", &WORDS);
        constraints.check()?;
        let (user, exists) = self.named(parameters)?;
        let factors = self.first_factors(&user)?;
        match factors.iter().find(|factor| Some(factor.word()) == preferred) {
            Some(factor) => self.begin_with(*factor, &user, exists, parameters).await,
            None => {
                let session = Session::new(&self.cx, &self.client, &user, Challenge::Choice, &self.metadata);
                let mut answer = self.challenge(&session, [("USERNAME".to_owned(), user.name.clone())].into())?;
                if let Answer::Challenge { available, .. } = &mut answer {
                    available.extend(factors.iter().map(|factor| factor.word()));
                }
                Ok(answer)
            }
        }
    }

    /// Goes on with what was chosen.
    pub async fn select_challenge(&self, session: &Session, responses: &Parameters) -> Result<Answer, Error> {
        let (user, exists) = self.named(responses)?;
        if session.sub != user.sub {
            return Err(Error::not_authorized("Invalid session for the user."));
        }
        let answer = required(responses, "ANSWER")?;
        let factors = self.first_factors(&user)?;
        let chosen = factors.iter().find(|factor| factor.word() == answer);
        let chosen = chosen.ok_or_else(|| Error::parameter("The challenge is not one of AvailableChallenges."))?;
        self.begin_with(*chosen, &user, exists, responses).await
    }

    /// Who is called this, or who looks like it, and whether it is somebody.
    fn named(&self, parameters: &Parameters) -> Result<(User, bool), Error> {
        let name = required(parameters, "USERNAME")?;
        match self.find(name)? {
            Some(user) => Ok((user, true)),
            None if self.client.settings.hides_users => Ok((self.decoy(name), false)),
            None => Err(Error::UserNotFound),
        }
    }

    /// What is offered: what the user can begin with or, where the client hides who is a user, everything that the pool allows, to everybody.
    /// Who chooses what they do not have goes on like somebody who does not exist.
    fn first_factors(&self, user: &User) -> Result<Vec<Challenge>, Error> {
        let mut offered = Vec::new();
        for factor in self.allowed_factors()? {
            if self.client.settings.hides_users || self.has_factor(user, factor)? {
                offered.push(factor);
            }
        }
        Ok(offered)
    }

    /// What the pool lets anybody begin with. What is no password does not do where a second factor is asked for, unless it is two in one.
    fn allowed_factors(&self) -> Result<Vec<Challenge>, Error> {
        let settings = &self.pool.settings;
        let allows = |factor: &str| settings.first_factors.iter().any(|own| own == factor);
        let needs_second = settings.mfa == Mfa::On;
        let mut factors = Vec::new();
        if settings.first_factors.is_empty() || allows("PASSWORD") {
            factors.extend([Challenge::PasswordSrp, Challenge::Password]);
        }
        if allows("EMAIL_OTP") && !needs_second {
            factors.push(Challenge::EmailOtp);
        }
        if allows("WEB_AUTHN") && (self.passkeys_are_two() || !needs_second) && self.party()?.is_some() {
            factors.push(Challenge::WebAuthn);
        }
        Ok(factors)
    }

    /// Whether a user can begin with what the pool allows.
    pub fn has_factor(&self, user: &User, factor: Challenge) -> Result<bool, Error> {
        let is_confirmed = user.status == Status::Confirmed;
        let needs_second = !available(&self.pool, user).is_empty();
        match factor {
            Challenge::EmailOtp => Ok(is_confirmed && verified_email(user).is_some() && !needs_second),
            Challenge::WebAuthn => {
                Ok(is_confirmed && (self.passkeys_are_two() || !needs_second) && self.has_passkey(user)?)
            }
            _ => Ok(user.password.is_some()),
        }
    }

    fn passkeys_are_two(&self) -> bool {
        self.pool.settings.passkeys.as_ref().is_some_and(|passkeys| passkeys.is_second_factor)
    }

    /// Whom passkeys are for; `None` where the pool has nobody.
    fn party(&self) -> Result<Option<Party>, Error> {
        match relying_party(&self.cognito, &self.cx.db().read()?, &self.pool) {
            Ok(party) => Ok(Some(party)),
            Err(Error::WebAuthnConfigurationMissing) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether there is one for the party that the pool is now.
    fn has_passkey(&self, user: &User) -> Result<bool, Error> {
        let Some(party) = self.party()? else { return Ok(false) };
        Ok(passkeys::of_user(&self.cx.db().read()?, user)?.iter().any(|own| own.party == party.id))
    }

    async fn begin_with(
        &self,
        factor: Challenge,
        user: &User,
        exists: bool,
        parameters: &Parameters,
    ) -> Result<Answer, Error> {
        match factor {
            Challenge::Password if parameters.contains_key("PASSWORD") => self.by_password(parameters).await,
            Challenge::PasswordSrp if parameters.contains_key("SRP_A") => self.by_srp(parameters).await,
            Challenge::EmailOtp => {
                self.pre_authentication(user, exists).await?;
                self.send_first_code(user).await
            }
            Challenge::WebAuthn => {
                self.pre_authentication(user, exists).await?;
                self.ask_for_passkey(user)
            }
            factor => {
                let session = Session::new(&self.cx, &self.client, user, factor, &self.metadata);
                self.challenge(&session, [("USERNAME".to_owned(), user.name.clone())].into())
            }
        }
    }

    /// Asks for a code to sign in with, and sends one. Anybody may ask for one: they are counted with the user, and no more than a few are
    /// sent. Beyond that the last one does, which its owner has: nobody is kept out by what others ask for.
    async fn send_first_code(&self, user: &User) -> Result<Answer, Error> {
        let may_send = self.has_factor(user, Challenge::EmailOtp)?;
        let address = verified_email(user).filter(|_| may_send);
        let details = match address {
            Some(address) => match self.send_code(user, address).await {
                Ok(()) | Err(Error::LimitExceeded) => CodeDeliveryDetails::email(address),
                Err(error) => return Err(error),
            },
            // Only where the client hides who can get one.
            None => pretended(&self.pool, &user.name).code_delivery_details,
        };
        let session = Session::new(&self.cx, &self.client, user, Challenge::EmailOtp, &self.metadata);
        let parameters = [
            ("USERNAME", user.name.clone()),
            ("CODE_DELIVERY_DELIVERY_MEDIUM", details.delivery_medium.to_owned()),
            ("CODE_DELIVERY_DESTINATION", details.destination),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value)).into();
        self.challenge(&Session { first: true, ..session }, parameters)
    }

    async fn send_code(&self, user: &User, address: &str) -> Result<(), Error> {
        let (occasion, id) = (Occasion::Authentication, Some(self.client.id.as_str()));
        let SignIn { cognito, cx, pool, metadata, .. } = self;
        let purpose = Purpose::SignIn;
        let written = write_code(cognito, cx, pool, id, user, address, &purpose, None, occasion, metadata).await?;
        keep_code(cx, pool, user, written).await
    }

    /// Checks the code that a sign-in began with.
    pub async fn verify_first_code(&self, session: &Session, given: String) -> Result<Answer, Error> {
        let user = match self.user_of(session) {
            Ok(user) if self.has_factor(&user, Challenge::EmailOtp)? => user,
            // Nobody has got a code, so each is a wrong one.
            Ok(_) | Err(Error::NotAuthorized(_)) => return Err(Error::CodeMismatch),
            Err(error) => return Err(error),
        };
        let hides = self.client.settings.hides_users;
        let (cognito, pool, key, now) = (self.cognito.clone(), self.pool.clone(), user.key, self.cx.env().now());
        let id = session.id.clone();
        let take = move |tx: &mut kv::Tx| {
            users::change(tx, &pool, &key, |user| {
                users::check_unlocked(user, now)?;
                let place = Purpose::SignIn.place(&pool.id, &user.sub);
                let open = |sealed: &[u8]| Ok(cognito.vault.open(&place, sealed)?.to_vec());
                let taken = code::take_in(user, &Purpose::SignIn, Some(&id), &given, now, open)?;
                match taken {
                    // Whoever gets in may ask for further ones.
                    Ok(_) => drop(user.codes.remove(&Purpose::SignIn.key())),
                    Err(_) => users::count_failure(user, now),
                }
                Ok(taken.map(|_| user.clone()))
            })
        };
        let taken = self.cx.db().write(take).await.and_then(|taken| taken);
        let user = taken.map_err(|error| match error {
            // Those who have got none are neither locked out nor late: who guesses is to see no difference.
            Error::NotAuthorized(_) | Error::ExpiredCode | Error::LimitExceeded if hides => Error::CodeMismatch,
            error => error,
        })?;
        self.proven(user, Some(session)).await
    }
}
