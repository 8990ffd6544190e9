//! Zips with the same bytes for the same files: sorted names, one fixed time, modes 644 or 755.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::files::PackagedFile;
use super::{Result, io};

/// Compression that costs little time: packages mostly stay on one machine.
const LEVEL: i64 = 1;

pub fn zip(files: &BTreeMap<String, PackagedFile>) -> Result<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, file) in files {
        writer.start_file(name.as_str(), options(file.executable))?;
        let content = std::fs::read(&file.path).map_err(|error| io(&file.path, error))?;
        writer.write_all(&content).map_err(|error| io(&file.path, error))?;
    }
    Ok(writer.finish()?.into_inner())
}

/// A zip of one file.
pub fn zip_one(name: &str, content: &[u8]) -> Result<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(name, options(false))?;
    writer.write_all(content).map_err(|error| io(name.as_ref(), error))?;
    Ok(writer.finish()?.into_inner())
}

fn options(executable: bool) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .last_modified_time(DateTime::default())
        .unix_permissions(if executable { 0o755 } else { 0o644 })
}

/// The names of a zip's files.
pub fn names(zip: &[u8]) -> Result<BTreeSet<String>> {
    let archive = ZipArchive::new(Cursor::new(zip))?;
    archive.file_names().map(|name| Ok(name?.into_owned())).collect()
}

/// A zip's files, by their names.
pub fn unzipped(zip: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut archive = ZipArchive::new(Cursor::new(zip))?;
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let (name, mut content) = (file.name()?.into_owned(), Vec::new());
        file.read_to_end(&mut content).map_err(|error| io(name.as_ref(), error))?;
        files.insert(name, content);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_gives_the_same_bytes() {
        let zip = zip_one("index.py", b"def handler(event, context): pass").unwrap();
        assert_eq!(zip, zip_one("index.py", b"def handler(event, context): pass").unwrap());
        assert_eq!(names(&zip).unwrap().into_iter().collect::<Vec<_>>(), ["index.py"]);
        assert_eq!(unzipped(&zip).unwrap()["index.py"], b"def handler(event, context): pass");
    }
}
