// Command sfu is Confab: the web app, signaling, the SFU and the TURN relay in one process with two ports.
//
// The files, in the order of a start:
//
//	main.go       the process: arguments, signals and output in, exit code out
//	root.go       the commands; serve is the default
//	config.go     every option of serve
//	listen.go     the sockets, and what to do when one cannot be had
//	serve.go      the parts, made and introduced to each other
//	ice.go        which STUN and TURN addresses a client is told
//	banner.go     the link to open, and who will be able to use it
//	lifecycle.go  running until a signal, draining, ending
//	admin.go      the admin API and webhooks
//	token.go      join tokens from the command line
//	room.go       the admin API from the command line, with roompeople.go and roomclient.go
//
// Only this package reads configuration; parts get small Options.
package main
