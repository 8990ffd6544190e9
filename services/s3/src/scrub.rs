//! Looks through all that is kept of objects: says what of it is damaged, and which files nothing refers to.
//!
//! A file is named by the hash of what is in it, so reading it shows whether that is what was written, whoever has its key. A step
//! reads a bounded part and says where the next one goes on, so that nothing waits for a scrub and none is lost with its client.

use std::collections::BTreeMap;
use std::time::Duration;

use blob::BlobId;
use kv::{Desc, Order};
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};
use service::Cx;
use sha2::Sha256;
use tokio::io::AsyncReadExt as _;
use tokio::time::Instant;

use crate::S3;
use crate::contents::{Contents, body_key};
use crate::error::Error;
use crate::keys::{BucketId, CONTENTS, GARBAGE, OBJECTS, PARTS, REFERENCES, UPLOADED, UPLOADS, VERSIONS, blob_key};
use crate::limits;
use crate::model::content::{self, User};
use crate::model::object;
use crate::seal;
use crate::sealed::sealed_size;
use crate::types::{Content, ContentId, Object, Seal, SealedKey, Sequence};

/// Where a scrub goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cursor {
    /// Files whose names begin with this byte, behind this one.
    Files(u8, Option<BlobId>),
    /// Newest versions, behind this key's.
    Objects(Option<(BucketId, String)>),
    /// Older ones.
    Versions(Option<(BucketId, String, Sequence)>),
    /// Uploads that are under way.
    Uploads(Option<(BucketId, String, String)>),
}

/// How to go about it.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes that are read in a second, at most.
    pub bytes_per_second: u64,
    /// Whether files are removed that nothing refers to.
    pub collect: bool,
}

/// What a step has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Where the next one goes on; `None` at the end.
    pub next: Option<Cursor>,
    /// What was read.
    pub files: u64,
    pub bytes: u64,
    /// Versions of objects, and uploads.
    pub objects: u64,
    /// Those among them that an earlier release kept, and did not seal.
    pub unsealed: u64,
    /// Files that nothing refers to, and the room they take; with [`Options::collect`], they are removed.
    pub orphans: u64,
    pub orphan_bytes: u64,
    pub damage: Vec<Damage>,
}

/// Something that cannot be read as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub of: User,
    pub file: Option<BlobId>,
    pub reason: String,
}

impl Step {
    fn has_room(&self) -> bool {
        self.bytes < limits::SCRUB_STEP_BYTES && self.files + self.objects + self.orphans < limits::SCRUB_STEP_ROWS
    }
}

/// Keeps reads to so many bytes a second.
struct Pace {
    bytes_per_second: u64,
    began: Instant,
    bytes: u64,
}

impl Pace {
    async fn took(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        let due = Duration::from_secs_f64(self.bytes as f64 / self.bytes_per_second.max(1) as f64);
        // A step ends while its client still waits, however large a file is.
        let due = due.min(limits::SCRUB_STEP_TIME_MAX);
        tokio::time::sleep_until(self.began + due).await;
    }
}

impl S3 {
    /// The next step of a scrub, or the first one.
    ///
    /// # Errors
    /// When the store or the folder of files cannot be read; damage of what is in them is none.
    pub async fn scrub(&self, cx: &Cx, from: Option<Cursor>, options: Options) -> Result<Step, Error> {
        let mut step = Step::default();
        let mut pace = Pace { bytes_per_second: options.bytes_per_second, began: Instant::now(), bytes: 0 };
        let mut cursor = from.unwrap_or(Cursor::Files(0, None));
        loop {
            let next = match cursor {
                Cursor::Files(first, after) => {
                    Some(self.scrub_files(cx, (first, after), options, &mut pace, &mut step).await?)
                }
                Cursor::Objects(after) => Some(self.scrub_objects(cx, after, &mut step).await?),
                Cursor::Versions(after) => Some(self.scrub_versions(cx, after, &mut step).await?),
                Cursor::Uploads(after) => self.scrub_uploads(cx, after, &mut step).await?,
            };
            match next {
                Some(next) if step.has_room() => cursor = next,
                next => return Ok(Step { next, ..step }),
            }
        }
    }

    async fn scrub_files(
        &self,
        cx: &Cx,
        (first, after): (u8, Option<BlobId>),
        options: Options,
        pace: &mut Pace,
        step: &mut Step,
    ) -> Result<Cursor, Error> {
        let blobs = self.blobs().clone();
        let listed = tokio::task::spawn_blocking(move || blobs.list_of(first)).await;
        let mut ids = listed.map_err(service::Error::internal)??;
        ids.sort_unstable();
        let mut broken = Vec::new();
        let mut reached = None;
        for id in ids.into_iter().filter(|id| after.is_none_or(|after| *id > after)) {
            match self.standing(cx.db(), &id).await? {
                Standing::Named => {
                    let read = self.read_file(&id, pace).await?;
                    step.files += 1;
                    step.bytes += read.bytes;
                    broken.extend(read.reason.map(|reason| (id, reason)));
                }
                Standing::Orphan => self.orphan(cx.db(), &id, options.collect, step).await?,
                Standing::Moving => {}
            }
            if !step.has_room() {
                reached = Some(id);
                break;
            }
        }
        if !broken.is_empty() {
            let db = cx.db().clone();
            let found = tokio::task::spawn_blocking(move || damage(&db.read()?, broken)).await;
            step.damage.extend(found.map_err(service::Error::internal)??);
        }
        Ok(match (reached, first.checked_add(1)) {
            (Some(id), _) => Cursor::Files(first, Some(id)),
            (None, Some(next)) => Cursor::Files(next, None),
            (None, None) => Cursor::Objects(None),
        })
    }

    /// Whether something refers to a file.
    async fn standing(&self, db: &kv::Db, id: &BlobId) -> Result<Standing, Error> {
        // In this order: a pin goes once what names the file is durable, and then this snapshot has it.
        if self.contents.is_pinned(id) {
            return Ok(Standing::Moving);
        }
        let read = db.read()?;
        if REFERENCES.contains(&read, blob_key(id))? {
            return Ok(Standing::Named);
        }
        let leaves = GARBAGE.contains(&read, blob_key(id))? || !self.blobs().exists(id).await?;
        Ok(if leaves { Standing::Moving } else { Standing::Orphan })
    }

    async fn orphan(&self, db: &kv::Db, id: &BlobId, collect: bool, step: &mut Step) -> Result<(), Error> {
        let bytes = match self.blobs().reader(id).await {
            Ok(file) => file.metadata().await.map_or(0, |file| file.len()),
            Err(_) => 0,
        };
        if !collect || self.contents.collect(db, *id).await? {
            (step.orphans, step.orphan_bytes) = (step.orphans + 1, step.orphan_bytes + bytes);
        }
        Ok(())
    }

    /// Reads a file to its end, and compares it with its name. One that goes meanwhile is not damaged.
    async fn read_file(&self, id: &BlobId, pace: &mut Pace) -> Result<FileRead, Error> {
        let mut file = match self.blobs().reader(id).await {
            Ok(file) => file,
            Err(blob::Error::NotFound(_)) => return Ok(FileRead::default()),
            Err(error) => return Ok(FileRead { bytes: 0, reason: Some(error.to_string()) }),
        };
        file.set_max_buf_size(limits::CHUNK_BYTES);
        let (mut sha256, mut chunk, mut bytes) = (Sha256::new(), vec![0; limits::CHUNK_BYTES], 0);
        loop {
            let length = match file.read(&mut chunk).await {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) => return Ok(FileRead { bytes, reason: Some(format!("it cannot be read: {error}")) }),
            };
            sha256.update(chunk.get(..length).unwrap_or_default());
            bytes += length as u64;
            pace.took(length).await;
        }
        let is_whole = BlobId::from(<[u8; 32]>::from(sha256.finalize())) == *id;
        let reason = (!is_whole).then(|| format!("its file, of {bytes} bytes, is not what was written"));
        Ok(FileRead { bytes, reason })
    }

    async fn scrub_objects(
        &self,
        cx: &Cx,
        after: Option<(BucketId, String)>,
        step: &mut Step,
    ) -> Result<Cursor, Error> {
        // None of the files goes that the snapshot names.
        let _hold = self.contents.hold();
        let read = cx.db().read()?;
        let names = content::bucket_names(&read)?;
        let rows = match &after {
            None => OBJECTS.scan(&read, Order::Forward)?,
            Some((bucket, key)) => OBJECTS.scan_after(&read, (), (*bucket, key), Order::Forward)?,
        };
        let rows = rows.take(limits::SCRUB_PAGE).collect::<Result<Vec<_>, _>>()?;
        let last = rows.last().filter(|_| rows.len() == limits::SCRUB_PAGE).map(|(key, _)| key.clone());
        for ((bucket, key), object) in &rows {
            self.scrub_object(&read, names.get(bucket), key, object, step).await?;
        }
        Ok(last.map_or(Cursor::Versions(None), |last| Cursor::Objects(Some(last))))
    }

    async fn scrub_versions(
        &self,
        cx: &Cx,
        after: Option<(BucketId, String, Sequence)>,
        step: &mut Step,
    ) -> Result<Cursor, Error> {
        let _hold = self.contents.hold();
        let read = cx.db().read()?;
        let names = content::bucket_names(&read)?;
        let rows = match &after {
            None => VERSIONS.scan(&read, Order::Forward)?,
            Some((bucket, key, sequence)) => {
                VERSIONS.scan_after(&read, (), (*bucket, key, Desc(*sequence)), Order::Forward)?
            }
        };
        let rows = rows.take(limits::SCRUB_PAGE).collect::<Result<Vec<_>, _>>()?;
        let last = rows.last().filter(|_| rows.len() == limits::SCRUB_PAGE).map(|(key, _)| key.clone());
        for ((bucket, key, _), object) in &rows {
            self.scrub_object(&read, names.get(bucket), key, object, step).await?;
        }
        Ok(last.map_or(Cursor::Uploads(None), |(bucket, key, Desc(at))| Cursor::Versions(Some((bucket, key, at)))))
    }

    async fn scrub_uploads(
        &self,
        cx: &Cx,
        after: Option<(BucketId, String, String)>,
        step: &mut Step,
    ) -> Result<Option<Cursor>, Error> {
        let _hold = self.contents.hold();
        let read = cx.db().read()?;
        let names = content::bucket_names(&read)?;
        let rows = match &after {
            None => UPLOADS.scan(&read, Order::Forward)?,
            Some((bucket, key, id)) => UPLOADS.scan_after(&read, (), (*bucket, key, id), Order::Forward)?,
        };
        let rows = rows.take(limits::SCRUB_PAGE).collect::<Result<Vec<_>, _>>()?;
        let last = rows.last().filter(|_| rows.len() == limits::SCRUB_PAGE).map(|(key, _)| key.clone());
        for ((bucket, key, _), upload) in rows {
            step.objects += 1;
            let parts = UPLOADED.scan_prefix(&read, (upload.id,), Order::Forward)?.values();
            let files = parts.map(|part| Ok(part?.blob)).collect::<Result<Vec<_>, kv::Error>>()?;
            let missing = self.missing(files).await?;
            let reason = self.lost_key(upload.seal.as_ref()).map(|reason| (None, reason));
            let of = User { bucket: names.get(&bucket).cloned().unwrap_or_default(), key, version: None };
            let found = missing.into_iter().chain(reason);
            step.damage.extend(found.map(|(file, reason)| Damage { of: of.clone(), file, reason }));
        }
        Ok(last.map(|last| Cursor::Uploads(Some(last))))
    }

    /// What can be told of an object without reading its files.
    async fn scrub_object(
        &self,
        read: &kv::Snap,
        bucket: Option<&String>,
        key: &str,
        object: &Object,
        step: &mut Step,
    ) -> Result<(), Error> {
        step.objects += 1;
        step.unsealed += u64::from(content::has_unsealed(read, object)?);
        let files = match &object.content {
            Content::Nothing | Content::Inline(_) => Vec::new(),
            Content::Blob(file) => vec![*file],
            Content::Parts { id, .. } => {
                let parts = PARTS.scan_prefix(read, (id,), Order::Forward)?.values();
                parts.map(|part| Ok(part?.blob)).collect::<Result<_, kv::Error>>()?
            }
        };
        let missing = self.missing(files).await?;
        let of_key = self.lost_key(object.seal.as_ref());
        let of_bytes = match &object.content {
            Content::Inline(id) if of_key.is_none() => self.broken_inline(read, id, object)?,
            _ => None,
        };
        let version = Some(object::shown(object));
        let of = User { bucket: bucket.cloned().unwrap_or_default(), key: key.to_owned(), version };
        let found = missing.into_iter().chain(of_key.or(of_bytes).map(|reason| (None, reason)));
        step.damage.extend(found.map(|(file, reason)| Damage { of: of.clone(), file, reason }));
        Ok(())
    }

    /// Those of the files that are not there. One that was deleted meanwhile is, while a hold keeps it.
    async fn missing(&self, files: Vec<BlobId>) -> Result<Vec<(Option<BlobId>, String)>, Error> {
        let mut missing = Vec::new();
        for file in files {
            match self.blobs().reader(&file).await {
                Err(blob::Error::NotFound(_)) => missing.push((Some(file), "its file is not there".to_owned())),
                opened => drop(opened?),
            }
        }
        Ok(missing)
    }

    /// Why a key that the vault has sealed is lost. KMS's and customers' are theirs to open.
    fn lost_key(&self, seal: Option<&Seal>) -> Option<String> {
        let seal = seal.filter(|seal| matches!(seal.key, SealedKey::Managed(_)))?;
        seal::managed(&self.vault, seal).err().map(|error| format!("its key: {error}"))
    }

    /// Why bytes in the store are not those of the object.
    fn broken_inline(&self, read: &kv::Snap, id: &ContentId, object: &Object) -> Result<Option<String>, Error> {
        let Some(kept) = CONTENTS.get(read, id)? else { return Ok(Some("its bytes are not there".to_owned())) };
        let expected = if object.seal.is_some() { sealed_size(object.size) } else { object.size };
        if kept.len() as u64 != expected {
            return Ok(Some(format!("it has {} bytes in the store, not {expected}", kept.len())));
        }
        match &object.seal {
            None if hex::encode(Md5::digest(&kept)) != object.etag => {
                Ok(Some("its bytes are not those of its entity tag".to_owned()))
            }
            Some(seal @ Seal { key: SealedKey::Managed(_), name }) => {
                let key = body_key(Some(&seal::managed(&self.vault, seal)?), Some(*name))?;
                Ok(Contents::inline(read, id, key).err().map(|error| error.to_string()))
            }
            _ => Ok(None),
        }
    }
}

/// What becomes of a file.
enum Standing {
    Named,
    /// It is about to be named, or to be removed.
    Moving,
    Orphan,
}

#[derive(Default)]
struct FileRead {
    bytes: u64,
    /// Why it is damaged, if it is.
    reason: Option<String>,
}

/// Files that are broken, by what refers to them. What nothing refers to any more is nobody's loss. Reads all rows.
fn damage(read: &kv::Snap, broken: Vec<(BlobId, String)>) -> Result<Vec<Damage>, Error> {
    let reasons: BTreeMap<BlobId, String> = broken.into_iter().collect();
    let users = content::users(read, |file| reasons.contains_key(file))?;
    let found = users.into_iter().filter_map(|(file, of)| {
        let reason = reasons.get(&file)?.clone();
        Some(Damage { of: of?, file: Some(file), reason })
    });
    Ok(found.collect())
}
