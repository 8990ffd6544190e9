//! Templates that are kept.

use kv::{Read, Tx};

use super::count;
use crate::error::Error;
use crate::keys::TEMPLATES;
use crate::limits;
use crate::types::Template;

pub fn find(read: &(impl Read + ?Sized), region: &str, name: &str) -> Result<Template, Error> {
    TEMPLATES.get(read, (region, name))?.ok_or_else(|| Error::NoTemplate(name.to_owned()))
}

pub fn create(tx: &mut Tx, region: &str, template: &Template) -> Result<(), Error> {
    if TEMPLATES.contains(tx, (region, &*template.name))? {
        return Err(Error::TemplateExists(template.name.clone()));
    }
    if count(&TEMPLATES, tx, region)? >= limits::TEMPLATES_MAX {
        return Err(Error::LimitExceeded(format!("A region has at most {} templates.", limits::TEMPLATES_MAX)));
    }
    put(tx, region, template)
}

pub fn put(tx: &mut Tx, region: &str, template: &Template) -> Result<(), Error> {
    Ok(TEMPLATES.put(tx, (region, &*template.name), template)?)
}

/// Deletes a template; says whether it was there.
pub fn delete(tx: &mut Tx, region: &str, name: &str) -> Result<bool, Error> {
    let existed = TEMPLATES.contains(tx, (region, name))?;
    TEMPLATES.delete(tx, (region, name))?;
    Ok(existed)
}
