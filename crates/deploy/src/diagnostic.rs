//! What is wrong with a project and where: file, line, column, the line itself, and what to do about it.

use std::fmt;
use std::sync::Arc;

/// A text that was read, kept so that a diagnostic can show the line it speaks of.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// As it is shown: relative to the project's folder where it is inside it.
    pub name: String,
    pub text: String,
}

/// A place in a file. Lines and columns count from 1, columns in characters.
#[derive(Clone, PartialEq, Eq)]
pub struct At {
    pub file: Arc<File>,
    pub line: usize,
    pub column: usize,
    /// How many characters the place covers on its line; at least 1 is drawn.
    pub length: usize,
}

impl At {
    pub fn new(file: &Arc<File>, line: usize, column: usize, length: usize) -> At {
        At { file: file.clone(), line, column, length }
    }

    /// The start of a file.
    pub fn start(file: &Arc<File>) -> At {
        At::new(file, 1, 1, 1)
    }

    /// The place of `text` on this line, from this column on; this place when it is not there.
    pub fn of(&self, text: &str) -> At {
        let line = self.line_text();
        let from = line.char_indices().nth(self.column.saturating_sub(1)).map_or(line.len(), |(index, _)| index);
        let found = line.get(from..).and_then(|rest| rest.find(text)).and_then(|index| line.get(..from + index));
        match found {
            Some(before) => At::new(&self.file, self.line, before.chars().count() + 1, text.chars().count()),
            None => self.clone(),
        }
    }

    fn line_text(&self) -> &str {
        self.file.text.lines().nth(self.line.saturating_sub(1)).unwrap_or("")
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.name, self.line, self.column)
    }
}

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// One finding. Its `Display` is the whole report, on several lines and without a final line break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub message: String,
    pub at: Option<At>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn error(message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Error, message: message.into(), at: None, help: None }
    }

    pub fn warning(message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(message) }
    }

    pub fn at(mut self, at: &At) -> Diagnostic {
        self.at = Some(at.clone());
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Characters of the source line that are shown; longer lines are cut.
const LINE_SHOWN_MAX: usize = 160;

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.message)?;
        let mut gutter = 1;
        if let Some(at) = &self.at {
            gutter = at.line.to_string().len();
            let line: String = at.line_text().chars().take(LINE_SHOWN_MAX).collect();
            let width = line.chars().count();
            let carets = at.length.clamp(1, (width + 1).saturating_sub(at.column).max(1));
            write!(f, "\n{:gutter$}--> {at}", "")?;
            write!(f, "\n{:gutter$} |", "")?;
            write!(f, "\n{} | {line}", at.line)?;
            write!(f, "\n{:gutter$} | {:indent$}{}", "", "", "^".repeat(carets), indent = at.column.saturating_sub(1))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n{:gutter$} = help: {help}", "")?;
        }
        Ok(())
    }
}

/// The findings of one pass, in the order they were made, each once.
#[derive(Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.0.contains(&diagnostic) {
            self.0.push(diagnostic);
        }
    }

    pub fn error(&mut self, at: &At, message: impl Into<String>) {
        self.push(Diagnostic::error(message).at(at));
    }

    pub fn has_errors(&self) -> bool {
        self.0.iter().any(Diagnostic::is_error)
    }

    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_the_line_and_a_caret() {
        let file = Arc::new(File { name: "a.yml".into(), text: "service: x\n  tiemout: 3\n".into() });
        let diagnostic =
            Diagnostic::error("unknown key `tiemout`").at(&At::new(&file, 2, 3, 7)).help("did you mean `timeout`?");
        let expected = "error: unknown key `tiemout`\n --> a.yml:2:3\n  |\n2 |   tiemout: 3\n  |   ^^^^^^^\n  = help: did you mean `timeout`?";
        assert_eq!(diagnostic.to_string(), expected);
    }

    #[test]
    fn a_place_outside_the_text_is_drawn_without_panic() {
        let file = Arc::new(File { name: "a".into(), text: "é".into() });
        let at = At::new(&file, 9, 9, 100);
        assert!(Diagnostic::warning("x").at(&at).to_string().contains("a:9:9"));
        assert_eq!(At::new(&file, 1, 1, 1).of("é").length, 1);
        assert_eq!(at.of("nowhere"), at);
    }
}
