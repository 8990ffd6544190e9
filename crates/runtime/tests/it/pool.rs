//! How instances come, are shared, and go.

use std::sync::Arc;
use std::time::Duration;

use runtime::InvokeError;

use crate::harness::{Harness, python, text};

/// Sleeps for as many milliseconds as asked, then tells its log stream, which is its instance's alone.
const SLEEPER: &str =
    "import time\ndef handler(ms, context):\n  time.sleep(ms / 1000)\n  return context.log_stream_name";

#[tokio::test]
async fn two_requests_at_once_get_two_instances() {
    let harness = Harness::new();
    let spec = harness.python(SLEEPER);
    let (a, b) = tokio::join!(harness.invoke(&spec, "500"), harness.invoke(&spec, "500"));
    assert_ne!(a.payload, b.payload);
    let status = harness.runtime.status().await;
    assert_eq!(status.functions.len(), 1);
    let instances = &status.functions[0].instances;
    assert_eq!(instances.len(), 2);
    assert!(instances.iter().all(|instance| !instance.busy && instance.memory_bytes > 1_000_000), "{instances:?}");
    // The one used last is used again.
    let again = harness.invoke(&spec, "0").await;
    let once_more = harness.invoke(&spec, "0").await;
    assert_eq!(again.payload, once_more.payload);
}

#[tokio::test]
async fn over_the_limit_requests_wait_and_then_are_throttled() {
    let harness = Harness::with(|config| {
        config.instances_max = 1;
        config.queue_timeout = Duration::from_millis(300);
    });
    let spec = harness.python(SLEEPER);
    harness.invoke(&spec, "0").await;
    let (running, waiting) = tokio::join!(harness.try_invoke(&spec, "100"), harness.try_invoke(&spec, "0"));
    assert_eq!(running.unwrap().payload, waiting.unwrap().payload);
    let (running, throttled) = tokio::join!(harness.try_invoke(&spec, "900"), harness.try_invoke(&spec, "0"));
    assert!(running.is_ok());
    assert_eq!(throttled.unwrap_err(), InvokeError::Throttled);
}

#[tokio::test]
async fn an_idle_instance_leaves_for_another_function() {
    let harness = Harness::with(|config| config.instances_max = 1);
    let spec = harness.python(SLEEPER);
    let other = Arc::new(harness.function("g", python(), "index.handler", &[("index.py", SLEEPER)]));
    let (a, b) = (harness.invoke(&spec, "0").await, harness.invoke(&other, "0").await);
    assert_ne!(a.payload, b.payload);
    harness.until_instances(1).await;
}

#[tokio::test]
async fn a_functions_own_limit_holds() {
    let harness = Harness::with(|config| config.queue_timeout = Duration::from_millis(50));
    let mut spec = harness.function("f", python(), "index.handler", &[("index.py", SLEEPER)]);
    spec.instances_max = Some(1);
    let spec = Arc::new(spec);
    harness.invoke(&spec, "0").await;
    let (running, throttled) = tokio::join!(harness.try_invoke(&spec, "400"), harness.try_invoke(&spec, "0"));
    assert!(running.is_ok());
    assert_eq!(throttled.unwrap_err(), InvokeError::Throttled);
}

#[tokio::test]
async fn idle_instances_leave() {
    let harness = Harness::with(|config| config.idle_timeout = Duration::from_millis(40));
    let spec = harness.python(SLEEPER);
    harness.invoke(&spec, "0").await;
    let pid = harness.pid().await;
    harness.until_instances(0).await;
    for _ in 0..5000 {
        if !std::path::Path::new(&format!("/proc/{pid}")).exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("process {pid} is still there");
}

#[tokio::test]
async fn a_retired_version_finishes_first() {
    let harness = Harness::new();
    let spec = harness.python(SLEEPER);
    harness.invoke(&spec, "0").await;
    let running = harness.invoke(&spec, "300");
    let retire = async {
        loop {
            let status = harness.runtime.status().await;
            if status.functions.iter().flat_map(|function| &function.instances).any(|instance| instance.busy) {
                return harness.runtime.retire("f");
            }
            tokio::task::yield_now().await;
        }
    };
    let (outcome, ()) = tokio::join!(running, retire);
    assert_eq!(outcome.function_error, None);
    harness.until_instances(0).await;
}

#[tokio::test]
async fn an_invocation_goes_on_when_its_caller_leaves() {
    let harness = Harness::new();
    let spec = harness.python("import time\ndef handler(e, c):\n  time.sleep(0.2)\n  print('done')");
    let left = tokio::time::timeout(Duration::from_millis(50), harness.invoke(&spec, "0")).await;
    assert!(left.is_err());
    for _ in 0..10_000 {
        if harness.host.messages().contains(&"done\n".to_string()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it did not go on");
}

#[tokio::test]
async fn an_instance_that_dies_while_idle_is_replaced() {
    let harness = Harness::new();
    let spec = harness.python("import os, threading, time\ndef handler(e, c):\n  if e: threading.Thread(target=lambda: (time.sleep(0.05), os._exit(3))).start()\n  return c.log_stream_name");
    let first = text(&harness.invoke(&spec, "1").await);
    let pid = harness.pid().await;
    while std::path::Path::new(&format!("/proc/{pid}")).exists() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let second = harness.invoke(&spec, "0").await;
    assert_eq!(second.function_error, None);
    assert_ne!(text(&second), first);
}

#[tokio::test]
async fn shutting_down_ends_everything() {
    let harness = Harness::new();
    let spec = harness.python(SLEEPER);
    harness.invoke(&spec, "0").await;
    let pid = harness.pid().await;
    let running = harness.try_invoke(&spec, "60000");
    let shutdown = async {
        while harness.runtime.status().await.functions[0].instances.iter().all(|instance| !instance.busy) {
            tokio::task::yield_now().await;
        }
        harness.runtime.shutdown(Duration::from_millis(20)).await;
    };
    let (ended, ()) = tokio::join!(running, shutdown);
    assert_eq!(ended.unwrap_err(), InvokeError::ShuttingDown);
    assert_eq!(harness.try_invoke(&spec, "0").await.unwrap_err(), InvokeError::ShuttingDown);
    while std::path::Path::new(&format!("/proc/{pid}")).exists() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn what_cannot_run_is_refused_with_a_reason() {
    let harness = Harness::new();
    let mut spec = harness.function("f", "java21", "index.handler", &[]);
    let unsupported = harness.try_invoke(&Arc::new(spec.clone()), "{}").await.unwrap_err();
    assert!(unsupported.to_string().starts_with("The runtime java21 is not supported."), "{unsupported}");
    spec.runtime = python().into();
    spec.code = "/no/such/folder".into();
    let missing = harness.try_invoke(&Arc::new(spec), "{}").await.unwrap_err();
    assert!(matches!(&missing, InvokeError::CodeMissing(message) if message.contains("/no/such/folder")), "{missing}");
    let nowhere = Harness::with(|config| config.search_path = "/nowhere".into());
    let error = nowhere.try_invoke(&nowhere.python(SLEEPER), "0").await.unwrap_err();
    assert!(matches!(&error, InvokeError::RuntimeMissing(message) if message.contains("Install Python 3.")), "{error}");
}

const HOW: &str = "import os\ndef handler(e, c): return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']";

#[tokio::test]
async fn provisioned_instances_are_ready_and_stay() {
    let harness = Harness::with(|config| config.idle_timeout = Duration::from_millis(40));
    let spec = harness.python(HOW);
    harness.runtime.provision(&spec, 2);
    harness.until_instances(2).await;
    let pid = harness.pid().await;
    let outcome = harness.invoke(&spec, "0").await;
    assert_eq!(text(&outcome), "\"provisioned-concurrency\"");
    // The caller did not wait for it, and does not pay for it.
    let rounded_up = outcome.duration + Duration::from_millis(1);
    assert!(outcome.init_duration.is_some() && outcome.billed <= rounded_up, "{outcome:?}");
    tokio::time::sleep(Duration::from_millis(120)).await;
    harness.until_instances(2).await;
    // One that is lost is replaced.
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    while harness.pid().await == pid {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    harness.until_instances(2).await;
    harness.runtime.provision(&spec, 0);
    assert_eq!(harness.runtime.provisioned(&spec.key), None);
    harness.until_instances(0).await;
}

#[tokio::test]
async fn what_cannot_be_provisioned_says_why() {
    let harness = Harness::new();
    let spec = harness.python("raise ValueError('no')");
    harness.runtime.provision(&spec, 2);
    let failure = loop {
        let provisioned = harness.runtime.provisioned(&spec.key).unwrap();
        assert_eq!((provisioned.requested, provisioned.ready), (2, 0));
        match provisioned.failure {
            Some(failure) => break failure,
            None => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    };
    assert!(failure.contains("ValueError"), "{failure}");
}
