// Package webhook tells another server, by HTTP POST, what happens in rooms.
//
//	room ─ Observe ─▶ queue (bounded, in memory) ─ 4 senders ─▶ receiver
//	                     ▲                             │ no 2xx
//	                     └── later, with jitter ───────┘
//
// A delivery is signed as in the Standard Webhooks specification (auth.SignWebhook). It is repeated until the receiver answers 2xx, or for Options.GiveUp, so
// a receiver may get one twice and acts on each id once. The id is made of the event, so servers that share a store send the same one. Order is not
// promised: seq tells it. What waits is lost when the process is killed, and beyond Options.Queue; the room's log has it all the same.
//
// Observe only queues: no receiver, however slow or dead, is felt by a room. Receivers are the operator's choice, so addresses in private networks are as good
// as others; redirects are not followed, so a receiver cannot choose another.
package webhook
