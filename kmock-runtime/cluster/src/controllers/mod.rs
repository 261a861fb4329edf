//! The controllers, a folder or a file each: what kube-controller-manager does.

mod autoscalers;
mod budgets;
mod certificates;
mod conditions;
mod cronjobs;
mod daemonsets;
mod deployments;
mod jobs;
mod metrics;
mod nodes;
pub(crate) mod pods;
mod quotas;
mod replicasets;
mod revisions;
mod services;
mod statefulsets;
pub(crate) mod volumes;

use std::sync::Arc;

use crate::controller::Controller;
use crate::shared::Shared;

/// All controllers, in the order in which they look at a change.
pub(crate) fn all(shared: &Arc<Shared>) -> Vec<Box<dyn Controller>> {
    vec![
        Box::new(deployments::Deployments),
        Box::new(replicasets::Replicas::sets()),
        Box::new(replicasets::Replicas::controllers()),
        Box::new(statefulsets::StatefulSets),
        Box::new(daemonsets::DaemonSets::default()),
        Box::new(cronjobs::CronJobs),
        Box::new(jobs::Jobs::default()),
        Box::new(jobs::TimeToLive),
        Box::new(autoscalers::Autoscalers::new(shared)),
        Box::new(metrics::Metrics::new(shared)),
        Box::new(budgets::Budgets::new(shared)),
        Box::new(services::Endpoints),
        Box::new(services::EndpointSlices),
        Box::new(services::Mirroring),
        Box::new(services::LoadBalancers::default()),
        Box::new(quotas::Quotas::default()),
        Box::new(volumes::Volumes::new(shared)),
        Box::new(volumes::Protection::of_claims()),
        Box::new(volumes::Protection::of_volumes()),
        Box::new(nodes::Nodes::new(shared)),
        Box::new(nodes::TaintEviction::default()),
        Box::new(nodes::PodGarbage::default()),
        Box::new(certificates::Approving),
        Box::new(certificates::Signing::new(shared)),
        Box::new(certificates::Cleaning),
    ]
}
