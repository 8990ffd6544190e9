//! Velocity templates as API Gateway runs them: what a request becomes on its way to an integration, and an answer on its way back.
//!
//! The language is that of Velocity 1.7: references, `#set`, `#if`, `#foreach`, `#define`, `#break`, `#stop`, and methods of
//! Java's strings, lists and maps. References to nothing are empty. Whoever writes a template cannot make the server
//! work or keep more than [`limits`] says, whatever the template does.
//!
//! Sources: <https://velocity.apache.org/engine/1.7/vtl-reference.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html>

mod ast;
mod error;
mod expression;
mod heap;
mod input;
mod java;
mod limits;
mod methods;
mod operators;
mod parse;
pub mod path;
mod render;
mod show;
#[cfg(test)]
mod tests;
mod util;

pub use error::Error;
pub use input::Input;
pub use render::Rendered;

use serde_json::{Map, Value};

/// A template that has been read.
#[derive(Debug)]
pub struct Template(ast::Block);

impl Template {
    /// Reads a template. Space around it does not count.
    ///
    /// # Errors
    /// What of it cannot be read, and where.
    pub fn parse(text: &str) -> Result<Template, Error> {
        parse::template(text.trim()).map(Template)
    }

    /// Fills the template: `$input` is `input`, and each of `variables` is there under its name.
    ///
    /// # Errors
    /// What could not be done, and where; or that it is too much.
    pub fn render(&self, input: &Input, variables: &Map<String, Value>) -> Result<Rendered, Error> {
        render::render(&self.0, input, variables)
    }
}
