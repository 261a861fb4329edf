//! Clusters that live, seen from outside: requests go in, time passes, objects come out.

mod commands;
mod cronjobs;
mod daemonsets;
mod deployments;
mod jobs;
mod logs;
mod nodes;
mod pods;
mod probes;
mod replicationcontrollers;
mod scheduling;
mod speed;
mod stages;
mod statefulsets;
mod world;
