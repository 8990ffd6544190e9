//! Devices that users trust: each shows that it knows a secret, beside a second factor or in its place.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-device-tracking.html>

use super::srp::{Claim, Secret};
use super::{Answer, Goal, Parameters, SignIn, required};
use crate::Cognito;
use crate::crypto::mac;
use crate::error::Error;
use crate::model::device as devices;
use crate::session::{Challenge, Session};
use crate::tokens::{Moment, NewDevice};
use crate::types::{Device, Pool, User};

/// Where the vault has the verifier of a device.
pub fn place(user: &User, key: &str) -> Vec<u8> {
    format!("cognito device {} {} {key}", user.pool, user.sub).into_bytes()
}

/// What all devices of a user are hashed with: the same each time, so that it need not be kept.
fn group_key(pool: &Pool, user: &User) -> String {
    let hash = hex::encode(mac(&pool.decoy, &[b"device group", user.sub.as_bytes()]));
    format!("-{}", hash.get(..8).unwrap_or_default())
}

fn refused() -> Error {
    Error::not_authorized("Invalid session for the user.")
}

impl SignIn {
    /// What a device is called that comes without a key, where the pool remembers devices.
    pub fn new_device(&self, user: &User) -> Option<NewDevice> {
        let is_new = self.pool.settings.devices.is_some() && self.device.is_none();
        is_new.then(|| NewDevice {
            device_key: format!("{}_{}", self.pool.arn.region, self.cx.env().uuid()),
            device_group_key: group_key(&self.pool, user),
        })
    }

    /// The device that the caller has, where it has to show that.
    ///
    /// # Errors
    /// When the user has no such device. Clients then come once more without its key.
    pub fn remembered(&self, user: &User) -> Result<Option<Device>, Error> {
        let Some(key) = &self.device else { return Ok(None) };
        if self.goal != Goal::Tokens || self.pool.settings.devices.is_none() {
            return Ok(None);
        }
        Ok(Some(devices::get(&self.cx.db().read()?, user, key)?).filter(|device| device.remembered))
    }

    /// Asks for that. Some clients do not bring the session back: it waits with the device, too.
    pub async fn ask_for_device(&self, user: &User, device: &Device) -> Result<Answer, Error> {
        let session = Session::new(&self.cx, &self.client, user, Challenge::DeviceSrp, &self.metadata);
        let answer = self.challenge(&session, named(user, &device.key))?;
        let Answer::Challenge { session: sealed, .. } = &answer else { return Ok(answer) };
        let (user, key, waiting) = (user.clone(), device.key.clone(), sealed.clone());
        let keep = move |tx: &mut kv::Tx| devices::change(tx, &user, &key, |device| device.waiting = waiting.clone());
        self.cx.db().write(keep).await?;
        Ok(answer)
    }

    /// The session that waits with a device, once.
    pub async fn waiting(&self, responses: &Parameters) -> Result<String, Error> {
        let (name, key) = (required(responses, "USERNAME")?, required(responses, "DEVICE_KEY")?.to_owned());
        let user = self.find(name)?.ok_or_else(refused)?;
        let take = move |tx: &mut kv::Tx| devices::change(tx, &user, &key, |device| device.waiting.take());
        match self.cx.db().write(take).await {
            Ok(waiting) => waiting.ok_or_else(refused),
            Err(Error::NotFound(_)) => Err(refused()),
            Err(error) => Err(error),
        }
    }

    /// The device that a session is about, which the caller has to name again.
    fn device_of(&self, session: &Session, user: &User) -> Result<Device, Error> {
        let key = session.device.as_ref().filter(|key| self.device.as_ref() == Some(*key)).ok_or_else(refused)?;
        let device = devices::get(&self.cx.db().read()?, user, key)?;
        if device.remembered { Ok(device) } else { Err(refused()) }
    }

    fn secret_of_device(cognito: &Cognito, user: &User, device: &Device) -> Result<Secret, Error> {
        let verifier = cognito.vault.open(&place(user, &device.key), &device.verifier)?.to_vec();
        Ok(Secret { salt: device.salt.to_vec(), verifier })
    }

    /// Sends our number to a device.
    pub async fn begin_device(&self, session: &Session, responses: &Parameters) -> Result<Answer, Error> {
        let user = self.user_of(session)?;
        let device = self.device_of(session, &user)?;
        let secret = SignIn::secret_of_device(&self.cognito, &user, &device)?;
        let challenge = Challenge::DevicePasswordVerifier;
        let next = Session::new(&self.cx, &self.client, &user, challenge, &self.metadata);
        let next = Session { device: session.device.clone(), ..next };
        let mut parameters = self.begin_exchange(next, required(responses, "SRP_A")?, secret).await?;
        parameters.extend(named(&user, &device.key));
        Ok(Answer::exchange(challenge, parameters))
    }

    /// Checks the device's proof.
    pub async fn verify_device(&self, responses: &Parameters) -> Result<Answer, Error> {
        let claim = Claim::read(responses)?;
        let (session, a, b) = claim.open(self, Challenge::DevicePasswordVerifier)?;
        let user = self.user_of(&session)?;
        let device = self.device_of(&session, &user)?;
        let Secret { verifier, .. } = SignIn::secret_of_device(&self.cognito, &user, &device)?;
        let names = (group_key(&self.pool, &user), device.key.clone());
        if !self.is_proof(&user, claim, (a, b), verifier, names).await? {
            self.count_failure(&user).await?;
            return Err(Error::wrong_password());
        }
        self.complete(user, Some(&session), Moment::Authentication, Some(&device.key)).await
    }
}

fn named(user: &User, key: &str) -> Parameters {
    [("USERNAME", user.name.as_str()), ("DEVICE_KEY", key)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// A verifier that a client made: a number that SRP can be done with.
///
/// # Errors
/// When it is none.
pub fn check_verifier(verifier: &[u8]) -> Result<(), Error> {
    match crate::crypto::srp::is_fit(verifier) {
        true => Ok(()),
        false => Err(Error::parameter("DeviceSecretVerifierConfig.PasswordVerifier is no number that can be used.")),
    }
}
