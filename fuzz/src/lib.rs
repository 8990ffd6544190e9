//! Everything that reads bytes from outside, as functions of bytes that must neither panic nor take long.
//!
//! Each says what came of its input in a few words: an input with which something new comes out is worth changing further.

mod targets;

use targets::{expressions, front, languages, protocols, signatures};

pub struct Target {
    pub name: &'static str,
    /// What came of the input.
    pub run: fn(&[u8]) -> String,
    /// Words of its language, which chance alone would seldom write.
    pub words: &'static [&'static str],
}

pub const TARGETS: &[Target] = &[
    Target { name: "sigv4", run: signatures::version_4, words: signatures::WORDS },
    Target { name: "sigv2", run: signatures::version_2, words: signatures::WORDS },
    Target { name: "form", run: signatures::form, words: signatures::FORM_WORDS },
    Target {
        name: "chunks",
        run: signatures::chunks,
        words: &[";chunk-signature=", "\r\n", "x-amz-trailer-signature:", "0", "ffff"],
    },
    Target {
        name: "jwt",
        run: languages::jwt,
        words: &["\"alg\":\"RS256\"", "\"kty\":\"RSA\"", "\"keys\":[", ".", "eyJ"],
    },
    Target { name: "passkey", run: signatures::passkey, words: &["\u{1}", "\u{3}", "&", "authData", "fmt", "attStmt"] },
    Target { name: "policy", run: languages::policy, words: languages::POLICY_WORDS },
    Target { name: "pattern", run: languages::pattern, words: languages::PATTERN_WORDS },
    Target {
        name: "template",
        run: languages::template,
        words: &["<", ">", "$.", "[0]", "{", "\"", "aws.events.event"],
    },
    Target {
        name: "schedule",
        run: languages::schedule,
        words: &["cron(", "rate(", "at(", "?", "L", "#", "W", "*/", "1-5", " ", "SUN", "minutes"],
    },
    Target { name: "vtl", run: front::template, words: front::TEMPLATE_WORDS },
    Target { name: "openapi", run: front::document, words: front::DOCUMENT_WORDS },
    Target { name: "yaml", run: languages::yaml, words: languages::YAML_WORDS },
    Target {
        name: "image",
        run: languages::image,
        words: &["w=", "&", "fit=crop", "rect=", "fp-x=", "auto=format", "%", "ar=16:9"],
    },
    Target { name: "arn", run: languages::arn, words: &["arn:aws:", ":", "/", "*"] },
    Target { name: "query", run: protocols::query, words: &["&", "=", ".member.1", ".entry.1.key", "%", "Action"] },
    Target { name: "json", run: protocols::json, words: &["{", "}", "[", "]", "\"", ":", ",", "null", "1e999", "\\u"] },
    Target { name: "cbor", run: protocols::cbor, words: &["\u{0}", "\u{7f}"] },
    Target {
        name: "xml",
        run: protocols::xml,
        words: &["<", ">", "</", "/>", "<?xml", "<!DOCTYPE", "<!ENTITY", "&lt;", "&#x", "<![CDATA["],
    },
    Target { name: "expression", run: expressions::expression, words: expressions::WORDS },
    Target { name: "partiql", run: expressions::partiql, words: expressions::PARTIQL_WORDS },
];

pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

pub fn names() -> Vec<&'static str> {
    TARGETS.iter().map(|target| target.name).collect()
}
