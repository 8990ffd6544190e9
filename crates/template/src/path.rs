//! Paths into an event, such as `$.detail.items[0].name`.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html>

use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(usize),
    /// Every element.
    All,
}

impl Path {
    /// `None` for what is no path.
    pub fn parse(text: &str) -> Option<Path> {
        let mut rest = text.strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (name, after) = after.split_at(end);
                if name.is_empty() {
                    return None;
                }
                steps.push(Step::Member(name.to_owned()));
                rest = after;
            } else {
                let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
                let quoted = ['\'', '"'].iter().find_map(|quote| inside.strip_prefix(*quote)?.strip_suffix(*quote));
                steps.push(match (inside, quoted) {
                    ("*", _) => Step::All,
                    (_, Some(name)) => Step::Member(name.to_owned()),
                    (number, None) => Step::Element(number.parse().ok()?),
                });
                rest = after;
            }
        }
        Some(Path(steps))
    }

    /// What is there; `None` where nothing is.
    pub fn find(&self, event: &Value) -> Option<Value> {
        find(&self.0, event)
    }
}

fn find(steps: &[Step], value: &Value) -> Option<Value> {
    let Some((step, rest)) = steps.split_first() else { return Some(value.clone()) };
    match step {
        Step::Member(name) => find(rest, value.get(name)?),
        Step::Element(number) => find(rest, value.get(number)?),
        Step::All => Some(value.as_array()?.iter().filter_map(|element| find(rest, element)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_into_events() {
        let event = json!({"detail-type": "t", "detail": {"list": [{"n": 1}, {"n": 2}], "a.b": true}});
        let find = |path: &str| Path::parse(path).unwrap().find(&event);
        assert_eq!(find("$"), Some(event.clone()));
        assert_eq!(find("$.detail-type"), Some(json!("t")));
        assert_eq!(find("$.detail.list[1].n"), Some(json!(2)));
        assert_eq!(find("$.detail.list[*].n"), Some(json!([1, 2])));
        assert_eq!(find("$.detail['a.b']"), Some(json!(true)));
        assert_eq!(find("$.detail.none"), None);
        for text in ["", "detail", "$detail", "$.", "$..a", "$.a[", "$.a[x]", "$.a[-1]"] {
            assert_eq!(Path::parse(text), None, "{text}");
        }
    }
}
