//! What a deployment tells while it works.

use crate::plan::Step;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A piece of work besides resources: packaging, installing what a function needs.
    Note(String),
    /// A step of the plan begins: the `number`th of `total`.
    Started {
        step: Step,
        number: usize,
        total: usize,
    },
    /// It is done. What turned out to need no change is told as [`crate::Action::Keep`].
    Finished {
        step: Step,
    },
    Failed {
        step: Step,
        cause: String,
    },
    /// Something failed, and so many changes are taken back.
    RollingBack {
        changes: usize,
    },
}

/// Where progress is told.
pub type Listener<'a> = &'a mut (dyn FnMut(Progress) + Send);
