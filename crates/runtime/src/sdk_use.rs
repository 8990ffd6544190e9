//! Whether a function's code uses the SDK that its runtime brings. Only looked at while the SDK is not installed yet: a
//! function that never mentions it does not wait for the installation.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::limits::{SDK_SCAN_FILE_BYTES_MAX, SDK_SCAN_FILES_MAX};

/// How code mentions an SDK, and where a copy of its own would be.
pub(crate) struct Signs {
    extensions: &'static [&'static str],
    words: &'static [&'static [u8]],
    own_copy: &'static [&'static str],
    skip: &'static str,
}

pub(crate) const PYTHON: Signs = Signs {
    extensions: &["py"],
    words: &[b"boto3", b"botocore"],
    own_copy: &["boto3", "python/boto3"],
    skip: "__pycache__",
};

pub(crate) const NODE: Signs = Signs {
    extensions: &["js", "mjs", "cjs", "ts", "mts", "cts"],
    words: &[b"@aws-sdk/"],
    own_copy: &["node_modules/@aws-sdk", "nodejs/node_modules/@aws-sdk"],
    skip: "node_modules",
};

/// True when some file mentions the SDK and no folder holds a copy, or when there are too many files to tell.
/// Blocks while it reads.
pub(crate) fn needs_sdk(folders: &[PathBuf], signs: &Signs) -> bool {
    let has_own = |folder: &PathBuf| signs.own_copy.iter().any(|copy| folder.join(copy).is_dir());
    if folders.iter().any(has_own) {
        return false;
    }
    let mut left = SDK_SCAN_FILES_MAX;
    folders.iter().any(|folder| mentions(folder, signs, &mut left))
}

fn mentions(folder: &Path, signs: &Signs, left: &mut usize) -> bool {
    let entries = WalkDir::new(folder).into_iter().filter_entry(|entry| entry.file_name() != signs.skip);
    let is_code = |path: &Path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| signs.extensions.contains(&extension))
    };
    for entry in entries.filter_map(Result::ok).filter(|entry| is_code(entry.path())) {
        *left = left.saturating_sub(1);
        if *left == 0 || file_mentions(entry.path(), signs) {
            return true;
        }
    }
    false
}

fn file_mentions(path: &Path, signs: &Signs) -> bool {
    let too_large = std::fs::metadata(path).is_ok_and(|about| about.len() > SDK_SCAN_FILE_BYTES_MAX);
    let content = if too_large { return true } else { std::fs::read(path).unwrap_or_default() };
    signs.words.iter().any(|word| content.windows(word.len()).any(|window| window == *word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn code_that_mentions_it_needs_it() {
        let needs = |files: &[(&str, &str)], signs| needs_sdk(&[code(files).path().into()], signs);
        assert!(needs(&[("lib/db.py", "def f():\n  import boto3")], &PYTHON));
        assert!(!needs(&[("index.py", "import json"), ("README.md", "boto3")], &PYTHON));
        assert!(!needs(&[("index.py", "import boto3"), ("boto3/__init__.py", "")], &PYTHON));
        assert!(needs(&[("index.mjs", "import '@aws-sdk/client-s3'")], &NODE));
        assert!(!needs(&[("index.js", ""), ("node_modules/x/index.js", "@aws-sdk/")], &NODE));
    }
}
