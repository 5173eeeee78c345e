//! The supervisor in simulated time, network and outside world.
