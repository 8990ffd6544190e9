//! What operators make of values, by Velocity's rules.

use std::cmp::Ordering;

use crate::ast::Operator;
use crate::heap::Value;
use crate::render::Renderer;

/// Only `false` and nothing are false.
pub fn truth(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

enum Number {
    Int(i64),
    Double(f64),
}

impl Number {
    fn of(value: &Value) -> Option<Number> {
        match value {
            Value::Int(number) => Some(Number::Int(*number)),
            Value::Double(number) => Some(Number::Double(*number)),
            _ => None,
        }
    }

    fn double(&self) -> f64 {
        match self {
            Number::Int(number) => *number as f64,
            Number::Double(number) => *number,
        }
    }
}

impl Renderer<'_> {
    pub fn binary(&mut self, operator: Operator, left: &Value, right: &Value) -> Result<Value, String> {
        Ok(match operator {
            Operator::Or | Operator::And => Value::Bool(truth(right)),
            Operator::Equal => Value::Bool(self.equal(left, right)?),
            Operator::Unequal => Value::Bool(!self.equal(left, right)?),
            Operator::Less => self.ordered(left, right, Ordering::is_lt),
            Operator::LessOrEqual => self.ordered(left, right, Ordering::is_le),
            Operator::Greater => self.ordered(left, right, Ordering::is_gt),
            Operator::GreaterOrEqual => self.ordered(left, right, Ordering::is_ge),
            Operator::Add if Number::of(left).is_none() || Number::of(right).is_none() => {
                if !matches!(left, Value::Text(_)) && !matches!(right, Value::Text(_)) {
                    return Ok(Value::Null);
                }
                let text = self.shown(left)? + &self.shown(right)?;
                self.heap.text(&text)?
            }
            _ => arithmetic(operator, left, right),
        })
    }

    /// Numbers by what they are worth; values of different kinds by how they are shown.
    pub fn equal(&mut self, left: &Value, right: &Value) -> Result<bool, String> {
        if let (Some(left), Some(right)) = (Number::of(left), Number::of(right)) {
            return Ok(match (left, right) {
                (Number::Int(left), Number::Int(right)) => left == right,
                (left, right) => left.double().total_cmp(&right.double()).is_eq(),
            });
        }
        match (left, right) {
            (Value::Bool(left), Value::Bool(right)) => Ok(left == right),
            (Value::Text(left), Value::Text(right)) => {
                self.heap.budget.step(left.len().min(right.len()) / 64)?;
                Ok(left == right)
            }
            (Value::List(left), Value::List(right)) if left == right => Ok(true),
            (Value::Map(left), Value::Map(right)) if left == right => Ok(true),
            _ => Ok(self.shown(left)? == self.shown(right)?),
        }
    }

    fn ordered(&self, left: &Value, right: &Value, is: fn(Ordering) -> bool) -> Value {
        match (Number::of(left), Number::of(right)) {
            (Some(left), Some(right)) => Value::Bool(left.double().partial_cmp(&right.double()).is_some_and(is)),
            // Velocity orders numbers alone.
            _ => Value::Bool(false),
        }
    }
}

fn arithmetic(operator: Operator, left: &Value, right: &Value) -> Value {
    let (Some(left), Some(right)) = (Number::of(left), Number::of(right)) else { return Value::Null };
    if let (Number::Int(left), Number::Int(right)) = (&left, &right) {
        let whole = match operator {
            Operator::Add => left.checked_add(*right),
            Operator::Subtract => left.checked_sub(*right),
            Operator::Multiply => left.checked_mul(*right),
            // Nothing comes of a division by zero.
            Operator::Divide | Operator::Remainder if *right == 0 => return Value::Null,
            Operator::Divide => left.checked_div(*right),
            _ => left.checked_rem(*right),
        };
        if let Some(whole) = whole {
            return Value::Int(whole);
        }
    }
    let (left, right) = (left.double(), right.double());
    match operator {
        Operator::Add => Value::Double(left + right),
        Operator::Subtract => Value::Double(left - right),
        Operator::Multiply => Value::Double(left * right),
        _ if right == 0.0 => Value::Null,
        Operator::Divide => Value::Double(left / right),
        _ => Value::Double(left % right),
    }
}
