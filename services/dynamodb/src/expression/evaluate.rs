//! Evaluates conditions over items as they are stored: nothing is decoded but what the condition names.

use super::condition::{Comparator, Condition, Operand};
use crate::encoding::{ItemRef, ValueRef, encode_value};
use crate::number::Number;
use crate::value::{Kind, Value};

impl Condition {
    pub fn holds(&self, item: ItemRef<'_>) -> bool {
        match self {
            Condition::And(conditions) => conditions.iter().all(|condition| condition.holds(item)),
            Condition::Or(conditions) => conditions.iter().any(|condition| condition.holds(item)),
            Condition::Not(condition) => !condition.holds(item),
            Condition::Exists(path) => path.find(item).is_some(),
            Condition::NotExists(path) => path.find(item).is_none(),
            Condition::Type(operand, kind) => operand.with(item, |value| value.kind() == *kind).unwrap_or(false),
            Condition::Compare(comparator, left, right) => {
                with_both(left, right, item, |left, right| compare(*comparator, left, right))
                    // A missing attribute differs from everything.
                    .unwrap_or(*comparator == Comparator::NotEqual)
            }
            Condition::Between(value, low, high) => {
                let above = with_both(value, low, item, |value, low| compare(Comparator::GreaterOrEqual, value, low));
                let below =
                    || with_both(value, high, item, |value, high| compare(Comparator::LessOrEqual, value, high));
                above == Some(true) && below() == Some(true)
            }
            Condition::In(value, choices) => {
                let is = |choice| with_both(value, choice, item, |value, choice| value == choice);
                choices.iter().any(|choice| is(choice) == Some(true))
            }
            Condition::BeginsWith(value, prefix) => with_both(value, prefix, item, |value, prefix| {
                value.kind() == prefix.kind()
                    && matches!(value.kind(), Kind::S | Kind::B)
                    && value.bytes().starts_with(prefix.bytes())
            })
            .unwrap_or(false),
            Condition::Contains(container, element) => with_both(container, element, item, contains).unwrap_or(false),
        }
    }
}

impl Operand {
    /// Calls `use_value` with the operand's value; `None` when it has none.
    fn with<T>(&self, item: ItemRef<'_>, use_value: impl FnOnce(ValueRef<'_>) -> T) -> Option<T> {
        match self {
            Operand::Path(path) => path.find(item).map(use_value),
            Operand::Literal(literal) => literal.value().map(use_value),
            Operand::Size(operand) => {
                let size = operand.with(item, size)??;
                let encoded = encode_value(&Value::N(Number::from(size as u64)));
                ValueRef::parse(&encoded).map(use_value)
            }
        }
    }
}

fn with_both<T>(
    left: &Operand,
    right: &Operand,
    item: ItemRef<'_>,
    use_values: impl FnOnce(ValueRef<'_>, ValueRef<'_>) -> T,
) -> Option<T> {
    left.with(item, |left| right.with(item, |right| use_values(left, right)))?
}

/// What the function `size` gives; `None` for types that have no size.
fn size(value: ValueRef<'_>) -> Option<usize> {
    match value.kind() {
        Kind::S => Some(units(value.bytes())),
        Kind::B => Some(value.bytes().len()),
        Kind::Ss | Kind::Ns | Kind::Bs => Some(value.set().count()),
        Kind::L => Some(value.list().count()),
        Kind::M => Some(value.map().iter().count()),
        Kind::N | Kind::Bool | Kind::Null => None,
    }
}

/// The length of a text in UTF-8, in units of UTF-16, as AWS counts it: each character is one, but those of four bytes, which are two.
/// Source: what tests found there that others ran on it (docs/decisions/0027).
fn units(text: &[u8]) -> usize {
    text.iter().map(|byte| usize::from(byte & 0xC0 != 0x80) + usize::from(*byte >= 0xF0)).sum()
}

fn compare(comparator: Comparator, left: ValueRef<'_>, right: ValueRef<'_>) -> bool {
    // Encodings are canonical and sort: equal values are equal bytes, and ordered types compare as their bytes do.
    let ordered = left.kind() == right.kind() && left.kind().is_ordered();
    match comparator {
        Comparator::Equal => left == right,
        Comparator::NotEqual => left != right,
        Comparator::Less => ordered && left.bytes() < right.bytes(),
        Comparator::LessOrEqual => ordered && left.bytes() <= right.bytes(),
        Comparator::Greater => ordered && left.bytes() > right.bytes(),
        Comparator::GreaterOrEqual => ordered && left.bytes() >= right.bytes(),
    }
}

fn contains(container: ValueRef<'_>, element: ValueRef<'_>) -> bool {
    match (container.kind(), element.kind()) {
        (Kind::S, Kind::S) | (Kind::B, Kind::B) => is_within(element.bytes(), container.bytes()),
        (Kind::Ss, Kind::S) | (Kind::Ns, Kind::N) | (Kind::Bs, Kind::B) => {
            container.set().any(|member| member == element.bytes())
        }
        (Kind::L, _) => container.list().any(|member| member == element),
        _ => false,
    }
}

fn is_within(needle: &[u8], haystack: &[u8]) -> bool {
    needle.is_empty() || haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::encoding::{arbitrary, encode_item};
    use crate::expression::condition::Literal;
    use crate::expression::scope::values;
    use crate::expression::{Path, Scope, Step};
    use crate::value::Item;

    /// The slow, obvious evaluator: over decoded values, by the words of the documentation.
    mod reference {
        use super::*;

        pub fn holds(condition: &Condition, item: &Item) -> bool {
            match condition {
                Condition::And(all) => !all.iter().any(|one| !holds(one, item)),
                Condition::Or(all) => !all.iter().all(|one| !holds(one, item)),
                Condition::Not(one) => !holds(one, item),
                Condition::Exists(path) => find(path, item).is_some(),
                Condition::NotExists(path) => find(path, item).is_none(),
                Condition::Type(operand, kind) => value(operand, item).is_some_and(|value| value.kind() == *kind),
                Condition::Compare(comparator, left, right) => {
                    compare(*comparator, value(left, item), value(right, item))
                }
                Condition::Between(one, low, high) => {
                    compare(Comparator::GreaterOrEqual, value(one, item), value(low, item))
                        && compare(Comparator::LessOrEqual, value(one, item), value(high, item))
                }
                Condition::In(one, choices) => {
                    let one = value(one, item);
                    one.is_some() && choices.iter().any(|choice| value(choice, item) == one)
                }
                Condition::BeginsWith(one, prefix) => match (value(one, item), value(prefix, item)) {
                    (Some(Value::S(one)), Some(Value::S(prefix))) => one.starts_with(&prefix),
                    (Some(Value::B(one)), Some(Value::B(prefix))) => one.starts_with(&prefix),
                    _ => false,
                },
                Condition::Contains(container, element) => match (value(container, item), value(element, item)) {
                    (Some(Value::S(container)), Some(Value::S(element))) => container.contains(&element),
                    (Some(Value::B(container)), Some(Value::B(element))) => {
                        (0..=container.len()).any(|start| container[start..].starts_with(&element))
                    }
                    (Some(Value::Ss(container)), Some(Value::S(element))) => container.contains(&element),
                    (Some(Value::Ns(container)), Some(Value::N(element))) => container.contains(&element),
                    (Some(Value::Bs(container)), Some(Value::B(element))) => container.contains(&element),
                    (Some(Value::L(container)), Some(element)) => container.contains(&element),
                    _ => false,
                },
            }
        }

        fn find(path: &Path, item: &Item) -> Option<Value> {
            let mut value = item.get(&path.attribute)?.clone();
            for step in &path.steps {
                value = match (step, value) {
                    (Step::Key(key), Value::M(map)) => map.get(key)?.clone(),
                    (Step::Index(index), Value::L(list)) => list.get(*index)?.clone(),
                    _ => return None,
                };
            }
            Some(value)
        }

        fn value(operand: &Operand, item: &Item) -> Option<Value> {
            match operand {
                Operand::Path(path) => find(path, item),
                Operand::Literal(literal) => Some(literal.value().unwrap().to_value()),
                Operand::Size(operand) => {
                    let size = match value(operand, item)? {
                        Value::S(text) => text.encode_utf16().count(),
                        Value::B(bytes) => bytes.len(),
                        Value::L(list) => list.len(),
                        Value::M(map) => map.len(),
                        Value::Ss(set) => set.len(),
                        Value::Ns(set) => set.len(),
                        Value::Bs(set) => set.len(),
                        Value::N(_) | Value::Bool(_) | Value::Null => return None,
                    };
                    Some(Value::N(size.to_string().parse().unwrap()))
                }
            }
        }

        fn compare(comparator: Comparator, left: Option<Value>, right: Option<Value>) -> bool {
            let (Some(left), Some(right)) = (left, right) else { return comparator == Comparator::NotEqual };
            let order = match (&left, &right) {
                (Value::S(left), Value::S(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
                (Value::N(left), Value::N(right)) => Some(left.cmp(right)),
                (Value::B(left), Value::B(right)) => Some(left.cmp(right)),
                _ => None,
            };
            match comparator {
                Comparator::Equal => left == right,
                Comparator::NotEqual => left != right,
                Comparator::Less => order.is_some_and(|order| order.is_lt()),
                Comparator::LessOrEqual => order.is_some_and(|order| order.is_le()),
                Comparator::Greater => order.is_some_and(|order| order.is_gt()),
                Comparator::GreaterOrEqual => order.is_some_and(|order| order.is_ge()),
            }
        }
    }

    fn path() -> impl Strategy<Value = Path> {
        let step = prop_oneof!["[a-c]".prop_map(Step::Key), (0usize..3).prop_map(Step::Index)];
        ("[a-d]", proptest::collection::vec(step, 0..2)).prop_map(|(attribute, steps)| Path { attribute, steps })
    }

    fn operand() -> impl Strategy<Value = Operand> {
        prop_oneof![
            3 => path().prop_map(Operand::Path),
            3 => arbitrary::value().prop_map(|value| Operand::Literal(Literal::new(&value))),
            1 => path().prop_map(|path| Operand::Size(Box::new(Operand::Path(path)))),
        ]
    }

    fn condition() -> impl Strategy<Value = Condition> {
        let comparator = proptest::sample::select(Comparator::ALL.to_vec());
        let leaf = prop_oneof![
            4 => (comparator, operand(), operand()).prop_map(|(comparator, a, b)| Condition::Compare(comparator, a, b)),
            1 => (operand(), operand(), operand()).prop_map(|(a, b, c)| Condition::Between(a, b, c)),
            1 => (operand(), proptest::collection::vec(operand(), 1..4)).prop_map(|(a, b)| Condition::In(a, b)),
            1 => path().prop_map(Condition::Exists),
            1 => path().prop_map(Condition::NotExists),
            1 => (operand(), proptest::sample::select(Kind::ALL.to_vec())).prop_map(|(a, kind)| Condition::Type(a, kind)),
            1 => (operand(), operand()).prop_map(|(a, b)| Condition::BeginsWith(a, b)),
            2 => (operand(), operand()).prop_map(|(a, b)| Condition::Contains(a, b)),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..3).prop_map(Condition::And),
                proptest::collection::vec(inner.clone(), 1..3).prop_map(Condition::Or),
                inner.prop_map(|inner| Condition::Not(Box::new(inner))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn agrees_with_the_reference(condition in condition(), item in arbitrary::item()) {
            let bytes = encode_item(&item);
            prop_assert_eq!(condition.holds(ItemRef::parse(&bytes).unwrap()), reference::holds(&condition, &item));
        }
    }

    fn holds(text: &str, item: &Item) -> bool {
        let number = |text: &str| Value::N(text.parse().unwrap());
        let values = values([(":a", Value::S("a".into())), (":one", number("1.0")), (":three", number("3"))]);
        let mut scope = Scope::new(None, Some(&values)).unwrap();
        Condition::parse(text, &mut scope).unwrap().holds(ItemRef::parse(&encode_item(item)).unwrap())
    }

    #[test]
    fn texts_mean_what_they_say() {
        let item: Item = [
            ("n".to_string(), Value::N("1".parse().unwrap())),
            ("s".to_string(), Value::S("abc".into())),
            ("l".to_string(), Value::L(vec![Value::S("a".into()), Value::M([("k".into(), Value::Null)].into())])),
        ]
        .into();
        for text in [
            "n = :one",
            "n <= :one and not n < :one",
            "n < :three OR absent = :a",
            "absent <> :a",
            "NOT absent = :a",
            "NOT absent > :one",
            "size(s) = :three",
            "begins_with(s, :a)",
            "contains(l, :a)",
            "attribute_exists(l[1].k) AND attribute_not_exists(l[1].j)",
            "n BETWEEN :one AND :three",
            "s IN (:one, :three, l[0]) OR l[0] IN (:a)",
            "n = :three AND n = :three OR n = :one",
        ] {
            assert!(holds(text, &item), "{text}");
        }
        for text in ["absent = :a", "absent < :one", "size(n) = :one", "size(absent) > :one", "s < :three", "l[2] = :a"]
        {
            assert!(!holds(text, &item), "{text}");
        }
    }
}
