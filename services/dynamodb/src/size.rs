//! How many bytes an item counts for, by AWS's rules: what limits and capacity units are measured in.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>

use crate::encoding::{ItemRef, ValueRef, decode_number};
use crate::value::Kind;

/// Bytes a list or map counts for, however empty.
const CONTAINER_BYTES: usize = 3;
/// Bytes each element of a list or map counts for beside its own.
const ELEMENT_BYTES: usize = 1;

/// The names and values of all attributes.
pub fn item_size(item: ItemRef<'_>) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

pub fn value_size(value: ValueRef<'_>) -> usize {
    match value.kind() {
        Kind::S | Kind::B => value.bytes().len(),
        Kind::N => value.number().size(),
        Kind::Bool | Kind::Null => 1,
        Kind::Ss | Kind::Bs => value.set().map(<[u8]>::len).sum(),
        Kind::Ns => value.set().map(|bytes| decode_number(bytes).size()).sum(),
        Kind::L => CONTAINER_BYTES + value.list().map(|element| ELEMENT_BYTES + value_size(element)).sum::<usize>(),
        Kind::M => {
            let entries = value.map().iter().map(|(name, value)| ELEMENT_BYTES + name.len() + value_size(value));
            CONTAINER_BYTES + entries.sum::<usize>()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::encode_item;
    use crate::value::{Item, Value};

    fn size(value: Value) -> usize {
        let item: Item = [("ab".to_string(), value)].into();
        item_size(ItemRef::parse(&encode_item(&item)).unwrap()) - 2
    }

    #[test]
    fn sizes_are_as_documented() {
        let number = |text: &str| Value::N(text.parse().unwrap());
        assert_eq!(size(Value::S("héllo".into())), 6);
        assert_eq!(size(Value::B(vec![0; 10])), 10);
        assert_eq!(size(Value::Bool(true)), 1);
        assert_eq!(size(Value::Null), 1);
        assert_eq!(size(number("123")), 3);
        assert_eq!(size(Value::Ss(["a".to_string(), "bc".to_string()].into())), 3);
        assert_eq!(size(Value::L(vec![])), 3);
        assert_eq!(size(Value::L(vec![Value::Null, number("1")])), 3 + 2 + 3);
        assert_eq!(size(Value::M([("k".to_string(), Value::S("v".into()))].into())), 3 + 3);
    }
}
