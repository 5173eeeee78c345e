//! Where the published messages end. What comes in is checked here, with every wrong field by name; what goes
//! out is complete, because every value of the domain has a form on the wire.

pub(crate) mod fault;
pub(crate) mod from_wire;
pub(crate) mod to_wire;

pub(crate) use fault::Fault;

#[cfg(test)]
pub(crate) mod testbed;
