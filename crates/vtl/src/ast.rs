//! A template as it was read.

use std::sync::Arc;

use crate::error::Place;

pub type Block = Arc<[Node]>;

#[derive(Debug)]
pub enum Node {
    Text(Arc<str>),
    Reference(Reference),
    Set { target: Reference, value: Expression },
    If { branches: Vec<(Expression, Block)>, otherwise: Block },
    Foreach { variable: Arc<str>, list: Expression, body: Block, place: Place },
    Define { variable: Arc<str>, body: Block },
    Break,
    Stop,
}

/// `$name.property.method(…)[index]`.
#[derive(Debug)]
pub struct Reference {
    pub name: Arc<str>,
    pub steps: Vec<Step>,
    pub place: Place,
}

#[derive(Debug)]
pub enum Step {
    Property(Arc<str>),
    Method(Arc<str>, Vec<Expression>),
    Index(Expression),
}

#[derive(Debug)]
pub enum Expression {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Arc<str>),
    /// A text in double quotes, in which references are filled.
    Template(Block),
    List(Vec<Expression>),
    /// `[1..5]`, with both ends.
    Range(Box<(Expression, Expression)>, Place),
    Map(Vec<(Expression, Expression)>),
    Reference(Box<Reference>),
    Not(Box<Expression>),
    Negative(Box<Expression>),
    Binary(Operator, Box<(Expression, Expression)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}
