use super::ids::Table;

#[test]
fn ids_lead_back_to_their_rows_and_to_no_other_table() {
    for serial in (1..2_000).chain([65_535, 1 << 20, u64::from(u32::MAX)]) {
        let id = Table::Incident.id(serial);
        assert_eq!(id.len(), 32);
        assert_eq!(Table::Incident.serial(&id), Some(serial));
        assert_eq!(Table::User.serial(&id), None);
    }
    assert_eq!(Table::Incident.serial("nonsense"), None);
}
