//! What the queue says must be what the model knows.

use rohrpost::queue::Group;
use rohrpost::types::LogNumber;

use super::World;
use crate::naive::State;

impl World {
    pub fn check(&self) {
        let model = &self.model;
        let visible = model.lanes.iter().map(|lane| lane.visible - lane.start);
        let messages = visible.sum::<usize>() + model.delayed.len();
        assert_eq!(self.queue.messages(), messages as u64, "messages");
        assert_eq!(self.queue.delayed(), model.delayed.len() as u64, "delayed");
        assert_eq!(self.queue.next_expiry(), model.next_expiry(), "next expiry");
        let groups: Vec<_> = self.queue.groups().map(Group::number).collect();
        let expected: Vec<_> = model.groups.keys().copied().collect();
        assert_eq!(groups, expected, "groups");
        for log in model.logs() {
            let lane = model.lane(log).expect("the log exists");
            let extent = self.queue.log(log).expect("the log exists");
            assert_eq!(extent.start(), lane.offset(lane.start), "{log:?} start");
            assert_eq!(extent.visible_end(), lane.offset(lane.visible), "{log:?}");
            assert_eq!(extent.end(), lane.end(), "{log:?} end");
        }
        self.queue
            .groups()
            .for_each(|group| self.check_group(group));
    }

    fn check_group(&self, group: &Group) {
        let number = group.number();
        let expected = &self.model.groups[&number];
        assert_eq!(group.filter(), expected.filter.as_ref(), "{number:?}");
        assert_eq!(group.consumed(), expected.consumed, "{number:?} consumed");
        assert_eq!(group.expired(), expected.expired, "{number:?} expired");
        assert_eq!(group.dead_produced(), expected.dead.visible as u64);
        let mut available = 0;
        let mut in_flight = 0;
        for log in self.model.logs_of(number) {
            let lane = self.model.lane(log).expect("the log exists");
            let seen = self.model.seen(number, log).expect("the group reads it");
            let free = seen[..lane.visible]
                .iter()
                .filter(|seen| seen.is_free())
                .count();
            if log.dead_letters_of().is_some() {
                assert_eq!(group.dead_available(), free as u64, "{number:?} dead");
            } else {
                available += free as u64;
                in_flight += seen.iter().filter(|seen| seen.is_held()).count();
            }
            self.check_reader(group, log);
        }
        assert_eq!(self.queue.available_to(group), available, "{number:?}");
        assert_eq!(group.in_flight(), in_flight, "{number:?} in flight");
    }

    fn check_reader(&self, group: &Group, log: LogNumber) {
        let reader = group.reader(log).expect("the group reads it");
        let lane = self.model.lane(log).expect("the log exists");
        let seen = self
            .model
            .seen(group.number(), log)
            .expect("the group reads it");
        for (index, seen) in seen.iter().enumerate() {
            let offset = lane.offset(index);
            let place = (group.number(), log, offset, seen);
            let is_done = seen.state == State::Done || lane.entries[index].is_gone;
            assert_eq!(reader.is_settled(offset), is_done, "{place:?}");
            assert_eq!(reader.failures(offset), seen.failures, "{place:?}");
            let lease = match seen.state {
                State::Held { attempt, deadline } => Some((attempt, deadline)),
                _ => None,
            };
            let held = reader.lease(offset).map(|at| (at.attempt, at.deadline));
            assert_eq!(held, lease, "{place:?}");
        }
    }
}
