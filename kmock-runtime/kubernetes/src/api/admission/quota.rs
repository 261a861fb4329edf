//! ResourceQuota: a namespace gets no more than its quotas leave, and they are charged for what it gets.
//!
//! What an object uses, and what a quota says to it, is told by [`crate::kinds::builtin::quota`].

use std::sync::Arc;

use serde_json::Value;

use super::{Attributes, Operation, Plugin};
use crate::api::call::Scope;
use crate::api::managed;
use crate::kinds::builtin::quota;
use crate::model::resource::ResourceKey;
use crate::model::status::ApiError;
use crate::state::store::Write;

pub(super) struct ResourceQuota;

impl Plugin for ResourceQuota {
    fn validate(
        &self,
        asked: &Attributes<'_>,
        object: &Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        let (call, resource) = (asked.call, asked.resource());
        let writes = matches!(asked.operation, Operation::Create | Operation::Update);
        if !writes || !resource.namespaced {
            return Ok(());
        }
        let wanted = quota::Wanted {
            group: &resource.group,
            plural: &resource.plural,
            object,
            old: asked.old,
        };
        if !wanted.counts(asked.subresource()) {
            return Ok(());
        }
        let place = ResourceKey::new("", "resourcequotas");
        let prefix = format!("{}/", asked.namespace());
        loop {
            let quotas = call.cluster.store().list(&place, &prefix).objects;
            if quotas.is_empty() {
                return Ok(());
            }
            let values: Vec<&Value> = quotas.iter().map(|quota| &*quota.value).collect();
            let charges = wanted
                .charge(&values)
                .map_err(|why| asked.forbidden(Some(object), why))?;
            let Some(served) = call.cluster.registry().find("", "v1", "resourcequotas") else {
                return Ok(());
            };
            if charges.is_empty() || asked.dry_run {
                return Ok(());
            }
            let status = Scope {
                subresource: "status",
                served: &served,
                ..call.scope()
            };
            let writes = charges.into_iter().filter_map(|(index, sums)| {
                let current = Arc::clone(quotas.get(index)?);
                let mut value = (*current.value).clone();
                for (name, sum) in sums {
                    value["status"]["used"][name] = sum.into();
                }
                managed::update(&status, Some(&current.value), &mut value, "kube-apiserver");
                Some(Write::Update { current, value })
            });
            // Whoever was faster has changed what is left.
            if call.cluster.transact(&place, writes.collect()).is_ok() {
                return Ok(());
            }
        }
    }
}
