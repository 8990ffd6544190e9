//! What an input may say of the invocation that it is for.
//!
//! Source: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html>

use base::{Arn, Timestamp};

const SCHEDULE: &str = "<aws.scheduler.schedule-arn>";
const TIME: &str = "<aws.scheduler.scheduled-time>";
const EXECUTION: &str = "<aws.scheduler.execution-id>";
const ATTEMPT: &str = "<aws.scheduler.attempt-number>";

/// One attempt to reach the target.
pub struct Attempt<'a> {
    pub schedule: &'a Arn,
    pub due: Timestamp,
    /// Drawn for this invocation.
    pub seed: u64,
    /// From 1.
    pub number: u32,
}

impl Attempt<'_> {
    /// Another for each attempt: 16 hexadecimal digits.
    pub fn execution_id(&self) -> String {
        // Odd, so that no two of an invocation's attempts meet.
        format!("{:016x}", self.seed.wrapping_add(u64::from(self.number).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    pub fn fill(&self, input: &str) -> String {
        if !input.contains("<aws.scheduler.") {
            return input.to_owned();
        }
        input
            .replace(SCHEDULE, &self.schedule.to_string())
            .replace(TIME, &time(self.due))
            .replace(EXECUTION, &self.execution_id())
            .replace(ATTEMPT, &self.number.to_string())
    }
}

/// Whether an input is another at each attempt.
pub fn tell_attempts(input: &str) -> bool {
    input.contains(EXECUTION) || input.contains(ATTEMPT)
}

/// `2022-03-22T18:59:43Z`
pub fn time(moment: Timestamp) -> String {
    moment.utc().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_filled() {
        let arn = "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s".parse().unwrap();
        let attempt = |number| Attempt { schedule: &arn, due: Timestamp(1_647_975_583_000), seed: 7, number };
        let input = format!("{SCHEDULE} {TIME} {ATTEMPT} <aws.scheduler.other>");
        let filled =
            "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s 2022-03-22T18:59:43Z 2 <aws.scheduler.other>";
        assert_eq!(attempt(2).fill(&input), filled);
        assert_eq!(attempt(1).execution_id().len(), 16);
        assert_ne!(attempt(1).fill(EXECUTION), attempt(2).fill(EXECUTION));
        assert!(tell_attempts(&input) && !tell_attempts(TIME));
    }
}
