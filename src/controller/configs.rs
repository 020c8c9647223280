//! Configs of topics, brokers, groups and client metrics: altered bit by bit or replaced.
//!
//! Source: protocol guide *IncrementalAlterConfigs*, *AlterConfigs*; KIP-226, KIP-339.

use std::iter::zip;
use std::sync::Arc;

use crate::base::{Set, repeated};
use crate::controller::{Asker, Controller, Ctx, Refusal};
use crate::metadata::{
    BROKER_LOGGER_RESOURCE, BROKER_RESOURCE, BrokerLayers, CLIENT_METRICS_RESOURCE, ConfigKind, Configs,
    GROUP_RESOURCE, Properties, TOPIC_RESOURCE, TopicConfigs, broker_config, check_broker_configs,
    check_client_metrics_configs, check_group_configs, check_topic_configs, check_topic_name,
    fixed_topic_default, topic_config,
};
use crate::protocol::ErrorCode;
use crate::protocol::messages::metadata_records::{ConfigRecord, MetadataRecord};
use crate::protocol::messages::{alter_configs, incremental_alter_configs};
use crate::storage::LogConfig;
use crate::trace::Event;

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;
/// More changes than this in one request are refused (`MAX_RECORDS_PER_USER_OP`).
pub(super) const CHANGES_MAX: usize = 10_000;
pub(super) const TOO_MANY_CHANGES: &str = "excessively large number of changes per request";
/// The longest value, as long as a string of the first versions can be.
const VALUE_MAX: usize = 32_767;

/// What a request wants of one config: the operation, the name, the value.
type Wish<'a> = (i8, &'a str, Option<&'a str>);

/// What a request wants of one resource, by type and name.
struct Wanted<'a> {
    resource: (i8, &'a str),
    wishes: Vec<Wish<'a>>,
}

type Altered = (Vec<(ErrorCode, Option<String>)>, Vec<MetadataRecord>, Vec<Event>);

impl Controller {
    /// The defaults of all topics: the controller's own configs, and what was altered for all brokers.
    pub(super) fn topic_defaults(&self) -> LogConfig {
        let mut defaults = (*self.config.log).clone();
        for (name, value) in &self.image.configs_of(BROKER_RESOURCE, "") {
            // What does not parse was refused when it was set.
            let _ = TopicConfigs::set_default(&mut defaults, name, value);
        }
        defaults
    }

    pub(super) fn topic_config(&self, topic: &str) -> LogConfig {
        TopicConfigs::effective(&self.topic_defaults(), &self.image.topic_configs(topic))
    }

    /// Lets `f` see what decides the configs of brokers in general.
    pub(super) fn with_layers<T>(&self, f: impl FnOnce(BrokerLayers<'_>) -> T) -> T {
        let cluster = self.image.configs_of(BROKER_RESOURCE, "");
        let fixed = |name: &str| fixed_topic_default(&self.config.log, name);
        f(BrokerLayers { own: &Configs::new(), cluster: &cluster, fixed: &fixed })
    }

    #[inline(never)]
    pub(super) fn incremental_alter_configs(
        &mut self,
        ctx: &mut Ctx,
        asker: Asker,
        request: &incremental_alter_configs::IncrementalAlterConfigsRequest,
    ) {
        let wanted = request.resources.iter().map(|resource| Wanted {
            resource: (resource.resource_type, &resource.resource_name),
            wishes: resource
                .configs
                .iter()
                .map(|config| (config.config_operation, config.name.as_str(), config.value.as_deref()))
                .collect(),
        });
        let (answers, records, events) =
            self.alter(&wanted.collect::<Vec<_>>(), false, request.validate_only);
        let responses = zip(&request.resources, answers).map(|(resource, (error_code, error_message))| {
            incremental_alter_configs::AlterConfigsResourceResponse {
                error_code,
                error_message,
                resource_type: resource.resource_type,
                resource_name: resource.resource_name.clone(),
            }
        });
        let response = incremental_alter_configs::IncrementalAlterConfigsResponse {
            responses: responses.collect(),
            ..Default::default()
        };
        self.write_and_answer(ctx, asker, records, &response, events);
    }

    #[inline(never)]
    pub(super) fn alter_configs(
        &mut self,
        ctx: &mut Ctx,
        asker: Asker,
        request: &alter_configs::AlterConfigsRequest,
    ) {
        let wanted = request.resources.iter().map(|resource| Wanted {
            resource: (resource.resource_type, &resource.resource_name),
            wishes: resource
                .configs
                .iter()
                .map(|config| (SET, config.name.as_str(), config.value.as_deref()))
                .collect(),
        });
        let (answers, records, events) = self.alter(&wanted.collect::<Vec<_>>(), true, request.validate_only);
        let responses = zip(&request.resources, answers).map(|(resource, (error_code, error_message))| {
            alter_configs::AlterConfigsResourceResponse {
                error_code,
                error_message,
                resource_type: resource.resource_type,
                resource_name: resource.resource_name.clone(),
            }
        });
        let response =
            alter_configs::AlterConfigsResponse { responses: responses.collect(), ..Default::default() };
        self.write_and_answer(ctx, asker, records, &response, events);
    }

    /// What is answered for each resource, in their order, and the records and events that come of it.
    fn alter(&self, wanted: &[Wanted], replace: bool, validate_only: bool) -> Altered {
        let twice = repeated(wanted.iter().map(|wanted| wanted.resource));
        let (mut answers, mut records, mut events) = (Vec::new(), Vec::new(), Vec::new());
        for Wanted { resource, wishes } in wanted {
            let decided = self.decide_configs(*resource, twice.contains(resource), wishes, replace);
            answers.push(self.keep_configs(*resource, decided, validate_only, &mut records, &mut events));
        }
        self.clear_eligible(&mut records, &mut events);
        (answers, records, events)
    }

    /// What the resource's configs change to; `replace` drops those that are not mentioned.
    #[inline(never)]
    fn decide_configs(
        &self,
        (resource_type, name): (i8, &str),
        twice: bool,
        wishes: &[Wish],
        replace: bool,
    ) -> Result<Vec<(String, Option<String>)>, Refusal> {
        check_wishes(twice, wishes)?;
        let before = self.image.configs_of(resource_type, name);
        let mut after = if replace { Configs::new() } else { before.clone() };
        for (operation, config, value) in wishes {
            let value = self.value_after(resource_type, &before, (*operation, *config, *value))?;
            self.check_min_isr((resource_type, name), config, value.as_deref())?;
            match value {
                Some(value) => after.insert((*config).into(), value.into()),
                None => after.remove(*config),
            };
        }
        for config in before.keys().filter(|config| !after.contains_key(*config)) {
            self.check_min_isr((resource_type, name), config, None)?;
        }
        self.check_resource(resource_type, name, &before, &after)?;
        if resource_type == BROKER_LOGGER_RESOURCE {
            return Ok(Vec::new());
        }
        let mentioned: Set<&str> = wishes.iter().map(|(_, name, _)| *name).collect();
        let mut changes = Vec::new();
        for (config, value) in &after {
            // A broker's are written even when nothing changes: that makes it read files again.
            let again = resource_type == BROKER_RESOURCE && mentioned.contains(&**config);
            if again || before.get(config) != Some(value) {
                changes.push((config.to_string(), Some(value.to_string())));
            }
        }
        changes.extend(
            before.keys().filter(|config| !after.contains_key(*config)).map(|c| (c.to_string(), None)),
        );
        Ok(changes)
    }

    fn value_after(
        &self,
        resource_type: i8,
        before: &Configs,
        (operation, config, value): Wish,
    ) -> Result<Option<String>, Refusal> {
        let value = value.unwrap_or_default();
        match operation {
            SET => return Ok(Some(value.to_owned())),
            DELETE => return Ok(None),
            _ => {}
        }
        let def = match resource_type {
            TOPIC_RESOURCE => topic_config(config),
            BROKER_RESOURCE => broker_config(config),
            _ => None,
        };
        let Some(def) = def.filter(|def| def.kind == ConfigKind::List) else {
            return Err((ErrorCode::InvalidConfig, format!("{config} is no list")));
        };
        let old = before.get(config).map_or(def.default.unwrap_or_default(), |old| old);
        let mut items: Vec<&str> = old.split(',').filter(|item| !item.is_empty()).collect();
        for item in value.split(',') {
            match operation {
                APPEND if !items.contains(&item) => items.push(item),
                SUBTRACT => items.retain(|old| *old != item),
                _ => {}
            }
        }
        Ok(Some(items.join(",")))
    }

    /// Whether there is such a resource, and whether it may have these configs.
    fn check_resource(
        &self,
        resource_type: i8,
        name: &str,
        before: &Configs,
        after: &Configs,
    ) -> Result<(), Refusal> {
        let invalid = |error: crate::metadata::ConfigError| (ErrorCode::InvalidConfig, error.to_string());
        let unnamed =
            |what: &str| Err((ErrorCode::InvalidRequest, format!("there are no defaults of all {what}")));
        match resource_type {
            TOPIC_RESOURCE if name.is_empty() => unnamed("topics"),
            TOPIC_RESOURCE => {
                check_topic_name(name).map_err(|problem| (ErrorCode::InvalidTopicException, problem))?;
                check_topic_configs(after).map_err(invalid)?;
                if self.image.topics.contains_key(name) {
                    return Ok(());
                }
                Err((ErrorCode::UnknownTopicOrPartition, format!("no topic '{name}' to configure")))
            }
            BROKER_RESOURCE => {
                let broker = name.parse::<i32>().ok().filter(|id| *id >= 0);
                if !name.is_empty() && broker.is_none() {
                    return Err((ErrorCode::InvalidRequest, format!("'{name}' is no broker id")));
                }
                let altered: Configs = after
                    .clone()
                    .into_iter()
                    .filter(|(config, value)| before.get(config) != Some(value))
                    .collect();
                // Kafka too calls a wrong value of a broker's an invalid request (KAFKA-13609).
                check_broker_configs(&altered, broker.is_some())
                    .map_err(|error| (ErrorCode::InvalidRequest, error.to_string()))?;
                match broker.filter(|id| !self.image.brokers.contains_key(id)) {
                    Some(id) => {
                        Err((ErrorCode::BrokerIdNotRegistered, format!("no broker {id} is registered")))
                    }
                    None => Ok(()),
                }
            }
            // Their levels are not kept: a world has no loggers.
            BROKER_LOGGER_RESOURCE => Ok(()),
            CLIENT_METRICS_RESOURCE if name.is_empty() => unnamed("client metrics"),
            CLIENT_METRICS_RESOURCE => check_client_metrics_configs(after).map_err(invalid),
            GROUP_RESOURCE if name.is_empty() => unnamed("groups"),
            GROUP_RESOURCE => {
                let limit = |name: &str| self.config.get(name)?.parse().ok();
                check_group_configs(after, &limit).map_err(invalid)
            }
            unknown => Err((ErrorCode::InvalidRequest, format!("no resource type {unknown}"))),
        }
    }

    /// The records that make it so, and the answer.
    #[inline(never)]
    fn keep_configs(
        &self,
        (resource_type, name): (i8, &str),
        decided: Result<Vec<(String, Option<String>)>, Refusal>,
        validate_only: bool,
        records: &mut Vec<MetadataRecord>,
        events: &mut Vec<Event>,
    ) -> (ErrorCode, Option<String>) {
        let changes = match decided {
            Ok(changes) => changes,
            Err((error, problem)) => return (error, Some(problem)),
        };
        if records.len() + changes.len() > CHANGES_MAX {
            return (ErrorCode::PolicyViolation, Some(TOO_MANY_CHANGES.into()));
        }
        if !validate_only {
            let resource: Arc<str> = match resource_type {
                BROKER_RESOURCE if name.is_empty() => "all brokers".into(),
                BROKER_RESOURCE => format!("broker {name}").into(),
                GROUP_RESOURCE => format!("group {name}").into(),
                _ => name.into(),
            };
            for (config, value) in changes {
                events.push(Event::ConfigChanged {
                    resource: Arc::clone(&resource),
                    name: config.as_str().into(),
                    value: value.as_deref().map(Arc::from),
                });
                let resource_name = name.to_owned();
                records.push(ConfigRecord { resource_type, resource_name, name: config, value }.into());
            }
        }
        (ErrorCode::None, None)
    }
}

/// What Kafka's brokers look at before anything else.
fn check_wishes(twice: bool, wishes: &[Wish]) -> Result<(), Refusal> {
    let refuse = |problem: String| Err((ErrorCode::InvalidRequest, problem));
    if twice {
        return refuse("each resource must appear at most once".into());
    }
    if let Some(config) = repeated(wishes.iter().map(|(_, config, _)| *config)).first() {
        return refuse(format!("{config} appears more than once"));
    }
    if wishes.len() > CHANGES_MAX {
        return Err((ErrorCode::PolicyViolation, TOO_MANY_CHANGES.into()));
    }
    for (operation, config, value) in wishes {
        if !(SET..=SUBTRACT).contains(operation) {
            return refuse(format!("{config}: no operation {operation}"));
        }
        if value.is_some_and(|value| value.len() > VALUE_MAX) {
            return refuse(format!("{config}: a value longer than {VALUE_MAX} bytes"));
        }
        if *operation != DELETE && value.is_none() {
            return refuse(format!("{config}: null is no value"));
        }
    }
    Ok(())
}
