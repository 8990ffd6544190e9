//! What an application asks for when it sends a browser here, and what it gets when somebody has signed in: a code, or tokens.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/authorization-endpoint.html>, RFC 6749, section 4.1 and 4.2, and
//! RFC 7636.

use base::Timestamp;
use http::StatusCode;

use super::federation;
use super::page_session::PageSession;
use super::reply::{Halt, Reply, query, redirect, with_parameters};
use super::visit::{Fields, Visit};
use crate::crypto::random_token;
use crate::error::Error;
use crate::limits::{AUTHORIZATION_LIFETIME, STATE_CHARACTERS_MAX};
use crate::model::authorization;
use crate::ops::Metadata;
use crate::tokens::{self, Moment, Of};
use crate::types::{Authorization, Client, User};

/// What goes along from page to page, until the application has its answer.
const CARRIED: [&str; 11] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "lang",
    // For a provider that is chosen on a page.
    "prompt",
    "max_age",
];
/// Characters of a hash in base64url, which a challenge is.
const CHALLENGE_CHARACTERS: usize = 43;
/// The provider that the pool itself is.
pub const OWN_PROVIDER: &str = "COGNITO";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Code,
    Token,
}

/// A request that may be answered.
pub struct Asked {
    pub client: Client,
    redirect_uri: String,
    wanted: Wanted,
    scopes: Vec<String>,
    state: Option<String>,
    nonce: Option<String>,
    challenge: Option<String>,
    /// All of it, for the next page.
    pub query: String,
}

impl Asked {
    /// Reads what a page's address says.
    ///
    /// # Errors
    /// On a page, while it is not known that the address to go back to is the application's; else to there.
    pub fn read(visit: &Visit) -> Result<Asked, Halt> {
        let fields = &visit.query;
        let (client, redirect_uri) = target(visit, fields)?;
        let carried = CARRIED.iter().filter_map(|name| Some((*name, fields.get(name)?)));
        let state = fields.get("state").map(str::to_owned);
        let mut asked = Asked {
            client,
            redirect_uri,
            wanted: if fields.get("response_type") == Some("token") { Wanted::Token } else { Wanted::Code },
            scopes: Vec::new(),
            state,
            nonce: fields.get("nonce").map(str::to_owned),
            challenge: fields.get("code_challenge").map(str::to_owned),
            query: query(carried),
        };
        asked.check(fields)?;
        asked.scopes = asked.scopes_of(fields.text("scope"))?;
        Ok(asked)
    }

    fn check(&self, fields: &Fields) -> Result<(), Halt> {
        let Some(word @ ("code" | "token")) = fields.get("response_type") else {
            return Err(self.refuse("unsupported_response_type", "response_type has to be code or token"));
        };
        let settings = &self.client.settings;
        let flow = if word == "code" { "code" } else { "implicit" };
        if !settings.oauth || !settings.oauth_flows.iter().any(|own| own == flow) {
            return Err(self.refuse("unauthorized_client", "the client does not allow this response_type"));
        }
        let texts = [("state", &self.state), ("nonce", &self.nonce)];
        let is_long = |text: &String| text.chars().count() > STATE_CHARACTERS_MAX;
        if let Some((name, _)) = texts.iter().find(|(_, text)| text.as_ref().is_some_and(is_long)) {
            return Err(self.refuse("invalid_request", &format!("{name} is too long")));
        }
        match (&self.challenge, fields.get("code_challenge_method")) {
            (None, None) => Ok(()),
            (Some(challenge), Some("S256")) if is_challenge(challenge) => Ok(()),
            (Some(_), Some("S256")) => Err(self.refuse("invalid_request", "code_challenge is no SHA-256 in base64url")),
            (Some(_), _) => Err(self.refuse("invalid_request", "code_challenge_method has to be S256")),
            (None, Some(_)) => Err(self.refuse("invalid_request", "code_challenge is missing")),
        }
    }

    /// The scopes that are asked for: all that the client may have, where none are.
    fn scopes_of(&self, text: &str) -> Result<Vec<String>, Halt> {
        let own = &self.client.settings.oauth_scopes;
        if text.is_empty() {
            return Ok(own.clone());
        }
        let mut scopes: Vec<String> = text.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
        scopes.dedup();
        if scopes.iter().any(|scope| !own.contains(scope)) {
            return Err(self.refuse("invalid_request", "invalid_scope"));
        }
        let has = |name: &str| scopes.iter().any(|scope| scope == name);
        if ["email", "phone", "profile"].into_iter().any(has) && !has(tokens::OPENID) {
            return Err(self.refuse("invalid_scope", "email, phone and profile are asked for together with openid"));
        }
        Ok(scopes)
    }

    /// A refusal that the application is told.
    pub fn refuse(&self, error: &str, why: &str) -> Halt {
        Halt::Back(self.back([("error", error), ("error_description", why)]))
    }

    /// The address of the application with an answer, and with what it wanted to have back.
    fn back<'a>(&'a self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let mark = if self.wanted == Wanted::Token { '#' } else { '?' };
        let state = self.state.as_deref().map(|state| ("state", state));
        with_parameters(&self.redirect_uri, mark, pairs.into_iter().chain(state))
    }

    /// Whether somebody signs in with a name and a password of the pool's.
    pub fn is_local(&self) -> bool {
        let providers = &self.client.settings.identity_providers;
        providers.is_empty() || providers.iter().any(|name| name == OWN_PROVIDER)
    }

    /// Whether the client takes users for whom this provider vouches: the pool itself, where it is none.
    fn lets_in(&self, provider: Option<&str>) -> bool {
        let has = |name: &str| self.client.settings.identity_providers.iter().any(|own| own == name);
        provider.map_or_else(|| self.is_local(), has)
    }

    /// Gives the application what it asked for.
    pub async fn grant(&self, visit: &Visit, user: &User, signed_in: Timestamp) -> Result<Reply, Halt> {
        let url = match self.wanted {
            Wanted::Code => {
                let code = self.code(visit, user, signed_in).await?;
                self.back([("code", code.as_str())])
            }
            Wanted::Token => self.tokens(visit, user, signed_in).await?,
        };
        Ok(redirect(&url))
    }

    async fn code(&self, visit: &Visit, user: &User, signed_in: Timestamp) -> Result<String, Error> {
        let code = random_token(visit.cx.env());
        let given = Authorization {
            client: self.client.id.clone(),
            user: user.key.clone(),
            sub: user.sub.clone(),
            redirect_uri: self.redirect_uri.clone(),
            scopes: self.scopes.clone(),
            nonce: self.nonce.clone(),
            challenge: self.challenge.clone(),
            signed_in,
            expires: visit.cx.now() + AUTHORIZATION_LIFETIME,
            grant: None,
        };
        let (pool, hash) = (visit.pool.id.clone(), tokens::hash(&code));
        visit.cx.db().write(move |tx| authorization::put(tx, &pool, &hash, &given)).await?;
        Ok(code)
    }

    async fn tokens(&self, visit: &Visit, user: &User, signed_in: Timestamp) -> Result<String, Halt> {
        let (cognito, cx, nonce) = (&visit.cognito, &visit.cx, self.nonce.as_deref());
        let of = Of { pool: &visit.pool, client: &self.client, user };
        let grant = tokens::new_grant(cx, of, signed_in, Some(self.scopes.clone()));
        let made = tokens::make(cognito, cx, of, &grant, nonce, Moment::HostedAuth, &Metadata::new()).await;
        let made = made.map_err(|error| match error {
            error @ (Error::UserLambdaValidation(_) | Error::UnexpectedLambda(_) | Error::InvalidLambdaResponse(_)) => {
                self.refuse("invalid_request", &error.to_string())
            }
            error => error.into(),
        })?;
        let (expires, has_id) = (made.expires_in.to_string(), self.scopes.iter().any(|scope| scope == tokens::OPENID));
        let id = has_id.then_some(("id_token", made.id_token.as_str()));
        let others = [
            ("access_token", made.access_token.as_str()),
            ("expires_in", expires.as_str()),
            ("token_type", made.token_type),
        ];
        Ok(self.back(id.into_iter().chain(others)))
    }
}

/// The client, and its address that the answer goes to: one that is registered, to the letter.
fn target(visit: &Visit, fields: &Fields) -> Result<(Client, String), Halt> {
    let refuse = |told: &str| Halt::page(StatusCode::BAD_REQUEST, told);
    let id = fields
        .get("client_id")
        .ok_or_else(|| refuse("The application did not say who it is: client_id is missing."))?;
    let client =
        visit.client(id)?.ok_or_else(|| refuse("The application (client_id) is not one of this user pool."))?;
    let registered = &client.settings.callback_urls;
    let given = fields.get("redirect_uri").map(str::to_owned);
    let uri = given.or_else(|| client.settings.default_redirect.clone());
    let uri =
        uri.ok_or_else(|| refuse("The application did not say where to go afterwards: redirect_uri is missing."))?;
    if !registered.contains(&uri) {
        let told =
            "The address that the application wants to go to afterwards (redirect_uri) is not one of its CallbackURLs.";
        return Err(refuse(told));
    }
    Ok((client, uri))
}

fn is_challenge(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.len() == CHALLENGE_CHARACTERS && text.bytes().all(fits)
}

/// `/oauth2/authorize`: who is signed in goes on to the application, others to a page where they sign in.
pub async fn authorize(visit: &Visit) -> Result<Reply, Halt> {
    let asked = Asked::read(visit)?;
    let no_number = |_| asked.refuse("invalid_request", "max_age has to be a number of seconds");
    let max_age = visit.query.get("max_age").map(|seconds| seconds.parse::<u64>().map_err(no_number)).transpose()?;
    if let Some(provider) = federation::chosen(visit, &asked)? {
        return federation::begin(visit, &asked, &provider).await;
    }
    let prompt = visit.query.text("prompt");
    let signed_in = match prompt {
        "login" | "select_account" => None,
        _ => PageSession::of(visit)?,
    };
    let is_fresh =
        |session: &PageSession| max_age.is_none_or(|seconds| visit.cx.now().since(session.began).as_secs() < seconds);
    let may = |session: &PageSession| is_fresh(session) && asked.lets_in(session.provider.as_deref());
    if let Some((session, user)) = signed_in.filter(|(session, _)| may(session)) {
        return asked.grant(visit, &user, session.began).await;
    }
    if prompt == "none" {
        return Err(asked.refuse("login_required", "nobody is signed in"));
    }
    Ok(redirect(&format!("{}/login?{}", visit.root, asked.query)))
}

/// `/logout`: ends what the browser is signed in with, and goes on to an address of the application's.
///
/// Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html>
pub async fn logout(visit: &Visit) -> Result<Reply, Halt> {
    let refuse = |told: &str| Halt::page(StatusCode::BAD_REQUEST, told);
    let fields = &visit.query;
    let id = fields
        .get("client_id")
        .ok_or_else(|| refuse("The application did not say who it is: client_id is missing."))?;
    let client =
        visit.client(id)?.ok_or_else(|| refuse("The application (client_id) is not one of this user pool."))?;
    if let Some(uri) = fields.get("logout_uri") {
        if !client.settings.logout_urls.iter().any(|own| own == uri) {
            return Err(refuse(
                "The address to go to afterwards (logout_uri) is not one of the application's LogoutURLs.",
            ));
        }
        let state = fields.get("state").map(|state| ("state", state));
        let url = state.map_or_else(|| uri.to_owned(), |state| with_parameters(uri, '?', [state]));
        return Ok(PageSession::end(visit, redirect(&url)).await?);
    }
    let asked = Asked::read(visit)?;
    Ok(PageSession::end(visit, redirect(&format!("{}/login?{}", visit.root, asked.query))).await?)
}
