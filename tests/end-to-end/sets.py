"""Which specs of the suite a control plane with nodes that are not real can answer."""

# Clouds and machines of others, minutes of load, features that are off as they come.
NEVER = [
    r"\[Feature:",
    r"\[Alpha\]",
    r"\[Slow\]",
    r"\[Disruptive\]",
    r"\[Flaky\]",
    r"\[Environment:",
    r"Feature:OffByDefault",
    # Webhooks and API servers that run in Pods of the suite's own image.
    r"AdmissionWebhook.*(should (be able to deny|unconditionally|mutate|not be able|deny|honor)|listing|patching)",
    r"CustomResourceConversionWebhook|CustomResourceFieldSelectors",
    r"Aggregat(or|ed APIServer)",
]

ALL = {
    "api": ([r"\[sig-api-machinery\]"], []),
    "auth": ([r"\[sig-auth\]"], []),
    "apps": ([r"\[sig-apps\]"], []),
    "scheduling": ([r"\[sig-scheduling\]"], []),
    "instrumentation": ([r"\[sig-instrumentation\]", r"\[sig-architecture\]"], []),
    "cli": ([r"\[sig-cli\]"], []),
    "network": ([r"\[sig-network\]"], []),
    "node": ([r"\[sig-node\]"], []),
    "storage": ([r"\[sig-storage\]"], [r"\[Driver:", r"CSI Mock"]),
}
