//! The parts of requests and answers that say what vector indexes are made of.

use serde::{Deserialize, Serialize};

use super::schema::{self, Projection};
use crate::error::Error;
use crate::key::KeyAttribute;
use crate::limits::{
    DIMENSIONS_MAX, INLINE_FILTERS_MAX, KEY_ATTRIBUTE_NAME_CHARS_MAX, NAME_CHARS_MIN, VECTOR_ATTRIBUTES_MAX,
    VECTOR_INDEXES_MAX,
};
use crate::model::table::{self, NEW_INDEX};
use crate::types::{Distance, Projected, Role, SearchAttribute, Table, VectorIndex};
use crate::validation::Constraints;
use crate::value::Kind;

/// A vector index, as it is asked for, and as backups tell of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VectorIndexInput {
    pub index_name: Option<String>,
    pub vector_attribute: Option<VectorAttribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_schema: Option<Vec<SearchSchemaElement>>,
    pub projection: Option<Projection>,
    pub dimensions: Option<i64>,
    pub distance_function: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VectorAttribute {
    pub attribute_name: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SearchSchemaElement {
    pub attribute_name: Option<String>,
    pub search_schema_element_type: Option<String>,
}

/// A vector index, as its table tells of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VectorIndexDescription {
    #[serde(flatten)]
    index: VectorIndexInput,
    index_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    backfilling: Option<bool>,
    index_size_bytes: u64,
    item_count: u64,
    index_arn: String,
}

/// Constraints on a new vector index.
pub fn check(constraints: &mut Constraints, index: &VectorIndexInput, at: &str) {
    constraints.present(&index.index_name, &format!("{at}.indexName"));
    if let Some(name) = &index.index_name {
        constraints.name(name, &format!("{at}.indexName"), NAME_CHARS_MIN);
    }
    constraints.present(&index.vector_attribute, &format!("{at}.vectorAttribute"));
    if let Some(VectorAttribute { attribute_name }) = &index.vector_attribute {
        let at = format!("{at}.vectorAttribute.attributeName");
        constraints.present(attribute_name, &at);
        if let Some(name) = attribute_name {
            constraints.length(name, name.chars().count(), &at, 1, KEY_ATTRIBUTE_NAME_CHARS_MAX);
        }
    }
    constraints.present(&index.projection, &format!("{at}.projection"));
    if let Some(projection) = &index.projection {
        schema::check_projection(constraints, projection, at);
    }
    constraints.present(&index.dimensions, &format!("{at}.dimensions"));
    constraints.at_least(index.dimensions, &format!("{at}.dimensions"), 1);
    constraints.present(&index.distance_function, &format!("{at}.distanceFunction"));
    let functions = Distance::ALL.map(Distance::name);
    constraints.choice(index.distance_function.as_deref(), &format!("{at}.distanceFunction"), &functions);
    let Some(schema) = &index.search_schema else { return };
    constraints.length("[]", schema.len(), &format!("{at}.searchSchema"), 1, usize::MAX);
    for (number, element) in schema.iter().enumerate() {
        let at = format!("{at}.searchSchema.{}.member", number + 1);
        constraints.present(&element.attribute_name, &format!("{at}.attributeName"));
        let at = format!("{at}.searchSchemaElementType");
        constraints.present(&element.search_schema_element_type, &at);
        constraints.choice(element.search_schema_element_type.as_deref(), &at, &Role::ALL.map(Role::name));
    }
}

/// A new vector index, with its number still to be given.
///
/// # Errors
/// When it has too many dimensions, or its search schema or projection is none.
pub fn index(input: &VectorIndexInput, definitions: &[(String, Kind)]) -> Result<VectorIndex, Error> {
    let dimensions = input.dimensions.and_then(|dimensions| u32::try_from(dimensions).ok());
    let dimensions = dimensions.filter(|dimensions| (1..=DIMENSIONS_MAX).contains(dimensions)).ok_or_else(|| {
        Error::invalid(format_args!("Number of dimensions must be between 1 and {DIMENSIONS_MAX} inclusive."))
    })?;
    let function = input.distance_function.as_deref();
    let distance = Distance::ALL.into_iter().find(|distance| Some(distance.name()) == function);
    let distance = distance.ok_or_else(|| Error::invalid("Unknown DistanceFunction: null"))?;
    let elements = input.search_schema.iter().flatten();
    let index = VectorIndex {
        id: NEW_INDEX,
        name: input.index_name.clone().unwrap_or_default(),
        attribute: input.vector_attribute.as_ref().and_then(|one| one.attribute_name.clone()).unwrap_or_default(),
        dimensions,
        distance,
        schema: elements.map(|element| searched(element, definitions)).collect::<Result<_, _>>()?,
        projection: schema::projected(input.projection.as_ref())?,
        backfilling: false,
    };
    check_attributes(&index)?;
    Ok(index)
}

fn searched(element: &SearchSchemaElement, definitions: &[(String, Kind)]) -> Result<SearchAttribute, Error> {
    let name = element.attribute_name.clone().unwrap_or_default();
    let kind = definitions.iter().find(|(defined, _)| *defined == name).map(|(_, kind)| *kind);
    let kind =
        kind.ok_or_else(|| Error::invalid("One element in SearchSchema is not defined in attribute definitions"))?;
    let asked = element.search_schema_element_type.as_deref();
    let role = Role::ALL.into_iter().find(|role| Some(role.name()) == asked);
    let role = role.ok_or_else(|| Error::invalid("Unknown SearchSchemaElementType: null"))?;
    Ok(SearchAttribute { attribute: KeyAttribute { name, kind }, role })
}

/// # Errors
/// When its attributes are too many, or one is there twice.
fn check_attributes(index: &VectorIndex) -> Result<(), Error> {
    let names: Vec<&str> = index.schema.iter().map(|one| one.attribute.name.as_str()).collect();
    if let Some((_, name)) = names.iter().enumerate().find(|(at, name)| names.iter().take(*at).any(|one| one == *name))
    {
        return Err(Error::invalid(format_args!("Duplicate attribute in SearchSchema: {name}")));
    }
    if names.contains(&index.attribute.as_str()) {
        return Err(Error::invalid(format_args!(
            "The vector attribute cannot be an element of SearchSchema: {}",
            index.attribute
        )));
    }
    let count = |role: Role| index.schema.iter().filter(|one| one.role == role).count();
    for (role, most) in [(Role::Hash, 1), (Role::InlineFilter, INLINE_FILTERS_MAX)] {
        if count(role) > most {
            return Err(Error::invalid(format_args!(
                "SearchSchema has {} elements of type {}, and an index may have {most}",
                count(role),
                role.name()
            )));
        }
    }
    let named = match &index.projection {
        Projected::Include(names) => names.len(),
        Projected::All | Projected::KeysOnly => 0,
    };
    // The vector is one of them.
    if named > 0 && named + count(Role::InlineFilter) + 1 > VECTOR_ATTRIBUTES_MAX {
        return Err(Error::invalid(format_args!(
            "Number of projected attributes of index {}, the vector and INLINE_FILTER attributes included, exceeds the limit of {VECTOR_ATTRIBUTES_MAX}",
            index.name
        )));
    }
    Ok(())
}

/// # Errors
/// When a table cannot have its vector indexes beside each other.
pub fn check_table(table: &Table) -> Result<(), Error> {
    let indexes = &table.vector_indexes;
    if !indexes.is_empty() && !table.billing.on_demand {
        return Err(Error::invalid("Vector indexes are only supported for PAY_PER_REQUEST tables"));
    }
    if indexes.len() > VECTOR_INDEXES_MAX {
        return Err(Error::invalid(format_args!(
            "VectorIndex count exceeds the per-table limit of {VECTOR_INDEXES_MAX}"
        )));
    }
    for (at, index) in indexes.iter().enumerate() {
        let attribute = &index.attribute;
        let conflict = |reason: &str| {
            Err(Error::invalid(format_args!("Conflicting attribute definition for '{attribute}'. {reason}")))
        };
        if table.definitions.iter().any(|(name, _)| name == attribute) {
            return conflict("An attribute cannot be defined in AttributeDefinitions when used as a VectorAttribute.");
        }
        let same = |other: &&VectorIndex| other.attribute == *attribute;
        if indexes.iter().take(at).filter(same).any(|other| other.dimensions != index.dimensions) {
            return conflict("All VectorIndexes on the same vector attribute must use the same dimensions.");
        }
    }
    Ok(())
}

/// An index as it can be asked for.
pub fn input(index: &VectorIndex) -> VectorIndexInput {
    let element = |one: &SearchAttribute| SearchSchemaElement {
        attribute_name: Some(one.attribute.name.clone()),
        search_schema_element_type: Some(one.role.name().to_owned()),
    };
    let schema: Vec<_> = index.schema.iter().map(element).collect();
    VectorIndexInput {
        index_name: Some(index.name.clone()),
        vector_attribute: Some(VectorAttribute { attribute_name: Some(index.attribute.clone()) }),
        search_schema: (!schema.is_empty()).then_some(schema),
        projection: Some(schema::projection(&index.projection)),
        dimensions: Some(index.dimensions.into()),
        distance_function: Some(index.distance.name().to_owned()),
    }
}

/// # Errors
/// When its size cannot be read.
pub fn described(read: &impl kv::Read, table: &Table, index: &VectorIndex) -> Result<VectorIndexDescription, Error> {
    let size = table::volume(read, index.id)?;
    Ok(VectorIndexDescription {
        index: input(index),
        index_status: if index.backfilling { "CREATING" } else { "ACTIVE" },
        backfilling: index.backfilling.then_some(true),
        index_size_bytes: size.bytes,
        item_count: size.items,
        index_arn: format!("{}/index/{}", table.arn, index.name),
    })
}

/// The indexes of a table that is made of another: those of `source`, or those of them that are asked for.
///
/// # Errors
/// When one that is asked for is none of them.
pub fn restored(source: &Table, asked: Option<&[VectorIndexInput]>) -> Result<Vec<VectorIndex>, Error> {
    let fresh = |index: &VectorIndex| VectorIndex { id: NEW_INDEX, backfilling: false, ..index.clone() };
    let Some(asked) = asked else { return Ok(source.vector_indexes.iter().map(fresh).collect()) };
    let matching = |input: &VectorIndexInput| {
        let asked = index(input, &source.definitions)?;
        let same = |one: &&VectorIndex| VectorIndex { name: asked.name.clone(), ..fresh(one) } == asked;
        match source.vector_indexes.iter().find(same) {
            Some(_) => Ok(asked),
            None => Err(Error::Validation(format!(
                "Index {} does not match a vector index that existed in the source table and cannot be created during the restore operation",
                asked.name
            ))),
        }
    };
    asked.iter().map(matching).collect()
}
