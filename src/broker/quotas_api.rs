//! What quotas there are, as this broker has heard. Source: KIP-546.

use crate::broker::{Broker, Ctx};
use crate::metadata::{CLIENT_ID, IP, QuotaEntity, QuotaFilter, Quotas, USER};
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_client_quotas::{
    DescribeClientQuotasRequest, DescribeClientQuotasResponse, EntityData, EntryData, ValueData,
};

/// `ComponentData.match_type`.
const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const ANY: i8 = 2;

impl Broker {
    #[inline(never)]
    pub(super) fn describe_client_quotas(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        request: &DescribeClientQuotasRequest,
    ) {
        let response = match filter_of(request) {
            Ok(filter) => DescribeClientQuotasResponse {
                error_message: None,
                entries: Some(self.image.quotas_that_fit(&filter).map(entry).collect()),
                ..Default::default()
            },
            Err((error_code, message)) => DescribeClientQuotasResponse {
                error_code,
                error_message: Some(message),
                entries: None,
                ..Default::default()
            },
        };
        self.reply(ctx, token, &response);
    }
}

fn entry((entity, quotas): (&QuotaEntity, &Quotas)) -> EntryData {
    let part = |(kind, name): (&str, Option<&str>)| EntityData {
        entity_type: kind.to_owned(),
        entity_name: name.map(str::to_owned),
    };
    EntryData {
        entity: entity.parts().map(part).collect(),
        values: quotas.iter().map(|(key, value)| ValueData { key: key.to_string(), value: *value }).collect(),
    }
}

fn filter_of(request: &DescribeClientQuotasRequest) -> Result<QuotaFilter, (ErrorCode, String)> {
    let invalid = |message: String| Err((ErrorCode::InvalidRequest, message));
    let mut filter = QuotaFilter { strict: request.strict, ..QuotaFilter::default() };
    for component in &request.components {
        let kind = &component.entity_type;
        if kind.is_empty() {
            return invalid("an entity type is empty".to_owned());
        }
        if filter.exact.contains_key(kind) || filter.any.contains(kind) {
            return invalid(format!("entity type {kind} is named more than once"));
        }
        if ![USER, CLIENT_ID, IP].contains(&kind.as_str()) {
            return Err((ErrorCode::UnsupportedVersion, format!("no client quota is for a {kind}")));
        }
        match (component.match_type, &component._match) {
            (EXACT, Some(name)) => drop(filter.exact.insert(kind.clone(), Some(name.clone()))),
            (EXACT, None) => return invalid(format!("which {kind} is wanted was not said")),
            (DEFAULT | ANY, Some(_)) => {
                return invalid(format!("one {kind} is named, and others are wanted"));
            }
            (DEFAULT, None) => drop(filter.exact.insert(kind.clone(), None)),
            (ANY, None) => filter.any.push(kind.clone()),
            (other, _) => return invalid(format!("nothing matches by type {other}")),
        }
    }
    let wants = |kind: &str| filter.exact.contains_key(kind) || filter.any.iter().any(|it| it == kind);
    if wants(IP) && (wants(USER) || wants(CLIENT_ID)) {
        return invalid("a quota is for an address, or for users and client ids, not for both".to_owned());
    }
    Ok(filter)
}
