//! The operations, a file for each kind of thing they work on.

pub mod account;
pub mod alias;
pub mod concurrency;
pub mod configuration;
pub mod event_config;
pub mod function;
pub mod invoke;
pub mod invoke_stream;
pub mod layer;
pub mod layer_permission;
pub mod mapping;
pub mod mapping_stream;
pub mod package;
pub mod permission;
pub mod provisioned;
pub mod resource_policy;
pub mod runtime_management;
pub mod tag;
pub mod url;
pub mod version;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use service::{Cx, Permission};

use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits;
use crate::name::function_resource;

/// The answer of operations that have nothing to say.
#[derive(Debug, serde::Serialize)]
pub struct Empty {}

/// A request that names nothing but a function, or a part of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FunctionInput {
    pub function_name: String,
    pub qualifier: Option<String>,
}

/// A request for a page of what belongs to a function.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PageInput {
    pub function_name: String,
    pub function_version: Option<String>,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

/// How many items a page may have. Whoever asks for more than fits a page gets several.
pub fn page_size(max_items: Option<i64>) -> Result<usize, Error> {
    let mut constraints = Constraints::default();
    constraints.range(max_items, "maxItems", &limits::LIST_ITEMS_RANGE);
    constraints.check()?;
    let wanted = max_items.and_then(|max| usize::try_from(max).ok()).unwrap_or(limits::LIST_ITEMS_DEFAULT);
    Ok(wanted.min(limits::LIST_ITEMS_DEFAULT))
}

/// Reads the marker of a page: the name of the last item before it.
pub fn marker(marker: Option<&str>) -> Result<Option<String>, Error> {
    let decode = |marker: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(marker).ok();
        bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| Error::invalid("Invalid pagination token"))
    };
    marker.filter(|marker| !marker.is_empty()).map(decode).transpose()
}

/// The same for items that are numbered.
pub fn number_marker(text: Option<&str>) -> Result<Option<u64>, Error> {
    let parse = |name: String| name.parse().map_err(|_| Error::invalid("Invalid pagination token"));
    marker(text)?.map(parse).transpose()
}

/// A page's marker for the next one, as clients get it.
pub fn next_marker(last: Option<String>) -> Option<String> {
    last.map(|last| URL_SAFE_NO_PAD.encode(last))
}

/// Permissions for operations that set a function's role: the action, and passing the role on to Lambda.
pub fn with_pass_role(cx: &Cx, action: &str, function: &str, role: Option<&str>) -> Vec<Permission> {
    let mut all = vec![Permission::new(action, function_resource(cx, function, None))];
    if let Some(role) = role {
        let context = vec![("iam:PassedToService".to_owned(), vec![crate::PRINCIPAL.to_owned()])];
        all.push(Permission { context, ..Permission::new("iam:PassRole", role) });
    }
    all
}
