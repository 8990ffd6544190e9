//! The grammar of statements. Parameters take their places as they are met.

use std::collections::BTreeSet;

use super::lexer::{Token, tokens};
use super::{Malformed, Returning, Select, Statement};
use crate::expression::{Action, Comparator, Condition, Literal, Operand, Path, SetValue, Step, Update, UpdateOperand};
use crate::limits::{EXPRESSION_DEPTH_MAX, NESTING_LEVELS_MAX, STATEMENT_CHARS_MAX};
use crate::value::{Item, Kind, Value};

/// # Errors
/// When the text is no statement, or `parameters` are not as many as its question marks.
pub fn parse(text: &str, parameters: &[Value]) -> Result<Statement, Malformed> {
    if text.chars().count() > STATEMENT_CHARS_MAX {
        return Err(Malformed::Other(format!("it is longer than {STATEMENT_CHARS_MAX} characters")));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, parameters: parameters.iter(), depth: 0 };
    let statement = parser.statement()?;
    if *parser.token() != Token::End {
        return Err(parser.unexpected());
    }
    match parser.parameters.next() {
        Some(_) => Err(Malformed::Parameters),
        None => Ok(statement),
    }
}

struct Parser<'p> {
    tokens: Vec<(Token, usize)>,
    at: usize,
    parameters: std::slice::Iter<'p, Value>,
    depth: usize,
}

impl Parser<'_> {
    fn token(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(token, _)| token)
    }

    fn unexpected(&self) -> Malformed {
        let found = match self.token() {
            Token::Word(text) | Token::Name(text) | Token::Number(text) => text.clone(),
            Token::Text(text) => format!("'{text}'"),
            Token::Symbol(symbol) => (*symbol).to_string(),
            Token::End => "end".into(),
        };
        Malformed::Unexpected { found, position: self.tokens.get(self.at).map_or(0, |(_, position)| *position) }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.token(), Token::Word(found) if found.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn expect_word(&mut self, word: &str) -> Result<(), Malformed> {
        if self.take_word(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = matches!(self.token(), Token::Symbol(found) if *found == symbol);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), Malformed> {
        if self.take(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Parses something that is one level deeper.
    fn nested<T>(
        &mut self,
        limit: usize,
        parse: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        self.depth += 1;
        if self.depth > limit {
            return Err(Malformed::Other("it has too many levels within one another".into()));
        }
        let parsed = parse(self)?;
        self.depth -= 1;
        Ok(parsed)
    }

    /// Any number, with commas between, up to `close`.
    fn list<T>(
        &mut self,
        close: &str,
        mut parse: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let mut list = Vec::new();
        while !self.take(close) {
            if !list.is_empty() {
                self.expect(",")?;
            }
            list.push(parse(self)?);
        }
        Ok(list)
    }

    fn statement(&mut self) -> Result<Statement, Malformed> {
        if self.take_word("SELECT") {
            return self.select().map(Statement::Select);
        }
        if self.take_word("EXISTS") {
            self.expect("(")?;
            self.expect_word("SELECT")?;
            let select = self.select()?;
            self.expect(")")?;
            return Ok(Statement::Exists(select));
        }
        if self.take_word("INSERT") {
            self.expect_word("INTO")?;
            let table = self.name()?;
            self.expect_word("VALUE")?;
            return match self.value()? {
                Value::M(item) => Ok(Statement::Insert { table, item }),
                _ => Err(Malformed::Other("an item is expected after VALUE".into())),
            };
        }
        if self.take_word("UPDATE") {
            let table = self.name()?;
            let update = self.update()?;
            self.expect_word("WHERE")?;
            let condition = self.condition()?;
            return Ok(Statement::Update { table, update, condition, returning: self.returning()? });
        }
        if self.take_word("DELETE") {
            self.expect_word("FROM")?;
            let table = self.name()?;
            self.expect_word("WHERE")?;
            let condition = self.condition()?;
            return Ok(Statement::Delete { table, condition, returning: self.returning()? });
        }
        Err(self.unexpected())
    }

    fn select(&mut self) -> Result<Select, Malformed> {
        let paths = if self.take("*") {
            None
        } else {
            let mut paths = vec![self.path()?];
            while self.take(",") {
                paths.push(self.path()?);
            }
            Some(paths)
        };
        self.expect_word("FROM")?;
        let table = self.name()?;
        let index = if self.take(".") { Some(self.name()?) } else { None };
        let condition = if self.take_word("WHERE") { Some(self.condition()?) } else { None };
        let mut descending = false;
        if self.take_word("ORDER") {
            self.expect_word("BY")?;
            self.path()?;
            descending = self.take_word("DESC");
            let _ascending = !descending && self.take_word("ASC");
        }
        Ok(Select { table, index, paths, condition, descending })
    }

    fn returning(&mut self) -> Result<Option<Returning>, Malformed> {
        if !self.take_word("RETURNING") {
            return Ok(None);
        }
        let all = self.take_word("ALL");
        if !all {
            self.expect_word("MODIFIED")?;
        }
        let old = self.take_word("OLD");
        if !old {
            self.expect_word("NEW")?;
        }
        self.expect("*")?;
        Ok(Some(match (all, old) {
            (true, true) => Returning::AllOld,
            (true, false) => Returning::AllNew,
            (false, true) => Returning::ModifiedOld,
            (false, false) => Returning::ModifiedNew,
        }))
    }

    fn name(&mut self) -> Result<String, Malformed> {
        match self.token() {
            Token::Word(name) | Token::Name(name) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn path(&mut self) -> Result<Path, Malformed> {
        let mut path = Path::attribute(self.name()?);
        loop {
            if self.take(".") {
                path.steps.push(Step::Key(self.name()?));
            } else if self.take("[") {
                let index = match self.token() {
                    Token::Number(digits) => digits.parse().ok(),
                    _ => None,
                };
                path.steps.push(Step::Index(index.ok_or_else(|| self.unexpected())?));
                self.at += 1;
                self.expect("]")?;
            } else {
                return Ok(path);
            }
        }
    }

    // Values.

    fn value(&mut self) -> Result<Value, Malformed> {
        match self.token().clone() {
            Token::Text(text) => {
                self.at += 1;
                Ok(Value::S(text))
            }
            Token::Number(digits) => {
                self.at += 1;
                number(&digits)
            }
            Token::Symbol("-") => {
                self.at += 1;
                match self.token().clone() {
                    Token::Number(digits) => {
                        self.at += 1;
                        number(&format!("-{digits}"))
                    }
                    _ => Err(self.unexpected()),
                }
            }
            Token::Symbol("?") => {
                self.at += 1;
                self.parameters.next().cloned().ok_or(Malformed::Parameters)
            }
            Token::Symbol("[") => {
                self.at += 1;
                self.nested(NESTING_LEVELS_MAX, |parser| parser.list("]", Self::value)).map(Value::L)
            }
            Token::Symbol("{") => {
                self.at += 1;
                // The outermost braces are the item, not a level within it.
                let entries = self.nested(NESTING_LEVELS_MAX + 1, |parser| parser.list("}", Self::entry))?;
                Ok(Value::M(entries.into_iter().collect::<Item>()))
            }
            Token::Symbol("<<") => {
                self.at += 1;
                let elements = self.list(">>", Self::value)?;
                set(elements)
            }
            Token::Word(word) => {
                let value = match word.to_ascii_uppercase().as_str() {
                    "TRUE" => Value::Bool(true),
                    "FALSE" => Value::Bool(false),
                    "NULL" => Value::Null,
                    _ => return Err(self.unexpected()),
                };
                self.at += 1;
                Ok(value)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn entry(&mut self) -> Result<(String, Value), Malformed> {
        let name = match self.token().clone() {
            Token::Text(name) | Token::Name(name) => name,
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        self.expect(":")?;
        Ok((name, self.value()?))
    }

    fn is_value(&self) -> bool {
        match self.token() {
            Token::Text(_) | Token::Number(_) => true,
            Token::Symbol(symbol) => ["?", "-", "[", "{", "<<"].contains(symbol),
            Token::Word(word) => ["TRUE", "FALSE", "NULL"].iter().any(|known| word.eq_ignore_ascii_case(known)),
            Token::Name(_) | Token::End => false,
        }
    }

    /// Whether a call of `function` begins here; its name and parenthesis are taken then.
    fn take_call(&mut self, function: &str) -> bool {
        let opens = matches!(self.tokens.get(self.at + 1), Some((Token::Symbol("("), _)));
        if opens && self.take_word(function) {
            self.at += 1;
            return true;
        }
        false
    }

    // Conditions.

    fn condition(&mut self) -> Result<Condition, Malformed> {
        let mut all = vec![self.conjunction()?];
        while self.take_word("OR") {
            all.push(self.conjunction()?);
        }
        Ok(one_or(all, Condition::Or))
    }

    fn conjunction(&mut self) -> Result<Condition, Malformed> {
        let mut all = vec![self.negation()?];
        while self.take_word("AND") {
            all.push(self.negation()?);
        }
        Ok(one_or(all, Condition::And))
    }

    fn negation(&mut self) -> Result<Condition, Malformed> {
        if self.take_word("NOT") {
            let inner = self.nested(EXPRESSION_DEPTH_MAX, Self::negation)?;
            return Ok(Condition::Not(Box::new(inner)));
        }
        if self.take("(") {
            let inner = self.nested(EXPRESSION_DEPTH_MAX, Self::condition)?;
            self.expect(")")?;
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Condition, Malformed> {
        if self.take_call("begins_with") {
            let (value, prefix) = self.two_operands()?;
            return Ok(Condition::BeginsWith(value, prefix));
        }
        if self.take_call("contains") {
            let (container, element) = self.two_operands()?;
            return Ok(Condition::Contains(container, element));
        }
        if self.take_call("attribute_type") {
            let (operand, kind) = self.two_operands()?;
            let kind = match &kind {
                Operand::Literal(literal) => literal.value().and_then(|value| Kind::parse(value.text())),
                _ => None,
            };
            let kind = kind.ok_or_else(|| Malformed::Other("attribute_type takes the name of a type".into()))?;
            return Ok(Condition::Type(operand, kind));
        }
        let left = self.operand()?;
        if self.take_word("BETWEEN") {
            let low = self.operand()?;
            self.expect_word("AND")?;
            return Ok(Condition::Between(left, low, self.operand()?));
        }
        if self.take_word("IN") {
            let close = if self.take("[") { "]" } else { self.expect("(").map(|()| ")")? };
            return Ok(Condition::In(left, self.list(close, Self::operand)?));
        }
        if self.take_word("IS") {
            return self.is(left);
        }
        let comparator = match self.token() {
            Token::Symbol("=") => Comparator::Equal,
            Token::Symbol("<>" | "!=") => Comparator::NotEqual,
            Token::Symbol("<") => Comparator::Less,
            Token::Symbol("<=") => Comparator::LessOrEqual,
            Token::Symbol(">") => Comparator::Greater,
            Token::Symbol(">=") => Comparator::GreaterOrEqual,
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(Condition::Compare(comparator, left, self.operand()?))
    }

    fn is(&mut self, left: Operand) -> Result<Condition, Malformed> {
        let negated = self.take_word("NOT");
        let Operand::Path(path) = left else { return Err(self.unexpected()) };
        if self.take_word("MISSING") {
            return Ok(if negated { Condition::Exists(path) } else { Condition::NotExists(path) });
        }
        self.expect_word("NULL")?;
        let is_null = Condition::Type(Operand::Path(path), Kind::Null);
        Ok(if negated { Condition::Not(Box::new(is_null)) } else { is_null })
    }

    fn two_operands(&mut self) -> Result<(Operand, Operand), Malformed> {
        let first = self.operand()?;
        self.expect(",")?;
        let second = self.operand()?;
        self.expect(")")?;
        Ok((first, second))
    }

    fn operand(&mut self) -> Result<Operand, Malformed> {
        if self.take_call("size") {
            let path = self.path()?;
            self.expect(")")?;
            return Ok(Operand::Size(Box::new(Operand::Path(path))));
        }
        if self.is_value() {
            return Ok(Operand::Literal(Literal::new(&self.value()?)));
        }
        self.path().map(Operand::Path)
    }

    // Updates.

    fn update(&mut self) -> Result<Update, Malformed> {
        let mut actions = Vec::new();
        loop {
            if self.take_word("SET") {
                actions.push(self.set_action()?);
                while self.take(",") {
                    actions.push(self.set_action()?);
                }
            } else if self.take_word("REMOVE") {
                actions.push(Action::Remove(self.path()?));
                while self.take(",") {
                    actions.push(Action::Remove(self.path()?));
                }
            } else if actions.is_empty() {
                return Err(self.unexpected());
            } else {
                return Update::of(actions).map_err(|error| Malformed::Other(error.to_string()));
            }
        }
    }

    fn set_action(&mut self) -> Result<Action, Malformed> {
        let path = self.path()?;
        self.expect("=")?;
        for (function, action) in
            [("set_add", Action::Add as fn(Path, Value) -> Action), ("set_delete", Action::Delete)]
        {
            if self.take_call(function) {
                self.path()?;
                self.expect(",")?;
                let value = self.value()?;
                self.expect(")")?;
                return Ok(action(path, value));
            }
        }
        let left = self.update_operand()?;
        Ok(Action::Set(
            path,
            if self.take("+") {
                SetValue::Plus(left, self.update_operand()?)
            } else if self.take("-") {
                SetValue::Minus(left, self.update_operand()?)
            } else {
                SetValue::Operand(left)
            },
        ))
    }

    fn update_operand(&mut self) -> Result<UpdateOperand, Malformed> {
        if self.take_call("list_append") {
            let left = self.nested(EXPRESSION_DEPTH_MAX, Self::update_operand)?;
            self.expect(",")?;
            let right = self.nested(EXPRESSION_DEPTH_MAX, Self::update_operand)?;
            self.expect(")")?;
            return Ok(UpdateOperand::ListAppend(Box::new(left), Box::new(right)));
        }
        if self.is_value() {
            return self.value().map(UpdateOperand::Value);
        }
        self.path().map(UpdateOperand::Path)
    }
}

fn one_or(mut all: Vec<Condition>, several: fn(Vec<Condition>) -> Condition) -> Condition {
    match (all.pop(), all.is_empty()) {
        (Some(one), true) => one,
        (Some(last), false) => {
            all.push(last);
            several(all)
        }
        (None, _) => several(all),
    }
}

fn number(text: &str) -> Result<Value, Malformed> {
    text.parse().map(Value::N).map_err(|error: crate::number::NumberError| Malformed::Other(error.to_string()))
}

/// A set takes its type from its elements.
fn set(elements: Vec<Value>) -> Result<Value, Malformed> {
    let (mut texts, mut numbers, mut binaries) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let count = elements.len();
    for element in elements {
        match element {
            Value::S(text) => drop(texts.insert(text)),
            Value::N(number) => drop(numbers.insert(number)),
            Value::B(binary) => drop(binaries.insert(binary)),
            _ => return Err(Malformed::Other("a set holds texts, numbers or binaries".into())),
        }
    }
    match (texts.len(), numbers.len(), binaries.len()) {
        (found, 0, 0) if found > 0 && found == count => Ok(Value::Ss(texts)),
        (0, found, 0) if found > 0 && found == count => Ok(Value::Ns(numbers)),
        (0, 0, found) if found > 0 && found == count => Ok(Value::Bs(binaries)),
        _ => Err(Malformed::Other("a set's elements are of one type, distinct, and at least one".into())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts() {
        let parameters = [Value::S("p".into())];
        for (text, count) in [
            (r#"SELECT * FROM "my-table""#, 0),
            (
                r#"select a.b[0], "c d" from t."index" where pk = ? AND (sk > -1.5e3 OR NOT begins_with("x", 'it''s')) order by sk desc"#,
                1,
            ),
            ("SELECT * FROM t WHERE a IN ['x', 2] AND b BETWEEN 1 AND 2 AND c IS NOT MISSING AND size(d) <> 3", 0),
            (r#"INSERT INTO t VALUE {'pk': ?, 'l': [1, {'m': null}], "s": <<'a', 'b'>>, 'e': {}}"#, 1),
            (
                "UPDATE t SET a = a + 1, b = list_append(b, [1]) SET c = set_add(c, <<1>>) REMOVE d[1] WHERE pk = 'x' RETURNING ALL NEW *",
                0,
            ),
            ("DELETE FROM t WHERE pk = 'x' AND sk = 1 RETURNING ALL OLD *", 0),
            ("EXISTS(SELECT * FROM t WHERE pk = 'x' AND a = true)", 0),
        ] {
            parse(text, &parameters[..count]).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }

    #[test]
    fn refuses() {
        for (text, message) in [
            ("SELECTT * FROMM t", "Statement wasn't well formed, can't be processed: Unexpected SELECTT at position 0"),
            (
                "SELECT * FROM t WHERE",
                "Statement wasn't well formed, can't be processed: Unexpected end at position 21",
            ),
            ("SELECT * FROM t WHERE a = ?", "Number of parameters in request and statement don't match."),
            (
                "INSERT INTO t VALUE 'x'",
                "Statement wasn't well formed, can't be processed: an item is expected after VALUE",
            ),
            (
                "SELECT * FROM 'x",
                "Statement wasn't well formed, can't be processed: Unexpected ' that is not closed at position 14",
            ),
            (
                "UPDATE t SET a = 1, a.b = 2 WHERE pk = 1",
                "Statement wasn't well formed, can't be processed: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]",
            ),
        ] {
            assert_eq!(parse(text, &[]).unwrap_err().to_string(), message);
        }
        assert_eq!(parse("SELECT * FROM t", &[Value::Null]), Err(Malformed::Parameters));
        for deep in ["[".repeat(4000), "{'a':".repeat(1000)] {
            assert!(parse(&format!("INSERT INTO t VALUE {deep}"), &[]).is_err());
        }
        assert!(parse(&format!("SELECT * FROM t WHERE {}", "(".repeat(4000)), &[]).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text in r#"(SELECT|INSERT INTO|UPDATE|DELETE FROM|[a-z'"<>=?.,(){}\[\]:* 0-9-]){0,20}"#) {
            let _ = parse(&text, &[]);
        }
    }
}
