package protocol

// Codes of the WebSocket close frame (RFC 6455 §7.4.2: 4000 to 4999 are the application's). They tell a client how to come
// back; a socket that ends in any other way, without a close frame in particular, means CloseResume.
const (
	CloseResume = 4000 // come back with resume, at once and then with growing pauses
	CloseRejoin = 4001 // the seat is gone: come back with join, if at all
	CloseStay   = 4002 // do not come back by yourself: the user has left, was refused, or sits in another tab
)
