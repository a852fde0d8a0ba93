//! Which addresses of the network a plugin may reach, however they were found.
//!
//! A name is looked up by us, every address that it has is checked, and the connection goes to what was checked: there is no
//! second look that could find something else.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Finds the addresses of a name.
#[async_trait]
pub(crate) trait Lookup: Send + Sync {
    async fn addresses(&self, name: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// As the system does it.
pub(crate) struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn addresses(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// A name has an address that may not be reached.
#[derive(Debug)]
pub(crate) struct Refused {
    pub address: IpAddr,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it leads to {}, which is no address of the public network", self.address)
    }
}

impl std::error::Error for Refused {}

/// Gives only addresses that were checked. That a name was granted is known already.
pub(crate) struct Checked(pub Arc<dyn Lookup>);

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = Arc::clone(&self.0);
        Box::pin(async move {
            let found = lookup.addresses(name.as_str()).await?;
            let checked = check(name.as_str(), found)?;
            Ok(Box::new(checked.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
        })
    }
}

/// One address that may not be reached makes the name one that is not reached: whoever controls it would only have to try often.
/// `localhost`, which a rule has to name literally, means this machine and nothing else (RFC 6761 §6.3).
fn check(name: &str, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, Refused> {
    let is_good = |ip: &IpAddr| if name == "localhost" { ip.is_loopback() } else { is_public(*ip) };
    match found.iter().find(|ip| !is_good(ip)) {
        Some(&address) => Err(Refused { address }),
        None => Ok(found),
    }
}

/// Whether it is an address of the public network: none of the special ones of RFC 6890 and its registries, and none at which
/// clouds tell their machines secrets.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let special = [
        ([0, 0, 0, 0], 8),        // this network
        ([10, 0, 0, 0], 8),       // private
        ([100, 64, 0, 0], 10),    // shared by carriers; 100.100.100.200 tells secrets of a cloud
        ([127, 0, 0, 0], 8),      // loopback
        ([168, 63, 129, 16], 32), // tells secrets of a cloud
        ([169, 254, 0, 0], 16),   // link-local; 169.254.169.254 tells secrets of most clouds
        ([172, 16, 0, 0], 12),    // private
        ([192, 0, 0, 0], 24),     // of protocols; 192.0.0.192 tells secrets of a cloud
        ([192, 0, 2, 0], 24),     // examples
        ([192, 88, 99, 0], 24),   // the way to 6to4
        ([192, 168, 0, 0], 16),   // private
        ([198, 18, 0, 0], 15),    // measurements
        ([198, 51, 100, 0], 24),  // examples
        ([203, 0, 113, 0], 24),   // examples
        ([224, 0, 0, 0], 4),      // multicast
        ([240, 0, 0, 0], 4),      // reserved, and broadcast
    ];
    !special.into_iter().any(|(net, bits)| {
        let mask = u32::MAX << (32 - bits);
        u32::from(ip) & mask == u32::from(Ipv4Addr::from(net))
    })
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let words = ip.segments();
    // 64:ff9b::/96 (RFC 6052) is the address of version 4 at its end, on networks that have version 6 only.
    if words[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [.., a, b, c, d] = ip.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    // Everything public is in 2000::/3: loopback, mapped, unique-local (fd00:ec2::254 tells secrets), link-local, multicast are not.
    let is_global = words[0] & 0xe000 == 0x2000;
    let is_special = match words[0] {
        // Of protocols; Teredo (2001::/32) has an address of version 4 inside.
        0x2001 => words[1] < 0x200 || words[1] == 0xdb8,
        // 6to4 has one as well.
        0x2002 => true,
        // Examples (RFC 9637).
        0x3fff => words[1] < 0x1000,
        _ => false,
    };
    is_global && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        for bad in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "169.254.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2001:10::1",
            "2001:20::1",
            "2002:7f00:1::1",
            "3fff::1",
            "5f00::1",
        ] {
            assert!(!is_public(bad.parse().unwrap()), "{bad}");
        }
        for good in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "126.1.1.1",
            "168.63.129.17",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.1.1",
            "198.17.1.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:4860::8888",
            "64:ff9b::808:808",
            "3ffe::1",
        ] {
            assert!(is_public(good.parse().unwrap()), "{good}");
        }
    }

    #[test]
    fn a_name_with_one_bad_address_is_not_reached_at_all() {
        let ips = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        assert!(check("a.test", ips(&["1.1.1.1", "2606:4700::1111"])).is_ok());
        let refused = check("a.test", ips(&["1.1.1.1", "10.0.0.1"])).unwrap_err();
        assert_eq!(refused.address.to_string(), "10.0.0.1");
        assert!(check("localhost", ips(&["127.0.0.1", "::1"])).is_ok());
        for bad in ["1.1.1.1", "169.254.169.254", "::ffff:127.0.0.1"] {
            assert!(check("localhost", ips(&["127.0.0.1", bad])).is_err(), "{bad}");
        }
        assert!(check("localhost.", ips(&["127.0.0.1"])).is_err());
    }
}
