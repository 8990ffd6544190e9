//! `cloudlet dev --inspect`: the function that is debugged, and how tools get to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use deploy::Project;
use runtime::{Debugger, Inspector};
use serde_json::json;

use super::dev::tell_installing;
use crate::cli::Inspect;
use crate::output;
use crate::server::Server;

pub struct Inspection {
    wanted: Inspect,
    /// Where the code is on this machine.
    folder: PathBuf,
    inspector: Option<Inspector>,
    /// Where the function has it, as it was told last.
    told: Option<PathBuf>,
}

impl Inspection {
    pub fn new(wanted: Inspect, folder: &Path) -> Inspection {
        Inspection { wanted, folder: folder.to_owned(), inspector: None, told: None }
    }

    /// Sees to a debugger before the function is deployed, the first time.
    ///
    /// # Errors
    /// When the project has no such function, or there is no debugger for it.
    pub async fn prepare(&mut self, server: &Server, project: &Project) -> anyhow::Result<()> {
        if self.inspector.is_some() {
            return Ok(());
        }
        let functions = &project.service.functions;
        let wanted = &self.wanted.function;
        let Some(function) = functions.iter().find(|function| [&function.key, &function.name].contains(&wanted)) else {
            let keys: Vec<_> = functions.iter().map(|function| function.key.as_str()).collect();
            bail!("there is no function {wanted} to inspect: the project has {}", keys.join(", "));
        };
        let tell = Arc::new(tell_installing);
        self.inspector = Some(server.inspect(&function.name, &function.runtime, self.wanted.port, tell).await?);
        Ok(())
    }

    /// Starts the function as it was just deployed, and tells how to attach to it, unless it is as it was.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn start(&mut self, server: &Server, project: &Project) -> anyhow::Result<()> {
        let Some(inspector) = &self.inspector else { return Ok(()) };
        let code = server.keep_ready(&inspector.function, &project.service.region).await?;
        if self.told.as_ref() != Some(&code) {
            how_to_attach(inspector, &self.folder, &code).iter().for_each(output::line);
            self.told = Some(code);
        }
        Ok(())
    }
}

/// What to do in an editor or a browser.
fn how_to_attach(inspector: &Inspector, folder: &Path, code: &Path) -> Vec<String> {
    let Inspector { function, debugger, port } = inspector;
    let name = format!("{function} on Cloudlet");
    let (tool, configuration, else_) = match debugger {
        Debugger::Node => (
            "the Node inspector",
            json!({"name": name, "type": "node", "request": "attach", "port": port, "restart": true, "localRoot": folder, "remoteRoot": code}),
            Some(format!("in Chrome: open chrome://inspect, or http://127.0.0.1:{port}/json/list for the addresses")),
        ),
        Debugger::Debugpy => (
            "debugpy",
            json!({"name": name, "type": "debugpy", "request": "attach", "connect": {"host": "127.0.0.1", "port": port}, "pathMappings": [{"localRoot": folder, "remoteRoot": code}]}),
            None,
        ),
    };
    let mut lines = vec![
        format!("{function} can be debugged: {tool} listens on 127.0.0.1:{port}"),
        format!("  in VS Code, among the configurations of .vscode/launch.json: {configuration}"),
    ];
    lines.extend(else_.map(|text| format!("  {text}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_in_the_project() {
        let tell = |debugger| {
            let inspector = Inspector { function: "f".into(), debugger, port: 1234 };
            how_to_attach(&inspector, Path::new("/home/me/project"), Path::new("/var/task")).join("\n")
        };
        let node = tell(Debugger::Node);
        assert!(
            node.contains(r#""localRoot":"/home/me/project""#) && node.contains("127.0.0.1:1234/json/list"),
            "{node}"
        );
        let python = tell(Debugger::Debugpy);
        assert!(python.contains(r#""remoteRoot":"/var/task""#) && python.contains(r#""port":1234"#), "{python}");
    }
}
