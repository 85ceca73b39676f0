// Package auth says who may enter a room and who may use the relay.
//
// Two credentials exist, and one secret signs both:
//
//	join token        a JWT (RFC 7519, HS256, audience "confab") naming a room, an identity and grants; Sign, Verify
//	TURN credential   a username "<unix expiry>:<user>" and an HMAC-SHA1 of it, as in the TURN REST draft
//	                  (draft-uberti-behave-turn-rest-00); TURNCredentials, TURNPassword, ParseTURNUsername
//
// The algorithm is fixed by the verifier and never read from the token, so neither "none" nor a public key taken for an
// HMAC secret gets in. Several secrets may be valid at once: the first signs, all verify; that is how they are rotated.
//
// The package is pure: time is an argument, randomness is not needed, and nothing is kept between calls.
package auth
