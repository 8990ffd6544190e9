//! Functions behind an alias: what triggers them calls the alias, so that a new version can take over little by little.

use std::ops::BitOr;

use serde_json::{Map, Value, json};

use crate::cloud::Cloud;
use crate::error::DeployError;
use crate::serverless::{digest, naming};
use crate::state::{Deployed, Stack};
use crate::template::Template;

/// The alias that a function's triggers call.
pub const LIVE: &str = "live";

/// An attribute of functions, and a property of their versions, of our own: it stands for all that a version keeps of a
/// function, with the values that references had. A version whose function has another one is made anew.
pub(crate) const REVISION: &str = "CloudletRevision";

/// What a version does not keep.
const UNVERSIONED: [&str; 2] = ["ReservedConcurrentExecutions", "Tags"];

const ALIAS: &str = "AWS::Lambda::Alias";
const FUNCTION: &str = "AWS::Lambda::Function";
const VERSION: &str = "AWS::Lambda::Version";
const PERMISSION: &str = "AWS::Lambda::Permission";
const INTEGRATION: &str = "AWS::ApiGatewayV2::Integration";

/// A function whose traffic is split between two versions.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    pub function: String,
    /// The version that has the rest.
    pub old: String,
    pub new: String,
    /// The new version's share of the traffic, from 0 to 1.
    pub weight: f64,
}

impl Stack {
    /// Whether its functions are behind aliases.
    pub fn is_live(&self) -> bool {
        self.live_aliases().next().is_some()
    }

    fn live_aliases(&self) -> impl Iterator<Item = &Deployed> {
        self.resources.iter().filter(|made| made.kind == ALIAS && is_live(&made.properties))
    }

    /// Refuses what cannot get behind an alias without breaking: the address of a function's URL belongs to what it
    /// calls.
    pub fn check_routable(&self) -> Result<(), DeployError> {
        let bound = |made: &&Deployed| made.kind == "AWS::Lambda::Url" && !made.properties.contains_key("Qualifier");
        match self.resources.iter().find(bound) {
            Some(url) => Err(DeployError::UrlOfLatest(url.logical_id.clone())),
            None => Ok(()),
        }
    }
}

/// Whether these are the properties of the alias that triggers call.
pub(crate) fn is_live(properties: &Map<String, Value>) -> bool {
    properties.get("Name").and_then(Value::as_str) == Some(LIVE)
}

/// The revision of a function as it was deployed; `None` for other resources.
pub(crate) fn revision(made: &Deployed) -> Option<Value> {
    let mut properties = (made.kind == FUNCTION).then(|| made.properties.clone())?;
    properties.retain(|name, _| !UNVERSIONED.contains(&name.as_str()));
    Some(json!(digest(&[&Value::Object(properties)])))
}

/// Notes in the stored stack which versions its aliases really point to, which a rollback may have changed, and tells
/// which of them split their traffic.
pub async fn align(name: &str, cloud: &dyn Cloud) -> Result<Vec<Shift>, DeployError> {
    let Some(mut stack) = Stack::load(cloud, name).await? else { return Ok(Vec::new()) };
    let mut shifts = Vec::new();
    let aliases: Vec<Deployed> = stack.live_aliases().cloned().collect();
    for mut alias in aliases {
        let Some(function) = alias.properties.get("FunctionName").and_then(Value::as_str).map(str::to_owned) else {
            continue;
        };
        let input = json!({"FunctionName": function, "Name": LIVE});
        let found = match cloud.call("lambda", "GetAlias", input).await {
            Ok(found) => found,
            // Deleted behind the stack's back: the deployment makes it again.
            Err(error) if error.is_absent() => continue,
            Err(error) => return Err(DeployError::call("reading an alias", error)),
        };
        shifts.extend(shift(&function, &found));
        alias.properties.insert("FunctionVersion".into(), found.get("FunctionVersion").cloned().unwrap_or_default());
        stack.put(alias);
    }
    stack.save(cloud).await?;
    Ok(shifts)
}

/// How an alias, as the API shows it, splits its traffic, if it does.
pub fn shift(function: &str, alias: &Value) -> Option<Shift> {
    let (new, weight) = alias.pointer("/RoutingConfig/AdditionalVersionWeights")?.as_object()?.iter().next()?;
    Some(Shift {
        function: function.into(),
        old: alias.get("FunctionVersion")?.as_str()?.into(),
        new: new.clone(),
        weight: weight.as_f64()?,
    })
}

/// Gives one version all of a function's traffic.
pub async fn point(cloud: &dyn Cloud, function: &str, version: &str) -> Result<(), DeployError> {
    let routing = json!({"AdditionalVersionWeights": {}});
    let input = json!({
        "FunctionName": function, "Name": LIVE, "FunctionVersion": version, "RoutingConfig": routing,
    });
    let pointed = cloud.call("lambda", "UpdateAlias", input).await;
    pointed.map(drop).map_err(|error| DeployError::call("changing the alias", error))
}

/// Puts every function of a template behind an alias: each gets a version where it has none, the alias, and the
/// permissions of the function for the alias too; its triggers call the alias. The function's own permissions stay, for
/// those who call it by its name.
pub fn through_aliases(mut template: Template) -> Template {
    let functions: Vec<String> = of_kind(&template, FUNCTION);
    for function in &functions {
        let provisioned = release(&mut template, function);
        let version = version_of(&mut template, function);
        follow(&mut template, &version, function);
        let condition = template.resources.get(function).and_then(|resource| resource.get("Condition")).cloned();
        let mut alias = json!({
            "Type": ALIAS,
            "Properties": {
                "FunctionName": {"Ref": function},
                "Name": LIVE,
                "FunctionVersion": {"Fn::GetAtt": [version, "Version"]},
            },
        });
        if let Some(condition) = condition {
            alias["Condition"] = condition;
        }
        if let Some(provisioned) = provisioned {
            alias["Properties"]["ProvisionedConcurrencyConfig"] = provisioned;
        }
        let name = template.resources.get(function).and_then(|made| made.pointer("/Properties/FunctionName")?.as_str());
        let name = name.map(|name| format!(":function:{name}"));
        let route = Route { function, name, alias: format!("{function}LiveAlias") };
        template.resources.insert(route.alias.clone(), alias);
        let permissions = route.permit(&mut template);
        for resource in template.resources.values_mut() {
            route.trigger(resource, &permissions);
        }
    }
    if !functions.is_empty() {
        for deployment in of_kind(&template, "AWS::ApiGateway::Deployment") {
            rename(&mut template, &deployment, &format!("{deployment}Live"));
        }
    }
    template
}

/// Takes away the alias that the function's triggers call otherwise, and tells how many instances it has ready.
fn release(template: &mut Template, function: &str) -> Option<Value> {
    let names = [naming::PROVISIONED, naming::SNAP_START];
    let is_it = |resource: &Value| {
        let text = |name: &str| resource.pointer(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        is_kind(resource, ALIAS)
            && names.contains(&text("/Properties/Name").as_str())
            && resource.pointer("/Properties/FunctionName").is_some_and(|name| refers(name, function))
    };
    let (id, alias) = template.resources.iter().find(|(_, resource)| is_it(resource))?;
    let (id, alias) = (id.clone(), alias.clone());
    template.resources.shift_remove(&id);
    let name = alias.pointer("/Properties/Name").cloned().unwrap_or_default();
    for resource in template.resources.values_mut() {
        replace(resource, &json!({"Ref": id}), &json!({"Fn::GetAtt": [function, "Arn"]}));
        let is_config = is_kind(resource, "AWS::Lambda::EventInvokeConfig");
        let is_ours = resource.get("DependsOn").is_some_and(|ids| *ids == json!(id));
        if let (true, Some(members)) = (is_ours, resource.as_object_mut()) {
            members.shift_remove("DependsOn");
            let properties = members.get_mut("Properties").and_then(Value::as_object_mut);
            let properties = properties.filter(|properties| properties.get("Qualifier") == Some(&name));
            if let Some(properties) = properties {
                properties.shift_remove("Qualifier");
                properties.extend(is_config.then(|| ("Qualifier".to_owned(), json!("$LATEST"))));
            }
        }
    }
    alias.pointer("/Properties/ProvisionedConcurrencyConfig").cloned()
}

fn replace(value: &mut Value, from: &Value, to: &Value) {
    match value {
        value if value == from => *value = to.clone(),
        Value::Object(members) => members.values_mut().for_each(|member| replace(member, from, to)),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, from, to)),
        _ => {}
    }
}

fn of_kind(template: &Template, kind: &str) -> Vec<String> {
    let resources = template.resources.iter();
    resources.filter(|(_, resource)| is_kind(resource, kind)).map(|(id, _)| id.clone()).collect()
}

fn is_kind(resource: &Value, kind: &str) -> bool {
    resource.get("Type").and_then(Value::as_str) == Some(kind)
}

/// The resource that is the function's version; made, where the template has none.
fn version_of(template: &mut Template, function: &str) -> String {
    let named = |resource: &Value| {
        is_kind(resource, VERSION)
            && resource.pointer("/Properties/FunctionName").is_some_and(|name| refers(name, function))
    };
    if let Some((id, _)) = template.resources.iter().rfind(|(_, resource)| named(resource)) {
        return id.clone();
    }
    let definition = template.resources.get(function).cloned().unwrap_or_default();
    let layers: Vec<&Value> =
        template.resources.values().filter(|resource| is_kind(resource, "AWS::Lambda::LayerVersion")).collect();
    // A version is made once, so another state of the function is another resource.
    let id = format!("{function}Version{}", digest(&[&definition, &json!(layers)]));
    let mut version =
        json!({"Type": VERSION, "DeletionPolicy": "Retain", "Properties": {"FunctionName": {"Ref": function}}});
    if let Some(condition) = definition.get("Condition") {
        version["Condition"] = condition.clone();
    }
    template.resources.insert(id.clone(), version);
    id
}

/// Makes a version anew when its function has changed by a value that the template only refers to. The one before stays,
/// for it may have traffic.
fn follow(template: &mut Template, version: &str, function: &str) {
    if let Some(resource) = template.resources.get_mut(version) {
        resource["UpdateReplacePolicy"] = json!("Retain");
        resource["Properties"][REVISION] = json!({"Fn::GetAtt": [function, REVISION]});
    }
}

/// Whether a value is the function's name or ARN.
fn refers(value: &Value, function: &str) -> bool {
    let attribute = value.get("Fn::GetAtt");
    value.get("Ref").and_then(Value::as_str) == Some(function)
        || attribute.is_some_and(|attribute| {
            *attribute == json!([function, "Arn"]) || *attribute == json!(format!("{function}.Arn"))
        })
}

struct Route<'a> {
    function: &'a str,
    /// How its ARN ends, where the template says it.
    name: Option<String>,
    alias: String,
}

impl Route<'_> {
    /// The function's permissions once more, for its alias: the ids, each with the original's.
    fn permit(&self, template: &mut Template) -> Vec<(String, String)> {
        let mut ids = Vec::new();
        for id in of_kind(template, PERMISSION) {
            let Some(mut permission) = template.resources.get(&id).cloned() else { continue };
            let Some(name) = permission.pointer_mut("/Properties/FunctionName") else { continue };
            if !refers(name, self.function) {
                continue;
            }
            *name = json!({"Ref": self.alias});
            let copy = format!("{id}Live");
            template.resources.insert(copy.clone(), permission);
            ids.push((id, copy));
        }
        ids
    }

    /// Lets a trigger of the function call the alias.
    fn trigger(&self, resource: &mut Value, permissions: &[(String, String)]) {
        let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default().to_owned();
        match kind.as_str() {
            INTEGRATION
            | "AWS::ApiGateway::Method"
            | "AWS::Lambda::EventSourceMapping"
            | "AWS::Events::Rule"
            | "AWS::S3::Bucket"
            | "Custom::CloudletMigration"
            | "Custom::S3" => {
                let Some(properties) = resource.get_mut("Properties") else { return };
                let is_named = self.redirect_names(properties);
                if !self.redirect(properties) && !is_named {
                    return;
                }
                let mut waits: Vec<&str> = permissions
                    .iter()
                    .filter(|(original, _)| kind == INTEGRATION || depends_on(resource, original))
                    .map(|(_, copy)| copy.as_str())
                    .collect();
                waits.extend(is_named.then_some(self.alias.as_str()));
                depend(resource, &waits);
            }
            "AWS::Lambda::Url" => self.qualify(resource, "TargetFunctionArn", None),
            "AWS::Lambda::EventInvokeConfig" => self.qualify(resource, "FunctionName", Some("$LATEST")),
            _ => {}
        }
    }

    /// Gives the resource the alias as its qualifier, where it has this one.
    fn qualify(&self, resource: &mut Value, target: &str, qualifier: Option<&str>) {
        let Some(properties) = resource.get_mut("Properties").and_then(Value::as_object_mut) else { return };
        let ours = properties.get(target).is_some_and(|name| refers(name, self.function));
        if ours && properties.get("Qualifier").and_then(Value::as_str) == qualifier {
            properties.insert("Qualifier".into(), json!(LIVE));
            depend(resource, &[&self.alias]);
        }
    }

    /// Qualifies ARNs that name the function in full, and says whether there were any.
    fn redirect_names(&self, value: &mut Value) -> bool {
        match value {
            Value::Object(members) => {
                members.values_mut().map(|member| self.redirect_names(member)).fold(false, BitOr::bitor)
            }
            Value::Array(items) => items.iter_mut().map(|item| self.redirect_names(item)).fold(false, BitOr::bitor),
            Value::String(text) => {
                let Some(name) = &self.name else { return false };
                let Some((before, after)) = text.split_once(name.as_str()) else { return false };
                // A longer name, or a qualifier that somebody chose.
                if !(after.is_empty() || after.starts_with('/')) {
                    return false;
                }
                *text = format!("{before}{name}:{LIVE}{after}");
                true
            }
            _ => false,
        }
    }

    /// Puts the alias where the function is named, and says whether it was.
    fn redirect(&self, value: &mut Value) -> bool {
        if refers(value, self.function) {
            *value = json!({"Ref": self.alias});
            return true;
        }
        match value {
            // Every one, also after the first that was found.
            Value::Object(members) => {
                members.values_mut().map(|member| self.redirect(member)).fold(false, BitOr::bitor)
            }
            Value::Array(items) => items.iter_mut().map(|item| self.redirect(item)).fold(false, BitOr::bitor),
            Value::String(text) => {
                let named = format!("${{{}.Arn}}", self.function);
                let found = text.contains(&named);
                if found {
                    *text = text.replace(&named, &format!("${{{}}}", self.alias));
                }
                found
            }
            _ => false,
        }
    }
}

fn depends_on(resource: &Value, id: &str) -> bool {
    match resource.get("DependsOn") {
        Some(Value::String(one)) => one == id,
        Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(id)),
        _ => false,
    }
}

fn depend(resource: &mut Value, ids: &[&str]) {
    let mut all = match resource.get("DependsOn") {
        Some(Value::Array(all)) => all.clone(),
        Some(one @ Value::String(_)) => vec![one.clone()],
        _ => Vec::new(),
    };
    all.extend(ids.iter().map(|id| json!(id)));
    if let (Some(resource), false) = (resource.as_object_mut(), all.is_empty()) {
        resource.insert("DependsOn".into(), Value::Array(all));
    }
}

/// A deployment of a REST API is a picture of its methods: with other methods it is another resource.
fn rename(template: &mut Template, from: &str, to: &str) {
    let resources = std::mem::take(&mut template.resources);
    for (id, mut resource) in resources {
        rename_references(&mut resource, from, to);
        template.resources.insert(if id == from { to.into() } else { id }, resource);
    }
    template.outputs.values_mut().for_each(|output| rename_references(output, from, to));
}

fn rename_references(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let names_it = matches!(name.as_str(), "Ref" | "DependsOn") && member.as_str() == Some(from);
                if names_it {
                    *member = json!(to);
                } else if let ("DependsOn", Value::Array(ids)) = (name.as_str(), &mut *member) {
                    ids.iter_mut().filter(|id| id.as_str() == Some(from)).for_each(|id| *id = json!(to));
                } else {
                    rename_references(member, from, to);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename_references(item, from, to)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(resources: Value) -> Template {
        Template::from_json(&json!({"Resources": resources})).unwrap()
    }

    #[test]
    fn triggers_call_the_alias_and_wait_for_its_permission() {
        let arn = json!({"Fn::GetAtt": ["F", "Arn"]});
        let routed = through_aliases(template(json!({
            "F": {"Type": "AWS::Lambda::Function", "Properties": {"Handler": "h"}},
            "P": {"Type": PERMISSION, "Properties": {"FunctionName": arn}},
            "I": {"Type": INTEGRATION, "Properties": {"IntegrationUri": arn}},
            "M": {"Type": "AWS::ApiGateway::Method", "DependsOn": ["P"],
                  "Properties": {"Integration": {"Uri": {"Fn::Sub": "x:${F.Arn}/invocations"}}}},
            "D": {"Type": "AWS::ApiGateway::Deployment", "DependsOn": ["M"], "Properties": {}},
            "Q": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"FunctionName": {"Ref": "F"}}},
            "U": {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": arn}},
            "B": {"Type": "AWS::S3::Bucket", "DependsOn": ["P"], "Properties": {
                "NotificationConfiguration": {"LambdaConfigurations": [{"Event": "s3:ObjectCreated:*", "Function": arn}]}}},
            "X": {"Type": "Custom::S3", "Properties": {"FunctionName": "f", "FunctionArn": arn}},
            "E": {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": {
                "FunctionName": {"Ref": "F"}, "Qualifier": "$LATEST", "DestinationConfig": {"OnFailure": arn}}},
        })));
        let at = |path: &str| routed.to_json().pointer(&format!("/Resources/{path}")).cloned().unwrap_or_default();
        let alias = json!({"Ref": "FLiveAlias"});
        assert_eq!(at("P/Properties/FunctionName"), arn);
        assert_eq!(at("PLive/Properties/FunctionName"), alias);
        assert_eq!((at("I/Properties/IntegrationUri"), at("I/DependsOn")), (alias.clone(), json!(["PLive"])));
        assert_eq!(at("M/Properties/Integration/Uri/Fn::Sub"), json!("x:${FLiveAlias}/invocations"));
        assert_eq!((at("M/DependsOn"), at("DLive/DependsOn")), (json!(["P", "PLive"]), json!(["M"])));
        let told = at("B/Properties/NotificationConfiguration/LambdaConfigurations/0/Function");
        assert_eq!((told, at("B/DependsOn")), (alias.clone(), json!(["P", "PLive"])));
        assert_eq!((at("X/Properties/FunctionName"), at("X/Properties/FunctionArn")), (json!("f"), alias.clone()));
        assert_eq!((at("D"), at("Q/Properties/FunctionName")), (Value::Null, alias));
        assert_eq!((at("U/Properties/Qualifier"), at("E/Properties/Qualifier")), (json!(LIVE), json!(LIVE)));
        assert_eq!(at("E/Properties/DestinationConfig/OnFailure"), arn);
        let version = at("FLiveAlias/Properties/FunctionVersion/Fn::GetAtt/0");
        assert_eq!(at(version.as_str().unwrap()).get("DeletionPolicy"), Some(&json!("Retain")));
    }

    #[test]
    fn arns_in_full_and_aliases_of_others_are_led_to_the_alias_too() {
        let full = "arn:aws:lambda:r:0:function:f";
        let routed = through_aliases(template(json!({
            "F": {"Type": FUNCTION, "Properties": {"FunctionName": "f"}},
            "V": {"Type": VERSION, "Properties": {"FunctionName": {"Ref": "F"}}},
            "A": {"Type": ALIAS, "Properties": {"FunctionName": {"Ref": "F"}, "Name": "provisioned",
                  "FunctionVersion": {"Fn::GetAtt": ["V", "Version"]},
                  "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 2}}},
            "I": {"Type": INTEGRATION, "Properties": {"IntegrationUri": {"Ref": "A"}}},
            "E": {"Type": "AWS::Lambda::EventInvokeConfig", "DependsOn": "A",
                  "Properties": {"FunctionName": {"Ref": "F"}, "Qualifier": "provisioned"}},
            "M": {"Type": "AWS::ApiGateway::Method", "Properties": {"Integration": {"Uri": format!("x/{full}/invocations")}}},
            "Q": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"FunctionName": format!("{full}oo")}},
            "R": {"Type": "AWS::Events::Rule", "Properties": {"Targets": [{"Arn": format!("{full}:chosen")}]}},
        })));
        let at = |path: &str| routed.to_json().pointer(&format!("/Resources/{path}")).cloned().unwrap_or_default();
        assert_eq!((at("A"), at("I/Properties/IntegrationUri")), (Value::Null, json!({"Ref": "FLiveAlias"})));
        let ready = at("FLiveAlias/Properties/ProvisionedConcurrencyConfig/ProvisionedConcurrentExecutions");
        assert_eq!((ready, at("E/Properties/Qualifier")), (json!(2), json!(LIVE)));
        assert_eq!(at("M/Properties/Integration/Uri"), json!(format!("x/{full}:live/invocations")));
        assert_eq!(at("M/DependsOn"), json!(["FLiveAlias"]));
        assert_eq!(at("Q/Properties/FunctionName"), json!(format!("{full}oo")));
        assert_eq!(at("R/Properties/Targets/0/Arn"), json!(format!("{full}:chosen")));
        assert_eq!(at(&format!("V/Properties/{REVISION}")), json!({"Fn::GetAtt": ["F", REVISION]}));
    }

    #[test]
    fn a_version_that_the_template_has_is_the_one() {
        let routed = through_aliases(template(json!({
            "F": {"Type": "AWS::Lambda::Function", "Properties": {}},
            "V1": {"Type": VERSION, "Properties": {"FunctionName": {"Ref": "F"}}},
        })));
        assert_eq!(of_kind(&routed, VERSION), ["V1"]);
        assert!(through_aliases(template(json!({}))).resources.is_empty());
    }
}
