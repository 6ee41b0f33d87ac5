//! One integration crate: a module per feature. The real binary, the simulator on port 0.

mod layers;
