//! `custom.customDomain` and `customDomains`: the keys of the plugin `serverless-domain-manager`.
//!
//! Source: <https://github.com/amplify-education/serverless-domain-manager#how-it-works>

use super::keys;
use super::read::Reader;
use crate::diagnostic::{At, Diagnostic};
use crate::yaml::Node;

/// The plugin whose configuration this is.
pub const PLUGIN: &str = "serverless-domain-manager";

/// Which of the service's APIs answers beneath the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Rest,
    Http,
}

#[derive(Clone, Debug)]
pub struct CustomDomain {
    pub name: String,
    pub kind: Kind,
    pub base_path: Option<String>,
    pub stage: Option<String>,
    pub certificate: Option<serde_json::Value>,
    pub endpoint_type: Option<String>,
    pub security_policy: Option<String>,
    pub at: At,
}

/// The domains of a service that has the plugin.
pub fn read(root: &Node, plugins: &[String], reader: &mut Reader<'_>) -> Vec<CustomDomain> {
    let Some(custom) = root.get("custom").filter(|_| plugins.iter().any(|plugin| plugin == PLUGIN)) else {
        return Vec::new();
    };
    let one = custom.get("customDomain").into_iter();
    let several = custom.get("customDomains").and_then(Node::as_sequence).unwrap_or_default();
    let mut domains = Vec::new();
    for node in one.chain(several) {
        let nested: Vec<_> =
            ["rest", "http", "websocket"].into_iter().filter_map(|kind| Some((kind, node.get(kind)?))).collect();
        if nested.is_empty() {
            domains.extend(domain(node, None, reader));
        }
        for (kind, node) in nested {
            domains.extend(domain(node, Some(kind), reader));
        }
    }
    domains
}

/// A domain that is enabled. `kind` is the API's where the configuration stands beneath it.
fn domain(node: &Node, kind: Option<&str>, reader: &mut Reader<'_>) -> Option<CustomDomain> {
    reader.keys(node, "a custom domain", keys::CUSTOM_DOMAIN);
    if node.get("enabled").is_some() && !reader.boolean(node, "enabled")? {
        return None;
    }
    let Some(name) = reader.word(node, "domainName") else {
        let help = "write `domainName: api.example.com`";
        reader.report(Diagnostic::error("the custom domain has no name").at(&node.at).help(help));
        return None;
    };
    let written = reader.word(node, "apiType");
    let kind = match kind.or(written.as_deref()).map(str::to_ascii_lowercase).as_deref() {
        None | Some("rest") => Kind::Rest,
        Some("http") => Kind::Http,
        Some(other) => {
            reader.error(
                &node.at,
                format!("the API type `{other}` of a custom domain is not supported: `rest` and `http` are"),
            );
            return None;
        }
    };
    Some(CustomDomain {
        name,
        kind,
        base_path: node.get("basePath").filter(|path| !path.is_null()).and_then(|_| reader.text(node, "basePath")),
        stage: reader.word(node, "stage"),
        certificate: reader.arn(node, "certificateArn"),
        endpoint_type: reader.word(node, "endpointType"),
        security_policy: reader.word(node, "securityPolicy"),
        at: node.at.clone(),
    })
}
