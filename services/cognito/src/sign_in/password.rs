//! Passwords that are sent: `USER_PASSWORD_AUTH` and its like, a new one for a temporary one, and users that another directory knows.

use serde_json::{Value, json};

use super::{Answer, Parameters, SignIn, required};
use crate::crypto::password::{self, Owner};
use crate::error::Error;
use crate::model::user::{self as users, Conflict};
use crate::ops::check_password_form;
use crate::schema::{self, Attribute, Author};
use crate::session::Session;
use crate::tokens::Moment;
use crate::triggers::{self, Event};
use crate::types::{Password, Pool, Status, User};

/// Whose password it is, for SRP and for the vault.
pub fn owner(pool: &Pool, user: &User) -> Owner {
    let place = format!("cognito password {} {}", pool.id, user.sub).into_bytes();
    Owner { pool: pool.short_name().to_owned(), user: user.name.clone(), place }
}

impl SignIn {
    /// Makes what is kept of a password, off the threads that answer requests.
    pub async fn make_password(&self, user: &User, text: &str) -> Result<Password, Error> {
        let (owner, text) = (owner(&self.pool, user), text.to_owned());
        let (vault, env) = (self.cognito.vault.clone(), self.cx.env().clone());
        self.cognito.heavy(move || password::make(&vault, &env, &owner, &text)).await
    }

    /// Begins with a name and a password.
    pub async fn by_password(&self, parameters: &Parameters) -> Result<Answer, Error> {
        let (name, text) = (required(parameters, "USERNAME")?, required(parameters, "PASSWORD")?.to_owned());
        let Some(user) = self.find(name)? else { return self.by_foreign_password(name, text).await };
        self.pre_authentication(&user, true).await?;
        if !self.is_password(&user, text).await? {
            self.count_failure(&user).await?;
            return Err(Error::wrong_password());
        }
        self.proven(user, None).await
    }

    /// Whether it is the user's password.
    ///
    /// # Errors
    /// While the user is locked out: that is looked at when it is this one's turn, behind those that were sent at once.
    pub async fn is_password(&self, user: &User, text: String) -> Result<bool, Error> {
        let (cx, pool, key) = (self.cx.clone(), self.pool.id.clone(), user.key.clone());
        self.cognito
            .heavy(move || {
                let user = users::by_key(&cx.db().read()?, &pool, &key)?;
                users::check_unlocked(&user, cx.env().now())?;
                password::check(user.password.as_ref(), &text)
            })
            .await
    }

    /// Somebody who is not here, but may be in another directory.
    async fn by_foreign_password(&self, name: &str, text: String) -> Result<Answer, Error> {
        let hidden = self.client.settings.hides_users;
        if hidden {
            self.pre_authentication(&self.decoy(name), false).await?;
        }
        match self.migrated(name, &text).await? {
            Some(user) => self.proven(user, None).await,
            None => {
                if hidden {
                    self.cognito.heavy(move || password::check(None, &text)).await?;
                }
                Err(self.no_user())
            }
        }
    }

    /// Takes a user over whom the pool's function vouches for.
    ///
    /// Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-migrate-user.html>
    async fn migrated(&self, name: &str, text: &str) -> Result<Option<User>, Error> {
        let request = json!({"password": text, "validationData": self.metadata, "clientMetadata": self.metadata});
        let (client, response) = (Some(self.client.id.as_str()), json!({}));
        let source = "UserMigration_Authentication";
        let event = Event { pool: &self.pool, client, user: name, source, request, response };
        let answer = match triggers::ask(&self.cx, "UserMigration", event).await {
            Ok(answer) => answer.unwrap_or_default(),
            // It does not know the user, or the password is wrong.
            Err(Error::UserLambdaValidation(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(attributes) = answer.get("userAttributes").and_then(Value::as_object) else { return Ok(None) };
        let given = attributes.iter().filter(|(name, _)| *name != "username" && *name != schema::SUB);
        let attribute = |(name, value): (&String, &Value)| Attribute {
            name: name.clone(),
            value: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
        };
        let given: Vec<Attribute> = given.map(attribute).collect();
        let attributes = schema::read(&self.pool, &given, Author::Administrator)?;
        let word = answer.get("finalUserStatus").and_then(Value::as_str);
        let mut user = crate::ops::sign_up::new_user(&self.cx, &self.pool, name, attributes)?;
        schema::check_required(&self.pool, &user.attributes)?;
        user.status = if word == Some("RESET_REQUIRED") { Status::ResetRequired } else { Status::Confirmed };
        user.password = Some(self.make_password(&user, text).await?);
        let (pool, kept) = (self.pool.clone(), user.clone());
        self.cx.db().write(move |tx| users::create(tx, &pool, &kept, Conflict::Refuse, "User already exists")).await?;
        Ok(Some(user))
    }

    /// Sets the password that a temporary one asks for.
    pub async fn new_password(&self, session: &Session, responses: &Parameters) -> Result<Answer, Error> {
        let text = required(responses, "NEW_PASSWORD")?;
        check_password_form(text, "password")?;
        password::check_policy(&self.pool.settings.password, text)?;
        let user = self.user_of(session)?;
        let given = responses.iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("userAttributes.")?;
            Some(Attribute { name: name.to_owned(), value: value.clone() })
        });
        let given: Vec<Attribute> = given.collect();
        let attributes = schema::read(&self.pool, &given, Author::User(&self.client))?;
        let made = self.make_password(&user, text).await?;
        let (pool, key, now) = (self.pool.clone(), user.key.clone(), self.cx.now());
        let change = move |user: &mut User| {
            if user.status != Status::ForceChangePassword {
                return Err(Error::not_authorized("Invalid session for the user, session can only be used once."));
            }
            schema::update(&pool, &mut user.attributes, &attributes)?;
            schema::check_required(&pool, &user.attributes)?;
            user.password = Some(made.clone());
            (user.status, user.temporary_until, user.modified) = (Status::Confirmed, None, now);
            Ok(user.clone())
        };
        let pool = self.pool.clone();
        let user = self.cx.db().write(move |tx| users::change(tx, &pool, &key, &change)).await?;
        self.second_factor(user, Some(session), Moment::NewPasswordChallenge).await
    }
}
