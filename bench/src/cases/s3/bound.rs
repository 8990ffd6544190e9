//! At which size an object is better a file than a row of the store: both written as S3 writes them, on their own.

use std::path::Path;
use std::time::Instant;

use blob::Blobs;
use bytes::Bytes;
use futures_util::future::try_join_all;
use kv::{Db, Table};
use kv_local::{Local, Options};

use super::{piece, size};
use crate::Bench;
use crate::report::{Figure, Row, Unit, say};

const SIZES: [usize; 7] = [4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10, 128 << 10, 256 << 10];
const WRITERS: [usize; 2] = [1, 32];
/// Objects of one size that one writer writes.
const OBJECTS: usize = 200;

/// What is told of an object, and its bytes.
const DESCRIPTIONS: Table<u64, Bytes> = Table::new(250, 1);
const CONTENTS: Table<u64, Bytes> = Table::new(250, 2);
/// About as much as S3 keeps of an object.
const DESCRIPTION: Bytes = Bytes::from_static(&[0; 300]);

pub async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for bytes in SIZES {
        for writers in WRITERS {
            let what = format!("{} as a row or a file, {writers} at once", size(bytes));
            say(format_args!("  {what}"));
            let objects = bench.samples(OBJECTS).div_ceil(writers);
            let folder = bench.data_folder()?;
            let row = rate(folder.path(), writers, objects, bytes, true).await?;
            let file = rate(folder.path(), writers, objects, bytes, false).await?;
            let figure = |name, rate| Figure::new(name, rate, Unit::PerSecond);
            rows.push(Row::new(what, vec![figure("rows", row), figure("files", file)]));
        }
    }
    Ok(rows)
}

/// Objects a second.
async fn rate(folder: &Path, writers: usize, objects: usize, bytes: usize, as_row: bool) -> anyhow::Result<f64> {
    let folder = folder.join(if as_row { "rows" } else { "files" });
    let db = Db::open(Local::open(&folder, &Options::default())?);
    let blobs = Blobs::open(folder.join("objects")).await?;
    let began = Instant::now();
    let (db, blobs) = (&db, &blobs);
    let writers_at_work = (0..writers).map(|writer| async move {
        for object in 0..objects {
            let (id, content) = ((writer * objects + object) as u64, piece(bytes, (writer, object, bytes)));
            if as_row {
                db.write(move |tx| {
                    CONTENTS.put(tx, id, &content)?;
                    DESCRIPTIONS.put(tx, id, &DESCRIPTION)
                })
                .await?;
            } else {
                blobs.put(content).await?;
                db.write(move |tx| DESCRIPTIONS.put(tx, id, &DESCRIPTION)).await?;
            }
        }
        anyhow::Ok(())
    });
    try_join_all(writers_at_work).await?;
    Ok((writers * objects) as f64 / began.elapsed().as_secs_f64())
}
