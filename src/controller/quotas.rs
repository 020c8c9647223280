//! Quotas of clients: what is asked for is checked, and becomes records.
//!
//! Source: KIP-546; which names an entity may have, and of which types values are, `QuotaConfig`.

use crate::base::{Map, Set};
use crate::controller::configs::{CHANGES_MAX, TOO_MANY_CHANGES};
use crate::controller::{Asker, Controller, Ctx, Refusal};
use crate::metadata::{CLIENT_ID, IP, QuotaEntity, Quotas, USER, quota_record};
use crate::protocol::ErrorCode;
use crate::protocol::messages::alter_client_quotas::{
    AlterClientQuotasRequest, AlterClientQuotasResponse, OpData, RequestEntryData, ResponseEntityData,
    ResponseEntryData,
};
use crate::protocol::messages::metadata_records::MetadataRecord;

/// What users and client ids may have, and whether it has to be a whole number.
const OF_CLIENTS: [(&str, bool); 4] = [
    ("consumer_byte_rate", true),
    ("controller_mutation_rate", false),
    ("producer_byte_rate", true),
    ("request_percentage", false),
];
/// What addresses may have.
const OF_ADDRESSES: [(&str, bool); 1] = [("connection_creation_rate", true)];
/// By so much a whole number may be another.
const NEARLY: f64 = 1e-6;

fn invalid<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err((ErrorCode::InvalidRequest, message.into()))
}

impl Controller {
    #[inline(never)]
    pub(super) fn alter_client_quotas(
        &mut self,
        ctx: &mut Ctx,
        asker: Asker,
        request: &AlterClientQuotasRequest,
    ) {
        let mut records: Vec<MetadataRecord> = Vec::new();
        let mut results: Map<QuotaEntity, Result<(), Refusal>> = Map::new();
        let too_many = request.entries.iter().map(|entry| entry.ops.len()).sum::<usize>() > CHANGES_MAX;
        for entry in &request.entries {
            let parts = entry.entity.iter().map(|it| (it.entity_type.as_str(), it.entity_name.as_deref()));
            let entity = QuotaEntity::of(parts);
            let altered = match results.contains_key(&entity) {
                true => invalid("the entity is named more than once"),
                false if too_many => invalid(TOO_MANY_CHANGES),
                false => self.altered_quotas(&entity, entry),
            };
            let result = altered.map(|altered| records.extend(altered));
            results.insert(entity, result);
        }
        if request.validate_only {
            records.clear();
        }
        let response = AlterClientQuotasResponse {
            entries: results.into_iter().map(|(entity, result)| answer(&entity, result.err())).collect(),
            ..Default::default()
        };
        self.write_and_answer(ctx, asker, records, &response, Vec::new());
    }

    /// The records for one entity, if all of it is right.
    fn altered_quotas(
        &self,
        entity: &QuotaEntity,
        entry: &RequestEntryData,
    ) -> Result<Vec<MetadataRecord>, Refusal> {
        let allowed = allowed_for(entity)?;
        let none = Quotas::new();
        let current = self.image.quotas.get(entity).unwrap_or(&none);
        let (mut keys, mut records) = (Set::new(), Vec::new());
        for op in &entry.ops {
            if !keys.insert(op.key.as_str()) {
                return invalid(format!("quota {} is named more than once", op.key));
            }
            let known = current.get(op.key.as_str());
            if op.remove {
                if known.is_some() {
                    records.push(quota_record(entity, &op.key, None).into());
                }
                continue;
            }
            check_value(allowed, op)?;
            if known != Some(&op.value) {
                records.push(quota_record(entity, &op.key, Some(op.value)).into());
            }
        }
        Ok(records)
    }
}

/// Which quotas an entity may have.
fn allowed_for(entity: &QuotaEntity) -> Result<&'static [(&'static str, bool)], Refusal> {
    for (kind, name) in entity.parts() {
        if ![USER, CLIENT_ID, IP].contains(&kind) {
            return invalid(format!("no client quota is for a {kind}"));
        }
        if name == Some("") {
            return invalid(format!("the name of a {kind} is empty"));
        }
    }
    let is_client = entity.name_of(USER).is_some() || entity.name_of(CLIENT_ID).is_some();
    match entity.name_of(IP) {
        None if is_client => Ok(&OF_CLIENTS),
        None => invalid("a client quota has to be for somebody"),
        Some(_) if is_client => {
            invalid("a quota is for an address, or for users and client ids, not for both")
        }
        Some(Some(name)) if !is_host(name) => {
            invalid(format!("{name} is no address, nor a host that is known"))
        }
        Some(_) => Ok(&OF_ADDRESSES),
    }
}

/// Whether it can be an address. Names of hosts are not looked up: here nobody has others than nodes have.
fn is_host(name: &str) -> bool {
    name.parse::<std::net::IpAddr>().is_ok() || name == "localhost"
}

fn check_value(allowed: &[(&str, bool)], op: &OpData) -> Result<(), Refusal> {
    let key = &op.key;
    let Some((_, is_whole)) = allowed.iter().find(|(name, _)| name == key) else {
        return invalid(format!("{key} is no quota of such an entity"));
    };
    let value = op.value.get();
    // A number that is none is not greater than zero.
    if value.is_nan() || value <= 0.0 {
        return invalid(format!("quota {key} has to be greater than 0"));
    }
    if *is_whole && (value % 1.0).abs() > NEARLY {
        return invalid(format!("quota {key} has to be a whole number"));
    }
    Ok(())
}

fn answer(entity: &QuotaEntity, refusal: Option<Refusal>) -> ResponseEntryData {
    let part = |(kind, name): (&str, Option<&str>)| ResponseEntityData {
        entity_type: kind.to_owned(),
        entity_name: name.map(str::to_owned),
    };
    let (error_code, error_message) = match refusal {
        Some((error, message)) => (error, Some(message)),
        None => (ErrorCode::None, None),
    };
    ResponseEntryData { error_code, error_message, entity: entity.parts().map(part).collect() }
}
