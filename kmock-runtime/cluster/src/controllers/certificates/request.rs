//! What a request for a certificate asks for (PKCS #10, RFC 2986), and what Kubernetes' own signers demand of it.

use std::collections::BTreeSet;

use crate::emulator::builtin::base64;
use crate::emulator::{der, pem};
use crate::json::Json;
use crate::object::{items, text};

pub(super) const OF_CLIENTS: &str = "kubernetes.io/kube-apiserver-client";
pub(super) const OF_KUBELETS: &str = "kubernetes.io/kube-apiserver-client-kubelet";
pub(super) const OF_KUBELETS_SERVERS: &str = "kubernetes.io/kubelet-serving";
pub(super) const LEGACY: &str = "kubernetes.io/legacy-unknown";

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
/// `extensionRequest` of PKCS #9.
const EXTENSIONS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

/// The subject, and which sorts of other names there are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) common_name: String,
    pub(super) organizations: Vec<String>,
    pub(super) has_dns: bool,
    pub(super) has_email: bool,
    pub(super) has_address: bool,
    pub(super) has_uri: bool,
}

/// The request of a CertificateSigningRequest as text.
pub(super) fn text_of(object: &Json) -> String {
    let bytes = base64::decode(text(&object["spec"]["request"])).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What it asks for; `None`: it cannot be read.
pub(super) fn subject(object: &Json) -> Option<Subject> {
    let block = pem::blocks(&text_of(object)).into_iter().next()?;
    if block.label != "CERTIFICATE REQUEST" {
        return None;
    }
    read(&base64::decode(&block.base64).ok()?)
}

fn read(request: &[u8]) -> Option<Subject> {
    let info = der::Element::only(request)?.children().next()?;
    // The version, the subject, the key, and attributes.
    let parts: Vec<der::Element<'_>> = info.children().collect();
    let [_, names, _, rest @ ..] = parts.as_slice() else {
        return None;
    };
    let mut subject = Subject::default();
    for attribute in names.children().flat_map(der::Element::children) {
        let mut parts = attribute.children();
        let (Some(sort), Some(value)) = (parts.next(), parts.next()) else {
            continue;
        };
        let value = String::from_utf8_lossy(value.contents).into_owned();
        match sort.contents {
            COMMON_NAME => subject.common_name = value,
            ORGANIZATION => subject.organizations.push(value),
            _ => {}
        }
    }
    // Each attribute is a sort and a set; that of extensions has one list of them.
    let lists = rest
        .iter()
        .flat_map(|all| all.children())
        .filter_map(|attribute| {
            let mut parts = attribute.children();
            let sort = parts.next()?;
            let values = parts.next()?;
            (sort.contents == EXTENSIONS).then(|| values.children().next())?
        });
    for extension in lists.flat_map(der::Element::children) {
        let mut parts = extension.children();
        let is_names = parts
            .next()
            .is_some_and(|sort| sort.contents == ALTERNATIVE_NAMES);
        // It may say between the two that it is critical.
        let Some(value) = parts.last().filter(|_| is_names) else {
            continue;
        };
        for name in der::Element::only(value.contents)?.children() {
            match name.tag {
                0x81 => subject.has_email = true,
                0x82 => subject.has_dns = true,
                0x86 => subject.has_uri = true,
                0x87 => subject.has_address = true,
                _ => {}
            }
        }
    }
    Some(subject)
}

fn usages(object: &Json) -> BTreeSet<&str> {
    items(&object["spec"]["usages"]).map(text).collect()
}

/// Whether the usages are these; where the key is none of RSA, it need not encipher keys.
fn has_usages(object: &Json, own: &str) -> Result<(), String> {
    let given = usages(object);
    let all = BTreeSet::from(["digital signature", "key encipherment", own]);
    let few = BTreeSet::from(["digital signature", own]);
    if given == all || given == few {
        return Ok(());
    }
    let shown: Vec<&str> = all.into_iter().collect();
    Err(format!("usages did not match [{}]", shown.join(" ")))
}

fn of_node(subject: &Subject) -> Result<(), String> {
    if subject.organizations != ["system:nodes"] {
        return Err("subject organization is not system:nodes".to_owned());
    }
    Ok(())
}

fn named_node(subject: &Subject) -> Result<(), String> {
    match subject.common_name.starts_with("system:node:") {
        true => Ok(()),
        false => Err("subject common name does not begin with system:node:".to_owned()),
    }
}

fn refused(has: bool, sort: &str) -> Result<(), String> {
    match has {
        true => Err(format!("{sort} subjectAltNames are not allowed")),
        false => Ok(()),
    }
}

/// What a client certificate of a kubelet has to be.
pub(super) fn of_kubelet(object: &Json, subject: &Subject) -> Result<(), String> {
    of_node(subject)?;
    refused(subject.has_dns, "DNS")?;
    refused(subject.has_email, "Email")?;
    refused(subject.has_address, "IP")?;
    refused(subject.has_uri, "URI")?;
    named_node(subject)?;
    has_usages(object, "client auth")
}

/// What a signer demands; `None`: it is none of Kubernetes' own.
pub(super) fn demanded(object: &Json, subject: &Subject) -> Option<Result<(), String>> {
    let signer = text(&object["spec"]["signerName"]);
    Some(match signer {
        OF_KUBELETS => of_kubelet(object, subject),
        OF_KUBELETS_SERVERS => of_kubelets_server(object, subject),
        OF_CLIENTS => of_client(object),
        LEGACY => Ok(()),
        _ => return None,
    })
}

fn of_kubelets_server(object: &Json, subject: &Subject) -> Result<(), String> {
    of_node(subject)?;
    if !subject.has_dns && !subject.has_address {
        return Err("DNS or IP subjectAltName is required".to_owned());
    }
    refused(subject.has_email, "Email")?;
    refused(subject.has_uri, "URI")?;
    has_usages(object, "server auth")?;
    named_node(subject)
}

fn of_client(object: &Json) -> Result<(), String> {
    let given = usages(object);
    let known = ["client auth", "digital signature", "key encipherment"];
    if let Some(other) = items(&object["spec"]["usages"])
        .map(text)
        .find(|usage| !known.contains(usage))
    {
        return Err(format!("invalid usage for client certificate: {other}"));
    }
    match given.contains("client auth") {
        true => Ok(()),
        false => Err("missing required usage for client certificate: client auth".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    fn subject_of(common_name: &str, organization: &str) -> Subject {
        Subject {
            common_name: common_name.to_owned(),
            organizations: vec![organization.to_owned()],
            ..Subject::default()
        }
    }

    #[test]
    fn what_signers_demand() {
        let asked =
            |signer: &str, usages: Json| json!({"spec": {"signerName": signer, "usages": usages}});
        let client = json!(["digital signature", "key encipherment", "client auth"]);
        let short = json!(["digital signature", "client auth"]);
        let server = json!(["digital signature", "key encipherment", "server auth"]);
        let node = || subject_of("system:node:a", "system:nodes");
        let named = |change: fn(&mut Subject)| {
            let mut subject = node();
            change(&mut subject);
            subject
        };
        for (signer, usages, subject, expected) in [
            (OF_KUBELETS, &client, node(), Ok(())),
            (OF_KUBELETS, &short, node(), Ok(())),
            (
                OF_KUBELETS,
                &client,
                subject_of("system:node:a", "x"),
                Err("subject organization is not system:nodes"),
            ),
            (
                OF_KUBELETS,
                &client,
                subject_of("a", "system:nodes"),
                Err("subject common name does not begin with system:node:"),
            ),
            (
                OF_KUBELETS,
                &client,
                named(|one| one.has_dns = true),
                Err("DNS subjectAltNames are not allowed"),
            ),
            (
                OF_KUBELETS,
                &client,
                named(|one| one.has_email = true),
                Err("Email subjectAltNames are not allowed"),
            ),
            (
                OF_KUBELETS,
                &client,
                named(|one| one.has_address = true),
                Err("IP subjectAltNames are not allowed"),
            ),
            (
                OF_KUBELETS,
                &client,
                named(|one| one.has_uri = true),
                Err("URI subjectAltNames are not allowed"),
            ),
            (
                OF_KUBELETS,
                &server,
                node(),
                Err("usages did not match [client auth digital signature key encipherment]"),
            ),
            (
                OF_KUBELETS_SERVERS,
                &server,
                node(),
                Err("DNS or IP subjectAltName is required"),
            ),
            (
                OF_KUBELETS_SERVERS,
                &server,
                named(|one| one.has_dns = true),
                Ok(()),
            ),
            (
                OF_KUBELETS_SERVERS,
                &server,
                named(|one| one.has_address = true),
                Ok(()),
            ),
            (
                OF_KUBELETS_SERVERS,
                &client,
                named(|one| one.has_dns = true),
                Err("usages did not match [digital signature key encipherment server auth]"),
            ),
            (OF_CLIENTS, &client, subject_of("jane", "devs"), Ok(())),
            (
                OF_CLIENTS,
                &server,
                subject_of("jane", "devs"),
                Err("invalid usage for client certificate: server auth"),
            ),
            (
                OF_CLIENTS,
                &json!(["digital signature"]),
                subject_of("jane", "devs"),
                Err("missing required usage for client certificate: client auth"),
            ),
            (LEGACY, &server, subject_of("anybody", "any"), Ok(())),
        ] {
            let said =
                demanded(&asked(signer, usages.clone()), &subject).expect("one of Kubernetes");
            assert_eq!(
                said,
                expected.map_err(str::to_owned),
                "{signer} {usages} {subject:?}"
            );
        }
        assert_eq!(demanded(&asked("example.com/own", client), &node()), None);
    }

    /// An element of DER that is shorter than 128 bytes.
    fn element(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
        let contents = parts.concat();
        let length = u8::try_from(contents.len()).expect("short");
        [vec![tag, length], contents].concat()
    }

    #[test]
    fn requests_are_read() {
        let attribute = |sort: &[u8], value: &str| {
            let pair = [
                element(0x06, &[sort.to_vec()]),
                element(0x0c, &[value.as_bytes().to_vec()]),
            ];
            element(0x31, &[element(0x30, &pair)])
        };
        let names = element(
            0x30,
            &[
                attribute(COMMON_NAME, "jane"),
                attribute(ORGANIZATION, "devs"),
            ],
        );
        let others = element(
            0x30,
            &[
                element(0x82, &[b"a.b".to_vec()]),
                element(0x87, &[vec![127, 0, 0, 1]]),
            ],
        );
        let extension = element(
            0x30,
            &[
                element(0x06, &[ALTERNATIVE_NAMES.to_vec()]),
                element(0x01, &[vec![0xff]]),
                element(0x04, &[others]),
            ],
        );
        let extensions = element(0x31, &[element(0x30, &[extension])]);
        let attributes = element(
            0xa0,
            &[element(
                0x30,
                &[element(0x06, &[EXTENSIONS.to_vec()]), extensions],
            )],
        );
        let info = element(
            0x30,
            &[
                element(0x02, &[vec![0]]),
                names,
                element(0x30, &[]),
                attributes,
            ],
        );
        let expected = Subject {
            has_dns: true,
            has_address: true,
            ..subject_of("jane", "devs")
        };
        assert_eq!(read(&element(0x30, &[info])), Some(expected));
        assert_eq!(read(b"\x30\x00"), None);
    }
}
