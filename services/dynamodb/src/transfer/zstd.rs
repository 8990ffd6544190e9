//! Zstandard, frame after frame: files that were put together of several are as one.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

pub struct ZstdDecoder<R: BufRead>(State<R>);

enum State<R: BufRead> {
    Between(R),
    Within(R, Box<FrameDecoder>),
    Ended,
}

impl<R: BufRead> ZstdDecoder<R> {
    pub fn new(source: R) -> ZstdDecoder<R> {
        ZstdDecoder(State::Between(source))
    }

    /// Begins the next frame, if there is one.
    fn begin(mut source: R) -> io::Result<State<R>> {
        loop {
            if source.fill_buf()?.is_empty() {
                return Ok(State::Ended);
            }
            let mut decoder = FrameDecoder::new();
            match decoder.init(&mut source) {
                Ok(()) => return Ok(State::Within(source, Box::new(decoder))),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    io::copy(&mut (&mut source).take(u64::from(length)), &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

/// Decodes until there is as much as `wanted`, or the frame's end.
fn decode(source: &mut impl Read, decoder: &mut FrameDecoder, wanted: usize) -> io::Result<()> {
    while decoder.can_collect() < wanted && !decoder.is_finished() {
        let more = BlockDecodingStrategy::UptoBytes(wanted - decoder.can_collect());
        decoder.decode_blocks(&mut *source, more).map_err(io::Error::other)?;
    }
    Ok(())
}

impl<R: BufRead> Read for ZstdDecoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.0, State::Ended) {
                State::Between(source) => self.0 = ZstdDecoder::begin(source)?,
                State::Within(mut source, mut decoder) => {
                    decode(&mut source, &mut decoder, buffer.len())?;
                    let count = decoder.read(buffer)?;
                    let is_over = count == 0 && decoder.is_finished();
                    self.0 = if is_over { State::Between(source) } else { State::Within(source, decoder) };
                    if !is_over {
                        return Ok(count);
                    }
                }
                State::Ended => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn read(bytes: &[u8]) -> io::Result<String> {
        let mut text = String::new();
        ZstdDecoder::new(bytes).read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn frames_follow_each_other() {
        let frame = |text: &str| compress_to_vec(text.as_bytes(), CompressionLevel::Fastest);
        let long = "0123456789".repeat(100_000);
        // A frame that decoders leave out: magic number, length, and bytes.
        let left_out = b"\x50\x2a\x4d\x18\x03\0\0\0xyz".to_vec();
        let all = [frame("a"), left_out, frame(""), frame(&long)].concat();
        assert_eq!(read(&all).unwrap(), format!("a{long}"));
        assert_eq!(read(b"").unwrap(), "");
        assert!(read(b"plain text").is_err());
        assert!(read(&all[..all.len() - 9]).is_err());
    }
}
