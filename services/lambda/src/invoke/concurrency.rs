//! How many executions are under way, of all functions and of each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::Arn;

use crate::error::{Error, Throttle};
use crate::limits::{CONCURRENT_EXECUTIONS, UNRESERVED_EXECUTIONS_MIN};
use crate::types::Function;

/// What one function without a reservation may have: it leaves some to others, however slow it is.
const UNRESERVED_MAX: u32 = CONCURRENT_EXECUTIONS - UNRESERVED_EXECUTIONS_MIN;

/// Executions under way, also those that wait for an instance.
#[derive(Clone, Default)]
pub struct Concurrency(Arc<Mutex<HashMap<Arn, Running>>>);

#[derive(Clone, Copy, Default)]
struct Running {
    executions: u32,
    /// What is kept for the function, and from others.
    reserved: Option<u32>,
}

/// An execution under way; dropping it ends it.
pub struct Permit {
    all: Concurrency,
    function: Arn,
}

impl Concurrency {
    fn all(&self) -> MutexGuard<'_, HashMap<Arn, Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets an execution in, or refuses it as over the function's reservation or the account's limit.
    pub fn enter(&self, function: &Function) -> Result<Permit, Error> {
        let mut all = self.all();
        let reserved = function.reserved_concurrency;
        let unreserved: u32 = all.values().filter(|one| one.reserved.is_none()).map(|one| one.executions).sum();
        let running = all.get(&function.arn).copied().unwrap_or_default().executions;
        let refused = match reserved {
            Some(reserved) => (running >= reserved).then_some(Throttle::Reserved),
            None => (running >= UNRESERVED_MAX || unreserved >= CONCURRENT_EXECUTIONS).then_some(Throttle::Account),
        };
        if let Some(reason) = refused {
            return Err(Error::TooManyRequests(reason));
        }
        all.insert(function.arn.clone(), Running { executions: running + 1, reserved });
        Ok(Permit { all: self.clone(), function: function.arn.clone() })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut all = self.all.all();
        if let Some(running) = all.get_mut(&self.function) {
            running.executions = running.executions.saturating_sub(1);
            if running.executions == 0 {
                all.remove(&self.function);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, reserved_concurrency: Option<u32>) -> Function {
        Function {
            name: name.into(),
            arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{name}").parse().unwrap(),
            next_version: 1,
            tags: Default::default(),
            reserved_concurrency,
            recursion_allowed: false,
        }
    }

    #[test]
    fn one_function_leaves_some_to_others() {
        let concurrency = Concurrency::default();
        let (slow, other, kept) = (function("slow", None), function("other", None), function("kept", Some(1)));
        let running: Vec<Permit> = std::iter::from_fn(|| concurrency.enter(&slow).ok()).collect();
        assert_eq!(running.len(), UNRESERVED_MAX as usize);
        let others: Vec<Permit> = std::iter::from_fn(|| concurrency.enter(&other).ok()).collect();
        assert_eq!(others.len(), UNRESERVED_EXECUTIONS_MIN as usize);
        assert!(matches!(concurrency.enter(&other), Err(Error::TooManyRequests(Throttle::Account))));
        assert!(concurrency.enter(&kept).is_ok());
        drop((running, others));
        assert!(concurrency.all().is_empty());
    }

    #[test]
    fn no_more_than_reserved_get_in() {
        let mut function = function("f", Some(1));
        let concurrency = Concurrency::default();
        let first = concurrency.enter(&function).unwrap();
        assert!(matches!(concurrency.enter(&function), Err(Error::TooManyRequests(Throttle::Reserved))));
        drop(first);
        assert!(concurrency.enter(&function).is_ok());
        function.reserved_concurrency = Some(0);
        assert!(concurrency.enter(&function).is_err());
        assert!(concurrency.all().is_empty());
    }
}
