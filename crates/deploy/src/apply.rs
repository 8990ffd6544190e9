//! A plan carried out: resource by resource through the cloud's operations, stored after each, taken back on failure.

use std::collections::{BTreeMap, BTreeSet};

use base::Env;
use serde_json::Value;

use crate::cloud::Cloud;
use crate::error::{DeployError, Rollback};
use crate::intrinsics::{self, Evaluator};
use crate::outcome::{Outcome, outcome};
use crate::plan::{Action, Known, Plan, Step, decide, deletion_order, removals, wanted};
use crate::progress::{Listener, Progress};
use crate::resources::{self, Cx, Packages, Resource, shape};
use crate::state::{Deployed, Stack, Status};

/// Carries the plan out. When a step fails, what was changed before is changed back, last first: made things are
/// deleted, updated ones restored, and replaced ones are still there.
pub async fn apply(
    plan: Plan,
    packages: &Packages,
    cloud: &dyn Cloud,
    env: &Env,
    listener: Listener<'_>,
) -> Result<Outcome, DeployError> {
    keep_packages(&plan, packages, cloud).await?;
    let mut stack = plan.before.clone().unwrap_or_else(|| Stack::new(&plan.stack));
    stack.status = Status::InProgress;
    let mut run = Run { plan: &plan, packages, cloud, env, stack, undo: Vec::new(), changed: 0, taking_back: false };
    if let Err(failure) = run.go(listener).await {
        return Err(run.roll_back(failure, listener).await);
    }
    run.clean_up(listener).await;
    run.stack.status = Status::Complete;
    run.stack.template = plan.template.to_json();
    run.stack.save(cloud).await?;
    drop_packages(&plan, &run.stack, cloud).await?;
    Ok(outcome(&run.stack, run.changed))
}

/// Keeps the packages that are new, so that a later deployment can roll back to them.
async fn keep_packages(plan: &Plan, packages: &Packages, cloud: &dyn Cloud) -> Result<(), DeployError> {
    let kept = plan.before.as_ref().map(Stack::packages).unwrap_or_default();
    for (sha256, bytes) in packages.0.iter().filter(|(sha256, _)| !kept.contains(*sha256)) {
        cloud.save_package(sha256, bytes).await.map_err(|error| DeployError::call("storing a package", error))?;
    }
    Ok(())
}

/// Lets go of the packages that no stack uses any more.
async fn drop_packages(plan: &Plan, stack: &Stack, cloud: &dyn Cloud) -> Result<(), DeployError> {
    let used: BTreeSet<String> = plan.others.iter().flat_map(Stack::packages).chain(stack.packages()).collect();
    for sha256 in plan.before.iter().flat_map(Stack::packages).filter(|sha256| !used.contains(sha256)) {
        cloud.delete_package(&sha256).await.map_err(|error| DeployError::call("deleting a package", error))?;
    }
    Ok(())
}

/// A change that was made, with what takes it back.
enum Undo {
    Created(String),
    Updated(Deployed),
    Replaced(Deployed),
}

/// A step that failed.
struct Failure {
    action: &'static str,
    logical_id: String,
    kind: String,
    cause: String,
}

struct Run<'a> {
    plan: &'a Plan,
    packages: &'a Packages,
    cloud: &'a dyn Cloud,
    env: &'a Env,
    stack: Stack,
    undo: Vec<Undo>,
    changed: usize,
    taking_back: bool,
}

impl<'a> Run<'a> {
    fn cx<'b>(&'b self, logical_id: &'b str) -> Cx<'b> {
        Cx {
            cloud: self.cloud,
            env: self.env,
            stack: &self.plan.stack,
            logical_id,
            packages: self.packages,
            // What was there has all of the traffic again when a change is taken back.
            first_weight: self.plan.first_weight.filter(|_| !self.taking_back),
        }
    }

    async fn save(&self, step: &Step) -> Result<(), Failure> {
        self.stack.save(self.cloud).await.map_err(|error| failure("storing", step, error.to_string()))
    }

    async fn go(&mut self, listener: Listener<'_>) -> Result<(), Failure> {
        let plan = self.plan;
        let whole = Step { logical_id: plan.stack.clone(), kind: "stack".into(), action: Action::Keep };
        let evaluator =
            Evaluator::new(&plan.template, &plan.scope).map_err(|cause| failure("evaluating", &whole, cause))?;
        self.check_exports(&evaluator, &whole)?;
        let mut known = Known::new(&plan.template);
        let steps: Vec<&Step> =
            plan.steps.iter().filter(|step| !matches!(step.action, Action::Delete | Action::Retain)).collect();
        let total = plan.steps.iter().filter(|step| step.action != Action::Keep).count();
        let mut number = 0;
        for step in steps {
            if step.action != Action::Keep {
                number += 1;
                listener(Progress::Started { step: step.clone(), number, total });
            }
            match self.step(step, &evaluator, &known).await {
                Ok(action) if step.action != Action::Keep || action != Action::Keep => {
                    listener(Progress::Finished { step: Step { action, ..step.clone() } });
                }
                Ok(_) => {}
                Err(failure) => {
                    listener(Progress::Failed { step: step.clone(), cause: failure.cause.clone() });
                    return Err(failure);
                }
            }
            if let Some(made) = self.stack.find(&step.logical_id) {
                known.learn(made);
            }
        }
        self.outputs(&evaluator, &known, &whole)
    }

    /// Makes one resource as the template has it, and says what that took.
    async fn step(&mut self, step: &Step, evaluator: &Evaluator<'_>, known: &Known<'_>) -> Result<Action, Failure> {
        let plan = self.plan;
        let id = &step.logical_id;
        let definition = plan.template.resources.get(id).unwrap_or(&Value::Null);
        let (resource, wanted) =
            wanted(definition, evaluator, known, false).map_err(|cause| failure("evaluating", step, cause))?;
        let old = self.stack.find(id).cloned();
        let action = old
            .as_ref()
            .map_or(Ok(Action::Create), |old| decide(resource, old, &wanted))
            .map_err(|cause| failure("changing", step, cause))?;
        let mut target = Deployed {
            logical_id: id.clone(),
            kind: resource.kind().into(),
            properties: wanted,
            depends_on: plan.needs.get(id).cloned().unwrap_or_default(),
            retain: retains(definition, "DeletionPolicy"),
            retain_replaced: retains(definition, "UpdateReplacePolicy"),
            ..Deployed::default()
        };
        match (&action, old) {
            (Action::Keep, Some(old)) => {
                target.physical_id = old.physical_id.clone();
                target.attributes = old.attributes.clone();
                // Its policies and needs may have changed all the same.
                self.stack.put(target);
                return Ok(Action::Keep);
            }
            (Action::Update(_), Some(old)) => self.update(step, resource, target, old).await?,
            (Action::Replace(_), Some(old)) => self.create(step, resource, target, Some(old)).await?,
            _ => self.create(step, resource, target, None).await?,
        }
        self.changed += 1;
        self.save(step).await?;
        Ok(action)
    }

    async fn create(
        &mut self,
        step: &Step,
        resource: &dyn Resource,
        mut target: Deployed,
        replaced: Option<Deployed>,
    ) -> Result<(), Failure> {
        let made = resources::create(resource, &self.cx(&step.logical_id), &target.properties).await;
        let made = made.map_err(|error| {
            failure(if replaced.is_some() { "replacing" } else { "creating" }, step, error.to_string())
        })?;
        target.physical_id = made.physical_id;
        target.attributes = made.attributes;
        let retains = target.retain_replaced;
        let is_same = replaced.as_ref().is_some_and(|old| old.physical_id == target.physical_id);
        self.stack.put(target);
        match replaced {
            // Lambda publishes no version of what it has one of.
            Some(old) if is_same => self.undo.push(Undo::Updated(old)),
            Some(old) => {
                if !old.retain_replaced && !retains {
                    self.stack.leftovers.push(old.clone());
                }
                self.undo.push(Undo::Replaced(old));
            }
            None => self.undo.push(Undo::Created(step.logical_id.clone())),
        }
        Ok(())
    }

    async fn update(
        &mut self,
        step: &Step,
        resource: &dyn Resource,
        mut target: Deployed,
        old: Deployed,
    ) -> Result<(), Failure> {
        let updated = resources::update(resource, &self.cx(&step.logical_id), &old, &target.properties).await;
        let updated = match updated {
            // Somebody deleted it behind the stack's back: it is made again.
            Err(error) if error.is_absent() => return self.create(step, resource, target, None).await,
            other => other,
        };
        // A failed update may have been carried out in part, so it is restored too.
        target.physical_id = old.physical_id.clone();
        target.attributes = updated.as_ref().map_or_else(|_| old.attributes.clone(), |made| made.attributes.clone());
        self.stack.put(target);
        self.undo.push(Undo::Updated(old));
        updated.map(drop).map_err(|error| failure("updating", step, error.to_string()))
    }

    /// Refuses to take away exports that other stacks use, and to export what another stack exports.
    fn check_exports(&self, evaluator: &Evaluator<'_>, whole: &Step) -> Result<(), Failure> {
        let known = Known::new(&self.plan.template);
        let named = exports(self.plan, evaluator, &known).map_err(|cause| failure("evaluating", whole, cause))?;
        let fixed: Vec<&String> = named
            .iter()
            .map(|(name, _)| name)
            .filter(|name| !intrinsics::is_unknown(&Value::String(name.to_string())))
            .collect();
        if fixed.len() < named.len() {
            return Ok(());
        }
        for gone in self.stack.exports.keys().filter(|name| !fixed.contains(name)) {
            if let Some(user) = self.plan.others.iter().find(|other| other.imports.contains(gone)) {
                return Err(failure(
                    "exporting from",
                    whole,
                    format!("the export `{gone}` is used by the stack {}", user.name),
                ));
            }
        }
        Ok(())
    }

    /// Works out outputs, exports and imports.
    fn outputs(&mut self, evaluator: &Evaluator<'_>, known: &Known<'_>, whole: &Step) -> Result<(), Failure> {
        let fail = |cause: String| failure("evaluating outputs of", whole, cause);
        let mut outputs = BTreeMap::new();
        for (name, output) in &self.plan.template.outputs {
            if evaluator.is_active(output).map_err(fail)? {
                let value = evaluator
                    .evaluate(output.get("Value").unwrap_or(&Value::Null), known)
                    .map_err(fail)?
                    .unwrap_or_default();
                outputs.insert(name.clone(), shape::text(&value).unwrap_or_else(|| value.to_string()));
            }
        }
        let exports: BTreeMap<String, String> =
            exports(self.plan, evaluator, known).map_err(fail)?.into_iter().collect();
        for (name, value) in &exports {
            if let Some(other) = self.plan.others.iter().find(|other| other.exports.contains_key(name)) {
                return Err(fail(format!("the stack {} exports `{name}` already", other.name)));
            }
            let changed = self.stack.exports.get(name).is_some_and(|before| before != value);
            if let Some(user) = self.plan.others.iter().find(|other| changed && other.imports.contains(name)) {
                return Err(fail(format!("the export `{name}` would change, and the stack {} uses it", user.name)));
            }
        }
        self.stack.imports = imports(self.plan, evaluator, known).map_err(fail)?;
        (self.stack.outputs, self.stack.exports) = (outputs, exports);
        Ok(())
    }

    /// Deletes what left the template and what was replaced. Nothing depends on it any more, so a failure here fails
    /// nothing: what could not be deleted is tried again by the next deployment.
    async fn clean_up(&mut self, listener: Listener<'_>) {
        let plan = self.plan;
        let stays = |id: &str| plan.needs.contains_key(id);
        for old in removals(&self.stack, stays) {
            self.stack.take(&old.logical_id);
            if old.retain {
                continue;
            }
            self.stack.leftovers.push(old);
        }
        let steps: BTreeMap<&str, &Step> = plan.steps.iter().map(|step| (step.logical_id.as_str(), step)).collect();
        for old in deletion_order(std::mem::take(&mut self.stack.leftovers)) {
            let step = Step { logical_id: old.logical_id.clone(), kind: old.kind.clone(), action: Action::Delete };
            let planned = steps.get(old.logical_id.as_str()).is_some_and(|step| step.action == Action::Delete);
            match delete(&self.cx(&old.logical_id), &old).await {
                Ok(()) if planned => listener(Progress::Finished { step }),
                Ok(()) => {}
                Err(cause) => {
                    listener(Progress::Failed { step, cause });
                    self.stack.leftovers.push(old);
                }
            }
            self.changed += 1;
        }
    }

    async fn roll_back(mut self, failure: Failure, listener: Listener<'_>) -> DeployError {
        let undo = std::mem::take(&mut self.undo);
        self.taking_back = true;
        listener(Progress::RollingBack { changes: undo.len() });
        let mut reasons = Vec::new();
        for undo in undo.into_iter().rev() {
            if let Err(reason) = self.take_back(undo).await {
                reasons.push(reason);
            }
            if let Err(error) = self.stack.save(self.cloud).await {
                reasons.push(error.to_string());
            }
        }
        self.stack.status = if reasons.is_empty() { Status::RolledBack } else { Status::RollbackFailed };
        // A stack that never came about leaves nothing behind.
        let nothing = self.plan.before.is_none() && self.stack.resources.is_empty() && self.stack.leftovers.is_empty();
        let stored = if nothing {
            self.cloud.delete_stack(&self.plan.stack).await.map_err(|error| error.to_string())
        } else {
            self.stack.save(self.cloud).await.map_err(|error| error.to_string())
        };
        reasons.extend(stored.err());
        let Failure { action, logical_id, kind, cause } = failure;
        let rollback = if reasons.is_empty() { Rollback::Done } else { Rollback::Failed(reasons) };
        DeployError::Resource { action, logical_id, kind, cause, rollback }
    }

    async fn take_back(&mut self, undo: Undo) -> Result<(), String> {
        match undo {
            Undo::Created(id) => {
                let Some(made) = self.stack.find(&id).cloned() else { return Ok(()) };
                delete(&self.cx(&id), &made)
                    .await
                    .map_err(|cause| format!("deleting {id} ({}): {cause}", made.kind))?;
                self.stack.take(&id);
            }
            Undo::Replaced(old) => {
                let id = old.logical_id.clone();
                if let Some(made) = self.stack.find(&id).cloned() {
                    delete(&self.cx(&id), &made)
                        .await
                        .map_err(|cause| format!("deleting {id} ({}): {cause}", made.kind))?;
                }
                self.stack.leftovers.retain(|leftover| *leftover != old);
                self.stack.put(old);
            }
            Undo::Updated(mut old) => {
                let id = old.logical_id.clone();
                let (Some(current), Some(resource)) = (self.stack.find(&id).cloned(), resources::find(&old.kind))
                else {
                    return Ok(());
                };
                let restored = resources::update(resource, &self.cx(&id), &current, &old.properties).await;
                old.attributes =
                    restored.map_err(|error| format!("restoring {id} ({}): {error}", old.kind))?.attributes;
                self.stack.put(old);
            }
        }
        Ok(())
    }
}

fn failure(action: &'static str, step: &Step, cause: String) -> Failure {
    Failure { action, logical_id: step.logical_id.clone(), kind: step.kind.clone(), cause }
}

fn retains(definition: &Value, policy: &str) -> bool {
    definition.get(policy).and_then(Value::as_str).is_some_and(|policy| policy.starts_with("Retain"))
}

/// Deletes a resource; one that is gone already counts as deleted.
pub(crate) async fn delete(cx: &Cx<'_>, old: &Deployed) -> Result<(), String> {
    let resource =
        resources::find(&old.kind).ok_or_else(|| format!("resources of type `{}` are not supported", old.kind))?;
    match resource.delete(cx, old).await {
        Err(error) if !error.is_absent() => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// The exports of the active outputs: names and values.
fn exports(plan: &Plan, evaluator: &Evaluator<'_>, known: &Known<'_>) -> Result<Vec<(String, String)>, String> {
    let mut exports = Vec::new();
    for output in plan.template.outputs.values() {
        let Some(name) = output.get("Export").and_then(|export| export.get("Name")) else { continue };
        if evaluator.is_active(output)? {
            let name = evaluator
                .evaluate(name, known)?
                .and_then(|name| shape::text(&name))
                .ok_or("an export's name is a text")?;
            let value = evaluator.evaluate(output.get("Value").unwrap_or(&Value::Null), known)?.unwrap_or_default();
            exports.push((name, shape::text(&value).unwrap_or_else(|| value.to_string())));
        }
    }
    Ok(exports)
}

/// The names of the exports that the active resources and outputs use.
fn imports(plan: &Plan, evaluator: &Evaluator<'_>, known: &Known<'_>) -> Result<BTreeSet<String>, String> {
    let mut arguments = Vec::new();
    for part in plan.template.resources.values().chain(plan.template.outputs.values()) {
        if evaluator.is_active(part)? {
            intrinsics::imports(part, &mut arguments);
        }
    }
    let mut names = BTreeSet::new();
    for argument in arguments {
        // An import in the branch of a condition that does not hold may have no value.
        names.extend(evaluator.evaluate(&argument, known).ok().flatten().as_ref().and_then(shape::text));
    }
    Ok(names)
}

/// Deletes a whole stack, dependents first. Resources with `DeletionPolicy: Retain` stay in the account.
pub async fn remove(name: &str, cloud: &dyn Cloud, env: &Env, listener: Listener<'_>) -> Result<(), DeployError> {
    let (own, others): (Vec<_>, Vec<_>) =
        crate::state::load_all(cloud).await?.into_iter().partition(|stack| stack.name == name);
    let mut stack = own.into_iter().next().ok_or_else(|| DeployError::NoStack(name.into()))?;
    for export in stack.exports.keys() {
        if let Some(user) = others.iter().find(|other| other.imports.contains(export)) {
            return Err(DeployError::ExportInUse {
                stack: name.into(),
                export: export.clone(),
                used_by: user.name.clone(),
            });
        }
    }
    let packages = stack.packages();
    let nothing = Packages::default();
    let leaving = deletion_order(stack.leftovers.iter().chain(&stack.resources).cloned().collect());
    let total = leaving.iter().filter(|old| !old.retain).count();
    stack.status = Status::InProgress;
    for (number, old) in leaving.into_iter().filter(|old| !old.retain).enumerate() {
        let step = Step { logical_id: old.logical_id.clone(), kind: old.kind.clone(), action: Action::Delete };
        listener(Progress::Started { step: step.clone(), number: number + 1, total });
        let cx = Cx { cloud, env, stack: name, logical_id: &old.logical_id, packages: &nothing, first_weight: None };
        if let Err(cause) = delete(&cx, &old).await {
            stack.status = Status::DeleteFailed;
            stack.save(cloud).await?;
            listener(Progress::Failed { step, cause: cause.clone() });
            let (logical_id, kind) = (old.logical_id, old.kind);
            return Err(DeployError::Resource {
                action: "deleting",
                logical_id,
                kind,
                cause,
                rollback: Rollback::Nothing,
            });
        }
        listener(Progress::Finished { step });
        stack.resources.retain(|resource| *resource != old);
        stack.leftovers.retain(|resource| *resource != old);
        stack.save(cloud).await?;
    }
    cloud.delete_stack(name).await.map_err(|error| DeployError::call("deleting the stack", error))?;
    let used: BTreeSet<String> = others.iter().flat_map(Stack::packages).collect();
    for sha256 in packages.iter().filter(|sha256| !used.contains(*sha256)) {
        cloud.delete_package(sha256).await.map_err(|error| DeployError::call("deleting a package", error))?;
    }
    Ok(())
}
