//! One try at one address.

use std::error::Error as _;
use std::io::Read;
use std::time::Duration;

use marque_contracts::{Bar, Digest, Progress, Unit};
use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body, Timeout};

use crate::partial::{DownloadPaths, HashedFile, Origin};
use crate::{Error, Policy, ProblemKind, RemoteFile};

/// How the standard library's message for a failed look-up of a host begins, and how it ends if the host does not exist.
/// There is no kind of error for it.
const LOOKUP: &str = "failed to lookup address information";
const NO_SUCH_HOST: &str = "Name or service not known";

const UNKNOWN_HOST: &str = "there is no such host, or no network";

/// What came of a try.
pub(crate) enum Outcome {
    /// The file is complete and verified, under its name.
    Complete { bytes: u64, blake3: Digest, resumed: u64 },
    /// Another try may succeed.
    Retry {
        kind: ProblemKind,
        /// How long to wait, if the server or the problem says.
        wait: Option<Duration>,
    },
    /// This address does not have the file.
    Failed(ProblemKind),
}

/// One try at one address.
pub(crate) struct Transfer<'a> {
    pub(crate) agent: &'a Agent,
    pub(crate) policy: &'a Policy,
    pub(crate) file: &'a RemoteFile,
    pub(crate) url: &'a str,
    pub(crate) paths: &'a DownloadPaths,
    pub(crate) progress: &'a dyn Progress,
}

impl Transfer<'_> {
    pub(crate) fn run(&self) -> Result<Outcome, Error> {
        let before = self.paths.origin();
        let have = self.usable(&before)?;
        if have > 0 && self.file.bytes == Some(have) {
            let partial = self.open(&before, true)?;
            return self.verify(partial, have);
        }
        let mut request = self.agent.get(self.url);
        if have > 0 {
            request = request.header("Range", format!("bytes={have}-"));
            if let Some(validator) = before.validator.as_deref().filter(|_| before.url == self.url) {
                request = request.header("If-Range", validator);
            }
        }
        let response = match request.call() {
            Ok(response) => response,
            Err(error) => return Ok(self.failed_request(&error)),
        };
        let status = response.status().as_u16();
        match status {
            200 => self.receive(response, 0),
            206 => match content_range(response.headers()) {
                Some((start, _)) if start == have && have > 0 => self.receive(response, have),
                _ => self.start_again("the server answered with another part of the file than was asked for"),
            },
            // What is there is longer than the file, or all of it.
            416 if have > 0 => self.start_again("what was downloaded before does not fit the file there"),
            408 | 425 | 429 | 500 | 502 | 503 | 504 => {
                let wait = retry_after(response.headers());
                match wait.filter(|wait| *wait > self.policy.longest_wait) {
                    Some(wait) => Ok(Outcome::Failed(ProblemKind::Busy { status, wait })),
                    None => Ok(Outcome::Retry { kind: ProblemKind::Status(status), wait }),
                }
            }
            _ => Ok(Outcome::Failed(ProblemKind::Status(status))),
        }
    }

    /// How many bytes of an earlier partial file can be resumed from: all if a checksum will tell in the end, or if the
    /// server can tell that its file is still the same.
    fn usable(&self, before: &Origin) -> Result<u64, Error> {
        let have = self.paths.length();
        let same = before.url == self.url && before.validator.is_some();
        let fits = self.file.bytes.is_none_or(|bytes| have <= bytes);
        if have > 0 && fits && (same || !self.file.checksums.is_empty()) {
            return Ok(have);
        }
        self.paths.discard()?;
        Ok(0)
    }

    fn open(&self, origin: &Origin, resume: bool) -> Result<HashedFile, Error> {
        Ok(HashedFile::open(self.paths, origin, resume, &self.file.checksums)?)
    }

    fn receive(&self, response: Response<Body>, from: u64) -> Result<Outcome, Error> {
        let headers = response.headers();
        let length = number(headers, "content-length");
        let total = match content_range(headers) {
            Some((_, total)) if from > 0 => total.or(length.map(|length| from + length)),
            _ => length,
        };
        if let (Some(found), Some(expected)) = (total, self.file.bytes)
            && found != expected
        {
            return Ok(Outcome::Failed(ProblemKind::Length { expected, found }));
        }
        let total = total.or(self.file.bytes);
        let origin = Origin { url: self.url.to_owned(), validator: validator(headers) };
        let mut partial = self.open(&origin, from > 0)?;
        if partial.length != from {
            return self.start_again("what was downloaded before has changed meanwhile");
        }
        let bar = self.progress.bar(&self.file.name, total.unwrap_or(0), Unit::Bytes);
        bar.advance(partial.length);
        let limit = total.unwrap_or(u64::MAX);
        let body = response.into_body().into_with_config().limit(u64::MAX).reader();
        let broken = self.copy(body, &mut partial, limit, bar.as_ref())?;
        partial.flush()?;
        if let Some(reason) = broken {
            return Ok(Outcome::Retry { kind: ProblemKind::Connection(reason), wait: None });
        }
        match total {
            Some(expected) if partial.length > expected => {
                let found = partial.length;
                self.paths.discard()?;
                Ok(Outcome::Failed(ProblemKind::Length { expected, found }))
            }
            Some(expected) if partial.length < expected => {
                let reason = format!("the connection ended after {} of {expected} bytes", partial.length);
                Ok(Outcome::Retry { kind: ProblemKind::Connection(reason), wait: None })
            }
            _ => self.verify(partial, from),
        }
    }

    /// Copies the body; what interrupts it is returned in words.
    fn copy(
        &self,
        mut body: impl Read,
        partial: &mut HashedFile,
        limit: u64,
        bar: &dyn Bar,
    ) -> Result<Option<String>, Error> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n = match body.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(n) => n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
                    let reason = inner.map_or_else(|| error.to_string(), |error| self.words(error));
                    return Ok(Some(format!(
                        "the connection broke after {} bytes: {reason}",
                        partial.length
                    )));
                }
            };
            partial.write(&buffer[..n])?;
            bar.advance(n as u64);
            if partial.length > limit {
                return Ok(None);
            }
        }
    }

    fn verify(&self, partial: HashedFile, resumed: u64) -> Result<Outcome, Error> {
        let (bytes, blake3) = (partial.length, partial.hasher.blake3());
        let HashedFile { hasher, .. } = partial;
        match hasher.compare(&self.file.checksums) {
            Ok(()) => {
                self.paths.finish()?;
                Ok(Outcome::Complete { bytes, blake3, resumed })
            }
            // The part that was there before may be the wrong one, so this does not speak against the address yet.
            Err(_) if resumed > 0 => {
                self.paths.discard()?;
                let reason = "what was downloaded before does not fit the rest".to_owned();
                let wait = Some(Duration::ZERO);
                Ok(Outcome::Retry { kind: ProblemKind::Connection(reason), wait })
            }
            Err(mismatch) => {
                let set_aside = self.paths.reject()?;
                Ok(Outcome::Failed(ProblemKind::Checksum { mismatch, set_aside }))
            }
        }
    }

    fn start_again(&self, reason: &str) -> Result<Outcome, Error> {
        self.paths.discard()?;
        let kind = ProblemKind::Connection(reason.to_owned());
        Ok(Outcome::Retry { kind, wait: Some(Duration::ZERO) })
    }

    fn failed_request(&self, error: &ureq::Error) -> Outcome {
        let words = self.words(error);
        match error {
            ureq::Error::HostNotFound | ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                Outcome::Failed(ProblemKind::Address(words))
            }
            ureq::Error::Io(error) if error.to_string().ends_with(NO_SUCH_HOST) => {
                Outcome::Failed(ProblemKind::Address(words))
            }
            ureq::Error::TooManyRedirects => Outcome::Failed(ProblemKind::Connection(words)),
            _ => Outcome::Retry { kind: ProblemKind::Connection(words), wait: None },
        }
    }

    fn words(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
                format!("no connection within {} s", self.policy.connect.as_secs_f64())
            }
            ureq::Error::Timeout(_) => format!("not a byte for {} s", self.policy.stall.as_secs_f64()),
            ureq::Error::HostNotFound => UNKNOWN_HOST.to_owned(),
            ureq::Error::Io(error) if error.to_string().contains(LOOKUP) => UNKNOWN_HOST.to_owned(),
            ureq::Error::Io(error) => error.to_string(),
            ureq::Error::BadUri(reason) => format!("not an address: {reason}"),
            error => match error.source() {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            },
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.parse().ok()
}

/// First byte and total length of `Content-Range: bytes 5-9/10` (RFC 9110, section 14.4).
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let (range, total) = text(headers, "content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

/// A validator that `If-Range` may hold: weak entity tags do not promise equal bytes (RFC 9110, section 13.1.5).
fn validator(headers: &HeaderMap) -> Option<String> {
    let tag = text(headers, "etag").filter(|tag| !tag.starts_with("W/"));
    tag.or_else(|| text(headers, "last-modified")).map(str::to_owned)
}

/// The wait that `Retry-After` asks for, in seconds or as a date by the server's own clock (RFC 9110, section
/// 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, "retry-after")?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp());
    let now = text(headers, "date").and_then(date).unwrap_or_else(jiff::Timestamp::now);
    Some(Duration::try_from(date(value)?.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let wait = |pairs: &[_]| retry_after(&headers(pairs)).map(|wait| wait.as_secs());
        assert_eq!(wait(&[("retry-after", "7")]), Some(7));
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(wait(&[date, ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")]), Some(30));
        assert_eq!(wait(&[date, ("retry-after", "Sun, 06 Nov 1994 08:49:07 GMT")]), Some(0));
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn content_ranges_are_read() {
        let range = |value| content_range(&headers(&[("content-range", value)]));
        assert_eq!(range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(range("bytes 5-9/*"), Some((5, None)));
        assert_eq!(range("bytes */10"), None);
        assert_eq!(range("lines 5-9/10"), None);
    }

    #[test]
    fn weak_entity_tags_do_not_validate() {
        let of = |pairs: &[_]| validator(&headers(pairs));
        assert_eq!(of(&[("etag", "\"a\""), ("last-modified", "x")]).as_deref(), Some("\"a\""));
        assert_eq!(of(&[("etag", "W/\"a\""), ("last-modified", "x")]).as_deref(), Some("x"));
        assert_eq!(of(&[("etag", "W/\"a\"")]), None);
    }
}
