//! The records of an object that is imported or put in bulk: items, a line each.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataImport.Format.html>

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::zstd::ZstdDecoder;
use crate::attribute::{ItemInput, ValueInput};
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::expression::Condition;
use crate::limits::{COPY_STEP, RECORD_BYTES_MAX};
use crate::model::transfer::{Put, Record};
use crate::ops::expressions::{self, Parameters};
use crate::ops::put::{check_size, put_item};
use crate::types::{AskedImport, Table};
use crate::value::{Item, Kind, Value};

/// How an object's records are written.
#[derive(Clone, Debug)]
pub enum Form {
    Json,
    /// The same, and an item may have a condition.
    Puts,
    Csv(Csv),
}

#[derive(Clone, Debug)]
pub struct Csv {
    delimiter: u8,
    /// The names of the columns; without them, the first line has them.
    header: Option<Vec<String>>,
    /// The types of attributes that are part of a key: all others are text.
    kinds: BTreeMap<String, Kind>,
}

impl Form {
    pub fn new(asked: &AskedImport, into: &Table) -> Form {
        if asked.format != "CSV" {
            return Form::Json;
        }
        let csv = asked.csv.clone().unwrap_or_default();
        let delimiter = csv.delimiter.and_then(|delimiter| delimiter.bytes().next()).unwrap_or(b',');
        Form::Csv(Csv { delimiter, header: csv.header, kinds: into.definitions.iter().cloned().collect() })
    }
}

/// Some records, one after the other.
#[derive(Debug)]
pub struct Batch {
    /// The place of the first among the object's records.
    pub first: u64,
    pub records: Vec<Record>,
    /// Those that they were read from.
    pub bytes: u64,
    /// Whether no more follow.
    pub last: bool,
}

/// Reads an object's records behind the first `skip`, and sends them. What cannot be read ends the object with an error as its last
/// record, other than a line of a bulk put, behind which the next one is; where `is_broken` says that it did not arrive, nothing more is sent instead.
pub fn read(
    source: impl Read + 'static,
    compression: Option<&str>,
    form: &Form,
    skip: u64,
    batches: mpsc::Sender<Batch>,
    is_broken: impl Fn() -> bool,
) {
    let mut out = Out { batches, batch: Vec::new(), next: 0, skip, bytes: 0, counted: 0 };
    let ended = decompressed(source, compression).and_then(|source| match (source, form) {
        (None, _) => Ok(()),
        (Some(source), Form::Json) => json(source, &mut out, Line::read),
        (Some(source), Form::Puts) => json(source, &mut out, |line, out| out.record(PutLine::read(line))),
        (Some(source), Form::Csv(csv)) => csv.read(source, &mut out),
    });
    match ended {
        Err(Stop::Gone) => {}
        Err(Stop::Malformed(_)) if is_broken() => {}
        Err(Stop::Malformed(reason)) => drop(out.record(Err(reason)).and_then(|()| out.end())),
        Ok(()) => drop(out.end()),
    }
}

/// Why an object is read no further.
#[derive(Debug)]
enum Stop {
    /// Nobody takes its records.
    Gone,
    Malformed(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Malformed(error.to_string())
    }
}

/// `None` for an empty object, whatever its compression is.
fn decompressed(source: impl Read + 'static, compression: Option<&str>) -> Result<Option<Box<dyn Read>>, Stop> {
    let mut source = BufReader::new(source);
    if source.fill_buf()?.is_empty() {
        return Ok(None);
    }
    Ok(Some(match compression {
        Some("GZIP") => Box::new(MultiGzDecoder::new(source)),
        Some("ZSTD") => Box::new(ZstdDecoder::new(source)),
        _ => Box::new(source),
    }))
}

/// Where records go.
struct Out {
    batches: mpsc::Sender<Batch>,
    batch: Vec<Record>,
    /// The place of the next record.
    next: u64,
    skip: u64,
    /// Those that have been read, and those of them that were told.
    bytes: u64,
    counted: u64,
}

impl Out {
    fn record(&mut self, record: Record) -> Result<(), Stop> {
        self.next += 1;
        if self.next <= self.skip {
            // It was counted when it was brought in.
            self.counted = self.bytes;
            return Ok(());
        }
        self.batch.push(record);
        let is_full = self.batch.len() >= COPY_STEP.0 || self.bytes - self.counted >= COPY_STEP.1 as u64;
        if is_full { self.send(false) } else { Ok(()) }
    }

    fn send(&mut self, last: bool) -> Result<(), Stop> {
        let records = std::mem::take(&mut self.batch);
        let first = self.next.max(self.skip) - records.len() as u64;
        let batch = Batch { first, records, bytes: self.bytes - self.counted, last };
        self.counted = self.bytes;
        self.batches.blocking_send(batch).map_err(|_| Stop::Gone)
    }

    fn end(&mut self) -> Result<(), Stop> {
        self.send(true)
    }
}

/// An item of DynamoDB JSON: a line of it, usually.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "Item")]
    item: Option<ItemInput>,
}

/// One that may say when its item is put.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutLine {
    item: Option<ItemInput>,
    condition_expression: Option<String>,
    expression_attribute_names: Option<BTreeMap<String, String>>,
    expression_attribute_values: Option<BTreeMap<String, ValueInput>>,
}

const NO_ITEM: &str = "Expected 'Item' top level container";

impl Line {
    /// Reads the items of a line: AWS takes several, with nothing between them.
    fn read(text: &[u8], out: &mut Out) -> Result<(), Stop> {
        for line in serde_json::Deserializer::from_slice(text).into_iter::<Line>() {
            let line = line.map_err(|error| Stop::Malformed(error.to_string()))?;
            let item = line.item.ok_or_else(|| Stop::Malformed(NO_ITEM.into()))?;
            out.record(put_item(Some(&item)).map(Put::from).map_err(|error| error.to_string()))?;
        }
        Ok(())
    }
}

impl PutLine {
    fn read(text: &[u8]) -> Record {
        let line: PutLine = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let item = line.item.as_ref().ok_or_else(|| NO_ITEM.to_owned())?;
        let put = put_item(Some(item)).and_then(|item| Ok(Put { item, condition: line.condition()? }));
        put.map_err(|error| error.to_string())
    }

    fn condition(&self) -> Result<Option<Condition>, Error> {
        Parameters {
            expressions: &[("ConditionExpression", self.condition_expression.is_some())],
            legacy: &[],
            names: self.expression_attribute_names.is_some(),
            values: self.expression_attribute_values.is_some(),
        }
        .check()?;
        let mut scope = expressions::scope(&self.expression_attribute_names, &self.expression_attribute_values)?;
        let condition =
            expressions::condition(self.condition_expression.as_deref(), "ConditionExpression", &mut scope)?;
        scope.finish()?;
        Ok(condition)
    }
}

fn json(
    source: Box<dyn Read>,
    out: &mut Out,
    records: impl Fn(&[u8], &mut Out) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut source = BufReader::new(source);
    let mut line = Vec::new();
    loop {
        line.clear();
        let most = RECORD_BYTES_MAX as u64 + 1;
        let count = (&mut source).take(most).read_until(b'\n', &mut line)?;
        if count == 0 {
            return Ok(());
        }
        if count as u64 == most {
            return Err(too_long());
        }
        out.bytes += count as u64;
        if line.trim_ascii().is_empty() {
            continue;
        }
        records(&line, out)?;
    }
}

fn too_long() -> Stop {
    Stop::Malformed(format!("A record is longer than {RECORD_BYTES_MAX} bytes"))
}

/// Bounds what is read for one record: a quote that never closes would have all of an object in memory.
struct Bounded {
    source: Box<dyn Read>,
    left: Rc<Cell<usize>>,
    /// Of all records.
    read: Rc<Cell<u64>>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            return Err(io::Error::other(format!("a record is longer than {RECORD_BYTES_MAX} bytes")));
        }
        let most = self.left.get().min(buffer.len());
        let count = self.source.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.left.set(self.left.get() - count);
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

impl Csv {
    fn read(&self, source: Box<dyn Read>, out: &mut Out) -> Result<(), Stop> {
        let (left, read) = (Rc::new(Cell::new(RECORD_BYTES_MAX)), Rc::new(Cell::new(0)));
        let source = Bounded { source, left: left.clone(), read: read.clone() };
        let mut reader =
            csv::ReaderBuilder::new().delimiter(self.delimiter).has_headers(false).flexible(true).from_reader(source);
        let mut header = self.header.clone();
        let mut row = csv::StringRecord::new();
        loop {
            left.set(RECORD_BYTES_MAX);
            let record = match reader.read_record(&mut row) {
                Ok(false) => {
                    out.bytes = read.get();
                    return Ok(());
                }
                Ok(true) => Ok(()),
                Err(error) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => Err(error.to_string()),
                Err(error) => return Err(Stop::Malformed(error.to_string())),
            };
            out.bytes = reader.position().byte();
            match (&header, record) {
                (None, Ok(())) => header = Some(columns(&row)?),
                (None, Err(reason)) => return Err(Stop::Malformed(reason)),
                (Some(_), Err(reason)) => out.record(Err(reason))?,
                (Some(header), Ok(())) => out.record(self.item(header, &row))?,
            }
        }
    }

    fn item(&self, header: &[String], row: &csv::StringRecord) -> Record {
        if row.len() != header.len() {
            return Err(format!("The number of columns is {}, and that of the header {}", row.len(), header.len()));
        }
        let values = header.iter().zip(row).map(|(name, text)| Ok((name.clone(), self.value(name, text)?)));
        let item = StoredItem::new(&values.collect::<Result<Item, String>>()?);
        check_size(&item).map_err(|error: Error| error.to_string())?;
        Ok(Put::from(item))
    }

    fn value(&self, name: &str, text: &str) -> Result<Value, String> {
        match self.kinds.get(name) {
            Some(Kind::N) => text.trim().parse().map(Value::N).map_err(|error| format!("{error}: {name}")),
            Some(Kind::B) => {
                BASE64.decode(text).map(Value::B).map_err(|error| format!("{name} is not base64: {error}"))
            }
            _ => Ok(Value::S(text.to_owned())),
        }
    }
}

/// The names of the columns in a file's first line.
fn columns(row: &csv::StringRecord) -> Result<Vec<String>, Stop> {
    let names: Vec<String> = row.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() || names.iter().take(at).any(|earlier| earlier == name) {
            return Err(Stop::Malformed(format!("The header has an empty or repeated name: '{name}'")));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many items an object has, and whether it is read to its end.
    fn items(text: &'static str, form: &Form) -> (usize, bool) {
        let (batches, mut received) = mpsc::channel(1);
        read(text.as_bytes(), None, form, 0, batches, || false);
        let records = received.blocking_recv().unwrap().records;
        (records.iter().filter(|record| record.is_ok()).count(), records.iter().all(Result::is_ok))
    }

    #[test]
    fn a_line_may_have_several_items() {
        let text =
            "{\"Item\":{\"k\":{\"S\":\"1\"}}}\n{\"Item\":{\"k\":{\"S\":\"2\"}}}{\"Item\":{\"k\":{\"S\":\"3\"}}} \n";
        assert_eq!(items(text, &Form::Json), (3, true));
        // A put that goes wrong is told with its line, which has one.
        assert_eq!(items(text, &Form::Puts), (1, false));
        let torn = "{\"Item\":{\"k\":{\"S\":\"1\"}}}{\"Item\":{\"k\"";
        assert_eq!(items(torn, &Form::Json), (1, false));
    }
}
