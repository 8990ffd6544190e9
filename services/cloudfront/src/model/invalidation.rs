//! Invalidations: what is remembered of them. They have taken effect by the time they are told of.

use kv::{Desc, Read, Tx};

use super::distribution;
use crate::error::Error;
use crate::keys::{DISTRIBUTIONS, INVALIDATION_NUMBERS, INVALIDATION_REFERENCES, INVALIDATIONS};
use crate::limits;
use crate::types::{Distribution, Invalidation};

/// Notes one down. A request with the same reference and the same paths is the same request.
///
/// # Errors
/// When there is no distribution, or the reference is another one's.
pub fn create(tx: &mut Tx, distribution: &str, new: &Invalidation) -> Result<Invalidation, Error> {
    let of = distribution::find(tx, distribution)?;
    if let Some(number) = INVALIDATION_REFERENCES.get(tx, (distribution, &new.caller_reference))?
        && let Some(there) = INVALIDATIONS.get(tx, (distribution, Desc(number)))?
    {
        if there.paths == new.paths {
            return Ok(there);
        }
        let message = "Your request contains a caller reference that was used for a previous invalidation batch for the same distribution.";
        return Err(Error::new(400, "InvalidArgument", message));
    }
    let number = of.invalidations;
    INVALIDATIONS.put(tx, (distribution, Desc(number)), new)?;
    INVALIDATION_NUMBERS.put(tx, (distribution, &new.id), &number)?;
    INVALIDATION_REFERENCES.put(tx, (distribution, &new.caller_reference), &number)?;
    if let Some(old) = number.checked_sub(limits::INVALIDATIONS_KEPT) {
        forget(tx, distribution, old)?;
    }
    DISTRIBUTIONS.put(tx, distribution, &Distribution { invalidations: number + 1, ..of })?;
    Ok(new.clone())
}

fn forget(tx: &mut Tx, distribution: &str, number: u64) -> Result<(), Error> {
    let Some(old) = INVALIDATIONS.get(tx, (distribution, Desc(number)))? else { return Ok(()) };
    INVALIDATION_NUMBERS.delete(tx, (distribution, &old.id))?;
    INVALIDATION_REFERENCES.delete(tx, (distribution, &old.caller_reference))?;
    Ok(INVALIDATIONS.delete(tx, (distribution, Desc(number)))?)
}

/// # Errors
/// When there is none.
pub fn find(read: &(impl Read + ?Sized), distribution: &str, id: &str) -> Result<Invalidation, Error> {
    distribution::find(read, distribution)?;
    let number = INVALIDATION_NUMBERS.get(read, (distribution, id))?;
    let found = number.map(|number| INVALIDATIONS.get(read, (distribution, Desc(number)))).transpose()?.flatten();
    found.ok_or_else(|| Error::new(404, "NoSuchInvalidation", "The specified invalidation does not exist."))
}
