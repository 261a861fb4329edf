//! The crate that reads texts knows the resources that the API serves.

use std::collections::BTreeSet;

use kmock::KMock;

#[kmock::test]
async fn built_ins_are_those_of_discovery(k: KMock) {
    let mut served = BTreeSet::new();
    for root in ["/api", "/apis"] {
        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        let found = k.get(root).header("accept", accept).await.json();
        let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
        for group in list(&found["items"]) {
            let name = group["metadata"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            for version in list(&group["versions"]) {
                for resource in list(&version["resources"]) {
                    let text =
                        |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
                    let mut subresources: Vec<String> = list(&resource["subresources"])
                        .iter()
                        .map(|one| text(&one["subresource"]))
                        .collect();
                    subresources.sort();
                    served.insert((
                        name.clone(),
                        text(&version["version"]),
                        text(&resource["resource"]),
                        text(&resource["responseKind"]["kind"]),
                        subresources.join(","),
                    ));
                }
            }
        }
    }
    let table = include_str!("../../kmock-macros/notation/data/resources.tsv");
    let known: BTreeSet<_> = table
        .lines()
        .flat_map(|line| {
            let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
            let versions: Vec<String> = cells[1].split(',').map(str::to_owned).collect();
            versions.into_iter().map(move |version| {
                let [group, _, plural, kind, subresources] =
                    [0, 1, 2, 3, 4].map(|at| cells[at].clone());
                (group, version, plural, kind, subresources)
            })
        })
        .collect();
    assert_eq!(known, served);
}
