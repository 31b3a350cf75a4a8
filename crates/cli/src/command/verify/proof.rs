//! One proof, offline if the key is given: signature, path, and the event's disclosed values up to its leaf.

use std::path::Path;

use indelible_event::{EXTRA_MAGIC, Leaf, PLAIN_PATH, StoredBody, Value as EventValue, read_event};
use indelible_formats::json_out;
use indelible_tlog::checkpoint::SignedCheckpoint;
use indelible_tlog::proof_file::ProofFile;
use indelible_tlog::tree::leaf_hash;
use serde_json::{Map, Value, json};

use super::{Args, vkeys};
use crate::Context;
use crate::client::Client;
use crate::exit::Failure;
use crate::output::say;
use crate::time;

/// Checks a proof and prints what it proves; false when it does not hold.
pub(super) fn verify(args: &Args, path: &Path, context: &Context) -> Result<bool, Failure> {
    let name = path.display();
    let bytes =
        std::fs::read(path).map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
    let known = match args.keys.said()? {
        Some(known) => known,
        None => vkeys::of_server(&Client::new(&context.target)?).map_err(|failure| {
            Failure::usage(format!("no key to check {name} with: say --vkey or --vkey-file ({failure})"))
        })?,
    };
    match check(&bytes, &known) {
        Ok(proven) => {
            context.output.document(&proven)?;
            say(&format!("{name}: holds; {}", known.sentence()));
            Ok(true)
        }
        Err(why) => {
            say(&format!("{name}: DOES NOT HOLD: {why}"));
            Ok(false)
        }
    }
}

/// What a proof proves, or why it proves nothing.
fn check(bytes: &[u8], known: &vkeys::Known) -> Result<Value, String> {
    let file = ProofFile::parse(bytes).map_err(|error| error.to_string())?;
    let extra = file.extra.as_deref().ok_or("it holds no leaf; it is not of our making")?;
    let rest = extra.strip_prefix(EXTRA_MAGIC.as_slice()).ok_or("its extra is of another program")?;
    let (encoded, disclosure) =
        rest.split_first_chunk::<{ indelible_event::LEAF_BYTES }>().ok_or("its leaf is cut off")?;
    let leaf = Leaf::decode(encoded).map_err(|error| error.to_string())?;
    let signed = file.verify(leaf_hash(encoded), &known.keys).map_err(|error| error.to_string())?;
    let body = StoredBody::decode_disclosure(disclosure).map_err(|error| error.to_string())?;
    let hash = body.body_hash(leaf.id, &|_| None).map_err(|_| "an item is salted with a person's key")?;
    if hash != leaf.body {
        return Err("the disclosed values are not those that the leaf commits to".to_owned());
    }
    Ok(proven(&file, &leaf, &signed, &body))
}

fn proven(file: &ProofFile, leaf: &Leaf, signed: &SignedCheckpoint, body: &StoredBody<'_>) -> Value {
    json!({
        "log": signed.checkpoint.origin(),
        "index": file.index,
        "size": signed.checkpoint.size(),
        "root": signed.checkpoint.root().to_string(),
        "id": leaf.id.to_string(),
        "received_at": time::text(i64::try_from(leaf.received_ns).unwrap_or(i64::MAX)),
        "producer": format!("{:016x}", leaf.producer),
        "seq": leaf.sequence.to_string(),
        "event": disclosed(body),
        "not_disclosed": body.erased().collect::<Vec<_>>(),
    })
}

/// The disclosed values as an event. A proof outlives the program that made it: with fields that this one does not know
/// the items are shown as they are.
fn disclosed(body: &StoredBody<'_>) -> Value {
    let mut text = String::new();
    if let Ok(event) = read_event(body) {
        json_out::event(&mut text, &event);
        return serde_json::from_str(&text).unwrap_or_default();
    }
    let mut items = Map::new();
    for item in &body.items {
        let Some(value) = item.state.value().and_then(|bytes| EventValue::decode(bytes).ok()) else {
            continue;
        };
        text.clear();
        json_out::value(&mut text, &value);
        match serde_json::from_str(&text).unwrap_or_default() {
            Value::Object(plain) if item.path == PLAIN_PATH => items.extend(plain),
            value => drop(items.insert(item.path.to_owned(), value)),
        }
    }
    Value::Object(items)
}
