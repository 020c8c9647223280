//! Which faults a sweep throws at a cluster.

/// A kind of bad luck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// None: topics come and go, members join and leave, and nothing breaks.
    Calm,
    /// Links are cut and slow, messages are lost, late, or come twice.
    FlakyNetwork,
    /// Processes are killed and stand still, clients too.
    CrashHappy,
    /// Power fails before a flush, disks are slow, full, or hold what nobody wrote; clocks are wrong.
    DisksThatLie,
    /// All of these.
    Everything,
}

impl Profile {
    /// Every profile, the quietest first.
    pub const ALL: [Profile; 5] = [
        Profile::Calm,
        Profile::FlakyNetwork,
        Profile::CrashHappy,
        Profile::DisksThatLie,
        Profile::Everything,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Calm => "calm",
            Profile::FlakyNetwork => "flaky-network",
            Profile::CrashHappy => "crash-happy",
            Profile::DisksThatLie => "disks-that-lie",
            Profile::Everything => "everything",
        }
    }

    /// The profile of this name.
    pub fn from_name(name: &str) -> Option<Profile> {
        Profile::ALL.into_iter().find(|profile| profile.name() == name)
    }
}
