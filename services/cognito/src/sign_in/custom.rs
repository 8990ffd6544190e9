//! `CUSTOM_AUTH`: functions say what is asked, and when it is enough.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-challenge.html>

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Answer, Parameters, SignIn, required};
use crate::error::Error;
use crate::limits::CHALLENGES_MAX;
use crate::model::grant;
use crate::session::{Challenge, Custom, Round, Session};
use crate::tokens::Moment;
use crate::triggers;
use crate::types::{Status, User};

impl Custom {
    /// The same after one more round.
    pub fn with(mut self, challenge: Challenge, result: bool) -> Custom {
        let challenge_metadata = self.metadata.take();
        self.rounds.push(Round {
            challenge_name: challenge.word().into(),
            challenge_result: result,
            challenge_metadata,
        });
        self.private.clear();
        self
    }
}

impl SignIn {
    pub async fn by_custom(&self, parameters: &Parameters) -> Result<Answer, Error> {
        if !self.pool.settings.triggers.contains_key("DefineAuthChallenge") {
            return Err(Error::parameter("Custom auth lambda trigger is not configured for the user pool."));
        }
        let name = required(parameters, "USERNAME")?;
        let found = self.find(name)?;
        if found.is_none() && !self.client.settings.hides_users {
            return Err(Error::UserNotFound);
        }
        let (user, exists) = found.map_or_else(|| (self.decoy(name), false), |user| (user, true));
        self.pre_authentication(&user, exists).await?;
        let mut custom = Custom::default();
        if parameters.get("CHALLENGE_NAME").is_some_and(|name| name == "SRP_A") {
            let round = Round { challenge_name: "SRP_A".into(), challenge_result: true, challenge_metadata: None };
            custom.rounds.push(round);
            let answer = self.define(&user, exists, &custom).await?;
            return match answer.get("challengeName").and_then(Value::as_str) {
                Some("PASSWORD_VERIFIER") => self.exchange(&user, required(parameters, "SRP_A")?, Some(custom)).await,
                _ => self.decide(user, exists, custom, None, answer).await,
            };
        }
        let answer = self.define(&user, exists, &custom).await?;
        self.decide(user, exists, custom, None, answer).await
    }

    /// Asks what comes next for a user who exists.
    pub async fn go_on(&self, user: User, custom: Custom, session: Option<&Session>) -> Result<Answer, Error> {
        let answer = self.define(&user, true, &custom).await?;
        self.decide(user, true, custom, session, answer).await
    }

    async fn define(&self, user: &User, exists: bool, custom: &Custom) -> Result<Map<String, Value>, Error> {
        let mut request = triggers::about(user, &self.metadata);
        request["session"] = json!(custom.rounds);
        request["userNotFound"] = json!(!exists);
        let answer = self.ask("DefineAuthChallenge", "DefineAuthChallenge_Authentication", user, request).await?;
        Ok(answer.unwrap_or_default())
    }

    async fn decide(
        &self,
        user: User,
        exists: bool,
        custom: Custom,
        session: Option<&Session>,
        answer: Map<String, Value>,
    ) -> Result<Answer, Error> {
        let is_set = |name: &str| answer.get(name).and_then(Value::as_bool) == Some(true);
        if is_set("failAuthentication") || custom.rounds.len() >= CHALLENGES_MAX {
            return Err(Error::wrong_password());
        }
        if is_set("issueTokens") {
            return match (exists, user.status) {
                (false, _) => Err(Error::wrong_password()),
                (true, Status::Unconfirmed) => Err(Error::UserNotConfirmed),
                (true, _) => self.finish(user, session, Moment::Authentication).await,
            };
        }
        match answer.get("challengeName").and_then(Value::as_str) {
            Some("CUSTOM_CHALLENGE") => self.create(&user, exists, custom).await,
            _ => Err(Error::InvalidLambdaResponse("DefineAuthChallenge names no challenge that can be asked.".into())),
        }
    }

    async fn create(&self, user: &User, exists: bool, custom: Custom) -> Result<Answer, Error> {
        let mut request = triggers::about(user, &self.metadata);
        request["challengeName"] = json!(Challenge::Custom.word());
        request["session"] = json!(custom.rounds);
        request["userNotFound"] = json!(!exists);
        let answer = self.ask("CreateAuthChallenge", "CreateAuthChallenge_Authentication", user, request).await?;
        let answer = answer
            .ok_or_else(|| Error::parameter("Custom auth lambda trigger is not configured for the user pool."))?;
        let texts = |name: &str| -> BTreeMap<String, String> {
            let members = answer.get(name).and_then(Value::as_object).into_iter().flatten();
            members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
        };
        let mut session = Session::new(&self.cx, &self.client, user, Challenge::Custom, &self.metadata);
        let metadata = answer.get("challengeMetadata").and_then(Value::as_str).map(str::to_owned);
        session.custom = Some(Custom { private: texts("privateChallengeParameters"), metadata, ..custom });
        let mut parameters = texts("publicChallengeParameters");
        parameters.insert("USERNAME".into(), user.name.clone());
        self.challenge(&session, parameters)
    }

    /// Lets the pool's function check an answer. There is one for each session: were a wrong one free, all would be tried.
    pub async fn verify_custom(&self, session: &Session, responses: &Parameters) -> Result<Answer, Error> {
        let answer = required(responses, "ANSWER")?;
        let custom = session.custom.clone().ok_or_else(|| Error::not_authorized("Invalid session for the user."))?;
        let (pool, id, expires) = (self.pool.id.clone(), session.id.clone(), session.expires);
        self.cx.db().write(move |tx| grant::spend(tx, &pool, &id, expires)).await?;
        let (user, exists) = match self.user_of(session) {
            Ok(user) => (user, true),
            Err(Error::NotAuthorized(_)) => (self.decoy(responses.get("USERNAME").map_or("", String::as_str)), false),
            Err(error) => return Err(error),
        };
        let mut request = triggers::about(&user, &self.metadata);
        request["privateChallengeParameters"] = json!(custom.private);
        request["challengeAnswer"] = json!(answer);
        request["userNotFound"] = json!(!exists);
        let source = "VerifyAuthChallengeResponse_Authentication";
        let checked = self.ask("VerifyAuthChallengeResponse", source, &user, request).await?.unwrap_or_default();
        let is_right = checked.get("answerCorrect").and_then(Value::as_bool) == Some(true);
        let custom = custom.with(Challenge::Custom, is_right);
        let answer = self.define(&user, exists, &custom).await?;
        // The session is spent already.
        self.decide(user, exists, custom, None, answer).await
    }
}
