//! From text to a tree: text, references and directives. Expressions are in [`crate::expression`].

use std::sync::Arc;

use crate::ast::{Block, Node, Reference, Step};
use crate::error::{Error, Place};
use crate::limits;

pub fn template(text: &str) -> Result<Block, Error> {
    Parser { text, at: 0, begin: Place { line: 1, column: 1 }, depth: 0 }.whole()
}

pub struct Parser<'t> {
    pub text: &'t str,
    /// In bytes.
    pub at: usize,
    /// Where the text stands: texts in double quotes are within a template.
    pub begin: Place,
    pub depth: usize,
}

/// What ends a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Text,
    Closed,
    Else,
    ElseIf,
}

/// Directives that this engine knows and does not have.
const REFUSED: [&str; 4] = ["macro", "parse", "include", "evaluate"];

impl<'t> Parser<'t> {
    pub fn whole(mut self) -> Result<Block, Error> {
        match self.block()? {
            (nodes, End::Text) => Ok(nodes.into()),
            (_, end) => Err(self.error(format!("#{} without an #if or a #foreach before it", word(end)))),
        }
    }

    pub fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub fn place(&self) -> Place {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let lines = before.matches('\n').count();
        let last = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let column = if lines == 0 { self.begin.column + last } else { last + 1 };
        Place { line: self.begin.line + lines, column }
    }

    pub fn error(&self, what: impl Into<String>) -> Error {
        Error::new(self.place(), what)
    }

    /// Goes one level deeper, as far as that is allowed.
    pub fn deeper<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth >= limits::DEPTH_MAX {
            return Err(self.error(format!("More than {} levels within each other", limits::DEPTH_MAX)));
        }
        self.depth += 1;
        let result = inside(self);
        self.depth -= 1;
        result
    }

    pub fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    pub fn expect(&mut self, text: &str) -> Result<(), Error> {
        self.spaces();
        if self.take(text) { Ok(()) } else { Err(self.error(format!("`{text}` is expected here"))) }
    }

    /// Passes space of any kind.
    pub fn spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn block(&mut self) -> Result<(Vec<Node>, End), Error> {
        let (mut nodes, mut text) = (Vec::new(), String::new());
        loop {
            let rest = self.rest();
            let Some(next) = rest.find(['$', '#', '\\']) else {
                text.push_str(rest);
                self.at = self.text.len();
                push_text(&mut nodes, &mut text);
                return Ok((nodes, End::Text));
            };
            text.push_str(rest.get(..next).unwrap_or_default());
            self.at += next;
            match self.rest().as_bytes().first() {
                Some(b'\\') => self.escape(&mut text),
                Some(b'$') => match self.reference()? {
                    Some(reference) => {
                        push_text(&mut nodes, &mut text);
                        nodes.push(Node::Reference(reference));
                    }
                    None => {
                        text.push('$');
                        self.at += 1;
                    }
                },
                _ => {
                    if let Some(end) = self.directive(&mut nodes, &mut text)? {
                        push_text(&mut nodes, &mut text);
                        return Ok((nodes, end));
                    }
                }
            }
        }
    }

    /// A backslash before a reference or a directive makes it text, and is a backslash elsewhere.
    fn escape(&mut self, text: &mut String) {
        let slashes = self.rest().bytes().take_while(|byte| *byte == b'\\').count();
        self.at += slashes;
        let special = match self.rest().as_bytes() {
            [b'$', next, ..] => next.is_ascii_alphabetic() || b"{!_".contains(next),
            [b'#', next, ..] => next.is_ascii_alphabetic() || *next == b'{',
            _ => false,
        };
        text.extend(std::iter::repeat_n('\\', if special { slashes / 2 } else { slashes }));
        if special && slashes % 2 == 1 {
            let mark = self.rest().chars().next();
            text.extend(mark);
            self.at += mark.map_or(0, char::len_utf8);
        }
    }

    /// A directive, a comment, or text that looks like one. Tells when a block ends here.
    fn directive(&mut self, nodes: &mut Vec<Node>, text: &mut String) -> Result<Option<End>, Error> {
        let start = self.at;
        if self.comment(text)? {
            return Ok(None);
        }
        self.at += 1;
        let braces = self.take("{");
        let letters: String = self.rest().chars().take_while(char::is_ascii_alphabetic).collect();
        let Some(name) = known(&letters) else {
            if REFUSED.contains(&letters.as_str()) {
                self.at = start;
                return Err(self.error(format!("#{letters} is not supported in mapping templates")));
            }
            text.push('#');
            self.at = start + 1;
            return Ok(None);
        };
        self.at += name.len();
        if braces && !self.take("}") {
            text.push('#');
            self.at = start + 1;
            return Ok(None);
        }
        if takes_arguments(name) && !self.rest().trim_start_matches([' ', '\t']).starts_with('(') {
            text.push('#');
            self.at = start + 1;
            return Ok(None);
        }
        match name {
            "elseif" => return Ok(Some(End::ElseIf)),
            "else" => {
                self.line_end();
                return Ok(Some(End::Else));
            }
            "end" => {
                self.line_end();
                return Ok(Some(End::Closed));
            }
            _ => {}
        }
        if name == "set" {
            // Indentation belongs to it.
            text.truncate(text.trim_end_matches([' ', '\t']).len());
        }
        push_text(nodes, text);
        self.at = start + 1 + usize::from(braces) + name.len() + usize::from(braces);
        nodes.push(self.deeper(|parser| parser.body_of(name))?);
        Ok(None)
    }

    fn body_of(&mut self, name: &str) -> Result<Node, Error> {
        match name {
            "set" => self.set(),
            "if" => self.conditional(),
            "foreach" => self.foreach(),
            "define" => {
                self.expect("(")?;
                let variable = self.variable()?;
                self.expect(")")?;
                self.line_end();
                Ok(Node::Define { variable, body: self.until_end("define")? })
            }
            "break" => {
                self.line_end();
                Ok(Node::Break)
            }
            _ => {
                self.line_end();
                Ok(Node::Stop)
            }
        }
    }

    fn set(&mut self) -> Result<Node, Error> {
        self.expect("(")?;
        self.spaces();
        let target = self.reference()?.ok_or_else(|| self.error("#set needs a reference to set"))?;
        if matches!(target.steps.last(), Some(Step::Method(..))) {
            return Err(self.error("#set cannot set what a method answers"));
        }
        self.expect("=")?;
        let value = self.expression()?;
        self.expect(")")?;
        self.line_end();
        Ok(Node::Set { target, value })
    }

    fn conditional(&mut self) -> Result<Node, Error> {
        let mut branches = Vec::new();
        loop {
            self.expect("(")?;
            let condition = self.expression()?;
            self.expect(")")?;
            self.line_end();
            let (nodes, end) = self.block()?;
            branches.push((condition, nodes.into()));
            match end {
                End::ElseIf => {}
                End::Else => return Ok(Node::If { branches, otherwise: self.until_end("if")? }),
                End::Closed => return Ok(Node::If { branches, otherwise: Vec::new().into() }),
                End::Text => return Err(self.error("#if without an #end")),
            }
        }
    }

    fn foreach(&mut self) -> Result<Node, Error> {
        let place = self.place();
        self.expect("(")?;
        let variable = self.variable()?;
        self.expect("in")?;
        let list = self.expression()?;
        self.expect(")")?;
        self.line_end();
        Ok(Node::Foreach { variable, list, body: self.until_end("foreach")?, place })
    }

    fn variable(&mut self) -> Result<Arc<str>, Error> {
        self.spaces();
        match self.reference()? {
            Some(Reference { name, steps, .. }) if steps.is_empty() => Ok(name),
            _ => Err(self.error("The name of a variable is expected here, such as `$item`")),
        }
    }

    fn until_end(&mut self, of: &str) -> Result<Block, Error> {
        match self.block()? {
            (nodes, End::Closed) => Ok(nodes.into()),
            (_, End::Text) => Err(self.error(format!("#{of} without an #end"))),
            (_, end) => Err(self.error(format!("#{} where the #end of #{of} is expected", word(end)))),
        }
    }

    fn comment(&mut self, text: &mut String) -> Result<bool, Error> {
        let rest = self.rest();
        if rest.starts_with("##") {
            self.at += rest.find('\n').map_or(rest.len(), |end| end + 1);
            return Ok(true);
        }
        for (open, close) in [("#*", "*#"), ("#[[", "]]#")] {
            if let Some(inside) = rest.strip_prefix(open) {
                let end = inside.find(close).ok_or_else(|| self.error(format!("`{open}` without a `{close}`")))?;
                if open == "#[[" {
                    text.push_str(inside.get(..end).unwrap_or_default());
                }
                self.at += open.len() + end + close.len();
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The rest of a line belongs to the directive before it, where nothing stands there.
    fn line_end(&mut self) {
        let rest = self.rest().trim_start_matches([' ', '\t']);
        if let Some(after) = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')) {
            self.at = self.text.len() - after.len();
        }
    }

    /// A reference; `None`, and nothing passed, where the dollar is only one.
    pub fn reference(&mut self) -> Result<Option<Reference>, Error> {
        let (start, place) = (self.at, self.place());
        if !self.take("$") {
            return Ok(None);
        }
        // A quiet one says nothing where there is nothing; here all are.
        self.take("!");
        let formal = self.take("{");
        let Some(name) = self.name() else {
            self.at = start;
            return Ok(None);
        };
        let mut steps = Vec::new();
        while let Some(step) = self.deeper(|parser| parser.step())? {
            steps.push(step);
        }
        if formal && !self.take("}") {
            return Err(self.error("`}` is expected here: a reference with braces ends with one"));
        }
        Ok(Some(Reference { name, steps, place }))
    }

    fn step(&mut self) -> Result<Option<Step>, Error> {
        let start = self.at;
        if self.take("[") {
            let index = self.expression()?;
            self.expect("]")?;
            return Ok(Some(Step::Index(index)));
        }
        let name = if self.take(".") { self.name() } else { None };
        let Some(name) = name else {
            self.at = start;
            return Ok(None);
        };
        if !self.take("(") {
            return Ok(Some(Step::Property(name)));
        }
        Ok(Some(Step::Method(name, self.expressions(")")?)))
    }

    fn name(&mut self) -> Option<Arc<str>> {
        let rest = self.rest();
        if !rest.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
            return None;
        }
        let end = rest.find(|next: char| !next.is_ascii_alphanumeric() && next != '_' && next != '-');
        let name = rest.get(..end.unwrap_or(rest.len()))?;
        self.at += name.len();
        Some(name.into())
    }
}

fn push_text(nodes: &mut Vec<Node>, text: &mut String) {
    if !text.is_empty() {
        nodes.push(Node::Text(std::mem::take(text).into()));
    }
}

fn word(end: End) -> &'static str {
    match end {
        End::Text => "",
        End::Closed => "end",
        End::Else => "else",
        End::ElseIf => "elseif",
    }
}

/// The directive that letters behind a `#` begin with: some may be followed by text at once.
fn known(letters: &str) -> Option<&'static str> {
    const WHOLE: [&str; 6] = ["set", "if", "foreach", "define", "break", "stop"];
    const BEGINNING: [&str; 3] = ["elseif", "else", "end"];
    let whole = WHOLE.into_iter().find(|name| *name == letters);
    whole.or_else(|| BEGINNING.into_iter().find(|name| letters.starts_with(name)))
}

fn takes_arguments(name: &str) -> bool {
    matches!(name, "set" | "if" | "elseif" | "foreach" | "define")
}
