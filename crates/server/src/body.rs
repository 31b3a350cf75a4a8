//! Request bodies: read whole, decompressed, never beyond the limits.

use std::io::Read;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::problem::{Code, Problem};

/// Largest body as sent: what passes this cannot decode to an acceptable one in any sensible encoding.
pub(crate) const MAX_ENCODED_BYTES: usize = 16 * 1024 * 1024;
/// Largest body after decoding: one request must fit one commit.
pub(crate) const MAX_DECODED_BYTES: usize = 10 * 1024 * 1024;
/// Highest ratio of decoded to encoded bytes: beyond it the body is a bomb, not data.
pub(crate) const MAX_RATIO: usize = 100;
/// Bodies that decode to less than this are let through at any ratio: tiny ones of equal bytes compress well.
const RATIO_FREE_BYTES: usize = 64 * 1024;

/// Reads the body, undoing `Content-Encoding: gzip` or `zstd`.
pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let encoded = match Limited::new(body, MAX_ENCODED_BYTES).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let detail = format!("the body is larger than {MAX_ENCODED_BYTES} bytes; send smaller batches");
            return Err(Problem::new(Code::BatchTooLarge, detail));
        }
        Err(error) => {
            return Err(Problem::new(Code::RequestMalformed, format!("the body could not be read: {error}")));
        }
    };
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").trim());
    match encoding {
        None | Some("identity" | "") if encoded.len() > MAX_DECODED_BYTES => Err(too_large()),
        None | Some("identity" | "") => Ok(encoded),
        Some("gzip" | "x-gzip") => {
            decode(flate2::read::MultiGzDecoder::new(encoded.as_ref()), encoded.len(), "gzip")
        }
        Some("zstd") => {
            let decoder = zstd::stream::read::Decoder::new(encoded.as_ref())
                .map_err(|error| Problem::internal(&error))?;
            decode(decoder, encoded.len(), "zstd")
        }
        Some(other) => Err(Problem::new(
            Code::EncodingUnsupported,
            format!("Content-Encoding {other:?} is not taken; send gzip, zstd or none"),
        )),
    }
}

fn too_large() -> Problem {
    let detail = format!("the body holds more than {MAX_DECODED_BYTES} bytes decoded; send smaller batches");
    Problem::new(Code::BatchTooLarge, detail)
}

fn decode(decoder: impl Read, encoded: usize, name: &str) -> Result<Bytes, Problem> {
    let limit = MAX_DECODED_BYTES.min(encoded.saturating_mul(MAX_RATIO).max(RATIO_FREE_BYTES));
    let mut out = Vec::with_capacity(limit.min(encoded * 4));
    let read = decoder.take(limit as u64 + 1).read_to_end(&mut out);
    read.map_err(|error| {
        Problem::new(Code::RequestMalformed, format!("the body is not whole {name}: {error}"))
    })?;
    if out.len() <= limit {
        return Ok(Bytes::from(out));
    }
    if limit == MAX_DECODED_BYTES {
        return Err(too_large());
    }
    let detail = format!("the body decodes to more than {MAX_RATIO} times its size; send it less compressed");
    Err(Problem::new(Code::BatchTooLarge, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    async fn outcome(encoding: &str, body: Vec<u8>) -> Result<usize, &'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, encoding.parse().unwrap());
        read(&headers, Body::from(body)).await.map(|body| body.len()).map_err(|problem| problem.code.name())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn encodings_are_undone_and_bombs_refused() {
        let text = b"{\"a\":1}".repeat(100);
        assert_eq!(outcome("identity", text.clone()).await, Ok(700));
        assert_eq!(outcome("gzip", gzip(&text)).await, Ok(700));
        assert_eq!(outcome("zstd", zstd::encode_all(text.as_slice(), 3).unwrap()).await, Ok(700));
        assert_eq!(outcome("br", text.clone()).await, Err("encoding_unsupported"));
        assert_eq!(outcome("gzip", text).await, Err("request_malformed"));
        let mut cut = gzip(&[7; 5000]);
        cut.truncate(20);
        assert_eq!(outcome("gzip", cut).await, Err("request_malformed"));
        assert_eq!(outcome("gzip", gzip(&vec![0; 9 << 20])).await, Err("batch_too_large"));
        assert_eq!(outcome("identity", vec![0; (10 << 20) + 1]).await, Err("batch_too_large"));
        assert_eq!(outcome("identity", vec![0; 17 << 20]).await, Err("batch_too_large"));
    }
}
