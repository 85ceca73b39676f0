// Package api is the REST admin API under /api/v1: programs list rooms, look into them, keep order, write to the chat and read what happened.
//
//	request ─ rate per address ─ bearer token ─ the token's rooms, the policy table ─ strict body ─▶ Rooms ─▶ answer
//
// It is a thin shell: what an act means is decided in signaling/room like a participant's command, by the same policy table, and what a value
// may be is decided by signaling/protocol. The package turns HTTP into these and their refusals into statuses.
//
// Every request but that for the document needs a join token with the grant admin. Its bearer may do everything in the rooms that the token is for
// and nothing in others, not even learn which there are. Nothing here is for pages: there are no cookies and no CORS headers.
//
// The routes are one table (routes.go), openapi.yaml describes them, and a test holds the two and every answer of the other tests together.
package api
