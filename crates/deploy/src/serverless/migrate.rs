//! `custom.cloudlet.migrate`: what a legacy backend and functions share.

use super::config::{Migrate, MigrateCondition, MigrateRoute};
use super::keys;
use super::read::Reader;
use crate::yaml::Node;

/// Reads it; `own` is `custom.cloudlet`.
pub fn read(own: &Node, reader: &mut Reader<'_>) -> Option<Migrate> {
    let node = own.get("migrate")?;
    reader.keys(node, "`custom.cloudlet.migrate`", keys::MIGRATE);
    let Some(legacy) = reader.word(node, "legacy") else {
        reader.error(&node.at, "`migrate` has the backend's URL as `legacy`, such as http://10.0.0.7:8080");
        return None;
    };
    let routes = reader.list(node, "routes").unwrap_or_default();
    let routes = routes.iter().filter_map(|item| route(item, reader)).collect();
    let hosts = reader.texts(node, "hosts").unwrap_or_default();
    Some(Migrate { name: reader.word(node, "name"), legacy, hosts, routes, at: node.at.clone() })
}

fn route(item: &Node, reader: &mut Reader<'_>) -> Option<MigrateRoute> {
    reader.keys(item, "a route of `migrate`", keys::MIGRATE_ROUTE);
    let (path, function) = (reader.word(item, "path"), reader.word(item, "function"));
    let (Some(path), Some(function)) = (path, function) else {
        reader.error(&item.at, "a route of `migrate` has a `path`, and a `function` of this service by its key");
        return None;
    };
    Some(MigrateRoute {
        path,
        function,
        method: reader.word(item, "method").map(|method| method.to_ascii_uppercase()),
        weight: percent(item, "weight", reader).unwrap_or(0.0),
        shadow: percent(item, "shadow", reader).unwrap_or(0.0),
        shadow_unsafe: reader.boolean(item, "shadowUnsafe").unwrap_or(false),
        sticky: reader.boolean(item, "sticky").unwrap_or(true),
        header: condition(item, "header", reader),
        cookie: condition(item, "cookie", reader),
        at: item.at.clone(),
    })
}

/// `10%`, or the number alone.
fn percent(item: &Node, key: &str, reader: &mut Reader<'_>) -> Option<f64> {
    let text = reader.text(item, key)?;
    let number: Option<f64> = text.trim_end_matches('%').trim().parse().ok();
    let number = number.filter(|number| (0.0..=100.0).contains(number));
    if number.is_none() {
        let at = &item.get(key)?.at;
        reader.error(at, format!("`{key}` is a share from 0% to 100%, not `{text}`"));
    }
    number
}

/// `NAME`, or `NAME=VALUE`.
fn condition(item: &Node, key: &str, reader: &mut Reader<'_>) -> Option<MigrateCondition> {
    let text = reader.word(item, key)?;
    let (name, value) = text.split_once('=').map_or((text.as_str(), None), |(name, value)| (name, Some(value)));
    Some(MigrateCondition { name: name.to_owned(), value: value.map(str::to_owned) })
}
