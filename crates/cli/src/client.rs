//! The API of a running server, over HTTP.
//!
//! The token is sent to the server that was named and to no other: links of an answer are followed by their
//! parameters, never by their host.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use indelible_control::{Profile, Profiles, profile_path};
use serde_json::Value;
use ureq::http;

use crate::exit::{Exit, Failure};
use crate::tls;

/// Where the server listens when nobody says otherwise.
const DEFAULT_SERVER: &str = "http://127.0.0.1:7513";
/// Largest answer that is read whole.
const MAX_ANSWER_BYTES: u64 = 256 << 20;
/// How often a request is sent again when the server is busy: with the waits between, some minutes.
const MAX_ATTEMPTS: u32 = 8;
/// Longest wait that a server may ask for; beyond it a person should know.
const MAX_RETRY_WAIT: Duration = Duration::from_mins(1);

/// Which server, organization and credential a command uses.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Target {
    /// URL of the server [default: the profile's, else http://127.0.0.1:7513]
    #[arg(long, global = true, env = "INDELIBLE_SERVER", value_name = "URL", help_heading = "Server")]
    pub(crate) server: Option<String>,
    /// Organization [default: the profile's, else `default`]
    #[arg(long, global = true, env = "INDELIBLE_ORG", value_name = "ORG", help_heading = "Server")]
    pub(crate) org: Option<String>,
    /// Profile of the profiles file
    #[arg(long, global = true, env = "INDELIBLE_PROFILE", value_name = "NAME", help_heading = "Server")]
    pub(crate) profile: Option<String>,
    /// File that holds the API key [default: the profile's; the key itself may stand in INDELIBLE_TOKEN]
    #[arg(long, global = true, env = "INDELIBLE_TOKEN_FILE", value_name = "FILE", help_heading = "Server")]
    pub(crate) token_file: Option<PathBuf>,
    /// File with the authorities of the server's certificate, PEM [default: the profile's, else the public ones]
    #[arg(long, global = true, env = "INDELIBLE_CA", value_name = "FILE", help_heading = "Server")]
    pub(crate) ca: Option<PathBuf>,
    /// File with the certificate to show to the server, PEM
    #[arg(
        long = "client-certificate",
        global = true,
        env = "INDELIBLE_CLIENT_CERTIFICATE",
        value_name = "FILE",
        requires = "client_key",
        help_heading = "Server"
    )]
    pub(crate) client_certificate: Option<PathBuf>,
    /// File with its private key, PEM
    #[arg(long, global = true, env = "INDELIBLE_CLIENT_KEY", value_name = "FILE", help_heading = "Server")]
    pub(crate) client_key: Option<PathBuf>,
}

/// A connection to one server as one principal.
#[derive(Debug)]
pub(crate) struct Client {
    agent: ureq::Agent,
    base: String,
    org: String,
    token: Option<String>,
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'static str,
    /// Path below the server, with its query string.
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'static str, &'a str)],
    pub(crate) body: Option<&'a [u8]>,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// An answer whose body is read as it comes.
pub(crate) type Streamed = http::Response<ureq::Body>;

impl Client {
    pub(crate) fn new(target: &Target) -> Result<Self, Failure> {
        let profile = load_profile(target)?;
        let server = target.server.clone().or_else(|| profile.as_ref().map(|p| p.server.clone()));
        let org = target.org.clone().or_else(|| profile.as_ref().and_then(|p| p.organization.clone()));
        let token = token(target, profile.as_ref())?;
        let own = profile.filter(|profile| is_of(profile, target));
        let ca = target.ca.clone().or_else(|| own.and_then(|profile| profile.ca));
        let tls = tls::settings(
            ca.as_deref(),
            target.client_certificate.as_deref().zip(target.client_key.as_deref()),
        )?;
        Ok(Self::with((server, tls), org, token))
    }

    /// A connection as nobody, to the server that the target names itself.
    pub(crate) fn anonymous(target: &Target) -> Result<Self, Failure> {
        let tls = tls::settings(target.ca.as_deref(), None)?;
        Ok(Self::with((target.server.clone(), tls), target.org.clone(), None))
    }

    fn with(
        (server, tls): (Option<String>, ureq::tls::TlsConfig),
        org: Option<String>,
        token: Option<String>,
    ) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .user_agent(concat!("indelible/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build();
        Self {
            agent: config.into(),
            base: server.unwrap_or_else(|| DEFAULT_SERVER.to_owned()).trim_end_matches('/').to_owned(),
            org: org.unwrap_or_else(|| "default".to_owned()),
            token,
        }
    }

    pub(crate) fn org(&self) -> &str {
        &self.org
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The path of a resource below the organization.
    pub(crate) fn org_path(&self, path: &str) -> String {
        format!("/api/v1/orgs/{}/{path}", segment(&self.org))
    }

    /// The path of a resource below the organization, with a query string.
    pub(crate) fn org_query(&self, path: &str, parameters: &Query) -> String {
        format!("{}{}", self.org_path(path), parameters.text())
    }

    /// GET, whole body.
    pub(crate) fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.send(&Request { method: "GET", path, headers: &[("accept", "application/json")], body: None })
    }

    /// GET JSON; a status of 400 and above is a failure.
    pub(crate) fn get_json(&self, path: &str) -> Result<Value, Failure> {
        self.get(path)?.json()
    }

    /// GET, body as a stream; a status of 400 and above is a failure.
    pub(crate) fn stream(&self, path: &str, accept: &str) -> Result<Streamed, Failure> {
        let headers = [("accept", accept)];
        Self::streamed(self.call(&Request { method: "GET", path, headers: &headers, body: None })?)
    }

    /// POST of JSON, body of the answer as a stream; a status of 400 and above is a failure.
    pub(crate) fn stream_json(&self, path: &str, body: &Value, accept: &str) -> Result<Streamed, Failure> {
        let text = body.to_string();
        let headers = [("accept", accept), ("content-type", "application/json")];
        let body = Some(text.as_bytes());
        Self::streamed(self.call(&Request { method: "POST", path, headers: &headers, body })?)
    }

    /// POST of JSON, answered with a file that is read whole; a status of 400 and above is a failure.
    pub(crate) fn post_for_file(&self, path: &str, body: &Value) -> Result<Vec<u8>, Failure> {
        read_answer(self.stream_json(path, body, "*/*")?).map(|answer| answer.body)
    }

    fn streamed(answer: Streamed) -> Result<Streamed, Failure> {
        if answer.status().as_u16() < 400 {
            return Ok(answer);
        }
        let refused = read_answer(answer)?.json();
        Err(refused.err().unwrap_or_else(|| Failure::failed("the server refused and did not say why")))
    }

    /// Sends JSON; a status of 400 and above is a failure.
    pub(crate) fn send_json(&self, method: &'static str, path: &str, body: &Value) -> Result<Value, Failure> {
        let text = body.to_string();
        let headers = [("content-type", "application/json")];
        self.send(&Request { method, path, headers: &headers, body: Some(text.as_bytes()) })?.json()
    }

    /// Sends a request and reads the whole answer.
    pub(crate) fn send(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        read_answer(self.call(request)?)
    }

    /// The same, again when the server says that it is busy. `waiting` is told the seconds before each wait.
    pub(crate) fn send_patiently(
        &self,
        request: &Request<'_>,
        waiting: &mut dyn FnMut(u64),
    ) -> Result<Answer, Failure> {
        let mut attempt = 1;
        loop {
            let answer = self.send(request)?;
            if !matches!(answer.status, 429 | 503) || attempt >= MAX_ATTEMPTS {
                return Ok(answer);
            }
            let wait = answer.retry_after().unwrap_or_else(|| Duration::from_secs(1 << attempt));
            waiting(wait.as_secs());
            pause(wait.min(MAX_RETRY_WAIT));
            attempt += 1;
        }
    }

    fn call(&self, request: &Request<'_>) -> Result<Streamed, Failure> {
        let mut built =
            http::Request::builder().method(request.method).uri(format!("{}{}", self.base, request.path));
        for (name, value) in request.headers {
            built = built.header(*name, *value);
        }
        if let Some(token) = &self.token {
            built = built.header("authorization", format!("Bearer {token}"));
        }
        let invalid = |error: http::Error| {
            Failure::usage(format!("{}{} is no usable address: {error}", self.base, request.path))
        };
        let answer = match request.body {
            Some(body) => self.agent.run(built.body(body).map_err(invalid)?),
            None => self.agent.run(built.body(()).map_err(invalid)?),
        };
        answer.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        let message = format!(
            "the server at {} does not answer: {error}; is `indelible serve` running, or is --server needed?",
            self.base
        );
        Failure::new(Exit::Temporary, "unreachable", message)
    }
}

/// Waits because a server asked for it, or because one cannot be reached for the moment.
#[expect(clippy::disallowed_methods, reason = "there is no condition here to wait for but time itself")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

impl Answer {
    /// The body as JSON, or the problem it describes as a failure.
    pub(crate) fn json(&self) -> Result<Value, Failure> {
        let body: Result<Value, _> = serde_json::from_slice(&self.body);
        match body {
            Ok(body) if self.status < 300 => Ok(body),
            Ok(body) => Err(problem(self.status, &body)),
            Err(_) => Err(Failure::failed(format!(
                "the server answered {} without JSON; is it an indelible server?",
                self.status
            ))),
        }
    }

    /// The body as text, or the problem it describes as a failure.
    pub(crate) fn text(&self) -> Result<&str, Failure> {
        if self.status >= 300 {
            self.json()?;
        }
        std::str::from_utf8(&self.body).map_err(|_| Failure::failed("the server's answer is not UTF-8"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.parse().ok().map(Duration::from_secs)
    }
}

/// Parameters of a query string.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Adds a parameter if it has a value.
    pub(crate) fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.0.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// Names and values.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        self.0.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    /// `?name=value&…`; empty without parameters.
    pub(crate) fn text(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let mut encoded = form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(&self.0);
        format!("?{}", encoded.finish())
    }
}

/// A text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.extend(["%", &format!("{byte:02X}")]);
        }
        out
    })
}

/// A problem document as a failure with the right exit code.
pub(crate) fn problem(status: u16, body: &Value) -> Failure {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let exit = match status {
        400 | 422 => Exit::Usage,
        401 | 403 => Exit::Denied,
        429 | 503 => Exit::Temporary,
        _ => Exit::Failed,
    };
    let mut message = format!("{}: {}", text("title"), text("detail"));
    for error in body.get("errors").and_then(Value::as_array).into_iter().flatten() {
        message.push_str("\n  ");
        message.push_str(&error_line(error));
    }
    if status == 401 {
        message.push_str("\n  set INDELIBLE_TOKEN, or --token-file, or a profile");
    }
    let code = if text("code").is_empty() { "failed" } else { text("code") };
    Failure::new(exit, code, message)
}

/// One entry of a problem's `errors` as a line.
pub(crate) fn error_line(error: &Value) -> String {
    let part = |name: &str| error.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let parts = [part("pointer"), part("code"), part("value"), part("hint")];
    let mut line = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let suggest: Vec<&str> = error
        .get("suggest")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !suggest.is_empty() && !line.contains("did you mean") {
        line.extend(["; did you mean ", &suggest.join(", "), "?"]);
    }
    line
}

fn read_answer(answer: Streamed) -> Result<Answer, Failure> {
    let status = answer.status().as_u16();
    let headers = answer.headers().clone();
    let mut body = Vec::new();
    let mut reader = answer.into_body().into_reader().take(MAX_ANSWER_BYTES + 1);
    reader.read_to_end(&mut body).map_err(|error| {
        Failure::new(Exit::Temporary, "unreachable", format!("the answer broke off: {error}"))
    })?;
    if body.len() as u64 > MAX_ANSWER_BYTES {
        return Err(Failure::failed(format!("the answer is larger than {MAX_ANSWER_BYTES} bytes")));
    }
    Ok(Answer { status, headers, body })
}

/// The file of profiles, if the environment says where one may be.
pub(crate) fn profiles_file() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    profile_path(variable("INDELIBLE_CONFIG"), variable("XDG_CONFIG_HOME"), variable("HOME"))
}

fn load_profile(target: &Target) -> Result<Option<Profile>, Failure> {
    let Some(path) = profiles_file() else { return Ok(None) };
    let profiles = Profiles::read(&path).map_err(|error| Failure::usage(error.to_string()))?;
    let selected = profiles.select(target.profile.as_deref()).map(|(_, profile)| profile.clone());
    match (&target.profile, selected) {
        (Some(name), None) => {
            let message =
                format!("there is no profile {name:?} in {}; see indelible profile list", path.display());
            Err(Failure::usage(message))
        }
        (_, selected) => Ok(selected),
    }
}

fn token(target: &Target, profile: Option<&Profile>) -> Result<Option<String>, Failure> {
    if let Some(file) = &target.token_file {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Failure::usage(format!("cannot read the token file {}: {error}", file.display()))
        })?;
        return Ok(Some(text.trim().to_owned()));
    }
    if let Some(token) = std::env::var("INDELIBLE_TOKEN").ok().filter(|token| !token.is_empty()) {
        return Ok(Some(token));
    }
    match profile.filter(|profile| is_of(profile, target)) {
        Some(profile) => profile.read_token().map_err(|error| Failure::usage(error.to_string())),
        None => Ok(None),
    }
}

/// Whether a profile is of the server that is asked: its token and its authority are for no other.
fn is_of(profile: &Profile, target: &Target) -> bool {
    let plain = |url: &str| url.trim_end_matches('/').to_owned();
    target.server.as_ref().is_none_or(|server| plain(server) == plain(&profile.server))
}
