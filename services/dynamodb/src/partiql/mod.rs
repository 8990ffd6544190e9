//! PartiQL: statements in SQL's manner, turned into the same reads, writes and conditions that requests ask for.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html>

mod lexer;
mod parser;
mod plan;

pub use parser::parse;
pub use plan::{key_of, partition_of, projected, range_of, write_of};

use crate::expression::{Condition, Path, Update};
use crate::value::Item;

#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    Select(Select),
    Insert {
        table: String,
        item: Item,
    },
    Update {
        table: String,
        update: Update,
        condition: Condition,
        returning: Option<Returning>,
    },
    Delete {
        table: String,
        condition: Condition,
        returning: Option<Returning>,
    },
    /// `EXISTS(SELECT …)`: the condition of a transaction.
    Exists(Select),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    pub table: String,
    pub index: Option<String>,
    /// `None` for `*`.
    pub paths: Option<Vec<Path>>,
    pub condition: Option<Condition>,
    pub descending: bool,
}

/// What a write answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returning {
    AllOld,
    AllNew,
    ModifiedOld,
    ModifiedNew,
}

impl Returning {
    /// What the older operations call it.
    pub fn parameter(self) -> &'static str {
        match self {
            Returning::AllOld => "ALL_OLD",
            Returning::AllNew => "ALL_NEW",
            Returning::ModifiedOld => "UPDATED_OLD",
            Returning::ModifiedNew => "UPDATED_NEW",
        }
    }
}

impl Statement {
    pub fn table(&self) -> &str {
        match self {
            Statement::Select(select) | Statement::Exists(select) => &select.table,
            Statement::Insert { table, .. } | Statement::Update { table, .. } | Statement::Delete { table, .. } => {
                table
            }
        }
    }

    /// What is read, where nothing else is asked for.
    pub fn select(&self) -> Option<&Select> {
        match self {
            Statement::Select(select) => Some(select),
            _ => None,
        }
    }

    /// The IAM action that it needs.
    pub fn action(&self) -> &'static str {
        match self {
            Statement::Select(_) | Statement::Exists(_) => "dynamodb:PartiQLSelect",
            Statement::Insert { .. } => "dynamodb:PartiQLInsert",
            Statement::Update { .. } => "dynamodb:PartiQLUpdate",
            Statement::Delete { .. } => "dynamodb:PartiQLDelete",
        }
    }
}

/// Why a statement is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("Statement wasn't well formed, can't be processed: Unexpected {found} at position {position}")]
    Unexpected { found: String, position: usize },
    #[error("Statement wasn't well formed, can't be processed: {0}")]
    Other(String),
    #[error("Number of parameters in request and statement don't match.")]
    Parameters,
}
