//! How many requests of one caller are under way: none has all the connections, as long as others want some.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::Arn;
use service::Error;
use wire::Protocol;

/// Requests under way, by caller.
#[derive(Clone, Default)]
pub(crate) struct Callers(Arc<Mutex<HashMap<Arn, usize>>>);

/// A request under way; dropping it ends it.
pub(crate) struct Entered {
    callers: Callers,
    caller: Arn,
}

impl Callers {
    fn all(&self) -> MutexGuard<'_, HashMap<Arn, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a request in, of which its caller may have `most` at once.
    pub fn enter(&self, caller: &Arn, most: usize, protocol: Protocol) -> Result<Entered, Error> {
        let mut all = self.all();
        let running = all.entry(caller.clone()).or_default();
        if *running >= most {
            let message =
                format!("Rate exceeded: {caller} has {most} requests under way; wait until some are answered.");
            // Source: the common errors of each protocol's services.
            return Err(match protocol {
                Protocol::Query | Protocol::RestXml => Error::new(400, "Throttling", message),
                Protocol::RestJson => Error::new(429, "TooManyRequestsException", message),
                Protocol::S3 => Error::new(503, "SlowDown", message),
                _ => Error::new(400, "ThrottlingException", message),
            });
        }
        *running += 1;
        Ok(Entered { callers: self.clone(), caller: caller.clone() })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut all = self.callers.all();
        if let Some(running) = all.get_mut(&self.caller) {
            *running -= 1;
            if *running == 0 {
                all.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn one_caller_does_not_keep_others_out() {
        let [one, other] =
            ["one", "other"].map(|name| format!("arn:aws:iam::000000000000:user/{name}").parse().unwrap());
        let callers = Callers::default();
        let enter = |caller| callers.enter(caller, 2, Protocol::Json10);
        let (first, _second) = (enter(&one).unwrap(), enter(&one).unwrap());
        assert_eq!(enter(&one).err().unwrap().code, "ThrottlingException");
        drop(enter(&other).unwrap());
        drop(first);
        drop(enter(&one).unwrap());
        assert_eq!(callers.all().len(), 1);
    }
}
