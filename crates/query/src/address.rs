//! IP addresses and networks as text.

use std::net::IpAddr;

/// A network in CIDR form; an address alone is the network of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    /// 4 or 16.
    bytes: u8,
    prefix: u32,
    bits: u128,
}

impl Network {
    /// Reads `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`; bits beyond the prefix are ignored.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let (bytes, bits) = split(parse_address(address)?);
        let width = u32::from(bytes) * 8;
        let prefix = match prefix {
            None => width,
            Some(digits) if crate::number::is_digits(digits) => {
                digits.parse().ok().filter(|p| *p <= width)?
            }
            Some(_) => return None,
        };
        Some(Self { bytes, prefix, bits: Self::masked(bits, width, prefix) })
    }

    /// Whether `text` is an address within.
    pub(crate) fn contains(&self, text: &str) -> bool {
        let Some(address) = parse_address(text) else { return false };
        let (bytes, bits) = split(address);
        bytes == self.bytes && Self::masked(bits, u32::from(bytes) * 8, self.prefix) == self.bits
    }

    fn masked(bits: u128, width: u32, prefix: u32) -> u128 {
        bits.checked_shr(width - prefix).unwrap_or(0)
    }
}

/// IPv4 in IPv6 (`::ffff:192.0.2.7`) is the IPv4 address: listeners on both report it so.
fn parse_address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    Some(address.to_canonical())
}

fn split(address: IpAddr) -> (u8, u128) {
    match address {
        IpAddr::V4(v4) => (4, u128::from(u32::from(v4))),
        IpAddr::V6(v6) => (16, u128::from(v6)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        for (network, address, within) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "::1", true),
            ("2001:db8::/32", "2001:0DB8:0:0::7", true),
            ("2001:db8::/32", "2001:db9::7", false),
            ("192.0.2.7", "::ffff:192.0.2.7", true),
            ("192.0.2.7/32", "192.0.2.8", false),
            ("192.0.2.7", "pc-17", false),
        ] {
            assert_eq!(Network::parse(network).unwrap().contains(address), within, "{network} {address}");
        }
        for bad in ["", "10.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/+8", "10.0.0.0/", "fe80::1%eth0", "x"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }
}
