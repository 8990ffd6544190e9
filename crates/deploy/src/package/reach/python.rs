//! What Python code imports. Found word by word, without regard to strings and comments: what looks like an import in
//! one of them only makes the reach larger.

use super::{Exists, References, folder, is_word, join, words};

/// Code with one of these may load files that no import names.
const LOADERS: &[&str] = &[
    "importlib",
    "__import__",
    "exec",
    "eval",
    "runpy",
    "pkgutil",
    "zipimport",
    "imp",
    "__file__",
    "__path__",
    "getcwd",
    "LAMBDA_TASK_ROOT",
];

/// The files that a handler such as `package/module.function` may be in.
pub fn handler(name: &str) -> Vec<String> {
    let module = name.rsplit_once('.').map_or(name, |(module, _)| module);
    let mut names = Vec::new();
    add_module(&mut names, "", &module.replace('/', "."));
    names
}

pub fn references(file: &str, text: &str, exists: Exists<'_>) -> References {
    let mut found = References::default();
    // Whether the next `import` belongs to a `from`.
    let mut continues = false;
    for (word, after) in words(text) {
        match word {
            "from" => continues = from_import(&mut found.names, file, after),
            "import" if continues => continues = false,
            "import" => names(after).iter().for_each(|module| add_module(&mut found.names, "", module)),
            "sys" => found.everything |= member(after).is_some_and(|member| member.starts_with("path")),
            word => found.everything |= LOADERS.contains(&word),
        }
    }
    found.everything |= text.contains("/var/task");
    strings(&mut found, text, exists);
    found
}

/// What follows a dot.
fn member(after: &str) -> Option<&str> {
    Some(skip_blanks(skip_blanks(after).strip_prefix('.')?))
}

/// Adds what `from module import names` may mean: the names may be modules themselves. False when it is something else.
fn from_import(found: &mut Vec<String>, file: &str, after: &str) -> bool {
    let Some((module, list)) = module(after) else { return false };
    let level = module.len() - module.trim_start_matches('.').len();
    let module = module.trim_start_matches('.');
    let base = match level {
        0 => Some(String::new()),
        level => join(folder(file), &"../".repeat(level - 1)),
    };
    let Some(base) = base else { return true };
    add_module(found, &base, module);
    names(list).iter().for_each(|name| add_module(found, &base, &format!("{module}.{name}")));
    true
}

/// The module between `from` and `import`, and what follows.
fn module(after: &str) -> Option<(String, &str)> {
    let (mut module, mut rest) = (String::new(), skip_blanks(after));
    loop {
        if let Some(dotted) = rest.strip_prefix('.') {
            module.push('.');
            rest = skip_blanks(dotted);
            continue;
        }
        let (word, behind) = rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
        match word {
            "" => return None,
            "import" => return Some((module, behind)),
            word => module.push_str(word),
        }
        rest = skip_blanks(behind);
    }
}

fn skip_blanks(text: &str) -> &str {
    let rest = text.trim_start_matches([' ', '\t']);
    match rest.strip_prefix("\\\n").or_else(|| rest.strip_prefix("\\\r\n")) {
        Some(next_line) => skip_blanks(next_line),
        None => rest,
    }
}

/// The first words of a list that goes to the end of the line, or of its parentheses.
fn names(text: &str) -> Vec<String> {
    let text = skip_blanks(text);
    let (list, ends): (&str, &[char]) = match text.strip_prefix('(') {
        Some(inner) => (inner, &[')']),
        None => (text, &['\n', ';']),
    };
    let list = list.replace("\\\r\n", " ").replace("\\\n", " ");
    let list = list.split(ends).next().unwrap_or_default();
    // Comments end with their lines.
    let lines = list.lines().map(|line| line.split('#').next().unwrap_or_default());
    let list = lines.collect::<Vec<_>>().join(" ");
    list.split(',').filter_map(|name| name.split_whitespace().next().map(str::to_string)).collect()
}

/// Adds the files that a module below `base` may be, and those of the packages that it is in.
fn add_module(found: &mut Vec<String>, base: &str, module: &str) {
    let mut path = base.to_string();
    for part in module.split('.').filter(|part| !part.is_empty()) {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(part);
        found.push(format!("{path}/__init__.py"));
    }
    match path.as_str() {
        "" => found.push("__init__.py".into()),
        path => found.extend([format!("{path}.py"), format!("{path}/__init__.py")]),
    }
}

/// Adds modules that a string names, as settings of frameworks do; of a package all that is in it.
fn strings(found: &mut References, text: &str, exists: Exists<'_>) {
    for string in text.split(['"', '\'']).filter(|part| !part.is_empty() && part.len() < 256) {
        if !string.chars().all(|c| is_word(c) || c == '.') {
            continue;
        }
        let path = string.replace('.', "/");
        if string.contains('.') {
            // The last part may be something in the module.
            add_module(&mut found.names, "", string);
            add_module(&mut found.names, "", string.rsplit_once('.').map_or(string, |(module, _)| module));
        }
        if exists(&format!("{path}/__init__.py")) {
            found.folders.push(format!("{path}/"));
        }
    }
}
