//! Kerberos logins against a real KDC and a real smbd.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use smbreplay::model::Dialect;
use smbreplay::wire::{Cipher, ConnectOptions, Connection, CreateSpec, Credentials, Password, access, disposition};
use support::Samba;
use support::kdc::Kdc;

fn credentials(kdc: String, password: &str) -> Credentials {
    Credentials::Kerberos {
        user: Samba::USER.to_owned(),
        realm: Kdc::REALM.to_owned(),
        password: Password::new(password),
        kdc: Some(kdc),
    }
}

fn options(samba: &Samba) -> ConnectOptions {
    ConnectOptions { server_name: Kdc::SERVER.to_owned(), ..ConnectOptions::new(samba.address()) }
}

#[tokio::test]
async fn tickets_log_in_on_every_dialect_and_their_keys_sign_and_seal() {
    let kdc = Kdc::start();
    let samba = Samba::start(&[("SMBD_GLOBAL", &kdc.samba_settings())]);
    let user = credentials(kdc.url(), Samba::PASSWORD);
    for dialect in Dialect::ALL {
        let options = ConnectOptions { dialects: vec![dialect], ..options(&samba) };
        let connection = Connection::connect(options).await.unwrap();
        let session = connection.login(&user).await.unwrap();
        assert!(session.can_sign() && session.user() == "testuser@SMBREPLAY.TEST");
        connection.tree_connect(&session, "testshare").await.unwrap();
        connection.echo(&session).await.unwrap();
    }
    // The key of a ticket has 32 bytes: AES-256 takes them all, everything else the first 16.
    for cipher in Cipher::ALL {
        let options = ConnectOptions { ciphers: vec![cipher], ..options(&samba) };
        let connection = Connection::connect(options).await.unwrap();
        let session = connection.login(&user).await.unwrap();
        let tree = connection.tree_connect(&session, "encshare").await.unwrap();
        let spec = CreateSpec::file("kerberos", access::WRITE_DATA, disposition::OVERWRITE_IF);
        let file = connection.create(&tree, &spec).await.unwrap();
        connection.write(&file, 0, cipher.to_string().as_bytes()).await.unwrap();
        let written = std::fs::read(samba.share_dir("encshare").join("kerberos")).unwrap();
        assert_eq!(written, cipher.to_string().as_bytes());
    }
}

#[tokio::test]
async fn a_wrong_password_or_a_silent_kdc_is_an_error_that_names_the_user() {
    let kdc = Kdc::start();
    let samba = Samba::shared();
    let connection = Connection::connect(options(&samba)).await.unwrap();
    let error = connection.login(&credentials(kdc.url(), "wrong")).await.unwrap_err();
    assert!(error.is_target() && error.to_string().contains("testuser@SMBREPLAY.TEST"), "{error}");

    let nobody = format!("tcp://127.0.0.1:{}", support::free_port());
    let error = connection.login(&credentials(nobody.clone(), Samba::PASSWORD)).await.unwrap_err();
    assert!(error.is_target() && error.to_string().contains(&nobody), "{error}");
}
