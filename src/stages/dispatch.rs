//! *dispatch*: reads `reply.ready`, sends, writes `reply.settled`.
