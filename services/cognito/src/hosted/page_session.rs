//! What a browser is signed in with: a cookie, sealed, that says who it is for an hour. What signs a user out elsewhere, or gives
//! another password, ends it too; so does `/logout`, once and for all.

use base::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::reply::{Reply, with_cookie};
use super::visit::{Visit, open, seal};
use crate::error::Error;
use crate::limits::PAGE_SESSION_LIFETIME;
use crate::model::{grant, user as users};
use crate::types::{Status, User};

const COOKIE: &str = "cognito";
const PLACE: &[u8] = b"cognito page session";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PageSession {
    /// Unique: each sign-in has a new one.
    id: String,
    pool: String,
    /// The user's key and id.
    user: String,
    sub: String,
    /// The salt of the user's password when it began, which each password has of its own.
    salt: Option<Bytes>,
    /// Who vouched for the user: another provider, or the pool itself for a password.
    #[serde(default)]
    pub provider: Option<String>,
    pub began: Timestamp,
    expires: Timestamp,
}

fn salt(user: &User) -> Option<&Bytes> {
    user.password.as_ref().map(|password| &password.salt)
}

impl PageSession {
    /// For somebody who has signed in just now, with another provider or with a password.
    pub fn new(visit: &Visit, user: &User, provider: Option<&str>) -> PageSession {
        let now = visit.cx.now();
        PageSession {
            id: visit.cx.env().uuid(),
            pool: visit.pool.id.clone(),
            user: user.key.clone(),
            sub: user.sub.clone(),
            salt: salt(user).cloned(),
            provider: provider.map(str::to_owned),
            began: now,
            expires: now + PAGE_SESSION_LIFETIME,
        }
    }

    /// The one of a browser, and whose it is; `None` where it has none, or none any more.
    pub fn of(visit: &Visit) -> Result<Option<(PageSession, User)>, Error> {
        let Some(session) = PageSession::read(visit) else { return Ok(None) };
        let read = visit.cx.db().read()?;
        if grant::is_spent(&read, &visit.pool.id, &session.id)? {
            return Ok(None);
        }
        let user = match users::by_key(&read, &visit.pool.id, &session.user) {
            Ok(user) => user,
            Err(Error::UserNotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let is_same = user.sub == session.sub && session.salt.as_ref() == salt(&user);
        let may = user.enabled && matches!(user.status, Status::Confirmed | Status::ExternalProvider);
        let is_good = is_same && may && !user.is_signed_out_since(session.began);
        Ok(is_good.then_some((session, user)))
    }

    /// What the cookie says, while it lasts.
    fn read(visit: &Visit) -> Option<PageSession> {
        let session: PageSession = open(visit, PLACE, &visit.cookie(COOKIE)?)?;
        (session.pool == visit.pool.id && session.expires > visit.cx.now()).then_some(session)
    }

    pub fn give(&self, visit: &Visit, reply: Reply) -> Result<Reply, Error> {
        let cookie = visit.set_cookie(COOKIE, &seal(visit, PLACE, self)?, Some(PAGE_SESSION_LIFETIME.as_secs()));
        Ok(with_cookie(reply, &cookie))
    }

    /// Ends the one of a browser, also where somebody has a copy of its cookie.
    pub async fn end(visit: &Visit, reply: Reply) -> Result<Reply, Error> {
        if let Some(PageSession { id, expires, .. }) = PageSession::read(visit) {
            let pool = visit.pool.id.clone();
            let spend = move |tx: &mut kv::Tx| match grant::is_spent(tx, &pool, &id)? {
                true => Ok(()),
                false => grant::spend(tx, &pool, &id, expires),
            };
            visit.cx.db().write(spend).await?;
        }
        Ok(with_cookie(reply, &visit.set_cookie(COOKIE, "", Some(0))))
    }
}
