//! Random use of a queue with tenants, beside what must hold: each message is handed out until it is deleted, to one
//! receiver at a time, and the counts agree.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::world::{Sqs, URL};

const STEPS: usize = 400;
const TIMEOUT_SECONDS: u64 = 5;

/// A small generator: a seed repeats a run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[tokio::test]
async fn every_message_is_there_until_it_is_deleted() {
    for seed in 1..=8 {
        run(seed).await;
    }
}

async fn run(seed: u64) {
    let mut dice = Dice(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
    let sqs = Sqs::with_queue(json!({"VisibilityTimeout": TIMEOUT_SECONDS.to_string()})).await;
    let (mut now, mut sent) = (0, 0_u64);
    // Where each message is: visible from this second on; and the receipts of those that are out.
    let mut visible: BTreeMap<String, u64> = BTreeMap::new();
    let mut receipts: BTreeMap<String, Value> = BTreeMap::new();
    for step in 0..STEPS {
        let context = format!("seed {seed}, step {step}");
        match dice.roll(10) {
            0..=3 => {
                let body = format!("m{sent}");
                sent += 1;
                let delay = if dice.roll(4) == 0 { dice.roll(4) } else { 0 };
                let mut input = json!({"QueueUrl": URL, "MessageBody": body, "DelaySeconds": delay});
                if dice.roll(3) > 0 {
                    input["MessageGroupId"] = json!(format!("t{}", dice.roll(3)));
                }
                sqs.ok("SendMessage", input).await;
                visible.insert(body, now + delay);
            }
            4..=6 => {
                let limit = u32::try_from(dice.roll(5) + 1).unwrap();
                let received = sqs.receive(URL, limit).await;
                let ready: BTreeSet<_> =
                    visible.iter().filter(|(_, at)| **at <= now).map(|(body, _)| body.clone()).collect();
                assert_eq!(received.len(), ready.len().min(limit as usize), "{context}");
                for message in received {
                    let body = message["Body"].as_str().unwrap().to_owned();
                    assert!(ready.contains(&body), "{context}: {body} is not to be had");
                    visible.insert(body.clone(), now + TIMEOUT_SECONDS);
                    receipts.insert(body, message["ReceiptHandle"].clone());
                }
            }
            7 | 8 => {
                let Some((body, receipt)) = receipts.pop_first() else { continue };
                sqs.ok("DeleteMessage", json!({"QueueUrl": URL, "ReceiptHandle": receipt})).await;
                visible.remove(&body);
            }
            _ => {
                let seconds = dice.roll(4);
                sqs.seconds(seconds).await;
                now += seconds;
            }
        }
        let ready = visible.values().filter(|at| **at <= now).count();
        let shown = sqs.attribute(URL, "ApproximateNumberOfMessages").await;
        assert_eq!(shown, ready.to_string(), "{context}");
    }
}
