//! Projects under `tests/data`, loaded and compiled. `expected.json` is the template, `expected.txt` what was found:
//! `UPDATE_EXPECTED=1 cargo test -p deploy` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use deploy::{Diagnostic, Looked, Options, PackageHashes, Project, Wanted};
use serde_json::Value;
use support::{FakeCloud, expect, run};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn options() -> Options {
    let environment = [("HOME_TEST", "/home/me"), ("VERBATIM", "${self:service}"), ("TIMEOUT", "30")];
    Options {
        environment: environment.map(|(name, value)| (name.to_string(), value.to_string())).into(),
        account: "000000000000".into(),
        instance: "instance".into(),
        outputs: BTreeMap::from([("other-dev".into(), BTreeMap::from([("Url".into(), "http://other".into())]))]),
        parameters: [
            ("/db/host", "String", "db.local ${self:service}"),
            ("/db/hosts", "StringList", "a,b"),
            ("/aws/reference/secretsmanager/db", "SecureString", r#"{"password": "p ${self:service}"}"#),
        ]
        .map(|(name, kind, value)| (name.to_string(), Looked { kind: kind.into(), value: value.into() }))
        .into(),
        ..Options::default()
    }
}

#[test]
fn parameters_are_asked_for_until_there_are_none_left() {
    let folder = tempfile::tempdir().unwrap();
    let text = "service: s\nprovider: {name: aws, region: eu-west-1}\ncustom: {which: '${ssm:/which}', value: '${ssm:/of/${self:custom.which}, 1}'}\n";
    fs::write(folder.path().join("serverless.yml"), text).unwrap();
    let mut options = Options::default();
    let wanted = |options: &Options| Wanted::of(folder.path(), options);
    assert_eq!(wanted(&options).region, "eu-west-1");
    let mut rounds = Vec::new();
    while let Some(name) = wanted(&options).parameters.first().cloned() {
        options.parameters.insert(name.clone(), Looked { kind: "String".into(), value: "one".into() });
        rounds.push(name);
    }
    assert_eq!(rounds, ["/which", "/of/one"]);
}

fn hashes(project: &Project) -> PackageHashes {
    let functions =
        project.service.functions.iter().map(|function| (function.key.clone(), format!("{:0>64}", function.key.len())));
    let site = project.service.site.as_ref().map(|site| format!("{:0>64}", site.path.len()));
    PackageHashes { functions: functions.collect(), layers: BTreeMap::new(), site }
}

fn rendered(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| format!("{diagnostic}\n\n")).collect()
}

/// Loads a project of `tests/data` and compares its template and what was found with what is expected.
fn check(name: &str) {
    let folder = data(name);
    match Project::load(&folder, &options()) {
        Ok(project) => {
            let template = project.template(&hashes(&project)).to_json();
            expect(&folder.join("expected.json"), &format!("{}\n", serde_json::to_string_pretty(&template).unwrap()));
            if !project.warnings.is_empty() {
                expect(&folder.join("expected.txt"), &rendered(&project.warnings));
            }
        }
        Err(diagnostics) => expect(&folder.join("expected.txt"), &rendered(&diagnostics)),
    }
}

#[test]
fn an_http_api_with_a_table_and_a_queue() {
    check("blog");
}

#[test]
fn streams_of_tables() {
    check("streams");
}

#[test]
fn buckets_made_and_existing() {
    check("buckets");
}

#[test]
fn a_site_and_what_is_added_to_it() {
    check("site");
}

#[test]
fn a_backend_that_functions_take_over_from() {
    check("migrate");
}

#[test]
fn topics_by_name_and_by_arn() {
    check("topics");
}

#[test]
fn user_pools_with_their_triggers() {
    check("user_pools");
}

#[test]
fn rules_of_event_buses() {
    check("event_rules");
}

#[test]
fn schedules_of_rules_and_of_the_scheduler() {
    check("schedules");
}

#[test]
fn a_rest_api_with_roles_and_extensions() {
    check("rest");
}

#[test]
fn integrations_other_than_proxies_of_functions() {
    check("integrations");
}

#[test]
fn authorizers_in_all_their_forms() {
    check("authorizers");
}

#[test]
fn websockets_with_authorizers_and_answers() {
    check("websockets");
}

#[test]
fn logs_of_each_kind_of_api() {
    check("api_logs");
}

#[test]
fn custom_domains_of_both_kinds_of_api() {
    check("custom_domains");
}

#[test]
fn api_keys_of_plans_by_name() {
    check("api_keys");
}

#[test]
fn triggers_call_the_alias_that_is_ready() {
    check("aliases");
}

#[test]
fn variables_are_resolved() {
    check("variables");
}

#[test]
fn every_error_has_its_place() {
    check("errors");
    check("cycle");
    check("unresolved");
}

#[test]
fn errors_in_resources_have_their_places_too() {
    let project = Project::load(&data("template_errors"), &options()).unwrap();
    let planned =
        run(deploy::plan(project.template(&hashes(&project)), "typos-dev", BTreeMap::new(), &FakeCloud::default()));
    let Err(deploy::DeployError::Project(diagnostics)) = planned else { panic!("{planned:?}") };
    expect(&data("template_errors").join("expected.txt"), &rendered(&diagnostics));
}

#[test]
fn a_project_needs_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let error = |folder: &Path| Project::load(folder, &options()).unwrap_err()[0].to_string();
    assert!(error(folder.path()).contains("there is no serverless.yml"));
    fs::write(folder.path().join("serverless.ts"), "").unwrap();
    assert!(error(folder.path()).contains("would have to be run"));
    fs::write(folder.path().join("serverless.yml"), "- a").unwrap();
    assert!(error(folder.path()).contains("is not a mapping"));
    fs::write(folder.path().join("serverless.yml"), "service: [").unwrap();
    assert!(error(folder.path()).contains("this is not YAML"));
    fs::write(folder.path().join("serverless.yml"), "provider: {name: google}").unwrap();
    assert!(error(folder.path()).contains("the service has no name"));
}

#[test]
fn the_whole_way_from_files_to_endpoints() {
    for name in ["blog", "rest"] {
        let source = data(name);
        let folder = tempfile::tempdir().unwrap();
        fs::copy(source.join("serverless.yml"), folder.path().join("serverless.yml")).unwrap();
        for file in ["users.py", "mail/send.js", "src/app.js", "src/orders.js"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        let cloud = FakeCloud::default();
        let outcome = run(deploy_project(&cloud, folder.path()));
        let endpoints: Vec<String> = outcome
            .endpoints
            .iter()
            .map(|endpoint| {
                format!("{} {} {}", endpoint.method, endpoint.url, endpoint.function.as_deref().unwrap_or("-"))
            })
            .collect();
        expect(&source.join("endpoints.txt"), &format!("{}\n", endpoints.join("\n")));
        cloud.take_calls();

        let again = run(deploy_project(&cloud, folder.path()));
        assert_eq!((again.changed, cloud.take_calls()), (0, vec![]), "{name}");

        // A change of code updates the functions' code and nothing else but versions.
        fs::write(folder.path().join("src/app.js"), "changed").unwrap();
        run(deploy_project(&cloud, folder.path()));
        let calls = cloud.take_calls();
        assert!(calls.iter().any(|call| call.contains("UpdateFunctionCode")), "{calls:?}");
        assert!(
            calls.iter().all(|call| call.contains("UpdateFunctionCode") || call.contains("PublishVersion")),
            "{calls:?}"
        );
        assert_eq!(cloud.packages().len(), 1, "the old package is let go");

        let stack = Project::load(folder.path(), &options()).unwrap().stack_name();
        run(deploy::remove(&stack, &cloud, &base::Env::real(), &mut |_| {})).unwrap();
        let left: Vec<String> = cloud.world().into_keys().collect();
        let retained = if name == "rest" { vec!["logs//aws/lambda/shop-prod-orders"] } else { vec![] };
        assert_eq!((left.iter().map(String::as_str).collect::<Vec<_>>(), cloud.packages().len()), (retained, 0));
    }
}

#[test]
fn a_failure_restores_code_and_the_stage() {
    let folder = tempfile::tempdir().unwrap();
    let config = fs::read_to_string(data("rest").join("serverless.yml")).unwrap();
    fs::write(folder.path().join("serverless.yml"), &config).unwrap();
    fs::create_dir_all(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/app.js"), "one").unwrap();
    let cloud = FakeCloud::default();
    run(deploy_project(&cloud, folder.path()));
    let world = cloud.world();

    // One more path, other code, and a queue that cannot be made once the API was deployed anew.
    let with_path = config.replace("- http: ANY /\n", "- http: ANY /\n      - http: GET /more\n");
    let last = |needs: &str| {
        let dead = "Dead: { Type: AWS::SQS::Queue }";
        with_path.replace(dead, &format!("{dead}\n      Last: {{ Type: AWS::SQS::Queue, DependsOn: [{needs}], Properties: {{ QueueName: last }} }}"))
    };
    fs::write(folder.path().join("serverless.yml"), last("")).unwrap();
    let template = Project::load(folder.path(), &options()).unwrap().template(&PackageHashes::default());
    let deployment = template.resources.keys().find(|id| id.starts_with("ApiGatewayDeployment")).unwrap();
    fs::write(folder.path().join("serverless.yml"), last(deployment)).unwrap();
    fs::write(folder.path().join("src/app.js"), "two").unwrap();
    cloud.fail_on("CreateQueue", "last");
    let error = run(try_deploy(&cloud, folder.path())).unwrap_err();
    assert!(error.to_string().contains("every change was taken back"), "{error}");
    let calls = cloud.take_calls();
    assert!(calls.iter().any(|call| call.starts_with("apigateway:UpdateStage")), "{calls:?}");
    assert_eq!(cloud.world(), world);
}

async fn deploy_project(cloud: &FakeCloud, folder: &Path) -> deploy::Outcome {
    try_deploy(cloud, folder).await.unwrap()
}

async fn try_deploy(cloud: &FakeCloud, folder: &Path) -> Result<deploy::Outcome, deploy::DeployError> {
    let project = Project::load(folder, &options()).unwrap();
    let package_options =
        deploy::PackageOptions { cache: folder.join("cache"), npm_install: false, keep_unaffected: false };
    let built = deploy::Packager::default().package(&project, &package_options, &mut |_| {}).await?;
    let plan = deploy::plan(project.template(&built.hashes), &project.stack_name(), BTreeMap::new(), cloud).await?;
    let env = base::Env::real();
    deploy::apply(plan, &built.packages, cloud, &env, &mut |_| {}).await
}

#[test]
fn versions_can_be_left_out() {
    for name in ["blog", "aliases"] {
        let project = Project::load(&data(name), &options()).unwrap().without_versions();
        let text = project.template(&hashes(&project)).to_json().to_string();
        assert!(text.contains("AWS::Lambda::Function") && !text.contains("AWS::Lambda::Version"), "{name}");
        assert!(!text.contains("AWS::Lambda::Alias") && !text.contains("LambdaAlias"), "{name}");
    }
}

#[test]
fn a_template_is_read_back_as_it_was_written() {
    let project = Project::load(&data("blog"), &options()).unwrap();
    let written = project.template(&hashes(&project)).to_json();
    assert_eq!(deploy::Template::from_json(&written).unwrap().to_json(), written);
    assert!(deploy::Template::from_json(&Value::Null).is_err());
}
