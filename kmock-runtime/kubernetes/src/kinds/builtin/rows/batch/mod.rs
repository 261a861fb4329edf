//! The kinds of the Go package `batch`.

mod cron_job;
mod job;

use crate::kinds::builtin::row::Kind;

pub(super) const KINDS: &[&Kind] = &[&cron_job::CRON_JOB, &job::JOB];
