//! Which IP addresses lie on the public internet.
//!
//! Source: IANA IPv4 and IPv6 special-purpose address registries (RFC 6890 and its updates). Guarantee: an address that
//! carries an IPv4 address inside (mapped, NAT64, 6to4) is judged by that one, so no notation opens what another closes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// The public internet.
    Public,
    /// This machine or a private network: only with `net.allow_private`.
    Private,
    /// Nowhere that a tenant may ever name: link-local, cloud metadata, multicast, reserved, documentation.
    Never,
}

impl Reach {
    /// True when an address of this reach may be connected to.
    #[must_use]
    pub const fn allowed(self, allow_private: bool) -> bool {
        match self {
            Self::Public => true,
            Self::Private => allow_private,
            Self::Never => false,
        }
    }
}

/// Where `ip` leads.
#[must_use]
pub fn reach(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(v4) => reach_v4(v4),
        IpAddr::V6(v6) => reach_v6(v6),
    }
}

fn reach_v4(ip: Ipv4Addr) -> Reach {
    // Cloud metadata services outside of link-local: Azure and Alibaba.
    const METADATA: [[u8; 4]; 2] = [[168, 63, 129, 16], [100, 100, 100, 200]];
    let octets = ip.octets();
    if METADATA.contains(&octets) {
        return Reach::Never;
    }
    match octets {
        [10 | 127, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] | [198, 18..=19, ..] => {
            Reach::Private
        }
        [0 | 224..=255, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Reach::Never,
        _ => Reach::Public,
    }
}

fn reach_v6(ip: Ipv6Addr) -> Reach {
    if let Some(inner) = embedded_v4(ip) {
        return reach_v4(inner);
    }
    if ip == Ipv6Addr::LOCALHOST {
        return Reach::Private;
    }
    match ip.segments() {
        // The metadata service of AWS lies in the unique-local range.
        [0xfd00, 0x0ec2, ..] => Reach::Never,
        [0xfc00..=0xfdff, ..] => Reach::Private,
        // Protocol assignments (Teredo, ORCHID, benchmarks) and documentation, inside of global unicast.
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Reach::Never,
        [0x2000..=0x3fff, ..] => Reach::Public,
        // Unspecified, link-local, site-local, multicast, local NAT64, unassigned.
        _ => Reach::Never,
    }
}

/// The IPv4 address that a v4-mapped, NAT64 (well-known prefix) or 6to4 address stands for.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => join(high, low),
        [0x2002, high, low, ..] => join(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Reach {
        reach(text.parse().unwrap())
    }

    #[test]
    fn the_public_internet_is_open() {
        for ip in ["1.1.1.1", "149.154.167.220", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"] {
            assert_eq!(of(ip), Reach::Public, "{ip}");
        }
    }

    #[test]
    fn private_networks_need_the_operator() {
        for ip in [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "::1",
            "fd12:3456::1",
            "::ffff:127.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:7f00:1::",
        ] {
            assert_eq!(of(ip), Reach::Private, "{ip}");
            assert!(of(ip).allowed(true) && !of(ip).allowed(false));
        }
    }

    #[test]
    fn metadata_and_reserved_addresses_are_never_open() {
        for ip in [
            "169.254.169.254",
            "168.63.129.16",
            "100.100.100.200",
            "fd00:ec2::254",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "240.0.0.1",
            "192.0.2.1",
            "::",
            "::7f00:1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "64:ff9b:1::1",
            "::ffff:169.254.169.254",
        ] {
            assert_eq!(of(ip), Reach::Never, "{ip}");
            assert!(!of(ip).allowed(true));
        }
    }

    proptest! {
        /// What the standard library calls special is never public here.
        #[test]
        fn no_special_v4_is_public(bits: u32) {
            let ip = Ipv4Addr::from(bits);
            let special = ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast()
                || ip.is_broadcast() || ip.is_documentation() || ip.is_unspecified();
            prop_assert!(!special || reach(IpAddr::V4(ip)) != Reach::Public);
        }

        /// Every notation of an IPv4 address is judged as the address itself.
        #[test]
        fn notations_agree(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            let (high, low) = ((bits >> 16) as u16, bits as u16);
            let forms = [
                v4.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ];
            for form in forms {
                prop_assert_eq!(reach(IpAddr::V6(form)), reach(IpAddr::V4(v4)), "{}", form);
            }
        }

        /// Only global unicast, or a form of a public IPv4 address, is public.
        #[test]
        fn public_v6_is_global_unicast(bits: u128) {
            let ip = Ipv6Addr::from(bits);
            if reach(IpAddr::V6(ip)) == Reach::Public && embedded_v4(ip).is_none() {
                prop_assert!(ip.segments()[0] >> 13 == 1);
                prop_assert!(!ip.is_loopback() && !ip.is_multicast() && !ip.is_unspecified());
            }
        }
    }
}
