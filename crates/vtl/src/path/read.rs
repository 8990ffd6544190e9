//! Reading JSONPaths.

use serde_json::Value;

use super::{COMPARISONS, Condition, Function, Operand, Path, Step};
use crate::limits;

pub(super) fn path(text: &str) -> Result<Path, String> {
    let mut reader = Reader { text, rest: text.strip_prefix('$').unwrap_or(text), depth: 0 };
    // What begins with a name begins at the root.
    if !text.starts_with('$') && !text.starts_with(['.', '[']) {
        let name = reader.name();
        let mut path = reader.path()?;
        path.steps.insert(0, Step::Members(vec![name]));
        return reader.finished(path);
    }
    let path = reader.path()?;
    reader.finished(path)
}

/// What of a path is still to be read.
struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
    depth: usize,
}

impl Reader<'_> {
    fn invalid(&self) -> String {
        format!("The JSONPath {} cannot be read from `{}` on", self.text, self.rest)
    }

    fn finished(&self, path: Path) -> Result<Path, String> {
        if self.rest.trim().is_empty() { Ok(path) } else { Err(self.invalid()) }
    }

    fn take(&mut self, text: &str) -> bool {
        self.rest = match self.rest.strip_prefix(text) {
            Some(after) => after,
            None => return false,
        };
        true
    }

    fn spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn path(&mut self) -> Result<Path, String> {
        let mut steps = Vec::new();
        loop {
            if self.take("..") {
                steps.push(Step::Descendants);
                if !self.rest.starts_with('[') {
                    steps.push(self.member()?);
                }
            } else if self.rest.starts_with(". ") || self.rest == "." {
                return Err(self.invalid());
            } else if self.take(".") {
                steps.push(self.member()?);
            } else if self.take("[") {
                steps.push(self.bracket()?);
            } else {
                break;
            }
        }
        let is_one = |step: &Step| match step {
            Step::Members(names) => names.len() == 1,
            Step::Elements(indices) => indices.len() == 1,
            Step::Function(_) => true,
            Step::Slice(..) | Step::All | Step::Descendants | Step::Filter(_) => false,
        };
        let is_definite = steps.iter().all(is_one);
        Ok(Path { steps, is_definite })
    }

    fn name(&mut self) -> String {
        let end = self.rest.find(|next: char| ".[]()=!<>&|,? \t\n".contains(next)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name.to_owned()
    }

    fn member(&mut self) -> Result<Step, String> {
        if self.take("*") {
            return Ok(Step::All);
        }
        let name = self.name();
        if name.is_empty() {
            return Err(self.invalid());
        }
        if self.take("()") {
            let function = match name.as_str() {
                "length" | "size" => Function::Length,
                "keys" => Function::Keys,
                "sum" => Function::Sum,
                "min" => Function::Min,
                "max" => Function::Max,
                "avg" => Function::Average,
                _ => return Err(format!("The JSONPath function {name}() is not supported")),
            };
            return Ok(Step::Function(function));
        }
        Ok(Step::Members(vec![name]))
    }

    fn bracket(&mut self) -> Result<Step, String> {
        self.spaces();
        let step = match self.rest.chars().next() {
            Some('*') => {
                self.take("*");
                Step::All
            }
            Some('?') => {
                self.take("?");
                self.spaces();
                if !self.take("(") {
                    return Err(self.invalid());
                }
                let condition = self.condition()?;
                self.spaces();
                if !self.take(")") {
                    return Err(self.invalid());
                }
                Step::Filter(condition)
            }
            Some('\'' | '"') => {
                let mut names = vec![self.quoted()?];
                self.spaces();
                while self.take(",") {
                    self.spaces();
                    names.push(self.quoted()?);
                    self.spaces();
                }
                Step::Members(names)
            }
            _ => self.indices()?,
        };
        self.spaces();
        if self.take("]") { Ok(step) } else { Err(self.invalid()) }
    }

    fn indices(&mut self) -> Result<Step, String> {
        let first = self.integer();
        self.spaces();
        if self.take(":") {
            self.spaces();
            return Ok(Step::Slice(first, self.integer()));
        }
        let mut all = vec![first.ok_or_else(|| self.invalid())?];
        while self.take(",") {
            self.spaces();
            all.push(self.integer().ok_or_else(|| self.invalid())?);
            self.spaces();
        }
        Ok(Step::Elements(all))
    }

    fn integer(&mut self) -> Option<i64> {
        let sign = usize::from(self.rest.starts_with('-'));
        let digits = self.rest.bytes().skip(sign).take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(sign + digits)?;
        let number = number.parse().ok()?;
        self.rest = rest;
        Some(number)
    }

    fn quoted(&mut self) -> Result<String, String> {
        let quote = self.rest.chars().next().filter(|first| matches!(first, '\'' | '"'));
        let quote = quote.ok_or_else(|| self.invalid())?;
        let (mut text, mut escaped) = (String::new(), false);
        for (at, character) in self.rest.char_indices().skip(1) {
            match character {
                _ if escaped => {
                    text.push(character);
                    escaped = false;
                }
                '\\' => escaped = true,
                _ if character == quote => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    return Ok(text);
                }
                _ => text.push(character),
            }
        }
        Err(self.invalid())
    }

    fn condition(&mut self) -> Result<Condition, String> {
        self.depth += 1;
        if self.depth > limits::DEPTH_MAX {
            return Err("The filter of a JSONPath is too deep".into());
        }
        let mut any = Vec::new();
        loop {
            let mut all = vec![self.term()?];
            self.spaces();
            while self.take("&&") {
                all.push(self.term()?);
                self.spaces();
            }
            any.push(Condition::All(all));
            if !self.take("||") {
                self.depth -= 1;
                return Ok(Condition::Any(any));
            }
        }
    }

    fn term(&mut self) -> Result<Condition, String> {
        self.spaces();
        if self.take("!") {
            self.depth += 1;
            if self.depth > limits::DEPTH_MAX {
                return Err("The filter of a JSONPath is too deep".into());
            }
            let term = self.term()?;
            self.depth -= 1;
            return Ok(Condition::Not(Box::new(term)));
        }
        if self.take("(") {
            let inner = self.condition()?;
            self.spaces();
            return if self.take(")") { Ok(inner) } else { Err(self.invalid()) };
        }
        let left = self.operand()?;
        self.spaces();
        let found = COMPARISONS.iter().find(|(text, _)| self.rest.starts_with(text));
        let Some((text, comparison)) = found else {
            return match left {
                Operand::Path(path) => Ok(Condition::Exists(path)),
                Operand::Literal(_) => Err(self.invalid()),
            };
        };
        self.take(text);
        self.spaces();
        Ok(Condition::Compare(left, *comparison, self.operand()?))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        match self.rest.chars().next() {
            Some('@') => {
                self.take("@");
                self.depth += 1;
                if self.depth > limits::DEPTH_MAX {
                    return Err("The filter of a JSONPath is too deep".into());
                }
                let path = self.path();
                self.depth -= 1;
                path.map(Operand::Path)
            }
            Some('\'' | '"') => Ok(Operand::Literal(Value::String(self.quoted()?))),
            Some('[') => {
                let end = self.rest.find(']').ok_or_else(|| self.invalid())? + 1;
                let (list, rest) = self.rest.split_at(end);
                let list = serde_json::from_str(&list.replace('\'', "\"")).map_err(|_| self.invalid())?;
                self.rest = rest;
                Ok(Operand::Literal(list))
            }
            _ => {
                let end = self.rest.find(|next: char| !next.is_ascii_alphanumeric() && !"+-.".contains(next));
                let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                let literal: Value = serde_json::from_str(word).map_err(|_| self.invalid())?;
                self.rest = rest;
                Ok(Operand::Literal(literal))
            }
        }
    }
}
