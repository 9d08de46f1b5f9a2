//! Kerberos by `sspi`'s Negotiate, which wraps its tokens in SPNEGO itself. The KDC is asked over TCP.

use std::io;
use std::time::Duration;

use sspi::generator::{GeneratorState, NetworkRequest};
use sspi::{
    AuthIdentity, BufferType, ClientRequestFlags, CredentialsBuffers, DataRepresentation, KdcResolution,
    KerberosConfig, Negotiate, NegotiateConfig, NetworkProtocol, SecurityBuffer, Sspi, SspiImpl, Username,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::super::credentials::Password;
use super::super::keys::Key;
use super::AuthError;

const KDC_PORT: u16 = 88;
const KDC_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer taken from a KDC, in bytes.
const KDC_ANSWER_LIMIT: usize = 1 << 20;

pub(in super::super) struct Kerberos {
    package: Negotiate,
    credentials: Option<CredentialsBuffers>,
    target: String,
    complete: bool,
}

impl Kerberos {
    pub(super) fn new(
        user: &str,
        realm: &str,
        password: &Password,
        kdc: Option<&str>,
        server_name: &str,
    ) -> Result<Self, AuthError> {
        let computer = String::from("smbreplay");
        let config = match kdc {
            Some(kdc) => KerberosConfig::new_with_kdc_url(kdc, computer.clone()),
            None => {
                KerberosConfig { kdc_resolution: KdcResolution::KdcUrl(None), client_computer_name: computer.clone() }
            }
        };
        let config = NegotiateConfig::new(Box::new(config), Some(String::from("kerberos,!ntlm,!pku2u")), computer);
        let username = Username::new_down_level_logon_name(user, realm)
            .map_err(|error| sspi::Error::new(sspi::ErrorKind::InvalidParameter, error.to_string()))?;
        let identity = AuthIdentity { username, password: password.reveal().to_owned().into() };
        Ok(Self {
            package: Negotiate::new_client(config)?,
            credentials: Some(CredentialsBuffers::AuthIdentity(identity.into())),
            target: format!("cifs/{server_name}"),
            complete: false,
        })
    }

    pub(super) async fn step(&mut self, token: Option<&[u8]>) -> Result<Vec<u8>, AuthError> {
        let mut input = [SecurityBuffer::new(token.unwrap_or_default().to_vec(), BufferType::Token)];
        let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut builder = self
            .package
            .initialize_security_context()
            .with_credentials_handle(&mut self.credentials)
            .with_context_requirements(ClientRequestFlags::MUTUAL_AUTH | ClientRequestFlags::INTEGRITY)
            .with_target_data_representation(DataRepresentation::Native)
            .with_target_name(&self.target)
            .with_input(&mut input)
            .with_output(&mut output);
        let mut generator = self.package.initialize_security_context_impl(&mut builder)?;
        let mut state = generator.start();
        let result = loop {
            match state {
                GeneratorState::Suspended(request) => state = generator.resume(Ok(ask_kdc(&request).await?)),
                GeneratorState::Completed(result) => break result?,
            }
        };
        drop(generator);
        self.complete = result.status == sspi::SecurityStatus::Ok;
        let [output] = output;
        Ok(output.buffer)
    }

    pub(super) async fn finish(&mut self, token: &[u8]) -> Result<(), AuthError> {
        if !self.complete && !token.is_empty() {
            self.step(Some(token)).await?;
        }
        Ok(())
    }

    pub(super) fn session_key(&self) -> Result<Key, AuthError> {
        let keys = self.package.query_context_session_key()?;
        Ok(Zeroizing::new(keys.session_key.as_ref().clone()))
    }
}

/// Sends a request, which has its length in front, and returns the answer with its own in front, RFC 4120 7.2.2.
async fn ask_kdc(request: &NetworkRequest) -> Result<Vec<u8>, AuthError> {
    let failed = |source: io::Error| AuthError::Kdc { kdc: request.url.to_string(), source };
    if request.protocol != NetworkProtocol::Tcp {
        return Err(failed(io::Error::new(io::ErrorKind::Unsupported, "only tcp:// is spoken")));
    }
    let host = request.url.host_str().unwrap_or_default();
    let port = request.url.port().unwrap_or(KDC_PORT);
    let exchange = async {
        let mut stream = TcpStream::connect((host, port)).await?;
        stream.write_all(&request.data).await?;
        let length = stream.read_u32().await?;
        if length as usize > KDC_ANSWER_LIMIT {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its answer is too long"));
        }
        let mut answer = length.to_be_bytes().to_vec();
        answer.resize(4 + length as usize, 0);
        stream.read_exact(&mut answer[4..]).await?;
        Ok(answer)
    };
    tokio::time::timeout(KDC_TIMEOUT, exchange)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(failed)
}
