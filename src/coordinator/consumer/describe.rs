//! ConsumerGroupDescribe.

use super::records::by_topic;
use super::{ConsumerGroup, ConsumerMember, Partitions};
use crate::coordinator::describe::shown;
use crate::coordinator::group::Group;
use crate::metadata::MetadataImage;
use crate::protocol::ErrorCode;
use crate::protocol::messages::consumer_group_describe::{
    Assignment, DescribedGroup, Member, TopicPartitions,
};

/// `member_type` of a member of the classic protocol.
const CLASSIC: i8 = 0;
/// `member_type` of a member of the consumer protocol.
const CONSUMER: i8 = 1;

#[inline(never)]
pub(in crate::coordinator) fn described(
    group: &Group,
    consumer: &ConsumerGroup,
    image: &MetadataImage,
    default_assignor: &str,
) -> DescribedGroup {
    let assignor = consumer.preferred_assignor();
    let optional = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
    let member = |member: &ConsumerMember| Member {
        member_id: member.member_id.to_string(),
        instance_id: optional(&member.subscription.instance_id),
        rack_id: optional(&member.subscription.rack_id),
        member_epoch: member.current.member_epoch,
        client_id: member.subscription.client_id.to_string(),
        client_host: member.subscription.client_host.to_string(),
        subscribed_topic_names: member.subscription.topic_names.iter().map(|name| name.to_string()).collect(),
        subscribed_topic_regex: optional(&member.subscription.topic_regex),
        assignment: assignment(image, &member.current.assigned),
        target_assignment: assignment(image, consumer.target(&member.member_id)),
        member_type: if member.is_classic() { CLASSIC } else { CONSUMER },
    };
    DescribedGroup {
        group_id: group.id.to_string(),
        group_state: shown(group).name().to_owned(),
        group_epoch: consumer.group_epoch(),
        assignment_epoch: consumer.assignment_epoch(),
        assignor_name: assignor.as_deref().unwrap_or(default_assignor).to_owned(),
        members: consumer.members().map(member).collect(),
        ..DescribedGroup::default()
    }
}

/// There is no such group, or it is of another kind.
pub(in crate::coordinator) fn described_unknown(group_id: String, is_other: bool) -> DescribedGroup {
    let what = if is_other { "is not a consumer group" } else { "not found" };
    DescribedGroup {
        error_code: ErrorCode::GroupIdNotFound,
        error_message: Some(format!("Group {group_id} {what}.")),
        group_id,
        ..DescribedGroup::default()
    }
}

/// By topic, as far as the topics exist.
pub(super) fn assignment(image: &MetadataImage, partitions: &Partitions) -> Assignment {
    let topic = |(topic_id, partitions)| {
        let topic_name = image.topic_names.get(&topic_id)?.to_string();
        Some(TopicPartitions { topic_id, topic_name, partitions })
    };
    Assignment { topic_partitions: by_topic(partitions).into_iter().filter_map(topic).collect() }
}
