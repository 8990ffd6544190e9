//! The grammar of expressions: text to a tree of what was written, names and values not yet resolved.
//!
//! Recursive descent over tokens, bounded by the limits on operators and depth. Each error shows the token it stopped
//! at with its neighbours, as AWS's do.

use super::Error;
use super::condition::Comparator;
use super::lexer::{Token, TokenKind, tokens};
use crate::limits::{EXPRESSION_DEPTH_MAX, EXPRESSION_OPERATORS_MAX, NESTING_LEVELS_MAX};

/// A document path as written. It has at least one step, and the first is not an index.
pub type Path<'e> = Vec<Step<'e>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'e> {
    Name(&'e str),
    Alias(&'e str),
    Index(usize),
}

/// A part of a condition as written.
#[derive(Debug)]
pub enum Node<'e> {
    Path(Path<'e>),
    Value(&'e str),
    Call(&'e str, Vec<Node<'e>>),
    Compare(Comparator, Box<Node<'e>>, Box<Node<'e>>),
    Between(Box<[Node<'e>; 3]>),
    In(Box<Node<'e>>, Vec<Node<'e>>),
    And(Vec<Node<'e>>),
    Or(Vec<Node<'e>>),
    Not(Box<Node<'e>>),
    Parentheses(Box<Node<'e>>),
}

/// One clause of an update expression as written.
#[derive(Debug)]
pub enum Clause<'e> {
    Set(Path<'e>, Assigned<'e>),
    Remove(Path<'e>),
    Add(Path<'e>, &'e str),
    Delete(Path<'e>, &'e str),
}

/// The right-hand side of a `SET`.
#[derive(Debug)]
pub enum Assigned<'e> {
    Operand(Node<'e>),
    Plus(Node<'e>, Node<'e>),
    Minus(Node<'e>, Node<'e>),
}

/// An update expression as written: the sections in their order.
pub type Sections<'e> = Vec<(&'static str, Vec<Clause<'e>>)>;

pub fn condition(text: &str) -> Result<Node<'_>, Error> {
    let mut parser = Parser::new(text)?;
    let node = parser.disjunction(false)?;
    parser.end()?;
    Ok(node)
}

pub fn projection(text: &str) -> Result<Vec<Path<'_>>, Error> {
    let mut parser = Parser::new(text)?;
    let paths = parser.list(Parser::path)?;
    parser.end()?;
    Ok(paths)
}

pub fn update(text: &str) -> Result<Sections<'_>, Error> {
    let mut parser = Parser::new(text)?;
    let mut sections = Vec::new();
    loop {
        let Some(section) = SECTIONS.into_iter().find(|section| parser.is_keyword(section)) else {
            return if sections.is_empty() || !parser.at_end() { Err(parser.error()) } else { Ok(sections) };
        };
        parser.advance();
        let clauses = parser.list(|parser| match section {
            "SET" => parser.assignment(),
            "REMOVE" => Ok(Clause::Remove(parser.update_path()?)),
            "ADD" => Ok(Clause::Add(parser.update_path()?, parser.placeholder()?)),
            _ => Ok(Clause::Delete(parser.update_path()?, parser.placeholder()?)),
        })?;
        sections.push((section, clauses));
    }
}

/// Words that are no names in a condition.
const CONDITION_KEYWORDS: [&str; 5] = ["AND", "OR", "NOT", "BETWEEN", "IN"];
/// Words that are no names in an update.
const SECTIONS: [&str; 4] = ["SET", "REMOVE", "ADD", "DELETE"];

struct Parser<'e> {
    text: &'e str,
    tokens: Vec<Token>,
    at: usize,
    operators: usize,
    depth: usize,
}

impl<'e> Parser<'e> {
    fn new(text: &'e str) -> Result<Parser<'e>, Error> {
        Ok(Parser { text, tokens: tokens(text)?, at: 0, operators: 0, depth: 0 })
    }

    fn token(&self, at: usize) -> Option<Token> {
        self.tokens.get(at).copied()
    }

    fn kind(&self) -> TokenKind {
        self.token(self.at).map_or(TokenKind::End, |token| token.kind)
    }

    fn current(&self) -> &'e str {
        self.token(self.at).and_then(|token| self.text.get(token.start..token.end)).unwrap_or_default()
    }

    fn advance(&mut self) -> &'e str {
        let text = self.current();
        if self.kind() != TokenKind::End {
            self.at += 1;
        }
        text
    }

    fn at_end(&self) -> bool {
        self.kind() == TokenKind::End
    }

    fn end(&self) -> Result<(), Error> {
        if self.at_end() { Ok(()) } else { Err(self.error()) }
    }

    /// The syntax error at the current token.
    fn error(&self) -> Error {
        let token = if self.at_end() { "<EOF>" } else { self.current() };
        let before = self.at.checked_sub(1).and_then(|at| self.token(at)).or(self.token(self.at));
        let after = self.token(self.at + 1).or(self.token(self.at));
        let near = before.zip(after).and_then(|(before, after)| self.text.get(before.start..after.end));
        Error::Syntax { token: token.to_string(), near: near.unwrap_or_default().trim_end().to_string() }
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        self.kind() == TokenKind::Symbol && self.current() == symbol
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<(), Error> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.error()) }
    }

    fn is_keyword(&self, keyword: &str) -> bool {
        self.kind() == TokenKind::Word && self.current().eq_ignore_ascii_case(keyword)
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        let found = self.is_keyword(keyword);
        if found {
            self.at += 1;
        }
        found
    }

    fn is_any_keyword(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is_keyword(keyword))
    }

    fn count_operator(&mut self) -> Result<(), Error> {
        self.operators += 1;
        if self.operators > EXPRESSION_OPERATORS_MAX {
            return Err(Error::TooManyOperators(self.operators));
        }
        Ok(())
    }

    /// Parses something that is one level deeper.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.depth += 1;
        if self.depth > EXPRESSION_DEPTH_MAX {
            return Err(Error::TooDeep);
        }
        let parsed = parse(self)?;
        self.depth -= 1;
        Ok(parsed)
    }

    /// One or more, with commas between.
    fn list<T>(&mut self, mut parse: impl FnMut(&mut Self) -> Result<T, Error>) -> Result<Vec<T>, Error> {
        let mut list = vec![parse(self)?];
        while self.take_symbol(",") {
            list.push(parse(self)?);
        }
        Ok(list)
    }

    fn path(&mut self) -> Result<Path<'e>, Error> {
        let mut path = vec![self.name()?];
        self.steps(&mut path)?;
        if path.len() > NESTING_LEVELS_MAX {
            return Err(Error::PathTooDeep(path.len()));
        }
        Ok(path)
    }

    fn name(&mut self) -> Result<Step<'e>, Error> {
        match self.kind() {
            TokenKind::Word => Ok(Step::Name(self.advance())),
            TokenKind::Alias => Ok(Step::Alias(self.advance())),
            _ => Err(self.error()),
        }
    }

    fn steps(&mut self, path: &mut Path<'e>) -> Result<(), Error> {
        loop {
            if self.take_symbol(".") {
                path.push(self.name()?);
            } else if self.take_symbol("[") {
                if self.kind() != TokenKind::Integer {
                    return Err(self.error());
                }
                let text = self.advance();
                let index: u32 = text.parse().map_err(|_| Error::IndexOutOfRange(text.to_string()))?;
                path.push(Step::Index(index as usize));
                self.expect_symbol("]")?;
            } else {
                return Ok(());
            }
        }
    }

    fn placeholder(&mut self) -> Result<&'e str, Error> {
        if self.kind() == TokenKind::Placeholder { Ok(self.advance()) } else { Err(self.error()) }
    }

    // Conditions.

    /// `parenthesised`: a lone operand is fine too, since the parentheses may turn out to surround just that.
    fn disjunction(&mut self, parenthesised: bool) -> Result<Node<'e>, Error> {
        let first = self.conjunction(parenthesised)?;
        if !self.is_keyword("OR") {
            return Ok(first);
        }
        let mut nodes = vec![first];
        while self.take_keyword("OR") {
            self.count_operator()?;
            nodes.push(self.conjunction(false)?);
        }
        Ok(Node::Or(nodes))
    }

    fn conjunction(&mut self, parenthesised: bool) -> Result<Node<'e>, Error> {
        let first = self.negation(parenthesised)?;
        if !self.is_keyword("AND") {
            return Ok(first);
        }
        let mut nodes = vec![first];
        while self.take_keyword("AND") {
            self.count_operator()?;
            nodes.push(self.negation(false)?);
        }
        Ok(Node::And(nodes))
    }

    fn negation(&mut self, parenthesised: bool) -> Result<Node<'e>, Error> {
        let mut negations = 0;
        while self.take_keyword("NOT") {
            self.count_operator()?;
            negations += 1;
        }
        let node = self.comparison(parenthesised && negations == 0)?;
        Ok((0..negations).fold(node, |node, _| Node::Not(Box::new(node))))
    }

    fn comparison(&mut self, parenthesised: bool) -> Result<Node<'e>, Error> {
        let left = self.left()?;
        if let Some(comparator) = self.comparator() {
            if !left.is_operand() {
                return Err(self.error());
            }
            self.at += 1;
            self.count_operator()?;
            return Ok(Node::Compare(comparator, Box::new(left), Box::new(self.operand()?)));
        }
        if left.is_operand() && self.take_keyword("BETWEEN") {
            self.count_operator()?;
            let low = self.operand()?;
            if !self.take_keyword("AND") {
                return Err(self.error());
            }
            return Ok(Node::Between(Box::new([left, low, self.operand()?])));
        }
        if left.is_operand() && self.take_keyword("IN") {
            self.count_operator()?;
            self.expect_symbol("(")?;
            let choices = self.list(Self::operand)?;
            self.expect_symbol(")")?;
            return Ok(Node::In(Box::new(left), choices));
        }
        let complete = left.is_condition() || (parenthesised && self.is_symbol(")"));
        if complete { Ok(left) } else { Err(self.error()) }
    }

    fn comparator(&self) -> Option<Comparator> {
        if self.kind() != TokenKind::Symbol {
            return None;
        }
        Comparator::ALL.into_iter().find(|comparator| comparator.symbol() == self.current())
    }

    /// What a comparison or a condition begins with: parentheses here may hold either.
    fn left(&mut self) -> Result<Node<'e>, Error> {
        if !self.take_symbol("(") {
            return self.operand();
        }
        let inner = self.nested(|parser| parser.disjunction(true))?;
        self.expect_symbol(")")?;
        self.closed(inner)
    }

    /// Parentheses around `inner`. Around a path they may be followed by more steps.
    fn closed(&mut self, inner: Node<'e>) -> Result<Node<'e>, Error> {
        if let Node::Path(mut path) = inner {
            let length = path.len();
            self.steps(&mut path)?;
            let longer = path.len() > length;
            let path = Node::Path(path);
            return Ok(if longer { path } else { Node::Parentheses(Box::new(path)) });
        }
        Ok(Node::Parentheses(Box::new(inner)))
    }

    fn operand(&mut self) -> Result<Node<'e>, Error> {
        if self.take_symbol("(") {
            let inner = self.nested(Self::operand)?;
            self.expect_symbol(")")?;
            return self.closed(inner);
        }
        match self.kind() {
            TokenKind::Placeholder => Ok(Node::Value(self.advance())),
            TokenKind::Word if self.is_any_keyword(&CONDITION_KEYWORDS) => Err(self.error()),
            TokenKind::Word if self.is_call() => self.call(),
            _ => self.path().map(Node::Path),
        }
    }

    fn is_call(&self) -> bool {
        let next = self.token(self.at + 1);
        next.is_some_and(|next| self.text.get(next.start..next.end) == Some("("))
    }

    fn call(&mut self) -> Result<Node<'e>, Error> {
        let name = self.advance();
        self.expect_symbol("(")?;
        let arguments = self.nested(|parser| parser.list(Self::operand))?;
        self.expect_symbol(")")?;
        Ok(Node::Call(name, arguments))
    }

    // Updates.

    fn update_path(&mut self) -> Result<Path<'e>, Error> {
        if self.is_any_keyword(&SECTIONS) { Err(self.error()) } else { self.path() }
    }

    fn assignment(&mut self) -> Result<Clause<'e>, Error> {
        let path = self.update_path()?;
        self.expect_symbol("=")?;
        if !self.take_symbol("(") {
            let left = self.update_operand()?;
            return Ok(Clause::Set(path, self.arithmetic(left)?));
        }
        // Parentheses may hold one operand or the whole sum.
        let inner = self.update_operand()?;
        let inner = self.arithmetic(inner)?;
        self.expect_symbol(")")?;
        Ok(Clause::Set(
            path,
            match inner {
                Assigned::Operand(left) => self.arithmetic(left)?,
                sum => sum,
            },
        ))
    }

    fn arithmetic(&mut self, left: Node<'e>) -> Result<Assigned<'e>, Error> {
        if self.take_symbol("+") {
            self.count_operator()?;
            Ok(Assigned::Plus(left, self.update_operand()?))
        } else if self.take_symbol("-") {
            self.count_operator()?;
            Ok(Assigned::Minus(left, self.update_operand()?))
        } else {
            Ok(Assigned::Operand(left))
        }
    }

    fn update_operand(&mut self) -> Result<Node<'e>, Error> {
        if self.take_symbol("(") {
            let inner = self.nested(Self::update_operand)?;
            self.expect_symbol(")")?;
            return Ok(inner);
        }
        match self.kind() {
            TokenKind::Placeholder => Ok(Node::Value(self.advance())),
            TokenKind::Word if self.is_call() => {
                let name = self.advance();
                self.expect_symbol("(")?;
                let arguments = self.nested(|parser| parser.list(Self::update_operand))?;
                self.expect_symbol(")")?;
                Ok(Node::Call(name, arguments))
            }
            _ => self.update_path().map(Node::Path),
        }
    }
}

impl Node<'_> {
    /// Whether this can stand on a side of a comparison.
    fn is_operand(&self) -> bool {
        match self {
            Node::Path(_) | Node::Value(_) | Node::Call(..) => true,
            Node::Parentheses(inner) => inner.is_operand(),
            _ => false,
        }
    }

    /// Whether this can stand alone. A call can be either, as far as the grammar knows.
    fn is_condition(&self) -> bool {
        match self {
            Node::Path(_) | Node::Value(_) => false,
            Node::Parentheses(inner) => inner.is_condition(),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn syntax(error: Error) -> (String, String) {
        match error {
            Error::Syntax { token, near } => (token, near),
            other => panic!("not a syntax error: {other}"),
        }
    }

    #[test]
    fn errors_show_the_token_and_its_neighbours() {
        let at = |token: &str, near: &str| (token.to_string(), near.to_string());
        assert_eq!(syntax(projection("!!").unwrap_err()), at("!", "!!"));
        assert_eq!(syntax(update("INVALID SYNTAX").unwrap_err()), at("INVALID", "INVALID SYNTAX"));
        assert_eq!(syntax(update("SET a = ").unwrap_err()), at("<EOF>", "="));
        assert_eq!(syntax(update("SET a x b").unwrap_err()), at("x", "a x b"));
        assert_eq!(syntax(condition("a x b").unwrap_err()), at("x", "a x b"));
        assert_eq!(syntax(condition("a > 4").unwrap_err()), at("4", "> 4"));
        assert_eq!(syntax(condition("a AND b = :c").unwrap_err()), at("AND", "a AND b"));
        assert_eq!(syntax(condition("(a = :b").unwrap_err()), at("<EOF>", ":b"));
        assert_eq!(syntax(condition("(a = :b) = :c").unwrap_err()), at("=", ") = :c"));
        assert_eq!(syntax(condition("a = (b = c)").unwrap_err()), at("=", "b = c"));
        assert_eq!(syntax(condition("a").unwrap_err()), at("<EOF>", "a"));
        assert_eq!(syntax(condition(" ").unwrap_err()), at("<EOF>", ""));
    }

    #[test]
    fn accepts() {
        for text in [
            "a = :b",
            "(a) = (:b)",
            "(a)[0].b = :b",
            "not a = :b AND (c > :d or size(e) < :f)",
            "a between :b and :c and d in (:e, f)",
            "attribute_exists(a.b[1]) and NOT(contains(#c, :d))",
            "((a = :b) AND (c = :d))",
            "In_ = :b",
        ] {
            condition(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
        for text in [
            "SET a = :b",
            "set a=b+:c, d[0].#e = if_not_exists(f, :g) - (:h) REMOVE i, j[1] add k :l DELETE m :n",
            "SET a = (b + :c)",
            "SET a = (b) + :c",
            "SET a = list_append(if_not_exists(a, :b), :c)",
        ] {
            update(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }

    #[test]
    fn recursion_is_bounded() {
        for text in ["(".repeat(4096), "f(".repeat(2000), format!("a < {}", "(".repeat(4000))] {
            assert_eq!(condition(&text).unwrap_err(), Error::TooDeep);
        }
        assert_eq!(update(&format!("SET a = {}", "f(".repeat(2000))).unwrap_err(), Error::TooDeep);
        let nots = |count| format!("{}a<b", "not ".repeat(count));
        assert!(condition(&nots(299)).is_ok());
        assert_eq!(condition(&nots(1000)).unwrap_err(), Error::TooManyOperators(301));
        let nested = |depth| format!("a<b {}{}", "or (a<b ".repeat(depth), ")".repeat(depth));
        assert!(condition(&nested(149)).is_ok());
        assert!(condition(&nested(454)).is_err());
        assert_eq!(condition(&"x".repeat(4097)).unwrap_err(), Error::TooLong(4097));
    }
}
