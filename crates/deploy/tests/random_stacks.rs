//! Random stacks: whatever step fails, the cloud is as it was before.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use support::{FakeCloud, deploy, run, template};

/// One queue: what it needs of the queues before it, and what it is itself.
#[derive(Clone, Debug)]
struct Queue {
    needs: Vec<usize>,
    name: Option<u8>,
    delay: Option<u8>,
    fifo: bool,
    tag: Option<u8>,
    there: bool,
}

fn queue() -> impl Strategy<Value = Queue> {
    let needs = prop::collection::vec(0..8_usize, 0..3);
    (
        needs,
        prop::option::of(0..2_u8),
        prop::option::of(0..3_u8),
        any::<bool>(),
        prop::option::of(0..2_u8),
        prop::bool::weighted(0.8),
    )
        .prop_map(|(needs, name, delay, fifo, tag, there)| Queue { needs, name, delay, fifo, tag, there })
}

/// A template of the queues that are there. The order of writing is the opposite of the order of need.
fn stack(queues: &[Queue]) -> deploy::Template {
    let mut resources = json!({});
    for (index, queue) in queues.iter().enumerate().rev().filter(|(_, queue)| queue.there) {
        let needed = queue.needs.iter().filter(|need| **need < index && queues[**need].there).collect::<BTreeSet<_>>();
        let mut tags: Vec<Value> = needed
            .iter()
            .map(|need| json!({"Key": format!("q{need}"), "Value": {"Ref": format!("Q{need}")}}))
            .collect();
        tags.extend(queue.tag.map(|tag| json!({"Key": "own", "Value": tag})));
        let suffix = if queue.fifo { ".fifo" } else { "" };
        let mut properties = json!({"Tags": tags, "FifoQueue": queue.fifo});
        if let Some(name) = queue.name {
            // The kind is part of the name, so that a replacement has another one.
            properties["QueueName"] = json!(format!("queue-{index}-{name}{suffix}"));
        }
        if let Some(delay) = queue.delay {
            properties["DelaySeconds"] = json!(delay);
        }
        resources[format!("Q{index}")] = json!({"Type": "AWS::SQS::Queue", "Properties": properties});
    }
    resources["Always"] = json!({"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "always"}});
    template(resources)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_failure_at_any_call_rolls_back_to_the_state_before(
        before in prop::collection::vec(queue(), 1..8),
        after in prop::collection::vec(queue(), 1..8),
        fail_at in 0..30_usize,
    ) {
        let cloud = FakeCloud::default();
        run(deploy(&cloud, stack(&before))).unwrap();
        let (world, state) = (cloud.world(), cloud.stack("test").unwrap());
        cloud.take_calls();

        cloud.fail_after(fail_at);
        let result = run(deploy(&cloud, stack(&after)));
        cloud.never_fail();
        if result.is_err() {
            prop_assert_eq!(cloud.world(), world);
            let resources = |state: &Value| {
                let resources = state["resources"].as_array().unwrap();
                resources.iter().map(|resource| (resource["logical_id"].to_string(), resource.clone())).collect::<std::collections::BTreeMap<_, _>>()
            };
            let after = cloud.stack("test").unwrap();
            prop_assert_eq!(resources(&after), resources(&state));
            prop_assert_eq!(&after["leftovers"], &state["leftovers"]);
        }

        // Afterwards, or after a failure in the clean-up, the same deployment comes to what a fresh one would be.
        run(deploy(&cloud, stack(&after))).unwrap();
        let fresh = FakeCloud::default();
        run(deploy(&fresh, stack(&after))).unwrap();
        prop_assert_eq!(cloud.world().len(), fresh.world().len());
        let state = cloud.stack("test").unwrap();
        prop_assert!(state["leftovers"].as_array().unwrap().is_empty());

        cloud.take_calls();
        run(deploy(&cloud, stack(&after))).unwrap();
        prop_assert!(cloud.take_calls().is_empty(), "a second deployment of the same changes nothing");

        run(deploy::remove("test", &cloud, &base::Env::real(), &mut |_| {})).unwrap();
        prop_assert!(cloud.world().is_empty());
    }
}
