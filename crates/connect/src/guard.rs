//! Which addresses a destination may have: those of the outside world, unless an administrator of the node says otherwise.
//!
//! A name is looked up once for each connection, and the connection goes to an address that was checked, so that a name
//! cannot be one thing when it is looked at and another when it is used.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Whether an address belongs to this machine, to a network of its own, or to nobody.
pub fn is_internal(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_internal_v4(address),
        IpAddr::V6(address) => is_internal_v6(address),
    }
}

fn is_internal_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        // Carriers' own (RFC 6598), protocol assignments (RFC 6890), benchmarks (RFC 2544), relays of 6to4 (RFC 7526).
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && b & 0xfe == 18)
}

fn is_internal_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let last = || Ipv4Addr::from_bits(u32::try_from(address.to_bits() & 0xffff_ffff).unwrap_or(0));
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_internal_v4(mapped);
    }
    // Only global unicast is outside; of that, what carries an IPv4 address is judged by it (RFC 6052 lies elsewhere).
    let translated = first == 0x64 && second == 0xff9b;
    let documentation = first == 0x2001 && second == 0xdb8;
    // 6to4 and Teredo carry an address of IPv4, and nobody needs them.
    let tunnelled = first == 0x2002 || (first == 0x2001 && second == 0);
    if translated { is_internal_v4(last()) } else { first & 0xe000 != 0x2000 || documentation || tunnelled }
}

/// Those of a host's addresses that may be connected to. Fails with a sentence when there is none.
pub fn permitted(
    host: &str,
    addresses: impl IntoIterator<Item = SocketAddr>,
    allow_internal: bool,
) -> Result<Vec<SocketAddr>, String> {
    let all: Vec<SocketAddr> = addresses.into_iter().collect();
    if all.is_empty() {
        return Err(format!("{host} has no address"));
    }
    let open: Vec<SocketAddr> =
        all.into_iter().filter(|address| allow_internal || !is_internal(address.ip())).collect();
    if open.is_empty() {
        return Err(format!(
            "{host} is an internal address; an administrator of the node may set allow_internal"
        ));
    }
    Ok(open)
}

/// Looks a host up and gives the addresses that may be connected to.
pub async fn lookup(host: &str, port: u16, allow_internal: bool) -> Result<Vec<SocketAddr>, String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((bare, port))
        .await
        .map_err(|error| format!("{host} cannot be looked up: {error}"))?;
    permitted(host, found, allow_internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_outside_world_is_outside() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "198.19.255.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "::1",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2001::1",
            "::127.0.0.1",
            "192.0.2.1",
        ] {
            assert!(is_internal(inside.parse().unwrap()), "{inside}");
        }
        for outside in
            ["1.1.1.1", "100.128.0.1", "172.32.0.1", "2606:4700::1", "::ffff:1.1.1.1", "64:ff9b::101:101"]
        {
            assert!(!is_internal(outside.parse().unwrap()), "{outside}");
        }
    }

    #[tokio::test]
    async fn a_name_of_an_internal_address_is_refused() {
        assert!(lookup("localhost", 1, false).await.unwrap_err().contains("internal"));
        assert!(!lookup("localhost", 1, true).await.unwrap().is_empty());
        assert!(lookup("[::1]", 1, false).await.is_err());
    }
}
