//! Services, endpoints, regions, and the catalogue by itself.

use serde_json::json;

use super::cloud::Cloud;
use crate::harness::PROJECT;

#[tokio::test]
async fn services_endpoints_and_the_region_are_listed_and_shown() {
    let cloud = Cloud::start().await;
    let alice = cloud.log_in("alice").await;
    let services = cloud.get(&alice, "/v3/services").await.expect(200);
    let services = services["services"].as_array().unwrap();
    let kinds: Vec<_> = services.iter().map(|service| &service["type"]).collect();
    assert_eq!(kinds, ["identity", "dms", "dmsv1", "dmsv2"]);
    let endpoints = cloud.get(&alice, "/v3/endpoints").await.expect(200);
    let endpoints = endpoints["endpoints"].as_array().unwrap();
    assert_eq!(endpoints.len(), 12);
    let of_dmsv1 = endpoints
        .iter()
        .find(|one| one["service_id"] == services[2]["id"]);
    let url = format!("{}/v1.0/$(project_id)s", cloud.origin());
    assert_eq!(of_dmsv1.unwrap()["url"], url);
    for (kind, list) in [("service", services), ("endpoint", endpoints)] {
        for one in list {
            let path = format!("/v3/{kind}s/{}", one["id"].as_str().unwrap());
            assert_eq!(&cloud.get(&alice, &path).await.expect(200)[kind], one);
        }
    }
    for (path, name, found) in [
        ("services?type=dms", "services", 1),
        ("services?name=dmsv2", "services", 1),
        ("services?type=compute", "services", 0),
        ("endpoints?interface=admin", "endpoints", 4),
        ("endpoints?region_id=elsewhere", "endpoints", 0),
        ("regions", "regions", 1),
    ] {
        let list = cloud.get(&alice, &format!("/v3/{path}")).await.expect(200);
        assert_eq!(list[name].as_array().unwrap().len(), found, "{path}");
    }
    let region = cloud.get(&alice, "/v3/regions/RegionOne").await.expect(200);
    assert_eq!(region["region"]["id"], "RegionOne");
    for path in ["services/x", "endpoints/x", "regions/x"] {
        cloud
            .get(&alice, &format!("/v3/{path}"))
            .await
            .expect_fault(404);
    }
}

#[tokio::test]
async fn the_catalogue_by_itself_is_that_of_the_token() {
    let cloud = Cloud::start().await;
    let alice = cloud.log_in("alice").await;
    let reply = cloud.about(&alice, "GET", &alice).await.expect(200);
    let catalogue = cloud.get(&alice, "/v3/auth/catalog").await.expect(200);
    assert_eq!(catalogue["catalog"], reply["token"]["catalog"]);
    let dmsv1 = &catalogue["catalog"][2];
    assert_eq!(dmsv1["type"], "dmsv1");
    let url = format!("{}/v1.0/{PROJECT}", cloud.origin());
    assert_eq!(dmsv1["endpoints"][0]["url"], json!(url));
}
