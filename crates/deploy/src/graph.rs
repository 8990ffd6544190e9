//! In which order resources are made: each after what it needs.

use std::collections::{BTreeMap, BTreeSet};

/// What each node needs, by name, in the order in which nodes were written.
pub struct Graph {
    nodes: Vec<String>,
    needs: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// Needs that are not nodes are left out.
    pub fn new(nodes: impl IntoIterator<Item = (String, BTreeSet<String>)>) -> Graph {
        let (mut names, mut needs) = (Vec::new(), BTreeMap::new());
        for (name, needed) in nodes {
            names.push(name.clone());
            needs.insert(name, needed);
        }
        let known: BTreeSet<String> = names.iter().cloned().collect();
        for needed in needs.values_mut() {
            needed.retain(|name| known.contains(name));
        }
        Graph { nodes: names, needs }
    }

    pub fn needs(&self, name: &str) -> Vec<String> {
        self.needs.get(name).into_iter().flatten().cloned().collect()
    }

    /// Every node after all that it needs, else as written; or a cycle: names of which each needs the next, and the last
    /// is the first.
    pub fn order(&self) -> Result<Vec<String>, Vec<String>> {
        let mut ordered = Vec::with_capacity(self.nodes.len());
        let mut done = BTreeSet::new();
        while ordered.len() < self.nodes.len() {
            let before = ordered.len();
            for node in &self.nodes {
                let ready = self.needs.get(node).is_none_or(|needs| needs.iter().all(|need| done.contains(need)));
                if ready && done.insert(node.clone()) {
                    ordered.push(node.clone());
                }
            }
            if ordered.len() == before {
                return Err(self.cycle(&done));
            }
        }
        Ok(ordered)
    }

    /// Follows needs among the nodes that are not done, each of which needs another such, until one comes again.
    fn cycle(&self, done: &BTreeSet<String>) -> Vec<String> {
        let undone = |name: &&String| !done.contains(*name);
        let mut path: Vec<String> = self.nodes.iter().filter(undone).take(1).cloned().collect();
        while let Some(next) = path.last().and_then(|last| self.needs.get(last)?.iter().find(undone)).cloned() {
            if let Some(start) = path.iter().position(|name| *name == next) {
                path.drain(..start);
                path.push(next);
                return path;
            }
            path.push(next);
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> Graph {
        Graph::new(
            edges.iter().map(|(node, needs)| (node.to_string(), needs.iter().map(|need| need.to_string()).collect())),
        )
    }

    #[test]
    fn orders_by_need_and_else_as_written() {
        let order = graph(&[
            ("function", &["role", "logs"]),
            ("api", &[]),
            ("role", &["table"]),
            ("logs", &[]),
            ("table", &["elsewhere"]),
        ])
        .order();
        assert_eq!(order.unwrap(), ["api", "logs", "table", "role", "function"]);
    }

    #[test]
    fn a_cycle_is_told_by_its_path() {
        let cycle = graph(&[("start", &["b"]), ("b", &["c"]), ("c", &["d"]), ("d", &["b"])]).order().unwrap_err();
        assert_eq!(cycle, ["b", "c", "d", "b"]);
        assert_eq!(graph(&[("a", &["a"])]).order().unwrap_err(), ["a", "a"]);
    }
}
