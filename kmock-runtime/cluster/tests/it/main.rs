//! Clusters that live, seen from outside: requests go in, time passes, objects come out.

mod certificates;
mod commands;
mod cronjobs;
mod daemonsets;
mod deployments;
mod hooks;
mod jobs;
mod logs;
mod mirroring;
mod nodes;
mod pods;
mod pressure;
mod probes;
mod quotas;
mod replicationcontrollers;
mod resize;
mod restarts;
mod scales;
mod scheduling;
mod speed;
mod stages;
mod statefulsets;
mod world;
