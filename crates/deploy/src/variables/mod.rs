//! `${…}` in a configuration, resolved: lazily, so that a part may refer to any other, and within bounds.

mod sources;
mod syntax;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{At, Diagnostic, Diagnostics};
use crate::yaml::{Entry, NODE_WEIGHT, Node, Style, Value};
use syntax::{Alternative, Part, Variable};

/// What variables can ask for besides the configuration itself.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The project's folder: where `file(…)` starts from.
    pub folder: PathBuf,
    /// Command-line options, for `${opt:}`: `stage`, `region` and whatever else was given.
    pub options: BTreeMap<String, String>,
    /// `--param name=value`, for `${param:}`.
    pub params: BTreeMap<String, String>,
    /// For `${env:}`.
    pub environment: BTreeMap<String, String>,
    /// For `${aws:accountId}`.
    pub account: String,
    /// For `${sls:instanceId}`: differs from deployment to deployment.
    pub instance: String,
    /// Outputs of the stacks that are there, by stack and output name, for `${cf:}`.
    pub outputs: BTreeMap<String, BTreeMap<String, String>>,
    /// For `${ssm:}`, by name: see [`wanted`].
    pub parameters: BTreeMap<String, Looked>,
}

/// What Parameter Store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    pub value: String,
}

/// Variables looked up in one pass; a configuration has hundreds.
const LOOKUPS_MAX: usize = 100_000;
/// [`Node::weight`] of all that was resolved.
const WEIGHT_MAX: usize = 64 << 20;
/// Levels of a value with the values inside it resolved.
const DEPTH_MAX: usize = 200;

/// The configuration with every variable replaced by its value, or what is wrong with it.
pub fn resolve(root: &Node, inputs: &Inputs, diagnostics: &mut Diagnostics) -> Option<Node> {
    let mut resolver = Resolver::new(root, inputs, diagnostics);
    let resolved = resolver.deep(root, 0).ok();
    resolved.filter(|_| !diagnostics.has_errors())
}

/// The value of one address of the configuration (`provider.stage`), alone: for what must be known before the rest.
pub fn resolve_address(root: &Node, address: &str, inputs: &Inputs, diagnostics: &mut Diagnostics) -> Option<Node> {
    let mut resolver = Resolver::new(root, inputs, diagnostics);
    let found = resolver.address(root, address).ok()??;
    resolver.deep(&found, 0).ok()
}

/// The names of the parameters that a configuration asks for, and that `inputs` do not have. One that is found may lead to
/// others.
pub fn wanted(root: &Node, inputs: &Inputs) -> BTreeSet<String> {
    let mut diagnostics = Diagnostics::default();
    let mut resolver = Resolver::new(root, inputs, &mut diagnostics);
    // What is wrong with it is reported when it is resolved.
    let _ = resolver.deep(root, 0);
    resolver.wanted
}

/// A failure that was reported already.
struct Failed;
type Found = Result<Option<Node>, Failed>;

struct Resolver<'a> {
    root: &'a Node,
    inputs: &'a Inputs,
    diagnostics: &'a mut Diagnostics,
    files: HashMap<PathBuf, Option<Arc<Node>>>,
    /// What is being worked out right now, outermost first: meeting it again is a cycle.
    pending: Vec<Pending>,
    /// The lookups made so far, to tell how one led to another.
    trail: Vec<String>,
    weight: usize,
    /// Parameters that were asked for and are not known.
    wanted: BTreeSet<String>,
}

/// A lookup in progress: finding where it leads, or resolving all that is inside.
struct Pending {
    lookup: String,
    deep: bool,
    /// The lookups it led through.
    via: Vec<String>,
}

impl Pending {
    fn is_same(&self, other: &Pending) -> bool {
        (&self.lookup, self.deep) == (&other.lookup, other.deep)
    }
}

impl<'a> Resolver<'a> {
    fn new(root: &'a Node, inputs: &'a Inputs, diagnostics: &'a mut Diagnostics) -> Resolver<'a> {
        let (files, pending, trail, wanted) = (HashMap::new(), Vec::new(), Vec::new(), BTreeSet::new());
        Resolver { root, inputs, diagnostics, files, pending, trail, weight: 0, wanted }
    }

    fn fail<T>(&mut self, at: &At, message: impl Into<String>) -> Result<T, Failed> {
        self.diagnostics.error(at, message);
        Err(Failed)
    }

    /// The value with every variable in it resolved. Goes on past failures, so that all are reported.
    fn deep(&mut self, node: &Node, depth: usize) -> Result<Node, Failed> {
        if depth > DEPTH_MAX {
            return self.fail(&node.at, format!("more than {DEPTH_MAX} levels of values inside one another"));
        }
        self.weigh(NODE_WEIGHT, &node.at)?;
        match &node.value {
            Value::Scalar(_) => self.scalar(node, depth),
            Value::Sequence(items) => {
                let items: Vec<_> = items.iter().map(|item| self.deep(item, depth + 1)).collect();
                let items = items.into_iter().collect::<Result<_, _>>()?;
                Ok(Node { value: Value::Sequence(items), at: node.at.clone() })
            }
            Value::Mapping(entries) => {
                let entries: Vec<_> = entries.iter().map(|entry| self.entry(entry, depth)).collect();
                let entries = entries.into_iter().collect::<Result<_, _>>()?;
                Ok(Node { value: Value::Mapping(entries), at: node.at.clone() })
            }
        }
    }

    fn entry(&mut self, entry: &Entry, depth: usize) -> Result<Entry, Failed> {
        let value = self.deep(&entry.value, depth + 1)?;
        let key = match self.parts(&entry.key, &entry.at)?.as_slice() {
            [] | [Part::Text(_)] => entry.key.clone(),
            parts => self.text(parts, &entry.at)?,
        };
        Ok(Entry { key, at: entry.at.clone(), value })
    }

    fn scalar(&mut self, node: &Node, depth: usize) -> Result<Node, Failed> {
        let Some(scalar) =
            node.as_scalar().filter(|scalar| scalar.style != Style::Verbatim && scalar.text.contains("${"))
        else {
            self.weigh(node.weight(), &node.at)?;
            return Ok(node.clone());
        };
        match self.parts(&scalar.text, &node.at)?.as_slice() {
            [Part::Variable(variable)] => self.value(variable, &node.at, depth),
            parts => {
                let text = self.text(parts, &node.at)?;
                self.weigh(text.len(), &node.at)?;
                Ok(Node::text(text, scalar.style, &node.at))
            }
        }
    }

    /// A variable's value, resolved through; a missing one is an error.
    fn value(&mut self, variable: &Variable, at: &At, depth: usize) -> Result<Node, Failed> {
        let mark = self.trail.len();
        let Some(found) = self.variable(variable, at)? else {
            return self.missing(variable, at);
        };
        let via = self.trail.iter().skip(mark).cloned().collect();
        let pending = Pending { lookup: variable.text.clone(), deep: true, via };
        self.guarded(pending, &at.of(&variable.text), |this| this.deep(&found, depth + 1))
    }

    fn missing<T>(&mut self, variable: &Variable, at: &At) -> Result<T, Failed> {
        let help = match variable.alternatives.first() {
            Some(Alternative::Lookup { source, .. }) if variable.alternatives.len() == 1 => {
                sources::help(source, &variable.text)
            }
            _ => "none of its alternatives has a value".into(),
        };
        let message = format!("`{}` has no value", variable.text);
        self.diagnostics.push(Diagnostic::error(message).at(&at.of(&variable.text)).help(help));
        Err(Failed)
    }

    /// Where a variable leads: the first alternative that has a value, with the variables inside it still there.
    fn variable(&mut self, variable: &Variable, at: &At) -> Found {
        self.trail.push(variable.text.clone());
        if self.trail.len() > LOOKUPS_MAX {
            return self.fail(
                at,
                format!("more than {LOOKUPS_MAX} variables are looked up: the configuration multiplies itself"),
            );
        }
        let pending = Pending { lookup: variable.text.clone(), deep: false, via: Vec::new() };
        self.guarded(pending, &at.of(&variable.text), |this| {
            for alternative in &variable.alternatives {
                let found = match alternative {
                    Alternative::Literal { text, quoted } => {
                        let style = if *quoted { Style::Quoted } else { Style::Plain };
                        // A literal null ends the search: it is how a configuration asks for nothing.
                        return Ok(Some(Node::text(text.clone(), style, at)));
                    }
                    Alternative::Nested(variable) => this.variable(variable, at)?,
                    Alternative::Lookup { source, argument, address } => {
                        this.lookup(source, argument.as_deref(), address.as_deref(), &at.of(&variable.text))?
                    }
                };
                if let Some(found) = found.filter(|found| !found.is_null()) {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        })
    }

    /// Runs `work` with `pending` noted, so that needing it again inside is reported as a cycle with its path.
    fn guarded<T>(
        &mut self,
        pending: Pending,
        at: &At,
        work: impl FnOnce(&mut Self) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        if let Some(start) = self.pending.iter().position(|outer| outer.is_same(&pending)) {
            let circle =
                self.pending.iter().skip(start).flat_map(|outer| std::iter::once(&outer.lookup).chain(&outer.via));
            let mut path: Vec<String> = circle.cloned().collect();
            path.push(pending.lookup);
            path.dedup();
            if let [only] = path.as_slice() {
                path.push(only.clone());
            }
            return self.fail(at, format!("a variable needs itself: {}", path.join(" -> ")));
        }
        if self.pending.len() > DEPTH_MAX {
            return self.fail(at, format!("more than {DEPTH_MAX} variables lead to one another"));
        }
        self.pending.push(pending);
        let result = work(self);
        self.pending.pop();
        result
    }

    /// The value at a dotted address below `node`, following variables on the way but leaving those inside it.
    fn address(&mut self, node: &Node, address: &str) -> Found {
        let path: Vec<&str> = address.split('.').filter(|part| !part.is_empty()).collect();
        self.descend(node, &path)
    }

    fn descend(&mut self, node: &Node, path: &[&str]) -> Found {
        if let Some(scalar) = node.as_scalar() {
            if scalar.style != Style::Verbatim
                && let [Part::Variable(variable)] = self.parts(&scalar.text, &node.at)?.as_slice()
            {
                return match self.variable(variable, &node.at)? {
                    Some(found) => self.descend(&found, path),
                    None => self.missing(variable, &node.at),
                };
            }
            return Ok(path.is_empty().then(|| node.clone()));
        }
        let Some((first, rest)) = path.split_first() else {
            self.weigh(node.weight(), &node.at)?;
            return Ok(Some(node.clone()));
        };
        let next = match &node.value {
            Value::Sequence(items) => first.parse::<usize>().ok().and_then(|index| items.get(index)),
            // A key may have points in it itself: `params.default.a.b`.
            _ => match node.entry(&path.join(".")) {
                Some(entry) => return self.descend(&entry.value, &[]),
                None => node.entry(first).map(|entry| &entry.value),
            },
        };
        match next {
            Some(next) => self.descend(next, rest),
            None => Ok(None),
        }
    }

    /// Parts joined to one text.
    fn text(&mut self, parts: &[Part], at: &At) -> Result<String, Failed> {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(piece) => text.push_str(piece),
                Part::Variable(variable) => {
                    let value = self.value(variable, at, 0)?;
                    match value.as_scalar() {
                        Some(scalar) if !scalar.is_null() => text.push_str(&scalar.text),
                        _ => {
                            let message = format!(
                                "`{}` is {} here, and only a text can stand inside a text",
                                variable.text,
                                value.kind()
                            );
                            return self.fail(&at.of(&variable.text), message);
                        }
                    }
                }
            }
            self.weigh(text.len().min(64), at)?;
            if text.len() > WEIGHT_MAX {
                return self.fail(at, "the text is too long once its variables are resolved");
            }
        }
        Ok(text)
    }

    fn parts(&mut self, text: &str, at: &At) -> Result<Vec<Part>, Failed> {
        syntax::split(text).or_else(|message| self.fail(at, format!("this variable is malformed: {message}")))
    }

    fn weigh(&mut self, weight: usize, at: &At) -> Result<(), Failed> {
        self.weight += weight;
        if self.weight > WEIGHT_MAX {
            return self.fail(at, "the configuration is too large once its variables are resolved");
        }
        Ok(())
    }

    fn folder(&self) -> &'a Path {
        &self.inputs.folder
    }
}
