//! The parts of CreateTable and UpdateTable that say what a table and its indexes are made of.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::key::{KeyAttribute, KeySchema};
use crate::limits::{CAPACITY_UNITS_MAX, KEY_ATTRIBUTE_NAME_CHARS_MAX, KEY_ATTRIBUTES_OF_A_KIND_MAX, NAME_CHARS_MIN};
use crate::model::table::NEW_INDEX;
use crate::types::{Index, OnDemandThroughput, Projected, Throughput, WarmThroughput};
use crate::validation::Constraints;
use crate::value::Kind;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AttributeDefinition {
    pub attribute_name: Option<String>,
    pub attribute_type: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeySchemaElement {
    pub attribute_name: Option<String>,
    pub key_type: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Projection {
    pub projection_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub non_key_attributes: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ProvisionedThroughput {
    pub read_capacity_units: Option<i64>,
    pub write_capacity_units: Option<i64>,
}

/// A new index, local or global.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct IndexInput {
    pub index_name: Option<String>,
    pub key_schema: Option<Vec<KeySchemaElement>>,
    pub projection: Option<Projection>,
    pub provisioned_throughput: Option<ProvisionedThroughput>,
    pub on_demand_throughput: Option<OnDemandThroughput>,
    pub warm_throughput: Option<WarmThroughput>,
}

pub fn check_definitions(constraints: &mut Constraints, definitions: &[AttributeDefinition]) {
    for (number, definition) in definitions.iter().enumerate() {
        let at = format!("attributeDefinitions.{}.member", number + 1);
        constraints.present(&definition.attribute_name, &format!("{at}.attributeName"));
        check_attribute_name(constraints, definition.attribute_name.as_deref(), &format!("{at}.attributeName"));
        constraints.present(&definition.attribute_type, &format!("{at}.attributeType"));
        constraints.choice(definition.attribute_type.as_deref(), &format!("{at}.attributeType"), &["B", "N", "S"]);
    }
}

fn check_attribute_name(constraints: &mut Constraints, name: Option<&str>, at: &str) {
    if let Some(name) = name {
        constraints.length(name, name.chars().count(), at, 1, KEY_ATTRIBUTE_NAME_CHARS_MAX);
    }
}

/// Constraints on a key that has at most so many attributes.
pub fn check_key_schema(constraints: &mut Constraints, schema: Option<&Vec<KeySchemaElement>>, at: &str, most: usize) {
    let Some(schema) = schema else { return constraints.fail(None, at, "Member must not be null") };
    let element = |element: &KeySchemaElement| {
        let text = |member: &Option<String>| member.clone().unwrap_or_else(|| "null".into());
        format!(
            "KeySchemaElement(attributeName={}, keyType={})",
            text(&element.attribute_name),
            text(&element.key_type)
        )
    };
    let shown = format!("[{}]", schema.iter().map(element).collect::<Vec<_>>().join(", "));
    constraints.length(&shown, schema.len(), at, 1, most);
    for (number, element) in schema.iter().enumerate() {
        let at = format!("{at}.{}.member", number + 1);
        constraints.present(&element.attribute_name, &format!("{at}.attributeName"));
        check_attribute_name(constraints, element.attribute_name.as_deref(), &format!("{at}.attributeName"));
        constraints.present(&element.key_type, &format!("{at}.keyType"));
        constraints.choice(element.key_type.as_deref(), &format!("{at}.keyType"), &["HASH", "RANGE"]);
    }
}

pub fn check_throughput(constraints: &mut Constraints, throughput: Option<&ProvisionedThroughput>, at: &str) {
    let Some(throughput) = throughput else { return };
    for (units, member) in
        [(throughput.write_capacity_units, "writeCapacityUnits"), (throughput.read_capacity_units, "readCapacityUnits")]
    {
        constraints.present(&units, &format!("{at}.{member}"));
        constraints.at_least(units, &format!("{at}.{member}"), 1);
    }
}

/// Whether an index is local or global.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Local,
    Global,
}

impl Scope {
    /// The attributes of one kind that its key may have.
    fn of_a_kind(self) -> usize {
        if self == Scope::Global { KEY_ATTRIBUTES_OF_A_KIND_MAX } else { 1 }
    }
}

/// Constraints on a new index.
pub fn check_index(constraints: &mut Constraints, index: &IndexInput, at: &str, scope: Scope) {
    constraints.present(&index.index_name, &format!("{at}.indexName"));
    if let Some(name) = &index.index_name {
        constraints.name(name, &format!("{at}.indexName"), NAME_CHARS_MIN);
    }
    // More than that is complained of in other words.
    let most = if scope == Scope::Global { usize::MAX } else { 2 };
    check_key_schema(constraints, index.key_schema.as_ref(), &format!("{at}.keySchema"), most);
    constraints.present(&index.projection, &format!("{at}.projection"));
    if let Some(projection) = &index.projection {
        check_projection(constraints, projection, at);
    }
    check_throughput(constraints, index.provisioned_throughput.as_ref(), &format!("{at}.provisionedThroughput"));
}

/// Constraints on the projection of a new index.
pub fn check_projection(constraints: &mut Constraints, projection: &Projection, at: &str) {
    let kinds = ["ALL", "INCLUDE", "KEYS_ONLY"];
    constraints.choice(projection.projection_type.as_deref(), &format!("{at}.projection.projectionType"), &kinds);
    if let Some(names) = &projection.non_key_attributes {
        let at = format!("{at}.projection.nonKeyAttributes");
        constraints.length("[]", names.len(), &at, 1, usize::MAX);
        for (number, name) in names.iter().enumerate() {
            check_attribute_name(constraints, Some(name), &format!("{at}.{}.member", number + 1));
        }
    }
}

/// # Errors
/// When an attribute is defined twice: nothing tells which of the two is meant.
pub fn check_distinct(definitions: &[AttributeDefinition]) -> Result<(), Error> {
    let names: Vec<_> = definitions.iter().filter_map(|definition| definition.attribute_name.as_deref()).collect();
    match names.iter().enumerate().find(|(at, name)| names.iter().take(*at).any(|earlier| earlier == *name)) {
        Some((_, name)) => Err(Error::invalid(format_args!("Duplicate AttributeName in AttributeDefinitions: {name}"))),
        None => Ok(()),
    }
}

/// The types of key attributes, by name.
pub fn definitions(definitions: &[AttributeDefinition]) -> Vec<(String, Kind)> {
    let known = |definition: &AttributeDefinition| {
        Some((definition.attribute_name.clone()?, Kind::parse(definition.attribute_type.as_deref()?)?))
    };
    definitions.iter().filter_map(known).collect()
}

/// # Errors
/// When an attribute of the key has no definition, or the elements are not one `HASH`, then at most one `RANGE`.
pub fn key_schema(elements: &[KeySchemaElement], definitions: &[(String, Kind)]) -> Result<KeySchema, Error> {
    let mut attributes = key_attributes(elements, definitions)?.into_iter();
    let kind_of = |at: usize| elements.get(at).and_then(|element| element.key_type.as_deref());
    let (partition, sort) = (attributes.next(), attributes.next());
    if partition.is_some() && partition == sort {
        return Err(Error::validation(SAME_NAME));
    }
    let partition = partition.filter(|_| kind_of(0) == Some("HASH")).ok_or_else(|| Error::validation(NO_HASH))?;
    if sort.is_some() && kind_of(1) != Some("RANGE") {
        return Err(Error::validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"));
    }
    Ok(KeySchema::new(partition, sort))
}

const SAME_NAME: &str = "Both the Hash Key and the Range Key element in the KeySchema have the same name";
const NO_HASH: &str = "Invalid KeySchema: The first KeySchemaElement is not a HASH key type";

/// The key of an index, which may have several attributes of a kind where the index is global.
///
/// # Errors
/// When an attribute of the key has no definition, or there are too many, or they are not in order.
fn index_key(elements: &[KeySchemaElement], definitions: &[(String, Kind)], scope: Scope) -> Result<KeySchema, Error> {
    let kinds: Vec<bool> = elements.iter().map(|element| element.key_type.as_deref() == Some("HASH")).collect();
    let plain = matches!(kinds[..], [] | [_] | [_, false]);
    if plain || scope == Scope::Local {
        return key_schema(elements, definitions);
    }
    let mut attributes = key_attributes(elements, definitions)?;
    if attributes.iter().enumerate().any(|(at, attribute)| attributes.iter().take(at).any(|other| other == attribute)) {
        return Err(Error::validation(SAME_NAME));
    }
    if kinds.first() != Some(&true) {
        return Err(Error::validation(NO_HASH));
    }
    if !kinds.is_sorted_by(|before, after| before >= after) {
        return Err(Error::validation("Invalid KeySchema: HASH key elements must precede RANGE key elements"));
    }
    let sorts = attributes.split_off(kinds.iter().filter(|hash| **hash).count());
    for (kind, count) in [("HASH", attributes.len()), ("RANGE", sorts.len())] {
        let most = scope.of_a_kind();
        if count > most {
            return Err(Error::Validation(format!(
                "Invalid KeySchema: {count} {kind} key elements were given, and an index may have {most}"
            )));
        }
    }
    let (mut partitions, mut sorts) = (attributes.into_iter(), sorts.into_iter());
    let partition = partitions.next().ok_or_else(|| Error::validation(NO_HASH))?;
    let sort = sorts.next();
    Ok(KeySchema { partition, sort, more_partition: partitions.collect(), more_sort: sorts.collect() })
}

fn key_attributes(elements: &[KeySchemaElement], definitions: &[(String, Kind)]) -> Result<Vec<KeyAttribute>, Error> {
    let names: Vec<&str> = elements.iter().filter_map(|element| element.attribute_name.as_deref()).collect();
    let kind = |name: &str| definitions.iter().find(|(defined, _)| defined == name).map(|(_, kind)| *kind);
    let attribute = |name: &str| {
        let kind = kind(name).ok_or_else(|| {
            let defined: Vec<&str> = definitions.iter().map(|(name, _)| name.as_str()).collect();
            Error::invalid(format_args!(
                "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], AttributeDefinitions: [{}]",
                names.join(", "),
                defined.join(", ")
            ))
        })?;
        Ok::<_, Error>(KeyAttribute { name: name.to_string(), kind })
    };
    names.iter().map(|name| attribute(name)).collect()
}

/// A new index, with its number still to be given.
///
/// # Errors
/// When its key or projection is not one.
pub fn index(input: &IndexInput, definitions: &[(String, Kind)], scope: Scope) -> Result<Index, Error> {
    let key = index_key(input.key_schema.as_deref().unwrap_or_default(), definitions, scope)?;
    Ok(Index {
        id: NEW_INDEX,
        name: input.index_name.clone().unwrap_or_default(),
        key,
        projection: projected(input.projection.as_ref())?,
        throughput: throughput(input.provisioned_throughput.as_ref())?,
        on_demand: input.on_demand_throughput,
        backfilling: false,
        warm: input.warm_throughput,
    })
}

/// How an answer says what an index projects.
pub fn projection(projected: &Projected) -> Projection {
    let (projection_type, non_key_attributes) = match projected {
        Projected::All => ("ALL", None),
        Projected::KeysOnly => ("KEYS_ONLY", None),
        Projected::Include(names) => ("INCLUDE", Some(names.clone())),
    };
    Projection { projection_type: Some(projection_type.into()), non_key_attributes }
}

/// # Errors
/// When it is no projection.
pub fn projected(input: Option<&Projection>) -> Result<Projected, Error> {
    let projection = input.cloned().unwrap_or_default();
    let kind = projection.projection_type.as_deref();
    if projection.non_key_attributes.is_some() && kind != Some("INCLUDE") {
        let kind = kind.unwrap_or("null");
        return Err(Error::invalid(format_args!("ProjectionType is {kind}, but NonKeyAttributes is specified")));
    }
    match (kind, projection.non_key_attributes) {
        (Some("ALL"), _) => Ok(Projected::All),
        (Some("KEYS_ONLY"), _) => Ok(Projected::KeysOnly),
        (Some("INCLUDE"), Some(names)) => {
            if let Some(twice) = names.iter().enumerate().find(|(at, name)| names.iter().take(*at).any(|n| n == *name))
            {
                return Err(Error::invalid(format_args!("Duplicate projected attribute name: {}", twice.1)));
            }
            Ok(Projected::Include(names))
        }
        (Some("INCLUDE"), None) => {
            Err(Error::invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified"))
        }
        _ => Err(Error::invalid("Unknown ProjectionType: null")),
    }
}

/// # Errors
/// When units are more than anybody can have.
pub fn throughput(input: Option<&ProvisionedThroughput>) -> Result<Throughput, Error> {
    let Some(input) = input else { return Ok(Throughput::default()) };
    let units = |units: Option<i64>, name: &str| match units {
        Some(units) if units > CAPACITY_UNITS_MAX => {
            Err(Error::Validation(format!("Given value {units} for {name} is out of bounds")))
        }
        units => Ok(units.unwrap_or_default()),
    };
    Ok(Throughput {
        read: units(input.read_capacity_units, "ReadCapacityUnits")?,
        write: units(input.write_capacity_units, "WriteCapacityUnits")?,
        ..Throughput::default()
    })
}
