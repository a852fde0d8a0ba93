//! TLS: the newest version by default, older ones and strangers only by configuration.
//!
//! OpenCode servers speak plain HTTP; people put a proxy with TLS before them. Here a small TLS server stands for
//! that proxy and gives the health answer.

use std::path::PathBuf;
use std::sync::Arc;

use opencode_nexus::transport::{TlsMinimum, TlsPolicy, TransportConfig};
use opencode_nexus::{Client, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

/// An authority of our own, and files with what it has signed.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, folder: tempfile::tempdir().unwrap() }
    }

    fn sign(&self, usage: ExtendedKeyUsagePurpose) -> (String, KeyPair, CertificateDer<'static>) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key, certificate.der().clone())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A policy that trusts this authority.
    fn trusted(&self) -> TlsPolicy {
        TlsPolicy { extra_ca: Some(self.file("ca.pem", &self.issuer.pem())), ..TlsPolicy::default() }
    }

    /// A file with a client's certificate and key.
    fn client_file(&self) -> PathBuf {
        let (pem, key, _) = self.sign(ExtendedKeyUsagePurpose::ClientAuth);
        self.file("client.pem", &format!("{pem}{}", key.serialize_pem()))
    }

    /// Serves the health answer over TLS until the test ends; gives the address.
    async fn serve(&self, versions: &[&'static SupportedProtocolVersion], ask_client: bool) -> String {
        let (_, key, certificate) = self.sign(ExtendedKeyUsagePurpose::ServerAuth);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).unwrap();
        let builder = if ask_client {
            let mut roots = RootCertStore::empty();
            roots.add(self.issuer.der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(vec![certificate], key).unwrap()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(answer(acceptor.clone(), socket));
            }
        });
        address
    }
}

async fn answer(acceptor: TlsAcceptor, socket: tokio::net::TcpStream) {
    let Ok(mut stream) = acceptor.accept(socket).await else { return };
    let mut request = [0; 4096];
    if stream.read(&mut request).await.is_ok_and(|n| n > 0) {
        let body = r#"{"healthy":true,"version":"1.0.0-tls"}"#;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        // A client that has gone away is the client's business.
        let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    }
}

async fn connect(address: &str, tls: TlsPolicy) -> Result<Client> {
    let mut config = TransportConfig { tls, ..TransportConfig::default() };
    config.retry.attempts = Some(0);
    Client::builder(address).transport(config).connect().await
}

const TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
const TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

#[tokio::test]
async fn an_authority_that_we_were_told_to_trust_is_trusted() {
    let authority = Authority::new();
    let address = authority.serve(TLS13, false).await;
    assert_eq!(connect(&address, authority.trusted()).await.unwrap().server().version, "1.0.0-tls");
}

#[tokio::test]
async fn an_unknown_authority_is_refused_in_one_line_with_a_hint() {
    let authority = Authority::new();
    let address = authority.serve(TLS13, false).await;
    let error = connect(&address, TlsPolicy::default()).await.unwrap_err();
    assert_eq!(error.code(), "security.tls", "{error:?}");
    assert!(error.hint().is_some() && !error.to_string().contains('\n'), "{error}");
}

#[tokio::test]
async fn tls_1_2_is_spoken_only_by_configuration() {
    let authority = Authority::new();
    let address = authority.serve(TLS12, false).await;
    let error = connect(&address, authority.trusted()).await.unwrap_err();
    assert_eq!(error.code(), "security.tls", "{error:?}");
    connect(&address, TlsPolicy { minimum: TlsMinimum::Tls12, ..authority.trusted() }).await.unwrap();
}

#[tokio::test]
async fn a_server_that_wants_to_know_us_gets_our_certificate() {
    let authority = Authority::new();
    let address = authority.serve(TLS13, true).await;
    connect(&address, authority.trusted()).await.unwrap_err();
    let known = TlsPolicy { client_identity: Some(authority.client_file()), ..authority.trusted() };
    connect(&address, known).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_certificate_is_named() {
    let authority = Authority::new();
    let missing = TlsPolicy { extra_ca: Some("nowhere.pem".into()), ..TlsPolicy::default() };
    let error = connect("https://localhost:1", missing).await.unwrap_err();
    assert_eq!(error.code(), "user.configuration");
    assert!(error.to_string().contains("nowhere.pem"), "{error}");
    let broken =
        TlsPolicy { client_identity: Some(authority.file("broken.pem", "no key")), ..TlsPolicy::default() };
    assert_eq!(connect("https://localhost:1", broken).await.unwrap_err().code(), "user.configuration");
}
