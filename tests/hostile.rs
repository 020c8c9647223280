//! Whole machines under hostile input: damaged, invented, misdirected and senseless frames, timers and
//! flushes, in states taken from a living world. No panic, bounded answers, and a connection that makes
//! no sense is closed as Kafka closes it.

#[path = "hostile/noise.rs"]
mod noise;
#[path = "hostile/requests.rs"]
mod requests;
#[path = "hostile/specimen.rs"]
mod specimen;
#[path = "hostile/voters.rs"]
mod voters;
#[path = "sim/worlds.rs"]
mod worlds;
