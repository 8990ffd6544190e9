//! Scrub: looks through all that is kept of objects, a step at a time.

use std::sync::Arc;

use s3::scrub::{Cursor, Damage, Options, Step};
use serde::{Deserialize, Serialize};
use service::{Cx, Error};

use super::Control;

/// What is read in a second where nobody says: 64 MiB.
const BYTES_PER_SECOND: u64 = 64 << 20;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ScrubInput {
    /// Where the step before ended; without it, at the beginning.
    pub cursor: Option<Cursor>,
    pub bytes_per_second: Option<u64>,
    /// Whether files are removed that nothing refers to.
    pub collect: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScrubOutput {
    /// Where the next step begins; missing at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    pub files: u64,
    pub bytes: u64,
    /// Versions of objects, and uploads.
    pub objects: u64,
    /// Those of them that an earlier release kept unsealed.
    pub unsealed: u64,
    /// Files that nothing refers to, and their bytes.
    pub orphans: u64,
    pub orphan_bytes: u64,
    pub damaged: Vec<Damaged>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Damaged {
    pub bucket: String,
    pub key: String,
    /// Missing for an upload that is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The name of its file, if it is one that is damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    pub reason: String,
}

impl From<Damage> for Damaged {
    fn from(Damage { of, file, reason }: Damage) -> Damaged {
        let s3::User { bucket, key, version } = of;
        Damaged { bucket, key, version_id: version, file: file.map(|file| file.to_string()), reason }
    }
}

pub async fn step(control: Arc<Control>, cx: Cx, input: ScrubInput) -> Result<ScrubOutput, Error> {
    let bytes_per_second = input.bytes_per_second.unwrap_or(BYTES_PER_SECOND);
    if bytes_per_second == 0 {
        return Err(Error::new(400, "ValidationException", "BytesPerSecond must be at least 1"));
    }
    let options = Options { bytes_per_second, collect: input.collect };
    let Step { next, files, bytes, objects, unsealed, orphans, orphan_bytes, damage } =
        control.objects.scrub(&cx, input.cursor, options).await?;
    let damaged = damage.into_iter().map(Damaged::from).collect();
    Ok(ScrubOutput { cursor: next, files, bytes, objects, unsealed, orphans, orphan_bytes, damaged })
}
