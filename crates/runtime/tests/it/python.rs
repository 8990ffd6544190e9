//! What Python functions see and answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Harness, invocation, json as value_of, python, text};

#[tokio::test]
async fn answers_and_is_reused() {
    let harness = Harness::new();
    let spec = harness.python("count = 0\ndef handler(event, context):\n  global count\n  count += 1\n  return {'got': event, 'count': count}");
    assert_eq!(harness.value(&spec, r#"{"a": "ü"}"#).await, json!({"got": {"a": "ü"}, "count": 1}));
    let outcome = harness.invoke(&spec, "[1]").await;
    assert_eq!(value_of(&outcome), json!({"got": [1], "count": 2}));
    assert_eq!(outcome.init_duration, None);
    assert!(outcome.max_memory_used_mb > 3, "{outcome:?}");
}

#[tokio::test]
async fn errors_have_lambdas_shape() {
    let harness = Harness::new();
    let spec = harness.python(
        "class Oops(Exception): pass\ndef inner():\n  raise Oops('no')\ndef handler(event, context):\n  inner()",
    );
    let invocation = invocation("{}");
    let outcome = harness.runtime.invoke(&spec, invocation.clone()).await.unwrap();
    assert_eq!(outcome.function_error, Some("Unhandled"));
    let file = "/var/task/index.py";
    assert_eq!(
        value_of(&outcome),
        json!({
            "errorMessage": "no",
            "errorType": "Oops",
            "requestId": invocation.request_id,
            "stackTrace": [
                format!("  File \"{file}\", line 5, in handler\n    inner()\n"),
                format!("  File \"{file}\", line 3, in inner\n    raise Oops('no')\n"),
            ],
        })
    );
    let logged = format!(
        "[ERROR] Oops: no\nTraceback (most recent call last):\n\u{a0}\u{a0}File \"{file}\", line 5, in handler\n"
    );
    assert!(outcome.log_tail.contains(&logged), "{}", outcome.log_tail);
}

#[tokio::test]
async fn failures_to_load_are_told_apart() {
    let harness = Harness::new();
    let cases = [
        (
            "index.handler",
            "import no_such",
            "Runtime.ImportModuleError",
            "Unable to import module 'index': No module named 'no_such'",
        ),
        ("other.handler", "", "Runtime.ImportModuleError", "Unable to import module 'other': No module named 'other'"),
        ("index.missing", "", "Runtime.HandlerNotFound", "Handler 'missing' missing on module 'index'"),
        (
            "index",
            "",
            "Runtime.MalformedHandlerName",
            "Bad handler 'index': not enough values to unpack (expected 2, got 1)",
        ),
        ("index.handler", "def (", "Runtime.UserCodeSyntaxError", "Syntax error in module 'index': "),
        ("index.handler", "raise KeyError('x')", "KeyError", "'x'"),
    ];
    for (number, (handler, source, error_type, message)) in cases.into_iter().enumerate() {
        let spec = harness.function(&format!("f{number}"), python(), handler, &[("index.py", source)]);
        let error = harness.error(&Arc::new(spec), "{}").await;
        assert_eq!(error["errorType"], error_type);
        assert!(error["errorMessage"].as_str().unwrap().starts_with(message), "{error}");
    }
}

#[tokio::test]
async fn init_failures_are_logged_and_tried_again() {
    let harness = Harness::new();
    let source = "if open('marker').read() == '': raise ValueError('not yet')\ndef handler(e, c): return 1";
    let files = [("index.py", source), ("marker", "")];
    let spec = Arc::new(harness.function("f", python(), "index.handler", &files));
    let outcome = harness.invoke(&spec, "{}").await;
    assert_eq!(value_of(&outcome)["errorType"], "ValueError");
    let lines: Vec<&str> = outcome.log_tail.lines().collect();
    assert!(lines[0].starts_with(&format!("INIT_START Runtime Version: {} (3.", python())), "{lines:?}");
    assert_eq!(lines[1], "[ERROR] ValueError: not yet");
    assert!(outcome.log_tail.contains("\tPhase: init\tStatus: error\tError Type: ValueError\n"), "{lines:?}");
    std::fs::write(spec.code.join("marker"), "ready").unwrap();
    assert_eq!(harness.value(&spec, "{}").await, 1);
}

#[tokio::test]
async fn the_log_is_complete_and_worded_as_lambdas() {
    let harness = Harness::new();
    let spec = harness.python(
        "import logging, sys\nprint('loading')\ndef handler(event, context):\n  print('one\\ntwo')\n  logging.getLogger().warning('three\\nfour')\n  print('five', file=sys.stderr)\n  sys.stdout.write('six')",
    );
    let invocation = invocation("{}");
    let id = &invocation.request_id;
    let outcome = harness.runtime.invoke(&spec, invocation.clone()).await.unwrap();
    let lines = harness.host.messages();
    assert_eq!(
        lines[1..5],
        ["loading\n".to_string(), format!("START RequestId: {id} Version: $LATEST\n"), "one\n".into(), "two\n".into()]
    );
    assert!(
        lines[5].starts_with("[WARNING]\t20") && lines[5].ends_with(&format!("Z\t{id}\tthree\nfour\n")),
        "{lines:?}"
    );
    assert_eq!(lines[6..9], ["five\n".to_string(), "six\n".into(), format!("END RequestId: {id}\n")]);
    assert!(lines[9].starts_with(&format!("REPORT RequestId: {id}\tDuration: ")), "{lines:?}");
    assert!(
        lines[9].contains("\tMemory Size: 128 MB\tMax Memory Used: ") && lines[9].contains("\tInit Duration: "),
        "{lines:?}"
    );
    assert_eq!(lines.concat(), outcome.log_tail);
}

#[tokio::test]
async fn a_flood_of_output_is_bounded() {
    let harness = Harness::new();
    let spec =
        harness.python("def handler(event, context):\n  for _ in range(200): print('x' * 49_999)\n  return 'done'");
    let outcome = harness.invoke(&spec, "{}").await;
    assert_eq!(text(&outcome), "\"done\"");
    let printed: usize = harness.host.messages().iter().filter(|line| line.starts_with('x')).map(String::len).sum();
    assert!((4_000_000..=runtime::limits::OUTPUT_BYTES_MAX).contains(&printed), "{printed}");
    // The last line is cut, and gets a line feed.
    let left_out = 10_000_001 - printed;
    assert!(
        outcome.log_tail.contains(&format!("{left_out} bytes after them are not in the log.")),
        "{}",
        outcome.log_tail
    );
    let quiet = harness.invoke(&spec, "{}").await;
    assert!(quiet.log_tail.len() <= 4096);
}

#[tokio::test]
async fn a_flood_of_empty_lines_is_bounded_by_what_lines_cost() {
    use runtime::limits::{LINE_OVERHEAD_BYTES, OUTPUT_BYTES_MAX};
    let harness = Harness::new();
    let spec =
        harness.python("import os\ndef handler(event, context):\n  for _ in range(100): os.write(1, b'\\n' * 1000)");
    let outcome = harness.invoke(&spec, "{}").await;
    let kept = harness.host.messages().iter().filter(|line| *line == "\n").count();
    assert_eq!(kept, OUTPUT_BYTES_MAX.div_ceil(LINE_OVERHEAD_BYTES + 1));
    assert!(outcome.log_tail.contains(&format!("{} bytes after them", 100_000 - kept)), "{}", outcome.log_tail);
}

#[tokio::test]
async fn time_runs_out() {
    let harness = Harness::new();
    let mut spec = harness.function(
        "f",
        python(),
        "index.handler",
        &[("index.py", "import time\ndef handler(e, c):\n  print('before')\n  time.sleep(1000)")],
    );
    spec.timeout = Duration::from_millis(150);
    let invocation = invocation("{}");
    let id = &invocation.request_id;
    let outcome = harness.runtime.invoke(&Arc::new(spec), invocation.clone()).await.unwrap();
    assert_eq!(
        value_of(&outcome),
        json!({"errorType": "Sandbox.Timedout", "errorMessage": format!("RequestId: {id} Error: Task timed out after 0.15 seconds")})
    );
    assert!(outcome.log_tail.contains("before\n20"), "{}", outcome.log_tail);
    assert!(outcome.log_tail.contains(&format!("Z {id} Task timed out after 0.15 seconds\n\nEND RequestId: {id}\n")));
    assert!(outcome.log_tail.ends_with("\tStatus: timeout\n"), "{}", outcome.log_tail);
    harness.until_instances(0).await;
}

#[tokio::test]
async fn a_crash_is_one_invocations_error() {
    let harness = Harness::new();
    let spec = harness.python("import os, signal\ndef handler(event, context):\n  if event == 'segv': os.kill(os.getpid(), signal.SIGSEGV)\n  if event == 'exit': exit(7)\n  if event == 'bye': os._exit(0)\n  return context.log_stream_name");
    let first = harness.value(&spec, "0").await;
    for (event, message) in [
        ("segv", "Runtime exited with error: signal: segmentation fault"),
        ("exit", "Runtime exited with error: exit status 7"),
        ("bye", "Runtime exited without providing a reason"),
    ] {
        let error = harness.error(&spec, &format!("{event:?}")).await;
        assert_eq!(error["errorType"], "Runtime.ExitError");
        assert!(error["errorMessage"].as_str().unwrap().ends_with(message), "{error}");
    }
    assert_ne!(harness.value(&spec, "0").await, first);
}

#[tokio::test]
async fn the_context_is_complete() {
    let harness = Harness::new();
    let spec = harness.python(
        "def handler(event, c):\n  cc = c.client_context\n  return [c.function_name, c.function_version, c.invoked_function_arn, c.memory_limit_in_mb, c.aws_request_id, c.log_group_name, c.log_stream_name, c.identity.cognito_identity_id, cc.custom, cc.client.app_title, 0 < c.get_remaining_time_in_millis() <= 20000]",
    );
    let mut invocation = invocation("{}");
    invocation.client_context = Some(r#"{"custom":{"k":"v"},"client":{"app_title":"app"}}"#.into());
    invocation.identity = Some(r#"{"cognitoIdentityId":"id"}"#.into());
    let id = invocation.request_id.clone();
    let arn = invocation.invoked_function_arn.clone();
    let outcome = harness.runtime.invoke(&spec, invocation).await.unwrap();
    let expected =
        json!(["f", "$LATEST", arn, "128", id, "/aws/lambda/f", outcome.log_stream, "id", {"k": "v"}, "app", true]);
    assert_eq!(value_of(&outcome), expected);
    assert_eq!(outcome.log_stream.split('/').count(), 4);
}

#[tokio::test]
async fn the_environment_is_lambdas_and_nothing_else() {
    let harness = Harness::new();
    let source = "import os, tempfile\ndef handler(event, c):\n  return dict(os.environ, cwd=os.getcwd(), temp=tempfile.gettempdir())";
    let mut spec = harness.function("f", python(), "index.handler", &[("index.py", source)]);
    spec.environment =
        [("TABLE", "users"), ("TZ", "Europe/Paris"), ("AWS_REGION", "mine")].map(|(k, v)| (k.into(), v.into())).into();
    let mut invocation = invocation("{}");
    invocation.trace_id = Some("Root=1-2-3".into());
    let mut environment = value_of(&harness.runtime.invoke(&Arc::new(spec), invocation).await.unwrap());
    let mut take = |name: &str| environment.as_object_mut().unwrap().remove(name).unwrap_or_default();
    for (name, value) in [
        ("TABLE", "users"),
        ("TZ", "Europe/Paris"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "ASIAf"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
        ("AWS_EXECUTION_ENV", &format!("AWS_Lambda_{}", python())),
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/f"),
        ("AWS_LAMBDA_LOG_FORMAT", "Text"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("_HANDLER", "index.handler"),
        ("_X_AMZN_TRACE_ID", "Root=1-2-3"),
        ("LANG", "en_US.UTF-8"),
        ("cwd", "/var/task"),
    ] {
        assert_eq!(take(name), value, "{name}");
    }
    assert_eq!(take("temp"), take("TMPDIR"));
    for name in ["HOME", "PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_LOG_STREAM_NAME"] {
        take(name);
    }
    assert!(take("AWS_LAMBDA_RUNTIME_API").as_str().unwrap().starts_with("127.0.0.1:"));
    // Python itself sets this one when the locale is not installed.
    take("LC_CTYPE");
    assert_eq!(environment, json!({}));
}

#[tokio::test]
async fn layers_are_on_the_path_and_the_hosts_packages_are_not() {
    let harness = Harness::new();
    let source = "import one, two, sys\ndef handler(e, c): return [one.V, two.V, [p for p in sys.path if 'site-packages' in p and not p.startswith('/opt/')]]";
    let mut spec = harness.function("f", python(), "index.handler", &[("index.py", source)]);
    spec.layers = vec![
        harness.layer("a", &[("python/one.py", "V = 'a'"), ("python/two.py", "V = 'a'")]),
        harness.layer("b", &[(&format!("python/lib/{}/site-packages/two.py", python()), "V = 'b'")]),
    ];
    assert_eq!(harness.value(&Arc::new(spec), "{}").await, json!(["a", "b", []]));
}

#[tokio::test]
async fn results_that_are_no_json_are_errors() {
    let harness = Harness::new();
    let spec = harness.python("import decimal\ndef handler(e, c): return {'set': {1}, 'dec': decimal.Decimal(e.get('dec', 0) if isinstance(e, dict) else 0), 'big': 'x' * (6 * 1024 * 1024 + 101)}[e['give']]");
    let error = harness.error(&spec, r#"{"give":"set"}"#).await;
    assert_eq!(error["errorType"], "Runtime.MarshalError");
    assert_eq!(error["errorMessage"], "Unable to marshal response: Object of type set is not JSON serializable");
    assert_eq!(harness.value(&spec, r#"{"give":"dec","dec":"1.5"}"#).await, json!(1.5));
    assert_eq!(
        harness.value(&spec, r#"{"give":"dec","dec":"12345678901234567"}"#).await,
        json!(12_345_678_901_234_567_u64)
    );
    let error = harness.error(&spec, "{").await;
    assert_eq!(error["errorType"], "Runtime.UnmarshalError");
    let error = harness.error(&spec, r#"{"give":"big"}"#).await;
    assert_eq!(error["errorType"], "Function.ResponseSizeTooLarge");
    assert_eq!(error["errorMessage"], "Response payload size exceeded maximum allowed payload size (6291556 bytes).");
    assert_eq!(harness.value(&spec, r#"{"give":"dec"}"#).await, 0);
}

#[tokio::test]
async fn large_payloads_pass() {
    let harness = Harness::new();
    let spec = harness.python("def handler(e, c): return e");
    let payload = format!("\"{}\"", "x".repeat(runtime::limits::PAYLOAD_BYTES_MAX - 2));
    assert_eq!(text(&harness.invoke(&spec, &payload).await), payload);
    let over = harness.try_invoke(&spec, &format!("{payload} ")).await.unwrap_err();
    assert_eq!(over.to_string(), "Request must be smaller than 6291456 bytes for the InvokeFunction operation");
}

#[tokio::test]
async fn a_handler_in_a_package_is_found() {
    let harness = Harness::new();
    let files = [
        ("src/handlers/__init__.py", ""),
        ("src/handlers/user.py", "from .names import NAME\ndef create(e, c): return NAME"),
        ("src/handlers/names.py", "NAME = 'x'"),
    ];
    for (name, handler) in [("slash", "src/handlers/user.create"), ("dot", "src.handlers.user.create")] {
        let spec = harness.function(name, python(), handler, &files);
        assert_eq!(harness.value(&Arc::new(spec), "{}").await, "x");
    }
}

#[tokio::test]
async fn a_forked_child_does_not_answer() {
    let harness = Harness::new();
    let spec = harness.python("import os\ndef handler(e, c):\n  pid = os.fork()\n  if pid: os.waitpid(pid, 0)\n  return 'child' if pid == 0 else 'parent'");
    for _ in 0..3 {
        assert_eq!(harness.value(&spec, "{}").await, "parent");
    }
}
