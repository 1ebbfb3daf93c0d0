//! What a call takes: for each permission a type, so that a handler's signature says which one it needs.

use crate::identity::Permission;

/// A permission as a type.
pub trait Needs: Send + Sync + 'static {
    /// The permission.
    const PERMISSION: Permission;
}

macro_rules! needs {
    ($($name:ident)*) => {$(
        #[doc = concat!("Needs [`Permission::", stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl Needs for $name {
            const PERMISSION: Permission = Permission::$name;
        }
    )*};
}

needs! {
    ListQueues GetQueue CreateQueue DeleteQueue PurgeMessages
    GetGroups CreateGroup DeleteGroup ResetGroup
    ProduceMessages ConsumeMessages PeekMessages RedriveMessages
    GetTags SetTags GetQuotas SetQuotas GetPolicy SetPolicy
    GetInstances ManageInstances GetTraces
}
