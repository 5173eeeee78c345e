use std::collections::BTreeSet;

use prost::Message;
use prost_types::FileDescriptorSet;

use super::*;

#[test]
fn the_health_of_every_service_is_told() {
    let set = FileDescriptorSet::decode(belay_api::FILE_DESCRIPTOR_SET).unwrap();
    let ours = set.file.iter().filter(|file| file.package() == "belay.v1");
    let services: BTreeSet<String> = ours
        .flat_map(|file| &file.service)
        .map(|service| format!("belay.v1.{}", service.name()))
        .chain([String::new()])
        .collect();
    let told: BTreeSet<String> = SERVICES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(told, services);
}
