//! *journal*: reads everything worth showing, writes the timeline.
