//! What JavaScript and TypeScript import. Found word by word, without regard to strings and comments: what looks like an
//! import in one of them only makes the reach larger.

use super::{Exists, References, folder, join, words};

/// What a specifier may leave out.
const EXTENSIONS: &[&str] = &["", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx", ".json"];
/// Code with one of these may load files that no import names.
const LOADERS: &[&str] =
    &["__dirname", "__filename", "createRequire", "eval", "cwd", "LAMBDA_TASK_ROOT", "runInThisContext"];

/// The files that a handler such as `folder/file.export` may be in.
pub fn handler(name: &str) -> Vec<String> {
    let file = name.rsplit_once('/').map_or(name, |(_, file)| file);
    let stem = file.split('.').next().unwrap_or_default();
    let mut names = Vec::new();
    add(&mut names, "", &format!("{}/{stem}", folder(name)));
    names
}

pub fn references(file: &str, text: &str, exists: Exists<'_>) -> References {
    let mut found = References::default();
    for (word, after) in words(text) {
        let after = after.trim_start();
        match word {
            "from" => found.specifier(file, after, exists),
            "import" | "require" => found.call(word, file, after, exists),
            word => found.everything |= LOADERS.contains(&word),
        }
    }
    found.everything |= text.contains("/var/task");
    // Strings that are paths: of workers, of templates, of whatever is loaded later.
    let strings = text.split(['"', '\'', '`']);
    strings
        .filter(|part| part.starts_with("./") || part.starts_with("../"))
        .for_each(|path| found.path(file, path, exists));
    found
}

impl References {
    /// `import x from`, `import "x"`, `import("x")`, `require("x")` and what belongs to them.
    fn call(&mut self, word: &str, file: &str, after: &str, exists: Exists<'_>) {
        let member = after.strip_prefix('.').map(|rest| words(rest).next().map_or("", |(member, _)| member));
        match (word, member) {
            ("require", Some("main" | "cache")) => {}
            ("require", Some("resolve")) => {
                let rest = after.split_once("resolve").map_or("", |(_, rest)| rest).trim_start();
                self.argument(file, rest.strip_prefix('(').unwrap_or_default(), exists);
            }
            (_, Some(_)) => self.everything = true,
            (_, None) => match after.strip_prefix('(') {
                Some(argument) => self.argument(file, argument, exists),
                None if word == "require" => self.everything = true,
                // Else `from` follows.
                None if after.starts_with(['"', '\'']) => self.specifier(file, after, exists),
                None => {}
            },
        }
    }

    /// What is loaded by a call: known only when it is written there.
    fn argument(&mut self, file: &str, argument: &str, exists: Exists<'_>) {
        let argument = argument.trim_start();
        if argument.starts_with(['"', '\'', '`']) {
            self.specifier(file, argument, exists);
        } else {
            self.everything = true;
        }
    }

    /// Takes the string that `text` begins with, if it does.
    fn specifier(&mut self, file: &str, text: &str, exists: Exists<'_>) {
        let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`')) else { return };
        let Some((specifier, _)) = text[1..].split_once(quote) else { return };
        match specifier {
            // Names that a configuration gives.
            alias if alias.starts_with(['#', '~']) || alias.starts_with("@/") || alias.contains("${") => {
                self.everything = true;
            }
            path if path.starts_with('.') => self.path(file, path, exists),
            // A package; or a file, where a configuration says from where.
            package => add(&mut self.names, "", package),
        }
    }

    fn path(&mut self, file: &str, path: &str, exists: Exists<'_>) {
        self.everything |= path.contains("${");
        if path.contains('\n') || path.len() > 1024 {
            return;
        }
        add(&mut self.names, folder(file), path);
        // What a folder means is in its package.json.
        let described = join(folder(file), path).map(|folder| format!("{folder}/package.json"));
        self.everything |= described.is_some_and(|name| exists(&name));
    }
}

/// Adds the files that a path may mean.
fn add(names: &mut Vec<String>, from: &str, path: &str) {
    let Some(path) = join(from, path) else { return };
    names.extend(EXTENSIONS.iter().map(|extension| format!("{path}{extension}")));
    let index = if path.is_empty() { "index".into() } else { format!("{path}/index") };
    names.extend(EXTENSIONS.iter().skip(1).map(|extension| format!("{index}{extension}")));
    // TypeScript names the file that it is compiled to.
    for (compiled, source) in [(".js", ".ts"), (".js", ".tsx"), (".jsx", ".tsx"), (".mjs", ".mts"), (".cjs", ".cts")] {
        names.extend(path.strip_suffix(compiled).map(|stem| format!("{stem}{source}")));
    }
}
