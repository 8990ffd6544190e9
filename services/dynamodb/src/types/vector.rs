//! What is stored of vector indexes: what they are made of, and the rows that they hold.

use bytes::Bytes;
use kv::Stored;
use serde::{Deserialize, Serialize};

use super::Projected;
use crate::encoding::StoredItem;
use crate::key::KeyAttribute;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VectorIndex {
    /// Under which its rows are kept.
    pub id: u64,
    pub name: String,
    /// The attribute that holds the vectors.
    pub attribute: String,
    pub dimensions: u32,
    pub distance: Distance,
    /// `SearchSchema` of the API.
    pub schema: Vec<SearchAttribute>,
    pub projection: Projected,
    /// Whether the items that were there before it are still being added.
    pub backfilling: bool,
}

/// An attribute that searches may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchAttribute {
    pub attribute: KeyAttribute,
    pub role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Which part of the index an item is in: each search is of one.
    Hash,
    InlineFilter,
}

impl Role {
    pub const ALL: [Role; 2] = [Role::Hash, Role::InlineFilter];

    /// `SearchSchemaElementType` of the API.
    pub fn name(self) -> &'static str {
        match self {
            Role::Hash => "HASH",
            Role::InlineFilter => "INLINE_FILTER",
        }
    }
}

/// How far two vectors are from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Distance {
    Cosine,
    DotProduct,
    Euclidean,
}

impl Distance {
    pub const ALL: [Distance; 3] = [Distance::Cosine, Distance::DotProduct, Distance::Euclidean];

    /// `DistanceFunction` of the API.
    pub fn name(self) -> &'static str {
        match self {
            Distance::Cosine => "COSINE",
            Distance::DotProduct => "DOT_PRODUCT",
            Distance::Euclidean => "EUCLIDEAN",
        }
    }
}

impl VectorIndex {
    /// The attribute that says which part of the index an item is in.
    pub fn hash(&self) -> Option<&KeyAttribute> {
        self.schema.iter().find(|one| one.role == Role::Hash).map(|one| &one.attribute)
    }

    /// An attribute that searches may ask for.
    pub fn searched(&self, name: &str) -> Option<&SearchAttribute> {
        self.schema.iter().find(|one| one.attribute.name == name)
    }

    /// Whether it has the vectors themselves for answers.
    pub fn projects_vectors(&self) -> bool {
        match &self.projection {
            Projected::All => true,
            Projected::KeysOnly => false,
            Projected::Include(names) => names.contains(&self.attribute),
        }
    }
}

/// The row of an item in a vector index: its vector, and what the index has of the item beside.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorRow(Bytes);

/// The first byte of every stored row.
const VERSION: u8 = 1;
/// Bytes before the components.
const HEAD_BYTES: usize = 1 + 4 + 8;
/// Bytes of a component.
const COMPONENT_BYTES: usize = 4;

/// ```text
/// row = version:u8 dimensions:u32 square:f64 component:f32* item      numbers are little-endian
/// ```
impl VectorRow {
    pub fn new(vector: &[f32], item: &StoredItem) -> VectorRow {
        let square: f64 = vector.iter().map(|component| f64::from(*component).powi(2)).sum();
        let mut bytes = Vec::with_capacity(HEAD_BYTES + vector.len() * COMPONENT_BYTES + item.bytes().len());
        bytes.push(VERSION);
        // There are 4,096 dimensions at most: their number fits.
        bytes.extend((vector.len() as u32).to_le_bytes());
        bytes.extend(square.to_le_bytes());
        vector.iter().for_each(|component| bytes.extend(component.to_le_bytes()));
        bytes.extend_from_slice(item.bytes());
        VectorRow(bytes.into())
    }

    /// Where the components end.
    fn end(&self) -> usize {
        let count = self.0.get(1..5).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
        HEAD_BYTES + count as usize * COMPONENT_BYTES
    }

    /// The sum of the squares of the components.
    pub fn square(&self) -> f64 {
        self.0.get(5..HEAD_BYTES).and_then(|bytes| bytes.try_into().ok()).map_or(0.0, f64::from_le_bytes)
    }

    /// The components, each in its four bytes.
    pub fn components(&self) -> &[[u8; COMPONENT_BYTES]] {
        self.0.get(HEAD_BYTES..self.end()).unwrap_or_default().as_chunks().0
    }

    /// What the index has of the item beside its vector.
    ///
    /// # Errors
    /// When it was written by a later version.
    pub fn item(&self) -> Result<StoredItem, kv::Error> {
        StoredItem::from_bytes(&self.0.slice(self.end().min(self.0.len())..))
    }
}

impl Stored for VectorRow {
    fn to_bytes(&self) -> Result<Bytes, kv::Error> {
        Ok(self.0.clone())
    }

    fn from_bytes(bytes: &Bytes) -> Result<VectorRow, kv::Error> {
        if bytes.first() != Some(&VERSION) {
            return Err(kv::unknown_version("a vector", bytes.first().copied()));
        }
        let row = VectorRow(bytes.clone());
        match row.end() <= bytes.len() && bytes.len() >= HEAD_BYTES {
            true => Ok(row),
            false => Err(kv::Error::corrupt("a vector", "it is cut short")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Item, Kind, Value};

    /// Stored bytes of earlier releases must stay readable: these never change.
    #[test]
    fn golden_bytes() {
        let item: Item = [("k".to_string(), Value::Null)].into();
        let item = StoredItem::new(&item);
        let row = VectorRow::new(&[1.0, -2.0], &item);
        let bytes = row.to_bytes().unwrap();
        let golden = b"\x01\x02\0\0\0\0\0\0\0\0\0\x14@\0\0\x80?\0\0\0\xc0\x01\x01k\x0b";
        assert_eq!(bytes, golden.as_slice());
        assert_eq!(VectorRow::from_bytes(&bytes), Ok(row.clone()));
        assert_eq!((row.square(), row.item()), (5.0, Ok(item)));
        let components: Vec<f32> = row.components().iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        assert_eq!(components, [1.0, -2.0]);
        for end in 0..HEAD_BYTES + 2 * COMPONENT_BYTES {
            assert!(VectorRow::from_bytes(&bytes.slice(..end)).is_err(), "{end}");
        }
    }

    #[test]
    fn golden_bytes_of_indexes() {
        let index = VectorIndex {
            id: 3,
            name: "near".into(),
            attribute: "v".into(),
            dimensions: 2,
            distance: Distance::DotProduct,
            schema: vec![SearchAttribute {
                attribute: KeyAttribute { name: "t".into(), kind: Kind::S },
                role: Role::InlineFilter,
            }],
            projection: Projected::KeysOnly,
            backfilling: true,
        };
        let bytes = kv::encode_stored("VectorIndex", 1, &index).unwrap();
        let golden =
            b"\x01\x88\xa2id\x03\xa4name\xa4near\xa9attribute\xa1v\xaadimensions\x02\xa8distance\xaaDotProduct\
            \xa6schema\x91\x82\xa9attribute\x82\xa4name\xa1t\xa4kind\xa1S\xa4role\xacInlineFilter\
            \xaaprojection\xa8KeysOnly\xabbackfilling\xc3";
        assert_eq!(bytes, golden.as_slice());
        assert_eq!(kv::decode_stored::<VectorIndex>("VectorIndex", &bytes), Ok(index));
    }
}
