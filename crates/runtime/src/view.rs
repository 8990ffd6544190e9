//! What of the host a function sees, and under which names: its code and layers, and what runs it.

use std::path::{Path, PathBuf};

use sandbox::{Isolation, Mount, Port};

/// Where Lambda has a function's code, its layers, and what the runtime brings along.
const TASK_ROOT: &str = "/var/task";
const LAYERS: &str = "/opt";
const RUNTIME: &str = "/var/runtime";

/// Where layers are when the interpreter of the host is in their place.
const LAYERS_ASIDE: &str = "/var/layers";

/// SDKs and compilers.
const TOOLS: &str = "/var/lang";

/// Where what a function's code was compiled to is.
const COMPILED: &str = "/var/lang/compiled";

/// The folders of a program's prefix that it needs. The prefix itself may be somebody's home.
const OF_AN_INTERPRETER: [&str; 3] = ["bin", "lib", "lib64"];

/// How an instance sees the host.
pub(crate) enum View {
    /// As the server does.
    Whole,
    /// Only what is mounted.
    Isolated(Vec<Mount>),
}

/// The host's paths of what an instance needs.
pub(crate) struct Needs<'a> {
    /// `None` for a process that has no function yet.
    pub code: Option<&'a Path>,
    pub layers: &'a [PathBuf],
    pub interpreter: Option<&'a Path>,
    /// The folder of the bootstraps.
    pub runtime_dir: &'a Path,
    pub tools: Vec<&'a Path>,
    /// The folder with what the code was compiled to.
    pub compiled: Option<&'a Path>,
}

impl View {
    pub fn isolated(needs: &Needs<'_>) -> View {
        let interpreter: Vec<Mount> = needs.interpreter.map(interpreter_mounts).unwrap_or_default();
        let layers = needs.layers;
        let code = Mount { sources: needs.code.into_iter().map(PathBuf::from).collect(), place: TASK_ROOT.into() };
        let mut mounts = vec![code, Mount::new(needs.runtime_dir, RUNTIME)];
        if interpreter.iter().any(|mount| mount.place.starts_with(LAYERS)) {
            mounts.extend(layers.iter().enumerate().map(|(index, layer)| numbered(layer, LAYERS_ASIDE, index)));
        } else {
            mounts.push(Mount { sources: layers.to_vec(), place: LAYERS.into() });
        }
        mounts.extend(needs.tools.iter().enumerate().map(|(index, tool)| numbered(tool, TOOLS, index)));
        mounts.extend(needs.compiled.map(|folder| Mount::new(folder, COMPILED)));
        mounts.extend(interpreter);
        View::Isolated(mounts)
    }

    /// The same for a process that gets its function later: with empty folders at the places for that.
    pub fn bare(needs: &Needs<'_>) -> View {
        let View::Isolated(mut mounts) = View::isolated(needs) else { return View::Whole };
        // The linker remembers which of the folders that it looks into have been there when the process started.
        let places = [COMPILED, "/var/task/lib", "/opt/lib"];
        mounts.extend(places.map(|place| Mount { sources: Vec::new(), place: place.into() }));
        View::Isolated(mounts)
    }

    /// What this shows and `bare` does not; `None` where that cannot be shown later.
    pub fn beyond(&self, bare: &View) -> Option<Vec<Mount>> {
        let (View::Isolated(mounts), View::Isolated(bare)) = (self, bare) else { return None };
        let known = |mount: &&Mount| bare.contains(mount);
        let more: Vec<Mount> = mounts.iter().filter(|mount| !known(mount)).cloned().collect();
        let has_place = |more: &Mount| bare.iter().any(|mount| mount.sources.is_empty() && mount.place == more.place);
        let is_possible = more.iter().all(|mount| mount.sources.len() == 1 && has_place(mount));
        let is_all = bare.iter().filter(|mount| !mount.sources.is_empty()).all(|mount| mounts.contains(mount));
        (is_possible && is_all).then_some(more)
    }

    /// The name that a path of the host has for the instance.
    pub fn place(&self, path: &Path) -> PathBuf {
        let View::Isolated(mounts) = self else { return path.into() };
        let places = mounts.iter().flat_map(|mount| mount.sources.iter().map(|source| (source, &mount.place)));
        let mut found = places.filter_map(|(source, place)| Some(join(place, path.strip_prefix(source).ok()?)));
        found.next().unwrap_or_else(|| path.into())
    }

    /// Where the instance has its temporary files; `folder` is its own on the host.
    pub fn temporary<'a>(&self, folder: &'a Path) -> &'a Path {
        match self {
            View::Whole => folder,
            View::Isolated(_) => Path::new("/tmp"),
        }
    }

    /// `folder` is the instance's own, and empty; its /tmp may hold so many bytes, and it reaches these ports of the
    /// host's loopback addresses.
    pub fn isolation(
        &self,
        folder: &Path,
        hidden: &[PathBuf],
        tmp_bytes: u64,
        loopback_ports: Vec<Port>,
    ) -> Option<Isolation> {
        let View::Isolated(mounts) = self else { return None };
        let mounts = mounts.clone();
        let (root, hidden, is_served_to_the_host, forks) = (folder.into(), hidden.to_vec(), false, false);
        Some(Isolation { root, mounts, hidden, tmp_bytes, loopback_ports, is_served_to_the_host, forks })
    }
}

fn numbered(source: &Path, folder: &str, index: usize) -> Mount {
    Mount::new(source, Path::new(folder).join(index.to_string()))
}

/// Without the slash that joining nothing leaves at the end.
fn join(place: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { place.into() } else { place.join(rest) }
}

/// The folders around a program, and around what it is a link to.
fn interpreter_mounts(program: &Path) -> Vec<Mount> {
    let real = program.canonicalize().ok();
    let programs = std::iter::once(program).chain(real.as_deref());
    let prefixes = programs.filter_map(|program| program.parent()?.parent());
    let folders = prefixes.flat_map(|prefix| OF_AN_INTERPRETER.map(|folder| prefix.join(folder)));
    let mut mounts: Vec<Mount> = folders.filter(|folder| folder.is_dir()).map(Mount::same).collect();
    // A store whose packages refer to each other by their full paths.
    if real.as_deref().is_some_and(|real| real.starts_with("/nix/store")) {
        mounts.push(Mount::same("/nix/store"));
    }
    mounts
}
