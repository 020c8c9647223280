//! Configs as a broker tells and takes them. What is altered goes to the controller and comes back with
//! the metadata; a broker acts on its own and on the cluster's from then on.
//!
//! Source: protocol guide *DescribeConfigs*, *AlterConfigs*, *IncrementalAlterConfigs*; KIP-133, KIP-226,
//! KIP-339, KIP-569, KIP-1142.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::Set;
use crate::broker::forward::RefusedConfigs;
use crate::broker::{Broker, BrokerConfig, Ctx};
use crate::coordinator::GroupConfig;
use crate::metadata::{
    BROKER_LOGGER_RESOURCE, BROKER_RESOURCE, BrokerLayers, CLIENT_METRICS_RESOURCE, ConfigEntry, ConfigKind,
    ConfigSource, Endpoint, GROUP_RESOURCE, Properties, TOPIC_RESOURCE, UpdateMode, broker_config,
    check_topic_name, client_metrics_entries, fixed_topic_default, group_entries, topic_entries,
};
use crate::protocol::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult, DescribeConfigsSynonym,
};
use crate::protocol::messages::list_config_resources::{
    ConfigResource, ListConfigResourcesRequest, ListConfigResourcesResponse,
};
use crate::protocol::messages::{alter_configs, incremental_alter_configs};
use crate::protocol::{ApiKey, ErrorCode, Message, WireError};

/// More resources than this are not described in one answer.
const RESOURCES_MAX: usize = 10_000;

/// What ListConfigResources tells of.
const LISTED_RESOURCES: [i8; 5] =
    [TOPIC_RESOURCE, BROKER_RESOURCE, BROKER_LOGGER_RESOURCE, CLIENT_METRICS_RESOURCE, GROUP_RESOURCE];

/// Why a resource is not described.
type Refusal = (ErrorCode, String);

impl Broker {
    /// The configs that this broker was altered to have, own ones over those of all brokers.
    #[inline(never)]
    pub(super) fn take_dynamic_configs(&mut self) {
        let cluster = self.image.configs_of(BROKER_RESOURCE, "");
        let own = self.image.configs_of(BROKER_RESOURCE, &self.id.to_string());
        let mut config = (*self.static_config).clone();
        for (name, value) in cluster.iter().chain(&own) {
            if broker_config(name).is_some_and(|def| def.update != UpdateMode::ReadOnly) {
                // What the engine does not act on has no field.
                let _ = config.set_any(name, value);
            }
        }
        if config == *self.config {
            return;
        }
        self.config = Arc::new(config);
        for at in self.partitions.keys().cloned().collect::<Vec<_>>() {
            let config = self.log_config(&at.topic);
            if let Some(partition) = self.partitions.get_mut(&at) {
                Arc::make_mut(partition).log.set_config(config);
            }
        }
    }

    #[inline(never)]
    pub(super) fn alter_configs(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        version: i16,
        body: &Bytes,
    ) -> Result<(), WireError> {
        let mut request = alter_configs::AlterConfigsRequest::decode(body, version)?;
        let mut refused = Vec::new();
        request.resources.retain(|resource| {
            self.concerns_me(resource.resource_type, &resource.resource_name, &mut refused)
        });
        if refused.is_empty() {
            self.forward_body(ctx, token, ApiKey::AlterConfigs, version, body.clone(), refused);
        } else if request.resources.is_empty() {
            let responses = refused.into_iter().map(Into::into).collect();
            self.reply(ctx, token, &alter_configs::AlterConfigsResponse { responses, ..Default::default() });
        } else {
            let body = request.encode(version)?;
            self.forward_body(ctx, token, ApiKey::AlterConfigs, version, body, refused);
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn incremental_alter_configs(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        version: i16,
        body: &Bytes,
    ) -> Result<(), WireError> {
        let api = ApiKey::IncrementalAlterConfigs;
        let mut request = incremental_alter_configs::IncrementalAlterConfigsRequest::decode(body, version)?;
        let mut refused = Vec::new();
        request.resources.retain(|resource| {
            self.concerns_me(resource.resource_type, &resource.resource_name, &mut refused)
        });
        if refused.is_empty() {
            self.forward_body(ctx, token, api, version, body.clone(), refused);
        } else if request.resources.is_empty() {
            let responses = refused.into_iter().map(Into::into).collect();
            let response = incremental_alter_configs::IncrementalAlterConfigsResponse {
                responses,
                ..Default::default()
            };
            self.reply(ctx, token, &response);
        } else {
            let body = request.encode(version)?;
            self.forward_body(ctx, token, api, version, body, refused);
        }
        Ok(())
    }

    /// A broker takes its own configs and those of all, not another's.
    fn concerns_me(&self, resource_type: i8, name: &str, refused: &mut Vec<RefusedConfigs>) -> bool {
        let of_a_broker = matches!(resource_type, BROKER_RESOURCE | BROKER_LOGGER_RESOURCE);
        if !of_a_broker || (name.is_empty() && resource_type == BROKER_RESOURCE) {
            return true;
        }
        match self.check_broker_name(name) {
            Ok(()) => true,
            Err((error, message)) => {
                let resource_name = name.to_owned();
                refused.push(RefusedConfigs { resource_type, resource_name, error, message });
                false
            }
        }
    }

    fn check_broker_name(&self, name: &str) -> Result<(), Refusal> {
        let problem = match name.parse::<i32>() {
            Ok(id) if id == self.id => return Ok(()),
            Ok(id) => format!("this is broker {}, not broker {id}", self.id),
            Err(_) => format!("'{name}' is no broker id"),
        };
        Err((ErrorCode::InvalidRequest, problem))
    }

    #[inline(never)]
    pub(super) fn describe_configs(&mut self, ctx: &mut Ctx, token: u64, request: &DescribeConfigsRequest) {
        let cluster = self.image.configs_of(BROKER_RESOURCE, "");
        let own = self.image.configs_of(BROKER_RESOURCE, &self.id.to_string());
        let fixed = |name: &str| self.fixed_config(name);
        let layers = BrokerLayers { own: &own, cluster: &cluster, fixed: &fixed };
        let describe = |resource: &DescribeConfigsResource| {
            let mut result = DescribeConfigsResult {
                resource_type: resource.resource_type,
                resource_name: resource.resource_name.clone(),
                error_message: None,
                ..Default::default()
            };
            match self.entries_of(resource, layers) {
                Ok(entries) => {
                    let wanted = resource.configuration_keys.as_ref().filter(|keys| !keys.is_empty());
                    let told = entries
                        .into_iter()
                        .filter(|entry| wanted.is_none_or(|keys| keys.contains(&entry.name)))
                        .map(|entry| describe_entry(entry, request));
                    result.configs = told.collect();
                }
                Err((error_code, message)) => {
                    (result.error_code, result.error_message) = (error_code, Some(message));
                }
            }
            result
        };
        // Once each, however often they are named: an answer is much longer than its question.
        let mut seen = Set::new();
        let mut results = Vec::new();
        for resource in &request.resources {
            if results.len() < RESOURCES_MAX
                && seen.insert((resource.resource_type, resource.resource_name.as_str()))
            {
                results.push(describe(resource));
            }
        }
        self.reply(ctx, token, &DescribeConfigsResponse { results, ..Default::default() });
    }

    /// Version 0 asks for client metrics subscriptions alone (KIP-714), later ones for what they name.
    #[inline(never)]
    pub(super) fn list_config_resources(
        &mut self,
        ctx: &mut Ctx,
        token: u64,
        version: i16,
        request: &ListConfigResourcesRequest,
    ) {
        let wanted: Set<i8> = match version {
            0 => [CLIENT_METRICS_RESOURCE].into(),
            _ if request.resource_types.is_empty() => LISTED_RESOURCES.into(),
            _ => request.resource_types.iter().copied().collect(),
        };
        let mut response = ListConfigResourcesResponse::default();
        if wanted.iter().any(|wanted| !LISTED_RESOURCES.contains(wanted)) {
            response.error_code = ErrorCode::UnsupportedVersion;
            return self.reply(ctx, token, &response);
        }
        for resource_type in wanted {
            let names: Vec<String> = match resource_type {
                TOPIC_RESOURCE => self.image.topics.keys().map(|name| name.to_string()).collect(),
                BROKER_RESOURCE | BROKER_LOGGER_RESOURCE => {
                    self.image.brokers.keys().map(|id| id.to_string()).collect()
                }
                // Those that have configs.
                _ => {
                    let keys = self.image.configs.keys().filter(|(of, _)| *of == resource_type);
                    keys.map(|(_, name)| name.to_string()).collect()
                }
            };
            let resource = |resource_name| ConfigResource { resource_name, resource_type };
            response.config_resources.extend(names.into_iter().map(resource));
        }
        self.reply(ctx, token, &response);
    }

    fn entries_of(
        &self,
        resource: &DescribeConfigsResource,
        layers: BrokerLayers<'_>,
    ) -> Result<Vec<ConfigEntry>, Refusal> {
        let name = resource.resource_name.as_str();
        let own = || self.image.configs_of(resource.resource_type, name);
        let unnamed = |what: &str| Err((ErrorCode::InvalidRequest, format!("the {what} has no name")));
        match resource.resource_type {
            TOPIC_RESOURCE => {
                check_topic_name(name).map_err(|problem| (ErrorCode::InvalidTopicException, problem))?;
                if !self.image.topics.contains_key(name) {
                    return Err((ErrorCode::UnknownTopicOrPartition, format!("no topic '{name}'")));
                }
                Ok(topic_entries(&own(), layers))
            }
            BROKER_RESOURCE if name.is_empty() => Ok(layers.cluster_entries()),
            BROKER_RESOURCE => {
                self.check_broker_name(name)?;
                Ok(layers.entries())
            }
            BROKER_LOGGER_RESOURCE if name.is_empty() => unnamed("broker"),
            BROKER_LOGGER_RESOURCE => {
                self.check_broker_name(name)?;
                Ok(vec![root_logger()])
            }
            CLIENT_METRICS_RESOURCE if name.is_empty() => unnamed("client metrics subscription"),
            CLIENT_METRICS_RESOURCE => Ok(client_metrics_entries(&own())),
            GROUP_RESOURCE if name.is_empty() => unnamed("group"),
            GROUP_RESOURCE => Ok(group_entries(&own(), layers)),
            unknown => Err((ErrorCode::InvalidRequest, format!("no resource type {unknown}"))),
        }
    }

    /// What `server.properties` says of a config, if anything.
    fn fixed_config(&self, name: &str) -> Option<String> {
        let config = &self.static_config;
        let own_names = |broker: &crate::metadata::BrokerRegistration| {
            let name = |end: &Endpoint| format!("{}://{}:{}", end.listener, end.host, end.port);
            broker.endpoints.iter().map(name).collect::<Vec<_>>().join(",")
        };
        match name {
            "broker.id" | "node.id" => return Some(self.id.to_string()),
            "broker.rack" => return self.rack.as_deref().map(str::to_owned),
            "process.roles" if self.controller.is_in_process() => return Some("broker,controller".into()),
            "process.roles" => return Some("broker".into()),
            "controller.listener.names" => return Some("CONTROLLER".into()),
            "controller.quorum.bootstrap.servers" => {
                let voters = self.controller.voters().iter();
                let places: Vec<String> = voters.map(|it| format!("{}:{}", it.host, it.port)).collect();
                return Some(places.join(","));
            }
            "advertised.listeners" => return self.image.brokers.get(&self.id).map(own_names),
            _ => {}
        }
        let differs =
            |now: Option<String>, default: Option<String>| now.filter(|now| Some(now) != default.as_ref());
        differs(config.get(name), BrokerConfig::default().get(name))
            .or_else(|| differs(config.group.get(name), GroupConfig::default().get(name)))
            .or_else(|| fixed_topic_default(&config.log, name))
    }
}

fn describe_entry(entry: ConfigEntry, request: &DescribeConfigsRequest) -> DescribeConfigsResourceResult {
    let synonym = |synonym: crate::metadata::ConfigSynonym| DescribeConfigsSynonym {
        name: synonym.name,
        value: synonym.value,
        source: synonym.source as i8,
    };
    let synonyms =
        if request.include_synonyms { entry.synonyms.into_iter().map(synonym).collect() } else { Vec::new() };
    DescribeConfigsResourceResult {
        name: entry.name,
        value: entry.value,
        read_only: entry.read_only,
        config_source: entry.source as i8,
        is_sensitive: entry.is_sensitive,
        synonyms,
        config_type: entry.kind,
        documentation: request.include_documentation.then(|| entry.doc.to_owned()),
    }
}

/// A world has no loggers; clients expect one.
fn root_logger() -> ConfigEntry {
    ConfigEntry {
        name: "root".into(),
        value: Some("INFO".into()),
        source: ConfigSource::DynamicBrokerLogger,
        is_sensitive: false,
        read_only: false,
        kind: ConfigKind::String as i8,
        doc: "",
        synonyms: Vec::new(),
    }
}
