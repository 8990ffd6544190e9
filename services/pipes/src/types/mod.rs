//! What is stored of pipes. Versions are kept, and earlier ones can be read for ever.

mod parameters;

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};

pub use parameters::{Http, Kind, SourceParameters, Stage, StreamParameters};

pub type Tags = BTreeMap<String, String>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pipe {
    /// Tells it from others that have had its name.
    pub id: String,
    pub name: String,
    pub arn: Arn,
    pub description: Option<String>,
    /// Whether it is wanted to run.
    pub runs: bool,
    /// What became of the last change, where it failed.
    pub failure: Option<Failure>,
    pub source: Arn,
    pub source_parameters: SourceParameters,
    pub enrichment: Option<Arn>,
    pub enrichment_parameters: Stage,
    pub target: Arn,
    pub target_parameters: Stage,
    pub role: Arn,
    pub log: Option<Log>,
    pub kms_key: Option<String>,
    pub tags: Tags,
    pub created: Timestamp,
    pub modified: Timestamp,
}
kv::stored!(Pipe, version = 1);

impl Pipe {
    /// Whether its source is to be read. After an update that failed it goes on as it was.
    pub fn is_polled(&self) -> bool {
        self.runs && self.failure.as_ref().is_none_or(|failure| failure.change == Change::Update)
    }
}

/// Why a change of a pipe did not succeed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub change: Change,
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    Create,
    Update,
    Start,
}

/// What is told of a pipe's work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Log {
    pub level: Level,
    pub group: Option<Arn>,
    /// Whether records show the events.
    pub data: bool,
}

/// Each level has what those before it have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    Off,
    Error,
    Info,
    Trace,
}

impl Level {
    pub const ALL: [Level; 4] = [Level::Off, Level::Error, Level::Info, Level::Trace];

    pub fn name(self) -> &'static str {
        match self {
            Level::Off => "OFF",
            Level::Error => "ERROR",
            Level::Info => "INFO",
            Level::Trace => "TRACE",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use kv::Stored;

    use super::*;

    /// From one queue to another.
    pub fn pipe() -> Pipe {
        let arn = |text: &str| text.parse::<Arn>().unwrap();
        Pipe {
            id: "i".into(),
            name: "p".into(),
            arn: arn("arn:aws:pipes:r:0:pipe/p"),
            description: None,
            runs: true,
            failure: None,
            source: arn("arn:aws:sqs:r:0:from"),
            source_parameters: SourceParameters {
                batch_size: 10,
                window_seconds: None,
                filters: Vec::new(),
                stream: None,
            },
            enrichment: None,
            enrichment_parameters: Stage::default(),
            target: arn("arn:aws:sqs:r:0:to"),
            target_parameters: Stage::default(),
            role: arn("arn:aws:iam::0:role/r"),
            log: None,
            kms_key: None,
            tags: Tags::new(),
            created: Timestamp(8),
            modified: Timestamp(9),
        }
    }

    fn golden(pipe: &Pipe, expected: &str) {
        let bytes = pipe.to_bytes().unwrap();
        assert_eq!(hex::encode(&bytes), expected.split_whitespace().collect::<String>());
        assert_eq!(Pipe::from_bytes(&bytes).unwrap(), *pipe);
    }

    /// What version 1 looks like on disk. These bytes are in users' files: a change here needs a new version and a
    /// migration, not new bytes.
    #[test]
    fn stored_forms_do_not_drift() {
        golden(&pipe(), PLAIN);
        let stream = StreamParameters {
            start: "LATEST".into(),
            from: Some(Timestamp(7)),
            lanes: Some(2),
            retries: Some(-1),
            age_seconds: Some(60),
            bisect: true,
            dead_letter: Some("arn:aws:sqs:r:0:d".parse().unwrap()),
        };
        let full = Pipe {
            description: Some("d".into()),
            failure: Some(Failure { change: Change::Start, reason: "r".into() }),
            source_parameters: SourceParameters {
                batch_size: 1,
                window_seconds: Some(1),
                filters: vec!["{}".into()],
                stream: Some(stream),
            },
            enrichment: Some("arn:aws:lambda:r:0:function:f".parse().unwrap()),
            enrichment_parameters: Stage { template: Some("<$>".into()), kind: Some(Kind::Http(Http::default())) },
            target_parameters: Stage {
                template: None,
                kind: Some(Kind::Queue { group: Some("g".into()), deduplication: None }),
            },
            log: Some(Log { level: Level::Trace, group: None, data: true }),
            tags: Tags::from([("k".into(), "v".into())]),
            ..pipe()
        };
        golden(&full, FULL);
    }

    const PLAIN: &str = "
        01de0012a26964a169a46e616d65a170a361726eb861726e3a6177733a70697065733a723a303a706970652f70ab646573637269
        7074696f6ec0a472756e73c3a76661696c757265c0a6736f75726365b461726e3a6177733a7371733a723a303a66726f6db1736f
        757263655f706172616d657465727384aa62617463685f73697a650aae77696e646f775f7365636f6e6473c0a766696c74657273
        90a673747265616dc0aa656e726963686d656e74c0b5656e726963686d656e745f706172616d657465727382a874656d706c6174
        65c0a46b696e64c0a6746172676574b261726e3a6177733a7371733a723a303a746fb17461726765745f706172616d6574657273
        82a874656d706c617465c0a46b696e64c0a4726f6c65b561726e3a6177733a69616d3a3a303a726f6c652f72a36c6f67c0a76b6d
        735f6b6579c0a47461677380a76372656174656408a86d6f64696669656409";
    const FULL: &str = "
        01de0012a26964a169a46e616d65a170a361726eb861726e3a6177733a70697065733a723a303a706970652f70ab646573637269
        7074696f6ea164a472756e73c3a76661696c75726582a66368616e6765a55374617274a6726561736f6ea172a6736f75726365b4
        61726e3a6177733a7371733a723a303a66726f6db1736f757263655f706172616d657465727384aa62617463685f73697a6501ae
        77696e646f775f7365636f6e647301a766696c7465727391a27b7da673747265616d87a57374617274a64c4154455354a466726f
        6d07a56c616e657302a772657472696573ffab6167655f7365636f6e64733ca6626973656374c3ab646561645f6c6574746572b1
        61726e3a6177733a7371733a723a303a64aa656e726963686d656e74bd61726e3a6177733a6c616d6264613a723a303a66756e63
        74696f6e3a66b5656e726963686d656e745f706172616d657465727382a874656d706c617465a33c243ea46b696e6481a4487474
        7083a47061746890a76865616465727380a5717565727980a6746172676574b261726e3a6177733a7371733a723a303a746fb174
        61726765745f706172616d657465727382a874656d706c617465c0a46b696e6481a5517565756582a567726f7570a167ad646564
        75706c69636174696f6ec0a4726f6c65b561726e3a6177733a69616d3a3a303a726f6c652f72a36c6f6783a56c6576656ca55472
        616365a567726f7570c0a464617461c3a76b6d735f6b6579c0a47461677381a16ba176a76372656174656408a86d6f6469666965
        6409";
}
