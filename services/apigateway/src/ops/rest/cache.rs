//! A stage's cache, as its owner asks for it.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html>

use crate::error::Error;
use crate::types::stage::CacheCluster;

/// In gigabytes.
const SIZES: [&str; 8] = ["0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237"];
const DEFAULT_SIZE: &str = "0.5";

/// The cache that is asked for; `None` where nothing is said of one.
pub fn cluster(enabled: Option<bool>, size: Option<String>) -> Result<Option<CacheCluster>, Error> {
    let size = size.filter(|size| !size.is_empty());
    if let Some(size) = &size {
        check_size(size)?;
    }
    let Some(enabled) = enabled else { return Ok(None) };
    Ok(Some(CacheCluster { enabled, size: size.unwrap_or_else(|| DEFAULT_SIZE.into()) }))
}

/// Changes one member of a stage's cache, which is made where there was none.
pub fn change(cache: &mut Option<CacheCluster>, change: impl FnOnce(&mut CacheCluster)) -> Result<(), Error> {
    let cache = cache.get_or_insert(CacheCluster { enabled: false, size: DEFAULT_SIZE.into() });
    change(cache);
    check_size(&cache.size)
}

fn check_size(size: &str) -> Result<(), Error> {
    match SIZES.contains(&size) {
        true => Ok(()),
        false => Err(Error::bad(format!("Invalid cache cluster size: {size}. Must be one of: [{}]", SIZES.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_have_sizes() {
        let cluster = |enabled, size: Option<&str>| cluster(enabled, size.map(str::to_owned));
        assert_eq!(cluster(None, Some("6.1")).unwrap(), None);
        assert_eq!(cluster(Some(true), None).unwrap().unwrap().size, "0.5");
        assert!(matches!(cluster(Some(true), Some("1")), Err(Error::BadRequest(_))));
        let mut cache = None;
        change(&mut cache, |cache| cache.enabled = true).unwrap();
        assert!(change(&mut cache, |cache| cache.size = "7".into()).is_err());
    }
}
