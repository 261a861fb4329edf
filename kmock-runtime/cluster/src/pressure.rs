//! What a node can run out of, and how its conditions say so.

/// What a node can run out of, in the order in which it is looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pressure {
    Memory,
    Disk,
    Processes,
}

pub(crate) const PRESSURES: [Pressure; 3] = [Pressure::Memory, Pressure::Disk, Pressure::Processes];

impl Pressure {
    /// Its condition; the reason and the message where it holds, and where it does not.
    pub(crate) fn condition(self) -> (&'static str, [(&'static str, &'static str); 2]) {
        match self {
            Pressure::Memory => (
                "MemoryPressure",
                [
                    (
                        "KubeletHasInsufficientMemory",
                        "kubelet has insufficient memory available",
                    ),
                    (
                        "KubeletHasSufficientMemory",
                        "kubelet has sufficient memory available",
                    ),
                ],
            ),
            Pressure::Disk => (
                "DiskPressure",
                [
                    ("KubeletHasDiskPressure", "kubelet has disk pressure"),
                    ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                ],
            ),
            Pressure::Processes => (
                "PIDPressure",
                [
                    (
                        "KubeletHasInsufficientPID",
                        "kubelet has insufficient PID available",
                    ),
                    (
                        "KubeletHasSufficientPID",
                        "kubelet has sufficient PID available",
                    ),
                ],
            ),
        }
    }

    /// The resource that is to be had back.
    pub(crate) fn resource(self) -> &'static str {
        match self {
            Pressure::Memory => "memory",
            Pressure::Disk => "ephemeral-storage",
            Pressure::Processes => "pids",
        }
    }
}
