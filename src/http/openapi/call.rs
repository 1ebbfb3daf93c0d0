//! What there is to say of one call: built beside its API, written as `OpenAPI` has it.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Ref, RefOr};

/// Who may make a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Who shows a token or a signature.
    Known,
    /// Everybody.
    Anybody,
}

/// The description of a call, which serves every path that it is found under.
pub struct Call {
    /// Its method and path, as its API spells it.
    pub key: &'static str,
    summary: &'static str,
    access: Access,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: Map<String, Value>,
    /// The forms that it speaks of, by their names.
    pub schemas: Vec<(String, RefOr<Schema>)>,
}

impl Call {
    /// The call with this method and path.
    pub fn new(key: &'static str, summary: &'static str) -> Self {
        Self {
            key,
            summary,
            access: Access::Known,
            parameters: Vec::new(),
            body: None,
            answers: Map::new(),
            schemas: Vec::new(),
        }
    }

    /// Nobody need show who they are.
    pub fn for_anybody(mut self) -> Self {
        self.access = Access::Anybody;
        self
    }

    /// It takes this parameter in its query, which may be left out.
    pub fn query(mut self, name: &str, schema: &Value, description: &str) -> Self {
        self.parameters.push(json!({
            "name": name, "in": "query", "schema": schema, "description": description,
        }));
        self
    }

    /// It takes this parameter in its query, which it needs.
    pub fn needs_query(mut self, name: &str, schema: &Value, description: &str) -> Self {
        self = self.query(name, schema, description);
        if let Some(parameter) = self.parameters.last_mut() {
            parameter["required"] = true.into();
        }
        self
    }

    /// It takes this header, which it needs.
    pub fn header(mut self, name: &str, description: &str) -> Self {
        self.parameters.push(json!({
            "name": name, "in": "header", "required": true, "schema": {"type": "string"},
            "description": description,
        }));
        self
    }

    /// It takes this form as its body.
    pub fn takes<T: ToSchema>(self) -> Self {
        let (call, schema) = self.of::<T>();
        call.takes_json(&schema)
    }

    /// It takes a body of this schema.
    pub fn takes_json(mut self, schema: &Value) -> Self {
        let content = json!({"application/json": {"schema": schema}});
        self.body = Some(json!({"required": true, "content": content}));
        self
    }

    /// It does as well without its body.
    pub fn or_nothing(mut self) -> Self {
        if let Some(body) = &mut self.body {
            body["required"] = false.into();
        }
        self
    }

    /// It answers with this form.
    pub fn gives<T: ToSchema>(self, status: u16) -> Self {
        let (call, schema) = self.of::<T>();
        call.gives_json(status, &schema)
    }

    /// It answers with one thing under this name.
    pub fn gives_one<T: ToSchema>(self, status: u16, name: &str) -> Self {
        let (call, schema) = self.of::<T>();
        call.gives_json(status, &object(&[(name, schema)]))
    }

    /// It answers with many things under this name, and links.
    pub fn gives_many<T: ToSchema>(self, name: &str) -> Self {
        let (call, schema) = self.of::<T>();
        let things = json!({"type": "array", "items": schema});
        let text = json!({"type": ["string", "null"]});
        let links = object(&[
            ("self", text.clone()),
            ("previous", text.clone()),
            ("next", text),
        ]);
        call.gives_json(200, &object(&[(name, things), ("links", links)]))
    }

    /// It answers with JSON of this schema.
    pub fn gives_json(mut self, status: u16, schema: &Value) -> Self {
        let answer = json!({
            "description": "Done.", "content": {"application/json": {"schema": schema}},
        });
        self.answers.insert(status.to_string(), answer);
        self
    }

    /// It answers without a body.
    pub fn gives_nothing(mut self) -> Self {
        let answer = json!({"description": "Done; there is no body."});
        self.answers.insert("204".to_owned(), answer);
        self
    }

    fn of<T: ToSchema>(mut self) -> (Self, Value) {
        let name = T::name().into_owned();
        let schema = Ref::from_schema_name(&name);
        self.schemas.push((name, T::schema()));
        T::schemas(&mut self.schemas);
        (self, json!(schema))
    }

    /// The operation under `id`, which can end with these refusals, too.
    pub fn operation(
        &self,
        id: &str,
        tag: &str,
        path: Vec<Value>,
        refusals: &Map<String, Value>,
    ) -> Value {
        let mut parameters = path;
        parameters.extend(self.parameters.iter().cloned());
        let mut responses = refusals.clone();
        responses.extend(self.answers.clone());
        let mut operation = json!({
            "operationId": id, "tags": [tag], "summary": self.summary,
            "parameters": parameters, "responses": responses,
        });
        if let Some(body) = &self.body {
            operation["requestBody"] = body.clone();
        }
        if self.access == Access::Anybody {
            operation["security"] = json!([]);
        }
        operation
    }
}

/// An object with all of these.
pub fn object(properties: &[(&str, Value)]) -> Value {
    let names: Vec<_> = properties.iter().map(|(name, _)| *name).collect();
    let properties: Map<_, _> = properties
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
        .collect();
    json!({"type": "object", "required": names, "properties": properties})
}
