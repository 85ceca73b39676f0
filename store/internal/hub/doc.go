// Package hub hands what happens in a store to those of this process who asked: watchers of rooms and subscribers of topics.
//
// Every backend has one. What comes from other nodes enters through the same two doors (Grown, Deliver) as what is local. Nothing here
// waits for a watcher or a subscriber: a watcher's rooms are coalesced into a map, a subscriber has a queue, and when either is full it is told that
// it has missed something ("look at all", nil) instead. It is not the network between nodes, and keeps nothing.
package hub
