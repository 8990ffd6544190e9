//! InitiateAuth, AdminInitiateAuth, RespondToAuthChallenge, AdminRespondToAuthChallenge, GlobalSignOut, RevokeToken.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use service::{Constraints, Cx};
use subtle::ConstantTimeEq as _;

use super::{Empty, Metadata, check_secret_hash, find_client, find_pool, of_pool};
use crate::Cognito;
use crate::error::Error;
use crate::model::{client, grant, user as users};
use crate::session::{Challenge, Session};
use crate::sign_in::{Answer, Goal, Parameters, SignIn, required};
use crate::tokens::{self, AuthenticationResult, Refreshed, bearer};
use crate::types::{Client, Pool};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct InitiateInput {
    pub auth_flow: String,
    #[serde(deserialize_with = "present")]
    pub auth_parameters: Parameters,
    pub client_metadata: Metadata,
    pub client_id: String,
    pub session: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AdminInitiateInput {
    pub user_pool_id: String,
    #[serde(flatten)]
    pub initiate: InitiateInput,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RespondInput {
    pub client_id: String,
    pub challenge_name: String,
    pub session: Option<String>,
    #[serde(deserialize_with = "present")]
    pub challenge_responses: Parameters,
    pub client_metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AdminRespondInput {
    pub user_pool_id: String,
    #[serde(flatten)]
    pub respond: RespondInput,
}
of_pool!(AdminInitiateInput, AdminRespondInput);

/// Parameters without those that are null: Amplify's library takes the key of a device back like that.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Parameters, D::Error> {
    let given = Option::<BTreeMap<String, Option<String>>>::deserialize(from)?.unwrap_or_default();
    Ok(given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AuthOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    pub challenge_parameters: Parameters,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_result: Option<AuthenticationResult>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub available_challenges: Vec<&'static str>,
}

impl From<Answer> for AuthOutput {
    fn from(answer: Answer) -> AuthOutput {
        match answer {
            Answer::Challenge { challenge, session, parameters, available } => AuthOutput {
                challenge_name: Some(challenge.word()),
                session,
                challenge_parameters: parameters,
                authentication_result: None,
                available_challenges: available,
            },
            // Callers of operations sign in for tokens.
            Answer::Known(_) => AuthOutput::default(),
            Answer::Tokens(tokens) => AuthOutput { authentication_result: Some(tokens), ..AuthOutput::default() },
        }
    }
}

/// A way to sign in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Password,
    AdminPassword,
    Srp,
    Custom,
    Refresh,
    Choice,
}

impl Flow {
    const WORDS: [&'static str; 8] = [
        "USER_SRP_AUTH",
        "REFRESH_TOKEN_AUTH",
        "REFRESH_TOKEN",
        "CUSTOM_AUTH",
        "ADMIN_NO_SRP_AUTH",
        "USER_PASSWORD_AUTH",
        "ADMIN_USER_PASSWORD_AUTH",
        "USER_AUTH",
    ];

    /// # Errors
    /// For a flow that is none, not built, or not for this kind of caller.
    fn read(word: &str, is_admin: bool) -> Result<Flow, Error> {
        let mut constraints = Constraints::default();
        constraints.one_of(Some(word), "authFlow", &Flow::WORDS);
        constraints.check()?;
        match word {
            "USER_PASSWORD_AUTH" => Ok(Flow::Password),
            "ADMIN_USER_PASSWORD_AUTH" | "ADMIN_NO_SRP_AUTH" if is_admin => Ok(Flow::AdminPassword),
            "USER_SRP_AUTH" => Ok(Flow::Srp),
            "CUSTOM_AUTH" => Ok(Flow::Custom),
            "REFRESH_TOKEN_AUTH" | "REFRESH_TOKEN" => Ok(Flow::Refresh),
            "USER_AUTH" => Ok(Flow::Choice),
            _ => Err(Error::parameter("Initiate Auth method not supported.")),
        }
    }

    /// # Errors
    /// When the client does not allow it.
    fn check(self, client: &Client) -> Result<(), Error> {
        let (names, told): (&[&str], _) = match self {
            Flow::Password => (
                &["ALLOW_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH"],
                "USER_PASSWORD_AUTH flow not enabled for this client",
            ),
            Flow::AdminPassword => {
                (&["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"], "Auth flow not enabled for this client")
            }
            Flow::Srp => (&["ALLOW_USER_SRP_AUTH"], "USER_SRP_AUTH is not enabled for the client."),
            Flow::Custom => {
                (&["ALLOW_CUSTOM_AUTH", "CUSTOM_AUTH_FLOW_ONLY"], "CUSTOM_AUTH is not enabled for the client.")
            }
            Flow::Refresh => (&["ALLOW_REFRESH_TOKEN_AUTH"], "Auth flow not enabled for this client"),
            Flow::Choice => (&["ALLOW_USER_AUTH"], "USER_AUTH is not enabled for the client."),
        };
        // Clients with the older names allow SRP and refreshing without saying so.
        let is_old = !client.settings.flows.iter().any(|flow| flow.starts_with("ALLOW_"));
        let implied =
            is_old && matches!(self, Flow::Srp | Flow::Refresh) && !client.settings.allows(&["CUSTOM_AUTH_FLOW_ONLY"]);
        let allowed = client.settings.allows(names) || implied || (self == Flow::Refresh && is_old);
        match (allowed, self) {
            (true, _) => Ok(()),
            (false, Flow::Refresh) => Err(Error::not_authorized(told)),
            (false, _) => Err(Error::parameter(told)),
        }
    }
}

fn sign_in(cognito: Arc<Cognito>, cx: Cx, pool: Pool, client: Client, metadata: Metadata) -> SignIn {
    SignIn { cognito, cx, pool, client, metadata, goal: Goal::Tokens, device: None }
}

/// What a choice-based sign-in can be asked for on AWS, and not here.
const STEP_UP: [&str; 3] = ["TARGET_ACR_VALUES", "ACCESS_TOKEN", "MAX_AGE"];

async fn begin(mut sign_in: SignIn, input: InitiateInput, is_admin: bool) -> Result<AuthOutput, Error> {
    let flow = Flow::read(&input.auth_flow, is_admin)?;
    flow.check(&sign_in.client)?;
    let parameters = &input.auth_parameters;
    sign_in.device = parameters.get("DEVICE_KEY").cloned();
    if flow == Flow::Refresh {
        return refresh(&sign_in, parameters).await;
    }
    let name = required(parameters, "USERNAME")?;
    super::check_name(name, "username")?;
    let hash = parameters.get("SECRET_HASH").map(String::as_str);
    check_secret_hash(&sign_in.cognito, &sign_in.client, name, hash)?;
    let answer = match flow {
        Flow::Password | Flow::AdminPassword => sign_in.by_password(parameters).await?,
        Flow::Srp => sign_in.by_srp(parameters).await?,
        Flow::Choice => {
            if let Some(name) = STEP_UP.iter().find(|name| parameters.contains_key(**name)) {
                return Err(Error::NotImplemented(format!("Cognito's step-up authentication ({name})")));
            }
            if input.session.is_some() {
                return Err(Error::NotImplemented("Cognito's sign-in with the Session of ConfirmSignUp".into()));
            }
            sign_in.by_choice(parameters).await?
        }
        Flow::Custom | Flow::Refresh => sign_in.by_custom(parameters).await?,
    };
    Ok(answer.into())
}

async fn refresh(sign_in: &SignIn, parameters: &Parameters) -> Result<AuthOutput, Error> {
    let SignIn { cognito, cx, pool, client, metadata, device, .. } = sign_in;
    let (token, device) = (required(parameters, "REFRESH_TOKEN")?, device.as_deref());
    let refreshed = tokens::refreshed(cognito, cx, pool, client, token, device, metadata);
    let Refreshed { user, tokens, .. } = refreshed.await?;
    // Clients hash the name that they know the user by: it is looked at where the user is known.
    let hash = parameters.get("SECRET_HASH").map(String::as_str);
    let by_name = check_secret_hash(cognito, client, &user.name, hash);
    by_name.or_else(|_| check_secret_hash(cognito, client, &user.sub, hash))?;
    Ok(Answer::Tokens(tokens).into())
}

pub async fn initiate(cognito: Arc<Cognito>, cx: Cx, input: InitiateInput) -> Result<AuthOutput, Error> {
    let (pool, client) = find_client(&cx, &input.client_id)?;
    let metadata = input.client_metadata.clone();
    begin(sign_in(cognito, cx, pool, client, metadata), input, false).await
}

pub async fn admin_initiate(cognito: Arc<Cognito>, cx: Cx, input: AdminInitiateInput) -> Result<AuthOutput, Error> {
    let AdminInitiateInput { user_pool_id, initiate } = input;
    let pool = find_pool(&cx, &user_pool_id)?;
    let client = client::of_pool(&cx.db().read()?, &pool.id, &initiate.client_id)?;
    let metadata = initiate.client_metadata.clone();
    begin(sign_in(cognito, cx, pool, client, metadata), initiate, true).await
}

async fn answer(mut sign_in: SignIn, input: RespondInput) -> Result<AuthOutput, Error> {
    let responses = &input.challenge_responses;
    let name = required(responses, "USERNAME")?;
    let hash = responses.get("SECRET_HASH").map(String::as_str);
    check_secret_hash(&sign_in.cognito, &sign_in.client, name, hash)?;
    sign_in.device = responses.get("DEVICE_KEY").cloned();
    if input.challenge_name == Challenge::PasswordVerifier.word() {
        return Ok(sign_in.verify_srp(responses).await?.into());
    }
    if input.challenge_name == Challenge::DevicePasswordVerifier.word() {
        return Ok(sign_in.verify_device(responses).await?.into());
    }
    let text = match &input.session {
        Some(text) => text.clone(),
        None if input.challenge_name == Challenge::DeviceSrp.word() => sign_in.waiting(responses).await?,
        None => return Err(Error::parameter("Missing required parameter Session")),
    };
    let session = Session::open(&sign_in.cognito, &sign_in.cx, &sign_in.client.id, &text)?;
    // Whoever named a device at the beginning need not do so again.
    sign_in.device = sign_in.device.or_else(|| session.device.clone());
    if session.challenge.word() != input.challenge_name {
        return Err(Error::not_authorized("Invalid session for the user."));
    }
    Ok(sign_in.answered(&session, responses).await?.into())
}

pub async fn respond(cognito: Arc<Cognito>, cx: Cx, input: RespondInput) -> Result<AuthOutput, Error> {
    let (pool, client) = find_client(&cx, &input.client_id)?;
    let metadata = input.client_metadata.clone();
    answer(sign_in(cognito, cx, pool, client, metadata), input).await
}

pub async fn admin_respond(cognito: Arc<Cognito>, cx: Cx, input: AdminRespondInput) -> Result<AuthOutput, Error> {
    let AdminRespondInput { user_pool_id, respond } = input;
    let pool = find_pool(&cx, &user_pool_id)?;
    let client = client::of_pool(&cx.db().read()?, &pool.id, &respond.client_id)?;
    let metadata = respond.client_metadata.clone();
    answer(sign_in(cognito, cx, pool, client, metadata), respond).await
}

/// A request that is nothing but an access token.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TokenInput {
    pub access_token: String,
}

/// Ends everything that a user is signed in with.
pub async fn sign_out(cx: &Cx, pool: Pool, key: String) -> Result<(), Error> {
    let now = cx.now();
    let end = move |tx: &mut kv::Tx| {
        let set = |user: &mut crate::types::User| {
            user.signed_out = Some(now);
            Ok(user.clone())
        };
        let user = users::change(tx, &pool, &key, set)?;
        grant::revoke_all(tx, &user)
    };
    cx.db().write(end).await
}

pub async fn global_sign_out(cognito: Arc<Cognito>, cx: Cx, input: TokenInput) -> Result<Empty, Error> {
    let bearer = bearer(&cognito, &cx, &input.access_token)?;
    sign_out(&cx, bearer.pool, bearer.user.key).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RevokeInput {
    pub token: String,
    pub client_id: String,
    pub client_secret: Option<String>,
}

pub async fn revoke(cognito: Arc<Cognito>, cx: Cx, input: RevokeInput) -> Result<Empty, Error> {
    let (pool, client) = find_client(&cx, &input.client_id)?;
    let (secret, given) =
        (super::secret_of(&cognito, &client)?.unwrap_or_default(), input.client_secret.unwrap_or_default());
    if !bool::from(secret.as_bytes().ct_eq(given.as_bytes())) {
        return Err(Error::not_authorized("Invalid client secret"));
    }
    revoke_token(&cx, &pool, &client, &input.token).await?;
    Ok(Empty {})
}

/// Ends a refresh token of a client's, and the access tokens that came of it. What is none is none afterwards, too.
pub async fn revoke_token(cx: &Cx, pool: &Pool, client: &Client, token: &str) -> Result<(), Error> {
    if !client.settings.revocable {
        return Err(Error::UnsupportedTokenType("Token revocation is not enabled for this client".into()));
    }
    if jwt::Token::parse(token).is_ok() {
        return Err(Error::UnsupportedTokenType("Only refresh tokens can be revoked".into()));
    }
    let (hash, now, pool, client) = (tokens::hash(token), cx.now(), pool.id.clone(), client.id.clone());
    let revoke = move |tx: &mut kv::Tx| match grant::find(tx, &pool, &hash, now)? {
        Some(found) if found.client == client => grant::revoke(tx, &pool, &hash, now),
        _ => Ok(()),
    };
    cx.db().write(revoke).await
}
