//! What is stored of migrations.

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};

/// Hundredths of a percent: all of the traffic.
pub const ALL: u32 = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    pub arn: Arn,
    pub name: String,
    /// Its part of URLs.
    pub id: String,
    /// Where the backend is: what comes before a request's path.
    pub legacy: String,
    /// Names whose requests all come here.
    pub hosts: Vec<String>,
    pub routes: Vec<Route>,
    /// Whether everything goes to the backend, whatever the routes say.
    pub back: bool,
    pub created: Timestamp,
    pub modified: Timestamp,
}
kv::stored!(Migration, version = 1);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Every method, where there is none.
    pub method: Option<String>,
    /// `/orders/{id}`, `/shop/{rest+}`.
    pub path: String,
    pub function: Arn,
    pub weight: Share,
    /// Whether a visitor stays on a side, as far as the weight lets them.
    pub sticky: bool,
    /// What sends a request to the function in any case.
    pub header: Option<Condition>,
    pub cookie: Option<Condition>,
    /// Of which requests the other side gets a copy.
    pub shadow: Share,
    /// Whether that is so for methods that change something, too.
    pub shadow_unsafe: bool,
}

/// A share of a route's requests, in hundredths of a percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub now: u32,
    /// What it was defined with: a definition that repeats it leaves alone what has been shifted since.
    pub defined: u32,
}

/// That there is a header or cookie of this name, with this value if one is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    pub name: String,
    pub value: Option<String>,
}

/// What was counted of a route, since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    pub legacy: SideCounted,
    pub function: SideCounted,
    /// Comparisons of copies.
    pub same: u64,
    pub different: u64,
    pub left_out: u64,
}
kv::stored!(Counted, version = 1);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideCounted {
    pub requests: u64,
    /// Answers of 500 and above, and those that did not come.
    pub errors: u64,
    /// Answers by how long they took: up to 1 microsecond, 2, 4, and so on.
    pub latencies: Vec<u64>,
}

#[cfg(test)]
mod tests {
    use kv::Stored;

    use super::*;

    const COUNTED: &[u8] = b"\x01\x85\xa6legacy\x83\xa8requests\x02\xa6errors\x01\xa9latencies\x92\0\x02\xa8function\x83\xa8requests\x03\xa6errors\x01\xa9latencies\x92\0\x03\xa4same\x04\xa9different\x05\xa8left_out\x06";
    const GOLDEN: &[u8] = b"\x01\x89\xa3arn\xd9(arn:aws:cloudlet-migrate:r:0:migration/m\xa4name\xa1m\xa2id\xa3abc\xa6legacy\xb2http://old.example\xa5hosts\x91\xacshop.example\xa6routes\x91\x89\xa6method\xa3GET\xa4path\xa7/a/{id}\xa8function\xbdarn:aws:lambda:r:0:function:f\xa6weight\x82\xa3now\xcc\xfa\xa7definedd\xa6sticky\xc3\xa6header\x82\xa4name\xa5x-new\xa5value\xc0\xa6cookie\x82\xa4name\xa4beta\xa5value\xa2on\xa6shadow\x82\xa3now\xcd'\x10\xa7defined\0\xadshadow_unsafe\xc2\xa4back\xc3\xa7created\x01\xa8modified\x02";

    #[test]
    fn stored_counts_do_not_drift() {
        let side = |requests| SideCounted { requests, errors: 1, latencies: vec![0, requests] };
        let counted = Counted { legacy: side(2), function: side(3), same: 4, different: 5, left_out: 6 };
        let bytes = counted.to_bytes().unwrap();
        assert_eq!(bytes, COUNTED);
        assert_eq!(Counted::from_bytes(&bytes).unwrap(), counted);
    }

    /// What version 1 looks like on disk. These bytes are in users' files: a change here needs a new version and a
    /// migration, not new bytes.
    #[test]
    fn stored_forms_do_not_drift() {
        let route = Route {
            method: Some("GET".into()),
            path: "/a/{id}".into(),
            function: "arn:aws:lambda:r:0:function:f".parse().unwrap(),
            weight: Share { now: 250, defined: 100 },
            sticky: true,
            header: Some(Condition { name: "x-new".into(), value: None }),
            cookie: Some(Condition { name: "beta".into(), value: Some("on".into()) }),
            shadow: Share { now: 10_000, defined: 0 },
            shadow_unsafe: false,
        };
        let migration = Migration {
            arn: "arn:aws:cloudlet-migrate:r:0:migration/m".parse().unwrap(),
            name: "m".into(),
            id: "abc".into(),
            legacy: "http://old.example".into(),
            hosts: vec!["shop.example".into()],
            routes: vec![route],
            back: true,
            created: Timestamp(1),
            modified: Timestamp(2),
        };
        let bytes = migration.to_bytes().unwrap();
        assert_eq!(bytes, GOLDEN);
        assert_eq!(Migration::from_bytes(&bytes).unwrap(), migration);
    }
}
