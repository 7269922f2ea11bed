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
        .proxy(proxy()?)
        .tls_config(tls)
        .user_agent(concat!("marque/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(policy.connect))
        .timeout_connect(Some(policy.connect))
        .timeout_per_read(Some(policy.stall))
        .timeout_per_write(Some(policy.stall))
        .build();
    Ok(config.new_agent())
}

/// Variables that name a proxy, in the order in which they count.
const PROXIES: [&str; 6] =
    ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

/// The proxy that the environment names, with the exceptions of `NO_PROXY`. A variable that cannot be understood is an
/// error: a network with a proxy seldom has another way out, and going past it may not be wanted.
fn proxy() -> Result<Option<Proxy>, Error> {
    for variable in PROXIES {
        let Ok(value) = std::env::var(variable) else { continue };
        if let (false, Err(error)) = (value.is_empty(), Proxy::new(&value)) {
            // Not the value: it may hold a password.
            return Err(Error::Proxy { variable, reason: error.to_string() });
        }
    }
    Ok(Proxy::try_from_env())
}

fn root_certificates() -> Result<RootCerts, Error> {
    let Some(path) = std::env::var_os(CERTIFICATES).map(PathBuf::from).filter(|p| !p.as_os_str().is_empty())
    else {
        return Ok(RootCerts::WebPki);
    };
    let pem = fs_err::read(&path)?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(Error::Certificates {
            path,
            reason: "does not contain a certificate in PEM form".to_owned(),
        });
    }
    Ok(RootCerts::new_with_certs(&certificates))
}
