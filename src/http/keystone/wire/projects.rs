//! Projects.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::roles::Options;
use super::{Links, Patch, bad_name, checked_text, in_the_domain};
use crate::http::json::as_text;
use crate::http::keystone::error::{Fault, Result};
use crate::http::keystone::origin::Origin;
use crate::http::query::{FromQuery, Query};
use crate::identity::{DOMAIN_ID, NewProject, Project, ProjectChange, ProjectName};
use crate::types::ProjectId;

/// A project.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Project)]
pub struct ProjectForm<'a> {
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    id: ProjectId,
    name: &'a str,
    domain_id: &'static str,
    parent_id: &'static str,
    is_domain: bool,
    enabled: bool,
    description: &'a str,
    #[schema(value_type = Vec<String>)]
    tags: [&'static str; 0],
    options: Options,
    links: Links,
}

impl<'a> ProjectForm<'a> {
    /// This project.
    pub fn of(project: &'a Project, origin: &Origin) -> Self {
        Self {
            id: project.id,
            name: project.name.as_str(),
            domain_id: DOMAIN_ID,
            parent_id: DOMAIN_ID,
            is_domain: false,
            enabled: project.is_enabled,
            description: &project.description,
            tags: [],
            options: Options {},
            links: Links::to(origin, format_args!("/v3/projects/{}", project.id)),
        }
    }
}

/// `POST /v3/projects`
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewProject)]
pub struct NewProjectForm {
    project: NewFields,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewProjectFields)]
struct NewFields {
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    enabled: Option<bool>,
    description: Option<String>,
    domain_id: Option<String>,
    parent_id: Option<String>,
    is_domain: Option<bool>,
}

impl NewProjectForm {
    /// The project to create.
    ///
    /// # Errors
    /// 400 for a field that is not what it should be, for a domain and for a project inside another one; 404 for
    /// another domain.
    pub fn parse(self) -> Result<NewProject> {
        let fields = self.project;
        in_the_domain(fields.domain_id.as_deref())?;
        if fields.is_domain == Some(true) {
            return Err(Fault::bad_request("There is one domain and no other."));
        }
        if fields.parent_id.is_some_and(|id| id != DOMAIN_ID) {
            return Err(Fault::bad_request("Projects do not contain projects."));
        }
        Ok(NewProject {
            id: None,
            name: ProjectName::parse(&fields.name).map_err(bad_name("project name"))?,
            description: checked_text("description", fields.description.unwrap_or_default())?,
            is_enabled: fields.enabled.unwrap_or(true),
        })
    }
}

/// `PATCH /v3/projects/{project_id}`
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ProjectChange)]
pub struct ProjectChangeForm {
    project: ChangedFields,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ProjectChangeFields)]
struct ChangedFields {
    #[schema(min_length = 1, max_length = 64)]
    name: Option<String>,
    enabled: Option<bool>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    description: Patch<String>,
    domain_id: Option<String>,
}

impl ProjectChangeForm {
    /// What to change.
    ///
    /// # Errors
    /// 400 for a field that is not what it should be, 404 for another domain.
    pub fn parse(self) -> Result<ProjectChange> {
        let fields = self.project;
        in_the_domain(fields.domain_id.as_deref())?;
        let name = fields.name.as_deref().map(ProjectName::parse);
        let description = fields.description.0.map(Option::unwrap_or_default);
        Ok(ProjectChange {
            name: name.transpose().map_err(bad_name("project name"))?,
            description: description
                .map(|text| checked_text("description", text))
                .transpose()?,
            is_enabled: fields.enabled,
        })
    }
}

/// Which projects to list.
#[derive(Debug, Default)]
pub struct ProjectFilter {
    name: Option<String>,
    domains: Vec<String>,
    is_enabled: Option<bool>,
    is_domain: Option<bool>,
}

impl FromQuery for ProjectFilter {
    fn from_query(query: &Query<'_>) -> crate::http::error::Result<Self> {
        let domains = query.all("domain_id").chain(query.all("parent_id"));
        Ok(Self {
            name: query.first("name").map(str::to_owned),
            domains: domains.map(str::to_owned).collect(),
            is_enabled: query.flag("enabled")?,
            is_domain: query.flag("is_domain")?,
        })
    }
}

impl ProjectFilter {
    /// Whether this project is wanted.
    pub fn takes(&self, project: &Project) -> bool {
        let name = self.name.as_deref();
        name.is_none_or(|name| name == project.name.as_str())
            && self.domains.iter().all(|id| id == DOMAIN_ID)
            && self.is_domain != Some(true)
            && self
                .is_enabled
                .is_none_or(|flag| flag == project.is_enabled)
    }
}
