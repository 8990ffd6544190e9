//! What Node compiles a function's code to is kept for its next start, and for nobody else's.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use runtime::FunctionSpec;
use serde_json::json;

use crate::harness::{Harness, node};

/// Code as bundlers write it: one file of so many modules, each in a function. `tail` is its end.
fn bundle(modules: usize, tail: &str) -> String {
    let mut source = String::from(
        "\"use strict\";\nvar made = (make, module) => () => module || (make((module = { exports: {} }).exports, module), module.exports);\n",
    );
    for index in 0..modules {
        write!(
            source,
            "var m{index} = made((exports, module) => {{\n  class Command{index} {{\n    constructor(input) {{ this.input = {{ ...input, index: {index} }}; }}\n    resolve(stack) {{ return stack.reduce((all, one) => [...all, `${{one}}-{index}`], []); }}\n  }}\n  const serialize = (input, context) => {{\n    const entries = {{}};\n    for (const [key, value] of Object.entries(input ?? {{}})) {{\n      if (value == null) continue;\n      entries[`field.${{key}}.{index}`] = typeof value === \"object\" ? serialize(value, context) : String(value);\n    }}\n    return entries;\n  }};\n  exports.Command{index} = Command{index};\n  exports.example = serialize({{ a: {index}, b: {{ c: \"x\" }} }});\n}});\n"
        )
        .unwrap();
    }
    let calls = (0..modules).map(|index| format!("m{index}()")).collect::<Vec<_>>();
    format!("{source}const loaded = [{}];\n{tail}", calls.join(", "))
}

/// The one file with compiled code, when it has come.
async fn file_of(cache: &Path) -> PathBuf {
    for _ in 0..10_000 {
        let folders = std::fs::read_dir(cache.join("compiled")).into_iter().flatten().flatten();
        if let Some(file) = folders.map(|folder| folder.path().join("code")).find(|file| file.is_file()) {
            return file;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("nothing was kept");
}

fn again(spec: &FunctionSpec, key: &str) -> Arc<FunctionSpec> {
    Arc::new(FunctionSpec { key: key.into(), ..spec.clone() })
}

#[tokio::test]
async fn the_second_start_uses_what_the_first_compiled() {
    for isolate in [true, false] {
        let harness = Harness::with(|config| config.isolate = isolate);
        let tail = "exports.handler = async () => loaded.length + require('./other').more;";
        let files = [("index.js", bundle(2_000, tail)), ("other.js", format!("exports.more = 1;\n//{:2000}", ""))];
        let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
        let spec = harness.function("bundle", node(), "index.handler", &files);
        assert_eq!(harness.value(&again(&spec, "first"), "{}").await, json!(2001));
        let file = file_of(&harness.cache()).await;
        let kept = std::fs::read(&file).unwrap();
        assert!(kept.len() > 500_000, "{}", kept.len());
        let born = || std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&file).unwrap());
        let first = born();
        // Had it not been used, or been rejected, the function would have given it again.
        assert_eq!(harness.value(&again(&spec, "second"), "{}").await, json!(2001));
        assert_eq!(born(), first);
        // What V8 does not take is compiled, and made again.
        std::fs::write(&file, kept.iter().map(|byte| byte ^ 0x55).collect::<Vec<u8>>()).unwrap();
        assert_eq!(harness.value(&again(&spec, "third"), "{}").await, json!(2001));
        for _ in 0..10_000 {
            if born() != first {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_ne!(born(), first);
        harness.runtime.forget_code(&spec.code).unwrap();
        assert!(!file.exists());
    }
}

/// Whether the host's Node can keep ES modules: 22.10 and later.
fn keeps_modules() -> bool {
    let program = ["-p", "typeof require('module').flushCompileCache"];
    let said = std::process::Command::new("node").args(program).output().unwrap();
    String::from_utf8_lossy(&said.stdout).trim() == "function"
}

#[tokio::test]
async fn es_modules_are_kept_where_node_can() {
    for isolate in [true, false] {
        let harness = Harness::with(|config| config.isolate = isolate);
        let tail = "export const handler = async () => [loaded.length + more, (await import('node:fs')).existsSync('/tmp/.cloudlet-compiled')];";
        let source = format!("import {{ more }} from './other.mjs';\n{}", bundle(2_000, tail));
        let files = [("index.mjs", source.as_str()), ("other.mjs", "export const more = 1;")];
        let spec = harness.function("modules", node(), "index.handler", &files);
        assert_eq!(harness.value(&again(&spec, "first"), "{}").await, json!([2001, false]));
        if !keeps_modules() {
            eprintln!("this host's Node keeps no ES modules");
            return;
        }
        let file = file_of(&harness.cache()).await;
        assert!(std::fs::metadata(&file).unwrap().len() > 64 << 10);
        let born = || std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&file).unwrap());
        let first = born();
        // Had it not been used, or been rejected, the function would have given it again.
        assert_eq!(harness.value(&again(&spec, "second"), "{}").await, json!([2001, false]));
        assert_eq!(born(), first);
    }
}

#[tokio::test]
async fn another_function_with_the_same_code_has_its_own() {
    let harness = Harness::new();
    let tail = "exports.handler = async () => process.env.AWS_LAMBDA_FUNCTION_NAME;";
    let spec = harness.function("one", node(), "index.handler", &[("index.js", &bundle(200, tail))]);
    assert_eq!(harness.value(&again(&spec, "one"), "{}").await, json!("one"));
    let file = file_of(&harness.cache()).await;
    let other = Arc::new(FunctionSpec { key: "other".into(), name: "other".into(), ..spec.clone() });
    assert_eq!(harness.value(&other, "{}").await, json!("other"));
    let kept = || std::fs::read_dir(harness.cache().join("compiled")).unwrap().flatten();
    for _ in 0..10_000 {
        if kept().filter(|folder| folder.path().join("code").is_file()).count() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let folders: Vec<PathBuf> = kept().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    assert_eq!(folders.len(), 2, "{folders:?}");
    assert!(folders.iter().any(|folder| file.starts_with(folder)));
}

/// Code that is loaded in this way does what it does when Node loads it.
#[tokio::test]
async fn modules_are_what_they_are() {
    let harness = Harness::new();
    let tail = r#"
const path = require("path");
const thrown = () => { try { require("./throws"); } catch (error) { return error.stack.split("\n")[1].trim(); } };
exports.handler = async () => ({
    self: this === undefined, names: [path.basename(__filename), path.basename(__dirname)],
    main: require.main === module, resolved: path.basename(require.resolve("./esm.mjs")),
    cached: require.cache[__filename] === module, parent: require("./child").parent,
    esm: await require("./imports").esm(), json: require("./data.json").a, thrown: thrown(),
    syntax: (() => { try { require("./syntax"); } catch (error) { return error.name; } })(),
});
"#;
    let filler = "// filler\n".repeat(200);
    let files = [
        ("index.js", bundle(200, tail)),
        ("child.js", format!("exports.parent = require('path').basename(module.parent.filename);\n{filler}")),
        ("imports.js", format!("exports.esm = async () => (await import('./esm.mjs')).default;\n{filler}")),
        ("esm.mjs", "export default 7".into()),
        ("data.json", r#"{"a": 1}"#.into()),
        ("throws.js", format!("    throw new Error('x');\n{filler}")),
        ("syntax.js", format!("const = 1;\n{filler}")),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let spec = harness.function("f", node(), "index.handler", &files);
    for key in ["compiled", "kept"] {
        let value = harness.value(&again(&spec, key), "{}").await;
        assert_eq!(
            value,
            json!({
                "self": false, "names": ["index.js", "task"], "main": false, "resolved": "esm.mjs", "cached": true,
                "parent": "index.js", "esm": 7, "json": 1, "thrown": "at Object.<anonymous> (/var/task/throws.js:1:11)",
                "syntax": "SyntaxError",
            })
        );
        file_of(&harness.cache()).await;
    }
}
