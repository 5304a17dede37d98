//! Asks registries for the digests of images (OCI distribution specification, "Pulling manifests").
//!
//! Nothing is pulled: one question for each name, and one for a token where the registry wants that. This is the only
//! part of ounce that uses a network, and only `--resolve` comes here.

mod challenge;
mod name;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use docker_credential::{DockerCredential, get_credential, get_podman_credential};
use ounce_image::Digest;
use serde::Deserialize;
use ureq::http::{HeaderMap, Response, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use challenge::Challenge;
pub(crate) use name::Name;

/// What a build takes: an index, if there is one, so that other platforms build too.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";
/// "registries SHOULD [...] at least 4 megabytes" (OCI distribution specification, "Pushing Manifests").
const MAX_MANIFEST: u64 = 4 << 20;
/// Some kilobytes are usual.
const MAX_TOKEN: u64 = 1 << 20;
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(30);

/// Why a digest is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// No registry has such a name.
    #[error("{0:?} is no name of an image")]
    Name(String),
    /// There is no connection.
    #[error("{registry} cannot be reached: {reason}")]
    Unreachable {
        /// The registry.
        registry: String,
        /// What went wrong.
        reason: String,
    },
    /// Registries say this also of images that they do not have.
    #[error("{registry} gives it to nobody without a login, or does not have it")]
    Unauthorised {
        /// The registry.
        registry: String,
    },
    /// There is no such image.
    #[error("{registry} has no {tag} of {repository}")]
    NotFound {
        /// The registry.
        registry: String,
        /// The repository.
        repository: String,
        /// The tag.
        tag: String,
    },
    /// The answer is none.
    #[error("{registry} answers {answer}")]
    Answer {
        /// The registry.
        registry: String,
        /// Its status, or what is wrong with the answer.
        answer: String,
    },
}

/// The registries that were asked.
pub(crate) struct Registries {
    agent: Agent,
    /// Those that did not answer, which are not asked again.
    unreachable: BTreeMap<String, Error>,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Registries {
    /// Takes the system's certificates, and its proxy from the environment.
    pub(crate) fn new() -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(ANSWER))
            .user_agent(concat!("ounce/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build();
        Self {
            agent: config.into(),
            unreachable: BTreeMap::new(),
        }
    }

    /// The digest that a name stands for now.
    ///
    /// # Errors
    /// It is no name, or its registry does not give the digest.
    pub(crate) fn digest(&mut self, image: &str) -> Result<Digest, Error> {
        let name = Name::parse(image).ok_or_else(|| Error::Name(image.to_owned()))?;
        if let Some(error) = self.unreachable.get(&name.registry) {
            return Err(error.clone());
        }
        let found = self.ask(&name);
        if let Err(error @ Error::Unreachable { .. }) = &found {
            self.unreachable
                .insert(name.registry.clone(), error.clone());
        }
        found
    }

    fn ask(&self, name: &Name) -> Result<Digest, Error> {
        let url = format!(
            "{}/v2/{}/manifests/{}",
            name.origin(),
            name.repository,
            name.tag
        );
        let mut authorization = None;
        let mut answer = self.send(name, &url, Method::Head, None)?;
        if answer.status() == 401 {
            authorization = self.authorization(name, answer.headers())?;
            answer = self.send(name, &url, Method::Head, authorization.as_deref())?;
        }
        let registry = name.registry.clone();
        match answer.status().as_u16() {
            200 => {}
            401 | 403 => return Err(Error::Unauthorised { registry }),
            404 => {
                return Err(Error::NotFound {
                    registry,
                    repository: name.repository.clone(),
                    tag: name.tag.clone(),
                });
            }
            _ => return Err(wrong(name, answer.status())),
        }
        let told = answer.headers().get("docker-content-digest");
        match told.and_then(|digest| digest.to_str().ok()) {
            Some(digest) => digest
                .parse()
                .map_err(|_| wrong(name, "with a digest that is none")),
            // The header is optional.
            None => {
                let mut whole = self.send(name, &url, Method::Get, authorization.as_deref())?;
                let body = whole
                    .body_mut()
                    .with_config()
                    .limit(MAX_MANIFEST)
                    .read_to_vec();
                let is_whole = whole.status() == 200;
                let body = body
                    .ok()
                    .filter(|_| is_whole)
                    .ok_or_else(|| wrong(name, "without a manifest"))?;
                Ok(Digest::of(&body))
            }
        }
    }

    /// What a registry wants to be told with a question, for its challenge.
    fn authorization(&self, name: &Name, headers: &HeaderMap) -> Result<Option<String>, Error> {
        let unauthorised = || Error::Unauthorised {
            registry: name.registry.clone(),
        };
        let header = headers
            .get(header::WWW_AUTHENTICATE)
            .and_then(|value| value.to_str().ok());
        let login = login(name);
        match header.and_then(Challenge::parse).ok_or_else(unauthorised)? {
            Challenge::Basic => Ok(Some(login.ok_or_else(unauthorised)?)),
            Challenge::Bearer { realm, service } => {
                // A password goes over no line that others can read.
                if !realm.starts_with("https://") && !name.is_local() {
                    return Err(wrong(name, "with a place for tokens that is not safe"));
                }
                let scope = format!("repository:{}:pull", name.repository);
                let request = self.agent.get(&realm).query("scope", &scope);
                let request = service.iter().fold(request, |request, service| {
                    request.query("service", service)
                });
                let request = login.iter().fold(request, |request, login| {
                    request.header(header::AUTHORIZATION, login)
                });
                let mut answer = request.call().map_err(|error| unreachable(name, &error))?;
                if answer.status() != 200 {
                    return Err(unauthorised());
                }
                let body = answer
                    .body_mut()
                    .with_config()
                    .limit(MAX_TOKEN)
                    .read_to_vec();
                let token = body
                    .ok()
                    .and_then(|body| serde_json::from_slice::<Token>(&body).ok());
                let token = token.and_then(|token| token.token.or(token.access_token));
                let token = token.ok_or_else(|| wrong(name, "without a token"))?;
                Ok(Some(format!("Bearer {token}")))
            }
        }
    }

    fn send(
        &self,
        name: &Name,
        url: &str,
        method: Method,
        authorization: Option<&str>,
    ) -> Result<Response<Body>, Error> {
        let request = match method {
            Method::Head => self.agent.head(url),
            Method::Get => self.agent.get(url),
        };
        let request = request.header(header::ACCEPT, MANIFESTS);
        let request = authorization.iter().fold(request, |request, value| {
            request.header(header::AUTHORIZATION, *value)
        });
        let request = request.config().https_only(!name.is_local()).build();
        request.call().map_err(|error| unreachable(name, &error))
    }
}

#[derive(Clone, Copy)]
enum Method {
    Head,
    Get,
}

/// The user's login as a header, from the files and helpers of Docker and Podman.
fn login(name: &Name) -> Option<String> {
    let key = name.login_key();
    let found = get_credential(key).or_else(|_| get_podman_credential(&name.registry));
    match found.ok()? {
        DockerCredential::UsernamePassword(user, password) => Some(format!(
            "Basic {}",
            STANDARD.encode(format!("{user}:{password}"))
        )),
        DockerCredential::IdentityToken(_) => None,
    }
}

fn unreachable(name: &Name, error: &ureq::Error) -> Error {
    Error::Unreachable {
        registry: name.registry.clone(),
        reason: error.to_string(),
    }
}

fn wrong(name: &Name, answer: impl std::fmt::Display) -> Error {
    Error::Answer {
        registry: name.registry.clone(),
        answer: answer.to_string(),
    }
}

#[cfg(test)]
mod tests;
