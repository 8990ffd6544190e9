//! The keys of issuers of tokens: of user pools of this cloud, and of others as [`oidc`] finds them.

use std::sync::Arc;

use base::Arn;
use jwt::KeySet;
use outbound::Outbound;
use service::Cx;

pub struct Issuers(oidc::Issuers);

impl Issuers {
    pub fn new(outbound: Outbound) -> Issuers {
        Issuers(oidc::Issuers::new(outbound))
    }

    /// The keys of an issuer, and what its tokens have as `iss`.
    ///
    /// # Errors
    /// When there are none, and it does not answer or may not be asked again yet.
    pub async fn keys(
        &self,
        cx: &Cx,
        issuer: &str,
        key_id: Option<&str>,
    ) -> Result<(Arc<KeySet>, String), &'static str> {
        match of_pool(cx, issuer) {
            Some((keys, own)) => Ok((keys?, own)),
            None => Ok((self.0.keys(cx.now(), issuer, key_id).await?, issuer.to_owned())),
        }
    }
}

/// An issuer in AWS's words is a pool of this cloud, where it has one of that id: `https://cognito-idp.{region}.amazonaws.com/{id}`.
fn of_pool(cx: &Cx, issuer: &str) -> Option<(Result<Arc<KeySet>, &'static str>, String)> {
    let rest = issuer.strip_prefix("https://cognito-idp.")?;
    let (region, id) = rest.trim_end_matches('/').split_once(".amazonaws.com/")?;
    let pool = Arn { region: region.to_owned(), ..cx.arn("cognito-idp", format!("userpool/{id}")) };
    let found = cx.cloud().user_pools()?.keys(cx, &pool).ok()??;
    let keys = KeySet::parse(&found.keys).map(Arc::new).map_err(|_| "the pool's keys cannot be read");
    Some((keys, found.issuer))
}
