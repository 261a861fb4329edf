//! ureq, over plain HTTP and over TLS.

use kmock::prelude::*;

fn agent(k: &KMock) -> ureq::Agent {
    let authority = ureq::tls::Certificate::from_pem(k.ca_pem().as_bytes()).expect("a certificate");
    let tls = ureq::tls::TlsConfig::builder()
        .root_certs(ureq::tls::RootCerts::new_with_certs(&[authority]))
        .build();
    let config = ureq::Agent::config_builder().tls_config(tls).proxy(None);
    config.http_status_as_error(false).build().into()
}

#[kmock::test(raw)]
fn ureq_is_served_by_a_thread(k: KMock) {
    kmock! { k,
        GET "/users/{id: u64}" => |id| json!({ "id": id });
        POST "/users" json { "name": _ } => 201;
    }
    let mut answer = ureq::get(format!("{}/users/7", k.url()))
        .call()
        .expect("an answer");
    assert_eq!(
        answer.body_mut().read_to_string().expect("a text"),
        "{\"id\":7}"
    );
    let made = ureq::post(format!("{}/users", k.url()))
        .content_type("application/json")
        .send("{\"name\":\"john\"}");
    assert_eq!(made.expect("an answer").status(), 201);
}

#[kmock::test(raw, tls)]
fn ureq_trusts_the_authority(k: KMock) {
    kmock! { k, GET "/" => text "hi"; }
    let mut answer = agent(&k).get(k.url()).call().expect("an answer");
    assert_eq!(answer.body_mut().read_to_string().expect("a text"), "hi");
    assert_eq!(k.requests()[0].scheme(), "https");
    // One that was not told whom to trust is refused.
    ureq::get(k.url())
        .call()
        .expect_err("nobody knows the authority");
}
