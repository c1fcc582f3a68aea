//! The API as an OpenAPI 3.1 document.
//!
//! Source: <https://spec.openapis.org/oas/v3.1.0>. Made from the same list as the router.

mod webchat;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::error::{ErrorBody, ErrorCode};
use super::table::{Operation, operations};

/// The whole document.
#[must_use]
pub fn openapi() -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|s| s.definitions_path = "/components/schemas".into())
        .into_generator();
    let error = generator.subschema_for::<ErrorBody>();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations() {
        let described = describe(&operation, &mut generator);
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_lowercase()] = described;
    }
    paths.extend(webchat::paths().into_iter().map(|(path, described)| (path.to_owned(), described)));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Millrace admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The same operations as the commands of `millrace`. Every call carries a bearer token: an \
                            operator's sees everything, a tenant's sees that tenant only, and what is another's does not \
                            exist. Times are milliseconds since 1970 UTC.",
        },
        "servers": [{"url": "http://127.0.0.1:8081"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": generator.take_definitions(true),
            "responses": {"Error": {
                "description": "Which kind stands in `error.code`.",
                "content": {"application/json": {"schema": error}},
            }},
        },
    })
}

fn describe(operation: &Operation, generator: &mut schemars::SchemaGenerator) -> Value {
    let in_path = operation
        .names()
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    let in_query = operation.query.iter().map(|(name, meaning)| {
        json!({"name": name, "in": "query", "description": meaning, "schema": {"type": "string"}})
    });
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": {"200": {
            "description": "Done.",
            "content": {"application/json": {"schema": (operation.answer)(generator)}},
        }},
    });
    if operation.takes_file {
        described["requestBody"] = json!({"required": true, "content": {"application/octet-stream": {}}});
    }
    if let Some(body) = operation.body {
        described["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": body(generator)}}});
    }
    for code in ErrorCode::ALL {
        described["responses"][code.status().to_string()] = json!({"$ref": "#/components/responses/Error"});
    }
    described
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `$ref` of a value.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(reference)) = map.get("$ref") {
                    found.push(reference.clone());
                }
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_operation_is_described_and_every_reference_leads_somewhere() {
        let document = openapi();
        for operation in operations() {
            let described = &document["paths"][operation.path][operation.method.as_str().to_lowercase()];
            assert_eq!(described["operationId"], operation.id);
        }
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 50);
        for reference in found {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
        }
    }
}
