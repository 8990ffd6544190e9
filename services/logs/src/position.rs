//! Places in the order of events: what page tokens and event ids are made of.

use std::fmt;
use std::str::FromStr;

use base::Timestamp;

use crate::error::Error;
use crate::keys::{ChunkNumber, StreamId};

/// An event's place, or the gap just before it. Ordered by time, then by stream, then by arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub time: Timestamp,
    pub stream: StreamId,
    pub chunk: ChunkNumber,
    /// In the chunk.
    pub index: u32,
}

impl Position {
    /// Before everything that happened at `time`.
    pub fn at(time: Timestamp) -> Position {
        Position { time, stream: 0, chunk: 0, index: 0 }
    }

    /// Before whatever comes after this event.
    pub fn next(self) -> Position {
        Position { index: self.index.saturating_add(1), ..self }
    }
}

/// 56 digits, as AWS's event ids have them.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}{:014}{:014}{:08}", self.time.0, self.stream, self.chunk, self.index)
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Position, Error> {
        let invalid = || Error::InvalidParameter("The specified nextToken is invalid.".into());
        if text.len() != 56 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        let number = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<u64>().ok());
        let (time, stream, chunk, index) = (number(0, 20), number(20, 34), number(34, 48), number(48, 56));
        Ok(Position {
            time: Timestamp(time.ok_or_else(invalid)?),
            stream: stream.ok_or_else(invalid)?,
            chunk: chunk.ok_or_else(invalid)?,
            index: index.and_then(|index| u32::try_from(index).ok()).ok_or_else(invalid)?,
        })
    }
}

/// Which way a page of GetLogEvents goes from a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    Forward(Position),
    Backward(Position),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Forward(position) => write!(f, "f/{position}/s"),
            Token::Backward(position) => write!(f, "b/{position}/s"),
        }
    }
}

impl FromStr for Token {
    type Err = Error;

    fn from_str(text: &str) -> Result<Token, Error> {
        let body = text.strip_suffix("/s").unwrap_or_default();
        match body.split_once('/') {
            Some(("f", position)) => Ok(Token::Forward(position.parse()?)),
            Some(("b", position)) => Ok(Token::Backward(position.parse()?)),
            _ => Err(Error::InvalidParameter("The specified nextToken is invalid.".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_and_others_are_refused() {
        let position = Position { time: Timestamp(u64::MAX), stream: 7, chunk: 12, index: 9_999 };
        for token in [Token::Forward(position), Token::Backward(Position::at(Timestamp(0)))] {
            assert_eq!(token.to_string().parse::<Token>().unwrap(), token);
        }
        let long = "9".repeat(56);
        for text in ["", "f", "f//s", "x/1/s", &format!("f/{long}/s"), &format!("f/{}/s", "ä".repeat(28))] {
            assert!(text.parse::<Token>().is_err(), "{text}");
        }
    }
}
