//! From text to a template.

use super::{DEPTH_MAX, From, Helper, Invalid, Node, Path};

pub(super) fn parse(text: &str) -> Result<Vec<Node>, Invalid> {
    let mut parser = Parser { rest: text, trim: false };
    let (nodes, end) = parser.nodes(0)?;
    match end {
        End::Text => Ok(nodes),
        End::Else(_) => Err(Invalid("{{else}} is outside of a block".into())),
        End::Close(name) => Err(Invalid(format!("{{{{/{name}}}}} closes nothing"))),
    }
}

struct Parser<'t> {
    rest: &'t str,
    /// Whether white space at its beginning goes, as `~}}` says.
    trim: bool,
}

/// What a list of nodes ends with.
enum End<'t> {
    Text,
    Close(&'t str),
    /// With what follows the word: `if b` of `{{else if b}}`.
    Else(&'t str),
}

impl<'t> Parser<'t> {
    fn nodes(&mut self, depth: usize) -> Result<(Vec<Node>, End<'t>), Invalid> {
        if depth > DEPTH_MAX {
            return Err(Invalid(format!("blocks nest deeper than {DEPTH_MAX}")));
        }
        let mut nodes = Vec::new();
        loop {
            let before = self.text();
            let Some(tag) = self.tag()? else {
                push_text(&mut nodes, &before);
                return Ok((nodes, End::Text));
            };
            let before = if tag.trims_before { before.trim_end().to_owned() } else { before };
            push_text(&mut nodes, &before);
            let inner = tag.inner;
            match (tag.kind, inner) {
                ('!', _) => {}
                ('#', _) if inner.starts_with('*') => nodes.push(self.definition(inner, depth)?),
                ('#' | '^', _) if !(tag.kind == '^' && inner.is_empty()) => {
                    nodes.push(self.block(inner, tag.kind == '^', depth)?);
                }
                ('/', name) => return Ok((nodes, End::Close(name))),
                ('>', name) => nodes.push(Node::Include(partial_name(name)?)),
                ('^', _) | (_, "else") => return Ok((nodes, End::Else(""))),
                _ => match inner.strip_prefix("else ") {
                    Some(rest) => return Ok((nodes, End::Else(rest.trim()))),
                    None => nodes.push(Node::Value(path(inner)?)),
                },
            }
        }
    }

    /// The text up to the next tag, in which `\{{` is no tag.
    fn text(&mut self) -> String {
        let rest = if std::mem::take(&mut self.trim) { self.rest.trim_start() } else { self.rest };
        let (mut text, mut from) = (String::new(), 0);
        while let Some(at) = rest.get(from..).and_then(|rest| rest.find("{{")).map(|at| at + from) {
            if !rest[..at].ends_with('\\') {
                text.push_str(&rest[from..at]);
                self.rest = &rest[at..];
                return text;
            }
            // An escaped tag is text up to its end.
            text.push_str(&rest[from..at - 1]);
            let end = rest[at..].find("}}").map_or(rest.len(), |end| at + end + 2);
            text.push_str(&rest[at..end]);
            from = end;
        }
        text.push_str(&rest[from..]);
        self.rest = "";
        text
    }

    fn tag(&mut self) -> Result<Option<Tag<'t>>, Invalid> {
        let Some(after) = self.rest.strip_prefix("{{") else { return Ok(None) };
        let (trims_before, after) = after.strip_prefix('~').map_or((false, after), |after| (true, after));
        let close = match after {
            _ if after.starts_with("!--") => "--}}",
            _ if after.starts_with('{') => "}}}",
            _ => "}}",
        };
        let unclosed = || Invalid("a tag is not closed".into());
        // A long comment may end with `--~}}`, all other tags with `~}}`.
        let mut end = after.find(close).ok_or_else(unclosed)?;
        let mut close_bytes = close.len();
        if close == "--}}"
            && let Some(trimming) = after.find("--~}}").filter(|trimming| *trimming < end)
        {
            (end, close_bytes, self.trim) = (trimming, "--~}}".len(), true);
        }
        let inner = &after[..end];
        self.rest = &after[end + close_bytes..];
        let inner = match inner.strip_suffix('~') {
            Some(inner) => {
                self.trim = true;
                inner
            }
            None => inner,
        };
        let (kind, inner) = match inner.chars().next() {
            Some(kind @ ('#' | '/' | '^' | '!' | '>')) => (kind, &inner[1..]),
            Some('{' | '&') => ('&', &inner[1..]),
            _ => ('&', inner),
        };
        Ok(Some(Tag { kind, inner: inner.trim(), trims_before }))
    }

    /// `{{#each items}} … {{else}} … {{/each}}`, whose first tag has been read.
    fn block(&mut self, inner: &str, inverted: bool, depth: usize) -> Result<Node, Invalid> {
        let (name, argument) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
        let helper = Helper::of(name).ok_or_else(|| Invalid(format!("there is no helper {name}")))?;
        let argument = path(argument.trim())?;
        let (body, inverse) = self.branches(name, depth)?;
        let (body, inverse) = if inverted { (inverse, body) } else { (body, inverse) };
        Ok(Node::Block { helper, argument, body, inverse })
    }

    fn branches(&mut self, name: &str, depth: usize) -> Result<(Vec<Node>, Vec<Node>), Invalid> {
        let unclosed = || Invalid(format!("{{{{#{name}}}}} is not closed"));
        let (body, end) = self.nodes(depth + 1)?;
        let inverse = match end {
            End::Close(closed) if closed == name => Vec::new(),
            End::Close(_) | End::Text => return Err(unclosed()),
            End::Else("") => {
                let (inverse, end) = self.nodes(depth + 1)?;
                match end {
                    End::Close(closed) if closed == name => inverse,
                    _ => return Err(unclosed()),
                }
            }
            // `{{else if b}}` is a block within, which the outer block's end closes too.
            End::Else(rest) => {
                let (inner, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                let helper = Helper::of(inner).ok_or_else(|| Invalid(format!("there is no helper {inner}")))?;
                let argument = path(argument.trim())?;
                let (body, inverse) = self.branches(name, depth + 1)?;
                vec![Node::Block { helper, argument, body, inverse }]
            }
        };
        Ok((body, inverse))
    }

    /// `{{#* inline "name"}} … {{/inline}}`
    fn definition(&mut self, inner: &str, depth: usize) -> Result<Node, Invalid> {
        let rest = inner.trim_start_matches('*').trim_start();
        let name = rest.strip_prefix("inline").ok_or_else(|| Invalid(format!("there is no decorator {rest}")))?;
        let name = partial_name(name.trim())?;
        match self.nodes(depth + 1)? {
            (body, End::Close("inline")) => Ok(Node::Define(name, body)),
            _ => Err(Invalid("{{#* inline}} is not closed".into())),
        }
    }
}

struct Tag<'t> {
    kind: char,
    inner: &'t str,
    trims_before: bool,
}

fn push_text(nodes: &mut Vec<Node>, text: &str) {
    if !text.is_empty() {
        nodes.push(Node::Text(text.to_owned()));
    }
}

fn partial_name(text: &str) -> Result<String, Invalid> {
    let name = text.trim_matches(['"', '\'']);
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(Invalid(format!("{text:?} is no name of a partial")));
    }
    Ok(name.to_owned())
}

fn path(text: &str) -> Result<Path, Invalid> {
    let invalid = || Invalid(format!("{text:?} is no name of a value"));
    let (mut rest, mut outer) = (text, 0);
    while let Some(inner) = rest.strip_prefix("../") {
        (rest, outer) = (inner, outer + 1);
    }
    if rest == ".." {
        (rest, outer) = ("", outer + 1);
    }
    let (from, rest) = match rest.strip_prefix('@') {
        None => (From::Here(outer), rest),
        Some(name) => {
            let (name, members) = name.split_once(['.', '/']).unwrap_or((name, ""));
            let from = match name {
                "root" => From::Root,
                "index" => From::Index,
                "key" => From::Key,
                "first" => From::First,
                "last" => From::Last,
                _ => return Err(invalid()),
            };
            (from, members)
        }
    };
    let rest = match rest.strip_prefix("this") {
        Some("") => "",
        Some(members) if members.starts_with(['.', '/']) => &members[1..],
        _ if rest == "." => "",
        _ => rest,
    };
    let members = members(rest).ok_or_else(invalid)?;
    if text.is_empty() {
        return Err(invalid());
    }
    Ok(Path { text: text.to_owned(), from, members })
}

/// The parts between dots or slashes; one in brackets may hold anything.
fn members(mut rest: &str) -> Option<Vec<String>> {
    let mut members = Vec::new();
    while !rest.is_empty() {
        let (member, after) = match rest.strip_prefix('[') {
            Some(inner) => inner.split_once(']')?,
            None => rest.split_at(rest.find(['.', '/']).unwrap_or(rest.len())),
        };
        let plain =
            rest.starts_with('[') || member.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | ':'));
        if member.is_empty() || !plain {
            return None;
        }
        members.push(member.to_owned());
        rest = match after {
            "" => "",
            _ => after.strip_prefix(['.', '/']).filter(|rest| !rest.is_empty())?,
        };
    }
    Some(members)
}
