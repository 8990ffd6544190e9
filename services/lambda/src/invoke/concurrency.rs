//! Reserved concurrency: how many executions of a function are under way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base::Arn;

use crate::error::{Error, Throttle};
use crate::types::Function;

/// Executions under way of functions with a reservation. The others share what the runtime has.
#[derive(Clone, Default)]
pub struct Concurrency(Arc<Mutex<HashMap<Arn, u32>>>);

/// An execution under way; dropping it ends it.
pub struct Permit {
    all: Concurrency,
    function: Arn,
}

impl Concurrency {
    /// Lets an execution in, or refuses it as over the reservation.
    pub fn enter(&self, function: &Function) -> Result<Option<Permit>, Error> {
        let Some(reserved) = function.reserved_concurrency else { return Ok(None) };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let running = all.entry(function.arn.clone()).or_default();
        if *running >= reserved {
            return Err(Error::TooManyRequests(Throttle::Reserved));
        }
        *running += 1;
        Ok(Some(Permit { all: self.clone(), function: function.arn.clone() }))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = all.get_mut(&self.function) {
            *running = running.saturating_sub(1);
            if *running == 0 {
                all.remove(&self.function);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_reserved_get_in() {
        let mut function = Function {
            name: "f".into(),
            arn: "arn:aws:lambda:us-east-1:000000000000:function:f".parse().unwrap(),
            next_version: 1,
            tags: Default::default(),
            reserved_concurrency: Some(1),
            recursion_allowed: false,
        };
        let concurrency = Concurrency::default();
        let first = concurrency.enter(&function).unwrap();
        assert!(matches!(concurrency.enter(&function), Err(Error::TooManyRequests(Throttle::Reserved))));
        drop(first);
        assert!(concurrency.enter(&function).is_ok());
        function.reserved_concurrency = Some(0);
        assert!(concurrency.enter(&function).is_err());
        assert!(concurrency.0.lock().unwrap().values().all(|running| *running == 0));
    }
}
