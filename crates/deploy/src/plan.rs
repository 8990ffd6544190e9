//! What a deployment will do: the template compared with the stack as it is, in the order in which it is done.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::cloud::Cloud;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::error::DeployError;
use crate::graph::Graph;
use crate::intrinsics::{self, Evaluator, Scope, Values};
use crate::live;
use crate::references;
use crate::resources::shape::fit_all;
use crate::resources::{self, Properties, Resource};
use crate::state::{self, Deployed, Stack};
use crate::template::Template;

/// What happens to one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Create,
    /// Changed in place: these properties.
    Update(Vec<String>),
    /// Made anew, and the old one deleted when all is done: for these properties.
    Replace(Vec<String>),
    Keep,
    Delete,
    /// It leaves the stack and stays in the account (`DeletionPolicy: Retain`).
    Retain,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub logical_id: String,
    /// `AWS::SQS::Queue`.
    pub kind: String,
    pub action: Action,
}

/// A plan: shown to whoever deploys, then applied. Values that are known only during the deployment may turn an update
/// or a replacement into nothing.
#[derive(Debug)]
pub struct Plan {
    pub stack: String,
    /// Creations and updates in order of need, then deletions in the opposite order.
    pub steps: Vec<Step>,
    /// What was found on the way and is no error.
    pub warnings: Vec<Diagnostic>,
    pub(crate) template: Template,
    pub(crate) scope: Scope,
    pub(crate) before: Option<Stack>,
    pub(crate) needs: BTreeMap<String, Vec<String>>,
    pub(crate) others: Vec<Stack>,
    pub(crate) first_weight: Option<f64>,
}

impl Plan {
    /// Lets new versions of functions behind aliases begin with a share of the traffic, from 0 to 1; all of it, if none.
    pub fn shifting(self, first_weight: Option<f64>) -> Plan {
        Plan { first_weight, ..self }
    }

    /// Whether the stack is already as the template has it.
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.action == Action::Keep)
            && self.before.as_ref().is_some_and(|stack| stack.leftovers.is_empty())
    }
}

/// Plans the deployment of `template` as the stack `name`. Nothing is changed.
pub async fn plan(
    template: Template,
    name: &str,
    parameters: BTreeMap<String, String>,
    cloud: &dyn Cloud,
) -> Result<Plan, DeployError> {
    let (own, others): (Vec<_>, Vec<_>) =
        state::load_all(cloud).await?.into_iter().partition(|stack| stack.name == name);
    let exports = others.iter().flat_map(|stack| stack.exports.clone());
    let scope = Scope {
        account: cloud.account().into(),
        region: cloud.region().into(),
        stack: name.into(),
        parameters,
        imports: exports.collect(),
    };
    let looked_up = references::parameters(cloud, &template.parameters, &scope.parameters).await;
    let scope = match looked_up {
        Ok(values) => Scope { parameters: scope.parameters.into_iter().chain(values).collect(), ..scope },
        Err(message) => return Err(DeployError::Project(vec![Diagnostic::error(message)])),
    };
    let mut diagnostics = Diagnostics::default();
    resources::check(&template, &mut diagnostics);
    let before = own.into_iter().next();
    let planned =
        if diagnostics.has_errors() { None } else { steps(&template, &scope, before.as_ref(), &mut diagnostics) };
    let (Some((steps, needs)), false) = (planned, diagnostics.has_errors()) else {
        return Err(DeployError::Project(diagnostics.into_vec()));
    };
    let warnings = diagnostics.into_vec();
    Ok(Plan { stack: name.into(), steps, warnings, template, scope, before, needs, others, first_weight: None })
}

type Planned = (Vec<Step>, BTreeMap<String, Vec<String>>);

fn steps(template: &Template, scope: &Scope, before: Option<&Stack>, diagnostics: &mut Diagnostics) -> Option<Planned> {
    let evaluator = match Evaluator::new(template, scope) {
        Ok(evaluator) => evaluator,
        Err(message) => {
            diagnostics.push(Diagnostic::error(message));
            return None;
        }
    };
    let active = active_resources(template, &evaluator, diagnostics);
    let graph = Graph::new(active.iter().map(|(id, resource)| (id.clone(), needed_by(resource))));
    let order = match graph.order() {
        Ok(order) => order,
        Err(cycle) => {
            let mut diagnostic =
                Diagnostic::error(format!("resources need each other in a circle: {}", cycle.join(" -> ")));
            diagnostic.at = cycle.first().and_then(|id| template.origin(&format!("Resources/{id}"))).cloned();
            diagnostics.push(diagnostic);
            return None;
        }
    };
    let mut known = Known::new(template);
    let mut steps = Vec::new();
    for id in &order {
        let Some(definition) = active.get(id) else { continue };
        match step(id, definition, &evaluator, before, &mut known) {
            Ok(step) => steps.push(step),
            Err(message) => {
                let at = template.origin(&format!("Resources/{id}")).cloned();
                diagnostics.push(Diagnostic { at, ..Diagnostic::error(format!("{id}: {message}")) });
            }
        }
    }
    let removed = before.map(|stack| removals(stack, |id| active.contains_key(id))).unwrap_or_default();
    steps.extend(removed.into_iter().map(|old| removal_step(&old)));
    let needs = order.into_iter().map(|id| (id.clone(), graph.needs(&id))).collect();
    Some((steps, needs))
}

/// The resources whose conditions hold.
fn active_resources(
    template: &Template,
    evaluator: &Evaluator<'_>,
    diagnostics: &mut Diagnostics,
) -> Map<String, Value> {
    let mut active = Map::new();
    for (id, resource) in &template.resources {
        match evaluator.is_active(resource) {
            Ok(true) => {
                active.insert(id.clone(), resource.clone());
            }
            Ok(false) => {}
            Err(message) => {
                let at = template.origin(&format!("Resources/{id}/Condition")).cloned();
                diagnostics.push(Diagnostic { at, ..Diagnostic::error(format!("{id}: {message}")) });
            }
        }
    }
    active
}

fn needed_by(resource: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    intrinsics::references(resource.get("Properties").unwrap_or(&Value::Null), &mut names);
    names.extend(resource.as_object().map(resources::depends_on).unwrap_or_default());
    names
}

fn step(
    id: &str,
    definition: &Value,
    evaluator: &Evaluator<'_>,
    before: Option<&Stack>,
    known: &mut Known<'_>,
) -> Result<Step, String> {
    let (resource, wanted) = wanted(definition, evaluator, known, true)?;
    let old = before.and_then(|stack| stack.find(id));
    let action = old.map_or(Ok(Action::Create), |old| decide(resource, old, &wanted))?;
    if let Some(old) = old.filter(|_| matches!(action, Action::Keep | Action::Update(_))) {
        known.learn(old);
        if action != Action::Keep {
            known.forget_revision(id);
        }
    }
    Ok(Step { logical_id: id.into(), kind: resource.kind().into(), action })
}

/// A resource's type, and its properties with what is known put in. `open` lets stand what is not known yet.
pub(crate) fn wanted(
    definition: &Value,
    evaluator: &Evaluator<'_>,
    values: &dyn Values,
    open: bool,
) -> Result<(&'static dyn Resource, Properties), String> {
    let kind = definition.get("Type").and_then(Value::as_str).unwrap_or_default();
    let resource = resources::find(kind).ok_or_else(|| format!("resources of type `{kind}` are not supported"))?;
    let none = Map::new();
    let properties = definition.get("Properties").and_then(Value::as_object).unwrap_or(&none);
    let evaluated = evaluator.evaluate_map(properties, values)?;
    // What is not known yet has no type yet either: it is checked when it is applied.
    if open && evaluated.values().any(intrinsics::is_unknown) {
        return Ok((resource, evaluated));
    }
    let fitted = fit_all(&evaluated, resource.properties(), false);
    let fitted = fitted.map_err(|misfit| {
        format!("{}{}", misfit.path.trim_start_matches('/').replace('/', "."), colon(&misfit.path, &misfit.message))
    })?;
    Ok((resource, fitted))
}

fn colon(path: &str, message: &str) -> String {
    if path.is_empty() { message.into() } else { format!(": {message}") }
}

/// What turns `old` into a resource with the wanted properties.
pub(crate) fn decide(resource: &dyn Resource, old: &Deployed, wanted: &Properties) -> Result<Action, String> {
    let mut changed = Vec::new();
    let mut replacing = Vec::new();
    for property in resource.properties().iter().filter(|property| !property.ignored) {
        if old.properties.get(property.name) != wanted.get(property.name) {
            changed.push(property.name.to_string());
            if property.replaces {
                replacing.push(property.name.to_string());
            }
        }
    }
    if old.kind != resource.kind() {
        return Ok(Action::Replace(vec!["Type".into()]));
    }
    if replacing.is_empty() {
        return Ok(if changed.is_empty() { Action::Keep } else { Action::Update(changed) });
    }
    let name =
        resource.name().filter(|name| wanted.contains_key(*name) && wanted.get(*name) == old.properties.get(*name));
    match name {
        None => Ok(Action::Replace(replacing)),
        Some(name) => Err(format!(
            "a change of {} needs a new {}, and the old one has its name `{}`: change `{name}` too",
            replacing.join(", "),
            resource.kind(),
            old.physical_id
        )),
    }
}

/// What leaves the stack, dependents first.
pub(crate) fn removals(stack: &Stack, stays: impl Fn(&str) -> bool) -> Vec<Deployed> {
    let leaving: Vec<Deployed> = stack.resources.iter().filter(|old| !stays(&old.logical_id)).cloned().collect();
    deletion_order(leaving)
}

/// Each before all that it needs; else the last made first.
pub(crate) fn deletion_order(mut resources: Vec<Deployed>) -> Vec<Deployed> {
    resources.reverse();
    let graph = Graph::new(
        resources.iter().rev().map(|old| (old.logical_id.clone(), old.depends_on.iter().cloned().collect())),
    );
    // A cycle cannot have been made; should it be stored all the same, the reverse of making is as good as anything.
    let Ok(order) = graph.order() else { return resources };
    let rank: BTreeMap<String, usize> = order.into_iter().enumerate().map(|(rank, id)| (id, rank)).collect();
    resources.sort_by_key(|old| std::cmp::Reverse(rank.get(&old.logical_id).copied()));
    resources
}

fn removal_step(old: &Deployed) -> Step {
    let action = if old.retain { Action::Retain } else { Action::Delete };
    Step { logical_id: old.logical_id.clone(), kind: old.kind.clone(), action }
}

/// The values of the resources that are made and stay.
pub(crate) struct Known<'a> {
    template: &'a Template,
    made: BTreeMap<String, (Value, Map<String, Value>)>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(template: &'a Template) -> Known<'a> {
        Known { template, made: BTreeMap::new() }
    }

    pub(crate) fn learn(&mut self, resource: &Deployed) {
        let mut attributes = resource.attributes.clone();
        attributes.extend(live::revision(resource).map(|revision| (live::REVISION.to_owned(), revision)));
        self.made.insert(resource.logical_id.clone(), (Value::String(resource.physical_id.clone()), attributes));
    }

    /// It will be another one.
    fn forget_revision(&mut self, logical_id: &str) {
        if let Some((_, attributes)) = self.made.get_mut(logical_id) {
            attributes.remove(live::REVISION);
        }
    }
}

impl Values for Known<'_> {
    fn reference(&self, logical_id: &str) -> Option<Value> {
        self.made.get(logical_id).map(|(reference, _)| reference.clone())
    }

    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Option<Value>, String> {
        let kind = self.template.resources.get(logical_id).and_then(|resource| resource.get("Type")?.as_str());
        let attributes = kind.and_then(resources::find).map(|resource| resource.attributes()).unwrap_or_default();
        if !attributes.contains(&attribute) {
            return Err(format!("`{logical_id}` has no attribute `{attribute}`"));
        }
        Ok(self.made.get(logical_id).and_then(|(_, attributes)| attributes.get(attribute)).cloned())
    }
}
