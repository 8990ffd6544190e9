//! A request to a pool's pages or endpoints, as handlers see it.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use service::Cx;
use subtle::ConstantTimeEq as _;
use wire::query::Params;

use super::address::Address;
use super::reply::Halt;
use crate::crypto::{mac, random_token};
use crate::error::Error;
use crate::model::{client as clients, domain, pool as pools};
use crate::types::{Client, Pool, region_of};
use crate::{Cognito, crypto};

/// Who a page was made for: what a form has to bring back with the cookie of the same browser.
const SEED: &str = "cognito-form";
/// What a form carries that shows it was made here.
pub const TOKEN: &str = "_csrf";

pub struct Visit {
    pub cognito: Arc<Cognito>,
    /// In the region of the pool.
    pub cx: Cx,
    pub pool: Pool,
    /// What the paths of links begin with.
    pub root: String,
    /// Whether cookies may only go over TLS.
    pub secure: bool,
    pub query: Fields,
    pub form: Fields,
    headers: HeaderMap,
    /// What forms of this browser are bound to, and whether it has that yet.
    seed: (String, bool),
}

/// Decoded parameters, of which each comes once.
#[derive(Clone, Default)]
pub struct Fields(Params);

impl Fields {
    /// # Errors
    /// When it is no form, or a parameter comes twice: others may read the other one (RFC 6749, section 3.1).
    pub fn parse(text: &[u8]) -> Result<Fields, Halt> {
        let params =
            wire::query::parse(text).map_err(|error| Halt::page(StatusCode::BAD_REQUEST, error.to_string()))?;
        let mut names = BTreeSet::new();
        if let Some((name, _)) = params.iter().find(|(name, _)| !names.insert(name.to_owned())) {
            return Err(Halt::page(StatusCode::BAD_REQUEST, format!("The parameter {name} comes twice.")));
        }
        Ok(Fields(params))
    }

    /// A value, where there is any.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).filter(|value| !value.is_empty())
    }

    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// Those whose names begin with `prefix`, without it.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value)))
    }
}

/// Whether a browser comes over TLS, here or to what stands in front of the server.
pub fn is_secure(cognito: &Cognito, cx: &Cx) -> bool {
    [cognito.base.as_str(), cx.endpoint()].iter().any(|url| url.starts_with("https:"))
}

impl Visit {
    /// # Errors
    /// When no pool has the domain, or the request cannot be read.
    pub fn new(cognito: Arc<Cognito>, cx: &Cx, address: &Address, head: &Parts, body: &Bytes) -> Result<Visit, Halt> {
        let pool = {
            let read = cx.db().read().map_err(Error::from)?;
            let found = domain::find(&read, &address.domain)?;
            let found = found.ok_or_else(|| {
                Halt::page(StatusCode::NOT_FOUND, "There is no user pool with this domain.".to_owned())
            })?;
            pools::get(&read, &found.pool)?
        };
        let is_form = |value: &http::HeaderValue| {
            let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
        };
        let has_form = head.headers.get(CONTENT_TYPE).is_some_and(is_form);
        let form = if has_form { Fields::parse(body)? } else { Fields::default() };
        let mut visit = Visit {
            cx: cx.in_region(region_of(&pool.id)),
            secure: is_secure(&cognito, cx),
            cognito,
            pool,
            root: address.root.clone(),
            query: Fields::parse(head.uri.query().unwrap_or_default().as_bytes())?,
            form,
            headers: head.headers.clone(),
            seed: (String::new(), false),
        };
        let known = visit.cookie(SEED).filter(|seed| seed.len() == random_token(cx.env()).len());
        visit.seed = known.map_or_else(|| (random_token(cx.env()), false), |seed| (seed, true));
        Ok(visit)
    }

    /// The same browser at a page with this query.
    ///
    /// # Errors
    /// When it is none.
    pub fn at(self, query: &str) -> Result<Visit, Halt> {
        Ok(Visit { query: Fields::parse(query.as_bytes())?, ..self })
    }

    /// The client of this pool with an id.
    pub fn client(&self, id: &str) -> Result<Option<Client>, Error> {
        match clients::of_pool(&self.cx.db().read()?, &self.pool.id, id) {
            Ok(client) => Ok(Some(client)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a form of this browser carries.
    pub fn form_token(&self) -> String {
        let made = mac(&self.pool.decoy, &[b"form", self.pool.id.as_bytes(), self.seed.0.as_bytes()]);
        URL_SAFE_NO_PAD.encode(made)
    }

    /// # Errors
    /// When a form was not made for this browser: another site may have sent it.
    pub fn check_form(&self) -> Result<(), Halt> {
        let given = self.form.text(TOKEN);
        if self.seed.1 && bool::from(given.as_bytes().ct_eq(self.form_token().as_bytes())) {
            return Ok(());
        }
        let told = "This form is not valid any more, or your browser does not take cookies. Go back to the application \
                    and sign in again.";
        Err(Halt::page(StatusCode::FORBIDDEN, told.to_owned()))
    }

    /// The cookie that forms are bound to, where the browser does not have it yet.
    pub fn fresh_seed(&self) -> Option<String> {
        (!self.seed.1).then(|| self.set_cookie(SEED, &self.seed.0, None))
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        let wanted = self.cookie_name(name);
        let all = self.headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned())
    }

    /// A `Set-Cookie`: for this domain alone, out of reach of scripts and of other sites' forms.
    pub fn set_cookie(&self, name: &str, value: &str, seconds: Option<u64>) -> String {
        let path = if self.root.is_empty() { "/" } else { &self.root };
        let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}={value}; Path={path}; HttpOnly; SameSite=Lax{age}{secure}", self.cookie_name(name))
    }

    /// Where it can be, a name that no other host can have set: RFC 6265bis, section 4.1.3.2.
    fn cookie_name(&self, name: &str) -> String {
        let prefix = if self.secure && self.root.is_empty() { "__Host-" } else { "" };
        format!("{prefix}{name}")
    }

    /// The value of `Authorization` after its scheme, where it is this scheme.
    pub fn authorization(&self, scheme: &str) -> Option<&str> {
        let (given, value) = self.headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        given.eq_ignore_ascii_case(scheme).then(|| value.trim())
    }

    /// Where the domain is, for addresses that leave the page.
    pub fn url(&self) -> String {
        if self.root.is_empty() {
            let scheme = if self.secure { "https" } else { "http" };
            let host = self.cx.endpoint().split_once("://").map_or("", |(_, host)| host);
            return format!("{scheme}://{host}");
        }
        format!("{}{}", self.cognito.base, self.root)
    }
}

/// What a sealed cookie or parameter says.
pub fn open<T: serde::de::DeserializeOwned>(visit: &Visit, place: &[u8], text: &str) -> Option<T> {
    let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
    let opened = visit.cognito.vault.open(place, &sealed).ok()?;
    serde_json::from_slice(&opened).ok()
}

pub fn seal(visit: &Visit, place: &[u8], value: &impl serde::Serialize) -> Result<String, Error> {
    let text = serde_json::to_vec(value).map_err(Error::internal)?;
    Ok(URL_SAFE_NO_PAD.encode(visit.cognito.vault.seal(place, &text)?))
}

/// The hash that a verifier of PKCE has.
///
/// Source: RFC 7636, section 4.2.
pub fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(crypto::sha256(verifier))
}
