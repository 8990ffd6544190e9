//! Patterns and events side by side, and an index compared with its patterns one by one.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::event::Event;
use crate::solve::Solver;
use crate::{Index, Pattern, TooComplex};

fn matches(pattern: &Value, event: &Value) -> bool {
    Pattern::parse(&pattern.to_string()).unwrap().matches(event.as_object().unwrap()).unwrap()
}

#[test]
fn operators_match_as_documented() {
    let event = json!({
        "n": 5, "s": "Metric.log", "list": ["a", "b"], "nothing": null, "yes": true, "ip": "10.0.0.255",
        "in": [{"x": 1, "y": 2}, {"x": 3, "y": 4}], "big": 123_456_789_012_u64, "empty": [], "o": {"k": "v"},
    });
    let yes = [
        json!({"n": [5.0]}),
        json!({"n": [1, 5]}),
        json!({"n": [{"numeric": [">", 4, "<=", 5]}]}),
        json!({"n": [{"numeric": ["=", 5]}]}),
        json!({"n": [{"anything-but": [1, 2]}]}),
        json!({"n": [{"anything-but": {"prefix": "5"}}]}),
        json!({"s": [{"prefix": "Met"}]}),
        json!({"s": [{"prefix": {"equals-ignore-case": "mET"}}]}),
        json!({"s": [{"suffix": ".log"}]}),
        json!({"s": [{"suffix": {"equals-ignore-case": ".LOG"}}]}),
        json!({"s": [{"equals-ignore-case": "METRIC.LOG"}]}),
        json!({"s": [{"wildcard": "M*t*log"}]}),
        json!({"s": [{"anything-but": ["x", "y"]}]}),
        json!({"s": [{"anything-but": {"wildcard": ["x*", "*y"]}}]}),
        json!({"s": [{"exactly": "Metric.log"}]}),
        json!({"list": ["b"]}),
        json!({"list": [{"anything-but": "a"}]}),
        json!({"nothing": [null]}),
        json!({"nothing": [{"anything-but": "x"}]}),
        json!({"nothing": [{"exists": true}]}),
        json!({"yes": [true]}),
        json!({"ip": [{"cidr": "10.0.0.0/24"}]}),
        json!({"other": [{"exists": false}], "s": [{"exists": true}]}),
        json!({"other": ["x", {"exists": false}]}),
        json!({"empty": [{"exists": false}]}),
        json!({"o": [{"exists": false}]}),
        json!({"o.k": ["v"]}),
        json!({"in": {"x": [3], "y": [4]}}),
        json!({"big": [123_456_789_012_u64]}),
        json!({"$or": [{"n": [7]}, {"s": [{"prefix": "M"}]}]}),
        json!({"n": [5], "$or": [{"n": [7]}, {"s": ["x"]}, {"o": {"k": ["v"]}}], "yes": [true]}),
    ];
    for pattern in yes {
        assert!(matches(&pattern, &event), "{pattern}");
    }
    let no = [
        json!({"n": ["5"]}),
        json!({"n": [{"numeric": [">", 5]}]}),
        json!({"s": ["Metric"]}),
        json!({"s": [{"wildcard": "M*x"}]}),
        json!({"s": [{"anything-but": "Metric.log"}]}),
        json!({"s": [{"anything-but": {"equals-ignore-case": ["METRIC.LOG"]}}]}),
        json!({"other": ["x"]}),
        json!({"other": [{"anything-but": "x"}]}),
        json!({"other": {"inner": ["x"]}}),
        json!({"nothing": ["null"]}),
        json!({"list": [{"exists": false}]}),
        json!({"in": {"x": [1], "y": [4]}}),
        json!({"in": {"x": [{"exists": false}]}}),
        json!({"ip": [{"cidr": "10.0.1.0/24"}]}),
        json!({"big": [123_456_789_013_u64]}),
        json!({"n": [5], "s": ["x"]}),
    ];
    for pattern in no {
        assert!(!matches(&pattern, &event), "{pattern}");
    }
}

#[test]
fn addresses_are_compared_as_addresses() {
    let pattern = json!({"a": ["2001:db8::1"]});
    assert!(matches(&pattern, &json!({"a": "2001:0DB8:0:0:0:0:0:1"})));
    assert!(!matches(&pattern, &json!({"a": "2001:db8::2"})));
    assert!(matches(&json!({"a": [{"cidr": "2001:db8::/32"}]}), &json!({"a": "2001:db8:1::"})));
    assert!(matches(&json!({"a": ["12:30"]}), &json!({"a": "12:30"})));
}

#[test]
fn dots_in_names_part_them() {
    let nested = json!({"detail": {"state": {"status": "running"}}});
    let joined = json!({"detail": {"state.status": "running"}});
    for event in [&nested, &joined] {
        assert!(matches(&json!({"detail": {"state.status": ["running"]}}), event));
        assert!(matches(&json!({"detail": {"state": {"status": ["running"]}}}), event));
    }
}

#[test]
fn one_element_of_a_list_must_fulfil_all() {
    let rule = json!({"u": {"name": ["a"], "t": {"k": ["color"], "v": ["blue"]}}});
    let event = |inner: Value| json!({"u": [{"name": "b"}, {"name": "a", "t": inner}]});
    assert!(matches(&rule, &event(json!([{"k": "size", "v": "blue"}, {"k": "color", "v": "blue"}]))));
    assert!(!matches(&rule, &event(json!([{"k": "size", "v": "blue"}, {"k": "color", "v": "red"}]))));
    assert!(!matches(&rule, &json!({"u": [{"name": "a"}, {"t": {"k": "color", "v": "blue"}}]})));
    // What must be absent is looked for in the element that conditions before it chose.
    let absent = json!({"u": {"name": ["a"], "z": [{"exists": false}]}});
    assert!(matches(&absent, &json!({"u": [{"name": "a"}, {"name": "b", "z": 1}]})));
    assert!(!matches(&absent, &json!({"u": [{"name": "a", "z": 1}, {"name": "b"}]})));
    assert!(matches(&json!({"a": [1], "a.b": [2]}), &json!({"a": [[1], 1, {"b": 2}]})));
}

#[test]
fn many_lists_cost_no_product_of_their_lengths() {
    let list = |name: &str| (0..3_000).map(|n| json!({"x": n, name: n})).collect::<Vec<_>>();
    let event = json!({"a": list("p"), "b": list("q"), "c": [{"x": 1, "y": 2}, {"x": 2, "y": 1}]});
    let any = json!([{"exists": true}]);
    let rule = json!({"a": {"x": any, "p": any}, "b": {"x": any, "q": any}, "c": {"x": [1], "y": [1]}});
    assert!(!matches(&rule, &event));
}

#[test]
fn the_last_of_repeated_names_counts() {
    let pattern = Pattern::parse(r#"{"d": {"x": [1], "y": [2]}, "d": {"x": [3]}}"#).unwrap();
    assert!(pattern.matches(json!({"d": {"x": 3, "y": 2}}).as_object().unwrap()).unwrap());
    assert!(!pattern.matches(json!({"d": {"x": 1, "y": 2}}).as_object().unwrap()).unwrap());
    assert!(!pattern.matches(json!({"d": {"x": 3}}).as_object().unwrap()).unwrap());
}

#[test]
fn what_is_no_pattern_is_refused_in_the_words_of_aws() {
    let cases = [
        (json!([1]), "Filter is not an object"),
        (json!({}), "Empty objects are not allowed"),
        (json!({"a": {}}), "Empty objects are not allowed"),
        (json!({"a": []}), "Empty arrays are not allowed"),
        (json!({"a": 1}), "\"a\" must be an object or an array"),
        (json!({"a": [[1]]}), "Match value must be String, number, true, false, or null"),
        (json!({"a": [{"like": "x"}]}), "Unrecognized match type like"),
        (json!({"a": [{"prefix": 1}]}), "prefix match pattern must be a string"),
        (json!({"a": [{"prefix": {"suffix": "x"}}]}), "Unsupported prefix pattern: suffix"),
        (json!({"a": [{"prefix": "x", "suffix": "y"}]}), "Only one key allowed in match expression"),
        (json!({"a": [{"cidr": ["x"]}]}), "prefix match pattern must be a string"),
        (json!({"a": [{"cidr": "x"}]}), "Malformed CIDR, one '/' required"),
        (json!({"a": [{"cidr": "bad-/64filter"}]}), "Malformed CIDR, mask bits must be an integer"),
        (json!({"a": [{"cidr": "xx.11.xx/8"}]}), "Nonstandard IP address: xx.11.xx"),
        (json!({"a": [{"cidr": "10.0.0.0/32"}]}), "IPv4 mask bits must be < 32"),
        (json!({"a": [{"exists": "x"}]}), "exists match pattern must be either true or false."),
        (json!({"a": [{"numeric": 1}]}), "Value of numeric must be an array."),
        (json!({"a": [{"numeric": []}]}), "Invalid member in numeric match: ]"),
        (json!({"a": [{"numeric": [">", 0, ">", 0]}]}), "Bad numeric range operator: >"),
        (json!({"a": [{"numeric": [">", 0, "<"]}]}), "Value of < must be numeric"),
        (json!({"a": [{"numeric": ["=", "1"]}]}), "Value of equals must be numeric"),
        (json!({"a": [{"numeric": ["<", 1, ">", 0]}]}), "Too many elements in numeric expression"),
        (json!({"a": [{"numeric": [">", 1, "<", 1]}]}), "Bottom must be less than top"),
        (json!({"a": [{"numeric": [">", 1, "<", 3, false]}]}), "Too many terms in numeric range expression"),
        (json!({"a": [{"numeric": ["<>", 1]}]}), "Unrecognized numeric range operator: <>"),
        (
            json!({"a": [{"anything-but": null}]}),
            "Value of anything-but must be an array or single string/number value.",
        ),
        (
            json!({"a": [{"anything-but": ["x", null]}]}),
            "Inside anything but list, start|null|boolean is not supported.",
        ),
        (json!({"a": [{"anything-but": {"prefix": ""}}]}), "Null prefix/suffix not allowed"),
        (json!({"a": [{"anything-but": {"prefix": [1]}}]}), "prefix/suffix match pattern must be a string"),
        (json!({"a": [{"anything-but": {"like": 1}}]}), "Unsupported anything-but pattern: like"),
        (json!({"$or": {}}), "It must be an Array followed with $or."),
        (json!({"$or": [{"a": [1]}]}), "There must have at least 2 Objects in $or relationship."),
        (
            json!({"$or": [{"prefix": [1]}, {"a": [1]}]}),
            "prefix is Ruler reserved fieldName which cannot be used inside $or.",
        ),
    ];
    for (pattern, reason) in cases {
        assert_eq!(Pattern::parse(&pattern.to_string()).unwrap_err().0, reason, "{pattern}");
    }
    let ways = json!([{"a": [1]}, {"b": [1]}, {"c": [1]}, {"d": [1]}]);
    let many: Value = (0..6).map(|n| (format!("o{n}"), json!({"$or": ways}))).collect::<serde_json::Map<_, _>>().into();
    assert!(Pattern::parse(&many.to_string()).unwrap_err().0.starts_with("Rule is too complex"));
    assert!(Pattern::parse(&"{\"a\":".repeat(1_000)).is_err());
    assert!(Pattern::parse("this is no JSON").is_err());
}

#[test]
fn ways_through_or_share_what_they_have_in_common() {
    let or = |names: &str| {
        let alternatives: Vec<_> = (0..10).map(|n| json!({format!("{names}{n}"): [1]})).collect();
        format!(r#""$or":{}"#, json!(alternatives))
    };
    // A name may repeat, and each `$or` multiplies the ways.
    let ways = [or("a"), or("b"), or("c")].join(",");
    let fields = |count: usize| (0..count).map(|n| format!(r#""f{n}":[1]"#)).collect::<Vec<_>>().join(",");
    let long = "x".repeat(1_700);
    let hostile = format!(r#"{{{ways},"{long}":{{{}}}}}"#, fields(190));
    assert_eq!(
        Pattern::parse(&hostile).unwrap_err().0,
        "Rule is too complex - there must be at most 20000 conditions in all ways through $or"
    );
    let pattern = Pattern::parse(&format!(r#"{{{ways},"{long}":{{{}}}}}"#, fields(17))).unwrap();
    assert_eq!((pattern.branches().len(), pattern.conditions().len()), (1_000, 30 + 17));
    assert_eq!(pattern.paths().len(), 1 + 30 + 1 + 17);
    // The same where the ways begin with what they have in common, or lie within each other.
    assert!(Pattern::parse(&format!(r#"{{"{long}":{{{}}},{ways}}}"#, fields(190))).is_err());
    let nested =
        (0..40).fold(format!("{{{}}}", fields(3)), |inner, n| format!(r#"{{"$or":[{{"n{n}":[1]}},{inner}]}}"#));
    assert_eq!(Pattern::parse(&nested).unwrap().branches().len(), 41);
}

fn work(pattern: &Value, event: &Value) -> (Result<bool, TooComplex>, usize) {
    let pattern = Pattern::parse(&pattern.to_string()).unwrap();
    let event = Event::new(pattern.paths(), event.as_object().unwrap());
    let mut solver = Solver::new(pattern.conditions(), &event);
    let holds = solver.holds(&pattern.branches()[0]);
    (holds, solver.work())
}

#[test]
fn the_work_grows_with_the_event() {
    // Deep and wide, and no element has all.
    let element =
        |n: usize| json!({"k": n % 7, "in": (0..3).map(|m| json!({"a": m, "b": m + n % 2})).collect::<Vec<_>>()});
    let event = |count: usize| json!({"x": (0..count).map(element).collect::<Vec<_>>()});
    let pattern = json!({"x": {"k": [3], "in": {"a": [1], "b": [0]}, "other": [{"exists": false}]}});
    let (some, more) = (work(&pattern, &event(500)), work(&pattern, &event(5_000)));
    assert_eq!((some.0, more.0), (Ok(false), Ok(false)));
    assert!(more.1 < 11 * some.1 && more.1 < 20 * 5_000, "{} {}", some.1, more.1);
}

/// Names with dots that lead to one path through as many lists as there are ways to write it, each of which has what only
/// one of the conditions wants.
fn ambiguous() -> (Value, Value) {
    let names = ["a.b.c.d.e", "a.b.c.d", "a.b.c", "a.b", "a"];
    let mut event = json!({});
    for name in names {
        let rest = "a.b.c.d.e".strip_prefix(name).unwrap().trim_start_matches('.');
        let elements: Vec<_> = (0..12).map(|n| json!({format!("p{n}"): 1})).collect();
        event[name] = if rest.is_empty() { json!(elements) } else { json!({rest: elements}) };
    }
    let wanted: serde_json::Map<_, _> = (0..12).map(|n| (format!("p{n}"), json!([1]))).collect();
    (json!({"a.b.c.d.e": wanted}), event)
}

#[test]
fn what_takes_too_much_work_is_told() {
    let (pattern, event) = ambiguous();
    let hostile = Pattern::parse(&pattern.to_string()).unwrap();
    let plain = Pattern::parse(r#"{"a.b.c.d.e": {"p3": [1]}}"#).unwrap();
    let index = Index::new([("hostile", &hostile), ("plain", &plain)]);
    let matching = index.matching(event.as_object().unwrap());
    // Of that pattern alone.
    assert_eq!((matching.keys, matching.undecided), (vec![&"plain"], vec![&"hostile"]));
}

/// Small values, so that patterns and events meet.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3).prop_map(Value::from),
        "[ab]{0,2}".prop_map(Value::from),
        Just(json!("10.0.0.1")),
    ]
}

fn operator() -> impl Strategy<Value = Value> {
    let text = "[ab]{1,2}";
    prop_oneof![
        scalar(),
        scalar(),
        text.prop_map(|text| json!({"prefix": text})),
        text.prop_map(|text| json!({"suffix": text})),
        text.prop_map(|text| json!({"equals-ignore-case": text.to_uppercase()})),
        text.prop_map(|text| json!({"wildcard": format!("{text}*")})),
        text.prop_map(|text| json!({"anything-but": text})),
        (0..3).prop_map(|number| json!({"numeric": [">=", number]})),
        (0..3).prop_map(|number| json!({"numeric": ["=", number]})),
        Just(json!({"cidr": "10.0.0.0/8"})),
        any::<bool>().prop_map(|exists| json!({"exists": exists})),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[xyz]", Just("x.y".to_owned())]
}

fn pattern() -> impl Strategy<Value = Value> {
    let leaf = proptest::collection::vec(operator(), 1..3).prop_map(Value::from);
    let member = leaf.prop_recursive(2, 6, 3, |inner| object(inner, 1..3));
    (object(member.clone(), 1..4), proptest::option::of((object(member.clone(), 1..3), object(member, 1..3)))).prop_map(
        |(mut pattern, or)| {
            if let Some((one, other)) = or {
                pattern["$or"] = json!([one, other]);
            }
            pattern
        },
    )
}

fn object(member: impl Strategy<Value = Value>, size: std::ops::Range<usize>) -> impl Strategy<Value = Value> {
    proptest::collection::btree_map(name(), member, size)
        .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into())
}

fn event() -> impl Strategy<Value = Value> {
    let member = scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from), object(inner, 0..3)]
    });
    object(member, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_index_finds_what_its_patterns_match(
        patterns in proptest::collection::vec(pattern(), 1..20),
        events in proptest::collection::vec(event(), 1..10),
    ) {
        let patterns: Vec<Pattern> = patterns.iter().map(|pattern| Pattern::parse(&pattern.to_string()).unwrap()).collect();
        let index = Index::new(patterns.iter().enumerate());
        for event in &events {
            let event = event.as_object().unwrap();
            let one_by_one: Vec<usize> = (0..patterns.len()).filter(|at| patterns[*at].matches(event).unwrap()).collect();
            prop_assert_eq!(index.matching(event).keys.into_iter().copied().collect::<Vec<_>>(), one_by_one);
        }
    }

    #[test]
    fn conditions_hold_by_their_definition(pattern in pattern(), event in event()) {
        let parsed = Pattern::parse(&pattern.to_string()).unwrap();
        prop_assert_eq!(parsed.matches(event.as_object().unwrap()).unwrap(), by_definition(&pattern, &event));
    }
}

/// Every way to choose one element of each list, and the conditions one by one: what the solver must come to.
fn by_definition(pattern: &Value, event: &Value) -> bool {
    let parsed = Pattern::parse(&pattern.to_string()).unwrap();
    let mut fields = Vec::new();
    flatten(String::new(), event, &Vec::new(), &mut 0, &mut fields);
    let names = parsed.paths().names();
    parsed.branches().iter().any(|branch| {
        let conditions = branch.iter().map(|at| &parsed.conditions()[*at]);
        choose(&conditions.map(|one| (&*names[one.path], one)).collect::<Vec<_>>(), &fields, &Vec::new())
    })
}

type Membership = Vec<(usize, usize)>;

fn flatten(
    path: String,
    value: &Value,
    chain: &Membership,
    lists: &mut usize,
    fields: &mut Vec<(String, Value, Membership)>,
) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(path, value, chain, lists, fields);
            }
        }
        Value::Array(elements) => {
            let list = *lists;
            *lists += 1;
            for (place, element) in elements.iter().enumerate() {
                let inner: Membership = chain.iter().copied().chain([(list, place)]).collect();
                let chain = if element.is_object() || element.is_array() { &inner } else { chain };
                flatten(path.clone(), element, chain, lists, fields);
            }
        }
        scalar => fields.push((path, scalar.clone(), chain.clone())),
    }
}

/// Conditions in order, each with every value that is not in another element than one before it.
fn choose(
    conditions: &[(&str, &crate::compile::Condition)],
    fields: &[(String, Value, Membership)],
    chosen: &Membership,
) -> bool {
    let Some(((name, condition), rest)) = conditions.split_first() else { return true };
    let consistent = |chain: &Membership| {
        chain.iter().all(|(list, place)| chosen.iter().all(|(other, chosen)| list != other || place == chosen))
    };
    let own: Vec<_> = fields.iter().filter(|(path, _, chain)| path == name && consistent(chain)).collect();
    let absent = condition.absent() && own.is_empty();
    absent && choose(rest, fields, chosen)
        || own.iter().filter(|(_, value, _)| condition.any_of.iter().any(|one| one.matches(value))).any(
            |(_, _, chain)| {
                let all: Membership = chosen.iter().chain(chain).copied().collect();
                choose(rest, fields, &all)
            },
        )
}
