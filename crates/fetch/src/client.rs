//! The HTTP client.

use std::path::PathBuf;

use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Proxy};

use crate::{Error, Policy};

/// Names a file of certificates to trust instead of Mozilla's, as for curl and OpenSSL: networks whose proxy
/// looks into TLS need it.
const CERTIFICATES: &str = "SSL_CERT_FILE";

/// A client with the policy's time-outs and the environment's proxy and certificates. Statuses are not errors:
/// the transfer looks at them itself.
pub(crate) fn client(policy: &Policy) -> Result<Agent, Error> {
    let tls = TlsConfig::builder().root_certs(root_certificates()?).build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(Proxy::try_from_env())
        .tls_config(tls)
        .user_agent(concat!("marque/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(policy.connect))
        .timeout_connect(Some(policy.connect))
        .timeout_per_read(Some(policy.stall))
        .timeout_per_write(Some(policy.stall))
        .build();
    Ok(config.new_agent())
}

fn root_certificates() -> Result<RootCerts, Error> {
    let Some(path) = std::env::var_os(CERTIFICATES).map(PathBuf::from).filter(|p| !p.as_os_str().is_empty())
    else {
        return Ok(RootCerts::WebPki);
    };
    let pem = std::fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(Error::Certificates { path, reason: "holds no certificate in PEM form".to_owned() });
    }
    Ok(RootCerts::new_with_certs(&certificates))
}
