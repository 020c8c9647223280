//! Quotas of clients: who may send, fetch or ask how much. An entity is a user, a client id, both, or an
//! address; the default of a kind is the entity without a name.
//!
//! Source: KIP-13, KIP-124, KIP-546, KIP-612; Kafka documentation, *Design › Quotas*.

use std::sync::Arc;

use crate::base::Map;
use crate::metadata::MetadataImage;
use crate::protocol::messages::metadata_records::{ClientQuotaRecord, EntityData};
use crate::protocol::wire::Float64;

/// The type of entity that is a user: the principal's name.
pub const USER: &str = "user";
/// The type of entity that is a `client.id`.
pub const CLIENT_ID: &str = "client-id";
/// The type of entity that is an address.
pub const IP: &str = "ip";

/// Bytes a second that may be sent.
pub const PRODUCER_BYTE_RATE: &str = "producer_byte_rate";
/// Bytes a second that may be fetched.
pub const CONSUMER_BYTE_RATE: &str = "consumer_byte_rate";

/// Partitions a second that may be created or deleted (KIP-599).
pub const CONTROLLER_MUTATION_RATE: &str = "controller_mutation_rate";

/// The user that everybody is who has not said who it is.
const EVERYBODY: &str = "ANONYMOUS";
/// Stands for all client ids of a user: no client id has a zero in it.
const SHARED: &str = "\0";

/// Whom a quota is for: names by type, each type once; `None` is the default of the type.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuotaEntity(Vec<(Arc<str>, Option<Arc<str>>)>);

/// Quotas of an entity, by name.
pub type Quotas = Map<Arc<str>, Float64>;

/// Which entities somebody wants to know of: exactly these names of these types, and any name of these types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuotaFilter {
    /// A name by type, or the default.
    pub exact: Map<String, Option<String>>,
    /// Types of which every entity fits.
    pub any: Vec<String>,
    /// Entities that have other types, too, do not fit.
    pub strict: bool,
}

impl QuotaEntity {
    /// The entity with these names by type. Of a type that is named twice, the last counts, as in Kafka.
    pub fn of<'a>(parts: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> QuotaEntity {
        let mut all: Map<Arc<str>, Option<Arc<str>>> = Map::new();
        for (kind, name) in parts {
            all.insert(kind.into(), name.map(Arc::from));
        }
        QuotaEntity(all.into_iter().collect())
    }

    /// Names by type.
    pub fn parts(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(kind, name)| (&**kind, name.as_deref()))
    }

    /// The name of this type; `Some(None)` is its default.
    pub fn name_of(&self, kind: &str) -> Option<Option<&str>> {
        self.parts().find(|(known, _)| *known == kind).map(|(_, name)| name)
    }

    /// Whether there is nobody it could be.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn fits(&self, filter: &QuotaFilter) -> bool {
        let wanted = filter.exact.len() + filter.any.len();
        let has_types = if filter.strict { self.0.len() == wanted } else { self.0.len() >= wanted };
        let is_exact = |(kind, name): (&String, &Option<String>)| self.name_of(kind) == Some(name.as_deref());
        has_types
            && filter.exact.iter().all(is_exact)
            && filter.any.iter().all(|kind| self.name_of(kind).is_some())
    }
}

impl MetadataImage {
    /// Takes in what a record says of a quota.
    #[inline(never)]
    pub(super) fn replay_quota(&mut self, record: &ClientQuotaRecord) {
        let parts = record.entity.iter().map(|it| (it.entity_type.as_str(), it.entity_name.as_deref()));
        let entity = QuotaEntity::of(parts);
        let mut quotas = self.quotas.remove(&entity).unwrap_or_default();
        match record.remove {
            true => drop(quotas.remove(record.key.as_str())),
            false => drop(quotas.insert(record.key.as_str().into(), record.value)),
        }
        if !quotas.is_empty() {
            self.quotas.insert(entity, quotas);
        }
    }

    /// The entities that fit, with their quotas.
    pub fn quotas_that_fit(&self, filter: &QuotaFilter) -> impl Iterator<Item = (&QuotaEntity, &Quotas)> {
        self.quotas.iter().filter(|(entity, _)| entity.fits(filter))
    }

    /// The quota by this name that a client has, and under which name it is counted: a user's quota is all of its
    /// client ids' together. Everybody is the user `ANONYMOUS` here.
    #[inline(never)]
    pub fn shared_quota_of(&self, key: &str, client_id: &Arc<str>) -> Option<(Float64, Arc<str>)> {
        let (entity, value) = self.quota_of(key, EVERYBODY, client_id)?;
        let is_shared = entity.name_of(CLIENT_ID).is_none();
        Some((value, if is_shared { SHARED.into() } else { Arc::clone(client_id) }))
    }

    /// The quota by this name that a client has, and the entity it has it from: of those that fit, the one that
    /// says most of it.
    #[inline(never)]
    pub fn quota_of(&self, key: &str, user: &str, client_id: &str) -> Option<(&QuotaEntity, Float64)> {
        let (me, id) = (Some(user), Some(client_id));
        let ranks = [
            QuotaEntity::of([(USER, me), (CLIENT_ID, id)]),
            QuotaEntity::of([(USER, me), (CLIENT_ID, None)]),
            QuotaEntity::of([(USER, me)]),
            QuotaEntity::of([(USER, None), (CLIENT_ID, id)]),
            QuotaEntity::of([(USER, None), (CLIENT_ID, None)]),
            QuotaEntity::of([(USER, None)]),
            QuotaEntity::of([(CLIENT_ID, id)]),
            QuotaEntity::of([(CLIENT_ID, None)]),
        ];
        ranks.iter().find_map(|rank| {
            let (entity, quotas) = self.quotas.get_key_value(rank)?;
            Some((entity, *quotas.get(key)?))
        })
    }
}

/// The record that sets a quota, or takes it away.
pub fn quota_record(entity: &QuotaEntity, key: &str, value: Option<Float64>) -> ClientQuotaRecord {
    let part = |(kind, name): (&str, Option<&str>)| EntityData {
        entity_type: kind.to_owned(),
        entity_name: name.map(str::to_owned),
    };
    ClientQuotaRecord {
        entity: entity.parts().map(part).collect(),
        key: key.to_owned(),
        value: value.unwrap_or_default(),
        remove: value.is_none(),
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    type Parts<'a> = &'a [(&'a str, Option<&'a str>)];

    fn image(quotas: &[(Parts<'_>, f64)]) -> MetadataImage {
        let mut image = MetadataImage::default();
        for (parts, value) in quotas {
            let entity = QuotaEntity::of(parts.iter().copied());
            image.replay_quota(&quota_record(&entity, PRODUCER_BYTE_RATE, Some((*value).into())));
        }
        image
    }

    #[test]
    fn the_narrowest_quota_counts() {
        let ranks: [Parts<'_>; 8] = [
            &[(USER, Some("ann")), (CLIENT_ID, Some("shop"))],
            &[(USER, Some("ann")), (CLIENT_ID, None)],
            &[(USER, Some("ann"))],
            &[(USER, None), (CLIENT_ID, Some("shop"))],
            &[(USER, None), (CLIENT_ID, None)],
            &[(USER, None)],
            &[(CLIENT_ID, Some("shop"))],
            &[(CLIENT_ID, None)],
        ];
        for first in 0..ranks.len() {
            let some: Vec<(Parts<'_>, f64)> =
                ranks.iter().zip(1..).skip(first).map(|(parts, n)| (*parts, f64::from(n))).collect();
            let image = image(&some);
            let found = image.quota_of(PRODUCER_BYTE_RATE, "ann", "shop").map(|(_, value)| value.get());
            assert_eq!(found, Some(first as f64 + 1.0));
            assert_eq!(image.quota_of(CONSUMER_BYTE_RATE, "ann", "shop"), None);
        }
        let others = image(&[(&[(CLIENT_ID, Some("till"))], 1.0), (&[(IP, None)], 1.0)]);
        assert_eq!(others.quota_of(PRODUCER_BYTE_RATE, "ann", "shop"), None);
    }

    #[test]
    fn a_filter_is_strict_or_not() {
        let image = image(&[
            (&[(USER, Some("ann"))], 1.0),
            (&[(USER, Some("ann")), (CLIENT_ID, Some("shop"))], 2.0),
            (&[(USER, None)], 3.0),
        ]);
        let found = |exact: Parts<'_>, any: &[&str], strict| {
            let exact =
                exact.iter().map(|(kind, name)| ((*kind).to_owned(), name.map(str::to_owned))).collect();
            let any = any.iter().map(|kind| (*kind).to_owned()).collect();
            let filter = QuotaFilter { exact, any, strict };
            let values = image.quotas_that_fit(&filter).map(|(_, quotas)| quotas[PRODUCER_BYTE_RATE].get());
            let mut values: Vec<f64> = values.collect();
            values.sort_by(f64::total_cmp);
            values
        };
        assert_eq!(found(&[], &[], false), [1.0, 2.0, 3.0]);
        assert_eq!(found(&[(USER, Some("ann"))], &[], false), [1.0, 2.0]);
        assert_eq!(found(&[(USER, Some("ann"))], &[], true), [1.0]);
        assert_eq!(found(&[(USER, None)], &[], true), [3.0]);
        assert_eq!(found(&[], &[USER], true), [1.0, 3.0]);
        assert_eq!(found(&[], &[CLIENT_ID], false), [2.0]);
    }

    #[test]
    fn what_is_removed_is_gone() {
        let mut image = image(&[(&[(USER, Some("ann"))], 1.0)]);
        let entity = QuotaEntity::of([(USER, Some("ann"))]);
        image.replay_quota(&quota_record(&entity, CONSUMER_BYTE_RATE, Some(2.0.into())));
        image.replay_quota(&quota_record(&entity, PRODUCER_BYTE_RATE, None));
        assert_eq!(image.quotas[&entity].len(), 1);
        image.replay_quota(&quota_record(&entity, CONSUMER_BYTE_RATE, None));
        assert_eq!(image, MetadataImage::default());
    }
}
