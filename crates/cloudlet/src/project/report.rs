//! What a deployment shows: a live line on a terminal, plain lines in a pipe.

use std::io::IsTerminal as _;
use std::time::Duration;

use deploy::{Action, Diagnostic, Outcome, Progress, Step};
use indicatif::{ProgressBar, ProgressStyle};

use crate::output;

/// Shows progress. Results are on standard output, progress and warnings on standard error.
pub struct Reporter {
    live: Option<ProgressBar>,
    shown: Vec<String>,
}

impl Default for Reporter {
    fn default() -> Reporter {
        let live = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
            ProgressBar::new_spinner().with_style(style)
        });
        Reporter { live, shown: Vec::new() }
    }
}

impl Reporter {
    pub fn tell(&mut self, progress: Progress) {
        match progress {
            Progress::Note(text) => self.line(&text),
            Progress::Started { step, number, total } => {
                self.working(&format!("[{number}/{total}] {} {}", doing(&step.action), step.logical_id))
            }
            Progress::Finished { step } if step.action == Action::Keep => {}
            Progress::Finished { step } => self.line(&finished(&step)),
            Progress::Failed { step, cause } => self.line(&format!("  ✗ {} ({}): {cause}", step.logical_id, step.kind)),
            Progress::RollingBack { changes } => self.line(&format!("taking back {changes} changes")),
        }
    }

    /// Warnings, each once: a project that is deployed again and again has the same ones.
    pub fn warnings(&mut self, warnings: &[Diagnostic]) {
        for warning in warnings.iter().map(ToString::to_string) {
            if !self.shown.contains(&warning) {
                self.line(&warning);
                self.shown.push(warning);
            }
        }
    }

    /// Shows what is being worked on, until something else is.
    pub fn working(&self, text: &str) {
        if let Some(live) = &self.live {
            live.enable_steady_tick(Duration::from_millis(100));
            live.set_message(text.to_owned());
        }
    }

    pub fn line(&self, text: &str) {
        match &self.live {
            Some(live) => live.suspend(|| output::note(text)),
            None => output::note(text),
        }
    }

    pub fn done(&self) {
        if let Some(live) = &self.live {
            live.disable_steady_tick();
            live.finish_and_clear();
        }
    }
}

fn doing(action: &Action) -> &'static str {
    match action {
        Action::Create => "creating",
        Action::Update(_) => "updating",
        Action::Replace(_) => "replacing",
        Action::Keep => "keeping",
        Action::Delete => "deleting",
        Action::Retain => "letting go of",
    }
}

fn finished(step: &Step) -> String {
    let (sign, of) = match &step.action {
        Action::Create => ("+", String::new()),
        Action::Update(properties) => ("~", format!(": {}", properties.join(", "))),
        Action::Replace(properties) => ("±", format!(", made anew for {}", properties.join(", "))),
        Action::Delete => ("-", String::new()),
        Action::Keep | Action::Retain => ("=", String::new()),
    };
    format!("  {sign} {} ({}){of}", step.logical_id, step.kind)
}

/// Prints what a stack offers: its URLs, functions and outputs.
pub fn print_outcome(outcome: &Outcome) {
    if !outcome.endpoints.is_empty() {
        output::line("endpoints:");
    }
    for endpoint in &outcome.endpoints {
        output::line(format_args!("  {:7} {}", endpoint.method, endpoint.url));
    }
    if !outcome.functions.is_empty() {
        output::line("functions:");
    }
    for function in &outcome.functions {
        output::line(format_args!("  {}", function.name));
    }
    if !outcome.outputs.is_empty() {
        output::line("outputs:");
    }
    for (name, value) in &outcome.outputs {
        output::line(format_args!("  {name}: {value}"));
    }
}
