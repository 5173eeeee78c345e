//! How many connections an address or an identity holds, and may hold.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::spiffe::SpiffeId;

/// The places in use. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    addresses: Taken<IpAddr>,
    identities: Taken<SpiffeId>,
}

type Taken<K> = Arc<Mutex<HashMap<K, u32>>>;

/// One place, until dropped.
pub(super) struct Place<K: Eq + Hash> {
    taken: Taken<K>,
    key: K,
}

impl Places {
    /// A place for a handshake with `address`, if fewer than `max` are taken.
    pub(super) fn for_address(&self, address: IpAddr, max: u32) -> Option<Place<IpAddr>> {
        Place::take(&self.addresses, network(address), max)
    }

    /// A place for a connection of `identity`, if fewer than `max` are taken.
    pub(super) fn for_identity(&self, identity: &SpiffeId, max: u32) -> Option<Place<SpiffeId>> {
        Place::take(&self.identities, identity.clone(), max)
    }
}

impl<K: Eq + Hash + Clone> Place<K> {
    fn take(taken: &Taken<K>, key: K, max: u32) -> Option<Self> {
        let mut counts = taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&key).copied().unwrap_or(0);
        if count >= max {
            return None;
        }
        counts.insert(key.clone(), count + 1);
        Some(Self { taken: Arc::clone(taken), key })
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut counts = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            // Nothing is remembered of who is gone, or strangers could fill the memory.
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

/// What one party usually holds: an address, or the /64 that an IPv6 host can take any address of.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_cannot_take_more_places_by_changing_its_ipv6_address() {
        check("2001:db8::1", "2001:db8::2", false);
        check("2001:db8::1", "2001:db8:0:1::1", true);
    }

    #[test]
    fn an_ipv4_address_is_the_same_in_both_spellings() {
        check("192.0.2.1", "::ffff:192.0.2.1", false);
        check("192.0.2.1", "192.0.2.2", true);
    }

    #[test]
    fn a_place_is_free_again_when_its_holder_is_gone() {
        let places = Places::default();
        let address = "192.0.2.1".parse().unwrap();
        drop(places.for_address(address, 1));
        assert!(places.for_address(address, 1).is_some());
        assert!(places.addresses.lock().unwrap().is_empty(), "nothing is remembered");
    }

    #[track_caller]
    fn check(holder: &str, other: &str, other_fits: bool) {
        let places = Places::default();
        let _held = places.for_address(holder.parse().unwrap(), 1).unwrap();
        assert_eq!(places.for_address(other.parse().unwrap(), 1).is_some(), other_fits);
    }
}
