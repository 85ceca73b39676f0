// Package web serves the app that people see: the bundle of web/app, embedded, with the headers that keep it honest.
//
//	/               the home page: name a room
//	/r/{room}       the same page; the script reads the room from the address
//	/send           the same page, to send files; /send/{room} to receive them
//	/assets/…       scripts and styles, named by their content, cached for ever
//	/brand.css      the operator's accent colour as custom properties
//	/brand/logo     the operator's logo, when there is one
//	anything else   a page that says so, with status 404
//
// The bundle in dist is built by "go generate ./web" (program web/build, esbuild through its Go API) and committed, so
// that a server is built with Go alone. A test fails when dist is older than what it was built from.
//
// Everything is compressed once, when the Handler is made; a request costs a map lookup and a write. No page has inline
// script or style: the Content-Security-Policy allows none.
//
// It is not the API: /ws, /whip and /whep belong to package signaling, and cmd puts both behind one address.
package web
