"""`terrarium assign` beside kafka-python's assignors: thousands of random groups, each over several
rebalances. Prints TAP.

Where kafka-python is not Java, the comparison allows for it:

- Its range and roundrobin forget members when static and dynamic ones are listed in turns; here the static
  ones come first. Its roundrobin fails (KeyError) where it has to skip a member that does not subscribe: such
  groups are left out.
- Its sticky assignors are the first of KIP-54. Members with equal subscriptions have another way in Java since
  2.4 (KAFKA-8179), with other choices: what is compared there is how many partitions each may have at most, and
  that at least as many stay where they were.
- In its cooperative-sticky a partition also waits for a rebalance when its owner left for another reason than
  this one: a claim that nobody believes. Groups here make no such claims.
- It knows no racks.
"""

import json
import os
import random
import subprocess
import sys
from types import SimpleNamespace

from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from kafka.coordinator.assignors.sticky.user_data import StickyAssignorUserData

from rig import ROOT

GROUPS = 1_500
REBALANCES = 4
SEED = 848
ASSIGNORS = {
    "range": RangePartitionAssignor,
    "roundrobin": RoundRobinPartitionAssignor,
    "sticky": StickyPartitionAssignor,
    "cooperative-sticky": CooperativeStickyAssignor,
}


class Group:
    """A group as `terrarium assign` takes it, that changes from rebalance to rebalance."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.equal = self.random.random() < 0.5
        self.topics = {}
        self.members = {}
        self.joined = 0
        for _ in range(self.random.randint(1, 5)):
            self.topics[f"t{len(self.topics)}"] = self.random.randint(1, 9)
        for _ in range(self.random.randint(1, 7)):
            self.join()

    def join(self):
        self.joined += 1
        name = f"consumer-{self.random.randint(0, 99):02}-{self.joined}"
        self.members[name] = {"topics": self.some_topics(), "owned": {}, "generation": -1}
        if self.random.random() < 0.3:
            self.members[name]["instance"] = f"i{self.random.randint(0, 99):02}-{self.joined}"

    def some_topics(self):
        names = sorted(self.topics)
        return names if self.equal else sorted(self.random.sample(names, self.random.randint(1, len(names))))

    def change(self):
        what = self.random.random()
        if what < 0.4 or not self.members:
            self.join()
        elif what < 0.7 and len(self.members) > 1:
            del self.members[self.random.choice(sorted(self.members))]
        elif what < 0.8:
            self.topics[f"t{len(self.topics)}"] = self.random.randint(1, 9)
            if self.equal:
                for member in self.members.values():
                    member["topics"] = sorted(self.topics)
        elif what < 0.9:
            self.topics[self.random.choice(sorted(self.topics))] += self.random.randint(1, 3)
        else:
            for name in sorted(self.members):
                if not self.equal and self.random.random() < 0.5:
                    self.members[name]["topics"] = self.some_topics()

    def own(self, assignment, generation):
        for name, member in self.members.items():
            member["owned"] = assignment[name]
            member["generation"] = generation

    def question(self):
        return json.dumps({"topics": self.topics, "members": self.members})

    def kafka_python(self, assignor):
        """What kafka-python makes of it."""
        cluster = SimpleNamespace(
            topics=lambda: set(self.topics),
            partitions_for_topic=lambda topic: set(range(self.topics[topic])) if topic in self.topics else None,
        )
        names = sorted(self.members, key=lambda name: ("instance" not in self.members[name], name))
        members = []
        for name in names:
            member = self.members[name]
            owned = sorted(member["owned"].items())
            metadata = SimpleNamespace(
                topics=member["topics"],
                user_data=StickyAssignorUserData(owned, member["generation"]) if owned else b"",
                owned_partitions=[SimpleNamespace(topic=topic, partitions=numbers) for topic, numbers in owned],
                generation_id=member["generation"],
            )
            instance = member.get("instance")
            members.append(SimpleNamespace(member_id=name, group_instance_id=instance, metadata=metadata))
        assignment = ASSIGNORS[assignor]().assign(cluster, members)
        plain = lambda assigned: {topic: sorted(numbers) for topic, numbers in pairs(assigned) if numbers}
        return {name: plain(assigned) for name, assigned in assignment.items()}


def pairs(assigned):
    for item in assigned.assigned_partitions:
        yield (item.topic, item.partitions) if hasattr(item, "topic") else tuple(item)


def terrarium(assignor, groups):
    """What Terrarium makes of them, in one run."""
    program = os.environ.get("TERRARIUM", ROOT / "target/debug/terrarium")
    questions = "\n".join(group.question() for group in groups)
    command = [program, "assign", "--assignor", assignor]
    done = subprocess.run(command, input=questions, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def loads(assignment):
    return sorted(sum(map(len, topics.values())) for topics in assignment.values())


def kept(group, assignment):
    had = {(name, topic, n) for name, it in group.members.items() for topic, ns in it["owned"].items() for n in ns}
    return sum((name, topic, n) in had for name, it in assignment.items() for topic, ns in it.items() for n in ns)


def difference(assignor, group, ours):
    """What is not as it should be, if anything."""
    equal = len({tuple(member["topics"]) for member in group.members.values()}) == 1
    if assignor == "roundrobin" and not equal:
        return None
    theirs = group.kafka_python(assignor)
    if "sticky" not in assignor or not equal:
        return None if ours == theirs else "they differ"
    if kept(group, ours) < kept(group, theirs):
        return "fewer stay where they were"
    if assignor == "sticky" and loads(ours) != loads(theirs):
        return "another balance"
    return None


def compare(assignor):
    groups = [Group(SEED + seed) for seed in range(GROUPS)]
    for generation in range(1, REBALANCES + 1):
        for group, ours in zip(groups, terrarium(assignor, groups), strict=True):
            wrong = difference(assignor, group, ours)
            if wrong:
                theirs = group.kafka_python(assignor)
                raise AssertionError(f"{wrong}\n{group.question()}\nTerrarium {ours}\nkafka-python {theirs}")
            group.own(ours, generation)
            # The cooperative protocol's second half has no other changes.
            if assignor != "cooperative-sticky" or generation % 2 == 0:
                group.change()


def main():
    failed = 0
    for number, assignor in enumerate(ASSIGNORS, 1):
        name = f"{number} - {assignor} as kafka-python, {GROUPS} groups over {REBALANCES} rebalances"
        try:
            compare(assignor)
            print(f"ok {name}")
        except Exception as error:
            failed += 1
            print(f"not ok {name}")
            for line in str(error).splitlines():
                print(f"    {line}")
    print(f"# pass {len(ASSIGNORS) - failed}\n# fail {failed}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
