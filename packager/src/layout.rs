//! From a collection to destinations: sorted, without collisions.
