//! How many requests of one caller are under way: none has all the connections, as long as others want some.

use std::fmt;
use std::net::IpAddr;

use base::Arn;
use service::{Caller, CallerKind, Error};
use wire::Protocol;

use crate::Limits;
use crate::shares::{Share, Shares};

/// Requests under way, by who is behind them.
pub(crate) type Callers = Shares<Who>;

/// Whose requests are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    Caller(Arn),
    /// Of those who do not say who they are, where they are from: one of them does not keep the others from signing in.
    Address(Option<IpAddr>),
}

impl Who {
    pub fn of(caller: &Caller, address: Option<IpAddr>) -> Who {
        match caller.kind {
            CallerKind::Anonymous => Who::Address(address),
            _ => Who::Caller(caller.arn.clone()),
        }
    }

    fn most(&self, limits: &Limits) -> usize {
        match self {
            Who::Caller(_) => limits.caller_requests,
            Who::Address(_) => limits.address_requests,
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Caller(arn) => arn.fmt(f),
            Who::Address(Some(address)) => address.fmt(f),
            Who::Address(None) => f.write_str("your address"),
        }
    }
}

impl Callers {
    /// Lets a request in; the share that it has is for as long as it lasts.
    pub fn enter(&self, who: &Who, limits: &Limits, protocol: Protocol) -> Result<Share<Who>, Error> {
        let most = who.most(limits);
        self.take(who, most).ok_or_else(|| {
            let way_out = match who {
                Who::Caller(_) => "",
                Who::Address(_) => " A load balancer or proxy, from which many send requests, is to be named to the server: --trusted-proxy ADDRESS.",
            };
            let message =
                format!("Rate exceeded: {who} has {most} requests under way; wait until some are answered.{way_out}");
            // Source: the common errors of each protocol's services.
            match protocol {
                Protocol::Query | Protocol::RestXml => Error::new(400, "Throttling", message),
                Protocol::RestJson => Error::new(429, "TooManyRequestsException", message),
                Protocol::S3 => Error::new(503, "SlowDown", message),
                _ => Error::new(400, "ThrottlingException", message),
            }
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use base::AccountId;

    use super::*;

    #[test]
    fn one_caller_does_not_keep_others_out() {
        let account = AccountId::new("000000000000");
        let (root, nobody) = (Caller::root(&account), Caller::anonymous(&account));
        let limits = Limits { caller_requests: 2, address_requests: 1, ..Limits::default() };
        let callers = Callers::default();
        let enter = |who: &Who| callers.enter(who, &limits, Protocol::Json10);
        let root = Who::of(&root, Some([10, 0, 0, 1].into()));
        let (_first, _second) = (enter(&root).unwrap(), enter(&root).unwrap());
        assert_eq!(enter(&root).err().unwrap().code, "ThrottlingException");
        let [one, other] = [1, 2].map(|last| Who::of(&nobody, Some([10, 0, 0, last].into())));
        let _held = enter(&one).unwrap();
        let refused = enter(&one).err().unwrap();
        assert!(refused.message.contains("10.0.0.1 has 1 requests"), "{}", refused.message);
        assert!(enter(&other).is_ok(), "another address signs in all the same");
    }
}
