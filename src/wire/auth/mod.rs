//! Tokens of the security packages: NTLM and Kerberos by `sspi`, in SPNEGO (RFC 4178).

mod exchange;
mod kerberos;
mod ntlm;
mod null_session;
mod spnego;

pub(super) use exchange::{AuthError, Exchange};
