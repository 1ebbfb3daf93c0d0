//! What a user may be in a project, and what that permits there.

use std::fmt;

/// What a user is in a project or in the domain. Each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Sees what there is.
    Reader,
    /// Uses it.
    Member,
    /// Administers it.
    Admin,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Member, Self::Admin];

    /// Its id, the same on every server.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Reader => "7e3a3b1a1d5f4c0c8e5d0a6b5c9d2f01",
            Self::Member => "7e3a3b1a1d5f4c0c8e5d0a6b5c9d2f02",
            Self::Admin => "7e3a3b1a1d5f4c0c8e5d0a6b5c9d2f03",
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }

    /// The role with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.id() == id)
    }

    /// The role with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// This role and all that it includes, the greatest first.
    pub fn with_included(self) -> impl Iterator<Item = Self> {
        let included = Self::ALL.into_iter().rev();
        included.filter(move |role| *role <= self)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a permission leaves things as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing.
    Reads,
    /// It changes something, be it only who has consumed what.
    Writes,
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $least:ident $effect:ident $action:literal;)*) => {
        /// Something that a request does in a project (reference §15).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Permission {
            $($(#[$doc])* $name,)*
        }

        impl Permission {
            /// Every permission.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The least role that has it.
            #[must_use]
            pub const fn least_role(self) -> Role {
                match self {
                    $(Self::$name => Role::$least,)*
                }
            }

            /// Whether it leaves things as they are.
            #[must_use]
            pub const fn effect(self) -> Effect {
                match self {
                    $(Self::$name => Effect::$effect,)*
                }
            }

            /// What policies call it.
            #[must_use]
            pub const fn action(self) -> &'static str {
                match self {
                    $(Self::$name => $action,)*
                }
            }

            /// The permission that policies call so.
            #[must_use]
            pub fn from_action(action: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.action() == action)
            }
        }
    };
}

permissions! {
    /// List queues, also by tags.
    ListQueues = Reader Reads "DMS:ListQueues";
    /// See a queue.
    GetQueue = Reader Reads "DMS:GetQueue";
    /// Create a queue.
    CreateQueue = Member Writes "DMS:CreateQueue";
    /// Delete a queue.
    DeleteQueue = Member Writes "DMS:DeleteQueue";
    /// List a queue's groups.
    GetGroups = Reader Reads "DMS:GetGroups";
    /// Create groups.
    CreateGroup = Member Writes "DMS:CreateGroup";
    /// Delete a group.
    DeleteGroup = Member Writes "DMS:DeleteGroup";
    /// Send messages.
    ProduceMessages = Member Writes "DMS:ProduceMessages";
    /// Consume and acknowledge messages and dead letters.
    ConsumeMessages = Member Writes "DMS:ConsumeMessages";
    /// Look at messages without consuming them. It shows bodies, which is more than a reader sees.
    PeekMessages = Member Reads "DMS:PeekMessages";
    /// Remove all messages of a queue.
    PurgeMessages = Member Writes "DMS:PurgeMessages";
    /// Send dead letters back.
    RedriveMessages = Member Writes "DMS:RedriveMessages";
    /// Let a group continue elsewhere.
    ResetGroup = Member Writes "DMS:ResetGroup";
    /// See tags.
    GetTags = Reader Reads "DMS:GetTags";
    /// Set and remove tags.
    SetTags = Member Writes "DMS:SetTags";
    /// See quotas.
    GetQuotas = Reader Reads "DMS:GetQuotas";
    /// Set quotas.
    SetQuotas = Admin Writes "DMS:SetQuotas";
    /// See a queue's policy.
    GetPolicy = Reader Reads "DMS:GetPolicy";
    /// Set or remove a queue's policy.
    SetPolicy = Admin Writes "DMS:SetPolicy";
    /// See instances, zones, products and maintenance windows.
    GetInstances = Reader Reads "DMS:GetInstances";
    /// Create, change and delete instances.
    ManageInstances = Member Writes "DMS:ManageInstances";
    /// See who administered what.
    GetTraces = Admin Reads "DMS:GetTraces";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_includes_those_below_it() {
        let names = |role: Role| role.with_included().map(Role::name).collect::<Vec<_>>();
        assert_eq!(names(Role::Admin), ["admin", "member", "reader"]);
        assert_eq!(names(Role::Reader), ["reader"]);
    }

    #[test]
    fn roles_and_permissions_are_found_by_what_they_are_called() {
        for role in Role::ALL {
            assert_eq!(Role::from_id(role.id()), Some(role));
            assert_eq!(Role::from_name(role.name()), Some(role));
        }
        for permission in Permission::ALL {
            assert_eq!(
                Permission::from_action(permission.action()),
                Some(*permission)
            );
        }
    }

    #[test]
    fn a_reader_changes_nothing() {
        for permission in Permission::ALL {
            let reads = permission.effect() == Effect::Reads;
            assert!(
                reads || permission.least_role() > Role::Reader,
                "{permission:?}"
            );
        }
    }
}
