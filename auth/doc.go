// Package auth says who may enter a room, what they may do in it, and who may use the relay.
//
//	join token        a JWT (RFC 7519) naming a room, an identity, a role and grants; Sign, Signer, Keyring.Verify
//	invite            a short token for a link, with a role, an expiry and a number of uses; MintInvite, OpenInvite
//	policy            one table of roles × actions; May
//	room password     Argon2id; HashPassword, CheckPassword
//	webhook           HMAC over what the server tells others; SignWebhook, VerifyWebhook
//	TURN credential   a username "<unix expiry>:<user>" and an HMAC-SHA1 of it, as in the TURN REST draft
//	                  (draft-uberti-behave-turn-rest-00); TURNCredentials, TURNPassword, ParseTURNUsername
//
// A token is signed with a secret that the server shares (HS256), or with a private key that it never sees (RS256, ES256, EdDSA), of
// which it has the public one in a file or from a JWKS URL; package auth/verifier fetches those. The algorithm in a token only chooses among
// kinds of keys, so neither "none" nor a public key taken for an HMAC secret gets in, and nothing else in its header is
// followed: no URL, no embedded key. Several secrets and keys may be valid at once; that is how they are rotated.
//
// Role and grants are two questions. The role is what somebody is in the room, and can be changed there; grants are what the token allows. An act
// needs both.
//
// The package is pure: time and randomness are arguments, and nothing is kept between calls. RS256 and ES256 signatures draw on randomness
// inside the library.
package auth
