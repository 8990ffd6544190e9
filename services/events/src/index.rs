//! A bus's rules, ready to be asked. They are put together once after each change, and then shared.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kv::{Order, Read};
use pattern::{Index, Matching, Pattern};
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::keys::{Named, RULES, TARGETS, VERSIONS};
use crate::name::BusRef;
use crate::types::{Rule, RuleState, Target};

/// A rule that is enabled, with its targets.
#[derive(Debug)]
pub struct Armed {
    pub rule: Rule,
    pub targets: Vec<Target>,
}

/// The rules of a bus that are enabled.
#[derive(Debug)]
pub struct Armory {
    rules: Index<Arc<Armed>>,
    /// What the rules want of an event's source and type, whatever else they want.
    outlines: Index<()>,
}

/// The members that a rule's outline has of its pattern.
const OUTLINED: [&str; 2] = ["source", "detail-type"];

impl Armory {
    fn new(armed: &[(Arc<Armed>, Pattern)]) -> Armory {
        let patterns = armed.iter().filter_map(|(armed, _)| armed.rule.pattern.as_deref());
        // Many rules have the same.
        let outlines: BTreeSet<String> = patterns.map(outline).collect();
        let outlines: Vec<Pattern> = outlines.iter().filter_map(|text| Pattern::parse(text).ok()).collect();
        Armory {
            rules: Index::new(armed.iter().map(|(armed, pattern)| (armed.clone(), pattern))),
            outlines: Index::new(outlines.iter().map(|pattern| ((), pattern))),
        }
    }

    pub fn matching(&self, event: &Map<String, Value>) -> Matching<'_, Arc<Armed>> {
        self.rules.matching(event)
    }

    /// Whether there may be a rule for events of this source and type.
    pub fn awaits(&self, source: &str, detail_type: &str) -> bool {
        let mut event = Map::new();
        event.insert("source".into(), json!(source));
        event.insert("detail-type".into(), json!(detail_type));
        // What every event has: an outline without conditions asks for it.
        event.insert("version".into(), json!("0"));
        let matching = self.outlines.matching(&event);
        !(matching.keys.is_empty() && matching.undecided.is_empty())
    }
}

/// A pattern that matches whatever `pattern` matches, and looks at the source and the type only.
fn outline(pattern: &str) -> String {
    let mut members: Map<String, Value> = serde_json::from_str(pattern).unwrap_or_default();
    members.retain(|name, _| OUTLINED.contains(&name.as_str()));
    if members.is_empty() {
        members.insert("version".into(), json!([{"exists": true}]));
    }
    Value::Object(members).to_string()
}

/// By region and name of the bus, with the version that each is of.
type Known = HashMap<Named, (u64, Arc<Armory>)>;

/// The buses that were asked about.
#[derive(Default)]
pub struct Indexes(Mutex<Known>);

impl Indexes {
    /// The rules of a bus as `read` sees them.
    pub fn of(&self, read: &(impl Read + ?Sized), bus: &BusRef) -> Result<Arc<Armory>, Error> {
        let key = (bus.region().to_owned(), bus.name.clone());
        // A bus that never had a rule, or is not there (any more): nothing to remember, whoever asks about whatever name.
        let Some(version) = VERSIONS.get(read, &key)? else {
            self.forget(bus);
            return Ok(Arc::new(Armory::new(&[])));
        };
        if let Some((known, index)) = self.known().get(&key)
            && *known == version
        {
            return Ok(index.clone());
        }
        let index = Arc::new(build(read, bus)?);
        self.known().insert(key, (version, index.clone()));
        Ok(index)
    }

    /// Forgets a bus that was deleted.
    pub fn forget(&self, bus: &BusRef) {
        self.known().remove(&(bus.region().to_owned(), bus.name.clone()));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn build(read: &(impl Read + ?Sized), bus: &BusRef) -> Result<Armory, Error> {
    let mut armed = Vec::new();
    for rule in RULES.scan_prefix(read, (bus.region(), &*bus.name), Order::Forward)?.values() {
        let rule = rule?;
        // A pattern that was stored was parsed before.
        let Some(Ok(pattern)) = rule.pattern.as_deref().map(Pattern::parse) else { continue };
        if rule.state != RuleState::Disabled {
            let targets = TARGETS
                .scan_prefix(read, (bus.region(), &*bus.name, &*rule.name), Order::Forward)?
                .values()
                .collect::<Result<_, _>>()?;
            armed.push((Arc::new(Armed { rule, targets }), pattern));
        }
    }
    Ok(Armory::new(&armed))
}

#[cfg(test)]
mod tests {
    use kv::Db;

    use super::*;

    #[test]
    fn an_outline_wants_what_its_pattern_wants_and_more() {
        let pattern = r#"{"source":["aws.s3"],"detail-type":[{"prefix":"Object "}],"detail":{"n":[1]}}"#;
        assert_eq!(outline(pattern), r#"{"source":["aws.s3"],"detail-type":[{"prefix":"Object "}]}"#);
        for without in [r#"{"detail":{"n":[1]}}"#, r#"{"$or":[{"source":["a"]},{"source":["b"]}]}"#] {
            let outline = Pattern::parse(&outline(without)).unwrap();
            let armory = Armory { rules: Index::new([]), outlines: Index::new([((), &outline)]) };
            assert!(armory.awaits("aws.s3", "Object Created"), "{without}");
        }
        let outline = Pattern::parse(&outline(pattern)).unwrap();
        let armory = Armory { rules: Index::new([]), outlines: Index::new([((), &outline)]) };
        assert!(armory.awaits("aws.s3", "Object Created"));
        assert!(!armory.awaits("aws.s3", "Bucket Created") && !armory.awaits("aws.states", "Object Created"));
        assert!(!Armory::new(&[]).awaits("aws.s3", "Object Created"));
    }

    #[tokio::test]
    async fn only_buses_with_rules_are_remembered() {
        let (db, indexes) = (Db::open(kv::Memory::default()), Indexes::default());
        let bus = BusRef::of("arn:aws:events:us-east-1:000000000000:event-bus/b".parse().unwrap()).unwrap();
        indexes.of(&db.read().unwrap(), &bus).unwrap();
        assert!(indexes.known().is_empty());
        let on = bus.clone();
        db.write(move |tx| crate::model::bus::changed(tx, &on, 1)).await.unwrap();
        indexes.of(&db.read().unwrap(), &bus).unwrap();
        assert_eq!(indexes.known().len(), 1);
        indexes.forget(&bus);
        assert!(indexes.known().is_empty());
    }
}
