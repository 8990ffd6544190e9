//! Every version of Python that this host has runs the bootstrap; versions it does not have are stood in for.

use std::sync::Arc;

use crate::harness::{Harness, json as value_of};

const VERSION: &str =
    "import sys\ndef handler(e, c):\n  if e == 'fail': raise ValueError('no')\n  return sys.version_info[1]";

#[tokio::test]
async fn every_python_of_this_host_works() {
    let harness = Harness::with(|config| config.search_path = std::env::var_os("PATH").unwrap());
    let mut exact = 0;
    for minor in 9..=14 {
        let name = format!("python3.{minor}");
        let spec = Arc::new(harness.function(&name, &name, "index.handler", &[("index.py", VERSION)]));
        let outcome = harness.invoke(&spec, "1").await;
        let ran_on = value_of(&outcome).as_u64().unwrap();
        let note = format!("[cloudlet] Python 3.{minor} is not on this host: its functions run on Python 3.{ran_on}.");
        let notes = harness.runtime.status().await.notes;
        if ran_on == minor {
            exact += 1;
            assert!(!outcome.log_tail.contains("[cloudlet]"), "{}", outcome.log_tail);
        } else {
            assert!(outcome.log_tail.contains(&note), "{}", outcome.log_tail);
            assert!(
                notes
                    .iter()
                    .any(|line| note.contains(line.split(" (").next().unwrap().trim_end_matches(char::is_numeric))),
                "{notes:?}"
            );
        }
        let error = harness.error(&spec, "\"fail\"").await;
        assert_eq!(error["stackTrace"].as_array().unwrap().len(), 1, "{error}");
    }
    assert!(exact > 0);
}
