//! After a crash with as much in the log alone as there can be, the store is open again in less than two seconds.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use kv::{Batch, Bytes, Engine, KeyRange, Order};
use kv_local::{Local, Options};

const VALUE_BYTES: usize = 1024;
/// A build without optimization is some ten times slower than what is released: it gets a tenth to read.
const SHARE: usize = if cfg!(debug_assertions) { 10 } else { 1 };

#[test]
fn a_full_overlay_is_read_again_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { overlay_bytes: 3 * Options::default().overlay_bytes, ..Options::default() };
    let local = Local::open(folder.path(), &options).unwrap();
    // As much as a frozen layer and a new one at the wall together: none of it moves to the tree, and dropping it flushes nothing.
    let rows = options.overlay_bytes / SHARE / (VALUE_BYTES + 200);
    for start in (0..rows as u64).step_by(64) {
        let mut batch = Batch::new();
        for number in start..start + 64 {
            let key = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            batch.put(Bytes::copy_from_slice(&key), Bytes::from(vec![7; VALUE_BYTES]));
        }
        local.commit(&batch).unwrap();
    }
    let count = |local: &Local| local.snapshot().unwrap().scan(KeyRange::all(), Order::Forward).unwrap().count();
    let written = count(&local);
    drop(local);
    let start = Instant::now();
    let local = Local::open(folder.path(), &options).unwrap();
    let took = start.elapsed();
    println!("{written} rows of {VALUE_BYTES} bytes: open after {took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(count(&local), written);
}
