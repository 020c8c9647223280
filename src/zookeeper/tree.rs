//! The tree of znodes, and what each operation does to it.

use std::sync::Arc;

use bytes::Bytes;
use imbl::{OrdMap, OrdSet};

use crate::zookeeper::wire::{Change, Fault, Op, Reply};

/// How a znode is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// The transaction that created it.
    pub czxid: i64,
    /// The transaction that last changed its data.
    pub mzxid: i64,
    /// When it was created, in milliseconds since 1970.
    pub ctime: i64,
    /// When its data last changed.
    pub mtime: i64,
    /// How often its data changed.
    pub version: i32,
    /// How often its children changed.
    pub cversion: i32,
    /// The session that it belongs to, if it is ephemeral; else 0.
    pub ephemeral_owner: i64,
    /// Bytes of its data.
    pub data_length: i32,
    /// How many children it has.
    pub num_children: i32,
    /// The transaction that last changed its children.
    pub pzxid: i64,
}

/// A znode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZNode {
    /// What it holds.
    pub data: Bytes,
    /// Its children's names.
    pub children: OrdSet<Arc<str>>,
    /// How it is, but for the lengths.
    stat: Stat,
}

impl ZNode {
    /// How it is.
    pub fn stat(&self) -> Stat {
        let data_length = i32::try_from(self.data.len()).unwrap_or(i32::MAX);
        let num_children = i32::try_from(self.children.len()).unwrap_or(i32::MAX);
        Stat { data_length, num_children, ..self.stat }
    }
}

/// All znodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    nodes: OrdMap<Arc<str>, ZNode>,
    zxid: i64,
}

/// What a transaction changed, for whoever watches.
pub(super) type Changes = Vec<(Change, Arc<str>)>;

/// A transaction: whose it is, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) session: i64,
    pub(super) unix_ms: i64,
}

impl Default for Tree {
    fn default() -> Self {
        Tree { nodes: OrdMap::unit("/".into(), ZNode::default()), zxid: 0 }
    }
}

impl Tree {
    /// The last transaction.
    pub fn zxid(&self) -> i64 {
        self.zxid
    }

    /// A znode.
    pub fn get(&self, path: &str) -> Option<&ZNode> {
        self.nodes.get(path)
    }

    /// Every znode with its path, in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &ZNode)> {
        self.nodes.iter()
    }

    /// Whose ephemeral nodes there are of a session.
    pub(super) fn ephemerals(&self, session: i64) -> Vec<Arc<str>> {
        let is_its = |node: &ZNode| node.stat.ephemeral_owner == session;
        self.nodes.iter().filter(|(_, node)| is_its(node)).map(|(path, _)| Arc::clone(path)).collect()
    }

    /// Reads.
    pub(super) fn read(&self, op: &Op) -> Result<Reply, Fault> {
        let node = self.nodes.get(op.path()).ok_or(Fault::NO_NODE)?;
        Ok(match op {
            Op::Exists { .. } => Reply::Stat(node.stat()),
            Op::GetData { .. } => Reply::Data(node.data.clone(), node.stat()),
            Op::GetChildren { .. } => {
                Reply::Children(node.children.iter().map(|name| name.to_string()).collect())
            }
            _ => return Err(Fault::UNIMPLEMENTED),
        })
    }

    /// Writes, as a transaction of its own. A refused one has a number too, and changes nothing.
    pub(super) fn write(&mut self, op: &Op, at: Moment, changes: &mut Changes) -> Result<Reply, Fault> {
        self.zxid += 1;
        let Op::Multi(ops) = op else { return self.write_one(op, at, changes) };
        let before = self.nodes.clone();
        let mut results = Vec::with_capacity(ops.len());
        for op in ops {
            results.push(self.write_one(op, at, changes));
            if results.last().is_some_and(Result::is_err) {
                self.nodes = before;
                changes.clear();
                let failed = results.len() - 1;
                results.resize(ops.len(), Err(Fault::RUNTIME_INCONSISTENCY));
                // Nothing of it was done: those before the failure are said to be well.
                results[..failed].fill(Err(Fault(0)));
                break;
            }
        }
        Ok(Reply::Multi(results))
    }

    fn write_one(&mut self, op: &Op, at: Moment, changes: &mut Changes) -> Result<Reply, Fault> {
        match op {
            Op::Create { path, data, ephemeral } => self.create(path, data, *ephemeral, at, changes),
            Op::Delete { path, version } => {
                self.checked(path, *version)?;
                if self.nodes.get(path.as_str()).is_some_and(|node| !node.children.is_empty()) {
                    return Err(Fault::NOT_EMPTY);
                }
                self.remove(path, changes);
                Ok(Reply::Done)
            }
            Op::SetData { path, data, version } => {
                self.checked(path, *version)?;
                let zxid = self.zxid;
                let node = self.nodes.get_mut(path.as_str()).ok_or(Fault::NO_NODE)?;
                node.data = data.clone();
                node.stat.mzxid = zxid;
                node.stat.mtime = at.unix_ms;
                node.stat.version = node.stat.version.wrapping_add(1);
                changes.push((Change::Data, path.as_str().into()));
                Ok(Reply::Stat(node.stat()))
            }
            Op::Check { path, version } => self.checked(path, *version).map(|()| Reply::Done),
            _ => Err(Fault::UNIMPLEMENTED),
        }
    }

    fn checked(&self, path: &str, version: i32) -> Result<(), Fault> {
        let node = self.nodes.get(path).ok_or(Fault::NO_NODE)?;
        if version >= 0 && node.stat.version != version {
            return Err(Fault::BAD_VERSION);
        }
        Ok(())
    }

    fn create(
        &mut self,
        path: &str,
        data: &Bytes,
        ephemeral: bool,
        at: Moment,
        changes: &mut Changes,
    ) -> Result<Reply, Fault> {
        let (parent, name) = split(path).ok_or(Fault::BAD_ARGUMENTS)?;
        if self.nodes.contains_key(path) {
            return Err(Fault::NODE_EXISTS);
        }
        let zxid = self.zxid;
        let above = self.nodes.get_mut(parent).ok_or(Fault::NO_NODE)?;
        if above.stat.ephemeral_owner != 0 {
            return Err(Fault::NO_CHILDREN_FOR_EPHEMERALS);
        }
        above.children.insert(name.into());
        above.stat.cversion = above.stat.cversion.wrapping_add(1);
        above.stat.pzxid = zxid;
        let stat = Stat {
            czxid: zxid,
            mzxid: zxid,
            pzxid: zxid,
            ctime: at.unix_ms,
            mtime: at.unix_ms,
            ephemeral_owner: if ephemeral { at.session } else { 0 },
            ..Default::default()
        };
        let node = ZNode { data: data.clone(), children: OrdSet::new(), stat };
        self.nodes.insert(path.into(), node);
        changes.push((Change::Created, path.into()));
        changes.push((Change::Children, parent.into()));
        Ok(Reply::Created(path.to_owned()))
    }

    /// A znode goes.
    fn remove(&mut self, path: &str, changes: &mut Changes) {
        let Some((parent, name)) = split(path) else { return };
        if self.nodes.remove(path).is_none() {
            return;
        }
        changes.push((Change::Deleted, path.into()));
        let zxid = self.zxid;
        if let Some(above) = self.nodes.get_mut(parent) {
            above.children.remove(name);
            above.stat.cversion = above.stat.cversion.wrapping_add(1);
            above.stat.pzxid = zxid;
            changes.push((Change::Children, parent.into()));
        }
    }

    /// A session ends, as a transaction of its own: its ephemeral nodes go.
    pub(super) fn end_session(&mut self, session: i64, changes: &mut Changes) {
        self.zxid += 1;
        for path in self.ephemerals(session) {
            self.remove(&path, changes);
        }
    }

    /// A session begins, as a transaction of its own.
    pub(super) fn begin_session(&mut self) {
        self.zxid += 1;
    }
}

/// The parent's path, and the name under it.
fn split(path: &str) -> Option<(&str, &str)> {
    let (parent, name) = path.rsplit_once('/')?;
    let whole = path.starts_with('/') && !name.is_empty() && !path.contains("//");
    whole.then_some((if parent.is_empty() { "/" } else { parent }, name))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const AT: Moment = Moment { session: 7, unix_ms: 0 };

    fn create(path: &str, ephemeral: bool) -> Op {
        Op::Create { path: path.into(), data: Bytes::new(), ephemeral }
    }

    fn check(tree: &mut Tree, op: Op, expected: &str) {
        let mut changes = Vec::new();
        let result = match tree.write(&op, AT, &mut changes) {
            Err(fault) => fault.name().to_owned(),
            Ok(Reply::Multi(results)) => {
                let name = |result: &Result<Reply, Fault>| result.as_ref().err().map_or("OK", |f| f.name());
                results.iter().map(name).collect::<Vec<_>>().join(" ")
            }
            Ok(_) => "OK".to_owned(),
        };
        let changes: Vec<String> =
            changes.iter().map(|(change, path)| format!("{} {path}", change.name())).collect();
        assert_eq!(format!("{result}: {}", changes.join(", ")).trim_end_matches([':', ' ']), expected);
    }

    #[test]
    fn znodes_come_and_go_and_parents_are_told() {
        let mut tree = Tree::default();
        check(&mut tree, create("/a", false), "OK: NodeCreated /a, NodeChildrenChanged /");
        check(&mut tree, create("/a", false), "NODEEXISTS");
        check(&mut tree, create("/b/c", false), "NONODE");
        check(&mut tree, create("a", false), "BADARGUMENTS");
        check(&mut tree, create("/a/e", true), "OK: NodeCreated /a/e, NodeChildrenChanged /a");
        check(&mut tree, create("/a/e/x", false), "NOCHILDRENFOREPHEMERALS");
        check(&mut tree, Op::Delete { path: "/a".into(), version: -1 }, "NOTEMPTY");
        let set = |version| Op::SetData { path: "/a".into(), data: Bytes::from_static(b"x"), version };
        check(&mut tree, set(1), "BADVERSION");
        check(&mut tree, set(0), "OK: NodeDataChanged /a");
        let stat = tree.get("/a").map(ZNode::stat).unwrap_or_default();
        assert_eq!((stat.version, stat.cversion, stat.num_children, stat.data_length), (1, 1, 1, 1));
        assert_eq!((stat.czxid, stat.mzxid, stat.pzxid), (1, 9, 5));
    }

    #[test]
    fn a_multi_is_done_whole_or_not_at_all() {
        let mut tree = Tree::default();
        let check_root = |version| Op::Check { path: "/".into(), version };
        check(
            &mut tree,
            Op::Multi(vec![check_root(0), create("/a", true)]),
            "OK OK: NodeCreated /a, NodeChildrenChanged /",
        );
        let refused = Op::Multi(vec![create("/b", true), check_root(3), create("/c", true)]);
        check(&mut tree, refused, "OK BADVERSION RUNTIMEINCONSISTENCY");
        assert!(tree.get("/a").is_some() && tree.get("/b").is_none());
    }

    #[test]
    fn what_is_ephemeral_goes_with_its_session() {
        let mut tree = Tree::default();
        check(&mut tree, create("/ids", false), "OK: NodeCreated /ids, NodeChildrenChanged /");
        check(&mut tree, create("/ids/1", true), "OK: NodeCreated /ids/1, NodeChildrenChanged /ids");
        let mut changes = Vec::new();
        tree.end_session(8, &mut changes);
        assert!(changes.is_empty());
        tree.end_session(7, &mut changes);
        assert_eq!(changes, [(Change::Deleted, "/ids/1".into()), (Change::Children, "/ids".into())]);
    }
}
