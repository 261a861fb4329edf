//! HorizontalPodAutoscaler, `autoscaling`.

use super::horizontal_pod_autoscaler_v2;
use crate::kinds::builtin::row::Kind;

pub(super) const HORIZONTAL_POD_AUTOSCALER_V1: Kind = Kind {
    name: "autoscaling.v1.HorizontalPodAutoscaler",
    ..horizontal_pod_autoscaler_v2::HORIZONTAL_POD_AUTOSCALER_V2
};
