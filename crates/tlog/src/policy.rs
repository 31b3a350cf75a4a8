//! Policies: which logs count, which witnesses are known, and how many of them must have cosigned.
//!
//! Names are opaque bytes. A policy says nothing about freshness, and whatever it does not name does
//! not count.

use std::collections::HashMap;

use crate::checkpoint::SignedCheckpoint;
use crate::error::Error;
use crate::vkey::{Algorithm, VerifierKey};

/// Longest policy: 256 of everything with long names and URLs.
pub const MAX_POLICY: usize = 1024 * 1024;

/// Most logs, and most witnesses and groups together. The specification asks for 32 of each.
pub const MAX_ENTRIES: usize = 1024;

/// A log whose checkpoints are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Its key; the key's name is the origin.
    pub key: VerifierKey,
    /// Where it is served, in bytes as written.
    pub url: Option<Vec<u8>>,
}

/// Somebody whose cosignatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Its name within the policy.
    pub name: Vec<u8>,
    /// Its cosignature key.
    pub key: VerifierKey,
    /// Where it takes checkpoints, in bytes as written.
    pub url: Option<Vec<u8>>,
}

/// A parsed policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    rules: Vec<Rule>,
    quorum: Option<usize>,
    quorum_name: String,
}

/// What a name stands for. Groups refer to rules before them only, so one pass decides all.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Witness(usize),
    Group { threshold: usize, members: Vec<usize> },
}

/// What a policy found in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict<'p> {
    /// The checkpoint, signed by one of the policy's logs.
    pub signed: SignedCheckpoint,
    /// The witnesses that cosigned, with the latest time (Unix seconds) each of them states.
    pub witnesses: Vec<(&'p Witness, u64)>,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming the line, [`Error::TooLarge`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_POLICY {
            return Err(Error::TooLarge { what: "policy in bytes", limit: MAX_POLICY });
        }
        let mut parser = Parser::default();
        for (number, line) in bytes.split(|b| *b == b'\n').enumerate() {
            parser.line(line).map_err(|error| match error {
                Error::Malformed { what: "policy", why } => bad_policy(format!("line {}: {why}", number + 1)),
                Error::Malformed { what, why } => bad_policy(format!("line {}: {what}: {why}", number + 1)),
                other => other,
            })?;
        }
        parser.finish()
    }

    /// The logs in their order.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The witnesses in their order.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// The keys of all logs.
    pub fn log_keys(&self) -> Vec<VerifierKey> {
        self.logs.iter().map(|log| log.key.clone()).collect()
    }

    /// Opens a checkpoint under this policy: a listed log signed it and the quorum cosigned it.
    ///
    /// # Errors
    /// Those of [`SignedCheckpoint::open`]; [`Error::Quorum`].
    pub fn open(&self, note: &[u8]) -> Result<Verdict<'_>, Error> {
        self.judge(SignedCheckpoint::open(note, &self.log_keys())?)
    }

    /// Judges the cosignatures of a checkpoint whose log signature has been verified.
    ///
    /// # Errors
    /// [`Error::BadSignature`] for a bad line of a listed witness; [`Error::Quorum`].
    pub fn judge(&self, signed: SignedCheckpoint) -> Result<Verdict<'_>, Error> {
        let mut witnesses: Vec<(&Witness, u64)> = Vec::new();
        let mut present = vec![false; self.witnesses.len()];
        for (witness, seen) in self.witnesses.iter().zip(&mut present) {
            let lines = signed.cosigned_by(std::slice::from_ref(&witness.key))?;
            if let Some(time) = lines.iter().filter_map(|line| line.time).max() {
                witnesses.push((witness, time));
                *seen = true;
            }
        }
        if !self.satisfied(&present) {
            let size = signed.checkpoint.size();
            return Err(Error::Quorum { size, quorum: self.quorum_name.clone() });
        }
        Ok(Verdict { signed, witnesses })
    }

    fn satisfied(&self, present: &[bool]) -> bool {
        let mut holds: Vec<bool> = Vec::with_capacity(self.rules.len());
        let is_true = |list: &[bool], at: usize| list.get(at).copied().unwrap_or(false);
        for rule in &self.rules {
            holds.push(match rule {
                Rule::Witness(number) => is_true(present, *number),
                Rule::Group { threshold, members } => {
                    members.iter().filter(|member| is_true(&holds, **member)).count() >= *threshold
                }
            });
        }
        self.quorum.is_none_or(|quorum| is_true(&holds, quorum))
    }
}

#[derive(Default)]
struct Parser {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    rules: Vec<Rule>,
    names: HashMap<Vec<u8>, Name>,
    quorum: Option<(Option<usize>, String)>,
}

struct Name {
    rule: usize,
    is_member: bool,
}

impl Parser {
    fn line(&mut self, line: &[u8]) -> Result<(), Error> {
        if line.iter().any(|b| (*b < b' ' && *b != b'\t') || *b == 0x7f) {
            return Err(bad_policy("control characters other than tab are not allowed"));
        }
        let items: Vec<&[u8]> = line.split(|b| matches!(b, b' ' | b'\t')).filter(|i| !i.is_empty()).collect();
        match items.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", vkey] => self.log(vkey, None),
            [b"log", vkey, url] => self.log(vkey, Some(url)),
            [b"witness", name, vkey] => self.witness(name, vkey, None),
            [b"witness", name, vkey, url] => self.witness(name, vkey, Some(url)),
            [b"group", name, threshold, members @ ..] => self.group(name, threshold, members),
            [b"quorum", name] => self.set_quorum(name),
            _ => Err(bad_policy("expected log, witness, group or quorum with its items")),
        }
    }

    fn log(&mut self, vkey: &[u8], url: Option<&[u8]>) -> Result<(), Error> {
        let key = parse_key(vkey, Algorithm::Ed25519)?;
        if self.logs.iter().any(|log| log.key.public_key() == key.public_key()) {
            return Err(bad_policy("this public key is listed as a log already"));
        }
        check_room(self.logs.len())?;
        self.logs.push(Log { key, url: url.map(<[u8]>::to_vec) });
        Ok(())
    }

    fn witness(&mut self, name: &[u8], vkey: &[u8], url: Option<&[u8]>) -> Result<(), Error> {
        let key = parse_key(vkey, Algorithm::CosignatureV1)?;
        if self.witnesses.iter().any(|witness| witness.key.public_key() == key.public_key()) {
            return Err(bad_policy("this public key is listed as a witness already"));
        }
        self.define(name, Rule::Witness(self.witnesses.len()))?;
        self.witnesses.push(Witness { name: name.to_vec(), key, url: url.map(<[u8]>::to_vec) });
        Ok(())
    }

    fn group(&mut self, name: &[u8], threshold: &[u8], members: &[&[u8]]) -> Result<(), Error> {
        let threshold = match threshold {
            b"any" => 1,
            b"all" => members.len(),
            number => parse_threshold(number)?,
        };
        if threshold == 0 || threshold > members.len() {
            return Err(bad_policy(
                "a group needs at least as many members as its threshold, which is 1 or more",
            ));
        }
        let members = members.iter().map(|member| self.take_member(member)).collect::<Result<_, _>>()?;
        self.define(name, Rule::Group { threshold, members })
    }

    fn take_member(&mut self, name: &[u8]) -> Result<usize, Error> {
        let known = self.names.get_mut(name);
        let known = known.ok_or_else(|| bad_policy(format!("{} is not defined above", lossy(name))))?;
        if std::mem::replace(&mut known.is_member, true) {
            return Err(bad_policy(format!("{} is a member of a group already", lossy(name))));
        }
        Ok(known.rule)
    }

    fn define(&mut self, name: &[u8], rule: Rule) -> Result<(), Error> {
        if name == b"none" || self.names.contains_key(name) {
            return Err(bad_policy(format!("the name {} is taken", lossy(name))));
        }
        check_room(self.rules.len())?;
        self.names.insert(name.to_vec(), Name { rule: self.rules.len(), is_member: false });
        self.rules.push(rule);
        Ok(())
    }

    fn set_quorum(&mut self, name: &[u8]) -> Result<(), Error> {
        if self.quorum.is_some() {
            return Err(bad_policy("a second quorum line"));
        }
        let rule = match (name, self.names.get(name)) {
            (b"none", _) => None,
            (_, Some(known)) => Some(known.rule),
            (_, None) => return Err(bad_policy(format!("{} is not defined above", lossy(name)))),
        };
        self.quorum = Some((rule, lossy(name)));
        Ok(())
    }

    fn finish(self) -> Result<Policy, Error> {
        let (quorum, quorum_name) = self.quorum.ok_or_else(|| bad_policy("the quorum line is missing"))?;
        let Self { logs, witnesses, rules, .. } = self;
        Ok(Policy { logs, witnesses, rules, quorum, quorum_name })
    }
}

fn parse_key(vkey: &[u8], algorithm: Algorithm) -> Result<VerifierKey, Error> {
    let text = std::str::from_utf8(vkey).map_err(|_| bad_policy("the vkey is not UTF-8"))?;
    let key: VerifierKey = text.parse()?;
    if key.algorithm() != algorithm {
        return Err(bad_policy("a log needs a key of type 0x01, a witness one of type 0x04"));
    }
    Ok(key)
}

fn parse_threshold(number: &[u8]) -> Result<usize, Error> {
    let text = std::str::from_utf8(number).unwrap_or_default();
    let value = crate::text::decimal("policy", text)?;
    usize::try_from(value).map_err(|_| bad_policy("the threshold is too large"))
}

fn check_room(entries: usize) -> Result<(), Error> {
    if entries >= MAX_ENTRIES {
        return Err(Error::TooLarge { what: "entries of a policy", limit: MAX_ENTRIES });
    }
    Ok(())
}

fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn bad_policy(why: impl Into<String>) -> Error {
    Error::malformed("policy", why)
}
