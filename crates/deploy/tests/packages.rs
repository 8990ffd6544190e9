//! Packages of projects: what is in them, and that what has not changed is not made again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use deploy::{Built, Options, PackageError, PackageOptions, Packager, Progress, Project};
use support::run;
use tempfile::TempDir;

/// A project of these files.
fn project(config: &str, files: &[(&str, &str)]) -> (TempDir, Project) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("serverless.yml"), config).unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let project = Project::load(folder.path(), &Options::default()).unwrap();
    (folder, project)
}

fn build(packager: &mut Packager, project: &Project, cache: &Path) -> (Result<Built, PackageError>, Vec<Progress>) {
    let options = PackageOptions { cache: cache.into(), npm_install: false, keep_unaffected: false };
    build_with(packager, project, &options)
}

fn build_with(
    packager: &mut Packager,
    project: &Project,
    options: &PackageOptions,
) -> (Result<Built, PackageError>, Vec<Progress>) {
    let mut told = Vec::new();
    let built = run(packager.package(project, options, &mut |progress| told.push(progress)));
    (built, told)
}

/// The names in a function's package, with their modes.
fn content(built: &Built, function: &str) -> BTreeMap<String, u32> {
    let bytes = &built.packages.0[&built.hashes.functions[function]];
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut content = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        content.insert(file.name().unwrap().to_string(), file.unix_mode().unwrap() & 0o777);
    }
    content
}

const TWO_FUNCTIONS: &str = "
service: two
provider: { name: aws, runtime: python3.12 }
package: { patterns: ['!docs/**', '!layers/**'] }
functions:
  a: { handler: a.handler }
  b: { handler: b.handler, package: { individually: true, patterns: ['!a.py', 'docs/b.md'] } }
layers:
  shared: { path: layers/shared }
";

const FILES: &[(&str, &str)] = &[
    ("a.py", "a"),
    ("b.py", "b"),
    ("docs/b.md", "b"),
    ("layers/shared/python/x.py", "x"),
    (".git/HEAD", "h"),
    (".env", "SECRET=1"),
    ("__pycache__/a.pyc", "c"),
    ("bin/tool", "t"),
];

#[test]
fn a_service_shares_a_package_and_a_function_can_have_its_own() {
    let (folder, project) = project(TWO_FUNCTIONS, FILES);
    fs::set_permissions(folder.path().join("bin/tool"), fs::Permissions::from_mode(0o700)).unwrap();
    let mut packager = Packager::default();
    let (built, told) = build(&mut packager, &project, folder.path());
    let built = built.unwrap();
    assert_eq!(
        content(&built, "a"),
        BTreeMap::from([("a.py".into(), 0o644), ("b.py".into(), 0o644), ("bin/tool".into(), 0o755)])
    );
    assert_eq!(content(&built, "b").into_keys().collect::<Vec<_>>(), ["b.py", "bin/tool", "docs/b.md"]);
    assert_eq!((built.packages.0.len(), built.hashes.layers.len(), told.len()), (3, 1, 3), "{told:?}");
    assert!(built.warnings.is_empty());

    let (again, told) = build(&mut packager, &project, folder.path());
    assert_eq!((again.unwrap().hashes.functions, told), (built.hashes.functions.clone(), vec![]), "from memory");

    fs::write(folder.path().join("a.py"), "changed").unwrap();
    let (changed, told) = build(&mut packager, &project, folder.path());
    let changed = changed.unwrap();
    assert_ne!(changed.hashes.functions["a"], built.hashes.functions["a"]);
    assert_eq!((&changed.hashes.functions["b"], told.len()), (&built.hashes.functions["b"], 1));
}

#[test]
fn what_is_missing_is_said() {
    let config = "
service: missing
provider: { name: aws, runtime: nodejs20.x }
functions:
  f: { handler: src/nothing.handler }
";
    let (folder, loaded) = project(config, &[("index.js", "")]);
    let (built, _) = build(&mut Packager::default(), &loaded, folder.path());
    let warning = built.unwrap().warnings[0].to_string();
    assert!(
        warning.contains("needs src/nothing.js, which is not in its package") && warning.contains("serverless.yml:5:3"),
        "{warning}"
    );

    fs::write(folder.path().join("package.json"), r#"{"dependencies": {"left-pad": "1"}}"#).unwrap();
    let (built, _) = build(&mut Packager::default(), &loaded, folder.path());
    assert!(built.unwrap_err().to_string().contains("run `npm install`"));

    let (folder, empty) =
        project(&config.replace("functions:", "package: { patterns: ['!**'] }\nfunctions:"), &[("index.js", "")]);
    assert!(matches!(build(&mut Packager::default(), &empty, folder.path()).0, Err(PackageError::Empty(_))));

    let (folder, artifact) = project(&config.replace("functions:", "package: { artifact: out.zip }\nfunctions:"), &[]);
    assert!(matches!(build(&mut Packager::default(), &artifact, folder.path()).0, Err(PackageError::Io { .. })));
}

#[test]
fn node_packages_for_development_stay_out() {
    let config = "
service: node
provider: { name: aws, runtime: nodejs20.x }
functions:
  f: { handler: index.handler }
";
    let lock =
        r#"{"lockfileVersion": 3, "packages": {"": {}, "node_modules/used": {}, "node_modules/jest": {"dev": true}}}"#;
    let files = [
        ("index.js", ""),
        ("package.json", r#"{"dependencies": {"used": "1"}, "devDependencies": {"jest": "1"}}"#),
        ("package-lock.json", lock),
        ("node_modules/used/index.js", ""),
        ("node_modules/jest/index.js", ""),
        ("node_modules/.bin/jest", ""),
    ];
    let (folder, project) = project(config, &files);
    let (built, _) = build(&mut Packager::default(), &project, folder.path());
    let names: Vec<String> = content(&built.unwrap(), "f").into_keys().collect();
    assert_eq!(names, ["index.js", "node_modules/used/index.js", "package-lock.json", "package.json"]);
}

#[test]
fn dotenv_files_give_the_environment() {
    let config = "
service: env
useDotenv: true
provider: { name: aws, runtime: python3.12, stage: \"${opt:stage, 'test'}\" }
functions:
  f: { handler: f.f, environment: { A: '${env:A}', B: '${env:B}', C: '${env:C}' } }
";
    let files = [("f.py", ""), (".env", "A=all\nB=all\nC=all"), (".env.test", "B=test\nC=test")];
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("serverless.yml"), config).unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let environment = BTreeMap::from([("C".to_string(), "process".to_string())]);
    let project = Project::load(folder.path(), &Options { environment, ..Options::default() }).unwrap();
    let found: Vec<_> =
        project.service.functions[0].environment.values().map(|value| value.as_str().unwrap().to_string()).collect();
    assert_eq!(found, ["all", "test", "process"]);
}

#[test]
fn code_of_others_changes_a_package_only_when_it_is_deployed() {
    let config = "
service: kept
provider: { name: aws, runtime: python3.12 }
functions:
  a: { handler: a.handler }
  b: { handler: b.handler }
  c: { handler: c.handler, runtime: provided.al2023 }
";
    let files = [("a.py", "import shared"), ("b.py", "import shared"), ("shared.py", ""), ("data.json", "{}")];
    let (folder, project) = project(config, &files);
    let (mut working, mut deploying) = (Packager::default(), Packager::default());
    let options = PackageOptions { cache: folder.path().into(), npm_install: false, keep_unaffected: true };
    let mut change = |name: &str, content: &str, project: &Project| {
        fs::write(folder.path().join(name), content).unwrap();
        let built = build_with(&mut working, project, &options).0.unwrap();
        let whole = build(&mut deploying, project, folder.path()).0.unwrap();
        assert!(built.hashes.functions.values().all(|hash| built.packages.0.contains_key(hash)));
        let whole = whole.hashes.functions["a"].clone();
        let has_latest = |function: &str| built.hashes.functions[function] == whole;
        [has_latest("a"), has_latest("b"), has_latest("c")]
    };
    assert_eq!(change("a.py", "import shared", &project), [true, true, true]);
    assert_eq!(
        change("a.py", "import shared # 2", &project),
        [true, false, true],
        "what is compiled may read anything"
    );
    assert_eq!(change("b.py", "import shared # 2", &project), [false, true, true]);
    assert_eq!(change("shared.py", "x = 1", &project), [true, true, true]);
    assert_eq!(change("data.json", "[]", &project), [true, true, true]);
    assert_eq!(change("b.py", "import shared, a", &project), [false, true, true]);
    assert_eq!(change("a.py", "import shared # 3", &project), [true, true, true], "b imports it now");
    assert_eq!(change("b.py", "import shared", &project), [false, true, true]);
    assert_eq!(change("a.py", "import shared # 4", &project), [true, false, true]);
    // A function that has another handler needs what that is now.
    let mut other = project.clone();
    other.service.functions[1].handler = "a.handler".into();
    assert_eq!(change("a.py", "import shared # 4", &other), [true, true, true]);
}
