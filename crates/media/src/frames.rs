//! What the server and a worker say to each other: a description as JSON, and bytes, each with its length before it.

use std::io::{Read, Write};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::error::Error;
use crate::transform::Made;
use crate::{Format, limits};

/// Bytes of a description.
const DESCRIPTION_BYTES_MAX: u64 = 64 * 1024;

/// What a worker answers; the bytes of the image follow.
#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    Made { format: Format, width: u32, height: u32 },
    Refused(Error),
}

fn lengths(description: &[u8], bytes: &[u8]) -> [u8; 16] {
    let mut lengths = [0; 16];
    let (first, second) = lengths.split_at_mut(8);
    first.copy_from_slice(&(description.len() as u64).to_le_bytes());
    second.copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    lengths
}

/// The two lengths, if they are none that nobody sends.
fn checked(lengths: [u8; 16], bytes_max: u64) -> std::io::Result<(u64, u64)> {
    let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or(u64::MAX);
    let (first, second) = lengths.split_at(8);
    let (description, bytes) = (number(first), number(second));
    if description > DESCRIPTION_BYTES_MAX || bytes > bytes_max {
        return Err(std::io::Error::other("it says that it is longer than anything is"));
    }
    Ok((description, bytes))
}

/// Writes to the server, or to a worker.
pub fn write(to: &mut impl Write, description: &impl Serialize, bytes: &[u8]) -> std::io::Result<()> {
    let description = serde_json::to_vec(description)?;
    to.write_all(&lengths(&description, bytes))?;
    to.write_all(&description)?;
    to.write_all(bytes)
}

/// Reads what the server wrote; `None` where there is no more to come.
pub fn read<T: DeserializeOwned>(from: &mut impl Read) -> std::io::Result<Option<(T, Vec<u8>)>> {
    let mut lengths = [0; 16];
    match from.read_exact(&mut lengths) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let (description, length) = checked(lengths, limits::INPUT_BYTES_MAX)?;
    let mut text = vec![0; usize::try_from(description).unwrap_or(usize::MAX)];
    from.read_exact(&mut text)?;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    from.read_exact(&mut bytes)?;
    Ok(Some((serde_json::from_slice(&text)?, bytes)))
}

/// Writes to a worker.
pub async fn send(to: &mut UnixStream, description: &impl Serialize, bytes: &[u8]) -> std::io::Result<()> {
    let description = serde_json::to_vec(description)?;
    to.write_all(&lengths(&description, bytes)).await?;
    to.write_all(&description).await?;
    to.write_all(bytes).await
}

/// Reads what a worker answered, of whom nothing is believed.
pub async fn receive(from: &mut UnixStream) -> std::io::Result<Result<Made, Error>> {
    let mut lengths = [0; 16];
    from.read_exact(&mut lengths).await?;
    let (description, length) = checked(lengths, limits::OUTPUT_BYTES_MAX)?;
    let text = take(from, description).await?;
    let bytes = take(from, length).await?;
    Ok(match serde_json::from_slice(&text)? {
        Answer::Made { format, width, height } => Ok(Made { format, width, height, bytes }),
        Answer::Refused(error) => Err(error),
    })
}

/// So many bytes, for which room is made as they come.
async fn take(from: &mut UnixStream, length: u64) -> std::io::Result<Bytes> {
    let mut bytes = Vec::new();
    if from.take(length).read_to_end(&mut bytes).await? as u64 != length {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes.into())
}
