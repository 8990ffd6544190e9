//! Python instances as forks: what they share, what is their own, and what is not forked.

use std::sync::Arc;
use std::time::Duration;

use runtime::FunctionSpec;
use serde_json::{Value, json};

use crate::harness::{Harness, json as value_of, python, running, text};

/// Each test, for functions that are isolated and for such that are not.
macro_rules! in_both_ways {
    ($($name:ident)*) => {
        mod isolated {
            $(#[tokio::test] async fn $name() { super::$name(true).await })*
        }
        mod unisolated {
            $(#[tokio::test] async fn $name() { super::$name(false).await })*
        }
    };
}

in_both_ways! {
    instances_that_come_together_load_the_code_once
    what_differs_between_processes_differs_between_forks
    variables_that_a_function_sets_for_itself_stay
    only_the_first_start_costs_an_import
    a_function_can_be_loaded_ahead
    snapshot_hooks_run
    hooks_that_fail_fail_the_initialisation
    what_forks_must_not_share_is_not_forked
    what_is_closed_in_time_does_no_harm
    the_end_of_a_zygote_is_nobody_elses
    an_orphan_ends_when_it_is_let_go
    time_runs_out_for_one_group_of_processes_only
    a_zygote_leaves_last
    a_retired_version_takes_its_zygote_along
    a_failing_import_is_everybodys_who_waited_for_it
    instances_leave_before_the_credentials_they_were_loaded_with
    a_zygote_is_renewed_while_the_old_one_serves
    snap_start_is_reported_as_lambda_does
}

/// Tells which import it comes from and which instance it is, after as many milliseconds as asked.
const WHO: &str = "import os, time, uuid\nLOADED = uuid.uuid4().hex\nprint('loading')\ndef handler(ms, context):\n  time.sleep(ms / 1000)\n  return [LOADED, context.log_stream_name]";

/// What two instances that exist at once answer.
async fn two(harness: &Harness, spec: &Arc<FunctionSpec>) -> (Value, Value) {
    let both = || async { tokio::join!(harness.value(spec, "300"), harness.value(spec, "300")) };
    let instances = || async {
        let functions = harness.runtime.status().await.functions;
        functions.iter().filter(|function| function.spec.key == spec.key).map(|f| f.instances.len()).sum::<usize>()
    };
    // On a slow host, the first one is through before the second is ready, and takes the other request too.
    while instances().await < 2 {
        both().await;
    }
    both().await
}

async fn zygote(harness: &Harness) -> Option<u32> {
    let status = harness.runtime.status().await;
    let zygotes: Vec<u32> =
        status.functions.iter().filter_map(|function| function.zygote.as_ref()).map(|z| z.pid).collect();
    assert!(zygotes.len() <= 1, "{zygotes:?}");
    zygotes.first().copied()
}

async fn until_gone(pid: u32) {
    for _ in 0..10_000 {
        match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            // A zombie has ended: reaping it is its parent's business, which may be this host's first process.
            Ok(stat) if !stat.contains(") Z ") => tokio::time::sleep(Duration::from_millis(1)).await,
            _ => return,
        }
    }
    panic!("process {pid} is still there");
}

fn end(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

async fn instances_that_come_together_load_the_code_once(isolate: bool) {
    let harness = Harness::with(|config| config.isolate = isolate);
    let spec = harness.python(WHO);
    let (a, b) = two(&harness, &spec).await;
    assert_eq!(a[0], b[0]);
    assert_ne!(a[1], b[1]);
    let zygote = zygote(&harness).await.unwrap();
    let status = harness.runtime.status().await;
    let instances: Vec<u32> = status.functions[0].instances.iter().map(|instance| instance.pid).collect();
    assert!(instances.len() == 2 && instances[0] != instances[1] && !instances.contains(&zygote), "{instances:?}");
    assert_eq!(harness.host.messages().iter().filter(|line| *line == "loading\n").count(), 1);
    assert_eq!(harness.host.messages().iter().filter(|line| line.starts_with("INIT_START")).count(), 2);
    assert!(harness.runtime.status().await.notes.is_empty());
}

async fn what_differs_between_processes_differs_between_forks(isolate: bool) {
    let harness = Harness::with(|config| config.isolate = isolate);
    let numpy = (
        "numpy/random.py",
        "import os\nstate = 'as loaded'\ndef seed():\n  global state\n  state = os.urandom(4).hex()",
    );
    let source = "import numpy.random, os, random, tempfile, time, uuid\ntempfile.gettempdir(), random.random(), uuid.uuid1()\ndef handler(event, c):\n  time.sleep(event / 1000)\n  env = os.environ\n  namespace = os.readlink('/proc/self/ns/pid')\n  def file(path): return [path, os.stat(path).st_dev, os.stat(path).st_ino]\n  return [[namespace, os.getpid()], [namespace, os.getpgrp()], random.random(), numpy.random.state, uuid.uuid1().clock_seq, file(env['TMPDIR']), file(env['HOME']), file(tempfile.gettempdir()), c.log_stream_name, env['AWS_LAMBDA_LOG_STREAM_NAME']]";
    let files = [("index.py", source), ("numpy/__init__.py", ""), numpy];
    let spec = Arc::new(harness.function("f", python(), "index.handler", &files));
    let (a, b) = two(&harness, &spec).await;
    let (a, b) = (a.as_array().unwrap(), b.as_array().unwrap());
    for (place, (a, b)) in a.iter().zip(b).enumerate() {
        assert_ne!(a, b, "value {place}");
    }
    for one in [a, b] {
        assert_eq!(one[0], one[1], "a group of its own");
        assert_ne!(one[3], "as loaded");
        assert!(one[5] == one[6] && one[5] == one[7], "{one:?}");
        assert_eq!(one[8], one[9]);
    }
}

async fn variables_that_a_function_sets_for_itself_stay(isolate: bool) {
    let harness = Harness::with(|config| config.isolate = isolate);
    let spec = harness.python("import os\nos.environ['HOME'] = '/mine'\nos.environ['EXTRA'] = 'x'\ndel os.environ['TMPDIR']\ndef handler(e, c): return [os.environ['HOME'], os.environ['EXTRA'], os.environ.get('TMPDIR')]");
    assert_eq!(harness.value(&spec, "0").await, json!(["/mine", "x", null]));
}

async fn only_the_first_start_costs_an_import(isolate: bool) {
    let harness = Harness::with(|config| config.isolate = isolate);
    let spec = harness.python("import time\ntime.sleep(0.5)\ndef handler(ms, c): time.sleep(ms / 1000)");
    let first = harness.invoke(&spec, "0").await;
    assert!(first.init_duration.unwrap() > Duration::from_millis(500), "{first:?}");
    let (busy, second) = tokio::join!(harness.invoke(&spec, "300"), harness.invoke(&spec, "300"));
    let second = busy.init_duration.or(second.init_duration).unwrap();
    assert!(second < Duration::from_millis(400), "{second:?}");
}

async fn a_function_can_be_loaded_ahead(isolate: bool) {
    let harness = Harness::with(|config| config.isolate = isolate);
    let spec = harness.python(WHO);
    harness.runtime.warm(&spec);
    let mut found = None;
    while found.is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
        found = zygote(&harness).await;
    }
    harness.until_instances(0).await;
    let outcome = harness.invoke(&spec, "0").await;
    assert!(outcome.log_tail.contains("\nloading\nSTART "), "{}", outcome.log_tail);
    assert_eq!(zygote(&harness).await, found);
}

async fn snapshot_hooks_run(isolate: bool) {
    let harness = Harness::with(|config| config.isolate = isolate);
    let source = "import os, time\nfrom snapshot_restore_py import register_after_restore, register_before_snapshot\nran = []\ndef process(): return [os.readlink('/proc/self/ns/pid'), os.getpid()]\ndef note(what): ran.append([what, process()])\nregister_before_snapshot(note, 'first')\nregister_before_snapshot(note, 'second')\n@register_after_restore\ndef restored(): note('restored')\nregister_after_restore(note, what='last')\ndef handler(ms, c):\n  time.sleep(ms / 1000)\n  return [ran, process()]";
    let spec = harness.python(source);
    let zygote_of = |ran: &Value| ran[0][0][1].clone();
    let (a, b) = two(&harness, &spec).await;
    assert_eq!(zygote_of(&a), zygote_of(&b));
    for one in [a, b] {
        let (zygote, own) = (&zygote_of(&one), &one[1]);
        let expected = json!([["second", zygote], ["first", zygote], ["restored", own], ["last", own]]);
        assert_eq!(one[0], expected);
        assert_ne!(zygote, own);
    }
}

async fn hooks_that_fail_fail_the_initialisation(isolate: bool) {
    let harness = Harness::with(|config| config.isolate = isolate);
    for (number, hook) in ["before_snapshot", "after_restore"].into_iter().enumerate() {
        let source = format!(
            "import snapshot_restore_py as hooks\n@hooks.register_{hook}\ndef f(): raise KeyError('no')\ndef handler(e, c): return 1"
        );
        let spec = harness.function(&format!("f{number}"), python(), "index.handler", &[("index.py", &source)]);
        let outcome = harness.invoke(&Arc::new(spec), "0").await;
        assert_eq!(value_of(&outcome)["errorType"], "KeyError");
        assert!(
            outcome.log_tail.contains("\tPhase: init\tStatus: error\tError Type: KeyError\n"),
            "{}",
            outcome.log_tail
        );
    }
}

async fn what_forks_must_not_share_is_not_forked(isolate: bool) {
    let harness = Harness::with(|config| config.isolate = isolate);
    let cases = [
        (
            "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True, name='ticker').start()",
            "it starts threads while it initialises (ticker)",
        ),
        ("import socket\nkept = socket.socket()", "it opens sockets while it initialises (socket:["),
        ("kept = open(__file__)", "it leaves files open while it initialises (/"),
        ("import signal\nsignal.setitimer(signal.ITIMER_REAL, 1000)", "it sets timers while it initialises"),
        ("import subprocess\nkept = subprocess.Popen(['sleep', '100'])", "it starts processes while it initialises"),
        (
            "import asyncio\nkept = asyncio.new_event_loop()",
            "it opens sockets while it initialises (anon_inode:[eventpoll]",
        ),
    ];
    for (number, (source, reason)) in cases.into_iter().enumerate() {
        let name = format!("f{number}");
        let source = format!("{source}\n{WHO}");
        let spec = Arc::new(harness.function(&name, python(), "index.handler", &[("index.py", &source)]));
        let (a, b) = two(&harness, &spec).await;
        assert_ne!(a[0], b[0], "{source}");
        let note = format!(
            "Each instance loads the code itself, and so starts more slowly, instead of being a fork: {reason}"
        );
        let logged = harness.host.messages().into_iter().filter(|line| line.starts_with(&format!("[cloudlet] {note}")));
        assert_eq!(logged.count(), 1, "{source}: {:?}", harness.host.messages());
        let notes = harness.runtime.status().await.notes;
        assert!(notes.iter().any(|line| line.starts_with(&format!("{name}: {note}"))), "{notes:?}");
        harness.runtime.retire(&name);
    }
    assert_eq!((zygote(&harness).await, harness.runtime.status().await.notes.len()), (None, 0));
}

async fn what_is_closed_in_time_does_no_harm(isolate: bool) {
    let harness = Harness::with(|config| config.isolate = isolate);
    let source = format!(
        "import socket, snapshot_restore_py, threading\nkept = socket.socket()\nsnapshot_restore_py.register_before_snapshot(kept.close)\nrandomness = open('/dev/urandom')\nthread = threading.Thread(target=print)\nthread.start()\nthread.join()\n{WHO}"
    );
    let (a, b) = two(&harness, &harness.python(&source)).await;
    assert_eq!(a[0], b[0]);
    assert!(zygote(&harness).await.is_some());
}

async fn the_end_of_a_zygote_is_nobody_elses(isolate: bool) {
    let harness = Harness::with(|config| config.isolate = isolate);
    let spec = harness.python(WHO);
    let first = harness.value(&spec, "0").await;
    let old = zygote(&harness).await.unwrap();
    let running = harness.invoke(&spec, "300");
    let ending = async {
        while !harness.runtime.status().await.functions[0].instances[0].busy {
            tokio::task::yield_now().await;
        }
        end(old);
        until_gone(old).await;
    };
    let (outcome, ()) = tokio::join!(running, ending);
    assert_eq!(value_of(&outcome), first);
    // It is still there for the next request, and a second instance comes from a new zygote.
    let (a, b) = two(&harness, &spec).await;
    assert!((a == first) != (b == first), "{first} {a} {b}");
    assert_ne!(a[0], b[0]);
    assert_ne!(zygote(&harness).await.unwrap(), old);
}

async fn an_orphan_ends_when_it_is_let_go(isolate: bool) {
    let harness = Harness::with(|config| config.isolate = isolate);
    harness.value(&harness.python(WHO), "0").await;
    let pid = harness.pid().await;
    end(zygote(&harness).await.unwrap());
    harness.runtime.shutdown(Duration::ZERO).await;
    until_gone(pid).await;
}

async fn time_runs_out_for_one_group_of_processes_only(isolate: bool) {
    let harness = Harness::with(|config| config.isolate = isolate);
    let source = "import os, subprocess, time\ndef handler(e, c):\n  if e == 'hang':\n    subprocess.Popen(['sleep', MARK])\n    time.sleep(1000)\n  time.sleep(e / 1000)\n  return c.log_stream_name";
    let mark = if isolate { "98761" } else { "98762" };
    let source = source.replace("MARK", &format!("'{mark}'"));
    let mut spec = harness.function("f", python(), "index.handler", &[("index.py", &source)]);
    spec.timeout = Duration::from_millis(800);
    let spec = Arc::new(spec);
    let first = harness.value(&spec, "0").await;
    let before = zygote(&harness).await;
    let (hung, other) = tokio::join!(harness.error(&spec, "\"hang\""), harness.value(&spec, "500"));
    assert_eq!(hung["errorType"], "Sandbox.Timedout");
    while running(&["sleep", mark]) > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(other == first || harness.value(&spec, "0").await == other);
    assert_eq!(zygote(&harness).await, before);
}

async fn a_zygote_leaves_last(isolate: bool) {
    let harness = Harness::with(|config| {
        config.isolate = isolate;
        config.idle_timeout = Duration::from_millis(40);
        config.zygote_idle_timeout = Duration::from_millis(400);
    });
    let spec = harness.python(WHO);
    let first = harness.value(&spec, "0").await;
    let pid = zygote(&harness).await.unwrap();
    harness.until_instances(0).await;
    assert_eq!(zygote(&harness).await, Some(pid));
    let second = harness.value(&spec, "0").await;
    assert_eq!(second[0], first[0]);
    while zygote(&harness).await.is_some() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    until_gone(pid).await;
    assert_ne!(harness.value(&spec, "0").await[0], first[0]);
}

async fn a_retired_version_takes_its_zygote_along(isolate: bool) {
    let harness = Harness::with(|config| config.isolate = isolate);
    let spec = harness.python(WHO);
    harness.value(&spec, "0").await;
    let pid = zygote(&harness).await.unwrap();
    harness.runtime.retire("f");
    until_gone(pid).await;
    assert!(harness.runtime.status().await.functions.is_empty());
}

async fn a_failing_import_is_everybodys_who_waited_for_it(isolate: bool) {
    let harness = Harness::with(|config| config.isolate = isolate);
    let spec = harness.python("print('before')\nraise ValueError('no')");
    let (a, b) = tokio::join!(harness.invoke(&spec, "0"), harness.invoke(&spec, "0"));
    for outcome in [&a, &b] {
        assert_eq!(value_of(outcome)["errorMessage"], "no", "{}", text(outcome));
        assert!(outcome.log_tail.contains("before\n[ERROR] ValueError: no\n"), "{}", outcome.log_tail);
    }
    assert_ne!(a.log_stream, b.log_stream);
}

async fn instances_leave_before_the_credentials_they_were_loaded_with(isolate: bool) {
    let harness = Harness::simulated(isolate);
    let source = format!(
        "{WHO}\nSECRET = os.environ['AWS_SESSION_TOKEN']\nwho = handler\ndef handler(ms, c): return who(ms, c) + [SECRET, os.environ['AWS_SESSION_TOKEN']]"
    );
    let spec = harness.python(&source);
    let hour = Duration::from_secs(3600);
    harness.issue("old", hour);
    let first = harness.value(&spec, "0").await;
    assert_eq!((&first[2], &first[3]), (&json!("old"), &json!("old")));
    // An instance made later has credentials of its own, beside those its zygote has.
    harness.issue("new", 2 * hour);
    harness.env.advance(Duration::from_secs(60));
    let (a, b) = two(&harness, &spec).await;
    let second = if a == first { b } else { a };
    assert_eq!((&second[0], &second[2], &second[3]), (&first[0], &json!("old"), &json!("new")));
    // Neither can serve a request that would end after the zygote's credentials.
    harness.env.advance(hour - Duration::from_secs(61));
    let third = harness.value(&spec, "0").await;
    assert_eq!((&third[2], &third[3]), (&json!("new"), &json!("new")));
    assert_ne!(third[0], first[0]);
}

async fn a_zygote_is_renewed_while_the_old_one_serves(isolate: bool) {
    let harness = Harness::simulated(isolate);
    let spec = harness.python(WHO);
    harness.issue("old", Duration::from_secs(3600));
    let first = harness.value(&spec, "0").await;
    let old = zygote(&harness).await.unwrap();
    harness.issue("new", Duration::from_secs(3600));
    harness.env.advance(Duration::from_secs(1801));
    let (a, b) = tokio::join!(harness.value(&spec, "300"), harness.value(&spec, "300"));
    assert_eq!((&a[0], &b[0]), (&first[0], &first[0]));
    while zygote(&harness).await == Some(old) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn snap_start_is_reported_as_lambda_does(isolate: bool) {
    let harness = Harness::with(|config| config.isolate = isolate);
    let source = "import os\nprint('loading')\ndef handler(e, c): return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']";
    let mut spec = harness.function("f", python(), "index.handler", &[("index.py", source)]);
    (spec.version, spec.snap_start) = ("1".into(), true);
    let outcome = harness.invoke(&Arc::new(spec), "0").await;
    assert_eq!(text(&outcome), "\"snap-start\"");
    let log = &outcome.log_tail;
    let order: Vec<Option<usize>> =
        ["loading", "RESTORE_START", "RESTORE_REPORT Restore Duration: ", "START RequestId"]
            .iter()
            .map(|part| log.find(part))
            .collect();
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{log}");
    assert!(log.contains("\tRestore Duration: ") && !log.contains("Init Duration"), "{log}");
}

/// What SnapStart takes into each instance: files that a module has left in /tmp.
const LEAVES: &str = "import json, os\nos.makedirs('/tmp/model/empty')\nwith open('/tmp/model/weights', 'w') as file: file.write('1 2 3')\nos.chmod('/tmp/model/weights', 0o640)\nos.symlink('weights', '/tmp/model/latest')\nos.chdir('/tmp/model')\n";

#[tokio::test]
async fn files_in_tmp_come_along_and_are_each_instances_own() {
    let harness = Harness::new();
    let source = format!(
        "{LEAVES}{WHO}\ndef handler(ms, context, who=handler):\n  with open('weights', 'a') as file: file.write(' 4')\n  found = [open('/tmp/model/latest').read(), oct(os.stat('weights').st_mode), os.getcwd(), sorted(os.listdir('/tmp/model'))]\n  return who(ms, context) + found"
    );
    let (a, b) = two(&harness, &harness.python(&source)).await;
    assert!(zygote(&harness).await.is_some());
    assert_eq!(a[0], b[0]);
    for found in [&a, &b] {
        // Once for each request that it has served, and for no other's.
        let text = found[2].as_str().unwrap().strip_prefix("1 2 3 4").unwrap();
        assert!(text.replace(" 4", "").is_empty(), "{found}");
        assert_eq!((&found[3], &found[4]), (&json!("0o100640"), &json!("/tmp/model")));
        assert_eq!(found[5], json!(["empty", "latest", "weights"]));
    }
}

#[tokio::test]
async fn what_is_too_much_or_no_file_in_tmp_is_not_copied() {
    let harness = Harness::new();
    let cases = [
        ("open('/tmp/large', 'w').truncate(33 << 20)", "it leaves more in /tmp than 1000 files or 32 MiB"),
        (
            "[open(f'/tmp/{number}', 'w').close() for number in range(1001)]",
            "it leaves more in /tmp than 1000 files or 32 MiB",
        ),
        ("os.mkfifo('/tmp/pipe')", "it leaves in /tmp what cannot be copied while it initialises (/tmp/pipe)"),
        ("open('/dev/shm/lock', 'w').close()", "it leaves files in /dev/shm while it initialises"),
    ];
    for (number, (source, reason)) in cases.into_iter().enumerate() {
        let name = format!("f{number}");
        let source = format!("import os\n{source}\n{WHO}");
        let spec = Arc::new(harness.function(&name, python(), "index.handler", &[("index.py", &source)]));
        harness.value(&spec, "0").await;
        let notes = harness.runtime.status().await.notes;
        assert!(notes.iter().any(|note| note.starts_with(&name) && note.contains(reason)), "{source}: {notes:?}");
    }
}
