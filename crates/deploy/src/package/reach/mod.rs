//! Which files a function's code can lead to, read off its imports: so that a change of one function's code need not
//! restart the others of its package. It is on the safe side: code that loads what imports do not tell reaches everything.

mod javascript;
mod python;

use std::collections::{BTreeMap, BTreeSet};

use super::files::PackagedFile;
use crate::serverless::config::Function;

/// Files whose only use is to be imported. Any other file may be opened by anybody.
const CODE: &[&str] = &[".py", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"];

/// Whether a file of this name is in the package.
type Exists<'a> = &'a dyn Fn(&str) -> bool;

/// What a function may load.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Names of files that its imports may mean, whether they are there or not: what is not there may come.
    names: BTreeSet<String>,
    /// Whether it may load any other file besides.
    everything: bool,
}

/// What one file refers to.
#[derive(Debug, Default)]
struct References {
    names: Vec<String>,
    /// Folders that may be loaded whole.
    folders: Vec<String>,
    everything: bool,
}

impl Reach {
    /// Follows the imports from a function's handler through the files of its package. What lies outside of `followed`,
    /// such as installed dependencies, does not load the project's files and is not read.
    pub fn of(function: &Function, files: &BTreeMap<String, PackagedFile>, followed: &dyn Fn(&str) -> bool) -> Reach {
        let read = |name: &str| std::fs::read(&files.get(name)?.path).ok();
        let language = match function.runtime.as_str() {
            runtime if runtime.starts_with("python") => PYTHON,
            runtime if runtime.starts_with("nodejs") => JAVASCRIPT,
            _ => return Reach { names: BTreeSet::new(), everything: true },
        };
        language.follow(&function.handler, &|name| files.contains_key(name), files.keys(), &|name| {
            followed(name).then(|| read(name)).flatten()
        })
    }

    /// Whether a function with this reach can notice that files have changed. `others` are those of all functions: code
    /// that one of them is known to import, and this one is not, is theirs alone.
    pub fn notices<'a>(&self, changed: impl IntoIterator<Item = &'a str>, others: &[Reach]) -> bool {
        let is_others = |name: &str| {
            let is_code = CODE.iter().any(|extension| name.ends_with(extension));
            is_code && !self.names.contains(name) && others.iter().any(|other| other.names.contains(name))
        };
        self.everything || changed.into_iter().any(|name| !is_others(name))
    }
}

/// How a language names what it loads.
struct Language {
    /// The files that a handler may be in.
    handler: fn(&str) -> Vec<String>,
    /// What a file refers to: by its name, its text, and whether a file is there.
    references: fn(&str, &str, Exists<'_>) -> References,
}

const PYTHON: Language = Language { handler: python::handler, references: python::references };
const JAVASCRIPT: Language = Language { handler: javascript::handler, references: javascript::references };

impl Language {
    fn follow<'a>(
        &self,
        handler: &str,
        exists: Exists<'_>,
        all: impl Iterator<Item = &'a String> + Clone,
        read: &dyn Fn(&str) -> Option<Vec<u8>>,
    ) -> Reach {
        let (mut reach, mut waiting) = (Reach::default(), (self.handler)(handler));
        while let Some(name) = waiting.pop() {
            if !reach.names.insert(name.clone()) || !CODE.iter().any(|extension| name.ends_with(extension)) {
                continue;
            }
            let Some(content) = read(&name) else { continue };
            let References { names, folders, everything } =
                (self.references)(&name, &String::from_utf8_lossy(&content), exists);
            reach.everything |= everything;
            waiting.extend(names);
            let inside = |name: &&String| folders.iter().any(|folder| name.starts_with(folder.as_str()));
            waiting.extend(all.clone().filter(inside).cloned());
        }
        reach
    }
}

/// The words of a text, each with what follows it.
fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !is_word(c));
        let (word, after) = rest.split_at(rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()));
        rest = after;
        (!word.is_empty()).then_some((word, after))
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

/// A path from a folder, without `.` and `..`; `None` when it leads out of the package.
fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folder that a file is in; empty for the package's root.
fn folder(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(language: &Language, files: &[(&str, &str)]) -> (Vec<String>, bool) {
        let names: Vec<String> = files.iter().map(|(name, _)| name.to_string()).collect();
        let find = |wanted: &str| files.iter().find(|(name, _)| *name == wanted);
        let read = |name: &str| find(name).map(|(_, text)| text.as_bytes().to_vec());
        let reach = language.follow("app/main.handler", &|name| find(name).is_some(), names.iter(), &read);
        (reach.names.into_iter().filter(|name| names.contains(name)).collect(), reach.everything)
    }

    fn of_python(files: &[(&str, &str)]) -> (Vec<String>, bool) {
        reach(&PYTHON, files)
    }

    fn of_javascript(files: &[(&str, &str)]) -> (Vec<String>, bool) {
        reach(&JAVASCRIPT, files)
    }

    #[test]
    fn python_follows_imports_wherever_they_stand() {
        let files = [
            (
                "app/main.py",
                "import os, shared.db as db\nfrom . import near\ndef f():\n  from .deep.er import (x, # why\n    y)\n  if x: import late; late.go()\n",
            ),
            ("app/__init__.py", "from lib import \\\n  continued\n"),
            ("app/near.py", ""),
            ("app/deep/er.py", "from ... import beyond_the_root\nfrom ..up import *"),
            ("app/up.py", ""),
            ("shared/__init__.py", ""),
            ("shared/db.py", "BACKENDS = ['plugins.one', \"plugins\"]"),
            ("plugins/__init__.py", ""),
            ("plugins/one.py", ""),
            ("plugins/two.py", ""),
            ("lib/continued.py", ""),
            ("late.py", ""),
            ("other.py", "import app.main"),
            ("app/other.py", ""),
        ];
        let (names, everything) = of_python(&files);
        let expected: Vec<&str> =
            files.iter().map(|(name, _)| *name).filter(|name| !name.ends_with("other.py")).collect();
        assert_eq!(names, {
            let mut sorted = expected;
            sorted.sort_unstable();
            sorted
        });
        assert!(!everything);
    }

    #[test]
    fn javascript_follows_imports_wherever_they_stand() {
        let files = [
            (
                "app/main.ts",
                "import a, {b} from './a.js'\nimport'./side'\nexport * from \"../shared\"\nconst c = () => require ( '../c' )\nconst l = await import('./lazy.mjs'); // don't\nnew Worker('./work.js')",
            ),
            ("app/a.ts", "import lodash from 'lodash'; import x from 'lib/x'"),
            ("app/side.cjs", "require.resolve('./resolved'); if (require.main === module) {}"),
            ("app/resolved.js", ""),
            ("app/lazy.mjs", "export default `it's ${1}`"),
            ("app/work.js", ""),
            ("shared/index.js", "module.exports = require('./data.json')"),
            ("shared/data.json", ""),
            ("c.js", ""),
            ("lib/x.js", ""),
            ("other.js", "require('./app/main')"),
        ];
        let (names, everything) = of_javascript(&files);
        let mut expected: Vec<&str> = files.iter().map(|(name, _)| *name).filter(|name| *name != "other.js").collect();
        expected.sort_unstable();
        assert_eq!((names.iter().map(String::as_str).collect::<Vec<_>>(), everything), (expected, false));
    }

    #[test]
    fn what_imports_do_not_tell_may_be_anything() {
        for text in ["import importlib", "m = __import__(name)", "sys.path.append('x')", "exec(code)", "open(__file__)"]
        {
            assert!(of_python(&[("app/main.py", text)]).1, "{text}");
        }
        for text in [
            "require(name)",
            "import(`./${name}`)",
            "const load = require; load('x')",
            "fs.readdirSync(__dirname)",
            "import x from '@/alias'",
            "import.meta.url",
        ] {
            assert!(of_javascript(&[("app/main.js", text)]).1, "{text}");
        }
    }

    #[test]
    fn only_code_that_others_import_goes_unnoticed() {
        let reach = |names: &[&str], everything| Reach {
            names: names.iter().map(|name| name.to_string()).collect(),
            everything,
        };
        let all = [reach(&["a.py", "shared.py"], false), reach(&["b.py", "shared.py"], true)];
        assert!(!all[0].notices(["b.py"], &all) && all[0].notices(["b.py", "shared.py"], &all));
        assert!(all[1].notices(["a.py"], &all), "it may load anything");
        assert!(all[0].notices(["nobodys.py"], &all) && all[0].notices(["b.json"], &all));
    }
}
