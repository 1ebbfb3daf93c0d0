//! Which roles of Keystone are which of this server.

use super::super::role::Role;

/// The names that Keystone's roles have which mean something here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleNames {
    /// What makes an administrator.
    pub admin: Vec<String>,
    /// What makes a member.
    pub member: Vec<String>,
    /// What makes a reader.
    pub reader: Vec<String>,
}

impl RoleNames {
    /// The greatest role that these names give. As elsewhere in `OpenStack`, case does not matter.
    pub(super) fn greatest<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Option<Role> {
        let role = |name: &str| {
            let is_among = |known: &[String]| known.iter().any(|k| k.eq_ignore_ascii_case(name));
            Role::ALL
                .into_iter()
                .rev()
                .find(|role| is_among(self.of(*role)))
        };
        names.into_iter().filter_map(role).max()
    }

    fn of(&self, role: Role) -> &[String] {
        match role {
            Role::Admin => &self.admin,
            Role::Member => &self.member,
            Role::Reader => &self.reader,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_role_counts_whatever_its_case() {
        let names = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let roles = RoleNames {
            admin: names(&["admin", "dms_admin"]),
            member: names(&["member"]),
            reader: names(&["reader", "te_agency"]),
        };
        assert_eq!(roles.greatest(["reader", "Member"]), Some(Role::Member));
        assert_eq!(roles.greatest(["te_agency", "other"]), Some(Role::Reader));
        assert_eq!(roles.greatest(["member", "DMS_Admin"]), Some(Role::Admin));
        assert_eq!(roles.greatest(["manager", ""]), None);
        assert_eq!(roles.greatest([]), None);
    }
}
